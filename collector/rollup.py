"""Facts to derived tables: keeps model_month and the share tables current, and counts any other window.

Store → measure → store. Knows the order in which things are worked out; knows no SQL, no file and no clock. Everything
it writes can be dropped and rebuilt to the same bytes: a fingerprint of what went in tells when that is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from collector.measure import derivatives, shares
from collector.measure.groups import group_shares
from collector.measure.spans import Spans, part_in
from collector.measure.sums import Heading
from collector.measure.windows import Growth, flag_names, growth, in_window
from collector.model import (
    ATTRIBUTIONS,
    DAY,
    NOT_ATTRIBUTED,
    Attribution,
    CountryGroup,
    Scope,
    Window,
    from_seconds,
    month_of,
    months_between,
    previous_window,
    publisher_of,
)
from collector.origins.knowledge import Knowledge
from collector.rooting import refresh_origins, root_rows
from collector.store import calendar, marks
from collector.store import readings as facts
from collector.store.database import Database
from collector.store.derived import Derived, MonthBuild
from collector.store.queries import Hub

RULES = "1"  #: rises with every change of the counting rules, so that no derived row outlives them
ESTIMATE_REACH = 30 * DAY  # a first reading speaks of so much time before it


@dataclass(frozen=True, slots=True)
class Counted:
    """What the models of a hub did in a window, before anything is said of origins.

    `rows`, one for each model with downloads, corrections or flags: model_id, model, publisher, pipeline_tag,
    created_at, downloads, estimated, corrections, covered, flags.
    """

    rows: pd.DataFrame
    covered: float  #: the largest part of the window that any model's readings back
    open_falls: int  #: falls and jumps that touch the window and are not judged for good


@dataclass(frozen=True, slots=True)
class WindowModels:
    """What shares are worked out from: the tables `models` and `roots` that `collector.measure.shares` describes."""

    window: Window
    models: pd.DataFrame
    roots: pd.DataFrame  #: of `models` and `created`; also `unknown`: why a root is ZZ, "" where it is not
    created: pd.DataFrame  #: the models created in the window, as `collector.measure.derivatives` describes
    status: str  #: final or provisional
    developers: Mapping[str, str]  #: country of each family's developer on the window's last day


# --- keeping the derived tables current -------------------------------------------------------------------------------


def refresh(db: Database, hub: Hub, knowledge: Knowledge, scopes: tuple[Scope, ...]) -> list[str]:
    """Bring every derived table of the hub up to date; returns the months whose shares were rebuilt, in order."""
    refresh_registry(db, hub, knowledge)
    refresh_origins(db, hub, knowledge)
    rebuilt = []
    previous: WindowModels | None = None
    for month in known_months(db, hub):
        _refresh_month(db, hub, month)
        mark = _shares_mark(db, hub, month, knowledge, scopes)
        if marks.mark_of(db, hub.id, marks.shares_of(month)) == mark:
            previous = None
            continue
        before = previous or window_models(db, hub, previous_window(month), knowledge)
        this = window_models(db, hub, month, knowledge)
        tables = share_tables(hub.name, this, before, scopes, knowledge)
        Derived(db).replace_shares(hub.name, month.label, tables)
        marks.set_mark(db, hub.id, marks.shares_of(month), mark)
        rebuilt.append(month.label)
        previous = this
    return rebuilt


def known_months(db: Database, hub: Hub) -> list[Window]:
    """The months of which the hub's readings say something, up to its last complete poll or last imported day."""
    first, last = calendar.reach(db, hub.id)
    if first is None or last is None:
        return []
    return months_between(first - ESTIMATE_REACH, max(first, last) + 1)


def refresh_registry(db: Database, hub: Hub, knowledge: Knowledge) -> None:
    """Load the registry into the database when it is another than the one loaded last."""
    registry = knowledge.registry
    if marks.mark_of(db, hub.id, "registry") != registry.digest:
        Derived(db).replace_registry([asdict(row) for row in registry.rows], knowledge.countries)
        marks.set_mark(db, hub.id, "registry", registry.digest)


def _refresh_month(db: Database, hub: Hub, month: Window) -> None:
    mark = _month_mark(db, hub, month)
    built = Derived(db).month_build(hub.id, _month_number(month))
    if built is None or built.fingerprint != mark:
        counted, rows = _count(db, hub, month)
        build = MonthBuild(mark, counted.covered, counted.open_falls)
        Derived(db).replace_month(hub.id, _month_number(month), rows, build)


def _month_mark(db: Database, hub: Hub, month: Window) -> str:
    return marks.digest(RULES, marks.facts_fingerprint(db, hub.id, month))


def _shares_mark(db: Database, hub: Hub, month: Window, knowledge: Knowledge, scopes: tuple[Scope, ...]) -> str:
    """What the shares of a month are worked out from, but for the roots: those who write these forget the mark."""
    both = (month, previous_window(month))
    facts_of_both = [_month_mark(db, hub, each) for each in both]
    models = [marks.models_fingerprint(db, hub.id, _month_number(each), each) for each in both]
    known = (knowledge.registry.digest, knowledge.lineage_digest, knowledge.countries, _written(knowledge.groups))
    return marks.digest(*facts_of_both, *models, *known, _written(scopes))


def _written(rules: Sequence[Scope] | Sequence[CountryGroup]) -> list[list[object]]:
    """The rules as text that is the same in every process: the order of a set is not."""
    return [[sorted(part) if isinstance(part, frozenset) else part for part in astuple(rule)] for rule in rules]


def _month_number(month: Window) -> int:
    first = from_seconds(month.start)
    return first.year * 100 + first.month


# --- any window -----------------------------------------------------------------------------------------------------


def window_models(db: Database, hub: Hub, window: Window, knowledge: Knowledge) -> WindowModels:
    """What the hub's models did in the window, and whose they are: from the derived tables where these are current."""
    counted = count(db, hub, window)
    as_of = facts.as_of(db, hub.id)
    over = as_of is not None and as_of >= window.end
    final = over and counted.covered >= 1 and counted.open_falls == 0
    return attributed(db, hub, counted.rows, window, "final" if final else "provisional", knowledge)


def trailing_models(db: Database, hub: Hub, poll: facts.PollAt, knowledge: Knowledge) -> WindowModels:
    """The hub's own last 30 days as that poll read them: nothing in them is known to be measured."""
    window = trailing_window(poll)
    listed = facts.trailing(db, poll.id)
    known = facts.models(db, hub.id, window)
    rows = pd.DataFrame({"model_id": listed.model_id, "downloads": listed.downloads_30d.astype(float)})
    rows = rows[rows["downloads"] > 0].assign(estimated=np.nan, corrections=0, covered=1.0, flags="")
    accounts = pd.DataFrame({"model_id": known.model_id, "publisher_id": known.publisher_id})
    rows = marks.described(db, hub.id, rows.merge(accounts, on="model_id")).rename(columns={"name": "model"})
    return attributed(db, hub, rows, window, "final", knowledge)


def trailing_window(poll: facts.PollAt) -> Window:
    """The 30 days before a poll."""
    label = f"trailing-{from_seconds(poll.started_at).date().isoformat()}"
    return Window(poll.started_at - ESTIMATE_REACH, poll.started_at, label)


def count(db: Database, hub: Hub, window: Window) -> Counted:
    """What each model did in the window: from model_month where that is current, else from the readings."""
    if window == month_of(window.start):
        built = Derived(db).month_build(hub.id, _month_number(window))
        if built is not None and built.fingerprint == _month_mark(db, hub, window):
            rows = Derived(db).month_rows(hub.id, _month_number(window)).rename(columns={"name": "model"})
            return Counted(rows, built.covered, built.open_falls)
    counted, rows = _count(db, hub, window)
    return replace(counted, rows=marks.described(db, hub.id, rows).rename(columns={"name": "model"}))


def _count(db: Database, hub: Hub, window: Window) -> tuple[Counted, pd.DataFrame]:
    """The measure of a window, and its rows with publisher_id, as model_month keeps them."""
    models = facts.models(db, hub.id, window)
    polls = facts.polls(db, hub.id)
    as_of = facts.as_of(db, hub.id)
    grown = in_window(facts.readings(db, hub.id, window), models, polls, window, -1 if as_of is None else as_of)
    some = (grown.downloads > 0) | (grown.corrections != 0) | (grown.flags != 0)
    rows = pd.DataFrame(
        {
            "model_id": models.model_id[some],
            "publisher_id": models.publisher_id[some],
            "downloads": grown.downloads[some],
            "estimated": grown.estimated[some],
            "corrections": grown.corrections[some],
            "covered": grown.covered[some],
            "flags": [" ".join(flag_names(int(flags))) for flags in grown.flags[some]],
        }
    )
    covered = float(grown.covered.max()) if len(grown.covered) else 0.0
    return Counted(rows, covered, grown.open_falls), rows


def attributed(
    db: Database, hub: Hub, rows: pd.DataFrame, window: Window, status: str, knowledge: Knowledge
) -> WindowModels:
    """The rows with uploaders and roots, as the registry has them on the window's last day."""
    registry, day = knowledge.registry, window.last_day
    roots = root_rows(db, hub, knowledge)
    listed_by = facts.last_start_that_matters(db, hub.id, window)
    created = Derived(db).created_models(hub.id, window, listed_by)
    roots = roots[roots["model_id"].isin({*rows["model_id"], *created["model_id"]})]
    first = roots.drop_duplicates("model_id").set_index("model_id")
    uploaders = {name: registry.row(hub.name, name, day) for name in rows["publisher"].unique()}
    origins = rows["publisher"].map(uploaders.get)
    models = _lined(rows, first).assign(
        organisation=[row.organisation if row else "" for row in origins],
        kind=[row.kind if row else "" for row in origins],
        country_publisher=[row.country if row else NOT_ATTRIBUTED for row in origins],
        family=rows["model_id"].map(first["family"]),
    )
    return WindowModels(
        window,
        models.reset_index(drop=True),
        _with_countries(hub, _as_of(roots, rows), knowledge, day),
        _lined(created, first),
        status,
        _developers(hub, knowledge, day),
    )


def _lined(models: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """The models with basis and relation of their lineage."""
    return models.assign(
        basis=models["model_id"].map(first["basis"]).fillna("self"),
        relation=models["model_id"].map(first["relation"]),
    )


def _as_of(roots: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The roots under the accounts that they lived under on the window's last day: a later transfer changes no past."""
    moved = rows[rows["publisher"] != rows["model"].map(publisher_of)]
    then = dict(zip(moved["model"], moved["publisher"], strict=True))
    now = zip(roots["root_name"], roots["root_publisher"], strict=True)
    return roots.assign(root_publisher=[then.get(name, account) for name, account in now]) if then else roots


def _with_countries(hub: Hub, roots: pd.DataFrame, knowledge: Knowledge, day: date) -> pd.DataFrame:
    """The roots with the country of their publishers on the day; of those that are ZZ also why."""
    makers = {name: knowledge.registry.row(hub.name, name, day) for name in roots["root_publisher"].unique()}
    resolved = roots["basis"] != "none"
    countries = {name: row.country if row else NOT_ATTRIBUTED for name, row in makers.items()}
    reasons = {name: shares.why_unknown(row.country if row else None) for name, row in makers.items()}
    found = roots.assign(
        country=roots["root_publisher"].map(countries).where(resolved, NOT_ATTRIBUTED),
        unknown=roots["root_publisher"].map(reasons).where(resolved, shares.UNRESOLVED),
    )
    return found[["model_id", "root_publisher", "country", "weight", "family", "unknown"]].reset_index(drop=True)


def _developers(hub: Hub, knowledge: Knowledge, day: date) -> dict[str, str]:
    """Country of the developer of every known family on a day."""
    registry = knowledge.registry
    return {family.name: registry.country(hub.name, family.publisher, day) for family in knowledge.families.all}


def growth_of(db: Database, hub: Hub, model_ids: Sequence[int], window: Window) -> Growth:
    """The growth of a few models over all their readings; `window` says whose accounts and which day are asked for."""
    models, as_of = facts.models(db, hub.id, window), facts.as_of(db, hub.id)
    few = facts.readings_of_models(db, hub.id, model_ids)
    return growth(few, models, facts.polls(db, hub.id), -1 if as_of is None else as_of)


def daily_downloads(grown: Growth, model_ids: Sequence[int], first: int, end: int) -> pd.DataFrame:
    """model_id, day, downloads of each day from `first` until `end` (both 00:00 UTC, Unix seconds).

    NaN on days that the cumulative counter of the model does not back.
    """
    wanted = np.array(sorted(model_ids), np.int64)
    days = range(first, end, DAY)
    tables = [_one_day(grown.spans, wanted, Window(day, day + DAY, str(day))) for day in days]
    empty = pd.DataFrame({"model_id": [], "day": [], "downloads": []})
    return pd.concat(tables, ignore_index=True) if tables and len(wanted) else empty


def _one_day(spans: Spans, wanted: NDArray[np.int64], day: Window) -> pd.DataFrame:
    downloads = np.zeros(len(wanted))
    np.add.at(downloads, np.searchsorted(wanted, spans.model_id), part_in(spans.downloads, spans, day))
    known = np.full(len(wanted), True)
    begin = np.full(len(wanted), np.iinfo(np.int64).max)
    np.minimum.at(begin, np.searchsorted(wanted, spans.model_id), spans.start)
    known &= begin <= day.start
    return pd.DataFrame({"model_id": wanted, "day": day.start, "downloads": np.where(known, downloads, np.nan)})


# --- shares ---------------------------------------------------------------------------------------------------------


def share_tables(
    hub: str, this: WindowModels, before: WindowModels, scopes: tuple[Scope, ...], knowledge: Knowledge
) -> dict[str, pd.DataFrame]:
    """The published share tables of a window, by table name: every scope, both attributions."""
    names = ("country_share", "family_share", "publisher_share", "group_share", "derivative_share")
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in names}
    for scope in scopes:
        heading = Heading(hub, this.window.label, scope.name)
        now, then = scoped(this, scope), scoped(before, scope)
        for attribution in ATTRIBUTIONS:
            countries, groups = _country_tables(now, then, heading, attribution, knowledge)
            parts["country_share"].append(countries)
            parts["group_share"].append(groups)
        parts["family_share"].append(
            shares.family_shares(
                shares.family_parts(now.models, now.roots, now.developers),
                heading,
                previous=shares.family_portions(shares.family_parts(then.models, then.roots, then.developers)),
            )
        )
        parts["publisher_share"].append(shares.publisher_shares(now.models, heading))
        parts["derivative_share"].append(_derivative_table(now, then, heading))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def scoped(models: WindowModels, scope: Scope) -> WindowModels:
    """Only the models that count in the scope."""
    return replace(
        models,
        models=models.models[shares.in_scope(models.models, scope)],
        created=models.created[shares.in_scope(models.created, scope)],
    )


def roots_by(models: WindowModels, attribution: Attribution) -> pd.DataFrame:
    """The roots under an attribution."""
    return models.roots if attribution == "base" else shares.publisher_roots(models.models)


def _country_tables(
    now: WindowModels, then: WindowModels, heading: Heading, attribution: Attribution, knowledge: Knowledge
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """By country, and by group of countries."""
    parts = shares.country_parts(now.models, roots_by(now, attribution))
    before = shares.country_portions(shares.country_parts(then.models, roots_by(then, attribution)))
    countries = shares.country_shares(
        parts, heading, attribution=attribution, status=now.status, names=knowledge.countries, previous=before
    )
    groups = group_shares(parts, heading, knowledge.groups, attribution=attribution, status=now.status, previous=before)
    return countries, groups


def _derivative_table(now: WindowModels, then: WindowModels, heading: Heading) -> pd.DataFrame:
    before = derivatives.derivative_portions(derivatives.derivative_parts(then.models, then.roots))
    return derivatives.derivative_shares(now.models, now.created, now.roots, heading, previous=before)

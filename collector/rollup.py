"""Facts to derived tables: keeps model_month and the share tables current, and counts any other window.

Store → measure → store. Knows the order in which things are worked out; knows no SQL, no file and no clock. Everything
it writes can be dropped and rebuilt to the same bytes: a fingerprint of what went in tells when that is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from collector.measure import derivatives, shares
from collector.measure.groups import group_shares
from collector.measure.spans import FIRST, Spans, part_in
from collector.measure.sums import Heading
from collector.measure.windows import Growth, WindowGrowth, covered_part, flag_names, growth, in_window
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
from collector.series import Bools, Ints
from collector.store import calendar, lineages, marks, months, sums
from collector.store import readings as facts
from collector.store.database import Database
from collector.store.derived import Derived
from collector.store.months import Month, MonthBuild, MonthRow
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
    # Before the list is struck off: whoever is new or described anew may belong to other scopes.
    Derived(db).forget_shares(hub.id, lineages.todo(db, hub.id).model_ids)
    refresh_origins(db, hub, knowledge)
    rebuilt = []
    previous: WindowModels | None = None
    for month in known_months(db, hub):
        refresh_month(db, hub, month)
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


def refresh_month(db: Database, hub: Hub, month: Window) -> None:
    """Bring the rows of a month up to date: by what came since where that only adds to it, else from nothing.

    A poll may be under way. What it brings after `last` and `mark` were looked up is not said to be taken in: a later
    poll is left out, and a page of one of these changes the mark, so that the month is worked out from nothing.
    """
    last = marks.last_poll(db, hub.id, month)
    mark = _month_mark(db, hub, month, last)
    built = months.month_build_of(db, hub.id, _month_number(month))
    if built is not None and _stands(db, hub, month, built):
        if last <= built.last_poll_id:
            if built.covered < 1:  # a model that was not seen for long may be seen again, unchanged
                months.set_covered(db, hub.id, _month_number(month), _covered(db, hub, month))
            return
        if sums.is_in_order(db, hub.id, built.last_poll_id):
            months.add_to_month(db, _month(db, hub, month, (built.last_poll_id, last), mark))
            months.set_covered(db, hub.id, _month_number(month), _covered(db, hub, month))
            return
    months.build_month(db, _month(db, hub, month, (0, last), mark))
    months.set_covered(db, hub.id, _month_number(month), _covered(db, hub, month))


def _stands(db: Database, hub: Hub, month: Window, built: MonthBuild) -> bool:
    """Whether the rows are what the polls that they take in say now."""
    return built.fingerprint == _month_mark(db, hub, month, built.last_poll_id)


def _month(db: Database, hub: Hub, month: Window, polls: tuple[int, int], mark: str) -> Month:
    """What polls numbered above the first up to the second put into a month."""
    after, last = polls
    grown = _grown(db, hub, month, polls)
    renamed = facts.models(db, hub.id, month, facts.renamed(db, hub.id, month, after))
    judged: dict[int, MonthRow | None] = dict.fromkeys(grown.judged.model_id.tolist())
    shown = _with_figures(grown.firsts) | grown.backed_later
    return Month(
        hub.id,
        _month_number(month),
        MonthBuild(mark, last, mark, 0.0, grown.judged.open_falls),
        sums.plain(hub.id, month, polls),
        list(_month_rows(grown.firsts, grown.accounts_of_firsts, month, shown)),
        judged | {row.model_id: row for row in _month_rows(grown.judged, grown.accounts_of_judged, month)},
        dict(zip(renamed.model_id.tolist(), renamed.publisher_id.tolist(), strict=True)),
    )


def _month_rows(grown: WindowGrowth, accounts: Ints, month: Window, which: Bools | None = None) -> Iterator[MonthRow]:
    """The models with figures (or `which`) as rows of the month."""
    chosen = np.flatnonzero(_with_figures(grown) if which is None else which)
    columns = (accounts, grown.downloads, grown.estimated, grown.corrections, grown.covered_from, grown.tiled_seconds)
    values = (column[chosen].tolist() for column in (grown.model_id, *columns, grown.flags))
    for model_id, account, downloads, estimated, corrections, covered_from, tiled, flags in zip(*values, strict=True):
        begins = None if covered_from <= month.start else covered_from
        names = " ".join(flag_names(flags)) or None
        yield MonthRow(model_id, account, downloads, estimated, corrections, begins, tiled, names)


def _with_figures(grown: WindowGrowth) -> Bools:
    """Which models have downloads, corrections or something to know; that it was first seen is none of these."""
    some: Bools = (grown.downloads > 0) | (grown.corrections != 0) | ((grown.flags & ~FIRST) != 0)
    return some


def _covered(db: Database, hub: Hub, month: Window) -> float:
    """The largest part of the month that any model's readings back."""
    last, others = months.month_reach(db, hub.id, _month_number(month))
    whole = 0.0 if last is None else min(max(last - month.start, 0) / month.seconds, 1.0)
    if not others:
        return whole
    covered_from, tiled, seen_at, listed = (np.array(column) for column in zip(*others, strict=True))
    gone = facts.gone(db, hub.id, listed, seen_at)
    return max(whole, float(covered_part(covered_from, tiled, seen_at, gone, month).max()))


def _month_mark(db: Database, hub: Hub, month: Window, last_poll_id: int) -> str:
    return marks.digest(RULES, marks.facts_fingerprint(db, hub.id, month, last_poll_id))


def _shares_mark(db: Database, hub: Hub, month: Window, knowledge: Knowledge, scopes: tuple[Scope, ...]) -> str:
    """What a month's shares are worked out from, but for roots, names and tasks: when these change, it is forgotten."""
    both = (month, previous_window(month))
    facts_of_both = [_content(db, hub, each) for each in both]
    known = (knowledge.registry.digest, knowledge.lineage_digest, knowledge.countries, _written(knowledge.groups))
    return marks.digest(*facts_of_both, *known, _written(scopes))


def _content(db: Database, hub: Hub, month: Window) -> object:
    """What changes whenever the rows of a month, or how final they are, change."""
    built = months.month_build_of(db, hub.id, _month_number(month))
    return None if built is None else (built.content, built.covered, built.open_falls, _is_over(db, hub, month))


def _is_over(db: Database, hub: Hub, window: Window) -> bool:
    as_of = facts.as_of(db, hub.id)
    return as_of is not None and as_of >= window.end


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
    final = _is_over(db, hub, window) and counted.covered >= 1 and counted.open_falls == 0
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
        built = months.month_build_of(db, hub.id, _month_number(window))
        current = built is not None and marks.last_poll(db, hub.id, window) <= built.last_poll_id
        if built is not None and current and _stands(db, hub, window, built):
            rows = Derived(db).month_rows(hub.id, _month_number(window)).rename(columns={"name": "model"})
            return Counted(_backed(db, hub, rows, window), built.covered, built.open_falls)
    return _count(db, hub, window)


def _backed(db: Database, hub: Hub, rows: pd.DataFrame, window: Window) -> pd.DataFrame:
    """The rows of a month with the part of it that each model's readings back."""
    listed, seen_at = rows["listed_poll_id"].to_numpy(), rows["seen_at"].to_numpy()
    gone = facts.gone(db, hub.id, listed, seen_at)
    tiled = rows["tiled_seconds"].to_numpy()
    rows["covered"] = covered_part(rows["covered_from"].to_numpy(), tiled, seen_at, gone, window)
    return rows.drop(columns=["covered_from", "tiled_seconds", "seen_at", "listed_poll_id"])


@dataclass(frozen=True, slots=True)
class _Grown:
    """What is no mere sum of a window: judged models, and first sightings of the others."""

    judged: WindowGrowth
    accounts_of_judged: Ints  #: on the window's last day, as all accounts here
    firsts: WindowGrowth
    accounts_of_firsts: Ints
    backed_later: Bools  #: first sightings after which more of the window can follow


def _grown(db: Database, hub: Hub, window: Window, polls: tuple[int, int] = sums.ALL) -> _Grown:
    """The same for first sightings by polls numbered above the first up to the second."""
    basis = sums.basis(db, hub.id, window, polls)
    known, as_of = facts.polls(db, hub.id), facts.as_of(db, hub.id)
    until = -1 if as_of is None else as_of
    judged = facts.models(db, hub.id, window, basis.judged)
    firsts = facts.models(db, hub.id, window, np.unique(basis.firsts.model_id))
    begun = np.isin(firsts.model_id, basis.firsts.model_id[basis.firsts.at < window.end])
    of_firsts = in_window(basis.firsts, firsts, known, window, until)
    return _Grown(
        in_window(basis.of_judged, judged, known, window, until),
        judged.publisher_id,
        of_firsts,
        firsts.publisher_id,
        begun & (of_firsts.covered_from > window.start),
    )


def _count(db: Database, hub: Hub, window: Window) -> Counted:
    """The measure of a window from the readings."""
    grown = _grown(db, hub, window)
    model_ids, downloads = sums.plain_sums(db, hub.id, window)
    plain = ~np.isin(model_ids, grown.judged.model_id)
    parts = [_figures(grown.judged), _figures(grown.firsts)]
    parts.append(pd.DataFrame({"model_id": model_ids[plain], "downloads": downloads[plain].astype(np.float64)}))
    rows = pd.concat(parts, ignore_index=True).fillna(0)
    # First sightings come before what grew after them: since when readings back the window, they say.
    rows = rows.groupby("model_id", sort=True, as_index=False).agg(_TOGETHER)
    known = facts.models(db, hub.id, window, rows["model_id"].to_numpy())
    flags, covered_from = rows["flags"].to_numpy(dtype=np.int64), rows["covered_from"].to_numpy(dtype=np.int64)
    covered = covered_part(covered_from, rows["tiled_seconds"].to_numpy(), known.seen_at, known.gone, window)
    rows = rows.assign(publisher_id=known.publisher_id, covered=covered)
    some = (rows["downloads"] > 0) | (rows["corrections"] != 0) | ((flags & ~FIRST) != 0)
    rows = rows.assign(flags=[" ".join(flag_names(each)) for each in flags.tolist()]).drop(columns=_TO_BACK)
    described = marks.described(db, hub.id, rows[some]).rename(columns={"name": "model"})
    return Counted(described, float(covered.max()) if len(covered) else 0.0, grown.judged.open_falls)


_TOGETHER = {
    **dict.fromkeys(("downloads", "estimated", "corrections", "tiled_seconds"), "sum"),
    **dict.fromkeys(("covered_from", "flags"), "max"),
}
_TO_BACK = ["covered_from", "tiled_seconds"]


def _figures(grown: WindowGrowth) -> pd.DataFrame:
    names = ("model_id", *_TOGETHER)
    return pd.DataFrame({name: getattr(grown, name) for name in names})


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

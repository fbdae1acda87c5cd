"""The models of a window, and of the one before it, to everything that is published of their shares.

Knows which figures there are, and how they are kept; knows no SQL, no file and no clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from collector.columns import COUNTRY_SHARE, DERIVATIVE_SHARE, FAMILY_SHARE, GROUP_SHARE
from collector.counting import daily_downloads, growth_of
from collector.looking import Look, look, month_number
from collector.measure import derivatives, shares
from collector.measure.exact import millionths
from collector.measure.groups import group_parts, group_shares
from collector.measure.models import Account, Accounts, Models, in_scope
from collector.measure.movers import BEHIND, movers
from collector.measure.movers import COLUMNS as MOVERS
from collector.measure.ranking import listed, names_among
from collector.measure.rows import Columns, Heading, table_of
from collector.measure.shares import AllModels, Concentration, PublisherRows
from collector.measure.spikes import DAYS_BEFORE, NO_DAYS, Daily, burst_candidates, days_of, spike_rows, with_large_days
from collector.measure.standings import LARGEST_MODELS, LISTED, country_sums, largest_models
from collector.measure.sums import Parts, Tally, cells_of, tallies
from collector.model import ATTRIBUTIONS, Attribution, CountryGroup, Scope, Window, previous_window
from collector.origins.knowledge import Knowledge
from collector.owning import WindowModels
from collector.series import Ints
from collector.store import figures, lineages, marks, publishers, waiting
from collector.store.database import Database
from collector.store.derived import Derived, plain_values
from collector.store.queries import Hub


@dataclass(frozen=True, slots=True)
class ScopeModels:
    """The models of a window that count in a scope, added up by their roots."""

    scope: Scope
    window: WindowModels  #: all its models
    countries: Mapping[Attribution, Parts]

    @property
    def base(self) -> Tally:
        """By the ends of their lineages."""
        return self.countries["base"].tally


def scoped(window: WindowModels, scopes: Sequence[Scope]) -> list[ScopeModels]:
    """The models that count in each of the scopes; all are added up once."""
    cells = cells_of(window.models, scopes)
    counted = {}
    for attribution in ATTRIBUTIONS:
        first, *others = tallies(cells, attribution)
        countries = shares.country_parts(first)
        counted[attribution] = [countries, *(countries.among(tally) for tally in others)]
    return [
        ScopeModels(scope, window, {attribution: parts[place] for attribution, parts in counted.items()})
        for place, scope in enumerate(scopes)
    ]


def share_tables(
    hub: str, this: Sequence[ScopeModels], before: Sequence[ScopeModels], knowledge: Knowledge
) -> dict[str, pd.DataFrame]:
    """The published share tables of a window but that of the accounts, by table name: every scope, both attributions.

    `this` and `before` are the window and the one before it, a place for each scope.
    """
    rows = {
        COUNTRY_SHARE: _country_rows(hub, this, before, knowledge),
        FAMILY_SHARE: _family_rows(hub, this, before),
        GROUP_SHARE: _group_rows(hub, this, before, knowledge),
        DERIVATIVE_SHARE: _derivative_rows(hub, this, before),
    }
    names = this[0].window.models.names
    return {file.table: table_of(file, each, names) for file, each in rows.items()}


def _heading(hub: str, now: ScopeModels) -> Heading:
    return Heading(hub, now.window.window.label, now.scope.name)


def _country_rows(
    hub: str, this: Sequence[ScopeModels], before: Sequence[ScopeModels], knowledge: Knowledge
) -> list[Columns]:
    return [
        shares.country_shares(
            now.countries[attribution],
            _heading(hub, now),
            attribution=attribution,
            status=now.window.status,
            names=knowledge.countries,
            previous=shares.country_portions(then.countries[attribution]),
        )
        for now, then in zip(this, before, strict=True)
        for attribution in ATTRIBUTIONS
    ]


def _group_rows(
    hub: str, this: Sequence[ScopeModels], before: Sequence[ScopeModels], knowledge: Knowledge
) -> list[Columns]:
    groups = {each: group_parts(this[0].countries[each].tally, knowledge.groups) for each in ATTRIBUTIONS}
    return [
        group_shares(
            groups[attribution].among(now.countries[attribution].tally),
            now.countries[attribution],
            _heading(hub, now),
            knowledge.groups,
            attribution=attribution,
            status=now.window.status,
            previous=shares.country_portions(then.countries[attribution]),
        )
        for now, then in zip(this, before, strict=True)
        for attribution in ATTRIBUTIONS
    ]


def _family_rows(hub: str, this: Sequence[ScopeModels], before: Sequence[ScopeModels]) -> list[Columns]:
    ours, theirs = (shares.family_parts(each[0].base, each[0].window.developers) for each in (this, before))
    return [
        shares.family_shares(
            ours.among(now.base), _heading(hub, now), previous=shares.family_portions(theirs.among(then.base))
        )
        for now, then in zip(this, before, strict=True)
    ]


def _derivative_rows(hub: str, this: Sequence[ScopeModels], before: Sequence[ScopeModels]) -> list[Columns]:
    ours, theirs = (derivatives.derivative_parts(each[0].base) for each in (this, before))
    created = this[0].window.created
    return [
        derivatives.derivative_shares(
            ours.among(now.base),
            replace(created.base, of=created.base.of[in_scope(created, now.scope)]),
            _heading(hub, now),
            previous=derivatives.derivative_portions(theirs.among(then.base)),
        )
        for now, then in zip(this, before, strict=True)
    ]


# --- everything that is published of them -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Makeup:
    """What makes up the shares of countries and what moved them, in columns `scope`, `attribution` and those named."""

    sums: pd.DataFrame  #: as of `measure.standings.country_sums`
    largest: pd.DataFrame  #: `measure.standings.LARGEST_MODELS`
    movers: pd.DataFrame  #: `measure.movers.COLUMNS`: the models behind changes of share


@dataclass(frozen=True, slots=True)
class Figures:
    """What is published of a window's shares; shares are unrounded."""

    tables: Mapping[str, pd.DataFrame]  #: by name of the derived table, in published columns; not the accounts
    uploaded: Mapping[str, PublisherRows]  #: by scope
    accounts: Accounts  #: of which `uploaded` tells
    unquantised: Mapping[str, Mapping[str, float]]  #: by scope: base shares by country without quantised copies
    #: By scope and attribution: the part of all downloads that is not attributed, by reason.
    unknown: Mapping[tuple[str, Attribution], Mapping[str, float]]
    makeup: Makeup  #: of every scope under both attributions
    spikes: pd.DataFrame  #: rows of `quality.csv`
    models: AllModels
    publishers: Mapping[str, Concentration]  #: by scope


def figures_of(
    db: Database,
    hub: Hub,
    models: Models,
    now: Sequence[ScopeModels],
    then: Sequence[ScopeModels],
    knowledge: Knowledge,
    *,
    daily_known: bool = True,
) -> Figures:
    """The figures of a window with these models; `now` and `then` are it and the one before it, one for each scope."""
    unquantised = shares.unquantised_parts(now[0].base)
    unknown = {each: shares.unknown_parts(now[0].countries[each].tally) for each in ATTRIBUTIONS}
    uploaded = {each.scope.name: shares.publisher_rows(each.base) for each in now}
    return Figures(
        share_tables(hub.name, now, then, knowledge),
        uploaded,
        models.accounts,
        {each.scope.name: shares.country_portions(unquantised.among(each.base)) for each in now},
        {
            (each.scope.name, attribution): shares.unknown_portions(unknown[attribution].among(parts.tally))
            for each in now
            for attribution, parts in each.countries.items()
        },
        makeup_of(now, then),
        _spikes(db, hub, now, daily_known=daily_known),
        shares.all_models(models),
        {scope: shares.concentration(rows.share) for scope, rows in uploaded.items()},
    )


def makeup_of(now: Sequence[ScopeModels], then: Sequence[ScopeModels]) -> Makeup:
    """What makes up the shares and moved them, in every scope under both attributions."""
    cases = {
        (here.scope.name, attribution): (here.countries[attribution], there.countries[attribution])
        for here, there in zip(now, then, strict=True)
        for attribution in ATTRIBUTIONS
    }
    largest = dict(zip(cases, largest_models([this for this, _ in cases.values()]), strict=True))
    moved = dict(zip(cases, movers(list(cases.values())), strict=True))
    names = names_among(now[0].window.models, [*largest.values(), *moved.values()])
    return Makeup(
        country_sums(cases),
        listed(largest, LISTED, names, LARGEST_MODELS),
        listed(moved, BEHIND, names, MOVERS),
    )


def _spikes(db: Database, hub: Hub, now: Sequence[ScopeModels], *, daily_known: bool) -> pd.DataFrame:
    """The spikes of every scope under both attributions."""
    window = now[0].window.window
    cases = [
        (_heading(hub.name, each), attribution, parts) for each in now for attribution, parts in each.countries.items()
    ]
    if not daily_known:
        return spike_rows(cases, NO_DAYS)
    parts = [each for _, _, each in cases]
    # Of most candidates no day is that large: then the 28 days before need not be looked up, page by page of the file.
    few = with_large_days(_daily(db, hub, burst_candidates(parts), days_of(window)), parts)
    return spike_rows(cases, _daily(db, hub, few, days_of(window, DAYS_BEFORE)))


def _daily(db: Database, hub: Hub, model_ids: Ints, days: Window) -> Daily:
    if not len(model_ids):
        return NO_DAYS
    return daily_downloads(growth_of(db, hub, model_ids, days), model_ids, days)


# --- how they are kept ------------------------------------------------------------------------------------------------


def keep(db: Database, hub: Hub, month: Window, found: Figures, mark: str) -> None:
    """Stores the figures of a month under the mark of what they were worked out from."""
    tables = {name: _plain(table) for name, table in found.tables.items()}
    text = json.dumps(
        {
            "tables": tables,
            "unquantised": found.unquantised,
            "unknown": [[*key, parts] for key, parts in found.unknown.items()],
            "makeup": {name: _plain(getattr(found.makeup, name)) for name in Makeup.__slots__},
            "spikes": _plain(found.spikes),
            "models": astuple(found.models),
            "publishers": {scope: astuple(each) for scope, each in found.publishers.items()},
        }
    )
    Derived(db).replace_shares(hub.name, month.label, found.tables, text, _in_numbers(hub, month, found))
    marks.set_mark(db, hub.id, marks.shares_of(month), mark)
    waiting.restated(db, hub.id, month.label)


def kept(db: Database, hub: Hub, month: Window, knowledge: Knowledge, scopes: tuple[Scope, ...]) -> Figures | None:
    """The figures of a month as stored; None where these are not what facts, registry and scopes say now."""
    said = _kept(db, hub, month, knowledge, scopes, look(db, hub))
    if said is None:
        return None
    count, with_downloads, downloads, spread = said["models"]
    tables = {name: _table(rows) for name, rows in said["tables"].items()}
    stored = publishers.month_publishers(db, hub.id, month_number(month), [scope.name for scope in scopes])
    uploaded, accounts = _read_back(db, hub, stored)
    if not are_current(db, hub, month, knowledge, scopes, look(db, hub)):  # a roll-up came between
        return None
    return Figures(
        tables,
        uploaded,
        accounts,
        said["unquantised"],
        {(scope, attribution): parts for scope, attribution, parts in said["unknown"]},
        _makeup(said),
        _table(said["spikes"]),
        AllModels(count, with_downloads, downloads, _concentration(spread)),
        {scope: _concentration(each) for scope, each in said["publishers"].items()},
    )


def _in_numbers(hub: Hub, month: Window, found: Figures) -> publishers.MonthPublishers:
    """The accounts as they are stored."""
    numbers, known = found.accounts.numbers, found.accounts.known
    scopes = {
        scope: publishers.Uploaded(numbers[rows.account], rows.downloads, millionths(rows.share), rows.models)
        for scope, rows in found.uploaded.items()
    }
    shown = np.zeros(len(numbers), np.bool_)
    for each in found.uploaded.values():
        shown[each.account] = True
    rows = [
        publishers.Known(int(numbers[place]), each.organisation, each.country, each.kind)
        for place, each in known.items()
        if shown[place]
    ]
    return publishers.MonthPublishers(hub.id, month_number(month), scopes, rows)


def _read_back(db: Database, hub: Hub, stored: publishers.MonthPublishers) -> tuple[dict[str, PublisherRows], Accounts]:
    """The accounts of every scope as stored, with six places of their shares; and who they are."""
    numbers = np.flatnonzero(np.bincount(np.concatenate([rows.publisher_id for rows in stored.scopes.values()])))
    place_of = np.zeros(int(numbers.max(initial=0)) + 1, np.int64)
    place_of[numbers] = np.arange(len(numbers))
    scopes = {
        scope: PublisherRows(place_of[rows.publisher_id], rows.downloads, rows.share_millionths / 1e6, rows.models)
        for scope, rows in stored.scopes.items()
    }
    by_number = {each.publisher_id: each for each in stored.known}
    reviewed = np.array(sorted(by_number), np.int64)
    told = zip(reviewed.tolist(), figures.account_names(db, hub.id, reviewed), strict=True)
    known = {int(place_of[number]): _account(name, by_number[number]) for number, name in told}
    return scopes, Accounts(numbers, known, partial(figures.account_names, db, hub.id))


def _account(name: str, said: publishers.Known) -> Account:
    return Account(name, said.country, said.organisation, said.kind)


def _concentration(said: Sequence[Any]) -> Concentration:
    largest, *rest = said
    return Concentration(tuple(largest), *rest)


def kept_makeup(
    db: Database, hub: Hub, month: Window, knowledge: Knowledge, scopes: tuple[Scope, ...]
) -> tuple[Makeup, str] | None:
    """What makes up a month's shares, and whether they are final, as stored; None as of `kept`."""
    said = _kept(db, hub, month, knowledge, scopes, look(db, hub))
    if said is None or not are_current(db, hub, month, knowledge, scopes, look(db, hub)):  # a roll-up came between
        return None
    return _makeup(said), str(_table(said["tables"]["country_share"])["status"].iloc[0])  # ZZ is always a row


def _kept(
    db: Database, hub: Hub, month: Window, knowledge: Knowledge, scopes: tuple[Scope, ...], seen: Look
) -> dict[str, Any] | None:
    """What `keep` stored; None where this is not what facts, registry and scopes say now."""
    both = (month, previous_window(month))
    if lineages.has_todo(db, hub.id) or not all(_is_built(each, seen) for each in both):
        return None
    if not are_current(db, hub, month, knowledge, scopes, seen):
        return None
    said: dict[str, Any] = json.loads(Derived(db).month_figures(hub.name, month.label))
    return said


def _makeup(said: Mapping[str, Any]) -> Makeup:
    return Makeup(**{name: _table(rows) for name, rows in said["makeup"].items()})


def _is_built(month: Window, seen: Look) -> bool:
    """Whether the rows of a month are what the readings say now; a month of which they say nothing has none."""
    return seen.build(month) is None or seen.current_build(month) is not None


def are_current(
    db: Database, hub: Hub, month: Window, knowledge: Knowledge, scopes: tuple[Scope, ...], seen: Look
) -> bool:
    """Whether the figures of a month are stored as they would be worked out now."""
    with db.connect() as conn:
        waits = month.label in waiting.waiting(conn, hub.id)
    return not waits and rest_on_now(month, rules_mark(knowledge, scopes), seen)


def rest_on_now(month: Window, rules: str, seen: Look) -> bool:
    """Whether they are stored as facts and `rules_mark` say now; models may be described otherwise since."""
    return seen.marks.get(marks.shares_of(month)) == shares_mark(month, rules, seen)


def shares_mark(month: Window, rules: str, seen: Look) -> str:
    """What a month's shares are worked out from, but for what is said of models: when that changes, the month waits."""
    return marks.digest(rules, *(_content(each, seen) for each in (month, previous_window(month))))


def rules_mark(knowledge: Knowledge, scopes: tuple[Scope, ...]) -> str:
    """What the shares of all months are worked out from: registry, rules of lineage, groups and scopes."""
    known = (knowledge.registry.digest, knowledge.lineage_digest, knowledge.countries, _written(knowledge.groups))
    return marks.digest(_FORM, *known, _written(scopes))


_FORM = "2"  #: rises with every change of what `keep` stores, so that nothing of another form is read


def _content(month: Window, seen: Look) -> object:
    """What changes whenever the rows of a month, or how final they are, change."""
    built = seen.build(month)
    return None if built is None else (built.content, built.covered, built.open_falls, seen.is_over(month))


def _written(rules: Sequence[Scope] | Sequence[CountryGroup]) -> list[list[object]]:
    """The rules as text that is the same in every process: the order of a set is not."""
    return [[sorted(part) if isinstance(part, frozenset) else part for part in astuple(rule)] for rule in rules]


def _plain(table: pd.DataFrame) -> dict[str, Any]:
    """A table for JSON: columns with their types, what is missing as null."""
    columns = {str(name): [str(column.dtype), plain_values(column)] for name, column in table.items()}
    return {"rows": len(table), "columns": columns}


def _table(said: dict[str, Any]) -> pd.DataFrame:
    columns = {name: pd.Series(values, dtype=kind) for name, (kind, values) in said["columns"].items()}
    return pd.DataFrame(columns, index=range(said["rows"]))

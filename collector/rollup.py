"""Facts to derived tables: keeps model_month and the share tables current, and counts any other window.

Store → measure → store. Knows the order in which things are worked out; knows no SQL, no file and no clock. Everything
it writes can be dropped and rebuilt to the same bytes: a fingerprint of what went in tells when that is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from collector.measure import derivatives, shares
from collector.measure.groups import group_shares
from collector.measure.models import (
    UNRESOLVED,
    Account,
    Floats,
    Models,
    Owners,
    Root,
    RootSet,
    in_scope,
    owners,
    uploaders,
    why_unknown,
)
from collector.measure.spans import FIRST, Spans, part_in
from collector.measure.sums import Heading, Parts, Tally, tallied
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
)
from collector.origins.knowledge import Knowledge
from collector.rooting import as_they_lived, refresh_origins, roots_of_models
from collector.series import Bools, Ints
from collector.store import calendar, figures, lineages, marks, months, sums
from collector.store import readings as facts
from collector.store.database import Database
from collector.store.derived import Derived
from collector.store.figures import Described, RootRow, RootSets
from collector.store.months import Month, MonthBuild, MonthRow
from collector.store.queries import Hub

RULES = "1"  #: rises with every change of the counting rules, so that no derived row outlives them
ESTIMATE_REACH = 30 * DAY  # a first reading speaks of so much time before it


@dataclass(frozen=True, slots=True)
class Counted:
    """What the models of a hub did in a window, before anything is said of origins.

    One place in each column for each model with downloads, corrections or flags.
    """

    described: Described
    publisher_id: Ints  #: on the window's last day
    downloads: Floats
    estimated: Floats
    corrections: Ints
    covered: Floats  #: the part of the window that the model's readings back
    flags: Mapping[int, str]  #: by model_id: of those that have some
    most_covered: float  #: the largest part of the window that any model's readings back
    open_falls: int  #: falls and jumps that touch the window and are not judged for good


@dataclass(frozen=True, slots=True)
class WindowModels:
    """What shares are worked out from."""

    window: Window
    models: Models
    created: Models  #: those created in the window and listed, downloaded or not; what they did is not said
    status: str  #: final or provisional
    developers: Mapping[str, str]  #: country of each family's developer on the window's last day


@dataclass(frozen=True, slots=True)
class ScopeModels:
    """The models of a window that count in a scope, added up by their roots."""

    scope: str  #: its name
    window: WindowModels  #: these models alone
    base: Tally
    countries: Mapping[Attribution, Parts]


class Hubwide(NamedTuple):
    """What is the same for every month of a hub: read once where several months are worked out."""

    accounts: tuple[Ints, list[str]]  #: as `figures.accounts`
    roots: RootSets


# --- keeping the derived tables current -------------------------------------------------------------------------------


def refresh(db: Database, hub: Hub, knowledge: Knowledge, scopes: tuple[Scope, ...]) -> list[str]:
    """Bring every derived table of the hub up to date; returns the months whose shares were rebuilt, in order."""
    refresh_registry(db, hub, knowledge)
    # Before the list is struck off: whoever is new or described anew may belong to other scopes. It is read once, for a
    # poll beside this may add to it.
    todo = lineages.todo(db, hub.id)
    Derived(db).forget_shares(hub.id, todo.model_ids)
    refresh_origins(db, hub, knowledge, todo)
    known = known_months(db, hub)
    for month in known:
        refresh_month(db, hub, month)
    due = [month for month in known if _shares_are_due(db, hub, month, knowledge, scopes)]
    hubwide = _hubwide(db, hub, knowledge) if len(due) > _FEW else None
    previous: tuple[str, list[ScopeModels]] = ("", [])
    for month in due:
        before = previous_window(month)
        then = previous[1] if previous[0] == before.label else _scoped(db, hub, before, knowledge, scopes, hubwide)
        now = _scoped(db, hub, month, knowledge, scopes, hubwide)
        Derived(db).replace_shares(hub.name, month.label, share_tables(hub.name, now, then, knowledge))
        marks.set_mark(db, hub.id, marks.shares_of(month), _shares_mark(db, hub, month, knowledge, scopes))
        previous = month.label, now
    return [month.label for month in due]


_FEW = 2  # months for each of which it is quicker to read what its own models need than what all of the hub's do


def _scoped(
    db: Database,
    hub: Hub,
    month: Window,
    knowledge: Knowledge,
    scopes: tuple[Scope, ...],
    hubwide: Hubwide | None,
) -> list[ScopeModels]:
    models = window_models(db, hub, month, knowledge, hubwide)
    return [scoped(models, scope) for scope in scopes]


def _hubwide(db: Database, hub: Hub, knowledge: Knowledge) -> Hubwide:
    return Hubwide(figures.accounts(db, hub.id), roots_of_models(db, hub, knowledge, None, {}))


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


def _shares_are_due(db: Database, hub: Hub, month: Window, knowledge: Knowledge, scopes: tuple[Scope, ...]) -> bool:
    built = marks.mark_of(db, hub.id, marks.shares_of(month))
    return built != _shares_mark(db, hub, month, knowledge, scopes)


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


def window_models(
    db: Database, hub: Hub, window: Window, knowledge: Knowledge, hubwide: Hubwide | None = None
) -> WindowModels:
    """What the hub's models did in the window, and whose they are: from the derived tables where these are current."""
    counted = count(db, hub, window)
    final = _is_over(db, hub, window) and counted.most_covered >= 1 and counted.open_falls == 0
    return attributed(db, hub, counted, window, "final" if final else "provisional", knowledge, hubwide)


def trailing_models(db: Database, hub: Hub, poll: facts.PollAt, knowledge: Knowledge) -> WindowModels:
    """The hub's own last 30 days as that poll read them."""
    return attributed(db, hub, count_trailing(db, hub, poll), trailing_window(poll), "final", knowledge)


def count_trailing(db: Database, hub: Hub, poll: facts.PollAt) -> Counted:
    """The models with downloads in the 30 days before a poll: nothing in them is known to be measured."""
    listed = facts.trailing(db, poll.id)
    some = listed.downloads_30d > 0
    model_id, downloads = listed.model_id[some], listed.downloads_30d[some].astype(np.float64)
    size = len(model_id)
    return Counted(
        figures.described(db, hub.id).of(model_id),
        facts.models(db, hub.id, trailing_window(poll), model_id).publisher_id,
        downloads,
        estimated=np.full(size, np.nan),
        corrections=np.zeros(size, np.int64),
        covered=np.ones(size),
        flags={},
        most_covered=1.0,
        open_falls=0,
    )


def trailing_window(poll: facts.PollAt) -> Window:
    """The 30 days before a poll."""
    label = f"trailing-{from_seconds(poll.started_at).date().isoformat()}"
    return Window(poll.started_at - ESTIMATE_REACH, poll.started_at, label)


def count(db: Database, hub: Hub, window: Window) -> Counted:
    """What each model did in the window: from model_month where that is current, else from the readings."""
    built = _current_build(db, hub, window)
    if built is not None:
        return _stored(db, hub, window, built)
    first, _ = calendar.reach(db, hub.id)
    if first is None or window.end <= first - ESTIMATE_REACH:
        return _nothing(figures.described(db, hub.id).of(np.empty(0, np.int64)))
    return count_anew(db, hub, window)


def kept(db: Database, hub: Hub, month: Window) -> Counted | None:
    """What each model did, as model_month has it; None where its rows are out of date."""
    built = _current_build(db, hub, month)
    return None if built is None else _stored(db, hub, month, built)


def forget(db: Database, hub: Hub, month: Window) -> None:
    """Have a month worked out from nothing when it is refreshed next."""
    months.forget_build(db, hub.id, _month_number(month))


def _nothing(described: Described) -> Counted:
    """Of models of which the readings say nothing in the window."""
    none, zero = np.zeros(len(described.model_id)), np.zeros(len(described.model_id), np.int64)
    return Counted(described, described.publisher_id, none, none, zero, none, {}, 0.0, 0)


def _current_build(db: Database, hub: Hub, window: Window) -> MonthBuild | None:
    """From which state of the facts the rows of a month were worked out; None where they are not what these say now."""
    if window != month_of(window.start):
        return None
    built = months.month_build_of(db, hub.id, _month_number(window))
    if built is None or marks.last_poll(db, hub.id, window) > built.last_poll_id:
        return None
    return built if _stands(db, hub, window, built) else None


def _stored(db: Database, hub: Hub, month: Window, built: MonthBuild) -> Counted:
    rows = figures.month_figures(db, hub.id, _month_number(month))
    gone = facts.gone(db, hub.id, rows.listed_poll_id, rows.seen_at)
    return Counted(
        rows.described,
        rows.publisher_id,
        rows.downloads,
        rows.estimated,
        rows.corrections,
        covered_part(rows.covered_from, rows.tiled_seconds, rows.seen_at, gone, month),
        rows.flags,
        built.covered,
        built.open_falls,
    )


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


def count_anew(db: Database, hub: Hub, window: Window) -> Counted:
    """What each model did, from the readings alone."""
    grown = _grown(db, hub, window)
    plain_ids, plain_downloads = sums.plain_sums(db, hub.id, window)
    plain = ~np.isin(plain_ids, grown.judged.model_id)
    parts = (grown.judged, grown.firsts)
    model_id = np.unique(np.concatenate([*(part.model_id for part in parts), plain_ids[plain]]))
    size = len(model_id)
    summed: dict[str, Floats] = {name: np.zeros(size) for name in _SUMMED}
    # First sightings come before what grew after them: since when readings back the window, they say.
    largest: dict[str, Ints] = {name: np.zeros(size, np.int64) for name in ("covered_from", "flags")}
    np.add.at(summed["downloads"], np.searchsorted(model_id, plain_ids[plain]), plain_downloads[plain])
    for part in parts:
        rows = np.searchsorted(model_id, part.model_id)
        for name, values in summed.items():
            np.add.at(values, rows, getattr(part, name))
        for name, numbers in largest.items():
            np.maximum.at(numbers, rows, getattr(part, name))
    known = facts.models(db, hub.id, window, model_id)
    covered = covered_part(largest["covered_from"], summed["tiled_seconds"], known.seen_at, known.gone, window)
    flags = largest["flags"] & ~FIRST
    some = (summed["downloads"] > 0) | (summed["corrections"] != 0) | (flags != 0)
    flagged = np.flatnonzero(flags)
    return Counted(
        figures.described(db, hub.id).of(model_id[some]),
        known.publisher_id[some],
        summed["downloads"][some],
        summed["estimated"][some],
        summed["corrections"][some].astype(np.int64),
        covered[some],
        {int(model_id[row]): " ".join(flag_names(int(flags[row]))) for row in flagged},
        float(covered.max()) if size else 0.0,
        grown.judged.open_falls,
    )


_SUMMED = ("downloads", "estimated", "corrections", "tiled_seconds")


# --- whose they are ---------------------------------------------------------------------------------------------------


def attributed(
    db: Database,
    hub: Hub,
    counted: Counted,
    window: Window,
    status: str,
    knowledge: Knowledge,
    hubwide: Hubwide | None = None,
    *,
    with_publishers: bool = False,
) -> WindowModels:
    """The models with uploaders and roots, as the registry has them on the window's last day.

    `with_publishers` names the accounts of their roots too.
    """
    listed_by = facts.last_start_that_matters(db, hub.id, window)
    created = figures.created_models(db, hub.id, window, listed_by)
    numbers, names = figures.accounts(db, hub.id) if hubwide is None else hubwide.accounts
    used = np.union1d(counted.publisher_id, created.publisher_id)
    kept = np.isin(numbers, used)
    numbers, names = numbers[kept], [names[place] for place in np.flatnonzero(kept).tolist()]
    moved = _moved(db, counted, dict(zip(numbers.tolist(), names, strict=True)))
    if hubwide is None:
        only = (_month_number(window), window) if _current_build(db, hub, window) else None
        roots = roots_of_models(db, hub, knowledge, only, moved)
    else:
        roots = as_they_lived(db, hub, hubwide.roots, moved)
    origins = _Origins(hub, knowledge, window.last_day, with_publishers)
    accounts = [origins.account(name) for name in names]
    told = (accounts, numbers, roots, origins, lambda ids: _names(db, ids))
    models, new = (_owned(each, *told) for each in (counted, _nothing(created)))
    developers = {family.name: origins.country(family.publisher) for family in knowledge.families.all}
    return WindowModels(window, models, new, status, developers)


def _names(db: Database, model_ids: Ints) -> list[str]:
    known = figures.names_of(db, model_ids.tolist())
    return [known[model_id] for model_id in model_ids.tolist()]


def _moved(db: Database, counted: Counted, accounts: Mapping[int, str]) -> dict[str, str]:
    """By name: the account on the window's last day of the models that live under another now."""
    rows = np.flatnonzero(counted.publisher_id != counted.described.publisher_id)
    names = _names(db, counted.described.model_id[rows])
    return {name: accounts[number] for name, number in zip(names, counted.publisher_id[rows].tolist(), strict=True)}


class _Origins:
    """The registry on a day, asked once for each account."""

    def __init__(self, hub: Hub, knowledge: Knowledge, day: date, with_publishers: bool) -> None:
        self._row = lru_cache(None)(lambda name: knowledge.registry.row(hub.name, name, day))
        self._with_publishers = with_publishers

    def country(self, name: str) -> str:
        row = self._row(name)
        return row.country if row else NOT_ATTRIBUTED

    def account(self, name: str) -> Account:
        row = self._row(name)
        return Account(name, row.country, row.organisation, row.kind) if row else Account(name)

    def own(self, name: str) -> RootSet:
        """Of a model that is its own root."""
        return self.roots((RootRow(name, 1.0, "self", None, None),))

    def roots(self, rows: tuple[RootRow, ...]) -> RootSet:
        return RootSet(tuple(self._root(row) for row in rows), rows[0].basis, rows[0].relation)

    def _root(self, root: RootRow) -> Root:
        publisher = root.publisher if self._with_publishers else ""
        if root.basis == "none":
            return Root(NOT_ATTRIBUTED, root.weight, root.family, UNRESOLVED, publisher)
        row = self._row(root.publisher)
        country = row.country if row else None
        return Root(country or NOT_ATTRIBUTED, root.weight, root.family, why_unknown(country), publisher)


def _owned(
    counted: Counted,
    accounts: Sequence[Account],
    numbers: Ints,
    roots: RootSets,
    origins: _Origins,
    names: Callable[[Ints], Sequence[str]],
) -> Models:
    """The models with their owners; `numbers` are those of the accounts in the database."""
    order = np.argsort(numbers)
    account = order[np.searchsorted(numbers[order], counted.publisher_id)]
    about = counted.described
    return Models(
        about.model_id,
        account,
        about.task,
        about.created_at,
        counted.downloads,
        counted.estimated,
        counted.corrections,
        counted.covered,
        _base(about.model_id, account, accounts, roots, origins),
        uploaders(account, accounts),
        accounts,
        about.tasks,
        counted.flags,
        names,
    )


def _base(model_id: Ints, account: Ints, accounts: Sequence[Account], roots: RootSets, origins: _Origins) -> Owners:
    """The ends of the models' lineages. Sets of roots that come to the same countries and families become one."""
    sets: dict[RootSet, int] = {}

    def numbered(each: RootSet) -> int:
        return sets.setdefault(each, len(sets))

    place = np.searchsorted(roots.model_id, model_id)
    is_told = np.append(roots.model_id, -1)[place] == model_id
    code = np.append(roots.code, 0)[place][is_told]
    resolved, own = np.zeros(len(roots.sets), np.int64), np.zeros(len(accounts), np.int64)
    for each in np.unique(code).tolist():
        resolved[each] = numbered(origins.roots(roots.sets[each]))
    for each in np.unique(account[~is_told]).tolist():
        own[each] = numbered(origins.own(accounts[each].name))
    of = own[account]
    of[is_told] = resolved[code]
    return Owners(of, tuple(sets))


# --- the growth of a few models ---------------------------------------------------------------------------------------


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
    hub: str, this: Sequence[ScopeModels], before: Sequence[ScopeModels], knowledge: Knowledge
) -> dict[str, pd.DataFrame]:
    """The published share tables of a window, by table name: every scope, both attributions.

    `this` and `before` are the window and the one before it, a place for each scope.
    """
    names = ("country_share", "family_share", "publisher_share", "group_share", "derivative_share")
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in names}
    for now, then in zip(this, before, strict=True):
        heading = Heading(hub, now.window.window.label, now.scope)
        for attribution in ATTRIBUTIONS:
            countries, groups = _country_tables(now, then, heading, attribution, knowledge)
            parts["country_share"].append(countries)
            parts["group_share"].append(groups)
        parts["family_share"].append(_family_table(now, then, heading))
        parts["publisher_share"].append(shares.publisher_shares(now.window.models, heading))
        parts["derivative_share"].append(_derivative_table(now, then, heading))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def scoped(window: WindowModels, scope: Scope) -> ScopeModels:
    """Only the models that count in the scope."""
    models = window.models.where(in_scope(window.models, scope))
    created = window.created.where(in_scope(window.created, scope))
    tallies: dict[Attribution, Tally] = {each: tallied(models, owners(models, each)) for each in ATTRIBUTIONS}
    countries = {each: shares.country_parts(tally) for each, tally in tallies.items()}
    return ScopeModels(scope.name, replace(window, models=models, created=created), tallies["base"], countries)


def _country_tables(
    now: ScopeModels, then: ScopeModels, heading: Heading, attribution: Attribution, knowledge: Knowledge
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """By country, and by group of countries."""
    parts, status = now.countries[attribution], now.window.status
    before = shares.country_portions(then.countries[attribution])
    countries = shares.country_shares(
        parts, heading, attribution=attribution, status=status, names=knowledge.countries, previous=before
    )
    groups = group_shares(parts, heading, knowledge.groups, attribution=attribution, status=status, previous=before)
    return countries, groups


def _family_table(now: ScopeModels, then: ScopeModels, heading: Heading) -> pd.DataFrame:
    parts, before = (shares.family_parts(each.base, each.window.developers) for each in (now, then))
    return shares.family_shares(parts, heading, previous=shares.family_portions(before))


def _derivative_table(now: ScopeModels, then: ScopeModels, heading: Heading) -> pd.DataFrame:
    parts, before = (derivatives.derivative_parts(each.base) for each in (now, then))
    previous = derivatives.derivative_portions(before)
    return derivatives.derivative_shares(parts, now.window.created, heading, previous=previous)

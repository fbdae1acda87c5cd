"""Facts to derived tables: keeps model_month and the figures of each month current.

Store → measure → store. Knows the order in which things are worked out; knows no SQL, no file and no clock. Everything
it writes can be dropped and rebuilt to the same bytes: a fingerprint of what went in tells when that is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from collector.counting import (
    ESTIMATE_REACH,
    forget,
    grown_in,
    note_nothing,
    plain_sums,
)
from collector.figuring import ScopeModels, figures_of, keep, rest_on_now, rules_mark, scoped, shares_mark
from collector.looking import Look, look, month_number, with_new_builds
from collector.measure.spans import FIRST
from collector.measure.windows import WindowGrowth, covered_part, flag_names
from collector.model import Scope, Window, month_of, months_between, previous_window
from collector.origins.knowledge import Knowledge
from collector.owning import reviewed_accounts, window_models
from collector.restating import in_turn, let_months_wait, let_wait, let_wait_for, months_before_first
from collector.rooting import refresh_origins
from collector.series import NOT_SAID, Bools, Ints
from collector.store import calendar, hub_polls, hubwide, lineages, marks, months, reviewed, sums, waiting
from collector.store import readings as facts
from collector.store.database import Database
from collector.store.derived import Derived
from collector.store.hubwide import HubColumns, Hubwide
from collector.store.lineages import Todo
from collector.store.month_columns import Came, MonthColumns, MonthRow
from collector.store.months import Month, MonthBuild
from collector.store.queries import Hub
from collector.store.sums import PollGrowth, growth_by_poll


def refresh(
    db: Database, hub: Hub, knowledge: Knowledge, scopes: tuple[Scope, ...], most_restated: int | None = None
) -> list[str]:
    """Bring the derived tables of the hub up to date; returns the months whose shares were rebuilt, in order.

    Of the months in which nothing changed but what is said of models, at most so many are restated, those first that
    have waited longest (None: all are). The others keep their shares and wait.
    """
    with db.connect() as conn:
        facts_mark = waiting.facts_mark(conn, hub.id)  # a poll may end while this works
    refresh_registry(db, hub, knowledge)
    todo = lineages.todo(db, hub.id)  # read once, for a poll beside this may add to it
    columns = _renewed_columns(db, hub, knowledge, todo, scopes)
    known = lru_cache(None)(lambda: hubwide.read(db, hub.id, columns))
    seen = look(db, hub)
    months_known = known_months(db, hub, seen)
    refresh_months(db, hub, months_known, known, seen)
    seen, rules = with_new_builds(db, hub, seen), rules_mark(knowledge, scopes)
    with db.connect() as conn:
        wait = waiting.waiting(conn, hub.id)
    fit = {month.label for month in months_known if rest_on_now(month, rules, seen)}
    turn = in_turn({month: since for month, since in wait.items() if month in fit}, most_restated)
    due = [month for month in months_known if month.label not in fit or month.label in turn]
    previous: tuple[str, list[ScopeModels]] = ("", [])
    for month in due:
        models, earlier = window_models(db, hub, month, knowledge, known(), seen), previous_window(month)
        now = scoped(models, scopes)
        if previous[0] != earlier.label:
            before = window_models(db, hub, earlier, knowledge, known(), seen)
            if earlier not in months_known and not len(before.models):
                note_nothing(db, hub, earlier, seen)
            previous = earlier.label, scoped(before, scopes)
        found = figures_of(db, hub, models.models, now, previous[1], knowledge)
        keep(db, hub, month, found, shares_mark(month, rules, seen))
        previous = month.label, now
    let_wait_for(db, hub, lineages.todo(db, hub.id).model_ids)
    waiting.note_rolled_up(db, hub.id, facts_mark)
    return [month.label for month in due]


def _renewed_columns(db: Database, hub: Hub, knowledge: Knowledge, todo: Todo, scopes: tuple[Scope, ...]) -> HubColumns:
    """Brings roots up to date, has the months wait that this changes, and keeps what is said of all models anew."""
    before = hubwide.kept(db, hub.id)
    if before is not None and (created_otherwise := months_before_first(db, hub, before, todo.model_ids)):
        let_months_wait(db, hub, created_otherwise)  # on the same readings: nothing else tells that their rows differ
        for month in created_otherwise:
            forget(db, hub, month)
    renewed = refresh_origins(db, hub, knowledge, todo)
    changed = None if before is None or renewed is None else renewed.models
    columns = hubwide.after(db, hub.id, before, changed)
    # The columns stand again only after this: whoever is killed between leaves none, and then all months wait.
    let_wait(db, hub, before, columns, renewed, scopes)
    hubwide.keep(db, hub.id, columns, changed)
    return columns


def known_months(db: Database, hub: Hub, seen: Look) -> list[Window]:
    """The months of which the hub's readings say something, up to its last complete poll or last imported day."""
    first, last = _reach(db, hub, seen)
    if first is None or last is None:
        return []
    return months_between(first - ESTIMATE_REACH, max(first, last) + 1)


def _reach(db: Database, hub: Hub, seen: Look) -> tuple[int | None, int | None]:
    """From when to when the hub was read, as far as months go: the moment itself where one may begin within it."""
    between, last = calendar.first_read(db, hub.id), seen.as_of
    if between is not None and last is not None and last >= between[1]:
        months_begun = {month_of(moment - ESTIMATE_REACH) for moment in between}
        if len(months_begun) == 1:
            return between[0], last
    return calendar.reach(db, hub.id)


def refresh_registry(db: Database, hub: Hub, knowledge: Knowledge) -> None:
    """Load the registry into the database when it is another than the one loaded last."""
    registry = knowledge.registry
    if marks.mark_of(db, hub.id, "registry") != registry.digest:
        Derived(db).replace_registry([asdict(row) for row in registry.rows], knowledge.countries)
        marks.set_mark(db, hub.id, "registry", registry.digest)
    found = reviewed_accounts(db, hub, knowledge)
    if found != reviewed.kept(db, hub.id, registry.digest):
        reviewed.keep(db, hub.id, registry.digest, found)


class _Once(NamedTuple):
    """What is read once for several months."""

    hubwide: Callable[[], Hubwide]  #: the hub's models
    growth: PollGrowth


def refresh_months(db: Database, hub: Hub, months: Sequence[Window], known: Callable[[], Hubwide], seen: Look) -> None:
    """Bring the rows of some months up to date, given in order: a poll may have read growth of two of them."""
    once = _Once(known, growth_by_poll(db))
    for month in months:
        refresh_month(db, hub, month, once, seen)


def refresh_month(db: Database, hub: Hub, month: Window, once: _Once | None = None, seen: Look | None = None) -> None:
    """Bring the rows of a month up to date: by what came since where that only adds to it, else from nothing.

    `once` is what other months need too, and `seen` is the hub where it was looked at.

    A poll may be under way. What it brings after that look is not said to be taken in: a later poll is left out, and a
    page of one of these changes the mark, so that the month is worked out from nothing.
    """
    seen = look(db, hub) if seen is None else seen
    once = once or _Once(lru_cache(None)(lambda: hubwide.read(db, hub.id)), growth_by_poll(db))
    last, built = seen.polls.last_poll(month), seen.build(month)
    stood = built is not None and seen.stands(month, built)
    if built is not None and stood and last <= built.last_poll_id:
        # A model that was not seen for long may be seen again, unchanged.
        if built.covered < 1 and _can_be_covered(db, hub, month, built.covered):
            rows = months.month_rows(db, hub.id, month_number(month))
            months.set_covered(db, hub.id, month_number(month), _covered(db, hub, month, rows, once.hubwide))
        return
    if built is not None and stood and sums.is_in_order(db, hub.id, built.last_poll_id):
        rows = months.add_to_month(db, _month(db, hub, month, (built.last_poll_id, last), seen, once))
    else:
        rows = months.build_month(db, _month(db, hub, month, (0, last), seen, once))
    months.set_covered(db, hub.id, month_number(month), _covered(db, hub, month, rows, once.hubwide))


def _month(db: Database, hub: Hub, month: Window, polls: tuple[int, int], seen: Look, once: _Once) -> Month:
    """What polls numbered above the first up to the second put into a month."""
    after, last = polls
    mark, grown = seen.mark(month, last), grown_in(db, hub, month, seen, polls)
    renamed = facts.models(db, hub.id, month, facts.renamed(db, hub.id, month, after))
    judged: dict[int, MonthRow | None] = dict.fromkeys(grown.judged.model_id.tolist())
    shown = _with_figures(grown.firsts) | grown.backed_later
    plain, downloads = plain_sums(db, hub, month, polls, once.growth)
    came = Came(
        (plain, downloads, _accounts(db, hub, month, plain, once.hubwide)),
        list(_month_rows(grown.firsts, grown.accounts_of_firsts, month, shown)),
        judged | {row.model_id: row for row in _month_rows(grown.judged, grown.accounts_of_judged, month)},
        dict(zip(renamed.model_id.tolist(), renamed.publisher_id.tolist(), strict=True)),
    )
    return Month(hub.id, month_number(month), MonthBuild(mark, last, mark, 0.0, grown.judged.open_falls), came)


def _accounts(db: Database, hub: Hub, month: Window, model_ids: Ints, known: Callable[[], Hubwide]) -> Ints:
    """The accounts of models, given in order; who bears another name since then is put right apart."""
    if not len(model_ids):
        return model_ids
    of_hub = known()
    found, is_known = np.zeros(len(model_ids), np.int64), np.zeros(len(model_ids), np.bool_)
    ours, place = of_hub.found(model_ids)
    found[ours], is_known[ours] = of_hub.columns.publisher_id[place], True
    # A poll beside may have brought others since the hub's were read.
    found[~is_known] = facts.models(db, hub.id, month, model_ids[~is_known]).publisher_id
    return found


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


def _can_be_covered(db: Database, hub: Hub, month: Window, covered: float) -> bool:
    """Whether a larger part of the month can be read than is said to be: no model's readings begin earlier."""
    begin, tiled = months.most_backed(db, hub.id, month_number(month))
    return tiled or covered < (month.end - max(begin or month.start, month.start)) / month.seconds


def _covered(db: Database, hub: Hub, month: Window, rows: MonthColumns, known: Callable[[], Hubwide]) -> float:
    """The largest part of the month that any model's readings back."""
    of_hub = known()
    ours, place = of_hub.found(rows.model_id)
    rows = rows if len(ours) == len(rows) else rows.where(ours)
    seen_at, _ = of_hub.sightings.at(place).of_each()
    told_at, listed = of_hub.sightings.at(place[rows.unusual]).of_each()
    covered_from, tiled = rows.seldom["covered_from"], rows.seldom["tiled_seconds"]
    # Where readings back it from its start, somebody who is gone does not make the rest of a month read.
    gone = hub_polls.read(db, hub.id).gone(listed, told_at) & ((covered_from != NOT_SAID) | (tiled != 0))
    # Of all others, whose month is backed from its start, the one seen last has the largest part.
    seen_at[rows.unusual] = NOT_SAID
    last = seen_at.max(initial=NOT_SAID)
    each = (np.append(covered_from, NOT_SAID), np.append(tiled, 0.0), np.append(told_at, last), np.append(gone, False))
    return float(covered_part(*each, month).max())

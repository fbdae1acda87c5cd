"""From readings of one model to what is stored of them: change-only rows, spans, signed deltas, the latest state.

Pure: knows no SQL, no clock and no figure that is reported; dips, corrections and growth are the measure's.
Instants are Unix seconds, spans are seconds, counters are downloads. Rules: design, section 4.

The counter of a model is `downloads_all_time`; as long as none was read it is `downloads_30d`. The two are different
series. 30-day readings before the first cumulative one are a history with a chain of their own; the first cumulative
row keeps, in its span, when that history was last seen. A reading of the 30-day count alone that lies at or after the
first cumulative one is kept as a row without span and delta and takes part in neither chain.

A cumulative counter that says the same after a while stood still. A 30-day count may have been another in between: when
it was not seen for more than 15 days it is a reading of its own, though it says what it said before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from collector.model import CREATED_AT_FLOOR, DAY

LARGE_RISE = 1_000  # downloads; a restatement exceeds what was expected by more than this
KEPT_AFTER_RISE = 3 * DAY  # the restatement rule reads 30-day counts until then
UNREAD_AFTER = 15 * DAY  # the measure takes a 30-day count for so long before and after each sighting
USUAL_DAYS = 14  # daily polls that say how many counters usually move
FEWEST_USUAL_DAYS = 3


class Reading(NamedTuple):
    """What was said of one model at one instant; None: not said."""

    at: int
    all_time: int | None
    rolling: int | None
    likes: int | None = None


class Stored(NamedTuple):
    """A row of `observation`, as a merge needs it."""

    poll_id: int  #: names the row, and orders readings of one instant
    at: int
    all_time: int | None
    rolling: int | None
    likes: int | None
    span: int | None
    delta: int | None


class State(NamedTuple):
    """The latest of a model; the counter columns hold the latest said, None: never said."""

    all_time: int | None = None
    rolling: int | None = None
    likes: int | None = None
    changed_at: int | None = None  #: first sighting of the counter's present value, as `Plateau`; None: never read
    seen_at: int | None = None  #: last sighting of it; None: never read
    seen_before_at: int | None = None  #: the sighting before; None: the last listing did not advance `seen_at`
    rose_at: int | None = None  #: last rise of the cumulative counter by more than 1,000


UNREAD = State()


class Row(NamedTuple):
    """A reading to store, with its derived columns."""

    reading: Reading
    span: int | None  #: seconds since the last sighting of the value before; None: the very first reading
    delta: int | None  #: the counter minus the one before; None: the first of its kind


class Rewrite(NamedTuple):
    """New derived columns of a stored row."""

    poll_id: int
    at: int
    span: int | None
    delta: int | None


class Change(NamedTuple):
    """What a poll's reading does to a model."""

    state: State
    row: Row | None  #: None: nothing to store
    moved: bool  #: the counter differs from the one before


class Merged(NamedTuple):
    """What readings in any order of time do to a model."""

    rows: tuple[Row, ...]  #: to insert, by time
    rewrites: tuple[Rewrite, ...]
    state: State


class Plateau(NamedTuple):
    """A value of a counter with its first and last sighting, both inclusive: between them it is read.

    Of a 30-day count no sighting is more than 15 days after the one before.
    """

    first: int
    last: int
    value: int


class Contradiction(ValueError):
    """A reading lies between the first and the last sighting of another value of the same counter."""

    def __init__(self, reading: Reading, value: int, stored: Plateau) -> None:
        super().__init__(f"{value} at {reading.at} lies within {stored}")
        self.reading = reading
        self.value = value  #: of the reading
        self.stored = stored  #: what it contradicts


def compare(state: State, reading: Reading) -> Change | None:
    """What a reading later than all before does; None when it is not later, so that the history must be merged."""
    if reading.all_time is None and (reading.rolling is None or state.all_time is not None):
        # Null is no reading of the counter. What is said beside it may still have to explain a rise.
        alone = Row(reading, None, None) if _is_later(state, reading) and _is_kept_after_rise(state, reading) else None
        return Change(_said(state, reading)._replace(seen_before_at=None), alone, moved=False)
    if state.changed_at is None or state.seen_at is None:
        return Change(_advanced(state, reading, changed=True), Row(reading, None, None), moved=False)
    value, old = (reading.rolling, state.rolling) if reading.all_time is None else (reading.all_time, state.all_time)
    if reading.at <= state.seen_at:
        if value == old and reading.at >= state.changed_at:
            return Change(_said(state, reading)._replace(seen_before_at=None), None, moved=False)
        return None
    span = reading.at - state.seen_at
    if old is None or value is None:  # the first cumulative reading after 30-day counts
        return Change(_advanced(state, reading, changed=True), Row(reading, span, None), moved=False)
    if value != old or _was_unread(reading, span):
        return Change(_advanced(state, reading, changed=True), Row(reading, span, value - old), moved=value != old)
    row = Row(reading, span, 0) if _is_kept_after_rise(state, reading) else None
    return Change(_advanced(state, reading, changed=False), row, moved=False)


def _is_later(state: State, reading: Reading) -> bool:
    return state.seen_at is not None and reading.at > state.seen_at


def _is_kept_after_rise(state: State, reading: Reading) -> bool:
    """Whether the 30-day count is news that the restatement rule asks for: then the row it came on is stored.

    What was said last was stored as well, were it only on a row without the cumulative counter.
    """
    if state.rose_at is None or reading.at - state.rose_at > KEPT_AFTER_RISE:
        return False
    return reading.rolling is not None and reading.rolling != state.rolling


def _was_unread(reading: Reading | Stored, span: int) -> bool:
    """Whether of some of the span before a reading nothing is known, whatever the sighting before said."""
    return reading.all_time is None and span > UNREAD_AFTER


def _said(state: State, reading: Reading) -> State:
    """The state with the reading's 30-day count and likes, unless a later reading was there before."""
    if state.seen_at is not None and reading.at < state.seen_at:
        return state
    return state._replace(
        rolling=state.rolling if reading.rolling is None else reading.rolling,
        likes=state.likes if reading.likes is None else reading.likes,
    )


def _advanced(state: State, reading: Reading, *, changed: bool) -> State:
    # Built at once, not by _replace: every model of every poll comes through here.
    old, new = state.all_time, reading.all_time
    return State(
        all_time=old if new is None else new,
        rolling=state.rolling if reading.rolling is None else reading.rolling,
        likes=state.likes if reading.likes is None else reading.likes,
        changed_at=reading.at if changed else state.changed_at,
        seen_at=reading.at,
        seen_before_at=state.seen_at,
        rose_at=reading.at if old is not None and new is not None and new - old > LARGE_RISE else state.rose_at,
    )


# --- readings in any order of time ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Segment:
    """A stored row that counts, until the last sighting before the next one; `twins` bear the same instant."""

    plateau: Plateau
    row: Stored
    twins: tuple[Stored, ...]


@dataclass(slots=True)
class _Chain:
    """One counter's series after a merge, filled in order of time."""

    rows: list[Row] = field(default_factory=list)
    rewrites: list[Rewrite] = field(default_factory=list)
    plateaus: list[Plateau] = field(default_factory=list)
    rose_at: int | None = None


def merge(stored: Iterable[Stored], state: State, readings: Iterable[Reading], *, cut: bool = False) -> Merged:
    """Readings at any instants put among the stored ones.

    A reading inside the span of its own value adds nothing, one after it moves the last sighting (no row), one before
    it or of another value is a row; the row that follows gets new derived columns. No row is ever deleted.

    With `cut` (a poll whose clock stood before an earlier sighting) the reading counts against a value that was seen
    before and after it: the sightings after it are given up. Without, that raises `Contradiction`.
    """
    rows = sorted(stored, key=_order)
    points = sorted((reading for reading in readings if _counts(reading)), key=lambda reading: reading.at)
    cumulative = [row for row in rows if row.all_time is not None]
    start = _first_cumulative(cumulative, points)
    early = _early_chain(rows, cumulative, state, points, start, cut=cut)
    history_seen = early.plateaus[-1].last if early.plateaus else None
    main = early if start is None else _cumulative_chain(cumulative, state, points, history_seen, cut=cut)
    merged = [*early.rows, *_later_rolling(rows, points, start)] + ([] if main is early else main.rows)
    rewrites = early.rewrites + ([] if main is early else main.rewrites) + _left_out(rows, start)
    kept = {row.poll_id: (row.span, row.delta) for row in rows}
    return Merged(
        tuple(sorted(merged, key=lambda row: row.reading.at)),
        tuple(new for new in rewrites if kept[new.poll_id] != (new.span, new.delta)),
        _state_after(state, rows, points, main, cumulative=start is not None),
    )


def _counts(reading: Reading) -> bool:
    return reading.all_time is not None or reading.rolling is not None


def _first_cumulative(cumulative: list[Stored], points: list[Reading]) -> int | None:
    instants = [row.at for row in cumulative] + [point.at for point in points if point.all_time is not None]
    return min(instants, default=None)


def _early_chain(
    rows: list[Stored], cumulative: list[Stored], state: State, points: list[Reading], start: int | None, *, cut: bool
) -> _Chain:
    """The 30-day readings before the first cumulative one (all of them when there is none)."""
    first = cumulative[0] if cumulative else None
    seen = state.seen_at if first is None else first.at - (first.span or 0)
    known = [row for row in rows if row.all_time is None and (first is None or row.at < first.at)]
    segments = _segments(known, seen)
    if start is not None:
        segments = [_ended(segment, start) for segment in segments if segment.plateau.first < start]
    new = [point for point in points if point.all_time is None and (start is None or point.at < start)]
    return _chain(segments, known, new, None, state.seen_before_at if cut else None, cut=cut)


def _ended(segment: _Segment, start: int) -> _Segment:
    """The segment without the sightings at and after the first cumulative reading."""
    if segment.plateau.last < start:
        return segment
    return replace(segment, plateau=segment.plateau._replace(last=segment.plateau.first))


def _cumulative_chain(
    cumulative: list[Stored], state: State, points: list[Reading], history_seen: int | None, *, cut: bool
) -> _Chain:
    segments = _segments(cumulative, state.seen_at)
    new = [point for point in points if point.all_time is not None]
    return _chain(segments, cumulative, new, history_seen, state.seen_before_at if cut else None, cut=cut)


def _later_rolling(rows: list[Stored], points: list[Reading], start: int | None) -> list[Row]:
    """Readings of the 30-day count alone, at or after the first cumulative one: rows that belong to no chain."""
    said = {row.at: row.rolling for row in rows if row.rolling is not None}
    new = []
    for point in points:
        if point.all_time is not None or point.rolling is None or start is None or point.at < start:
            continue
        other = said.get(point.at)
        if other is not None and other != point.rolling:
            raise Contradiction(point, point.rolling, Plateau(point.at, point.at, other))
        if other is None:
            new.append(Row(point, None, None))
    return new


def _left_out(rows: list[Stored], start: int | None) -> list[Rewrite]:
    """Stored 30-day rows that an earlier cumulative reading has overtaken."""
    overtaken = (row for row in rows if row.all_time is None and start is not None and row.at >= start)
    return [Rewrite(row.poll_id, row.at, None, None) for row in overtaken]


def _order(row: Stored) -> tuple[int, int]:
    return row.at, row.poll_id


def _value(row: Stored | Reading) -> int:
    value = row.rolling if row.all_time is None else row.all_time
    if value is None:
        raise ValueError(f"a reading without a counter: {row}")
    return value


def _segments(rows: Sequence[Stored], seen_at: int | None) -> list[_Segment]:
    """The rows that count, from their spans backwards.

    A row that the next one's span reaches over does not count: a later poll spoke at the same instant, or its poll
    was stale and what it repeated was not read.
    """
    segments: list[_Segment] = []
    bound: float | None = seen_at
    twins: list[Stored] = []
    for row in reversed(rows):
        if bound is None or row.at > bound:
            twins.append(row)
            continue
        plateau = Plateau(row.at, int(bound), _value(row))
        segments.append(_Segment(plateau, row, ()))
        bound = float("-inf") if row.span is None else row.at - row.span
    found = [replace(s, twins=tuple(t for t in twins if t.at == s.plateau.first)) for s in segments]
    return found[::-1]


def _chain(
    segments: list[_Segment],
    stored: list[Stored],
    points: list[Reading],
    history_seen: int | None,
    seen_before: int | None,
    *,
    cut: bool,
) -> _Chain:
    """Segments and new readings by time, each row with its span and delta."""
    new = _new_points(segments, stored, points, cut=cut)
    kept = [left for segment in segments for left in _left_of(segment, new, seen_before)] if cut else segments
    chain = _Chain()
    seen: int | None = history_seen
    value: int | None = None
    items: list[_Segment | Reading] = [*kept, *new]
    for item in sorted(items, key=_first):
        plateau = item.plateau if isinstance(item, _Segment) else Plateau(item.at, item.at, _value(item))
        span = None if seen is None else plateau.first - seen
        delta = None if value is None else plateau.value - value
        goes_on = delta == 0 and not _was_unread(item.row if isinstance(item, _Segment) else item, span or 0)
        if isinstance(item, _Segment):
            chain.rewrites += [
                Rewrite(row.poll_id, row.at, span, _minus(row, value)) for row in (item.row, *item.twins)
            ]
        elif not goes_on or len(kept) < len(segments):  # what takes another row's place is a row, whatever its value
            chain.rows.append(Row(item, span, delta))
        _lengthen(chain, plateau, delta, goes_on=goes_on)
        seen, value = plateau.last, plateau.value
    return chain


def _first(item: _Segment | Reading) -> int:
    return item.plateau.first if isinstance(item, _Segment) else item.at


def _minus(row: Stored, before: int | None) -> int | None:
    return None if before is None else _value(row) - before


def _lengthen(chain: _Chain, plateau: Plateau, delta: int | None, *, goes_on: bool) -> None:
    if goes_on:
        chain.plateaus[-1] = chain.plateaus[-1]._replace(last=plateau.last)
    else:
        chain.plateaus.append(plateau)
    if delta is not None and delta > LARGE_RISE:
        chain.rose_at = plateau.first


def _new_points(segments: list[_Segment], stored: list[Stored], points: list[Reading], *, cut: bool) -> list[Reading]:
    """The readings that are not yet known: neither stored nor within the span of their own value."""
    # A poll that says once more what another took back at the same instant is news: the later poll counts.
    known = [segment.row for segment in segments] if cut else stored
    facts = {(row.at, _value(row)) for row in known}
    firsts = [segment.plateau.first for segment in segments]
    gaps = list(pairwise(segments))
    new: list[Reading] = []
    for point in points:
        if (point.at, _value(point)) in facts:
            continue
        at = bisect_right(firsts, point.at) - 1
        around = segments[at].plateau if at >= 0 else None
        if around is not None and point.at > around.last:
            around = _seen_around(*gaps[at]) if at < len(gaps) else None
        if around is None or (cut and around.value != _value(point)):
            new.append(point)
        elif around.value != _value(point):
            raise Contradiction(point, _value(point), around)
        facts.add((point.at, _value(point)))
    return _agreeing(new)


def _seen_around(before: _Segment, after: _Segment) -> Plateau | None:
    """The one value seen on both sides of the gap between two stored rows; None when they differ, or it went unread."""
    gap = after.plateau.first - before.plateau.last
    if before.plateau.value != after.plateau.value or _was_unread(after.row, gap):
        return None
    return Plateau(before.plateau.first, after.plateau.last, before.plateau.value)


def _agreeing(points: list[Reading]) -> list[Reading]:
    for one, other in pairwise(points):
        if one.at == other.at:
            raise Contradiction(other, _value(other), Plateau(one.at, one.at, _value(one)))
    return points


def _left_of(segment: _Segment, points: list[Reading], seen_before: int | None) -> list[_Segment]:
    """The segment up to the new readings that lie in it; nothing when one bears its very instant."""
    first, last, _ = segment.plateau
    inside = [point.at for point in points if first <= point.at <= last]
    if not inside:
        return [segment]
    if first in inside:
        return []
    before = seen_before if seen_before is not None and first < seen_before < min(inside) else first
    return [replace(segment, plateau=segment.plateau._replace(last=before))]


def _state_after(state: State, rows: list[Stored], points: list[Reading], chain: _Chain, *, cumulative: bool) -> State:
    if not chain.plateaus:
        return state
    said: list[Reading | Stored] = [*points, *rows]
    first, last, value = chain.plateaus[-1]
    return State(
        all_time=value if cumulative else None,
        rolling=_latest([(x.at, x.rolling) for x in said], state.seen_at, state.rolling) if cumulative else value,
        likes=_latest([(x.at, x.likes) for x in said], state.seen_at, state.likes),
        changed_at=first,
        seen_at=last,
        seen_before_at=state.seen_before_at if last == state.seen_at else None,
        rose_at=chain.rose_at if cumulative else None,
    )


def _latest(said: list[tuple[int, int | None]], seen_at: int | None, known: int | None) -> int | None:
    """The value said last; the one of the state was said at its last sighting."""
    values = [(at, value) for at, value in said if value is not None]
    if seen_at is not None and known is not None:
        values.append((seen_at, known))
    return max(values, key=lambda each: each[0], default=(0, None))[1]


# --- what a whole poll shows -----------------------------------------------------------------------------------------


def is_stale(moved: int, known: int, usual: Sequence[int], *, is_first: bool) -> bool:
    """Whether a poll says nothing about counters that did not move.

    `moved` of the `known` models it listed had another counter; `usual` is the number of each day before (see
    `usual_moves`). With fewer than three such days it takes an earlier poll and no movement at all.
    """
    if len(usual) < FEWEST_USUAL_DAYS:
        return not is_first and known > 0 and moved == 0
    return 20 * moved < median(usual)  # 5 %


def usual_moves(polls: Iterable[tuple[int, int]], started_at: int) -> list[int]:
    """The largest number of moved counters of each of the last 14 UTC days with a poll, before the day of `started_at`.

    `polls`: start and moved counters of complete polls of the same models that were not stale.
    """
    days: dict[int, int] = {}
    for at, moved in polls:
        if at // DAY < started_at // DAY:
            days[at // DAY] = max(moved, days.get(at // DAY, 0))
    return [days[day] for day in sorted(days)[-USUAL_DAYS:]]


def is_thin(listed: int, listed_before: int | None) -> bool:
    """Whether a poll lists under 90 % of the complete one before; None: there was none."""
    return listed_before is not None and 10 * listed < 9 * listed_before


def may_adopt(created_at: int | None, first_reading_at: int | None) -> bool:
    """Whether imported history under a name can be that of the model which bears it: not if it is older than the model.

    The hub gives everything older than its floor that one creation time, so there it proves nothing.
    """
    if created_at is None or created_at <= CREATED_AT_FLOOR or first_reading_at is None:
        return True
    return first_reading_at >= created_at

"""The counting rules once more, slow and obvious: every sighting of one model to its downloads in a window.

Written from the text of the design (section 4) alone. Knows nothing of change-only rows, spans, arrays or the code it
is held against; plain loops over whole numbers and fractions. Instants are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple

DAY = 86_400
CREATED_AT_FLOOR = 1_646_263_744  # 2022-03-02T23:29:04Z: what bears it may be older
ROLLING_SPAN = 30 * DAY
NEAR = 15 * DAY
NEVER, FOREVER = -(10**12), 10**12


class Poll(NamedTuple):
    """A complete poll."""

    started_at: int
    whole: bool = True  #: of the whole hub
    thin: bool = False  #: its absences prove nothing
    stale: bool = False  #: its unmoved counters were not read


class Sighting(NamedTuple):
    """One answer of the hub about a model."""

    at: int
    all_time: int | None
    rolling: int | None
    poll: int  #: start of the poll that asked


@dataclass(frozen=True)
class Life:
    """All that the hub ever said of one model; polls and sightings are in order of time, twins in order of polls."""

    sightings: Sequence[Sighting]
    created_at: int | None = None
    gone: bool = False


@dataclass
class Growth:
    """What a model did in a window."""

    downloads: Fraction = Fraction(0)
    estimated: Fraction = Fraction(0)  #: part of the downloads
    corrections: int = 0
    flags: set[str] = field(default_factory=set)
    open_falls: int = 0  # falls and jumps too young to be judged


class Line(NamedTuple):
    """What happened in `(start, end]`, evenly."""

    start: int
    end: int
    downloads: int
    corrections: int = 0
    estimated: bool = False
    flags: frozenset[str] = frozenset()


def growth_in(life: Life, polls: Sequence[Poll], start: int, end: int, as_of: int) -> Growth:
    """The model's downloads in `(start, end]`. `as_of`: start of the last complete poll."""
    read = sightings_read(life, polls)
    result = Growth()
    for line in lines_of(life, read, polls):
        if line.start < end and start < line.end:
            add(result, line, start, end, as_of)
    # Where the cumulative counter says nothing yet, an earlier history of 30-day counts does.
    tiled = rolling_growth(life, read, start, min(end, counter_begins(life, read, polls)), as_of)
    result.downloads += tiled
    result.estimated += tiled
    return result


def add(result: Growth, line: Line, start: int, end: int, as_of: int) -> None:
    downloads = part(line, line.downloads, start, end)
    result.downloads += downloads
    result.estimated += downloads if line.estimated else 0
    result.corrections += part(line, line.corrections, start, end)
    result.flags |= line.flags
    if "correction" in line.flags and as_of - line.end < 7 * DAY:
        result.open_falls += 1
    if "restatement" in line.flags and as_of - line.end < 3 * DAY:
        result.open_falls += 1


def part(line: Line, amount: int, start: int, end: int) -> int:
    """What the window cuts out of an amount: the line at its end minus the line at its start."""
    return level(line, amount, min(end, line.end)) - level(line, amount, max(start, line.start))


def level(line: Line, amount: int, at: int) -> int:
    """Where the straight line from 0 to the amount stands at an instant, rounded half up."""
    return rounded(Fraction(amount * (at - line.start), line.end - line.start))


def rounded(amount: Fraction) -> int:
    return int((amount + Fraction(1, 2)).__floor__())


# --- what was read -------------------------------------------------------------------------------------------------


def sightings_read(life: Life, polls: Sequence[Poll]) -> list[Sighting]:
    """Without what a stale poll repeated. Twins are both there: the later poll's comes last."""
    stale = {poll.started_at for poll in polls if poll.stale}
    read: list[Sighting] = []
    latest: dict[bool, int | None] = {True: None, False: None}  # of each counter
    for sighting in life.sightings:
        cumulative = sighting.all_time is not None
        value = sighting.all_time if cumulative else sighting.rolling
        if sighting.poll in stale and value is not None and value == latest[cumulative]:
            continue
        if value is not None:
            latest[cumulative] = value
        read.append(sighting)
    return read


def counter_of(read: Sequence[Sighting]) -> list[Sighting]:
    """The readings of the cumulative counter, one at an instant: the later poll's, if it says another value."""
    readings: list[Sighting] = []
    for sighting in read:
        if sighting.all_time is None:
            continue
        if readings and readings[-1].at == sighting.at:
            if readings[-1].all_time == sighting.all_time:
                continue
            readings.pop()
        readings.append(sighting)
    return readings


def value_of(reading: Sighting) -> int:
    assert reading.all_time is not None
    return reading.all_time


# --- a cumulative counter ------------------------------------------------------------------------------------------


def lines_of(life: Life, read: Sequence[Sighting], polls: Sequence[Poll]) -> list[Line]:
    readings = counter_of(read)
    if not readings:
        return []
    lines = first_line(life, readings[0], polls)
    i = 0
    while i + 1 < len(readings):
        back = end_of_dip(readings, i)
        j = i + 1 if back is None else back
        lines.append(step(readings[i], readings[j], read, is_dip=back is not None))
        i = j
    return lines


def end_of_dip(readings: Sequence[Sighting], i: int) -> int | None:
    """Where the fall after reading i is made good; None when there is no fall, or none that counts as a dip."""
    before = value_of(readings[i])
    if value_of(readings[i + 1]) >= before:
        return None
    for j in range(i + 2, len(readings)):
        if readings[j].at > readings[i + 1].at + 7 * DAY:
            return None
        if value_of(readings[j]) >= before:
            return j if comes_in_one_step(readings[i + 1 : j + 1]) else None
    return None


def comes_in_one_step(way_back: Sequence[Sighting]) -> bool:
    """At least half of the rise, counted from the lowest, lies between two successive readings."""
    values = [value_of(reading) for reading in way_back]
    lowest = min(values)
    since = len(values) - 1 - values[::-1].index(lowest)
    largest = max(values[k + 1] - values[k] for k in range(since, len(values) - 1))
    return 2 * largest >= values[-1] - lowest


def step(before: Sighting, after: Sighting, read: Sequence[Sighting], *, is_dip: bool) -> Line:
    rise = value_of(after) - value_of(before)
    if rise < 0:
        return Line(before.at, after.at, 0, rise, flags=frozenset({"correction"}))
    flags = frozenset({"dip"} if is_dip else ())
    counts = [s.rolling for s in read if s.rolling is not None and after.at <= s.at <= after.at + 3 * DAY]
    span = after.at - before.at
    if counts and span <= 7 * DAY and rise > 2 * max(counts) + 1_000:
        downloads = rounded(Fraction(max(counts) * span, ROLLING_SPAN))
        return Line(before.at, after.at, downloads, rise - downloads, estimated=True, flags=flags | {"restatement"})
    return Line(before.at, after.at, rise, flags=flags)


def first_line(life: Life, first: Sighting, polls: Sequence[Poll]) -> list[Line]:
    """What happened before the first reading of the counter."""
    value = value_of(first)
    created = known_creation(life, first)
    since = grew_from_zero_since(life, first, created, polls)
    if since is not None:
        return [Line(since, first.at, value)]
    if first.rolling is None:
        return []
    begin = first.at - ROLLING_SPAN
    if created is not None:
        begin = max(begin, created)
    return [Line(begin, first.at, first.rolling, estimated=True)]


def counter_begins(life: Life, read: Sequence[Sighting], polls: Sequence[Poll]) -> int:
    """From when on the cumulative counter speaks: from ever when the model is known to have begun at 0."""
    readings = counter_of(read)
    if not readings:
        return FOREVER
    first = readings[0]
    created = known_creation(life, first)
    if grew_from_zero_since(life, first, created, polls) is not None:
        return NEVER
    if first.rolling is None:
        return first.at
    begin = first.at - ROLLING_SPAN
    return NEVER if created is not None and created >= begin else begin


def known_creation(life: Life, first: Sighting) -> int | None:
    if life.created_at is None or life.created_at == CREATED_AT_FLOOR:
        return None
    return min(life.created_at, first.at - 1)


def grew_from_zero_since(life: Life, first: Sighting, created: int | None, polls: Sequence[Poll]) -> int | None:
    """The instant at which the counter is known to have been 0; None: not known."""
    # Of twins the later poll's value counts; that it was read is known since the earlier one.
    asked = min(s.poll for s in life.sightings if s.at == first.at and s.all_time is not None)
    before = [poll for poll in polls if poll.started_at < asked and not poll.thin]
    if before and created is not None and created > before[-1].started_at:
        return created
    proof = absent_from(life, created, before)
    if proof is not None:
        launched = first.rolling is not None and value_of(first) <= first.rolling
        return proof if launched else None
    if created is not None and first.at - created <= ROLLING_SPAN:
        return created
    return None


def absent_from(life: Life, created: int | None, before: Sequence[Poll]) -> int | None:
    """Start of the last complete poll of the whole hub, if it could list the model (it is older) and did not."""
    whole = [poll for poll in before if poll.whole]
    if not whole:
        return None
    last = whole[-1].started_at
    if created is not None and created > last:
        return None
    # Listed by it or before: the model was there, with a counter or without.
    return None if any(sighting.poll <= last for sighting in life.sightings) else last


# --- no cumulative counter -----------------------------------------------------------------------------------------


def rolling_growth(life: Life, read: Sequence[Sighting], start: int, end: int, as_of: int) -> Fraction:
    """Months in tiles of 30 days; any other window takes its months in proportion to time."""
    readings = rolling_of(read)
    if not any(reading.all_time is None for reading in readings):
        return Fraction(0)
    created = known_creation(life, readings[0])
    said = [s for s in read if s.all_time is not None or s.rolling is not None]
    total = Fraction(0)
    for month_start, month_end in months_of(start, end):
        last = min(month_end, as_of)
        if life.gone:
            last = min(last, said[-1].at)
        first = month_start if created is None else max(month_start, created)
        overlap = min(end, last) - max(start, first)
        if overlap > 0:
            total += tiles(readings, created, first, last) * Fraction(overlap, last - first)
    return total


def tiles(readings: Sequence[Sighting], created: int | None, start: int, end: int) -> Fraction:
    """Downloads in `(start, end]`, tiled backwards from the end."""
    total = Fraction(0)
    tile_end = end
    while tile_end > start:
        tile_start = tile_end - ROLLING_SPAN
        if created is not None:
            tile_start = max(tile_start, created)
        count = count_at(readings, tile_end)
        if count is not None:
            total += count * Fraction(tile_end - max(tile_start, start), tile_end - tile_start)
        tile_end = tile_start
    return total


def rolling_of(read: Sequence[Sighting]) -> list[Sighting]:
    """The readings of the 30-day count, one at an instant: the later poll's."""
    readings: list[Sighting] = []
    for sighting in read:
        if sighting.rolling is None:
            continue
        if readings and readings[-1].at == sighting.at:
            readings.pop()
        readings.append(sighting)
    return readings


def count_at(readings: Sequence[Sighting], at: int) -> Fraction | None:
    """The 30-day count at an instant; None: no reading near enough."""
    before = [s for s in readings if s.at <= at]
    after = [s for s in readings if s.at > at]
    if before and (before[-1].at == at or (after and seen_unchanged(before[-1], after[0]))):
        return Fraction(count_of(before[-1]))
    low = before[-1] if before and at - before[-1].at <= NEAR else None
    high = after[0] if after and after[0].at - at <= NEAR else None
    if low is None or high is None:
        one = low or high
        return None if one is None else Fraction(count_of(one))
    return count_of(low) + (count_of(high) - count_of(low)) * Fraction(at - low.at, high.at - low.at)


def seen_unchanged(one: Sighting, other: Sighting) -> bool:
    """A counter seen unchanged is read at every moment between. Only where it is the counter.

    Nobody knows what a 30-day count was farther than 15 days from any sighting.
    """
    if other.at - one.at > 2 * NEAR:
        return False
    return one.rolling == other.rolling and one.all_time is None and other.all_time is None


def count_of(reading: Sighting) -> int:
    assert reading.rolling is not None
    return reading.rolling


def months_of(start: int, end: int) -> list[tuple[int, int]]:
    months = []
    while start < end:
        day = datetime.fromtimestamp(start, UTC)
        first = datetime(day.year, day.month, 1, tzinfo=UTC)
        following = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
        months.append((int(first.timestamp()), int(following.timestamp())))
        start = months[-1][1]
    return months

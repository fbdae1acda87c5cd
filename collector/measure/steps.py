"""The rules for falls and jumps of one model's cumulative counter. Pure; knows one model's readings and no window.

* dip: a fall made good within 7 days, at least half of the rise in one step: as if it had not been read.
* correction: any other fall; open for 7 days.
* restatement: a rise that the 30-day count cannot explain; open for 3 days.

Rules: README "Falls and jumps". Evidence that counters do fall: huggingface_hub#4365; that they are recounted:
huggingface.js#1697.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from collector.measure.spans import CORRECTION, DIP, INSTANT, NEVER, RESTATEMENT, Span
from collector.model import DAY

DIP_SECONDS = 7 * DAY
RESTATEMENT_SPAN_SECONDS = 7 * DAY
RESTATEMENT_SECONDS = 3 * DAY
RESTATEMENT_MARGIN = 1_000  # downloads
ROLLING_SECONDS = 30 * DAY


class Plateau(NamedTuple):
    """A value of the cumulative counter and the time during which it was seen: it is read at every moment of it."""

    first: int
    last: int
    value: int
    flags: int = 0


class Rolling(NamedTuple):
    """A reading of the 30-day count."""

    at: int
    downloads_30d: int


def judge(model_id: int, plateaus: Sequence[Plateau], rolling: Sequence[Rolling], as_of: int) -> list[Span]:
    """The growth between the plateaus of one model, in order, as spans.

    `as_of` is the latest moment the hub was read: a judgement that later readings could change is open until then.
    """
    spans = []
    i = 1
    while i < len(plateaus):
        before = plateaus[i - 1]
        if plateaus[i].value >= before.value:
            spans.append(_rise(model_id, before, plateaus[i], rolling, as_of))
        elif (back := _made_good(plateaus, i)) is not None:
            span = _rise(model_id, before, plateaus[back], rolling, as_of)
            spans.append(span._replace(flags=span.flags | DIP))
            i = back
        else:
            spans.append(_correction(model_id, before, plateaus[i], as_of))
        i += 1
    return spans


def _made_good(plateaus: Sequence[Plateau], low: int) -> int | None:
    """The reading that makes the fall at `low` good, or None when it is no dip."""
    before, deadline = plateaus[low - 1].value, plateaus[low].first + DIP_SECONDS
    back = low
    while back < len(plateaus) and plateaus[back].first <= deadline:
        if plateaus[back].value >= before:
            return back if _mostly_in_one_step(plateaus, low, back) else None
        back += 1
    return None


def _mostly_in_one_step(plateaus: Sequence[Plateau], low: int, back: int) -> bool:
    """Whether at least half of the rise, counted from the lowest, comes between two successive readings."""
    lowest = min(range(low, back), key=lambda k: (plateaus[k].value, -k))
    steps = (plateaus[k].value - plateaus[k - 1].value for k in range(lowest + 1, back + 1))
    return 2 * max(steps) >= plateaus[back].value - plateaus[lowest].value


def _correction(model_id: int, before: Plateau, after: Plateau, as_of: int) -> Span:
    until = after.first + DIP_SECONDS
    return Span(
        model_id,
        before.last,
        after.first,
        downloads=0,
        corrections=after.value - before.value,
        flags=CORRECTION | (after.flags & INSTANT),
        open_until=until if as_of < until else NEVER,
    )


def _rise(model_id: int, before: Plateau, after: Plateau, rolling: Sequence[Rolling], as_of: int) -> Span:
    rise, seconds = after.value - before.value, after.first - before.last
    until = after.first + RESTATEMENT_SECONDS
    most = max((r.downloads_30d for r in rolling if after.first <= r.at <= until), default=None)
    flags = after.flags & INSTANT
    if most is None or seconds > RESTATEMENT_SPAN_SECONDS or rise - 2 * most <= RESTATEMENT_MARGIN:
        return Span(model_id, before.last, after.first, rise, flags=flags)
    downloads = (2 * most * seconds + ROLLING_SECONDS) // (2 * ROLLING_SECONDS)  # half up
    return Span(
        model_id,
        before.last,
        after.first,
        downloads,
        corrections=rise - downloads,
        estimated=True,
        flags=flags | RESTATEMENT,
        open_until=until if as_of < until else NEVER,
    )

"""Spans of growth and what a window cuts out of them. Pure; knows neither counters nor how a span was judged.

A span says: so many downloads happened in `(start, end]`, evenly. Seen as a counter it is the straight line from 0 at
`start` to the amount at `end`, rounded to a whole number wherever a window cuts it; so windows add up in whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from collector.model import DAY, Window
from collector.series import Bools, Ints

NEVER = np.iinfo(np.int64).min  #: `open_until` of a span that is judged for good

DIP, CORRECTION, RESTATEMENT, INSTANT, FIRST = 1, 2, 4, 8, 16
FLAG_NAMES = {
    DIP: "dip",
    CORRECTION: "correction",
    RESTATEMENT: "restatement",
    INSTANT: "instant",
    FIRST: "first",
}


class Span(NamedTuple):
    """Growth of one model in `(start, end]`, Unix seconds."""

    model_id: int
    start: int
    end: int
    downloads: int  #: happened in the span, never negative
    corrections: int = 0  #: taken back (negative) or recounted (positive) by the hub; no downloads
    estimated: bool = False  #: the downloads are estimated
    flags: int = 0  #: DIP, CORRECTION … added up
    open_until: int = NEVER  #: the judgement may still change for readings until then


@dataclass(frozen=True, slots=True)
class Spans:
    """Many spans as columns of equal length."""

    model_id: Ints
    start: Ints
    end: Ints
    downloads: Ints
    corrections: Ints
    estimated: Bools
    flags: Ints
    open_until: Ints

    def __len__(self) -> int:
        return len(self.model_id)

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Spans:
        """Columns from single spans."""
        rows = np.array(list(spans), dtype=np.int64).reshape(-1, 8)
        model_id, start, end, downloads, corrections, estimated, flags, open_until = rows.T
        return cls(model_id, start, end, downloads, corrections, estimated != 0, flags, open_until)

    @classmethod
    def plain(cls, model_id: Ints, start: Ints, end: Ints, downloads: Ints) -> Spans:
        """Columns of measured growth without a flag."""
        zeros = np.zeros(len(model_id), np.int64)
        return cls(
            model_id,
            start,
            end,
            downloads,
            zeros,
            zeros.astype(np.bool_),
            zeros,
            np.full(len(model_id), NEVER, np.int64),
        )

    def where(self, rows: Bools | Ints) -> Spans:
        """Some of the spans."""
        return Spans(*(getattr(self, field.name)[rows] for field in fields(self)))


def join(parts: Iterable[Spans]) -> Spans:
    """All spans of several tables, in the order given."""
    parts = list(parts)
    return Spans(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Spans)))


def touching(spans: Spans, window: Window) -> Bools:
    """Which spans share a moment with `(window.start, window.end]`."""
    return (spans.start < window.end) & (spans.end > window.start)


def part_in(amount: Ints, spans: Spans, window: Window) -> Ints:
    """What the window cuts out of `amount` spread over the spans: the line's whole numbers at its end minus its start.

    A span without length lies wholly at its end.
    """
    return _line(amount, spans, np.int64(window.end)) - _line(amount, spans, np.int64(window.start))


def day_by_day(spans: Spans, days: Ints) -> tuple[Ints, Ints, Ints]:
    """What happened of each span on each day: place of the span, place of the day, downloads.

    `days` are the 00:00 UTC (Unix seconds) of days one after the other; only those that a span touches come up with it.
    """
    first = np.maximum((spans.start - days[0]) // DAY, 0)
    number = np.maximum(np.minimum((spans.end - days[0] - 1) // DAY + 1, len(days)) - first, 0)
    span = np.repeat(np.arange(len(spans)), number)
    day = np.arange(len(span)) - np.repeat(np.cumsum(number) - number - first, number)
    each, amount = spans.where(span), spans.downloads[span]
    return span, day, _line(amount, each, days[day] + DAY) - _line(amount, each, days[day])


def _line(amount: Ints, spans: Spans, instant: np.int64 | Ints) -> Ints:
    """The counter of a span at an instant, rounded half up; 0 before its start, the amount from its end on."""
    length = np.maximum(spans.end - spans.start, 1)
    passed = np.clip(instant - spans.start, 0, length)
    # Whole and rest apart: amount × seconds would leave 64 bits for the largest counters over the longest spans.
    whole, rest = np.divmod(amount, length)
    value = whole * passed + (2 * rest * passed + length) // (2 * length)
    return np.where(instant >= spans.end, amount, np.where(instant <= spans.start, 0, value)).astype(np.int64)

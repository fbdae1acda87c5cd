"""When a reading is and how long its span: two numbers in one, `observation.time_and_span`. Pure; runs no statement.

The only place that knows how they lie in it. `time_and_span` + 2^30 has three fields, from the lowest bit on:

    13 bits   seconds, what exceeds whole 8,192 of them
    31 bits   span_seconds - 86,400 + 2^17: spans of up to 68 years, and -1 for none
     4 bits   how often seconds holds 8,192: a poll of up to 36 hours

Without the 2^30 a span of a day is 0, and what is common is a small number, which is what its room in SQLite goes by:
three bytes while seconds are below 8,192 and the span is within 17 minutes of a day; four while it is within three days
of it (an hour is, and none); otherwise six, and eight after 18 hours of a poll. A walk of 2.5 million models takes 25
to 45 minutes at the rate that the hub allows, and reads each page some minutes earlier or later than the day before.
Of the 24 bits seconds have more than they need today, since a poll that outgrows them pays three bytes for each later
reading of every day, and a span that outgrows its own pays one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from collector.model import DAY

if TYPE_CHECKING:  # a poll and a query start without numpy
    from sqlalchemy import ColumnElement

    from collector.series import Ints

N = TypeVar("N", int, "Ints")
M = TypeVar("M", int, "Ints", "ColumnElement[int]")

SECONDS = 1 << 17  #: a reading comes less than so many seconds after its poll's start
NO_SPAN = -1  #: the span of a model's very first reading (`collector.series.NOT_SAID`)

_LOW_BITS, _SPAN_BITS = 13, 31  # of seconds, of span_seconds; the rest are seconds again
_HIGH_FROM = _LOW_BITS + _SPAN_BITS
_LOWEST_SPAN = DAY - (1 << 17)  # as the field's 0: nothing below is stored, and a day's span is a power of two
SPAN_STEP = 1 << _LOW_BITS  #: what one more second of span adds
_SHIFT = (DAY - _LOWEST_SPAN) * SPAN_STEP
_SPANS = (1 << _SPAN_BITS) - 1


def time_and_span(seconds: int, span_seconds: int | None) -> int:
    """When a reading is after its poll's start and its span (None at the very first), as `observation` holds them.

    ValueError when one does not fit: it would be read as another.
    """
    if not 0 <= seconds < SECONDS:
        raise ValueError(f"a reading {seconds} seconds after its poll's start cannot be stored")
    span = NO_SPAN if span_seconds is None else span_seconds
    if not NO_SPAN <= span <= _LOWEST_SPAN + _SPANS:
        raise ValueError(f"a reading with a span of {span} seconds cannot be stored")
    return seconds_part(seconds) + span_part(span)


def seconds_part(seconds: N) -> N:
    """What seconds after a poll's start put into `time_and_span`; the rest of it is the span."""
    return (seconds & (SPAN_STEP - 1)) + ((seconds >> _LOW_BITS) << _HIGH_FROM)


def span_part(span_seconds: M) -> M:
    """What spans (NO_SPAN where there is none) put into `time_and_span`; the rest of it is seconds."""
    return (span_seconds - DAY) * SPAN_STEP


def seconds_of(number: N) -> N:
    """The seconds that `time_and_span` holds."""
    return (number & (SPAN_STEP - 1)) + (((number + _SHIFT) >> _HIGH_FROM) << _LOW_BITS)


def span_of(number: N) -> N:
    """The span that `time_and_span` holds, NO_SPAN where there is none."""
    return (((number + _SHIFT) >> _LOW_BITS) & _SPANS) + _LOWEST_SPAN


def seconds_sql(column: str) -> str:
    """`seconds_of` a column, on both engines."""
    return f"({column} & {SPAN_STEP - 1}) + ((({column} + {_SHIFT}) >> {_HIGH_FROM}) << {_LOW_BITS})"


def span_sql(column: str) -> str:
    """`span_of` a column, on both engines."""
    return f"((({column} + {_SHIFT}) >> {_LOW_BITS}) & {_SPANS}) - {-_LOWEST_SPAN}"

"""Where and when a reading is: the one place that knows how `observation` is keyed and timed. Pure; runs no statement.

A reading's `id` is its poll's number and its model's in one. Readings are therefore stored by poll, and within it by
model; a table that only grows at its end keeps its pages full, and one number of five bytes is its whole key. So a
statement that is to be quick names `id`, by `of_poll` or `of_model`. `poll_id` and `model_id` are worked out from it
and serve to say, not to find. When it was read and how long its span is stand in one number as well, for room, and
serve by their own names. `benchmarks/README.md` has what either takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import BigInteger, ColumnElement, FromClause, Join, cast, literal_column

from collector.model import DAY
from collector.store.schema import MODEL_BITS, SECONDS_BITS, model, observation, poll

if TYPE_CHECKING:  # a poll and a query start without numpy
    from collector.series import Ints

NUMBERS = 1 << MODEL_BITS  #: readings' numbers that each poll has
_LAST_MODEL = NUMBERS - 1
N = TypeVar("N", int, "Ints")

AT = poll.c.started_at + observation.c.seconds  #: the instant of a reading (Unix seconds), beside its poll
BEGIN = AT - observation.c.span_seconds  #: the last sighting of the value before

SECONDS = 1 << SECONDS_BITS  #: a reading comes less than so many seconds after its poll's start
NO_SPAN = -1  #: the span of a model's very first reading (`collector.series.NOT_SAID`)
#: `span_seconds` where there is one: SQLite works it out in two thirds of the time.
SPAN = observation.c.time_and_span.bitwise_rshift(literal_column(str(SECONDS_BITS))) + DAY


def reading_id(poll_id: N, model_id: N) -> N:
    """The number of a reading, or of many."""
    return poll_id * NUMBERS + model_id


def time_and_span(seconds: int, span_seconds: int | None) -> int:
    """When a reading is after its poll's start and its span (None at the very first), as `observation` holds them.

    ValueError when it is before the poll's start or too long after: it would be read as another moment.
    """
    if not 0 <= seconds < SECONDS:
        raise ValueError(f"a reading {seconds} seconds after its poll's start cannot be stored")
    return span_part(NO_SPAN if span_seconds is None else span_seconds) + seconds


def span_part(span_seconds: N) -> N:
    """What spans (NO_SPAN where there is none) add to `time_and_span`; the rest of it is seconds."""
    return (span_seconds - DAY) * SECONDS


def of_poll(poll_id: ColumnElement[int] | int = poll.c.id, readings: FromClause = observation) -> ColumnElement[bool]:
    """The readings of a poll, or of each poll of a statement."""
    return of_models(0, _LAST_MODEL, poll_id, readings)


def of_models(
    first: int, last: int, poll_id: ColumnElement[int] | int = poll.c.id, readings: FromClause = observation
) -> ColumnElement[bool]:
    """The readings of the models numbered from `first` to `last`, of a poll or of each poll of a statement."""
    return readings.c.id.between(_id(poll_id, first), _id(poll_id, last))


def of_each(model_ids: Iterable[int]) -> Join:
    """All polls with the readings of these few models: what to select from."""
    return poll.join(model, model.c.id.in_(model_ids)).join(observation, of_model())


def of_model(
    model_id: ColumnElement[int] | int = model.c.id,
    poll_id: ColumnElement[int] | int = poll.c.id,
    readings: FromClause = observation,
) -> ColumnElement[bool]:
    """The reading of a model by a poll, or of each model and poll of a statement."""
    return readings.c.id == _id(poll_id, model_id)


def _id(poll_id: ColumnElement[int] | int, model_id: ColumnElement[int] | int) -> ColumnElement[int]:
    return cast(poll_id, BigInteger) * NUMBERS + model_id

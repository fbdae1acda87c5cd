"""Which reading is whose: the one place that knows how `observation` is keyed. Pure; runs no statement.

A reading's `id` is its poll's number and its model's in one. Readings are therefore stored by poll, and within it by
model; a table that only grows at its end keeps its pages full, and one number of five bytes is its whole key. So a
statement that is to be quick names `id`, by `of_poll` or `of_model`. `poll_id` and `model_id` are worked out from it
and serve to say, not to find. `benchmarks/README.md` has what it takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import BigInteger, ColumnElement, FromClause, Join, cast

from collector.store.schema import MODEL_BITS, model, observation, poll

if TYPE_CHECKING:  # a poll and a query start without numpy
    from collector.series import Ints

NUMBERS = 1 << MODEL_BITS  #: readings' numbers that each poll has
_LAST_MODEL = NUMBERS - 1
N = TypeVar("N", int, "Ints")

AT = poll.c.started_at + observation.c.seconds  #: the instant of a reading (Unix seconds), beside its poll
BEGIN = AT - observation.c.span_seconds  #: the last sighting of the value before


def reading_id(poll_id: N, model_id: N) -> N:
    """The number of a reading, or of many."""
    return poll_id * NUMBERS + model_id


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

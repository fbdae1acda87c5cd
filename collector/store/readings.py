"""Reading what is stored as columns of numbers, for the measure. Read-only; decides nothing about downloads.

Instants are Unix seconds. NULL becomes NOT_SAID (NO_DELTA for `delta`), so that silence never becomes zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)

from collector.model import DAY, Window
from collector.series import NO_DELTA, NOT_SAID, Ints, Models, Readings
from collector.store import hub_polls
from collector.store.arrays import fetched
from collector.store.database import Database
from collector.store.histories import chunks, rows_among
from collector.store.numbering import AT, of_each, of_poll
from collector.store.schema import model, model_name, model_state, observation, poll

_FEW = 200_000  # models that are found by their numbers sooner than all models are read


@dataclass(frozen=True, slots=True)
class Trailing:
    """The hub's own last 30 days, sorted by model_id."""

    model_id: Ints
    downloads_30d: Ints  #: or NOT_SAID

    def __len__(self) -> int:
        return len(self.model_id)


def reads_until() -> ColumnElement[int]:
    """The latest moment at which a poll can have read: one that did not end goes on for a day at most."""
    p = poll.c
    ended = and_(p.finished_at.is_not(None), p.scope != "import")
    return case((ended, p.finished_at), else_=p.started_at + DAY)


def readings_of_models(db: Database, hub_id: int, model_ids: Sequence[int]) -> Readings:
    """Every stored reading of a few models."""
    with db.connect() as conn:
        parts = [fetched(conn, of_models(hub_id, part)) for part in chunks(model_ids)]
        return as_readings(np.concatenate([np.empty((0, 8), np.int64), *parts]))


def _or_not_said(column: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(column, NOT_SAID)


READING = (
    observation.c.model_id,
    AT,
    observation.c.poll_id,
    poll.c.started_at,
    _or_not_said(observation.c.downloads_all_time),
    _or_not_said(observation.c.downloads_30d),
    _or_not_said(observation.c.span_seconds),
    func.coalesce(observation.c.delta, literal(NO_DELTA, BigInteger)),
)  #: the columns of `Readings`
READINGS = select(*READING).join_from(poll, observation, of_poll())  # poll by poll


def of_models(hub_id: int | None, model_ids: Iterable[int], *which: ColumnElement[bool]) -> Select[Any]:
    """Readings of a few models, by all polls of the hub or by those `which` says."""
    return select(*READING).select_from(of_each(model_ids)).where(poll.c.hub_id == hub_id, *which)


def lists_rolling_only(conn: Connection, hub_id: int) -> bool:
    """Whether any poll of the hub lists a model without a cumulative counter: else there are no tiles."""
    lacking = select(poll.c.id).where(poll.c.hub_id == hub_id, poll.c.models_with_all_time < poll.c.models_listed)
    return conn.execute(lacking.limit(1)).first() is not None


def with_rolling_only(conn: Connection, hub_id: int) -> Ints:
    """Models without a cumulative reading, or with readings of the 30-day count alone beside them; in order."""
    if not lists_rolling_only(conn, hub_id):
        return np.empty(0, np.int64)
    of_hub = select(model_state.c.model_id).join_from(model_state, model).where(model.c.hub_id == hub_id)
    never = of_hub.where(model_state.c.downloads_all_time.is_(None), model_state.c.seen_at.is_not(None))
    # Only polls that list a model without a cumulative counter can hold such a reading: mostly none are read.
    at_times = (
        select(observation.c.model_id)
        .join_from(poll, observation, of_poll())
        .where(poll.c.hub_id == hub_id, poll.c.models_with_all_time < poll.c.models_listed)
        .where(observation.c.downloads_all_time.is_(None))
    )
    return np.array(sorted(conn.execute(never.union(at_times)).scalars()), np.int64)


def as_readings(rows: NDArray[np.int64]) -> Readings:
    """Sorted by model, instant and poll, each reading once."""
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    twice = (rows[1:, 0] == rows[:-1, 0]) & (rows[1:, 2] == rows[:-1, 2])
    rows = rows[np.concatenate(([True], ~twice))] if len(rows) else rows
    return Readings(*_columns(rows))


def _columns(rows: NDArray[np.int64]) -> list[Ints]:
    return [np.ascontiguousarray(column) for column in rows.T]


# --- models -----------------------------------------------------------------------------------------------


def models(db: Database, hub_id: int, window: Window, only: Sequence[int] | Ints | None = None) -> Models:
    """Every model of a hub (or a few of them), with the account it lived under on the window's last day."""
    with db.connect() as conn:
        if only is not None and len(only) <= _FEW:
            few = sorted(map(int, only))  # drivers take no numbers of numpy's
            rows = np.array(rows_among(conn, _AMONG, model.c.id, few, of_hub=hub_id), np.int64).reshape(-1, 6)
        else:
            rows = fetched(conn, _MODELS.where(model.c.hub_id == hub_id).order_by(model.c.id))
        earlier = fetched(conn, _names_until(hub_id, window.end))
        polls = hub_polls.read_from(conn, hub_id)  # after the models: the poll that listed one is known
    rows = rows if only is None else rows[np.isin(rows[:, 0], only)]
    earlier = earlier[np.isin(earlier[:, 0], rows[:, 0])]
    model_id, publisher_id, created_at, seen_at, first_poll, listed_poll = _columns(rows)
    publisher_id[np.searchsorted(model_id, earlier[:, 0])] = earlier[:, 1]
    return Models(
        model_id=model_id,
        publisher_id=publisher_id,
        created_at=created_at,
        seen_at=seen_at,
        first_listed_at=polls.starts_of(first_poll),
        gone=polls.gone(listed_poll, seen_at),
    )


_MODELS = select(
    model.c.id,
    model.c.publisher_id,
    _or_not_said(model.c.created_at),
    _or_not_said(model_state.c.seen_at),
    _or_not_said(model.c.first_poll_id),
    _or_not_said(model_state.c.listed_poll_id),
).join_from(model, model_state)
# + 0: by the index of hubs SQLite would read all models, and for none of them 0.2 s of 2.5 million.
_AMONG = _MODELS.where(model.c.hub_id + 0 == bindparam("of_hub", type_=Integer)).order_by(model.c.id)


def renamed(db: Database, hub_id: int, window: Window, after: int = 0) -> Ints:
    """The models that bore another name on the window's last day, or until a poll numbered above `after`; in order."""
    query = select(model_name.c.model_id).join(poll, poll.c.id == model_name.c.poll_id).where(poll.c.hub_id == hub_id)
    query = query.where(or_(model_name.c.poll_id > after, model_name.c.replaced_at >= window.end)).distinct()
    with db.connect() as conn:
        found: Ints = np.sort(fetched(conn, query)[:, 0])
        return found


def _names_until(hub_id: int, end: int) -> Select[Any]:
    """Models renamed at or after an instant, with the account they lived under until the first such rename."""
    renamed = (
        select(model_name.c.model_id, func.min(model_name.c.replaced_at).label("at"))
        .join_from(model_name, poll, model_name.c.poll_id == poll.c.id)
        .where(poll.c.hub_id == hub_id, model_name.c.replaced_at >= end)
        .group_by(model_name.c.model_id)
        .subquery()
    )
    the_first = and_(model_name.c.model_id == renamed.c.model_id, model_name.c.replaced_at == renamed.c.at)
    return select(model_name.c.model_id, model_name.c.publisher_id).join_from(model_name, renamed, the_first)


def trailing(db: Database, poll_id: int) -> Trailing:
    """The latest 30-day counts of the models that this complete poll or a later one lists."""
    with db.connect() as conn:
        of = conn.execute(select(poll).where(poll.c.id == poll_id)).one()
        since = or_(poll.c.started_at > of.started_at, and_(poll.c.started_at == of.started_at, poll.c.id >= of.id))
        query = (
            select(model_state.c.model_id, _or_not_said(model_state.c.downloads_30d))
            .join_from(model_state, poll, model_state.c.listed_poll_id == poll.c.id)
            .where(poll.c.hub_id == of.hub_id, since)
            .order_by(model_state.c.model_id)
        )
        rows = fetched(conn, query)
    return Trailing(*_columns(rows))

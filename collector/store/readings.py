"""Reading what is stored as columns of numbers, for the measure. Read-only; decides nothing about downloads.

Instants are Unix seconds. NULL becomes NOT_SAID (NO_DELTA for `delta`), so that silence never becomes zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
from collector.series import NO_DELTA, NOT_SAID, Bools, Ints, Models, Polls, Readings
from collector.store.arrays import fetched
from collector.store.database import Database
from collector.store.histories import chunks, rows_among
from collector.store.numbering import AT, of_each, of_poll
from collector.store.schema import model, model_name, model_state, observation, poll

BEFORE = 9 * DAY  # a window's falls and rises begin up to a dip's week, and a restatement's, before it
AFTER = 32 * DAY  # its falls are judged, and the 30-day counts of its last tile read, after it
SPANS_AFTER = 8 * DAY  # a later reading still matters when the value before it was last seen until then
_FEW = 200_000  # models that are found by their numbers sooner than all models are read


class PollAt(NamedTuple):
    """A poll and its start."""

    id: int
    started_at: int


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


def last_start_that_matters(db: Database, hub_id: int, window: Window) -> int:
    """Start of the last poll whose readings a window rests on as a matter of course.

    Falls are judged and first sightings reach back within `AFTER`. After an outage the first polls that follow the
    window say which models were created in it: until one that is not thin, and until one of the whole hub, which may
    show for the first time what was launched since the last such poll.
    """
    complete = select(func.min(poll.c.started_at)).where(poll.c.hub_id == hub_id, poll.c.status == "complete")
    proof = complete.where(poll.c.scope != "import", poll.c.is_thin.is_(False), poll.c.started_at >= window.end)
    with db.connect() as conn:
        said = [conn.execute(query).scalar() for query in (proof, proof.where(poll.c.scope == "all"))]
    firsts: list[int] = [first for first in said if first is not None]
    return max([window.end + AFTER, *firsts])


def second_whole_poll(db: Database, hub_id: int, since: int) -> int:
    """Start of the second poll from a moment on that proves absences: two prove who is gone. 0: there is none."""
    later = _whole_polls(hub_id).where(poll.c.started_at >= since).order_by(poll.c.started_at, poll.c.id)
    with db.connect() as conn:
        second = conn.execute(later.offset(1).limit(1)).first()
    return 0 if second is None else second.started_at


def whole_series(db: Database, hub_id: int) -> Readings:
    """Every stored reading of a hub."""
    with db.connect() as conn:
        return as_readings(fetched(conn, READINGS.where(poll.c.hub_id == hub_id)))


def readings_of(db: Database, model_id: int) -> Readings:
    """Every stored reading of one model."""
    with db.connect() as conn:
        hub_id = conn.execute(select(model.c.hub_id).where(model.c.id == model_id)).scalar()
        return as_readings(fetched(conn, of_models(hub_id, [model_id])))


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


def with_rolling_only(conn: Connection, hub_id: int) -> Ints:
    """Models without a cumulative reading, or with readings of the 30-day count alone beside them; in order."""
    lacking = select(poll.c.id).where(poll.c.hub_id == hub_id, poll.c.models_with_all_time < poll.c.models_listed)
    if conn.execute(lacking.limit(1)).first() is None:
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


# --- models and polls -----------------------------------------------------------------------------------------------


def models(db: Database, hub_id: int, window: Window, only: Sequence[int] | Ints | None = None) -> Models:
    """Every model of a hub (or a few of them), with the account it lived under on the window's last day."""
    with db.connect() as conn:
        before_last, last = _last_whole_polls(conn, hub_id)
        if only is not None and len(only) <= _FEW:
            few = sorted(map(int, only))  # drivers take no numbers of numpy's
            rows = np.array(rows_among(conn, _AMONG, model.c.id, few, of_hub=hub_id), np.int64).reshape(-1, 6)
        else:
            rows = fetched(conn, _MODELS.where(model.c.hub_id == hub_id).order_by(model.c.id))
        earlier = fetched(conn, _names_until(hub_id, window.end))
        starts = fetched(conn, select(poll.c.id, poll.c.started_at).where(poll.c.hub_id == hub_id).order_by(poll.c.id))
    rows = rows if only is None else rows[np.isin(rows[:, 0], only)]
    earlier = earlier[np.isin(earlier[:, 0], rows[:, 0])]
    model_id, publisher_id, created_at, seen_at, first_poll, listed_poll = _columns(rows)
    publisher_id[np.searchsorted(model_id, earlier[:, 0])] = earlier[:, 1]
    return Models(
        model_id=model_id,
        publisher_id=publisher_id,
        created_at=created_at,
        seen_at=seen_at,
        first_listed_at=_started_at(starts, first_poll),
        gone=_gone(before_last, last, listed_poll, _started_at(starts, listed_poll), seen_at),
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


def gone(db: Database, hub_id: int, listed_poll: Ints, seen_at: Ints) -> Bools:
    """Which models are gone, by the last poll that listed each (NOT_SAID: none) and its last sighting."""
    with db.connect() as conn:
        before_last, last = _last_whole_polls(conn, hub_id)
        starts = fetched(conn, select(poll.c.id, poll.c.started_at).where(poll.c.hub_id == hub_id).order_by(poll.c.id))
    return _gone(before_last, last, listed_poll, _started_at(starts, listed_poll), seen_at)


def _started_at(starts: Ints, poll_id: Ints) -> Ints:
    """The start of each of these polls, by the starts of all polls sorted by id; NOT_SAID stays."""
    known = np.concatenate(([[NOT_SAID, NOT_SAID]], starts))
    found: Ints = known[np.searchsorted(known[:, 0], poll_id), 1]
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


def _last_whole_polls(conn: Connection, hub_id: int) -> tuple[PollAt | None, PollAt | None]:
    """The two latest polls that can prove that a model is gone."""
    found = [PollAt(row.id, row.started_at) for row in conn.execute(_whole_polls(hub_id).order_by(*_LATEST).limit(2))]
    return (found[1], found[0]) if len(found) == 2 else (None, None)


def _gone(before_last: PollAt | None, last: PollAt | None, listed_poll: Ints, listed_at: Ints, seen_at: Ints) -> Bools:
    """Listed by neither of the two polls nor since; what was never listed is gone unless an import saw it since."""
    if before_last is None or last is None:
        return np.zeros(len(listed_at), np.bool_)
    at = before_last.started_at
    before: Bools = (listed_at < at) | ((listed_at == at) & (listed_poll < before_last.id))
    unseen: Bools = (listed_poll != NOT_SAID) | (seen_at < at)
    return before & unseen


_LATEST = (poll.c.started_at.desc(), poll.c.id.desc())


def _complete_polls(hub_id: int) -> Select[tuple[int, int]]:
    query = select(poll.c.id, poll.c.started_at)
    return query.where(poll.c.hub_id == hub_id, poll.c.status == "complete", poll.c.scope != "import")


def _whole_polls(hub_id: int) -> Select[tuple[int, int]]:
    """What proves absences: complete polls of the whole hub that are not thin."""
    return _complete_polls(hub_id).where(poll.c.scope == "all", poll.c.is_thin.is_(False))


def polls(db: Database, hub_id: int) -> Polls:
    """The complete polls of a hub, by time; imports are none."""
    more = (poll.c.finished_at, poll.c.scope, poll.c.is_thin, poll.c.is_stale)
    query = _complete_polls(hub_id).add_columns(*more).order_by(poll.c.started_at, poll.c.id)
    with db.connect() as conn:
        rows = conn.execute(query).all()
    return Polls(
        poll_id=np.array([row.id for row in rows], np.int64),
        started_at=np.array([row.started_at for row in rows], np.int64),
        finished_at=np.array([row.finished_at for row in rows], np.int64),
        whole=np.array([row.scope == "all" for row in rows], np.bool_),
        thin=np.array([row.is_thin for row in rows], np.bool_),
        stale=np.array([row.is_stale for row in rows], np.bool_),
    )


def last_good_poll(db: Database, hub_id: int) -> PollAt | None:
    """The last complete poll that is not stale; None when there is none."""
    query = _complete_polls(hub_id).where(poll.c.is_stale.is_(False)).order_by(*_LATEST)
    with db.connect() as conn:
        row = conn.execute(query.limit(1)).first()
    return None if row is None else PollAt(row.id, row.started_at)


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


def as_of(db: Database, hub_id: int) -> int | None:
    """Until when a hub was looked at: the start of the last complete poll, else the latest imported reading."""
    seen = select(func.max(model_state.c.seen_at)).join_from(model_state, model).where(model.c.hub_id == hub_id)
    with db.connect() as conn:
        row = conn.execute(_complete_polls(hub_id).order_by(*_LATEST).limit(1)).first()
        latest: int | None = conn.execute(seen).scalar() if row is None else row.started_at
    return latest

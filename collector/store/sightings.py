"""When each model of a hub was seen last, and by which poll: columns of numbers, read at one moment.

Of nearly all models the runs of the last poll say so (`sighting_runs`); of the others their states are read, and of all
where there are no such runs. Instants are Unix seconds. Knows no rule of counting.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, case, func, select

from collector.series import NOT_SAID, Bools, Ints, is_unbroken
from collector.store import sighting_runs
from collector.store.arrays import columns_of
from collector.store.database import Database
from collector.store.histories import chunks
from collector.store.schema import model_state, sighting_run

_RANGE = 250_000  # models whose states are read at once
_FEW = 0.05  # of a hub's models: their states are found by number sooner than all are read

_S = model_state.c
_SEEN = func.coalesce(_S.seen_at, NOT_SAID)
_LISTED = func.coalesce(_S.listed_poll_id, NOT_SAID)


def sightings(db: Database, hub_id: int, model_id: Ints) -> tuple[Ints, Ints]:
    """When each of these models was seen last, and the last poll that listed it; NOT_SAID where that is unknown."""
    last = int(model_id[-1]) if len(model_id) else 0
    seen_at, listed = np.full(last + 1, NOT_SAID), np.full(last + 1, NOT_SAID)
    with db.connect() as conn:
        in_runs = _lay_out(conn, hub_id, seen_at, listed)
        others = model_id[~in_runs[model_id]]
        if len(others) > _FEW * len(model_id):
            _read_all(conn, seen_at, listed)
        else:
            _read_some(conn, others, seen_at, listed)
    if is_unbroken(model_id):
        return seen_at[model_id[0] :], listed[model_id[0] :]
    return seen_at[model_id], listed[model_id]


def _lay_out(conn: Connection, hub_id: int, seen_at: Ints, listed: Ints) -> Bools:
    """Writes what the runs say, by model; returns which models are in one."""
    in_runs = np.zeros(len(seen_at), np.bool_)
    columns = (
        column.tolist() for column in columns_of(conn, sighting_runs.standing().where(sighting_run.c.hub_id == hub_id))
    )
    for first, last, at, poll_id in zip(*columns, strict=True):
        run = slice(first, last + 1)  # who came since ends beyond the columns
        seen_at[run], listed[run], in_runs[run] = at, poll_id, True
    return in_runs


def _read_some(conn: Connection, model_id: Ints, seen_at: Ints, listed: Ints) -> None:
    for part in chunks(model_id.tolist()):
        ids, seen, polls = columns_of(conn, select(_S.model_id, _SEEN, _LISTED).where(_S.model_id.in_(part)))
        seen_at[ids], listed[ids] = seen, polls


def _read_all(conn: Connection, seen_at: Ints, listed: Ints) -> None:
    last, seen, by = len(seen_at) - 1, _SEEN, _LISTED
    sample = conn.execute(select(seen, by).where(_S.model_id >= last // 2).limit(1)).first()
    then, usual = (NOT_SAID, NOT_SAID) if sample is None else sample
    # One number for both, mostly a small one: nearly all were listed by one poll, at moments near each other.
    both = ((seen - then) * 2 + case((by == usual, 0), else_=1)).label("both")
    for begin in range(0, last + 1, _RANGE):
        among = (_S.model_id >= begin, _S.model_id < min(begin + _RANGE, last + 1))
        ids, said = _numbered_in(conn, begin, select(both).where(*among).order_by(_S.model_id))
        seen_at[ids], listed[ids] = (said >> 1) + then, usual
        if (said & 1).any():
            others, polls = columns_of(conn, select(_S.model_id, by).where(*among, by != usual))
            listed[others] = polls


def _numbered_in(conn: Connection, begin: int, states: Select[Any]) -> tuple[Ints, Ints]:
    """The models from a number on, and what a query of their states says of each, in their order.

    Where the last is as far from the first as there are states, none is missing, and their numbers need not be read.
    """
    # One by one, so that SQLite looks at the ends alone.
    first, last = (
        conn.execute(states.order_by(None).with_only_columns(end(_S.model_id))).scalar() for end in (func.min, func.max)
    )
    (said,) = columns_of(conn, states, in_order=True)
    if first == begin and last == begin + len(said) - 1:
        return np.arange(begin, last + 1), said
    (ids,) = columns_of(conn, states.with_only_columns(_S.model_id), in_order=True)
    return ids, said

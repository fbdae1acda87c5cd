"""When each model of a hub was seen last, and by which poll: columns of numbers, read at one moment.

Of nearly all models the runs of the last poll say so (`sighting_runs`); of the others their states are read, and of all
where there are no such runs. Instants are Unix seconds. Knows no rule of counting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, case, func, select

from collector.series import NOT_SAID, Ints, Narrow, is_unbroken
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


@dataclass(frozen=True, slots=True)
class Sightings:
    """When models were seen last. A page's models share that: it stands once, and each model says where."""

    which: Narrow  #: for each model: its place in the others
    seen_at: Ints  #: Unix seconds, or NOT_SAID
    listed_poll_id: Ints  #: the last poll that listed it, or NOT_SAID

    def at(self, places: Ints) -> Sightings:
        """Those of the models at these places."""
        return replace(self, which=self.which[places])

    def of_each(self) -> tuple[Ints, Ints]:
        """When each model was seen last, and who listed it last."""
        return self.seen_at[self.which], self.listed_poll_id[self.which]


def sightings(db: Database, hub_id: int, model_id: Ints) -> Sightings:
    """When each of these models was seen last, and the last poll that listed it; NOT_SAID where that is unknown."""
    last = int(model_id[-1]) if len(model_id) else 0
    with db.connect() as conn:
        which, seen_at, listed = _in_runs(conn, hub_id, last)
        others = model_id[which[model_id] == 0]
        if len(others) > _FEW * len(model_id):
            return Sightings(np.arange(len(model_id)), *_read_all(conn, model_id, last))
        ids, *states = _read_some(conn, others)
    which[ids] = len(seen_at) + np.arange(len(ids))
    of_models = which[model_id[0] :] if is_unbroken(model_id) else which[model_id]
    return Sightings(of_models, *map(np.append, (seen_at, listed), states))


def _in_runs(conn: Connection, hub_id: int, last: int) -> tuple[NDArray[np.int32], Ints, Ints]:
    """By the numbers of models up to the last: the number of its run, 0 for none; and what the runs say."""
    runs = columns_of(conn, sighting_runs.standing().where(sighting_run.c.hub_id == hub_id))
    which = np.zeros(last + 1, np.int32)
    for number, (begin, end) in enumerate(zip(runs[0].tolist(), runs[1].tolist(), strict=True), 1):
        which[begin : end + 1] = number  # who came since ends beyond the columns
    seen_at, listed = (np.append(NOT_SAID, column) for column in runs[2:])
    return which, seen_at, listed


def _read_some(conn: Connection, model_id: Ints) -> list[Ints]:
    """The models that have a state, and what it says."""
    query = select(_S.model_id, _SEEN, _LISTED)
    parts = [columns_of(conn, query.where(_S.model_id.in_(part))) for part in chunks(model_id.tolist())]
    return [np.concatenate([model_id[:0], *column]) for column in zip(*parts, strict=True)] or [model_id] * 3


def _read_all(conn: Connection, model_id: Ints, last: int) -> tuple[Ints, Ints]:
    seen_at, listed = np.full(last + 1, NOT_SAID), np.full(last + 1, NOT_SAID)
    seen, by = _SEEN, _LISTED
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
    return seen_at[model_id], listed[model_id]


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

"""Models numbered in a row that the last poll of a hub read at one moment: for whoever asks when all were seen last.

`model_state` says so of each model, and to read it of millions takes a third of a second. Whoever writes there keeps
these right: a poll that begins takes those of the one before away, one that proves stale, and an import, take away all.
A poll goes on only where no other came after it. Models that are in none are asked one by one. One poll of a hub writes
at a time. Loads no numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Select, bindparam, delete, insert, select

from collector.store.histories import execute_rows
from collector.store.schema import poll, sighting_run

_NAMES = ("hub_id", "poll_id", "first_model_id", "last_model_id", "seen_at")
_ADD = insert(sighting_run).values({name: bindparam(name) for name in _NAMES})


def add(conn: Connection, hub_id: int, poll_id: int, at: int, runs: Sequence[tuple[int, int]]) -> None:
    """A poll read these models, each first and last of a run, at one moment (Unix seconds)."""
    execute_rows(conn, _ADD, _NAMES, [(hub_id, poll_id, first, last, at) for first, last in runs])


def forget(conn: Connection, hub_id: int) -> None:
    """What the runs say may be so no more."""
    conn.execute(delete(sighting_run).where(sighting_run.c.hub_id == hub_id))


def standing() -> Select[tuple[int, int, int, int]]:
    """First and last model, moment and poll of each run whose poll is complete: of the others nothing is to be read."""
    c = sighting_run.c
    runs = select(c.first_model_id, c.last_model_id, c.seen_at, c.poll_id)
    return runs.join(poll, poll.c.id == c.poll_id).where(poll.c.status == "complete")

"""What the daemon did last and what it has to tell: kept beside the facts, so that a restart forgets nothing.

Knows two tables; knows no schedule, no meaning of an alert, no clock. Instants are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from collector.store.database import Database
from collector.store.schema import alert, job


class Done(NamedTuple):
    """A job that was done to its end."""

    name: str
    done_at: int
    note: str


class Untold(NamedTuple):
    """An alert that nobody was told of yet."""

    key: str
    raised_at: int
    words: str


class Jobs:
    """Reads on any database; what changes something wants one open for writing."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def last(self, name: str) -> Done | None:
        """The job as it was done last; None: never."""
        found = self._select(job.c.name == name)
        return found[0] if found else None

    def named(self, prefix: str) -> list[Done]:
        """The jobs whose names begin so, by name."""
        return self._select(func.substr(job.c.name, 1, len(prefix)) == prefix)

    def done(self, name: str, at: int, note: str = "") -> None:
        """Remember that a job was done."""
        with self._db.begin() as conn:
            _remember(conn, name, at, note)

    def raise_alerts(self, alerts: dict[str, str], at: int, because: Sequence[Done] = ()) -> list[str]:
        """Keeps alerts (words by key) not raised before, and the jobs that found them, as one; returns the new keys."""
        with self._db.begin() as conn:
            known = set(conn.execute(select(alert.c.key).where(alert.c.key.in_(list(alerts)))).scalars())
            fresh = [key for key in alerts if key not in known]
            for key in fresh:
                conn.execute(insert(alert).values(key=key, raised_at=at, told_at=None, words=alerts[key]))
            for done in because:
                _remember(conn, *done)
        return fresh

    def known(self, keys: list[str]) -> set[str]:
        """Those of the keys that were raised before."""
        with self._db.connect() as conn:
            return set(conn.execute(select(alert.c.key).where(alert.c.key.in_(keys))).scalars())

    def untold(self) -> list[Untold]:
        """Alerts that are to be told, oldest first."""
        c = alert.c
        query = select(c.key, c.raised_at, c.words).where(c.told_at.is_(None)).order_by(c.raised_at, c.key)
        with self._db.connect() as conn:
            return [Untold(*row) for row in conn.execute(query)]

    def told(self, key: str, at: int) -> None:
        """Remember that an alert was told."""
        with self._db.begin() as conn:
            conn.execute(update(alert).where(alert.c.key == key).values(told_at=at))

    def _select(self, which: object) -> list[Done]:
        query = select(job.c.name, job.c.done_at, job.c.note).where(which).order_by(job.c.name)  # type: ignore[arg-type]  # a condition or True
        with self._db.connect() as conn:
            return [Done(*row) for row in conn.execute(query)]


def _remember(conn: Connection, name: str, at: int, note: str) -> None:
    conn.execute(delete(job).where(job.c.name == name))
    conn.execute(insert(job).values(name=name, done_at=at, note=note))

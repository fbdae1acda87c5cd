"""A database after days of polls of a whole made-up hub, in minutes instead of days: the rows that polling leaves.

`python -m benchmarks.history FILE MODELS DAYS` fills a new SQLite file. The first day is polled, page by page and
without HTTP; of the days after it only the readings that the store keeps are written, a day in one transaction, by the
store's own functions. A test holds the result against as many real polls.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import BindParameter, Connection, bindparam, func, select, update

from benchmarks import hub_days
from benchmarks.hub_days import Day, Ints
from collector.model import DAY, Base, Observation, Page, PollPlan, from_seconds
from collector.polling import poll_once
from collector.store.changes import KEPT_AFTER_RISE, LARGE_RISE
from collector.store.database import Database, upgrade
from collector.store.histories import execute_rows, plain_rows, write_moves
from collector.store.polls import PollStore, RunningPoll
from collector.store.schema import hub, model_state, poll

HUB, ENDPOINT, WHOLE_HUB = "huggingface", "http://127.0.0.1", PollPlan("all")
STARTS_AFTER_MIDNIGHT = 300  # seconds
POLL_SECONDS, INSTANTS = 900, 36  # a poll lasts so long; so many different instants of reading suffice
NEVER = -1
CACHE_KIB = 400_000


def started_at(day: Day) -> int:
    """When the poll of a day begins (Unix seconds)."""
    return hub_days.FIRST_DAY + STARTS_AFTER_MIDNIGHT + day.number * DAY


def read_after(models: int) -> Ints:
    """Seconds after the poll's start at which each model is read: those of a page at once, page after page."""
    pages = -(-models // hub_days.PAGE_ROWS)
    page = np.arange(models) // hub_days.PAGE_ROWS
    instants: Ints = page * INSTANTS // pages * (POLL_SECONDS // INSTANTS)
    return instants


class MadeUpHub:
    """A day of the made-up hub as the pages that the hub's module would read from it."""

    name, endpoint = HUB, ENDPOINT

    def __init__(self, day: Day) -> None:
        self._day = day
        self._read_after = read_after(len(day.all_time))

    def page(self, cursor: str | None) -> Page:
        """The page at the cursor, which is its first model's number."""
        start = int(cursor or 0)
        end = min(start + hub_days.PAGE_ROWS, len(self._day.all_time))
        counters = zip(*(column[start:end].tolist() for column in self._day[1:]), strict=True)
        rows = tuple(observation(start + n, *said) for n, said in enumerate(counters))
        at = from_seconds(started_at(self._day) + int(self._read_after[start]))
        return Page(at, rows, str(end) if end < len(self._day.all_time) else None)


def observation(model: int, all_time: int, rolling: int, likes: int) -> Observation:
    """What `hub_days.row` says, read."""
    task, library = hub_days.TASKS[model % len(hub_days.TASKS)], hub_days.LIBRARIES[model % len(hub_days.LIBRARIES)]
    bases: tuple[Base, ...] = ()
    if declared := hub_days.base_of(model):
        base, relation = declared
        bases = (Base(hub_days.name(base), relation, hub_days.key(base)),)
    key, name, created_at = hub_days.key(model), hub_days.name(model), hub_days.created_seconds(model)
    return Observation(key, name, all_time, rolling, likes, created_at, task, library, bases)


def poll_day(url: str, day: Day) -> None:
    """A real poll of the day, all of it but the network."""
    start = from_seconds(started_at(day))
    with _unguarded(url) as db:
        poll_once(MadeUpHub(day), PollStore(db), WHOLE_HUB, lambda: start, threading.Event(), lambda _: None)


def fill(url: str, models: int, days: int) -> None:
    """Creates the database: every model at the first poll, then what moved on the days after it."""
    world = hub_days.days(models)
    upgrade(url)
    poll_day(url, first := next(world))
    extend(url, first, islice(world, days - 1))


# --- the days after --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Seen:
    """When each model was seen (Unix seconds), by number; what `model_state` will say."""

    changed_at: Ints
    seen_at: Ints
    seen_before_at: Ints  #: or NEVER, as the next
    rose_at: Ints


def extend(url: str, last: Day, following: Iterable[Day]) -> None:
    """Stores further days as complete polls would have; `last` is the day polled last. No model is new."""
    with _unguarded(url) as db:
        store = PollStore(db)
        hub_id = store.hub_id(HUB, _endpoint_of(db))
        seen, before = _seen(db, len(last.all_time)), last
        running: RunningPoll | None = None
        for day in following:
            if running is not None:
                _complete(db, running)
            running, before = _store(db, store, hub_id, seen, before, day), day
        if running is not None:
            with db.begin() as conn:
                _write_states(conn, running.id, before, seen)
            # Only here: what ends a poll looks at the states, which were not written for the days between.
            store.finish_poll(running, from_seconds(running.started_at))


@contextmanager
def _unguarded(url: str) -> Iterator[Database]:
    """The database without the checks and the care of real polls: what is made up is sound, and can be made again."""
    with Database.open(url, write=True) as db:
        with db.engine.connect() as conn:
            # On the connection that the pool gives out again. Checking references takes most of an insert's time.
            driver: Any = conn.connection.driver_connection
            for pragma in ("foreign_keys=OFF", "synchronous=OFF", f"cache_size=-{CACHE_KIB}"):
                driver.execute(f"PRAGMA {pragma}").close()
        yield db


def _endpoint_of(db: Database) -> str:
    with db.connect() as conn:
        return str(conn.execute(select(hub.c.endpoint).where(hub.c.name == HUB)).scalar_one())


def _seen(db: Database, models: int) -> _Seen:
    c = model_state.c
    or_never = (func.coalesce(instant, NEVER) for instant in (c.changed_at, c.seen_at, c.seen_before_at, c.rose_at))
    with db.connect() as conn:
        rows = chain.from_iterable(plain_rows(conn, select(c.model_id, *or_never).order_by(c.model_id)))
        columns = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 5).T.copy()
    if not np.array_equal(columns[0], np.arange(1, models + 1)):
        raise ValueError("the database holds other models than this hub")
    return _Seen(*columns[1:])


def _store(db: Database, store: PollStore, hub_id: int, seen: _Seen, before: Day, day: Day) -> RunningPoll:
    """A day's poll: what moved, and its counts; all but its end."""
    started = from_seconds(started_at(day))
    running = store.start_poll(hub_id, WHOLE_HUB, started)
    after = read_after(len(day.all_time))
    at = started_at(day) + after
    delta = day.all_time - before.all_time
    said_anew = (at - seen.rose_at <= KEPT_AFTER_RISE) & (seen.rose_at != NEVER) & (day.rolling != before.rolling)
    kept = np.flatnonzero((delta != 0) | said_anew)
    with db.begin() as conn:
        for seconds, rows in _by_instant(kept, after):
            columns = (rows + 1, day.all_time[rows], day.rolling[rows], day.likes[rows], (at - seen.seen_at)[rows])
            moved = list(zip(*(c.tolist() for c in (*columns, delta[rows])), strict=True))
            write_moves(conn, running.id, seconds, started_at(day) + seconds, moved)
        _count(conn, running.id, len(day.all_time), int(np.count_nonzero(delta)))
    seen.changed_at = np.where(delta != 0, at, seen.changed_at)
    seen.rose_at = np.where(delta > LARGE_RISE, at, seen.rose_at)
    seen.seen_before_at, seen.seen_at = seen.seen_at, at
    return running


def _complete(db: Database, running: RunningPoll) -> None:
    """Ends a poll of a hub that is never stale and misses no model."""
    with db.begin() as conn:
        ended = {"status": "complete", "finished_at": running.started_at}
        conn.execute(update(poll).where(poll.c.id == running.id).values(**ended))


def _by_instant(kept: Ints, after: Ints) -> Iterator[tuple[int, Ints]]:
    """The models (by place) that were read at one moment, and when, in the order of the listing."""
    for seconds in np.unique(after).tolist():
        first, end = np.searchsorted(after[kept], (seconds, seconds + 1))
        yield seconds, kept[first:end]


def _count(conn: Connection, poll_id: int, models: int, moved: int) -> None:
    pages = -(-models // hub_days.PAGE_ROWS)
    values = {"pages": pages, "models_listed": models, "models_moved": moved, "models_with_all_time": models}
    conn.execute(update(poll).where(poll.c.id == poll_id).values(values))


_STATE: dict[str, BindParameter[int]] = {
    name: bindparam(f"new_{name}")
    for name in ("downloads_all_time", "downloads_30d", "likes", "changed_at", "seen_at", "seen_before_at", "rose_at")
}
_UPDATE_STATE = (
    update(model_state)
    .where(model_state.c.model_id == bindparam("of_model"))
    .values(**_STATE, listed_poll_id=bindparam("new_listed_poll_id"))
)
_STATE_NAMES = (*(f"new_{name}" for name in _STATE), "new_listed_poll_id", "of_model")


def _write_states(conn: Connection, poll_id: int, day: Day, seen: _Seen) -> None:
    """The latest of every model after the last day."""
    models = len(day.all_time)
    columns = (*day[1:], seen.changed_at, seen.seen_at)
    plain = [column.tolist() for column in columns]
    nullable = [[None if n == NEVER else n for n in column.tolist()] for column in (seen.seen_before_at, seen.rose_at)]
    rows = zip(*plain, *nullable, [poll_id] * models, range(1, models + 1), strict=True)
    execute_rows(conn, _UPDATE_STATE, _STATE_NAMES, list(rows))


def main() -> None:
    fill(f"sqlite:///{Path(sys.argv[1]).absolute()}", int(sys.argv[2]), int(sys.argv[3]))


if __name__ == "__main__":
    main()

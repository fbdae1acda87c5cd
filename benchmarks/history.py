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
from benchmarks.moments import Clock, moments
from collector.hubs.huggingface_pages import ordinary_rows
from collector.model import Page, PollPlan, from_seconds, to_seconds
from collector.polling import poll_once
from collector.series import Bools
from collector.store import sighting_runs
from collector.store.arrays import insert_columns
from collector.store.changes import KEPT_AFTER_RISE, LARGE_RISE
from collector.store.database import Database, upgrade
from collector.store.histories import execute_rows, plain_rows, reach_back
from collector.store.numbering import reading_id
from collector.store.polls import PollStore, RunningPoll
from collector.store.schema import hub, model_state, observation, poll
from collector.store.sift import runs
from collector.store.timing import seconds_part, span_part

HUB, ENDPOINT, WHOLE_HUB = "huggingface", "http://127.0.0.1", PollPlan("all")
NEVER = -1
CACHE_KIB = 400_000


class MadeUpHub:
    """A day of the made-up hub as the pages that the hub's module reads from it, one after the other."""

    name, endpoint = HUB, ENDPOINT

    def __init__(self, day: Day) -> None:
        self._day = day
        self.clock = Clock(day.number)

    def page(self, cursor: str | None) -> Page:
        """The page at the cursor, which is its first model's number."""
        start = int(cursor or 0)
        end = min(start + hub_days.PAGE_ROWS, len(self._day.all_time))
        counters = zip(*(column[start:end].tolist() for column in self._day[1:]), strict=True)
        sent = f"[{','.join(hub_days.row(start + n, *said) for n, said in enumerate(counters))}]"
        self.clock.next_page()
        at = self.clock.now()
        rows = ordinary_rows(sent.encode(), to_seconds(at))
        if rows is None:
            raise ValueError("the made-up hub sends an odd row")
        return Page(at, rows.listed, str(end) if end < len(self._day.all_time) else None)


def poll_day(url: str, day: Day) -> None:
    """A real poll of the day, all of it but the network."""
    made_up = MadeUpHub(day)
    with _unguarded(url) as db:
        poll_once(made_up, PollStore(db), WHOLE_HUB, made_up.clock.now, threading.Event(), lambda _: None)


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
    plainly: Bools  #: whether the last poll found nothing to say of it beside its counter

    def last(self) -> int:
        """When the last page was read."""
        return int(self.seen_at[-1])


def extend(url: str, last: Day, following: Iterable[Day]) -> None:
    """Stores further days as complete polls would have; `last` is the day polled last. No model is new."""
    with _unguarded(url) as db:
        store = PollStore(db)
        hub_id = store.hub_id(HUB, _endpoint_of(db))
        seen, before = _seen(db, len(last.all_time)), last
        running: RunningPoll | None = None
        for day in following:
            if running is not None:
                _complete(db, running, seen)
            running, before = _store(db, store, hub_id, seen, before, day), day
        if running is not None:
            with db.begin() as conn:
                _write_states(conn, running.id, before, seen)
                _write_runs(conn, running, seen)
            # Only here: what ends a poll looks at the states, which were not written for the days between.
            store.finish_poll(running, from_seconds(seen.last()))


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
    changed_at, seen_at, seen_before_at, rose_at = columns[1:]
    return _Seen(changed_at, seen_at, seen_before_at, rose_at, np.zeros(models, np.bool_))


def _store(db: Database, store: PollStore, hub_id: int, seen: _Seen, before: Day, day: Day) -> RunningPoll:
    """A day's poll: what moved, and its counts; all but its end."""
    of_day = moments(day.number)
    running = store.start_poll(hub_id, WHOLE_HUB, from_seconds(of_day.started_at))
    after = of_day.after(np.arange(len(day.all_time)) // hub_days.PAGE_ROWS)
    at = of_day.started_at + after
    delta = day.all_time - before.all_time
    said_anew = (at - seen.rose_at <= KEPT_AFTER_RISE) & (seen.rose_at != NEVER) & (day.rolling != before.rolling)
    kept = np.flatnonzero((delta != 0) | said_anew)
    span = (at - seen.seen_at)[kept]
    rows = {
        "id": reading_id(np.full(len(kept), running.id), kept + 1),
        "time_and_span": seconds_part(after[kept]) + span_part(span),
        "likes": day.likes[kept],
        "downloads_all_time": day.all_time[kept],
        "downloads_30d": day.rolling[kept],
        "delta": delta[kept],
    }
    with db.begin() as conn:
        insert_columns(conn, observation, {name: (column, None) for name, column in rows.items()})
        reach_back(conn, {running.id: int((at[kept] - span).min())} if len(kept) else {})
        _count(conn, running.id, len(day.all_time), int(np.count_nonzero(delta)))
    seen.changed_at = np.where(delta != 0, at, seen.changed_at)
    seen.rose_at = np.where(delta > LARGE_RISE, at, seen.rose_at)
    seen.seen_before_at, seen.seen_at = seen.seen_at, at
    seen.plainly = ~said_anew | (delta != 0)
    return running


def _complete(db: Database, running: RunningPoll, seen: _Seen) -> None:
    """Ends a poll of a hub that is never stale and misses no model."""
    with db.begin() as conn:
        ended = {"status": "complete", "finished_at": seen.last()}
        conn.execute(update(poll).where(poll.c.id == running.id).values(**ended))


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


def _write_runs(conn: Connection, running: RunningPoll, seen: _Seen) -> None:
    """The models that the last poll read at one moment."""
    for start in range(0, len(seen.seen_at), hub_days.PAGE_ROWS):
        of_page = start + 1 + np.flatnonzero(seen.plainly[start : start + hub_days.PAGE_ROWS])
        sighting_runs.add(conn, running.hub_id, running.id, int(seen.seen_at[start]), list(runs(of_page.tolist())))


def main() -> None:
    fill(f"sqlite:///{Path(sys.argv[1]).absolute()}", int(sys.argv[2]), int(sys.argv[3]))


if __name__ == "__main__":
    main()

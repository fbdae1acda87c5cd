"""A database after days of polls of a whole made-up hub, written directly: the rows that as many polls would leave.

Knows the tables by name; the figures come from `hub_days`.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import hub_days
import numpy as np

from collector.model import DAY, Base, Observation, publisher_of
from collector.store.changes import LARGE_RISE
from collector.store.database import upgrade
from collector.store.sift import described

Ints = hub_days.Ints
SECONDS_OF_A_POLL = 900
FIRST_POLL = hub_days.FIRST_DAY + 300  # five past midnight


def fill(path: Path, models: int, days: int) -> None:
    """Creates the database: every model at the first poll, then what moved."""
    upgrade(f"sqlite:///{path}")
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-262144"):
        db.execute(f"PRAGMA {pragma}").close()
    db.execute("BEGIN")
    db.execute("INSERT INTO hub VALUES (1, 'huggingface', 'http://127.0.0.1')")
    hub = hub_days.days(models)
    before = next(hub)
    ids = np.arange(1, models + 1)
    seconds = np.arange(models) % SECONDS_OF_A_POLL  # a model is read as long after the poll's start on every day
    changed_at = FIRST_POLL + seconds
    rose_at = np.full(models, -1)
    _poll(db, 0, models, models)
    _models(db, models)
    _observe(db, 0, ids, before, np.arange(models), None)
    for _ in range(1, days):
        day = next(hub)
        moved = np.flatnonzero(day.all_time != before.all_time)
        at = FIRST_POLL + day.number * DAY
        _poll(db, day.number, models, len(moved))
        delta = day.all_time[moved] - before.all_time[moved]
        _observe(db, day.number, ids[moved], day, moved, delta)
        changed_at[moved] = at + seconds[moved]
        large = moved[delta > LARGE_RISE]
        rose_at[large] = at + seconds[large]
        before = day
    last = FIRST_POLL + before.number * DAY
    crcs = (described(_said(model)) for model in range(models))
    columns = (ids, *before[1:], changed_at, last + seconds, last - DAY + seconds, rose_at)
    states = zip(*(column.tolist() for column in columns), crcs, strict=True)
    listed = before.number + 1
    db.executemany(f"INSERT INTO model_state VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, -1), {listed}, ?)", states)
    db.execute("COMMIT")
    db.execute("PRAGMA analysis_limit=400").close()
    db.execute("ANALYZE")
    db.close()


def _said(model: int) -> Observation:
    task, library = hub_days.TASKS[model % len(hub_days.TASKS)], hub_days.LIBRARIES[model % len(hub_days.LIBRARIES)]
    bases: tuple[Base, ...] = ()
    if model % 9 < 4 and model > 5000:
        base = model % 4999
        bases = (Base(hub_days.name(base), hub_days.RELATIONS[model % 4], hub_days.key(base)),)
    key, name, created_at = hub_days.key(model), hub_days.name(model), hub_days.created_seconds(model)
    return Observation(key, name, 0, 0, 0, created_at, task, library, bases)


def _models(db: sqlite3.Connection, models: int) -> None:
    accounts: dict[str, int] = {}
    for model in range(models):
        accounts.setdefault(publisher_of(hub_days.name(model)), len(accounts) + 1)
    db.executemany("INSERT INTO publisher VALUES (?, 1, ?)", ((number, name) for name, number in accounts.items()))
    columns = "id, hub_id, hub_key, name, publisher_id, created_at, pipeline_tag, library_name, first_poll_id"
    said = ((model + 1, _said(model)) for model in range(models))
    rows = (
        (number, x.hub_key, x.name, accounts[publisher_of(x.name)], x.created_at, x.pipeline_tag, x.library_name)
        for number, x in said
    )
    db.executemany(f"INSERT INTO model ({columns}) VALUES (?, 1, ?, ?, ?, ?, ?, ?, 1)", rows)
    bases = ((n + 1, b.name, b.hub_key, b.relation) for n in range(models) for b in _said(n).bases)
    columns = "model_id, position, base_name, base_key, relation, poll_id"
    db.executemany(f"INSERT INTO model_base ({columns}) VALUES (?, 0, ?, ?, ?, 1)", bases)


def _poll(db: sqlite3.Connection, number: int, models: int, moved: int) -> None:
    at = FIRST_POLL + number * DAY
    values = {
        "id": number + 1, "hub_id": 1, "scope": "all", "started_at": at, "finished_at": at + 900, "status": "complete",
        "pages": -(-models // 1000), "models_listed": models, "models_new": 0 if number else models,
        "models_moved": moved if number else 0, "models_with_all_time": models, "rows_skipped": 0, "retries": 0,
        "waited_seconds": 0.0, "is_stale": 0, "is_thin": 0, "reaches_back_to": FIRST_POLL if number else None,
    }  # fmt: skip
    db.execute(f"INSERT INTO poll ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", list(values.values()))


def _observe(db: sqlite3.Connection, number: int, ids: Ints, day: hub_days.Day, rows: Ints, delta: Ints | None) -> None:
    """Readings of a poll; `delta` None: the first of each model. Daily polls: the value before was seen a day ago."""
    span = "NULL" if delta is None else str(DAY)
    columns = [ids.tolist(), (rows % SECONDS_OF_A_POLL).tolist(), *(column[rows].tolist() for column in day[1:])]
    columns.append([None] * len(ids) if delta is None else delta.tolist())
    db.executemany(
        f"INSERT INTO observation VALUES ({number + 1}, ?, ?, ?, ?, ?, {span}, ?)", zip(*columns, strict=True)
    )

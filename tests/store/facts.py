"""Facts put into a database by hand, so that a test sees what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Table, insert, text

from collector.model import Base, publisher_of
from collector.series import Readings
from collector.store import schema
from collector.store.arrays import fetched
from collector.store.database import Database
from collector.store.month_columns import Came, MonthRow
from collector.store.months import Month, MonthBuild, build_month
from collector.store.numbering import reading_id
from collector.store.readings import READINGS, as_readings
from collector.store.timing import time_and_span
from collector.store.wording import base_ids, kind_ids


def put_month(db: Database, hub_id: int, number: int, rows: pd.DataFrame, build: MonthBuild) -> None:
    """A month of these rows alone; what they do not say is measured, backed from its start, and without flags."""
    unsaid: dict[str, Any] = {"downloads": 0.0, "estimated": 0.0, "corrections": 0}
    unsaid |= {"covered_from": None, "tiled_seconds": 0.0, "flags": None}
    made = []
    for row in rows.to_dict("records"):
        said = {str(name): value for name, value in row.items() if not pd.isna(value)}
        made.append(MonthRow(**(unsaid | said)))
    nothing = np.empty(0, np.int64)
    build_month(db, Month(hub_id, number, build, Came((nothing, nothing, nothing), made, {}, {})))


def declare(connection: Connection, model_id: int, bases: Sequence[Base], poll_id: int = 1) -> None:
    """Bases as a model declares them, in order."""
    numbers = base_ids(connection, bases)
    rows = [
        {"model_id": model_id, "position": position, "base_id": numbers[base], "poll_id": poll_id}
        for position, base in enumerate(bases)
    ]
    connection.execute(insert(schema.model_base), rows)


def whole_series(db: Database, hub_id: int) -> Readings:
    """Every stored reading of a hub: what figures that are read in parts are held against."""
    with db.connect() as connection:
        return as_readings(fetched(connection, READINGS.where(schema.poll.c.hub_id == hub_id)))


class World:
    """Puts facts into a database by hand, numbered as told."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def hub(self, number: int = 1, name: str = "huggingface") -> None:
        self._put(schema.hub, id=number, name=name, endpoint="")

    def poll(self, number: int, started_at: int = 0, **more: Any) -> None:
        usual = {"scope": "all", "finished_at": started_at + 60, "status": "complete", "pages": 1, "models_listed": 9}
        zero = dict.fromkeys(("models_new", "models_moved", "models_with_all_time", "rows_skipped", "retries"), 0)
        no = {"waited_seconds": 0.0, "is_stale": False, "is_thin": False, "hub_id": 1}
        self._put(schema.poll, **{"id": number, "started_at": started_at, **usual, **zero, **no, **more})

    def model(self, number: int, name: str, *, hub_id: int = 1, pipeline_tag: str | None = None, **more: Any) -> None:
        with self._db.begin() as connection:
            account = self._account(connection, hub_id, publisher_of(name))
            values = {"id": number, "hub_id": hub_id, "hub_key": f"key{number}", "name": name, "publisher_id": account}
            values |= {"kind_id": kind_ids(connection, [(pipeline_tag, None)])[pipeline_tag, None]}
            connection.execute(insert(schema.model).values(**(values | more)))

    def named(self, model_id: int, name: str, at: int, poll_id: int = 1) -> None:
        """A name that a model bore until `at`."""
        account = self.account(publisher_of(name))
        self._put(
            schema.model_name, model_id=model_id, replaced_at=at, name=name, publisher_id=account, poll_id=poll_id
        )

    def declared(self, model_id: int, *bases: str, poll_id: int = 1) -> None:
        with self._db.begin() as connection:
            declare(connection, model_id, [Base(name, None) for name in bases], poll_id)

    def account(self, name: str, hub_id: int = 1) -> int:
        with self._db.begin() as connection:
            return self._account(connection, hub_id, name)

    def reading(
        self,
        poll_id: int,
        model_id: int,
        all_time: int | None,
        seconds: int = 0,
        span_seconds: int | None = None,
        **more: Any,
    ) -> None:
        where = {"id": reading_id(poll_id, model_id), "time_and_span": time_and_span(seconds, span_seconds)}
        values = where | {"downloads_all_time": all_time}
        self._put(schema.observation, **(values | more))

    def state(
        self, model_id: int, all_time: int | None, changed_at: int | None, seen_at: int | None, **more: Any
    ) -> None:
        values = {"model_id": model_id, "downloads_all_time": all_time, "changed_at": changed_at, "seen_at": seen_at}
        self._put(schema.model_state, **(values | more))

    def _put(self, table: Table, **values: Any) -> None:
        with self._db.begin() as connection:
            connection.execute(insert(table).values(**values))

    @staticmethod
    def _account(connection: Connection, hub_id: int, name: str) -> int:
        known = text("SELECT id FROM publisher WHERE hub_id = :hub AND name = :name")
        found = connection.scalar(known, {"hub": hub_id, "name": name})
        if found is not None:
            return int(found)
        new = insert(schema.publisher).values(hub_id=hub_id, name=name).returning(schema.publisher.c.id)
        return int(connection.execute(new).scalar_one())

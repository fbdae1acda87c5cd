"""Databases to test on: SQLite always, PostgreSQL where COLLECTOR_TEST_POSTGRES names a server."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, insert, make_url, text

from collector.model import publisher_of
from collector.store import schema
from collector.store.database import Database, upgrade

_numbers = itertools.count()


@pytest.fixture(scope="session")
def _ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows, made once: copying is quicker than migrating."""
    path = tmp_path_factory.mktemp("ready") / "ready.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, _ready_file: Path) -> str:
    """A database without rows, in a folder whose name asks for trouble."""
    folder = tmp_path / "mes données 100%? #1"
    folder.mkdir()
    shutil.copy(_ready_file, folder / "collector.db")
    return f"sqlite:///{folder / 'collector.db'}"


@pytest.fixture
def server_url() -> Iterator[str]:
    """A new, empty database on the PostgreSQL server."""
    server = os.environ.get("COLLECTOR_TEST_POSTGRES")
    if server is None:
        pytest.skip("COLLECTOR_TEST_POSTGRES names no server")
    name = f"store_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A database without rows, on each engine."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server = str(request.getfixturevalue("server_url"))
    upgrade(server)
    return server


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with Database.open(url, write=True) as database:
        yield database


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

    def model(self, number: int, name: str, *, hub_id: int = 1, **more: Any) -> None:
        with self._db.begin() as connection:
            account = self._account(connection, hub_id, publisher_of(name))
            values = {"id": number, "hub_id": hub_id, "hub_key": f"key{number}", "name": name, "publisher_id": account}
            connection.execute(insert(schema.model).values(**(values | more)))

    def account(self, name: str, hub_id: int = 1) -> int:
        with self._db.begin() as connection:
            return self._account(connection, hub_id, name)

    def reading(self, poll_id: int, model_id: int, all_time: int | None, seconds: int = 0, **more: Any) -> None:
        values = {"poll_id": poll_id, "model_id": model_id, "seconds": seconds, "downloads_all_time": all_time}
        self._put(schema.observation, **(values | more))

    def state(self, model_id: int, all_time: int | None, changed_at: int, seen_at: int, **more: Any) -> None:
        values = {"model_id": model_id, "downloads_all_time": all_time, "changed_at": changed_at, "seen_at": seen_at}
        self._put(schema.model_state, **(values | more))

    def _put(self, table: Any, **values: Any) -> None:
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


@pytest.fixture
def world(db: Database) -> World:
    made = World(db)
    made.hub()
    return made

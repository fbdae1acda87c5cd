"""Databases to test on: SQLite always, PostgreSQL where COLLECTOR_TEST_POSTGRES names a server."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from collector.store.database import Database, upgrade
from tests.store.facts import World

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


@pytest.fixture
def world(db: Database) -> World:
    made = World(db)
    made.hub()
    return made

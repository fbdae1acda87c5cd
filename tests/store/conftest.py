"""Databases to test on: SQLite always, PostgreSQL where COLLECTOR_TEST_POSTGRES names a server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.store.database import Database, upgrade
from tests.engines import SERVER
from tests.store.facts import World


@pytest.fixture(scope="session")
def ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows, made once: copying is quicker than migrating."""
    path = tmp_path_factory.mktemp("ready") / "ready.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, ready_file: Path) -> str:
    """A database without rows, in a folder whose name asks for trouble."""
    folder = tmp_path / "mes données 100%? #1"
    folder.mkdir()
    shutil.copy(ready_file, folder / "collector.db")
    return f"sqlite:///{folder / 'collector.db'}"


@pytest.fixture(params=["sqlite"] if SERVER is None else ["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A database without rows, on each engine at hand."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "emptied_url"))


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with Database.open(url, write=True) as database:
        yield database


@pytest.fixture
def server_db(emptied_url: str) -> Iterator[Database]:
    """For what only PostgreSQL does."""
    with Database.open(emptied_url, write=True) as database:
        yield database


@pytest.fixture
def world(db: Database) -> World:
    made = World(db)
    made.hub()
    return made

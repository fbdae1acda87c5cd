"""Databases to test on: SQLite always, PostgreSQL where COLLECTOR_TEST_POSTGRES names a server."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from collector.store.database import Database, upgrade
from tests.store.facts import World

_numbers = itertools.count()


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


SERVER = os.environ.get("COLLECTOR_TEST_POSTGRES")


@contextmanager
def _on_server() -> Iterator[Callable[[str], str]]:
    """Makes databases on the PostgreSQL server (`CREATE DATABASE` goes on as told) and drops them in the end."""
    if SERVER is None:
        pytest.skip("COLLECTOR_TEST_POSTGRES names no server: what only PostgreSQL does is not tested")
    engine = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    made = []
    with engine.connect() as connection:

        def create(template: str) -> str:
            made.append(f"store_{os.getpid()}_{next(_numbers)}")
            connection.execute(text(f"CREATE DATABASE {made[-1]} {template}"))
            return make_url(SERVER).set(database=made[-1]).render_as_string(hide_password=False)

        yield create
        for name in made:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def server_url() -> Iterator[str]:
    """A new, empty database on the PostgreSQL server."""
    with _on_server() as create:
        yield create("")


@pytest.fixture(scope="session")
def _ready_database() -> Iterator[str]:
    """The name of a database without rows, made once."""
    with _on_server() as create:
        made = create("")
        upgrade(made)
        yield str(make_url(made).database)


@pytest.fixture
def _copied_url(_ready_database: str) -> Iterator[str]:
    with _on_server() as create:
        yield create(f"TEMPLATE {_ready_database}")


@pytest.fixture(params=["sqlite"] if SERVER is None else ["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A database without rows, on each engine at hand."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "_copied_url"))


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with Database.open(url, write=True) as database:
        yield database


@pytest.fixture
def world(db: Database) -> World:
    made = World(db)
    made.hub()
    return made

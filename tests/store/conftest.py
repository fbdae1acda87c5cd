"""Databases to test on: SQLite always, PostgreSQL where COLLECTOR_TEST_POSTGRES names a server."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, delete, make_url, text

from collector.store.database import REVISIONS, Database, upgrade
from collector.store.schema import metadata
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
def _on_server() -> Iterator[Callable[[], str]]:
    """Makes empty databases on the PostgreSQL server and drops them in the end."""
    if SERVER is None:
        pytest.skip("COLLECTOR_TEST_POSTGRES names no server: what only PostgreSQL does is not tested")
    engine = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    made = []
    with engine.connect() as connection:

        def create() -> str:
            made.append(f"store_{os.getpid()}_{next(_numbers)}")
            connection.execute(text(f"CREATE DATABASE {made[-1]}"))
            return make_url(SERVER).set(database=made[-1]).render_as_string(hide_password=False)

        yield create
        for name in made:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def server_url() -> Iterator[str]:
    """A new, empty database on the PostgreSQL server."""
    with _on_server() as create:
        yield create()


class KeptDatabase:
    """A database on the server that one test after the other finds without rows: to make one takes longer than a test.

    A test that changes its schema leaves another revision, and the next test a new database.
    """

    def __init__(self, create: Callable[[], str]) -> None:
        self._create = create
        self._url: str | None = None

    def emptied(self) -> str:
        if self._url is None or not _emptied(self._url):
            self._url = self._create()
            upgrade(self._url)
        return self._url


def _emptied(url: str) -> bool:
    """Whether no row is left, nor anybody connected; False when the schema is not this software's."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(_EVERYBODY_OUT))
        current = bool(connection.scalar(text("SELECT version_num FROM alembic_version")) == REVISIONS[-1])
        if current:
            for month in connection.execute(text(_MONTHS)).scalars().all():
                connection.execute(text(f"DROP TABLE {month}"))
            # Not TRUNCATE: new files for two dozen tables and their indexes take longer than a few rows to delete.
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
            for name in connection.execute(text(_SEQUENCES)).scalars().all():
                connection.execute(text(f"ALTER SEQUENCE {name} RESTART"))
    engine.dispose()
    return current


_EVERYBODY_OUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)
_MONTHS = (
    "SELECT inhrelid::regclass::text FROM pg_inherits"
    " WHERE inhparent = 'observation'::regclass AND inhrelid <> 'observation_other'::regclass"
)
_SEQUENCES = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S'"


@pytest.fixture(scope="session")
def _kept_database() -> Iterator[KeptDatabase]:
    with _on_server() as create:
        yield KeptDatabase(create)


@pytest.fixture
def _emptied_url(_kept_database: KeptDatabase) -> str:
    return _kept_database.emptied()


@pytest.fixture(params=["sqlite"] if SERVER is None else ["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A database without rows, on each engine at hand."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "_emptied_url"))


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with Database.open(url, write=True) as database:
        yield database


@pytest.fixture
def server_db(_emptied_url: str) -> Iterator[Database]:
    """For what only PostgreSQL does."""
    with Database.open(_emptied_url, write=True) as database:
        yield database


@pytest.fixture
def world(db: Database) -> World:
    made = World(db)
    made.hub()
    return made

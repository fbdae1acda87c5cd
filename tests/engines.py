"""Databases on the PostgreSQL server that COLLECTOR_TEST_POSTGRES names; tests that find none named are skipped."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, delete, make_url, text

from collector.store.database import look_at, upgrade
from collector.store.schema import metadata

_numbers = itertools.count()
SERVER = os.environ.get("COLLECTOR_TEST_POSTGRES")


@contextmanager
def on_server() -> Iterator[Callable[[], str]]:
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
    everybody_out(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        current = look_at(url)[0] == "current"
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


def everybody_out(url: str) -> None:
    """Ends all connections to a database, as a server does that is restarted."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(_EVERYBODY_OUT))
    engine.dispose()


_EVERYBODY_OUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)
_MONTHS = (
    "SELECT inhrelid::regclass::text FROM pg_inherits"
    " WHERE inhparent = 'observation'::regclass AND inhrelid <> 'observation_other'::regclass"
)
_SEQUENCES = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S'"

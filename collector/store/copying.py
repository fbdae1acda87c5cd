"""One database copied into another, empty one, table by table, on either engine; counted on both sides.

Knows the tables and their order; knows no meaning of a row. Until `finish` the target bears a mark in place of its
revision, so that nobody takes a part of a database for the whole: `Database.open` names it as incomplete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, Table, delete, func, select, text

from collector.errors import StoreError
from collector.store import server
from collector.store.database import (
    REVISIONS,
    UNFINISHED_COPY,
    Database,
    database_path,
    look_at,
    upgrade_under_lock,
    where_is,
)
from collector.store.histories import gather_statistics, insert_rows, plain_rows
from collector.store.schema import metadata, observation

TABLES = tuple(metadata.sorted_tables)  # those pointed to before those that point to them
_AT_ONCE = 100_000  # rows read and written in one transaction: what a copy holds in memory


def prepare(url: str) -> None:
    """Makes the target ready: the schema, no row, the mark. The caller holds its writer's lock.

    What an interrupted copy left is emptied. StoreError when there is data, or a database that is not ours.
    """
    path = database_path(url)
    found = "empty" if path is not None and not path.exists() else look_at(url)[0]
    if found == "empty":
        upgrade_under_lock(url)
    with Database.open(url, write=True, unfinished=True) as db, db.begin() as conn:
        if found == "unfinished":
            _empty(conn)
        elif full := next((table.name for table in TABLES if conn.execute(select(table).limit(1)).first()), None):
            raise StoreError(f"{where_is(url)}: holds data already (table {full}); name an empty database")
        _set_revision(conn, UNFINISHED_COPY)


def copy_tables(source: Database, target: Database, check_stop: Callable[[], None]) -> Iterator[tuple[str, int]]:
    """Copies one table after the other, from one moment of the source; name and rows of each when it is done.

    `check_stop` is called before every piece, and may raise.
    """
    with source.connect() as reading:
        for table in TABLES:
            if table is observation and target.engine.dialect.name != "sqlite":
                with target.begin() as conn:
                    server.cut_for_all_polls(conn)
            yield table.name, _copy(reading, target, table, check_stop)


def _copy(reading: Connection, target: Database, table: Table, check_stop: Callable[[], None]) -> int:
    facts = [column for column in table.columns if column.computed is None]
    names, copied = tuple(column.name for column in facts), 0
    for rows in plain_rows(reading, select(*facts).order_by(*table.primary_key), _AT_ONCE):
        check_stop()
        with target.begin() as conn:
            insert_rows(conn, table, names, [tuple(row) for row in rows])
        copied += len(rows)
    return copied


def different_counts(source: Database, target: Database) -> list[str]:
    """The tables that do not have the same number of rows on both sides, with both numbers."""
    ours, theirs = _counts(source), _counts(target)
    return [f"{name}: {ours[name]:,} and {theirs[name]:,} rows" for name in ours if ours[name] != theirs[name]]


def finish(target: Database) -> None:
    """Makes the copy a database like any other: numbers go on, the planner knows it, the mark gives way."""
    with target.begin() as conn:
        if target.engine.dialect.name != "sqlite":
            server.number_on(conn, TABLES)
        gather_statistics(conn)
        _set_revision(conn, REVISIONS[-1])


def _empty(conn: Connection) -> None:
    if conn.dialect.name != "sqlite":
        server.drop_months(conn)
    for table in reversed(TABLES):
        conn.execute(delete(table))


def _set_revision(conn: Connection, revision: str) -> None:
    conn.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def _counts(db: Database) -> dict[str, int]:
    with db.connect() as conn:
        return {table.name: conn.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES}

"""What PostgreSQL does otherwise than SQLite: rows by COPY, partitions by month, statistics of the whole.

Knows how a server is spoken to; knows no meaning of a row.

`observation` is cut into ranges of `id`, that is of polls, because its key begins with the poll's number. A
month's partition begins with the first poll number that is given in that month and is open above until the next one is
cut. The month is the one in which readings were *recorded*: an imported history of ten years lies in the partition of
the month in which it was imported, beside that month's polls, because its polls get their numbers then. Nothing reads
a partition by its name, so that costs nothing; a month that is dropped or moved away takes its imports with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table, func, select, text

from collector.errors import StoreError
from collector.model import month_of
from collector.store.database import Database, lock_was_refused, server_trouble, where_on_server
from collector.store.numbering import reading_id
from collector.store.schema import import_file, observation, poll

#: How long the cut waits for those who read. Then the month before stays open until the next poll tries again.
LOCK_SECONDS = 5
_OPEN = re.compile(r"FOR VALUES FROM \('?(\d+)'?\) TO \(MAXVALUE\)")


def copy_rows(conn: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """New rows whose values stand in the order of `names`; ten times as fast as one INSERT for each."""
    cursor: Any = conn.connection.cursor()
    columns = ", ".join(f'"{name}"' for name in names)
    with _translated(conn), cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def _translated(conn: Connection) -> Iterator[None]:
    """As the engine does for its own statements: a broken connection or a full disk is one line for the user."""
    try:
        yield
    except conn.dialect.loaded_dbapi.OperationalError as error:
        raise server_trouble(error, where_on_server(conn.engine.url)) from error


def number_on(conn: Connection, tables: Iterable[Table]) -> None:
    """Lets new rows be numbered after those that brought their own numbers."""
    for table in tables:
        if "id" in table.columns and (last := conn.scalar(select(func.max(table.c.id)))) is not None:
            conn.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), {"name": table.name, "last": last}
            )


def gather_statistics(conn: Connection, *tables: Table) -> None:
    """Lets the planner know the sizes of these tables, or of all; small tables that grew large it looks up row by row.

    The server looks by itself once a minute, too late for a first poll, and never at a table that has partitions.
    """
    conn.execute(text(f"ANALYZE {', '.join(table.name for table in tables)}"))


# --- partitions by month ----------------------------------------------------------------------------------------------


def open_month(db: Database, at: int) -> None:
    """Gives what is recorded from now on a partition of its own when it is the first of its month; nothing on SQLite.

    `at`: Unix seconds. In a transaction of its own, before the polls get their numbers: a cut needs the whole table to
    itself for a moment.
    """
    if db.engine.dialect.name == "sqlite":
        return
    try:
        with db.begin() as conn:
            conn.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            cut(conn, (conn.scalar(select(func.max(poll.c.id))) or 0) + 1, at)
    except StoreError as error:
        if not lock_was_refused(error):
            raise


def cut(conn: Connection, first_poll: int, at: int) -> None:
    """Begins a partition with this poll number, named by the month of `at`, unless that month has one already.

    The one that was open so far ends there; the server reads it through once to be sure of that.
    """
    name = f"{observation.name}_{month_of(at).label.replace('-', '_')}"
    bounds: dict[str, str] = {row[0]: row[1] for row in conn.execute(_PARTITIONS)}
    if name in bounds:
        return
    first = reading_id(first_poll, 0)
    for last, bound in bounds.items():
        if begin := _OPEN.fullmatch(bound):
            conn.execute(text(f"ALTER TABLE {observation.name} DETACH PARTITION {last}"))
            ends = f"FOR VALUES FROM ({begin[1]}) TO ({first})"
            conn.execute(text(f"ALTER TABLE {observation.name} ATTACH PARTITION {last} {ends}"))
    begins = f"FOR VALUES FROM ({first}) TO (MAXVALUE)"
    conn.execute(text(f"CREATE TABLE {name} PARTITION OF {observation.name} {begins}"))


def cut_for_all_polls(conn: Connection) -> None:
    """The partitions that the polls of a copied database would have opened, before their readings are copied."""
    recorded_at = func.coalesce(import_file.c.imported_at, poll.c.started_at)
    polls = select(poll.c.id, recorded_at).join_from(poll, import_file, isouter=True).order_by(poll.c.id)
    month = None
    for number, at in conn.execute(polls).all():
        if month_of(at) != month:
            month = month_of(at)
            cut(conn, number, at)


def drop_months(conn: Connection) -> None:
    """Drops the partitions of all months, with the readings in them."""
    for name, bound in conn.execute(_PARTITIONS).all():
        if bound != "DEFAULT":
            conn.execute(text(f"DROP TABLE {name}"))


_PARTITIONS = text(
    "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    f" WHERE i.inhparent = '{observation.name}'::regclass ORDER BY c.relname"
)

"""Rows read into numpy's columns of whole numbers, and written from them. Knows no table.

Apart from the rest of the store, since numpy loads slowly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Column,
    Connection,
    Insert,
    MetaData,
    Select,
    Table,
    bindparam,
    func,
    insert,
    literal,
    literal_column,
    select,
)

from collector.series import Narrow
from collector.store import server
from collector.store.database import translated
from collector.store.histories import plain_rows

Columns = list[NDArray[np.int64]]
_WRITTEN = 50_000  # rows handed to the driver at once
_TOGETHER = 100  # of these, rows of one statement
_FETCHED = 100_000  # rows held as Python objects at a time


class Codes(dict[Any, int]):
    """Values by the number of their first sight; a value that was not seen gets the next one."""

    def __missing__(self, value: Any) -> int:
        self[value] = number = len(self)
        return number


def fetched(conn: Connection, query: Select[Any]) -> NDArray[np.int64]:
    """The rows of a query of whole numbers, one array row each."""
    width = len(query.selected_columns)
    parts = [
        np.fromiter(chain.from_iterable(part), np.int64).reshape(-1, width)
        for part in plain_rows(conn, query, _FETCHED)
    ]
    return np.concatenate(parts) if parts else np.empty((0, width), np.int64)


def columns_of(conn: Connection, query: Select[Any], *, in_order: bool = False) -> Columns:
    """The columns of a query of whole numbers (no nulls, no DISTINCT, no GROUP BY), in whatever order rows are found.

    `in_order`: in the order that the query asks for.

    ValueError where there is anything else in them. SQLite hands over each column as one text: 0.1 µs a value, where a
    row of Python objects takes 0.25 and more. A text is 1 GB at most: who asks for millions of rows does so in parts.
    """
    if conn.dialect.name != "sqlite":
        return [np.ascontiguousarray(column) for column in fetched(conn, query).T]
    if in_order:
        columns = [each.label(f"column_{place}") for place, each in enumerate(query.selected_columns)]
        rows = query.with_only_columns(*columns).subquery()
        joined = select(func.count(), *(func.group_concat(column) for column in rows.c))
    else:
        joined = query.with_only_columns(func.count(), *map(func.group_concat, query.selected_columns))
    count, *texts = conn.execute(joined).one()
    return [_numbers(text, count) for text in texts]


def _numbers(text: str | None, count: int) -> NDArray[np.int64]:
    found = np.fromstring(text or "", np.int64, sep=",")  # ValueError where a number is not whole
    if len(found) != count:
        raise ValueError(f"{count} rows, of which a column says {len(found)}")
    return found


def named(conn: Connection, query: Select[Any]) -> tuple[NDArray[np.int64], list[str]]:
    """The two columns of a query of numbers and texts, in its order.

    SQLite hands over both as one text each, for the same reason.
    """
    if conn.dialect.name != "sqlite":
        rows = conn.execute(query).all()
        return np.array([number for number, _ in rows], np.int64), [words for _, words in rows]
    numbers, texts = query.subquery().c
    said = conn.execute(select(func.group_concat(numbers), func.json_group_array(texts))).one()
    return np.fromstring(said[0] or "", np.int64, sep=","), json.loads(said[1])


# --- columns kept as bytes ------------------------------------------------------------------------------------------


def packed(column: NDArray[Any]) -> bytes:
    """A column as bytes: its numbers, and a letter for their kind, the smallest that holds them all.

    b, h, i and q are whole numbers of 1, 2, 4 and 8 bytes, the lowest first; d are others of 8. What is whole may
    stand in a column of floats: it comes back as the same number.
    """
    whole = column.astype(np.int64, copy=False)
    if not np.array_equal(whole, column):
        return column.astype("<f8").tobytes() + b"d"
    kind = kind_of(whole)
    return whole.astype(f"<{kind}").tobytes() + kind.encode()


def kind_of(column: Narrow) -> str:
    """The letter of the smallest kind of whole numbers that holds a column."""
    low, high = int(column.min(initial=0)), int(column.max(initial=0))
    return next(kind for kind in "bhiq" if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)


def unpacked(content: bytes) -> NDArray[Any]:
    """The column again: of int64, or of float64 where not all its numbers are whole."""
    column = as_packed(content)
    return column.astype(np.float64 if column.dtype.kind == "f" else np.int64)


def as_packed(content: bytes) -> NDArray[Any]:
    """The column as it lies in its bytes, which nobody can change: no memory is filled for it."""
    kind = np.dtype(f"<{content[-1:].decode()}")
    return np.frombuffer(content, kind, (len(content) - 1) // kind.itemsize)


# --- rows written from columns --------------------------------------------------------------------------------------

Alike = Mapping[str, int | float | str | None]  #: what all rows have in common, by column


def insert_columns(
    conn: Connection, table: Table, columns: Mapping[str, tuple[NDArray[Any], Any]], same: Alike | None = None
) -> None:
    """Rows from columns of numbers, each with the value that stands for null (None: it has none).

    On SQLite the rows go straight to the driver, on a server by COPY.
    """
    _send(conn, insert(table), table, columns, same or {})


def replace_columns(
    conn: Connection, table: Table, columns: Mapping[str, tuple[NDArray[Any], Any]], same: Alike | None = None
) -> None:
    """The same in place of rows with the same key; every column of the table is to be given."""
    if conn.dialect.name == "sqlite":
        # As fast as an INSERT where a table has no index beside its key, and no foreign key to look up.
        _send(conn, insert(table).prefix_with("OR REPLACE"), table, columns, same or {})
        return
    from sqlalchemy.dialects.postgresql import insert as upsert  # loaded only where it is spoken: 20 ms of a command

    sent = Table(f"{table.name}_sent", MetaData(), *(Column(c.name, c.type) for c in table.c), prefixes=["TEMPORARY"])
    sent.create(conn)
    _send(conn, insert(sent), sent, columns, same or {})
    rows = upsert(table).from_select(sent.columns.keys(), select(sent))
    others = {c.name: rows.excluded[c.name] for c in table.c if not c.primary_key}
    conn.execute(rows.on_conflict_do_update(index_elements=list(table.primary_key), set_=others))
    sent.drop(conn)


def _send(
    conn: Connection,
    statement: Insert,
    table: Table,
    columns: Mapping[str, tuple[NDArray[Any], Any]],
    same: Alike,
) -> None:
    size = len(next(iter(columns.values()))[0])
    for at in range(0, size, _WRITTEN):
        values = {name: _plain(column[at : at + _WRITTEN], null) for name, (column, null) in columns.items()}
        if conn.dialect.name == "sqlite":
            driver: Any = conn.connection.driver_connection
            with translated("SQL"):
                _insert_many(driver, *_in_text(conn, statement, tuple(columns), same), values)
        else:
            values |= {name: [value] * min(size - at, _WRITTEN) for name, value in same.items()}
            server.copy_rows(conn, table, list(values), zip(*values.values(), strict=True))


def _in_text(conn: Connection, statement: Insert, names: Sequence[str], same: Alike) -> tuple[str, str, list[str]]:
    """The statement up to its values, one row of them, and the columns in their order there.

    What all rows have in common stands in the text: handed over row by row it would take as long as what differs.
    """
    table: Any = statement.table
    alike: dict[str, Any] = {
        name: literal_column(str(literal(value, table.c[name].type).compile(conn, compile_kwargs=_WRITTEN_OUT)))
        for name, value in same.items()
    }
    compiled = statement.inline().values(alike | {name: bindparam(name) for name in names}).compile(conn)
    head, row = str(compiled).split(" VALUES ", 1)
    return head, row, list(compiled.positiontup or ())


_WRITTEN_OUT = {"literal_binds": True}


def _insert_many(driver: Any, head: str, row: str, names: Sequence[str], columns: Mapping[str, list[Any]]) -> None:
    """Many rows a statement, and those left over one by one.

    Measured at 450,000 rows of seven columns: 0.3 s of CPU, where a statement for each row takes 0.8.
    """
    width, size = len(names), len(columns[names[0]])
    flat: list[Any] = [None] * (width * size)
    for place, name in enumerate(names):
        flat[place::width] = columns[name]
    several = f"{head} VALUES {', '.join([row] * _TOGETHER)}"
    step, rest = width * _TOGETHER, width * (size - size % _TOGETHER)
    driver.executemany(several, (flat[at : at + step] for at in range(0, rest, step)))
    driver.executemany(f"{head} VALUES {row}", (flat[at : at + width] for at in range(rest, len(flat), width)))


def _plain(column: NDArray[Any], null: Any) -> list[Any]:
    values: list[Any] = column.tolist()
    if null is None or not (column == null).any():
        return values
    return [None if value == null else value for value in values]

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
from sqlalchemy import Connection, Select, Table, func, insert, select

from collector.store import server
from collector.store.database import translated
from collector.store.histories import plain_rows

Columns = list[NDArray[np.int64]]
_WRITTEN = 50_000  # rows handed to the driver at once
_TOGETHER = 100  # of these, rows of one statement
_FETCHED = 100_000  # rows held as Python objects at a time


def fetched(conn: Connection, query: Select[Any]) -> NDArray[np.int64]:
    """The rows of a query of whole numbers, one array row each."""
    width = len(query.selected_columns)
    parts = [
        np.fromiter(chain.from_iterable(part), np.int64).reshape(-1, width)
        for part in plain_rows(conn, query, _FETCHED)
    ]
    return np.concatenate(parts) if parts else np.empty((0, width), np.int64)


def columns_of(conn: Connection, query: Select[Any]) -> Columns:
    """The columns of a query of whole numbers (no nulls, no DISTINCT, no GROUP BY), in whatever order rows are found.

    ValueError where there is anything else in them. SQLite hands over each column as one text: 0.1 µs a value, where a
    row of Python objects takes 0.25 and more. A text is 1 GB at most: who asks for millions of rows does so in parts.
    """
    if conn.dialect.name != "sqlite":
        return [np.ascontiguousarray(column) for column in fetched(conn, query).T]
    joined = query.with_only_columns(func.count(), *(func.group_concat(column) for column in query.selected_columns))
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


def insert_columns(
    conn: Connection,
    table: Table,
    columns: Mapping[str, tuple[NDArray[Any], Any]],
    same: Mapping[str, int | str] | None = None,
) -> None:
    """Rows from columns of numbers, each with the value that stands for null (None: it has none).

    `same` holds what all rows have in common. On SQLite the rows go straight to the driver, on a server by COPY.
    """
    same = same or {}
    names = [*same, *columns]
    compiled = insert(table).compile(dialect=conn.dialect, column_keys=names)
    size = len(next(iter(columns.values()))[0])
    for at in range(0, size, _WRITTEN):
        values = {name: _plain(column[at : at + _WRITTEN], null) for name, (column, null) in columns.items()}
        values |= {name: [value] * min(size - at, _WRITTEN) for name, value in same.items()}
        if compiled.positiontup is not None:
            driver: Any = conn.connection.driver_connection
            with translated("SQL"):
                _insert_many(driver, str(compiled), [values[name] for name in compiled.positiontup])
        else:
            server.copy_rows(conn, table, names, zip(*(values[name] for name in names), strict=True))


def _insert_many(driver: Any, statement: str, columns: Sequence[list[Any]]) -> None:
    """Many rows a statement, and those left over one by one.

    Measured at 450,000 rows of seven columns: 0.3 s of CPU, where a statement for each row takes 0.8.
    """
    width, size = len(columns), len(columns[0])
    flat: list[Any] = [None] * (width * size)
    for place, column in enumerate(columns):
        flat[place::width] = column
    head, one_row = statement.rsplit(" VALUES ", 1)
    several = f"{head} VALUES {', '.join([one_row] * _TOGETHER)}"
    step, rest = width * _TOGETHER, width * (size - size % _TOGETHER)
    driver.executemany(several, (flat[at : at + step] for at in range(0, rest, step)))
    driver.executemany(statement, (flat[at : at + width] for at in range(rest, len(flat), width)))


def _plain(column: NDArray[Any], null: Any) -> list[Any]:
    values: list[Any] = column.tolist()
    if null is None or not (column == null).any():
        return values
    return [None if value == null else value for value in values]

"""Rows read into numpy's columns of whole numbers, and written from them. Knows no table.

Apart from the rest of the store, since numpy loads slowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, Table, func, insert

from collector.store import server
from collector.store.database import translated
from collector.store.histories import plain_rows

Columns = list[NDArray[np.int64]]
_WRITTEN = 50_000  # rows handed to the driver at once
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

    SQLite hands over each column as one text: 0.1 µs a value, where a row of Python objects takes 0.25 and more. A
    text is 1 GB at most, and whoever asks for millions of rows asks part by part.
    """
    if conn.dialect.name != "sqlite":
        return [np.ascontiguousarray(column) for column in fetched(conn, query).T]
    joined = query.with_only_columns(*(func.group_concat(column) for column in query.selected_columns))
    texts = conn.execute(joined).one()
    return [np.empty(0, np.int64) if text is None else np.fromstring(text, np.int64, sep=",") for text in texts]


def insert_columns(conn: Connection, table: Table, columns: Mapping[str, tuple[NDArray[Any], Any]]) -> None:
    """Rows from columns of numbers, each with the value that stands for null (None: it has none).

    On SQLite the rows go straight to the driver, one tuple at a time: a dictionary for each would take thrice the time.
    On a server by COPY.
    """
    names = list(columns)
    compiled = insert(table).compile(dialect=conn.dialect, column_keys=names)
    for at in range(0, len(columns[names[0]][0]), _WRITTEN):
        values = {name: _plain(column[at : at + _WRITTEN], null) for name, (column, null) in columns.items()}
        if compiled.positiontup is not None:
            ordered = [values[name] for name in compiled.positiontup]
            driver: Any = conn.connection.driver_connection
            with translated("SQL"):
                driver.executemany(str(compiled), zip(*ordered, strict=True))
        else:
            server.copy_rows(conn, table, names, zip(*values.values(), strict=True))


def _plain(column: NDArray[Any], null: Any) -> list[Any]:
    values: list[Any] = column.tolist()
    if null is None or not (column == null).any():
        return values
    return [None if value == null else value for value in values]

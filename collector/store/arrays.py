"""Rows written from numpy's columns of whole numbers. Apart from the rest of the store, since numpy loads slowly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, insert

from collector.store import server
from collector.store.database import translated

_ROWS = 50_000  # rows handed to the driver at once


def insert_columns(conn: Connection, table: Table, columns: Mapping[str, tuple[NDArray[np.int64], int | None]]) -> None:
    """Rows from columns of whole numbers, each with the value that stands for null (None: it has none).

    On SQLite the rows go straight to the driver, one tuple at a time: a dictionary for each would take thrice the time.
    On a server by COPY.
    """
    names = list(columns)
    compiled = insert(table).compile(dialect=conn.dialect, column_keys=names)
    for at in range(0, len(columns[names[0]][0]), _ROWS):
        values = {name: _plain(column[at : at + _ROWS], null) for name, (column, null) in columns.items()}
        if compiled.positiontup is not None:
            ordered = [values[name] for name in compiled.positiontup]
            driver: Any = conn.connection.driver_connection
            with translated("SQL"):
                driver.executemany(str(compiled), zip(*ordered, strict=True))
        else:
            server.copy_rows(conn, table, names, zip(*values.values(), strict=True))


def _plain(column: NDArray[np.int64], null: int | None) -> list[int | None]:
    values: list[int | None] = column.tolist()
    if null is None or not (column == null).any():
        return values
    return [None if value == null else value for value in values]

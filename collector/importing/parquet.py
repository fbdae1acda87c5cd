"""A Parquet file of readings, column by column. Knows pyarrow, which is an extra; the checks are those of `values`."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import numpy as np

from collector.errors import ImportFileError
from collector.importing.shapes import COLUMNS, HEADER, Shape, shape_of
from collector.importing.values import Fault, Faults, Values, count_of, possible
from collector.series import NOT_SAID, Ints
from collector.store.bulk import FileReadings

_ROWS = 200_000  # at a time


def read_parquet(
    file: io.BufferedReader, where: str, file_name: str, latest: int
) -> tuple[FileReadings, int, tuple[str, ...]]:
    """The readings, the rows without a counter, and the columns passed over; lines are rows, counted from 1.

    ImportFileError names the faulty rows, or says how to get what reads such files.
    """
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        cure = "pip install 'open-model-collector[parquet]', or save it as CSV"
        raise ImportFileError(
            f"{where}: is a Parquet file, which needs pyarrow: {cure} (nothing was imported)"
        ) from error
    file.seek(0)
    try:
        table = parquet.ParquetFile(file)
        shape = _shape(where, table.schema_arrow.names, file_name)
        names = [table.schema_arrow.names[place] for place in {*shape.places, shape.author} if place is not None]
        batches = table.iter_batches(batch_size=_ROWS, columns=names)
        return _read(where, shape, table.schema_arrow.names, batches, Values(latest))
    except (arrow.ArrowException, OSError) as error:
        raise ImportFileError(f"{where}: is a damaged Parquet file; get it again (nothing was imported)") from error


def _shape(where: str, names: list[str], file_name: str) -> Shape:
    shape = shape_of(names, file_name)
    if isinstance(shape, Shape):
        return shape
    raise ImportFileError(f"{where}: {' | '.join(shape)}; columns such as {HEADER} are read (nothing was imported)")


def _read(
    where: str, shape: Shape, names: list[str], batches: Any, values: Values
) -> tuple[FileReadings, int, tuple[str, ...]]:
    faults = Faults()
    parts: list[tuple[Ints, ...]] = []
    first = 1
    for batch in batches:
        columns = _Batch(batch, names, first, faults)
        parts.append(columns.read(shape, values))
        first += batch.num_rows
    faults.refuse(where)
    empty = tuple(np.zeros(0, np.int64) for _ in range(6))
    name, line, at, all_time, rolling, likes = (np.concatenate(each) for each in zip(*(parts or [empty]), strict=True))
    said = (all_time != NOT_SAID) | (rolling != NOT_SAID)
    kept = [column[said] for column in (name, line, at, all_time, rolling, likes)]
    return FileReadings(tuple(values.names), *kept), int((~said).sum()), shape.ignored


class _Batch:
    """Some rows of the file; faults are noted by their row, and the value then counts as not said."""

    def __init__(self, batch: Any, names: list[str], first: int, faults: Faults) -> None:
        self._batch = batch
        self._names = names
        self._first = first
        self._faults = faults

    def read(self, shape: Shape, values: Values) -> tuple[Ints, ...]:
        """Place of the name, row, instant and counts of every row."""
        rows = self._batch.num_rows
        authors = [""] * rows if shape.author is None else [_text(value) for value in self._cells(shape.author)]
        models = [_text(value) for value in self._cells(shape.places[0])]
        days = [shape.day] * rows if shape.places[1] is None else self._cells(shape.places[1])
        places = self._looked_up(list(zip(models, authors, strict=True)), lambda pair: values.place(*pair))
        instants = self._looked_up(days, lambda value: _instant(value, values))
        counts = [
            self._looked_up(self._cells(place), partial(_count, column=name))
            for place, name in zip(shape.places[2:], COLUMNS[2:], strict=True)
        ]
        return (places, np.arange(self._first, self._first + rows), instants, *counts)

    def _cells(self, place: int | None) -> list[Any]:
        if place is None:
            return [None] * self._batch.num_rows
        cells: list[Any] = self._batch.column(self._names[place]).to_pylist()
        # Lists and records are no values of ours: an empty text in their place is refused or says nothing.
        return ["" if isinstance(cell, (list, dict)) else cell for cell in cells]

    def _looked_up(self, column: list[Any], meaning: Callable[[Any], int]) -> Ints:
        """The meaning of every cell, each asked for once."""
        known: dict[Any, int] = {}
        for row, value in enumerate(column, self._first):
            if value not in known:
                try:
                    known[value] = meaning(value)
                except Fault as fault:
                    self._faults.add(row, fault)
                    known[value] = NOT_SAID
        return np.array([known[value] for value in column], np.int64)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _instant(value: Any, values: Values) -> int:
    """A text, a date (00:00 UTC) or a timestamp (UTC when it has no zone: Parquet stores none for most writers)."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return possible(int(aware.timestamp() // 1), value.isoformat(), values.latest)
    return values.instant(value.isoformat() if isinstance(value, date) else _text(value))


def _count(value: Any, column: str) -> int:
    """A whole number; tables with missing values often hold it as a float."""
    if value is None or value != value:
        return NOT_SAID
    whole = isinstance(value, float) and value.is_integer()
    found = count_of(str(int(value)) if whole else _text(value), column)
    return NOT_SAID if found is None else found

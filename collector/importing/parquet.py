"""A Parquet file of readings, column by column. Knows pyarrow, which is an extra; the checks are those of `values`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow
from pyarrow import RecordBatch, parquet

from collector.errors import ImportFileError
from collector.importing.contents import Contents
from collector.importing.describing import Describer
from collector.importing.shapes import COLUMNS, HEADER, Shape, shape_of
from collector.importing.values import MOST, Fault, Faults, Values, count_of, possible
from collector.series import NOT_SAID, Bools, Ints

_ROWS = 200_000  # at a time


class _Unreadable(Exception):
    """A column holds what neither a text nor a time can be."""


def read_parquet(file: io.BufferedReader, where: str, file_name: str, latest: int) -> Contents:
    """What the file says; lines are rows, counted from 1. ImportFileError names the faulty rows."""
    file.seek(0)
    try:
        table = parquet.ParquetFile(file)
        shape = _shape(where, table.schema_arrow.names, file_name)
        places = {*shape.places, shape.author, *shape.described}
        names = [table.schema_arrow.names[place] for place in places if place is not None]
        batches = table.iter_batches(batch_size=_ROWS, columns=names)
        return _read(where, shape, table.schema_arrow.names, batches, latest)
    except _Unreadable as column:
        said = f"{where}: column {column} holds a text that is not UTF-8, or a time of no calendar"
        raise ImportFileError(f"{said}; correct it (nothing was imported)") from column
    except (pyarrow.ArrowException, OSError) as error:
        raise ImportFileError(f"{where}: is a damaged Parquet file; get it again (nothing was imported)") from error


def _shape(where: str, names: list[str], file_name: str) -> Shape:
    shape = shape_of(names, file_name)
    if isinstance(shape, Shape):
        return shape
    raise ImportFileError(f"{where}: {' | '.join(shape)}; columns such as {HEADER} are read (nothing was imported)")


def _read(where: str, shape: Shape, names: list[str], batches: Iterable[RecordBatch], latest: int) -> Contents:
    faults = Faults()
    values, describer = Values(latest), Describer.of(shape, latest)
    parts: list[tuple[Ints, ...]] = []
    first = 1
    for batch in batches:
        columns = _Batch(batch, names, first, faults)
        part = columns.read(shape, values)
        if describer is not None:
            kept = columns.describe(shape, describer, [values.names[place] for place in part[0].tolist()], part[2])
            part = tuple(column[kept] for column in part)
        parts.append(part)
        first += batch.num_rows
    faults.refuse(where)
    return Contents.of(values, parts, shape.ignored, describer)


class _Batch:
    """Some rows of the file; faults are noted by their row, and the value then counts as not said."""

    def __init__(self, batch: RecordBatch, names: list[str], first: int, faults: Faults) -> None:
        self._batch = batch
        self._names = names
        self._first = first
        self._faults = faults

    def read(self, shape: Shape, values: Values) -> tuple[Ints, ...]:
        """Place of the name, row, instant and counts of every row."""
        rows = self._batch.num_rows
        model, day, *counts = shape.places
        places = self._places(model, shape.author, values)
        instants = (
            np.full(rows, values.instant(shape.day))
            if day is None
            else self._looked_up(*self._distinct(day), lambda value: _instant(value, values))
        )
        numbers = [self._counts(place, name) for place, name in zip(counts, COLUMNS[2:], strict=True)]
        return (places, np.arange(self._first, self._first + rows), instants, *numbers)

    def describe(self, shape: Shape, describer: Describer, models: list[str], instants: Ints) -> Bools:
        """Hands what the rows say of their models on; which of them are to be kept."""
        rows = self._batch.num_rows
        said = [[None] * rows if place is None else self._cells(place) for place in shape.described]
        kept = np.ones(rows, np.bool_)
        for row, (model, at, *words) in enumerate(zip(models, instants.tolist(), *said, strict=True)):
            try:
                kept[row] = describer.add(model, at, words)
            except Fault as fault:
                self._faults.add(self._first + row, fault)
        return kept

    def _column(self, place: int) -> Any:
        """A column without dictionary; bytes are a text whose writer did not say so."""
        column = self._batch.column(self._names[place])
        if pyarrow.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pyarrow.types.is_fixed_size_binary(column.type):
            column = column.cast(pyarrow.binary())
        if pyarrow.types.is_binary(column.type) or pyarrow.types.is_large_binary(column.type):
            with self._readable(place):
                column = column.cast(pyarrow.large_string())
        return column

    @contextmanager
    def _readable(self, place: int) -> Iterator[None]:
        try:
            yield
        except (pyarrow.ArrowInvalid, OverflowError, UnicodeDecodeError) as error:
            raise _Unreadable(repr(self._names[place][:40])) from error

    def _cells(self, place: int) -> list[Any]:
        with self._readable(place):
            cells: list[Any] = self._column(place).to_pylist()
        return cells

    def _places(self, model: int | None, author: int | None, values: Values) -> Ints:
        if model is None:
            raise AssertionError("a shape has a column that names the model")
        names, which = self._distinct(model)
        if author is None:
            return self._looked_up(names, which, lambda name: values.place(_text(name)))
        authors, whose = self._distinct(author)
        pairs, together = np.unique(which * len(authors) + whose, return_inverse=True)
        both = [(names[pair // len(authors)], authors[pair % len(authors)]) for pair in pairs.tolist()]
        return self._looked_up(both, together, lambda pair: values.place(_text(pair[0]), _text(pair[1])))

    def _counts(self, place: int | None, name: str) -> Ints:
        if place is None:
            return np.full(self._batch.num_rows, NOT_SAID)
        column = self._column(place)
        if pyarrow.types.is_integer(column.type) and not pyarrow.types.is_uint64(
            column.type
        ):  # half of it is too large
            numbers: Ints = column.cast("int64").fill_null(NOT_SAID).to_numpy(zero_copy_only=False)
            said = numbers[numbers != NOT_SAID]
            if len(said) == len(column) - column.null_count and not ((said < 0) | (said > MOST[name])).any():
                return numbers
        return self._looked_up(*self._distinct(place), partial(_count, column=name))

    def _distinct(self, place: int) -> tuple[list[Any], Ints]:
        """The different values of a column, and which of them each row has."""
        column = self._column(place)
        if pyarrow.types.is_nested(column.type):
            # Lists and records are no values of ours: an empty text in their place is refused or says nothing.
            return [""], np.zeros(len(column), np.int64)
        encoded = column.dictionary_encode(null_encoding="encode")
        with self._readable(place):
            different = encoded.dictionary.to_pylist()
        return different, encoded.indices.cast("int64").to_numpy(zero_copy_only=False)

    def _looked_up(self, distinct: Sequence[Any], which: Ints, meaning: Callable[[Any], int]) -> Ints:
        """The meaning of every cell; of each different one it is asked for once, in the order of the rows."""
        found = np.full(len(distinct), NOT_SAID)
        for number, value in enumerate(distinct):
            try:
                found[number] = meaning(value)
            except Fault as fault:
                self._faults.add(self._first + int(np.flatnonzero(which == number)[0]), fault)
        return found[which]


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

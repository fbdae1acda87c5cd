"""A plain CSV file in blocks of many lines: ten million rows in seconds.

Takes only what `lines` would read alike, and nothing with a quote in it; whatever is unusual it leaves to `lines`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar, cast

import numpy as np

from collector.importing.lines import BOM
from collector.importing.shapes import COLUMNS, Shape, shape_of
from collector.importing.values import MOST, Fault, Values
from collector.series import NOT_SAID, Ints
from collector.store.bulk import FileReadings

BLOCK = 1 << 23  # bytes
T = TypeVar("T", bound=Hashable)
_LONGEST = 18  # digits that 64 bits hold


class _Unusual(Exception):
    """Something that is for `lines` to judge."""


def read_blocks(
    content: io.BufferedIOBase, file_name: str, latest: int, block: int = BLOCK
) -> tuple[FileReadings, int, tuple[str, ...]] | None:
    """The readings, the rows without a counter, and the columns passed over; None when the file is not plain."""
    try:
        shape = _shape(content, file_name)
        values = Values(latest)
        columns, line, parts = _Columns(shape, values), 2, []
        for lines in _blocks(content, block):
            parts.append(columns.of(lines, line))
            line += len(lines)
    except (_Unusual, Fault, UnicodeDecodeError):
        return None
    if not parts:
        return None
    name, numbers, at, all_time, rolling, likes = (np.concatenate(column) for column in zip(*parts, strict=True))
    said = (all_time != NOT_SAID) | (rolling != NOT_SAID)
    kept = [column[said] for column in (name, numbers, at, all_time, rolling, likes)]
    return FileReadings(tuple(values.names), *kept), int((~said).sum()), shape.ignored


def _shape(content: io.BufferedIOBase, file_name: str) -> Shape:
    header = content.readline(BLOCK).removeprefix(BOM).decode("utf-8")
    if '"' in header or "\r" in header.removesuffix("\r\n") or not header.endswith("\n"):
        raise _Unusual
    shape = shape_of([name.strip() for name in header.split(",")], file_name)
    if not isinstance(shape, Shape):
        raise _Unusual
    return shape


def _blocks(content: io.BufferedIOBase, size: int) -> Iterator[list[str]]:
    """The lines after the header, many at a time, without their ends."""
    while block := content.read(size):
        text = (block + content.readline()).decode("utf-8")
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        lines = text.removesuffix("\n").split("\n")
        if '"' in text or "\r" in text or "" in lines:
            raise _Unusual
        yield lines


class _Columns:
    """Lines under a header to columns; every name and day is looked at once in the whole file."""

    def __init__(self, shape: Shape, values: Values) -> None:
        self._shape = shape
        self._values = values
        self._names: dict[str, int] = {}
        self._pairs: dict[tuple[str, str], int] = {}
        self._days: dict[str, int] = {}

    def of(self, lines: list[str], first: int) -> tuple[Ints, ...]:
        """Place of the name, line, instant and counts of every line; `first` is the number of the first."""
        shape = self._shape
        if {line.count(",") for line in lines} != {shape.width - 1}:
            raise _Unusual
        fields = ",".join(lines).split(",")
        columns = [None if place is None else fields[place :: shape.width] for place in (*shape.places, shape.author)]
        model, day, *counts, author = columns
        numbers = [_counts(column, len(lines), MOST[name]) for column, name in zip(counts, COLUMNS[2:], strict=True)]
        places, numbered = self._places(model or [], author), np.arange(first, first + len(lines))
        return (np.array(places, np.int64), numbered, self._instants(day, len(lines)), *numbers)

    def _places(self, names: Sequence[str], authors: Sequence[str] | None) -> list[int]:
        if authors is None:
            return _looked_up(self._names, names, lambda text: self._values.place(text.strip()))
        pairs = list(zip(names, authors, strict=True))
        return _looked_up(self._pairs, pairs, lambda pair: self._values.place(pair[0].strip(), pair[1].strip()))

    def _instants(self, days: Sequence[str] | None, rows: int) -> Ints:
        if days is None:
            return np.full(rows, self._values.instant(self._shape.day))
        # A day not said is the fault of its line, and for `lines` to tell.
        return np.array(_looked_up(self._days, days, lambda text: self._values.instant(text.strip())), np.int64)


def _looked_up(known: dict[T, int], column: Sequence[T], meaning: Callable[[T], int]) -> list[int]:
    """The meaning of every cell; of a new one it is asked for once, in the order of the lines."""
    found = list(map(known.get, column))
    if None in found:
        for cell in dict.fromkeys(column):
            if cell not in known:
                known[cell] = meaning(cell)
        found = list(map(known.get, column))
    return cast(list[int], found)


def _counts(column: Sequence[str] | None, rows: int, most: int) -> Ints:
    """Whole numbers of digits alone; NOT_SAID where nothing stands."""
    if column is None:
        return np.full(rows, NOT_SAID)
    digits = "".join(column)
    if (digits and not (digits.isascii() and digits.isdigit())) or max(map(len, column)) > _LONGEST:
        raise _Unusual
    said = column if "" not in column else [text or str(NOT_SAID) for text in column]
    counts = np.fromstring(",".join(said), np.int64, sep=",")
    if counts.max() > most:
        raise _Unusual
    return counts

"""A plain CSV file in blocks of many lines: ten million rows in seconds.

Takes only what `lines` would read alike: quotes only around whole fields without a comma or a line's end in them (as
many programs write every text, or the header). Whatever is unusual it leaves to `lines`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar, cast

import numpy as np

from collector.importing.contents import Contents
from collector.importing.lines import BOM
from collector.importing.shapes import COLUMNS, Shape, shape_of
from collector.importing.values import MOST, Fault, Values
from collector.series import NOT_SAID, Ints

BLOCK = 1 << 23  # bytes
T = TypeVar("T", bound=Hashable)
_COMMA, _NEWLINE, _QUOTE = b',\n"'
_QUOTE_LETTER = b'"'
_LONGEST = 18  # digits that 64 bits hold


class _Unusual(Exception):
    """Something that is for `lines` to judge."""


def read_blocks(content: io.BufferedIOBase, file_name: str, latest: int, block: int = BLOCK) -> Contents | None:
    """What the file says; None when it is not plain."""
    try:
        shape = _shape(content, file_name)
        values = Values(latest)
        columns, line, parts = _Columns(shape, values), 2, []
        for fields in _blocks(content, block, shape.width):
            parts.append(columns.of(fields, line))
            line += len(fields) // shape.width
    except (_Unusual, Fault, UnicodeDecodeError):
        return None
    return Contents.of(values, parts, shape.ignored) if parts else None


def _shape(content: io.BufferedIOBase, file_name: str) -> Shape:
    line = content.readline(BLOCK).removeprefix(BOM)
    header = _unquoted(line.removesuffix(b"\n").removesuffix(b"\r") + b"\n").decode("utf-8")
    if "\r" in header or not line.endswith(b"\n"):
        raise _Unusual
    shape = shape_of([name.strip() for name in header.split(",")], file_name)
    if not isinstance(shape, Shape) or shape.described:
        raise _Unusual
    return shape


def _blocks(content: io.BufferedIOBase, size: int, width: int) -> Iterator[list[str]]:
    """The fields after the header, those of many lines at a time; every line has `width` of them."""
    while block := content.read(size):
        block = (block + content.readline()).replace(b"\r\n", b"\n").removesuffix(b"\n") + b"\n"
        block = _unquoted(block)
        if b"\r" in block or block.startswith(b"\n") or b"\n\n" in block:
            raise _Unusual
        letters = np.frombuffer(block, np.uint8)
        ends = letters[(letters == _COMMA) | (letters == _NEWLINE)]
        if len(ends) % width or (ends.reshape(-1, width) != [_COMMA] * (width - 1) + [_NEWLINE]).any():
            raise _Unusual
        yield block[:-1].replace(b"\n", b",").decode("utf-8").split(",")


def _unquoted(block: bytes) -> bytes:
    """Whole lines without the quotes around fields; _Unusual when a quote stands elsewhere, or holds a separator."""
    if _QUOTE_LETTER not in block:
        return block
    letters = np.frombuffer(block, np.uint8)
    separators = np.flatnonzero((letters == _COMMA) | (letters == _NEWLINE))
    quotes = np.flatnonzero(letters == _QUOTE)
    if len(quotes) % 2:
        raise _Unusual
    opening, closing = quotes[::2], quotes[1::2]
    field = np.searchsorted(separators, opening)  # the number of the field each quote stands in
    begins = np.append(0, separators[:-1] + 1)
    if (opening != begins[field]).any() or (closing + 1 != separators[field]).any():
        raise _Unusual
    return block.replace(_QUOTE_LETTER, b"")


class _Columns:
    """Lines under a header to columns; every name and day is looked at once in the whole file."""

    def __init__(self, shape: Shape, values: Values) -> None:
        self._shape = shape
        self._values = values
        self._names: dict[str, int] = {}
        self._pairs: dict[tuple[str, str], int] = {}
        self._days: dict[str, int] = {}

    def of(self, fields: list[str], first: int) -> tuple[Ints, ...]:
        """Place of the name, line, instant and counts of every line; `first` is the number of the first."""
        shape, lines = self._shape, len(fields) // self._shape.width
        columns = [None if place is None else fields[place :: shape.width] for place in (*shape.places, shape.author)]
        model, day, *counts, author = columns
        numbers = [_counts(column, lines, MOST[name]) for column, name in zip(counts, COLUMNS[2:], strict=True)]
        places, numbered = self._places(model or [], author), np.arange(first, first + lines)
        return (np.array(places, np.int64), numbered, self._instants(day, lines), *numbers)

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

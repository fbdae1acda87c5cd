"""A plain CSV file in blocks of many lines: ten million rows in seconds.

Takes only what `lines` would read alike, and nothing with a quote in it; whatever is unusual it leaves to `lines`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from collector.importing.lines import BOM
from collector.importing.shapes import COLUMNS, Shape, shape_of
from collector.importing.values import MOST, Fault, Values
from collector.series import NOT_SAID, Ints
from collector.store.bulk import FileReadings

BLOCK = 1 << 23  # bytes
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
        line, parts = 2, []
        for lines in _blocks(content, block):
            parts.append(_columns(lines, shape, values, line))
            line += len(lines)
    except (_Unusual, Fault, UnicodeDecodeError):
        return None
    if not parts:
        return None
    name, numbers, at, all_time, rolling, likes = (np.concatenate(column) for column in zip(*parts, strict=True))
    said = (all_time != NOT_SAID) | (rolling != NOT_SAID)
    columns = [column[said] for column in (name, numbers, at, all_time, rolling, likes)]
    return FileReadings(tuple(values.names), *columns), int((~said).sum()), shape.ignored


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


def _columns(lines: list[str], shape: Shape, values: Values, first: int) -> tuple[Ints, ...]:
    """Place of the name, line, instant and counts of every line."""
    if {line.count(",") for line in lines} != {shape.width - 1}:
        raise _Unusual
    fields = ",".join(lines).split(",")
    columns = [None if place is None else fields[place :: shape.width] for place in (*shape.places, shape.author)]
    model, day, *counts, author = columns
    assert model is not None  # a shape without a model is none
    places = _looked_up(values.place, model) if author is None else _with_authors(values, model, author)
    instants = [values.instant(shape.day)] * len(lines) if day is None else _looked_up(values.instant, day)
    numbers = [_counts(column, len(lines), MOST[name]) for column, name in zip(counts, COLUMNS[2:], strict=True)]
    return (np.array(places, np.int64), np.arange(first, first + len(lines)), np.array(instants, np.int64), *numbers)


def _looked_up(meaning: Callable[[str], int], column: Sequence[str]) -> list[int]:
    """The meaning of every text; each is asked for once, in the order of the lines."""
    known = {text: meaning(text.strip()) for text in dict.fromkeys(column)}
    return [known[text] for text in column]


def _with_authors(values: Values, names: Sequence[str], authors: Sequence[str]) -> list[int]:
    pairs = list(zip(names, authors, strict=True))
    known = {pair: values.place(pair[0].strip(), pair[1].strip()) for pair in dict.fromkeys(pairs)}
    return [known[pair] for pair in pairs]


def _counts(column: Sequence[str] | None, rows: int, most: int) -> Ints:
    """Whole numbers of digits alone; NOT_SAID where nothing stands."""
    if column is None:
        return np.full(rows, NOT_SAID)
    digits = "".join(column)
    if (digits and not (digits.isascii() and digits.isdigit())) or max(map(len, column)) > _LONGEST:
        raise _Unusual
    counts = np.array([int(text) if text else NOT_SAID for text in column], np.int64)
    if counts.max() > most:
        raise _Unusual
    return counts

"""A published table as CSV text: RFC 4180 with `\\n`, fixed decimals, and nothing that a spreadsheet would run.

Pure; knows no file. Hub text is hostile: it may hold quotes, line ends, formulas and control characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from collector.columns import PublishedColumn, Type

if TYPE_CHECKING:  # whoever writes rows as they come need not load it
    import pandas as pd

#: A spreadsheet runs a cell that begins with one of these (design, section 6).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

# Quoting makes tabs and line ends safe; no reader wants the other control characters or half a surrogate pair.
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_TO_QUOTE = re.compile('[",\r\n]')
# Most names are: nothing in them, nor before them, needs any of this.
_ORDINARY = re.compile(r"\w[\w ./:()-]*", re.ASCII)

# Every published number is a share but this one: downloads, models or hours.
_NOT_A_SHARE = "value"


def csv_lines(table: pd.DataFrame, columns: Iterable[PublishedColumn]) -> Iterator[str]:
    """The header and the rows, each with its line end; missing values are empty."""
    columns = list(columns)
    yield ",".join(quoted(column.name) for column in columns) + "\n"
    *cells, last = (_cells(table[column.name], column) for column in columns)
    ended = [f"{cell}\n" for cell in last]
    yield from map(",".join, zip(*cells, ended, strict=True))


def _cells(values: pd.Series[Any], column: PublishedColumn) -> list[str]:
    import pandas as pd

    write = plain if column.name == _NOT_A_SHARE else _WRITERS[column.type]
    # Hub, window, scope, country repeat in millions of rows: each value is written once.
    place, distinct = pd.factorize(values)
    texts = [*map(write, distinct.tolist()), ""]  # a missing value has place -1
    cells: list[str] = pd.Index(texts, dtype=object).take(place).tolist()
    return cells


def text(value: str) -> str:
    """A text cell: quoted where needed; a leading ' keeps a spreadsheet from running it."""
    if _ORDINARY.fullmatch(value):
        return value
    words = _UNREADABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    return quoted("'" + words if words.startswith(FORMULA_STARTS) else words)


def quoted(words: str) -> str:
    """In double quotes where RFC 4180 asks for them. (`csv.writer` leaves a carriage return bare.)"""
    return '"' + words.replace('"', '""') + '"' if _TO_QUOTE.search(words) else words


def share(value: float) -> str:
    """Six places."""
    return f"{value:z.6f}"


def whole(value: float) -> str:
    """A whole number; a column with missing ones comes as floats."""
    return str(int(value))


def plain(value: float) -> str:
    """Up to six places: whole numbers look whole."""
    return f"{value:z.6f}".rstrip("0").rstrip(".")


_WRITERS: Mapping[Type, Callable[[Any], str]] = {"string": text, "integer": whole, "number": share}


def plain_lines(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Any table as CSV: numbers as Python writes them, text safe for spreadsheets, None empty."""
    yield ",".join(text(name) for name in columns) + "\n"
    for row in rows:
        yield ",".join(_plain_cell(value) for value in row) + "\n"


def _plain_cell(value: Any) -> str:
    return "" if value is None else text(value) if isinstance(value, str) else words_of(value)


def words_of(value: object) -> str:
    """Any value of a database as words: bytes are hexadecimal digits."""
    return value.hex() if isinstance(value, bytes) else str(value)

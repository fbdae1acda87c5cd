"""Text for a terminal: without control sequences, measured in columns, laid out as a table.

Pure; knows neither shares nor hubs. Hub text is hostile: an escape sequence in a name must not reach a terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

_GAP = "  "
# Controls, invisible format characters (they can turn a line's direction round), surrogates, line and paragraph ends.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ON_ANOTHER = frozenset({"Mn", "Me"})  # marks on the character before
_LONGEST = 1000  # characters looked at: names may have megabytes


def clean(text: str) -> str:
    """Text that can do no more on a terminal than be read."""
    shown = text[:_LONGEST]
    safe = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNSAFE else c for c in shown)
    return safe if len(text) <= _LONGEST else safe + "…"


def columns_of(text: str) -> int:
    """The columns a text takes on a terminal: wide characters take two, combining ones none."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in _ON_ANOTHER:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shortened(text: str, columns: int) -> str:
    """The text, cut to so many columns with an ellipsis at its end."""
    if columns_of(text) <= columns:
        return text
    ends = accumulate(_columns(character) for character in text)
    # The ellipsis takes a column of its own.
    return "".join(character for character, end in zip(text, ends, strict=True) if end < columns) + "…"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table on a terminal."""

    title: str
    cells: Sequence[str]
    right: bool = False  #: numbers end at the right
    least: int | None = None  #: may be shortened to so many columns; None: never
    optional: bool = False  #: left out where the table is too wide

    @property
    def width(self) -> int:
        return max(columns_of(text) for text in (self.title, *self.cells))


def table_lines(columns: Sequence[Column], width: int) -> Iterator[str]:
    """Header and rows, fitted into `width` columns as far as shortening and leaving out goes."""
    widths = _fitted(columns, width)
    if _total(widths) > width:
        columns = [column for column in columns if not column.optional]
        widths = _fitted(columns, width)
    yield _line(columns, [column.title for column in columns], widths)
    for row in zip(*(column.cells for column in columns), strict=True):
        yield _line(columns, row, widths)


def _fitted(columns: Sequence[Column], width: int) -> list[int]:
    """The widths of the columns; those that may be shortened give way, the last first."""
    widths = [column.width for column in columns]
    for place in reversed(range(len(columns))):
        least = columns[place].least
        excess = _total(widths) - width
        if least is not None and excess > 0:
            widths[place] = max(min(least, widths[place]), widths[place] - excess)
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = []
    for column, cell, width in zip(columns, cells, widths, strict=True):
        words = shortened(cell, width)
        blank = " " * (width - columns_of(words))
        padded.append(blank + words if column.right else words + blank)
    return _GAP.join(padded).rstrip()

"""Which values a file of history may hold, and the faults of those it may not. Pure; knows no file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from collector.errors import ImportFileError
from collector.hubs.huggingface_rows import MAX_LIKES, is_name
from collector.model import MAX_COUNTER

MOST = {"downloads_all_time": MAX_COUNTER, "downloads_30d": MAX_COUNTER, "likes": MAX_LIKES}  #: of each count

_EARLIEST = 946_684_800  # 2000-01-01: older than any hub; such a date is a spreadsheet's or an epoch's zero
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d(?P<time>[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?\Z", re.ASCII
)
_GUARDED = ("'=", "'+", "'-", "'@")  # our CSV files write a name that a spreadsheet would run with a ' before it
_ADDRESS = ("https://", "http://")
_LONGEST_COUNT = 20  # digits; more are not worth reading
_FAULTS_SHOWN = 5


class Fault(Exception):
    """What is wrong with a value, and the cure."""


@dataclass(slots=True)
class Faults:
    """The faults of a file: the first few in words, the rest in number."""

    shown: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, line: int, reason: object) -> None:
        """One more."""
        if len(self.shown) < _FAULTS_SHOWN:
            self.shown.append(f"line {line}: {reason}")
        else:
            self.more += 1

    def refuse(self, where: str) -> None:
        """ImportFileError when there is any fault."""
        if self.shown:
            more = f" | and {self.more} more" if self.more else ""
            raise ImportFileError(f"{where}, {' | '.join(self.shown)}{more} (nothing was imported)")


@dataclass(slots=True)
class Values:
    """Names and instants of a file. Each is checked, and held in memory, once."""

    latest: int  #: no reading is later (Unix seconds)
    names: list[str] = field(default_factory=list)  #: every name once, in the order of the file
    _known: dict[str, int] = field(default_factory=dict)
    _places: dict[tuple[str, str], int] = field(default_factory=dict)
    _instants: dict[str, int] = field(default_factory=dict)

    def place(self, text: str, author: str = "") -> int:
        """The place of a model's name; `author` stands before a name that has none of its own."""
        known = self._places.get((text, author))
        if known is None:
            whole = f"{author}/{text}" if author and text and "/" not in text else text
            known = self._places[text, author] = self._place(name_of(whole))
        return known

    def _place(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = len(self.names)
            self.names.append(name)
        return self._known[name]

    def instant(self, text: str) -> int:
        """Unix seconds of a date (00:00 UTC) or of an instant with its zone."""
        known = self._instants.get(text)
        if known is None:
            known = self._instants[text] = instant_of(text, self.latest)
        return known


def name_of(text: str) -> str:
    """A model's name; Fault when it cannot be one."""
    name = text[1:] if text.startswith(_GUARDED) else text
    if not name:
        raise Fault("no model; write publisher/model")
    if not is_name(name) or name.startswith(_ADDRESS):
        raise Fault(f"model {name[:40]!r} cannot be a name; write publisher/model")
    return name


def instant_of(text: str, latest: int) -> int:
    """Unix seconds of a date (00:00 UTC) or of an instant with its zone; Fault when it is none, or cannot be true."""
    shape = _INSTANT.match(text)
    if shape is None:
        raise Fault(f"observed_at {text[:40]!r} is no date; write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ")
    if shape["time"] and not shape["zone"]:
        raise Fault(f"observed_at {text!r} has no time zone; write Z behind it for UTC")
    try:
        instant = datetime.fromisoformat(text if shape["time"] else f"{text}T00:00Z")
    except ValueError as error:
        raise Fault(f"observed_at {text!r} is no date of the calendar; correct it") from error
    return possible(int(instant.timestamp() // 1), text, latest)


def possible(seconds: int, text: str, latest: int, column: str = "observed_at") -> int:
    """The instant; Fault when nothing can have happened on a hub then."""
    cure = "write when the counter was read" if column == "observed_at" else "correct it"
    if seconds > latest:
        raise Fault(f"{column} {text!r} lies in the future; {cure}")
    if seconds < _EARLIEST:
        raise Fault(f"{column} {text!r} lies before there were hubs; {cure}")
    return seconds


def count_of(text: str, column: str) -> int | None:
    """A whole number; None when nothing is said."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        negative = text.startswith("-") and text[1:].isdigit()
        cure = "a counter is never negative: correct it" if negative else "write digits only, or nothing if not known"
        raise Fault(f"{column} {text[:40]!r} is no whole number from 0; {cure}")
    if len(text) > _LONGEST_COUNT or int(text) > MOST[column]:
        raise Fault(f"{column} {text[:40]!r} is absurdly large (the most is {MOST[column]}); correct it")
    return int(text)


def printable(text: str) -> str:
    """A path or a user's words fit for one line of an error, and for a database (no halves of surrogate pairs)."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)

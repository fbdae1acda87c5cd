"""History from files: a CSV file of readings, checked line by line, into the store; whole or not at all.

Knows the format of the file and which values can be true at all; what a reading means among the stored ones is the
store's. Knows no SQL; the clock is passed in. A fault in any line keeps the whole file out, and the message says which.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from collector.errors import ImportFileError, UsageError
from collector.hubs.huggingface import MAX_LIKES, is_name
from collector.model import DAY, MAX_COUNTER, to_seconds
from collector.store.database import Database
from collector.store.imports import ImportReading, ImportStore, Provenance

COLUMNS = ("model", "observed_at", "downloads_all_time", "downloads_30d", "likes")
CLOCK_MARGIN = DAY  # seconds by which a reading may lie ahead of our clock

_NEEDED = ("model", "observed_at")
_COUNTERS = ("downloads_all_time", "downloads_30d")
_HEADER = ",".join(COLUMNS[:3])
_HUB = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")
_EARLIEST = 946_684_800  # 2000-01-01: older than any hub; such a date is a spreadsheet's or an epoch's zero
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d(?P<time>[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?\Z", re.ASCII
)
_GUARDED = ("'=", "'+", "'-", "'@")  # our CSV files write a name that a spreadsheet would run with a ' before it
_ADDRESS = ("https://", "http://")
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_LONGEST_LINE = 100_000  # bytes; below the CSV reader's own limit for a field
_LONGEST_COUNT = 20  # digits; more are not worth reading
_FAULTS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class History:
    """A file of history, every line of it checked."""

    readings: tuple[ImportReading, ...]  #: in the order of the file
    rows_without_counter: int  #: they say nothing: null is no reading
    sha256: str  #: of the file's bytes as they lie on the disk


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did."""

    readings: int  #: readings in the file
    stored: int  #: observations stored from it now (unchanged readings are not)
    models: int  #: models the file speaks of; 0 when it was imported before
    already: bool  #: the file was imported before: nothing was done
    rows_without_counter: int  #: rows that were passed over, for they say nothing


def import_file(
    path: Path,
    hub: str,
    db: Database,
    now: Callable[[], datetime],
    source: str,
    terms: str,
) -> ImportResult:
    """Puts a file's readings among those stored of a hub, all or none; the same file twice is once.

    `source` says where the file comes from, `terms` its licence; both are kept with it and may be empty.
    The hub need not be one that can be polled. Raises ImportFileError (file, line, reason, cure), UsageError for what
    cannot be a hub's name, StoreError. Rules: design, sections 4 and 6.
    """
    if not _HUB.match(hub):
        raise UsageError(f"--hub {hub[:40]!r}: not a hub's name; write it in lower case, for example huggingface")
    imported_at = to_seconds(now())
    history = read_history(path, imported_at + CLOCK_MARGIN)
    provenance = Provenance(
        file_name=_printable(path.name),
        sha256=history.sha256,
        source=_printable(source),
        license=_printable(terms),
        imported_at=imported_at,
    )
    kept = ImportStore(db).import_readings(hub, provenance, history.readings)
    return ImportResult(kept.readings, kept.stored, kept.models, kept.already, history.rows_without_counter)


def read_history(path: Path, latest: int) -> History:
    """The readings of a CSV file (UTF-8, RFC 4180, perhaps gzipped). `latest`: no reading is later (Unix seconds).

    ImportFileError names the file and up to five faulty lines, each with its reason and cure.
    """
    where = _printable(str(path))
    try:
        with path.open("rb") as file:
            if not file.seekable():
                raise ImportFileError(f"{where}: is a stream; save it to a file first")
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            with _content(file, where) as content:
                readings, silent = _read(where, _records(_lines(content)), latest)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ImportFileError(f"{where}: is a damaged gzip file; get it again (nothing was imported)") from error
    except OSError as error:
        reason = error.strerror or "input/output error"
        raise ImportFileError(f"{where}: cannot be read ({reason}); check the path and its permissions") from error
    return History(readings, silent, sha256)


def _content(file: io.BufferedReader, where: str) -> io.BufferedIOBase:
    """The file from its start, unpacked. Its first bytes tell what it is; its name may not."""
    file.seek(0)
    head = file.read(len(_PARQUET))
    file.seek(0)
    if head == _PARQUET:
        raise ImportFileError(f"{where}: is a Parquet file; save it as CSV (nothing was imported)")
    return gzip.GzipFile(fileobj=file) if head.startswith(_GZIP) else file


# --- lines and records ----------------------------------------------------------------------------------------------


class _Fault(Exception):
    """What is wrong with a value, and the cure."""


class _Broken(Exception):
    """A line after which nothing can be read."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(slots=True)
class _Faults:
    """The faults of a file: the first few in words, the rest in number."""

    shown: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, line: int, reason: object) -> None:
        if len(self.shown) < _FAULTS_SHOWN:
            self.shown.append(f"line {line}: {reason}")
        else:
            self.more += 1

    def refuse(self, where: str) -> None:
        """ImportFileError when there is any fault."""
        if self.shown:
            more = f" | and {self.more} more" if self.more else ""
            raise ImportFileError(f"{where}, {' | '.join(self.shown)}{more} (nothing was imported)")


def _lines(content: io.BufferedIOBase) -> Iterator[str]:
    """The lines of a file. Decoded one by one, so that a fault has the number of its own line."""
    lines = iter(lambda: content.readline(_LONGEST_LINE + 1), b"")
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST_LINE:
            raise _Broken(number, f"has more than {_LONGEST_LINE} bytes; write one row to a line")
        try:
            yield (line.removeprefix(_BOM) if number == 1 else line).decode("utf-8")
        except UnicodeDecodeError as error:
            raise _Broken(number, "is not UTF-8; save the file as UTF-8") from error


def _records(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty, stripped, each with the line it begins on."""
    reader = csv.reader(lines, strict=True)
    begins = 1
    try:
        for values in reader:
            if values:
                yield begins, [value.strip() for value in values]
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _Broken(begins, "is not CSV; mend its quotes, and end lines with LF or CRLF") from error


def _read(where: str, records: Iterator[tuple[int, list[str]]], latest: int) -> tuple[tuple[ImportReading, ...], int]:
    """The readings of all records, and how many rows have no counter; ImportFileError when anything is amiss."""
    faults = _Faults()
    readings: list[ImportReading] = []
    silent = 0
    try:
        rows = _Rows(_header(where, records), latest)
        for line, values in records:
            try:
                reading = rows.reading(line, values)
            except _Fault as fault:
                faults.add(line, fault)
                continue
            if reading is None:
                silent += 1
            else:
                readings.append(reading)
    except _Broken as broken:
        faults.add(broken.line, broken)
    faults.refuse(where)
    if not readings:
        what = f"no counter in any of its {silent} rows" if silent else "no row below its header"
        raise ImportFileError(f"{where}: holds no reading: {what}; nothing was imported")
    return tuple(readings), silent


# --- the header -----------------------------------------------------------------------------------------------------


def _header(where: str, records: Iterator[tuple[int, list[str]]]) -> list[str]:
    """The names of the columns; ImportFileError when they do not say what the file holds."""
    line, names = next(records, (1, []))
    if not names:
        raise ImportFileError(f"{where}: is empty; write a header such as {_HEADER}, and rows")
    faults = _Faults()
    for fault in _header_faults(names):
        faults.add(line, fault)
    faults.refuse(where)
    return names


def _header_faults(names: Sequence[str]) -> Iterator[str]:
    if not any(name.lower() in (*COLUMNS, "downloads") for name in names):
        yield f"no header with commas between the names of columns; write one such as {_HEADER}"
        return
    yield from (_unknown(name) for name in names if name not in COLUMNS)
    yield from (f'column "{name}" stands there twice; remove one' for name in COLUMNS if names.count(name) > 1)
    yield from (f'no column "{name}"; the header must be such as {_HEADER}' for name in _NEEDED if name not in names)
    if not any(name.lower() in (*_COUNTERS, "downloads") for name in names):
        yield f"no counter; name a column {' or '.join(_COUNTERS)}"


def _unknown(name: str) -> str:
    """Why a column is refused. A unit comes by its name only: lifetime and 30-day counts were mixed up too often."""
    if name.lower() == "downloads":
        meanings = "downloads_all_time (the cumulative counter) or downloads_30d (the rolling 30 days)"
        return f"column {name!r} does not say what it counts; name it {meanings}"
    near = difflib.get_close_matches(name[:40], COLUMNS, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(COLUMNS)}"
    return f"unknown column {name[:40]!r} ({hint}); rename or remove it"


# --- rows -----------------------------------------------------------------------------------------------------------


class _Rows:
    """Records under a header to readings. Every name is checked, and held in memory, once."""

    def __init__(self, header: Sequence[str], latest: int) -> None:
        self._width = len(header)
        # A column that is not there reads the empty field that `reading` puts behind each record.
        self._places = tuple(header.index(name) if name in header else -1 for name in COLUMNS)
        self._latest = latest
        self._names: dict[str, str] = {}

    def reading(self, line: int, values: list[str]) -> ImportReading | None:
        """The record as a reading; None when it has no counter. _Fault says what is wrong with it."""
        if len(values) != self._width:
            raise _Fault(f"{len(values)} fields instead of {self._width}; quote fields that hold a comma")
        model, observed_at, all_time, rolling, likes = map([*values, ""].__getitem__, self._places)
        reading = ImportReading(
            line,
            self._names.get(model) or self._names.setdefault(model, _name(model)),
            _instant(observed_at, self._latest),
            _count(all_time, "downloads_all_time", MAX_COUNTER),
            _count(rolling, "downloads_30d", MAX_COUNTER),
            _count(likes, "likes", MAX_LIKES),
        )
        return None if reading.all_time is None and reading.rolling is None else reading


def _name(text: str) -> str:
    name = text[1:] if text.startswith(_GUARDED) else text
    if not name:
        raise _Fault("no model; write publisher/model")
    if not is_name(name) or name.startswith(_ADDRESS):
        raise _Fault(f"model {name[:40]!r} cannot be a name; write publisher/model")
    return name


def _instant(text: str, latest: int) -> int:
    """Unix seconds of a date (00:00 UTC) or of an instant with its zone."""
    shape = _INSTANT.match(text)
    if shape is None:
        raise _Fault(f"observed_at {text[:40]!r} is no date; write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ")
    if shape["time"] and not shape["zone"]:
        raise _Fault(f"observed_at {text!r} has no time zone; write Z behind it for UTC")
    try:
        instant = datetime.fromisoformat(text if shape["time"] else f"{text}T00:00Z")
    except ValueError as error:
        raise _Fault(f"observed_at {text!r} is no date of the calendar; correct it") from error
    seconds = int(instant.timestamp() // 1)
    if seconds > latest:
        raise _Fault(f"observed_at {text!r} lies in the future; write when the counter was read")
    if seconds < _EARLIEST:
        raise _Fault(f"observed_at {text!r} lies before there were hubs; write when the counter was read")
    return seconds


def _count(text: str, column: str, most: int) -> int | None:
    """A whole number; None when nothing is said."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        negative = text.startswith("-") and text[1:].isdigit()
        cure = "a counter is never negative: correct it" if negative else "write digits only, or nothing if not known"
        raise _Fault(f"{column} {text[:40]!r} is no whole number from 0; {cure}")
    if len(text) > _LONGEST_COUNT or int(text) > most:
        raise _Fault(f"{column} {text[:40]!r} is absurdly large (the most is {most}); correct it")
    return int(text)


def _printable(text: str) -> str:
    """A path or a user's words fit for one line of an error, and for a database (no halves of surrogate pairs)."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)

"""History from files: CSV or Parquet readings, checked row by row, into the store; whole or not at all.

Knows the formats of files (our own columns and those of the public daily dumps) and which values can be true at all;
what a reading means among the stored ones is the store's. Knows no SQL; the clock is passed in. A fault in any line
keeps the whole file out, and the message says which.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np

from collector.errors import ImportFileError, UsageError
from collector.importing.blocks import read_blocks
from collector.importing.contents import Contents
from collector.importing.lines import read_lines
from collector.importing.values import Faults, printable
from collector.model import DAY, to_seconds
from collector.series import NOT_SAID, Bools
from collector.store.database import Database
from collector.store.imports import FileReadings, ImportReading, ImportStore, LineRefused, Provenance

__all__ = ["History", "ImportResult", "Told", "files_of", "import_file", "read_history"]

CLOCK_MARGIN = DAY  # seconds by which a reading may lie ahead of our clock

_HUB = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")
_ENDINGS = (".csv", ".csv.gz", ".parquet")
_BUFFER = 1 << 20  # bytes
_NEARLY_ALL = 0.99
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"


#: Hears what part of a file was read, 0 to 1; then it is being kept.
Told = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class History:
    """A file of history, every line of it checked."""

    columns: FileReadings  #: in the order of the file
    rows_without_counter: int  #: they say nothing: null is no reading
    sha256: str  #: of the file's bytes as they lie on the disk
    ignored: tuple[str, ...] = ()  #: columns that were passed over
    zeros_not_read: int = 0  #: lifetime counts of 0 from before the counter existed, as the user declared
    doubtful_zeros: int = 0  #: lifetime counts of 0 beside a 30-day count above 0: the field did not exist yet?
    private: int = 0  #: rows of private repositories, which were dropped

    @property
    def readings(self) -> tuple[ImportReading, ...]:
        """Its lines, one by one."""
        return self.columns.rows()


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did."""

    readings: int  #: readings in the file
    stored: int  #: observations stored from it now (unchanged readings are not)
    models: int  #: models the file speaks of; 0 when it was imported before
    already: bool  #: the file was imported before: nothing was done
    rows_without_counter: int  #: rows that were passed over, for they say nothing
    zeros_not_read: int = 0  #: lifetime counts of 0 from before the counter existed, as the user declared
    doubtful_zeros: int = 0  #: lifetime counts of 0 beside a 30-day count above 0
    ignored_columns: tuple[str, ...] = ()  #: columns of a dump that were passed over
    private: int = 0  #: rows of private repositories, which were dropped
    described: int = 0  #: models of which the file says more than counters


def import_file(
    path: Path,
    hub: str,
    db: Database,
    now: Callable[[], datetime],
    source: str,
    terms: str,
    all_time_since: date | None = None,
    told: Told = lambda _: None,
) -> ImportResult:
    """Puts a file's readings among those stored of a hub, all or none; the same file twice is once.

    `source` says where the file comes from, `terms` its licence; both are kept with it and may be empty. Before the day
    `all_time_since` the hub showed no lifetime counter: a 0 there is no reading. The hub need not be one that can be
    polled. `told` hears how far it is. Raises ImportFileError (file, line, reason, cure), UsageError for what cannot be
    a hub's name, StoreError. Rules: design, sections 4 and 6.
    """
    if not _HUB.match(hub):
        raise UsageError(f"--hub {hub[:40]!r}: not a hub's name; write it in lower case, for example huggingface")
    imported_at = to_seconds(now())
    history = read_history(path, imported_at + CLOCK_MARGIN, all_time_since, told)
    told(1.0)
    provenance = Provenance(
        file_name=printable(path.name),
        sha256=history.sha256,
        source=printable(source),
        license=printable(terms),
        imported_at=imported_at,
    )
    try:
        kept = ImportStore(db).import_readings(hub, provenance, history.columns)
    except LineRefused as found:
        faults = Faults()
        faults.add(found.line, found.reason)
        faults.refuse(printable(str(path)))
        raise
    return ImportResult(
        kept.readings,
        kept.stored,
        kept.models,
        kept.already,
        history.rows_without_counter,
        history.zeros_not_read,
        history.doubtful_zeros,
        history.ignored,
        history.private,
        len(history.columns.descriptions.of),
    )


def files_of(given: Iterable[Path]) -> list[Path]:
    """The files named, and for a folder those below it that may hold history, by name.

    UsageError when a folder has none.
    """
    found = []
    for path in given:
        if path.is_dir():
            below = sorted(file for file in path.rglob("*") if file.name.lower().endswith(_ENDINGS) and file.is_file())
            if not below:
                raise UsageError(f"{printable(str(path))}: no file below it ends with {', '.join(_ENDINGS)}")
            found += below
        else:
            found.append(path)
    return found


class _Told(io.FileIO):
    """A file that tells what part of it was read. It is read twice: for its hash, and for what it says.

    Where the quick way gave up it is read once more: so never that all of it is.
    """

    def __init__(self, path: Path, told: Told) -> None:
        super().__init__(path)
        self._told, self._read, self._size = told, 0, max(1, 2 * path.stat().st_size)

    def readinto(self, buffer: Any, /) -> int | None:
        read = super().readinto(buffer)
        self._read += read or 0
        self._told(min(_NEARLY_ALL, self._read / self._size))
        return read


def read_history(path: Path, latest: int, all_time_since: date | None = None, told: Told = lambda _: None) -> History:
    """The readings of a file: CSV (UTF-8, RFC 4180, perhaps gzipped) or Parquet.

    `latest`: no reading is later (Unix seconds). ImportFileError names the file and up to five faulty lines, each with
    its reason and cure.
    """
    where = printable(str(path))
    try:
        with io.BufferedReader(_Told(path, told), _BUFFER) as file:
            if not file.seekable():
                raise ImportFileError(f"{where}: is a stream; save it to a file first")
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            said = _read(file, where, path.name, latest)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ImportFileError(f"{where}: is a damaged gzip file; get it again (nothing was imported)") from error
    except OSError as error:
        reason = error.strerror or "input/output error"
        raise ImportFileError(f"{where}: cannot be read ({reason}); check the path and its permissions") from error
    history = History(said.readings, said.silent, sha256, said.ignored, private=said.private)
    history = _declared(where, history, all_time_since)
    if not len(history.columns):
        silent = history.rows_without_counter
        what = f"no counter in any of its {silent} rows" if silent else "no row below its header"
        raise ImportFileError(f"{where}: holds no reading: {what}; nothing was imported")
    return history


def _read(file: io.BufferedReader[Any], where: str, file_name: str, latest: int) -> Contents:
    """What it says, by the quickest way that fits. The file's first bytes tell what it is; its name may not."""
    file.seek(0)
    head = file.read(len(_PARQUET))
    if head == _PARQUET:
        return _parquet(file, where, file_name, latest)
    found = read_blocks(_content(file, head), file_name, latest)
    return found or read_lines(_content(file, head), where, file_name, latest)


def _parquet(file: io.BufferedReader[Any], where: str, file_name: str, latest: int) -> Contents:
    try:
        from collector.importing.parquet import read_parquet
    except ImportError as error:
        cure = "pip install 'open-model-collector[parquet]', or save it as CSV"
        said = f"{where}: is a Parquet file, which needs pyarrow: {cure} (nothing was imported)"
        raise ImportFileError(said) from error
    return read_parquet(file, where, file_name, latest)


def _content(file: io.BufferedReader[Any], head: bytes) -> io.BufferedIOBase:
    """The file from its start, unpacked."""
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if head.startswith(_GZIP) else file


def _declared(where: str, history: History, since: date | None) -> History:
    """The history without the zeros of a time when the hub showed no lifetime counter."""
    said = history.columns
    zero = said.all_time == 0
    if since is None:
        return replace(history, doubtful_zeros=int((zero & (said.rolling > 0)).sum()))
    early = said.at < to_seconds(datetime.combine(since, time.min, UTC))
    _refuse_early(where, said, early, since)
    zero &= early
    columns = replace(said, all_time=np.where(zero, NOT_SAID, said.all_time))
    kept = (columns.all_time != NOT_SAID) | (columns.rolling != NOT_SAID)
    silent = history.rows_without_counter + int((~kept).sum())
    return replace(history, columns=columns.where(kept), rows_without_counter=silent, zeros_not_read=int(zero.sum()))


def _refuse_early(where: str, said: FileReadings, early: Bools, since: date) -> None:
    """ImportFileError when a lifetime count above 0 stands before the day from which there were any."""
    faults = Faults()
    wrong = np.flatnonzero(early & (said.all_time > 0))
    for place in wrong.tolist():
        count = said.all_time[place]
        faults.add(int(said.line[place]), f"downloads_all_time {count} was read before {since}: name an earlier day")
    faults.refuse(where)

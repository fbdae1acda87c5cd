"""A copy of the database while it is in use: verified, whole or not at all, and the oldest of many removed.

Knows SQLite files; knows no schedule. A server's database is backed up with its own tools.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from collector.errors import Stopped, StoreError
from collector.store.database import Database, database_path, translated

_LAST_IN_LINE = 19  # the highest niceness
Told = Callable[[str, float | None], None]  # what is being done, and what part of it is done where that is known
_STEPS = 100_000  # of SQLite's machine between two looks at whether to stop: some milliseconds
_NAME = re.compile(r"collector-[0-9]{8}T[0-9]{6}Z\.db(\.partial)?\Z")


def backup(
    url: str, target: Path, stopped: Callable[[], bool] = lambda: False, told: Told = lambda _words, _part: None
) -> int:
    """Copies the database to `target`, checks the copy, and only then gives it its name; returns its bytes.

    The copy is the database at one moment, whoever writes meanwhile; only its owner can read it. A backup that stood
    there before is replaced. Raises StoreError (nothing is left behind) and Stopped.
    """
    source = database_path(url)
    if source is None:
        raise StoreError("[database] url is a server's: back it up with pg_dump")
    with Database.open(url, write=False):
        _require_replaceable(source, target)
    partial = Path(f"{target}.partial")
    try:
        with _named(target):
            partial.unlink(missing_ok=True)
            # Owner only from its first moment on; SQLite fills a file that is there and empty.
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            with ThreadPoolExecutor(1, "backup", give_way) as pool:
                pool.submit(_fill, source, partial, stopped, told).result()
            os.replace(partial, target)
            _flush(target.absolute().parent)
            return target.stat().st_size
    finally:
        _remove(partial)


def backup_name(at: datetime) -> str:
    """The file name of a backup made at this instant; names sort by time."""
    return f"collector-{at:%Y%m%dT%H%M%SZ}.db"


def rotate(folder: Path, keep: int) -> list[Path]:
    """Removes all backups but the newest so many, and what backups that were cut off left; the files removed.

    Only files named as `backup_name` does are ours. StoreError when one cannot be removed.
    """
    with _named(folder):
        ours = sorted(path for path in folder.iterdir() if _NAME.match(path.name))
        whole = [path for path in ours if path.suffix == ".db"]
        old = [*(path for path in ours if path.suffix != ".db"), *whole[: max(len(whole) - keep, 0)]]
        for path in old:
            path.unlink()
    return old


def give_way() -> None:
    """Lets every other thread and program that has something to do go first, this thread from now on: a poll beside a
    backup takes as long as alone as far as the processor goes.

    Only on Linux does a thread have a place of its own in that order; elsewhere it stays where it is.
    """
    if sys.platform == "linux":
        with suppress(PermissionError):  # who runs it may forbid that; the copy is as good
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LAST_IN_LINE)


def _fill(source: Path, partial: Path, stopped: Callable[[], bool], told: Told) -> None:
    _copy(source, partial, stopped, told)
    told("checking the copy", None)
    _verify(partial, stopped)
    _flush(partial)


def _copy(source: Path, target: Path, stopped: Callable[[], bool], told: Told) -> None:
    whole = max(source.stat().st_size, 1)  # about: the log may hold more, and the copy less

    def look() -> bool:
        told("copying", min(target.stat().st_size / whole, 1.0))
        return stopped()

    with _connection(source, look) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def _verify(copy: Path, stopped: Callable[[], bool]) -> None:
    with _connection(copy, stopped) as connection:
        faults = [row[0] for row in connection.execute("PRAGMA integrity_check(1)") if row[0] != "ok"]
        if faults or connection.execute("PRAGMA foreign_key_check").fetchone():
            raise StoreError(f"{copy}: the copy is not whole; run `collector db check`, then back up again")


@contextmanager
def _connection(path: Path, stopped: Callable[[], bool]) -> Iterator[sqlite3.Connection]:
    """A reading connection whose statements end when the stop is set."""
    with translated(str(path)), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.set_progress_handler(lambda: int(stopped()), _STEPS)
        try:
            yield connection
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise Stopped("stopped; the backup that was under way is dropped") from error
            raise


def _require_replaceable(source: Path, target: Path) -> None:
    """A backup may take the place of an older one, not of the database itself and not of another file."""
    with _named(target):
        if not target.exists():
            return
        if target.is_file() and not target.samefile(source):
            with target.open("rb") as file:
                if file.read(16) == b"SQLite format 3\0":
                    return
    raise StoreError(f"{target}: is there already and is no backup; name another file")


def _flush(path: Path) -> None:
    """To the disk; a folder too, where the new name stands."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(partial: Path) -> None:
    for path in (partial, Path(f"{partial}-journal")):
        try:
            path.unlink(missing_ok=True)
        except OSError:
            continue  # the disk went read-only or away; the next rotation finds it


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(f"{path}: {reason}; choose a folder for backups that can be written") from error

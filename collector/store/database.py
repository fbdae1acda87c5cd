"""One database of ours: opening it, transactions, what can go wrong, the writer's lock, migrations.

Knows engines, files and PRAGMAs, on SQLite and PostgreSQL; knows no table's meaning and when to do nothing.
Every error a user can mend leaves here as one line (`StoreError`); a bug leaves as it came.
"""

from __future__ import annotations

import os
import select
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import QueuePool

from collector.errors import StoreError

if TYPE_CHECKING:  # who only reads needs no lock, and starts without it
    from filelock import FileLock

#: Every schema ever released, oldest first. A test compares them with the migrations.
REVISIONS = ("0001",)
BUSY_SECONDS = 5.0
_LOCK_LOOK_SECONDS = 0.05
CONNECT_SECONDS = 10  # a server that does not answer is an error, not a wait without end

_SQLITE = ("sqlite:///", "sqlite+pysqlite:///")
_OURS = frozenset({"hub", "poll", "observation", "model_state"})
_LOCK_KEY = 0x636F_6C6C  # "coll": the advisory lock of writers on PostgreSQL

# What SQLite can report that is no bug of ours: what it means, what to do. Any other code is a bug.
_LOCKED = ("locked by another process", "wait until it ends, or stop it, and try again")
_FULL = ("the disk is full", "free some space and try again; what was kept is whole")
_MENDABLE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,  # no room for the index of the write-ahead log, which even a reader needs
    sqlite3.SQLITE_READONLY: ("cannot be written", "check the permissions of the file and of its folder"),
    sqlite3.SQLITE_PERM: ("cannot be written", "check the permissions of the file and of its folder"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check the permissions of the file and of its folder"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written: the system reports an I/O error", "check the disk"),
    sqlite3.SQLITE_NOMEM: ("not enough memory", "free some memory and try again"),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", "run `collector db check`, or go back to a backup"),
    sqlite3.SQLITE_NOTADB: ("not a database", "name another file in [database] url"),
}
_LOCK_NOT_AVAILABLE = "55P03"
_INSUFFICIENT_PRIVILEGE = "42501"  # PostgreSQL: a matter of roles, though psycopg files it under programming errors

#: Stands where the revision does until `collector db copy` has found its target whole: nobody takes it for a database.
UNFINISHED_COPY = "unfinished copy"

Standing = Literal["empty", "current", "older", "newer", "foreign", "unfinished"]


class Upgraded(NamedTuple):
    """What `upgrade` did: the schemas before (None: there was none) and after."""

    before: str | None
    after: str


class Database:
    """An open database of ours, at the schema this software knows. One for each thread that needs one, or shared."""

    def __init__(self, url: str, engine: Engine, turn: AbstractContextManager[Any] | None = None) -> None:
        self.url = url
        self.engine = engine
        self._turn = nullcontext() if turn is None else turn

    @classmethod
    def open(
        cls, url: str, *, write: bool, turn: AbstractContextManager[Any] | None = None, unfinished: bool = False
    ) -> Self:
        """Opens the database at `url`; without `write` nothing can change it, whatever is executed.

        Threads that write in one process share a lock as `turn`, so that one transaction of theirs waits for the other.
        `unfinished`: also what a copy has not finished yet. Creates nothing. StoreError when it is missing, not ours,
        of another schema, locked or out of reach.
        """
        path = database_path(url)
        if path is not None:
            _require_file(path)
        # Looked at read-only first: another program's database must not even be switched to WAL.
        reader = _engine(url, write=False)
        try:
            _require_current(reader, where_is(url), unfinished=unfinished)
        except BaseException:
            reader.dispose()
            raise
        if not write:
            return cls(url, reader)
        reader.dispose()
        return cls(url, _engine(url, write=True), turn)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction: kept whole when the block ends well, else not at all. Holds the write lock throughout."""
        with self._turn, self.engine.begin() as connection:
            yield connection

    def connect(self) -> AbstractContextManager[Connection]:
        """A connection to read from: all its statements see the database at one moment, and no writer waits for it."""
        return self.engine.connect().execution_options(**_reading(self.engine))

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def database_path(url: str) -> Path | None:
    """The file of an SQLite URL, every character after `sqlite:///` as it stands; None on PostgreSQL.

    StoreError when the URL is neither, or names no file.
    """
    for prefix in _SQLITE:
        if url.startswith(prefix) and url.removeprefix(prefix) not in ("", ":memory:"):
            return Path(url.removeprefix(prefix))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.get_backend_name() != "postgresql":
        # The URL itself is not shown: it may hold a password.
        raise StoreError("[database] url: not a database; write sqlite:///FILE or postgresql+psycopg://HOST/NAME")
    return None


# --- opening --------------------------------------------------------------------------------------------------------


def standing(tables: frozenset[str], revision: str | None) -> Standing:
    """What a database with these tables and this Alembic revision is to us."""
    if not tables - {"alembic_version"}:
        return "empty"
    if not tables >= _OURS or revision is None:
        return "foreign"
    if revision == UNFINISHED_COPY:
        return "unfinished"
    if revision not in REVISIONS:
        return "newer"
    return "current" if revision == REVISIONS[-1] else "older"


def _require_file(path: Path) -> None:
    with _translated_os(path):
        if path.is_file():
            return
        if path.exists():
            raise StoreError(f"{_shown(path)}: not a file; name another one in [database] url")
    raise StoreError(f"{_shown(path)}: no such database; create it with `collector db upgrade` (or `collector init`)")


def _require_current(engine: Engine, where: str, *, unfinished: bool) -> None:
    found, revision = _look(engine)
    if found != "current" and not (unfinished and found == "unfinished"):
        raise StoreError(_complaint(found, revision, where))


def _complaint(found: Standing, revision: str | None, where: str) -> str:
    schema = _one_line(revision or "", 40)
    return {
        "empty": f"{where}: holds no tables yet; run `collector db upgrade`",
        "older": f"{where}: made by an older version of this software (schema {schema}); run `collector db upgrade`",
        "newer": f"{where}: made by a newer version of this software (schema {schema}); install that version",
        "foreign": f"{where}: a database of another program; name another one in [database] url",
        "unfinished": f"{where}: incomplete, left by a `collector db copy` that was interrupted; run that copy again",
    }[found]


def _look(engine: Engine) -> tuple[Standing, str | None]:
    with engine.connect() as connection:
        tables = frozenset(inspect(connection).get_table_names())
        revision: str | None = None
        if tables >= _OURS and "alembic_version" in tables:
            revision = connection.scalar(text("SELECT min(version_num) FROM alembic_version"))
    return standing(tables, revision), revision


def _engine(url: str, *, write: bool, migrating: bool = False) -> Engine:
    path = database_path(url)
    engine = _server_engine(url, write) if path is None else _file_engine(path, write, migrating)
    where = where_is(url)

    @event.listens_for(engine, "handle_error")
    def translate(context: ExceptionContext) -> StoreError | None:
        return _mendable(context.sqlalchemy_exception or context.original_exception, where)

    return engine


def _file_engine(path: Path, write: bool, migrating: bool) -> Engine:
    # As a file: URI, so that any character may stand in the path. rw, not rwc: opening never creates a file.
    address = f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}"

    def connect() -> sqlite3.Connection:
        # isolation_level None: sqlite3 begins no transaction of its own, `begin` below does.
        return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=QueuePool)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        for pragma in _pragmas(write, migrating):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = not write or connection.get_execution_options().get("reading", False)
        # IMMEDIATE: a transaction that reads first and then writes could not wait for another writer.
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _pragmas(write: bool, migrating: bool) -> tuple[str, ...]:
    if not write:
        return ("cache_size=-65536", "query_only=ON")
    # Changing a table on SQLite means copying it under another name: what points to it must not be looked at meanwhile.
    references = ("foreign_keys=OFF", "legacy_alter_table=ON") if migrating else ("foreign_keys=ON",)
    return ("cache_size=-65536", "journal_mode=WAL", "synchronous=NORMAL", *references)


def _server_engine(url: str, write: bool) -> Engine:
    options = "-c timezone=UTC" if write else "-c timezone=UTC -c default_transaction_read_only=on"
    try:
        return create_engine(url, connect_args={"options": options, "connect_timeout": CONNECT_SECONDS})
    except (ImportError, NoSuchModuleError) as error:
        raise StoreError(
            "[database] url: its driver is not installed; write postgresql+psycopg:// and install the extra `postgres`"
        ) from error


def _reading(engine: Engine) -> dict[str, Any]:
    if engine.dialect.name == "sqlite":
        return {"reading": True}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


# --- errors ---------------------------------------------------------------------------------------------------------


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turns what a user can mend (locked, full, damaged …) into a StoreError; lets every bug through as it is.

    Engines made here do the same by themselves; this is for connections of the `sqlite3` module.
    """
    try:
        yield
    except (sqlite3.Error, DBAPIError) as error:
        mendable = _mendable(error, where)
        if mendable is None:
            raise
        raise mendable from error


def _mendable(error: BaseException, where: str) -> StoreError | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        # Extended codes (SQLITE_BUSY_SNAPSHOT …) hold the primary one in their last byte.
        code = getattr(original, "sqlite_errorcode", None)
        what = None if code is None else _MENDABLE.get(code) or _MENDABLE.get(code & 0xFF)
        return None if what is None else StoreError(f"{where}: {what[0]}; {what[1]}")
    privilege = getattr(original, "sqlstate", None) == _INSUFFICIENT_PRIVILEGE
    if isinstance(error, OperationalError) or privilege:
        return server_trouble(original, where)
    return None


def server_trouble(error: BaseException | None, where: str) -> StoreError:
    """What a server said as it refused or broke off."""
    return StoreError(f"{where}: {_one_line(str(error))}; check the server and [database] url")


@contextmanager
def _translated_os(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(f"{_shown(path)}: {reason}; check the path in [database] url and its permissions") from error


def where_on_server(url: URL) -> str:
    """The database as errors name it, without user or password."""
    return _one_line(f"PostgreSQL database {url.database or ''} on {url.host or 'this machine'}")


def where_is(url: str) -> str:
    """The database as errors name it, without user or password."""
    path = database_path(url)
    if path is not None:
        return _shown(path)
    return where_on_server(make_url(url))


def _shown(path: Path) -> str:
    return _one_line(str(path), 1000)


def _one_line(message: str, length: int = 300) -> str:
    return "".join(c if c.isprintable() else " " for c in message[:length]).strip()


# --- the one writer -------------------------------------------------------------------------------------------------


def writer_lock(url: str, *, wait_seconds: float) -> AbstractContextManager[None]:
    """Held by the one process that may write; freed by the system when that process is killed.

    StoreError when another process still holds it after `wait_seconds`, or the folder cannot be written. It is not
    reentrant: `upgrade` takes it by itself.
    """
    path = database_path(url)
    return _server_lock(url, wait_seconds) if path is None else _file_lock(path, wait_seconds)


@contextmanager
def _file_lock(path: Path, wait_seconds: float) -> Iterator[None]:
    from filelock import FileLock

    lock = FileLock(f"{path}.lock", mode=0o600)
    with _translated_os(path):
        if not path.absolute().parent.is_dir():
            raise StoreError(f"{_shown(path)}: its folder does not exist; create it, or change [database] url")
        if not _acquired(lock, wait_seconds):
            raise StoreError(_held(_shown(path)))
    try:
        yield
    finally:
        lock.release()


def _acquired(lock: FileLock, wait_seconds: float) -> bool:
    from filelock import Timeout

    ends = time.monotonic() + wait_seconds
    while True:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            if time.monotonic() >= ends:
                return False
            # Not time.sleep: it waits for an absolute time, which a preloaded false clock (faketime) makes invalid.
            select.select([], [], [], _LOCK_LOOK_SECONDS)
        else:
            return True


@contextmanager
def _server_lock(url: str, wait_seconds: float) -> Iterator[None]:
    engine = _engine(url, write=True)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # A lock_timeout of 0 would wait for ever.
            connection.execute(text(f"SET lock_timeout = {max(1, int(wait_seconds * 1000))}"))
            try:
                connection.execute(text(f"SELECT pg_advisory_lock({_LOCK_KEY})"))
            except StoreError as error:
                if lock_was_refused(error):
                    raise StoreError(_held(where_is(url))) from error
                raise
            yield
    finally:
        engine.dispose()  # the lock ends with its connection


def lock_was_refused(error: StoreError) -> bool:
    """Whether a statement ended because PostgreSQL's `lock_timeout` was over."""
    return getattr(getattr(error.__cause__, "orig", error.__cause__), "sqlstate", "") == _LOCK_NOT_AVAILABLE


def _held(where: str) -> str:
    what = "another collector process is writing to it"
    return f"{where}: {what}; wait until it ends, or stop it (it may be the daemon, `collector run`), and try again"


# --- migrations -----------------------------------------------------------------------------------------------------


def upgrade(url: str) -> Upgraded:
    """Creates the database, or brings it to the schema of this software; each migration whole or not at all.

    Takes the writer's lock. An SQLite file is created readable by its owner only. StoreError as in `Database.open`.
    """
    with writer_lock(url, wait_seconds=BUSY_SECONDS):
        return upgrade_under_lock(url)


def upgrade_under_lock(url: str) -> Upgraded:
    """The same for a caller who holds the writer's lock."""
    path = database_path(url)
    if path is not None:
        _create_file(path)
    found, revision = look_at(url)
    if found in ("newer", "foreign", "unfinished"):
        raise StoreError(_complaint(found, revision, where_is(url)))
    if found != "current":
        _migrate(url)
    return Upgraded(revision, REVISIONS[-1])


def look_at(url: str) -> tuple[Standing, str | None]:
    """What the database there is to us, and its revision; StoreError when it is missing or out of reach."""
    reader = _engine(url, write=False)
    try:
        return _look(reader)
    finally:
        reader.dispose()


def _create_file(path: Path) -> None:
    with _translated_os(path):
        try:
            # Owner only from its first moment on; SQLite gives the files beside it the same mode.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            _require_file(path)


def _migrate(url: str) -> None:
    # Imported here: Alembic takes a third of a second to load, and only this needs it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = _engine(url, write=True, migrating=True)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def migrations_folder() -> Path:
    """Inside the package when installed from a wheel, beside it in an editable install."""
    package = Path(__file__).parent.parent
    inside = package / "migrations"
    return inside if (inside / "env.py").is_file() else package.parent / "migrations"

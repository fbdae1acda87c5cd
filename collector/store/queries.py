"""Questions about the database: how the polls went, which models there are, and whatever SQL a user types.

Only reads. Knows no rule of counting and no clock: how late a poll is, the caller says.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from decimal import Decimal
from itertools import chain, islice
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    false,
    func,
    literal_column,
    select,
    table,
    text,
    true,
)

from collector.errors import StoreError
from collector.store import waiting
from collector.store.database import Database, translated
from collector.store.histories import plain_rows
from collector.store.lineages import of_hub
from collector.store.schema import (
    country_share,
    declared_base,
    family_share,
    hub,
    kind,
    model,
    model_base,
    model_name,
    model_state,
    month_build,
    poll,
    publisher,
)
from collector.store.views import VIEWS
from collector.store.wording import DECLARATIONS, MODEL_WITH_KIND


class Hub(NamedTuple):
    """A hub the database knows."""

    id: int
    name: str
    endpoint: str  #: empty when only files were imported


class HubStatus(NamedTuple):
    """How far a hub is known. Instants are Unix seconds; None: no such poll yet."""

    hub: str
    endpoint: str
    models: int
    polls: int  #: complete ones, imports left out
    first_poll_at: int | None  #: start of the first complete poll
    last_poll_at: int | None  #: start of the last complete poll: lag counts from here
    last_good_poll_at: int | None  #: start of the last complete poll that is not stale
    unfinished: tuple[dict[str, Any], ...]  #: rows of poll_log that run, died or failed after the last complete poll
    last_polls: tuple[dict[str, Any], ...]  #: the last rows of poll_log, imports left out, latest first
    coverage: dict[int, float]  #: by month worked out (year × 100 + month): the part of it that readings back
    is_rolled_up: bool  #: whether all that polls and imports brought is in the derived tables
    waiting: dict[str, int]  #: months (YYYY-MM) to be restated, for models in them are described anew, and since when


class Status(NamedTuple):
    """The database at a glance."""

    database_bytes: int
    hubs: tuple[HubStatus, ...]


Row = tuple[Any, ...]


class Answer(NamedTuple):
    """What a query gave."""

    columns: tuple[str, ...]
    rows: list[Row]


class Asked(NamedTuple):
    """A query under way."""

    columns: tuple[str, ...]
    parts: Iterator[list[Row]]  #: its rows, up to 10,000 at a time


class KnownModel(NamedTuple):
    """A model as it is known now."""

    id: int
    hub_id: int
    hub: str
    hub_key: str | None  #: None: known from imports only
    name: str
    publisher: str
    created_at: int | None  #: Unix seconds
    pipeline_tag: str | None
    library_name: str | None


class FormerName(NamedTuple):
    """A name that a model bore until `replaced_at` (Unix seconds)."""

    model_id: int
    name: str
    replaced_at: int


# --- status ---------------------------------------------------------------------------------------------------------


def hubs(db: Database) -> tuple[Hub, ...]:
    """Every hub in the database, by name."""
    with db.connect() as connection:
        return tuple(Hub(*row) for row in connection.execute(select(hub).order_by(hub.c.name)))


def status(db: Database, *, last: int = 5) -> Status:
    """Size, and for every hub its counts and its `last` polls."""
    with db.connect() as connection:
        known = [Hub(*row) for row in connection.execute(select(hub).order_by(hub.c.name))]
        return Status(_size(connection), tuple(_hub_status(connection, one, last) for one in known))


def poll_log(db: Database, *, hub_name: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """The latest rows of the view `poll_log`, latest first, imports included."""
    with db.connect() as connection:
        return _polls(connection, limit, *([] if hub_name is None else [_LOG.c.hub == hub_name]))


_LOG = table("poll_log", *(literal_column(name) for name in VIEWS["poll_log"].columns)).alias("log")


def _polls(connection: Connection, limit: int | None, *which: Any) -> list[dict[str, Any]]:
    columns = [_LOG.c[name] for name in VIEWS["poll_log"].columns]
    statement = select(*columns).where(*which).order_by(_LOG.c.started_at.desc(), _LOG.c.poll.desc()).limit(limit)
    return [dict(row) for row in connection.execute(statement).mappings()]


def _hub_status(connection: Connection, of: Hub, last: int) -> HubStatus:
    polled = (poll.c.hub_id == of.id, poll.c.scope != "import", poll.c.status == "complete")
    times = select(func.count(), func.min(poll.c.started_at), func.max(poll.c.started_at)).where(*polled)
    polls, first_at, last_at = connection.execute(times).one()
    good = select(func.max(poll.c.started_at)).where(*polled, poll.c.is_stale == false())
    log = _polls(connection, None, _LOG.c.hub == of.name, _LOG.c.scope != "import")
    ended = [number for number, row in enumerate(log) if row["status"] == "complete"]
    months = select(month_build.c.month, month_build.c.covered).where(month_build.c.hub_id == of.id)
    return HubStatus(
        hub=of.name,
        endpoint=of.endpoint,
        models=_models(connection, of.id),
        polls=polls,
        first_poll_at=first_at,
        last_poll_at=last_at,
        last_good_poll_at=connection.scalar(good),
        unfinished=tuple(log[: ended[0]] if ended else log),
        last_polls=tuple(log[:last]),
        coverage={row.month: row.covered for row in connection.execute(months.order_by(month_build.c.month))},
        is_rolled_up=waiting.is_rolled_up(connection, of.id),
        waiting=waiting.waiting(connection, of.id),
    )


def _models(connection: Connection, hub_id: int) -> int:
    """How many models of a hub are known, without counting them: a whole hub's would take a second.

    Each was new to one poll, or is known from imports only.
    """
    polled = select(func.sum(poll.c.models_new)).where(poll.c.hub_id == hub_id, poll.c.scope != "import")
    imported = select(func.count()).where(model.c.hub_id == hub_id, model.c.hub_key.is_(None))
    return (connection.scalar(polled) or 0) + (connection.scalar(imported) or 0)


def _size(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        pages, size = (connection.scalar(text(f"PRAGMA {pragma}")) for pragma in ("page_count", "page_size"))
        return int(pages or 0) * int(size or 0)
    return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


# --- models ---------------------------------------------------------------------------------------------------------


def models_named(db: Database, name: str, hub_name: str | None = None) -> list[KnownModel]:
    """The models that bear this name now; else those that bore it; else the one of this hub key; else those whose name
    differs in case only.

    A name is no identity: there may be several. The one that was listed last comes first: of one that is gone, the name
    may be another's now.
    """
    bore = select(model_name.c.model_id).where(model_name.c.name == name)
    ways = (
        model.c.name == name,
        model.c.id.in_(bore),
        model.c.hub_key == name,
        func.lower(model.c.name) == name.lower(),
    )
    listed = select(func.coalesce(model_state.c.listed_poll_id, 0)).where(model_state.c.model_id == model.c.id)
    order = (func.coalesce(listed.scalar_subquery(), 0).desc(), model.c.id)
    with db.connect() as connection:
        for way in ways:
            found = connection.execute(_known(hub_name).where(way).order_by(*order)).all()
            if found:
                return [KnownModel(*row) for row in found]
    return []


def _known(hub_name: str | None) -> Select[Any]:
    elsewhere: dict[str, ColumnElement[Any]] = {"hub": hub.c.name, "publisher": publisher.c.name}
    elsewhere |= {name: kind.c[name] for name in ("pipeline_tag", "library_name")}
    return (
        select(*(elsewhere[name] if name in elsewhere else model.c[name] for name in KnownModel._fields))
        .select_from(MODEL_WITH_KIND)
        .join(hub, hub.c.id == model.c.hub_id)
        .join(publisher, publisher.c.id == model.c.publisher_id)
        .where(true() if hub_name is None else hub.c.name == hub_name)
    )


def former_names(db: Database, hub_id: int, model_id: int | None = None) -> list[FormerName]:
    """Earlier names of a hub's models (or of one), by model and time."""
    c = model_name.c
    statement = (
        select(c.model_id, c.name, c.replaced_at)
        .where(of_hub(hub_id, c.model_id), true() if model_id is None else c.model_id == model_id)
        .order_by(c.model_id, c.replaced_at)
    )
    with db.connect() as connection:
        return [FormerName(*row) for row in connection.execute(statement)]


def names_at(db: Database, hub_id: int, names: Iterable[str] | None, end: int) -> dict[str, str]:
    """By the name of today: the name that a model bore at an instant, of those that were renamed since.

    Of all of them, or of those that bear one of these names.
    """
    c = model_name.c
    statement = (
        select(model.c.name, c.name)
        .join(model_name, c.model_id == model.c.id)
        .where(c.replaced_at >= end)
        .order_by(c.replaced_at.desc())
    )
    if names is None:  # + 0: by the index of hubs SQLite would look at all models
        statement = statement.where(model.c.hub_id + 0 == hub_id)
    else:
        statement = statement.where(model.c.hub_id == hub_id, model.c.name.in_(sorted(names)))
    with db.connect() as connection:
        rows = connection.execute(statement).all()
    return {row[0]: row[1] for row in rows}  # the name that was replaced first comes last


def model_names(db: Database, hub_id: int) -> Iterator[tuple[int, str, str | None]]:
    """Number, name and hub key of every model of a hub, by number: what lineage is looked up in."""
    # + 0: by the index of hubs SQLite would look up every row by itself, and sort them all.
    statement = select(model.c.id, model.c.name, model.c.hub_key).where(model.c.hub_id + 0 == hub_id)
    with db.connect() as connection:
        for rows in plain_rows(connection, statement.order_by(model.c.id)):
            yield from rows


def declared_bases(db: Database, hub_id: int) -> Iterator[tuple[int, str, str | None, str | None]]:
    """Model, base name, base key and relation of every declaration on a hub, by model and position."""
    c = model_base.c
    statement = (
        select(c.model_id, declared_base.c.name, declared_base.c.hub_key, declared_base.c.relation)
        .select_from(DECLARATIONS)
        .where(of_hub(hub_id, c.model_id))
        .order_by(c.model_id, c.position)
    )
    with db.connect() as connection:
        for rows in plain_rows(connection, statement):
            yield from rows


# --- what the shares are of -------------------------------------------------------------------------------------------


def shared_months(db: Database, hub_name: str, *, final: bool = False) -> list[str]:
    """The months (YYYY-MM) of which there are shares (or final ones), in order."""
    c = country_share.c
    return _distinct(db, c.window, and_(c.hub == hub_name, c.status == "final" if final else true()))


def shared_countries(db: Database, hub_name: str) -> list[str]:
    """The codes of all countries with a share in any month."""
    return _distinct(db, country_share.c.country, country_share.c.hub == hub_name)


def shared_families(db: Database, hub_name: str) -> list[str]:
    """The families with a share in any month."""
    return _distinct(db, family_share.c.family, family_share.c.hub == hub_name)


def _distinct(db: Database, column: Column[Any], where: ColumnElement[bool]) -> list[str]:
    with db.connect() as connection:
        return list(connection.execute(select(column).where(where).distinct().order_by(column)).scalars())


# --- SQL from users -------------------------------------------------------------------------------------------------

_PART = 10_000  # rows held at a time
_STEPS = 1_000_000  # of SQLite's machine: a few hundredths of a second
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")  # not the second colon of a cast
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_READING_PRAGMAS = {
    *("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list"),
    *("page_count", "page_size", "freelist_count", "user_version", "compile_options", "function_list", "encoding"),
}
_READING_PRAGMAS_WITH_VALUE = {name for name in _READING_PRAGMAS if name.startswith(("table_", "index_", "foreign_"))}


def run_sql(url: str, query: str, parameters: Mapping[str, str] | None = None) -> Answer:
    """The whole answer of one query; for answers that fit in memory."""
    with asked(url, query, parameters) as answer:
        return Answer(answer.columns, [row for part in answer.parts for row in part])


@contextmanager
def asked(url: str, query: str, parameters: Mapping[str, str] | None = None) -> Iterator[Asked]:
    """One query, answered as it is read. The connection itself refuses everything but reading.

    `parameters` stand in the query as `:name`. StoreError in one line when the query is wrong, is not one statement, or
    asks for more than to read; what only shows in a later row, when that row is read.
    """
    with Database.open(url, write=False) as db, db.connect() as connection:
        ask = _asked_of_file if connection.dialect.name == "sqlite" else _asked_of_server
        with ask(connection, query, parameters or {}) as answer:
            yield answer


@contextmanager
def _asked_of_file(connection: Connection, query: str, parameters: Mapping[str, str]) -> Iterator[Asked]:
    raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        raise TypeError(f"not a connection of sqlite3: {raw!r}")
    connection.begin()
    with _only_reading(raw):
        # Two statements at once are an Error or a Warning, as the version of Python has it.
        errors = (sqlite3.Error, sqlite3.Warning)
        with _wrong_sql(errors), translated("SQL"):
            cursor = raw.execute(query, parameters)
        yield Asked(_columns(cursor), _parts(lambda: cursor.fetchmany(_PART), errors))


@contextmanager
def _only_reading(raw: sqlite3.Connection) -> Iterator[None]:
    """Beside mode=ro and query_only, which ATTACH and PRAGMA could get around."""
    raw.set_authorizer(_authorize)
    # SQLite looks at no signal: without something of Python's to run now and then, Ctrl-C would wait for the next row.
    raw.set_progress_handler(lambda: 0, _STEPS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, _STEPS)
        raw.set_authorizer(None)  # what ends the transaction is no query of the user's


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """SQLite's question whether a part of a statement may be compiled."""
    if action == sqlite3.SQLITE_FUNCTION:
        allowed = second != "load_extension"
    elif action == sqlite3.SQLITE_PRAGMA:
        allowed = first in (_READING_PRAGMAS if second is None else _READING_PRAGMAS_WITH_VALUE)
    else:
        allowed = action in _ALLOWED
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


@contextmanager
def _asked_of_server(connection: Connection, query: str, parameters: Mapping[str, str]) -> Iterator[Asked]:
    # Untyped: `prepare` and `stream` are psycopg's own.
    cursor: Any = connection.connection.cursor()
    errors = (connection.dialect.loaded_dbapi.Error,)
    if parameters:
        query = _PARAMETER.sub(r"%(\1)s", query.replace("%", "%%"))
    with closing(cursor.stream(query, parameters or None)) as rows:
        with _wrong_sql(errors):
            # A statement that is streamed is one: nothing can end the read-only transaction and go on.
            first = next(rows, None)
            if first is None:
                cursor.execute(query, parameters or None, prepare=True)  # the names of columns come with a row only
        left = rows if first is None else chain([first], rows)
        yield Asked(_columns(cursor), _parts(lambda: [_as_on_a_file(row) for row in islice(left, _PART)], errors))


def _as_on_a_file(row: Row) -> Row:
    """The server's sum of whole numbers and its rounding are `numeric`: here they are what SQLite gives."""
    return tuple(_plain_number(value) if isinstance(value, Decimal) else value for value in row)


def _plain_number(value: Decimal) -> int | float:
    exponent = value.as_tuple().exponent
    return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value)


def _columns(cursor: Any) -> tuple[str, ...]:
    if cursor.description is None:
        raise StoreError("SQL: not a query; only SELECT (or WITH … SELECT) is answered here")
    return tuple(column[0] for column in cursor.description)


def _parts(fetch: Callable[[], list[Row]], errors: tuple[type[Exception], ...]) -> Iterator[list[Row]]:
    """The rows of a query, some thousand at a time."""
    while True:
        with _wrong_sql(errors), translated("SQL"):
            part = fetch()
        if not part:
            return
        yield part


@contextmanager
def _wrong_sql(errors: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        message = " ".join("".join(c if c.isprintable() else " " for c in str(error)[:300]).split())
        hint = "; this connection only reads" if "authori" in message or "prohibited" in message else ""
        raise StoreError(f"SQL: {message}{hint}") from error

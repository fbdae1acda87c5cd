"""Reading and writing the rows of models that polls and imports share: publishers, states, stored readings.

Knows the tables; decides nothing (`changes` does) and opens no transaction of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    cast,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.sql.compiler import SQLCompiler

from collector.model import DAY
from collector.store import server
from collector.store.changes import Rewrite, Row, State, Stored
from collector.store.numbering import AT, of_each, of_poll, reading_id
from collector.store.schema import hub, metadata, model, model_state, observation, poll, publisher
from collector.store.sift import Moved
from collector.store.timing import NO_SPAN, SPAN_STEP, span_part, time_and_span

CHUNK = 500  # values in one IN (...): far below every engine's limit of parameters
T = TypeVar("T")

_STATE_NAMES = ("downloads_all_time", "downloads_30d", "likes", "changed_at", "seen_at", "seen_before_at", "rose_at")
STATE_COLUMNS = tuple(model_state.c[name] for name in _STATE_NAMES)  # in the order of State's fields


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in pieces that fit one statement."""
    return (values[at : at + CHUNK] for at in range(0, len(values), CHUNK))


def hub_number(conn: Connection, name: str) -> int | None:
    """The hub's number; None when this database does not know it."""
    found: int | None = conn.execute(select(hub.c.id).where(hub.c.name == name)).scalar()
    return found


def add_hub(conn: Connection, name: str, endpoint: str) -> int:
    """A new hub's number."""
    added: int = conn.execute(insert(hub).values(name=name, endpoint=endpoint).returning(hub.c.id)).scalar_one()
    return added


def publisher_ids(conn: Connection, hub: int, names: Iterable[str]) -> dict[str, int]:
    """The numbers of these accounts; unknown ones are added in the order given: equal runs give equal numbers."""
    wanted = list(dict.fromkeys(names))
    found = _publishers(conn, hub, wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        conn.execute(insert(publisher), [{"hub_id": hub, "name": name} for name in missing])
        gather_growing(conn, CHUNK, len(missing), publisher)
        found |= _publishers(conn, hub, missing)
    return found


def _publishers(conn: Connection, hub: int, names: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in chunks(names):
        query = select(publisher.c.name, publisher.c.id).where(publisher.c.hub_id == hub, publisher.c.name.in_(part))
        found |= {row.name: row.id for row in conn.execute(query)}
    return found


def states(conn: Connection, model_ids: Sequence[int]) -> dict[int, State]:
    """The state of each of these models."""
    found: dict[int, State] = {}
    for part in chunks(model_ids):
        query = select(model_state.c.model_id, *STATE_COLUMNS).where(model_state.c.model_id.in_(part))
        found |= {row[0]: State(*row[1:]) for row in conn.execute(query)}
    return found


def first_readings(conn: Connection, hub: int, model_ids: Sequence[int]) -> dict[int, int]:
    """The instant of the earliest stored reading of each of these models that has one."""
    found: dict[int, int] = {}
    for part in chunks(model_ids):
        query = select(model.c.id, func.min(AT)).select_from(of_each(part)).group_by(model.c.id)
        query = query.where(poll.c.hub_id == hub)
        found |= {row[0]: row[1] for row in conn.execute(query)}
    return found


def first_sightings_until(conn: Connection, hub: int, model_ids: Sequence[int]) -> dict[int, int]:
    """The instant of the last stored reading of each of these models that follows on no cumulative count before it."""
    found: dict[int, int] = {}
    for part in chunks(model_ids):
        query = select(model.c.id, func.max(AT)).select_from(of_each(part)).group_by(model.c.id)
        query = query.where(poll.c.hub_id == hub, observation.c.delta.is_(None))
        found |= {row[0]: row[1] for row in conn.execute(query)}
    return found


def last_readings(conn: Connection, hub: int, since: int) -> dict[int, int]:
    """The last stored reading of every model that has one at or after `since` (Unix seconds), and of others."""
    row, c = observation.c, poll.c
    # An imported day ends a day after its start; a poll that did not end may have read until any moment.
    late = or_(c.finished_at.is_(None), c.finished_at >= since, and_(c.scope == "import", c.started_at > since - DAY))
    query = select(row.model_id, func.max(AT)).join_from(poll, observation, of_poll())
    query = query.where(c.hub_id == hub, late).group_by(row.model_id)
    return {row[0]: row[1] for row in conn.execute(query)}


def stored_readings(conn: Connection, hub: int, model_ids: Sequence[int]) -> dict[int, list[Stored]]:
    """Every stored reading of each of these models."""
    found: dict[int, list[Stored]] = {model_id: [] for model_id in model_ids}
    row = observation.c
    columns = (poll.c.id, AT, row.downloads_all_time, row.downloads_30d, row.likes, row.span_seconds, row.delta)
    for part in chunks(model_ids):
        query = select(model.c.id, *columns).select_from(of_each(part)).where(poll.c.hub_id == hub)
        for model_id, *values in conn.execute(query):
            found[model_id].append(Stored(*values))
    return found


def state_values(state: State) -> dict[str, int | None]:
    """The state under its columns' names."""
    return dict(zip(_STATE_NAMES, state, strict=True))


class NewReading(NamedTuple):
    """A reading to store, and where it belongs."""

    poll_id: int
    poll_started_at: int
    model_id: int
    row: Row


def write_readings(conn: Connection, new: Sequence[NewReading]) -> None:
    """Stores readings."""
    if not new:
        return
    values = [
        {
            "id": reading_id(each.poll_id, each.model_id),
            "time_and_span": time_and_span(each.row.reading.at - each.poll_started_at, each.row.span),
            "downloads_all_time": each.row.reading.all_time,
            "downloads_30d": each.row.reading.rolling,
            "likes": each.row.reading.likes,
            "delta": each.row.delta,
        }
        for each in new
    ]
    conn.execute(insert(observation), values)
    _reach(conn, ((each.poll_id, each.row.reading.at, each.row.span) for each in new))


_MOVES = ("id", "time_and_span", "likes", "downloads_all_time", "downloads_30d", "delta")


def write_moves(conn: Connection, poll_id: int, seconds: int, at: int, moved: Sequence[Moved]) -> None:
    """Stores the readings of counters that moved, all of one poll and one instant."""
    without_span = time_and_span(seconds, 0)  # the same of all of them, and judged once
    rows = [
        (reading_id(poll_id, model_id), without_span + span * SPAN_STEP, likes, total, rolling, delta)
        for model_id, total, rolling, likes, span, delta in moved
    ]
    insert_rows(conn, observation, _MOVES, rows)
    if moved:
        reach_back(conn, {poll_id: at - max(row[4] for row in moved)})


def insert_rows(conn: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    """New rows whose values stand in the order of `names`; on a server by COPY. No value may need Core's conversion."""
    if conn.dialect.name == "sqlite":
        execute_rows(conn, _insertion(table, names), names, rows)
    elif rows:
        server.copy_rows(conn, table, names, rows)


@lru_cache(maxsize=32)
def _insertion(table: Table, names: tuple[str, ...]) -> Insert:
    return insert(table).values({name: bindparam(name) for name in names})


def gather_growing(conn: Connection, rows_before: int, rows_now: int, *tables: Table) -> None:
    """On a server, whenever tables have doubled: plans made while they were small would take the square of their size.

    Measured at 60,000 new models: 17 s of the server's CPU without.
    """
    if conn.dialect.name != "sqlite" and rows_now.bit_length() > rows_before.bit_length():
        server.gather_statistics(conn, *tables)


def execute_rows(
    conn: Connection, statement: Insert | Update, names: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """A statement for each of many rows, whose values stand in the order of `names`, its parameters.

    Past Core's work for each row, which takes longer than writing it. No value may need a conversion of Core's.
    """
    if not rows:
        return
    compiled = _compiled(statement, conn.dialect)
    if compiled.positiontup is None:
        conn.exec_driver_sql(compiled.string, [dict(zip(names, row, strict=True)) for row in rows])
    elif tuple(compiled.positiontup) == names:
        conn.exec_driver_sql(compiled.string, list(rows))
    else:
        raise ValueError(f"the statement's parameters are {compiled.positiontup}")


def fetched_rows(conn: Connection, query: Select[Any], values: dict[str, Any]) -> list[Any]:
    """All rows of a short query, as the driver gives them: Core's own rows take longer to make than to find.

    No value of `values`, by parameter, may need a conversion of Core's.
    """
    compiled = _compiled(query, conn.dialect)
    names, every = compiled.positiontup, compiled.params | values  # Core has some of its own, as for LIMIT
    given = every if names is None else tuple(every[name] for name in names)
    cursor: Any = conn.exec_driver_sql(compiled.string, given).cursor
    rows: list[Any] = cursor.fetchall()
    return rows


def rows_among(
    conn: Connection, query: Select[Any], column: ColumnElement[Any], values: Sequence[Any], **given: Any
) -> list[Any]:
    """The rows of a query whose column has one of these values, some at a time, as the driver gives them.

    `given` are the query's own parameters. On SQLite a statement is written once for few values and once for as many as
    one takes (the last stands for those that are missing): for Core to write each anew takes longer than to find the
    rows. So the query is to be one that lives as long as its module. No value may need a conversion of Core's.
    """
    if conn.dialect.name != "sqlite":
        parts = (conn.execute(query.where(column.in_(part)), given) for part in chunks(values))
        return [row for part in parts for row in part]
    rows: list[Any] = []
    for part in chunks(values):
        most = _FEW if len(part) <= _FEW else CHUNK
        statement, names, own = _among(query, column, conn.dialect, most)
        said = own | given
        wanted = [*part, *repeat(part[-1], most - len(part))]
        values_in_order = [value for name in names for value in (wanted if name == _AMONG else (said[name],))]
        cursor: Any = conn.exec_driver_sql(statement, tuple(values_in_order)).cursor
        rows += cursor.fetchall()
    return rows


_AMONG = "among"  # the parameter that stands for the values
_FEW = 20  # a command that asks for one model asks for few at a time: 2 ms of CPU for each statement of 500 values


@lru_cache(maxsize=64)
def _among(
    query: Select[Any], column: ColumnElement[Any], dialect: Dialect, most: int
) -> tuple[str, list[str], dict[str, Any]]:
    """The statement for so many values, its parameters in order, and the values of those that Core made itself."""
    values = bindparam(_AMONG, type_=column.type, expanding=True)
    compiled = query.where(column.in_(values)).compile(dialect=dialect)
    place = f"__[POSTCOMPILE_{_AMONG}]"  # where Core itself would write one mark for each value
    if compiled.positiontup is None or place not in compiled.string:
        raise TypeError(f"no statement on rows: {query}")
    return compiled.string.replace(place, ", ".join(["?"] * most)), compiled.positiontup, compiled.params


def plain_rows(conn: Connection, query: Select[Any], many: int = 10_000) -> Iterator[Sequence[Any]]:
    """The rows of a query, `many` at a time: on a server by a cursor of its own, on SQLite straight from the driver.

    Core's own rows take longer to make than SQLite's to find.
    """
    if conn.dialect.name != "sqlite":
        with conn.execute(query, execution_options={"yield_per": many}) as result:
            yield from result.partitions()
        return
    with conn.execute(query) as result:
        cursor: Any = result.cursor
        while part := cursor.fetchmany(many):
            yield part


@lru_cache(maxsize=32)
def _compiled(statement: Insert | Update | Select[Any], dialect: Dialect) -> SQLCompiler:
    compiled = statement.compile(dialect=dialect)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"no statement on rows: {statement}")
    return compiled


_SPAN = cast(func.coalesce(observation.c.span_seconds, NO_SPAN), BigInteger)
_WHEN = observation.c.time_and_span - span_part(_SPAN)
_REWRITE = (
    update(observation)
    .where(observation.c.id == bindparam("of_reading"))
    .values(time_and_span=_WHEN + bindparam("new_span", type_=BigInteger), delta=bindparam("new_delta"))
)


def write_rewrites(conn: Connection, rewrites: Sequence[tuple[int, Rewrite]]) -> None:
    """New derived columns of stored readings, each named by its model and its poll."""
    if not rewrites:
        return
    values = [
        {
            "of_reading": reading_id(new.poll_id, model_id),
            "new_span": span_part(NO_SPAN if new.span is None else new.span),
            "new_delta": new.delta,
        }
        for model_id, new in rewrites
    ]
    conn.execute(_REWRITE, values)
    _reach(conn, ((new.poll_id, new.at, new.span) for _, new in rewrites))


def _reach(conn: Connection, spans: Iterable[tuple[int, int, int | None]]) -> None:
    """Lets polls know of the growth they read: number of the poll, instant and span of each reading."""
    begins: dict[int, int] = {}
    for poll_id, at, span in spans:
        if span is not None:
            begins[poll_id] = min(at - span, begins.get(poll_id, at))
    reach_back(conn, begins)


_BEGIN = bindparam("begin", type_=BigInteger)
_REACH_BACK = (
    update(poll)
    .where(poll.c.id == bindparam("of_poll"), or_(poll.c.reaches_back_to.is_(None), poll.c.reaches_back_to > _BEGIN))
    .values(reaches_back_to=_BEGIN)
)


def reach_back(conn: Connection, begins: Mapping[int, int]) -> None:
    """Lets polls (by number) know of growth that begins before what they know of.

    A span that became shorter is not looked for: the poll then names an instant too early, which only costs time.
    """
    if begins:
        execute_rows(
            conn, _REACH_BACK, ("begin", "of_poll", "begin"), [(at, poll_id, at) for poll_id, at in begins.items()]
        )


def gather_statistics(conn: Connection) -> None:
    """Lets the engine choose its ways by the sizes that the tables have now."""
    if conn.dialect.name != "sqlite":
        server.gather_statistics(conn)
        return
    conn.execute(text("PRAGMA analysis_limit = 400"))  # rows looked at per index: cheap at any size
    # Of a table without an index of all its rows SQLite counts every row: of readings that is most of the file, 4 GB
    # and a fifth of a poll of the whole hub after a year. Polls and imports say how many there are.
    conn.execute(text(f"ANALYZE {_UNUSUAL_INDEX}"))
    conn.execute(text("DELETE FROM sqlite_stat1 WHERE tbl = 'observation' AND idx IS NULL"))
    conn.execute(text(f"INSERT INTO sqlite_stat1 (tbl, idx, stat) SELECT 'observation', NULL, ({_READINGS_STORED})"))
    for table in metadata.sorted_tables:
        if table is not observation:
            conn.execute(text(f"ANALYZE {table.name}"))


_UNUSUAL_INDEX = next(str(index.name) for index in observation.indexes)
_READINGS_STORED = (
    "SELECT 1 + (SELECT coalesce(sum(models_new + models_moved), 0) FROM poll WHERE scope <> 'import')"
    " + (SELECT coalesce(sum(stored), 0) FROM import_file)"
)

"""Reading and writing the rows of models that polls and imports share: publishers, states, stored readings.

Knows the tables; decides nothing (`changes` does) and opens no transaction of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Select, bindparam, func, insert, select, text, update

from collector.store.changes import Rewrite, Row, State, Stored
from collector.store.schema import hub, model_state, observation, poll, publisher

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
    row, at = observation.c, poll.c.started_at + observation.c.seconds
    found: dict[int, int] = {}
    for part in chunks(model_ids):
        query = select(row.model_id, func.min(at)).join_from(observation, poll).group_by(row.model_id)
        query = query.where(row.poll_id.in_(_polls_of(hub)), row.model_id.in_(part))
        found |= {row[0]: row[1] for row in conn.execute(query)}
    return found


def _polls_of(hub: int) -> Select[tuple[int]]:
    # The poll comes first in the key, so the polls are named: without that one model's history reads the whole table.
    return select(poll.c.id).where(poll.c.hub_id == hub)


def stored_readings(conn: Connection, hub: int, model_ids: Sequence[int]) -> dict[int, list[Stored]]:
    """Every stored reading of each of these models."""
    found: dict[int, list[Stored]] = {model_id: [] for model_id in model_ids}
    at = poll.c.started_at + observation.c.seconds
    row = observation.c
    columns = (row.poll_id, at, row.downloads_all_time, row.downloads_30d, row.likes, row.span_seconds, row.delta)
    for part in chunks(model_ids):
        query = select(row.model_id, *columns).join_from(observation, poll)
        query = query.where(row.poll_id.in_(_polls_of(hub)), row.model_id.in_(part))
        for model_id, *values in conn.execute(query):
            found[model_id].append(Stored(*values))
    return found


def state_values(state: State) -> dict[str, int | None]:
    """The state under its columns' names."""
    return dict(zip(_STATE_NAMES, state, strict=True))


def reading_values(poll_id: int, poll_started_at: int, model_id: int, row: Row) -> dict[str, int | None]:
    """A reading to store under its columns' names."""
    return {
        "poll_id": poll_id,
        "model_id": model_id,
        "seconds": row.reading.at - poll_started_at,
        "downloads_all_time": row.reading.all_time,
        "downloads_30d": row.reading.rolling,
        "likes": row.reading.likes,
        "span_seconds": row.span,
        "delta": row.delta,
    }


def write_rewrites(conn: Connection, rewrites: Sequence[tuple[int, Rewrite]]) -> None:
    """New derived columns of stored readings, each named by its model and its poll."""
    if rewrites:
        statement = update(observation).where(
            observation.c.poll_id == bindparam("of_poll"), observation.c.model_id == bindparam("of_model")
        )
        rows = [
            {"of_poll": new.poll_id, "of_model": model_id, "span_seconds": new.span, "delta": new.delta}
            for model_id, new in rewrites
        ]
        conn.execute(statement, rows)


def gather_statistics(conn: Connection) -> None:
    """Lets SQLite find one model's history without reading every reading: seconds become milliseconds."""
    if conn.dialect.name == "sqlite":
        conn.execute(text("PRAGMA analysis_limit = 400"))  # rows looked at per index: cheap at any size
        conn.execute(text("ANALYZE"))

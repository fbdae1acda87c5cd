"""Keeping what a hub says: one transaction per page holds its rows, the poll's counts and where to go on.

A poll killed anywhere resumes at its cursor and counts nothing twice. Knows the tables and the order of writing; what a
reading means is decided in `changes`. Knows no hub and no clock: instants come in with the pages and the calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, case, delete, func, insert, literal_column, or_, select, update

from collector.model import DAY, Base, Listed, Observation, Page, PollPlan, publisher_of, to_seconds
from collector.store import sighting_runs
from collector.store.absences import note_absences
from collector.store.changes import (
    UNREAD,
    Change,
    Reading,
    Rewrite,
    State,
    compare,
    is_stale,
    is_thin,
    may_adopt,
    merge,
    usual_moves,
)
from collector.store.database import Database
from collector.store.histories import (
    STATE_COLUMNS,
    NewReading,
    add_hub,
    chunks,
    execute_rows,
    fetched_rows,
    first_readings,
    gather_growing,
    gather_statistics,
    hub_number,
    publisher_ids,
    rows_among,
    state_values,
    stored_readings,
    write_moves,
    write_readings,
    write_rewrites,
)
from collector.store.lineages import add_todo
from collector.store.schema import hub, kind, model, model_base, model_name, model_state, poll, publisher
from collector.store.server import open_month
from collector.store.sift import Latest, Sifted, runs, sift
from collector.store.wording import BASE, DECLARATIONS, MODEL_WITH_KIND, base_ids, kind_ids


@dataclass(frozen=True, slots=True)
class RunningPoll:
    """A poll that is not complete, as of its last stored page."""

    id: int
    hub_id: int
    plan: PollPlan
    started_at: int  #: Unix seconds
    cursor: str | None  #: where the listing goes on; None: at its start, or it has ended
    pages: int  #: pages stored
    models_listed: int  #: different models listed

    @property
    def has_ended(self) -> bool:
        """Whether every page is stored, so that only `finish_poll` is missing."""
        return self.pages > 0 and self.cursor is None


@dataclass(frozen=True, slots=True)
class FinishedPoll:
    """A complete poll with its counts, as the run log has them."""

    id: int
    hub_id: int
    plan: PollPlan
    started_at: int  #: Unix seconds
    finished_at: int  #: Unix seconds
    pages: int
    models_listed: int
    models_new: int
    models_moved: int
    models_with_all_time: int
    rows_skipped: int
    retries: int
    waited_seconds: float
    is_stale: bool
    is_thin: bool


class PollStore:
    """What a poll writes. Does not decide when to poll, and does not ask a hub."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def hub_id(self, name: str, endpoint: str) -> int:
        """The hub's number in this database, with the address it is asked at now."""
        with self._db.begin() as conn:
            known = hub_number(conn, name)
            if known is None:
                return add_hub(conn, name, endpoint)
            conn.execute(update(hub).where(hub.c.id == known).values(endpoint=endpoint))
            return known

    def supplied_all_time(self, hub_id: int) -> bool:
        """Whether a complete poll of this hub ever had a cumulative counter."""
        query = select(poll.c.id).where(
            poll.c.hub_id == hub_id,
            poll.c.status == "complete",
            poll.c.scope != "import",
            poll.c.models_with_all_time > 0,
        )
        with self._db.connect() as conn:
            return conn.execute(query.limit(1)).first() is not None

    def unfinished_poll(self, hub_id: int, plan: PollPlan, now: datetime) -> RunningPoll | None:
        """The hub's last poll, to go on with: if it is of this plan, began this UTC day until now and is not complete.

        One that another poll came after, of whatever plan, is left as it is. Each model says only which poll listed it
        last, so nobody knows any more which of them this one had listed: a model sent again would be read twice, and
        one that only the other poll lists last would seem to be missing from this one.
        """
        of_hub = select(poll).where(poll.c.hub_id == hub_id, poll.c.scope != "import")
        with self._db.connect() as conn:
            last = conn.execute(of_hub.order_by(poll.c.id.desc()).limit(1)).first()
        at = to_seconds(now)
        if last is None or last.status == "complete" or not at - at % DAY <= last.started_at <= at:
            return None
        if (last.scope, last.top) != (plan.scope, plan.top):
            return None
        return RunningPoll(last.id, hub_id, plan, last.started_at, last.cursor, last.pages, last.models_listed)

    def start_poll(self, hub_id: int, plan: PollPlan, now: datetime) -> RunningPoll:
        """A new poll with nothing listed yet."""
        started_at = to_seconds(now)
        open_month(self._db, started_at)
        values = _NOTHING_YET | {"hub_id": hub_id, "scope": plan.scope, "top": plan.top, "started_at": started_at}
        with self._db.begin() as conn:
            sighting_runs.forget(conn, hub_id)
            number = conn.execute(insert(poll).values(values).returning(poll.c.id)).scalar_one()
        return RunningPoll(number, hub_id, plan, started_at, None, 0, 0)

    def write_page(self, poll: RunningPoll, page: Page) -> RunningPoll:
        """Keeps a page: its rows, the poll's counts and the cursor, all or nothing.

        A model listed before in this poll is ignored, and so is what lies beyond the plan's `top`; when that is
        reached the listing has ended.
        """
        with self._db.begin() as conn:
            return _write_page(conn, poll, page)

    def finish_poll(self, poll: RunningPoll, now: datetime) -> FinishedPoll:
        """Ends a poll whose listing has ended; judges in the same transaction whether it is stale or thin."""
        with self._db.begin() as conn:
            finished = _finish(conn, poll, to_seconds(now))
            gather_statistics(conn)
        return finished

    def fail_poll(self, poll: RunningPoll, error: str, now: datetime) -> None:
        """Records in one line why a poll stopped; what it stored stays, and it can be resumed."""
        values = {"status": "failed", "error": error, "finished_at": to_seconds(now)}
        with self._db.begin() as conn:
            _update_poll(conn, poll, values)


_NOTHING_YET = {
    "status": "running",
    "pages": 0,
    "models_listed": 0,
    "models_new": 0,
    "models_moved": 0,
    "models_with_all_time": 0,
    "rows_skipped": 0,
    "retries": 0,
    "waited_seconds": 0.0,
    "is_stale": False,
    "is_thin": False,
}


def _polls_of(hub_id: int, plan: PollPlan) -> Select[Any]:
    """The polls that asked this hub for the same models."""
    same_top = poll.c.top.is_(None) if plan.top is None else poll.c.top == plan.top
    return select(poll).where(poll.c.hub_id == hub_id, poll.c.scope == plan.scope, same_top)


def _update_poll(conn: Connection, of: RunningPoll, values: dict[str, Any]) -> None:
    conn.execute(update(poll).where(poll.c.id == of.id).values(values))


# --- a page ----------------------------------------------------------------------------------------------------------


class _Known(NamedTuple):
    """A model of the page as the database has it."""

    id: int
    name: str
    publisher_id: int
    metadata_crc: int | None  #: None: never polled
    listed_poll_id: int | None
    state: State


class _Write(NamedTuple):
    """What becomes of one listed model."""

    observed: Observation
    known: _Known
    change: Change
    rewrites: tuple[Rewrite, ...]


def _write_page(conn: Connection, running: RunningPoll, page: Page) -> RunningPoll:
    at = to_seconds(page.observed_at)
    top, sent = running.plan.top, len(page.listed) + len(page.unreadable_keys)
    fits = top is None or running.models_listed + sent <= top
    latest = _latest(conn, running, [row.hub_key for row in page.listed]) if fits else {}
    known_before = bool(latest) or not fits
    sifted = sift(page.listed, latest, at)
    _write_ordinary(conn, running, sifted, at)
    careful = _write_carefully(conn, running, at, sifted.rest, known_before=known_before)
    made = _Counts(len(sifted.seen), 0, len(sifted.moved), len(sifted.seen)).plus(careful)
    if fits:
        _list_unreadable(conn, running, page.unreadable_keys)
    reached = running.models_listed + made.listed
    if made.new:
        gather_growing(conn, running.models_listed, reached, model, model_state, publisher)
    cursor = None if reached == top else page.next_cursor
    _count_page(conn, running, page, made, cursor)
    return replace(running, cursor=cursor, pages=running.pages + 1, models_listed=reached)


class _Counts(NamedTuple):
    """Models of a page."""

    listed: int
    new: int
    moved: int
    with_all_time: int

    def plus(self, other: _Counts) -> _Counts:
        return _Counts(*(one + another for one, another in zip(self, other, strict=True)))


def _list_unreadable(conn: Connection, running: RunningPoll, keys: Sequence[str]) -> None:
    """Known models whose rows could not be read are listed all the same, or they would look gone.

    Nothing was read of them: their last sighting stays where it is, whatever becomes of the poll.
    """
    if not keys:
        return
    state = model_state.c
    unlisted = or_(state.listed_poll_id.is_(None), state.listed_poll_id != running.id)
    for part in chunks(keys):
        of_page = select(model.c.id).where(model.c.hub_id == running.hub_id, model.c.hub_key.in_(part))
        listed = {"listed_poll_id": running.id, "seen_before_at": None}
        conn.execute(update(model_state).where(state.model_id.in_(of_page), unlisted).values(listed))


# --- the quick way: nearly every row of a daily poll -----------------------------------------------------------------

_LATEST_COLUMNS = (
    model.c.hub_key,
    model.c.id,
    # Here, since each column that the driver hands over is felt.
    case((model_state.c.listed_poll_id.is_distinct_from(bindparam("poll")), model_state.c.metadata_crc)),
    model_state.c.downloads_all_time,
    model_state.c.downloads_30d,
    model_state.c.likes,
    model_state.c.seen_at,
    model_state.c.rose_at,
)
_LATEST = select(*_LATEST_COLUMNS).join_from(model, model_state)
_LATEST_BY_KEY = _LATEST.where(
    model.c.hub_id == bindparam("hub"), model.c.hub_key.in_(bindparam("keys", expanding=True))
)
_ID_OF_KEY = select(model.c.id).where(model.c.hub_id == bindparam("hub"))
# The hub lists by creation, and so were the models numbered: one walk along the table beats a thousand look-ups. Where
# they were not (the top of a hub) it ends after `most` rows. + 0: with one hub in the database SQLite would take the
# index of hubs and read them all.
_LATEST_ALONG = _LATEST.where(
    model.c.id.between(
        _ID_OF_KEY.where(model.c.hub_key == bindparam("first_key")).correlate(None).scalar_subquery(),
        _ID_OF_KEY.where(model.c.hub_key == bindparam("last_key")).correlate(None).scalar_subquery(),
    ),
    model.c.hub_id + literal_column("0") == bindparam("hub"),
).limit(bindparam("most"))


def _latest(conn: Connection, running: RunningPoll, keys: Sequence[str]) -> dict[str, Latest]:
    """The models of a page that the database knows, by the hub's key; perhaps others too."""
    if not keys:
        return {}
    of = {"hub": running.hub_id, "poll": running.id}
    along = of | {"first_key": keys[0], "last_key": keys[-1], "most": 2 * len(keys)}
    found: dict[str, Latest] = {row[0]: row for row in fetched_rows(conn, _LATEST_ALONG, along)}
    for part in chunks([key for key in keys if key not in found]):
        found |= {row[0]: row for row in conn.execute(_LATEST_BY_KEY, of | {"keys": part}).cursor.fetchall()}
    return found


_SEEN = (
    update(model_state)
    .where(model_state.c.model_id.between(bindparam("first"), bindparam("last")))
    .values(seen_before_at=model_state.c.seen_at, seen_at=bindparam("at"), listed_poll_id=bindparam("poll"))
)
_SAID = (
    update(model_state)
    .where(model_state.c.model_id == bindparam("of_model"))
    .values(downloads_30d=bindparam("rolling"), likes=bindparam("new_likes"))
)
_MOVED = (
    update(model_state)
    .where(model_state.c.model_id == bindparam("of_model"))
    .values(
        downloads_all_time=bindparam("total"),
        downloads_30d=bindparam("rolling"),
        likes=bindparam("new_likes"),
        changed_at=bindparam("at"),
        rose_at=bindparam("rose"),
    )
)


def _write_ordinary(conn: Connection, running: RunningPoll, sifted: Sifted, at: int) -> None:
    seen = list(runs(sifted.seen))
    execute_rows(conn, _SEEN, ("at", "poll", "first", "last"), [(at, running.id, *run) for run in seen])
    sighting_runs.add(conn, running.hub_id, running.id, at, seen)
    execute_rows(conn, _SAID, ("rolling", "new_likes", "of_model"), sifted.said)
    execute_rows(conn, _MOVED, ("total", "rolling", "new_likes", "at", "rose", "of_model"), sifted.states)
    write_moves(conn, running.id, at - running.started_at, at, sifted.moved)


# --- the careful way: what is new, described anew, not ordinary -------------------------------------------------------


def _write_carefully(
    conn: Connection, running: RunningPoll, at: int, page: Sequence[Listed], *, known_before: bool
) -> _Counts:
    """Everything else. `known_before`: any of the models may be known. Raises OddRow."""
    if not page:
        return _Counts(0, 0, 0, 0)
    rows = _by_key(page)
    known = _known_models(conn, running.hub_id, list(rows)) if known_before else {}
    unlisted = [row for key, row in rows.items() if key not in known or known[key].listed_poll_id != running.id]
    if running.plan.top is not None:
        unlisted = unlisted[: running.plan.top - running.models_listed]
    crcs = {row.hub_key: row.described() for row in unlisted}
    listed = [row.observation() for row in unlisted]
    fresh = [row for row in listed if row.hub_key not in known]
    known |= _adopt(conn, running, fresh)
    before = [(row, known[row.hub_key]) for row in listed if row.hub_key in known]
    _describe_again(conn, running, at, [(row, of) for row, of in before if crcs[row.hub_key] != of.metadata_crc])
    created = _create(conn, running, [row for row in fresh if row.hub_key not in known])
    known |= created
    writes = _compare(conn, running.hub_id, at, [(row, known[row.hub_key]) for row in listed])
    _write_readings(conn, running, writes)
    _write_states(conn, running, writes, crcs, {row.id for row in created.values()})
    all_times = sum(write.observed.downloads_all_time is not None for write in writes)
    return _Counts(len(writes), len(fresh), sum(write.change.moved for write in writes), all_times)


def _by_key(page: Iterable[Listed]) -> dict[str, Listed]:
    """The rows by the hub's key, in their order; of rows with one key the first counts."""
    rows: dict[str, Listed] = {}
    for row in page:
        rows.setdefault(row.hub_key, row)
    return rows


_KNOWN_COLUMNS = (
    model.c.hub_key,
    model.c.id,
    model.c.name,
    model.c.publisher_id,
    model_state.c.metadata_crc,
    model_state.c.listed_poll_id,
    *STATE_COLUMNS,
)
_KNOWN = select(*_KNOWN_COLUMNS).join_from(model, model_state)


def _known(row: Sequence[Any]) -> _Known:
    return _Known(row[1], row[2], row[3], row[4], row[5], State(*row[6:]))


def _known_models(conn: Connection, hub_id: int, keys: Sequence[str]) -> dict[str, _Known]:
    found: dict[str, _Known] = {}
    for part in chunks(keys):
        query = _KNOWN.where(model.c.hub_id == hub_id, model.c.hub_key.in_(part))
        found |= {row.hub_key: _known(row) for row in conn.execute(query)}
    return found


def _adopt(conn: Connection, running: RunningPoll, fresh: Sequence[Observation]) -> dict[str, _Known]:
    """Gives imported history, known by name alone, to the first key that bears the name; by key what was found.

    Only to a key that is listed for the first time. One that was renamed to the name bore another before, so what was
    read under this one until then is another model's, and for what came between its last poll and this one a file of
    names gives no proof (an import after this poll takes the user's word for it). Both models have readings by then,
    and which of them are kept depends on those before: to make one history of two, all of it would have to be taken
    apart, with every month that rests on it. README tells users to poll first and import then.
    """
    imported: dict[str, _Known] = {}
    for part in chunks([row.name for row in fresh]):
        query = _KNOWN.where(model.c.hub_id == running.hub_id, model.c.hub_key.is_(None), model.c.name.in_(part))
        imported |= {row.name: _known(row) for row in conn.execute(query)}
    first = first_readings(conn, running.hub_id, [each.id for each in imported.values()])
    adopted: dict[str, _Known] = {}
    for row in fresh:
        history = imported.get(row.name)
        if history is not None and may_adopt(row.created_at, first.get(history.id)):
            adopted[row.hub_key] = imported.pop(row.name)
    if adopted:
        rows = [{"of_model": of.id, "hub_key": key, "first_poll_id": running.id} for key, of in adopted.items()]
        conn.execute(update(model).where(model.c.id == bindparam("of_model")), rows)
        add_todo(conn, [of.id for of in adopted.values()])
    return adopted


def _create(conn: Connection, running: RunningPoll, fresh: Sequence[Observation]) -> dict[str, _Known]:
    """New models, numbered in the order of the page, so that two runs give equal numbers; by key."""
    if not fresh:
        return {}
    publishers = publisher_ids(conn, running.hub_id, (publisher_of(row.name) for row in fresh))
    values = [
        {
            "hub_id": running.hub_id,
            "hub_key": row.hub_key,
            "publisher_id": publishers[publisher_of(row.name)],
            "first_poll_id": running.id,
            **said,
        }
        for row, said in zip(fresh, _descriptions(conn, fresh), strict=True)
    ]
    conn.execute(insert(model), values)
    created: dict[str, _Known] = {}
    for part in chunks([row.hub_key for row in fresh]):
        columns = (model.c.hub_key, model.c.id, model.c.name, model.c.publisher_id)
        query = select(*columns).where(model.c.hub_id == running.hub_id, model.c.hub_key.in_(part))
        created |= {row[0]: _Known(row[1], row[2], row[3], None, None, UNREAD) for row in conn.execute(query)}
    _declare(conn, running, [(created[row.hub_key].id, row.bases) for row in fresh], {})
    add_todo(conn, [known.id for known in created.values()])
    return created


def _descriptions(conn: Connection, rows: Sequence[Observation]) -> list[dict[str, Any]]:
    """What `model` keeps of what is said of each."""
    kinds = kind_ids(conn, ((row.pipeline_tag, row.library_name) for row in rows))
    return [
        {"name": row.name, "created_at": row.created_at, "kind_id": kinds[row.pipeline_tag, row.library_name]}
        for row in rows
    ]


def _describe_again(
    conn: Connection, running: RunningPoll, at: int, in_other_words: Sequence[tuple[Observation, _Known]]
) -> None:
    """Keeps what is said anew of known models beside their counters: name, task, library, creation, bases.

    `in_other_words`: those of which something may be said anew.
    """
    if not in_other_words:
        return
    ids = [known.id for _, known in in_other_words]
    stored, declared = _stored_descriptions(conn, ids), _declared(conn, ids)
    changed = [
        (row, known)
        for row, known in in_other_words
        if (row.name, row.created_at, row.pipeline_tag, row.library_name) != (known.name, *stored[known.id])
        or row.bases != _bases(declared.get(known.id, {}))
    ]
    if not changed:
        return
    renamed = [(row, known) for row, known in changed if row.name != known.name]
    _rename(conn, running, at, renamed)
    said = _descriptions(conn, [row for row, _ in changed])
    values = [{"of_model": known.id, **each} for (_, known), each in zip(changed, said, strict=True)]
    conn.execute(update(model).where(model.c.id == bindparam("of_model")), values)
    others = [(known.id, row.bases) for row, known in changed if row.bases != _bases(declared.get(known.id, {}))]
    for part in chunks([model_id for model_id, _ in others]):
        conn.execute(delete(model_base).where(model_base.c.model_id.in_(part)))
    _declare(conn, running, others, declared)
    # Shares rest on tasks as well, and are told by the same list.
    add_todo(conn, sorted(known.id for _, known in changed))


_STORED_DESCRIPTION = select(model.c.id, model.c.created_at, kind.c.pipeline_tag, kind.c.library_name).select_from(
    MODEL_WITH_KIND
)


def _stored_descriptions(conn: Connection, model_ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    """Creation, task and library as they are kept, by model."""
    return {row[0]: tuple(row[1:]) for row in rows_among(conn, _STORED_DESCRIPTION, model.c.id, model_ids)}


def _rename(conn: Connection, running: RunningPoll, at: int, renamed: Sequence[tuple[Observation, _Known]]) -> None:
    if not renamed:
        return
    latest: dict[int, int] = {}
    for part in chunks([known.id for _, known in renamed]):
        query = select(model_name.c.model_id, func.max(model_name.c.replaced_at)).group_by(model_name.c.model_id)
        latest |= {row[0]: row[1] for row in conn.execute(query.where(model_name.c.model_id.in_(part)))}
    publishers = publisher_ids(conn, running.hub_id, (publisher_of(row.name) for row, _ in renamed))
    earlier = [
        {
            "model_id": known.id,
            # Names follow each other even when the clock stood still or went back.
            "replaced_at": max(at, latest.get(known.id, at - 1) + 1),
            "name": known.name,
            "publisher_id": known.publisher_id,
            "poll_id": running.id,
        }
        for _, known in renamed
    ]
    conn.execute(insert(model_name), earlier)
    moved = [{"of_model": known.id, "publisher_id": publishers[publisher_of(row.name)]} for row, known in renamed]
    conn.execute(update(model).where(model.c.id == bindparam("of_model")), moved)


_Declared = dict[int, tuple[Base, int]]  # by position: the base, and the poll that saw the declaration first


def _declared(conn: Connection, model_ids: Sequence[int]) -> dict[int, _Declared]:
    found: dict[int, _Declared] = {}
    for part in chunks(model_ids):
        query = select(model_base.c.model_id, model_base.c.position, model_base.c.poll_id, *BASE)
        for row in conn.execute(query.select_from(DECLARATIONS).where(model_base.c.model_id.in_(part))):
            found.setdefault(row.model_id, {})[row.position] = (Base(*row[3:]), row.poll_id)
    return found


def _bases(declared: _Declared) -> tuple[Base, ...]:
    return tuple(declared[position][0] for position in sorted(declared))


def _declare(
    conn: Connection,
    running: RunningPoll,
    declarations: Sequence[tuple[int, tuple[Base, ...]]],
    before: dict[int, _Declared],
) -> None:
    """Stores the bases of models that have none stored; a declaration made before keeps the poll that saw it first."""
    numbers = base_ids(conn, (base for _, bases in declarations for base in bases))
    values = []
    for model_id, bases in declarations:
        first_seen = dict(before.get(model_id, {}).values())
        values += [
            {
                "model_id": model_id,
                "position": position,
                "base_id": numbers[base],
                "poll_id": first_seen.get(base, running.id),
            }
            for position, base in enumerate(bases)
        ]
    if values:
        conn.execute(insert(model_base), values)


def _compare(conn: Connection, hub_id: int, at: int, listed: Sequence[tuple[Observation, _Known]]) -> list[_Write]:
    writes, late = [], []
    for row, known in listed:
        change = compare(known.state, _reading(row, at))
        if change is None:
            late.append((row, known))
        else:
            writes.append(_Write(row, known, change, ()))
    return writes + _compare_late(conn, hub_id, at, late)


def _reading(row: Observation, at: int) -> Reading:
    return Reading(at, row.downloads_all_time, row.downloads_30d, row.likes)


def _compare_late(conn: Connection, hub_id: int, at: int, late: Sequence[tuple[Observation, _Known]]) -> list[_Write]:
    """Readings not later than all before: the clock went back, or an import holds later ones."""
    stored = stored_readings(conn, hub_id, [known.id for _, known in late])
    writes = []
    for row, known in late:
        merged = merge(stored[known.id], known.state, [_reading(row, at)], cut=True)
        new = merged.rows[0] if merged.rows else None
        change = Change(merged.state._replace(seen_before_at=None), new, moved=new is not None and bool(new.delta))
        writes.append(_Write(row, known, change, merged.rewrites))
    return writes


def _write_readings(conn: Connection, running: RunningPoll, writes: Sequence[_Write]) -> None:
    new = [
        NewReading(running.id, running.started_at, write.known.id, write.change.row)
        for write in writes
        if write.change.row is not None
    ]
    write_readings(conn, new)
    write_rewrites(conn, [(write.known.id, each) for write in writes for each in write.rewrites])


def _write_states(
    conn: Connection, running: RunningPoll, writes: Sequence[_Write], crcs: Mapping[str, int], created: set[int]
) -> None:
    new, old = [], []
    for write in writes:
        values = state_values(write.change.state)
        values |= {"listed_poll_id": running.id, "metadata_crc": crcs[write.observed.hub_key]}
        if write.known.id in created:
            new.append({"model_id": write.known.id, **values})
        else:
            old.append({"of_model": write.known.id, **values})
    if new:
        conn.execute(insert(model_state), new)
    if old:
        conn.execute(update(model_state).where(model_state.c.model_id == bindparam("of_model")), old)


_PAGE_COUNTED = (
    update(poll)
    .where(poll.c.id == bindparam("of_poll"))
    .values(
        # A poll that had failed is running again.
        status="running",
        finished_at=None,
        error=None,
        cursor=bindparam("next_cursor"),
        pages=poll.c.pages + 1,
        **{
            name: poll.c[name] + bindparam(f"more_{name}")
            for name in (
                "models_listed",
                "models_new",
                "models_moved",
                "models_with_all_time",
                "rows_skipped",
                "retries",
                "waited_seconds",
            )
        },
    )
)


def _count_page(conn: Connection, running: RunningPoll, page: Page, made: _Counts, cursor: str | None) -> None:
    """Adds a page to the poll's counts."""
    values = {
        "of_poll": running.id,
        "next_cursor": cursor,
        "more_models_listed": made.listed,
        "more_models_new": made.new,
        "more_models_moved": made.moved,
        "more_models_with_all_time": made.with_all_time,
        "more_rows_skipped": page.rows_skipped,
        "more_retries": page.retries,
        "more_waited_seconds": page.waited_seconds,
    }
    conn.execute(_PAGE_COUNTED, values)


# --- the end of a poll -----------------------------------------------------------------------------------------------


def _finish(conn: Connection, running: RunningPoll, finished_at: int) -> FinishedPoll:
    counts = conn.execute(select(poll).where(poll.c.id == running.id)).one()
    before = conn.execute(
        _polls_of(running.hub_id, running.plan)
        .where(poll.c.status == "complete", poll.c.started_at <= running.started_at, poll.c.id != running.id)
        .order_by(poll.c.started_at, poll.c.id)
    ).all()
    usual = usual_moves(((row.started_at, row.models_moved) for row in before if not row.is_stale), running.started_at)
    known = counts.models_listed - counts.models_new
    stale = is_stale(counts.models_moved, known, usual, is_first=not before)
    thin = is_thin(counts.models_listed, before[-1].models_listed if before else None)
    if stale:
        _take_back_sightings(conn, running)
    ended = {"status": "complete", "finished_at": finished_at, "cursor": None, "error": None}
    _update_poll(conn, running, ended | {"is_stale": stale, "is_thin": thin})
    note_absences(conn, running.hub_id, running.id, proves_absence=not thin)
    return FinishedPoll(
        id=running.id,
        hub_id=running.hub_id,
        plan=running.plan,
        started_at=running.started_at,
        finished_at=finished_at,
        pages=counts.pages,
        models_listed=counts.models_listed,
        models_new=counts.models_new,
        models_moved=counts.models_moved,
        models_with_all_time=counts.models_with_all_time,
        rows_skipped=counts.rows_skipped,
        retries=counts.retries,
        waited_seconds=counts.waited_seconds,
        is_stale=stale,
        is_thin=thin,
    )


def _take_back_sightings(conn: Connection, running: RunningPoll) -> None:
    """A stale poll did not read the counters that it saw unmoved (a moved one changed after the sighting before)."""
    state = model_state.c
    unmoved = (state.listed_poll_id == running.id, state.changed_at <= state.seen_before_at)
    conn.execute(update(model_state).where(*unmoved).values(seen_at=state.seen_before_at))
    sighting_runs.forget(conn, running.hub_id)

"""Keeping history from files: one transaction for a whole file, nothing kept unless all of it is well.

Knows how models are found by name and how a file's days become polls of scope `import`; what a reading means among the
stored ones is decided in `changes`. Knows no file format and no clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from collector.errors import ImportFileError
from collector.model import DAY, from_seconds, publisher_of
from collector.store.changes import UNREAD, Contradiction, Merged, Reading, may_adopt, merge
from collector.store.database import Database
from collector.store.histories import (
    NewReading,
    add_hub,
    chunks,
    gather_statistics,
    hub_number,
    publisher_ids,
    state_values,
    states,
    stored_readings,
    write_readings,
    write_rewrites,
)
from collector.store.schema import import_file, model, model_name, model_state, poll

_LONGEST_NAME = 96  # characters of a name shown in an error


class ImportReading(NamedTuple):
    """One line of a file of history; at least one of the two counters is said."""

    line: int  #: of the file, from 1
    name: str  #: `publisher/model`
    at: int  #: Unix seconds
    all_time: int | None
    rolling: int | None  #: downloads_30d
    likes: int | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a file comes from, as its user said it."""

    file_name: str  #: without its folder
    sha256: str  #: of the file's bytes: the same file twice is once
    source: str  #: may be empty
    license: str  #: may be empty
    imported_at: int  #: Unix seconds


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did."""

    readings: int  #: readings in the file
    stored: int  #: observations stored from it now (unchanged readings are not)
    models: int  #: models the file speaks of; 0 when it was imported before
    already: bool  #: the file was imported before: nothing was done


class ImportStore:
    """What an import writes. Does not read files."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def import_readings(self, hub_name: str, provenance: Provenance, readings: Iterable[ImportReading]) -> ImportResult:
        """Puts a file's readings among the stored ones, in any order of time.

        ImportFileError, naming the line and both values, when two lines of the file disagree or when a line lies
        between the first and the last sighting of another value; then nothing is kept.
        """
        with self._db.begin() as conn:
            hub = hub_number(conn, hub_name)
            if hub is None:
                hub = add_hub(conn, hub_name, "")
            known = select(import_file.c.readings).where(
                import_file.c.hub_id == hub, import_file.c.sha256 == provenance.sha256
            )
            earlier = conn.execute(known).scalar()
            if earlier is not None:
                return ImportResult(earlier, stored=0, models=0, already=True)
            return _import(conn, hub, provenance, list(readings))


def _import(conn: Connection, hub: int, provenance: Provenance, readings: Sequence[ImportReading]) -> ImportResult:
    models = _models(conn, hub, readings)
    lines: dict[int, list[ImportReading]] = defaultdict(list)
    for reading in readings:
        lines[models.ids[reading.name]].append(reading)
    histories = {of: _history(provenance.file_name, lines[of]) for of in sorted(lines)}
    file_id = _add_file(conn, hub, provenance, len(readings))
    polls = _add_polls(conn, hub, file_id, histories, models.created)
    stored = 0
    for part in chunks(list(histories)):
        merged = _merge(conn, hub, provenance.file_name, {of: histories[of] for of in part}, models.created)
        stored += _write(conn, polls, histories, merged)
    conn.execute(update(import_file).where(import_file.c.id == file_id).values(stored=stored))
    gather_statistics(conn)
    return ImportResult(len(readings), stored, len(histories), already=False)


# --- models, by name ------------------------------------------------------------------------------------------------


class _Models(NamedTuple):
    ids: dict[str, int]  #: by name in the file
    created: frozenset[int]  #: those the database did not know


def _models(conn: Connection, hub: int, readings: Sequence[ImportReading]) -> _Models:
    """The model each name means: who bears it, else the only one that ever did, else one known by name alone.

    A model with a key is not meant when a reading is older than it.
    """
    first: dict[str, int] = {}
    for reading in readings:
        first[reading.name] = min(reading.at, first.get(reading.name, reading.at))
    names = list(first)
    bearers, keyless = _bearers(conn, hub, names)
    former = _former_bearers(conn, hub, [name for name in names if name not in bearers])
    ids = {}
    for name in names:
        known = bearers.get(name) or former.get(name)
        if known is not None and may_adopt(known.created_at, first[name]):
            ids[name] = known.id
        elif name in keyless:
            ids[name] = keyless[name]
    created = _create(conn, hub, [name for name in names if name not in ids])
    return _Models(ids | created, frozenset(created.values()))


class _Keyed(NamedTuple):
    id: int
    created_at: int | None


def _bearers(conn: Connection, hub: int, names: Sequence[str]) -> tuple[dict[str, _Keyed], dict[str, int]]:
    """By name: the model with a key that bears it (of several the one listed last), and the one without a key."""
    keyed: dict[str, _Keyed] = {}
    keyless: dict[str, int] = {}
    columns = (model.c.name, model.c.id, model.c.created_at, model.c.hub_key)
    for part in chunks(names):
        query = select(*columns).join_from(model, model_state).where(model.c.hub_id == hub, model.c.name.in_(part))
        for row in conn.execute(query.order_by(model_state.c.listed_poll_id, model.c.id)):
            if row.hub_key is None:
                keyless[row.name] = row.id
            else:
                keyed[row.name] = _Keyed(row.id, row.created_at)
    return keyed, keyless


def _former_bearers(conn: Connection, hub: int, names: Sequence[str]) -> dict[str, _Keyed]:
    """By name: the model that bore it once, where there is exactly one."""
    found: dict[str, set[_Keyed]] = defaultdict(set)
    for part in chunks(names):
        query = select(model_name.c.name, model.c.id, model.c.created_at)
        query = query.join_from(model_name, model, model_name.c.model_id == model.c.id)
        for name, *known in conn.execute(query.where(model.c.hub_id == hub, model_name.c.name.in_(part))):
            found[name].add(_Keyed(*known))
    return {name: known.pop() for name, known in found.items() if len(known) == 1}


def _create(conn: Connection, hub: int, names: Sequence[str]) -> dict[str, int]:
    """Models known by name alone, numbered in the order of the file."""
    if not names:
        return {}
    publishers = publisher_ids(conn, hub, map(publisher_of, names))
    conn.execute(
        insert(model),
        [{"hub_id": hub, "name": name, "publisher_id": publishers[publisher_of(name)]} for name in names],
    )
    created: dict[str, int] = {}
    for part in chunks(names):
        query = select(model.c.name, model.c.id).where(model.c.hub_id == hub, model.c.hub_key.is_(None))
        created |= {row.name: row.id for row in conn.execute(query.where(model.c.name.in_(part)))}
    conn.execute(insert(model_state), [{"model_id": number} for number in created.values()])
    return created


# --- a model's readings ---------------------------------------------------------------------------------------------


class _Said(NamedTuple):
    """A reading of the file with its line, and the poll it hangs under: its UTC day and its number on that day."""

    line: int
    name: str
    day: int
    ordinal: int
    reading: Reading


def _history(file_name: str, lines: Iterable[ImportReading]) -> list[_Said]:
    """One model's readings by time; ImportFileError when two lines say different things of one instant."""
    said: list[_Said] = []
    for line in sorted(lines, key=lambda each: (each.at, each.line)):
        reading = Reading(line.at, line.all_time, line.rolling, line.likes)
        day, last = line.at // DAY, said[-1] if said else None
        if last is not None and last.reading.at == line.at:
            said[-1] = last._replace(reading=_joined(file_name, last, line))
        elif last is not None and last.day == day:
            said.append(_Said(line.line, line.name, day, last.ordinal + 1, reading))
        else:
            said.append(_Said(line.line, line.name, day, 0, reading))
    return said


def _joined(file_name: str, one: _Said, other: ImportReading) -> Reading:
    """What two lines say of one instant, when each says what the other does not, or the same."""
    first = one.reading
    for column, a, b in (
        ("downloads_all_time", first.all_time, other.all_time),
        ("downloads_30d", first.rolling, other.rolling),
    ):
        if a is not None and b is not None and a != b:
            where = f"{file_name} line {other.line}"
            what = f"{column} {b} of {_shown(other.name)} at {_instant(other.at)} is {a} in line {one.line}"
            raise ImportFileError(f"{where}: {what}; remove one of the two lines (nothing was imported)")
    return Reading(
        first.at,
        _either(first.all_time, other.all_time),
        _either(first.rolling, other.rolling),
        _either(first.likes, other.likes),
    )


def _either(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _merge(
    conn: Connection, hub: int, file_name: str, histories: Mapping[int, list[_Said]], created: frozenset[int]
) -> dict[int, Merged]:
    """What the readings do to each of these models; ImportFileError when one contradicts what is stored."""
    known = [of for of in histories if of not in created]
    before = states(conn, known)
    stored = stored_readings(conn, hub, known)
    merged: dict[int, Merged] = {}
    for of, said in histories.items():
        try:
            merged[of] = merge(stored.get(of, ()), before.get(of, UNREAD), (each.reading for each in said))
        except Contradiction as found:
            raise ImportFileError(_contradiction(file_name, said, found)) from found
    return merged


def _contradiction(file_name: str, history: Sequence[_Said], found: Contradiction) -> str:
    said = next(each for each in history if each.reading.at == found.reading.at)
    column = "downloads_30d" if found.reading.all_time is None else "downloads_all_time"
    stored = f"{found.stored.value}, read from {_instant(found.stored.first)} to {_instant(found.stored.last)}"
    what = (
        f"{column} {found.value} of {_shown(said.name)} at {_instant(said.reading.at)} contradicts the stored {stored}"
    )
    return f"{file_name} line {said.line}: {what}; correct or remove the line (nothing was imported)"


def _instant(at: int) -> str:
    return from_seconds(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(name: str) -> str:
    """A name fit for one line of an error: no control characters, not megabytes."""
    return repr(name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…")


# --- writing --------------------------------------------------------------------------------------------------------


class _Poll(NamedTuple):
    id: int
    started_at: int


_Polls = dict[tuple[int, int], _Poll]  # by UTC day and number on that day


def _add_file(conn: Connection, hub: int, provenance: Provenance, readings: int) -> int:
    values = {
        "hub_id": hub,
        "file_name": provenance.file_name,
        "sha256": provenance.sha256,
        "source": provenance.source,
        "license": provenance.license,
        "imported_at": provenance.imported_at,
        "readings": readings,
        "stored": 0,
    }
    number: int = conn.execute(insert(import_file).values(values).returning(import_file.c.id)).scalar_one()
    return number


def _add_polls(
    conn: Connection,
    hub: int,
    file_id: int,
    histories: Mapping[int, list[_Said]],
    created: frozenset[int],
) -> _Polls:
    """A poll for each UTC day of the file, and further ones for models with several readings on a day."""
    listed, with_all_time, new = Counter[tuple[int, int]](), Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for of, history in histories.items():
        keys = [(said.day, said.ordinal) for said in history]
        listed.update(keys)
        with_all_time.update(key for key, said in zip(keys, history, strict=True) if said.reading.all_time is not None)
        new.update(keys[:1] if of in created else ())
    values = [
        {
            "hub_id": hub,
            "scope": "import",
            "started_at": key[0] * DAY,
            "finished_at": key[0] * DAY,
            "status": "complete",
            "models_listed": listed[key],
            "models_new": new[key],
            "models_with_all_time": with_all_time[key],
            "import_id": file_id,
            **_NOT_POLLED,
        }
        for key in sorted(listed)
    ]
    if not values:
        return {}
    conn.execute(insert(poll), values)
    numbers = conn.execute(select(poll.c.id).where(poll.c.import_id == file_id).order_by(poll.c.id)).scalars()
    return {key: _Poll(number, key[0] * DAY) for key, number in zip(sorted(listed), numbers, strict=True)}


_NOT_POLLED: dict[str, Any] = {
    "pages": 0,
    "models_moved": 0,
    "rows_skipped": 0,
    "retries": 0,
    "waited_seconds": 0.0,
    "is_stale": False,
    "is_thin": False,
}


def _write(conn: Connection, polls: _Polls, histories: Mapping[int, list[_Said]], merged: Mapping[int, Merged]) -> int:
    """Stores what came of a merge; how many observations that were."""
    rows: list[NewReading] = []
    moved: Counter[int] = Counter()
    for of, result in merged.items():
        under = {said.reading.at: polls[said.day, said.ordinal] for said in histories[of]}
        for row in result.rows:
            under_poll = under[row.reading.at]
            rows.append(NewReading(under_poll.id, under_poll.started_at, of, row))
            moved[under_poll.id] += bool(row.delta)
    write_readings(conn, rows)
    write_rewrites(conn, [(of, new) for of, result in merged.items() for new in result.rewrites])
    values = [{"of_model": of, **state_values(result.state)} for of, result in merged.items()]
    conn.execute(update(model_state).where(model_state.c.model_id == bindparam("of_model")), values)
    _count_moved(conn, moved)
    return len(rows)


def _count_moved(conn: Connection, moved: Mapping[int, int]) -> None:
    values = [{"of_poll": number, "more": count} for number, count in moved.items() if count]
    if values:
        more = poll.c.models_moved + bindparam("more", type_=poll.c.models_moved.type)
        conn.execute(update(poll).where(poll.c.id == bindparam("of_poll")).values(models_moved=more), values)

"""Keeping history from files: one transaction for a whole file, nothing kept unless all of it is well.

Knows how models are found by name and how a file's days become polls of scope `import`; what a reading means among the
stored ones is decided in `bulk` and `changes`. Knows no file format and no clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, func, insert, select, update

from collector.model import DAY, from_seconds, publisher_of
from collector.series import NO_DELTA, NOT_SAID, Bools, Ints
from collector.store import sighting_runs
from collector.store.arrays import insert_columns
from collector.store.bulk import (
    Arranged,
    Disagreement,
    FileReadings,
    ImportReading,
    PlainRows,
    States,
    arranged,
    plain_models,
    plain_rows,
)
from collector.store.changes import UNREAD, Contradiction, Merged, Reading, State, may_adopt, merge
from collector.store.database import Database
from collector.store.describing import write_descriptions
from collector.store.histories import (
    CHUNK,
    NewReading,
    add_hub,
    chunks,
    execute_rows,
    gather_growing,
    gather_statistics,
    hub_number,
    last_readings,
    publisher_ids,
    reach_back,
    state_values,
    states,
    stored_readings,
    write_readings,
    write_rewrites,
)
from collector.store.lineages import add_todo
from collector.store.numbering import reading_id
from collector.store.schema import import_file, model, model_name, model_state, observation, poll
from collector.store.server import open_month
from collector.store.timing import seconds_part, span_part

__all__ = ["FileReadings", "ImportReading", "ImportResult", "ImportStore", "LineRefused", "Provenance"]

_LONGEST_NAME = 96  # characters of a name shown in an error
_COLUMN_NAMES = {"all_time": "downloads_all_time", "rolling": "downloads_30d"}


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


class LineRefused(ValueError):
    """A line of a file that cannot be kept: it disagrees with another one, or with what is stored."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason  #: the reason with its cure


class ImportStore:
    """What an import writes. Does not read files."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def import_readings(
        self, hub_name: str, provenance: Provenance, readings: FileReadings | Iterable[ImportReading]
    ) -> ImportResult:
        """Puts a file's readings among the stored ones, in any order of time.

        LineRefused, naming both values, when two lines of the file disagree or when a line lies
        between the first and the last sighting of another value; then nothing is kept.
        """
        file = (readings if isinstance(readings, FileReadings) else FileReadings.of(readings)).of_named()
        open_month(self._db, provenance.imported_at)
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
            sighting_runs.forget(conn, hub)
            return _Import(conn, hub).run(provenance, file)


@dataclass(frozen=True, slots=True)
class _Import:
    """One file on its way into one hub's history."""

    conn: Connection
    hub: int

    def run(self, provenance: Provenance, file: FileReadings) -> ImportResult:
        models = _models(self.conn, self.hub, file)
        try:
            readings = arranged(file, models.ids)
        except Disagreement as found:
            raise _disagreement(found, models.name_of(file, found.model_id)) from found
        file_id = _add_file(self.conn, self.hub, provenance, len(file))
        polls = _add_polls(self.conn, self.hub, file_id, readings, models.created)
        stored = 0
        if len(readings):
            stored = self._merge_all(file, models, readings, polls)
            self._describe(file, models, readings, polls)
        self.conn.execute(update(import_file).where(import_file.c.id == file_id).values(stored=stored))
        gather_statistics(self.conn)
        return ImportResult(len(file), stored, len(readings.starts), already=False)

    def _describe(self, file: FileReadings, models: _Models, readings: Arranged, polls: _Polls) -> None:
        if not file.descriptions.of:
            return
        begins = readings.starts
        ends = np.append(begins[1:], len(readings)) - 1
        of = readings.model_id[begins].tolist()
        write_descriptions(
            self.conn,
            self.hub,
            file.descriptions,
            model_of=dict(zip(file.names, models.ids.tolist(), strict=True)),
            poll_of=dict(zip(of, polls.id[ends].tolist(), strict=True)),
            first=dict(zip(of, readings.at[begins].tolist(), strict=True)),
            read_before=set(of) - set(models.created.tolist()),
        )

    def _merge_all(self, file: FileReadings, models: _Models, readings: Arranged, polls: _Polls) -> int:
        """Plain models at once, the others one by one; how many observations that stored."""
        of = readings.model_id[readings.starts]
        known = [int(number) for number in of[~np.isin(of, models.created)]]
        before = states(self.conn, known)
        columns = States.of(before.get(number, UNREAD) for number in of.tolist())
        plain = plain_models(readings, columns, _last_stored(self.conn, self.hub, readings, before, columns))
        lengths = np.diff(np.append(readings.starts, len(readings)))
        chosen = np.repeat(plain, lengths)
        stored = 0
        if plain.any():
            some = readings.where(chosen)
            rows = plain_rows(some, columns.where(plain))
            stored += _write_plain(self.conn, some, rows, polls.where(chosen))
            _write_states(self.conn, of[plain], rows.after, set(known))
        rest = readings.where(~chosen)
        told = _histories(rest, polls.where(~chosen), lambda number: models.name_of(file, number))
        for part in chunks(list(told)):
            merged = _merge(self.conn, self.hub, {number: told[number] for number in part}, before)
            stored += _write(self.conn, told, merged)
        return stored


# --- models, by name ------------------------------------------------------------------------------------------------


class _Models(NamedTuple):
    ids: Ints  #: by place of the name in the file
    created: Ints  #: those the database did not know

    def name_of(self, file: FileReadings, model_id: int) -> str:
        """A name under which the file speaks of a model."""
        return file.names[int(np.flatnonzero(self.ids == model_id)[0])]


def _models(conn: Connection, hub: int, file: FileReadings) -> _Models:
    """The model each name means: who bears it, else the only one that ever did, else one known by name alone.

    A model with a key is not meant when a reading is older than it.
    """
    earliest = np.full(len(file.names), np.iinfo(np.int64).max)
    np.minimum.at(earliest, file.name, file.at)
    first = dict(zip(file.names, earliest.tolist(), strict=True))
    bearers, keyless = _bearers(conn, hub, file.names)
    former = _former_bearers(conn, hub, [name for name in file.names if name not in bearers])
    ids = {}
    for name in file.names:
        known = bearers.get(name) or former.get(name)
        if known is not None and may_adopt(known.created_at, first[name]):
            ids[name] = known.id
        elif name in keyless:
            ids[name] = keyless[name]
    created = _create(conn, hub, [name for name in file.names if name not in ids])
    ids |= created
    return _Models(_ints([ids[name] for name in file.names]), _ints(list(created.values())))


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, np.int64)


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
    last = conn.execute(select(func.coalesce(func.max(model.c.id), 0))).scalar_one()
    columns = ("hub_id", "name", "publisher_id")
    statement = insert(model).values({column: bindparam(column) for column in columns})
    execute_rows(conn, statement, columns, [(hub, name, publishers[publisher_of(name)]) for name in names])
    gather_growing(conn, CHUNK, len(names), model)
    # Not by name: without statistics SQLite would look through all models known by name alone, for every few of them.
    created = {row.name: row.id for row in conn.execute(select(model.c.name, model.c.id).where(model.c.id > last))}
    add_todo(conn, list(created.values()))
    return created


# --- the days of a file ---------------------------------------------------------------------------------------------


class _Polls(NamedTuple):
    """The poll of each reading."""

    id: Ints
    started_at: Ints

    def where(self, mask: Bools) -> _Polls:
        return _Polls(self.id[mask], self.started_at[mask])


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


def _add_polls(conn: Connection, hub: int, file_id: int, readings: Arranged, created: Ints) -> _Polls:
    """A poll for each UTC day of the file, and further ones for models with several readings on a day."""
    if not len(readings):
        return _Polls(readings.at, readings.at)
    ordinal = readings.ordinal
    several = int(ordinal.max()) + 1
    keys, which = np.unique(readings.day * several + ordinal, return_inverse=True)
    starts = readings.starts
    new = which[starts[np.isin(readings.model_id[starts], created)]]
    listed, with_all_time, models_new = (
        np.bincount(places, minlength=len(keys)) for places in (which, which[readings.all_time != NOT_SAID], new)
    )
    days = (keys // several * DAY).tolist()
    counts = zip(days, listed.tolist(), with_all_time.tolist(), models_new.tolist(), strict=True)
    conn.execute(
        insert(poll),
        [
            {
                "hub_id": hub,
                "scope": "import",
                "started_at": day,
                "finished_at": day,
                "status": "complete",
                "models_listed": models,
                "models_new": first,
                "models_with_all_time": cumulative,
                "import_id": file_id,
                **_NOT_POLLED,
            }
            for day, models, cumulative, first in counts
        ],
    )
    query = select(poll.c.id).where(poll.c.import_id == file_id).order_by(poll.c.id)
    return _Polls(_ints(list(conn.execute(query).scalars()))[which], _ints(days)[which])


_NOT_POLLED: dict[str, Any] = {
    "pages": 0,
    "models_moved": 0,
    "rows_skipped": 0,
    "retries": 0,
    "waited_seconds": 0.0,
    "is_stale": False,
    "is_thin": False,
}


# --- plain models ---------------------------------------------------------------------------------------------------


def _last_stored(conn: Connection, hub: int, readings: Arranged, before: Mapping[int, State], columns: States) -> Ints:
    """The instant of the last stored reading of every model whose readings are later than its last sighting."""
    starts = readings.starts
    last = np.full(len(starts), NOT_SAID)
    late = np.flatnonzero((columns.seen_at != NOT_SAID) & (readings.at[starts] > columns.seen_at))
    if before and len(late):
        found = last_readings(conn, hub, int(readings.at[starts][late].min()))
        last[late] = [found.get(number, NOT_SAID) for number in readings.model_id[starts][late].tolist()]
    return last


def _write_plain(conn: Connection, readings: Arranged, rows: PlainRows, polls: _Polls) -> int:
    """Stores the rows in the order of their key; how many those were."""
    kept = np.flatnonzero(rows.kept)
    kept = kept[np.argsort(polls.id[kept], kind="stable")]
    poll_id, at, span = polls.id[kept], readings.at[kept], rows.span[kept]
    columns = {
        "id": (reading_id(poll_id, readings.model_id[kept]), None),
        # Within its day, and since 2000; NOT_SAID is NO_SPAN.
        "time_and_span": (span_part(span) + seconds_part(at - polls.started_at[kept]), None),
        "likes": (readings.likes[kept], NOT_SAID),
        "downloads_all_time": (readings.all_time[kept], NOT_SAID),
        "downloads_30d": (readings.rolling[kept], NOT_SAID),
        "delta": (rows.delta[kept], NO_DELTA),
    }
    insert_columns(conn, observation, columns)
    grown = span != NOT_SAID
    reach_back(conn, _least(poll_id[grown], (at - span)[grown]))
    numbers, moved = np.unique(poll_id[grown], return_counts=True)
    _count_moved(conn, dict(zip(numbers.tolist(), moved.tolist(), strict=True)))
    return len(kept)


def _least(keys: Ints, values: Ints) -> dict[int, int]:
    """The smallest value of each key; equal keys stand together."""
    if not len(keys):
        return {}
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    return dict(zip(keys[starts].tolist(), np.minimum.reduceat(values, starts).tolist(), strict=True))


_STATE_COLUMNS = {
    "downloads_all_time": "all_time",
    "downloads_30d": "rolling",
    "likes": "likes",
    "changed_at": "changed_at",
    "seen_at": "seen_at",
    "rose_at": "rose_at",
}


def _write_states(conn: Connection, of: Ints, after: States, known: set[int]) -> None:
    """The states of plain models: new rows for the models that are new."""
    new = np.array([number not in known for number in of.tolist()])
    columns = {name: getattr(after, field) for name, field in _STATE_COLUMNS.items()}
    added = {name: (column[new], NOT_SAID) for name, column in columns.items()}
    insert_columns(conn, model_state, {"model_id": (of[new], None), **added})
    if not new.all():
        old = [number for number in of.tolist() if number in known]
        rows = zip(old, *(_said(column[~new]) for column in columns.values()), strict=True)
        names = ("of_model", *columns)
        statement = update(model_state).where(model_state.c.model_id == bindparam("of_model"))
        values: dict[str, Any] = {name: bindparam(name) for name in columns} | {"seen_before_at": None}
        conn.execute(statement.values(values), [dict(zip(names, row, strict=True)) for row in rows])


def _said(column: Ints) -> list[int | None]:
    return [None if value == NOT_SAID else value for value in column.tolist()]


# --- other models ---------------------------------------------------------------------------------------------------


class _Said(NamedTuple):
    """A reading of the file with its line, and the poll it hangs under."""

    line: int
    name: str
    poll_id: int
    poll_started_at: int
    reading: Reading


def _histories(readings: Arranged, polls: _Polls, name_of: Callable[[int], str]) -> dict[int, list[_Said]]:
    """The readings of each model, one by one."""
    told: dict[int, list[_Said]] = defaultdict(list)
    said = map(Reading, readings.at.tolist(), *map(_said, (readings.all_time, readings.rolling, readings.likes)))
    under = zip(readings.line.tolist(), polls.id.tolist(), polls.started_at.tolist(), strict=True)
    names: dict[int, str] = {}
    for of, (line, number, start), reading in zip(readings.model_id.tolist(), under, said, strict=True):
        name = names.get(of) or names.setdefault(of, name_of(of))
        told[of].append(_Said(line, name, number, start, reading))
    return told


def _merge(
    conn: Connection, hub: int, histories: Mapping[int, list[_Said]], before: Mapping[int, State]
) -> dict[int, Merged]:
    """What the readings do to each of these models; LineRefused when one contradicts what is stored."""
    stored = stored_readings(conn, hub, [of for of in histories if of in before])
    merged: dict[int, Merged] = {}
    for of, said in histories.items():
        try:
            merged[of] = merge(stored.get(of, ()), before.get(of, UNREAD), (each.reading for each in said))
        except Contradiction as found:
            raise _contradiction(said, found) from found
    return merged


def _contradiction(history: Sequence[_Said], found: Contradiction) -> LineRefused:
    said = next(each for each in history if each.reading.at == found.reading.at)
    column = "downloads_30d" if found.reading.all_time is None else "downloads_all_time"
    stored = f"{found.stored.value}, read from {_instant(found.stored.first)} to {_instant(found.stored.last)}"
    what = (
        f"{column} {found.value} of {_shown(said.name)} at {_instant(said.reading.at)} contradicts the stored {stored}"
    )
    return LineRefused(said.line, f"{what}; correct or remove the line")


def _instant(at: int) -> str:
    return from_seconds(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(name: str) -> str:
    """A name fit for one line of an error: no control characters, not megabytes."""
    return repr(name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…")


def _disagreement(found: Disagreement, name: str) -> LineRefused:
    (line, value), (other, different) = found.one, found.other
    column = _COLUMN_NAMES[found.column]
    what = f"{column} {different} of {_shown(name)} at {_instant(found.at)} is {value} in line {line}"
    return LineRefused(other, f"{what}; remove one of the two lines")


def _write(conn: Connection, histories: Mapping[int, list[_Said]], merged: Mapping[int, Merged]) -> int:
    """Stores what came of a merge; how many observations that were."""
    rows: list[NewReading] = []
    moved: Counter[int] = Counter()
    for of, result in merged.items():
        under = {said.reading.at: (said.poll_id, said.poll_started_at) for said in histories[of]}
        for row in result.rows:
            poll_id, started_at = under[row.reading.at]
            rows.append(NewReading(poll_id, started_at, of, row))
            moved[poll_id] += bool(row.delta)
    write_readings(conn, rows)
    write_rewrites(conn, [(of, new) for of, result in merged.items() for new in result.rewrites])
    _replace_states(conn, {of: result.state for of, result in merged.items()})
    _count_moved(conn, moved)
    return len(rows)


def _replace_states(conn: Connection, after: Mapping[int, State]) -> None:
    there = set(states(conn, list(after)))
    new = [{"model_id": of, **state_values(state)} for of, state in after.items() if of not in there]
    if new:
        conn.execute(insert(model_state), new)
    old = [{"of_model": of, **state_values(state)} for of, state in after.items() if of in there]
    if old:
        conn.execute(update(model_state).where(model_state.c.model_id == bindparam("of_model")), old)


def _count_moved(conn: Connection, moved: Mapping[int, int]) -> None:
    values = [{"of_poll": number, "more": count} for number, count in moved.items() if count]
    if values:
        more = poll.c.models_moved + bindparam("more", type_=poll.c.models_moved.type)
        conn.execute(update(poll).where(poll.c.id == bindparam("of_poll")).values(models_moved=more), values)

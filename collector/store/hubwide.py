"""What is said of all models of a hub at once, as columns of numbers: for the shares, which ask of every one of them.

What `model` and `model_origin` say is also kept as columns (`hub_columns`), which are read in a tenth of a second where
the rows of 2.5 million models take six. They say what was so when lineage was brought up to date last. Whatever a poll
or an import changes since stands on the list of what is to be done (`origin_todo`), and is read from the rows. In the
transaction that strikes that list off the kept columns lose their standing, so that they are never older than it says;
they get it back with what differs. That is kept apart, beside the columns of all models, while it is little: a day's
new models and those described anew are a few hundred kilobytes, all of a large hub's forty megabytes. Knows no rule by
which anything was worked out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, insert, or_, select

from collector.series import Bools, Ints, Narrow, is_unbroken
from collector.store import figures
from collector.store.arrays import Codes, as_packed, kind_of, packed
from collector.store.database import Database
from collector.store.figures import Described, MonthFigures, RootRow, RootSets
from collector.store.lineages import STANDING, todo
from collector.store.months import month_rows
from collector.store.schema import hub_columns
from collector.store.sightings import Sightings, sightings

OWN = -1  #: in place of a set of roots: the model is its own root, of no known family
MOST_APART = 0.02  # of a hub's models: were they more, to lay what differs over the rest would cost more than it saves
_APART = "differing "  # goes before the names of what is kept apart

Roots = tuple[RootRow, ...]

_KEPT = ("publisher_id", "created_at", "first_poll_id", "task", "roots")
_NUMBERS = ("model_id", *_KEPT)


@dataclass(frozen=True)
class HubColumns:
    """Every model of a hub, by model_id; all columns of numbers have the same length.

    They lie as they are kept, each of the smallest kind that holds it: of 2.5 million models 40 MB where int64 takes
    120. What is chosen of them is widened.
    """

    model_id: Ints
    publisher_id: Narrow
    created_at: Narrow  #: Unix seconds, or NOT_SAID
    first_poll_id: Narrow  #: or NOT_SAID
    task: Narrow  #: place in `tasks`
    roots: Narrow  #: place in `sets`, or OWN
    tasks: Sequence[str | None]
    sets: Sequence[Roots]

    def at(self, places: Ints) -> HubColumns:
        """The models at these places."""
        numbers = {name: getattr(self, name)[places] for name in _NUMBERS}
        return HubColumns(**numbers, tasks=self.tasks, sets=self.sets)

    def described_of(self, model_ids: Ints) -> Described:
        """What is said of some models beside their roots; they must be among these."""
        return self.described_at(np.searchsorted(self.model_id, model_ids))

    def described_at(self, places: Ints) -> Described:
        """What is said of the models at these places beside their roots."""
        account, created_at, task = (each[places] for each in (self.publisher_id, self.created_at, self.task))
        return Described(self.model_id[places], account, created_at, task, self.tasks)

    @cached_property
    def root_sets(self) -> RootSets:
        """Their roots as stored."""
        told = self.roots != OWN
        return RootSets(self.model_id[told], self.roots[told].astype(np.int64), self.sets)


@dataclass(frozen=True)
class Hubwide:
    """The models of a hub, and when each was seen last, a place for each in the order of the columns."""

    columns: HubColumns
    sightings: Sightings

    def found(self, model_ids: Ints) -> tuple[Ints, Ints]:
        """Which of some models are the hub's, and the place of each of these in the columns."""
        numbers = self.columns.model_id
        if is_unbroken(numbers):
            place = model_ids - numbers[0]
            ours = np.flatnonzero((place >= 0) & (place < len(numbers)))
            return ours, place[ours]
        place = self._place_of[np.minimum(model_ids, len(self._place_of) - 1)]
        ours = np.flatnonzero(place >= 0)
        return ours, place[ours]

    @cached_property
    def _place_of(self) -> Ints:
        """The place of each model by its number, and one more for all that come after: -1 is none.

        A month's million models are found in it in a few milliseconds, where searching takes twenty.
        """
        numbers = self.columns.model_id
        place = np.full(int(numbers.max(initial=0)) + 2, -1)
        place[numbers] = np.arange(len(numbers))
        return place


def read(db: Database, hub_id: int, columns: HubColumns | None = None) -> Hubwide:
    """Everything as it is said now. `columns` are those kept, where they were read before."""
    # The list first: what is struck off from it meanwhile is read again from the rows, and that is all.
    changed = todo(db, hub_id).model_ids
    columns = kept(db, hub_id) if columns is None else columns
    if columns is None:
        columns = from_rows(db, hub_id)
    elif changed:
        columns = _with(columns, from_rows(db, hub_id, changed))
    return Hubwide(columns, sightings(db, hub_id, columns.model_id))


def whole_month(db: Database, hub_id: int, month: int, known: Hubwide) -> MonthFigures:
    """All models of a hub's month that have figures."""
    rows = month_rows(db, hub_id, month)
    some, seldom = rows.downloads > 0, rows.seldom
    some[rows.unusual] |= (seldom["corrections"] != 0) | (seldom["flags"] != 0)
    ours, place = known.found(rows.model_id)  # a poll beside may have brought others since
    if len(ours) < len(rows) or not some.all():
        rows, place = rows.where(ours[some[ours]]), place[some[ours]]
    of_models = zip(rows.model_id[rows.unusual].tolist(), rows.seldom["flags"].tolist(), strict=True)
    return MonthFigures(
        known.columns.described_at(place),
        rows.publisher_id,
        rows.downloads,
        rows.column("estimated"),
        rows.column("corrections"),
        rows.unusual,
        rows.seldom["covered_from"],
        rows.seldom["tiled_seconds"],
        known.sightings.at(place),
        {model_id: said for model_id, code in of_models if (said := rows.texts[code]) is not None},
    )


def kept(db: Database, hub_id: int) -> HubColumns | None:
    """The columns as they are kept; None where none are, or where lineage has been brought up to date since."""
    c = hub_columns.c
    with db.connect() as conn:
        said = {row.name: row.content for row in conn.execute(select(c.name, c.content).where(c.hub_id == hub_id))}
    if STANDING not in said:
        return None
    columns = _unpacked(said, "")
    return _with(columns, _unpacked(said, _APART)) if f"{_APART}steps" in said else columns


def after(db: Database, hub_id: int, before: HubColumns | None, changed: Sequence[int] | None) -> HubColumns:
    """The columns after lineage was brought up to date.

    `before` is what was kept before that, `changed` are the models of which anything can differ (None: of any).
    """
    if before is None or changed is None:
        return from_rows(db, hub_id)
    return _with(before, from_rows(db, hub_id, changed)) if changed else before


def keep(db: Database, hub_id: int, columns: HubColumns, changed: Sequence[int] | None) -> None:
    """Keeps the columns; `changed` as of `after`, None also where none stood before it."""
    if changed is not None and not changed:
        return
    c = hub_columns.c
    with db.begin() as conn:
        apart = None if changed is None else np.union1d(_kept_apart(conn, hub_id), np.array(changed, np.int64))
        if apart is None or len(apart) > MOST_APART * len(columns.model_id):
            conn.execute(delete(hub_columns).where(c.hub_id == hub_id))
            said = _packed(columns, "")
        else:
            replaced = or_(c.name == STANDING, c.name.startswith(_APART))
            conn.execute(delete(hub_columns).where(c.hub_id == hub_id, replaced))
            said = _packed(columns.at(np.searchsorted(columns.model_id, apart)), _APART)
        rows = [{"hub_id": hub_id, "name": name, "content": content} for name, content in said.items()]
        conn.execute(insert(hub_columns), [*rows, {"hub_id": hub_id, "name": STANDING, "content": b""}])


def _kept_apart(conn: Connection, hub_id: int) -> Ints:
    """The models that differ from what is kept of all."""
    c = hub_columns.c
    steps = conn.execute(select(c.content).where(c.hub_id == hub_id, c.name == f"{_APART}steps")).scalar()
    return np.empty(0, np.int64) if steps is None else _numbers(steps)


def differing(db: Database, hub_id: int) -> list[int]:
    """The models of which the columns kept do not say what their rows say, in order; what is due is not wrong."""
    known = kept(db, hub_id)
    if known is None:
        return []
    rows = from_rows(db, hub_id)
    due = todo(db, hub_id).model_ids
    tasks, sets = Codes(_numbered(rows.tasks)), Codes(_numbered(rows.sets))
    spoken = {name: getattr(known, name) for name in _NUMBERS}
    spoken["task"] = np.array([tasks[each] for each in known.tasks], np.int64)[known.task]
    spoken["roots"] = np.array([*(sets[each] for each in known.sets), OWN], np.int64)[known.roots]
    both, mine, theirs = np.intersect1d(known.model_id, rows.model_id, assume_unique=True, return_indices=True)
    apart = [spoken[name][mine] != getattr(rows, name)[theirs] for name in _NUMBERS]
    wrong = np.union1d(np.setxor1d(known.model_id, rows.model_id), both[np.any(apart, axis=0)])
    return np.setdiff1d(wrong, np.array(due, np.int64)).tolist() if _is_kept(db, hub_id, known) else []


def _is_kept(db: Database, hub_id: int, known: HubColumns) -> bool:
    """Whether the same columns are still kept: a roll-up may have come between."""
    now = kept(db, hub_id)
    same = now is not None and all(np.array_equal(getattr(now, name), getattr(known, name)) for name in _NUMBERS)
    return same and now is not None and (now.tasks, now.sets) == (known.tasks, known.sets)


def forget(db: Database, hub_id: int) -> None:
    """Have the columns read from the rows when they are needed next."""
    with db.begin() as conn:
        conn.execute(delete(hub_columns).where(hub_columns.c.hub_id == hub_id))


def from_rows(db: Database, hub_id: int, only: Sequence[int] | None = None) -> HubColumns:
    """The columns of all models of a hub, or of some of them, as their rows say."""
    about, first_poll_id = figures.described(db, hub_id, only)
    stored = figures.stored_roots(db, hub_id, only)
    roots = np.full(len(about.model_id), OWN)
    roots[np.searchsorted(about.model_id, stored.model_id)] = stored.code
    return HubColumns(
        about.model_id,
        about.publisher_id,
        about.created_at,
        first_poll_id,
        about.task,
        roots,
        about.tasks,
        stored.sets,
    )


def _with(known: HubColumns, few: HubColumns) -> HubColumns:
    """What is known of all models, and in place of what it says of a few, what these say; some may be new."""
    tasks, sets = Codes(_numbered(known.tasks)), Codes(_numbered(known.sets))
    said = {name: getattr(few, name) for name in _NUMBERS}
    said["task"] = np.array([tasks[each] for each in few.tasks], np.int64)[few.task]
    said["roots"] = np.array([*(sets[each] for each in few.sets), OWN], np.int64)[few.roots]
    place = np.searchsorted(known.model_id, few.model_id)
    is_old = np.append(known.model_id, -1)[place] == few.model_id
    joined = {name: _laid_over(getattr(known, name), column, place, is_old) for name, column in said.items()}
    return HubColumns(**joined, tasks=list(tasks), sets=list(sets))


def _laid_over(column: Narrow, said: Ints, place: Ints, is_old: Bools) -> Narrow:
    """A column, and over it what is said of a few models: in place of what it says of them, or between its rows."""
    found = column.astype(np.promote_types(column.dtype, kind_of(said)))
    found[place[is_old]] = said[is_old]
    new, before = said[~is_old].astype(found.dtype), place[~is_old]
    # Models are numbered as they come, so new ones come last: to put others between costs five times as much.
    return np.concatenate([found, new]) if (before == len(column)).all() else np.insert(found, before, new)


def _numbered(values: Sequence[Any]) -> dict[Any, int]:
    return {value: number for number, value in enumerate(values)}


def _packed(columns: HubColumns, prefix: str) -> dict[str, bytes]:
    """What is kept of columns, by name."""
    task, tasks = _by_first_sight(columns.task, columns.tasks)
    roots, sets = _by_first_sight(columns.roots, columns.sets)
    numbers = {name: getattr(columns, name) for name in _KEPT} | {"task": task, "roots": roots}
    numbers["steps"] = np.diff(columns.model_id, prepend=0)
    said = {f"{prefix}{name}": packed(column) for name, column in numbers.items()}
    return said | {f"{prefix}tasks": json.dumps(tasks).encode(), f"{prefix}sets": json.dumps(sets).encode()}


def _unpacked(said: Mapping[str, bytes], prefix: str) -> HubColumns:
    numbers = {name: as_packed(said[f"{prefix}{name}"]) for name in _KEPT}
    sets = [tuple(RootRow(*root) for root in roots) for roots in json.loads(said[f"{prefix}sets"])]
    model_id, tasks = _numbers(said[f"{prefix}steps"]), json.loads(said[f"{prefix}tasks"])
    return HubColumns(model_id, **numbers, tasks=tasks, sets=sets)


def _numbers(steps: bytes) -> Ints:
    """Models by the steps from each to the next, which are mostly 1."""
    return np.cumsum(as_packed(steps), dtype=np.int64)


def _by_first_sight(place: Narrow, values: Sequence[Any]) -> tuple[Ints, list[Any]]:
    """The values that are used, in the order in which models first need them, and the places there."""
    some = np.flatnonzero(place >= 0)[::-1]
    first = np.full(len(values), len(place))
    first[place[some]] = some  # the last that is written stays: the first model's
    order = np.argsort(first, kind="stable")
    new = np.append(np.empty(len(values), np.int64), -1)
    new[order] = np.arange(len(values))
    used = np.count_nonzero(first < len(place))
    return new[place], [values[each] for each in order[:used].tolist()]

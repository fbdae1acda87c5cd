"""The rows of a hub's month as columns, and how what came since is put into them.

`model_month` is for whoever asks SQL. A roll-up after a poll asks for every row of a month and of the one before it, a
million of them and more, and a model that is described anew moves shares of every month: so the columns of months are
also kept as they are (`month_columns`), written in the transaction that writes the rows, and read back in a fraction of
the time. Knows no rule by which the figures were worked out. What is added up are whole numbers: poll by poll the same
comes out as from nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Connection, and_, cast, delete, func, insert, not_, select

from collector.series import NOT_SAID, Bools, Ints, distinct
from collector.store.arrays import Codes, as_packed, columns_of, packed, unpacked
from collector.store.histories import plain_rows
from collector.store.schema import hub, model, model_month, month_columns

Floats = NDArray[np.float64]


class MonthRow(NamedTuple):
    """What a model did in a month, in the order of the table's columns after `month`."""

    model_id: int
    publisher_id: int  #: its account on the month's last day
    downloads: float
    estimated: float
    corrections: int
    covered_from: int | None  #: None: the month's start
    tiled_seconds: float
    flags: str | None


@dataclass(frozen=True, slots=True)
class MonthColumns:
    """The rows of a hub's month, by model_id. What few rows say beside downloads is held of these alone: columns of a
    million zeros would fill memory, which takes longer than to reckon with them.
    """

    model_id: Ints
    publisher_id: Ints  #: on the month's last day
    downloads: Floats
    unusual: Ints  #: places of the rows that say more than downloads measured from the month's start on, in order
    seldom: Mapping[str, NDArray[Any]]  #: what these rows say, by column: those of `_SELDOM`
    texts: Sequence[str | None]  #: flags are places in it; 0: none

    @classmethod
    def of(
        cls, always: Mapping[str, NDArray[Any]], places: Ints, seldom: Mapping[str, NDArray[Any]], texts: Sequence[Any]
    ) -> Self:
        """Of the rows at these places (in order) some may say no more than others."""
        says = np.zeros(len(places), np.bool_)
        for name in _SELDOM:
            says |= seldom[name] != _UNSAID.get(name, 0)
        if not says.all():
            places, seldom = places[says], {name: seldom[name][says] for name in _SELDOM}
        return cls(**always, unusual=places, seldom=seldom, texts=texts)

    def __len__(self) -> int:
        return len(self.model_id)

    def column(self, name: str) -> NDArray[Any]:
        """A column of `MonthRow`, a place for each row."""
        if name in _ALWAYS:
            found: NDArray[Any] = getattr(self, name)
            return found
        column = _unsaid(name, len(self))
        column[self.unusual] = self.seldom[name]
        return column

    def where(self, rows: Bools | Ints) -> MonthColumns:
        """Some of the rows, in the order they have."""
        is_unusual = np.zeros(len(self), np.bool_)
        is_unusual[self.unusual] = True
        chosen, left = is_unusual[rows], np.zeros(len(self), np.bool_)
        left[rows] = True
        seldom = {name: column[left[self.unusual]] for name, column in self.seldom.items()}
        always = {name: getattr(self, name)[rows] for name in _ALWAYS}
        return MonthColumns(**always, unusual=np.flatnonzero(chosen), seldom=seldom, texts=self.texts)


_TYPES: Mapping[str, type[np.float64] | type[np.int64]] = {
    "model_id": np.int64,
    "publisher_id": np.int64,
    "downloads": np.float64,
    "estimated": np.float64,
    "corrections": np.int64,
    "covered_from": np.int64,
    "tiled_seconds": np.float64,
    "flags": np.int64,
}
_ALWAYS = ("model_id", "publisher_id", "downloads")
_SELDOM = tuple(name for name in _TYPES if name not in _ALWAYS)
_UNSAID: Mapping[str, int] = {"covered_from": NOT_SAID}  # what a row says there that says nothing; 0 elsewhere


def _unsaid(name: str, size: int) -> NDArray[Any]:
    """A column of rows that say nothing there. Zeros that nobody writes take no memory, and no time to get some."""
    said = _UNSAID.get(name, 0)
    return np.full(size, said, _TYPES[name]) if said else np.zeros(size, _TYPES[name])


def of_rows(rows: Sequence[MonthRow], texts: Sequence[str | None] = (None,)) -> MonthColumns:
    """Rows as columns, in their order; flags that are not among `texts` are added to them."""
    codes = Codes({text: place for place, text in enumerate(texts)})
    said = list(zip(*rows, strict=True)) or [()] * len(_TYPES)
    columns: dict[str, Any] = dict(zip(_TYPES, said, strict=True))
    columns["covered_from"] = [NOT_SAID if begin is None else begin for begin in columns["covered_from"]]
    columns["flags"] = [codes[flags] for flags in columns["flags"]]
    arrays: dict[str, Any] = {name: np.array(columns[name], _TYPES[name]) for name in _TYPES}
    always, seldom = ({name: arrays[name] for name in names} for names in (_ALWAYS, _SELDOM))
    return MonthColumns.of(always, np.arange(len(rows)), seldom, list(codes))


NOTHING = of_rows([])


# --- what came since --------------------------------------------------------------------------------------------------


class Came(NamedTuple):
    """What is put into a month."""

    plain: tuple[Ints, Ints, Ints]  #: models, each once, their downloads of plain growth, and their accounts
    firsts: Sequence[MonthRow]  #: what first sightings add to it, each model once
    judged: Mapping[int, MonthRow | None]  #: what takes the place of a model's row; None: nothing does
    accounts: Mapping[int, int]  #: of renamed models: the account on the month's last day


class Put(NamedTuple):
    """A month after something was put into it."""

    columns: MonthColumns
    written: Ints  #: places of the rows that are new, or may be others than before
    dropped: Ints  #: models whose rows are no more
    is_other: bool  #: whether any row differs


def put(before: MonthColumns, came: Came) -> Put:
    """Adds plain growth and first sightings to a month's rows, then puts those of judged models in their place."""
    if not (len(came.plain[0]) or came.firsts or came.judged or came.accounts):
        return Put(before, np.empty(0, np.int64), np.empty(0, np.int64), False)
    firsts = of_rows(came.firsts, before.texts)
    judged = of_rows([row for row in came.judged.values() if row is not None], firsts.texts)
    nothing_left = np.array([model_id for model_id, row in came.judged.items() if row is None], np.int64)
    some = _Rows.of(before, (came.plain[0], nothing_left), (firsts.model_id, judged.model_id))
    some.add_plain(*came.plain)
    some.add_firsts(firsts)
    others = some.replace(judged) | some.drop(nothing_left)
    moved = some.move(came.accounts)
    after, written = MonthColumns.of(some.columns, some.told, some.seldom, judged.texts), some.written
    if some.dropped.any():
        after, written = after.where(~some.dropped), written[~some.dropped]
    dropped = some.columns["model_id"][some.dropped & some.was_there]
    return Put(after, np.flatnonzero(written), dropped, bool(len(came.plain[0]) or came.firsts or others or moved))


@dataclass(frozen=True, slots=True)
class _Rows:
    """A month that is being put together: its columns are written in place."""

    columns: dict[str, NDArray[Any]]  #: those of all rows
    told: Ints  #: places of the rows that say more, or may do so, in order
    seldom: dict[str, NDArray[Any]]  #: what these say
    place: Ints  #: of each model, by its number
    was_there: Bools  #: before anything came
    is_there: Bools
    written: Bools
    dropped: Bools

    @classmethod
    def of(cls, before: MonthColumns, others: Sequence[Ints], telling: Sequence[Ints]) -> _Rows:
        """The rows there were, and one of nothing for each of the other models; `telling` may say more than others."""
        each = (before.model_id, *others, *telling)
        last = max((int(ids.max(initial=-1)) for ids in each), default=-1)
        there = np.zeros(last + 1, np.bool_)
        for ids in each:
            there[ids] = True
        model_id = np.flatnonzero(there)
        place = np.cumsum(there) - 1
        known = place[before.model_id]
        if len(known) == len(model_id):
            columns = {name: getattr(before, name).copy() for name in _ALWAYS}
        else:
            columns = {name: _unsaid(name, len(model_id)) for name in _ALWAYS} | {"model_id": model_id}
            for name in _ALWAYS[1:]:
                columns[name][known] = getattr(before, name)
        unusual = known[before.unusual]
        told = distinct(np.concatenate([unusual, *(place[ids] for ids in telling)]))
        seldom = {name: _unsaid(name, len(told)) for name in _SELDOM}
        for name, column in seldom.items():
            column[np.searchsorted(told, unusual)] = before.seldom[name]
        was_there, is_there, *unset = (np.zeros(len(model_id), np.bool_) for _ in range(4))
        was_there[known] = is_there[known] = True
        return cls(columns, told, seldom, place, was_there, is_there, *unset)

    def add_plain(self, model_id: Ints, downloads: Ints, publisher_id: Ints) -> None:
        at = self.place[model_id]
        self.columns["downloads"][at] += downloads
        self._touch(at, publisher_id)

    def add_firsts(self, firsts: MonthColumns) -> None:
        """Since when readings back the month, an earlier row says; so with its flags."""
        at = self.place[firsts.model_id]
        row = np.searchsorted(self.told, at)
        self.columns["downloads"][at] += firsts.downloads
        for name in ("estimated", "corrections"):
            self.seldom[name][row] += firsts.column(name)
        begins = self.seldom["covered_from"]
        begins[row] = np.where(begins[row] == NOT_SAID, firsts.column("covered_from"), begins[row])
        new = ~self.is_there[at]
        for name in ("tiled_seconds", "flags"):
            self.seldom[name][row[new]] = firsts.column(name)[new]
        self._touch(at, firsts.publisher_id)

    def _touch(self, at: Ints, publisher_id: Ints) -> None:
        self.columns["publisher_id"][at] = publisher_id
        self.is_there[at] = self.written[at] = True

    def replace(self, judged: MonthColumns) -> bool:
        """Whether any row is another than it was."""
        at = self.place[judged.model_id]
        row, same = np.searchsorted(self.told, at), self.is_there[at]
        for columns, places in ((self.columns, at), (self.seldom, row)):
            for name, column in columns.items():
                said = judged.column(name)
                same &= column[places] == said
                column[places] = said
        self.is_there[at] = True
        self.written[at[~same]] = True
        return not same.all()

    def drop(self, model_id: Ints) -> bool:
        """Whether any of them had a row."""
        at = self.place[model_id]
        self.dropped[at] = True
        return bool(self.is_there[at].any())

    def move(self, accounts: Mapping[int, int]) -> bool:
        """Whether any row bore another account."""
        ids = np.array([each for each in accounts if each < len(self.place)], np.int64)
        at = self.place[ids]
        at = at[self.columns["model_id"][at] == ids] if len(ids) else at
        to = np.array([accounts[each] for each in self.columns["model_id"][at].tolist()], np.int64)
        other = (self.columns["publisher_id"][at] != to) & ~self.dropped[at]
        self.columns["publisher_id"][at] = to
        self.written[at[other]] = True
        return bool(other.any())


# --- what is kept of it -----------------------------------------------------------------------------------------------


def keep(conn: Connection, hub_id: int, number: int, columns: MonthColumns) -> None:
    """Keeps a month's columns in place of those that were kept."""
    columns = _in_order(columns)
    said = {"steps": np.diff(columns.model_id, prepend=0), "unusual": columns.unusual}  # from each model to the next
    said |= {name: getattr(columns, name) for name in _ALWAYS[1:]} | dict(columns.seldom)
    said["backing"] = _backing(columns)
    content = {name: packed(column) for name, column in said.items()} | {"texts": json.dumps(columns.texts).encode()}
    forget(conn, hub_id, number)
    rows = [{"hub_id": hub_id, "month": number, "name": name, "content": each} for name, each in content.items()]
    conn.execute(insert(month_columns), rows)


def _backing(columns: MonthColumns) -> Ints:
    """Since when readings back any model's month (NOT_SAID: its start, or nobody's), and whether tiles back some."""
    begins, tiled = columns.seldom["covered_from"], columns.seldom["tiled_seconds"]
    some_from_the_start = len(begins) < len(columns) or not len(columns)
    return np.array([NOT_SAID if some_from_the_start else begins.min(), (tiled != 0).any()], np.int64)


def most_backed(conn: Connection, hub_id: int, number: int) -> tuple[int | None, bool]:
    """Since when readings back any model's month (None: its start), and whether tiles back some."""
    c = month_columns.c
    query = select(c.content).where(c.hub_id == hub_id, c.month == number, c.name == "backing")
    said = conn.execute(query).scalar()
    return _backed(_backing(read(conn, hub_id, number)) if said is None else unpacked(said))


def _backed(backing: Ints) -> tuple[int | None, bool]:
    begin, tiled = backing.tolist()
    return None if begin == NOT_SAID else begin, bool(tiled)


def _in_order(columns: MonthColumns) -> MonthColumns:
    """The same with the flags that are used alone, in the order of their texts: the same bytes whatever came before."""
    flags = columns.seldom["flags"]
    used = np.flatnonzero(np.bincount(flags, minlength=len(columns.texts))).tolist()
    said = {place: text for place in used if (text := columns.texts[place]) is not None}
    texts = sorted(said.values())
    number = np.zeros(len(columns.texts), np.int64)
    number[list(said)] = [texts.index(text) + 1 for text in said.values()]
    return replace(columns, seldom={**columns.seldom, "flags": number[flags]}, texts=[None, *texts])


def forget(conn: Connection, hub_id: int, number: int) -> None:
    """Keeps the columns of a month no more."""
    c = month_columns.c
    conn.execute(delete(month_columns).where(c.hub_id == hub_id, c.month == number))


def read(conn: Connection, hub_id: int, number: int) -> MonthColumns:
    """A hub's month: as it is kept, else from its rows."""
    found = kept(conn, hub_id, number)
    return from_rows(conn, hub_id, number) if found is None else found


def kept(conn: Connection, hub_id: int, number: int) -> MonthColumns | None:
    """The columns as they are kept; None where none are."""
    c = month_columns.c
    query = select(c.name, c.content).where(c.hub_id == hub_id, c.month == number)
    said = {row.name: row.content for row in conn.execute(query)}
    if not said:
        return None
    always: dict[str, NDArray[Any]] = {"model_id": np.cumsum(as_packed(said["steps"]), dtype=np.int64)}
    always |= {name: as_packed(said[name]).astype(_TYPES[name]) for name in _ALWAYS[1:]}
    seldom = {name: as_packed(said[name]).astype(_TYPES[name]) for name in _SELDOM}
    return MonthColumns(**always, unusual=unpacked(said["unusual"]), seldom=seldom, texts=json.loads(said["texts"]))


def from_rows(conn: Connection, hub_id: int, number: int) -> MonthColumns:
    """The columns as the rows say. Nearly all of these only say downloads that were measured, in whole numbers."""
    d = model_month.c
    whole, ours = cast(d.downloads, BigInteger), select().where(d.month == number)
    if conn.execute(select(func.count()).select_from(hub)).scalar_one() > 1:  # else it would find every model
        ours = ours.join_from(model_month, model, model.c.id == d.model_id).where(model.c.hub_id == hub_id)
    unsaid = (d.estimated == 0, d.corrections == 0, d.tiled_seconds == 0, d.covered_from.is_(None), d.flags.is_(None))
    plain = and_(d.downloads == whole, *unsaid)
    of_plain = columns_of(conn, ours.add_columns(d.model_id, d.publisher_id, whole).where(plain))
    others = ours.add_columns(*(d[name] for name in MonthRow._fields)).where(not_(plain))
    rest = of_rows([MonthRow(*row) for part in plain_rows(conn, others) for row in part])
    columns = {name: np.append(column, getattr(rest, name)) for name, column in zip(_ALWAYS, of_plain, strict=True)}
    order = np.argsort(columns["model_id"], kind="stable")
    places = np.flatnonzero(order >= len(of_plain[0]))
    seldom = {name: rest.column(name)[order[places] - len(of_plain[0])] for name in _SELDOM}
    return MonthColumns.of({name: column[order] for name, column in columns.items()}, places, seldom, rest.texts)


def differing(conn: Connection, hub_id: int, number: int) -> list[int] | None:
    """The models of which the columns kept of a month do not say what their rows say, in order; None: all is right.

    Of no model where only that is wrong which is kept of all in one: since when readings back the month.
    """
    mine = kept(conn, hub_id, number)
    if mine is None:
        return None
    theirs = from_rows(conn, hub_id, number)
    both, one, other = np.intersect1d(mine.model_id, theirs.model_id, assume_unique=True, return_indices=True)
    spoken = [_spoken(each) for each in (mine, theirs)]
    apart = [spoken[0][name][one] != spoken[1][name][other] for name in _TYPES]
    found: list[int] = np.union1d(np.setxor1d(mine.model_id, theirs.model_id), both[np.any(apart, axis=0)]).tolist()
    return found if found or most_backed(conn, hub_id, number) != _backed(_backing(theirs)) else None


def _spoken(columns: MonthColumns) -> dict[str, NDArray[Any]]:
    """The columns, flags as texts."""
    texts = np.array([text or "" for text in columns.texts], np.object_)
    return {name: columns.column(name) for name in _TYPES} | {"flags": texts[columns.column("flags")]}


def kept_months(conn: Connection, hub_id: int) -> list[int]:
    """The months of which columns are kept, in order."""
    c = month_columns.c
    return list(conn.scalars(select(c.month).where(c.hub_id == hub_id).distinct().order_by(c.month)))

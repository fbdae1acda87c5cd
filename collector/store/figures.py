"""What models did in a month, whose they are, and what is known of them: columns of numbers for the shares. Read-only.

A hub has millions of models: texts that repeat come as the number of their first sight (`Codes`), and names only of the
models asked for. NULL becomes NOT_SAID where a number is expected. Knows no rule by which anything was worked out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, cast, func, not_, or_, select

from collector.model import Window
from collector.series import NOT_SAID, Bools, Ints, Narrow
from collector.store.arrays import Codes, columns_of, fetched, named
from collector.store.database import Database
from collector.store.histories import chunks, plain_rows, rows_among
from collector.store.numbering import of_each
from collector.store.schema import (
    disagreement,
    hub,
    kind,
    model,
    model_month,
    model_origin,
    model_state,
    observation,
    poll,
    publisher,
)
from collector.store.sightings import Sightings
from collector.store.wording import MODEL_WITH_KIND

Floats = NDArray[np.float64]
_FETCHED = 100_000  # rows held as Python objects at a time


@dataclass(frozen=True, slots=True)
class Described:
    """What is said of models today, by model_id. The numbers lie as they are kept: of a month there are a million."""

    model_id: Ints
    publisher_id: Narrow
    created_at: Narrow  #: Unix seconds, or NOT_SAID
    task: Narrow  #: place in `tasks`
    tasks: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """What models did in a month, by model_id; those with downloads, corrections or flags."""

    described: Described
    publisher_id: Ints  #: on the month's last day
    downloads: Floats
    estimated: Floats
    corrections: Ints
    told: Ints  #: places of those with something to say in the next two, in order
    covered_from: Ints  #: Unix seconds; NOT_SAID: the month's start
    tiled_seconds: Floats
    sightings: Sightings  #: of today, of all
    flags: Mapping[int, str]  #: by model_id: of those that have some


class RootRow(NamedTuple):
    """A root of a model without the root's name: many models share it."""

    publisher: str
    weight: float
    basis: str
    relation: str | None
    family: str | None


@dataclass(frozen=True)
class RootSets:
    """The roots of models, largest part first. A model that is not here is its own root, of no known family."""

    model_id: Ints  #: in order, each once
    code: Ints  #: place in `sets`
    sets: Sequence[tuple[RootRow, ...]]

    def found(self, model_ids: Ints) -> tuple[Bools, Ints]:
        """Which of some models are here, and the code of each of these."""
        code = self._code_of[np.minimum(model_ids, len(self._code_of) - 1)]
        which: Bools = code >= 0
        return which, code[which].astype(np.int64)

    @cached_property
    def _code_of(self) -> NDArray[np.int32]:
        """By a model's number, and one more for all that come after: -1 is none. Searching takes ten times as long."""
        codes = np.full(int(self.model_id.max(initial=0)) + 2, -1, np.int32)
        codes[self.model_id] = self.code
        return codes


# --- what they did ----------------------------------------------------------------------------------------------------


_HAS_FIGURES = or_(model_month.c.downloads > 0, model_month.c.corrections != 0, model_month.c.flags.is_not(None))


def month_figures(db: Database, hub_id: int, month: int, least: float) -> MonthFigures:
    """The models of a hub's month with so many downloads at least: quick where these are few."""
    d, s = model_month.c, model_state.c
    tasks = Codes()
    statement = (
        select(d.model_id, *_DESCRIBED, _said(s.seen_at), _said(s.listed_poll_id), *_DONE)
        .join_from(model_month, MODEL_WITH_KIND, model.c.id == d.model_id)
        .join(model_state, s.model_id == d.model_id)
        .where(d.month == month, model.c.hub_id == hub_id, d.downloads >= least)
        .order_by(d.model_id)
    )
    with db.connect() as conn:
        columns = _columns(conn, statement, (int, int, int, tasks, int, int, *_DONE_TYPES, flags := Codes({None: 0})))
    model_id, account_now, created_at, task, seen_at, listed, *done = columns
    described = Described(model_id, account_now, created_at, task, list(tasks))
    return _month_figures(described, done, list(flags), seen_at, listed)


def _month_figures(
    described: Described, done: Sequence[NDArray[Any]], flags: Sequence[str | None], seen_at: Ints, listed: Ints
) -> MonthFigures:
    publisher_id, downloads, estimated, corrections, covered_from, tiled_seconds, flagged = done
    some = np.flatnonzero(flagged)
    of_models = zip(described.model_id[some].tolist(), flagged[some].tolist(), strict=True)
    flags_of = {number: said for number, code in of_models if (said := flags[code]) is not None}
    return MonthFigures(
        described,
        publisher_id,
        downloads,
        estimated,
        corrections,
        np.arange(len(seen_at)),
        covered_from,
        tiled_seconds,
        Sightings(np.arange(len(seen_at)), seen_at, listed),
        flags_of,
    )


def _said(column: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(column, NOT_SAID)


_DESCRIBED = (model.c.publisher_id, _said(model.c.created_at), kind.c.pipeline_tag)
_DONE = (
    model_month.c.publisher_id,
    model_month.c.downloads,
    model_month.c.estimated,
    model_month.c.corrections,
    _said(model_month.c.covered_from),
    model_month.c.tiled_seconds,
    model_month.c.flags,
)
_DONE_TYPES = (int, float, float, int, int, float)  # and codes for the flags


def flagged(db: Database, hub_id: int, month: int) -> list[int]:
    """The models of a hub's month that have flags, in order."""
    d = model_month.c
    ours = select(d.model_id).join(model, model.c.id == d.model_id).where(model.c.hub_id == hub_id)
    with db.connect() as conn:
        return list(conn.execute(ours.where(d.month == month, d.flags.is_not(None)).order_by(d.model_id)).scalars())


class Disagreeing(NamedTuple):
    """A model whose name leads to another family than its declared base, and its downloads."""

    model_id: int
    by_name: str
    by_declaration: str
    downloads: float


def disagreeing(db: Database, hub_id: int, month: int, most: int) -> list[Disagreeing]:
    """Those of a hub's month, as stored: the ones with most downloads, and all that are rounded to as many as these."""
    c, d = disagreement.c, model_month.c
    columns = (c.model_id, c.by_name, c.by_declaration, d.downloads)
    in_month = disagreement.join(model_month, and_(d.model_id == c.model_id, d.month == month))
    ours = select(*columns).select_from(in_month.join(model, model.c.id == c.model_id))
    ours = ours.where(model.c.hub_id == hub_id, _HAS_FIGURES)
    nth = ours.with_only_columns(d.downloads).order_by(d.downloads.desc()).offset(most - 1).limit(1)
    with db.connect() as conn:
        last = conn.execute(nth).scalar()
        if last is not None:
            ours = ours.where(d.downloads > last - 1)
        return [Disagreeing(*row) for row in conn.execute(ours)]


def nth_largest(db: Database, hub_id: int, month: int, n: int) -> int | None:
    """Downloads, rounded, of the model at this place among a month's largest; None where there are fewer."""
    d = model_month.c
    with db.connect() as conn:
        up = d.downloads + 0.5  # half up: SQLite cuts off what follows the point, a server would round once more
        whole = cast(up if conn.dialect.name == "sqlite" else func.floor(up), BigInteger)
        ours = select(whole).where(d.month == month)
        if conn.execute(select(func.count()).select_from(hub)).scalar_one() > 1:  # else it would find every model
            ours = ours.join(model, model.c.id == d.model_id).where(model.c.hub_id == hub_id)
        (downloads,) = columns_of(conn, ours)
    return int(np.partition(downloads, -n)[-n]) if len(downloads) >= n else None


def disagreeing_of(db: Database, model_ids: Iterable[int]) -> list[tuple[int, str, str]]:
    """Those of these models, with what their names and declarations lead to."""
    with db.connect() as conn:
        return [(*row,) for row in rows_among(conn, _DISAGREEING, disagreement.c.model_id, sorted(model_ids))]


_DISAGREEING = select(disagreement)


# --- what is known of them --------------------------------------------------------------------------------------------


def last_model(db: Database) -> int:
    """The largest number of any model; 0: there is none."""
    with db.connect() as conn:  # of all hubs: to look at one hub's alone takes seconds
        return conn.execute(select(func.max(model.c.id))).scalar() or 0


def described(db: Database, hub_id: int, only: Sequence[int] | None = None) -> tuple[Described, Ints]:
    """Every model of a hub, or some of them, and the number of the poll that listed each first (or NOT_SAID)."""
    m, tasks = model.c, Codes()
    columns = (m.id, m.publisher_id, _said(m.created_at), _said(m.first_poll_id), _said(m.kind_id))
    query = select(*columns).where(m.hub_id + 0 == hub_id).order_by(m.id)
    with db.connect() as conn:
        parts = [query] if only is None else [query.where(m.id.in_(part)) for part in chunks(sorted(only))]
        found = [columns_of(conn, part, in_order=True) for part in parts]
        task_of = {row.id: row.pipeline_tag for row in conn.execute(select(kind.c.id, kind.c.pipeline_tag))}
    model_id, publisher_id, created_at, first_poll_id, of_kind = map(np.concatenate, zip(*found, strict=True))
    kinds, place = np.unique(of_kind, return_inverse=True)
    task = np.array([tasks[task_of.get(each)] for each in kinds.tolist()], np.int64)[place]
    return Described(model_id, publisher_id, created_at, task, list(tasks)), first_poll_id


def created_models(
    db: Database, hub_id: int, model_id: Ints, created_at: Narrow, first_poll_id: Narrow, window: Window, listed_by: int
) -> Ints:
    """Of the hub's models those created in a window and seen by `listed_by` (Unix seconds).

    A poll that began by then listed them first, or a file holds a reading of a day up to then.
    """
    rows = np.flatnonzero((created_at >= window.start) & (created_at < window.end))
    in_time = _begun_by(hub_id, listed_by)
    files = in_time.where(poll.c.scope == "import", poll.c.started_at >= window.start)
    with db.connect() as conn:
        listed = np.isin(first_poll_id[rows], fetched(conn, in_time)[:, 0])
        unlisted = model_id[rows[~listed]]
        read = np.concatenate([unlisted[:0], *_read_by(conn, unlisted, fetched(conn, files)[:, 0])])
    created = model_id[rows]
    return created[listed | np.isin(created, read)]


def _begun_by(hub_id: int, moment: int) -> Select[tuple[int]]:
    return select(poll.c.id).where(poll.c.hub_id == hub_id, poll.c.started_at <= moment)


def _read_by(conn: Connection, model_ids: Ints, polls: Ints) -> Iterator[Ints]:
    """Those of the models of which these polls hold readings."""
    for part in chunks(model_ids.tolist() if len(polls) else []):
        read = select(observation.c.model_id).select_from(of_each(part)).where(poll.c.id.in_(polls.tolist()))
        yield fetched(conn, read)[:, 0]


def names_of(db: Database, model_ids: Iterable[int]) -> dict[int, str]:
    """The names of a few models."""
    with db.connect() as conn:
        return dict(map(tuple, rows_among(conn, _NAMES, model.c.id, sorted(set(model_ids)))))


_NAMES = select(model.c.id, model.c.name)


def account_names(db: Database, hub_id: int, wanted: Ints) -> list[str]:
    """The names of a hub's accounts with these numbers, which are in order, each once."""
    with db.connect() as conn:
        if len(wanted) < _FEW_ACCOUNTS:
            return [name for _, name in rows_among(conn, _ACCOUNTS, publisher.c.id, wanted.tolist())]
        numbers, names = named(conn, _ACCOUNTS.where(publisher.c.hub_id == hub_id))
    return [names[place] for place in np.searchsorted(numbers, wanted).tolist()]


_ACCOUNTS = select(publisher.c.id, publisher.c.name).order_by(publisher.c.id)
_FEW_ACCOUNTS = 50_000  # so many are found one by one sooner than all of a whole hub are read


# --- their roots ------------------------------------------------------------------------------------------------------


def stored_roots(db: Database, hub_id: int, only: Sequence[int] | None = None) -> RootSets:
    """The roots of a hub's models as stored, or of some of them."""
    with db.connect() as conn:
        if only is not None:
            return _read_roots([rows_among(conn, _ROOTS, model_origin.c.model_id, sorted(only))])
        ours = _ROOTS.join(model, model.c.id == model_origin.c.model_id).where(model.c.hub_id == hub_id)
        return _read_roots(plain_rows(conn, ours, _FETCHED))


_ROOT_COLUMNS = tuple(model_origin.c["root_publisher" if name == "publisher" else name] for name in RootRow._fields)
_OWN = and_(model_origin.c.basis == "self", model_origin.c.relation.is_(None), model_origin.c.family.is_(None))
_LARGEST_FIRST = (model_origin.c.model_id, model_origin.c.weight.desc(), model_origin.c.root_name)
_ROOTS = select(model_origin.c.model_id, *_ROOT_COLUMNS).where(not_(_OWN)).order_by(*_LARGEST_FIRST)


def _read_roots(parts: Iterable[Sequence[Any]]) -> RootSets:
    """From rows of the columns of `_ROOTS`, in that order."""
    rows, read = Codes(), [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for part in parts:
        if part:
            model_ids, *columns = zip(*part, strict=True)
            numbers = map(rows.__getitem__, zip(*columns, strict=True))
            read.append((np.array(model_ids, np.int64), np.fromiter(numbers, np.int64, len(part))))
    model_id, row = (np.concatenate(column) for column in zip(*read, strict=True))
    return root_sets(model_id, row, [RootRow(*each) for each in rows])


def root_sets(model_id: Ints, row: Ints, rows: Sequence[RootRow]) -> RootSets:
    """The sets of roots of models: `row` is the place of each root in `rows`; those of a model stand together."""
    first = np.flatnonzero(np.append(True, model_id[1:] != model_id[:-1])) if len(model_id) else model_id
    code, merges = row[first].copy(), Codes()
    end = np.append(first[1:], len(model_id))
    for place in np.flatnonzero(end - first > 1).tolist():
        code[place] = len(rows) + merges[tuple(row[first[place] : end[place]].tolist())]
    several = [tuple(rows[each] for each in merge) for merge in merges]
    return RootSets(model_id[first], code, [*((each,) for each in rows), *several])


def replaced(known: RootSets, others: RootSets) -> RootSets:
    """The roots of both, where a model is in both those of `others`."""
    kept = ~np.isin(known.model_id, others.model_id)
    model_id = np.concatenate([known.model_id[kept], others.model_id])
    code = np.concatenate([known.code[kept], others.code + len(known.sets)])
    order = np.argsort(model_id, kind="stable")
    return RootSets(model_id[order], code[order], [*known.sets, *others.sets])


def rooted_in(db: Database, hub_id: int, names: Sequence[str]) -> list[tuple[int, str, RootRow]]:
    """Model, root's name and root for every root of the models that have one among these names, largest first."""
    o, found = model_origin.c, list[tuple[int, str, RootRow]]()
    all_roots = select(o.model_id, o.root_name, *_ROOT_COLUMNS).order_by(*_LARGEST_FIRST)
    all_roots = all_roots.join(model, model.c.id == o.model_id).where(model.c.hub_id == hub_id)
    # The name as an expression: by its key SQLite looks every name up for every model, 15 s for twenty names and 2.5
    # million models, where reading all roots once takes 0.3.
    root_name = o.root_name + ""
    with db.connect() as conn:
        ids: set[int] = set()
        for part in chunks(names):
            ids.update(conn.execute(select(o.model_id).where(root_name.in_(part))).scalars())
        for some in chunks(sorted(ids)):
            for model_id, name, *root in conn.execute(all_roots.where(o.model_id.in_(some))):
                found.append((model_id, name, RootRow(*root)))
    return found


# --- rows to columns --------------------------------------------------------------------------------------------------


def _columns(conn: Connection, statement: Select[Any], types: Sequence[type[int] | type[float] | Codes]) -> list[Any]:
    """The columns of a statement as arrays; those of texts as their numbers in the codes given."""
    parts = [
        [_array(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
        for rows in plain_rows(conn, statement, _FETCHED)
    ]
    empty = [[_array((), kind) for kind in types]]
    return [np.concatenate(column) for column in zip(*(parts or empty), strict=True)]


def _array(values: Sequence[Any], kind: type[int] | type[float] | Codes) -> NDArray[Any]:
    if isinstance(kind, Codes):
        return np.fromiter(map(kind.__getitem__, values), np.int64, len(values))
    return np.array(values, np.int64 if kind is int else np.float64)

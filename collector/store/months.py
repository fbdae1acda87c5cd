"""`model_month`: what each model did in each month, built from nothing or brought up to date by what came since.

Knows no rule by which the figures were worked out. Both ways lead to the same rows: what is added up are whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    null,
    select,
    true,
    update,
)

from collector.series import Ints
from collector.store.arrays import columns_of, insert_columns
from collector.store.database import Database
from collector.store.histories import chunks, execute_rows, insert_rows, plain_rows
from collector.store.schema import model, model_month, month_build


class MonthBuild(NamedTuple):
    """From which state of the facts a month was worked out."""

    fingerprint: str  #: of the facts up to `last_poll_id`
    last_poll_id: int  #: the last poll taken in
    content: str  #: the fingerprint when a row changed last
    covered: float  #: largest part of the month that any model's readings back, 0 to 1
    open_falls: int  #: falls and jumps too young to be judged for good


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
class Month:
    """What is put into a hub's month."""

    hub_id: int
    number: int  #: year × 100 + month
    build: MonthBuild
    plain: tuple[Ints, Ints]  #: model and downloads of plain growth
    firsts: Sequence[MonthRow]  #: what first sightings add to it
    judged: Mapping[int, MonthRow | None]  #: what takes the place of a model's row; None: nothing does
    accounts: Mapping[int, int]  #: of renamed models: the account on the month's last day


class Backed(NamedTuple):
    """How far readings back the month of models; columns of the same length."""

    model_id: Ints
    covered_from: Ints  #: Unix seconds; -1: the month's start
    tiled_seconds: NDArray[np.float64]


def build_month(db: Database, month: Month) -> None:
    """All rows of a month, in place of those that were there."""
    ours = exists().where(model.c.id == model_month.c.model_id, model.c.hub_id == month.hub_id)
    of_month = and_(model_month.c.month == month.number, ours)
    with db.begin() as connection:
        connection.execute(delete(model_month).where(of_month))
        _put(connection, month)
        _set_build(connection, month, month.build)


def add_to_month(db: Database, month: Month) -> None:
    """What came since: `plain` and `firsts` are of what the stored rows do not hold yet.

    Where no row changes, the `content` of the build stays that of the one before.
    """
    key = (month_build.c.hub_id == month.hub_id, month_build.c.month == month.number)
    with db.begin() as connection:
        before = connection.execute(select(month_build.c.content).where(*key)).scalar_one()
        changed = _put(connection, month)
        _set_build(connection, month, month.build if changed else month.build._replace(content=before))


def set_covered(db: Database, hub_id: int, number: int, covered: float) -> None:
    """The largest part of the month that any model's readings back."""
    key = (month_build.c.hub_id == hub_id, month_build.c.month == number)
    with db.begin() as connection:
        connection.execute(update(month_build).where(*key).values(covered=covered))


def forget_build(db: Database, hub_id: int, number: int) -> None:
    """From what a month was worked out: nobody knows any more."""
    with db.begin() as connection:
        c = month_build.c
        connection.execute(delete(month_build).where(c.hub_id == hub_id, c.month == number))


def month_build_of(db: Database, hub_id: int, number: int) -> MonthBuild | None:
    """From what a month was worked out; None when it was not."""
    return month_builds(db, hub_id).get(number)


def month_builds(db: Database, hub_id: int) -> dict[int, MonthBuild]:
    """Every month worked out for a hub, in order."""
    c = month_build.c
    columns = (c.month, *(c[name] for name in MonthBuild._fields))
    statement = select(*columns).where(c.hub_id == hub_id).order_by(c.month)
    with db.connect() as connection:
        return {number: MonthBuild(*build) for number, *build in connection.execute(statement)}


def most_backed(db: Database, number: int) -> tuple[int | None, bool]:
    """Since when readings back any model's month (None: its start), and whether tiles back some; of any hub."""
    d = model_month.c
    from_start = func.coalesce(func.max(d.covered_from.is_(None).cast(Integer)), 1)
    query = select(from_start, func.min(d.covered_from), func.max(d.tiled_seconds)).where(d.month == number)
    with db.connect() as connection:
        whole, begin, tiled = connection.execute(query).one()
    return None if whole else begin, bool(tiled)


def month_reach(db: Database, number: int) -> Backed:
    """How far readings back the month of each model, of any hub."""
    d = model_month.c
    begins, tiled = func.coalesce(d.covered_from, -1), d.tiled_seconds != 0
    with db.connect() as connection:
        read = columns_of(connection, select(d.model_id, begins).where(d.month == number, not_(tiled)))
        parts = plain_rows(connection, select(d.model_id, begins, d.tiled_seconds).where(d.month == number, tiled))
        rows = np.array([row for part in parts for row in part], np.float64).reshape(-1, 3).T
    model_id, covered_from = (np.append(*both) for both in zip(read, rows[:2].astype(np.int64), strict=True))
    return Backed(model_id, covered_from, np.append(np.zeros(len(read[0])), rows[2]))


def _put(connection: Connection, month: Month) -> bool:
    """Adds plain growth and first sightings to a month's rows, replaces those of judged models; whether any changed."""
    before = _rows_of(connection, month.number, list(month.judged))
    _add_plain(connection, month)
    execute_rows(connection, _adding(connection, None), _NAMES, [(month.number, *row) for row in month.firsts])
    for ids in chunks(list(month.judged)):
        of_these = and_(model_month.c.month == month.number, model_month.c.model_id.in_(ids))
        connection.execute(delete(model_month).where(of_these))
    after = [row for row in month.judged.values() if row is not None]
    insert_rows(connection, model_month, _NAMES, [(month.number, *row) for row in after])
    moved = _set_accounts(connection, month)
    return bool(len(month.plain[0]) or month.firsts or moved) or set(before) != set(after)


def _set_accounts(connection: Connection, month: Month) -> int:
    """How many rows bore another account."""
    c, moved = model_month.c, 0
    for model_id, account in month.accounts.items():
        mine = (c.month == month.number, c.model_id == model_id, c.publisher_id != account)
        moved += connection.execute(update(model_month).where(*mine).values(publisher_id=account)).rowcount
    return moved


def _rows_of(connection: Connection, month: int, model_ids: Sequence[int]) -> list[MonthRow]:
    c = model_month.c
    columns = [c[name] for name in MonthRow._fields]
    found: list[MonthRow] = []
    for ids in chunks(model_ids):
        query = select(*columns).where(c.month == month, c.model_id.in_(ids))
        found += [MonthRow(*row) for row in connection.execute(query)]
    return found


def _add_plain(connection: Connection, month: Month) -> None:
    """Plain growth: measured, without a flag, backed from the month's start."""
    zero = literal(0.0, Double)
    rows = select(
        literal(month.number, Integer),
        _GROWN.c.model_id,
        model.c.publisher_id,
        cast(_GROWN.c.downloads, Double),
        zero,
        literal(0, BigInteger),
        cast(null(), BigInteger),
        zero,
        cast(null(), Text),
    ).join_from(_GROWN, model, model.c.id == _GROWN.c.model_id)
    _GROWN.create(connection)
    insert_columns(
        connection, _GROWN, dict(zip(_GROWN.columns.keys(), ((each, None) for each in month.plain), strict=True))
    )
    connection.execute(_adding(connection, rows.where(true())))
    _GROWN.drop(connection)


_GROWN = Table(
    "grown_in_month",
    MetaData(),
    Column("model_id", Integer, primary_key=True, autoincrement=False),
    Column("downloads", BigInteger, nullable=False),
    prefixes=["TEMPORARY"],
)


def _adding(connection: Connection, rows: Select[Any] | None) -> Any:
    """The insertion of rows of `model_month` (None: of given values), whose figures are added to those that are there.

    Since when readings back the month, an earlier row says.
    """
    statement = _upserting(connection)(model_month)
    if rows is None:
        statement = statement.values({name: bindparam(name) for name in _NAMES})
    else:
        statement = statement.from_select(model_month.columns.keys(), rows)
    c, new = model_month.c, statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[c.month, c.model_id],
        set_={
            "publisher_id": new.publisher_id,
            "downloads": c.downloads + new.downloads,
            "estimated": c.estimated + new.estimated,
            "corrections": c.corrections + new.corrections,
            "covered_from": func.coalesce(c.covered_from, new.covered_from),
        },
    )


def _upserting(connection: Connection) -> Any:
    """The engine's own insertion: Core has none for this, and both spell it alike."""
    if connection.dialect.name == "postgresql":  # loaded only where it is spoken: 20 ms of every command
        from sqlalchemy.dialects.postgresql import insert as of_server

        return of_server
    from sqlalchemy.dialects.sqlite import insert as of_file

    return of_file


def _set_build(connection: Connection, month: Month, build: MonthBuild) -> None:
    c = month_build.c
    connection.execute(delete(month_build).where(c.hub_id == month.hub_id, c.month == month.number))
    connection.execute(insert(month_build).values(hub_id=month.hub_id, month=month.number, **build._asdict()))


_NAMES = tuple(model_month.columns.keys())

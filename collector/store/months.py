"""`model_month`: what each model did in each month, built from nothing or brought up to date by what came since.

Knows no rule by which the figures were worked out. Both ways lead to the same rows: what is added up are whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, and_, delete, exists, insert, select, update

from collector.series import NOT_SAID
from collector.store import month_columns
from collector.store.arrays import replace_columns
from collector.store.database import Database
from collector.store.histories import chunks
from collector.store.month_columns import Came, MonthColumns, MonthRow, Put
from collector.store.schema import model, model_month, month_build


class MonthBuild(NamedTuple):
    """From which state of the facts a month was worked out."""

    fingerprint: str  #: of the facts up to `last_poll_id`
    last_poll_id: int  #: the last poll taken in
    content: str  #: the fingerprint when a row changed last
    covered: float  #: largest part of the month that any model's readings back, 0 to 1
    open_falls: int  #: falls and jumps too young to be judged for good


@dataclass(frozen=True, slots=True)
class Month:
    """What is put into a hub's month."""

    hub_id: int
    number: int  #: year × 100 + month
    build: MonthBuild
    came: Came


def build_month(db: Database, month: Month) -> MonthColumns:
    """All rows of a month, in place of those that were there; returns them."""
    ours = exists().where(model.c.id == model_month.c.model_id, model.c.hub_id == month.hub_id)
    of_month = and_(model_month.c.month == month.number, ours)
    after = month_columns.put(month_columns.NOTHING, month.came)
    with db.begin() as connection:
        connection.execute(delete(model_month).where(of_month))
        _write(connection, month, after)
        month_columns.keep(connection, month.hub_id, month.number, after.columns)
        _set_build(connection, month, month.build)
    return after.columns


def add_to_month(db: Database, month: Month) -> MonthColumns:
    """What came since: plain growth and first sightings are of what the stored rows do not hold yet. Returns all rows.

    Where no row changes, the `content` of the build stays that of the one before.
    """
    key = (month_build.c.hub_id == month.hub_id, month_build.c.month == month.number)
    with db.begin() as connection:
        content = connection.execute(select(month_build.c.content).where(*key)).scalar_one()
        kept = month_columns.kept(connection, month.hub_id, month.number)
        before = kept or month_columns.from_rows(connection, month.hub_id, month.number)
        after = month_columns.put(before, month.came)
        if after.is_other:
            _write(connection, month, after)
        if after.is_other or kept is None:
            month_columns.keep(connection, month.hub_id, month.number, after.columns)
        _set_build(connection, month, month.build if after.is_other else month.build._replace(content=content))
    return after.columns


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


def month_builds(db: Database, hub_id: int) -> dict[int, MonthBuild]:
    """Every month worked out for a hub, in order."""
    c = month_build.c
    columns = (c.month, *(c[name] for name in MonthBuild._fields))
    statement = select(*columns).where(c.hub_id == hub_id).order_by(c.month)
    with db.connect() as connection:
        return {number: MonthBuild(*build) for number, *build in connection.execute(statement)}


def most_backed(db: Database, hub_id: int, number: int) -> tuple[int | None, bool]:
    """Since when readings back any model's month (None: its start), and whether tiles back some."""
    with db.connect() as connection:
        return month_columns.most_backed(connection, hub_id, number)


def month_rows(db: Database, hub_id: int, number: int) -> MonthColumns:
    """The rows of a hub's month."""
    with db.connect() as connection:
        return month_columns.read(connection, hub_id, number)


def wrongly_kept(db: Database, hub_id: int) -> dict[int, list[int]]:
    """By month that is kept otherwise than its rows say: the models of which it is so, as `month_columns.differing`."""
    with db.connect() as connection:
        months = month_columns.kept_months(connection, hub_id)
        found = {number: month_columns.differing(connection, hub_id, number) for number in months}
    return {number: models for number, models in found.items() if models is not None}


def _write(connection: Connection, month: Month, after: Put) -> None:
    for ids in chunks(after.dropped.tolist()):
        of_these = and_(model_month.c.month == month.number, model_month.c.model_id.in_(ids))
        connection.execute(delete(model_month).where(of_these))
    written = after.columns.where(after.written)
    plain = written.where(np.delete(np.arange(len(written)), written.unusual)) if len(written.unusual) else written
    _write_rows(connection, month.number, plain, _PLAIN)
    _write_rows(connection, month.number, written.where(written.unusual), ())


#: What rows that only say measured downloads have in common: it is not handed to the driver row by row.
_PLAIN = (("estimated", 0.0), ("corrections", 0), ("covered_from", None), ("tiled_seconds", 0.0), ("flags", None))


def _write_rows(
    connection: Connection, number: int, rows: MonthColumns, alike: Sequence[tuple[str, float | None]]
) -> None:
    """Rows in place of those that these models have, if they have some."""
    texts = np.array(rows.texts, np.object_)
    same = {"month": number, **dict(alike)}
    columns: dict[str, tuple[Any, Any]] = {name: (rows.column(name), None) for name in MonthRow._fields}
    columns |= {"covered_from": (rows.column("covered_from"), NOT_SAID), "flags": (texts[rows.column("flags")], None)}
    replace_columns(connection, model_month, {name: columns[name] for name in columns if name not in same}, same)


def _set_build(connection: Connection, month: Month, build: MonthBuild) -> None:
    c = month_build.c
    connection.execute(delete(month_build).where(c.hub_id == month.hub_id, c.month == month.number))
    connection.execute(insert(month_build).values(hub_id=month.hub_id, month=month.number, **build._asdict()))

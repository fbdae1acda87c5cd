"""What hubs say of many models in the same words, kept once: tasks with libraries, and declared bases, by number.

Knows the two tables; decides nothing and opens no transaction of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Join, Table, insert, select

from collector.model import Base
from collector.store.histories import CHUNK, gather_growing, rows_among
from collector.store.schema import declared_base, kind, model, model_base

Kind = tuple[str | None, str | None]  # task and library
R = TypeVar("R", bound=tuple[str | None, ...])

SAYS_NOTHING: Kind = (None, None)
#: What to select from to have the words of a model's task and library, and of its bases.
MODEL_WITH_KIND: Join = model.outerjoin(kind, kind.c.id == model.c.kind_id)
DECLARATIONS: Join = model_base.join(declared_base, declared_base.c.id == model_base.c.base_id)
BASE = (declared_base.c.name, declared_base.c.relation, declared_base.c.hub_key)  #: in the order of Base's fields


def kind_ids(conn: Connection, said: Iterable[Kind]) -> dict[Kind, int | None]:
    """The numbers of these tasks with libraries; None where neither is said. Unknown ones are added."""
    return {SAYS_NOTHING: None, **_numbers(conn, kind, [each for each in said if each != SAYS_NOTHING])}


def base_ids(conn: Connection, bases: Iterable[Base]) -> dict[Base, int]:
    """The numbers of these bases as they are declared. Unknown ones are added."""
    return _numbers(conn, declared_base, bases)


def _numbers(conn: Connection, table: Table, rows: Iterable[R]) -> dict[R, int]:
    """By row (the columns of the table beside its number); new ones are numbered in the order given."""
    wanted = list(dict.fromkeys(rows))
    found = _found(conn, table, wanted)
    missing = [row for row in wanted if row not in found]
    if missing:
        names = [column.name for column in table.columns if not column.primary_key]
        conn.execute(insert(table), [dict(zip(names, row, strict=True)) for row in missing])
        gather_growing(conn, CHUNK, len(missing), table)
        found |= _found(conn, table, missing)
    return found


def _found(conn: Connection, table: Table, rows: Sequence[R]) -> dict[R, int]:
    _, first, *_ = table.columns
    stored = rows_among(conn, _EVERY[table], first, sorted({row[0] for row in rows if row[0] is not None}))
    if any(row[0] is None for row in rows):
        stored += conn.execute(_EVERY[table].where(first.is_(None))).all()
    wanted, found = set(rows), dict[Any, int]()
    for number, *said in stored:
        if (row := tuple(said)) in wanted:
            found[row] = number
    return found


_EVERY = {table: select(table) for table in (kind, declared_base)}

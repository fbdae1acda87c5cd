"""What lineage is worked out from, looked up for a few models: names, keys, declared bases, what is still to do.

Knows the tables; knows no rule of lineage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, delete, exists, insert, select

from collector.store.database import Database
from collector.store.histories import chunks, plain_rows, rows_among
from collector.store.schema import build_mark, declared_base, hub_columns, model, model_base, model_name, origin_todo
from collector.store.wording import DECLARATIONS

STANDING = "standing"  #: kept beside the columns of a hub's models while these are what the list leaves them to be
MARK = "lineage files"  #: of a hub's roots: under which files; there is none before they were begun for the first time


class Todo(NamedTuple):
    """The models whose roots are to be worked out again."""

    last: int  #: the last entry, to be struck off when it is done
    model_ids: tuple[int, ...]  #: in order


ModelRow = tuple[int, str, str | None]  #: number, name, hub key
BaseRow = tuple[int, str, str | None, str | None]  #: model, base name, base key, relation


# --- what is to do ----------------------------------------------------------------------------------------------------


def add_todo(conn: Connection, model_ids: Sequence[int]) -> None:
    """Notes that these models are new, or that what lineage rests on has changed.

    Not before roots are worked out for the first time: then all are, and the first poll of a whole hub would list every
    model for nothing.
    """
    c = build_mark.c
    is_begun = exists().where(c.hub_id == model.c.hub_id, c.what == MARK)
    for part in chunks(model_ids):
        ids = select(model.c.id).where(model.c.id.in_(part), is_begun).order_by(model.c.id)
        conn.execute(insert(origin_todo).from_select(["model_id"], ids))


def todo(db: Database, hub_id: int) -> Todo:
    """What is to do for a hub."""
    c = origin_todo.c
    entries = select(c.id, c.model_id).where(of_hub(hub_id, c.model_id))
    with db.connect() as conn:
        found = [row for rows in plain_rows(conn, entries) for row in rows]
    return Todo(max((row[0] for row in found), default=0), tuple(sorted({row[1] for row in found})))


def has_todo(db: Database, hub_id: int) -> bool:
    """Whether anything is to do for a hub."""
    entry = select(origin_todo.c.id).where(of_hub(hub_id, origin_todo.c.model_id))
    with db.connect() as conn:
        return conn.execute(entry.limit(1)).first() is not None


def strike_off(conn: Connection, hub_id: int, last: int) -> None:
    """Removes a hub's entries up to one. What is kept of its models as columns stands no more: it may be older now."""
    c = origin_todo.c
    conn.execute(delete(hub_columns).where(hub_columns.c.hub_id == hub_id, hub_columns.c.name == STANDING))
    conn.execute(delete(origin_todo).where(c.id <= last, of_hub(hub_id, c.model_id)))


def of_hub(hub_id: int | ColumnElement[int], model_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a model is the hub's, asked for each row: joined, SQLite would read all models of the hub first."""
    return exists().where(model.c.id == model_id, model.c.hub_id == hub_id)


# --- look-ups ---------------------------------------------------------------------------------------------------------


_MODEL = select(model.c.id, model.c.name, model.c.hub_key)
_OURS = bindparam("hub_id", type_=Integer)
# + 0: with one hub in the database SQLite would take the index of hubs and read them all.
_MODEL_OF_HUB = _MODEL.where(model.c.hub_id + 0 == _OURS).order_by(model.c.id)
_MODEL_BY_KEY = _MODEL.where(model.c.hub_id == _OURS)
_BASES = (
    select(model_base.c.model_id, declared_base.c.name, declared_base.c.hub_key, declared_base.c.relation)
    .select_from(DECLARATIONS)
    .order_by(model_base.c.model_id, model_base.c.position)
)
_FORMER = select(model_name.c.model_id, model_name.c.name).order_by(model_name.c.model_id, model_name.c.replaced_at)
_ONCE_NAMED = select(model_name.c.model_id, model_name.c.name).where(of_hub(_OURS, model_name.c.model_id)).distinct()


def models_of(db: Database, hub_id: int, model_ids: Iterable[int]) -> list[ModelRow]:
    """Number, name and key of those among these models that are the hub's, by number."""
    with db.connect() as conn:
        return rows_among(conn, _MODEL_OF_HUB, model.c.id, sorted(model_ids), hub_id=hub_id)


def models_with_keys(db: Database, hub_id: int, keys: Iterable[str]) -> list[ModelRow]:
    """The models with these hub keys."""
    with db.connect() as conn:
        return rows_among(conn, _MODEL_BY_KEY, model.c.hub_key, sorted(keys), hub_id=hub_id)


def bases_of(db: Database, model_ids: Iterable[int]) -> list[BaseRow]:
    """The declared bases of these models, by model and position."""
    with db.connect() as conn:
        return rows_among(conn, _BASES, model_base.c.model_id, sorted(model_ids))


def former_names_of(db: Database, model_ids: Iterable[int]) -> list[tuple[int, str]]:
    """Model and name for every name that one of these models once had."""
    with db.connect() as conn:
        return rows_among(conn, _FORMER, model_name.c.model_id, sorted(model_ids))


def once_named(db: Database, hub_id: int, names: Iterable[str]) -> list[tuple[int, str]]:
    """Model and name for every model of the hub that once had one of these names."""
    with db.connect() as conn:
        return rows_among(conn, _ONCE_NAMED, model_name.c.name, sorted(names), hub_id=hub_id)

"""From which state of the facts derived rows were worked out, as one short text each.

Knows no rule by which figures are made, and not what goes into a text.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import and_, delete, insert, select

from collector.model import Window
from collector.store.database import Database
from collector.store.schema import (
    build_mark,
    country_share,
    derivative_share,
    family_share,
    group_share,
)
from collector.store.waiting import SHARES


def shares_of(month: Window) -> str:
    """The name of the mark under which a month's shares are built."""
    return f"{SHARES}{month.label}"


def mark_of(db: Database, hub_id: int, what: str) -> str | None:
    """The fingerprint under which something was built; None when it was not."""
    c = build_mark.c
    with db.connect() as conn:
        return conn.execute(select(c.fingerprint).where(c.hub_id == hub_id, c.what == what)).scalar()


def marks_of(db: Database, hub_id: int) -> dict[str, str]:
    """Everything that was built of a hub, and the fingerprint under which it was."""
    c = build_mark.c
    with db.connect() as conn:
        rows = conn.execute(select(c.what, c.fingerprint).where(c.hub_id == hub_id))
        return {row.what: row.fingerprint for row in rows}


def figures_of(db: Database, hub_name: str, month: Window) -> str:
    """Changes when a share of the month does, and not when a model in it is only named or described otherwise."""
    found = hashlib.sha256()
    with db.connect() as conn:
        for table in (country_share, family_share, group_share, derivative_share):
            known = select(*(column for column in table.c if column.name not in _NAMES))
            rows = known.where(table.c.hub == hub_name, table.c.window == month.label)
            for row in conn.execute(rows.order_by(*table.primary_key)):
                found.update(repr(tuple(row)).encode())
    return found.hexdigest()[:32]


_NAMES = ("top_model", "country_name")


def set_mark(db: Database, hub_id: int, what: str, fingerprint: str) -> None:
    """Remember under which fingerprint something was built."""
    c = build_mark.c
    with db.begin() as conn:
        conn.execute(delete(build_mark).where(and_(c.hub_id == hub_id, c.what == what)))
        conn.execute(insert(build_mark).values(hub_id=hub_id, what=what, fingerprint=fingerprint))


def clear_marks(db: Database) -> None:
    """Forget all of them, so that everything is built again."""
    with db.begin() as conn:
        conn.execute(delete(build_mark))


def digest(*parts: object) -> str:
    """One short text for many."""
    return hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()[:32]

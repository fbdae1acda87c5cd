"""Which accounts of a hub the registry names. Each is looked at once, since a hub has hundreds of thousands of them.

An account never bears another name, and a new one has a higher number. Knows no rule by which a name is one of the
registry's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, insert, select

from collector.store import marks
from collector.store.arrays import named
from collector.store.database import Database
from collector.store.schema import build_mark, publisher, reviewed_publisher

_MARK = "reviewed accounts"


class Reviewed(NamedTuple):
    """The accounts of a hub that a registry names."""

    names: Mapping[int, str]  #: by number in the database
    last: int  #: number of the last account that was looked at


def kept(db: Database, hub_id: int, registry: str) -> Reviewed:
    """Those that were found before; none where another registry (its digest) was looked at."""
    digest, _, last = (marks.mark_of(db, hub_id, _MARK) or "").partition(" ")
    if digest != registry:
        return Reviewed({}, 0)
    found = select(publisher.c.id, publisher.c.name).join(reviewed_publisher, _IS_IT)
    with db.connect() as conn:
        return Reviewed(dict(map(tuple, conn.execute(found.where(reviewed_publisher.c.hub_id == hub_id)))), int(last))


_IS_IT = publisher.c.id == reviewed_publisher.c.publisher_id


def accounts_after(db: Database, hub_id: int, last: int) -> dict[int, str]:
    """The names of a hub's accounts numbered above `last`."""
    # + 0: by the index of hubs SQLite would look at all of them.
    new = select(publisher.c.id, publisher.c.name).where(publisher.c.hub_id + 0 == hub_id, publisher.c.id > last)
    with db.connect() as conn:
        numbers, names = named(conn, new.order_by(publisher.c.id))
    return dict(zip(numbers.tolist(), names, strict=True))


def keep(db: Database, hub_id: int, registry: str, found: Reviewed) -> None:
    """Keeps what was found with a registry (its digest) in place of what was kept."""
    mark = and_(build_mark.c.hub_id == hub_id, build_mark.c.what == _MARK)
    with db.begin() as conn:
        conn.execute(delete(build_mark).where(mark))  # no mark is ever beside the accounts of another registry
        conn.execute(delete(reviewed_publisher).where(reviewed_publisher.c.hub_id == hub_id))
        _insert(conn, hub_id, found)
    marks.set_mark(db, hub_id, _MARK, f"{registry} {found.last}")


def _insert(conn: Connection, hub_id: int, found: Reviewed) -> None:
    rows = [{"hub_id": hub_id, "publisher_id": number} for number in sorted(found.names)]
    if rows:
        conn.execute(insert(reviewed_publisher), rows)

"""What of the derived tables waits: readings for the next roll-up, months to be restated.

A month is to be restated where models in it are described otherwise than when its shares were worked out. It keeps its
shares and their mark, and gets a second mark beside it that says since when it waits (Unix seconds: until when the hub
had been read). Knows the tables; decides neither what a description changes nor when a month is restated. Loads no
numpy: `collector status` asks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Integer, bindparam, delete, exists, func, insert, select

from collector.model import Window, month_window
from collector.store.database import Database
from collector.store.histories import chunks, rows_among
from collector.store.schema import build_mark, import_file, model_month, month_build, poll

SHARES = "shares "  #: goes before the month in the name of the mark of what its shares were worked out from
_WAITS = "restate "  # of the one that says since when it waits
_ROLLED_UP = "rolled up"


def facts_mark(conn: Connection, hub_id: int) -> str:
    """Changes with every complete poll and every import of a hub."""
    counts = (func.count(), func.max(poll.c.id), func.max(poll.c.finished_at))
    polls = conn.execute(select(*counts).where(poll.c.hub_id == hub_id, poll.c.status == "complete")).one()
    files = conn.execute(select(func.max(import_file.c.id)).where(import_file.c.hub_id == hub_id)).scalar()
    return " ".join(map(str, (*polls, files)))


def note_rolled_up(db: Database, hub_id: int, facts: str) -> None:
    """What polls and imports brought up to this (as of `facts_mark`) is in the derived tables."""
    c = build_mark.c
    with db.begin() as conn:
        conn.execute(delete(build_mark).where(c.hub_id == hub_id, c.what == _ROLLED_UP))
        conn.execute(insert(build_mark).values(hub_id=hub_id, what=_ROLLED_UP, fingerprint=facts))


def is_rolled_up(conn: Connection, hub_id: int) -> bool:
    """Whether all that polls and imports brought is in the derived tables."""
    c = build_mark.c
    said = conn.execute(select(c.fingerprint).where(c.hub_id == hub_id, c.what == _ROLLED_UP)).scalar()
    return said == facts_mark(conn, hub_id)


def waiting(conn: Connection, hub_id: int) -> dict[str, int]:
    """The months (YYYY-MM) of a hub that wait, in order, and since when."""
    c = build_mark.c
    rows = conn.execute(select(c.what, c.fingerprint).where(c.hub_id == hub_id, c.what.startswith(_WAITS)))
    return {what.removeprefix(_WAITS): int(since) for what, since in sorted(map(tuple, rows))}


def let_wait(db: Database, hub_id: int, months: Iterable[str], since: int) -> None:
    """Has those of the months wait of which there are shares; who waits already waits since then."""
    c = build_mark.c
    with db.begin() as conn:
        before = waiting(conn, hub_id)
        for month in sorted({*months} - before.keys()):
            if conn.execute(select(exists().where(c.hub_id == hub_id, c.what == SHARES + month))).scalar():
                conn.execute(insert(build_mark).values(hub_id=hub_id, what=_WAITS + month, fingerprint=str(since)))


def restated(db: Database, hub_id: int, month: str) -> None:
    """The month waits no more."""
    c = build_mark.c
    with db.begin() as conn:
        conn.execute(delete(build_mark).where(c.hub_id == hub_id, c.what == _WAITS + month))


def months_built(db: Database, hub_id: int) -> list[Window]:
    """The months that were worked out for a hub, in order."""
    c = month_build.c
    with db.connect() as conn:
        numbers = conn.scalars(select(c.month).where(c.hub_id == hub_id).order_by(c.month)).all()
    return [_window(number) for number in numbers]


def months_with(db: Database, hub_id: int, model_ids: Sequence[int]) -> list[Window]:
    """Those of them in which any of these models, given in order, has a row."""
    left = {_number(month): month for month in months_built(db, hub_id)}
    with db.connect() as conn:
        for part in chunks(model_ids):  # models known for long come first, and count in most months
            found = [
                number for number in left if rows_among(conn, _COUNTED, model_month.c.model_id, part, of_month=number)
            ]
            for number in found:
                del left[number]
    return [month for month in months_built(db, hub_id) if _number(month) not in left]


_COUNTED = select(model_month.c.model_id).where(model_month.c.month == bindparam("of_month", type_=Integer)).limit(1)


def _number(month: Window) -> int:
    return int(month.label.replace("-", ""))


def _window(number: int) -> Window:
    return month_window(f"{number // 100}-{number % 100:02}")

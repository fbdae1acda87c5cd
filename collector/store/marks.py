"""From which state of the facts derived rows were worked out: fingerprints, and what has changed since.

Knows which polls and imports a month can rest on; knows no rule by which its figures are made.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
)

from collector.model import Window
from collector.store.database import Database
from collector.store.readings import SPANS_AFTER, last_start_that_matters, second_whole_poll
from collector.store.schema import (
    build_mark,
    country_share,
    derivative_share,
    family_share,
    group_share,
    import_file,
    poll,
)
from collector.store.waiting import SHARES


def facts_fingerprint(db: Database, hub_id: int, window: Window, last_poll_id: int) -> str:
    """Changes whenever an import, or a poll numbered up to `last_poll_id`, changed what the window shows."""
    given = _given(db, hub_id, window) | {"last_poll_id": last_poll_id}
    with db.connect() as conn:
        imports = conn.execute(select(func.max(import_file.c.id)).where(import_file.c.hub_id == hub_id)).scalar()
        return "|".join(str(value) for value in (*conn.execute(_FINGERPRINT, given).one(), imports))


def last_poll(db: Database, hub_id: int, window: Window) -> int:
    """Number of the last poll that can change what the window shows; 0: there is none."""
    given = _given(db, hub_id, window)
    with db.connect() as conn:
        return conn.execute(_LAST, given).scalar() or 0


def _given(db: Database, hub_id: int, window: Window) -> dict[str, int]:
    """What the statements below ask for a window."""
    until = last_start_that_matters(db, hub_id, window)
    near = max(until, second_whole_poll(db, hub_id, window.end))
    return {"of_hub": hub_id, "until": until, "near_until": near, "window_end": window.end}


def _matters() -> ColumnElement[bool]:
    """Polls near the window, later ones whose growth begins near it, and those that tell whether its falls last and
    who is gone.
    """
    of_hub, until, near_until, end = (
        bindparam(name, type_=BigInteger) for name in ("of_hub", "until", "near_until", "window_end")
    )
    late, one = poll.alias("late"), poll.alias("one")
    # The one before: however long the polls pause, the first of them that is late enough tells that a fall lasts.
    earlier = select(func.max(one.c.started_at)).where(
        one.c.hub_id == of_hub, one.c.status == "complete", one.c.started_at < poll.c.started_at
    )
    before = func.coalesce(earlier.correlate(poll).scalar_subquery(), poll.c.started_at)
    after_late = exists().where(
        late.c.hub_id == of_hub,
        late.c.started_at > until - SPANS_AFTER,
        late.c.reaches_back_to < end + SPANS_AFTER,
        late.c.started_at <= poll.c.started_at,
        late.c.started_at >= before - SPANS_AFTER,
    )
    matters = or_(poll.c.started_at <= near_until, poll.c.reaches_back_to < end + SPANS_AFTER, after_late)
    return and_(poll.c.hub_id == of_hub, matters)


# Written once: a roll-up asks them for every month, and to put one together takes as long as to answer it.
_LAST = select(func.max(poll.c.id)).where(_matters())
_FINGERPRINT = select(
    func.count(),
    func.max(poll.c.id),
    func.sum(poll.c.pages),
    func.sum(poll.c.models_listed),
    func.sum(cast(poll.c.is_stale, Integer)),
    func.sum(cast(poll.c.status == "complete", Integer)),
).where(_matters(), poll.c.id <= bindparam("last_poll_id", type_=Integer))


def shares_of(month: Window) -> str:
    """The name of the mark under which a month's shares are built."""
    return f"{SHARES}{month.label}"


def mark_of(db: Database, hub_id: int, what: str) -> str | None:
    """The fingerprint under which something was built; None when it was not."""
    c = build_mark.c
    with db.connect() as conn:
        return conn.execute(select(c.fingerprint).where(c.hub_id == hub_id, c.what == what)).scalar()


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

"""Numbers to watch: how the polls go, how large the files are, what is unattributed and flagged. Cheap to ask often.

Only reads. Knows no schedule and no clock: how late something is, the caller says. Instants are Unix seconds.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, case, false, func, select

from collector.store.database import Database, database_path
from collector.store.schema import country_share, hub, import_file, model, model_month, month_build, poll


class LastPoll(NamedTuple):
    """The last complete poll of a hub."""

    id: int
    started_at: int
    models_listed: int
    models_new: int
    models_moved: int
    is_stale: bool


class HubNumbers(NamedTuple):
    """What a hub's polls came to so far."""

    hub: str
    last: LastPoll | None  #: None: no complete poll yet
    last_good_at: int | None  #: start of the last complete poll that is not stale; None: none
    complete_polls: int
    pages: int
    retries: int
    rows_skipped: int
    waited_seconds: float  #: in waits that the hub asked for
    unattributed_share: float | None  #: of the latest month worked out, headline scope; None: none yet


def last_complete_start(db: Database, hub_name: str, not_after: int) -> int | None:
    """Start of the hub's last complete poll that did not begin later than this; None: there is none."""
    query = (
        select(func.max(poll.c.started_at))
        .join(hub, hub.c.id == poll.c.hub_id)
        .where(hub.c.name == hub_name, *_COMPLETE, poll.c.started_at <= not_after)
    )
    with db.connect() as conn:
        found: int | None = conn.execute(query).scalar()
        return found


def facts_mark(db: Database) -> tuple[int | None, ...]:
    """Changes with every complete poll and every import: what was rolled up before is out of date."""
    polls = select(func.count(), func.max(poll.c.id), func.max(poll.c.finished_at)).where(poll.c.status == "complete")
    with db.connect() as conn:
        return (*conn.execute(polls).one(), conn.execute(select(func.max(import_file.c.id))).scalar())


def hub_numbers(db: Database, scope: str, attribution: str) -> list[HubNumbers]:
    """Every hub's numbers, by name; the unattributed share is that of this scope and attribution."""
    with db.connect() as conn:
        known = conn.execute(select(hub.c.id, hub.c.name).order_by(hub.c.name)).all()
        return [_numbers(conn, hub_id, name, scope, attribution) for hub_id, name in known]


def flags_of_latest_month(db: Database) -> dict[str, dict[str, int]]:
    """By hub and kind of flag: models that bear it in the latest month worked out. Reads that month whole."""
    b = month_build.c
    month = select(b.hub_id, func.max(b.month).label("month")).group_by(b.hub_id).subquery()
    query = (
        select(hub.c.name, model_month.c.flags, func.count())
        .join_from(model_month, model, model.c.id == model_month.c.model_id)
        .join(month, (month.c.hub_id == model.c.hub_id) & (month.c.month == model_month.c.month))
        .join(hub, hub.c.id == model.c.hub_id)
        .where(model_month.c.flags.is_not(None))
        .group_by(hub.c.name, model_month.c.flags)
    )
    found: dict[str, Counter[str]] = {}
    with db.connect() as conn:
        for name, flags, models in conn.execute(query):
            found.setdefault(name, Counter()).update(dict.fromkeys(flags.split(), models))
    return {name: dict(counts) for name, counts in found.items()}


def file_sizes(url: str) -> tuple[int, int] | None:
    """Bytes of the database file and of its write-ahead log; None on a server."""
    path = database_path(url)
    if path is None:
        return None
    return _bytes(path), _bytes(Path(f"{path}-wal"))


_COMPLETE = (poll.c.status == "complete", poll.c.scope != "import")


def _numbers(conn: Connection, hub_id: int, name: str, scope: str, attribution: str) -> HubNumbers:
    polled = (poll.c.hub_id == hub_id, poll.c.scope != "import")
    sums = select(
        func.sum(case((poll.c.status == "complete", 1), else_=0)),
        func.sum(poll.c.pages),
        func.sum(poll.c.retries),
        func.sum(poll.c.rows_skipped),
        func.sum(poll.c.waited_seconds),
    ).where(*polled)
    polls, pages, retries, skipped, waited = (value or 0 for value in conn.execute(sums).one())
    complete = (poll.c.hub_id == hub_id, *_COMPLETE)
    columns = (poll.c[field] for field in LastPoll._fields)
    last = conn.execute(select(*columns).where(*complete).order_by(poll.c.started_at.desc(), poll.c.id.desc())).first()
    good = select(func.max(poll.c.started_at)).where(*complete, poll.c.is_stale == false())
    return HubNumbers(
        name,
        None if last is None else LastPoll(*last),
        conn.execute(good).scalar(),
        polls,
        pages,
        retries,
        skipped,
        float(waited),
        _unattributed(conn, name, scope, attribution),
    )


def _unattributed(conn: Connection, name: str, scope: str, attribution: str) -> float | None:
    c = country_share.c
    of = (c.hub == name, c.scope == scope, c.attribution == attribution)
    latest = select(func.max(c.window)).where(*of).scalar_subquery()
    rows = conn.execute(select(c.country, c.share).where(*of, c.window == latest)).all()
    return sum(float(row.share) for row in rows if row.country == "ZZ") if rows else None


def _bytes(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0

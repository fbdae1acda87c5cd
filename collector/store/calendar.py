"""Which polls and imports there were, and which of them a window can rest on. Read-only; decides no figure.

Instants are Unix seconds.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Select, and_, func, or_, select

from collector.model import Window
from collector.store import hub_polls
from collector.store.database import Database
from collector.store.numbering import of_poll
from collector.store.readings import reads_until
from collector.store.schema import absence, import_file, observation, poll


class PollMade(NamedTuple):
    """A poll that ended well, or a day of an imported file."""

    id: int
    scope: str  #: all, top or import
    top: int | None
    started_at: int
    finished_at: int | None
    is_stale: bool
    is_thin: bool
    file: str  #: of the import; empty when polled


class Turnover(NamedTuple):
    """How the list of models changed in a window."""

    entered: int  #: models listed for the first time, the hub's first poll left out
    left: int  #: models listed within the window, and not by its last complete poll (a thin one proves nothing)


class Imported(NamedTuple):
    """A file of history and its terms."""

    file_name: str
    source: str
    license: str


def polls_made(db: Database, hub_id: int) -> list[PollMade]:
    """The complete polls of a hub and the days of its imports, by time."""
    c = poll.c
    statement = (
        select(
            c.id,
            c.scope,
            c.top,
            c.started_at,
            c.finished_at,
            c.is_stale,
            c.is_thin,
            func.coalesce(import_file.c.file_name, ""),
        )
        .join_from(poll, import_file, isouter=True)
        .where(c.hub_id == hub_id, c.status == "complete")
        .order_by(c.started_at, c.id)
    )
    with db.connect() as conn:
        return [PollMade(*row) for row in conn.execute(statement)]


def imports(db: Database, hub_id: int) -> list[Imported]:
    """The files imported for a hub, in the order of their import."""
    c = import_file.c
    with db.connect() as conn:
        statement = select(c.file_name, c.source, c.license).where(c.hub_id == hub_id).order_by(c.id)
        return [Imported(*row) for row in conn.execute(statement)]


def reach(db: Database, hub_id: int) -> tuple[int | None, int | None]:
    """The earliest reading of a hub and the moment until which it was read; None when it never was."""
    first = select(poll.c.id, poll.c.started_at).where(poll.c.hub_id == hub_id).order_by(poll.c.started_at, poll.c.id)
    with db.connect() as conn:
        for poll_id, started_at in conn.execute(first).all():
            after: int | None = conn.execute(select(func.min(observation.c.seconds)).where(of_poll(poll_id))).scalar()
            if after is not None:
                found, until = started_at + after, hub_polls.as_of(db, hub_id, hub_polls.read(db, hub_id))
                return found, found if until is None else max(found, until)
    return None, None


def first_read(db: Database, hub_id: int) -> tuple[int, int] | None:
    """Two moments between which the earliest reading of a hub lies; None when it never was read.

    `reach` knows the moment, and looks at every reading of a first poll of the whole hub for it.
    """
    c = poll.c
    query = select(c.id, c.started_at, reads_until()).where(c.hub_id == hub_id).order_by(c.started_at, c.id)
    with db.connect() as conn:
        for poll_id, started_at, until in conn.execute(query).all():
            if conn.execute(select(observation.c.id).where(of_poll(poll_id)).limit(1)).first() is not None:
                return started_at, until
    return None


def turnover(db: Database, hub_id: int, window: Window) -> Turnover:
    """Models that entered and left the list in a window; the same whenever it is asked once the window is over."""
    within = and_(poll.c.started_at >= window.start, poll.c.started_at < window.end)
    polled = and_(poll.c.hub_id == hub_id, poll.c.scope != "import")
    complete = select(poll.c.id, poll.c.started_at).where(polled, poll.c.status == "complete")
    last_in_window = complete.where(within, poll.c.is_thin.is_(False)).order_by(*_LATEST_FIRST)
    with db.connect() as conn:
        first = conn.execute(complete.order_by(poll.c.started_at, poll.c.id)).first()
        last = conn.execute(last_in_window).first()
        if first is None:
            return Turnover(0, 0)
        # Each model was new to one poll: a whole hub's models need not be counted.
        entered = select(func.coalesce(func.sum(poll.c.models_new), 0)).where(polled, within, poll.c.id != first.id)
        left = 0 if last is None else conn.execute(_away_at(hub_id, window.start, last.started_at)).scalar_one()
        return Turnover(conn.execute(entered).scalar_one(), left)


_LATEST_FIRST = (poll.c.started_at.desc(), poll.c.id.desc())


def _away_at(hub_id: int, since: int, at: int) -> Select[int]:
    """How many models the poll of this moment did not list, of those that an earlier poll since `since` did."""
    listed, missed, returned = poll.alias("listed"), poll.alias("missed"), poll.alias("returned")
    return (
        select(func.count(absence.c.model_id.distinct()))
        .join(listed, listed.c.id == absence.c.listed_poll_id)
        .join(missed, missed.c.id == absence.c.poll_id)
        .outerjoin(returned, returned.c.id == absence.c.returned_poll_id)
        .where(listed.c.hub_id == hub_id, listed.c.started_at >= since, missed.c.started_at <= at)
        .where(or_(returned.c.id.is_(None), returned.c.started_at > at))
    )

"""Which polls and imports there were, and which of them a window can rest on. Read-only; decides no figure.

Instants are Unix seconds.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Select, and_, func, select

from collector.model import Window
from collector.store.database import Database
from collector.store.readings import as_of
from collector.store.schema import import_file, model, model_state, observation, poll


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
    left: int  #: models that the window's last complete poll no longer lists, listed last within the window


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
    first = select(poll.c.id).where(poll.c.hub_id == hub_id).order_by(poll.c.started_at, poll.c.id)
    at = select(func.min(poll.c.started_at + observation.c.seconds)).join_from(observation, poll)
    with db.connect() as conn:
        for poll_id in conn.execute(first).scalars().all():
            found: int | None = conn.execute(at.where(observation.c.poll_id == poll_id)).scalar()
            if found is not None:
                until = as_of(db, hub_id)
                return found, found if until is None else max(found, until)
    return None, None


def turnover(db: Database, hub_id: int, window: Window) -> Turnover:
    """Models that entered and left the list in a window."""
    within = and_(poll.c.started_at >= window.start, poll.c.started_at < window.end)
    polled = and_(poll.c.hub_id == hub_id, poll.c.scope != "import")
    complete = select(poll.c.id).where(polled, poll.c.status == "complete")
    models = select(func.count()).select_from(model).join(model_state)
    with db.connect() as conn:
        first = conn.execute(_earliest(complete)).scalar()
        last = conn.execute(complete.where(within).order_by(poll.c.started_at.desc(), poll.c.id.desc())).scalar()
        entered = models.join(poll, poll.c.id == model.c.first_poll_id).where(polled, within, poll.c.id != first)
        left = models.join(poll, poll.c.id == model_state.c.listed_poll_id).where(polled, within, poll.c.id != last)
        return Turnover(
            conn.execute(entered).scalar_one() if first is not None else 0,
            conn.execute(left).scalar_one() if last is not None else 0,
        )


def _earliest(polls: Select[tuple[int]]) -> Select[tuple[int]]:
    return polls.order_by(poll.c.started_at, poll.c.id)

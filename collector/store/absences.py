"""Which models a hub no longer lists, since when, and which came back: noted when a poll ends.

The state of a model says only which poll listed it last, so a return would wipe out that it was ever away; a report of
a window that is over must not change with it. Opens no transaction of its own; knows no hub and no clock.
"""

from __future__ import annotations

from sqlalchemy import Connection, exists, func, insert, literal, select, update

from collector.store.schema import absence, model, model_state, poll


def note_absences(conn: Connection, hub_id: int, poll_id: int, *, proves_absence: bool) -> None:
    """Notes at the end of a complete poll who came back with it and, if it proves absences, who is missing from it.

    A thin poll proves none: who is missing from it is noted by the next poll that does, if it is missing there too.
    """
    state, away = model_state.c, absence.c
    is_back = exists().where(state.model_id == away.model_id, state.listed_poll_id == poll_id)
    conn.execute(update(absence).where(away.returned_poll_id.is_(None), is_back).values(returned_poll_id=poll_id))
    if not proves_absence:
        return
    before = select(func.max(poll.c.id)).where(
        poll.c.hub_id == hub_id,
        poll.c.status == "complete",
        poll.c.scope != "import",
        poll.c.is_thin.is_(False),
        poll.c.id != poll_id,
    )
    since = conn.execute(before).scalar()
    if since is None:
        return
    missing = (
        select(state.model_id, literal(poll_id), state.listed_poll_id)
        .join_from(model_state, model)
        # Listed by the poll before or since; who is away for longer was noted then. + 0: not by the index of hubs.
        .where(state.listed_poll_id >= since, state.listed_poll_id != poll_id, model.c.hub_id + 0 == hub_id)
    )
    conn.execute(insert(absence).from_select(["model_id", "poll_id", "listed_poll_id"], missing))

"""What of a window's growth is a mere sum, poll by poll; and which models are no mere sum. Adds nothing up.

Plain is a rise that its own 30-day count explains: it lies evenly between the last sighting of the value before and its
reading, and a window takes its part. Everything else (`UNUSUAL` readings, two readings at one instant, models without a
cumulative counter) is judged by the measure from the readings themselves. Knows no rule for those. Instants are Unix
seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, text

from collector.model import Window
from collector.series import NOT_SAID, Ints, Readings
from collector.store import readings as stored
from collector.store.arrays import columns_of, fetched
from collector.store.database import Database
from collector.store.histories import chunks
from collector.store.hub_polls import BEFORE, SPANS_AFTER
from collector.store.numbering import AT, BEGIN, of_model, of_poll
from collector.store.schema import UNUSUAL, observation, poll
from collector.store.timing import SECONDS, seconds_of, span_of

_MANY = 5_000  # models whose readings are worth looking up one by one

ALL = (0, 2**31 - 1)  #: polls by number: above the first, up to the second


class Basis(NamedTuple):
    """What the measure needs of a window beside the plain sums."""

    judged: Ints  #: models whose figures are worked out from all their readings, in order
    of_judged: Readings
    firsts: Readings  #: first sightings of all other models


# --- the plain part -------------------------------------------------------------------------------------------------


class Rises(NamedTuple):
    """Growth that one poll read, or a part of it: at most once of each model."""

    whole_of: Ints  #: models whose growth lies wholly in the window, and …
    whole: Ints  #: … their downloads
    cut_of: Ints  #: models whose growth begins before the window or ends after it, …
    cut: Ints  #: … their downloads, …
    begin: Ints  #: … the last sighting of the value before, …
    end: Ints  #: … and the reading


class Growth(NamedTuple):
    """Plain growth that one poll read, wherever it lies: at most once of each model."""

    model_id: Ints
    downloads: Ints
    time_and_span: Ints  #: of the reading, as it is stored


PollGrowth = Callable[[int], Growth]  #: of the poll with this number


def growth_by_poll(db: Database) -> PollGrowth:
    """Reads the growth of one poll after the other: one that is asked for twice running, at the border of two months,
    is read once.
    """
    return lru_cache(maxsize=1)(partial(_growth, db))


def _growth(db: Database, poll_id: int) -> Growth:
    read = _RISES.add_columns(observation.c.time_and_span).where(of_poll(poll_id))
    with db.connect() as conn:
        return Growth(*columns_of(conn, read))


def rises(
    db: Database, hub_id: int, window: Window, polls: tuple[int, int] = ALL, growth: PollGrowth | None = None
) -> Iterator[Rises]:
    """The plain growth that touches the window, read by these polls: one after the other, in parts.

    Of judged models it says nothing true: theirs is to be replaced. To have the database add it up by model takes
    several times as long: a month of the whole hub is twelve million readings. `growth` reads the polls of several
    windows, where these are asked for one after the other.
    """
    growth = growth or growth_by_poll(db)
    with db.connect() as conn:
        touching = conn.execute(_touching(hub_id, window, polls)).all()
    for of in touching:
        if _lies_within(window, of.started_at, of.reaches_back_to):
            with db.connect() as conn:
                models, downloads = columns_of(conn, _RISES.where(of_poll(of.id)))
            yield Rises(models, downloads, _NONE, _NONE, _NONE, _NONE)
        else:
            yield from _parted(growth(of.id), window, of.started_at)


def _lies_within(window: Window, started_at: int, reaches_back_to: int | None) -> bool:
    """Whether all growth that a poll read begins and ends in the window: then no reading is asked when it was."""
    return reaches_back_to is not None and window.start <= reaches_back_to and started_at + SECONDS <= window.end


_NONE = np.empty(0, np.int64)


def _parted(read: Growth, window: Window, started_at: int) -> Iterator[Rises]:
    """What a poll read, each reading asked where its growth lies; part by part.

    In memory: to let the database work out each moment and compare it takes half as long again.
    """
    for at in range(0, len(read.model_id), _AT_A_TIME):
        models, downloads, when = (column[at : at + _AT_A_TIME] for column in read)
        end = started_at + seconds_of(when)
        begin = end - span_of(when)  # what rises has a span
        whole = (window.start <= begin) & (end <= window.end)
        cut = ~whole & (begin < window.end) & (end > window.start)
        yield Rises(models[whole], downloads[whole], models[cut], downloads[cut], begin[cut], end[cut])


_AT_A_TIME = 1 << 15  # readings: what is made of so many on the way takes no new memory, and stays near the processor


_RISES = select(observation.c.model_id, observation.c.delta).where(
    observation.c.delta > 0, observation.c.downloads_all_time.is_not(None)
)


def _touching(hub_id: int, window: Window, polls: tuple[int, int]) -> Select[tuple[int, int, int]]:
    """The polls that may have read growth in the window: number, start, and where their growth begins."""
    p = poll.c
    reads_in_it = or_(p.started_at >= window.start, stored.reads_until() > window.start)
    begins_in_it = or_(p.started_at < window.end, p.reaches_back_to < window.end)
    near = p.started_at >= window.start - BEFORE
    columns = select(p.id, p.started_at, p.reaches_back_to)
    return columns.where(p.hub_id == hub_id, *_numbered(polls), near, reads_in_it, begins_in_it)


def _numbered(polls: tuple[int, int]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return poll.c.id > polls[0], poll.c.id <= polls[1]


# --- what is judged -------------------------------------------------------------------------------------------------


def basis(db: Database, hub_id: int, window: Window, until: int, polls: tuple[int, int] = ALL) -> Basis:
    """The judged models with their readings, and the first sightings (by these polls) of others.

    `until` is the start of the last poll that matters to the window as a matter of course.
    """
    with db.connect() as conn:
        unusual, latest = _unusual_models(conn, hub_id, window, until)
        rolling = stored.with_rolling_only(conn, hub_id)
        stepping = np.setdiff1d(np.union1d(unusual, _doubled(conn, hub_id, window, until)), rolling)
        near = _rows_of(conn, hub_id, stepping, window, max(until, latest + SPANS_AFTER))
        parts = [fetched(conn, stored.of_models(hub_id, part)) for part in chunks(rolling.tolist())]
        firsts = fetched(conn, _firsts(hub_id, window, until, polls))
    judged = np.union1d(stepping, rolling)
    others = firsts[~np.isin(firsts[:, 0], judged)]
    return Basis(judged, stored.as_readings(np.concatenate([near, *parts])), stored.as_readings(others))


def near(db: Database, hub_id: int, model_ids: Ints, window: Window, until: int) -> Readings:
    """The readings of a few models that their growth in the window rests on; `until` as of `basis`."""
    with db.connect() as conn:
        if _last_read(conn, hub_id) + SPANS_AFTER > until:  # else no step was read so late that more matters
            until = max(until, _unusual_models(conn, hub_id, window, until)[1] + SPANS_AFTER)
        return stored.as_readings(_rows_of(conn, hub_id, model_ids, window, until))


def _last_read(conn: Connection, hub_id: int) -> int:
    """Nothing of the hub was read after this; 0: nothing was read at all."""
    return conn.execute(select(func.max(stored.reads_until())).where(poll.c.hub_id == hub_id)).scalar() or 0


def _unusual_models(conn: Connection, hub_id: int, window: Window, until: int) -> tuple[Ints, int]:
    """The models with an unusual step that can touch the window, and when the last of these steps was read."""
    near = and_(poll.c.started_at >= window.start - BEFORE, poll.c.started_at <= until)
    late = and_(poll.c.started_at > until, poll.c.reaches_back_to < window.end)
    query = (
        select(observation.c.model_id, AT)
        .join_from(poll, observation)
        .where(poll.c.hub_id == hub_id, or_(near, late))
        .where(text(UNUSUAL), observation.c.delta.is_not(None), window.end > BEGIN)
    )
    rows = fetched(conn, query)
    return np.unique(rows[:, 0]), int(rows[:, 1].max()) if len(rows) else 0


def _firsts(hub_id: int, window: Window, until: int, polls: tuple[int, int]) -> Select[Any]:
    """The readings of counters that were not read before."""
    within = (poll.c.started_at >= window.start - BEFORE, poll.c.started_at <= until)
    return (
        select(*stored.READING)
        .join_from(poll, observation)  # by the index of unusual readings
        .where(poll.c.hub_id == hub_id, *_numbered(polls), *within)
        .where(text(UNUSUAL), observation.c.delta.is_(None), observation.c.downloads_all_time.is_not(None))
    )


def _doubled(conn: Connection, hub_id: int, window: Window, until: int) -> Ints:
    """The models that two polls near the window read at one instant; only polls that overlap can."""
    found = [np.empty((0, 1), np.int64)]
    one, other = observation.alias("one"), observation.alias("other")
    for earlier, later in _overlapping(conn, hub_id, window, until):
        same_instant = one.c.seconds + earlier.started_at == other.c.seconds + later.started_at
        query = (
            select(one.c.model_id)
            .join_from(one, other, of_model(one.c.model_id, later.id, other))
            .where(of_poll(earlier.id, one), same_instant)
        )
        found.append(fetched(conn, query))
    return np.unique(np.concatenate(found))


class _Reach(NamedTuple):
    id: int
    started_at: int
    reads_until: int


def _overlapping(conn: Connection, hub_id: int, window: Window, until: int) -> Iterator[tuple[_Reach, _Reach]]:
    query = (
        select(poll.c.id, poll.c.started_at, stored.reads_until())
        .where(poll.c.hub_id == hub_id, poll.c.started_at >= window.start - BEFORE, poll.c.started_at <= until)
        .order_by(poll.c.started_at, poll.c.id)
    )
    open_polls: list[_Reach] = []
    for later in (_Reach(*row) for row in conn.execute(query)):
        open_polls = [earlier for earlier in open_polls if earlier.reads_until >= later.started_at]
        yield from ((earlier, later) for earlier in open_polls)
        open_polls.append(later)


def _rows_of(conn: Connection, hub_id: int, model_ids: Ints, window: Window, until: int) -> Ints:
    """The readings of these models from shortly before the window until a moment, and later ones that reach back."""
    near_end = window.end + SPANS_AFTER
    by_then = or_(poll.c.started_at <= until, poll.c.reaches_back_to < near_end)
    polls = (poll.c.started_at >= window.start - BEFORE, by_then)
    if len(model_ids) > _MANY:
        rows = fetched(conn, stored.READINGS.where(poll.c.hub_id == hub_id, *polls))
        rows = rows[np.isin(rows[:, 0], model_ids)]
    else:
        asked = (stored.of_models(hub_id, part, *polls) for part in chunks(model_ids.tolist()))
        rows = np.concatenate(
            [np.empty((0, 8), np.int64), *(np.column_stack(columns_of(conn, each)) for each in asked)]
        )
    at, started_at, span = rows[:, 1], rows[:, 3], rows[:, 6]
    kept: Ints = rows[(started_at <= until) | ((span != NOT_SAID) & (at - span < near_end))]
    return kept


def is_in_order(db: Database, hub_id: int, after: int) -> bool:
    """Whether all polls numbered above `after` began after everything that the others had read: nothing was rewritten.

    A reading that comes before a stored one gives that one another span.
    """
    ours = select(func.max(stored.reads_until())).where(poll.c.hub_id == hub_id, poll.c.id <= after)
    new = select(poll.c.started_at, stored.reads_until()).where(poll.c.hub_id == hub_id, poll.c.id > after)
    with db.connect() as conn:
        read_until = conn.execute(ours).scalar() or 0
        reaches = [(0, read_until), *(tuple(row) for row in conn.execute(new.order_by(poll.c.id)))]
    return all(later[0] >= earlier[1] for earlier, later in pairwise(reaches))

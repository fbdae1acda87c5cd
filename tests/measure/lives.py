"""Lives of models, as the reference takes them, and the columns that the measure gets of them.

What is kept of a sighting is decided by the store's own rules, so that the whole way is held against the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collector.measure.windows import WindowGrowth, in_window
from collector.model import DAY, Window
from collector.series import NO_DELTA, NOT_SAID, Models, Polls, Readings
from collector.store.changes import UNREAD, Reading, State, Stored, compare, merge
from tests.measure.reference import Life, Poll, Sighting


class Hub:
    """Polls and lives as the columns that a store would hand out."""

    def __init__(self, lives: Sequence[Life], polls: Sequence[Poll]) -> None:
        self.lives, self.polls = lives, polls
        kept = [kept_of(life, polls) for life in lives]
        self.readings = readings_of([(i, row) for i, (rows, _) in enumerate(kept, 1) for row in rows], polls)
        self.models = models_of(lives, [state for _, state in kept])
        self.poll_table = poll_table(polls)
        self.as_of = polls[-1].started_at

    def in_window(self, start: int, end: int, readings: Readings | None = None) -> WindowGrowth:
        window = Window(start, end, f"{start}..{end}")
        rows = self.readings if readings is None else readings
        return in_window(rows, self.models, self.poll_table, window, self.as_of)


def kept_of(life: Life, polls: Sequence[Poll]) -> tuple[list[Stored], State]:
    """The rows and the state after every sighting, in the order in which the polls came."""
    stale = {poll.started_at for poll in polls if poll.stale}
    number = {poll.started_at: i for i, poll in enumerate(polls, 1)}
    rows: list[Stored] = []
    state = UNREAD
    for sighting in life.sightings:
        reading = Reading(sighting.at, sighting.all_time, sighting.rolling)
        change = compare(state, reading)
        if change is None:
            rows, state = merged_into(rows, state, reading, number[sighting.poll])
            continue
        repeats = change.row is None or change.row.delta == 0
        if sighting.poll in stale and repeats:
            continue
        state = change.state
        if change.row is not None:
            rows.append(Stored(number[sighting.poll], *reading, change.row.span, change.row.delta))
    return rows, state


def merged_into(rows: list[Stored], state: State, reading: Reading, poll_id: int) -> tuple[list[Stored], State]:
    merged = merge(rows, state, [reading], cut=True)
    new = {rewrite.poll_id: rewrite for rewrite in merged.rewrites}
    changed = [row._replace(**new[row.poll_id]._asdict()) if row.poll_id in new else row for row in rows]
    changed += [Stored(poll_id, *row.reading, row.span, row.delta) for row in merged.rows]
    return sorted(changed, key=lambda row: (row.at, row.poll_id)), merged.state


def readings_of(rows: Sequence[tuple[int, Stored]], polls: Sequence[Poll]) -> Readings:
    columns = [
        (
            model_id,
            row.at,
            row.poll_id,
            polls[row.poll_id - 1].started_at,
            said(row.all_time),
            said(row.rolling),
            said(row.span),
            NO_DELTA if row.delta is None else row.delta,
        )
        for model_id, row in rows
    ]
    return Readings(*np.array(columns, np.int64).reshape(-1, 8).T)


def models_of(lives: Sequence[Life], states: Sequence[State]) -> Models:
    return Models(
        np.arange(1, len(lives) + 1),
        np.ones(len(lives), np.int64),
        np.array([said(life.created_at) for life in lives], np.int64),
        np.array([said(state.seen_at) for state in states], np.int64),
        np.array([life.sightings[0].poll if life.sightings else NOT_SAID for life in lives], np.int64),
        np.array([life.gone for life in lives], np.bool_),
    )


def poll_table(polls: Sequence[Poll]) -> Polls:
    started_at = np.array([poll.started_at for poll in polls], np.int64)
    flags = [np.array([getattr(poll, name) for poll in polls], np.bool_) for name in ("whole", "thin", "stale")]
    return Polls(np.arange(1, len(polls) + 1), started_at, started_at, *flags)


def rows_where(readings: Readings, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Readings:
    return Readings(*(getattr(readings, name)[mask] for name in Readings.__slots__))


def rows_loaded(readings: Readings, polls: Sequence[Poll], start: int, end: int) -> Readings:
    """What the store loads for a window, as its `readings` does in SQL."""
    following = [poll.started_at for poll in polls if poll.started_at >= end]
    until = max([end + 32 * DAY, *following[:1]])
    near = (readings.poll_started_at >= start - 9 * DAY) & (readings.poll_started_at <= until)
    reaches_back = (readings.span != NOT_SAID) & (readings.at - readings.span < end + 8 * DAY)
    alone = np.isin(readings.model_id, readings.model_id[readings.all_time == NOT_SAID])
    return rows_where(readings, near | (reaches_back & (readings.poll_started_at > until)) | alone)


def daily(values: Sequence[int | None], start: int, rolling: int | None = 10**7) -> list[Sighting]:
    """A reading a day, each by a poll of its own."""
    return [Sighting(start + i * DAY, value, rolling, start + i * DAY) for i, value in enumerate(values)]


def said(value: int | None) -> int:
    return NOT_SAID if value is None else value

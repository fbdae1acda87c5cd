"""What is known of the time before a model's first reading. Pure; knows no SQL and no window.

The first sighting is not growth. Rules: README "The first sighting".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.measure.spans import FIRST, NEVER, Spans
from collector.measure.steps import ROLLING_SECONDS
from collector.measure.tiles import NEAR_SECONDS
from collector.model import CREATED_AT_FLOOR, DAY
from collector.series import NOT_SAID, Bools, Ints, Polls

_LONGEST_POLL = 2 * DAY  # a reading's poll began within so much time before it


@dataclass(frozen=True, slots=True)
class FirstSightings:
    """The earliest reading of the cumulative counter of each model; columns of equal length."""

    model_id: Ints
    at: Ints
    poll_started_at: Ints  #: of the earliest poll that read it
    all_time: Ints
    rolling: Ints  #: 30-day count of the same reading, or NOT_SAID
    created_at: Ints  #: or NOT_SAID
    first_listed_at: Ints  #: start of the poll that listed the model first, or NOT_SAID


@dataclass(frozen=True, slots=True)
class BeforeFirst:
    """Growth before the first sightings, and from when on each model is covered."""

    spans: Spans  #: one for each model of which something is known
    covered_from: Ints  #: for each first sighting; NEVER: from ever, since the model did not exist before


def before_first(sightings: FirstSightings, polls: Polls) -> BeforeFirst:
    """Growth before each first sighting.

    1. Created after the last complete poll: from 0 since `created_at`.
    2. Older, not listed by the last complete poll of the whole hub, lifetime count no more than the 30-day count:
       from 0 since that poll (a repository may exist in private before it is launched).
    3. Without such a poll, created within the last 30 days: from 0 since `created_at`.
    4. Else estimated: the 30-day count, evenly over the 30 days before or since `created_at` if later.
    """
    created = believable_creation(sightings.created_at, sightings.at)
    known = created != NOT_SAID
    last = _last_before(polls.started_at[~polls.thin], sightings.poll_started_at)
    whole = _absent_from(polls, sightings, created)
    has_rolling = sightings.rolling != NOT_SAID
    born = known & (last != NOT_SAID) & (created > last)
    launched = ~born & (whole != NOT_SAID) & has_rolling & (sightings.all_time <= sightings.rolling)
    young = ~born & (whole == NOT_SAID) & known & (sightings.at - created <= ROLLING_SECONDS)
    estimated = ~(born | launched | young) & has_rolling
    reach = sightings.at - ROLLING_SECONDS
    start = np.select(
        [born | young, launched, estimated],
        [created, whole, np.where(known, np.maximum(reach, created), reach)],
        NOT_SAID,
    )
    some = born | launched | young | estimated
    amount = np.where(estimated, sightings.rolling, sightings.all_time)
    count = int(some.sum())
    spans = Spans(
        sightings.model_id[some],
        start[some],
        sightings.at[some],
        amount[some],
        np.zeros(count, np.int64),
        estimated[some],
        np.full(count, FIRST, np.int64),
        np.full(count, NEVER, np.int64),
    )
    existed = estimated & ~(known & (created >= reach))
    covered_from = np.where(some, np.where(existed, start, NEVER), sightings.at)
    return BeforeFirst(spans, covered_from)


def can_tell_apart(one: Ints, other: Ints, first_at: Ints, polls: Polls) -> Bools:
    """Whether what is known of the time before a first reading (`first_at`) can differ between two creations of models.

    Not where both lie before all that can be known of that time: a creation so old says no more than none.
    """
    latest = np.maximum(believable_creation(one, first_at), believable_creation(other, first_at))
    known_since = first_at - ROLLING_SECONDS - NEAR_SECONDS  # tiles reach back so far
    before = first_at - _LONGEST_POLL
    for started_at in (polls.started_at[~polls.thin], polls.started_at[polls.whole & ~polls.thin]):
        last = _last_before(started_at, before)
        known_since = np.where(last == NOT_SAID, known_since, np.minimum(known_since, last))
    found: Bools = (one != other) & (latest >= known_since)
    return found


def believable_creation(created_at: Ints, first_at: Ints) -> Ints:
    """`created_at`, at the latest a second before the first reading; NOT_SAID where it is the Hub's floor.

    The Hub gives everything older than its floor that one time, so it is no date.
    """
    known = (created_at != NOT_SAID) & (created_at != CREATED_AT_FLOOR)
    return np.where(known, np.minimum(created_at, first_at - 1), NOT_SAID)


def _last_before(started_at: Ints, instant: Ints) -> Ints:
    """The latest poll that started before each instant, or NOT_SAID."""
    if len(started_at) == 0:
        return np.full(len(instant), NOT_SAID, np.int64)
    place = np.searchsorted(started_at, instant, side="left") - 1
    return np.where(place >= 0, started_at[np.maximum(place, 0)], NOT_SAID)


def _absent_from(polls: Polls, sightings: FirstSightings, created: Ints) -> Ints:
    """Start of the last complete poll of the whole hub before each first sighting, where it lacked an older model."""
    proof: Bools = polls.whole & ~polls.thin
    last = _last_before(polls.started_at[proof], sightings.poll_started_at)
    listed = (sightings.first_listed_at != NOT_SAID) & (sightings.first_listed_at <= last)
    return np.where(listed | (created > last), NOT_SAID, last)

"""Readings, models and polls as columns of numbers: what the store hands to the measure.

Knows no SQL and no rule. Every array is int64 unless said otherwise; instants are Unix seconds. `NOT_SAID` stands for
None, so that silence never becomes zero; counters are never negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOT_SAID = -1
NO_DELTA = np.iinfo(np.int64).min  #: no reading of the same counter before

Ints = NDArray[np.int64]
Narrow = NDArray[np.signedinteger[Any]]  #: whole numbers of some kind that holds them all; widened to reckon with
Bools = NDArray[np.bool_]


def distinct(numbers: Ints) -> Ints:
    """In order, each once.

    Not np.unique, which puts them in a hash table before it sorts: thrice the time. At its first use it also loads a
    part of numpy that nothing here asks for: 11 ms of a command.
    """
    ordered = np.sort(numbers)
    return ordered[begins_of_runs(ordered)]


def is_unbroken(ordered: Ints) -> bool:
    """Whether there are numbers, and none is missing between the first and the last: a hub alone in its database."""
    return bool(len(ordered) and ordered[-1] - ordered[0] + 1 == len(ordered))


def begins_of_runs(ordered: Ints) -> Ints:
    """The place at which each number of an ordered column stands first."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(ordered) else np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Readings:
    """Stored readings, sorted by (model_id, at, poll_id). All arrays have the same length."""

    model_id: Ints
    at: Ints  #: instant of the reading
    poll_id: Ints
    poll_started_at: Ints  #: start of the poll that made it
    all_time: Ints  #: cumulative counter, or NOT_SAID
    rolling: Ints  #: downloads_30d, or NOT_SAID
    span: Ints  #: seconds since the last sighting of the value before; NOT_SAID at the very first reading
    delta: Ints  #: counter minus the one before; NO_DELTA at the first sighting of this counter

    def __len__(self) -> int:
        return len(self.model_id)


@dataclass(frozen=True, slots=True)
class Models:
    """What is known of models beside their readings, sorted by model_id."""

    model_id: Ints
    publisher_id: Ints  #: as of the window's last day
    created_at: Ints  #: or NOT_SAID
    seen_at: Ints  #: last sighting of the present value, or NOT_SAID
    first_listed_at: Ints  #: start of the poll that listed it first, or NOT_SAID
    gone: Bools  #: absent from two complete polls of the whole hub that prove absence

    def __len__(self) -> int:
        return len(self.model_id)


@dataclass(frozen=True, slots=True)
class Polls:
    """The complete polls of a hub (imports left out), sorted by started_at."""

    poll_id: Ints
    started_at: Ints
    finished_at: Ints
    whole: Bools  #: of the whole hub
    thin: Bools  #: its absences prove nothing
    stale: Bools  #: its unmoved counters were not read

    def __len__(self) -> int:
        return len(self.poll_id)

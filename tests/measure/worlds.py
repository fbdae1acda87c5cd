"""Small worlds for the tests of the measure: readings written as a table of (time, all_time, rolling)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from collector.measure.windows import WindowGrowth, in_window
from collector.model import DAY, Window
from collector.series import NO_DELTA, NOT_SAID, Models, Polls, Readings

Sighting = tuple[int, int | None, int | None]  #: (instant, downloads_all_time, downloads_30d)


@dataclass
class World:
    """Models with every sighting made of them; keeps only changes, as the store does."""

    created: dict[int, int | None] = field(default_factory=dict)
    sightings: dict[int, list[Sighting]] = field(default_factory=dict)
    first_listed: dict[int, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    polls: list[tuple[int, bool]] = field(default_factory=list)  #: (start, whole)

    def model(self, sightings: Iterable[Sighting], created: int | None = None, *, gone: bool = False) -> World:
        number = len(self.sightings) + 1
        self.sightings[number] = sorted(sightings, key=lambda s: s[0])
        self.created[number] = created
        if gone:
            self.gone.add(number)
        return self

    def polled(self, *starts: int, whole: bool = True) -> World:
        self.polls = sorted([*self.polls, *((start, whole) for start in starts)])
        return self

    def readings(self) -> Readings:
        rows = [row for number in self.sightings for row in change_only(number, self.sightings[number])]
        columns = np.array(rows, np.int64).reshape(-1, 8).T
        return Readings(*columns)

    def models(self) -> Models:
        ids = np.array(sorted(self.sightings), np.int64)
        return Models(
            ids,
            np.ones(len(ids), np.int64),
            np.array([_said(self.created[i]) for i in ids], np.int64),
            np.array([_said(self.sightings[i][-1][0] if self.sightings[i] else None) for i in ids], np.int64),
            np.array([_said(self.first_listed.get(int(i), _first(self.sightings[i]))) for i in ids], np.int64),
            np.array([int(i) in self.gone for i in ids], np.bool_),
        )

    def poll_table(self) -> Polls:
        starts = np.array([start for start, _ in self.polls], np.int64)
        whole = np.array([w for _, w in self.polls], np.bool_)
        none = np.zeros(len(starts), np.bool_)
        return Polls(np.arange(1, len(starts) + 1), starts, starts, whole, none, none)

    def in_window(self, start: int, end: int, as_of: int | None = None) -> WindowGrowth:
        last = max((s[0] for series in self.sightings.values() for s in series), default=0)
        window = Window(start, end, f"{start}..{end}")
        return in_window(self.readings(), self.models(), self.poll_table(), window, last if as_of is None else as_of)


def change_only(number: int, sightings: Sequence[Sighting]) -> list[tuple[int, ...]]:
    """The rows a store keeps of these sightings: changes of the counter, with span and delta."""
    rows: list[tuple[int, ...]] = []
    value: int | None = None
    cumulative, seen = False, 0
    for at, all_time, rolling in sightings:
        counter = rolling if all_time is None else all_time
        if counter is None or (cumulative and all_time is None):
            continue
        same_kind = value is not None and cumulative == (all_time is not None)
        if not same_kind or counter != value:
            span = NOT_SAID if value is None else at - seen
            delta = counter - value if same_kind and value is not None else NO_DELTA
            rows.append((number, at, at // DAY, at, _said(all_time), _said(rolling), span, delta))
        value, cumulative, seen = counter, all_time is not None, at
    return rows


def _said(value: int | None) -> int:
    return NOT_SAID if value is None else value


def _first(sightings: Sequence[Sighting]) -> int | None:
    return sightings[0][0] if sightings else None

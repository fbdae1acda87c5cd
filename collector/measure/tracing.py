"""The steps behind one model's window, for whoever follows a figure. Pure; `windows` and `tiles` do the sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from collector.measure.steps import ROLLING_SECONDS
from collector.measure.tiles import NEAR_SECONDS, RollingSeries, rolling_at
from collector.measure.windows import Growth, believable, rolling_series
from collector.model import Window
from collector.series import NOT_SAID, Models, Readings


class Sighting(NamedTuple):
    """A 30-day count, and when it was read: the sighting of it that lies nearest."""

    at: int
    downloads_30d: int


class Tile(NamedTuple):
    """A tile of 30 days of a model without a cumulative counter, and what a month takes of it."""

    start: int
    end: int
    downloads_30d: float  #: at its end; NaN: no reading near
    inside_seconds: int  #: of it in the month
    downloads: float  #: its count in that proportion; 0 where nothing was read
    stands_on: tuple[Sighting, ...]  #: the count lies on the line between these two, or is the one


def tiles_of(readings: Readings, models: Models, month: Window, as_of: int) -> list[Tile]:
    """The tiles of one model's month, the last first; `models` has one row, `readings` are all of it."""
    series = rolling_series(readings, models)
    born = int(believable(models, series).created_at[0])
    gone, seen = bool(models.gone[0]), int(models.seen_at[0])
    end = max(min(seen if gone and seen != NOT_SAID else month.end, month.end, as_of), month.start)
    begin = min(max(born, month.start), end) if born != NOT_SAID else month.start
    tiles = []
    while end > begin:
        start = max(end - ROLLING_SECONDS, born) if born != NOT_SAID else end - ROLLING_SECONDS
        count = float(rolling_at(series, np.array([end]))[0])
        inside = end - max(start, begin)
        downloads = 0.0 if count != count else count * inside / max(end - start, 1)
        tiles.append(Tile(start, end, count, inside, downloads, tuple(_beside(series, end))))
        end -= ROLLING_SECONDS
    return tiles


def _beside(series: RollingSeries, end: int) -> Iterator[Sighting]:
    """The sightings that `rolling_at` draws its line between, of one model."""
    index = int(np.searchsorted(series.at, end, side="right")) - 1
    if index >= 0 and end - (last := min(int(series.last[index]), end)) <= NEAR_SECONDS:
        yield Sighting(last, int(series.downloads_30d[index]))
        if last == end:
            return
    if index + 1 < len(series.at) and int(series.at[index + 1]) - end <= NEAR_SECONDS:
        yield Sighting(int(series.at[index + 1]), int(series.downloads_30d[index + 1]))


def is_tiled(grown: Growth, month: Window) -> bool:
    """Whether tiles stand for any of one model's month: it has no cumulative counter, or that began later."""
    return not bool(grown.counted[0]) or int(grown.covered_from[0]) > month.start

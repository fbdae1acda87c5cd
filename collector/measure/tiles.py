"""Months worked out from the rolling 30-day count alone, where there is no cumulative counter. Pure.

Each calendar month is tiled backwards from its own end in tiles of 30 days; each tile takes the rolling count at its
own end, the last tile in part. All of it is estimated. Rules: README "No cumulative counter".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.measure.steps import ROLLING_SECONDS
from collector.model import DAY, Window, months_between
from collector.series import NOT_SAID, Ints, Models

NEAR_SECONDS = 15 * DAY  #: a reading farther from a tile's end says nothing about it

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RollingSeries:
    """Readings of the 30-day count, sorted by (place, at): `place` is the model's row in `Models`."""

    place: Ints
    at: Ints  #: first sighting of the value
    last: Ints  #: last sighting of the value
    downloads_30d: Ints


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the tiles give for a window, one row for each model of `Models`."""

    downloads: Floats
    covered_seconds: Floats  #: part of the window that some tile covers, or in which the model did not exist


def estimate(series: RollingSeries, models: Models, window: Window, as_of: int, until: Ints) -> Estimate:
    """Downloads of each model in the window from its tiles, looking no later than `until` (Unix seconds, per model).

    Windows other than months take the months they touch in proportion to time. `as_of` is the last complete poll.
    """
    downloads = np.zeros(len(models))
    covered = np.zeros(len(models))
    for month in months_between(window.start, window.end):
        tiled = _tile_month(series, models, month, as_of)
        left = np.clip(window.start, tiled.begin, tiled.end)
        right = np.maximum(np.clip(np.minimum(window.end, until), tiled.begin, tiled.end), left)
        length = np.maximum(tiled.end - tiled.begin, 1)
        downloads += tiled.downloads * ((right - left) / length)
        covered += tiled.covered_seconds * ((right - left) / length)
        covered += _not_yet(tiled.begin, month, window)
        covered += _no_more(tiled.end, models, month, window)
    return Estimate(downloads, covered)


@dataclass(frozen=True, slots=True)
class _TiledMonth:
    begin: Ints  #: start of the month, or `created_at` if later
    end: Ints  #: where the tiling starts: end of the month, last complete poll, last sighting of a gone model
    downloads: Floats
    covered_seconds: Floats


def _tile_month(series: RollingSeries, models: Models, month: Window, as_of: int) -> _TiledMonth:
    end = np.where(models.gone & (models.seen_at != NOT_SAID), np.minimum(models.seen_at, month.end), month.end)
    end = np.maximum(np.minimum(end, as_of), month.start)
    born = np.where(models.created_at == NOT_SAID, np.iinfo(np.int64).min, models.created_at)
    begin = np.minimum(np.maximum(born, month.start), end)
    downloads, covered = np.zeros(len(models)), np.zeros(len(models))
    tile_end = end
    while bool((tile_end > begin).any()):
        tile_begin = np.maximum(tile_end - ROLLING_SECONDS, born)
        count = rolling_at(series, tile_end)
        inside = np.maximum(tile_end - np.maximum(tile_begin, begin), 0)
        said = ~np.isnan(count) & (inside > 0)
        length = np.maximum(tile_end - tile_begin, 1)
        downloads += np.where(said, np.nan_to_num(count) * inside / length, 0.0)
        covered += np.where(said, inside, 0)
        tile_end = tile_end - ROLLING_SECONDS
    return _TiledMonth(begin, end, downloads, covered)


def _not_yet(begin: Ints, month: Window, window: Window) -> Floats:
    """Seconds of the window in this month before the model was created: there is nothing to be read."""
    before: Ints = np.minimum(begin, window.end) - max(month.start, window.start)
    return np.maximum(before, 0).astype(np.float64)


def _no_more(end: Ints, models: Models, month: Window, window: Window) -> Floats:
    """Seconds of the window in this month after a gone model was last seen."""
    after: Ints = np.clip(min(month.end, window.end) - np.maximum(end, window.start), 0, None)
    return np.where(models.gone, after, 0).astype(np.float64)


def rolling_at(series: RollingSeries, instant: Ints) -> Floats:
    """The 30-day count of each model at its own instant; NaN where no reading is within 15 days.

    On the line between the nearest readings before and after when both are near, else the one that is. A value seen
    unchanged is read at every moment from its first to its last sighting.
    """
    place = np.arange(len(instant))
    if len(series.at) == 0:
        return np.full(len(instant), np.nan)
    index = _latest_at_or_before(series, place, instant)
    has_before = index >= 0
    before = np.maximum(index, 0)
    after = np.minimum(index + 1, len(series.at) - 1)
    has_after = (index + 1 < len(series.at)) & (series.place[after] == place)
    # The sentinel index of a model without an earlier reading points at the end of the model before it.
    has_before &= series.place[before] == place
    since = instant - np.minimum(series.last[before], instant)
    ahead = series.at[after] - instant
    near_before = has_before & (since <= NEAR_SECONDS)
    near_after = has_after & (ahead <= NEAR_SECONDS)
    low, high = series.downloads_30d[before].astype(np.float64), series.downloads_30d[after].astype(np.float64)
    line = low + (high - low) * (since / np.maximum(since + ahead, 1))
    both = near_before & near_after
    return np.select([both, near_before, near_after], [np.where(since == 0, low, line), low, high], np.nan)


def _latest_at_or_before(series: RollingSeries, place: Ints, instant: Ints) -> Ints:
    """Index of the last reading of each model at or before its instant; of an earlier model's, or -1, if none."""
    base = np.int64(min(int(series.at.min()), int(instant.min())))
    width = np.int64(max(int(series.at.max()), int(instant.max())) - int(base) + 1)
    keys = series.place * width + (series.at - base)
    return np.searchsorted(keys, place * width + (instant - base), side="right") - 1

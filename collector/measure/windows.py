"""Readings to what each model did in a window: downloads, estimates, corrections, coverage. Pure; no SQL, no clock.

The vectorised path takes every plain rise; only models with a fall or a jump go through `steps.judge` one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from collector.measure.first import BeforeFirst, FirstSightings, before_first, believable_creation
from collector.measure.spans import (
    CORRECTION,
    DIP,
    FLAG_NAMES,
    INSTANT,
    NEVER,
    RESTATEMENT,
    Span,
    Spans,
    join,
    part_in,
    touching,
)
from collector.measure.steps import RESTATEMENT_MARGIN, RESTATEMENT_SPAN_SECONDS, Plateau, Rolling, judge
from collector.measure.tiles import Estimate, Floats, RollingSeries, estimate
from collector.model import Window
from collector.series import NO_DELTA, NOT_SAID, Bools, Ints, Models, Polls, Readings, begins_of_runs, distinct

FOREVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Growth:
    """Everything the cumulative counters say, whatever the window."""

    spans: Spans
    covered_from: Ints  #: for each row of `Models`: first moment backed by readings; FOREVER: none in what was loaded
    counted: Bools  #: for each row of `Models`: it has a cumulative counter


@dataclass(frozen=True, slots=True)
class WindowGrowth:
    """What each model did in one window; one row for each row of `Models`."""

    model_id: Ints
    downloads: Floats  #: whole numbers where measured
    estimated: Floats  #: the part of them that is estimated
    corrections: Ints
    covered_from: Ints  #: first moment of the window backed by cumulative readings; its end: none is
    tiled_seconds: Floats  #: seconds of the window backed by tiles of 30-day counts
    covered: Floats  #: part of the window's time backed by readings, 0 to 1
    flags: Ints  #: DIP, CORRECTION … added up
    open_falls: int  #: falls and jumps that touch the window and are not judged for good


def in_window(readings: Readings, models: Models, polls: Polls, window: Window, as_of: int) -> WindowGrowth:
    """Downloads of every model in the window. `as_of`: start of the last complete poll of the hub."""
    return cut(growth(readings, models, polls, as_of), readings, models, window, as_of)


def growth(readings: Readings, models: Models, polls: Polls, as_of: int) -> Growth:
    """The spans between the readings given, and before the first of them."""
    cumulative = _where(readings, readings.all_time != NOT_SAID)
    rows = _place(models, cumulative.model_id)
    counted = np.zeros(len(models), np.bool_)
    counted[rows] = True
    before = _before_first(cumulative, models, polls)
    covered_from = np.where(counted, NEVER, FOREVER)
    covered_from[_place(models, distinct(cumulative.model_id[cumulative.delta == NO_DELTA]))] = before.covered_from
    return Growth(join([before.spans, *_steps(cumulative, as_of)]), covered_from, counted)


def cut(grown: Growth, readings: Readings, models: Models, window: Window, as_of: int) -> WindowGrowth:
    """What a window cuts out of the growth, together with the tiles of models without a cumulative counter."""
    spans = grown.spans.where(touching(grown.spans, window))
    rows = _place(models, spans.model_id)
    downloads = part_in(spans.downloads, spans, window)
    size = len(models)
    measured = _sum(rows, downloads, size)
    estimated = _sum(rows, np.where(spans.estimated, downloads, 0), size).astype(np.float64)
    flags = np.zeros(size, np.int64)
    np.bitwise_or.at(flags, rows, spans.flags)
    known = np.where(grown.counted, np.clip(grown.covered_from, window.start, window.end), window.end)
    tiled = _tiles(grown, readings, models, window, as_of)
    return WindowGrowth(
        models.model_id,
        measured + tiled.downloads,
        estimated + tiled.downloads,
        _sum(rows, part_in(spans.corrections, spans, window), size),
        known,
        tiled.covered_seconds,
        covered_part(known, tiled.covered_seconds, models.seen_at, models.gone, window),
        flags,
        int((spans.open_until != NEVER).sum()),
    )


def events(grown: Growth, window: Window) -> Spans:
    """The spans of the window that a careful reader must know of: dips, corrections, restatements, doubled instants."""
    kinds = DIP | CORRECTION | RESTATEMENT | INSTANT
    return grown.spans.where(touching(grown.spans, window) & ((grown.spans.flags & kinds) != 0))


def flag_names(flags: int) -> list[str]:
    """The names of the flags that stand in files; a first sighting is none."""
    return [name for bit, name in FLAG_NAMES.items() if flags & bit and name != "first"]


def _where(readings: Readings, rows: Bools | Ints) -> Readings:
    return Readings(*(getattr(readings, name)[rows] for name in Readings.__slots__))


def _place(models: Models, model_id: Ints) -> Ints:
    """Row of each model in `Models`."""
    return np.searchsorted(models.model_id, model_id)


def _sum(rows: Ints, amount: Ints, size: int) -> Ints:
    total = np.zeros(size, np.int64)
    np.add.at(total, rows, amount)
    return total


def _before_first(cumulative: Readings, models: Models, polls: Polls) -> BeforeFirst:
    start = np.flatnonzero(cumulative.delta == NO_DELTA)
    start = start[begins_of_runs(cumulative.model_id[start])]
    first = _where(cumulative, _last_of_instant(cumulative)[start])
    rows = _place(models, first.model_id)
    return before_first(
        FirstSightings(
            first.model_id,
            first.at,
            cumulative.poll_started_at[start],
            first.all_time,
            first.rolling,
            models.created_at[rows],
            models.first_listed_at[rows],
        ),
        polls,
    )


def _last_of_instant(readings: Readings) -> Ints:
    """For each reading the index of the one that counts at its instant: the latest poll's."""
    differs = (np.diff(readings.model_id) != 0) | (np.diff(readings.at) != 0)
    ends = np.flatnonzero(np.append(differs, np.ones(min(len(readings), 1), np.bool_)))
    return ends[np.searchsorted(ends, np.arange(len(readings)))]


def _steps(cumulative: Readings, as_of: int) -> list[Spans]:
    """Growth between readings: plain rises at once, models with anything else one by one."""
    step = cumulative.delta != NO_DELTA
    rise = np.where(step, cumulative.delta, 0)
    odd = rise < 0
    # Where this reading lacks the 30-day count a later one may still have it.
    explained = 2 * np.maximum(cumulative.rolling, 0) + RESTATEMENT_MARGIN
    odd |= (cumulative.span <= RESTATEMENT_SPAN_SECONDS) & (rise > explained)
    odd[1:] |= (cumulative.model_id[1:] == cumulative.model_id[:-1]) & (cumulative.at[1:] == cumulative.at[:-1])
    hard = np.isin(cumulative.model_id, cumulative.model_id[odd])
    plain = _where(cumulative, step & ~hard & (rise > 0))
    parts = [Spans.plain(plain.model_id, plain.at - plain.span, plain.at, plain.delta)]
    parts.append(Spans.of(_judged(_where(cumulative, hard), as_of)))
    return parts


def _judged(hard: Readings, as_of: int) -> list[Span]:
    spans: list[Span] = []
    starts = np.flatnonzero(np.diff(hard.model_id, prepend=NOT_SAID)).tolist()
    for begin, end in pairwise([*starts, len(hard)]):
        plateaus, rolling = _series(hard, begin, end)
        spans += judge(int(hard.model_id[begin]), plateaus, rolling, as_of)
    return spans


def _series(readings: Readings, begin: int, end: int) -> tuple[list[Plateau], list[Rolling]]:
    """The plateaus and the 30-day counts of one model's cumulative readings.

    A series that was loaded from its middle begins with the value before its first reading, seen last where its span
    begins.
    """
    plateaus: list[Plateau] = []
    rolling: list[Rolling] = []
    for i in range(begin, end):
        at, value, delta = int(readings.at[i]), int(readings.all_time[i]), int(readings.delta[i])
        if readings.rolling[i] != NOT_SAID:
            rolling.append(Rolling(at, int(readings.rolling[i])))
        if delta != NO_DELTA:
            last = at - int(readings.span[i])
            if plateaus:
                plateaus[-1] = plateaus[-1]._replace(last=max(plateaus[-1].first, last))
            else:
                plateaus.append(Plateau(last, last, value - delta))
        _append(plateaus, Plateau(at, at, value))
    return plateaus, rolling


def _append(plateaus: list[Plateau], new: Plateau) -> None:
    """Add a reading: the same value goes on, the later of two readings at one instant takes its place, flagged."""
    flags = 0
    if plateaus and plateaus[-1].first == new.first:
        flags = INSTANT if plateaus[-1].value != new.value else plateaus[-1].flags
        plateaus.pop()
    if plateaus and plateaus[-1].value == new.value:
        plateaus[-1] = plateaus[-1]._replace(last=new.last, flags=plateaus[-1].flags | flags)
    else:
        plateaus.append(new._replace(flags=flags))


def covered_part(covered_from: Ints, tiled_seconds: Floats, seen_at: Ints, gone: Bools, window: Window) -> Floats:
    """The part of the window's time backed by readings, 0 to 1, from what `WindowGrowth` keeps of each model.

    Cumulative readings back the time until the last sighting. A model that is gone, or was not created yet, has nothing
    left to be read: that time is covered.
    """
    end = np.where(gone, window.end, np.minimum(seen_at, window.end))
    read = np.maximum(end - np.maximum(covered_from, window.start), 0)
    covered: Floats = np.minimum(read + tiled_seconds, window.seconds) / window.seconds
    return covered


def _tiles(grown: Growth, readings: Readings, models: Models, window: Window, as_of: int) -> Estimate:
    """What the 30-day counts give for models without a cumulative counter, and before the first reading of one."""
    alone = distinct(readings.model_id[readings.all_time == NOT_SAID])
    if len(alone) == 0:
        return Estimate(np.zeros(len(models)), np.zeros(len(models)))
    series = rolling_series(_where(readings, np.isin(readings.model_id, alone)), models)
    until = np.where(grown.counted, grown.covered_from, FOREVER)
    tiled = estimate(series, believable(models, series), window, as_of, until)
    # Tiles say nothing of models that have none, and whether others have some changes nothing for them.
    return replace(tiled, covered_seconds=np.where(np.isin(models.model_id, alone), tiled.covered_seconds, 0.0))


def believable(models: Models, series: RollingSeries) -> Models:
    """The models with creations that their own 30-day counts do not contradict."""
    index = begins_of_runs(series.place)
    place = series.place[index]
    created_at = models.created_at.copy()
    created_at[place] = believable_creation(created_at[place], series.at[index])
    return replace(models, created_at=created_at)


def rolling_series(rows: Readings, models: Models) -> RollingSeries:
    """The 30-day counts with their last sightings: the next reading tells when its predecessor was seen last."""
    place = _place(models, rows.model_id)
    last = rows.at.copy()
    next_same = (rows.model_id[1:] == rows.model_id[:-1]) & (rows.span[1:] != NOT_SAID)
    last[:-1] = np.where(next_same, rows.at[1:] - rows.span[1:], last[:-1])
    final = np.append(rows.model_id[1:] != rows.model_id[:-1], True)
    last = np.where(final, models.seen_at[place], last)
    # Of a reading with a cumulative counter only the moment itself is known: its 30-day count moves on its own.
    last = np.maximum(np.where(rows.all_time == NOT_SAID, last, rows.at), rows.at)
    said = np.flatnonzero(rows.rolling != NOT_SAID)
    said = distinct(said[_last_of_instant(_where(rows, said))])
    return RollingSeries(place[said], rows.at[said], last[said], rows.rolling[said])

"""The readings of a file as columns: by model and time, and what is stored of all plain models worked out at once.

Pure; knows no SQL. A model is plain when its readings are of one counter and all later than what is stored of it; the
others go through `changes.merge`, which is also what the tests hold this against. Not said is `NOT_SAID`, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Self

import numpy as np

from collector.model import DAY
from collector.series import NO_DELTA, NOT_SAID, Bools, Ints
from collector.store.changes import LARGE_RISE, UNREAD_AFTER, State
from collector.store.descriptions import NO_DESCRIPTIONS, Descriptions


class ImportReading(NamedTuple):
    """One line of a file of history; at least one of the two counters is said."""

    line: int  #: of the file, from 1
    name: str  #: `publisher/model`
    at: int  #: Unix seconds
    all_time: int | None
    rolling: int | None  #: downloads_30d
    likes: int | None


@dataclass(frozen=True, slots=True)
class FileReadings:
    """The readings of a file, in its order. All arrays have the same length."""

    names: tuple[str, ...]  #: every model's name once
    name: Ints  #: place in `names`
    line: Ints
    at: Ints
    all_time: Ints  #: or NOT_SAID, as the next two
    rolling: Ints
    likes: Ints
    descriptions: Descriptions = NO_DESCRIPTIONS  #: what the file says of models beside their counters

    def __len__(self) -> int:
        return len(self.line)

    def where(self, mask: Bools) -> Self:
        """The readings for which the mask is true."""
        columns = (self.name, self.line, self.at, self.all_time, self.rolling, self.likes)
        name, line, at, all_time, rolling, likes = (column[mask] for column in columns)
        return type(self)(self.names, name, line, at, all_time, rolling, likes, self.descriptions)

    def of_named(self) -> Self:
        """The same without the names that have no reading."""
        used, places = np.unique(self.name, return_inverse=True)
        if len(used) == len(self.names):
            return self
        return replace(self, names=tuple(self.names[place] for place in used.tolist()), name=places)

    @classmethod
    def of(cls, readings: Iterable[ImportReading], descriptions: Descriptions = NO_DESCRIPTIONS) -> Self:
        """Columns from single lines."""
        places: dict[str, int] = {}
        rows = [
            (places.setdefault(name, len(places)), line, at, *(NOT_SAID if n is None else n for n in counts))
            for line, name, at, *counts in readings
        ]
        name, line, at, all_time, rolling, likes = np.array(rows, np.int64).reshape(-1, 6).T
        return cls(tuple(places), name, line, at, all_time, rolling, likes, descriptions)

    def rows(self) -> tuple[ImportReading, ...]:
        """The same as single lines."""
        said = [_or_none(column) for column in (self.all_time, self.rolling, self.likes)]
        names = [self.names[place] for place in self.name.tolist()]
        return tuple(map(ImportReading, self.line.tolist(), names, self.at.tolist(), *said))


def _or_none(column: Ints) -> list[int | None]:
    return [None if value == NOT_SAID else value for value in column.tolist()]


class Disagreement(ValueError):
    """Two lines say different things of one model at one instant."""

    def __init__(self, column: str, one: tuple[int, int], other: tuple[int, int], model_id: int, at: int) -> None:
        super().__init__(f"{column} at {at}: {one} and {other}")
        self.column = column
        self.one, self.other = one, other  #: line and value of each
        self.model_id, self.at = model_id, at


@dataclass(frozen=True, slots=True)
class Arranged:
    """Readings by model and time, one for each instant, with the poll each hangs under: its UTC day and its number."""

    model_id: Ints
    line: Ints
    at: Ints
    all_time: Ints
    rolling: Ints
    likes: Ints

    def __len__(self) -> int:
        return len(self.at)

    def where(self, mask: Bools) -> Self:
        """The readings for which the mask is true."""
        return type(self)(*(getattr(self, field.name)[mask] for field in fields(self)))

    @property
    def starts(self) -> Ints:
        """Where each model's readings begin."""
        return _begins(self.model_id)

    @property
    def day(self) -> Ints:
        """The UTC day of each reading."""
        return self.at // DAY

    @property
    def ordinal(self) -> Ints:
        """The number of each reading among those of its model and day, from 0."""
        place = np.arange(len(self), dtype=np.int64)
        begins = np.zeros(len(self), np.int64)
        starts = _begins(self.model_id, self.day)
        begins[starts] = starts
        return place - np.maximum.accumulate(begins)


def _begins(*keys: Ints) -> Ints:
    """The places at which any key differs from the one before."""
    if not len(keys[0]):
        return np.zeros(0, np.int64)
    differs = np.zeros(len(keys[0]), np.bool_)
    differs[0] = True
    for key in keys:
        differs[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(differs)


def arranged(file: FileReadings, model_ids: Ints) -> Arranged:
    """The readings under their models (`model_ids` by place of the name); Disagreement when two lines do not agree."""
    of = model_ids[file.name]
    order = _by_model_and_time(of, file.at, file.line)
    columns = (of, file.line, file.at, file.all_time, file.rolling, file.likes)
    every = Arranged(*(column[order] for column in columns))
    starts = _begins(every.model_id, every.at)
    return every if len(starts) == len(every) else _joined(every, starts)


def _by_model_and_time(of: Ints, at: Ints, line: Ints) -> Ints:
    """The order by model, instant and line."""
    if not len(of) or bool(np.any(line[1:] <= line[:-1])) or not (0 <= int(of.min()) <= int(of.max()) < 1 << 31):
        return np.lexsort((line, at, of))
    # The lines rise and the sort keeps their order, so one key does: in half the time of three.
    first = int(at.min())
    order: Ints = np.argsort(of * (int(at.max()) - first + 1) + (at - first), kind="stable")
    return order


def _joined(every: Arranged, starts: Ints) -> Arranged:
    """One reading for each instant, when each line says what the others do not, or the same."""
    for name in ("all_time", "rolling"):
        column: Ints = getattr(every, name)
        least = np.minimum.reduceat(np.where(column == NOT_SAID, np.iinfo(np.int64).max, column), starts)
        most = np.maximum.reduceat(column, starts)
        wrong = np.flatnonzero((most != NOT_SAID) & (least != most))
        if len(wrong):
            raise _disagreement(every, starts, int(wrong[0]), name)
    likes = every.likes[starts].copy()
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(every))))
    said = np.flatnonzero(every.likes != NOT_SAID)
    groups, first = np.unique(group[said], return_index=True)
    likes[groups] = every.likes[said[first]]
    joined = [np.maximum.reduceat(column, starts) for column in (every.all_time, every.rolling)]
    return Arranged(every.model_id[starts], every.line[starts], every.at[starts], joined[0], joined[1], likes)


def _disagreement(every: Arranged, starts: Ints, group: int, name: str) -> Disagreement:
    begin = int(starts[group])
    column: list[int] = getattr(every, name)[begin:].tolist()
    said = [(int(every.line[begin + n]), value) for n, value in enumerate(column) if value != NOT_SAID]
    other = next(each for each in said if each[1] != said[0][1])
    return Disagreement(name, said[0], other, int(every.model_id[begin]), int(every.at[begin]))


# --- plain models ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class States:
    """The states of models, one for each in the order of their readings; NOT_SAID for None."""

    all_time: Ints
    rolling: Ints
    likes: Ints
    changed_at: Ints
    seen_at: Ints
    rose_at: Ints

    @classmethod
    def of(cls, states: Iterable[State]) -> Self:
        """Columns from single states; the sighting before plays no part."""
        rows = [(s.all_time, s.rolling, s.likes, s.changed_at, s.seen_at, s.rose_at) for s in states]
        said = [[NOT_SAID if value is None else value for value in row] for row in rows]
        return cls(*np.array(said, np.int64).reshape(-1, 6).T)

    def where(self, mask: Bools) -> Self:
        """The states for which the mask is true."""
        return type(self)(*(getattr(self, field.name)[mask] for field in fields(self)))


def plain_models(readings: Arranged, before: States, last_stored: Ints) -> Bools:
    """Which models' readings are of one counter, and later than all that is stored of them.

    `last_stored` is the instant of the last stored reading of each, NOT_SAID where none can be late.
    """
    starts = readings.starts
    cumulative = readings.all_time != NOT_SAID
    only_cumulative, only_rolling = (
        np.logical_and.reduceat(cumulative, starts),
        ~np.logical_or.reduceat(cumulative, starts),
    )
    first = readings.at[starts]
    later = (before.seen_at != NOT_SAID) & (first > before.seen_at) & (first > last_stored)
    unread = (before.seen_at == NOT_SAID) & (before.rolling == NOT_SAID) & (before.likes == NOT_SAID)
    had_cumulative = before.all_time != NOT_SAID
    same_kind = np.where(had_cumulative, only_cumulative, only_rolling)
    plain: Bools = (unread & (only_cumulative | only_rolling)) | (later & same_kind)
    return plain


@dataclass(frozen=True, slots=True)
class PlainRows:
    """What is to be stored of plain models: which of the readings, with their derived columns, and the states after."""

    kept: Bools  #: by reading: it differs from the one before, or is a 30-day count that went unread for long
    span: Ints  #: by reading; NOT_SAID at the very first one
    delta: Ints  #: by reading; NO_DELTA at the very first one
    after: States  #: by model


def plain_rows(readings: Arranged, before: States) -> PlainRows:
    """Change-only rows, spans, deltas and states: for plain models what `changes.merge` gives."""
    starts = readings.starts
    cumulative = readings.all_time != NOT_SAID
    value = np.where(cumulative, readings.all_time, readings.rolling)
    value_before, seen_before = _shifted(value), _shifted(readings.at)
    value_before[starts] = np.where(before.all_time != NOT_SAID, before.all_time, before.rolling)
    seen_before[starts] = before.seen_at
    known = seen_before != NOT_SAID
    delta = np.where(known, value - value_before, NO_DELTA)
    span = np.where(known, readings.at - seen_before, NOT_SAID)
    kept = (delta != 0) | (~cumulative & (span > UNREAD_AFTER))
    rose = cumulative & known & (delta > LARGE_RISE)
    after = States(
        all_time=_last(readings.all_time, cumulative, starts, before.all_time),
        rolling=_last(readings.rolling, readings.rolling != NOT_SAID, starts, before.rolling),
        likes=_last(readings.likes, readings.likes != NOT_SAID, starts, before.likes),
        changed_at=_last(readings.at, kept, starts, before.changed_at),
        seen_at=_last(readings.at, np.ones(len(readings), np.bool_), starts, before.seen_at),
        rose_at=_last(readings.at, rose, starts, before.rose_at),
    )
    return PlainRows(kept, span, delta, after)


def _shifted(column: Ints) -> Ints:
    """Every value one place later; the first place is to be filled."""
    shifted = np.empty_like(column)
    shifted[1:] = column[:-1]
    return shifted


def _last(column: Ints, mask: Bools, starts: Ints, otherwise: Ints) -> Ints:
    """Each model's last value under the mask; `otherwise` where there is none."""
    if not len(starts):
        return otherwise
    place = np.maximum.reduceat(np.where(mask, np.arange(len(column)), -1), starts)
    last: Ints = np.where(place < 0, otherwise, column[place])
    return last

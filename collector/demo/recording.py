"""The recording of real counters that the package carries, and the world as it stood on each recorded day.

Knows the files in `collector/data/recording` (see the README there); knows no HTTP and no rule of counting. The
recording holds rolling 30-day counts only: no lifetime counter is made up.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from collector.demo.world import Clock, World
from collector.model import CREATED_AT_FLOOR, from_seconds

_FLOOR_DAY = "2022-03-02"  # the hub's placeholder for every older day
# The hub's keys are not in the recording; these are lasting too, and begin with the second of creation as the hub's do.
_KEY_HASH_DIGITS = 16


@dataclass(frozen=True, slots=True)
class RecordedModel:
    """What the recording knows of a model beside its counters."""

    name: str
    pipeline_tag: str | None
    created_at: datetime | None  #: the day at 00:00 UTC, or the hub's floor; None: not known

    @property
    def hub_key(self) -> str:
        """A key that is the same on every recorded day."""
        born = int(self.created_at.timestamp()) if self.created_at else 0
        return f"{born:08x}{hashlib.sha256(self.name.encode()).hexdigest()[:_KEY_HASH_DIGITS]}"


class Value(NamedTuple):
    """What the hub showed of a model on a recorded day."""

    downloads_30d: int  #: rolling 30 days
    likes: int | None  #: None: not fetched


@dataclass(frozen=True, slots=True)
class Recording:
    """A panel of models on the days on which the hub was read. A day without a value says nothing of that model."""

    dates: tuple[date, ...]  #: in order
    models: Mapping[str, RecordedModel]  #: by name
    values: Mapping[date, Mapping[str, Value]]  #: by day and name

    @property
    def largest_listing(self) -> int:
        """The most models that have a value on one day: a top list of this length lists them all."""
        return max(len(values) for values in self.values.values())


def load_recording(folder: Traversable | None = None) -> Recording:
    """The recording in a folder (None: the packaged one)."""
    folder = folder or files("collector") / "data" / "recording"
    models = {row["id"]: _model(row) for row in _rows(folder / "models.csv.gz")}
    values: dict[date, dict[str, Value]] = {}
    for row in _rows(folder / "values.csv.gz"):
        likes = int(row["likes"]) if row["likes"] else None
        values.setdefault(date.fromisoformat(row["date"]), {})[row["id"]] = Value(int(row["downloads_30d"]), likes)
    return Recording(tuple(sorted(values)), models, values)


def world_on(recording: Recording, day: date) -> World:
    """A world at 00:00 UTC of a recorded day; KeyError when nothing was recorded that day."""
    world = World(Clock(_midnight(day)))
    show_day(world, recording, day)
    return world


def show_day(world: World, recording: Recording, day: date) -> None:
    """Move a world to 00:00 UTC of a recorded day: it holds the models that have a value then, and no others.

    Under a hub that serves the world, so that one address shows one day after the other. KeyError: nothing recorded.
    """
    values = recording.values[day]
    world.clock.set(_midnight(day))
    for shown in list(world):
        world.delete(shown.hub_key)
    for name, value in values.items():
        model = recording.models[name]
        world.create(
            name,
            hub_key=model.hub_key,
            all_time=None,
            last_30d=value.downloads_30d,
            likes=value.likes,
            created_at=model.created_at,
            pipeline_tag=model.pipeline_tag,
            library_name=None,
        )


def _rows(file: Traversable) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(gzip.decompress(file.read_bytes()).decode(), newline=""))


def _model(row: Mapping[str, str]) -> RecordedModel:
    return RecordedModel(row["id"], row["pipeline_tag"] or None, _created_at(row["release_date"]))


def _created_at(day: str) -> datetime | None:
    if day == _FLOOR_DAY:
        return from_seconds(CREATED_AT_FLOOR)
    return _midnight(date.fromisoformat(day)) if day else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

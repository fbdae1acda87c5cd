"""A small world of models that a loopback hub shows: names, keys, counters, and a clock that is moved by hand.

Knows what may happen to models (renamed, hidden, frozen, fallen); knows no HTTP, no JSON, no rule of counting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from collector.model import Base, publisher_of, require_utc

Counters = tuple[int | None, int | None]  # (downloads_all_time, downloads_30d); None: the hub does not say it
Truth = Callable[[datetime], Counters]
Gate = Literal[False, "auto", "manual"]
NOTHING: Mapping[str, object] = MappingProxyType({})


class Clock:
    """The time of a world: it stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = require_utc(start)

    def now(self) -> datetime:
        """The present instant, aware and in UTC."""
        return self._now

    def set(self, instant: datetime) -> None:
        """Move to an instant, forwards or back; ValueError when it is not UTC."""
        self._now = require_utc(instant)

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move on by a span of time."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


@dataclass(frozen=True, slots=True)
class HubModel:
    """One repository as the hub holds it at one moment."""

    hub_key: str  #: 24 hex digits, the first 8 being the second of creation
    name: str
    created_at: datetime | None  #: None: the hub does not say it
    all_time: int | None = 0  #: None: the counter is left out
    last_30d: int | None = 0  #: None: the counter is left out
    likes: int | None = 0
    trending: int | None = 0
    last_modified: datetime | None = None  #: None: as created_at
    pipeline_tag: str | None = None
    library_name: str | None = None
    tags: tuple[str, ...] = ()
    bases: tuple[Base, ...] = ()  #: on the wire all share the relation of the first
    gated: Gate = False
    disabled: bool = False
    private: bool = False
    shown_to: frozenset[str] = frozenset()  #: the tokens that see it while it is private
    truth: Truth | None = None  #: counters as a function of time, in place of the two fields
    frozen_at: Counters | None = None  #: what the stuck counters show; None: they are not stuck
    wire: Mapping[str, object] = field(default_factory=lambda: NOTHING)  #: JSON values by wire name that win, null too

    @property
    def publisher(self) -> str:
        """The account it lives under."""
        return publisher_of(self.name)

    def visible_to(self, token: str | None) -> bool:
        """Whether this asker (None: anonymous) may know of it."""
        return not self.private or token in self.shown_to

    def shown_at(self, instant: datetime) -> HubModel:
        """The model with the counters that the hub shows at this instant in its two counter fields."""
        if self.frozen_at is None and self.truth is None:
            return self
        all_time, last_30d = self.frozen_at or self.true_at(instant)
        return replace(self, all_time=all_time, last_30d=last_30d)

    def true_at(self, instant: datetime) -> Counters:
        """The counters as they would be were they not frozen."""
        return (self.all_time, self.last_30d) if self.truth is None else self.truth(instant)


@dataclass(frozen=True)
class Snapshot:
    """All models at one moment. Two snapshots with the same stamp hold the same."""

    stamp: tuple[int, datetime | None]
    models: Mapping[str, HubModel]  #: by hub key, counters as shown
    redirects: Mapping[str, str]  #: an old name to the key it leads to

    @cached_property
    def keys_by_name(self) -> Mapping[str, str]:
        """The present names."""
        return {model.name: key for key, model in self.models.items()}

    @cached_property
    def _keys_by_folded_name(self) -> Mapping[str, str]:
        return {model.name.casefold(): key for key, model in self.models.items()}

    def named(self, name: str) -> HubModel | None:
        """The model that bears this very name now."""
        key = self.keys_by_name.get(name)
        return None if key is None else self.models[key]

    def led_to(self, name: str) -> HubModel | None:
        """The model to which a name that none bears leads: an old name, or a name in the wrong case."""
        key = self.redirects.get(name) or self._keys_by_folded_name.get(name.casefold())
        return None if key is None else self.models.get(key)


class World:
    """Models and what happens to them; every verb takes a model's hub key or present name (KeyError: there is none).

    May be changed by one thread while a hub shows it from others.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._models: dict[str, HubModel] = {}
        self._names: dict[str, str] = {}
        self._redirects: dict[str, str] = {}
        self._version = 0
        self._made = 0
        self._lock = threading.RLock()
        self._last: Snapshot | None = None

    def __len__(self) -> int:
        return len(self._models)

    def __iter__(self) -> Iterator[HubModel]:
        return iter(self.snapshot().models.values())

    def __getitem__(self, model: str) -> HubModel:
        """The model as the hub shows it now; KeyError when there is none of that key or name."""
        return self._find(model).shown_at(self.clock.now())

    def snapshot(self) -> Snapshot:
        """Everything as shown now; the same object while nothing changes."""
        with self._lock:
            now = self.clock.now()
            moves = any(model.truth is not None for model in self._models.values())
            stamp = (self._version, now if moves else None)
            if self._last is None or self._last.stamp != stamp:
                shown = {key: model.shown_at(now) for key, model in self._models.items()}
                self._last = Snapshot(stamp, shown, dict(self._redirects))
            return self._last

    # What comes and goes

    def create(
        self,
        name: str,
        *,
        all_time: int | None = 0,
        last_30d: int | None = 0,
        created_at: datetime | Literal["now"] | None = "now",
        hub_key: str | None = None,
        likes: int | None = 0,
        pipeline_tag: str | None = "text-generation",
        library_name: str | None = "transformers",
        tags: tuple[str, ...] = (),
        bases: tuple[Base, ...] = (),
        truth: Truth | None = None,
        wire: Mapping[str, object] = NOTHING,
    ) -> str:
        """A new repository; gives its hub key. A name that led elsewhere leads here. ValueError: name taken."""
        with self._lock:
            born = self.clock.now() if created_at == "now" else created_at
            key = hub_key or self._new_key(born or self.clock.now())
            model = HubModel(
                key,
                name,
                born,
                all_time,
                last_30d,
                likes,
                pipeline_tag=pipeline_tag,
                library_name=library_name,
                tags=tags,
                bases=bases,
                truth=truth,
                wire=wire,
            )
            self._take_name(name, key)
            self._models[key] = model
            self._version += 1
            return key

    def delete(self, model: str) -> None:
        """Gone for good; the name is free again."""
        with self._lock:
            gone = self._models.pop(self._find(model).hub_key)
            del self._names[gone.name]
            self._version += 1

    def rename(self, model: str, name: str) -> None:
        """A new name, perhaps of another publisher; the old one leads to it. ValueError: name taken."""
        with self._lock:
            old = self._find(model)
            self._take_name(name, old.hub_key)
            del self._names[old.name]
            self._redirects[old.name] = old.hub_key
            self.edit(old.hub_key, lambda m: replace(m, name=name))

    def redirect(self, name: str, model: str) -> None:
        """Let a name that no model bears lead to a model, whichever model bore it before. ValueError: name taken."""
        with self._lock:
            if name in self._names:
                raise ValueError(f"a model bears the name {name!r}")
            self._redirects[name] = self._find(model).hub_key
            self._version += 1

    def hide(self, model: str, *, shown_to: tuple[str, ...] = ()) -> None:
        """Make it private: only these tokens still see it."""
        self.edit(model, lambda m: replace(m, private=True, shown_to=frozenset(shown_to)))

    def show(self, model: str) -> None:
        """Make it public again."""
        self.edit(model, lambda m: replace(m, private=False))

    def gate(self, model: str, gated: Gate = "auto") -> None:
        """Files only on request; listing and counters stay public."""
        self.edit(model, lambda m: replace(m, gated=gated))

    def disable(self, model: str) -> None:
        """Taken down by the hub's staff; still listed."""
        self.edit(model, lambda m: replace(m, disabled=True))

    # What the counters do

    def set_counters(self, model: str, all_time: int | None, last_30d: int | None) -> None:
        """Counters from now on, in place of those before or of a function of time."""
        self.edit(model, lambda m: replace(m, all_time=all_time, last_30d=last_30d, truth=None))

    def add_downloads(self, model: str, downloads: int) -> None:
        """So many more in both counters (one that is left out stays so)."""
        self.edit(model, lambda m: _moved(m, downloads, downloads))

    def fall(self, model: str, downloads: int) -> None:
        """The hub takes back so many of the cumulative counter; the rolling one stays."""
        self.edit(model, lambda m: _moved(m, -downloads, 0))

    def jump(self, percent: int) -> None:
        """The hub recounts: every cumulative counter rises by so many percent (falls when negative)."""
        with self._lock:
            for model in list(self._models.values()):
                self.edit(model.hub_key, lambda m: _moved(m, (m.all_time or 0) * percent // 100, 0))

    def freeze(self, model: str | None = None) -> None:
        """One model's counters (None: those of all there are now) show no change until they thaw."""
        now = self.clock.now()
        with self._lock:
            for key in self._chosen(model):
                self.edit(key, lambda m: replace(m, frozen_at=m.frozen_at or m.true_at(now)))

    def thaw(self, model: str | None = None) -> None:
        """Frozen counters (None: all of them) show the truth again, with all that was added meanwhile."""
        with self._lock:
            for key in self._chosen(model):
                self.edit(key, lambda m: replace(m, frozen_at=None))

    def edit(self, model: str, change: Callable[[HubModel], HubModel]) -> None:
        """Any other change; name and key stay (use `rename`)."""
        with self._lock:
            old = self._find(model)
            self._models[old.hub_key] = change(old)
            self._version += 1

    def _chosen(self, model: str | None) -> list[str]:
        return list(self._models) if model is None else [self._find(model).hub_key]

    def _find(self, model: str) -> HubModel:
        return self._models[self._names.get(model, model)]

    def _take_name(self, name: str, key: str) -> None:
        if name in self._names:
            raise ValueError(f"a model bears the name {name!r}")
        self._names[name] = key
        self._redirects.pop(name, None)

    def _new_key(self, born: datetime) -> str:
        self._made += 1
        return f"{int(born.timestamp()):08x}{self._made:016x}"


def _moved(model: HubModel, all_time: int, last_30d: int) -> HubModel:
    if model.truth is not None:
        raise ValueError(f"the counters of {model.name} follow a function of time: change that")
    return replace(
        model,
        all_time=None if model.all_time is None else model.all_time + all_time,
        last_30d=None if model.last_30d is None else model.last_30d + last_30d,
    )

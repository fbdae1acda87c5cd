"""The words of the project as small frozen types: observations, pages, windows, scopes, origins.

Knows nothing of hubs' wire formats, SQL, files or the clock; standard library only.
Instants are whole seconds: `datetime` (aware, UTC) at the borders, Unix seconds (`int`) in the store and the measure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple, Protocol, Self
from zlib import crc32

DAY = 86_400  # seconds
Attribution = Literal["base", "publisher"]
ATTRIBUTIONS: tuple[Attribution, Attribution] = ("base", "publisher")
By = Literal["country", "family", "publisher", "group"]  # what a table of shares is broken down by
NOT_ATTRIBUTED = "ZZ"  # never reviewed, or reviewed and unknown
NOT_OF_ONE_COUNTRY = "XX"  # reviewed: an international or online collective
MAX_COUNTER = 10**12  # a thousand lifetimes of the most downloaded model; above it a counter is absurd

# Everything the Hub holds that is older bears this creation time (hub-docs; first 2022 import).
CREATED_AT_FLOOR = 1_646_263_744  # 2022-03-02T23:29:04Z

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])\Z")


def require_utc(instant: datetime) -> datetime:
    """The instant cut to whole seconds; ValueError when it is naive or not UTC."""
    if instant.tzinfo is None or instant.utcoffset() != timedelta(0):
        raise ValueError(f"not a UTC instant: {instant!r}")
    return instant.astimezone(UTC).replace(microsecond=0)


def to_seconds(instant: datetime) -> int:
    """Unix seconds of an aware UTC instant, fractions cut off."""
    return int(require_utc(instant).timestamp())


def from_seconds(seconds: int) -> datetime:
    """The aware UTC instant of Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC)


class Base(NamedTuple):
    """A model that another one declares it was made from."""

    name: str  #: `publisher/model` as declared
    relation: str | None  #: finetune, adapter, quantized, merge; None: not said
    hub_key: str | None = None  #: the hub's own key of the base; None: not said


class Observation(NamedTuple):
    """What the hub said of one model at one instant (the page's), exactly as it said it.

    A tuple, not a dataclass: a poll of the whole hub makes millions. The hub's module checks every value before.
    """

    hub_key: str  #: the hub's own lasting key
    name: str  #: `publisher/model` at this moment; a name is not an identity
    downloads_all_time: int | None  #: cumulative; None: not said
    downloads_30d: int | None  #: rolling 30 days; None: not said
    likes: int | None
    created_at: int | None  #: Unix seconds; None: not said
    pipeline_tag: str | None
    library_name: str | None
    bases: tuple[Base, ...] = ()  #: as declared, in the hub's order

    def described(self) -> int:
        """As `Listed.described`: CRC-32 of name, task, library, creation and bases."""
        # No text of a hub holds a line break or half a character, and none is empty: None cannot be taken for one.
        said = f"{self.name}\n{self.pipeline_tag or ''}\n{self.library_name or ''}\n{self.created_at}"
        for base, relation, key in self.bases:
            said += f"\n{base}\n{relation or ''}\n{key or ''}"
        return crc32(said.encode())

    def observation(self) -> Self:
        """Itself: the whole of a `Listed`."""
        return self


class OddRow(Exception):
    """What was said of a listed model cannot be taken as it is; its page is to be read carefully."""


class Listed(Protocol):
    """A model on a page: its counters at once, the rest where it is asked for.

    Most models of a daily poll are described as before, in the same words, and those were checked then.
    """

    @property
    def hub_key(self) -> str: ...
    @property
    def downloads_all_time(self) -> int | None: ...
    @property
    def downloads_30d(self) -> int | None: ...
    @property
    def likes(self) -> int | None: ...

    def described(self) -> int:
        """A checksum of what is said of the model beside its counters, in the words in which it is said.

        Equal words have one checksum. Others may say the same all the same: `observation` tells.
        """
        ...

    def observation(self) -> Observation:
        """All that was said, every value checked. Raises OddRow."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a hub's listing. All its rows were read at `observed_at`."""

    observed_at: datetime
    listed: Sequence[Listed]
    next_cursor: str | None  #: where the listing goes on; None after its last page
    rows_skipped: int = 0  #: rows that could not be read (each was logged)
    retries: int = 0  #: requests tried again for this page
    waited_seconds: float = 0.0  #: time spent in waits the hub asked for
    unreadable_keys: tuple[str, ...] = ()  #: the hub's keys of models whose rows could not be read: listed all the same
    carefully: Callable[[], Page] | None = None  #: this page read row by row, for when one proves odd; None: it was

    def __post_init__(self) -> None:
        object.__setattr__(self, "observed_at", require_utc(self.observed_at))


@dataclass(frozen=True, slots=True)
class PollPlan:
    """Which models a poll asks for: the whole hub, or its `top` most downloaded."""

    scope: Literal["all", "top"]
    top: int | None = None  #: number of models; None for the whole hub

    def __post_init__(self) -> None:
        if (self.scope == "top") != (self.top is not None and self.top > 0):
            raise ValueError(f"a poll of scope {self.scope!r} cannot have top = {self.top}")


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A span of time `[start, end)` reported on, in Unix seconds, with the label it bears in files and columns."""

    start: int
    end: int
    label: str

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"window {self.label} ends before it begins")

    @property
    def seconds(self) -> int:
        return self.end - self.start

    @property
    def last_day(self) -> date:
        """The UTC day on which registry rows are read: the last one that lies in the window."""
        return from_seconds(self.end - 1).date()


def month_window(month: str) -> Window:
    """The calendar month `YYYY-MM` (UTC); ValueError when it is not one."""
    match = _MONTH.match(month)
    if match is None or match[1] in ("0000", "9999"):  # the end of the last month is in no calendar
        raise ValueError(f"not a month: {month!r} (write YYYY-MM)")
    year, number = int(match[1]), int(match[2])
    end = _first(year + number // 12, number % 12 + 1)
    return Window(_first(year, number), end, month)


def days_window(start: date, end: date) -> Window:
    """From 00:00 UTC of `start` to 00:00 UTC of `end`, which is outside; ValueError when nothing lies between."""
    return Window(_midnight(start), _midnight(end), f"{start.isoformat()}_{end.isoformat()}")


def previous_window(window: Window) -> Window:
    """The window of equal length before; for a month the month before."""
    if _MONTH.match(window.label):
        return month_of(window.start - 1)
    start = 2 * window.start - window.end
    return days_window(from_seconds(start).date(), from_seconds(window.start).date())


def month_of(instant: int) -> Window:
    """The calendar month in which an instant (Unix seconds) lies."""
    return month_window(from_seconds(instant).strftime("%Y-%m"))


def months_between(start: int, end: int) -> list[Window]:
    """Every calendar month that shares a moment with `[start, end)`, in order."""
    months = []
    while start < end:
        months.append(month_of(start))
        start = months[-1].end
    return months


def _first(year: int, month: int) -> int:
    return _midnight(date(year, month, 1))


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Scope:
    """A named, written rule for which models count."""

    name: str
    pipeline_tags: frozenset[str] | None = None  #: None: every task
    created_after: date | None = None  #: a later UTC day than this; unknown dates are outside
    exclude_relations: frozenset[str] = frozenset()  #: relations to the base that do not count

    @property
    def created_from(self) -> int | None:
        """The first instant (Unix seconds) that is inside; None: any."""
        return None if self.created_after is None else _midnight(self.created_after + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class CountryGroup:
    """A named group of countries, as it stands now; groups may overlap."""

    name: str
    title: str  #: the name in full
    countries: frozenset[str]  #: ISO 3166-1 alpha-2; never XX or ZZ


def publisher_of(name: str) -> str:
    """The account a model lives under: the part before `/` (legacy models without one are their own)."""
    return name.split("/", 1)[0]

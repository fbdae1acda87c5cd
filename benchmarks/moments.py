"""When the poll of each day begins and reads each of its pages: at other seconds every day, as on a real hub.

The same every time it is asked. 2,500 pages take forty minutes; from one day to the next the start moves by some
seconds and a page by a minute or so. Knows no page.
"""

from __future__ import annotations

import random
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from benchmarks.hub_days import FIRST_DAY, Ints
from collector.model import DAY, Page, from_seconds

if TYPE_CHECKING:  # a history is made without a hub
    from collector.hubs import Hub

N = TypeVar("N", int, Ints)
AFTER_MIDNIGHT, LATEST_START = 300, 20  # seconds
LATEST_PAGE_MS, PAGE_MS, SLOWER_MS = 60_000, 960, 24


class Moments(NamedTuple):
    """The moments of one day's poll."""

    started_at: int  #: Unix seconds
    first_ms: int  #: the first page is read so long after that …
    page_ms: int  #: … and each other one so long after the page before it

    def after(self, page: N) -> N:
        """Seconds after the poll's start at which a page is read, or many; counted from 0."""
        return (self.first_ms + page * self.page_ms) // 1000


def moments(day: int) -> Moments:
    """Those of a day, by its number."""
    chance = random.Random(day)
    started_at = FIRST_DAY + AFTER_MIDNIGHT + day * DAY + chance.randrange(LATEST_START)
    return Moments(started_at, chance.randrange(LATEST_PAGE_MS), PAGE_MS + chance.randint(-SLOWER_MS, SLOWER_MS))


class Clock:
    """What a poll of a day takes for the time: it goes on with every page."""

    def __init__(self, day: int) -> None:
        self._of = moments(day)
        self._pages = count()
        self._now = self._of.started_at

    def now(self) -> datetime:
        """The moment of the last page; of the start before the first."""
        return from_seconds(self._now)

    def next_page(self) -> None:
        """The moment of the next page comes."""
        self._now = self._of.started_at + self._of.after(next(self._pages))


class Paced:
    """A hub whose pages are read at the moments that a clock says."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self.name, self.endpoint = hub.name, hub.endpoint
        self._hub, self._clock = hub, clock

    def page(self, cursor: str | None) -> Page:
        """The hub's page."""
        self._clock.next_page()
        return self._hub.page(cursor)

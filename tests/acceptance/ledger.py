"""The truth of a small world: every download of every model, second by second, and what the hub shows of it.

Knows no collector: from here a test knows what September was, whatever the counters did meanwhile.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

DAY = timedelta(days=1)
ROLLING = timedelta(days=30)
COUNTED_FROM = datetime(2026, 7, 1, tzinfo=UTC)  # what was downloaded before is one number

COUNTED_UNTIL = datetime(2027, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    """`09-05T12:00` of 2026, UTC; a bare day is its midnight."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Life:
    """What truly happened to one model."""

    name: str  #: at the end of the story
    publisher: str  #: country of the uploader on the last day of September
    roots: Mapping[str, float]  #: country of each root, with its part
    families: Mapping[str, float]  #: of each root, with its part; `other`: of no known one
    per_day: int  #: downloads, about
    born: datetime = COUNTED_FROM - 300 * DAY
    starts: datetime = COUNTED_FROM  #: first download that is not in `before`
    ends: datetime = COUNTED_UNTIL  #: no download from here on
    before: int = 0  #: downloads until `starts`
    bursts: Mapping[str, int] = field(default_factory=dict)  #: more downloads on a day (`09-24`)
    steps: tuple[tuple[datetime, int], ...] = ()  #: by so much the shown cumulative counter is off from then on

    def total(self, instant: datetime) -> int:
        """All downloads until an instant; those of a day come evenly."""
        instant = min(instant, self.ends)
        if instant <= self.starts:
            return self.before
        midnight = instant.replace(hour=0, minute=0, second=0)
        return _until_midnight(self, midnight) + self.of_day(midnight, instant)

    def of_day(self, midnight: datetime, until: datetime) -> int:
        """Downloads of the day that begins at a midnight, until an instant in it."""
        # A week with its week-end, and days that differ: a counter that grew evenly would hide every mistake of time.
        draw = hashlib.sha256(f"{self.name}{midnight:%m-%d}".encode()).digest()[0]
        weekly = 0.8 if midnight.weekday() >= 5 else 1.08
        whole = int(self.per_day * weekly * (0.9 + 0.2 * draw / 255)) + self.bursts.get(f"{midnight:%m-%d}", 0)
        return int(whole * ((until - max(midnight, self.starts)) / DAY))

    def between(self, start: datetime, end: datetime) -> int:
        """Downloads in a span of time."""
        return self.total(end) - self.total(start)

    def shown_all_time(self, instant: datetime) -> int:
        """What the hub's cumulative counter says."""
        return self.total(instant) + sum(amount for since, amount in self.steps if since <= instant)

    def shown_30d(self, instant: datetime) -> int:
        """What the hub's rolling counter says."""
        return self.between(instant - ROLLING, instant)


@cache
def _until_midnight(life: Life, midnight: datetime) -> int:
    if midnight <= life.starts:
        return life.before
    return _until_midnight(life, midnight - DAY) + life.of_day(midnight - DAY, midnight)


def by_country(lives: Mapping[str, Life], start: datetime, end: datetime, attribution: str) -> dict[str, float]:
    """True downloads of a window by country."""
    found: dict[str, float] = defaultdict(float)
    for life in lives.values():
        parts = life.roots if attribution == "base" else {life.publisher: 1.0}
        for country, part in parts.items():
            found[country] += part * life.between(start, end)
    return {country: downloads for country, downloads in found.items() if downloads}


def by_family(lives: Mapping[str, Life], start: datetime, end: datetime) -> dict[str, float]:
    """True downloads of a window by family of the root; a merge counts for the family of each root."""
    found: dict[str, float] = defaultdict(float)
    for life in lives.values():
        for family, part in life.families.items():
            found[family] += part * life.between(start, end)
    return {family: downloads for family, downloads in found.items() if downloads}

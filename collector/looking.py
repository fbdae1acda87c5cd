"""One look at what decides whether the months of a hub still stand: its polls, and from what they were worked out.

A roll-up asks that of every month known: what is looked up once is not looked up for each. Readings are read after the
look that they are counted under: a page that came between changes the marks, so that the month is worked out anew.
Knows no SQL, no rule of counting, no origin, no file and no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collector.model import Window, from_seconds, month_of
from collector.store import hub_polls, marks, months
from collector.store.database import Database
from collector.store.hub_polls import HubPolls
from collector.store.months import MonthBuild
from collector.store.queries import Hub

RULES = "1"  #: rises with every change of the counting rules, so that no derived row outlives them


@dataclass(frozen=True, slots=True)
class Look:
    """A hub's polls and months as they were at one moment."""

    polls: HubPolls
    as_of: int | None  #: until when the hub was looked at; None: it never was
    builds: Mapping[int, MonthBuild]  #: by month (year × 100 + month)
    marks: Mapping[str, str]  #: by what was built of the hub: the fingerprint under which it was

    def build(self, month: Window) -> MonthBuild | None:
        """From which state of the facts the rows of a month were worked out; None where they never were."""
        return self.builds.get(month_number(month))

    def current_build(self, window: Window) -> MonthBuild | None:
        """The same; None too where the rows are not what the readings say now."""
        built = self.build(window) if window == month_of(window.start) else None
        if built is None or self.polls.last_poll(window) > built.last_poll_id:
            return None
        return built if self.stands(window, built) else None

    def stands(self, month: Window, built: MonthBuild) -> bool:
        """Whether the rows are what the polls that they take in say now."""
        return built.fingerprint == self.mark(month, built.last_poll_id)

    def mark(self, window: Window, last_poll_id: int) -> str:
        """Changes with what the polls numbered up to one, or imports, say of the window."""
        return marks.digest(RULES, self.polls.fingerprint(window, last_poll_id))

    def is_over(self, window: Window) -> bool:
        """Whether the hub was looked at after the window's end."""
        return self.as_of is not None and self.as_of >= window.end


def look(db: Database, hub: Hub) -> Look:
    """The hub as it is now."""
    polls = hub_polls.read(db, hub.id)
    return Look(polls, hub_polls.as_of(db, hub.id, polls), months.month_builds(db, hub.id), marks.marks_of(db, hub.id))


def with_new_builds(db: Database, hub: Hub, seen: Look) -> Look:
    """The same look with what the months were worked out from since: under its polls."""
    return replace(seen, builds=months.month_builds(db, hub.id))


def month_number(month: Window) -> int:
    """Year × 100 + month."""
    first = from_seconds(month.start)
    return first.year * 100 + first.month

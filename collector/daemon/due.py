"""When: what is due, what was missed, how long to wait after a failure, whether the clock jumped. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

PAUSES_SECONDS = (60, 300, 900, 1800, 3600)  # after a failure; the last one repeats until the day ends
JUMP = timedelta(minutes=1)  # a clock that is off by more against the time that truly passed was set


def not_before(failures: Sequence[datetime]) -> datetime:
    """The moment before which nothing is tried again, by the failures of the day."""
    if not failures:
        return datetime.min.replace(tzinfo=UTC)
    return failures[-1] + timedelta(seconds=PAUSES_SECONDS[min(len(failures), len(PAUSES_SECONDS)) - 1])


def of_today(failures: Sequence[datetime], now: datetime) -> list[datetime]:
    """The failures that still count: a new day begins without them, and so does a clock that was set back."""
    return [at for at in failures if at.date() == now.date() and at <= now]


def is_due(schedule: str, last: datetime | None, now: datetime) -> bool:
    """Whether a time of the schedule has come after `last` (None: it is due at once) and up to `now`."""
    due = due_at(schedule, last)
    return last is None or (due is not None and due <= now)


def due_at(schedule: str, last: datetime | None) -> datetime | None:
    """The first time of the schedule after `last`; None: at once, or never."""
    if last is None:
        return None
    found: datetime | None = _trigger(schedule).get_next_fire_time(None, last + timedelta(seconds=1))
    return found


def next_time(schedule: str, now: datetime) -> datetime | None:
    """When the schedule comes next after `now`."""
    found: datetime | None = _trigger(schedule).get_next_fire_time(None, now)
    return found


def lost_days(last: datetime | None, now: datetime) -> list[date]:
    """The whole UTC days between the last complete poll and today, on which there was none."""
    if last is None:
        return []
    between = (now.date() - last.date()).days
    return [last.date() + timedelta(days=n) for n in range(1, between)]


def jump(before: tuple[datetime, float], after: tuple[datetime, float]) -> timedelta | None:
    """By how much the clock was set between two looks at it and at a watch (seconds); None: it was not."""
    moved = after[0] - before[0] - timedelta(seconds=after[1] - before[1])
    return moved if abs(moved) > JUMP else None


def _trigger(schedule: str) -> CronTrigger:
    return CronTrigger.from_crontab(schedule, timezone=UTC)

"""The daemon: when to poll, roll up and report. Knows schedules and signals; knows no figures, no SQL, no wire format.

What is due lives in the database, not in the scheduler: APScheduler only wakes the daemon, and every wake asks what is
due now. So a crash, a reboot or a week off changes nothing but the time: the next start does what was missed, once.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import FrameType
from typing import Protocol

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from collector.errors import CollectorError, Stopped
from collector.model import Window, from_seconds, month_of, to_seconds

PAUSES_SECONDS = (60, 300, 900, 1800, 3600)  # after a failed poll; the last one repeats until the day ends
WATCH_SECONDS = 30  # how often the daemon asks what is due beside its schedules


class Work(Protocol):
    """What the daemon can have done; each call opens what it needs and closes it."""

    def last_poll_started(self, hub: str) -> datetime | None:
        """Start of the hub's last complete poll; None: there was none."""
        ...

    def poll(self, hub: str, stop: threading.Event) -> None:
        """Polls the hub and brings the derived tables up to date. Raises CollectorError, Stopped."""
        ...

    def report_wanted(self, month: Window) -> bool:
        """Whether the month can be reported and its pack is missing or older than the facts."""
        ...

    def report(self, month: Window) -> None:
        """Writes the pack of the month."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """The schedules, as cron lines in UTC."""

    polls: Mapping[str, str]  #: by hub
    report: str


@dataclass
class Daemon:
    """Does what is due, one thing at a time; decides by the clock it was given and by what the database says."""

    plan: Plan
    work: Work
    now: Callable[[], datetime]
    log: logging.Logger
    stop: threading.Event = field(default_factory=threading.Event)
    _failures: dict[str, list[datetime]] = field(default_factory=dict)

    def tick(self) -> None:
        """Does everything that is due at this moment, then returns; stops between two things when asked to."""
        for hub in self.plan.polls:
            if not self.stop.is_set() and self._poll_due(hub):
                self._poll(hub)
        if not self.stop.is_set():
            self._report_if_due()

    def _poll_due(self, hub: str) -> bool:
        now, last = self.now(), self.work.last_poll_started(hub)
        if not is_due(self.plan.polls[hub], last, now):
            return False
        failures = [at for at in self._failures.get(hub, []) if at.date() == now.date()]
        pause = PAUSES_SECONDS[min(len(failures), len(PAUSES_SECONDS)) - 1] if failures else 0
        return not failures or now >= failures[-1] + timedelta(seconds=pause)

    def _poll(self, hub: str) -> None:
        lost = lost_days(self.work.last_poll_started(hub), self.now())
        if lost:
            self.log.warning("%s: no complete poll on %s; their growth is spread over the gap", hub, _days(lost))
        try:
            self.work.poll(hub, self.stop)
        except Stopped:
            self.log.info("%s: poll stopped; it goes on at the next start", hub)
        except CollectorError as error:
            self._failures.setdefault(hub, []).append(self.now())
            self.log.error("%s: poll failed: %s", hub, error)
        else:
            self._failures.pop(hub, None)

    def _report_if_due(self) -> None:
        month = month_of(month_of(to_seconds(self.now())).start - 1)
        if not is_due(self.plan.report, from_seconds(month.end), self.now()) or not self.work.report_wanted(month):
            return
        try:
            self.work.report(month)
        except CollectorError as error:
            self.log.error("report of %s failed: %s", month.label, error)


def is_due(schedule: str, last: datetime | None, now: datetime) -> bool:
    """Whether a time of the schedule has come after `last` (None: it is due at once) and up to `now`."""
    if last is None:
        return True
    trigger = CronTrigger.from_crontab(schedule, timezone=UTC)
    due = trigger.get_next_fire_time(None, last + timedelta(seconds=1))
    return due is not None and due <= now


def next_time(schedule: str, now: datetime) -> datetime | None:
    """When the schedule comes next after `now`."""
    found: datetime | None = CronTrigger.from_crontab(schedule, timezone=UTC).get_next_fire_time(None, now)
    return found


def lost_days(last: datetime | None, now: datetime) -> list[date]:
    """The whole UTC days between the last complete poll and today, on which there was none."""
    if last is None:
        return []
    between = (now.date() - last.date()).days
    return [last.date() + timedelta(days=n) for n in range(1, between)]


def run(daemon: Daemon) -> None:
    """Runs until SIGTERM or SIGINT; a poll under way keeps or drops its page whole and ends."""
    with_signals = {number: signal.signal(number, _stopper(daemon.stop)) for number in (signal.SIGTERM, signal.SIGINT)}
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    )
    wake = _Waker(daemon)
    for name, schedule in {**daemon.plan.polls, "report": daemon.plan.report}.items():
        scheduler.add_job(wake.ask, CronTrigger.from_crontab(schedule, timezone=UTC), id=name)
    scheduler.start()
    try:
        while not daemon.stop.is_set():
            daemon.tick()
            wake.wait(WATCH_SECONDS)
    finally:
        scheduler.shutdown(wait=False)
        for number, handler in with_signals.items():
            signal.signal(number, handler)


class _Waker:
    """Lets the schedules wake the loop early; all work is done in the loop, one thing at a time."""

    def __init__(self, daemon: Daemon) -> None:
        self._stop = daemon.stop
        self._asked = threading.Event()

    def ask(self) -> None:
        self._asked.set()

    def wait(self, seconds: float) -> None:
        """Returns when asked, when stopping, or after the time given."""
        for _ in range(max(1, int(seconds * 2))):
            if self._asked.is_set() or self._stop.wait(0.5):
                break
        self._asked.clear()


def _stopper(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
        stop.set()

    return handle


def _days(days: Iterable[date]) -> str:
    listed = [day.isoformat() for day in days]
    return listed[0] if len(listed) == 1 else f"{len(listed)} days, {listed[0]} to {listed[-1]}"

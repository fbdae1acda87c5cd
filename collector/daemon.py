"""The daemon: when to poll, roll up and report. Knows schedules; knows no signals, no figures, no SQL, no wire format.

What is due lives in the database, not in the scheduler: APScheduler only wakes the daemon, and every wake asks what is
due now. So a crash, a reboot or a week off changes nothing but the time: the next start does what was missed, once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from collector.errors import CollectorError, Stopped
from collector.logs import about
from collector.model import Window, from_seconds, month_of, to_seconds

PAUSES_SECONDS = (60, 300, 900, 1800, 3600)  # after a failure; the last one repeats until the day ends
WATCH_SECONDS = 30  # how often the daemon asks what is due beside its schedules


class Stop(Protocol):
    """What ends the daemon and interrupts every wait; `threading.Event` is one."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float) -> bool: ...


class Work(Protocol):
    """What the daemon can have done; each call opens what it needs and closes it."""

    def last_poll_started(self, hub: str) -> datetime | None:
        """Start of the hub's last complete poll; None: there was none."""
        ...

    def poll(self, hub: str, stop: Stop) -> None:
        """Polls the hub and brings the derived tables up to date. Raises CollectorError, Stopped."""
        ...

    def report_wanted(self, month: Window) -> bool:
        """Whether the month can be reported, its last poll in, and its pack is missing or was written too early."""
        ...

    def report(self, month: Window, stop: Stop) -> None:
        """Writes the pack of the month. Raises CollectorError, Stopped."""
        ...

    def roll_up(self, stop: Stop) -> None:
        """Brings the derived tables up to date. Raises CollectorError, Stopped."""
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
    stop: Stop
    _failures: dict[str, list[datetime]] = field(default_factory=dict)

    def begin(self) -> None:
        """What an earlier run left undone, before anything new is asked for."""
        self._try("roll-up", lambda: self.work.roll_up(self.stop))

    def tick(self) -> None:
        """Does everything that is due at this moment, then returns; stops between two things when asked to.

        What fails is logged and tried again after a pause of its own; it keeps nothing else from being done.
        """
        for hub in self.plan.polls:
            with about(hub=hub):
                self._try(f"poll {hub}", lambda hub=hub: self._poll_if_due(hub))  # type: ignore[misc]
        self._try("report", self._report_if_due)

    def _try(self, what: str, act: Callable[[], None]) -> None:
        """Acts unless it is too early after a failure; errors a user can mend are logged, bugs are not caught."""
        now = self.now()
        failures = self._failures[what] = [at for at in self._failures.get(what, []) if at.date() == now.date()]
        if self.stop.is_set() or now < not_before(failures):
            return
        try:
            act()
        except Stopped:
            self.log.info("%s: stopped; it goes on at the next start", what)
        except CollectorError as error:
            failures.append(self.now())
            self.log.error("%s failed: %s; next try not before %s", what, error, f"{not_before(failures):%H:%M} UTC")
        else:
            failures.clear()

    def _poll_if_due(self, hub: str) -> None:
        last = self.work.last_poll_started(hub)
        if not is_due(self.plan.polls[hub], last, self.now()):
            return
        lost = lost_days(last, self.now())
        if lost and not self._failures[f"poll {hub}"]:
            self.log.warning("%s: no complete poll on %s; their growth is spread over the gap", hub, _days(lost))
        self.work.poll(hub, self.stop)

    def _report_if_due(self) -> None:
        month = month_of(month_of(to_seconds(self.now())).start - 1)
        if is_due(self.plan.report, from_seconds(month.end - 1), self.now()) and self.work.report_wanted(month):
            self.work.report(month, self.stop)


def not_before(failures: Sequence[datetime]) -> datetime:
    """The moment before which nothing is tried again, by the failures of the day."""
    if not failures:
        return datetime.min.replace(tzinfo=UTC)
    return failures[-1] + timedelta(seconds=PAUSES_SECONDS[min(len(failures), len(PAUSES_SECONDS)) - 1])


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
    """Runs until the daemon's stop is set; a poll under way then keeps or drops its page whole and ends."""
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    )
    wake = _Waker(daemon.stop)
    for name, schedule in {**daemon.plan.polls, "report": daemon.plan.report}.items():
        scheduler.add_job(wake.ask, CronTrigger.from_crontab(schedule, timezone=UTC), id=name)
        daemon.log.info("%s: next at %s", name, next_time(schedule, daemon.now()))
    scheduler.start()
    try:
        daemon.begin()
        while not daemon.stop.is_set():
            daemon.tick()
            wake.wait(WATCH_SECONDS)
    finally:
        scheduler.shutdown(wait=False)
    daemon.log.info("stopped")


class _Waker:
    """Lets the schedules wake the loop early; all work is done in the loop, one thing at a time."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._asked = threading.Event()

    def ask(self) -> None:
        self._asked.set()

    def wait(self, seconds: float) -> None:
        """Returns when asked, when stopping, or after the time given."""
        for _ in range(max(1, int(seconds * 2))):
            if self._asked.is_set() or self._stop.wait(0.5):
                break
        self._asked.clear()


def _days(days: Iterable[date]) -> str:
    listed = [day.isoformat() for day in days]
    return listed[0] if len(listed) == 1 else f"{len(listed)} days, {listed[0]} to {listed[-1]}"

"""What is due of the upkeep, and in which lane: every hub polls in its own, everything else waits in one.

Joins schedules with the calls of `upkeep`; knows no thread and no signal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from collector.daemon.due import is_due, lost_days
from collector.daemon.jobs import Job, Lanes, Stop
from collector.errors import CollectorError
from collector.model import Window, from_seconds, month_of, to_seconds
from collector.upkeep import Upkeep

WATCH_EVERY = timedelta(minutes=1)
RESTATE_EVERY = timedelta(hours=1)  # a month: within a day those of a year, a second of CPU each for a whole hub


def lanes(upkeep: Upkeep, since: datetime) -> Lanes:
    """The jobs of a configuration. `since`: when the daemon began."""
    hubs = [hub for hub in upkeep.config.hubs.values() if hub.enabled]
    polls = {f"poll {hub.name}": [_Poll(upkeep, hub.name, hub.schedule).job()] for hub in hubs}
    return {**polls, "upkeep": _upkeep(upkeep, since)}


def schedules(upkeep: Upkeep) -> dict[str, str]:
    """The cron lines that wake the daemon, by job."""
    config = upkeep.config
    polls = {f"poll {hub.name}": hub.schedule for hub in config.hubs.values() if hub.enabled}
    backup = {} if config.backup.directory is None else {"backup": config.backup.schedule}
    return {**polls, "report": config.report.schedule, **backup, "check": config.backup.check_schedule}


def _upkeep(upkeep: Upkeep, since: datetime) -> list[Job]:
    every, restating = _Every(WATCH_EVERY), _Every(RESTATE_EVERY)
    backup, check = upkeep.config.backup, upkeep.config.backup.check_schedule
    return [
        Job("roll-up", lambda _: not upkeep.is_rolled_up(), lambda _: upkeep.roll_up()),
        Job(
            "restate",
            lambda now: restating.is_due(now) and upkeep.has_months_to_restate(),
            lambda _: restating.done(upkeep.now(), lambda: upkeep.roll_up(most_restated=1)),
        ),
        Job("watch", every.is_due, lambda _: every.done(upkeep.now(), lambda: upkeep.watch(since))),
        Job("tell", lambda _: upkeep.untold() > 0, lambda _: upkeep.tell()),
        Job("report", lambda now: bool(_reports(upkeep, now)), lambda stop: _report(upkeep, stop)),
        Job(
            "backup",
            lambda now: backup.directory is not None and is_due(backup.schedule, upkeep.last_done("backup"), now),
            upkeep.backup,
        ),
        Job("check", lambda now: is_due(check, upkeep.last_done("check"), now), lambda _: upkeep.check()),
    ]


@dataclass
class _Poll:
    """Polls one hub when it is due, and says once which days are lost."""

    upkeep: Upkeep
    hub: str
    schedule: str
    _said: list[date] = field(default_factory=list)

    def job(self) -> Job:
        return Job(f"poll {self.hub}", self._is_due, self._do, self.hub, wakes=True)

    def _is_due(self, now: datetime) -> bool:
        return is_due(self.schedule, self.upkeep.last_poll_started(self.hub), now)

    def _do(self, stop: Stop) -> None:
        lost = lost_days(self.upkeep.last_poll_started(self.hub), self.upkeep.now())
        if lost and lost != self._said:
            self.upkeep.log.warning(
                "%s: no complete poll on %s; their growth is spread over the gap", self.hub, days(lost)
            )
            self._said = lost
        self.upkeep.poll(self.hub, stop)


@dataclass
class _Every:
    """Due when so much time has passed since it was done, whichever way the clock was set meanwhile."""

    pause: timedelta
    _at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        return self._at is None or abs(now - self._at) >= self.pause

    def done(self, now: datetime, act: Callable[[], None]) -> None:
        act()
        self._at = now


def month_to_report(schedule: str, now: datetime) -> Window | None:
    """The last whole month, once the schedule has come since its end; None: not yet."""
    month = month_of(month_of(to_seconds(now)).start - 1)
    return month if is_due(schedule, from_seconds(month.end - 1), now) else None


def _reports(upkeep: Upkeep, now: datetime) -> list[tuple[str, Window]]:
    return [*upkeep.reports_wanted(month_to_report(upkeep.config.report.schedule, now))]


def _report(upkeep: Upkeep, stop: Stop) -> None:
    """Every report that is wanted; one that cannot be written keeps no other from it."""
    failed: list[CollectorError] = []
    for hub, month in _reports(upkeep, upkeep.now()):
        if not stop.is_set():
            try:
                upkeep.report(hub, month)
            except CollectorError as error:
                failed.append(error)
    if failed:
        raise failed[0]


def days(lost: Iterable[date]) -> str:
    """Days in words: the only one, or how many from when to when."""
    listed = [day.isoformat() for day in lost]
    return listed[0] if len(listed) == 1 else f"{len(listed)} days, {listed[0]} to {listed[-1]}"

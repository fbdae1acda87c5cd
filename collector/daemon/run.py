"""The daemon as a process: starts the lanes, answers signals, watches the clock, tells systemd and whoever asks.

Knows no job's meaning. Ends within seconds whatever is under way: a page or a month is kept whole or dropped whole.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType
from typing import Self

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from collector.config import Config, HubConfig, ServeConfig
from collector.daemon.due import due_at, jump, next_time
from collector.daemon.duties import lanes, schedules
from collector.daemon.jobs import Daemon, Stop
from collector.daemon.notify import notify, watchdog_seconds
from collector.daemon.serve import Standing, Watcher
from collector.errors import CollectorError, ConfigError
from collector.model import from_seconds
from collector.upkeep import Figures, Upkeep

BEAT_SECONDS = 0.5  # how often the process looks at signals and clock
GRACE_SECONDS = 2.0  # for what is under way when it is stopped; what takes longer ends with the process
BIND_AGAIN_SECONDS = 60.0

Load = Callable[[], Config]


class HangUp:
    """Set by SIGHUP while it is entered. To be entered in the main thread."""

    def __init__(self) -> None:
        self.is_set = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGHUP, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGHUP, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        self.is_set = True


@dataclass
class Service:
    """The daemon with everything around it. The caller holds the writer's lock."""

    config: Config
    load: Load  #: reads the configuration anew; raises ConfigError
    now: Callable[[], datetime]
    log: logging.Logger
    stop: Stop
    hangup: HangUp
    environ: Mapping[str, str]
    work_now: Callable[[], datetime] | None = None  #: the clock that readings are dated by; None: `now`
    _heard_at: float = field(default_factory=time.monotonic)
    _bind_at: float = 0.0
    _watcher: Watcher | None = None

    def __post_init__(self) -> None:
        self._since = self.now()
        self._clocks = self._since, time.monotonic()
        self._upkeep = Upkeep(self.config, self.work_now or self.now, self.log)
        self.daemon = Daemon(lanes(self._upkeep, self._since), self.now, self.log, self.stop)

    def run(self) -> list[str]:
        """Runs until the stop is set; returns the lanes that were still at work when the grace was over."""
        scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        )
        scheduler.start()
        self._schedule(scheduler)
        with ExitStack() as open_things:
            open_things.callback(scheduler.shutdown, wait=False)
            open_things.callback(self._serve_no_more)
            self.daemon.start_lanes()
            self._notify("READY=1")
            while not self._beat(scheduler):
                pass
            self._notify("STOPPING=1")
            return self._ended()

    def standing(self) -> Standing:
        """How things are, for whoever asks over HTTP."""
        figures, why_not_ready = self._figures()
        now, hubs = self.now(), [] if figures is None else figures.hubs
        lasts = {of.hub: from_seconds(of.last.started_at) for of in hubs if of.last is not None}
        return Standing(
            figures,
            why_not_ready,
            ", ".join(f"{lane} does not run" for lane in self.daemon.idle()),
            {hub.name: self._late(lasts.get(hub.name), hub.schedule) for hub in self._enabled()},
            {hub: (now - last).total_seconds() for hub, last in lasts.items()},
            self.daemon.failing(),
        )

    # --- one beat ---

    def _beat(self, scheduler: BackgroundScheduler) -> bool:
        """Waits a moment and looks around; whether the stop is set."""
        stopped = self.stop.wait(BEAT_SECONDS)
        before, self._clocks = self._clocks, (self.now(), time.monotonic())  # from look to look: no moment is unwatched
        if moved := jump(before, self._clocks):
            way = "forward" if moved.total_seconds() > 0 else "back"
            self.log.warning(
                "the clock went %s by %s (or the machine slept); looking anew what is due", way, abs(moved)
            )
            self.daemon.bell.ring()
        if self.hangup.is_set:
            self.hangup.is_set = False
            self._reload(scheduler)
        self._serve()
        self._keep_alive()
        return stopped

    def _keep_alive(self) -> None:
        """Starts lanes that have no thread, and tells the watchdog that all is well."""
        self.daemon.start_lanes()
        every = watchdog_seconds(self.environ)
        if every is not None and time.monotonic() - self._heard_at >= every:
            self._heard_at = time.monotonic()
            self._notify("WATCHDOG=1")

    def _ended(self) -> list[str]:
        """Waits for the lanes; which of them are still at work."""
        ends = time.monotonic() + GRACE_SECONDS
        while (left := self.daemon.at_work()) and time.monotonic() < ends:
            # Not time.sleep: it waits for an absolute time, which a preloaded false clock (faketime) makes invalid.
            select.select([], [], [], 0.02)
        for lane in left:
            self.log.warning("%s: broken off; what it had not kept is done again at the next start", lane)
        self.log.info("stopped")
        return left

    # --- configuration ---

    def _reload(self, scheduler: BackgroundScheduler) -> None:
        """Takes the configuration as it is now, or keeps the old one and says why."""
        self._notify("RELOADING=1")
        try:
            config = self.load()
            if config.database != self.config.database:
                raise ConfigError("[database] url changed: that takes a restart")
            upkeep = Upkeep(config, self._upkeep.now, self.log, self._upkeep.turn)
            self.daemon.lanes = lanes(upkeep, self._since)
        except CollectorError as error:
            self.log.error(
                "the configuration was not reloaded, the old one stays: %s", "; ".join(f"{error}".split("\n"))
            )
        else:
            if config.serve != self.config.serve:
                self._serve_no_more()
            self.config, self._upkeep = config, upkeep
            self._schedule(scheduler)
            self.log.info("configuration reloaded from %s", config.path)
            self.daemon.bell.ring()
        self._notify("READY=1")

    def _schedule(self, scheduler: BackgroundScheduler) -> None:
        scheduler.remove_all_jobs()
        for name, schedule in schedules(self._upkeep).items():
            scheduler.add_job(self.daemon.bell.ring, CronTrigger.from_crontab(schedule, timezone=UTC), id=name)
            self.log.info("%s: next at %s", name, next_time(schedule, self.now()))

    # --- who watches ---

    def _serve(self) -> None:
        """Opens the port if it is not open. That another program has it is no reason to miss a poll."""
        if self._watcher is not None or time.monotonic() < self._bind_at:
            return
        at: ServeConfig = self.config.serve
        try:
            self._watcher = Watcher(at.host, at.port, at.names, self.standing).__enter__()
        except OSError as error:
            self._bind_at = time.monotonic() + BIND_AGAIN_SECONDS
            reason = error.strerror or type(error).__name__
            self.log.error("[serve] listen %s:%d: %s; polling goes on without it", at.host, at.port, reason)
        else:
            self.log.info("health and metrics on %s:%d", at.host, self._watcher.port)

    def _serve_no_more(self) -> None:
        if self._watcher is not None:
            self._watcher.__exit__(None, None, None)
        self._watcher, self._bind_at = None, 0.0

    def _figures(self) -> tuple[Figures | None, str]:
        try:
            return self._upkeep.figures(), ""
        except CollectorError as error:
            return None, str(error)

    def _enabled(self) -> list[HubConfig]:
        return [hub for hub in self.config.hubs.values() if hub.enabled]

    def _late(self, last: datetime | None, schedule: str) -> float:
        """Seconds since the poll is due; a hub never polled is due since the daemon began."""
        due = self._since if last is None else due_at(schedule, last)
        return 0.0 if due is None else max((self.now() - due).total_seconds(), 0.0)

    def _notify(self, state: str) -> None:
        if state == "RELOADING=1":
            state += f"\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
        notify(state, self.environ)


def end_now(log: logging.Logger) -> None:
    """Ends the process though threads are at work: what they had not kept is dropped whole."""
    for handler in [*log.handlers, *logging.getLogger().handlers]:
        handler.flush()
    os._exit(0)

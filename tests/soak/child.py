"""The daemon as a process of its own, on a clock that its parent moves: what a soak kills and starts again.

Everything is the product's own but the clock, the length of waits, and the upkeep that a soak has no time for.
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from collector.config import load_config
from collector.daemon.jobs import Job, Lanes
from collector.daemon.run import HangUp, Service
from collector.logs import set_up
from collector.stopping import StopOnSignal
from collector.store.database import writer_lock

ROLL_UP_DAYS = (1, 2)  # of a month; on others the derived tables wait
_KEPT = ("roll-up", "report", "backup")


class SharedClock:
    """An instant in a file that two processes have in memory."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 8)

    def now(self) -> datetime:
        return datetime.fromtimestamp(struct.unpack("d", self._memory[:])[0], UTC)

    def set(self, instant: datetime) -> None:
        self._memory[:] = struct.pack("d", instant.timestamp())


class HurriedStop(StopOnSignal):
    """Every wait is over at once: waits are the clock's business here."""

    def wait(self, timeout: float) -> bool:
        return super().wait(min(timeout, 0.004))


def polled_at(now: datetime) -> datetime:
    """Readings of a day all bear one time, so that a poll that was broken off leaves the same rows."""
    return now.replace(hour=0, minute=5, second=0, microsecond=0)


def run(folder: str, environ: Mapping[str, str]) -> None:
    """Runs the daemon of a folder until SIGTERM."""
    path = Path(folder) / "config.toml"
    clock = SharedClock(Path(folder) / "clock")
    config = load_config(path, environ)
    with (Path(folder) / "log").open("a", encoding="utf-8") as stream:
        log = set_up(stream, json_lines=True)
        with writer_lock(config.database.url, wait_seconds=5), HurriedStop() as stop, HangUp() as hangup:
            service = Service(
                config,
                lambda: load_config(path, environ),
                clock.now,
                log,
                stop,
                hangup,
                environ,
                work_now=lambda: polled_at(clock.now()),
            )
            service.daemon.lanes = thinned(service.daemon.lanes)
            service.run()
    logging.shutdown()
    os._exit(0)


def thinned(lanes: Lanes) -> Lanes:
    """Without the jobs that only watch, and with roll-ups at the beginning of a month alone."""
    return {lane: [_seldom(job) for job in jobs if job.hub or job.name in _KEPT] for lane, jobs in lanes.items()}


def _seldom(job: Job) -> Job:
    if job.name != "roll-up":
        return job
    return Job(job.name, lambda now: now.day in ROLL_UP_DAYS and job.is_due(now), job.do)

"""Lanes of jobs: each lane does what is due, one job at a time, in a thread of its own; no lane waits for another.

Knows pauses after failures and how lanes end; knows no job's meaning. What is due, every job finds out anew from the
database at each look, so a crash, a reboot or a week off changes nothing but the time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from collector.daemon.due import not_before, of_today
from collector.errors import CollectorError, Stopped
from collector.logs import about

LOOK_SECONDS = 0.25  # how soon a lane hears the bell
WATCH_SECONDS = 5.0  # how often a lane asks what is due when nothing rings


class Stop(Protocol):
    """What ends the daemon and interrupts every wait; `threading.Event` is one."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do when it is due. Both calls open what they need and close it; both may raise CollectorError."""

    name: str  #: as logs and metrics have it
    is_due: Callable[[datetime], bool]
    do: Callable[[Stop], None]
    hub: str | None = None  #: None: of no one hub
    wakes: bool = False  #: whether other lanes may have something to do once it is done


Lanes = Mapping[str, Sequence[Job]]


class Bell:
    """Lets schedules, signals and finished polls wake all lanes early."""

    def __init__(self) -> None:
        self._rung = 0

    def ring(self) -> None:
        """Every lane looks at once what is due."""
        self._rung += 1

    def wait(self, stop: Stop, heard: int) -> None:
        """Returns when it has rung since `heard`, when stopping, or when it is time to look."""
        for _ in range(int(WATCH_SECONDS / LOOK_SECONDS)):
            if self._rung != heard or stop.wait(LOOK_SECONDS):
                return

    @property
    def rung(self) -> int:
        """How often it has rung."""
        return self._rung


@dataclass
class Daemon:
    """The lanes, their threads and what failed. `lanes` may be replaced while it runs: what is under way ends first."""

    lanes: Lanes
    now: Callable[[], datetime]
    log: logging.Logger
    stop: Stop
    bell: Bell = field(default_factory=Bell)
    _failures: dict[str, list[datetime]] = field(default_factory=dict)
    _threads: dict[str, threading.Thread] = field(default_factory=dict)

    def tick(self, lane: str) -> None:
        """Does everything in the lane that is due at this moment; stops between two jobs when asked to."""
        for job in self.lanes.get(lane, ()):
            if self.stop.is_set():
                return
            with about(**({} if job.hub is None else {"hub": job.hub}), job=job.name):
                self._attempt(job)

    def start_lanes(self) -> None:
        """Starts the thread of every lane that has none at work."""
        for lane in self.lanes:
            if lane not in self.at_work():
                # A daemon thread: one that sits in a long statement must not keep the process from ending.
                self._threads[lane] = threading.Thread(target=self._run, args=(lane,), name=lane, daemon=True)
                self._threads[lane].start()

    def at_work(self) -> list[str]:
        """The lanes whose threads run."""
        return [lane for lane, thread in self._threads.items() if thread.is_alive()]

    def idle(self) -> list[str]:
        """The lanes that have no thread, though they should: a daemon with one is not well."""
        return [lane for lane in self.lanes if lane not in self.at_work()]

    def failing(self) -> dict[str, int]:
        """Failures of the day since the last success, by job."""
        return {name: len(of_today(failures, self.now())) for name, failures in list(self._failures.items())}

    def _run(self, lane: str) -> None:
        while lane in self.lanes and not self.stop.is_set():
            heard = self.bell.rung
            self.tick(lane)
            self.bell.wait(self.stop, heard)

    def _attempt(self, job: Job) -> None:
        """Does the job if it is due and not too early after a failure. No error ends the lane."""
        failures = self._failures[job.name] = of_today(self._failures.get(job.name, []), self.now())
        if self.now() < not_before(failures):
            return
        try:
            if not job.is_due(self.now()):
                return
            job.do(self.stop)
        except Stopped:
            self.log.info("%s: stopped; it goes on at the next start", job.name)
        except CollectorError as error:
            failures.append(self.now())
            self.log.error("%s failed: %s; %s", job.name, error, self._next_try(failures))
        except Exception:  # a bug in one job must not cost the days of all hubs: it is told whole, and tried again
            failures.append(self.now())
            self.log.exception("%s failed: a bug of this software; %s", job.name, self._next_try(failures))
        else:
            failures.clear()
            if job.wakes:
                self.bell.ring()

    def _next_try(self, failures: Sequence[datetime]) -> str:
        return f"next try not before {not_before(failures):%H:%M} UTC"

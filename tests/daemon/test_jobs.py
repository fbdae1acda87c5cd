"""Lanes of jobs: what fails is tried again with growing pauses, and holds up nothing else. A clock moved by hand."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from collector.daemon.jobs import Daemon, Job, Stop
from collector.demo.world import Clock
from collector.errors import CollectorError, HubError, Stopped, StoreError


@dataclass
class Diary:
    """Jobs that only write down that they were done; each is due until it has gone well."""

    clock: Clock
    done: list[str] = field(default_factory=list)
    well: set[str] = field(default_factory=set)
    broken: dict[str, Exception] = field(default_factory=dict)

    def job(self, name: str, wakes: bool = False) -> Job:
        return Job(name, lambda _: name not in self.well, lambda stop: self._do(name, stop), "hub", wakes)

    def _do(self, name: str, stop: Stop) -> None:
        self.done.append(name)
        if name in self.broken:
            raise self.broken[name]
        self.well.add(name)


@dataclass
class Night:
    """A daemon with two lanes."""

    clock: Clock
    diary: Diary
    daemon: Daemon
    stop: threading.Event

    def ticks(self, *, minutes: int, times: int) -> list[str]:
        """What was done in so many looks, so many minutes apart."""
        before = len(self.diary.done)
        for _ in range(times):
            for lane in self.daemon.lanes:
                self.daemon.tick(lane)
            self.clock.advance(minutes=minutes)
        return self.diary.done[before:]


@pytest.fixture
def night(caplog: pytest.LogCaptureFixture) -> Night:
    caplog.set_level(logging.INFO)
    clock = Clock(datetime(2026, 11, 22, 12, tzinfo=UTC))
    diary, stop = Diary(clock), threading.Event()
    lanes = {"one": [diary.job("one")], "two": [diary.job("two"), diary.job("three")]}
    return Night(clock, diary, Daemon(lanes, clock.now, logging.getLogger("collector"), stop), stop)


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.02)


def test_what_is_due_is_done_once(night: Night) -> None:
    assert night.ticks(minutes=1, times=5) == ["one", "two", "three"]


@pytest.mark.parametrize("error", [HubError("out of reach"), StoreError("the disk is full")])
def test_what_fails_is_tried_again_with_growing_pauses_and_holds_up_nothing_else(
    night: Night, error: CollectorError, caplog: pytest.LogCaptureFixture
) -> None:
    night.diary.broken["two"] = error
    done = night.ticks(minutes=1, times=60)
    assert (done.count("one"), done.count("two"), done.count("three")) == (1, 5, 1)  # two: at 0, 1, 6, 21, 51 minutes
    assert f"two failed: {error}; next try not before 12:01 UTC" in caplog.text
    assert night.daemon.failing()["two"] == 5
    del night.diary.broken["two"]
    assert night.ticks(minutes=1, times=60) == ["two"]
    assert night.daemon.failing()["two"] == 0


def test_a_new_day_begins_without_the_failures_of_the_day_before(night: Night) -> None:
    night.diary.broken["one"] = HubError("out of reach")
    night.clock.set(datetime(2026, 11, 22, 20, tzinfo=UTC))
    night.ticks(minutes=10, times=24)
    assert night.clock.now() == datetime(2026, 11, 23, tzinfo=UTC)
    assert night.ticks(minutes=1, times=1) == ["one"]


def test_a_clock_set_back_makes_nobody_wait_for_the_time_of_an_old_failure(night: Night) -> None:
    night.diary.broken["one"] = HubError("out of reach")
    night.ticks(minutes=1, times=1)
    night.clock.advance(hours=-6)
    assert night.ticks(minutes=1, times=1) == ["one"]


def test_a_bug_is_told_with_its_traceback_and_costs_the_other_jobs_nothing(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    night.diary.broken["two"] = KeyError("a bug")
    assert night.ticks(minutes=1, times=1) == ["one", "two", "three"]
    assert "two failed: a bug of this software; next try not before 12:01 UTC" in caplog.text
    assert "KeyError: 'a bug'" in caplog.text


def test_a_question_that_fails_is_a_failure_of_its_job(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    def ask(now: datetime) -> bool:
        raise StoreError("locked by another process")

    night.daemon.lanes = {"one": [Job("asking", ask, lambda stop: None)]}
    night.ticks(minutes=1, times=1)
    assert "asking failed: locked by another process" in caplog.text


def test_a_stop_ends_the_job_and_what_comes_after_it(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    def stop_now(stop: Stop) -> None:
        night.stop.set()
        raise Stopped("stopped")

    night.daemon.lanes = {"one": [Job("first", lambda _: True, stop_now), night.diary.job("second")]}
    assert night.ticks(minutes=1, times=3) == []
    assert "first: stopped; it goes on at the next start" in caplog.text
    assert "failed" not in caplog.text


def test_lanes_run_side_by_side_and_end_with_the_stop(night: Night) -> None:
    slow = threading.Event()
    night.daemon.lanes = {"slow": [Job("slow", lambda _: True, lambda _: wait_for(slow.is_set))], **night.daemon.lanes}
    night.daemon.start_lanes()
    wait_for(lambda: sorted(night.diary.done) == ["one", "three", "two"])
    night.stop.set()
    wait_for(lambda: night.daemon.at_work() == ["slow"])
    assert sorted(night.daemon.idle()) == ["one", "two"]
    slow.set()
    wait_for(lambda: night.daemon.at_work() == [])


def test_a_job_that_wakes_others_makes_every_lane_look_at_once(night: Night) -> None:
    heard = night.daemon.bell.rung
    night.daemon.lanes = {"one": [night.diary.job("one", wakes=True)]}
    night.ticks(minutes=1, times=1)
    assert night.daemon.bell.rung == heard + 1
    night.stop.wait = None  # type: ignore[assignment, method-assign]  # whoever waited would fail
    night.daemon.bell.wait(night.stop, heard)


def test_lanes_that_are_no_more_end_and_new_ones_begin(night: Night) -> None:
    night.daemon.start_lanes()
    wait_for(lambda: len(night.diary.done) == 3)
    night.daemon.lanes = {"four": [night.diary.job("four")]}
    night.daemon.start_lanes()
    night.daemon.bell.ring()
    wait_for(lambda: night.daemon.at_work() == ["four"] and "four" in night.diary.done)
    night.stop.set()
    wait_for(lambda: not night.daemon.at_work())

"""The daemon: what is due when, by a clock moved by hand and work that keeps a diary; then the real one."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.daemon import Daemon, Plan, is_due, lost_days, next_time, not_before, run
from collector.demo import faults
from collector.demo.hub import LoopbackHub
from collector.demo.world import Clock, World
from collector.errors import HubError, Stopped, StoreError
from collector.hubs import Stop
from collector.model import Window
from collector.store.database import upgrade

MIDNIGHT = "5 0 * * *"
SECOND = "0 6 2 * *"


def at(text: str) -> datetime:
    """`11-22 00:05` of 2026, UTC."""
    return datetime.strptime(f"2026-{text} +0000", "%Y-%m-%d %H:%M %z").astimezone(UTC)


@dataclass
class FakeWork:
    """Work that keeps a diary. Hubs are polled at once and well unless something else is said."""

    clock: Clock
    polled: dict[str, datetime] = field(default_factory=dict)  #: start of the last complete poll
    broken: dict[str, Exception] = field(default_factory=dict)  #: by hub, or "report", or "database"
    diary: list[str] = field(default_factory=list)
    reports: set[str] = field(default_factory=set)

    def last_poll_started(self, hub: str) -> datetime | None:
        self._break("database")
        return self.polled.get(hub)

    def poll(self, hub: str, stop: Stop) -> None:
        self.diary.append(f"poll {hub}")
        self._break(hub)
        self.polled[hub] = self.clock.now()

    def report_wanted(self, month: Window) -> bool:
        polled = any(to_seconds(started) >= month.end for started in self.polled.values())
        return polled and month.label not in self.reports

    def roll_up(self, stop: Stop) -> None:
        self.diary.append("roll-up")

    def report(self, month: Window, stop: Stop) -> None:
        self.diary.append(f"report {month.label}")
        self._break("report")
        self.reports.add(month.label)

    def _break(self, what: str) -> None:
        if what in self.broken:
            raise self.broken[what]


def to_seconds(instant: datetime) -> float:
    return instant.timestamp()


@dataclass
class Night:
    """A daemon and what it stands on."""

    clock: Clock
    work: FakeWork
    daemon: Daemon

    def ticks(self, *, minutes: int, times: int) -> list[str]:
        """What was done in so many ticks, so many minutes apart."""
        before = len(self.work.diary)
        for _ in range(times):
            self.daemon.tick()
            self.clock.advance(minutes=minutes)
        return self.work.diary[before:]


@pytest.fixture
def night(caplog: pytest.LogCaptureFixture) -> Night:
    caplog.set_level(logging.INFO)
    clock = Clock(at("11-22 12:00"))
    work = FakeWork(clock, reports={"2026-10"})
    plan = Plan({"one": MIDNIGHT, "two": MIDNIGHT}, SECOND)
    return Night(clock, work, Daemon(plan, work, clock.now, logging.getLogger("collector"), threading.Event()))


# --- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "11-22 12:00", True),
        ("11-22 00:05", "11-22 23:59", False),
        ("11-22 00:05", "11-23 00:04", False),
        ("11-22 00:05", "11-23 00:05", True),
        ("11-22 13:00", "11-23 00:05", True),
        ("11-14 00:05", "11-22 12:00", True),
    ],
)
def test_a_poll_is_due_when_a_time_of_its_schedule_came_since_the_last(last: str | None, now: str, due: bool) -> None:
    assert is_due(MIDNIGHT, None if last is None else at(last), at(now)) is due


def test_the_next_time_is_that_of_the_schedule_in_utc() -> None:
    assert next_time(MIDNIGHT, at("11-22 12:00")) == at("11-23 00:05")


def test_lost_days_are_the_whole_days_without_a_poll() -> None:
    assert lost_days(None, at("11-22 12:00")) == []
    assert lost_days(at("11-21 00:05"), at("11-22 00:05")) == []
    assert lost_days(at("11-19 23:59"), at("11-22 00:05")) == [date(2026, 11, 20), date(2026, 11, 21)]


def test_pauses_grow_with_the_failures_of_a_day_and_the_last_one_repeats() -> None:
    now = at("11-22 00:05")
    pauses = [(not_before([now] * failures) - now).total_seconds() for failures in range(1, 8)]
    assert pauses == [60, 300, 900, 1800, 3600, 3600, 3600]
    assert not_before([]) < now


# --- what -------------------------------------------------------------------------------------------------------------


def test_at_its_first_start_it_polls_every_hub_at_once_and_then_rests_until_the_schedule(night: Night) -> None:
    assert night.ticks(minutes=1, times=5) == ["poll one", "poll two"]
    assert night.ticks(minutes=60, times=12) == []
    assert night.ticks(minutes=5, times=2) == ["poll one", "poll two"]


def test_after_a_week_off_it_polls_once_and_says_which_days_are_lost(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    night.work.polled = {"one": at("11-14 00:05"), "two": at("11-22 00:05")}
    assert night.ticks(minutes=1, times=30) == ["poll one"]
    assert "7 days, 2026-11-15 to 2026-11-21" in caplog.text


def test_one_lost_day_is_named_alone(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    night.work.polled = {"one": at("11-20 00:05"), "two": at("11-22 00:05")}
    night.ticks(minutes=1, times=1)
    assert "no complete poll on 2026-11-21;" in caplog.text


def test_a_failed_poll_is_tried_again_with_growing_pauses_and_holds_up_no_other_hub(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    night.work.polled = {"one": at("11-14 00:05")}
    night.work.broken["one"] = HubError("one: out of reach")
    done = night.ticks(minutes=1, times=60)
    assert done.count("poll two") == 1
    assert done.count("poll one") == 5  # at 0, 1, 6, 21, 51 minutes
    assert caplog.text.count("no complete poll on") == 1
    assert "poll one failed: one: out of reach; next try not before 12:01 UTC" in caplog.text
    del night.work.broken["one"]
    assert night.ticks(minutes=1, times=60) == ["poll one"]


def test_a_new_day_begins_without_the_failures_of_the_day_before(night: Night) -> None:
    night.work.broken["one"] = HubError("one: out of reach")
    night.clock.set(at("11-22 20:00"))
    night.ticks(minutes=10, times=24)
    assert night.clock.now() == at("11-23 00:00")
    assert night.ticks(minutes=1, times=1) == ["poll one"]


def test_a_database_that_is_locked_for_a_while_ends_nothing(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    night.work.broken["database"] = StoreError("locked by another process")
    assert night.ticks(minutes=1, times=1) == []
    assert "locked by another process" in caplog.text
    del night.work.broken["database"]
    assert night.ticks(minutes=1, times=1) == ["poll one", "poll two"]


def test_a_bug_is_not_taken_for_trouble(night: Night) -> None:
    night.work.broken["one"] = KeyError("a bug")
    with pytest.raises(KeyError):
        night.daemon.tick()


def test_the_month_is_reported_once_the_poll_after_its_end_is_in(night: Night) -> None:
    night.work.polled = {"one": at("11-30 00:05"), "two": at("11-30 00:05")}
    night.work.broken = {"one": HubError("one: out of reach"), "two": HubError("two: out of reach")}
    night.clock.set(at("12-02 06:30"))
    assert "report 2026-11" not in night.ticks(minutes=30, times=10)
    night.work.broken.clear()
    done = night.ticks(minutes=30, times=20)
    assert done == ["poll one", "poll two", "report 2026-11"]


def test_the_report_waits_for_its_schedule(night: Night) -> None:
    night.work.polled = {"one": at("12-01 00:05"), "two": at("12-01 00:05")}
    night.clock.set(at("12-01 12:00"))
    assert night.ticks(minutes=30, times=2) == []
    night.clock.set(at("12-02 05:59"))
    assert night.ticks(minutes=1, times=2) == ["poll one", "poll two", "report 2026-11"]


def test_a_report_due_at_the_first_moment_of_the_month_is_due(night: Night) -> None:
    night.daemon.plan = Plan({"one": MIDNIGHT}, "0 0 1 * *")
    night.work.polled = {"one": at("12-01 00:05")}
    night.clock.set(at("12-01 00:06"))
    assert night.ticks(minutes=1, times=1) == ["report 2026-11"]


def test_a_report_that_fails_is_tried_again_with_pauses(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    night.work.reports.clear()
    night.work.polled = {"one": at("11-22 00:05"), "two": at("11-22 00:05")}
    night.work.broken["report"] = StoreError("the disk is full")
    assert night.ticks(minutes=1, times=60) == ["report 2026-10"] * 5
    assert "the disk is full" in caplog.text


def test_a_stop_ends_the_poll_and_what_comes_after_it(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    class StoppedWork(FakeWork):
        def poll(self, hub: str, stop: Stop) -> None:
            self.diary.append(f"poll {hub}")
            night.daemon.stop.set()  # type: ignore[attr-defined]
            raise Stopped("stopped")

    night.daemon.work = night.work = StoppedWork(night.clock)
    assert night.ticks(minutes=1, times=3) == ["poll one"]
    assert "goes on at the next start" in caplog.text
    assert "failed" not in caplog.text


def test_it_runs_until_it_is_stopped_and_what_is_due_is_done_at_once(night: Night) -> None:
    running = threading.Thread(target=run, args=(night.daemon,))
    running.start()
    wait_for(lambda: night.work.diary == ["roll-up", "poll one", "poll two"])
    night.daemon.stop.set()  # type: ignore[attr-defined]
    running.join(timeout=30)
    assert not running.is_alive()


# --- the real one -----------------------------------------------------------------------------------------------------


@dataclass
class Running:
    """`collector run` in a process of its own, its log in a file."""

    process: subprocess.Popen[str]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def ended(self) -> tuple[int, float]:
        """The exit status after a SIGTERM, and how many seconds that took."""
        asked = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60), time.monotonic() - asked


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    world = World(Clock(datetime.now(UTC)))
    world.create("Qwen/Qwen3-8B", all_time=1_000, last_30d=100, created_at=datetime(2024, 1, 1, tzinfo=UTC))
    with LoopbackHub(world) as served:
        yield served


@pytest.fixture
def start(hub: LoopbackHub, tmp_path: Path) -> Iterator[Callable[[], Running]]:
    started: list[subprocess.Popen[str]] = []
    (tmp_path / "config.toml").write_text(f'[hub.huggingface]\nendpoint = "{hub.url}"\n', encoding="utf-8")
    upgrade(f"sqlite:///{tmp_path / 'collector.db'}")

    def begin() -> Running:
        command = [sys.executable, "-m", "collector", "--config", str(tmp_path / "config.toml"), "run"]
        with (tmp_path / "log").open("w") as log:
            begun = subprocess.Popen(command, stderr=log, text=True, env={**os.environ, "HF_TOKEN": ""})
        started.append(begun)
        return Running(begun, tmp_path / "log")

    yield begin
    for process in started:
        process.kill()
        process.wait()


def test_the_real_daemon_polls_at_once_logs_json_and_ends_well_within_five_seconds(
    start: Callable[[], Running], hub: LoopbackHub
) -> None:
    running = start()
    wait_for(lambda: any("1 models listed" in line["event"] for line in running.lines()))
    status, seconds = running.ended()
    assert (status, running.process.poll()) == (0, 0)
    assert seconds < 5
    polled = next(line for line in running.lines() if "1 models listed" in line["event"])
    assert (polled["hub"], polled["poll"], polled["level"]) == ("huggingface", 1, "info")
    assert running.lines()[-1]["event"] == "stopped"


def test_the_real_daemon_ends_well_while_it_waits_for_the_rate_limit(
    start: Callable[[], Running], hub: LoopbackHub
) -> None:
    hub.faults.on_page(1, faults.retry_after(600), times=None)
    running = start()
    wait_for(lambda: any("rate limit" in line["event"] for line in running.lines()))
    status, seconds = running.ended()
    assert status == 0
    assert seconds < 5
    assert running.lines()[-1]["event"] == "stopped"


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.02)

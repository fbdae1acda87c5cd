"""`collector poll` killed at any moment, again and again, ends in the database of one that was left alone."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.demo import faults
from collector.demo.hub import LoopbackHub
from collector.demo.listing import Rules
from tests.acceptance.command_line import ONE_SCOPE, Installation, environment, installed
from tests.acceptance.ledger import at
from tests.acceptance.story import Story

NOW = at("09-20T01:00")  # of the world, and of the processes: else two databases could not be equal
ROWS, PAGES = 6, 8

# Processes of the command that start at once: what takes long to import is imported once, and each forked from there.
FORKS = """
import json, os, sys, time_machine
import collector.logs, collector.stopping, collector.store.database, collector.tasks
from collector import cli
for line in sys.stdin:
    instant, said, words = json.loads(line)
    child = os.fork()
    if child == 0:
        for stream in (1, 2):
            os.dup2(os.open(said, os.O_CREAT | os.O_WRONLY | os.O_APPEND), stream)
        sys.argv = ["collector", *words]
        with time_machine.travel(instant, tick=False):
            cli.main()
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
# How hard it was to read the hub differs. What was read must not.
RUN_LOG = {"poll": {"retries", "waited_seconds"}}


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    story = Story()
    story.until(NOW)
    with LoopbackHub(story.world, rules=Rules(most_rows=ROWS), quota=10_000) as hub:
        yield hub


class Forks:
    """Starts `collector poll` as a process and tells how it ended."""

    def __init__(self, here: Installation) -> None:
        self.here = here
        self._said = here.folder / "said.txt"
        self._process = subprocess.Popen(
            [sys.executable, "-c", FORKS],
            text=True,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def start(self) -> int:
        """The number of a new process."""
        self._said.unlink(missing_ok=True)
        words = ["--config", str(self.here.config), "poll"]
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([NOW.isoformat(), str(self._said), words]) + "\n")
        self._process.stdin.flush()
        return self._number()

    def end(self) -> tuple[int, str]:
        """The exit status of the process (below zero: the signal that killed it), and what it said."""
        return self._number(), self._said.read_text(encoding="utf-8")

    def close(self) -> None:
        self._process.communicate()

    def _number(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@pytest.fixture
def forks(hub: LoopbackHub, tmp_path: Path) -> Iterator[Forks]:
    forks = Forks(installed(tmp_path / "killed", hub.url, scopes=ONE_SCOPE))
    yield forks
    forks.close()


def facts(here: Installation) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for the columns that tell of the run."""
    raw = sqlite3.connect(here.database)
    tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    found = {}
    for table in tables:
        columns = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
        kept = ", ".join(f'"{name}"' for name in columns if name not in RUN_LOG.get(table, set()))
        found[table] = sorted(raw.execute(f"SELECT {kept} FROM {table}"), key=repr)
    raw.close()
    return found


def kill_once(hub: LoopbackHub, forks: Forks, page: int, delay: float) -> int:
    """Start a poll that is killed when it asks for a page, or so many seconds later but before it has the next one."""
    known, dead = threading.Event(), threading.Event()
    process: list[int] = []

    def kill() -> None:
        known.wait()
        os.kill(process[0], signal.SIGKILL)

    hub.before_page(page, threading.Timer(delay, kill).start if delay else kill)
    if delay:
        hub.before_page(page + 1, dead.wait)
    process.append(forks.start())
    known.set()
    status, _ = forks.end()
    dead.set()
    return status


def test_a_poll_killed_again_and_again_ends_in_the_database_of_one_left_alone(
    hub: LoopbackHub, forks: Forks, tmp_path: Path
) -> None:
    draw = random.Random(2026)
    for page in (1, 2, 3, 5, PAGES):
        # In the request for a page; or in its transaction, or on the way to the next request.
        moment = 0.0 if page in (1, PAGES) else draw.uniform(0.001, 0.02)
        if _next_page(forks.here) <= page:
            assert kill_once(hub, forks, page, moment) == -signal.SIGKILL
    forks.start()
    status, said = forks.end()
    assert status == 0, said
    assert "resumed" in said

    alone = installed(tmp_path / "alone", hub.url, scopes=ONE_SCOPE)
    alone.ran(NOW, "poll")
    assert facts(forks.here) == facts(alone)
    assert alone.ran(NOW, "db", "check").status == 0


def _next_page(here: Installation) -> int:
    """The page that a poll asks for next; the first when none has begun."""
    raw = sqlite3.connect(here.database)
    row = raw.execute("SELECT pages FROM poll").fetchone()
    raw.close()
    return 1 if row is None else int(row[0]) + 1


def test_a_hub_that_fails_in_the_middle_is_one_line_and_exit_1_and_the_next_run_goes_on(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    here = installed(tmp_path / "here", hub.url, scopes=ONE_SCOPE)
    hub.faults.on_page(6, faults.status(403))
    failed = here.run(NOW, "poll")
    assert (failed.status, failed.out) == (1, "")
    (line,) = [line for line in failed.err.splitlines() if line.startswith("collector: ")]
    assert "403" in line
    assert "poll again" in line
    assert "Traceback" not in failed.err
    asked = len(hub.requests)
    assert "resumed" in here.ran(NOW, "poll").out
    assert [request.page for request in hub.requests[asked:]] == [6, 7, 8]


def test_a_poll_that_is_asked_to_stop_says_that_nothing_is_lost_and_goes_on_next_time(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    here = installed(tmp_path / "here", hub.url, scopes=ONE_SCOPE)
    hub.before_page(2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    stopped = here.run(NOW, "poll")
    assert stopped.status == 1
    assert "kept" in stopped.err
    assert "Traceback" not in stopped.err
    assert "resumed" in here.ran(NOW, "poll").out

"""A daemon through many days of a loopback hub: killed at random moments, with every fault there is.

One run is disturbed, the other is not; afterwards both databases and all reports must be the same.
"""

from __future__ import annotations

import csv
import logging
import multiprocessing
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as Time
from multiprocessing.process import BaseProcess
from pathlib import Path

from collector.asking import Span
from collector.config import load_config
from collector.demo import faults
from collector.demo.answers import Answer
from collector.demo.faults import Fault
from collector.demo.hub import LoopbackHub
from collector.demo.listing import Rules
from collector.demo.world import Clock
from collector.model import month_window
from collector.store import waiting
from collector.store.check import check
from collector.store.database import Database, upgrade
from collector.store.origin_numbers import numbers_of
from collector.store.queries import hubs
from collector.tasks import write_report
from collector.upkeep import Upkeep
from tests.soak import child
from tests.soak.story import Story

PATIENCE_SECONDS = 900  # real ones, for a day
LOOK_SECONDS = 0.01  # between two looks at whether the day is done; the daemon's clock goes on with each
STEP = timedelta(seconds=20)
SLOW_STEP, SLOW_FROM = timedelta(seconds=1), Time(12)  # no machine is so slow that it misses the day's end
QUOTA = 10**6

#: Each with how often it strikes in a row, and on which page.
FAULTS: Mapping[str, tuple[Callable[[], Fault], int, int]] = {
    "status 500": (lambda: faults.status(500), 1, 1),
    "status 502": (lambda: faults.status(502), 1, 2),
    "status 504": (lambda: faults.status(504), 2, 3),
    "out of order for a while": (lambda: faults.status(503), 8, 2),
    "no byte comes": (faults.hang, 1, 2),
    "the body drips": (lambda: faults.drip(0.02), 1, 1),
    "half a body": (faults.truncated, 1, 3),
    "connection reset": (faults.reset, 2, 1),
    "bad JSON": (faults.invalid_json, 1, 2),
    "a web page": (faults.html, 1, 1),
    "an object for a list": (faults.object_body, 1, 2),
    "a row that is none": (faults.malformed_row, 1, 1),
    "a row twice": (faults.repeated_row, 1, 2),
    "next page elsewhere": (lambda: faults.next_elsewhere("http://127.0.0.1:9"), 1, 1),
    "next page is this one": (faults.next_loop, 1, 2),
    "cursor refused": (faults.cursor_refused, 1, 2),
    "window spent": (faults.window_spent, 1, 2),
    "429 in mid-window": (faults.not_the_window, 1, 1),
    "429 of the edge": (faults.edge_429, 1, 3),
    "come back in 600 s": (lambda: faults.retry_after(600), 1, 2),
    "503, come back in 30 s": (lambda: faults.retry_after(30, 503), 1, 1),
}

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.soak.child"])  # a restart must not cost the import of everything


@dataclass(frozen=True)
class Plan:
    """What is to be gone through."""

    first: date
    days: int
    kills: int
    off: tuple[int, ...]  #: days (from 0) on which the daemon does not run
    seed: int

    def dates(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(self.days) if n not in self.off)


@dataclass
class Survived:
    """What was injected and survived."""

    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    slowest_stop_seconds: float = 0.0  #: of the stops by SIGTERM, of which there are few

    def lines(self) -> list[str]:
        """The table."""
        rows = [("SIGKILL", self.kills), *sorted(self.faults.items())]
        return [f"{name:<28} {times:>5}" for name, times in rows]


# --- the run that nothing disturbs ------------------------------------------------------------------------------------


def undisturbed(folder: Path, plan: Plan) -> int:
    """Polls every day in this process, works everything out once at the end; the port of the hub."""
    story = Story(plan.first)
    with LoopbackHub(story.world, quota=QUOTA, rules=Rules(most_rows=5)) as hub:
        upkeep = _installed(folder, hub.url, story.world.clock)
        for day in plan.dates():
            story.until(day)
            upkeep.poll("huggingface", threading.Event())
        port = int(hub.url.rpartition(":")[2])
    upkeep.roll_up()
    for label in months(plan):
        upkeep.report("huggingface", month_window(label))
    return port


def months(plan: Plan) -> list[str]:
    """The months that end within the plan and are polled on the day after."""
    firsts = [day for day in plan.dates() if day.day == 1]
    return [f"{day - timedelta(days=1):%Y-%m}" for day in firsts]


def _installed(folder: Path, url: str, clock: Clock) -> Upkeep:
    folder.mkdir()
    path = folder / "config.toml"
    path.write_text(
        f'[hub.huggingface]\nendpoint = "{url}"\nmodels = "all"\ntimeout_seconds = 0.5\n'
        '[report]\nschedule = "0 0 1 * *"\n[backup]\ndirectory = "backups"\nkeep = 3\nschedule = "5 0 * * *"\n'
        '[serve]\nlisten = "127.0.0.1:0"\n[[scope]]\nname = "all"\n',
        encoding="utf-8",
    )
    config = load_config(path, {})
    upgrade(config.database.url)
    return Upkeep(config, clock.now, logging.getLogger("undisturbed"))


# --- the run that everything disturbs ---------------------------------------------------------------------------------


@dataclass
class Disturbed:
    """A daemon that is killed and started again, and a hub that fails."""

    folder: Path
    hub: LoopbackHub
    random: random.Random
    clock: child.SharedClock
    survived: Survived = field(default_factory=Survived)
    _process: BaseProcess | None = None

    def start(self) -> None:
        self._process = _CONTEXT.Process(target=child.run, args=(str(self.folder), {}))
        self._process.start()

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()
        assert self._process.exitcode == -signal.SIGKILL, f"ended by itself: {self._process.exitcode}"
        self.survived.kills += 1

    def stop(self) -> None:
        """As systemd does; it must end well."""
        assert self._process is not None
        asked = time.monotonic()
        self._process.terminate()
        self._process.join(PATIENCE_SECONDS)
        self.survived.slowest_stop_seconds = max(self.survived.slowest_stop_seconds, time.monotonic() - asked)
        # Killed a moment ago, it may be so young that it has no handler yet: then the signal itself is its end.
        assert self._process.exitcode in (0, -signal.SIGTERM), self._last_words()

    def end(self) -> None:
        """Whatever became of the test."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join()

    def live_through(self, day: date, kills: int, named: Sequence[str]) -> None:
        """A day with so many kills and these faults, until its poll, its roll-up, its reports are done."""
        for name in named:
            make, times, page = FAULTS[name]
            self.hub.faults.on_page(page, self._counted(name, make()), times=times)
        self.clock.set(datetime.combine(day, Time(0, 5), UTC))
        for _ in range(kills):
            self._killed_at_a_random_moment(day)
        self._until(day, lambda: self._is_done(day))
        self.hub.faults.clear()

    def _counted(self, name: str, fault: Fault) -> Fault:
        """The fault, counted when it strikes."""

        def strike(due: Answer) -> Answer:
            self.survived.faults[name] += 1
            return fault(due)

        return strike

    def _killed_at_a_random_moment(self, day: date) -> None:
        """While a page is on its way, or so soon after one that it may be being kept, or at any other moment."""
        reached = threading.Event()
        if self.random.random() < 0.7:
            self.hub.before_page(self.random.randint(1, 3), reached.set)
            ends = time.monotonic() + 5
            while not reached.wait(LOOK_SECONDS) and time.monotonic() < ends and not self._is_polled(day):
                self._go_on(day)
        time.sleep(self.random.random() * 0.05)
        self.kill()
        self.start()

    def _until(self, day: date, is_done: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        while not is_done():
            assert time.monotonic() < ends, f"{day} was not done: {self._last_words()}"
            assert self._process is not None
            assert self._process.is_alive(), f"the daemon ended by itself on {day}: {self._last_words()}"
            time.sleep(LOOK_SECONDS)
            self._go_on(day)

    def _go_on(self, day: date) -> None:
        """The daemon's clock goes on, so that pauses end, and stays within the day."""
        now, last = self.clock.now(), datetime.combine(day, Time(23, 59), UTC)
        self.clock.set(min(now + (STEP if now.time() < SLOW_FROM else SLOW_STEP), last))

    def _is_polled(self, day: date) -> bool:
        return self._count("SELECT count(*) FROM poll WHERE status = 'complete' AND started_at >= ?", day) > 0

    def _is_done(self, day: date) -> bool:
        if not self._is_polled(day) or day.day not in child.ROLL_UP_DAYS:
            return self._is_polled(day)
        month = month_window(f"{day.replace(day=1) - timedelta(days=1):%Y-%m}")
        return self._is_rolled_up() and not self._upkeep().reports_wanted(month)

    def _is_rolled_up(self) -> bool:
        """Whether the last complete poll is in all derived tables. A month holds it before the shares of any do."""
        config = load_config(self.folder / "config.toml", {})
        with Database.open(config.database.url, write=False) as db, db.connect() as connection:
            return all(waiting.is_rolled_up(connection, hub.id) for hub in hubs(db))

    def _upkeep(self) -> Upkeep:
        """Another look at the same database."""
        config = load_config(self.folder / "config.toml", {})
        return Upkeep(config, self.clock.now, logging.getLogger("soak"))

    def _count(self, query: str, day: date) -> int:
        with closing(sqlite3.connect(f"file:{self.folder}/collector.db?mode=ro", uri=True, timeout=5)) as connection:
            found: int = connection.execute(query, (datetime.combine(day, Time(), UTC).timestamp(),)).fetchone()[0]
            return found

    def _last_words(self) -> str:
        return "".join(self.folder.joinpath("log").read_text(encoding="utf-8").splitlines(keepends=True)[-8:])


@contextmanager
def disturbed(folder: Path, plan: Plan, port: int) -> Iterator[tuple[Disturbed, Story]]:
    """A daemon at its first day, at a hub of this port."""
    story = Story(plan.first)
    with LoopbackHub(story.world, quota=QUOTA, rules=Rules(most_rows=5), port=port) as hub:
        _installed(folder, hub.url, story.world.clock)
        clock = child.SharedClock(folder / "clock")
        run = Disturbed(folder, hub, random.Random(plan.seed), clock)
        try:
            yield run, story
        finally:
            run.end()


def go_through(run: Disturbed, story: Story, plan: Plan, told: Callable[[date], None]) -> None:
    """Every day of the plan; kills and faults are spread over them so that none is left out. `told` hears of each."""
    dates = list(plan.dates())
    kills = Counter(run.random.choices(range(len(dates)), k=plan.kills))
    names = [*FAULTS] * (1 + len(dates) // len(FAULTS))
    due = dict(zip(run.random.sample(range(len(dates)), len(dates)), names, strict=False))
    before = plan.first - timedelta(days=1)
    for number, day in enumerate(dates):
        story.until(day)
        if before != day - timedelta(days=1):
            run.stop()
        if number == 0 or before != day - timedelta(days=1):
            run.clock.set(datetime.combine(day, Time(0, 5), UTC))
            run.start()
        run.live_through(day, kills[number], [due[number]])
        told(day)
        before = day
    run.stop()


# --- what must be the same --------------------------------------------------------------------------------------------

_OWN = {"job", "alert", "build_mark", "alembic_version"}  # what was done when, and from which state
_TOGETHER = {"origin_number", "origin_renewal"}  # which of them a number stands in depends on how often was rolled up
_EFFORT = {"poll": ("pages", "retries", "rows_skipped", "waited_seconds"), "month_build": ("fingerprint", "content")}


def contents(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, without what only says how hard it was to get."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        names = [row[0] for row in connection.execute(query) if row[0] not in _OWN | _TOGETHER]
        found = {}
        for name in names:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            kept = ", ".join(f'"{column}"' for column in columns if column not in _EFFORT.get(name, ()))
            found[name] = sorted(connection.execute(f"SELECT {kept} FROM {name}"), key=repr)
    return found | {"numbers of models": _numbers(database)}


def _numbers(database: Path) -> list[tuple[object, ...]]:
    """Under which numbers models are kept, by hub."""
    with Database.open(f"sqlite:///{database}", write=False) as db, db.connect() as connection:
        parts = ((hub.id, part) for hub in hubs(db) for part in numbers_of(connection, hub.id))
        return [(hub_id, each) for hub_id, part in parts for each in part.tolist()]


def differing(expected: Iterable[tuple[object, ...]], found: Iterable[tuple[object, ...]], shown: int = 3) -> str:
    """How many rows stand on one side alone, and the first of each."""
    undisturbed, disturbed = set(expected), set(found)
    sides = {"undisturbed": undisturbed - disturbed, "disturbed": disturbed - undisturbed}
    return "; ".join(f"{len(rows)} {side} alone: {sorted(rows, key=repr)[:shown]}" for side, rows in sides.items())


def caught_up(folder: Path, plan: Plan) -> None:
    """What the daemon itself would do after the last poll, had a soak the time to roll up every day.

    Only packs that it holds for outdated are written again: all others stay as they were written at the time.
    """
    at = datetime.combine([*plan.dates()][-1], Time(23, 59), UTC)
    upkeep = Upkeep(load_config(folder / "config.toml", {}), lambda: at, logging.getLogger("soak"))
    upkeep.roll_up(most_restated=None)
    for hub, month in upkeep.reports_wanted(None):
        upkeep.report(hub, month)


def findings(folder: Path) -> list[str]:
    """What `collector db check` says."""
    with Database.open(load_config(folder / "config.toml", {}).database.url, write=False) as db:
        return check(db)


def figures(folder: Path) -> dict[str, list[dict[str, str]]]:
    """The shares of every report as it was written at its time. Models may have got other names since."""
    found: dict[str, list[dict[str, str]]] = {}
    for file in sorted((folder / "reports").glob("*/*_share.csv")):
        with file.open(encoding="utf-8", newline="") as stream:
            found[str(file.relative_to(folder))] = [_without_names(row) for row in csv.DictReader(stream)]
    return found


def _without_names(row: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name != "top_model"}


def written_anew(folder: Path, plan: Plan) -> None:
    """Every report written once more, as `collector report` would now."""
    config = load_config(folder / "config.toml", {})
    for label in months(plan):
        write_report(config, "huggingface", Span(month_window(label)), None)


def packs(folder: Path) -> dict[str, bytes]:
    """Every file of every report."""
    files = sorted((folder / "reports").glob("*/*"))
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def prove(folder: Path, plan: Plan, told: Callable[[date], None] = lambda _: None) -> Survived:
    """Both runs, compared."""
    port = undisturbed(folder / "undisturbed", plan)
    with disturbed(folder / "disturbed", plan, port) as (run, story):
        go_through(run, story, plan, told)
    caught_up(folder / "disturbed", plan)
    expected = contents(folder / "undisturbed" / "collector.db")
    found = contents(folder / "disturbed" / "collector.db")
    assert list(found) == list(expected)
    for name, rows in expected.items():
        assert found[name] == rows, f"{name} differs: {differing(rows, found[name])}"
    assert figures(folder / "disturbed") == figures(folder / "undisturbed")
    written_anew(folder / "disturbed", plan)
    assert packs(folder / "disturbed") == packs(folder / "undisturbed")
    assert findings(folder / "disturbed") == []
    return run.survived

"""The benchmark of `make bench`: one table in Markdown, every figure with what it is to be compared with.

`python -m benchmarks.bench MODELS DAYS FOLDER`. Needs no network. The pages are built first: the hub is not what is
measured. Each step runs in a process of its own. Compare the ratios, not the seconds: other work on the machine slows
all of it. `Bench` keeps the order of the steps; a part of the table is a method that gives its rows.
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from benchmarks import history, hub_days, peers, running
from benchmarks.asked import Asked
from benchmarks.hub_days import Day
from benchmarks.moments import moments
from benchmarks.running import Cost, LoopbackHub, Step
from collector.model import month_of, previous_window
from collector.store import queries
from collector.store.database import Database, upgrade
from collector.store.schema import observation

CHANGED_BYTES, YEAR_DAYS, YEAR_BYTES = 24, 365, 4e9
WHOLE_HUB = 2_500_000  # models
SIZED_DAYS = 14  # days whose changes are weighed
NEW_MODELS, MODELS_ANEW = 2, 0.4  # a day, of a thousand: 5,000 and 1,000 of the whole hub
MODEL = 7  # explained: one of the large accounts, with downloads


class Row(NamedTuple):
    """A line of the table."""

    what: str
    cost: Cost | None = None
    measured: str = ""  #: what was found, besides the cost
    bar: str = ""
    well: bool | None = None  #: whether the bar is met; None: there is none

    def __str__(self) -> str:
        met = {None: "", True: "met", False: "**not met**"}[self.well]
        cost = self.cost
        cells = ("", "") if cost is None else (f"{cost.cpu_seconds:.2f} ({cost.wall_seconds:.2f})", str(cost.peak_mb))
        return f"| {self.what} | {' | '.join(cells)} | {self.measured} | {self.bar} | {met} |"


HEAD = "| what | CPU s (by the clock) | peak MB | found | bar | |\n|---|---|---|---|---|---|"


def at_most(what: str, cost: Cost, seconds: float, per: float = 1) -> Row:
    """A step held against its bar in CPU seconds, for each of `per`."""
    each = cost.cpu_seconds / per
    return Row(what, cost, f"{each:.2f} s each" if per != 1 else "", f"{seconds:g} s", each <= seconds)


def ratio(what: str, cost: Cost, beside: Cost, name: str, bar: float | None = None) -> Row:
    """A step held against another of the same run."""
    found = cost.cpu_seconds / beside.cpu_seconds
    said = f"{bar:g} of {name}" if bar is not None else f"beside {name}"
    return Row(what, cost, f"ratio {found:.2f}", said, None if bar is None else found <= bar)


class Bench:
    """One hub's life: polled twice, then days of history, then what a user does with it."""

    def __init__(
        self, folder: Path, hub: LoopbackHub, models: int, run: Callable[[str, Asked], Cost] = running.run
    ) -> None:
        self.models, self.hub, self._run_step = models, hub, run
        self.database = folder / "bench.db"
        self._world = hub_days.days(models)
        self._day = next(self._world)
        self.day_2 = Cost(0, 0, 0)
        registry, config = folder / "registry.csv", self.database.with_suffix(".toml")
        registry.write_text(hub_days.registry())
        config.write_text(f'[database]\nurl = "sqlite:///{self.database.name}"\n[origins]\nfile = "{registry}"\n')
        upgrade(f"sqlite:///{self.database}")

    # --- polls ---

    def first_polls(self) -> Iterator[Row]:
        """The first two days, the second beside the peers over the same pages."""
        yield Row("first poll, every model new", self.poll())
        self.next_day()
        theirs = self._run("official")
        yield Row("the official client's iteration alone", theirs)
        yield ratio("the usual script: `list_models` to pandas `to_sql`", self._run("script"), theirs, "that")
        self.hub.requests_since_asked(self._day.number)
        ours = self.day_2 = self._run("poll")
        requests = self.hub.requests_since_asked(self._day.number)
        moved = ours.said["moved"] / self.models
        yield ratio(f"**poll of day 2**, {moved:.1%} moved", ours, theirs, "the official client", 0.65)
        yield Row("its peak memory", None, f"{ours.peak_mb} MB", "250 MB", ours.peak_mb <= 250)
        yield Row("its writing to the disk", None, f"{ours.said['written_mb']} MB")
        wanted = -(-self.models // hub_days.PAGE_ROWS)
        yield Row("its requests", None, f"{requests}", f"{wanted}", requests == wanted)

    def next_day(self) -> None:
        """The hub moves on by a day."""
        self._day = next(self._world)
        self.hub.serve(self._day)

    def poll(self) -> Cost:
        """Our poll of the day; serves its pages if it is the first."""
        if self._day.number == 0:
            self.hub.serve(self._day)
        return self._run("poll")

    def let_pass(self, days: int) -> Row:
        """Fills the database with the days until it holds so many."""
        clock, began = time.monotonic(), time.process_time()
        last, missing = self._day, days - self._day.number - 1
        history.extend(f"sqlite:///{self.database}", last, self._kept(islice(self._world, missing)))
        cost = Cost(time.process_time() - began, time.monotonic() - clock, 0)
        return Row(f"(the rows of {missing} days written without polling)", cost)

    def _kept(self, following: Iterator[Day]) -> Iterator[Day]:
        for self._day in following:
            yield self._day

    def late_poll(self) -> Row:
        """A poll after all that history."""
        self.next_day()
        return ratio(f"poll of day {self._day.number + 1}", self.poll(), self.day_2, "day 2", 1.1)

    # --- what is made of it ---

    def month(self) -> str:
        """The last whole month of the history; the first when none is whole."""
        this = month_of(moments(self._day.number).started_at)
        first = month_of(hub_days.FIRST_DAY)
        return first.label if this.start <= first.start else previous_window(this).label

    def rollups(self) -> Iterator[Row]:
        """The roll-up from nothing, after one more poll, and when nothing is new."""
        built = self.rollup()
        months = len(built.said["months"].get("huggingface", []))
        yield at_most(f"roll-up of {months} months from nothing (each month)", built, 15, months)
        yield self.late_poll()
        yield at_most("roll-up after that poll", self.rollup(), 3)
        yield at_most("roll-up with nothing new", self.rollup(), 3)

    def news(self) -> Iterator[Row]:
        """A day as real ones are, with new models and others described anew: its poll, its roll-up."""
        self.rollup()
        new, anew = (round(self.models * per_thousand / 1000) for per_thousand in (NEW_MODELS, MODELS_ANEW))
        self._day = hub_days.with_new(next(self._world), new)
        self.hub.serve(self._day, hub_days.some(anew, self.models, self._day.number))
        what = f"poll of a day with {new:,} new models and {anew:,} of another task"
        yield ratio(what, self.poll(), self.day_2, "day 2")
        rolled = at_most("roll-up after that poll, with its lineage", self.rollup(), 3)
        yield rolled._replace(measured=self._months_waiting())
        yield Row("one of these months restated, as each hour after that", self._run("restate"))

    def _months_waiting(self) -> str:
        with Database.open(f"sqlite:///{self.database}", write=False) as db:
            (hub,) = queries.status(db).hubs
        return f"{len(hub.waiting)} months wait to be restated"

    def rollup(self) -> Cost:
        """Every derived table brought up to date."""
        return self._run("rollup")

    def report(self) -> Cost:
        """All files of a month, start-up included."""
        return self._command("report", self.month(), "--out", str(self.database.parent / "reports"))

    def commands(self) -> Iterator[Row]:
        """The commands, start-up included."""
        month = self.month()
        query = f"SELECT country, downloads FROM country_share_month WHERE \"window\" = '{month}'"
        for bar, words in (
            (0.25, ("--help",)),
            (0.5, ("status",)),
            (0.5, ("explain", hub_days.name(MODEL), month)),
        ):
            self._command(*words)  # compiles what it loads, once
            yield at_most(f"`collector {words[0]}`", self._command(*words), bar)
        yield at_most(f"`collector report {month}`, all files", self.report(), 4)
        yield Row("`collector sql` on country_share_month", self._command("sql", query))
        yield Row("`collector db check`", self._command("db", "check"))

    def countries(self) -> Iterator[Row]:
        """Downloads by country of one month: ours beside the peers reading the Parquet files of the same month."""
        month = self.month()
        ours = self._run("countries", month)
        yield at_most(f"**country table of {month}** from the roll-up", ours, 0.5)
        yield Row("(its Parquet file, as `collector export` writes it)", self._run("parquet", month))
        for name in ("duckdb", "polars"):
            title = {"duckdb": "DuckDB", "polars": "Polars"}[name]
            if lacking := peers.missing(name):
                yield Row(f"{title} on Parquet", None, f"not installed: {', '.join(lacking)}")
                continue
            theirs = self._run(name, month)
            compared = ratio(f"{title} on Parquet", theirs, ours, "ours")
            well = theirs.cpu_seconds > ours.cpu_seconds
            same = agreement(ours.said["countries"], theirs.said["countries"])
            yield compared._replace(measured=f"{compared.measured}, {same}", bar="ours is faster", well=well)

    # --- storage ---

    def storage(self, days: int) -> Iterator[Row]:
        """Bytes per stored change, and the file as it is before anything was derived."""
        size = measure_size(self.database)
        well = size.each <= CHANGED_BYTES
        yield Row(
            f"bytes per stored change ({size.changes_a_day:,.0f} a day)",
            None,
            f"{size.each:.1f}",
            f"{CHANGED_BYTES}",
            well,
        )
        year = size.after(YEAR_DAYS - days)
        met = year <= YEAR_BYTES if self.models >= WHOLE_HUB else None
        yield Row("a year of this hub, names included", None, f"{year / 1e9:.2f} GB", "4 GB at 2.5 M models", met)

    def derived(self) -> Row:
        """What the roll-up adds to the file."""
        return Row("the file with the derived tables", None, f"{self.database.stat().st_size / 1e9:.2f} GB")

    def backup(self) -> Iterator[Row]:
        """A backup while a poll writes, beside the poll before it, and what `db check` says of the copy."""
        self.next_day()
        alone = self.poll()
        self.next_day()
        copy = self.database.with_name("copy.db")
        backing_up = Step("command", self._asked("db", "backup", str(copy)))
        beside = self.poll()
        done = backing_up.cost()
        yield ratio("poll while a backup is made", beside, alone, "the poll before it", 1.2)
        slower = beside.wall_seconds / alone.wall_seconds
        yield Row("the same by the clock (two cores for both, if nothing else runs)", None, f"ratio {slower:.2f}")
        yield Row(f"`collector db backup` of {copy.stat().st_size / 1e9:.2f} GB meanwhile", done)
        copy.with_suffix(".toml").write_text(f'[database]\nurl = "sqlite:///{copy.name}"\n')
        checked = running.run("command", self._asked("db", "check")._replace(database=str(copy)))
        yield Row("`db check` of the copy", checked, "sound")
        copy.unlink()

    def _asked(self, *words: str) -> Asked:
        return Asked(str(self.database), self.hub.host, self._day.number, words)

    def _run(self, name: str, *words: str) -> Cost:
        return self._run_step(name, self._asked(*words))

    def _command(self, *words: str) -> Cost:
        return self._run("command", *words)


def agreement(ours: dict[str, int], theirs: dict[str, int]) -> str:
    """Whether two tables are the same. Models in Parquet are rounded each, ours once: estimates can differ by that."""
    if ours == theirs:
        return "equal"
    apart = max(abs(ours.get(country, 0) - theirs.get(country, 0)) for country in ours.keys() | theirs.keys())
    total = sum(ours.values())
    return f"equal but for {apart} downloads of {total:,}" if apart <= 1e-6 * total else f"**not equal: {apart} apart**"


class Size(NamedTuple):
    """What a database takes, in bytes."""

    each: float  #: of a stored change, from the last days alone
    changes_a_day: float  #: of these days
    file: int

    def after(self, days: float) -> float:
        """The file after further days of polls, no roll-up counted."""
        return self.file + days * self.changes_a_day * self.each


def measure_size(database: Path) -> Size:
    """Bytes per stored change: the last days' copied alone, so that nothing else is in the file."""
    alone = database.with_suffix(".alone.db")
    alone.unlink(missing_ok=True)
    with closing(sqlite3.connect(alone)) as copy:
        copy.execute("ATTACH ? AS whole", (str(database),))
        made, polls = copy.execute("SELECT sql, (SELECT max(id) FROM whole.poll) FROM whole.sqlite_master"
                                   " WHERE name = 'observation'").fetchone()  # fmt: skip
        copy.execute(made)
        facts = ", ".join(column.name for column in observation.columns if column.computed is None)
        since = max(polls - SIZED_DAYS, 1)
        changes = copy.execute(
            f"INSERT INTO main.observation ({facts}) SELECT {facts} FROM whole.observation WHERE poll_id > ?", (since,)
        ).rowcount
        copy.commit()
    taken = alone.stat().st_size
    alone.unlink()
    return Size(taken / max(changes, 1), changes / max(polls - since, 1), database.stat().st_size)


def machine() -> str:
    """The machine in words."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cores = f"{os.cpu_count()} cores{f' of {names[0]}' if names else ''}"
    return f"{cores}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


def rows(bench: Bench, days: int) -> Iterator[Row]:
    """The whole table."""
    yield from bench.first_polls()
    yield bench.let_pass(days)
    yield from bench.storage(days)
    yield from bench.rollups()
    yield bench.derived()
    yield from bench.commands()
    yield from bench.countries()
    yield from bench.backup()
    yield from bench.news()


def main() -> None:
    models, days, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    clock = time.monotonic()
    print(f"{models:,} models, {days} days of history; {machine()}\n\n{HEAD}", flush=True)
    with running.loopback_hub(folder) as hub:
        for row in rows(Bench(folder, hub, models), days):
            print(row, flush=True)
    shutil.rmtree(folder)
    print(f"\nTook {time.monotonic() - clock:.0f} s.")


if __name__ == "__main__":
    main()

"""The benchmark of `make bench`: one table in Markdown, every figure with what it is to be compared with.

`bench.py MODELS DAYS FOLDER`. Needs no network. The pages are built first: the hub is not what is measured. Each
step runs in a process of its own. Compare the ratios, not the seconds: other work on the machine slows all of it.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hub_days
import year

from collector.store.database import upgrade

HERE = Path(__file__).parent
COLLECTOR = Path(sys.executable).with_name("collector")
CHANGED_BYTES, YEAR_DAYS = 24, 365


@contextmanager
def hub(folder: Path) -> Iterator[str]:
    """The loopback hub's address while the block runs."""
    server = subprocess.Popen([sys.executable, HERE / "page_server.py", folder], stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip() if server.stdout else ""
    finally:
        server.kill()


def choose(host: str, day: int) -> int:
    """Lets the hub serve a day; returns the requests it answered since the last choice."""
    with urllib.request.urlopen(f"http://{host}/day/{day}") as answer:
        return int(answer.read())


def step(name: str, database: Path, host: str = "-", day: int = 0) -> dict[str, Any]:
    """What a step said of itself."""
    done = subprocess.run(
        [sys.executable, HERE / "steps.py", name, database, host, str(day)], check=True, stdout=subprocess.PIPE
    )
    return dict(json.loads(done.stdout))


def command(database: Path, *words: str) -> float:
    """CPU seconds of a command of ours, start-up included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"COLLECTOR__DATABASE__URL": f"sqlite:///{database}"}
    subprocess.run(
        [COLLECTOR, "--config", database.with_suffix(".toml"), *words],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def polls(folder: Path, models: int, days: int) -> list[str]:
    """A poll of day 2 and one after `days` days of history, beside the official client over the same pages."""
    for day, _ in zip(hub_days.days(models), range(days + 1), strict=False):
        # The world is the same every time: only the days that are polled need pages.
        if day.number in (0, 1, days):
            hub_days.write_pages(folder, day)
    database, old = folder / "polls.db", folder / "year.db"
    upgrade(f"sqlite:///{database}")
    year.fill(old, models, days)
    with hub(folder) as host:
        first = step("poll", database, host, 0)
        choose(host, 1)
        theirs = step("official", database, host, 1)
        choose(host, 1)
        ours = step("poll", database, host, 1)
        requests = choose(host, 1)
        written = step("script", database, host, 1)
        choose(host, days)
        late = step("poll", old, host, days)
    ratio, growth = ours["cpu"] / theirs["cpu"], late["cpu"] / ours["cpu"]
    wanted, peak = -(-models // hub_days.PAGE_ROWS), ours["peak_mb"]
    moved = f"poll of day 2, {ours['moved'] / models:.1%} moved"
    return [
        _row("first poll, every model new", _cost(first)),
        _row("official client, iteration alone", _cost(theirs)),
        _row("`list_models` to pandas `to_sql`", _cost(written)),
        _row(moved, f"{_cost(ours)}, ratio {ratio:.2f}", "below 0.65 of the official client", well=ratio < 0.65),
        _row("its peak memory", f"{peak} MB", "250 MB", well=peak <= 250),
        _row("its requests", str(requests), str(wanted), well=requests == wanted),
        _row(f"poll of day {days + 1}", f"{_cost(late)}, ratio {growth:.2f}", "1.1 of day 2", well=growth <= 1.1),
    ]


def _cost(said: dict[str, Any]) -> str:
    return f"{said['cpu']} s CPU, {said['peak_mb']} MB"


def _row(what: str, measured: str, bar: str = "", *, well: bool | None = None) -> str:
    met = {None: "", True: "met", False: "**not met**"}[well]
    return f"| {what} | {measured} | {bar} | {met} |"


def storage(database: Path) -> list[str]:
    """Bytes per stored change: the table copied alone, so that nothing else is in the file."""
    alone = database.with_suffix(".alone.db")
    with sqlite3.connect(alone) as copy:
        copy.execute("ATTACH ? AS whole", (str(database),))
        made = copy.execute("SELECT sql FROM whole.sqlite_master WHERE name = 'observation'").fetchone()[0]
        copy.execute(made)
        copy.execute("INSERT INTO main.observation SELECT * FROM whole.observation WHERE delta IS NOT NULL")
        rows, days = copy.execute("SELECT count(*), count(DISTINCT poll_id) FROM main.observation").fetchone()
    copy.close()
    each = alone.stat().st_size / rows
    fixed = database.stat().st_size - alone.stat().st_size
    whole = (fixed + each * rows / days * YEAR_DAYS) / 1e9
    said = f"bytes per stored change ({rows:,} rows)"
    return [
        _row(said, f"{each:.1f}", str(CHANGED_BYTES), well=each <= CHANGED_BYTES),
        _row("a year of this hub, names included", f"{whole:.2f} GB", "4 GB at 2.5 M models"),
    ]


def commands(database: Path) -> list[str]:
    """Roll-up and the commands that read."""
    database.with_suffix(".toml").touch()
    built, again = step("rollup", database), step("rollup", database)
    months = len(built["months"]["huggingface"])
    rows = [
        _row(f"roll-up of {months} months from nothing", _cost(built), "15 s a month at 150 M changes"),
        _row("roll-up with nothing new", _cost(again), "3 s", well=again["cpu"] <= 3),
    ]
    month = "2026-01"
    for bar, words in (
        (0.25, ("--help",)),
        (0.5, ("status",)),
        (0.5, ("explain", hub_days.name(7), month)),
        (4.0, ("report", month, "--out", str(database.parent / "reports"))),
    ):
        seconds = command(database, *words)
        said = f"`collector {words[0]}`"
        rows.append(_row(said, f"{seconds:.2f} s CPU", f"{bar} s", well=seconds <= bar))
    return rows


def main() -> None:
    models, days, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    clock = time.monotonic()
    print(f"{models:,} models, {days} days of history; {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"SQLite {sqlite3.sqlite_version}\n\n| what | measured | bar | |\n|---|---|---|---|", flush=True)  # fmt: skip
    print("\n".join(polls(folder, models, days)), flush=True)
    for part in (storage, commands):
        print("\n".join(part(folder / "year.db")), flush=True)
    shutil.rmtree(folder)
    print(f"\nTook {time.monotonic() - clock:.0f} s.")


if __name__ == "__main__":
    main()

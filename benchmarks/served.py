"""The same hub, the same history and the same steps on SQLite and on a PostgreSQL server, side by side.

`python -m benchmarks.served URL MODELS DAYS FOLDER`; URL names an empty database. The history is written into a file
and moved by `collector db copy`; then both are polled, rolled up and asked. The server's own CPU is what its processes
took, where they can be seen (on the same machine). Compare columns, not machines.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, create_engine, text

from benchmarks import history, hub_days, running
from benchmarks.asked import Asked
from benchmarks.bench import MODEL, machine, measure_size
from benchmarks.hub_days import Day
from benchmarks.moments import moments
from benchmarks.running import Cost, LoopbackHub
from collector.model import month_of, previous_window

SETTLES_SECONDS = 0.5  # until a server has counted the processes that ended

HEAD = (
    "| what | SQLite: CPU s (by the clock) | PostgreSQL: CPU s (by the clock) | the server's CPU s | found |\n"
    "|---|---|---|---|---|"
)


class Row(NamedTuple):
    """A line of the table; None: not measured on that side."""

    what: str
    file: Cost | None
    served: Cost | None
    server_cpu_seconds: float | None
    found: str = ""

    def __str__(self) -> str:
        sides = (f"{c.cpu_seconds:.2f} ({c.wall_seconds:.2f})" if c else "" for c in (self.file, self.served))
        server = "" if self.server_cpu_seconds is None else f"{self.server_cpu_seconds:.2f}"
        return f"| {self.what} | {' | '.join(sides)} | {server} | {self.found} |"


class Served:
    """One history on both engines."""

    def __init__(
        self, folder: Path, hub: LoopbackHub, url: str, run: Callable[[str, Asked], Cost] = running.run
    ) -> None:
        self.database = folder / "bench.db"
        self._hub, self._url, self._engine, self._run = hub, url, create_engine(url), run
        registry = folder / "registry.csv"
        registry.write_text(hub_days.registry())
        config = f'[database]\nurl = "sqlite:///{self.database.name}"\n[origins]\nfile = "{registry}"\n'
        self.database.with_suffix(".toml").write_text(config)

    def fill(self, models: int, days: int) -> Row:
        """Days of history in the file, moved to the server; the next day's pages are ready then."""
        file_url = f"sqlite:///{self.database}"
        history.fill(file_url, models, days)
        self._day: Day = next(islice(hub_days.days(models), days, None))
        self._hub.serve(self._day)
        before = server_cpu_seconds(self._engine)
        cost = self._run("command", self._asked("", "db", "copy", "--to", self._url))
        return Row(f"`collector db copy` of {days} days", None, cost, self._since(before))

    def rows(self) -> Iterator[Row]:
        """What is done every day, and what a user asks."""
        month = previous_window(month_of(moments(self._day.number).started_at)).label
        yield self._storage()
        yield self._both(f"poll of day {self._day.number + 1}", "poll")
        yield self._both("roll-up from nothing", "rollup")
        yield self._both("roll-up with nothing new", "rollup")
        yield self._both("country table from the roll-up", "countries", month)
        yield self._both("`collector status`", "command", "status")
        yield self._both("`collector explain` of a model", "command", "explain", hub_days.name(MODEL), month)
        yield self._reports(month)

    def _storage(self) -> Row:
        with self._engine.connect() as conn:
            parts = "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits"
            taken = int(conn.scalar(text(f"{parts} WHERE inhparent = 'observation'::regclass")) or 0)
            changes = int(conn.scalar(text("SELECT count(*) FROM observation")) or 0)
            whole = int(conn.scalar(text("SELECT pg_database_size(current_database())")) or 0)
        each = measure_size(self.database).each
        file = self.database.stat().st_size
        found = f"{each:.1f} and {taken / changes:.1f} bytes; {file / 1e9:.2f} and {whole / 1e9:.2f} GB in all"
        return Row(f"a stored change ({changes:,})", None, None, None, found)

    def _reports(self, month: str) -> Row:
        """All files of a report, written from both, and whether they are the same."""
        folders = [self.database.parent / name for name in ("from_file", "from_server")]
        file = self._run("command", self._asked("", "report", month, "--out", str(folders[0])))
        before = server_cpu_seconds(self._engine)
        served = self._run("command", self._asked(self._url, "report", month, "--out", str(folders[1])))
        ours, theirs = ({f.name: f.read_bytes() for f in folder.rglob("*") if f.is_file()} for folder in folders)
        found = f"{len(ours)} files, {'the same to the byte' if ours == theirs else '**not the same**'}"
        return Row(f"`collector report {month}`, all files", file, served, self._since(before), found)

    def _both(self, what: str, step: str, *words: str) -> Row:
        file = self._run(step, self._asked("", *words))
        before = server_cpu_seconds(self._engine)
        served = self._run(step, self._asked(self._url, *words))
        ours, theirs = ({**each.said, "written_mb": None} for each in (file, served))  # a server writes for itself
        same = "" if ours == theirs else "**not the same answer**"
        return Row(what, file, served, self._since(before), same)

    def _asked(self, server: str, *words: str) -> Asked:
        return Asked(str(self.database), self._hub.host, self._day.number, words, server)

    def _since(self, before: float | None) -> float | None:
        after = server_cpu_seconds(self._engine)
        return None if before is None or after is None else after - before


def server_cpu_seconds(engine: Engine) -> float | None:
    """CPU seconds of all processes of the server since it began; None when they are not on this machine."""
    with engine.connect() as conn:
        backend = int(conn.scalar(text("SELECT pg_backend_pid()")) or 0)
        postmaster = _parent(backend)
    engine.dispose()
    time.sleep(SETTLES_SECONDS)
    if postmaster is None:
        return None
    ticks = sum(map(int, _fields(postmaster)[11:15]))  # its own, and those of children that ended
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (of := _fields(int(folder.name))) and int(of[1]) == postmaster:
            ticks += sum(map(int, of[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(process: int) -> list[str]:
    """The fields of /proc/PID/stat after the name; none when there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(process: int) -> int | None:
    try:
        if not Path(f"/proc/{process}/comm").read_text().startswith("postgres"):
            return None
    except OSError:
        return None
    return int(_fields(process)[1])


def main() -> None:
    url, models, days, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with create_engine(url).connect() as conn:
        version = conn.scalar(text("SHOW server_version"))
    print(f"{models:,} models, {days} days of history; {machine()}, PostgreSQL {version}\n\n{HEAD}", flush=True)
    with running.loopback_hub(folder) as hub:
        both = Served(folder, hub, url)
        print(both.fill(models, days), flush=True)
        for row in both.rows():
            print(row, flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

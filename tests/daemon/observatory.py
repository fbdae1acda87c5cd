"""An observatory for tests: a hub on loopback, a database in a folder, the daemon's jobs on a clock moved by hand."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.config import load_config
from collector.daemon.duties import lanes
from collector.daemon.jobs import Daemon
from collector.demo.hub import LoopbackHub
from collector.demo.world import Clock, World
from collector.store.check import check
from collector.store.database import Database, upgrade
from collector.upkeep import Upkeep

FIRST = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
NAMES = ("Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B-Instruct", "mistralai/Mistral-7B-Instruct-v0.3")


@dataclass
class Observatory:
    """What an operator has, and what he can do to it."""

    folder: Path
    hub: LoopbackHub
    upkeep: Upkeep
    daemon: Daemon

    @property
    def clock(self) -> Clock:
        return self.hub.world.clock

    @property
    def database(self) -> Path:
        return self.folder / "collector.db"

    def look(self, *names: str) -> None:
        """Everything due is done once; only of these jobs, when some are named."""
        all_lanes = self.daemon.lanes
        chosen = {lane: [job for job in jobs if not names or job.name in names] for lane, jobs in all_lanes.items()}
        self.daemon.lanes = chosen
        for lane in chosen:
            self.daemon.tick(lane)
        self.daemon.lanes = all_lanes

    def polls(self) -> list[tuple[str, str]]:
        """When each poll began, and how it ended."""
        query = "SELECT strftime('%m-%d %H:%M', started_at, 'unixepoch'), status FROM poll ORDER BY id"
        return [(row[0], row[1]) for row in self.ask(query)]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def findings(self) -> list[str]:
        with Database.open(self.upkeep.config.database.url, write=False) as db:
            return check(db)


@contextmanager
def observatory(folder: Path, more: str = "") -> Iterator[Observatory]:
    """Begins on 2026-11-20 with three models that gain 1,000 downloads a day each."""
    world = World(Clock(FIRST))
    for name in NAMES:
        world.create(name, created_at=datetime(2024, 1, 1, tzinfo=UTC), truth=_counters)
    with LoopbackHub(world, quota=1_000_000) as hub:
        path = folder / "config.toml"
        path.write_text(
            f'[hub.huggingface]\nendpoint = "{hub.url}"\nmodels = "all"\n{more}\n[[scope]]\nname = "all"\n', "utf-8"
        )
        config = load_config(path, {})
        upgrade(config.database.url)
        log = logging.getLogger("collector")
        upkeep = Upkeep(config, world.clock.now, log)
        yield Observatory(folder, hub, upkeep, Daemon(lanes(upkeep, FIRST), world.clock.now, log, threading.Event()))


def _counters(now: datetime) -> tuple[int, int]:
    return (now - datetime(2026, 1, 1, tzinfo=UTC)).days * 1000, 30_000


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own, as small as wanted; where no disk can be mounted the test is skipped."""
    folder.mkdir()
    made = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(made, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here (it takes root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)

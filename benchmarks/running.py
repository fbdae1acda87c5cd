"""Runs the loopback hub and single steps as processes of their own. Decides no order and no bar."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks import hub_days
from benchmarks.asked import SERVER, Asked, Said
from benchmarks.hub_days import Day

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step took, and what it said besides."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: int
    said: Said = field(default_factory=dict)

    @classmethod
    def of(cls, measured: Said) -> Self:
        """What `steps.measured` gave."""
        return cls(measured.pop("cpu"), measured.pop("wall"), measured.pop("peak_mb"), measured)


class Step:
    """A step under way."""

    def __init__(self, name: str, of: Asked) -> None:
        line = [sys.executable, "-m", "benchmarks.steps", name, of.database, of.host, str(of.day), *of.words]
        environ = os.environ | ({SERVER: of.server} if of.server else {})
        # An installed program has its modules compiled; else each start would compile them all, a second or more.
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        self._process = subprocess.Popen(line, stdout=subprocess.PIPE, cwd=ROOT, env=environ)

    def cost(self) -> Cost:
        """Waits for its end. CalledProcessError when it failed (why stands on stderr)."""
        out, _ = self._process.communicate()
        if self._process.returncode:
            raise subprocess.CalledProcessError(self._process.returncode, self._process.args)
        return Cost.of(json.loads(out))


def run(name: str, of: Asked) -> Cost:
    """A step from its start to its end, in a process of its own."""
    return Step(name, of).cost()


class LoopbackHub:
    """Serves one day's pages at a time; they are written before and removed after."""

    def __init__(self, folder: Path, host: str) -> None:
        self._folder, self._files = folder, list[Path]()
        self.host = host

    def serve(self, day: Day, anew: Set[int] = frozenset()) -> None:
        """From now on the pages of this day, and those of no other; some models are described `anew`."""
        made = hub_days.write_pages(self._folder, day, anew)
        self.requests_since_asked(day.number)
        for file in self._files:
            file.unlink()
            file.with_suffix(".index").unlink()
        self._files = [made]

    def requests_since_asked(self, day: int) -> int:
        """Requests since this was asked last; the pages served are those of the day."""
        with urllib.request.urlopen(f"http://{self.host}/day/{day}") as answer:
            return int(answer.read())


@contextmanager
def loopback_hub(folder: Path) -> Iterator[LoopbackHub]:
    """A hub for as long as the block runs."""
    line = [sys.executable, "-m", "benchmarks.page_server", str(folder)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            yield LoopbackHub(folder, server.stdout.readline().strip() if server.stdout else "")
        finally:
            server.kill()

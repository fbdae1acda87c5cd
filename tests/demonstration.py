"""`collector demo` as a stranger runs it, in an empty folder with a dead proxy in the environment; run once for all."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.once import once

DEAD = "http://127.0.0.1:9"
_SAID = "said.txt"


@dataclass(frozen=True)
class Demo:
    """A folder in which the demo ran, and what it said there."""

    folder: Path
    said: str

    @property
    def output(self) -> Path:
        return self.folder / "demo-output"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.output / 'collector.db'}"

    def reports(self) -> dict[str, bytes]:
        """The files of all packs, by their place."""
        folder = self.output / "reports"
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def run_demo(folder: Path) -> str:
    """Its stdout; the hub's variables and a proxy that answers nobody are in its environment."""
    environ = {**os.environ, "HTTP_PROXY": DEAD, "http_proxy": DEAD, "HTTPS_PROXY": DEAD, "HF_ENDPOINT": DEAD}
    command = [sys.executable, "-m", "collector", "demo"]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def the_demo(factory: pytest.TempPathFactory) -> Demo:
    """The demo as it was run first; to be read, never written to."""

    def make(folder: Path) -> None:
        stranger = folder / "stranger"
        stranger.mkdir(parents=True)
        (folder / _SAID).write_text(run_demo(stranger), encoding="utf-8")

    folder = once(factory, "demo", make)
    return Demo(folder / "stranger", (folder / _SAID).read_text(encoding="utf-8"))

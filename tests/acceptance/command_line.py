"""The command line as a user has it: in this process under a set clock, or in a process of its own.

Knows no table and no figure.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import time_machine

from collector import cli

ONE_SCOPE = """
[[scope]]
name = "all"
"""
TWO_SCOPES = f"""{ONE_SCOPE}
[[scope]]
name = "llm"
pipeline_tags = ["text-generation", "image-text-to-text", "any-to-any"]
created_after = 2022-11-30
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Installation:
    """A folder with a configuration and a database."""

    folder: Path
    server: str | None = None  #: URL of a database on a server; None: a file in the folder

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def database(self) -> Path:
        return self.folder / "collector.db"

    @property
    def url(self) -> str:
        return self.server or f"sqlite:///{self.database}"

    def run(self, now: datetime, *words: str, environ: Mapping[str, str] = {}) -> Ran:
        """A command at an instant, in this process. An exception that leaves the command is the test's failure."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, time_machine.travel(now, tick=False):
            patch.setattr(sys, "argv", ["collector", "--config", str(self.config), *words])
            for name, value in environ.items():
                patch.setenv(name, value)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    cli.main()
                except SystemExit as end:
                    status = end.code
        assert isinstance(status, int)
        return Ran(status, out.getvalue(), err.getvalue())

    def ran(self, now: datetime, *words: str, environ: Mapping[str, str] = {}) -> Ran:
        """The same; the command must have done what it was asked."""
        done = self.run(now, *words, environ=environ)
        assert done.status == 0, done.err
        return done


def installed(
    folder: Path, endpoint: str, models: str = '"all"', scopes: str = TWO_SCOPES, server: str | None = None
) -> Installation:
    """A new installation whose hub is at `endpoint`, with an empty database."""
    folder.mkdir(parents=True)
    here = Installation(folder, server)
    here.config.write_text(
        f'[database]\nurl = "{server or "sqlite:///collector.db"}"\n'
        f'[hub.huggingface]\nendpoint = "{endpoint}"\nmodels = {models}\ntimeout_seconds = 5\n{scopes}'
    )
    here.ran(datetime.fromisoformat("2026-08-01T00:00:00+00:00"), "db", "upgrade")
    return here


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def environment() -> dict[str, str]:
    """For a process of its own: as this one's, without what a developer's shell may set."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "COLLECTOR_"))}

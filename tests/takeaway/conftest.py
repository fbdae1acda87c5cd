"""What `collector demo` leaves, made once: looked at, queried and taken away by these tests."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.config import Config, load_config
from collector.moving import copy_database
from tests.demonstration import the_demo
from tests.engines import SERVER

Row = dict[str, Any]
MONTH = "2026-09"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `collector demo` leaves; a copy, since whoever moves a database locks it."""
    return Path(shutil.copytree(the_demo(tmp_path_factory).output, tmp_path_factory.mktemp("takeaway") / "out"))


@pytest.fixture(scope="session")
def file_config(demo: Path) -> Config:
    """Its database as it stands: SQLite."""
    return load_config(demo / "config.toml", {})


@pytest.fixture(scope="session")
def server_config(demo: Path, file_config: Config, new_server_url: Callable[[], str]) -> Config:
    """The same database, moved to the PostgreSQL server."""
    to = new_server_url()
    copy_database(file_config, to, now=lambda: datetime(2026, 11, 22, tzinfo=UTC), stopped=bool, told=lambda *_: None)
    return load_config(demo / "config.toml", {"COLLECTOR__DATABASE__URL": to})


@pytest.fixture(scope="session", params=["sqlite"] if SERVER is None else ["sqlite", "postgresql"])
def config(request: pytest.FixtureRequest) -> Config:
    """The database on each engine at hand."""
    found: Config = request.getfixturevalue("file_config" if request.param == "sqlite" else "server_config")
    return found


@pytest.fixture(scope="session")
def published(demo: Path) -> Callable[..., list[Row]]:
    """Rows of a CSV file of the demonstration."""

    def published(name: str, month: str = MONTH, **chosen: str) -> list[Row]:
        with (demo / "reports" / month / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [row for row in rows if all(row[key] == value for key, value in chosen.items())]

    return published

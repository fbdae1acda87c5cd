"""What `collector demo` leaves, made once: looked at, queried and taken away by these tests."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collector.config import Config, load_config
from collector.demo.run import run_demo

Row = dict[str, Any]
MONTH = "2026-09"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `collector demo` leaves."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    run_demo(folder, lambda _: None, 120)
    return folder


@pytest.fixture(scope="session")
def config(demo: Path) -> Config:
    return load_config(demo / "config.toml", {})


@pytest.fixture(scope="session")
def published(demo: Path) -> Callable[..., list[Row]]:
    """Rows of a CSV file of the demonstration."""

    def published(name: str, month: str = MONTH, **chosen: str) -> list[Row]:
        with (demo / "reports" / month / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [row for row in rows if all(row[key] == value for key, value in chosen.items())]

    return published

"""Imports go one way, and each library has one home."""

from __future__ import annotations

import ast
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A module imports only from layers before its own: not from later ones, and not from a sibling.
LAYERS = (
    {"", "errors", "model", "columns", "series", "garbage", "data"},
    {"config", "hubs", "origins", "store", "measure", "logs", "stopping"},
    {"report", "polling", "importing", "rooting"},
    {"looking"},
    {"counting", "restating"},
    {"owning"},
    {"figuring"},
    {"rollup"},
    {"status", "asking", "reporting", "recounting"},
    {"tasks", "alerts", "recipes"},
    {"upkeep"},
    {"lookups", "review", "dictionary", "explaining", "exporting", "exploring", "moving", "daemon", "demo"},
    {"cli"},
    {"__main__"},
)
GROUND = LAYERS[0]  # these few words may lean on each other
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

HOMES = {
    "huggingface_hub": {"hubs"},
    "httpx": {"hubs"},
    "httpx2": {"hubs"},
    "msgspec": {"hubs"},
    "sqlalchemy": {"store", "migrations"},
    "alembic": {"store", "migrations"},
    "psycopg": {"store", "migrations"},
    "apscheduler": {"daemon"},
    "prometheus_client": {"daemon"},
    "structlog": {"logs"},
    "pandas": {"series", "measure", "report", "store", "rooting", "counting", "figuring", "reporting", "explaining"},
    "numpy": {
        "series",
        "measure",
        "store",
        "rooting",
        "restating",
        "counting",
        "owning",
        "figuring",
        "rollup",
        "recounting",
        "reporting",
        "importing",
        "explaining",
    },
    "pyarrow": {"importing", "exporting"},
    "altair": {"report"},
    "vl_convert": {"report"},
    "datasette": {"exploring"},
    "typer": {"cli"},
    "click": {"cli"},
    "pydantic": {"config"},
    "tomllib": {"config", "origins"},
}


def part_of(file: Path) -> str:
    """The part of the program a file belongs to: `collector/hubs/x.py` is `hubs`, `collector/cli.py` is `cli`."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    if parts[0] != "collector":
        return parts[0]
    return "" if parts[1] == "__init__" else parts[1]


def imported(source: str, package: str) -> Iterator[str]:
    """Full names of all modules that a source imports, wherever the import stands; relative ones start at `package`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, node.module] if node.module else above)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def own_parts(names: Iterator[str]) -> set[str]:
    """The parts of our program among imported names."""
    parts = {f"{name}.".split(".")[1] for name in names if name.split(".")[0] == "collector"}
    return {name if name in RANK else "" for name in parts}  # `from collector import __version__`


def wrong_way(part: str, source: str, package: str) -> set[str]:
    """Parts that a source of this part imports and must not."""
    own = own_parts(imported(source, package)) - {part}
    return {name for name in own if RANK[name] >= RANK[part] and not (name in GROUND and part in GROUND)}


def strangers(part: str, source: str, package: str) -> set[str]:
    """Libraries that a source of this part imports and that live elsewhere."""
    libraries = {name.split(".")[0] for name in imported(source, package)}
    return {name for name in libraries if part not in HOMES.get(name, {part})}


def package_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).parts[:-1])


SOURCES = sorted((ROOT / "collector").rglob("*.py"))
ALL_SOURCES = SOURCES + sorted((ROOT / "migrations").rglob("*.py"))


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_every_module_has_a_place_in_a_layer(file: Path) -> None:
    assert part_of(file) in RANK, "give it a layer here and in the README's module map"


@pytest.mark.parametrize("file", [file for file in SOURCES if part_of(file) in RANK], ids=name_of)
def test_modules_import_only_from_layers_before_their_own(file: Path) -> None:
    assert wrong_way(part_of(file), file.read_text(encoding="utf-8"), package_of(file)) == set()


@pytest.mark.parametrize("file", ALL_SOURCES, ids=name_of)
def test_each_library_is_imported_only_in_its_home(file: Path) -> None:
    assert strangers(part_of(file), file.read_text(encoding="utf-8"), package_of(file)) == set()


def test_migrations_lean_on_the_store_alone() -> None:
    files = sorted((ROOT / "migrations").rglob("*.py"))
    used = {part for file in files for part in own_parts(imported(file.read_text(encoding="utf-8"), package_of(file)))}
    assert used <= {"store", ""}


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("store", "from collector import hubs"),
        ("store", "from collector.hubs.huggingface import make"),
        ("measure", "import collector.store.schema"),
        ("measure", "from ..store import schema"),
        ("model", "from collector.config import Config"),
        ("report", "from collector.polling import poll"),
        ("polling", "def late() -> None:\n    from collector.cli import main"),
    ],
)
def test_an_import_the_wrong_way_is_found(part: str, source: str) -> None:
    assert wrong_way(part, source, f"collector.{part}")


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("store", "from collector.model import Scope"),
        ("store", "from collector import __version__"),
        ("store", "from . import schema\nfrom .schema import metadata"),
        ("cli", "from collector.demo import run"),
        ("model", "from collector.errors import UsageError"),
    ],
)
def test_an_import_the_right_way_passes(part: str, source: str) -> None:
    assert wrong_way(part, source, f"collector.{part}") == set()


def test_a_library_away_from_home_is_found() -> None:
    assert strangers("report", "import sqlalchemy as sa", "collector.report") == {"sqlalchemy"}
    assert strangers("cli", "from huggingface_hub.utils import paginate", "collector") == {"huggingface_hub"}
    assert strangers("store", "from sqlalchemy.engine import URL", "collector.store") == set()


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "hub.example"])
def test_a_test_cannot_leave_this_machine(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as client, pytest.raises(RuntimeError, match="loopback only"):
        client.connect((host, 9))

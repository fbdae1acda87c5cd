"""Dumps of a hub, imported without a single poll, give the shares that polling the same hub gives."""

from __future__ import annotations

import csv
import json
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.demo.hub import LoopbackHub
from collector.demo.world import Clock, World
from collector.hubs.huggingface import EXPAND
from collector.model import Base, PollPlan
from tests.acceptance import driving
from tests.acceptance.command_line import Installation, installed, table
from tests.acceptance.ledger import at

FIRST, LAST, NOW = at("08-28"), at("10-06"), at("10-06T08:00")
PLAN = PollPlan("all")
FIELDS = ("_id", "id", "downloads", "downloadsAllTime", "likes", "createdAt", "pipeline_tag", "library_name", "tags")


def _grows(per_day: int, before: int) -> Callable[[datetime], tuple[int, int]]:
    return lambda now: (before + per_day * (now - FIRST).days, 30 * per_day)


def _world() -> World:
    """Originals and copies of two countries, a task outside `llm`, an old one, and one born on the way."""
    world, old = World(Clock(FIRST)), at("03-01")
    tuned, copied = (Base("Qwen/Qwen3-8B", "finetune"),), (Base("meta-llama/Llama-3.1-8B-Instruct", "quantized"),)
    rows: tuple[tuple[str, int, datetime, str | None, tuple[Base, ...]], ...] = (
        ("Qwen/Qwen3-8B", 5000, old, "text-generation", ()),
        ("meta-llama/Llama-3.1-8B-Instruct", 4000, old, "text-generation", ()),
        ("mistralai/own", 900, old, "text-to-image", ()),
        ("openai-community/gpt2", 2000, datetime.fromisoformat("2022-03-02T23:29:04+00:00"), "text-generation", ()),
        ("someone/a tune", 700, old, "text-generation", tuned),
        ("someone/no-name-says-so", 600, old, "image-text-to-text", copied),
        ("google/of-no-task", 300, old, None, ()),
    )
    for name, per_day, born, task, bases in rows:
        tags = tuple(f"base_model:{base.relation}:{base.name}" for base in bases)
        truth = _grows(per_day, 100_000)
        world.create(name, created_at=born, pipeline_tag=task, tags=tags, bases=bases, truth=truth)
    return world


def _listed(hub: LoopbackHub) -> list[dict[str, Any]]:
    """What the hub says of all its models, as whoever makes a dump asks for it."""
    asked = "&".join(f"expand={name}" for name in EXPAND)
    with urllib.request.urlopen(f"{hub.url}/api/models?limit=1000&{asked}") as answer:
        return list(json.load(answer))


def _as_csv(rows: list[dict[str, Any]], path: Path) -> Path:
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**row, "tags": str(row["tags"])} for row in rows)
    return path.with_suffix(".csv")


def _as_parquet(rows: list[dict[str, Any]], path: Path) -> Path:
    arrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    tables = pytest.importorskip("pyarrow.parquet")
    told = [{name: row.get(name) for name in (*FIELDS, "baseModels", "private")} for row in rows]
    tables.write_table(arrow.Table.from_pylist(told), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The world polled and reported on; in `listed` what the hub said of all models on the same days."""
    world, folder = _world(), tmp_path_factory.mktemp("dumps_alone")
    with LoopbackHub(world) as hub:
        here = installed(folder / "polled", hub.url)
        (here.folder / "listed").mkdir()
        for day in range(0, (LAST - FIRST).days + 1, 3):
            world.clock.set(FIRST + timedelta(days=day))
            if day == 12:
                born = world.clock.now() - timedelta(hours=6)
                world.create("deepseek-ai/new", created_at=born, pipeline_tag="any-to-any", truth=_grows(800, 0))
                copied = (Base("deepseek-ai/new", "quantized"),)
                tags = ("base_model:quantized:deepseek-ai/new",)
                world.create("unsloth/new-GGUF", created_at=born, tags=tags, bases=copied, truth=_grows(50, 0))
            driving.poll(here.url, hub, world.clock.now, PLAN)
            listed = here.folder / "listed" / f"{world.clock.now().date()}.json"
            listed.write_text(json.dumps(_listed(hub)), encoding="utf-8")
        here.ran(NOW, "poll")
        here.ran(NOW, "report", "2026-09")
    return here


@pytest.mark.parametrize("write", [_as_csv, _as_parquet], ids=["CSV", "Parquet"])
def test_dumps_alone_give_the_shares_that_polls_give(
    polled: Installation, tmp_path: Path, write: Callable[[list[dict[str, Any]], Path], Path]
) -> None:
    dumped = installed(tmp_path / "dumped", "http://127.0.0.1:9")
    days = sorted((polled.folder / "listed").iterdir())
    files = [write(json.loads(day.read_bytes()), dumped.folder / f"hub-stats-{day.stem}") for day in days]
    assert len(files) == 14
    for file in files[7:] + files[:7]:  # in an order of no meaning
        driving.keep_history(dumped.url, file, NOW)
    dumped.ran(NOW, "import", str(files[3]), "--hub", "huggingface")  # the same once more, and everything rolled up
    dumped.ran(NOW, "report", "2026-09")
    for file_name in ("country_share.csv", "family_share.csv", "publisher_share.csv", "derivative_share.csv"):
        assert _shares(dumped, file_name) == _shares(polled, file_name)
    new = [row for row in _shares(dumped, "derivative_share.csv") if row["scope"] == "all" and int(row["new_models"])]
    assert [(row["country"], row["relation"], row["new_models"]) for row in new] == [("CN", "quantized", "1")]
    llm = [row for row in table(dumped.folder / "reports/2026-09/country_share.csv") if row["scope"] == "llm"]
    assert {row["country"] for row in llm if int(row["downloads"])} >= {"CN", "US"}


def _shares(here: Installation, file_name: str) -> list[dict[str, str]]:
    return table(here.folder / "reports" / "2026-09" / file_name)

"""Our client and the official one list the same models of one hub with the same counters."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator
from typing import Any

import huggingface_hub.constants
import pytest
from huggingface_hub import HfApi, ModelInfo

from collector.demo import faults
from collector.demo.hub import LoopbackHub
from collector.demo.world import World
from collector.hubs import huggingface
from collector.model import CREATED_AT_FLOOR, Base, Observation, PollPlan, from_seconds, to_seconds
from tests.pages import observations

EXPAND: Any = ["downloads", "downloadsAllTime", "likes", "createdAt", "pipeline_tag", "library_name", "baseModels"]
Listed = tuple[object, ...]


@pytest.fixture
def populous(world: World) -> World:
    """More than three pages: models at the floor, ties, silent counters, gated, disabled, renamed, private, derived."""
    dice = random.Random(2026)
    for n in range(3_210):
        old = n < 1_100
        world.create(
            f"lab{n % 17}/m{n}",
            all_time=dice.choice([None, 0, n, 10**9 + n]),
            last_30d=dice.choice([None, 0, 5, n]),
            likes=dice.choice([None, 0, n]),
            created_at=from_seconds(CREATED_AT_FLOOR if old else CREATED_AT_FLOOR + 3600 * (n // 3)),
            pipeline_tag=dice.choice([None, "text-generation"]),
            library_name=dice.choice([None, "transformers"]),
            bases=tuple(Base(f"lab0/m{17 * k}", "merge") for k in range(n % 4)),
        )
    world.gate("lab1/m1")
    world.disable("lab2/m2")
    world.rename("lab3/m3", "elsewhere/m3")
    world.hide("lab4/m4")
    return world


def ours(hub: LoopbackHub, world: World, plan: PollPlan) -> Iterator[Observation]:
    settings = huggingface.HuggingFaceSettings(endpoint=hub.url)
    client = huggingface.make(settings, plan, world.clock.now, threading.Event(), logging.getLogger("agree"))
    page = client.page(None)
    yield from observations(page)
    while page.next_cursor is not None:
        page = client.page(page.next_cursor)
        yield from observations(page)


def theirs(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, sort: Any) -> Iterator[ModelInfo]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_TELEMETRY", True)
    yield from HfApi(endpoint=hub.url, token=False).list_models(sort=sort, expand=EXPAND, limit=None)


def as_we_tell(seen: Observation) -> Listed:
    bases = [(base.name, base.hub_key, base.relation) for base in seen.bases]
    counters = (seen.downloads_all_time, seen.downloads_30d, seen.likes)
    return (seen.hub_key, seen.name, *counters, seen.created_at, seen.pipeline_tag, seen.library_name, bases)


def as_they_tell(info: ModelInfo) -> Listed:
    declared: Any = info.base_models or {"models": []}
    bases = [(base["id"], base["_id"], declared["relation"]) for base in declared["models"]]
    counters = (info.downloads_all_time, info.downloads, info.likes)
    created_at = to_seconds(info.created_at) if info.created_at else None
    return (info.__dict__["_id"], info.id, *counters, created_at, info.pipeline_tag, info.library_name, bases)


def test_the_whole_hub_is_the_same_to_both(populous: World, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    by_us = [as_we_tell(seen) for seen in ours(hub, populous, PollPlan("all"))]
    by_them = [as_they_tell(info) for info in theirs(hub, monkeypatch, "created_at")]
    assert len(by_us) == len(populous) - 1  # the private one is nobody's business
    assert {row[0]: row for row in by_us} == {row[0]: row for row in by_them}
    assert len(by_them) == len(by_us)


def test_the_most_downloaded_are_the_same_to_both_in_the_same_order(
    populous: World, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_us = [as_we_tell(seen) for seen in ours(hub, populous, PollPlan("top", 5_000))]
    assert by_us == [as_they_tell(info) for info in theirs(hub, monkeypatch, "downloads")]


def test_both_get_over_a_page_that_breaks_off(
    populous: World, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.faults.on_page(2, faults.truncated())
    by_us = [as_we_tell(seen) for seen in ours(hub, populous, PollPlan("top", 5_000))]
    hub.faults.on_page(2, faults.truncated())
    assert by_us == [as_they_tell(info) for info in theirs(hub, monkeypatch, "downloads")]
    assert [request.page for request in hub.requests] == [1, 2, 2, 3, 4] * 2

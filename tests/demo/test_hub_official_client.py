"""The official client against the loopback hub: what it reads must be what the world holds."""

from __future__ import annotations

from typing import Any, get_args

import huggingface_hub.constants
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import ExpandModelProperty_T

from collector.demo import faults
from collector.demo.hub import LoopbackHub
from collector.demo.wire import DETAIL_NAMES
from collector.demo.world import World
from collector.model import Base


@pytest.fixture
def api(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> HfApi:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_TELEMETRY", True)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return HfApi(endpoint=hub.url, token=False)


def told(info: Any) -> tuple[object, ...]:
    return info.__dict__["_id"], info.id, info.downloads_all_time, info.downloads


@pytest.mark.parametrize("sort", ["downloads", "created_at", "last_modified", "likes", "trending_score"])
def test_it_lists_every_model_in_every_order(world: World, api: HfApi, hub: LoopbackHub, sort: Any) -> None:
    for n in range(2_345):
        world.create(f"lab/m{n}", all_time=n * 7, last_30d=n % 50, likes=n % 3)
    listed = list(api.list_models(sort=sort, expand=["downloads", "downloadsAllTime", "likes"], limit=None))
    assert sorted(map(told, listed)) == sorted((m.hub_key, m.name, m.all_time, m.last_30d) for m in world)
    assert [request.page for request in hub.requests] == [1, 2, 3]
    assert not any("authorization" in request.headers for request in hub.requests)


def test_it_reads_all_that_we_ask_for(world: World, api: HfApi) -> None:
    base = world.create("qwen/base", pipeline_tag=None, library_name=None)
    world.create("lab/a", likes=4, tags=("en",), bases=(Base("qwen/base", "finetune"),))
    world.gate("lab/a")
    expand: Any = ["author", "downloads", "downloadsAllTime", "likes", "createdAt", "lastModified", "gated", "private"]
    expand += ["disabled", "pipeline_tag", "library_name", "tags", "baseModels"]
    (info,) = api.list_models(author="lab", expand=expand)
    assert (info.author, info.likes, info.gated, info.private, info.disabled) == ("lab", 4, "auto", False, False)
    assert info.created_at == info.last_modified == world.clock.now()
    assert (info.pipeline_tag, info.library_name, info.tags) == ("text-generation", "transformers", ["en"])
    bases: Any = info.base_models
    assert bases == {"relation": "finetune", "models": [{"_id": base, "id": "qwen/base"}]}


def test_it_reads_rows_of_every_shape(world: World, api: HfApi) -> None:
    world.create("lab/a", all_time=9, last_30d=5)
    assert [next(iter(api.list_models(full=full))).downloads for full in (None, True)] == [5, 5]
    assert next(iter(api.list_models(filter="transformers", limit=1))).id == "lab/a"


def test_its_names_for_expand_are_those_of_the_hub() -> None:
    # The library does not type the one name that the server's own error text has besides.
    assert {*get_args(ExpandModelProperty_T), "xetEnabled"} == set(DETAIL_NAMES)


def test_it_describes_a_model_and_follows_a_renamed_one(world: World, api: HfApi) -> None:
    key = world.create("lab/old", all_time=90, last_30d=9)
    world.rename(key, "lab/new")
    assert told(api.model_info("lab/old", expand=["downloads", "downloadsAllTime"])) == (key, "lab/new", 90, 9)
    assert api.model_info("lab/new").downloads == 9
    assert api.model_info("lab/new", revision="main").sha


def test_it_is_refused_what_is_missing(api: HfApi) -> None:
    with pytest.raises(HfHubHTTPError, match="401"):
        api.model_info("lab/none")


def test_it_raises_on_a_bad_request_and_tries_a_failed_page_again(world: World, api: HfApi, hub: LoopbackHub) -> None:
    world.create("lab/a")
    wrong: Any = ["usedStorage"]
    with pytest.raises(HfHubHTTPError, match="Invalid option"):
        list(api.list_models(expand=wrong))
    hub.faults.on_page(1, faults.truncated())
    assert [info.id for info in api.list_models()] == ["lab/a"]

"""The listing of the loopback hub: rows, expand, order, pages (hub-api reference, sections 2 and 10)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from collector.demo.hub import LoopbackHub
from collector.demo.listing import Rules
from collector.demo.wire import LIST_NAMES
from collector.demo.world import World
from collector.model import CREATED_AT_FLOOR, Base, from_seconds

FLOOR = from_seconds(CREATED_AT_FLOOR)
DAY_ONE = datetime(2026, 8, 1, tzinfo=UTC)
LISTING = "/api/models"
OURS = f"{LISTING}?sort=createdAt&direction=1&limit=1000&expand=downloads&expand=downloadsAllTime"


def fill(world: World, models: int, born: datetime = DAY_ONE) -> list[str]:
    return [world.create(f"lab/m{n:05}", all_time=10 * n, last_30d=n, created_at=born) for n in range(models)]


# expand


@pytest.mark.parametrize("spelling", ["expand", "expand[]", "expand%5B%5D"])
def test_expand_is_obeyed_in_every_spelling(world: World, asker: Any, spelling: str) -> None:
    key = world.create("lab/a", all_time=7)
    assert asker.rows(f"{LISTING}?{spelling}=downloadsAllTime") == [{"_id": key, "id": "lab/a", "downloadsAllTime": 7}]


@pytest.mark.parametrize("name", ["childrenModelCount", "usedStorage", "_id", "id", "downloads_all_time", ""])
def test_one_name_the_listing_does_not_know_rejects_the_whole_request(asker: Any, name: str) -> None:
    response = asker.get(f"{LISTING}?expand=downloads&expand={name}")
    assert response.status_code == 400
    assert response.json()["error"].startswith('✖ Invalid option: expected one of "author"|"baseModels"|"cardData"|')


def test_every_name_of_the_reference_may_be_asked_for(world: World, asker: Any) -> None:
    world.create("lab/a")
    query = "&".join(f"expand={name}" for name in LIST_NAMES)
    assert set(asker.rows(f"{LISTING}?{query}")[0]) <= {"_id", "id", *LIST_NAMES}


def test_a_row_holds_what_was_asked_for_with_the_names_of_the_wire(world: World, asker: Any) -> None:
    base = world.create("qwen/base", created_at=DAY_ONE)
    key = world.create(
        "lab/a",
        all_time=90,
        last_30d=9,
        created_at=DAY_ONE + timedelta(days=1, seconds=5),
        likes=3,
        tags=("region:us",),
        bases=(Base("qwen/base", "quantized"),),
    )
    asked = ["author", "downloads", "downloadsAllTime", "likes", "createdAt", "lastModified", "gated", "private"]
    asked += ["disabled", "pipeline_tag", "library_name", "tags", "baseModels"]
    query = "&".join(f"expand={name}" for name in asked)
    assert asker.rows(f"{LISTING}?author=lab&{query}") == [
        {
            "_id": key,
            "id": "lab/a",
            "author": "lab",
            "downloads": 9,
            "downloadsAllTime": 90,
            "likes": 3,
            "createdAt": "2026-08-02T00:00:05.000Z",
            "lastModified": "2026-08-02T00:00:05.000Z",
            "gated": False,
            "private": False,
            "disabled": False,
            "pipeline_tag": "text-generation",
            "library_name": "transformers",
            "tags": ["region:us"],
            "baseModels": {"relation": "quantized", "models": [{"_id": base, "id": "qwen/base"}]},
        }
    ]


def test_what_the_hub_does_not_have_is_left_out_and_not_null(world: World, asker: Any) -> None:
    key = world.create(
        "lab/a", all_time=None, last_30d=None, created_at=None, likes=None, pipeline_tag=None, library_name=None
    )
    names = "downloads downloadsAllTime createdAt lastModified likes pipeline_tag library_name baseModels safetensors"
    query = "&".join(f"expand={name}" for name in names.split())
    assert asker.rows(f"{LISTING}?{query}") == [{"_id": key, "id": "lab/a"}]


def test_null_zero_and_silence_are_three_things(world: World, asker: Any) -> None:
    world.create("lab/null", wire={"downloads": None})
    world.create("lab/silent", last_30d=None)
    world.create("lab/zero", last_30d=0)
    rows = {row["id"]: row for row in asker.rows(f"{LISTING}?expand=downloads")}
    assert rows["lab/null"]["downloads"] is None
    assert "downloads" not in rows["lab/silent"]
    assert rows["lab/zero"]["downloads"] == 0


def test_hostile_values_come_as_they_are_but_only_when_asked_for(world: World, asker: Any) -> None:
    world.create("lab/\x1b[31m=cmd\ud800", wire={"downloads": "many", "createdAt": "yesterday"})
    (row,) = asker.rows(f"{LISTING}?expand=downloads")
    assert row["id"] == "lab/\x1b[31m=cmd\ud800"
    assert row["downloads"] == "many"
    assert "createdAt" not in row


def test_a_switch_adds_the_sort_field_to_expanded_rows(world: World, serve: Callable[..., Any]) -> None:
    world.create("lab/a")
    _, asker = serve(rules=Rules(sort_field_added=True))
    assert set(asker.rows(f"{LISTING}?expand=downloads")[0]) == {"_id", "id", "downloads", "trendingScore"}


def test_bases_follow_a_renamed_model_and_name_one_the_hub_does_not_hold(world: World, asker: Any) -> None:
    base = world.create("old/base")
    world.rename(base, "new/base")
    world.create("lab/by-key", bases=(Base("old/base", "merge", base), Base("other/gone", "merge", "f" * 24)))
    world.create("lab/by-name", bases=(Base("old/base", "adapter"), Base("other/never", "adapter")))
    rows = {row["id"]: row.get("baseModels") for row in asker.rows(f"{LISTING}?expand=baseModels")}
    assert rows["lab/by-key"] == {
        "relation": "merge",
        "models": [{"_id": base, "id": "new/base"}, {"_id": "f" * 24, "id": "other/gone"}],
    }
    assert rows["lab/by-name"] == {
        "relation": "adapter",
        "models": [{"_id": base, "id": "new/base"}, {"id": "other/never"}],
    }


# Rows without expand


BARE = {"_id", "id", "modelId", "likes", "trendingScore", "private", "downloads", "tags", "createdAt"} | {
    "pipeline_tag",
    "library_name",
}


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("", set()),
        ("?full=true", {"author", "sha", "lastModified", "gated", "siblings"}),
        ("?filter=transformers", {"author", "sha", "lastModified", "gated", "siblings"}),
    ],
)
def test_rows_without_expand_have_the_shape_of_the_request(
    world: World, asker: Any, query: str, more: set[str]
) -> None:
    world.create("lab/a")
    assert set(asker.rows(LISTING + query)[0]) == BARE | more


# Filters


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("author=lab", ["lab/one", "lab/two"]),
        ("search=TWO", ["lab/two", "other/two"]),
        ("pipeline_tag=fill-mask", ["other/two"]),
        ("filter=gguf", ["lab/two", "other/two"]),
        ("filter=gguf&filter=fill-mask", ["other/two"]),
        ("library=gguf", ["lab/one", "lab/two", "other/two"]),
        ("offset=2&skip=1", ["lab/one", "lab/two", "other/two"]),
    ],
)
def test_filters_choose_and_what_the_hub_ignores_is_ignored(
    world: World, asker: Any, query: str, names: list[str]
) -> None:
    world.create("lab/one")
    world.create("lab/two", tags=("gguf",))
    world.create("other/two", tags=("gguf",), pipeline_tag="fill-mask")
    assert asker.walk(f"{LISTING}?{query}&limit=1") == names


# Order


def test_the_order_is_trending_and_falling_unless_asked_otherwise(world: World, asker: Any) -> None:
    for name, trending, downloads in (("lab/a", 1, 5), ("lab/b", 9, 1), ("lab/c", 4, 7)):
        key = world.create(name, last_30d=downloads)
        world.edit(key, lambda m, score=trending: replace(m, trending=score))  # type: ignore[misc]  # a bound default
    assert asker.walk(LISTING) == ["lab/b", "lab/c", "lab/a"]
    assert asker.walk(f"{LISTING}?sort=downloads") == ["lab/c", "lab/a", "lab/b"]
    assert asker.walk(f"{LISTING}?sort=downloads&direction=-1&limit=1") == ["lab/c", "lab/a", "lab/b"]


@pytest.mark.parametrize("direction", ["1", "-1"])
def test_creation_dates_sort_both_ways_with_ties_by_rising_key(world: World, asker: Any, direction: str) -> None:
    world.create("lab/late", created_at=DAY_ONE + timedelta(days=1))
    world.create("lab/tie-b", created_at=DAY_ONE, hub_key="b" * 24)
    world.create("lab/tie-a", created_at=DAY_ONE, hub_key="a" * 24)
    world.create("lab/unknown", created_at=None)
    walked = asker.walk(f"{LISTING}?sort=createdAt&direction={direction}&limit=1")
    ties, late = ["lab/tie-a", "lab/tie-b"], ["lab/late"]
    assert walked == [*(ties + late if direction == "1" else late + ties), "lab/unknown"]


@pytest.mark.parametrize("field", ["downloads", "likes", "lastModified", "trendingScore"])
def test_rising_order_is_refused_for_what_changes(world: World, asker: Any, field: str) -> None:
    world.create("lab/a")
    assert asker.get(f"{LISTING}?sort={field}&direction=1").status_code == 400
    assert asker.walk(f"{LISTING}?sort={field}") == ["lab/a"]


@pytest.mark.parametrize(
    "query", ["sort=downloadsAllTime", "direction=up", "limit=0", "limit=-1", "limit=many", "limit=1.5", "limit=²"]
)
def test_parameters_that_make_no_sense_are_refused(asker: Any, query: str) -> None:
    assert asker.get(f"{LISTING}?{query}").status_code == 400


# Pages


def test_a_page_holds_a_thousand_rows_and_never_more(world: World, serve: Callable[..., Any]) -> None:
    fill(world, 1001)
    _, clamping = serve()
    _, refusing = serve(rules=Rules(over_limit="refuse"))
    assert [len(page) for page in clamping.pages(LISTING)] == [1000, 1]
    assert len(clamping.rows(f"{LISTING}?limit=5000")) == 1000
    assert refusing.get(f"{LISTING}?limit=1001").status_code == 400
    assert len(refusing.rows(f"{LISTING}?limit=1000")) == 1000


def test_the_whole_hub_is_walked_over_more_than_a_page_of_models_at_the_floor(world: World, asker: Any) -> None:
    old = fill(world, 2100, FLOOR)
    young = world.create("lab/young", created_at=DAY_ONE)
    walked = [row["_id"] for page in asker.pages(OURS) for row in page]
    assert walked == [*sorted(old), young]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_nulls_come_last_and_are_walked_through(world: World, asker: Any, limit: int) -> None:
    for n, downloads in enumerate((5, 5, 0, None, None)):
        world.create(f"lab/{n}", last_30d=downloads)
    world.create("lab/5", wire={"downloads": None})
    assert asker.walk(f"{LISTING}?sort=downloads&limit={limit}") == [f"lab/{n}" for n in range(6)]


def test_the_link_is_absolute_on_the_host_that_was_asked_with_all_other_parameters(world: World, asker: Any) -> None:
    fill(world, 3)
    response = asker.get(
        f"{LISTING}?sort=createdAt&direction=1&limit=2&expand=likes&expand[]=tags&search=m", {"Host": "hub.example:81"}
    )
    link = urlsplit(response.links["next"]["url"])
    query = parse_qs(link.query)
    assert (link.scheme, link.netloc, link.path) == ("http", "hub.example:81", LISTING)
    assert len(query.pop("cursor")) == 1
    assert query == {
        "sort": ["createdAt"],
        "direction": ["1"],
        "limit": ["2"],
        "expand": ["likes"],
        "expand[]": ["tags"],
        "search": ["m"],
    }


@pytest.mark.parametrize(("models", "pages"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2)])
def test_the_last_page_has_no_link_even_when_it_is_full(world: World, asker: Any, models: int, pages: int) -> None:
    fill(world, models)
    assert len(list(asker.pages(f"{LISTING}?limit=2"))) == pages


def test_the_cursor_is_the_filter_of_what_comes_after(world: World, asker: Any) -> None:
    first, *_ = (world.create(f"lab/{n}", last_30d=2) for n in range(2))
    link = asker.get(f"{LISTING}?sort=downloads&limit=1").links["next"]["url"]
    (cursor,) = parse_qs(urlsplit(link).query)["cursor"]
    assert json.loads(base64.b64decode(cursor)) == {
        "$or": [{"downloads": 2, "_id": {"$gt": first}}, {"downloads": {"$lt": 2}}, {"downloads": None}]
    }


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


TIE = {"createdAt": "2026-08-01T00:00:00.000Z", "_id": {"$gt": "a"}}


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%%%",
        "bm90IGpzb24=",
        encoded([]),
        encoded({"$or": []}),
        encoded({"$or": [{"likes": 3, "_id": {"$gt": "a"}}]}),
        encoded({"$or": [{"createdAt": [3], "_id": {"$gt": "a"}}]}),
        encoded({"$or": [{"createdAt": "soon", "_id": {"$gt": "a"}}]}),
        encoded({"$or": [TIE, {"createdAt": {"$lt": TIE["createdAt"]}}]}),
    ],
)
def test_a_bad_cursor_or_one_of_another_order_is_refused(world: World, asker: Any, cursor: str) -> None:
    fill(world, 1)
    response = asker.client.get(LISTING, params={"sort": "createdAt", "direction": "1", "cursor": cursor})
    assert (response.status_code, response.json()) == (400, {"error": "Invalid cursor"})


def test_what_happens_during_a_walk_shows_on_the_pages_that_follow(world: World, asker: Any) -> None:
    keys = fill(world, 6)
    pages = asker.pages(f"{OURS.replace('1000', '2')}")
    seen = [row["id"] for row in next(pages)]
    world.create("lab/born")
    world.delete(keys[0])
    world.rename(keys[3], "lab/renamed")
    world.hide(keys[4])
    world.set_counters(keys[5], 999, 99)
    rest = [row for page in pages for row in page]
    assert seen == ["lab/m00000", "lab/m00001"]
    assert [row["id"] for row in rest] == ["lab/m00002", "lab/renamed", "lab/m00005", "lab/born"]
    assert rest[2]["downloadsAllTime"] == 999


def test_a_row_that_rises_across_the_cursor_is_missed_by_a_walk_by_downloads(world: World, asker: Any) -> None:
    keys = fill(world, 6)
    pages = asker.pages(f"{LISTING}?sort=downloads&limit=2")
    first = [row["id"] for row in next(pages)]
    world.add_downloads(keys[0], 1000)
    assert first + [row["id"] for page in pages for row in page] == [f"lab/m{n:05}" for n in (5, 4, 3, 2, 1)]


def test_the_hub_itself_can_move_the_world_just_before_a_page(world: World, hub: LoopbackHub, asker: Any) -> None:
    fill(world, 4)
    hub.before_page(2, lambda: world.create("lab/new"))
    walk = f"{LISTING}?sort=createdAt&direction=1&limit=2"
    assert asker.walk(walk) == ["lab/m00000", "lab/m00001", "lab/m00002", "lab/m00003", "lab/new"]
    assert asker.walk(walk)[-1] == "lab/new"  # once, not at every second page


def test_twenty_thousand_models_are_walked_whole_while_counters_follow_the_clock(world: World, asker: Any) -> None:
    for n in range(20_000):
        world.create(f"lab/m{n:05}", truth=lambda now, n=n: (n * 100 + now.day, n))  # type: ignore[misc]  # a bound default
    rows = [row for page in asker.pages(OURS.replace("createdAt&direction=1", "downloads")) for row in page]
    assert [row["downloads"] for row in rows] == list(range(19_999, -1, -1))
    assert rows[0]["downloadsAllTime"] == 1_999_901
    world.clock.advance(days=1)
    assert asker.rows(OURS)[0]["downloadsAllTime"] == 2


# What is listed


def test_gated_and_disabled_models_are_listed_with_their_counters(world: World, asker: Any) -> None:
    for name in ("lab/auto", "lab/manual", "lab/disabled"):
        world.create(name, all_time=5)
    world.gate("lab/auto")
    world.gate("lab/manual", "manual")
    world.disable("lab/disabled")
    query = "expand=gated&expand=disabled&expand=downloadsAllTime"
    rows = {
        row["id"]: (row["gated"], row["disabled"], row["downloadsAllTime"]) for row in asker.rows(f"{LISTING}?{query}")
    }
    assert rows == {
        "lab/auto": ("auto", False, 5),
        "lab/manual": ("manual", False, 5),
        "lab/disabled": (False, True, 5),
    }


def test_private_models_are_listed_to_their_owners_token_alone(world: World, serve: Callable[..., Any]) -> None:
    key = world.create("lab/a")
    world.hide(key, shown_to=("hf_owner",))
    _, asker = serve(tokens={"hf_owner": 1000, "hf_other": 1000})
    shown = {
        token: asker.get(f"{LISTING}?expand=private", {"Authorization": f"Bearer {token}"}).json()
        for token in ("hf_owner", "hf_other")
    }
    assert shown == {"hf_owner": [{"_id": key, "id": "lab/a", "private": True}], "hf_other": []}
    assert asker.rows(LISTING) == []
    world.show(key)
    assert asker.walk(LISTING) == ["lab/a"]

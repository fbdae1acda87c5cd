"""One model at a time, who may see it, and where old names lead (hub-api reference, sections 3 and 10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from collector.demo.wire import DETAIL_NAMES
from collector.demo.world import World
from collector.model import Base

ONE = "/api/models"
OWNER = {"Authorization": "Bearer hf_owner"}


@pytest.fixture
def ask(serve: Callable[..., Any]) -> Any:
    return serve(tokens={"hf_owner": 1000})[1]


def test_the_plain_answer_leaves_out_what_must_be_asked_for(world: World, ask: Any) -> None:
    key = world.create("lab/a", all_time=90, last_30d=9, tags=("en",), bases=(Base("x/y", "finetune"),))
    row = ask.get(f"{ONE}/lab/a").json()
    assert (row["_id"], row["id"], row["modelId"], row["downloads"], row["tags"]) == (key, "lab/a", "lab/a", 9, ["en"])
    assert row["createdAt"] == "2026-09-01T00:00:00.000Z"
    assert row["model-index"] is None
    assert not {"downloadsAllTime", "trendingScore", "childrenModelCount", "baseModels"} & set(row)


def test_expand_gives_what_the_listing_gives_and_the_two_names_of_the_detail_route(world: World, ask: Any) -> None:
    key = world.create("lab/a", all_time=90)
    world.create("x/q", bases=(Base("lab/a", "quantized"),))
    world.create("x/r", bases=(Base("old/name", "quantized", key),))
    world.create("x/f", bases=(Base("lab/a", None),))
    answer = ask.get(f"{ONE}/lab/a?expand=downloadsAllTime&expand[]=childrenModelCount&expand=usedStorage")
    assert answer.json() == {
        "_id": key,
        "id": "lab/a",
        "downloadsAllTime": 90,
        "childrenModelCount": {"quantized": 2, "finetune": 1},
        "usedStorage": 0,
    }
    refused = ask.get(f"{ONE}/lab/a?expand=nothing")
    assert refused.status_code == 400
    assert all(f'"{name}"' in refused.json()["error"] for name in DETAIL_NAMES)


def test_a_revision_is_known_or_not_found(world: World, ask: Any) -> None:
    world.create("lab/a")
    sha = ask.get(f"{ONE}/lab/a").json()["sha"]
    assert [ask.get(f"{ONE}/lab/a/revision/{rev}").status_code for rev in ("main", sha)] == [200, 200]
    unknown = ask.get(f"{ONE}/lab/a/revision/%0d%0aX-Evil:1")
    assert (unknown.status_code, unknown.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    assert "X-Evil" not in unknown.headers


def test_an_old_name_leads_on_with_a_relative_address_and_the_query(world: World, ask: Any) -> None:
    key = world.create("old/name")
    world.rename("old/name", "new/náme")
    answer = ask.get(f"{ONE}/old/name/revision/main?expand=likes&expand=tags")
    there = f"{ONE}/new/n%C3%A1me/revision/main?expand=likes&expand=tags"
    assert (answer.status_code, answer.headers["Location"]) == (307, there)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text == f"Temporary Redirect. Redirecting to {there}"
    assert ask.get(there).json()["_id"] == key


@pytest.mark.parametrize("name", ["LAB/Model", "model"])
def test_the_wrong_case_and_a_legacy_name_lead_to_the_model(world: World, ask: Any, name: str) -> None:
    world.create("lab/model")
    world.redirect("model", "lab/model")
    assert ask.get(f"{ONE}/{name}").headers["Location"] == f"{ONE}/lab/model"


def test_a_chain_of_renames_leads_to_the_present_name_at_once(world: World, ask: Any) -> None:
    world.create("a/1")
    world.rename("a/1", "a/2")
    world.rename("a/2", "b/3")
    assert ask.get(f"{ONE}/a/1").headers["Location"] == f"{ONE}/b/3"


def test_a_redirect_may_end_at_another_model(world: World, ask: Any) -> None:
    gone = world.create("runway/sd")
    other = world.create("sd/sd")
    world.delete(gone)
    world.redirect("runway/sd", other)
    landed = ask.get(ask.get(f"{ONE}/runway/sd").headers["Location"]).json()
    assert landed["_id"] == other != gone


def test_an_old_name_may_be_borne_by_a_new_model(world: World, ask: Any) -> None:
    first = world.create("lab/a")
    world.rename(first, "lab/b")
    second = world.create("lab/a")
    assert ask.get(f"{ONE}/lab/a").json()["_id"] == second
    assert ask.get(f"{ONE}/lab/b").json()["_id"] == first


@pytest.mark.parametrize("name", ["missing", "private", "PRIVATE", "leads-to-private", "leads-nowhere"])
def test_the_anonymous_cannot_tell_missing_from_private(world: World, ask: Any, name: str) -> None:
    hidden, deleted = world.create("lab/private"), world.create("lab/deleted")
    world.redirect("lab/leads-to-private", hidden)
    world.redirect("lab/leads-nowhere", deleted)
    world.hide(hidden)
    world.delete(deleted)
    answer = ask.get(f"{ONE}/lab/{name}")
    assert answer.status_code == 401
    assert answer.json() == {"error": "Invalid username or password."}
    assert answer.headers["X-Error-Message"] == "Invalid username or password."
    assert "X-Error-Code" not in answer.headers


def test_with_a_token_what_it_may_not_see_is_not_found(world: World, ask: Any) -> None:
    world.create("lab/hidden")
    world.hide("lab/hidden")
    world.create("lab/own")
    world.hide("lab/own", shown_to=("hf_owner",))
    for name in ("lab/hidden", "lab/missing"):
        answer = ask.get(f"{ONE}/{name}", OWNER)
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RepoNotFound")
        assert answer.json() == {"error": "Repository not found"}
    assert ask.get(f"{ONE}/lab/own", OWNER).json()["private"] is True


@pytest.mark.parametrize("path", [ONE, f"{ONE}/lab/a", "/api/whatever"])
@pytest.mark.parametrize("header", ["Bearer hf_wrong", "Bearer", "Basic aGY6aGY="])
def test_a_bad_token_is_refused_everywhere(world: World, ask: Any, path: str, header: str) -> None:
    world.create("lab/a")
    answer = ask.get(path, {"Authorization": header})
    assert answer.status_code == 401
    assert "Invalid credentials in Authorization header" in answer.json()["error"]


def test_gated_and_disabled_models_are_described_to_everyone(world: World, ask: Any) -> None:
    world.create("lab/gated", last_30d=4)
    world.gate("lab/gated", "manual")
    world.create("lab/disabled", last_30d=5)
    world.disable("lab/disabled")
    gated, disabled = (ask.get(f"{ONE}/lab/{name}") for name in ("gated", "disabled"))
    assert (gated.status_code, gated.json()["gated"], gated.json()["downloads"]) == (200, "manual", 4)
    assert (disabled.status_code, disabled.json()["disabled"], disabled.json()["downloads"]) == (200, True, 5)


@pytest.mark.parametrize("path", ["/", "/api/agent-harnesses", "/api/datasets", f"{ONE}/a/b/c", "/lab/a"])
def test_unknown_paths_are_not_found(ask: Any, path: str) -> None:
    assert ask.get(path).status_code == 404

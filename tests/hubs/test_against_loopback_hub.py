"""Our client and the official one read the loopback hub, and come to the same."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from huggingface_hub import HfApi
from huggingface_hub.hf_api import ExpandModelProperty_T

from collector.demo import faults
from collector.demo.hub import LoopbackHub
from collector.demo.world import Clock, HubModel, World
from collector.errors import CursorRefused, HubError
from collector.hubs.huggingface import HuggingFace, HuggingFaceSettings, make
from collector.model import CREATED_AT_FLOOR, Base, Observation, Page, PollPlan, to_seconds
from tests.hubs.scripted import Clock as FakeClock
from tests.pages import observations

START = datetime(2026, 9, 1, 0, 5, tzinfo=UTC)
FLOOR = datetime.fromtimestamp(CREATED_AT_FLOOR, UTC)
ALL = PollPlan("all")
COUNTERS: list[ExpandModelProperty_T] = [
    "downloads",
    "downloadsAllTime",
    "likes",
    "createdAt",
    "private",
    "pipeline_tag",
    "library_name",
]


def a_world() -> World:
    """2,500 models: 1,200 at the floor of creation dates, some without counters, one at zero, bases and renames."""
    world = World(Clock(START))
    for n in range(2_500):
        created = FLOOR if n < 1_200 else FLOOR + timedelta(hours=n)
        all_time = None if n % 97 == 0 else n * n
        bases = (Base("qwen/model-1", "finetune", None),) if n % 10 == 9 else ()
        world.create(f"qwen/model-{n}", all_time=all_time, last_30d=n % 700, created_at=created, likes=n, bases=bases)
    world.create("gpt2", all_time=None, last_30d=None, created_at=None, pipeline_tag=None, library_name=None)
    world.create("merge/of-two", tags=("base_model:merge:a/x", "base_model:a/x", "base_model:merge:b/y"))
    world.rename("qwen/model-7", "alibaba/model-seven")
    world.gate("qwen/model-8")
    world.disable("qwen/model-10")
    world.hide("qwen/model-11", shown_to=("hf_owner",))
    return world


@dataclass
class Loopback:
    """A hub that runs, and clients for it."""

    hub: LoopbackHub

    def client(self, plan: PollPlan = ALL, token: str | None = None) -> HuggingFace:
        settings = HuggingFaceSettings(self.hub.url, 5, token)
        waits = FakeClock()
        return make(settings, plan, self.hub.world.clock.now, waits, logging.getLogger("hub"), waits.monotonic)

    def walk(self, plan: PollPlan = ALL, token: str | None = None) -> list[Page]:
        client = self.client(plan, token)
        pages = [client.page(None)]
        while (cursor := pages[-1].next_cursor) is not None:
            pages.append(client.page(cursor))
        return pages


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with LoopbackHub(a_world(), tokens={"hf_owner": 1000}) as hub:
        yield Loopback(hub)


def rows(pages: list[Page]) -> list[Observation]:
    return [observation for page in pages for observation in observations(page)]


def truth(model: HubModel) -> tuple[object, ...]:
    created = None if model.created_at is None else to_seconds(model.created_at)
    return (model.hub_key, model.name, model.all_time, model.last_30d, model.likes, created, model.pipeline_tag)


def test_a_walk_of_the_whole_hub_reads_every_public_model_once(loopback: Loopback) -> None:
    pages = loopback.walk()
    public = [model for model in loopback.hub.world if not model.private]
    assert len(pages) == 3
    assert len(rows(pages)) == len(public) == 2_501
    assert {row[:7] for row in rows(pages)} == {truth(model) for model in public}
    assert sum(page.rows_skipped + page.retries for page in pages) == 0


def test_a_private_model_that_a_token_shows_is_dropped(loopback: Loopback) -> None:
    assert rows(loopback.walk(token="hf_owner")) == rows(loopback.walk())
    assert loopback.hub.requests[0].headers["authorization"] == "Bearer <token 1>"


def test_the_top_walk_begins_with_the_most_downloaded(loopback: Loopback) -> None:
    first = observations(loopback.client(PollPlan("top", 1000)).page(None))
    downloads = sorted((model.last_30d or 0 for model in loopback.hub.world if not model.private), reverse=True)
    assert [row.downloads_30d for row in first] == downloads[:1000]


def test_lineage_comes_from_the_declaration_or_from_the_tags(loopback: Loopback) -> None:
    bases = {row.name: row.bases for row in rows(loopback.walk())}
    assert [(base.name, base.relation) for base in bases["qwen/model-19"]] == [("qwen/model-1", "finetune")]
    assert bases["merge/of-two"] == (Base("a/x", "merge"), Base("b/y", "merge"))
    assert bases["qwen/model-1"] == ()


def test_the_official_client_lists_the_same_models_with_the_same_figures(loopback: Loopback) -> None:
    api = HfApi(endpoint=loopback.hub.url, token=False)
    official = {
        (
            m.__dict__["_id"],
            m.id,
            m.downloads_all_time,
            m.downloads,
            m.likes,
            m.created_at,
            m.pipeline_tag,
            m.library_name,
        )
        for m in api.list_models(sort="created_at", expand=COUNTERS)
    }
    ours = {
        (*row[:5], None if row.created_at is None else datetime.fromtimestamp(row.created_at, UTC), *row[6:8])
        for row in rows(loopback.walk())
    }
    assert ours == official


PASSING = {
    "503": faults.status(503),
    "reset": faults.reset(),
    "truncated": faults.truncated(),
    "invalid JSON": faults.invalid_json(),
    "HTML": faults.html(),
    "object": faults.object_body(),
    "malformed row": faults.malformed_row(),
    "repeated row": faults.repeated_row(),
    "retry after": faults.retry_after(1),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_fault_on_any_page_changes_nothing_of_what_is_read(fault: faults.Fault, loopback: Loopback) -> None:
    expected = rows(loopback.walk())
    loopback.hub.faults.on_page(2, fault)
    assert list(dict.fromkeys(rows(loopback.walk()))) == expected


def test_a_link_to_another_host_or_to_itself_ends_the_poll(loopback: Loopback) -> None:
    for fault in (faults.next_elsewhere("http://127.0.0.2:1"), faults.next_loop()):
        loopback.hub.faults.on_page(2, fault)
        with pytest.raises(HubError, match="link to the next page is refused"):
            loopback.walk()


def test_a_refused_cursor_is_told_from_other_errors(loopback: Loopback) -> None:
    loopback.hub.faults.on_page(2, faults.cursor_refused())
    with pytest.raises(CursorRefused):
        loopback.walk()

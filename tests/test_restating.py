"""Months in which only what is said of models changed: which these are, and that they are restated a few at a time.

The law: a month that does not wait says what is worked out from nothing; in the end all months do, to the byte.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from collector import counting, restating, rollup
from collector.figuring import are_current
from collector.looking import look
from collector.model import Base, Observation, Page, PollPlan, Scope, month_window
from collector.origins.knowledge import load_knowledge
from collector.reporting import Asked, window_report
from collector.restating import in_turn
from collector.store import hubwide, lineages, queries, waiting
from collector.store.bulk import FileReadings, ImportReading
from collector.store.database import Database, upgrade
from collector.store.derived import Derived
from collector.store.imports import ImportStore, Provenance
from collector.store.polls import PollStore
from collector.store.queries import Hub
from collector.store.schema import metadata, publisher_share

START = datetime(2026, 8, 20, 0, 5, tzinfo=UTC)
# More than 30 days before anything is read: a later creation also changes what is estimated before that.
EARLY, SPRING, JULY = (datetime(2026, month, 3, tzinfo=UTC) for month in (1, 3, 7))
PAUSE = timedelta(days=9)  # between polls: four of them touch two or three months
SCOPES = (
    Scope("all"),
    Scope("llm", pipeline_tags=frozenset({"text-generation"}), created_after=datetime(2026, 2, 1, tzinfo=UTC).date()),
    Scope("originals", exclude_relations=frozenset({"quantized"})),
)
#: The tables of a month by the names of its columns, and what a report says beside them.
OF_A_MONTH = ("country_share", "family_share", "group_share", "derivative_share", "month_figures")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@dataclass(frozen=True)
class Said:
    """What the hub says of a model beside its counters."""

    name: str
    task: str | None = "text-generation"
    created: datetime | None = EARLY
    library: str | None = None
    bases: tuple[Base, ...] = ()


_knowledge = lru_cache(None)(lambda: load_knowledge(None))


class World:
    """A hub that is polled and rolled up; the number of a model is its key."""

    def __init__(self, db: Database) -> None:
        self.db, self.knowledge, self.polls = db, _knowledge(), PollStore(db)
        self.hub = Hub(self.polls.hub_id("huggingface", "http://127.0.0.1:1"), "huggingface", "")
        self.models: dict[int, Said] = {}
        self.at = START

    def poll(self, models: Mapping[int, Said] | None = None) -> None:
        """A poll of the whole hub, some days after the last one, with these models new or described anew."""
        self.models |= models or {}
        days = (self.at - START).days
        rows = tuple(
            Observation(
                f"key{number}",
                said.name,
                1000 * number + days * (number % 4),  # every fourth stands still
                60,
                0,
                None if said.created is None else int(said.created.timestamp()),
                said.task,
                said.library,
                said.bases,
            )
            for number, said in sorted(self.models.items())
        )
        running = self.polls.start_poll(self.hub.id, PollPlan("all"), self.at)
        self.polls.finish_poll(self.polls.write_page(running, Page(self.at, rows, None)), self.at)
        self.at += PAUSE

    def roll_up(self, most_restated: int | None = None) -> list[str]:
        return rollup.refresh(self.db, self.hub, self.knowledge, SCOPES, most_restated)

    def waiting(self) -> dict[str, int]:
        with self.db.connect() as connection:
            return waiting.waiting(connection, self.hub.id)

    def is_current(self, label: str) -> bool:
        return are_current(self.db, self.hub, month_window(label), self.knowledge, SCOPES, look(self.db, self.hub))

    def months(self) -> dict[str, list[Any]]:
        """What is stored of each month."""
        found: dict[str, list[Any]] = {}
        with self.db.connect() as connection:
            for name in OF_A_MONTH:
                table = metadata.tables[name]
                for row in connection.execute(select(table).order_by(*table.primary_key)):
                    found.setdefault(row._mapping["window"], []).append((name, *row))
            for row in connection.execute(select(publisher_share).order_by(*publisher_share.primary_key)):
                month = row._mapping["month"]
                found.setdefault(f"{month // 100}-{month % 100:02}", []).append(("publisher_share", *row))
        return found

    def from_nothing(self) -> dict[str, list[Any]]:
        """The same after everything was dropped and worked out again."""
        Derived(self.db).clear()
        self.roll_up()
        return self.months()


@pytest.fixture
def world(empty: Path, tmp_path: Path) -> Iterator[World]:
    """Four models polled over three months, rolled up."""
    shutil.copy(empty, tmp_path / "c.db")
    with Database.open(f"sqlite:///{tmp_path / 'c.db'}", write=True) as db:
        made = World(db)
        made.poll({number: Said(name) for number, name in enumerate(FOUR, 1)})
        for _ in range(5):
            made.poll()
        assert made.roll_up() == ALL
        yield made


FOUR = ("Qwen/Qwen3-8B", "who/Qwen3-8B-GGUF", "mistralai/Mistral-7B-v0.1", "who/quiet")
ALL = ["2026-07", "2026-08", "2026-09", "2026-10"]
OLD = ALL[:-1]  #: months that the next poll does not touch


# --- what a description changes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (1, {"library": "transformers"}),
        (1, {"created": EARLY + timedelta(days=9)}),  # before all months, and before the day that a scope names
        (3, {"bases": (Base("mistralai/Mistral-7B-v0.1", None, None),)}),  # of itself
    ],
)
def test_what_enters_no_figure_leaves_all_months_as_they_are(world: World, number: int, change: dict[str, Any]) -> None:
    world.poll({number: replace(world.models[number], **change)})
    world.roll_up(0)
    assert world.waiting() == {}
    assert world.months() == world.from_nothing()


def test_a_task_that_no_scope_tells_from_the_one_before_leaves_all_months_as_they_are(world: World) -> None:
    world.poll({1: replace(world.models[1], task="summarization")})
    world.roll_up(0)
    assert world.waiting() == {}, "created before the day that the only scope with tasks names"
    assert world.months() == world.from_nothing()


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (1, {"name": "Qwen/Qwen3-8B-renamed"}),
        (1, {"name": "meta-llama/Llama-3.1-8B"}),
        (1, {"created": SPRING}),  # a scope takes it in
        (3, {"bases": (Base("Qwen/Qwen3-8B", "finetune", None),)}),
        (2, {"bases": (Base("Qwen/Qwen3-8B", "finetune", None),)}),  # the same root, but another relation to it
    ],
)
def test_what_enters_figures_has_the_months_wait_in_which_the_model_counts(
    world: World, number: int, change: dict[str, Any]
) -> None:
    before = world.months()
    world.poll({number: replace(world.models[number], **change)})
    assert not {*OLD} & {*world.roll_up(0)}
    assert [*world.waiting()] == OLD
    assert {month: rows for month, rows in world.months().items() if month in OLD} == {
        month: before[month] for month in OLD
    }, "they keep their shares meanwhile"
    assert not any(map(world.is_current, OLD))
    assert world.is_current("2026-10")
    assert world.roll_up() == OLD
    assert world.waiting() == {}
    assert world.months() == world.from_nothing()


def test_a_new_model_that_was_created_long_ago_leaves_the_month_of_its_creation_as_it_is(world: World) -> None:
    world.poll({9: Said("late/one", created=JULY)})
    world.roll_up(0)
    assert world.waiting() == {}
    assert world.months() == world.from_nothing()


def test_another_creation_has_the_month_wait_in_which_it_was_and_the_one_in_which_it_is(world: World) -> None:
    quiet = replace(world.models[4], task=None)  # in no scope that asks for a creation
    world.poll({4: quiet})
    world.roll_up()
    for created in (JULY, EARLY):
        world.poll({4: replace(quiet, created=created)})
        world.roll_up(0)
        assert "2026-07" in world.waiting()
        world.roll_up()
        assert world.months() == world.from_nothing()


def test_whoever_leads_to_a_name_that_moves_to_another_account_counts_for_the_account_of_the_time(world: World) -> None:
    derived = Said("who/tuned", bases=(Base("mistralai/new", "finetune", None),))
    world.poll({5: derived})
    world.poll()
    world.roll_up()
    world.poll({4: replace(world.models[4], name="mistralai/new")})  # which was a name that nobody bore
    world.roll_up(1)
    assert world.waiting()
    world.roll_up()
    assert world.months() == world.from_nothing()


# --- what a creation changes before a first reading -------------------------------------------------------------------


def downloads(world: World) -> list[Any]:
    with world.db.connect() as connection:
        query = "SELECT model_id, month, downloads, estimated FROM model_month WHERE model_id = 1 ORDER BY month"
        return [tuple(row) for row in connection.exec_driver_sql(query)]


@pytest.mark.parametrize("created", [START - timedelta(days=25), START - timedelta(days=2)])
def test_a_creation_that_is_told_when_a_poll_adopts_what_a_file_said_is_heard_by_the_months_before(
    empty: Path, tmp_path: Path, created: datetime
) -> None:
    shutil.copy(empty, tmp_path / "c.db")
    with Database.open(f"sqlite:///{tmp_path / 'c.db'}", write=True) as db:
        at = [int((START + n * PAUSE).timestamp()) for n in range(2)]
        read = (ImportReading(n, "new/one", at[n], 5000 + n, 900, None) for n in range(2))
        ImportStore(db).import_readings(
            "huggingface", Provenance("dump.csv", f"{7:064}", "", "", at[1]), FileReadings.of(read)
        )
        world = World(db)
        world.at = START + 2 * PAUSE
        world.roll_up()
        world.poll({6: Said("new/one", created=created)})
        world.roll_up()
        heard = downloads(world)
        assert world.months() == world.from_nothing()
        counting.forget(db, world.hub, month_window("2026-07"))
        counting.forget(db, world.hub, month_window("2026-08"))
        world.roll_up()
        assert downloads(world) == heard


# --- how many are restated, and which ---------------------------------------------------------------------------------


def test_months_are_restated_by_how_long_they_wait_of_equals_the_latest_first() -> None:
    since = {"2026-06": 20, "2026-07": 10, "2026-08": 20, "2026-09": 10}
    assert in_turn(since, None) == ["2026-09", "2026-07", "2026-08", "2026-06"]
    assert in_turn(since, 1) == ["2026-09"]
    assert in_turn(since, 0) == in_turn({}, 3) == []


def test_each_roll_up_restates_a_few_until_none_waits_and_a_new_reason_begins_the_wait_anew(world: World) -> None:
    world.poll({1: replace(world.models[1], name="Qwen/other")})
    assert world.roll_up(1)[0] == "2026-09"
    first = world.waiting()
    assert [*first] == ["2026-07", "2026-08"]
    world.poll({1: replace(world.models[1], name="Qwen/a-third")})
    assert world.roll_up(1)[0] == "2026-08", "it has waited longer than September"
    later = world.waiting()
    assert [*later] == ["2026-07", "2026-09"]
    assert later["2026-07"] == first["2026-07"] < later["2026-09"]
    assert [world.roll_up(1) for _ in range(3)] == [["2026-07"], ["2026-09"], []]
    assert world.months() == world.from_nothing()


def test_a_month_with_other_readings_is_worked_out_at_once_and_waits_no_more(world: World) -> None:
    world.poll({1: replace(world.models[1], name="Qwen/other")})
    world.roll_up(0)
    assert "2026-08" in world.waiting()
    with world.db.begin() as connection:
        connection.exec_driver_sql("UPDATE month_build SET content = 'of other readings' WHERE month = 202608")
    assert world.roll_up(0) == ["2026-08", "2026-09"], "the share of the month before is a column of each"
    assert [*world.waiting()] == ["2026-07"]


def test_other_scopes_redo_all_months_at_once(world: World) -> None:
    world.poll({1: replace(world.models[1], name="Qwen/other")})
    world.roll_up(0)
    assert rollup.refresh(world.db, world.hub, world.knowledge, SCOPES[:1], 0)[: len(OLD)] == OLD
    assert world.waiting() == {}


def test_a_month_without_shares_does_not_wait(world: World) -> None:
    waiting.let_wait(world.db, world.hub.id, ["2025-01", "2026-08"], 5)
    waiting.let_wait(world.db, world.hub.id, ["2026-08"], 7)
    assert world.waiting() == {"2026-08": 5}


def test_after_a_roll_up_that_was_killed_before_it_noted_what_waits_all_months_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    world.poll({1: replace(world.models[1], name="meta-llama/Llama-3.1-8B")})
    monkeypatch.setattr(rollup, "let_wait", killed)
    with pytest.raises(KeyboardInterrupt):
        world.roll_up()
    monkeypatch.undo()
    assert not lineages.has_todo(world.db, world.hub.id), "the list was struck off: it tells nothing any more"
    world.roll_up(0)
    assert [*world.waiting()] == OLD
    world.roll_up()
    assert world.months() == world.from_nothing()


def test_what_a_poll_beside_says_of_a_model_has_its_months_wait_for_they_may_have_been_read_before_or_after(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = hubwide.after

    def and_then_a_page(*asked: Any) -> Any:
        monkeypatch.undo()
        world.poll({1: replace(world.models[1], name="meta-llama/Llama-3.1-8B")})
        return after(*asked)

    monkeypatch.setattr(hubwide, "after", and_then_a_page)
    world.poll()
    world.roll_up()
    assert [*world.waiting()][: len(OLD)] == OLD
    world.models[1] = replace(world.models[1], name=FOUR[0])  # before the next roll-up it bears its old name again
    world.poll()
    world.roll_up()
    assert world.months() == world.from_nothing()


def test_the_status_says_whether_readings_wait_for_a_roll_up_and_which_months_wait(world: World) -> None:
    def status() -> tuple[bool, list[str]]:
        (hub,) = queries.status(world.db).hubs
        return hub.is_rolled_up, [*hub.waiting]

    assert status() == (True, [])
    world.poll({1: replace(world.models[1], name="Qwen/other")})
    assert status() == (False, [])
    world.roll_up(1)
    assert status() == (True, ["2026-07", "2026-08"])
    world.roll_up()
    assert status() == (True, [])


def test_a_report_names_the_earlier_months_whose_shares_in_its_chart_are_from_before(world: World) -> None:
    def waiting(label: str) -> tuple[str, ...]:
        asked = Asked(world.hub, SCOPES, "base", 10)
        return window_report(world.db, asked, month_window(label), world.knowledge).waiting

    assert waiting("2026-10") == ()
    world.poll({1: replace(world.models[1], name="meta-llama/Llama-3.1-8B")})
    world.roll_up(0)
    assert waiting("2026-10") == ("2026-07", "2026-08", "2026-09")
    assert waiting("2026-08") == ("2026-07",), "a month stands in its own report as it is worked out now"
    world.roll_up()
    assert waiting("2026-10") == ()


# --- the law ----------------------------------------------------------------------------------------------------------

names = st.sampled_from(
    [*FOUR, "Qwen/Qwen3-8B-GGUF", "meta-llama/Llama-3.1-8B", "who/Llama-3.1-8B-tuned", "mistralai/new", "copy/merge"]
)
bases = st.lists(
    st.builds(Base, names, st.sampled_from([None, "finetune", "quantized"]), st.sampled_from([None, "key1", "key3"])),
    max_size=2,
).map(tuple)
said = st.builds(
    Said,
    names,
    st.sampled_from(["text-generation", "summarization", None]),
    st.sampled_from([None, EARLY, SPRING, JULY, START - timedelta(days=5), START + timedelta(days=20)]),
    st.sampled_from([None, "transformers"]),
    bases,
)
days = st.lists(st.tuples(st.integers(1, 6), said), max_size=3).map(dict)


@settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to make what fails smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(days, st.sampled_from([None, 0, 1, "no roll-up"])), min_size=3, max_size=9))
def test_a_month_that_does_not_wait_says_what_is_worked_out_from_nothing(
    empty: Path, tmp_path: Path, drawn: Iterable[tuple[dict[int, Said], Any]]
) -> None:
    shutil.copy(empty, tmp_path / "drawn.db")
    with Database.open(f"sqlite:///{tmp_path / 'drawn.db'}", write=True) as db:
        world = World(db)
        world.poll({1: Said(FOUR[0]), 2: Said(FOUR[1]), 3: Said(FOUR[2])})
        for changes, most_restated in drawn:
            world.poll(changes)
            if most_restated != "no roll-up":
                world.roll_up(most_restated)
        world.roll_up(0)
        kept, waits = world.months(), world.waiting()
        world.roll_up()
        restated, right = world.months(), world.from_nothing()
        assert restated == right
        assert {month: kept[month] for month in kept if month not in waits} == {
            month: right[month] for month in kept if month not in waits
        }


def test_the_rule_says_of_every_model_whether_a_month_can_tell(world: World) -> None:
    """Without a database: what is said before and after, model by model."""
    known = hubwide.from_rows(world.db, world.hub.id)
    other = replace(known, created_at=np.where(known.model_id == 2, known.created_at + 1, known.created_at))
    told = restating.told_otherwise(known, other, known.model_id, SCOPES)
    assert (told.counted.tolist(), told.created.tolist()) == ([], [2])
    told = restating.told_otherwise(known.at(known.model_id[:2] - 1), known, known.model_id, SCOPES)
    assert (told.counted.tolist(), told.created.tolist()) == ([3, 4], [3, 4])

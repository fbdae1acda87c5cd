"""Polls as they are kept: page by page, killed anywhere, judged at their end."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.engine import Engine

from collector.model import CREATED_AT_FLOOR, DAY, Base, Observation, Page, PollPlan, month_window, to_seconds
from collector.store import lineages, marks
from collector.store import readings as facts
from collector.store.check import check
from collector.store.database import Database
from collector.store.imports import ImportReading, ImportStore, Provenance
from collector.store.polls import FinishedPoll, PollStore, RunningPoll
from collector.store.schema import (
    hub,
    kind,
    metadata,
    model,
    model_base,
    model_name,
    model_state,
    observation,
    origin_todo,
    poll,
)
from collector.store.timing import SECONDS
from collector.store.wording import BASE, DECLARATIONS, MODEL_WITH_KIND

START = datetime(2026, 9, 1, 0, 5, tzinfo=UTC)
ALL = PollPlan("all")
CREATED = CREATED_AT_FLOOR + DAY


def seen(
    key: str, total: int | None, rolling: int | None = None, name: str | None = None, bases: tuple[Base, ...] = ()
) -> Observation:
    return Observation(key, name or f"account-{key}/model", total, rolling, 1, CREATED, "text-generation", None, bases)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def at(number: float) -> int:
    return to_seconds(day(number))


class Polling:
    """A hub polled by hand, on days of its own."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.store = PollStore(db)
        self.hub = self.store.hub_id("huggingface", "https://hub.example")

    def start(self, on: float, plan: PollPlan = ALL) -> RunningPoll:
        return self.store.start_poll(self.hub, plan, day(on))

    def page(self, running: RunningPoll, *rows: Observation, when: float, then: str | None = None) -> RunningPoll:
        return self.store.write_page(running, Page(day(when), rows, then))

    def poll(
        self, on: float, *pages: Sequence[Observation], plan: PollPlan = ALL, clock: float | None = None
    ) -> FinishedPoll:
        running = self.start(on, plan)
        for number, rows in enumerate(pages):
            more = None if number == len(pages) - 1 else f"page {number + 1}"
            running = self.page(running, *rows, when=on if clock is None else clock, then=more)
        return self.store.finish_poll(running, day(on) + timedelta(minutes=1))

    def rows(self, table: Any, *columns: str, **equal: Any) -> list[tuple[Any, ...]]:
        names = columns or tuple(column.name for column in table.columns)
        query = select(*(table.c[name] for name in names)).where(
            *(table.c[name] == value for name, value in equal.items())
        )
        with self.db.connect() as conn:
            return sorted((tuple(row) for row in conn.execute(query)), key=repr)

    def kinds(self) -> list[tuple[Any, ...]]:
        """Key, task and library of every model, by number."""
        query = select(model.c.hub_key, kind.c.pipeline_tag, kind.c.library_name).select_from(MODEL_WITH_KIND)
        with self.db.connect() as conn:
            return [tuple(row) for row in conn.execute(query.order_by(model.c.id))]

    def declared(self) -> list[tuple[Any, ...]]:
        """Position, base and the poll that saw it first, of every declaration."""
        query = select(model_base.c.position, *BASE, model_base.c.poll_id).select_from(DECLARATIONS)
        with self.db.connect() as conn:
            return [(row[0], Base(*row[1:4]), row[4]) for row in conn.execute(query.order_by(model_base.c.position))]

    def model_id(self, key: str) -> int:
        return int(self.rows(model, "id", hub_key=key)[0][0])

    def state(self, key: str) -> dict[str, Any]:
        names = [column.name for column in model_state.columns]
        return dict(zip(names, self.rows(model_state, model_id=self.model_id(key))[0], strict=True))

    def readings(self, key: str) -> list[tuple[int, int | None, int | None, int | None]]:
        """Instant (as a day), counter, span and delta of every stored reading, by time and poll."""
        query = (
            select(poll.c.started_at + observation.c.seconds, observation)
            .join_from(observation, poll)
            .where(observation.c.model_id == self.model_id(key))
        )
        with self.db.connect() as conn:
            found = sorted(conn.execute(query).all(), key=lambda row: (row[0], row.poll_id))
        return [
            ((row[0] - at(0)) // DAY, row.downloads_all_time, row.span_seconds and row.span_seconds // DAY, row.delta)
            for row in found
        ]


@pytest.fixture
def polling(db: Database) -> Polling:
    return Polling(db)


# --- hubs and plans -------------------------------------------------------------------------------------------------


def test_a_hub_keeps_its_number_when_its_address_changes(polling: Polling) -> None:
    assert polling.store.hub_id("huggingface", "https://other.example") == polling.hub
    assert polling.rows(hub, "name", "endpoint") == [("huggingface", "https://other.example")]
    assert polling.store.hub_id("modelscope", "https://third.example") != polling.hub


def test_the_last_unfinished_poll_of_the_day_and_plan_is_found_again(polling: Polling) -> None:
    polling.start(0)
    running = polling.page(polling.start(0.5), seen("a", 1), when=0.5, then="page 1")
    assert polling.store.unfinished_poll(polling.hub, ALL, day(0.6)) == running
    assert (running.cursor, running.pages, running.models_listed, running.started_at) == ("page 1", 1, 1, at(0.5))
    assert polling.store.unfinished_poll(polling.hub, PollPlan("top", 5), day(0.6)) is None
    assert polling.store.unfinished_poll(polling.hub, ALL, day(1.6)) is None
    assert polling.store.unfinished_poll(polling.hub, ALL, day(-0.4)) is None


def test_a_poll_that_began_after_now_is_not_gone_on_with(polling: Polling) -> None:
    running = polling.start(0.5)
    found = [polling.store.unfinished_poll(polling.hub, ALL, day(when)) for when in (0.5, 0.4)]
    assert found == [running, None]


@pytest.mark.parametrize("plan", [ALL, PollPlan("top", 2)])
@pytest.mark.parametrize("when", [0.5, -0.1])  # the clock was set back in between
def test_a_poll_that_another_one_came_after_is_not_gone_on_with(polling: Polling, plan: PollPlan, when: float) -> None:
    polling.page(polling.start(0), seen("a", 1), when=0, then="page 1")
    polling.poll(when, [seen("a", 2), seen("b", 1)], plan=plan)
    assert polling.store.unfinished_poll(polling.hub, ALL, day(0.6)) is None


def test_what_was_imported_or_polled_elsewhere_since_keeps_no_poll_from_going_on(polling: Polling) -> None:
    running = polling.page(polling.start(0), seen("a", 1), when=0, then="page 1")
    elsewhere = polling.store.hub_id("modelscope", "https://other.example")
    polling.store.start_poll(elsewhere, ALL, day(0.1))
    readings = [ImportReading(1, "account-b/model", at(-40), 7, None, None)]
    ImportStore(polling.db).import_readings("huggingface", Provenance("f", "1", "", "", at(0.2)), readings)
    assert polling.store.unfinished_poll(polling.hub, ALL, day(0.6)) == running


def test_a_complete_poll_leaves_nothing_unfinished_before_it(polling: Polling) -> None:
    polling.start(0)
    polling.poll(0.5, [seen("a", 1)])
    assert polling.store.unfinished_poll(polling.hub, ALL, day(0.6)) is None


def test_plans_with_another_top_are_different_polls(polling: Polling) -> None:
    running = polling.start(0, PollPlan("top", 5))
    assert polling.store.unfinished_poll(polling.hub, PollPlan("top", 6), day(0.6)) is None
    assert polling.store.unfinished_poll(polling.hub, PollPlan("top", 5), day(0.6)) == running


def test_a_failed_poll_says_why_and_goes_on_from_its_cursor(polling: Polling) -> None:
    running = polling.page(polling.start(0), seen("a", 1), when=0, then="page 1")
    polling.store.fail_poll(running, "the hub is out of reach", day(0.1))
    assert polling.rows(poll, "status", "error", "finished_at") == [("failed", "the hub is out of reach", at(0.1))]
    again = polling.store.unfinished_poll(polling.hub, ALL, day(0.6))
    assert again == running
    polling.store.finish_poll(polling.page(again, seen("b", 1), when=0.2), day(0.2))
    assert polling.rows(poll, "status", "error", "finished_at", "cursor", "models_listed") == [
        ("complete", None, at(0.2), None, 2)
    ]


def test_cumulative_counters_are_known_to_be_supplied_only_by_a_complete_poll_that_had_one(polling: Polling) -> None:
    polling.poll(0, [seen("a", None, 5)])
    running = polling.page(polling.start(1), seen("a", 100, 5), when=1)
    assert not polling.store.supplied_all_time(polling.hub)
    polling.store.finish_poll(running, day(1))
    assert polling.store.supplied_all_time(polling.hub)


def test_imported_cumulative_counters_were_not_supplied_by_the_hub(polling: Polling) -> None:
    put(polling, ImportReading(1, "x/y", at(0), 5, None, None))
    assert not polling.store.supplied_all_time(polling.hub)


# --- pages ----------------------------------------------------------------------------------------------------------


def test_a_poll_keeps_readings_models_accounts_and_counts(polling: Polling) -> None:
    finished = polling.poll(0, [seen("a", 100, 10), seen("b", None, 7)], [seen("c", None)])
    assert finished == FinishedPoll(
        id=finished.id,
        hub_id=polling.hub,
        plan=ALL,
        started_at=at(0),
        finished_at=at(0) + 60,
        pages=2,
        models_listed=3,
        models_new=3,
        models_moved=0,
        models_with_all_time=1,
        rows_skipped=0,
        retries=0,
        waited_seconds=0.0,
        is_stale=False,
        is_thin=False,
    )
    assert polling.readings("a") == [(0, 100, None, None)]
    assert polling.readings("b") == [(0, None, None, None)]
    assert polling.readings("c") == []
    assert polling.state("a")["listed_poll_id"] == polling.state("c")["listed_poll_id"] == finished.id
    assert polling.rows(model, "name", "created_at", "first_poll_id", hub_key="a") == [
        ("account-a/model", CREATED, finished.id)
    ]
    assert polling.kinds()[0] == ("a", "text-generation", None)


def test_models_are_numbered_in_the_order_of_the_listing(polling: Polling) -> None:
    keys = [f"{number:04}" for number in random.Random(1).sample(range(9999), 1_200)]
    polling.poll(0, [seen(key, 1) for key in keys])
    assert [polling.model_id(key) for key in keys[:: len(keys) - 1]] == [1, 1_200]


def test_what_the_pages_cost_is_added_up(polling: Polling) -> None:
    running = polling.start(0)
    for cursor in ("page 1", None):
        running = polling.store.write_page(
            running, Page(day(0), (), cursor, rows_skipped=2, retries=3, waited_seconds=1.5)
        )
    finished = polling.store.finish_poll(running, day(0))
    assert (finished.pages, finished.rows_skipped, finished.retries, finished.waited_seconds) == (2, 4, 6, 3.0)


def test_growth_is_stored_and_a_standstill_is_not(polling: Polling) -> None:
    for number, (a, b) in enumerate([(100, 5), (100, 6), (130, 7), (90, 8)]):
        finished = polling.poll(number, [seen("a", a), seen("b", b)])
    assert polling.readings("a") == [(0, 100, None, None), (2, 130, 1, 30), (3, 90, 1, -40)]
    assert finished.models_moved == 2
    assert [row[0] for row in polling.rows(poll, "reaches_back_to")] == [at(0), at(1), at(2), None]


def test_the_first_row_of_a_key_counts_on_a_page_and_in_a_poll(polling: Polling) -> None:
    finished = polling.poll(
        0, [seen("a", 1), seen("b", 1), seen("a", 2)], [seen("b", 9, name="other/name"), seen("c", 1)]
    )
    assert (finished.models_listed, finished.models_new, finished.models_moved) == (3, 3, 0)
    assert polling.readings("a") == [(0, 1, None, None)]
    assert polling.readings("b") == [(0, 1, None, None)]
    assert polling.rows(model_name) == []


def test_rows_beyond_the_top_are_left_out_and_end_the_listing(polling: Polling) -> None:
    plan = PollPlan("top", 3)
    running = polling.page(polling.start(0, plan), seen("a", 1), seen("b", 1), when=0, then="page 1")
    assert not running.has_ended
    running = polling.page(running, seen("a", 1), seen("c", 1), seen("d", 1), when=0, then="page 2")
    assert (running.models_listed, running.cursor, running.has_ended) == (3, None, True)
    assert [row[0] for row in polling.rows(model, "hub_key")] == ["a", "b", "c"]


def test_a_listing_has_ended_only_after_its_last_page(polling: Polling) -> None:
    running = polling.start(0)
    assert not running.has_ended
    assert polling.page(running, when=0).has_ended


def test_a_stored_30_day_count_after_a_large_rise_is_no_movement(polling: Polling) -> None:
    other = [seen(f"o{number}", 0) for number in range(3)]
    polling.poll(0, [seen("a", 0, 7), *other])
    polling.poll(1, [seen("a", 5_000, 7), *other])
    finished = polling.poll(2, [seen("a", 5_000, 8), seen("o0", 1)])
    assert finished.models_moved == 1
    assert polling.readings("a") == [(0, 0, None, None), (1, 5_000, 1, 5_000), (2, 5_000, 1, 0)]


def test_a_cumulative_counter_that_falls_silent_is_not_read(polling: Polling) -> None:
    polling.poll(0, [seen("a", 100, 5)])
    polling.poll(1, [seen("a", None, 6)])
    assert polling.readings("a") == [(0, 100, None, None)]
    assert (polling.state("a")["seen_at"], polling.state("a")["downloads_30d"]) == (at(0), 6)


def test_a_30_day_count_without_the_counter_after_a_large_rise_is_stored_and_read_again(polling: Polling) -> None:
    polling.poll(0, [seen("a", 0, 7)])
    polling.poll(1, [seen("a", 5_000, 7)])
    polling.poll(2, [seen("a", None, 900)])
    polling.poll(3, [seen("a", 5_000, 900)])
    assert [row[:2] for row in polling.readings("a")] == [(0, 0), (1, 5_000), (2, None)]
    read = facts.readings_of_models(polling.db, polling.hub, [polling.model_id("a")])
    assert read.rolling.tolist() == [7, 7, 900]


def test_a_30_day_count_that_is_back_after_weeks_is_stored_and_has_not_moved(polling: Polling) -> None:
    polling.poll(0, [seen("a", None, 7), seen("b", None, 7)])
    polling.poll(20, [seen("a", None, 7), seen("b", None, 8)])
    polling.poll(21, [seen("a", None, 7), seen("b", None, 9)])
    assert polling.readings("a") == [(0, None, None, None), (20, None, 20, 0)]
    assert polling.rows(poll, "models_moved", "is_stale") == [(0, False), (1, False), (1, False)]
    assert check(polling.db) == []


# --- rows that could not be read -------------------------------------------------------------------------------------


def unreadable(polling: Polling, on: float, keys: tuple[str, ...], *rows: Observation) -> FinishedPoll:
    running = polling.store.write_page(polling.start(on), Page(day(on), rows, None, len(keys), unreadable_keys=keys))
    return polling.store.finish_poll(running, day(on) + timedelta(minutes=1))


def gone(polling: Polling, *keys: str) -> list[bool]:
    models = facts.models(polling.db, polling.hub, month_window("2026-09"))
    by_number = dict(zip(models.model_id.tolist(), models.gone.tolist(), strict=True))
    return [by_number[polling.model_id(key)] for key in keys]


def test_a_model_whose_row_cannot_be_read_is_listed_all_the_same(polling: Polling) -> None:
    others = [seen(f"o{number}", 1) for number in range(20)]  # so that a poll without two models is not thin
    polling.poll(0, [seen("a", 1), seen("b", 1), *others])
    for on in (1, 2):
        unreadable(polling, on, ("a", "never-read"), *[row._replace(downloads_all_time=1 + on) for row in others])
    assert gone(polling, "a", "b", "o0") == [False, True, False]
    assert (polling.state("a")["seen_at"], polling.state("a")["listed_poll_id"]) == (at(0), 3)
    assert len(polling.rows(model)) == 22


def test_a_row_that_cannot_be_read_is_no_sighting_to_be_taken_back_from_a_stale_poll(polling: Polling) -> None:
    others = [seen(f"o{number}", 0) for number in range(3)]
    polling.poll(0, [seen("a", 1), *others])
    polling.poll(1, [seen("a", 1), *[row._replace(downloads_all_time=5) for row in others]])
    stale = unreadable(polling, 2, ("a",), *[row._replace(downloads_all_time=5) for row in others])
    assert stale.is_stale
    assert polling.state("a")["seen_at"] == at(1)


def test_a_model_read_before_on_another_page_stays_read(polling: Polling) -> None:
    polling.poll(0, [seen("a", 1)])
    running = polling.page(polling.start(1), seen("a", 2), when=1, then="page 2")
    polling.store.write_page(running, Page(day(1), (), None, 1, unreadable_keys=("a",)))
    assert (polling.state("a")["seen_at"], polling.state("a")["seen_before_at"]) == (at(1), at(0))


# --- names, bases, identity -----------------------------------------------------------------------------------------


def test_a_renamed_model_keeps_its_history_and_its_former_name(polling: Polling) -> None:
    polling.poll(0, [seen("a", 1, name="old/m")])
    second = polling.poll(1, [seen("a", 5, name="new/m")])
    assert [row[:4] for row in polling.readings("a")] == [(0, 1, None, None), (1, 5, 1, 4)]
    assert polling.rows(model, "name") == [("new/m",)]
    assert polling.rows(model_name, "name", "replaced_at", "poll_id") == [("old/m", at(1), second.id)]
    assert polling.rows(model, "publisher_id") != polling.rows(model_name, "publisher_id")


def test_names_follow_each_other_though_the_clock_stands_still(polling: Polling) -> None:
    for name in ("one/m", "two/m", "three/m"):
        polling.poll(0, [seen("a", 1, name=name)])
    assert polling.rows(model_name, "replaced_at", "name") == [(at(0), "one/m"), (at(0) + 1, "two/m")]


def test_a_name_that_comes_back_under_another_key_is_another_model(polling: Polling) -> None:
    polling.poll(0, [seen("a", 900, name="x/m")])
    polling.poll(1, [seen("b", 5, name="x/m")])
    assert polling.readings("a") == [(0, 900, None, None)]
    assert polling.readings("b") == [(1, 5, None, None)]
    assert polling.rows(model, "hub_key", "name") == [("a", "x/m"), ("b", "x/m")]


def test_what_is_said_anew_of_a_model_replaces_what_was_said(polling: Polling) -> None:
    marks.set_mark(polling.db, polling.hub, lineages.MARK, "")
    polling.poll(0, [seen("a", 1)])
    polling.poll(1, [seen("a", 1)._replace(pipeline_tag=None, library_name="transformers", created_at=None)])
    assert polling.rows(model, "created_at") == [(None,)]
    assert polling.kinds() == [("a", None, "transformers")]
    assert polling.rows(origin_todo, "model_id") == [(1,), (1,)], "new, then described anew: its shares are to be told"


def test_an_unchanged_declaration_keeps_the_poll_that_saw_it_first(polling: Polling) -> None:
    one, two = Base("x/one", "finetune", "k1"), Base("x/two", "merge")
    first = polling.poll(0, [seen("a", 1, bases=(one,))])
    second = polling.poll(1, [seen("a", 1, bases=(two, one))])
    assert polling.declared() == [(0, two, second.id), (1, one, first.id)]
    polling.poll(2, [seen("a", 1)])
    assert polling.rows(model_base) == []


# --- imported history -----------------------------------------------------------------------------------------------


def put(polling: Polling, *readings: ImportReading, sha256: str = "1") -> None:
    provenance = Provenance("history.csv", sha256, "", "", at(0))
    ImportStore(polling.db).import_readings("huggingface", provenance, readings)


def test_the_first_key_that_bears_the_name_adopts_imported_history(polling: Polling) -> None:
    put(polling, ImportReading(1, "x/m", at(0), 100, None, None))
    finished = polling.poll(2, [seen("a", 130, name="x/m"), seen("b", 5, name="x/m")])
    assert finished.models_new == 2
    assert polling.readings("a") == [(0, 100, None, None), (2, 130, 2, 30)]
    assert polling.readings("b") == [(2, 5, None, None)]
    assert polling.rows(model, "hub_key", "created_at", "first_poll_id") == [
        ("a", CREATED, finished.id),
        ("b", CREATED, finished.id),
    ]
    assert polling.kinds() == [("a", "text-generation", None), ("b", "text-generation", None)]


def test_a_model_that_is_renamed_adopts_no_history_of_its_new_name(polling: Polling) -> None:
    polling.poll(0, [seen("a", 130, name="x/old")])
    put(polling, ImportReading(1, "x/new", at(-5), 7, None, None), ImportReading(2, "x/new", at(1), 140, None, None))
    polling.poll(2, [seen("a", 150, name="x/new")])
    assert polling.readings("a") == [(0, 130, None, None), (2, 150, 2, 20)]
    assert sorted(polling.rows(model, "hub_key", "name"), key=str) == [("a", "x/new"), (None, "x/new")]
    polling.poll(3, [seen("a", 150, name="x/new"), seen("b", 9, name="x/new")])  # nor does it stand in another's way
    assert sorted(polling.rows(model, "hub_key", "name"), key=str) == [("a", "x/new"), ("b", "x/new")]


def test_history_older_than_the_model_is_another_models(polling: Polling) -> None:
    put(polling, ImportReading(1, "x/m", CREATED - 1, 100, None, None))
    polling.poll(2, [seen("a", 130, name="x/m")])
    assert polling.readings("a") == [(2, 130, None, None)]
    assert len(polling.rows(model)) == 2


@pytest.mark.parametrize("created_at", [CREATED_AT_FLOOR, None])
def test_a_creation_time_that_says_nothing_forbids_no_adoption(polling: Polling, created_at: int | None) -> None:
    put(polling, ImportReading(1, "x/m", CREATED_AT_FLOOR - DAY, 100, None, None))
    polling.poll(2, [seen("a", 130, name="x/m")._replace(created_at=created_at)])
    assert [row[1] for row in polling.readings("a")] == [100, 130]


# --- clocks ---------------------------------------------------------------------------------------------------------


def test_at_one_instant_the_later_polls_reading_stands_beside_the_first(polling: Polling) -> None:
    polling.poll(0, [seen("a", 100)])
    polling.poll(1, [seen("a", 130)])
    assert polling.poll(1, [seen("a", 135)]).models_moved == 1
    polling.poll(2, [seen("a", 140)])
    assert polling.readings("a") == [(0, 100, None, None), (1, 130, 1, 30), (1, 135, 1, 35), (2, 140, 1, 5)]


def test_one_instant_and_one_value_is_one_reading(polling: Polling) -> None:
    polling.poll(0, [seen("a", 100)])
    finished = polling.poll(0, [seen("a", 100)])
    assert polling.readings("a") == [(0, 100, None, None)]
    assert polling.state("a")["listed_poll_id"] == finished.id


def test_a_poll_takes_its_place_among_later_readings_of_an_import(polling: Polling) -> None:
    put(polling, ImportReading(1, "x/m", at(0), 100, None, None), ImportReading(2, "x/m", at(6), 160, None, None))
    finished = polling.poll(2, [seen("a", 120, name="x/m")])
    assert polling.readings("a") == [(0, 100, None, None), (2, 120, 2, 20), (6, 160, 4, 40)]
    assert finished.models_moved == 1
    assert (polling.state("a")["downloads_all_time"], polling.state("a")["seen_at"]) == (160, at(6))
    assert dict(polling.rows(poll, "started_at", "reaches_back_to"))[at(6) - 300] == at(0)  # too early costs time only


def test_a_clock_that_went_back_loses_no_reading(polling: Polling) -> None:
    polling.poll(0, [seen("a", 100), seen("b", 1)])
    polling.poll(3, [seen("a", 100), seen("b", 2)])
    polling.poll(2, [seen("a", 120), seen("b", 2)])
    polling.poll(4, [seen("a", 130), seen("b", 3)])
    assert polling.readings("a") == [(0, 100, None, None), (2, 120, 2, 20), (4, 130, 2, 10)]
    assert polling.readings("b") == [(0, 1, None, None), (2, 2, 2, 1), (3, 2, 1, 0), (4, 3, 1, 1)]


LAST_MOMENT = (SECONDS - 1) / DAY  #: in days after a poll's start


def test_a_page_is_kept_to_the_last_moment_that_fits(polling: Polling) -> None:
    polling.poll(0, [seen("a", 100)], clock=LAST_MOMENT)
    polling.poll(2, [seen("a", 130), seen("b", 5)], clock=2 + LAST_MOMENT)
    assert polling.readings("a") == [(1, 100, None, None), (3, 130, 2, 30)]
    assert polling.rows(observation, "seconds", "span_seconds") == [
        (SECONDS - 1, 2 * DAY),
        (SECONDS - 1, None),
        (SECONDS - 1, None),
    ]


@pytest.mark.parametrize("when", [-1 / DAY, SECONDS / DAY])
@pytest.mark.parametrize("key", ["known", "new"])
def test_a_page_whose_time_does_not_fit_is_refused_and_leaves_nothing_behind(
    polling: Polling, when: float, key: str
) -> None:
    polling.poll(-1, [seen("known", 100)])
    running = polling.start(0)
    before = dump(polling.db)
    with pytest.raises(ValueError, match="cannot be stored"):
        polling.page(running, seen(key, 130), when=when)
    assert dump(polling.db) == before


# --- the end of a poll ----------------------------------------------------------------------------------------------


def counters(count: int, moved: int, on: int) -> list[Observation]:
    """Models of which the first `moved` have another counter on each day."""
    return [seen(f"{number:03}", 10 * on if number < moved else 5) for number in range(count)]


def test_in_a_stale_poll_only_what_moved_or_is_new_was_read(polling: Polling) -> None:
    for number in range(1, 5):
        polling.poll(number, counters(60, 40, number))
    last = counters(60, 40, 4)
    finished = polling.poll(5, [last[0]._replace(downloads_all_time=99), *last[1:], seen("new", 7)])
    assert (finished.models_moved, finished.is_stale) == (1, True)
    assert polling.rows(poll, "is_stale", id=finished.id) == [(True,)]
    assert polling.state("000")["seen_at"] == polling.state("new")["seen_at"] == at(5)
    assert polling.state("001")["seen_at"] == polling.state("050")["seen_at"] == at(4)


def test_growth_after_a_stale_poll_is_spread_over_the_stale_time(polling: Polling) -> None:
    for number, value in enumerate([10, 20, 20, 20, 50]):
        finished = polling.poll(number, [seen("a", value)])
        assert finished.is_stale == (value == 20 and number > 1)
    assert polling.readings("a") == [(0, 10, None, None), (1, 20, 1, 10), (4, 50, 3, 30)]


def test_a_silent_counter_does_not_lose_a_sighting_to_a_stale_poll(polling: Polling) -> None:
    polling.poll(0, [seen("a", 10), seen("b", 1)])
    polling.poll(1, [seen("a", 10), seen("b", 2)])
    assert polling.poll(2, [seen("a", None), seen("b", 2)]).is_stale
    assert polling.state("a")["seen_at"] == at(1)
    assert polling.state("b")["seen_at"] == at(1)


def test_five_percent_of_the_usual_is_not_stale(polling: Polling) -> None:
    for number in range(1, 5):
        polling.poll(number, [seen(f"{key:03}", number) for key in range(40)])
    moved_two = [seen(f"{key:03}", 9 if key < 2 else 4) for key in range(40)]
    assert not polling.poll(5, moved_two).is_stale
    moved_one = [row._replace(downloads_all_time=10) if row.hub_key == "000" else row for row in moved_two]
    assert polling.poll(6, moved_one).is_stale


def test_stale_polls_and_other_plans_do_not_say_what_is_usual(polling: Polling) -> None:
    for number in range(3):
        polling.poll(number, [seen("a", number)], plan=PollPlan("top", 1))
    assert not polling.poll(3, [seen("a", 2)]).is_stale  # the first poll of the whole hub
    assert polling.poll(4, [seen("a", 2)]).is_stale
    assert polling.poll(5, [seen("a", 2)]).is_stale
    assert not polling.poll(6, [seen("a", 3)]).is_stale


def test_a_poll_of_new_models_alone_is_not_stale(polling: Polling) -> None:
    polling.poll(0, [seen("a", 1)])
    assert not polling.poll(1, [seen("b", 1)]).is_stale


def test_a_poll_that_lists_under_nine_tenths_of_the_one_before_is_thin(polling: Polling) -> None:
    polling.poll(0, counters(20, 0, 0))
    polling.poll(0.5, counters(3, 3, 7), plan=PollPlan("top", 3))
    assert not polling.poll(1, counters(18, 18, 1)).is_thin
    assert polling.poll(2, counters(16, 16, 2)).is_thin
    assert not polling.poll(3, counters(16, 16, 3)).is_thin


# --- kills ----------------------------------------------------------------------------------------------------------


def listing(on: int) -> list[Page]:
    """What the hub says on a day: births, renames, bases, growth, a standstill (day 3), duplicates across pages."""
    moved = 2 if on == 3 else on
    rows = [
        seen(f"{key:02}", key * moved if key % 3 else 50, key, name=f"acc{key % 4}/m{key}") for key in range(12 + on)
    ]
    rows[4] = seen("04", 5_000 * moved, on, name=f"acc{on}/renamed")
    rows[5] = seen("05", None, moved, bases=(Base(f"acc1/m{on // 2}", "merge"), Base("acc1/m1", "merge")))
    rows.append(rows[2]._replace(downloads_all_time=777))
    parts = [rows[:6], rows[6:11], rows[11:]]
    cursors = ["1", "2", None]
    return [
        Page(day(on) + timedelta(seconds=number), tuple(part), cursor, rows_skipped=1)
        for number, (part, cursor) in enumerate(zip(parts, cursors, strict=True))
    ]


def poll_days(db: Database, days: int) -> None:
    """Polls each day that has no complete poll yet, going on where an earlier attempt stopped."""
    store = PollStore(db)
    hub_id = store.hub_id("huggingface", "https://hub.example")
    for number in range(days):
        with db.connect() as conn:
            done = select(poll.c.id).where(poll.c.started_at == at(number), poll.c.status == "complete")
            if conn.execute(done).first() is not None:
                continue
        running = store.unfinished_poll(hub_id, ALL, day(number)) or store.start_poll(hub_id, ALL, day(number))
        while not running.has_ended:
            running = store.write_page(running, listing(number)[int(running.cursor or 0)])
        store.finish_poll(running, day(number) + timedelta(minutes=5))


def dump(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    with db.connect() as conn:
        return {
            table.name: [tuple(row) for row in conn.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }


@pytest.fixture
def fresh(sqlite_url: str) -> Iterator[Callable[[], Database]]:
    """Opens the same database anew, as a process that starts does."""
    opened: list[Database] = []

    def open_again() -> Database:
        opened.append(Database.open(sqlite_url, write=True))
        return opened[-1]

    yield open_again
    for database in opened:
        database.close()


def statements(db: Database, before: Callable[[], None]) -> None:
    """Calls `before` ahead of every statement and of every commit."""
    engine: Engine = db.engine
    event.listen(engine, "before_cursor_execute", lambda *_: before())
    event.listen(engine, "commit", lambda *_: before())


DAYS = 5


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, ready_file: Path) -> dict[str, list[tuple[Any, ...]]]:
    path = tmp_path_factory.mktemp("whole") / "whole.db"
    path.write_bytes(ready_file.read_bytes())
    with Database.open(f"sqlite:///{path}", write=True) as db:
        poll_days(db, DAYS)
        return dump(db)


def test_the_world_of_the_kills_holds_what_can_go_wrong(uninterrupted: dict[str, list[tuple[Any, ...]]]) -> None:
    stale = [row for row in uninterrupted["poll"] if row[metadata.tables["poll"].c.keys().index("is_stale")]]
    assert len(stale) == 1
    assert all(uninterrupted[name] for name in ("model", "model_name", "model_base", "observation", "model_state"))


class PulledPlugError(Exception):
    """The process ended here."""


def test_a_poll_broken_off_at_any_statement_ends_in_the_same_database(
    fresh: Callable[[], Database], uninterrupted: dict[str, list[tuple[Any, ...]]]
) -> None:
    lives, budget = 0, 1
    while True:
        db, left = fresh(), budget

        def pull() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise PulledPlugError

        statements(db, pull)
        try:
            poll_days(db, DAYS)
        except PulledPlugError:
            lives, budget = lives + 1, budget + 1
            db.close()
        else:
            break
    assert lives > 20
    assert dump(fresh()) == uninterrupted


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process that can be forked and killed")
@pytest.mark.parametrize("seed", range(3))
def test_a_poll_killed_anywhere_ends_in_the_same_database(
    fresh: Callable[[], Database], uninterrupted: dict[str, list[tuple[Any, ...]]], seed: int
) -> None:
    chance = random.Random(seed)
    kills = 0
    while _life(fresh, chance.randint(20, 90)) == -signal.SIGKILL:
        kills += 1
    assert kills > 1
    assert dump(fresh()) == uninterrupted


def _life(fresh: Callable[[], Database], statements_left: int) -> int:
    """One process that polls and kills itself ahead of a statement or a commit; how it ended, as a shell tells it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        db, left = fresh(), statements_left

        def count_down() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        statements(db, count_down)
        poll_days(db, DAYS)
        status = 0
    finally:
        os._exit(status)


def test_a_page_that_cannot_be_kept_leaves_nothing_behind(polling: Polling) -> None:
    running = polling.page(polling.start(0), seen("a", 1), when=0, then="page 1")
    before = dump(polling.db)
    broken = replace(running, id=running.id + 1)  # no such poll: a foreign key that does not hold
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        polling.page(broken, seen("b", 1), when=0)
    assert dump(polling.db) == before

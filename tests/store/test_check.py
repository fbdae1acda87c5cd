"""The check finds what is broken, names it, and is silent on whatever polls and imports may leave."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text, update

from collector.model import Base, Observation, Page, PollPlan
from collector.store import check as check_module
from collector.store.check import Latest, Reading, check, faults
from collector.store.database import Database, database_path
from collector.store.derived import Derived, Noted, Root
from collector.store.imports import ImportReading, ImportStore, LineRefused, Provenance
from collector.store.months import MonthBuild
from collector.store.polls import PollStore
from collector.store.schema import origin_number, origin_renewal
from collector.store.timing import span_part, time_and_span
from tests.store.facts import World, put_month

DAY = 86_400
START = datetime(2026, 9, 1, tzinfo=UTC)
KEPT = Noted(numbers=[1 << 32 | 1])  # the first model, under number 1


def run(db: Database, statement: str) -> None:
    with db.begin() as connection:
        connection.execute(text(statement))


@pytest.fixture
def sound(db: Database, world: World) -> Database:
    """A model read on three days, 100, 150 and 130, on the last day unchanged; another one imported."""
    for number in range(4):
        world.poll(number + 1, number * DAY)
    world.model(1, "a/one")
    world.reading(1, 1, 100)
    world.reading(2, 1, 150, delta=50, span_seconds=DAY)
    world.reading(3, 1, 130, delta=-20, span_seconds=DAY)
    world.state(1, 130, 2 * DAY, 3 * DAY, seen_before_at=2 * DAY)
    assert check(db) == []
    return db


# --- silence --------------------------------------------------------------------------------------------------------


def test_a_new_database_is_sound(db: Database) -> None:
    assert check(db) == []


Move = tuple[str, int, int | None, int | None]  # kind, hours since the move before, one counter, the other
COUNTERS = st.one_of(st.none(), st.integers(0, 3), st.integers(0, 5000))
MOVES = st.lists(st.tuples(st.sampled_from(["poll", "import"]), st.integers(-30, 60), COUNTERS, COUNTERS), max_size=9)


def observation(all_time: int | None, rolling: int | None) -> Observation:
    key = f"{all_time}"[-1]  # two models that share a name now and then
    return Observation(f"key{key}", f"{key}/x", all_time, rolling, None, None, None, None, (Base("b/y", None),))


def poll_once(db: Database, at: datetime, counters: Sequence[tuple[int | None, int | None]]) -> None:
    store = PollStore(db)
    running = store.start_poll(store.hub_id("huggingface", "http://localhost"), PollPlan("all"), at)
    page = Page(at + timedelta(seconds=1), tuple(observation(*one) for one in counters), None)
    store.finish_poll(store.write_page(running, page), at + timedelta(seconds=2))


def import_once(db: Database, at: datetime, number: int, all_time: int | None, rolling: int | None) -> None:
    if all_time is None and rolling is None:
        return
    name = observation(all_time, rolling).name
    readings = [ImportReading(1, name, int(at.timestamp()), all_time, rolling, None)]
    sha = hashlib.sha256(str(number).encode()).hexdigest()
    with suppress(LineRefused):  # it contradicts what was read: nothing is kept
        ImportStore(db).import_readings("huggingface", Provenance("f.csv", sha, "", "", 0), readings)


@example([("poll", 0, None, 1), ("poll", 1, None, None), ("poll", -1, None, 0), ("poll", -1, None, 0)])
@example([("poll", 0, None, 0), ("poll", 1, None, None), ("poll", -1, None, 1), ("poll", 0, None, 0)])
@settings(max_examples=30)
@given(MOVES)
def test_whatever_polls_and_imports_do_in_any_order_of_time_is_sound(ready_file: Path, moves: list[Move]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy(ready_file, folder)
        with Database.open(f"sqlite:///{path}", write=True) as db:
            now = START
            for number, (kind, hours, all_time, rolling) in enumerate(moves):
                now += timedelta(hours=hours)
                if kind == "poll":
                    poll_once(db, now, [(all_time, rolling)])
                else:
                    import_once(db, now, number, all_time, rolling)
            assert check(db) == []


# --- findings -------------------------------------------------------------------------------------------------------

BROKEN: dict[str, str] = {
    "UPDATE poll SET finished_at = NULL WHERE id = 1": "complete polls without an end: 1 (1)",
    "UPDATE poll SET cursor = 'x' WHERE id = 2": "complete polls with a cursor to go on from: 1 (2)",
    "UPDATE poll SET status = 'running', pages = 0, cursor = 'x' WHERE id = 2": "polls that have a cursor and no page",
    "UPDATE poll SET scope = 'import' WHERE id = 2": "polls of a file without its import: 1 (2)",
    "UPDATE poll SET top = 5": "polls whose top does not fit their scope: 4 (1, 2, 3, …)",
    "UPDATE poll SET models_moved = 10": "polls that count more models than they list: 4 (1, 2, 3, …)",
    "UPDATE poll SET models_listed = 0 WHERE id = 3": "polls with more readings than models listed: 1 (3)",
    "DELETE FROM model_state": "models with readings and without a state: 1 (1)",
    "UPDATE observation SET downloads_all_time = -1 WHERE poll_id = 1": "readings with a negative counter",
    "UPDATE observation SET downloads_all_time = NULL WHERE poll_id = 3": "readings without a counter (models): 1 (1)",
    "UPDATE model_state SET seen_at = 1": "models last seen before their counter changed: 1 (1)",
    "UPDATE model_state SET listed_poll_id = 99": "models listed by a poll that is not there: 1 (1)",
    "UPDATE model_state SET changed_at = NULL": "models with a counter that was never read: 1 (1)",
    "UPDATE model SET name = 'b/one'": "models under an account that is not theirs: 1 (1)",
    "UPDATE model_state SET downloads_all_time = 131": "models whose state is not the latest reading: 1 (1)",
    "UPDATE observation SET downloads_all_time = 99 WHERE poll_id = 1": "models whose delta is not the difference",
    "UPDATE observation SET delta = 1 WHERE poll_id = 2": "models whose delta is not the difference",
    "UPDATE observation SET delta = 1 WHERE poll_id = 1": "models whose first reading has a delta: 1 (1)",
    f"UPDATE observation SET time_and_span = {time_and_span(0, None)} WHERE poll_id = 2": (
        "models whose reading after the first has no span: 1 (1)"
    ),
    f"UPDATE observation SET time_and_span = {time_and_span(0, 0)} WHERE poll_id = 2": (
        "models whose span is not positive: 1 (1)"
    ),
    f"UPDATE observation SET time_and_span = {span_part(-2)} WHERE poll_id = 2": (
        "models whose span is not positive: 1 (1)"
    ),
    "UPDATE model_state SET seen_at = -1, changed_at = -2": "models whose last sighting is before its first reading",
}


@pytest.mark.parametrize(("statement", "finding"), BROKEN.items())
def test_what_was_broken_is_found_and_named(sound: Database, statement: str, finding: str) -> None:
    run(sound, statement)
    assert any(line.startswith(finding) for line in check(sound)), check(sound)


def test_a_model_read_by_a_poll_of_another_hub_is_found(sound: Database, world: World) -> None:
    world.hub(2, "modelscope")
    run(sound, "UPDATE poll SET hub_id = 2 WHERE id = 1")
    assert "models read by polls of another hub: 1 (1)" in check(sound)


def test_an_earlier_name_under_an_account_that_is_not_its_own_is_found(sound: Database, world: World) -> None:
    account = world.account("b")
    columns = "(model_id, replaced_at, name, publisher_id, poll_id)"
    run(sound, f"INSERT INTO model_name {columns} VALUES (1, 5, 'b/old', {account}, 1), (1, 6, 'c/old', {account}, 1)")
    assert check(sound) == ["earlier names of models under an account that is not theirs: 1 (1)"]


def test_an_imported_day_with_readings_of_another_day_is_found(sound: Database) -> None:
    columns = "(id, hub_id, file_name, sha256, source, license, imported_at, readings, stored)"
    run(sound, f"INSERT INTO import_file {columns} VALUES (5, 1, 'h.csv', '', '', '', 0, 1, 1)")
    run(sound, "UPDATE poll SET scope = 'import', import_id = 5 WHERE id = 1")
    assert check(sound) == []
    run(sound, f"UPDATE poll SET started_at = started_at - {DAY} WHERE id = 1")
    run(sound, f"UPDATE observation SET time_and_span = {time_and_span(DAY, None)} WHERE poll_id = 1")
    assert check(sound) == ["imported days with readings of another day: 1 (1)"]


def test_weights_that_do_not_add_up_to_one_are_found(sound: Database) -> None:
    halves = [Root(1, f"a/{part}", "a", 0.5, "declared", "merge", None, None) for part in ("x", "y")]
    Derived(sound).replace_origins(1, halves, KEPT)
    assert check(sound) == []
    run(sound, "DELETE FROM model_origin WHERE root_name = 'a/x'")
    assert check(sound) == ["models whose roots' weights do not add up to 1: 1 (1)"]


def test_an_account_with_a_share_that_its_hub_does_not_have_is_found(sound: Database, world: World) -> None:
    world.hub(2, "modelscope")
    account = world.account("a")
    columns = "(hub_id, month, scope, publisher_id, downloads, share_millionths, models)"
    run(sound, f"INSERT INTO publisher_share {columns} VALUES (1, 202609, 'all', {account}, 1, 1000000, 1)")
    assert check(sound) == []
    run(sound, "UPDATE publisher_share SET hub_id = 2")
    assert check(sound) == [f"accounts with a share that their hub does not have: 1 ({account})"]


def test_a_poll_that_counts_other_new_models_than_it_listed_first_is_found(sound: Database) -> None:
    run(sound, "UPDATE model SET first_poll_id = 2 WHERE id = 1")
    assert check(sound) == ["polls that count other new models than they listed first: 1 (2)"]
    run(sound, "UPDATE poll SET models_new = 1 WHERE id = 2")
    assert check(sound) == []


def test_roots_that_a_change_of_others_would_not_find_are_found(sound: Database) -> None:
    Derived(sound).replace_origins(1, [Root(1, "a/one", "a", 1.0, "self", None, None, None)], KEPT)
    assert check(sound) == []
    run(sound, "UPDATE origin_number SET block = block + 65536")
    assert check(sound) == ["models found by changes of a hub that is not theirs: 1 (1)"]
    run(sound, "DELETE FROM origin_number")
    assert check(sound) == ["models with roots that a change of others would not find: 1 (1)"]


def test_numbers_that_are_cut_off_are_found(sound: Database) -> None:
    Derived(sound).replace_origins(1, [Root(1, "a/one", "a", 1.0, "self", None, None, None)], KEPT)
    with sound.begin() as connection:
        (block,) = connection.scalars(select(origin_number.c.block)).all()
        connection.execute(update(origin_number).values(entries=b"\1\0\1\0\0"))
    assert check(sound) == [f"blocks of origin_number that end within an entry: 1 ({block})"]


def test_numbers_beside_the_blocks_that_are_cut_off_are_found(sound: Database) -> None:
    Derived(sound).replace_origins(1, [Root(1, "a/one", "a", 1.0, "self", None, None, None)], KEPT)
    with sound.begin() as connection:
        connection.execute(insert(origin_renewal).values(hub_id=1, number=1, models=b"\1\0\0\0", entries=b"\1\0"))
    assert check(sound) == ["rows of origin_renewal that end within a number: 1 (1)"]


@pytest.mark.parametrize(
    ("figures", "finding"),
    [
        ({"downloads": -1.0}, "models with a month of impossible downloads: 1 (1)"),
        ({"downloads": 1.0, "estimated": 1.5}, "models with a month of impossible downloads: 1 (1)"),
        ({"tiled_seconds": -1.5}, "models with a month covered by less than nothing: 1 (1)"),
    ],
)
def test_impossible_months_are_found(sound: Database, world: World, figures: dict[str, Any], finding: str) -> None:
    zero = {"downloads": 0.0, "estimated": 0.0, "corrections": 0, "flags": None}
    rows = pd.DataFrame([{"model_id": 1, "publisher_id": world.account("a"), **zero, **figures}])
    put_month(sound, 1, 202609, rows, MonthBuild("f", 1, "f", 1.0, 0))
    assert check(sound) == [finding]


def test_shares_that_do_not_add_up_to_one_are_found(sound: Database) -> None:
    columns = 'hub, "window", scope, attribution, country, share'
    key = "'huggingface', '2026-09', 'all', 'base'"
    run(sound, f"INSERT INTO country_share ({columns}) VALUES ({key}, 'CN', 0.666667), ({key}, 'ZZ', 0.333333)")
    assert check(sound) == []
    run(sound, "DELETE FROM country_share WHERE country = 'ZZ'")
    assert check(sound) == [
        "tables of countries whose shares do not add up to 1: 1 (huggingface 2026-09 all base)",
    ]


def test_models_are_checked_slice_by_slice(sound: Database, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "_MODELS_AT_ONCE", 2)
    for number in range(2, 8):
        world.model(number, f"a/{number}")
        world.reading(1, number, 5)
        world.state(number, 5 if number % 2 else 6, 0, 0)
    assert check(sound) == ["models whose state is not the latest reading: 3 (2, 4, 6)"]


# --- the file -------------------------------------------------------------------------------------------------------


def test_rows_that_point_nowhere_are_found(sqlite_url: str) -> None:
    path = database_path(sqlite_url)
    assert path is not None
    with closing(sqlite3.connect(path)) as careless, careless:
        careless.execute("INSERT INTO publisher (hub_id, name) VALUES (77, 'a'), (78, 'b')")
    with Database.open(sqlite_url, write=False) as db:
        assert check(db) == ["publisher: 2 rows point to a row of hub that does not exist"]


def test_a_damaged_file_is_found_and_nothing_else_is_said(sqlite_url: str) -> None:
    path = database_path(sqlite_url)
    assert path is not None
    with closing(sqlite3.connect(path)) as connection:
        page, size = connection.execute(
            "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = 'ix_model_name_name'"
        ).fetchone()
    whole = bytearray(path.read_bytes())
    whole[(page - 1) * size + 3 : (page - 1) * size + 8] = b"\x00\x09\x0f\x0f\x00"  # cells where there are none
    path.write_bytes(whole)
    with Database.open(sqlite_url, write=False) as db:
        findings = check(db)
    assert findings
    assert all(line.startswith("the file is damaged: ") and "\n" not in line for line in findings)


# --- readings in order of time, apart from the database -------------------------------------------------------------


def row(at: int, all_time: int | None, span: int | None = None, delta: int | None = None, rolling: int = 1) -> Reading:
    return Reading(at, all_time, rolling, span, delta)


def test_two_readings_at_one_instant_the_later_counts() -> None:
    twins = [row(0, 10), row(100, 15, 50, 5), row(100, 16, 50, 6), row(200, 20, 100, 4)]
    assert faults(twins, Latest(20, 1, 200, 300)) == set()
    assert faults(twins[:3], Latest(16, 1, 100, 100)) == set()
    assert faults(twins[:3], Latest(15, 1, 100, 100)) == {"state is not the latest reading"}


def test_a_reading_that_a_later_span_reaches_over_does_not_count() -> None:
    stale = [row(0, 10), row(100, 10, 50, 0), row(200, 30, 150, 20)]
    assert faults(stale, Latest(30, 1, 200, 200)) == set()


def test_rolling_counts_before_the_first_cumulative_one_have_a_chain_of_their_own() -> None:
    history = [Reading(0, None, 5, None, None), Reading(100, None, 8, 100, 3), Reading(200, 1000, 9, 100, None)]
    assert faults(history, Latest(1000, 9, 200, 300)) == set()
    wrong = [history[0], history[1]._replace(delta=4), history[2]]
    assert faults(wrong, Latest(1000, 9, 200, 300)) == {"delta is not the difference to the reading before"}


def test_without_a_cumulative_counter_the_rolling_one_is_the_counter() -> None:
    rolling = [Reading(0, None, 5, None, None), Reading(100, None, 8, 100, 3)]
    assert faults(rolling, Latest(None, 8, 100, 200)) == set()
    assert faults(rolling, Latest(None, 9, 100, 200)) == {"state is not the latest reading"}


def test_a_rolling_count_alone_after_a_cumulative_one_takes_no_part() -> None:
    left_out = [row(0, 10), Reading(50, None, 7, None, None), row(100, 15, 100, 5)]
    assert faults(left_out, Latest(15, 1, 100, 100)) == set()


def test_the_file_of_a_check_is_left_as_it_was(sound: Database) -> None:
    path = database_path(sound.url)
    before = None if path is None else Path(path).read_bytes()
    check(sound)
    assert before == (None if path is None else Path(path).read_bytes())

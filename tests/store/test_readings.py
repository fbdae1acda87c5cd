"""What the measure is handed: every reading a window can rest on, models as they were then, polls in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from collector.model import DAY, Window
from collector.series import NO_DELTA, NOT_SAID, Readings
from collector.store import readings as facts
from collector.store.database import Database, upgrade
from collector.store.schema import model, model_name, model_state
from tests.store.facts import World, whole_series

S = 1_000 * DAY
WINDOW = Window(S, S + 30 * DAY, "window")
END = WINDOW.end


def polls_of(readings: Readings) -> list[int]:
    return sorted(set(readings.poll_id.tolist()))


def of_model(readings: Readings, model_id: int) -> list[int]:
    return [int(each) for each in readings.poll_id[readings.model_id == model_id]]


@pytest.fixture
def models(world: World) -> World:
    for number in (1, 2, 3):
        world.model(number, f"account-{number}/m", created_at=number)
    return world


# --- readings -------------------------------------------------------------------------------------------------------


def test_readings_come_by_model_time_and_poll_with_silence_marked(db: Database, models: World) -> None:
    models.state(1, 9, 0, 0)
    models.state(2, None, 0, 0)
    models.poll(1, S + DAY)
    models.poll(2, S)
    models.poll(3, S)
    models.reading(1, 1, 5, seconds=7, downloads_30d=3, span_seconds=9, delta=-4)
    models.reading(3, 1, 6, seconds=7)
    models.reading(2, 1, 7, seconds=7)
    models.reading(2, 2, None, downloads_30d=0)
    expected = {
        "model_id": [1, 1, 1, 2],
        "at": [S + 7, S + 7, S + DAY + 7, S],
        "poll_id": [2, 3, 1, 2],
        "poll_started_at": [S, S, S + DAY, S],
        "all_time": [7, 6, 5, NOT_SAID],
        "rolling": [NOT_SAID, NOT_SAID, 3, 0],
        "span": [NOT_SAID, NOT_SAID, 9, NOT_SAID],
        "delta": [NO_DELTA, NO_DELTA, -4, NO_DELTA],
    }
    for found in (facts.readings_of_models(db, 1, [1, 2, 3]), whole_series(db, 1)):
        assert {name: getattr(found, name).tolist() for name in expected} == expected
        assert all(getattr(found, name).dtype == np.int64 for name in expected)
    assert of_model(facts.readings_of_models(db, 1, [1]), 1) == [2, 3, 1]
    assert len(facts.readings_of_models(db, 1, [1])) == 3
    assert of_model(facts.readings_of_models(db, 1, [2, 1]), 2) == [2]
    assert len(facts.readings_of_models(db, 1, [])) == 0


def test_other_hubs_readings_stay_out(db: Database, models: World) -> None:
    models.hub(2, "modelscope")
    models.model(9, "x/m", hub_id=2)
    models.state(9, None, 0, 0)
    models.poll(1, S, hub_id=2)
    models.reading(1, 9, None, downloads_30d=3)
    assert len(whole_series(db, 1)) == 0
    assert len(whole_series(db, 2)) == 1


def test_a_model_nobody_knows_has_no_readings(db: Database, world: World) -> None:
    assert len(facts.readings_of_models(db, 1, [77])) == 0


# --- models ---------------------------------------------------------------------------------------------------------


def test_models_are_known_with_creation_sighting_and_first_listing(db: Database, world: World) -> None:
    world.poll(1, S)
    world.poll(2, S + DAY)
    world.model(1, "a/m", created_at=5, first_poll_id=2)
    world.model(2, "b/m", hub_key=None)
    world.state(1, 3, S, S + DAY, listed_poll_id=2)
    world.state(2, 3, S, S)
    found = facts.models(db, 1, WINDOW)
    assert found.model_id.tolist() == [1, 2]
    assert found.publisher_id.tolist() == [world.account("a"), world.account("b")]
    assert found.created_at.tolist() == [5, NOT_SAID]
    assert found.seen_at.tolist() == [S + DAY, S]
    assert found.first_listed_at.tolist() == [S + DAY, NOT_SAID]
    assert len(facts.models(db, 99, WINDOW)) == 0


def steps_for_a_thousand(path: Path, models: int) -> int:
    """What it takes SQLite to look up the first thousand of so many models, in steps of its machine: the same number
    on every computer.
    """
    url = f"sqlite:///{path}"
    upgrade(url)
    with Database.open(url, write=True) as db:
        World(db).hub()
        of_hub = {"hub_id": 1, "publisher_id": World(db).account("a")}
        numbers = range(1, models + 1)
        with db.begin() as connection:
            connection.execute(
                insert(model), [{"id": n, "hub_key": f"k{n}", "name": f"a/{n}"} | of_hub for n in numbers]
            )
            connection.execute(insert(model_state), [{"model_id": n, "seen_at": S} for n in numbers])
        steps = [0]
        with db.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.set_progress_handler(lambda: steps.append(steps.pop() + 100), 100)
        assert len(facts.models(db, 1, WINDOW, range(1, 1_001))) == 1_000
    return steps[0]


def test_what_a_thousand_new_models_take_to_look_up_does_not_grow_with_the_hub(tmp_path: Path) -> None:
    few, many = (steps_for_a_thousand(tmp_path / f"{models}.db", models) for models in (2_000, 10_000))
    assert 0 < many < 1.2 * few


@pytest.mark.parametrize(
    ("renamed_at", "account"),
    [
        ((END - 1,), "now"),
        ((END,), "first"),
        ((END + 9,), "first"),
        ((END - 5, END + 5), "second"),
        ((END, END + 5), "first"),
    ],
)
def test_a_model_belongs_to_the_account_it_lived_under_on_the_windows_last_day(
    db: Database, world: World, renamed_at: Sequence[int], account: str
) -> None:
    world.poll(1, S)
    world.model(1, "other/m")
    world.model(2, "now/m")
    world.state(1, 3, S, S)
    world.state(2, 3, S, S)
    for at, former in zip(renamed_at, ("first", "second"), strict=False):
        values = {"model_id": 2, "replaced_at": at, "name": f"{former}/m", "poll_id": 1}
        account_then = world.account(former)
        with db.begin() as conn:
            conn.execute(insert(model_name).values(publisher_id=account_then, **values))
    assert facts.models(db, 1, WINDOW).publisher_id.tolist() == [world.account("other"), world.account(account)]


def gone(db: Database) -> list[bool]:
    return [bool(each) for each in facts.models(db, 1, WINDOW).gone]


def test_a_model_is_gone_after_two_complete_polls_of_the_whole_hub_without_it(db: Database, models: World) -> None:
    for number, start in enumerate((S, S + DAY, S + 2 * DAY), 1):
        models.poll(number, start)
        models.state(number, 3, S, S, listed_poll_id=number)
    assert gone(db) == [True, False, False]


@pytest.mark.parametrize(
    "more",
    [{"is_thin": True}, {"status": "failed"}, {"status": "running"}, {"scope": "top", "top": 5}, {"scope": "import"}],
)
def test_other_polls_prove_no_absence(db: Database, models: World, more: dict[str, Any]) -> None:
    for number, start in enumerate((S, S + DAY), 1):
        models.poll(number, start)
    models.poll(3, S + 2 * DAY, **more)
    models.state(1, 3, S, S, listed_poll_id=1)
    models.state(2, 3, S, S, listed_poll_id=2)
    assert gone(db) == [False, False]


def test_one_whole_poll_proves_no_absence(db: Database, models: World) -> None:
    models.poll(1, S, scope="top", top=5)
    models.poll(2, S + DAY)
    models.state(1, 3, S, S, listed_poll_id=1)
    assert gone(db) == [False]


def test_a_model_that_a_top_list_shows_is_not_gone(db: Database, models: World) -> None:
    for number, start in enumerate((S, S + DAY, S + 2 * DAY), 1):
        models.poll(number, start)
    models.poll(4, S + 3 * DAY, scope="top", top=5)
    models.state(1, 3, S, S, listed_poll_id=4)
    assert gone(db) == [False]


def test_a_model_known_from_files_alone_is_gone_when_no_file_shows_it_since(db: Database, models: World) -> None:
    for number, start in enumerate((S, S + DAY), 1):
        models.poll(number, start)
    models.state(1, 3, S, S - 1)
    models.state(2, 3, S, S)
    assert gone(db) == [True, False]


def test_of_two_polls_of_one_instant_the_later_number_is_the_later(db: Database, models: World) -> None:
    for number in (1, 2, 3):
        models.poll(number, S)
        models.state(number, 3, S, S, listed_poll_id=number)
    assert gone(db) == [True, False, False]


# --- trailing -------------------------------------------------------------------------------------------------------


def test_trailing_counts_are_those_of_the_models_listed_then_or_later(db: Database, models: World) -> None:
    models.model(4, "account-4/m")
    for number, start in enumerate((S, S, S + DAY), 1):
        models.poll(number, start)
        models.state(number, 3, S, S, listed_poll_id=number, downloads_30d=number * 10)
    models.state(4, None, S, S, listed_poll_id=3)
    found = facts.trailing(db, 2)
    assert found.model_id.tolist() == [2, 3, 4]
    assert found.downloads_30d.tolist() == [20, 30, NOT_SAID]
    assert len(found) == 3

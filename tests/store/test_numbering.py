"""A reading's number finds it, by poll and by model, and says both; on both engines."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Select, func, select, text
from sqlalchemy.exc import IntegrityError

from collector.store.database import Database
from collector.store.numbering import (
    of_each,
    of_model,
    of_models,
    of_poll,
    reading_id,
)
from collector.store.readings import READINGS
from collector.store.readings import of_models as readings_of_models
from collector.store.schema import MODEL_BITS, observation, poll
from tests.store.facts import World

LAST_MODEL = 2**MODEL_BITS - 1
LAST_POLL = 2**31 - 1


@pytest.fixture
def read(world: World) -> World:
    """Three polls that all read the models with the smallest and the largest numbers there can be, and one between."""
    for poll_id in (6, 7, LAST_POLL):
        world.poll(poll_id)
    for model_id in (1, 500, LAST_MODEL):
        world.model(model_id, f"a/{model_id}")
        for poll_id in (6, 7, LAST_POLL):
            world.reading(poll_id, model_id, 1)
    return world


def found(db: Database, query: Select[Any]) -> list[tuple[int, int]]:
    with db.connect() as conn:
        return sorted((row[0], row[1]) for row in conn.execute(query))


BOTH = select(observation.c.poll_id, observation.c.model_id)


def test_the_number_says_poll_and_model(db: Database, read: World) -> None:
    expected = [(poll_id, model_id) for poll_id in (6, 7, LAST_POLL) for model_id in (1, 500, LAST_MODEL)]
    assert found(db, BOTH) == expected
    with db.connect() as conn:
        numbers = conn.execute(select(observation.c.id).order_by(observation.c.id)).scalars().all()
    assert numbers == [reading_id(*each) for each in expected]


def test_a_poll_has_its_readings_and_none_of_its_neighbours(db: Database, read: World) -> None:
    assert found(db, BOTH.where(of_poll(7))) == [(7, 1), (7, 500), (7, LAST_MODEL)]
    along = BOTH.join_from(poll, observation, of_poll()).where(poll.c.id >= 7)
    assert found(db, along) == [(n, model_id) for n in (7, LAST_POLL) for model_id in (1, 500, LAST_MODEL)]


def test_a_slice_of_models_ends_with_its_last(db: Database, read: World) -> None:
    of_slice = BOTH.join_from(poll, observation, of_models(1, 500)).where(poll.c.id < LAST_POLL)
    assert found(db, of_slice) == [(6, 1), (6, 500), (7, 1), (7, 500)]


def test_models_have_the_readings_of_every_poll(db: Database, read: World) -> None:
    few = BOTH.select_from(of_each([500, LAST_MODEL, 77]))
    assert found(db, few) == [(n, model_id) for n in (6, 7, LAST_POLL) for model_id in (500, LAST_MODEL)]
    assert found(db, BOTH.where(of_model(500, 7))) == [(7, 500)]


def test_a_model_whose_number_does_not_fit_is_refused(world: World) -> None:
    with pytest.raises(IntegrityError, match="fits_into_a_reading"):
        world.model(LAST_MODEL + 1, "a/b")


def test_no_reading_of_another_poll_or_model_is_looked_at(sqlite_url: str) -> None:
    with Database.open(sqlite_url, write=False) as db:
        for query in (
            READINGS.where(poll.c.hub_id == 1),
            readings_of_models(1, [1, 2]),
            select(func.count()).join_from(poll, observation, of_models(5, 9)),
        ):
            assert _look_ups(db, str(query.compile(db.engine, compile_kwargs={"literal_binds": True})))


def test_the_readings_of_one_model_or_one_poll_are_found_by_their_view(sqlite_url: str) -> None:
    with Database.open(sqlite_url, write=False) as db:
        assert _look_ups(db, "SELECT * FROM readings WHERE hub = 'huggingface' AND model = 'a/b'")
        assert _look_ups(db, "SELECT * FROM readings WHERE poll = 5")


def _look_ups(db: Database, query: str) -> bool:
    """Whether SQLite finds readings by their number alone."""
    with db.connect() as conn:
        plan = [row[3] for row in conn.execute(text(f"EXPLAIN QUERY PLAN {query}"))]
    steps = [
        step for step in plan if step.startswith(("SEARCH observation", "SCAN observation", "SEARCH o ", "SCAN o"))
    ]
    return bool(steps) and all("USING INTEGER PRIMARY KEY (rowid" in step for step in steps)

"""The benchmark's quick way to years of history leaves what polling leaves."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import select

from benchmarks import history, hub_days
from benchmarks.hub_days import Day
from benchmarks.moments import moments
from collector.store import calendar
from collector.store.check import check
from collector.store.database import Database, upgrade
from collector.store.schema import metadata, observation

MODELS, DAYS = 2_500, 9


def world() -> list[Day]:
    """Days of the made-up hub, with what happens there too seldom: a rise followed by silence, and a fall."""
    days = list(islice(hub_days.days(MODELS), DAYS))
    for day in days:
        day.all_time[7] = 100 if day.number < 3 else 9_000
        day.rolling[7] = 50 + day.number
        day.all_time[1_300] = 500 if day.number < 4 else 300
    return days


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table: what polls keep for later work is among them."""
    with Database.open(url, write=False) as db, db.connect() as conn:
        ordered = {table.name: select(table).order_by(*table.primary_key) for table in metadata.sorted_tables}
        return {name: [tuple(row) for row in conn.execute(query)] for name, query in ordered.items()}


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('polled') / 'polled.db'}"
    upgrade(url)
    for day in world():
        history.poll_day(url, day)
    return url


@pytest.mark.parametrize("stops", [(DAYS,), (2, 4, DAYS)], ids=["at once", "in parts"])
def test_a_filled_database_equals_a_polled_one(polled: str, tmp_path: Path, stops: tuple[int, ...]) -> None:
    filled = f"sqlite:///{tmp_path / 'filled.db'}"
    days = world()
    upgrade(filled)
    history.poll_day(filled, days[0])
    done = 1
    for stop in stops:
        history.extend(filled, days[done - 1], days[done:stop])
        done = stop
    assert rows(filled) == rows(polled)


def test_the_world_has_what_the_two_ways_could_differ_in(polled: str) -> None:
    place = list(observation.columns).index(observation.c.delta)
    deltas = [row[place] for row in rows(polled)["observation"]]
    assert None in deltas, "first readings"
    assert 0 in deltas, "30-day counts kept after a large rise"
    assert any(isinstance(delta, int) and delta < 0 for delta in deltas), "falls"


def test_a_filled_database_is_sound(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'filled.db'}"
    history.fill(url, MODELS, DAYS)
    with Database.open(url, write=False) as db:
        assert check(db) == []
        made = calendar.polls_made(db, 1)
    assert [poll.started_at for poll in made] == [moments(day.number).started_at for day in world()]

"""When models were seen last: what runs say is what the states say, whatever happened since. Real databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update

from collector.model import Observation, Page, PollPlan, to_seconds
from collector.series import NOT_SAID
from collector.store import check
from collector.store import sightings as module
from collector.store.database import Database
from collector.store.imports import ImportReading, ImportStore, Provenance
from collector.store.polls import PollStore, RunningPoll
from collector.store.schema import metadata, model, model_state, sighting_run
from collector.store.sightings import sightings

START = datetime(2026, 9, 1, 0, 5, tzinfo=UTC)
ALL, TOP = PollPlan("all"), PollPlan("top", 4)
KEYS = [f"{number:02}" for number in range(9)]


def seen(key: str, total: int) -> Observation:
    return Observation(key, f"account/{key}", total, None, 1, None, None, None)


class Hub:
    """A hub that is polled by hand: its counters and the hour."""

    def __init__(self, db: Database, name: str = "huggingface") -> None:
        self.db, self.store, self.name = db, PollStore(db), name
        self.id = self.store.hub_id(name, "https://hub.example")
        self.now, self.total = START, dict.fromkeys(KEYS, 10)

    def poll(self, keys: list[str], moved: bool = True, plan: PollPlan = ALL, fails: bool = False) -> None:
        """Reads these models two a page, a minute after the page before; all counters moved since, or none."""
        self.now += timedelta(hours=3)
        running = self.store.start_poll(self.id, plan, self.now)
        self._go_on(running, keys, moved=moved, fails=fails)

    def resume(self, keys: list[str]) -> None:
        """Goes on with the poll that failed last, if none came after it; with models it may have listed before."""
        failed = self.store.unfinished_poll(self.id, ALL, self.now)
        if failed is not None:
            self._go_on(failed, keys, moved=True, fails=False)

    def _go_on(self, running: RunningPoll, keys: list[str], *, moved: bool, fails: bool) -> None:
        pages = [keys[place : place + 2] for place in range(0, len(keys), 2)]
        for place, page in enumerate(pages):
            self.now += timedelta(minutes=1)
            for key in page:
                self.total[key] += moved
            rows = tuple(seen(key, self.total[key]) for key in page)
            running = self.store.write_page(running, Page(self.now, rows, None if place + 1 == len(pages) else "more"))
        if fails:
            self.store.fail_poll(running, "the hub went away", self.now)
        elif running.pages:
            self.store.finish_poll(running, self.now)

    def read_file(self, keys: list[str]) -> None:
        """A file says something of these models, later than any poll so far."""
        self.now += timedelta(days=2)
        readings = [
            ImportReading(line, f"account/{key}", to_seconds(self.now), self.total[key] + 5, None, None)
            for line, key in enumerate(keys, 1)
        ]
        provenance = Provenance(f"{self.now}.csv", f"{self.now}", "", "", to_seconds(self.now))
        ImportStore(self.db).import_readings(self.name, provenance, readings)

    def by_states(self) -> dict[int, tuple[int, int]]:
        s = model_state.c
        query = select(s.model_id, func.coalesce(s.seen_at, NOT_SAID), func.coalesce(s.listed_poll_id, NOT_SAID))
        with self.db.connect() as conn:
            of_hub = query.join(model, model.c.id == s.model_id).where(model.c.hub_id == self.id)
            return {number: (at, by) for number, at, by in conn.execute(of_hub)}

    def found(self) -> dict[int, tuple[int, int]]:
        """The same as `sightings` finds it, by runs as far as there are some."""
        model_id = np.array(sorted(self.by_states()), np.int64)
        with patch.object(module, "_FEW", 1.0):
            columns = sightings(self.db, self.id, model_id).of_each()
        return {
            number: (at, by)
            for number, at, by in zip(model_id.tolist(), *(each.tolist() for each in columns), strict=True)
        }

    def runs(self) -> list[tuple[Any, ...]]:
        c = sighting_run.c
        query = select(c.first_model_id, c.last_model_id, c.seen_at).where(c.hub_id == self.id)
        with self.db.connect() as conn:
            return [tuple(row) for row in conn.execute(query.order_by(c.first_model_id))]


def test_a_daily_poll_leaves_a_run_for_each_page(db: Database) -> None:
    of = Hub(db)
    of.poll(KEYS)
    assert of.runs() == []  # new models are written one by one
    of.poll(KEYS)
    first_page = to_seconds(of.now) - 4 * 60
    assert of.runs() == [(1 + 2 * page, min(2 + 2 * page, 9), first_page + 60 * page) for page in range(5)]
    assert of.found() == of.by_states()
    assert check.check(db) == []
    of.poll(KEYS)
    assert len(of.runs()) == 5  # no more than those of one poll are ever kept


def test_runs_are_used_and_not_only_the_states(db: Database) -> None:
    of = Hub(db)
    of.poll(KEYS)
    of.poll(KEYS)
    with db.begin() as conn:
        conn.execute(update(sighting_run).where(sighting_run.c.first_model_id == 3).values(seen_at=7))
    assert {number for number, (at, _) in of.found().items() if at == 7} == {3, 4}
    assert check.check(db) == ["models seen otherwise than the runs of their poll say: 2 (3, 4)"]


def test_runs_of_a_poll_that_is_under_way_or_failed_say_nothing(db: Database) -> None:
    of = Hub(db)
    of.poll(KEYS)
    of.poll(KEYS[:4], fails=True)
    with db.begin() as conn:
        conn.execute(update(sighting_run).values(seen_at=7))
    assert of.found() == of.by_states()


def test_a_stale_poll_and_a_file_leave_no_runs(db: Database) -> None:
    of = Hub(db)
    for _ in range(4):
        of.poll(KEYS)
    of.poll(KEYS, moved=False)
    assert (of.runs(), of.found()) == ([], of.by_states())
    of.poll(KEYS)
    assert of.runs() != []
    of.read_file(KEYS[2:4])
    assert (of.runs(), of.found()) == ([], of.by_states())


def test_a_poll_that_goes_on_keeps_its_own_runs(db: Database) -> None:
    of = Hub(db)
    of.poll(KEYS)
    of.poll(KEYS[:4], fails=True)
    runs = of.runs()
    of.resume(KEYS[2:6])  # two of them listed before
    assert of.runs()[: len(runs)] == runs
    assert of.found() == of.by_states()


def test_hubs_do_not_touch_each_others_runs(db: Database) -> None:
    one, other = Hub(db), Hub(db, "modelscope")
    for _ in range(2):
        one.poll(KEYS)
        other.poll(KEYS[:5])
    assert (len(one.runs()), len(other.runs())) == (5, 3)
    assert (one.found(), other.found()) == (one.by_states(), other.by_states())


def test_nothing_is_known_of_no_models(db: Database) -> None:
    of = Hub(db)
    assert [len(each) for each in sightings(db, of.id, np.empty(0, np.int64)).of_each()] == [0, 0]


some = st.lists(st.sampled_from(KEYS), unique=True, min_size=1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("poll"), some, st.booleans(), st.sampled_from([ALL, ALL, TOP]), st.booleans()),
        st.tuples(st.just("poll"), st.just(KEYS), st.just(True), st.just(ALL), st.just(False)),
        st.tuples(st.just("resume"), some),
        st.tuples(st.just("read_file"), some),
    ),
    max_size=9,
)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps)
@pytest.mark.parametrize("first", [KEYS, KEYS[::2]])
def test_runs_and_states_say_the_same_after_everything(
    db: Database, first: list[str], drawn: list[tuple[Any, ...]]
) -> None:
    with db.begin() as conn:
        for table in reversed(metadata.sorted_tables):
            conn.execute(delete(table))
    of = Hub(db)
    of.poll(first)
    for name, *asked in drawn:
        getattr(of, name)(*asked)
        assert of.found() == of.by_states()
    assert check.check(db) == []

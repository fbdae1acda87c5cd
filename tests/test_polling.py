"""A poll from first page to end: what is kept, how it resumes, when it fails. A real database, a hub made of pages."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from collector.errors import CursorRefused, HubError, Stopped
from collector.hubs.huggingface import read_page
from collector.hubs.judging import Answer
from collector.model import Observation, Page, PollPlan
from collector.polling import PollResult, Progress, poll_once
from collector.store import schema
from collector.store.database import Database, upgrade
from collector.store.polls import FinishedPoll, PollStore

ALL = PollPlan("all")
START = datetime(2026, 9, 1, 0, 5, tzinfo=UTC)


class Clock:
    """A clock that is moved by hand, and the user's wish to stop."""

    def __init__(self) -> None:
        self.at = START
        self.stopped = False

    def now(self) -> datetime:
        return self.at

    def is_set(self) -> bool:
        return self.stopped

    def wait(self, timeout: float) -> bool:
        self.at += timedelta(seconds=timeout)
        return self.stopped


def row(number: int, all_time: int | None = 100, rolling: int | None = 10) -> Observation:
    return Observation(f"key{number:03}", f"qwen/model-{number}", all_time, rolling, 0, 1_700_000_000, None, None)


@dataclass
class FakeHub:
    """Pages of rows whose cursors are their numbers; breaks, forgets cursors or is interrupted when told to."""

    clock: Clock
    rows: Sequence[Sequence[Observation]]
    name: str = "huggingface"
    endpoint: str = "http://127.0.0.1:1"
    asked: list[str | None] = field(default_factory=list)
    links: dict[int, str | None] = field(default_factory=dict)  #: next cursors that differ from the truth
    _breaks_at: int | None = None
    _refuses: int = 0
    _stops_at: int | None = None

    def breaks_at(self, page: int | None) -> None:
        """From now on asking for this page (from 0) is an error; None: no more."""
        self._breaks_at = page

    def forgets_cursors(self, times: int) -> None:
        """So many cursors are refused from now on."""
        self._refuses = times

    def is_interrupted_at(self, page: int) -> None:
        """The user asks to stop while this page is read."""
        self._stops_at = page

    def page(self, cursor: str | None) -> Page:
        self.asked.append(cursor)
        number = int(cursor or 0)
        if cursor is not None and self._refuses:
            self._refuses -= 1
            raise CursorRefused("huggingface: cursor refused")
        if number == self._breaks_at:
            raise HubError("huggingface: the hub answered 503, asked 6 times")
        if number == self._stops_at:
            self.clock.stopped = True
            raise Stopped("stopped")
        self.clock.at += timedelta(seconds=1)
        following = str(number + 1) if number + 1 < len(self.rows) else None
        rows = tuple(self.rows[number])
        return Page(
            self.clock.at, rows, self.links.get(number, following), rows_skipped=1, retries=2, waited_seconds=0.5
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'collector.db'}"
    upgrade(url)
    with Database.open(url, write=True) as database:
        yield database


def run(hub: FakeHub, db: Database, plan: PollPlan = ALL) -> PollResult:
    return poll_once(hub, PollStore(db), plan, hub.clock.now, hub.clock, lambda progress: None)


def polls(db: Database) -> list[Any]:
    with db.connect() as conn:
        return list(conn.execute(select(schema.poll).order_by(schema.poll.c.id)))


def listed(db: Database) -> list[str]:
    with db.connect() as conn:
        return list(conn.execute(select(schema.model.c.name).order_by(schema.model.c.id)).scalars())


def facts(db: Database) -> list[list[Any]]:
    """Every table of facts, row by row."""
    tables = (schema.poll, schema.publisher, schema.model, schema.observation, schema.model_state)
    with db.connect() as conn:
        return [[tuple(row) for row in conn.execute(select(table).order_by(*table.primary_key))] for table in tables]


def three_pages(clock: Clock) -> FakeHub:
    return FakeHub(clock, [[row(1), row(2)], [row(3), row(4)], [row(5)]])


def test_a_poll_keeps_every_page_and_says_what_came(clock: Clock, db: Database) -> None:
    result = run(three_pages(clock), db)
    assert (result.resumed, result.poll.models_listed, result.poll.models_new, result.poll.pages) == (False, 5, 5, 3)
    assert (result.poll.rows_skipped, result.poll.retries, result.poll.waited_seconds) == (3, 6, 1.5)
    assert listed(db) == [f"qwen/model-{n}" for n in range(1, 6)]
    assert [(poll.status, poll.cursor, poll.error) for poll in polls(db)] == [("complete", None, None)]


def test_progress_is_told_after_each_page(clock: Clock, db: Database) -> None:
    told: list[Progress] = []
    hub = three_pages(clock)
    poll_once(hub, PollStore(db), PollPlan("top", 5), clock.now, clock, told.append)
    assert told == [Progress(2, 1, 5), Progress(4, 2, 5), Progress(5, 3, 5)]


def test_a_top_poll_ends_when_it_has_its_models_and_asks_no_further(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    result = run(hub, db, PollPlan("top", 3))
    assert (result.poll.models_listed, hub.asked) == (3, [None, "1"])
    assert listed(db) == ["qwen/model-1", "qwen/model-2", "qwen/model-3"]


def test_a_top_poll_of_more_than_there_is_ends_with_the_listing(clock: Clock, db: Database) -> None:
    assert run(three_pages(clock), db, PollPlan("top", 50)).poll.models_listed == 5


def test_a_hub_that_goes_down_leaves_what_came_and_is_read_on_from_there(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    hub.breaks_at(1)
    with pytest.raises(HubError, match="503"):
        run(hub, db)
    assert listed(db) == ["qwen/model-1", "qwen/model-2"]
    (failed,) = polls(db)
    assert (failed.status, failed.cursor, failed.error) == (
        "failed",
        "1",
        "huggingface: the hub answered 503, asked 6 times",
    )

    hub.breaks_at(None)
    result = run(hub, db)
    assert (result.resumed, result.poll.id, result.poll.models_listed) == (True, failed.id, 5)
    assert hub.asked == [None, "1", "1", "2"]
    assert [(poll.status, poll.error) for poll in polls(db)] == [("complete", None)]


def test_a_stopped_poll_stays_running_and_is_read_on_from_there(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    hub.is_interrupted_at(2)
    with pytest.raises(Stopped):
        run(hub, db)
    assert [(poll.status, poll.cursor) for poll in polls(db)] == [("running", "2")]
    with pytest.raises(Stopped, match="what was read is kept"):
        run(hub, db)
    assert hub.asked == [None, "1", "2"]

    clock.stopped = False
    result = run(FakeHub(clock, hub.rows), db)
    assert (result.resumed, result.poll.models_listed) == (True, 5)


def test_a_poll_killed_between_its_last_page_and_its_end_asks_nothing_more(clock: Clock, db: Database) -> None:
    store, hub = PollStore(db), three_pages(clock)
    poll = store.start_poll(store.hub_id(hub.name, hub.endpoint), ALL, clock.now())
    for cursor in (None, "1", "2"):
        poll = store.write_page(poll, hub.page(cursor))
    hub.asked.clear()
    result = run(hub, db)
    assert (result.resumed, result.poll.models_listed, hub.asked) == (True, 5, [])


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_poll_broken_off_at_any_page_ends_in_the_same_database_as_one_that_was_not(
    page: int, clock: Clock, db: Database, tmp_path: Path
) -> None:
    hub = three_pages(clock)
    hub.breaks_at(page)
    with pytest.raises(HubError):
        run(hub, db)
    hub.breaks_at(None)
    run(hub, db)

    url = f"sqlite:///{tmp_path / 'uninterrupted.db'}"
    upgrade(url)
    with Database.open(url, write=True) as other:
        run(three_pages(Clock()), other)
        assert facts(other) == facts(db)


def test_an_unfinished_poll_of_yesterday_is_left_and_a_new_one_begins(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    hub.breaks_at(1)
    with pytest.raises(HubError):
        run(hub, db)
    hub.breaks_at(None)
    clock.at = START + timedelta(days=1)
    assert not run(hub, db).resumed
    assert [poll.status for poll in polls(db)] == ["failed", "complete"]


def run_while_the_clock(hub: FakeHub, db: Database, moves_by: timedelta) -> PollResult:
    """A poll after whose first page the clock is moved."""

    def move(progress: Progress) -> None:
        if progress.pages == 1:
            hub.clock.at += moves_by

    return poll_once(hub, PollStore(db), ALL, hub.clock.now, hub.clock, move)


def test_a_poll_that_sleeps_for_36_hours_goes_on(clock: Clock, db: Database) -> None:
    assert run_while_the_clock(three_pages(clock), db, timedelta(hours=36)).poll.models_listed == 5


def test_a_poll_that_sleeps_for_longer_fails_and_a_new_one_begins(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    reason = "huggingface: this poll began more than 36 hours ago; what was read is kept; poll again to begin a new one"
    with pytest.raises(HubError, match=f"^{reason}$"):
        run_while_the_clock(hub, db, timedelta(hours=37))
    assert [(poll.status, poll.cursor, poll.error) for poll in polls(db)] == [("failed", "1", reason)]
    assert listed(db) == ["qwen/model-1", "qwen/model-2"]

    result = run(hub, db)
    assert (result.resumed, result.poll.models_listed) == (False, 5)


def test_a_clock_that_is_set_back_before_the_polls_start_fails_it_and_a_new_one_begins(
    clock: Clock, db: Database
) -> None:
    hub = three_pages(clock)
    reason = "huggingface: the clock was set back to before this poll began; what was read is kept; poll again to begin"
    with pytest.raises(HubError, match=f"^{reason} a new one$"):
        run_while_the_clock(hub, db, timedelta(minutes=-5))
    assert listed(db) == ["qwen/model-1", "qwen/model-2"]

    result = run(hub, db)
    assert (result.resumed, result.poll.models_listed) == (False, 5)


def test_a_clock_that_is_set_back_within_the_poll_does_not_matter(clock: Clock, db: Database) -> None:
    assert run_while_the_clock(three_pages(clock), db, timedelta(seconds=-1)).poll.models_listed == 5


def test_a_poll_whose_clock_is_right_again_is_read_on(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    with pytest.raises(HubError, match="the clock was set back"):
        run_while_the_clock(hub, db, timedelta(minutes=-5))
    clock.at += timedelta(minutes=6)
    assert run(hub, db).resumed


def test_an_unfinished_poll_of_another_plan_is_not_gone_on_with(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    hub.breaks_at(1)
    with pytest.raises(HubError):
        run(hub, db)
    hub.breaks_at(None)
    assert not run(hub, db, PollPlan("top", 4)).resumed


def test_a_poll_that_another_plans_came_after_is_begun_anew(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    hub.breaks_at(1)
    with pytest.raises(HubError):
        run(hub, db)
    hub.breaks_at(None)
    run(hub, db, PollPlan("top", 1))  # the other poll is now the last one that listed model 1
    hub.rows = [[row(each, all_time=110) for each in page] for page in ((1, 2), (3, 4), (5,))]
    hub.forgets_cursors(1)  # so model 1 is sent again
    result = run(hub, db)
    assert (result.resumed, result.poll.models_listed, result.poll.models_moved) == (False, 5, 2)
    assert [poll.status for poll in polls(db)] == ["failed", "complete", "complete"]
    with db.connect() as conn:
        assert conn.execute(select(schema.absence)).all() == []


def test_a_model_listed_before_another_plans_poll_is_not_missing_afterwards(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    run(hub, db)
    clock.at += timedelta(hours=3)
    hub.breaks_at(1)
    with pytest.raises(HubError):
        run(hub, db)
    hub.breaks_at(None)
    run(hub, db, PollPlan("top", 5))
    run(hub, db)
    with db.connect() as conn:
        assert conn.execute(select(schema.absence)).all() == []


def test_a_refused_cursor_begins_the_listing_again_and_counts_nothing_twice(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    hub.forgets_cursors(1)
    result = run(hub, db)
    assert hub.asked == [None, "1", None, "1", "2"]
    assert (result.poll.models_listed, result.poll.models_new) == (5, 5)


def test_a_hub_that_keeps_refusing_its_cursors_is_given_up_and_resumable(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    hub.forgets_cursors(2)
    with pytest.raises(CursorRefused):
        run(hub, db)
    assert [(poll.status, poll.models_listed) for poll in polls(db)] == [("failed", 2)]
    assert run(hub, db).poll.models_listed == 5


def test_links_that_lead_in_a_circle_end_the_poll_with_an_error(clock: Clock, db: Database) -> None:
    hub = three_pages(clock)
    hub.links[2] = "1"
    with pytest.raises(HubError, match="circle"):
        run(hub, db)
    assert [(poll.status, poll.cursor) for poll in polls(db)] == [("failed", "2")]
    hub.links.clear()
    assert run(hub, db).poll.models_listed == 5


def test_an_empty_hub_is_a_complete_poll(clock: Clock, db: Database) -> None:
    assert run(FakeHub(clock, [[]]), db).poll.models_listed == 0


def bare(*numbers: int) -> list[Observation]:
    return [row(number, all_time=None) for number in numbers]


def test_a_hub_that_lost_its_cumulative_counter_fails_the_poll_and_nothing_is_kept(clock: Clock, db: Database) -> None:
    run(three_pages(clock), db)
    clock.at = START + timedelta(days=1)
    hub = FakeHub(clock, [bare(1, 2), bare(3, 9)])
    with pytest.raises(HubError, match="no model has a cumulative download counter any more"):
        run(hub, db)
    failed = polls(db)[-1]
    assert (failed.status, failed.pages, failed.models_listed) == ("failed", 0, 0)
    assert "qwen/model-9" not in listed(db)


def test_a_whole_hub_that_lost_its_cumulative_counter_is_noticed_after_a_few_pages(clock: Clock, db: Database) -> None:
    run(three_pages(clock), db)
    clock.at = START + timedelta(days=1)
    hub = FakeHub(clock, [bare(n) for n in range(50)])
    with pytest.raises(HubError, match="cumulative"):
        run(hub, db)
    assert len(hub.asked) == 5


def test_models_without_a_cumulative_counter_are_data_when_others_have_one(clock: Clock, db: Database) -> None:
    run(three_pages(clock), db)
    clock.at = START + timedelta(days=1)
    hub = FakeHub(clock, [bare(1, 2), [], [row(3), *bare(4)], bare(5)])
    result = run(hub, db)
    assert (result.poll.models_listed, result.poll.models_with_all_time, result.poll.pages) == (5, 1, 4)


def test_a_hub_that_never_had_a_cumulative_counter_is_polled(clock: Clock, db: Database) -> None:
    hub = FakeHub(clock, [bare(1, 2), bare(3)])
    run(hub, db)
    clock.at = START + timedelta(days=1)
    assert run(hub, db).poll.models_listed == 3


def test_empty_pages_before_the_rows_are_no_lost_counter(clock: Clock, db: Database) -> None:
    run(three_pages(clock), db)
    clock.at = START + timedelta(days=1)
    result = run(FakeHub(clock, [[], [], [], [], [], [], [row(1)]]), db)
    assert (result.poll.models_listed, result.poll.pages) == (1, 7)


# --- pages as the hub's module reads them ----------------------------------------------------------------------------


class SendingHub(FakeHub):
    """Sends its only page as text, which the hub's module reads: what it says of the models is looked at late."""

    sent: str = "[]"

    def page(self, cursor: str | None) -> Page:
        made = super().page(cursor)
        rows = read_page(Answer("", 200, {}, self.sent.encode(), None), made.observed_at)

        def carefully() -> Page:
            assert rows.carefully is not None
            again = rows.carefully()
            keys = tuple(again.unreadable_keys)
            return Page(made.observed_at, again.listed, None, rows_skipped=len(again.skipped), unreadable_keys=keys)

        return Page(made.observed_at, rows.listed, None, carefully=rows.carefully and carefully)


def as_sent(key: str, all_time: int, **other: Any) -> dict[str, Any]:
    said = {"_id": key, "id": f"qwen/{key}", "downloadsAllTime": all_time, "downloads": 1, "likes": 0}
    return said | {"createdAt": "2024-08-16T20:48:26.000Z", "tags": ["base_model:qwen/base"]} | other


def stored(db: Database, *what: Any) -> list[tuple[Any, ...]]:
    with db.connect() as conn:
        return [tuple(found) for found in conn.execute(select(*what))]


def poll_of(hub: SendingHub, db: Database, day: int, sent: str) -> FinishedPoll:
    hub.clock.at = START + timedelta(days=day)
    hub.sent = sent
    return run(hub, db).poll


def test_a_page_on_which_a_row_proves_odd_is_kept_but_for_that_row(clock: Clock, db: Database) -> None:
    hub = SendingHub(clock, [[]])
    first = poll_of(hub, db, 0, json.dumps([as_sent("a", 5), as_sent("b", 5, id="/b"), as_sent("c", 5)]))
    assert (first.models_listed, first.models_new, first.rows_skipped, first.pages) == (2, 2, 1, 1)
    second = poll_of(hub, db, 1, json.dumps([as_sent("a", 6, createdAt="1969-12-31T00:00:00Z"), as_sent("c", 9)]))
    assert (second.models_listed, second.models_moved, second.rows_skipped) == (1, 1, 1)
    assert stored(db, schema.model_state.c.downloads_all_time, schema.model_state.c.listed_poll_id) == [
        (5, second.id),  # listed, though it could not be read
        (9, second.id),
    ]


def test_other_words_for_the_same_describe_no_model_anew(clock: Clock, db: Database) -> None:
    c, hub = schema.model_state.c, SendingHub(clock, [[]])
    poll_of(hub, db, 0, json.dumps([as_sent("a", 5)]))
    before = stored(db, c.metadata_crc)
    known = stored(db, schema.model), stored(db, schema.model_base), stored(db, schema.origin_todo)
    declared = {"relation": None, "models": [{"id": "qwen/base"}]}
    poll_of(hub, db, 1, json.dumps([as_sent("a", 5, baseModels=declared, tags=[])]))
    assert stored(db, c.metadata_crc) != before, "so that the same words are known tomorrow"
    assert (stored(db, schema.model), stored(db, schema.model_base), stored(db, schema.origin_todo)) == known
    poll_of(hub, db, 2, json.dumps([as_sent("a", 5, baseModels=declared, tags=["base_model:other/base"])]))
    assert (stored(db, schema.model_base), stored(db, schema.origin_todo)) == known[1:], "tags are not asked then"


class Knot:
    """Garbage as a page leaves it behind: it holds itself, so that only a search finds it."""

    def __init__(self) -> None:
        self.itself = self


@dataclass
class KnottyHub(FakeHub):
    """Leaves a knot behind with every page, and notes how many are still there when the next one is asked for."""

    knots: list[weakref.ref[Knot]] = field(default_factory=list)
    left: list[int] = field(default_factory=list)

    def page(self, cursor: str | None) -> Page:
        self.left.append(sum(knot() is not None for knot in self.knots))
        self.knots.append(weakref.ref(Knot()))
        return super().page(cursor)


def test_a_long_poll_holds_the_garbage_of_a_few_pages_and_not_of_all(clock: Clock, db: Database) -> None:
    hub = KnottyHub(clock, [[row(number)] for number in range(100)])
    before = gc.get_threshold()
    gc.set_threshold(1_000_000)  # so many objects are not made here: nobody else looks for garbage
    try:
        run(hub, db)
    finally:
        gc.set_threshold(*before)
    assert max(hub.left) <= 25
    assert len(hub.knots) == 100

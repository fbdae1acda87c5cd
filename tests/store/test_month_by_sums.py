"""Months added up poll by poll, from nothing or from where they stood, are what the measure says of all readings.

The measure's own way over the whole history is the only definition of the rules; here it is the oracle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, delete, insert, select, text, update

from collector import counting, rollup
from collector.looking import look
from collector.measure.spans import FIRST
from collector.measure.steps import RESTATEMENT_MARGIN
from collector.measure.windows import flag_names, growth, in_window
from collector.model import DAY, Window, days_window, month_window
from collector.store import hub_polls, hubwide, month_columns, months, schema, sums
from collector.store import readings as facts
from collector.store.database import Database
from collector.store.numbering import reading_id
from collector.store.queries import Hub
from collector.store.timing import SECONDS, time_and_span
from tests.measure.drawn import START, worlds
from tests.measure.drawn import World as Drawn
from tests.measure.lives import kept_of
from tests.measure.reference import Life, Poll, Sighting
from tests.store.facts import World, whole_series

HUB = Hub(1, "huggingface", "")
WORKED_OUT = (schema.model_month, schema.month_columns, schema.month_build)
TABLES = (*WORKED_OUT, schema.observation, schema.model_state, schema.model, schema.poll)
MANY = settings(
    max_examples=12,
    deadline=None,
    # A failing world is small enough as it is drawn; to make it smaller takes minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FEW = settings(MANY, max_examples=4)  # on a server: that engines add up alike needs fewer worlds than the law does

Rows = list[tuple[Any, ...]]


@pytest.fixture
def kept(db: Database, world: World) -> Database:
    """A hub with one account."""
    world.account("a")
    return db


@pytest.fixture
def on_file(sqlite_url: str) -> Iterator[Database]:
    with Database.open(sqlite_url, write=True) as db:
        yield _with_one_account(db)


@pytest.fixture
def on_server(server_db: Database) -> Database:
    return _with_one_account(server_db)


def _with_one_account(db: Database) -> Database:
    world = World(db)
    world.hub()
    world.account("a")
    return db


def put(db: Database, drawn: Drawn, polls: int) -> None:
    """The facts as they stand after so many polls; what was worked out from earlier ones stays."""
    made = drawn.polls[:polls]
    starts = {poll.started_at for poll in made}
    lives = [Life([s for s in life.sightings if s.poll in starts], life.created_at) for life in drawn.lives]
    histories = [kept_of(life, made) for life in lives]
    with db.begin() as connection:
        connection.execute(delete(schema.observation))
        connection.execute(delete(schema.model_state))
        rows = [(model_id, row) for model_id, (stored, _) in enumerate(histories, 1) for row in stored]
        for n in range(1, polls + 1):
            _insert_or_update(connection, schema.poll, _poll(n, drawn, lives, rows))
        for model_id, (life, (_, state)) in enumerate(zip(lives, histories, strict=True), 1):
            listed = [n for n, poll in enumerate(made, 1) if poll.started_at in {s.poll for s in life.sightings}]
            names = {"id": model_id, "hub_id": 1, "hub_key": f"k{model_id}", "name": f"a/{model_id}"}
            more = {"publisher_id": 1, "created_at": life.created_at, "first_poll_id": listed[0] if listed else None}
            _insert_or_update(connection, schema.model, names | more)
            said = {"downloads_all_time": state.all_time, "downloads_30d": state.rolling, "seen_at": state.seen_at}
            last = {"changed_at": state.changed_at, "listed_poll_id": listed[-1] if listed else None}
            connection.execute(insert(schema.model_state).values(model_id=model_id, **said, **last))
        for model_id, row in rows:
            number = reading_id(row.poll_id, model_id)
            counts = {"downloads_all_time": row.all_time, "downloads_30d": row.rolling, "delta": row.delta}
            when = time_and_span(row.at - made[row.poll_id - 1].started_at, row.span)
            values = {"id": number, "time_and_span": when, **counts}
            connection.execute(insert(schema.observation).values(**values))


def _insert_or_update(connection: Connection, table: Table, values: dict[str, Any]) -> None:
    if not connection.execute(update(table).where(table.c.id == values["id"]).values(**values)).rowcount:
        connection.execute(insert(table).values(**values))


def _poll(number: int, drawn: Drawn, lives: Sequence[Life], rows: Sequence[tuple[int, Any]]) -> dict[str, Any]:
    poll = drawn.polls[number - 1]
    asked = [s for life in lives for s in life.sightings if s.poll == poll.started_at]
    begins = [row.at - row.span for _, row in rows if row.poll_id == number and row.span is not None]
    zero = dict.fromkeys(("models_new", "models_moved", "rows_skipped", "retries", "waited_seconds"), 0)
    return {
        "id": number,
        "hub_id": 1,
        "scope": "all" if poll.whole else "top",
        "top": None if poll.whole else 9,
        "started_at": poll.started_at,
        "finished_at": drawn.read_at[number - 1],
        "status": "complete",
        "pages": 1,
        "models_listed": len(asked),
        "models_with_all_time": sum(s.all_time is not None for s in asked),
        "is_stale": poll.stale,
        "is_thin": poll.thin,
        "reaches_back_to": min(begins, default=None),
        **zero,
    }


def measured(db: Database, window: Window) -> Rows:
    """The oracle: what each model with figures did, judged from its whole history."""
    seen = look(db, HUB)
    assert seen.as_of is not None
    models = facts.models(db, 1, window)
    grown = in_window(whole_series(db, 1), models, seen.polls.completed(), window, seen.as_of)
    some = (grown.downloads > 0) | (grown.corrections != 0) | ((grown.flags & ~FIRST) != 0)
    columns = (grown.model_id, grown.downloads, grown.estimated, grown.corrections, grown.covered)
    figures = zip(*(column[some].tolist() for column in columns), strict=True)
    flags = (" ".join(flag_names(each)) for each in grown.flags[some].tolist())
    return [(*row, names) for row, names in zip(figures, flags, strict=True)]


def counted(db: Database, window: Window) -> Rows:
    """What the roll-up says of a window: from model_month where that is current, else from the readings."""
    found = counting.count(db, HUB, window)
    model_ids = found.described.model_id.tolist()
    columns = (found.downloads, found.estimated, found.corrections, found.covered)
    flags = [found.flags.get(model_id, "") for model_id in model_ids]
    return list(zip(model_ids, *(column.tolist() for column in columns), flags, strict=True))


def refresh(db: Database) -> None:
    """All months, as a roll-up does: a poll whose growth lies in two of them is read once for both."""
    seen = look(db, HUB)
    known = lru_cache(None)(lambda: hubwide.read(db, 1))
    rollup.refresh_months(db, HUB, rollup.known_months(db, HUB, seen), known, seen)


def stored(db: Database) -> tuple[Rows, Rows, Rows]:
    """The rows of all months, what is kept of them as columns, and how far each is known."""
    b = schema.month_build.c
    with db.connect() as connection:
        rows = connection.execute(select(schema.model_month).order_by(*schema.model_month.primary_key)).all()
        columns = connection.execute(select(schema.month_columns).order_by(*schema.month_columns.primary_key)).all()
        known = connection.execute(select(b.month, b.covered, b.open_falls).order_by(b.month)).all()
    return list(map(tuple, rows)), list(map(tuple, columns)), list(map(tuple, known))


def forget(db: Database, *, facts_too: bool = True) -> None:
    with db.begin() as connection:
        for table in TABLES if facts_too else WORKED_OUT:
            connection.execute(delete(table))


def close(rows: Rows) -> list[Any]:
    """Tiles are added up in another order: their last bit may differ."""
    return [pytest.approx(row[:5], rel=1e-12, abs=1e-9) for row in rows]


def the_fast_way_is_the_exact_way(kept: Database, drawn: Drawn, data: st.DataObject) -> None:
    forget(kept)
    put(kept, drawn, len(drawn.polls))
    first, last = drawn.read_at[0] - 40 * DAY, drawn.read_at[-1] + DAY
    begin = data.draw(st.integers(first // DAY, last // DAY), "first day") * DAY
    any_days = Window(begin, begin + data.draw(st.integers(1, 40), "days") * DAY, "any")
    for window in (*rollup.known_months(kept, HUB, look(kept, HUB)), any_days):
        expected, found = measured(kept, window), counted(kept, window)
        assert [(row[0], row[-1]) for row in found] == [(row[0], row[-1]) for row in expected]
        assert [row[:5] for row in found] == close(expected)
    refresh(kept)
    for month in rollup.known_months(kept, HUB, look(kept, HUB)):
        assert [row[:5] for row in counted(kept, month)] == close(measured(kept, month))


@MANY
@given(drawn=worlds(), data=st.data())
def test_the_fast_way_is_the_exact_way(on_file: Database, drawn: Drawn, data: st.DataObject) -> None:
    the_fast_way_is_the_exact_way(on_file, drawn, data)


@FEW
@given(drawn=worlds(), data=st.data())
def test_the_fast_way_is_the_exact_way_on_a_server(on_server: Database, drawn: Drawn, data: st.DataObject) -> None:
    the_fast_way_is_the_exact_way(on_server, drawn, data)


@MANY
@given(drawn=worlds(), data=st.data())
def test_days_are_the_same_whether_readings_near_them_are_read_or_all(
    on_file: Database, drawn: Drawn, data: st.DataObject
) -> None:
    forget(on_file)
    put(on_file, drawn, len(drawn.polls))
    ids = np.arange(1, len(drawn.lives) + 1)
    begin = data.draw(st.integers(drawn.read_at[0] // DAY - 5, drawn.read_at[-1] // DAY), "first day") * DAY
    window = Window(begin, begin + data.draw(st.integers(1, 40), "days") * DAY, "any")
    seen = look(on_file, HUB)
    assert seen.as_of is not None
    models = facts.models(on_file, 1, window)
    whole = growth(whole_series(on_file, 1), models, seen.polls.completed(), seen.as_of)
    expected = counting.daily_downloads(whole, ids, window)
    found = counting.daily_downloads(counting.growth_of(on_file, HUB, ids, window), ids, window)
    # Of a model without a reading near the window nothing is known; who grows in it has some.
    growing = (expected.downloads > 0).any(axis=1)
    np.testing.assert_array_equal(found.downloads[growing], expected.downloads[growing])


def test_a_counter_that_stood_still_is_known_to_have_done_so(kept: Database) -> None:
    drawn = one_model((0, 900), (80, 900), (81, 5_900))
    put(kept, drawn, len(drawn.polls))
    window = Window(START - START % DAY + 50 * DAY, START - START % DAY + 82 * DAY, "any")
    ids = np.array([1])
    days = counting.daily_downloads(counting.growth_of(kept, HUB, ids, window), ids, window)
    assert days.downloads[0, :30].tolist() == [0.0] * 30
    assert days.downloads.sum() == 5_000


def poll_by_poll_comes_to_the_same_bytes_as_from_nothing(kept: Database, drawn: Drawn) -> None:
    forget(kept)
    for polls in range(1, len(drawn.polls) + 1):
        put(kept, drawn, polls)
        refresh(kept)
        assert months.wrongly_kept(kept, 1) == {}
    step_by_step = stored(kept)
    forget(kept, facts_too=False)
    refresh(kept)
    assert stored(kept) == step_by_step


@MANY
@given(drawn=worlds())
def test_poll_by_poll_comes_to_the_same_bytes_as_from_nothing(on_file: Database, drawn: Drawn) -> None:
    poll_by_poll_comes_to_the_same_bytes_as_from_nothing(on_file, drawn)


@FEW
@given(drawn=worlds())
def test_poll_by_poll_comes_to_the_same_bytes_as_from_nothing_on_a_server(on_server: Database, drawn: Drawn) -> None:
    poll_by_poll_comes_to_the_same_bytes_as_from_nothing(on_server, drawn)


def one_model(*sightings: tuple[float, int | None], rolling: int = 10**7, more: Sequence[float] = ()) -> Drawn:
    """A model read at these days after START, and polls that did not list it."""
    at = {START + int(day * DAY): value for day, value in sightings}
    polls = sorted({*at, *(START + int(day * DAY) for day in more)})
    life = Life([Sighting(when, value, rolling, when) for when, value in at.items()], START - 400 * DAY)
    return Drawn([life], [Poll(when) for when in polls], polls)


def test_a_fall_seen_long_after_the_window_and_made_good_later_still_is_a_dip(kept: Database) -> None:
    # Not seen from day 20 to day 80; what recovers on day 84 makes the whole span a rise of 10.
    drawn = one_model((0, 900), (20, 1000), (80, 500), (84, 1010), more=(33, 60))
    put(kept, drawn, len(drawn.polls))
    march = month_window("2026-03")
    (row,) = counted(kept, march)
    assert (row[3], row[5]) == (0, "dip")
    assert [tuple(row)] == measured(kept, march)


def test_a_judged_model_keeps_the_growth_that_is_read_long_after_the_window(kept: Database) -> None:
    drawn = one_model((0, 10), (1, 5_000), (90, 5_100), rolling=0, more=(33, 60))
    put(kept, drawn, len(drawn.polls))
    march = month_window("2026-03")
    assert counted(kept, march) == measured(kept, march)
    assert counted(kept, march)[0][5] == "restatement"


def test_a_month_hears_of_a_late_fall_and_then_that_it_was_made_good(kept: Database) -> None:
    drawn = one_model((0, 900), (70, 500), (70.1, 1010))
    for polls, flag in ((2, "correction"), (3, "dip")):
        put(kept, drawn, polls)
        refresh(kept)
        (row,) = counted(kept, month_window("2026-03"))
        assert row[5] == flag


def test_a_month_hears_that_a_late_fall_lasts_however_long_the_polls_pause_then(kept: Database) -> None:
    drawn = one_model((0, 900), (70, 500), more=(100, 101))
    for polls, open_falls in ((2, 1), (3, 0), (4, 0)):
        put(kept, drawn, polls)
        refresh(kept)
        built = months.month_builds(kept, 1)[202603]
        assert (polls, built.open_falls) == (polls, open_falls)


def test_a_month_hears_who_is_gone_however_long_the_polls_pause(kept: Database) -> None:
    # Its only count, of day 14, is too far from the month's end to speak of it; known to be gone, it ends with day 14.
    lost = Life([Sighting(START + 14 * DAY, None, 300, START + 14 * DAY)], START - 400 * DAY)
    days = [0, 14, 80, 120]
    seen = one_model(*((day, 1_000) for day in days))  # growth of others would tell of the polls
    drawn = Drawn([*seen.lives, lost], seen.polls, seen.read_at)
    for polls, downloads in ((3, 10), (4, 140)):
        put(kept, drawn, polls)
        refresh(kept)
        march = month_window("2026-03")
        assert (polls, counted(kept, march)[-1][1]) == (polls, pytest.approx(downloads))
        assert [row[:5] for row in counted(kept, march)] == close(measured(kept, march))


def test_days_whose_tile_takes_a_later_count_have_its_part_however_early_in_the_month(kept: Database) -> None:
    # The count of 13 March is the nearest to the end of February, and its tile reaches back to 30 January.
    at = month_window("2026-03").start + 12 * DAY
    put(kept, Drawn([Life([Sighting(at, None, 300, at)], START - 400 * DAY)], [Poll(at)], [at]), 1)
    week = days_window(date(2026, 2, 1), date(2026, 2, 7))
    assert [row[1] for row in counted(kept, week)] == [pytest.approx(60)]
    assert [row[:5] for row in counted(kept, week)] == close(measured(kept, week))


def test_a_month_hears_of_a_30_day_count_that_is_back_though_it_did_not_move(kept: Database) -> None:
    drawn = away(12, 42)
    for polls, downloads in ((3, 10), (4, 310)):  # of the first of March alone, and of the whole month
        put(kept, drawn, polls)
        refresh(kept)
        march = month_window("2026-03")
        assert (polls, [row[1] for row in counted(kept, march)]) == (polls, [pytest.approx(downloads)])
        assert [row[:5] for row in counted(kept, march)] == close(measured(kept, march))


def test_while_a_30_day_count_went_unread_nothing_is_known_of_it(kept: Database) -> None:
    drawn = away(12, 55)  # the end of March is 19 days from the one, and 24 from the other
    put(kept, drawn, len(drawn.polls))
    refresh(kept)
    assert [row[1] for row in counted(kept, month_window("2026-03"))] == [pytest.approx(10)]


def away(last: int, back: int) -> Drawn:
    """A model with the same 30-day count on the days before and after it was away; polls went on meanwhile."""
    polls = [Poll(START + day * DAY) for day in (0, last, 35, back)]
    at = [poll.started_at for poll in polls]
    seen = Life([Sighting(at[n], None, 300, at[n]) for n in (0, 1, 3)], START - 400 * DAY)
    return Drawn([seen], polls, at)


def test_a_poll_adds_only_what_it_read_to_a_month(kept: Database) -> None:
    drawn = one_model((0, 900), (2, 1000), (3, 1010), (4, 1030))
    put(kept, drawn, 3)
    refresh(kept)
    march = month_window("2026-03")
    with kept.begin() as connection:  # a trace in the row shows that it was added to and not worked out anew
        connection.execute(text("UPDATE model_month SET downloads = downloads + 5000"))
        month_columns.forget(connection, 1, 202603)
    put(kept, drawn, 4)
    refresh(kept)
    (row,) = counted(kept, march)
    assert row[1] == measured(kept, march)[0][1] + 5000


def test_growth_is_read_once_for_two_months_and_anew_after_another_poll(kept: Database) -> None:
    put(kept, one_model((0, 900), (2, 1000), (3, 1010)), 3)
    growth = sums.growth_by_poll(kept)
    with kept.connect() as connection:
        second, third = connection.scalars(select(schema.poll.c.id).order_by(schema.poll.c.started_at).offset(1))
    read = growth(second)
    assert growth(second) is read
    assert growth(third).downloads.tolist() == [10]
    assert growth(second) is not read
    assert growth(second).downloads.tolist() == [100]


def test_growth_that_is_taken_apart_in_parts_is_the_same(kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = one_model((0, 900), (2, 1000), (3, 1010))
    put(kept, Drawn(drawn.lives * 3, drawn.polls, drawn.read_at), 3)
    cut_at_both_ends = Window(START + DAY, START + 2 * DAY + DAY // 2, "any")
    at_once = counting.plain_sums(kept, HUB, cut_at_both_ends)
    monkeypatch.setattr(sums, "_AT_A_TIME", 2)
    in_parts = counting.plain_sums(kept, HUB, cut_at_both_ends)
    assert [column.tolist() for column in in_parts] == [column.tolist() for column in at_once]
    assert at_once[0].tolist() == [1, 2, 3]


def test_models_that_came_since_the_hub_s_were_read_are_left_for_the_next_time(kept: Database) -> None:
    drawn = one_model((0, 900), (2, 1000), (3, 1010))
    put(kept, drawn, 3)
    known = hubwide.read(kept, 1)
    other = Life([Sighting(s.at, s.all_time, s.rolling, s.poll) for s in drawn.lives[0].sightings], START - 400 * DAY)
    put(kept, Drawn([*drawn.lives, other], drawn.polls, drawn.read_at), 3)
    march = month_window("2026-03")
    assert counting.count_anew(kept, HUB, march, known).described.model_id.tolist() == [1]
    assert counting.count(kept, HUB, march, known).described.model_id.tolist() == [1]
    assert counting.count(kept, HUB, march).described.model_id.tolist() == [1, 2]


SEAMS = ((hub_polls, "read"), (rollup, "look"), (sums, "basis"), (sums, "rises"), (rollup, "plain_sums"))


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: f"after {seam[1]}")
@pytest.mark.parametrize("begun", [False, True], ids=["it begins meanwhile", "it goes on meanwhile"])
@pytest.mark.parametrize("known", [0, 2], ids=["from nothing", "added to"])
def test_a_poll_beside_the_roll_up_is_counted_once(
    kept: Database, monkeypatch: pytest.MonkeyPatch, seam: tuple[Any, str], begun: bool, known: int
) -> None:
    drawn = one_model((0, 900), (2, 1000), (3, 1010), (4, 1030), (5, 1070))
    if known:
        put(kept, drawn, known)
        rollup.refresh_month(kept, HUB, month_window("2026-03"))
    put(kept, drawn, 3)
    if begun:
        put(kept, drawn, 4)
        without_pages(kept, 4)
    module, name = seam
    call, once = getattr(module, name), iter([lambda: put(kept, drawn, 4)])

    def and_then_a_page(*words: Any) -> Any:
        found = call(*words)
        next(once, lambda: None)()
        return found

    monkeypatch.setattr(module, name, and_then_a_page)
    march = month_window("2026-03")
    rollup.refresh_month(kept, HUB, march)
    assert next(once, None) is None
    for polls in (4, 5):
        put(kept, drawn, polls)
        rollup.refresh_month(kept, HUB, march)
        assert counted(kept, march) == measured(kept, march)


def without_pages(db: Database, number: int) -> None:
    """The poll as it is before its first page is in."""
    p, o = schema.poll.c, schema.observation.c
    begun = {"status": "running", "finished_at": None, "pages": 0, "models_listed": 0, "reaches_back_to": None}
    with db.begin() as connection:
        connection.execute(delete(schema.observation).where(o.poll_id == number))
        connection.execute(update(schema.poll).where(p.id == number).values(**begun))


def test_a_reading_that_comes_before_stored_ones_has_the_month_worked_out_from_nothing(kept: Database) -> None:
    drawn = one_model((0, 900), (2, 1000), (5, 1050))
    put(kept, drawn, 3)
    assert sums.is_in_order(kept, 1, 2)
    with kept.begin() as connection:
        connection.execute(text(f"UPDATE poll SET started_at = {START + DAY} WHERE id = 3"))
    assert not sums.is_in_order(kept, 1, 2)


def test_a_month_hears_that_its_last_fall_lasts_after_whatever_outage(kept: Database) -> None:
    drawn = one_model((0, 900), (30, 500), (31, 500), (32, 500), (100, 500))
    for polls, open_falls in ((4, 1), (5, 0)):
        put(kept, drawn, polls)
        refresh(kept)
        built = months.month_builds(kept, 1)[202603]
        assert built.open_falls == open_falls


def test_nothing_new_leaves_the_content_of_a_month(kept: Database) -> None:
    drawn = one_model((0, 900), (2, 1000), (40, 1000), (41, 1050))
    put(kept, drawn, 3)
    refresh(kept)
    before = months.month_builds(kept, 1)[202603]
    put(kept, drawn, 4)
    refresh(kept)
    after = months.month_builds(kept, 1)[202603]
    assert (after.content, after.last_poll_id) == (before.content, 4)


def test_the_index_of_unusual_readings_holds_every_step_that_is_judged() -> None:
    assert f"+ {RESTATEMENT_MARGIN})" in schema.UNUSUAL
    assert "delta < 0" in schema.UNUSUAL
    assert "2 * coalesce(downloads_30d, 0)" in schema.UNUSUAL


@example(delta=10**12, span=40_000_000, start=1)
@example(delta=14_202_399, span=54_580_434, start=4_194_305)
@given(delta=st.integers(1, 10**12), span=st.integers(1, 10**8), start=st.integers(-(10**8), 10**8))
@MANY
def test_a_window_takes_the_part_of_a_span_that_the_measure_says(
    kept: Database, world: World, delta: int, span: int, start: int
) -> None:
    window = days_window(date(2026, 3, 1), date(2026, 3, 9))
    forget(kept)
    at = window.start + start
    world.poll(1, at - span)
    world.poll(2, at, reaches_back_to=at - span)
    world.model(1, "a/m")
    world.state(1, delta, at, at)
    world.reading(1, 1, 0, downloads_30d=0)
    world.reading(2, 1, delta, downloads_30d=10**12, span_seconds=span, delta=delta)
    assert counted(kept, window) == [tuple(row) for row in measured(kept, window)]


@pytest.mark.parametrize("begins", [-1, 0, 1])
@pytest.mark.parametrize("ends", [-1, 0, 1])
@pytest.mark.parametrize("seconds", [1, SECONDS - 1])
def test_a_window_has_the_growth_that_begins_and_ends_with_it(
    kept: Database, world: World, begins: int, ends: int, seconds: int
) -> None:
    """One poll's growth begins or ends a second before the window does, with it, or a second after."""
    window = days_window(date(2026, 3, 1), date(2026, 3, 9))
    begin, end = window.start + begins, window.end + ends
    world.poll(1, begin)
    world.poll(2, end - seconds, reaches_back_to=begin)
    for model_id, (since, until) in enumerate([(begin, end), (begin, end - 1), (end - DAY, end)], 1):
        world.model(model_id, f"a/{model_id}")
        world.state(model_id, 10**9, until, until)
        world.reading(1, model_id, 0, downloads_30d=0)
        rise = {"downloads_30d": 10**12, "span_seconds": until - since, "delta": 10**9}
        world.reading(2, model_id, 10**9, until - end + seconds, **rise)
    assert counted(kept, window) == [tuple(row) for row in measured(kept, window)]

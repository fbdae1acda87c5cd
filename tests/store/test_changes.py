"""Change-only storage as laws: whatever the order in which readings come, the same series stands in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from collector.measure.tiles import NEAR_SECONDS
from collector.model import CREATED_AT_FLOOR, DAY
from collector.store.changes import (
    UNREAD,
    UNREAD_AFTER,
    Change,
    Contradiction,
    Plateau,
    Reading,
    Rewrite,
    Row,
    State,
    Stored,
    compare,
    is_stale,
    is_thin,
    may_adopt,
    merge,
    usual_moves,
)
from tests.store.series import plateaus


def total(at: int, downloads: int, rolling: int | None = None, likes: int | None = None) -> Reading:
    return Reading(at, downloads, rolling, likes)


def rolling(at: int, downloads: int) -> Reading:
    return Reading(at, None, downloads)


@dataclass
class Shelf:
    """One model's rows and state as a database would keep them."""

    rows: list[Stored] = field(default_factory=list)
    state: State = UNREAD
    polls: int = 0

    def keep(self, row: Row) -> None:
        self.polls += 1
        self.rows.append(Stored(self.polls, *row.reading, row.span, row.delta))

    def poll(self, reading: Reading) -> Change:
        change = compare(self.state, reading)
        assert change is not None
        if change.row is not None:
            self.keep(change.row)
        self.state = change.state
        return change

    def put(self, *readings: Reading, cut: bool = False) -> int:
        merged = merge(self.rows, self.state, readings, cut=cut)
        new = {rewrite.poll_id: rewrite for rewrite in merged.rewrites}
        self.rows = [
            row._replace(span=new[row.poll_id].span, delta=new[row.poll_id].delta) if row.poll_id in new else row
            for row in self.rows
        ]
        for row in merged.rows:
            self.keep(row)
        self.state = merged.state
        return len(merged.rows) + len(merged.rewrites)

    def derived(self) -> list[tuple[int, int | None, int | None]]:
        return [(row.at, row.span, row.delta) for row in sorted(self.rows, key=lambda row: (row.at, row.poll_id))]

    def plateaus(self) -> list[Plateau]:
        return plateaus(self.rows, self.state)


def polled(*readings: Reading) -> Shelf:
    shelf = Shelf()
    for reading in readings:
        shelf.poll(reading)
    return shelf


# --- a poll's reading -----------------------------------------------------------------------------------------------


def test_the_first_reading_is_stored_without_span_or_delta_and_is_no_movement() -> None:
    assert compare(UNREAD, total(10, 100, 7, 1)) == Change(
        State(100, 7, 1, changed_at=10, seen_at=10), Row(total(10, 100, 7, 1), None, None), moved=False
    )


def test_an_unchanged_counter_is_a_sighting_and_no_row() -> None:
    shelf = polled(total(10, 100))
    assert shelf.poll(total(20, 100)) == Change(State(100, None, None, 10, 20, 10), None, moved=False)


def test_growth_begins_at_the_last_sighting_of_the_old_value() -> None:
    shelf = polled(total(10, 100), total(20, 100))
    change = shelf.poll(total(50, 130))
    assert change.row == Row(total(50, 130), 30, 30)
    assert change.moved
    assert change.state == State(130, None, None, changed_at=50, seen_at=50, seen_before_at=20)


def test_a_fall_is_a_negative_delta_and_zero_is_a_value() -> None:
    assert polled(total(10, 100), total(20, 0)).derived() == [(10, None, None), (20, 10, -100)]


@pytest.mark.parametrize("silent", [Reading(20, None, None, 3), Reading(20, None, 9, 3)])
def test_null_is_no_reading_but_what_else_was_said_is_kept(silent: Reading) -> None:
    shelf = polled(total(10, 100, 7, 1))
    change = shelf.poll(silent)
    assert change.row is None
    assert not change.moved
    assert change.state == State(100, silent.rolling or 7, 3, changed_at=10, seen_at=10)


def test_a_model_that_says_nothing_at_all_stays_unread() -> None:
    assert compare(UNREAD, Reading(10, None, None)) == Change(UNREAD, None, moved=False)


def test_without_a_cumulative_counter_the_30_day_count_is_compared() -> None:
    assert polled(rolling(10, 5), rolling(20, 5), rolling(30, 4)).derived() == [(10, None, None), (30, 10, -1)]


def test_the_first_cumulative_reading_after_30_day_counts_has_a_span_and_no_delta() -> None:
    shelf = polled(rolling(10, 5), rolling(20, 5))
    change = shelf.poll(total(30, 1_000, 6))
    assert change.row == Row(total(30, 1_000, 6), 10, None)
    assert not change.moved
    assert change.state == State(1_000, 6, None, changed_at=30, seen_at=30, seen_before_at=20)


def test_only_a_rise_by_more_than_a_thousand_is_remembered() -> None:
    assert polled(total(10, 0), total(20, 1_000)).state.rose_at is None
    assert polled(total(10, 0), total(20, 1_001)).state.rose_at == 20
    assert polled(rolling(10, 0), rolling(20, 9_000)).state.rose_at is None


@pytest.mark.parametrize(
    ("days", "rolling_count", "kept"),
    [(3 * DAY, 8, True), (3 * DAY + 1, 8, False), (DAY, 7, False), (DAY, None, False)],
)
def test_for_three_days_after_a_large_rise_every_other_30_day_count_is_kept(
    days: int, rolling_count: int | None, kept: bool
) -> None:
    shelf = polled(total(0, 0, 1), total(100, 5_000, 7))
    change = shelf.poll(Reading(100 + days, 5_000, rolling_count))
    assert change.row == (Row(Reading(100 + days, 5_000, rolling_count), days, 0) if kept else None)
    assert not change.moved
    assert change.state.changed_at == 100


@pytest.mark.parametrize(
    ("days", "rolling_count", "kept"),
    [(3 * DAY, 8, True), (3 * DAY + 1, 8, False), (DAY, 7, False), (DAY, None, False), (0, 8, False)],
)
def test_a_30_day_count_said_without_the_counter_after_a_large_rise_is_kept_alone(
    days: int, rolling_count: int | None, kept: bool
) -> None:
    said = Reading(100 + days, None, rolling_count)
    shelf = polled(total(0, 0, 1), total(100, 5_000, 7))
    change = shelf.poll(said)
    assert change.row == (Row(said, None, None) if kept else None)
    assert not change.moved
    assert (change.state.seen_at, change.state.all_time) == (100, 5_000)


def test_what_was_said_without_the_counter_need_not_be_kept_again_with_it() -> None:
    shelf = polled(total(0, 0, 1), total(100, 5_000, 7), Reading(100 + DAY, None, 8))
    assert shelf.poll(total(100 + 2 * DAY, 5_000, 8)).row is None


def test_a_value_seen_again_within_its_own_span_changes_nothing() -> None:
    shelf = polled(total(10, 100, 5, 1), total(30, 100, 6, 2))
    assert shelf.poll(total(20, 100, 9, 9)).state == State(100, 6, 2, 10, 30, None)
    assert shelf.poll(total(30, 100, 7, 3)).state == State(100, 7, 3, 10, 30, None)


@pytest.mark.parametrize("reading", [total(30, 101), total(20, 99), total(5, 100), total(5, 90)])
def test_a_reading_that_is_not_later_is_left_to_the_merge(reading: Reading) -> None:
    assert compare(polled(total(10, 100), total(30, 100)).state, reading) is None


# --- readings in any order ------------------------------------------------------------------------------------------

instants = st.integers(0, 60)


@st.composite
def histories(draw: st.DrawFn) -> list[Reading]:
    """What was read at some instants of a counter that never comes back to a value it left."""
    levels = draw(st.lists(st.integers(0, 5_000), min_size=1, max_size=6, unique=True))
    changes = sorted(draw(st.sets(instants, min_size=len(levels) - 1, max_size=len(levels) - 1)))
    at = sorted(draw(st.sets(instants, min_size=1, max_size=15)))
    return [total(instant, levels[sum(change <= instant for change in changes)]) for instant in at]


def seen(readings: list[Reading]) -> list[Plateau]:
    """The obvious way: equal neighbours in time are one plateau."""
    found = []
    for value, group in groupby(sorted(readings), key=lambda reading: reading.all_time):
        at = [reading.at for reading in group]
        assert value is not None
        found.append(Plateau(at[0], at[-1], value))
    return found


@given(histories(), st.data())
def test_any_order_and_any_division_of_readings_gives_the_same_series(
    readings: list[Reading], data: st.DataObject
) -> None:
    parts = data.draw(st.lists(st.integers(0, 4), min_size=len(readings), max_size=len(readings)))
    shuffled = data.draw(st.permutations(list(zip(parts, readings, strict=True))))
    shelf, whole = Shelf(), Shelf()
    for part in range(5):
        shelf.put(*(reading for number, reading in shuffled if number == part))
    whole.put(*readings)
    assert shelf.plateaus() == whole.plateaus() == seen(readings)
    assert shelf.state == whole.state
    deltas = [delta for _, _, delta in shelf.derived() if delta is not None]
    assert sum(deltas) == seen(readings)[-1].value - seen(readings)[0].value


@given(histories(), st.data())
def test_readings_imported_twice_change_nothing(readings: list[Reading], data: st.DataObject) -> None:
    shelf = Shelf()
    shelf.put(*readings)
    before = (list(shelf.rows), shelf.state)
    assert shelf.put(*data.draw(st.permutations(readings))) == 0
    assert (shelf.rows, shelf.state) == before


@given(histories())
def test_readings_in_order_of_time_are_stored_as_polls_store_them(readings: list[Reading]) -> None:
    shelf, imported = polled(*readings), Shelf()
    imported.put(*readings)
    assert imported.derived() == shelf.derived()
    assert imported.state == shelf.state._replace(seen_before_at=None)


@given(histories(), st.data())
def test_import_lands_between_polls_as_if_it_had_been_there_before(
    readings: list[Reading], data: st.DataObject
) -> None:
    asked = data.draw(st.sets(st.sampled_from(readings), min_size=1))
    shelf = polled(*sorted(asked))
    shelf.put(*(reading for reading in readings if reading not in asked))
    assert shelf.plateaus() == seen(readings)


@given(histories(), instants, st.integers(5_001, 9_000))
def test_another_value_between_two_sightings_is_a_contradiction(readings: list[Reading], at: int, other: int) -> None:
    shelf = Shelf()
    shelf.put(*readings)
    around = [plateau for plateau in seen(readings) if plateau.first <= at <= plateau.last]
    if around:
        with pytest.raises(Contradiction) as caught:
            shelf.put(total(at, other))
        assert (caught.value.reading, caught.value.value, caught.value.stored) == (total(at, other), other, around[0])
    else:
        assert shelf.put(total(at, other)) > 0


def test_contradiction_is_seen_between_two_rows_of_one_value() -> None:
    shelf = Shelf()
    shelf.put(total(20, 5))
    shelf.put(total(10, 5))  # an earlier sighting is a row of its own
    assert shelf.derived() == [(10, None, None), (20, 10, 0)]
    with pytest.raises(Contradiction) as caught:
        shelf.put(total(15, 6))
    assert caught.value.stored == Plateau(10, 20, 5)


def test_two_values_of_one_instant_contradict_each_other() -> None:
    with pytest.raises(Contradiction) as caught:
        Shelf().put(total(10, 5), total(10, 6))
    assert caught.value.stored == Plateau(10, 10, 5)


def test_a_later_sighting_needs_no_row_and_shortens_the_span_that_follows() -> None:
    shelf = polled(total(10, 5), total(50, 9))
    assert shelf.put(total(30, 5)) == 1
    assert shelf.derived() == [(10, None, None), (50, 20, 4)]


def test_a_reading_between_two_rows_rewrites_the_one_that_follows() -> None:
    shelf = polled(total(10, 5), total(20, 5), total(50, 9))
    shelf.put(total(30, 7))
    assert shelf.derived() == [(10, None, None), (30, 10, 2), (50, 20, 2)]


def test_history_before_the_first_reading_makes_that_one_growth() -> None:
    shelf = polled(total(50, 2_000))
    shelf.put(total(10, 5))
    assert shelf.derived() == [(10, None, None), (50, 40, 1_995)]
    assert shelf.state == State(2_000, None, None, 50, 50, None, rose_at=50)


def test_the_latest_said_is_by_time_not_by_order_of_storing() -> None:
    shelf = Shelf()
    shelf.put(total(50, 9, 3, 30))
    shelf.put(total(10, 5, 8, 10))
    assert (shelf.state.rolling, shelf.state.likes) == (3, 30)
    shelf.put(total(60, 9, 4, 31))
    assert (shelf.state.rolling, shelf.state.likes) == (4, 31)


def test_a_file_without_a_counter_changes_nothing() -> None:
    shelf = polled(total(10, 5))
    assert shelf.put(Reading(20, None, None, 3)) == 0
    assert shelf.state == polled(total(10, 5)).state


# --- both kinds of counter ------------------------------------------------------------------------------------------


def test_30_day_counts_before_the_first_cumulative_reading_are_a_history_of_their_own() -> None:
    shelf = polled(total(50, 900, 8))
    shelf.put(rolling(10, 5), rolling(20, 5), rolling(30, 6), rolling(40, 6))
    assert shelf.derived() == [(10, None, None), (30, 10, 1), (50, 10, None)]
    assert shelf.state == polled(total(50, 900, 8)).state


def test_a_30_day_count_after_the_first_cumulative_reading_takes_part_in_no_chain() -> None:
    shelf = polled(total(10, 100, 8), total(50, 900, 8))
    assert shelf.put(rolling(30, 7), rolling(40, 7)) == 2
    assert shelf.derived() == [(10, None, None), (30, None, None), (40, None, None), (50, 40, 800)]
    assert shelf.put(rolling(30, 7)) == 0
    assert shelf.put(rolling(50, 8)) == 0
    with pytest.raises(Contradiction):
        shelf.put(rolling(30, 9))


def test_a_cumulative_reading_that_comes_first_in_time_takes_later_30_day_counts_out_of_their_chain() -> None:
    shelf = polled(rolling(10, 5), rolling(20, 5), rolling(40, 6), rolling(60, 6))
    shelf.put(total(15, 900))
    assert shelf.derived() == [(10, None, None), (15, 5, None), (40, None, None)]
    assert shelf.state == State(900, 6, None, changed_at=15, seen_at=15)


mixed = st.builds(
    lambda at, cumulative: Reading(at, 10 * (at // 3) if cumulative else None, at // 9),
    instants,
    st.booleans(),
)


@given(st.lists(mixed, max_size=12, unique_by=lambda reading: reading.at), st.data())
def test_the_cumulative_series_is_the_same_whatever_30_day_counts_stand_beside_it(
    readings: list[Reading], data: st.DataObject
) -> None:
    assume(any(reading.all_time is not None for reading in readings))
    order = data.draw(st.permutations(readings))
    shelf, whole = Shelf(), Shelf()
    for reading in order:
        shelf.put(reading)
    whole.put(*readings)
    expected = seen([reading for reading in readings if reading.all_time is not None])
    assert shelf.plateaus() == whole.plateaus() == expected
    assert whole.put(*order) == 0


def test_a_stored_row_without_any_counter_is_a_bug() -> None:
    with pytest.raises(ValueError, match="without a counter"):
        merge([Stored(1, 10, None, None, 3, None, None)], State(seen_at=10), [])


# --- 30-day counts that went unread ---------------------------------------------------------------------------------


def test_a_30_day_count_goes_unread_when_the_measure_would_take_no_sighting_of_it() -> None:
    assert UNREAD_AFTER == NEAR_SECONDS


def test_a_30_day_count_that_is_back_after_more_than_15_days_is_a_reading_of_its_own() -> None:
    shelf = polled(rolling(0, 7), rolling(3 * DAY, 7), rolling(18 * DAY, 7), rolling(34 * DAY, 7), rolling(35 * DAY, 7))
    assert shelf.derived() == [(0, None, None), (34 * DAY, 16 * DAY, 0)]
    assert (shelf.state.changed_at, shelf.state.seen_at) == (34 * DAY, 35 * DAY)
    assert shelf.polls == 2


def test_a_30_day_count_that_is_back_has_not_moved() -> None:
    change = compare(polled(rolling(0, 7)).state, rolling(40 * DAY, 7))
    assert change is not None
    assert (change.moved, change.row) == (False, Row(rolling(40 * DAY, 7), 40 * DAY, 0))


def test_a_cumulative_counter_that_is_back_stood_still_however_long_it_was_away() -> None:
    shelf = polled(total(0, 7), total(400 * DAY, 7))
    assert shelf.derived() == [(0, None, None)]
    with pytest.raises(Contradiction):
        shelf.put(total(200 * DAY, 8))


def test_a_file_may_say_what_a_30_day_count_was_while_it_went_unread() -> None:
    shelf = polled(rolling(0, 7), rolling(40 * DAY, 7))
    assert shelf.put(rolling(10 * DAY, 7)) == 1  # a later sighting of the first
    assert shelf.derived() == [(0, None, None), (40 * DAY, 30 * DAY, 0)]
    shelf.put(rolling(20 * DAY, 9))
    assert shelf.derived() == [(0, None, None), (20 * DAY, 10 * DAY, 2), (40 * DAY, 20 * DAY, -2)]
    with pytest.raises(Contradiction):
        shelf.put(rolling(5 * DAY, 9))


rolling_histories = st.lists(
    st.builds(rolling, st.integers(0, 90).map(lambda day: day * DAY), st.integers(5, 6)),
    max_size=8,
    unique_by=lambda reading: reading.at,
)


@given(rolling_histories)
def test_30_day_counts_in_order_of_time_are_stored_by_a_file_as_by_polls(readings: list[Reading]) -> None:
    readings = sorted(readings)
    shelf, imported = polled(*readings), Shelf()
    imported.put(*readings)
    assert imported.derived() == shelf.derived()
    assert imported.state == shelf.state._replace(seen_before_at=None)
    assert imported.put(*readings) == 0


# --- clocks that stood still or went back ---------------------------------------------------------------------------


def test_at_one_instant_the_later_poll_counts_and_both_stay() -> None:
    shelf = polled(total(10, 100), total(20, 130))
    shelf.put(total(20, 135), cut=True)
    assert shelf.derived() == [(10, None, None), (20, 10, 30), (20, 10, 35)]
    assert shelf.state == State(135, None, None, 20, 20, 10)
    shelf.poll(total(30, 140))
    assert shelf.derived()[-1] == (30, 10, 5)
    assert shelf.plateaus() == [Plateau(10, 10, 100), Plateau(20, 20, 135), Plateau(30, 30, 140)]


def test_at_one_instant_a_third_poll_may_say_again_what_the_first_said() -> None:
    shelf = polled(total(10, 100), total(20, 130))
    shelf.put(total(20, 135), cut=True)
    shelf.put(total(20, 130), cut=True)
    assert shelf.derived() == [(10, None, None), (20, 10, 30), (20, 10, 35), (20, 10, 30)]
    shelf.poll(total(30, 140))
    assert shelf.derived()[-1] == (30, 10, 10)
    assert shelf.plateaus() == [Plateau(10, 10, 100), Plateau(20, 20, 130), Plateau(30, 30, 140)]
    assert shelf.put(total(20, 130), total(20, 135)) == 0  # a file that says either adds nothing


def test_a_30_day_count_that_was_taken_back_at_its_instant_does_not_come_back() -> None:
    shelf = polled(rolling(20, 1))
    shelf.put(rolling(20, 0), cut=True)
    shelf.put(rolling(10, 0), cut=True)
    assert shelf.plateaus() == [Plateau(10, 20, 0)]
    assert shelf.state.rolling == 0


def test_at_one_instant_a_later_poll_may_say_the_value_before() -> None:
    shelf = polled(total(10, 100), total(20, 130))
    shelf.put(total(20, 100), cut=True)
    assert shelf.derived() == [(10, None, None), (20, 10, 30), (20, 10, 0)]
    assert shelf.plateaus() == [Plateau(10, 20, 100)]
    shelf.poll(total(30, 110))
    assert shelf.plateaus() == [Plateau(10, 20, 100), Plateau(30, 30, 110)]


def test_history_before_two_readings_of_one_instant_rewrites_both() -> None:
    shelf = polled(total(20, 130))
    shelf.put(total(20, 135), cut=True)
    assert shelf.derived() == [(20, None, None), (20, None, None)]
    shelf.put(total(10, 100))
    assert shelf.derived() == [(10, None, None), (20, 10, 30), (20, 10, 35)]
    assert shelf.put(total(20, 130), total(20, 135)) == 0


@pytest.mark.parametrize(("at", "span"), [(40, 20), (20, 10)])
def test_a_poll_whose_clock_went_back_counts_and_the_sightings_after_it_are_given_up(at: int, span: int) -> None:
    shelf = polled(total(10, 100), total(20, 100), total(50, 100))
    shelf.put(total(at, 120), cut=True)
    assert shelf.derived() == [(10, None, None), (at, span, 20)]
    assert shelf.state == State(120, None, None, at, at)


def test_a_poll_may_speak_before_all_that_was_imported() -> None:
    shelf = Shelf()
    shelf.put(total(50, 100), total(60, 110))
    shelf.put(total(40, 90), cut=True)
    assert shelf.derived() == [(40, None, None), (50, 10, 10), (60, 10, 10)]


def test_what_a_stale_poll_repeated_was_not_read() -> None:
    shelf = polled(total(0, 0, 1), total(10, 5_000, 7))
    shelf.poll(total(30, 5_000, 8))  # a row, for its 30-day count
    shelf.state = shelf.state._replace(seen_at=10)  # the poll proved stale
    shelf.poll(total(60, 5_100, 9))
    assert shelf.derived() == [(0, None, None), (10, 10, 5_000), (30, 20, 0), (60, 50, 100)]
    assert shelf.plateaus()[1:] == [Plateau(10, 10, 5_000), Plateau(60, 60, 5_100)]
    shelf.put(total(20, 5_050))
    assert shelf.derived()[2:] == [(20, 10, 50), (30, 20, 0), (60, 40, 50)]


def test_an_unchanged_row_is_not_rewritten() -> None:
    shelf = polled(total(10, 100), total(20, 130))
    assert merge(shelf.rows, shelf.state, [total(5, 100)]).rewrites == (Rewrite(1, 10, 5, 0),)


# --- a whole poll ---------------------------------------------------------------------------------------------------


def test_a_poll_is_stale_when_under_five_percent_of_the_usual_counters_moved() -> None:
    assert is_stale(4, known=1_000, usual=[90, 100, 500], is_first=False)
    assert not is_stale(5, known=1_000, usual=[90, 100, 500], is_first=False)


@pytest.mark.parametrize(
    ("moved", "known", "is_first", "stale"),
    [(0, 10, False, True), (1, 10, False, False), (0, 10, True, False), (0, 0, False, False)],
)
def test_with_fewer_than_three_earlier_days_only_a_standstill_is_stale(
    moved: int, known: int, is_first: bool, stale: bool
) -> None:
    assert is_stale(moved, known, [100, 100], is_first=is_first) is stale


def test_the_usual_number_is_each_days_best_of_the_last_fourteen_days_with_a_poll() -> None:
    polls = [(day * DAY + hour, day * 10 - hour) for day in range(1, 41, 2) for hour in (0, 5)]
    assert usual_moves(polls, 35 * DAY + 3) == [day * 10 for day in range(7, 35, 2)]
    assert usual_moves(polls, DAY) == []


def test_thin_is_under_nine_tenths_of_the_poll_before() -> None:
    assert is_thin(899, 1_000)
    assert not is_thin(900, 1_000)
    assert not is_thin(0, None)


def test_history_older_than_a_model_is_not_its_own() -> None:
    late = CREATED_AT_FLOOR + DAY
    assert may_adopt(late, late)
    assert not may_adopt(late, late - 1)
    assert may_adopt(CREATED_AT_FLOOR, 0)
    assert may_adopt(None, 0)
    assert may_adopt(late, None)

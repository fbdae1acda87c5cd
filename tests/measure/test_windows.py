"""The counting rules on a model's readings, trap by trap. Times are days of a world that begins at day 1000."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.measure.spans import CORRECTION, DIP, RESTATEMENT
from collector.measure.windows import WindowGrowth
from collector.model import CREATED_AT_FLOOR, DAY, month_window
from tests.measure.worlds import World

D = DAY
START = 1000 * D
OLD = 10 * D  # created long ago


def daily(
    *values: int | None, rolling: int | None = 10**6, start: int = START
) -> list[tuple[int, int | None, int | None]]:
    return [(start + day * D, value, rolling) for day, value in enumerate(values)]


def only(growth: WindowGrowth) -> tuple[float, float, int, int]:
    """(downloads, estimated, corrections, flags) of the one model of a world."""
    assert len(growth.model_id) == 1
    return growth.downloads[0], growth.estimated[0], int(growth.corrections[0]), int(growth.flags[0]) & ~16


def counted(
    values: list[int | None], first: int = 0, last: int | None = None, rolling: int = 10**6
) -> tuple[float, float, int, int]:
    """What the days `first` to `last` give for a model read daily."""
    end = len(values) - 1 if last is None else last
    world = World().model(daily(*values, rolling=rolling), OLD)
    return only(world.in_window(START + first * D, START + end * D))


def test_growth_is_the_counter_at_the_end_minus_the_counter_at_the_start() -> None:
    assert counted([100, 107, 120]) == (20, 0, 0, 0)


def test_a_window_cut_between_readings_takes_the_straight_line_rounded_to_a_whole_number() -> None:
    world = World().model([(START, 0, 9), (START + 10 * D, 5, 9)], OLD)
    parts = [only(world.in_window(START + d * D, START + (d + 1) * D))[0] for d in range(10)]
    assert parts == [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]  # 0.5 rounds up to 1, 1.0 stays 1, 1.5 to 2 …
    assert sum(parts) == 5


def test_growth_begins_at_the_last_sighting_of_the_old_value() -> None:
    assert counted([100, 100, 100, 160], first=0, last=2)[0] == 0
    assert counted([100, 100, 100, 160], first=2, last=3)[0] == 60


def test_missed_polls_cost_only_the_division_into_days() -> None:
    world = World().model([(START, 100, 9), (START + 10 * D, 200, 10**6)], OLD)
    assert only(world.in_window(START, START + 10 * D))[0] == 100
    assert only(world.in_window(START + 5 * D, START + 6 * D))[0] == 10


def test_a_dip_made_good_within_a_week_is_not_growth() -> None:
    assert counted([100, 0, 100, 110]) == (10, 0, 0, DIP)


def test_a_dip_that_comes_back_higher_grew_from_the_reading_before_to_the_reading_after() -> None:
    assert counted([100, 40, 50, 130, 130]) == (30, 0, 0, DIP)


def test_a_fall_made_good_after_more_than_a_week_is_a_correction() -> None:
    values: list[int | None] = [100, 0, 0, 0, 0, 0, 0, 0, 0, 100]
    assert counted(values) == (100, 0, -100, CORRECTION)


def test_a_week_counts_from_the_first_lower_reading() -> None:
    values: list[int | None] = [100, 0, 0, 0, 0, 0, 0, 0, 100]  # first lower on day 1, back on day 8
    assert counted(values) == (0, 0, 0, DIP)


def test_a_fall_that_is_regained_in_small_steps_is_a_correction() -> None:
    assert counted([100, 40, 60, 80, 100]) == (60, 0, -60, CORRECTION)


def test_half_of_the_way_back_in_one_step_is_enough() -> None:
    assert counted([100, 40, 70, 90, 100]) == (0, 0, 0, DIP)


def test_a_fall_never_makes_downloads_negative() -> None:
    assert counted([100, 90, 80, 85]) == (5, 0, -20, CORRECTION)


def test_a_second_fall_inside_a_dip_belongs_to_it() -> None:
    assert counted([100, 50, 70, 20, 104, 110]) == (10, 0, 0, DIP)


def test_a_young_fall_is_open_until_it_is_a_week_old() -> None:
    world = World().model(daily(100, 90, 90, 90), OLD)
    assert world.in_window(START, START + 3 * D, as_of=START + 7 * D).open_falls == 1
    assert world.in_window(START, START + 3 * D, as_of=START + 8 * D).open_falls == 0


def test_a_rise_beyond_what_the_30_day_count_allows_is_a_restatement() -> None:
    downloads, estimated, corrections, flags = counted([10_000, 60_000], rolling=3000)
    assert (downloads, estimated, flags) == (100, 100, RESTATEMENT)  # 3000 × 1 day / 30 days
    assert downloads + corrections == 50_000


def test_a_rise_by_no_more_than_twice_the_30_day_count_and_a_thousand_is_growth() -> None:
    assert counted([10_000, 17_000], rolling=3000) == (7000, 0, 0, 0)
    assert counted([10_000, 17_001], rolling=3000)[3] == RESTATEMENT


def test_a_30_day_count_that_follows_within_three_days_explains_the_rise() -> None:
    late = [(START, 0, 0), (START + D, 50_000, 0), (START + 4 * D, 50_001, 50_001)]
    assert only(World().model(late, OLD).in_window(START, START + 4 * D))[:2] == (50_001, 0)
    too_late = [(START, 0, 0), (START + D, 50_000, 0), (START + 4 * D + 1, 50_001, 50_001)]
    assert only(World().model(too_late, OLD).in_window(START, START + 4 * D + 1))[3] == RESTATEMENT


def test_a_rise_over_more_than_a_week_is_no_restatement() -> None:
    slow = [(START, 0, 10), (START + 7 * D + 1, 50_000, 10)]
    assert only(World().model(slow, OLD).in_window(START, START + 8 * D)) == (50_000, 0, 0, 0)


def test_the_first_sighting_is_no_growth() -> None:
    world = World().model([(START, 5000, None), (START + D, 5010, None)], OLD)
    assert only(world.in_window(START - 30 * D, START + D))[0] == 10


def test_before_the_first_sighting_the_30_day_count_estimates() -> None:
    world = World().model([(START, 5000, 300)], OLD)
    assert only(world.in_window(START - 10 * D, START))[:2] == (100, 100)
    assert only(world.in_window(START - 60 * D, START))[:2] == (300, 300)


def test_a_model_created_after_the_last_complete_poll_grew_from_zero() -> None:
    world = World().polled(START - D).model([(START, 70, 70)], START - D + 100)
    assert only(world.in_window(START - 2 * D, START))[:2] == (70, 0)


def test_a_private_model_launched_after_the_last_whole_poll_grew_from_zero_since_that_poll() -> None:
    world = World().polled(START - D).model([(START, 70, 70)], START - 20 * D)
    assert only(world.in_window(START - D, START))[:2] == (70, 0)
    assert only(world.in_window(START - 3 * D, START - D))[0] == 0


def test_a_model_with_a_longer_past_than_30_days_that_the_whole_poll_lacked_is_estimated() -> None:
    world = World().polled(START - D).model([(START, 7000, 30)], OLD)
    assert only(world.in_window(START - 30 * D, START))[:2] == (30, 30)


def test_a_top_list_proves_no_absence() -> None:
    world = World().polled(START - D, whole=False).model([(START, 20, 20)], START - 20 * D)
    assert only(world.in_window(START - 20 * D, START))[:2] == (20, 0)  # created within the last 30 days
    older = World().polled(START - D, whole=False).model([(START, 20, 20)], START - 40 * D)
    assert only(older.in_window(START - 40 * D, START))[:2] == (20, 20)


def test_without_any_poll_a_young_model_grew_from_zero_since_its_creation() -> None:
    world = World().model([(START, 20, 20)], START - 30 * D)
    assert only(world.in_window(START - 30 * D, START))[:2] == (20, 0)


def test_the_hubs_floor_is_no_creation_of_an_older_reading() -> None:
    before = CREATED_AT_FLOOR - 100 * D
    world = World().model([(before, 20, 30)], CREATED_AT_FLOOR)
    assert only(world.in_window(before - 30 * D, before))[:2] == (30, 30)


def test_a_gone_model_keeps_its_past_and_has_nothing_left_to_read() -> None:
    world = World().model(daily(100, 110), OLD, gone=True)
    growth = world.in_window(START, START + 10 * D)
    assert growth.downloads[0] == 10
    assert growth.covered[0] == 1


def test_nothing_is_extended_past_the_last_sighting() -> None:
    growth = World().model(daily(100, 110), OLD).in_window(START, START + 4 * D)
    assert growth.downloads[0] == 10
    assert growth.covered[0] == 0.25


def test_the_later_of_two_readings_at_one_instant_counts() -> None:
    world = World().model([(START, 100, 9**6)], OLD)
    world.sightings[1] += [(START + D, 150, 9**6), (START + D, 130, 9**6), (START + 2 * D, 140, 9**6)]
    downloads, _, corrections, flags = only(world.in_window(START, START + 2 * D))
    assert (downloads, corrections) == (40, 0)
    assert flags & 8


JUNE, JULY = month_window("2026-06"), month_window("2026-07")


def rolling_only(*readings: tuple[int, int], created: int | None = None, gone: bool = False) -> World:
    return World().model([(at, None, count) for at, count in readings], created, gone=gone)


def test_a_month_of_30_days_takes_the_30_day_count_at_its_end() -> None:
    world = rolling_only((JUNE.end, 3000), (JUNE.end + D, 9000))
    assert only(world.in_window(JUNE.start, JUNE.end))[:2] == (3000, 3000)


def test_a_month_of_31_days_takes_a_thirtieth_of_an_earlier_tile() -> None:
    world = rolling_only((JULY.end - 30 * D, 600), (JULY.end, 3000))
    assert only(world.in_window(JULY.start, JULY.end))[0] == pytest.approx(3000 + 600 / 30)


def test_a_tiles_count_lies_on_the_line_between_readings_within_15_days() -> None:
    world = rolling_only((JUNE.end - 10 * D, 1000), (JUNE.end + 10 * D, 2000))
    assert only(world.in_window(JUNE.start, JUNE.end))[0] == pytest.approx(1500)


def test_a_reading_farther_than_15_days_says_nothing() -> None:
    near = rolling_only((JUNE.end - 16 * D, 1000), (JUNE.end + 10 * D, 2000))
    assert only(near.in_window(JUNE.start, JUNE.end))[0] == pytest.approx(2000)
    far = rolling_only((JUNE.end - 16 * D, 1000), (JUNE.end + 16 * D, 2000))
    growth = far.in_window(JUNE.start, JUNE.end)
    assert growth.downloads[0] == 0
    assert growth.covered[0] == 0


def test_a_tile_does_not_begin_before_the_model_was_created() -> None:
    world = rolling_only((JUNE.end, 500), (JUNE.end + D, 500), created=JUNE.end - 5 * D)
    growth = world.in_window(JUNE.start, JUNE.end)
    assert growth.downloads[0] == pytest.approx(500)
    assert growth.covered[0] == pytest.approx(1)
    later = world.in_window(JUNE.end - 2 * D, JUNE.end)
    assert later.downloads[0] == pytest.approx(200)  # two of the five days


def test_no_tile_ends_after_the_last_sighting_of_a_gone_model() -> None:
    gone = rolling_only((JUNE.start, 3000), (JUNE.start + 10 * D, 3000), gone=True)
    assert only(gone.in_window(JUNE.start, JUNE.end))[0] == pytest.approx(1000)


def test_no_tile_ends_after_the_last_complete_poll() -> None:
    world = rolling_only((JUNE.start, 3000), (JUNE.start + 10 * D, 3000))
    growth = world.in_window(JUNE.start, JUNE.end, as_of=JUNE.start + 10 * D)
    assert growth.downloads[0] == pytest.approx(1000)
    assert growth.covered[0] == pytest.approx(1 / 3)


def test_a_history_of_30_day_counts_serves_until_the_cumulative_counter_begins() -> None:
    begin = JULY.end + 40 * D
    world = World().model([(JUNE.end, None, 3000), (begin, 10**6, 3000), (begin + D, 10**6 + 50, 3000)], OLD)
    assert only(world.in_window(JUNE.start, JUNE.end))[:2] == (3000, 3000)
    assert only(world.in_window(begin, begin + D))[:2] == (50, 0)


counters = st.lists(st.integers(0, 10**7), min_size=2, max_size=12)


@given(counters, st.lists(st.integers(0, 12 * D), min_size=2, max_size=6, unique=True), st.integers(0, 5000))
def test_windows_add_up_whatever_the_counter_does(values: list[int], cuts: list[int], rolling: int) -> None:
    world = World().model(daily(*values, rolling=rolling), OLD)
    edges = sorted(START + cut for cut in cuts)
    whole = world.in_window(edges[0], edges[-1])
    parts = [world.in_window(a, b) for a, b in pairwise(edges)]
    assert sum(p.downloads[0] for p in parts) == whole.downloads[0]
    assert sum(p.corrections[0] for p in parts) == whole.corrections[0]
    assert all(p.downloads[0] >= 0 for p in parts)


@given(counters, st.integers(0, 5000))
def test_downloads_and_corrections_together_are_the_counters_own_difference(values: list[int], rolling: int) -> None:
    downloads, _, corrections, _ = counted(list(values), rolling=rolling)
    assert downloads + corrections == values[-1] - values[0]

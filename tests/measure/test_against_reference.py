"""The measure, on what the store keeps, held against the slow reference, on everything the hub ever said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collector.measure.spans import FIRST, INSTANT, Span, Spans, part_in
from collector.measure.steps import Plateau, judge
from collector.measure.windows import WindowGrowth, flag_names, growth
from collector.model import CREATED_AT_FLOOR, DAY, MAX_COUNTER, Window, months_between
from collector.series import Models
from tests.measure.drawn import START, World, edges, falls_at_the_limits, jumps_at_the_limits, worlds
from tests.measure.lives import Hub, daily, rows_loaded, rows_where
from tests.measure.reference import Life, Poll, Sighting, counter_of, growth_in, rounded, sightings_read, value_of

COUNTED = ("cumulative",)
YEAR = 365 * DAY


def agrees(hub: Hub, start: int, end: int) -> None:
    """Every model's figures of a window are the reference's."""
    real = hub.in_window(start, end)
    open_falls = 0
    for i, life in enumerate(hub.lives):
        expected = growth_in(life, hub.polls, start, end, hub.as_of)
        assert real.downloads[i] == pytest.approx(float(expected.downloads), rel=1e-6, abs=1e-6)
        assert real.estimated[i] == pytest.approx(float(expected.estimated), rel=1e-6, abs=1e-6)
        assert real.corrections[i] == expected.corrections
        assert set(flag_names(int(real.flags[i]))) - {"instant"} == expected.flags
        open_falls += expected.open_falls
    assert real.open_falls == open_falls


def same(one: WindowGrowth, other: WindowGrowth) -> None:
    """Two answers agree in every figure."""
    for name in ("model_id", "downloads", "estimated", "corrections", "flags", "open_falls"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def drawn_edges(data: st.DataObject, world: World, count: int = 2) -> list[int]:
    return data.draw(edges(world.read_at, count), label="edges")


# --- against the reference -----------------------------------------------------------------------------------------


@given(worlds(COUNTED), st.data())
def test_cumulative_counters_give_what_the_reference_gives(world: World, data: st.DataObject) -> None:
    hub = Hub(world.lives, world.polls)
    for start, end in pairwise(drawn_edges(data, world)):
        agrees(hub, start, end)


@given(worlds(("rolling",), models=2), st.data())
def test_tiles_of_30_day_counts_give_what_the_reference_gives(world: World, data: st.DataObject) -> None:
    hub = Hub(world.lives, world.polls)
    for start, end in pairwise(drawn_edges(data, world)):
        agrees(hub, start, end)


@given(worlds(), st.data())
def test_models_of_every_kind_side_by_side_give_what_the_reference_gives(world: World, data: st.DataObject) -> None:
    hub = Hub(world.lives, world.polls)
    for start, end in pairwise(drawn_edges(data, world)):
        agrees(hub, start, end)


@settings(max_examples=50)
@given(worlds())
def test_calendar_months_give_what_the_reference_gives(world: World) -> None:
    hub = Hub(world.lives, world.polls)
    for month in months_between(world.read_at[0] - 40 * DAY, world.read_at[-1] + DAY):
        agrees(hub, month.start, month.end)


@given(st.one_of(falls_at_the_limits(), jumps_at_the_limits()), st.data())
def test_falls_and_jumps_at_the_very_limits_of_the_rules_give_what_the_reference_gives(
    life: Life, data: st.DataObject
) -> None:
    instants = [sighting.at for sighting in life.sightings]
    # How long ago the last reading was decides what is still open.
    now = instants[-1] + data.draw(st.sampled_from((1, 2 * DAY, 3 * DAY, 7 * DAY)))
    hub = Hub([life], [Poll(at) for at in (*instants, now)])
    agrees(hub, instants[0], now)
    middle = data.draw(st.integers(instants[0] + 1, instants[-1]))
    agrees(hub, instants[0], middle)
    agrees(hub, middle, now)


# --- laws of windows -----------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(worlds(COUNTED), st.data())
def test_windows_side_by_side_make_the_window_around_them(world: World, data: st.DataObject) -> None:
    hub = Hub(world.lives, world.polls)
    borders = drawn_edges(data, world, 3)
    whole = hub.in_window(borders[0], borders[-1])
    parts = [hub.in_window(start, end) for start, end in pairwise(borders)]
    for name in ("downloads", "estimated", "corrections"):
        assert np.array_equal(sum(getattr(part, name) for part in parts), getattr(whole, name)), name


@settings(max_examples=50)
@given(worlds(COUNTED))
def test_months_make_the_year(world: World) -> None:
    hub = Hub(world.lives, world.polls)
    months = months_between(world.read_at[0] - YEAR // 2, world.read_at[0] + YEAR // 2)
    parts = [hub.in_window(month.start, month.end) for month in months]
    year = hub.in_window(months[0].start, months[-1].end)
    assert np.array_equal(sum(part.downloads for part in parts), year.downloads)
    assert np.array_equal(sum(part.corrections for part in parts), year.corrections)


@settings(max_examples=50)
@given(worlds(), st.data())
def test_downloads_are_never_negative_and_never_less_than_their_estimated_part(
    world: World, data: st.DataObject
) -> None:
    hub = Hub(world.lives, world.polls)
    for start, end in pairwise(drawn_edges(data, world)):
        found = hub.in_window(start, end)
        assert (found.estimated >= 0).all()
        assert (found.downloads >= found.estimated).all()
        assert ((found.covered >= 0) & (found.covered <= 1)).all()


@given(worlds(COUNTED, models=1))
def test_downloads_and_corrections_together_are_the_counters_own_difference(world: World) -> None:
    life = world.lives[0]
    said = [s for s in life.sightings if s.all_time is not None]
    assume(len(said) > 1 and said[0].at < said[-1].at and said[0].at < said[1].at)
    found = Hub(world.lives, world.polls).in_window(said[0].at, said[-1].at)
    assert found.downloads[0] + found.corrections[0] == (said[-1].all_time or 0) - (said[0].all_time or 0)


@settings(max_examples=50)
@given(worlds(), st.data())
def test_a_model_counts_the_same_whoever_stands_beside_it(world: World, data: st.DataObject) -> None:
    start, end = drawn_edges(data, world)[:2]
    together = Hub(world.lives, world.polls).in_window(start, end)
    order = data.draw(st.permutations(range(len(world.lives))))
    mixed = Hub([world.lives[i] for i in order], world.polls).in_window(start, end)
    alone = [Hub([life], world.polls).in_window(start, end) for life in world.lives]
    for name in ("downloads", "estimated", "corrections", "flags"):
        column = getattr(together, name)
        assert np.array_equal(column[list(order)], getattr(mixed, name)), name
        assert np.array_equal(column, [getattr(one, name)[0] for one in alone]), name


# --- what was loaded -----------------------------------------------------------------------------------------------


def falls_after_long_absence(life: Life, polls: Sequence[Poll]) -> bool:
    said = counter_of(sightings_read(life, polls))
    return any(value_of(q) < value_of(p) and q.at - p.at > 24 * DAY for p, q in pairwise(said))


@given(worlds(poll_kinds=("whole", "whole", "whole", "stale")), st.data())
def test_the_rows_loaded_for_a_window_say_all_that_the_whole_history_says(world: World, data: st.DataObject) -> None:
    # Not loaded: what becomes of a fall that was first seen more than 32 days after the window.
    assume(not any(falls_after_long_absence(life, world.polls) for life in world.lives))
    hub = Hub(world.lives, world.polls)
    for start, end in pairwise(drawn_edges(data, world)):
        loaded = rows_loaded(hub.readings, hub.polls, start, end)
        same(hub.in_window(start, end, loaded), hub.in_window(start, end))


# --- what changes nothing ------------------------------------------------------------------------------------------


def without_repeats(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Without those that repeat the sighting before and the one after: both counters stood still."""
    kept = list(sightings[:1])
    for before, this, after in zip(sightings, sightings[1:], sightings[2:], strict=False):
        if not (before[1:3] == this[1:3] == after[1:3]):
            kept.append(this)
    return kept + list(sightings[1:][-1:])


@settings(max_examples=50)
@given(worlds(COUNTED, poll_kinds=("whole",)), st.data())
def test_a_poll_that_missed_a_standing_counter_changes_nothing(world: World, data: st.DataObject) -> None:
    fewer = [replace(life, sightings=without_repeats(life.sightings)) for life in world.lives]
    start, end = drawn_edges(data, world)[:2]
    same(Hub(fewer, world.polls).in_window(start, end), Hub(world.lives, world.polls).in_window(start, end))


rises = st.lists(st.integers(0, 5_000), min_size=3, max_size=12).map(lambda steps: np.cumsum(steps).tolist())


@given(rises, st.data())
def test_a_missed_poll_in_a_plain_rise_keeps_the_total_of_every_window_around_it(
    values: list[int], data: st.DataObject
) -> None:
    sightings = daily(values, START)
    missed = data.draw(st.integers(1, len(values) - 2))
    polls = [Poll(sighting.at) for sighting in sightings]
    all_seen = Hub([Life(sightings)], polls)
    one_missed = Hub([Life(sightings[:missed] + sightings[missed + 1 :])], polls)
    start = START + data.draw(st.integers(0, (missed - 1) * DAY))
    end = START + data.draw(st.integers((missed + 1) * DAY, len(values) * DAY))
    same(one_missed.in_window(start, end), all_seen.in_window(start, end))


@given(rises)
def test_the_columns_give_the_same_spans_as_judging_reading_by_reading(values: list[int]) -> None:
    hub = Hub([Life(daily(values, START))], [Poll(START + i * DAY) for i in range(len(values))])
    plateaus = [Plateau(START + i * DAY, START + i * DAY, value) for i, value in enumerate(values)]
    judged = [span for span in judge(1, plateaus, [], hub.as_of) if span.downloads]
    spans = growth(hub.readings, hub.models, hub.poll_table, hub.as_of).spans
    found = spans.where(spans.flags != FIRST)
    assert list(zip(found.start, found.end, found.downloads, strict=True)) == [
        (span.start, span.end, span.downloads) for span in judged
    ]


# --- arithmetic ----------------------------------------------------------------------------------------------------


@given(
    st.integers(-MAX_COUNTER, MAX_COUNTER),
    st.integers(0, 20 * YEAR),
    st.integers(-YEAR, 21 * YEAR),
    st.integers(1, 21 * YEAR),
)
def test_the_largest_counter_over_the_longest_span_is_cut_without_overflow(
    amount: int, length: int, offset: int, seconds: int
) -> None:
    span = Span(1, START, START + length, max(amount, 0), amount)
    window = Window(START + offset, START + offset + seconds, "any")

    def line(instant: int) -> int:
        if instant >= span.end:
            return amount
        return rounded(Fraction(amount * max(instant - span.start, 0), max(length, 1)))

    spans = Spans.of([span])
    assert part_in(spans.corrections, spans, window)[0] == line(window.end) - line(window.start)


# --- traps that the reference found --------------------------------------------------------------------------------


def both(life: Life, polls: Sequence[Poll], start: int, end: int) -> tuple[float, float, int]:
    """(downloads, estimated, corrections) of one model, on which the reference agrees."""
    hub = Hub([life], polls)
    agrees(hub, start, end)
    found = hub.in_window(start, end)
    return float(found.downloads[0]), float(found.estimated[0]), int(found.corrections[0])


def test_of_two_first_readings_at_one_instant_the_later_polls_counts_once() -> None:
    polls = [Poll(START), Poll(START + DAY), Poll(START + DAY + 60)]
    at = START + DAY + 60
    life = Life([Sighting(at, 100, 100, polls[1].started_at), Sighting(at, 130, 130, at)], START + 10)
    assert both(life, polls, START, at) == (130, 0, 0)


def test_a_model_created_since_the_last_whole_poll_did_not_grow_before_it_was_created() -> None:
    polls = [Poll(START), Poll(START + 5 * DAY, whole=False), Poll(START + 6 * DAY, whole=False)]
    created, at = START + 4 * DAY, START + 6 * DAY
    life = Life([Sighting(at, 80, 80, at)], created)
    assert both(life, polls, START, created) == (0, 0, 0)
    assert both(life, polls, created, at) == (80, 0, 0)


def test_a_reading_without_a_30_day_count_is_judged_by_those_that_follow_it() -> None:
    said = [(1_000, 50), (90_000, None), (90_001, 60)]
    sightings = [Sighting(START + i * DAY, total, days, START + i * DAY) for i, (total, days) in enumerate(said)]
    polls = [Poll(sighting.at) for sighting in sightings]
    assert both(Life(sightings), polls, START, START + DAY) == (2, 2, 88_998)  # 60 × 1 day / 30 days


def test_the_hubs_floor_is_no_creation_of_a_later_reading_either() -> None:
    at = CREATED_AT_FLOOR + 10 * DAY
    life = Life([Sighting(at, 9_000, 300, at)], CREATED_AT_FLOOR)
    assert both(life, [Poll(at)], at - 30 * DAY, at) == (300, 300, 0)


def test_tiles_reach_back_beyond_the_hubs_floor() -> None:
    at = CREATED_AT_FLOOR - DAY  # 2022-03-01
    life = Life([Sighting(at, None, 280, at), Sighting(at + 40 * DAY, None, 280, at + 40 * DAY)], CREATED_AT_FLOOR)
    february = months_between(at - 5 * DAY, at - 4 * DAY)[0]
    polls = [Poll(at), Poll(at + 40 * DAY)]
    assert both(life, polls, february.start, february.end)[0] == pytest.approx(280 * 28 / 30)


def test_of_two_30_day_counts_at_one_instant_the_later_polls_counts() -> None:
    at = START + 60
    polls = [Poll(START), Poll(at), Poll(at + 10 * DAY)]
    life = Life([Sighting(at, None, 10, START), Sighting(at, None, 300, at)])
    assert both(life, polls, START - 30 * DAY, at)[0] > 250


def test_a_doubled_instant_is_flagged() -> None:
    polls = [Poll(START), Poll(START + DAY), Poll(START + DAY + 60)]
    at = START + DAY + 60
    life = Life([Sighting(START, 50, 9**6, START), Sighting(at, 70, 9**6, at - 60), Sighting(at, 60, 9**6, at)])
    found = Hub([life], polls).in_window(START, at)
    assert found.downloads[0] == 10
    assert found.flags[0] & INSTANT


def test_a_world_without_models_has_no_downloads() -> None:
    hub = Hub([], [Poll(START)])
    assert isinstance(hub.models, Models)
    assert len(hub.in_window(START, START + DAY).downloads) == 0
    assert len(rows_where(hub.readings, np.zeros(0, np.bool_))) == 0

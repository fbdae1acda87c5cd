"""Worlds for Hypothesis: several models under irregular polls, with every trap of the counting rules in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple, TypeVar

from hypothesis import strategies as st

from collector.model import CREATED_AT_FLOOR, DAY, MAX_COUNTER, months_between
from tests.measure.reference import Life, Poll, Sighting

START = 1_772_323_200  # 2026-03-01
YEARS_END = 1_797_811_200  # 2026-12-21
FLOOR_EVE = CREATED_AT_FLOOR - 3 * DAY

T = TypeVar("T")
HOUR = 3_600
GAPS = (DAY, DAY, DAY, DAY, HOUR, 2 * DAY, 3 * DAY, 3 * DAY + 1, 7 * DAY, 7 * DAY + 1, 12 * DAY)
LONG_GAPS = (*GAPS, 35 * DAY, 70 * DAY)
POLL_KINDS = ("whole", "whole", "whole", "whole", "top", "thin", "stale")
MOVES = ("rise", "rise", "rise", "jump", "flat", "flat", "fall", "back", "back", "partly", "absent", "null")
COUNTS = ("amount", "amount", "none", "zero", "same", "same", "lifetime", "enough")
AMOUNTS = (0, 1, 2, 5, 24, 25, 40, 49, 50, 51, 60, 99, 300, 1_000, 1_001, 2_500, 3_000)
AGES = (-5 * DAY, 0, 1, HOUR, DAY // 2, 2 * DAY, 20 * DAY, 30 * DAY, 30 * DAY + 1, 45 * DAY, 400 * DAY)


class Move(NamedTuple):
    """What a model does until a poll, and what the poll reads beside the counter."""

    move: str
    amount: int
    said: str


class World(NamedTuple):
    lives: list[Life]
    polls: list[Poll]
    read_at: list[int]  #: the instant of each poll's readings


def picked(draw: st.DrawFn, choices: Sequence[T], size: int) -> list[T]:
    """As many of the choices, each by a whole number: much quicker to draw than values put together."""
    numbers = draw(st.lists(st.integers(0, len(choices) - 1), min_size=size, max_size=size))
    return [choices[number] for number in numbers]


def moves(names: Sequence[str]) -> list[Move]:
    return [Move(*parts) for parts in product(names, AMOUNTS, COUNTS)]


@st.composite
def worlds(
    draw: st.DrawFn,
    kinds: Sequence[str] = ("cumulative", "cumulative", "rolling", "mixed"),
    gaps: Sequence[int] = LONG_GAPS,
    poll_kinds: Sequence[str] = POLL_KINDS,
    models: int = 3,
) -> World:
    polls, read_at = draw(calendars(gaps, poll_kinds))
    lives = [draw(lives_of(draw(st.sampled_from(kinds)), polls, read_at)) for _ in range(draw(st.integers(1, models)))]
    return World(lives, polls, read_at)


@st.composite
def calendars(draw: st.DrawFn, gaps: Sequence[int], kinds: Sequence[str]) -> tuple[list[Poll], list[int]]:
    at = draw(st.sampled_from((START, START, START, YEARS_END, FLOOR_EVE)))
    polls, read_at = [], []
    entries = list(product(gaps, kinds, (0, 0, 7, HOUR)))
    for gap, kind, late in picked(draw, entries, draw(st.integers(2, 14))):
        at += gap
        polls.append(Poll(at, whole=kind != "top", thin=kind == "thin", stale=kind == "stale"))
        read_at.append(at + late)
    return polls, read_at


@st.composite
def lives_of(draw: st.DrawFn, kind: str, polls: Sequence[Poll], read_at: Sequence[int]) -> Life:
    allowed = ("rise", "jump", "absent") if kind == "mixed" else MOVES
    steps = picked(draw, moves(allowed), len(polls))
    begin = draw(st.integers(0, len(polls) - 1))
    value = draw(st.one_of(st.integers(0, 200), st.integers(0, 10**5), st.just(MAX_COUNTER // 2)))
    cumulative_from = {"cumulative": 0, "rolling": len(polls), "mixed": draw(st.integers(begin, len(polls)))}[kind]
    sightings = walked(steps[begin:], polls[begin:], read_at[begin:], value, cumulative_from - begin)
    first = sightings[0].at if sightings else read_at[begin]
    # A hub names no creation before its floor.
    births = [max(first - age, CREATED_AT_FLOOR) for age in AGES]
    return Life(sightings, draw(st.sampled_from((None, CREATED_AT_FLOOR, *births))), gone=draw(st.booleans()))


def walked(
    steps: Sequence[Move], polls: Sequence[Poll], read_at: Sequence[int], value: int, cumulative_from: int
) -> list[Sighting]:
    """What the polls read of a counter that moves as the steps say."""
    sightings: list[Sighting] = []
    peak, count, silent = value, 0, False
    for i, (step, poll, at) in enumerate(zip(steps, polls, read_at, strict=True)):
        if step.move == "absent":
            continue
        if step.move == "null":
            sightings.append(Sighting(at, None, None, poll.started_at))
            continue
        if poll.stale and step.move == "flat" and sightings:
            sightings.append(sightings[-1]._replace(at=at, poll=poll.started_at))
            continue
        value, peak = moved(step, value, peak)
        if i < cumulative_from:
            sightings.append(Sighting(at, None, value, poll.started_at))
            continue
        said = count_read(step, value, count)
        if said is None:
            silent = True
        else:
            # The store takes a count that it heard last for no news, even if the one between was not said.
            count, silent = said + (silent and said == count), False
            said = count
        sightings.append(Sighting(at, value, said, poll.started_at))
    return sightings


def moved(step: Move, value: int, peak: int) -> tuple[int, int]:
    """The counter after a step, and the level that the next `back` leads to."""
    if step.move == "rise":
        return value + 1 + step.amount, peak
    if step.move == "jump":
        return value + 1 + step.amount * 40, peak
    if step.move == "fall":
        return value * (step.amount % 100) // 100, max(value, 1)
    if step.move == "back":
        return max(peak, value) + step.amount % 3, peak
    if step.move == "partly":
        return value + max(peak - value, 0) * (step.amount % 100) // 100, peak
    return value, peak


def count_read(step: Move, value: int, before: int) -> int | None:
    named = {"amount": step.amount, "zero": 0, "same": before, "lifetime": value, "enough": 10**7}
    return named.get(step.said)


@st.composite
def instants(draw: st.DrawFn, read_at: Sequence[int]) -> int:
    """At, beside, between, before and after the readings, or where a month begins."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.sampled_from(read_at)) + draw(st.integers(-2, 2))
    if kind == 1:
        return draw(st.sampled_from([month.end for month in months_between(read_at[0] - 40 * DAY, read_at[-1])]))
    return draw(st.integers(read_at[0] - 40 * DAY, read_at[-1] + 5 * DAY))


def edges(read_at: Sequence[int], count: int = 2) -> st.SearchStrategy[list[int]]:
    """Different instants in order: the borders of windows side by side."""
    return st.lists(instants(read_at), min_size=count, max_size=max(count, 5), unique=True).map(sorted)


@st.composite
def falls_at_the_limits(draw: st.DrawFn) -> Life:
    """A fall that is made good after about a week, about half of it in one step."""
    depth = draw(st.integers(1, 60))
    low_at = START + draw(st.sampled_from((HOUR, DAY, 9 * DAY)))
    steps = draw(st.lists(st.integers(0, 2 * depth), max_size=3))
    values = [100, 100 - depth, *(100 - depth + step for step in steps)]
    instants = [START, low_at, *(low_at + (i + 1) * DAY for i in range(len(steps)))]
    for value in (100 + draw(st.integers(-1, 3)), 100 + draw(st.integers(-1, 3))):
        values.append(value)
        instants.append(low_at + draw(st.sampled_from((6 * DAY, 7 * DAY - 1, 7 * DAY, 7 * DAY + 1, 8 * DAY))))
    order = sorted(set(instants))
    return Life([Sighting(at, value, 10**7, at) for at, value in zip(order, values, strict=False)])


@st.composite
def jumps_at_the_limits(draw: st.DrawFn) -> Life:
    """A rise that the largest 30-day count of the days that follow explains just so, or not quite."""
    count = draw(st.integers(0, 5_000))
    at = START + draw(st.sampled_from((1, DAY, 7 * DAY, 7 * DAY + 1)))
    rise = 2 * count + 1_000 + draw(st.integers(-1, 2))
    first_count = draw(st.sampled_from((None, 0, count // 2, count)))
    moves_on = draw(st.integers(0, 1))
    sightings = [Sighting(START, 10, 10**6, START), Sighting(at, 10 + rise, first_count, at)]
    for delay in sorted(draw(st.sets(st.sampled_from((1, 2 * DAY, 3 * DAY - 1, 3 * DAY, 3 * DAY + 1)), min_size=1))):
        later = at + delay
        heard = draw(st.sampled_from((count, count // 3)))
        sightings.append(Sighting(later, 10 + rise + moves_on * delay, heard, later))
    return Life(sightings)

"""When a reading is and how long its span come back as they were written, on both engines, and take little room."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from collector.model import DAY
from collector.series import NOT_SAID
from collector.store.changes import Rewrite
from collector.store.database import Database
from collector.store.histories import write_rewrites
from collector.store.numbering import reading_id
from collector.store.schema import observation
from collector.store.timing import SECONDS, seconds_of, seconds_part, span_of, span_part, time_and_span
from tests.store.facts import World

YEAR = 365 * DAY
LONGEST = 68 * YEAR

TIMES = {
    "with the poll's start": 0,
    "a second after it": 1,
    "the last of the low bits": 8_191,
    "the first of the high bits": 8_192,
    "as long as six bytes hold": 65_535,
    "longer": 65_536,
    "the end of an imported day": DAY - 1,
    "the next day": DAY,
    "the last that fits": SECONDS - 1,
}
SPANS = {
    "the first reading": None,
    "two readings at one instant": 0,
    "a second": 1,
    "an hour": 3600,
    "17 minutes less than a day": DAY - 1024,
    "a second less than that": DAY - 1025,
    "a second less than a day": DAY - 1,
    "a day": DAY,
    "a second more than a day": DAY + 1,
    "17 minutes more than a day": DAY + 1023,
    "a second more than that": DAY + 1024,
    "a week": 7 * DAY,
    "since 2000": 27 * YEAR,
    "the longest": LONGEST,
}
Pairs = Iterable[tuple[int, int | None]]


@pytest.fixture
def models(db: Database, world: World) -> Database:
    """One poll and as many models as there are cases."""
    world.poll(1)
    for number in range(1, len(TIMES) * len(SPANS) + 1):
        world.model(number, f"a/{number}")
    return db


def read_back(db: Database, pairs: Pairs) -> list[tuple[int, int | None]]:
    """`seconds` and `span_seconds` of readings stored with these times and spans."""
    rows = [
        {"id": reading_id(1, number), "time_and_span": time_and_span(*pair), "downloads_all_time": 5}
        for number, pair in enumerate(pairs, 1)
    ]
    with db.begin() as connection:
        connection.execute(delete(observation))
        connection.execute(insert(observation), rows)
        columns = select(observation.c.seconds, observation.c.span_seconds)
        return [(row[0], row[1]) for row in connection.execute(columns.order_by(observation.c.id))]


def test_the_ends_of_every_field_are_read_as_they_were_written(models: Database) -> None:
    pairs = [(seconds, span) for seconds in TIMES.values() for span in SPANS.values()]
    assert read_back(models, pairs) == pairs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    pairs=st.lists(
        st.tuples(st.integers(0, SECONDS - 1), st.none() | st.integers(0, 2 * DAY) | st.integers(0, LONGEST)),
        min_size=1,
        max_size=len(TIMES) * len(SPANS),
    )
)
def test_any_time_and_span_are_read_as_they_were_written(models: Database, pairs: list[tuple[int, int | None]]) -> None:
    assert read_back(models, pairs) == pairs


def test_columns_of_times_and_spans_are_kept_as_single_ones_are() -> None:
    pairs = [(seconds, span) for seconds in TIMES.values() for span in SPANS.values()]
    seconds = np.array([seconds for seconds, _ in pairs])
    spans = np.array([NOT_SAID if span is None else span for _, span in pairs])
    numbers = seconds_part(seconds) + span_part(spans)
    assert numbers.tolist() == [time_and_span(*pair) for pair in pairs]
    assert seconds_of(numbers).tolist() == seconds.tolist()
    assert span_of(numbers).tolist() == spans.tolist()


@pytest.mark.parametrize("after", [None, 1, DAY, 27 * YEAR])
def test_a_new_span_leaves_the_time_as_it_is(models: Database, after: int | None) -> None:
    """What an import rewrites of the reading that follows."""
    pairs = [(seconds, span) for seconds in TIMES.values() for span in SPANS.values()]
    read_back(models, pairs)
    with models.begin() as connection:
        write_rewrites(connection, [(number, Rewrite(1, 0, after, 7)) for number in range(1, len(pairs) + 1)])
        columns = select(observation.c.seconds, observation.c.span_seconds).order_by(observation.c.id)
        assert [tuple(row) for row in connection.execute(columns)] == [(seconds, after) for seconds, _ in pairs]


ROOM = {
    "a page read at the same second as the day before": (2_400, DAY, 2),
    "a page read 17 minutes later than the day before": (8_191, DAY + 1023, 3),
    "a page read 17 minutes earlier than the day before": (0, DAY - 1024, 3),
    "a page read half an hour later than the day before": (2_400, DAY + 1_800, 4),
    "hourly": (2_400, 3_600, 4),
    "a first reading": (2_400, None, 4),
    "after three days without a poll": (2_400, 4 * DAY, 4),
    "after a week": (2_400, 7 * DAY, 6),
    "a poll of 18 hours": (65_535, DAY, 6),
    "a longer one": (65_536, DAY, 8),
}


@pytest.mark.parametrize(("seconds", "span", "room"), ROOM.values(), ids=ROOM.keys())
def test_what_is_common_takes_little_room(seconds: int, span: int | None, room: int) -> None:
    """SQLite keeps whole numbers in 1, 2, 3, 4, 6 or 8 bytes: the fewest that hold them."""
    number = time_and_span(seconds, span)
    assert next(size for size in (1, 2, 3, 4, 6, 8) if -(1 << 8 * size - 1) <= number < 1 << 8 * size - 1) == room


@pytest.mark.parametrize("seconds", [-1, -DAY, SECONDS, 10 * DAY])
@pytest.mark.parametrize("span", [None, DAY])
def test_a_time_that_would_be_read_as_another_is_refused(seconds: int, span: int | None) -> None:
    with pytest.raises(ValueError, match=f"a reading {seconds} seconds after its poll's start cannot be stored"):
        time_and_span(seconds, span)


@pytest.mark.parametrize("span", [-2, 69 * YEAR])
def test_a_span_that_would_be_read_as_another_is_refused(span: int) -> None:
    with pytest.raises(ValueError, match=f"a reading with a span of {span} seconds cannot be stored"):
        time_and_span(0, span)

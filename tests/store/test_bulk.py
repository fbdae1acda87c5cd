"""Many readings at once: what is stored of plain models is what the merge of one model stores."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collector.series import NO_DELTA, NOT_SAID
from collector.store.bulk import FileReadings, ImportReading, States, arranged, plain_models, plain_rows
from collector.store.changes import UNREAD, Merged, Reading, Row, State, Stored, merge

HOUR = 3_600

counts = st.none() | st.sampled_from([0, 1, 5, 2_000, 5_000])
cumulative = st.builds(lambda n, r, likes: (n, r, likes), st.sampled_from([0, 1, 5, 2_000, 5_000]), counts, counts)
rolling = st.builds(lambda r, likes: (None, r, likes), st.sampled_from([0, 1, 5, 2_000]), counts)
several = st.lists(cumulative, min_size=1, max_size=6) | st.lists(rolling, min_size=1, max_size=6)
# Hours; a 30-day count that is not seen for more than 15 days went unread.
steps = st.lists(st.integers(1, 40) | st.sampled_from([15 * 24, 15 * 24 + 1]), min_size=12, max_size=12)


def readings_of(said: list[tuple[int | None, int | None, int | None]], gaps: list[int], start: int) -> list[Reading]:
    at, found = start, []
    for gap, values in zip(gaps, said, strict=False):
        at += gap * HOUR
        found.append(Reading(at, *values))
    return found


def at_once(before: State, readings: list[Reading]) -> Merged:
    """One model's readings through the columns."""
    file = FileReadings.of(ImportReading(n, "a/b", *reading) for n, reading in enumerate(readings))
    table = arranged(file, np.array([7]))
    states = States.of([before])
    assert plain_models(table, states, np.array([NOT_SAID])).all()
    rows = plain_rows(table, states)
    kept = [
        Row(
            readings[n],
            None if rows.span[n] == NOT_SAID else int(rows.span[n]),
            None if rows.delta[n] == NO_DELTA else int(rows.delta[n]),
        )
        for n in np.flatnonzero(rows.kept).tolist()
    ]
    after = {name: getattr(rows.after, name).tolist()[0] for name in State._fields if name != "seen_before_at"}
    return Merged(tuple(kept), (), State(**{name: None if n == NOT_SAID else n for name, n in after.items()}))


def stored(merged: Merged) -> list[Stored]:
    return [
        Stored(n, row.reading.at, row.reading.all_time, row.reading.rolling, row.reading.likes, row.span, row.delta)
        for n, row in enumerate(merged.rows)
    ]


@given(several, steps)
def test_the_first_readings_of_a_model_are_stored_as_one_by_one(
    said: list[tuple[int | None, int | None, int | None]], gaps: list[int]
) -> None:
    readings = readings_of(said, gaps, 0)
    assert at_once(UNREAD, readings) == merge([], UNREAD, readings)


@given(several, steps, st.data())
def test_later_readings_of_a_known_model_are_stored_as_one_by_one(
    said: list[tuple[int | None, int | None, int | None]], gaps: list[int], data: st.DataObject
) -> None:
    kind = cumulative if said[0][0] is not None else rolling
    more = data.draw(st.lists(kind, min_size=1, max_size=6))
    readings = readings_of([*said, *more], gaps, 0)
    first = merge([], UNREAD, readings[: len(said)])
    late = readings[len(said) :]
    assert at_once(first.state, late) == merge(stored(first), first.state, late)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 90), st.integers(0, 9)), max_size=30))
def test_readings_are_arranged_by_model_and_time_each_day_counted_from_nought(
    lines: list[tuple[str, int, int]],
) -> None:
    unique = {(name, hour): value for name, hour, value in lines}
    file = FileReadings.of(
        ImportReading(n, name, hour * HOUR, value, None, None) for n, ((name, hour), value) in enumerate(unique.items())
    )
    table = arranged(file, np.arange(len(file.names)) + 1)
    assert table.at.tolist() == [
        hour * HOUR for _, hour in sorted(unique, key=lambda key: (file.names.index(key[0]), key[1]))
    ]
    seen: dict[tuple[int, int], int] = {}
    for of, day, ordinal in zip(table.model_id.tolist(), table.day.tolist(), table.ordinal.tolist(), strict=True):
        assert ordinal == seen.get((of, day), 0)
        seen[of, day] = ordinal + 1


def test_columns_and_lines_say_the_same() -> None:
    lines = (ImportReading(2, "a/b", 5, None, 3, None), ImportReading(9, "c/d", 1, 4, None, 0))
    assert FileReadings.of(lines).rows() == lines


def test_readings_of_two_counters_or_before_a_sighting_are_not_plain() -> None:
    seen = State(all_time=5, changed_at=100, seen_at=200)
    for before, readings, last in (
        (UNREAD, [Reading(1, 5, None), Reading(2, None, 5)], NOT_SAID),
        (seen, [Reading(150, 5, None)], NOT_SAID),
        (seen, [Reading(250, None, 5)], NOT_SAID),
        (seen, [Reading(250, 5, None)], 260),
    ):
        file = FileReadings.of(ImportReading(n, "a/b", *reading) for n, reading in enumerate(readings))
        table = arranged(file, np.array([1]))
        assert not plain_models(table, States.of([before]), np.array([last])).any()

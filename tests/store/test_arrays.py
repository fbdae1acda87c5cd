"""Columns of whole numbers come out of the database as they went in, on each engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from collector.store import arrays
from collector.store.arrays import columns_of, fetched, insert_columns, packed, replace_columns, unpacked
from collector.store.database import Database
from collector.store.schema import absence, model, model_state, publisher_share
from tests.store.facts import World

SOME = [3, 1, -5, 0, 2**62]


def _filled(world: World, db: Database) -> None:
    for number, seen_at in enumerate(SOME, 1):
        world.model(number, f"a/{number}")
        world.state(number, None, None, seen_at)


def test_columns_stand_beside_each_other_whatever_their_order(world: World, db: Database) -> None:
    _filled(world, db)
    with db.connect() as conn:
        model_id, seen_at = columns_of(conn, select(model_state.c.model_id, model_state.c.seen_at))
    assert dict(zip(model_id.tolist(), seen_at.tolist(), strict=True)) == dict(enumerate(SOME, 1))


def test_no_row_is_columns_of_nothing(world: World, db: Database) -> None:
    with db.connect() as conn:
        columns = columns_of(conn, select(model_state.c.model_id, model_state.c.seen_at))
        rows = fetched(conn, select(model_state.c.model_id, model_state.c.seen_at))
    assert [column.tolist() for column in columns] == [[], []]
    assert rows.shape == (0, 2)


def test_what_is_no_whole_number_is_a_mistake_and_never_left_out(world: World, db: Database) -> None:
    _filled(world, db)
    if db.engine.dialect.name != "sqlite":
        return  # nothing is read by way of a text there
    with db.connect() as conn:
        for column, why in (
            (model_state.c.changed_at, "5 rows, of which a column says 0"),
            (model_state.c.model_id * 0.5, "could not be read to its end"),
            (model.c.name, "could not be read to its end"),
        ):
            with pytest.raises(ValueError, match=why):
                columns_of(conn, select(model_state.c.model_id, column).join_from(model_state, model))


def test_a_joined_query_with_expressions_is_read_the_same_both_ways(world: World, db: Database) -> None:
    _filled(world, db)
    query = (
        select(model.c.id * 10, func.coalesce(model_state.c.changed_at, -1))
        .join(model_state, model_state.c.model_id == model.c.id)
        .where(model.c.id > 1)
    )
    with db.connect() as conn:
        columns, rows = np.array(columns_of(conn, query)).T, fetched(conn, query)
    assert sorted(columns.tolist()) == sorted(rows.tolist()) == [[number * 10, -1] for number in (2, 3, 4, 5)]


def test_written_columns_are_read_again_and_a_value_may_stand_for_null(world: World, db: Database) -> None:
    _filled(world, db)
    world.poll(1)
    world.poll(2)
    told = {
        "model_id": (np.array([1, 2]), None),
        "poll_id": (np.array([2, 2]), None),
        "listed_poll_id": (np.array([1, 1]), None),
        "returned_poll_id": (np.array([-1, 2]), -1),
    }
    with db.begin() as conn:
        insert_columns(conn, absence, told)
        assert [tuple(row) for row in conn.execute(select(absence).order_by(absence.c.model_id))] == [
            (1, 2, 1, None),
            (2, 2, 1, 2),
        ]


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 6, 7, 8, 13])
def test_every_row_is_written_once_however_many_go_together(
    db: Database, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(arrays, "_WRITTEN", 7)
    monkeypatch.setattr(arrays, "_TOGETHER", 3)
    numbers = np.arange(rows)
    told = {name: (numbers + place, None) for place, name in enumerate(("publisher_id", "downloads", "models"))}
    same: dict[str, int | str] = {"hub_id": 1, "month": 202609, "scope": "it's all", "share_millionths": 7}
    with db.begin() as conn:
        insert_columns(conn, publisher_share, told, same)
        stored = conn.execute(select(publisher_share).order_by(publisher_share.c.publisher_id)).all()
    assert [tuple(row) for row in stored] == [(1, 202609, "it's all", n, n + 1, 7, n + 2) for n in range(rows)]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_every_whole_number_of_64_bits_survives_the_way_through_a_text(values: list[int]) -> None:
    # What `columns_of` does to a column, without a database for each example.
    text = ",".join(map(str, values))
    read = np.fromstring(text, np.int64, sep=",") if values else np.empty(0, np.int64)
    assert read.tolist() == values


def test_rows_take_the_place_of_those_with_their_key_and_leave_the_others(world: World, db: Database) -> None:
    def rows(*publishers: int, downloads: int) -> dict[str, tuple[Any, Any]]:
        return {
            "publisher_id": (np.array(publishers), None),
            "downloads": (np.full(len(publishers), downloads), None),
            "share_millionths": (np.arange(len(publishers)), None),
        }

    many = range(1, 251)  # more than one statement takes, and some left over
    scope = "it's ) VALUES (?, 'all'"
    alike: dict[str, int | float | str | None] = {"hub_id": 1, "month": 202609, "scope": scope, "models": 7}
    with db.begin() as conn:
        replace_columns(conn, publisher_share, rows(*many, downloads=5), alike)
        replace_columns(conn, publisher_share, rows(2, 300, downloads=9), alike)
        replace_columns(conn, publisher_share, rows(2, downloads=1), alike | {"scope": "all"})
        replace_columns(conn, publisher_share, rows(downloads=1), alike)
        s = publisher_share.c
        found = conn.execute(select(s.scope, s.publisher_id, s.downloads, s.models).order_by(s.publisher_id, s.scope))
        expected = [(scope, number, 9 if number == 2 else 5, 7) for number in many]
        assert [tuple(row) for row in found if row.scope == scope] == [*expected, (scope, 300, 9, 7)]
        assert conn.scalar(select(func.count()).where(s.scope == "all", s.downloads == 1)) == 1


@pytest.mark.parametrize(
    ("numbers", "kind", "size"),
    [
        ([], b"b", 0),
        ([0, -128, 127], b"b", 3),
        ([128], b"h", 2),
        ([-(2**15) - 1], b"i", 4),
        ([2**31], b"q", 8),
        ([-1, 2**62], b"q", 16),
    ],
)
def test_a_packed_column_takes_no_more_than_its_largest_number_needs(
    numbers: list[int], kind: bytes, size: int
) -> None:
    content = packed(np.array(numbers, np.int64))
    assert (content[-1:], len(content)) == (kind, size + 1)
    assert unpacked(content).tolist() == numbers
    assert unpacked(content).dtype == np.int64


@given(st.lists(st.floats(0, 2.0**60)))
def test_packed_floats_come_back_to_the_last_bit(numbers: list[float]) -> None:
    assert unpacked(packed(np.array(numbers, np.float64))).astype(np.float64).tolist() == numbers

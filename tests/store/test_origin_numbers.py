"""Under which numbers models are kept, on both engines: found, renewed for a few, never those of another hub."""

from __future__ import annotations

import math
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select

from collector.store import origin_numbers
from collector.store.database import Database
from collector.store.schema import hub, origin_number, origin_renewal

HUB, OTHER = 1, 2


TABLES = (origin_number, origin_renewal)


@pytest.fixture
def db(db: Database) -> Database:
    """A database that knows two hubs."""
    with db.begin() as conn:
        conn.execute(insert(hub), [{"id": each, "name": f"hub{each}", "endpoint": ""} for each in (HUB, OTHER)])
    return db


def all_of(conn: Connection) -> list[int]:
    return [each for part in origin_numbers.numbers_of(conn, HUB) for each in part.tolist()]


def packed(*pairs: tuple[int, int]) -> list[int]:
    return [number << 32 | model_id for number, model_id in pairs]


def under(db: Database, *numbers: int, hub_id: int = HUB) -> list[int]:
    return sorted(origin_numbers.models_kept(db, hub_id, numbers))


def test_models_are_found_under_the_numbers_they_are_kept_under(db: Database) -> None:
    lowest, highest = -(2**31), 2**31 - 1
    with db.begin() as conn:
        origin_numbers.replace_numbers(conn, HUB, packed((lowest, 1), (highest, 2), (0, 3), (0, 1), (0, 1)))
        origin_numbers.replace_numbers(conn, OTHER, packed((0, 4)))
    assert under(db, lowest) == [1]
    assert under(db, highest) == [2]
    assert under(db, 0, lowest) == [1, 3]
    assert under(db, 0, hub_id=OTHER) == [4]
    assert under(db, 7) == under(db) == []


def test_numbers_are_replaced_by_hub(db: Database) -> None:
    with db.begin() as conn:
        origin_numbers.replace_numbers(conn, HUB, packed((5, 1)))
        origin_numbers.replace_numbers(conn, OTHER, packed((5, 4)))
        origin_numbers.replace_numbers(conn, HUB, [])
    assert (under(db, 5), under(db, 5, hub_id=OTHER)) == ([], [4])


def test_a_few_models_are_kept_under_their_new_numbers_alone(db: Database) -> None:
    with db.begin() as conn:
        origin_numbers.replace_numbers(conn, HUB, packed((5, 1), (6, 1), (6, 2), (7, 3)))
        origin_numbers.replace_numbers(conn, OTHER, packed((5, 4)))
        for _ in range(2):  # a second time in the same transaction is as good
            origin_numbers.renew_numbers(conn, HUB, [1, 3], packed((5, 1), (-8, 1), (-8, 1)))
        origin_numbers.renew_numbers(conn, HUB, [], [])
        count = sum(len(part) for part in origin_numbers.numbers_of(conn, HUB))
    assert count == 3
    assert (under(db, 5), under(db, -8), under(db, 6), under(db, 7)) == ([1], [1], [2], [])
    assert under(db, 5, hub_id=OTHER) == [4]


# Neighbours in one block, on either side of the edge between two, in other sixteenths of all blocks, and at both ends.
NUMBERS = (-(2**31), -(2**30), -1, 0, 1, 65_535, 65_536, 2**29, 2**31 - 1)
models = st.integers(1, 5)
renewals = st.lists(st.tuples(st.sets(models), st.sets(st.tuples(st.sampled_from(NUMBERS), models))), max_size=4)
TURNS = 16  # renewals after which every block has had its turn


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(renewals, st.integers(0, TURNS + 1)), max_size=3), st.sampled_from([0.0, math.inf]))
def test_after_any_renewals_stands_what_was_said_last_of_each_model(
    db: Database, drawn: list[tuple[list[tuple[set[int], set[tuple[int, int]]]], int]], most_beside: float
) -> None:
    """Each few renewals are followed by some of another model, so that the blocks have their turns at any time."""
    expected: set[tuple[int, int]] = set()
    others = [({6}, {(NUMBERS[turn % len(NUMBERS)], 6)}) for turn in range(TURNS + 1)]
    with db.begin() as conn, patch.object(origin_numbers, "MOST_BESIDE", most_beside):
        origin_numbers.replace_numbers(conn, HUB, [])
        for few, pairs in [each for said, turns in drawn for each in (*said, *others[:turns])]:
            new = {pair for pair in pairs if pair[1] in few}
            expected = {pair for pair in expected if pair[1] not in few} | new
            origin_numbers.renew_numbers(conn, HUB, few, packed(*new))
            assert all_of(conn) == sorted(packed(*expected))
    for number in NUMBERS:
        assert under(db, number) == sorted(model_id for asked, model_id in expected if asked == number)
    assert origin_numbers.models_kept(db, HUB, NUMBERS) == {model_id for _, model_id in expected}


def test_what_is_said_anew_waits_beside_the_blocks_for_their_turn(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin_numbers, "MOST_BESIDE", math.inf)

    def stored() -> tuple[int, int]:
        with db.connect() as conn:
            blocks, beside = (conn.scalar(select(func.count()).select_from(table)) for table in TABLES)
        return blocks or 0, beside or 0

    everywhere = packed(*((first_bits << 16, 1) for first_bits in range(-(2**15), 2**15, 1024)))
    with db.begin() as conn:
        origin_numbers.replace_numbers(conn, HUB, [])
        origin_numbers.renew_numbers(conn, HUB, [1], everywhere)
    assert stored() == (4, 1), "of 64 blocks those of one sixteenth"
    for turn in range(2, TURNS + 1):
        with db.begin() as conn:
            origin_numbers.renew_numbers(conn, HUB, [2], [])
        assert stored() == (4 * turn, min(turn, TURNS - 1))
    with db.begin() as conn:
        assert all_of(conn) == everywhere
        monkeypatch.undo()
        origin_numbers.renew_numbers(conn, HUB, [1], packed((5, 1)))
        assert all_of(conn) == packed((5, 1))
    assert stored() == (1, 0), "what is much for so few models goes into all blocks at once"


def test_numbers_beside_the_blocks_are_the_hubs_own(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin_numbers, "MOST_BESIDE", math.inf)
    with db.begin() as conn:
        for hub_id, model_id in ((HUB, 1), (OTHER, 4)):
            origin_numbers.renew_numbers(conn, hub_id, [model_id], packed((5, model_id), (2**31 - 1, model_id)))
        assert {hub_id: ids.tolist() for hub_id, ids in origin_numbers.models_by_hub(conn)} == {HUB: [1], OTHER: [4]}
        origin_numbers.replace_numbers(conn, HUB, [])
    assert (under(db, 5), under(db, 5, hub_id=OTHER)) == ([], [4])

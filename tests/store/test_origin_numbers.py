"""Under which numbers models are kept, on both engines: found, renewed for a few, never those of another hub."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.store import origin_numbers
from collector.store.database import Database

HUB, OTHER = 1, 2


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


# Neighbours in one block, on either side of the edge between two, and at both ends.
NUMBERS = (-(2**31), -1, 0, 1, 65_535, 65_536, 2**31 - 1)
models = st.integers(1, 5)
renewals = st.lists(st.tuples(st.sets(models), st.sets(st.tuples(st.sampled_from(NUMBERS), models))), max_size=4)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(renewals)
def test_after_any_renewals_stands_what_was_said_last_of_each_model(
    db: Database, drawn: list[tuple[set[int], set[tuple[int, int]]]]
) -> None:
    expected: set[tuple[int, int]] = set()
    with db.begin() as conn:
        origin_numbers.replace_numbers(conn, HUB, [])
        for few, pairs in drawn:
            new = {pair for pair in pairs if pair[1] in few}
            expected = {pair for pair in expected if pair[1] not in few} | new
            origin_numbers.renew_numbers(conn, HUB, few, packed(*new))
            assert [each for part in origin_numbers.numbers_of(conn, HUB) for each in part.tolist()] == sorted(
                packed(*expected)
            )
    for number in NUMBERS:
        assert under(db, number) == sorted(model_id for asked, model_id in expected if asked == number)
    assert origin_numbers.models_kept(db, HUB, NUMBERS) == {model_id for _, model_id in expected}

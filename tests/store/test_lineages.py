"""What lineage looks up: the list of what is to do, and models by number, key and former name, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from collector.store import lineages
from collector.store.database import Database
from collector.store.schema import origin_number
from tests.store.facts import World

HUB, OTHER = 1, 2


@pytest.fixture
def listed(db: Database, world: World) -> Database:
    """Three models of one hub, one of another."""
    world.hub(OTHER, "modelscope")
    for number, name in enumerate(("a/one", "a/two", "b/three"), 1):
        world.model(number, name)
    world.model(4, "a/one", hub_id=OTHER)
    return db


def packed(*pairs: tuple[int, int]) -> list[int]:
    return [number << 32 | model_id for number, model_id in pairs]


def under(db: Database, *numbers: int, hub_id: int = HUB) -> list[int]:
    return [row[0] for row in lineages.models_under(db, hub_id, numbers)]


def test_what_is_to_do_is_told_by_hub_and_once_for_each_model(listed: Database) -> None:
    with listed.begin() as conn:
        lineages.add_todo(conn, [2, 1])
        lineages.add_todo(conn, [2, 4])
    assert lineages.todo(listed, HUB).model_ids == (1, 2)
    assert lineages.todo(listed, OTHER).model_ids == (4,)


def test_only_what_was_taken_in_is_struck_off(listed: Database) -> None:
    with listed.begin() as conn:
        lineages.add_todo(conn, [1, 4])
    taken = lineages.todo(listed, HUB)
    with listed.begin() as conn:
        lineages.add_todo(conn, [1])  # changed again while the roots were worked out
        lineages.strike_off(conn, HUB, taken.last)
    assert lineages.todo(listed, HUB).model_ids == (1,)
    assert lineages.todo(listed, OTHER).model_ids == (4,)


def test_models_are_found_under_the_numbers_they_are_kept_under(listed: Database) -> None:
    lowest, highest = -(2**31), 2**31 - 1
    with listed.begin() as conn:
        lineages.replace_numbers(conn, HUB, packed((lowest, 1), (highest, 2), (0, 3), (0, 1), (0, 1)))
        lineages.replace_numbers(conn, OTHER, packed((0, 4)))
    assert under(listed, lowest) == [1]
    assert under(listed, highest) == [2]
    assert under(listed, 0, lowest) == [1, 3]
    assert under(listed, 0, hub_id=OTHER) == [4]
    assert under(listed, 7) == under(listed) == []


def test_numbers_are_replaced_by_hub(listed: Database) -> None:
    with listed.begin() as conn:
        lineages.replace_numbers(conn, HUB, packed((5, 1)))
        lineages.replace_numbers(conn, OTHER, packed((5, 4)))
        lineages.replace_numbers(conn, HUB, [])
    assert (under(listed, 5), under(listed, 5, hub_id=OTHER)) == ([], [4])


def test_a_few_models_are_kept_under_their_new_numbers_alone(listed: Database) -> None:
    with listed.begin() as conn:
        lineages.replace_numbers(conn, HUB, packed((5, 1), (6, 1), (6, 2), (7, 3)))
        lineages.replace_numbers(conn, OTHER, packed((5, 4)))
        for _ in range(2):  # a second time in the same transaction is as good
            lineages.renew_numbers(conn, HUB, [1, 3], packed((5, 1), (-8, 1), (-8, 1)))
        lineages.renew_numbers(conn, HUB, [], [])
        count = conn.scalar(select(func.count()).select_from(origin_number))
    assert count == 4
    assert (under(listed, 5), under(listed, -8), under(listed, 6), under(listed, 7)) == ([1], [1], [2], [])
    assert under(listed, 5, hub_id=OTHER) == [4]


def test_more_values_than_one_statement_takes_are_looked_up_all_the_same(listed: Database) -> None:
    assert [row[0] for row in lineages.models_of(listed, HUB, range(2_000))] == [1, 2, 3]


def test_keys_names_and_bases_are_the_hubs_own(listed: Database, world: World) -> None:
    world.poll(1)
    world.named(2, "a/old", at=10)
    world.named(4, "a/old", at=11)
    world.declared(1, "a/two", "b/three")
    assert lineages.models_with_keys(listed, HUB, ["key2", "key4"]) == [(2, "a/two", "key2")]
    assert lineages.once_named(listed, HUB, ["a/old", "a/two"]) == [(2, "a/old")]
    assert lineages.former_names_of(listed, [2, 3]) == [(2, "a/old")]
    assert lineages.bases_of(listed, [1, 2]) == [(1, "a/two", None, None), (1, "b/three", None, None)]

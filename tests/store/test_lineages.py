"""What lineage looks up: the list of what is to do, and models by key and former name, on both engines."""

from __future__ import annotations

import pytest

from collector.store import lineages, marks
from collector.store.database import Database
from tests.store.facts import World

HUB, OTHER = 1, 2


@pytest.fixture
def listed(db: Database, world: World) -> Database:
    """Three models of one hub, one of another; roots were worked out for both."""
    world.hub(OTHER, "modelscope")
    for number, name in enumerate(("a/one", "a/two", "b/three"), 1):
        world.model(number, name)
    world.model(4, "a/one", hub_id=OTHER)
    for hub_id in (HUB, OTHER):
        marks.set_mark(db, hub_id, lineages.MARK, "any")
    return db


def test_what_is_to_do_is_told_by_hub_and_once_for_each_model(listed: Database) -> None:
    with listed.begin() as conn:
        lineages.add_todo(conn, [2, 1])
        lineages.add_todo(conn, [2, 4])
    assert lineages.todo(listed, HUB).model_ids == (1, 2)
    assert lineages.todo(listed, OTHER).model_ids == (4,)


def test_nothing_is_listed_for_a_hub_whose_roots_were_never_worked_out(db: Database, world: World) -> None:
    world.hub(OTHER, "modelscope")
    world.model(1, "a/one")
    world.model(2, "a/two", hub_id=OTHER)
    marks.set_mark(db, OTHER, lineages.MARK, "any")
    with db.begin() as conn:
        lineages.add_todo(conn, [1, 2])
    assert (lineages.has_todo(db, HUB), lineages.has_todo(db, OTHER)) == (False, True)


@pytest.mark.parametrize("asked", [1, 20, 21, 500, 501, 1001])
def test_few_and_many_models_are_found_alike(listed: Database, asked: int) -> None:
    """A statement takes 20 values or 500, and stands for fewer with its last one."""
    numbers = range(4 - asked, 4)  # the last one is model 3
    assert [row[0] for row in lineages.models_of(listed, HUB, numbers)] == [n for n in (1, 2, 3) if n in numbers]


def test_only_what_was_taken_in_is_struck_off(listed: Database) -> None:
    with listed.begin() as conn:
        lineages.add_todo(conn, [1, 4])
    taken = lineages.todo(listed, HUB)
    with listed.begin() as conn:
        lineages.add_todo(conn, [1])  # changed again while the roots were worked out
        lineages.strike_off(conn, HUB, taken.last)
    assert lineages.todo(listed, HUB).model_ids == (1,)
    assert lineages.todo(listed, OTHER).model_ids == (4,)


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

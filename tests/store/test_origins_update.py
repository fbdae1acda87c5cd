"""Roots after a poll: only what differs is written, and which models these are is told."""

from __future__ import annotations

from typing import Any

import pytest

from collector.store.database import Database
from collector.store.derived import Derived, Noted
from tests.store.facts import World

HUB = 1
FIRST, SECOND = "Qwen/one", "Qwen/two"


def root(model_id: int, name: str, weight: float = 1.0) -> tuple[Any, ...]:
    return (model_id, name, name.split("/")[0], weight, "self", None, None, None)


def rows_of(derived: Derived) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in derived.origin_rows(HUB)[["model_id", "root_name", "weight"]].to_numpy().tolist()]


def said_of(derived: Derived) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in derived.disagreement_rows(HUB).to_numpy().tolist()]


@pytest.fixture
def derived(db: Database, world: World) -> Derived:
    """Two models with roots."""
    world.model(1, FIRST)
    world.model(2, SECOND)
    made = Derived(db)
    made.replace_origins(HUB, [root(1, FIRST), root(2, "a/left", 0.5), root(2, "b/right", 0.5)])
    return made


SAME = [root(1, FIRST), root(2, "b/right", 0.5), root(2, "a/left", 0.5)]


def test_the_same_roots_in_another_order_write_nothing(derived: Derived) -> None:
    before = rows_of(derived)
    assert derived.update_origins(HUB, SAME) == []
    assert rows_of(derived) == before


def test_the_models_that_have_another_root_are_told(derived: Derived) -> None:
    assert derived.update_origins(HUB, [root(1, "meta/base"), *SAME[1:]]) == [1]
    assert (1, "meta/base", 1.0) in rows_of(derived)
    assert (1, FIRST, 1.0) not in rows_of(derived)
    assert derived.update_some_origins(HUB, [root(2, "a/left")], Noted()) == [2]
    assert (2, "a/left", 1.0) in rows_of(derived)


def test_a_new_model_is_added_and_one_that_is_no_more_is_dropped(db: Database, world: World, derived: Derived) -> None:
    world.model(3, "new/one")
    assert derived.update_origins(HUB, [*SAME[1:], root(3, "new/one")]) == [1, 3]
    assert {row[0] for row in rows_of(derived)} == {2, 3}


def test_the_last_model_that_is_no_more_is_dropped_as_well(derived: Derived) -> None:
    assert derived.update_origins(HUB, SAME[:1]) == [2]
    assert rows_of(derived) == [(1, FIRST, 1.0)]


def test_disagreements_are_replaced_with_the_roots(derived: Derived) -> None:
    first, second = (1, "Qwen", "Llama"), (2, "Qwen", "a/left;b/right")
    derived.update_origins(HUB, SAME, Noted([first, second]))
    assert said_of(derived) == [first, second]
    derived.update_some_origins(HUB, SAME[1:], Noted([]))
    assert said_of(derived) == [first]
    derived.update_some_origins(HUB, SAME[:1], Noted([(1, "Qwen", "Gemma")]))
    assert said_of(derived) == [(1, "Qwen", "Gemma")]


def test_another_hubs_roots_are_left_alone(db: Database, world: World, derived: Derived) -> None:
    world.hub(2, "modelscope")
    world.model(4, "x/y", hub_id=2)
    derived.replace_origins(2, [root(4, "x/y")])
    derived.update_origins(HUB, SAME)
    assert len(derived.origin_rows(2)) == 1

"""Roots after a poll: only what differs is written, and only the shares it goes into are forgotten."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from collector.model import month_window
from collector.store import marks
from collector.store.database import Database
from collector.store.derived import Derived, Noted
from collector.store.months import MonthBuild
from tests.store.facts import World, put_month

HUB = 1
MONTHS = {"2026-07": 202607, "2026-08": 202608, "2026-09": 202609, "2026-10": 202610}
FIRST, SECOND = "Qwen/one", "Qwen/two"


def root(model_id: int, name: str, weight: float = 1.0) -> tuple[Any, ...]:
    return (model_id, name, name.split("/")[0], weight, "self", None, None, None)


def rows_of(derived: Derived) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in derived.origin_rows(HUB)[["model_id", "root_name", "weight"]].to_numpy().tolist()]


def said_of(derived: Derived) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in derived.disagreement_rows(HUB).to_numpy().tolist()]


@pytest.fixture
def derived(db: Database, world: World) -> Derived:
    """Two models with roots: the first counts in August, the second was created in October; all months are built."""
    created = month_window("2026-10").start + 86_400
    world.model(1, FIRST)
    world.model(2, SECOND, created_at=created)
    made = Derived(db)
    made.replace_origins(HUB, [root(1, FIRST), root(2, "a/left", 0.5), root(2, "b/right", 0.5)])
    zero = {"estimated": 0.0, "corrections": 0, "flags": None}
    row = {"model_id": 1, "publisher_id": world.account("Qwen"), "downloads": 5.0, **zero}
    for label, number in MONTHS.items():
        rows = pd.DataFrame([row], columns=list(row))
        put_month(db, HUB, number, rows if number == 202608 else rows.iloc[:0], MonthBuild("", 1, "", 1.0, 0))
        marks.set_mark(db, HUB, marks.shares_of(month_window(label)), "built")
    return made


def built(db: Database) -> list[str]:
    return [label for label in MONTHS if marks.mark_of(db, HUB, marks.shares_of(month_window(label))) is not None]


SAME = [root(1, FIRST), root(2, "b/right", 0.5), root(2, "a/left", 0.5)]


def test_the_same_roots_in_another_order_write_nothing_and_forget_nothing(db: Database, derived: Derived) -> None:
    before = rows_of(derived)
    assert derived.update_origins(HUB, SAME) == []
    assert rows_of(derived) == before
    assert built(db) == list(MONTHS)


def test_another_root_forgets_the_months_the_model_counts_in_and_those_after_them(
    db: Database, derived: Derived
) -> None:
    assert derived.update_origins(HUB, [root(1, "meta/base"), *SAME[1:]]) == [1]
    assert (1, "meta/base", 1.0) in rows_of(derived)
    assert (1, FIRST, 1.0) not in rows_of(derived)
    assert built(db) == ["2026-07", "2026-10"]


def test_another_root_forgets_the_month_in_which_the_model_was_created(db: Database, derived: Derived) -> None:
    assert derived.update_origins(HUB, [SAME[0], root(2, "a/left")]) == [2]
    assert built(db) == ["2026-07", "2026-08", "2026-09"]


def test_a_new_model_is_added_and_one_that_is_no_more_is_dropped(db: Database, world: World, derived: Derived) -> None:
    world.model(3, "new/one")
    assert derived.update_origins(HUB, [*SAME[1:], root(3, "new/one")]) == [1, 3]
    assert {row[0] for row in rows_of(derived)} == {2, 3}


def test_the_last_model_that_is_no_more_is_dropped_as_well(derived: Derived) -> None:
    assert derived.update_origins(HUB, SAME[:1]) == [2]
    assert rows_of(derived) == [(1, FIRST, 1.0)]


def test_disagreements_are_replaced_with_the_roots_and_forget_no_month(db: Database, derived: Derived) -> None:
    first, second = (1, "Qwen", "Llama"), (2, "Qwen", "a/left;b/right")
    derived.update_origins(HUB, SAME, Noted([first, second]))
    assert said_of(derived) == [first, second]
    derived.update_some_origins(HUB, SAME[1:], Noted([]))
    assert said_of(derived) == [first]
    derived.update_some_origins(HUB, SAME[:1], Noted([(1, "Qwen", "Gemma")]))
    assert said_of(derived) == [(1, "Qwen", "Gemma")]
    assert built(db) == list(MONTHS)


def test_another_hubs_roots_are_left_alone(db: Database, world: World, derived: Derived) -> None:
    world.hub(2, "modelscope")
    world.model(4, "x/y", hub_id=2)
    derived.replace_origins(2, [root(4, "x/y")])
    derived.update_origins(HUB, SAME)
    assert len(derived.origin_rows(2)) == 1


def test_a_model_described_anew_forgets_the_months_it_counts_in_and_those_after_them(
    db: Database, derived: Derived
) -> None:
    derived.forget_shares(HUB, [1])
    assert built(db) == ["2026-07", "2026-10"]

"""What happens to models in the small world, and what a hub then shows of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from collector.demo.world import Clock, World
from collector.model import CREATED_AT_FLOOR, from_seconds

Shown = tuple[int | None, int | None]


def shown(world: World, model: str) -> Shown:
    return world[model].all_time, world[model].last_30d


def test_the_clock_stands_still_until_it_is_moved(clock: Clock) -> None:
    start = clock.now()
    assert clock.now() == start
    clock.advance(days=1, hours=2, minutes=3, seconds=4)
    assert clock.now() - start == timedelta(days=1, hours=2, minutes=3, seconds=4)
    clock.set(start - timedelta(days=9))
    assert clock.now() < start
    with pytest.raises(ValueError, match="UTC"):
        clock.set(datetime(2026, 1, 1))  # noqa: DTZ001


def test_keys_look_like_the_hubs_and_begin_with_the_second_of_creation(world: World) -> None:
    keys = [world.create(f"lab/{n}", created_at=from_seconds(CREATED_AT_FLOOR)) for n in range(3)]
    assert {key[:8] for key in keys} == {"621ffdc0"}
    assert {len(key) for key in keys} == {24}
    assert keys == sorted(set(keys))
    assert world.create("lab/now")[:8] == f"{int(world.clock.now().timestamp()):08x}"


def test_models_are_found_by_key_and_by_present_name(world: World) -> None:
    key = world.create("lab/a")
    world.rename("lab/a", "lab/b")
    assert world["lab/b"] == world[key]
    assert (len(world), [model.name for model in world]) == (1, ["lab/b"])
    for gone in ("lab/a", "nobody/none"):
        with pytest.raises(KeyError):
            world.add_downloads(gone, 1)


def test_a_name_that_is_borne_cannot_be_taken(world: World) -> None:
    world.create("lab/a")
    world.create("lab/b")
    for take in (lambda: world.create("lab/a"), lambda: world.rename("lab/b", "lab/a")):
        with pytest.raises(ValueError, match="lab/a"):
            take()
    with pytest.raises(ValueError, match="lab/a"):
        world.redirect("lab/a", "lab/b")
    assert sorted(model.name for model in world) == ["lab/a", "lab/b"]


def test_counters_are_set_added_to_and_taken_back(world: World) -> None:
    key = world.create("lab/a", all_time=100, last_30d=10)
    world.add_downloads(key, 5)
    assert shown(world, key) == (105, 15)
    world.fall(key, 50)
    assert shown(world, key) == (55, 15)
    world.set_counters(key, 7, None)
    world.add_downloads(key, 1)
    assert shown(world, key) == (8, None)


def test_a_jump_moves_every_cumulative_counter_and_no_rolling_one(world: World) -> None:
    world.create("lab/a", all_time=200, last_30d=10)
    world.create("lab/b", all_time=None, last_30d=3)
    world.jump(50)
    assert (shown(world, "lab/a"), shown(world, "lab/b")) == ((300, 10), (None, 3))
    world.jump(-10)
    assert shown(world, "lab/a") == (270, 10)


def test_a_frozen_counter_hides_what_is_added_until_it_thaws(world: World) -> None:
    key = world.create("lab/a", all_time=1, last_30d=1)
    world.create("lab/b", all_time=1, last_30d=1)
    world.freeze(key)
    world.freeze(key)  # what is stuck stays stuck at the same value
    world.add_downloads(key, 9)
    world.add_downloads("lab/b", 9)
    assert (shown(world, key), shown(world, "lab/b")) == ((1, 1), (10, 10))
    world.thaw(key)
    assert shown(world, key) == (10, 10)


def test_a_frozen_hub_still_shows_what_is_new(world: World) -> None:
    start = world.clock.now()
    world.create("lab/a", truth=lambda now: ((now - start).days, 0))
    world.freeze()
    world.clock.advance(days=3)
    world.create("lab/new", all_time=4)
    world.add_downloads("lab/new", 1)
    assert (world["lab/a"].all_time, world["lab/new"].all_time) == (0, 5)
    world.thaw()
    assert world["lab/a"].all_time == 3


def test_counters_that_follow_a_function_follow_the_clock_and_no_other_hand(world: World) -> None:
    start = world.clock.now()
    key = world.create("lab/a", truth=lambda now: (int((now - start).total_seconds()), None))
    world.clock.advance(seconds=12)
    assert shown(world, key) == (12, None)
    with pytest.raises(ValueError, match="function of time"):
        world.add_downloads(key, 1)
    world.set_counters(key, 3, 4)
    world.add_downloads(key, 1)
    assert shown(world, key) == (4, 5)


def test_a_snapshot_is_one_until_something_changes(world: World) -> None:
    key = world.create("lab/a")
    before = world.snapshot()
    world.clock.advance(days=1)
    assert world.snapshot() is before  # time alone changes nothing that is set by hand
    world.edit(key, lambda m: replace(m, likes=5))
    assert world.snapshot().stamp != before.stamp
    assert (before.models[key].likes, world[key].likes) == (0, 5)


def test_a_deleted_models_name_is_free_again(world: World) -> None:
    first = world.create("lab/a", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    world.delete("lab/a")
    second = world.create("lab/a")
    assert first != second
    assert world["lab/a"].hub_key == second

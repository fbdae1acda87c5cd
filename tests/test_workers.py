"""The tests' own division of work: units stay whole, and what is named as costly is there."""

from __future__ import annotations

from pathlib import Path

from tests.workers import FIRST, turn, unit

ROOT = Path(__file__).parent.parent


def test_every_place_named_is_there() -> None:
    assert [place for place in FIRST if not (ROOT / place).exists()] == []


def test_a_file_is_one_unit_and_so_is_a_folder_that_is_named() -> None:
    assert unit("tests/store/test_polls.py::test_a[x::y]") == "tests/store/test_polls.py"
    assert unit("tests/takeaway/test_moving.py::test_b") == unit("tests/takeaway/test_recipes.py::test_c")


def test_what_is_named_comes_first_in_that_order() -> None:
    named = [turn(f"{place}::test" if place.endswith(".py") else f"{place}test_x.py::test") for place in FIRST]
    assert named == sorted(named)
    assert turn("tests/store/test_polls.py::test_a") > max(named)

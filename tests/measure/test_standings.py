"""What makes up a country's share: sums beside the window before, and the largest models, merges by their parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from collector.measure.ranking import listed, names_among
from collector.measure.shares import country_parts
from collector.measure.standings import LARGEST_MODELS, LISTED, country_sums, largest_models
from collector.measure.sums import Parts, largest_of_each
from tests.measure.tables import by_base

Model = tuple[str, dict[str, float], float]  # name, weight by country, downloads


def parts_of(*models: Model) -> Parts:
    """Numbered from 1."""
    table = pd.DataFrame([(n, name, downloads) for n, (name, _, downloads) in enumerate(models, 1)])
    roots = pd.DataFrame([(n, code, w) for n, (_, weights, _) in enumerate(models, 1) for code, w in weights.items()])
    table.columns, roots.columns = (
        pd.Index(["model_id", "model", "downloads"]),
        pd.Index(["model_id", "country", "weight"]),
    )
    return country_parts(by_base(table, roots))


NOW = parts_of(
    ("cn/one", {"CN": 1.0}, 10.0),
    ("x/merge", {"CN": 0.5, "US": 0.5}, 31.0),
    ("cn/none", {"CN": 1.0}, 0.0),
    ("cn/also", {"CN": 1.0}, 10.0),
    ("us/one", {"US": 1.0}, 4.0),
)
BEFORE = parts_of(("cn/one", {"CN": 1.0}, 7.0), ("fr/gone", {"FR": 1.0}, 3.0))


def rows(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Without the scope and attribution that end each row."""
    return [row[:-2] for row in table.itertuples(index=False, name=None)]


def sums(now: Parts, then: Parts) -> pd.DataFrame:
    return country_sums({("all", "base"): (now, then)})


def largest(counted: Parts, most: int = LISTED) -> pd.DataFrame:
    (ranked,) = largest_models([counted], most)
    names = names_among(counted.tally.models, [ranked])
    return listed({("all", "base"): ranked}, most, names, LARGEST_MODELS)


def test_sums_stand_beside_those_of_the_window_before_for_every_country_of_either() -> None:
    table = sums(NOW, BEFORE)
    assert tuple(table.columns) == ("country", "downloads", "previous_downloads", "models", "scope", "attribution")
    assert rows(table) == [("CN", 35.5, 7.0, 3), ("FR", 0.0, 3.0, 0), ("US", 19.5, 0.0, 2)]


def test_the_largest_models_of_a_country_come_by_the_part_that_counts_there_and_ties_by_name() -> None:
    table = largest(NOW)
    assert tuple(table.columns) == (*LARGEST_MODELS, "scope", "attribution")
    assert rows(table) == [
        ("CN", "x/merge", 15.5, 0.5),
        ("CN", "cn/also", 10.0, 1.0),
        ("CN", "cn/one", 10.0, 1.0),
        ("US", "x/merge", 15.5, 0.5),
        ("US", "us/one", 4.0, 1.0),
    ]


def test_only_so_many_are_listed_and_of_ties_at_the_end_the_first_by_name() -> None:
    assert [row[:2] for row in rows(largest(NOW, 2))] == [
        ("CN", "x/merge"),
        ("CN", "cn/also"),
        ("US", "x/merge"),
        ("US", "us/one"),
    ]


def test_a_window_without_downloads_lists_nothing() -> None:
    nothing = parts_of(("cn/one", {"CN": 1.0}, 0.0))
    assert largest(nothing).empty
    assert rows(sums(nothing, nothing)) == [("CN", 0.0, 0.0, 0)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 4)), max_size=30), st.integers(1, 4))
def test_the_largest_of_each_group_are_those_that_few_others_exceed(drawn: list[tuple[int, int]], most: int) -> None:
    group = np.array([each[0] for each in drawn], np.int64)
    value = np.array([each[1] for each in drawn], np.float64)
    found = largest_of_each(group, value, most).tolist()
    larger = [sum(1 for other in drawn if other[0] == g and other[1] > v) for g, v in drawn]
    assert sorted(found) == [n for n, (_, v) in enumerate(drawn) if v > 0 and larger[n] < most]
    assert group[found].tolist() == sorted(group[found].tolist())

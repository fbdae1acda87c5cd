"""Groups of countries: they overlap, merges within one are one model, and what is in none counts nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.columns import GROUP_SHARE
from collector.measure.groups import group_parts, group_shares
from collector.measure.rows import Heading
from collector.measure.shares import country_parts, country_portions
from collector.measure.sums import Parts
from collector.model import CountryGroup
from tests.measure.tables import by_base, printed

HEADING = Heading("huggingface", "2026-09", "all")
EU = CountryGroup("EU", "European Union", frozenset({"DE", "FR"}))
G7 = CountryGroup("G7", "Group of Seven", frozenset({"DE", "FR", "US"}))
GCC = CountryGroup("GCC", "Gulf Cooperation Council", frozenset({"AE"}))


def parts_of(*models: tuple[str, dict[str, float], float]) -> Parts:
    """(name, weight by country, downloads), numbered from 1."""
    names = ["model_id", "model", "downloads"]
    table = pd.DataFrame([(n, name, downloads) for n, (name, _, downloads) in enumerate(models, 1)], columns=names)
    table = table.assign(
        publisher=[name.split("/")[0] for name in table["model"]],
        basis="self",
        relation=None,
        estimated=0.0,
        corrections=-2,
        covered=1.0,
    )
    roots = [(n, code, w) for n, (_, weights, _) in enumerate(models, 1) for code, w in weights.items()]
    return country_parts(by_base(table, pd.DataFrame(roots, columns=["model_id", "country", "weight"])))


def shares_of(parts: Parts, *groups: CountryGroup, previous: dict[str, float] | None = None) -> Any:
    return table_of(parts, groups, previous or {}).set_index("group").to_dict("index")


def table_of(countries: Parts, groups: Sequence[CountryGroup], previous: dict[str, float]) -> Any:
    counted, said = group_parts(countries.tally, groups), (HEADING, groups)
    rows = group_shares(counted, countries, *said, attribution="base", status="final", previous=previous)
    return printed(GROUP_SHARE, rows, countries)


WORLD = parts_of(
    ("de/one", {"DE": 1.0}, 10.0),
    ("fr/one", {"FR": 1.0}, 20.0),
    ("us/one", {"US": 1.0}, 40.0),
    ("x/merge", {"DE": 0.5, "FR": 0.5}, 10.0),
    ("xx/one", {"XX": 1.0}, 10.0),
    ("zz/one", {"ZZ": 1.0}, 10.0),
)


def test_the_columns_are_the_published_ones() -> None:
    table = table_of(WORLD, [EU], {})
    assert list(table.columns) == [column.name for column in GROUP_SHARE.columns]


def test_groups_overlap_and_each_counts_its_own_countries() -> None:
    found = shares_of(WORLD, EU, G7)
    assert (found["EU"]["downloads"], found["EU"]["share"]) == (40, 0.4)
    assert (found["G7"]["downloads"], found["G7"]["share"]) == (80, 0.8)
    assert (found["EU"]["countries"], found["G7"]["countries"]) == (2, 3)


def test_a_merge_within_a_group_is_one_model_of_one_publisher() -> None:
    eu = shares_of(WORLD, EU)["EU"]
    assert (eu["models"], eu["publishers"]) == (3, 3)
    assert eu["corrections"] == -6


def test_a_merge_counts_whole_for_the_largest_model() -> None:
    parts = parts_of(("x/merge", {"DE": 0.5, "FR": 0.5}, 12.0), ("de/one", {"DE": 1.0}, 10.0))
    assert shares_of(parts, EU)["EU"]["top_model"] == "x/merge"


def test_xx_and_zz_are_in_no_group_and_unknown_bounds_the_share() -> None:
    eu = shares_of(WORLD, EU)["EU"]
    assert eu["share_of_attributed"] == pytest.approx(40 / 90)
    assert eu["share_max"] == pytest.approx(0.5)


def test_a_group_without_downloads_is_a_row_of_zeros() -> None:
    gcc = shares_of(WORLD, GCC, previous={"DE": 1.0})["GCC"]
    assert (gcc["downloads"], gcc["share"], gcc["models"], gcc["countries"]) == (0, 0.0, 0, 0)
    assert gcc["previous_share"] == 0.0
    assert gcc["top_model"] != gcc["top_model"]


def test_the_share_before_is_the_sum_of_its_countries_and_nothing_without_data() -> None:
    assert shares_of(WORLD, EU, previous={"DE": 0.25, "FR": 0.5, "US": 0.25})["EU"]["previous_share"] == 0.75
    assert shares_of(WORLD, EU)["EU"]["previous_share"] != shares_of(WORLD, EU)["EU"]["previous_share"]


def test_without_groups_there_is_no_row() -> None:
    table = table_of(WORLD, [], {})
    assert len(table) == 0
    assert list(table.columns) == [column.name for column in GROUP_SHARE.columns]


@given(
    st.lists(st.tuples(st.sampled_from(["DE", "FR", "US", "XX", "ZZ"]), st.floats(0.5, 1e6)), min_size=1, max_size=12)
)
def test_a_groups_share_is_the_sum_of_its_countries_shares(drawn: list[tuple[str, float]]) -> None:
    parts = parts_of(*((f"p{n}/m", {code: 1.0}, downloads) for n, (code, downloads) in enumerate(drawn)))
    by_country = country_portions(parts)
    expected = sum(by_country.get(code, 0.0) for code in G7.countries)
    assert shares_of(parts, G7)["G7"]["share"] == pytest.approx(expected)

"""Models added up once for every scope and attribution: each gets what adding up its models one by one gives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.measure.exact import terms
from collector.measure.models import NO_ROOTS, Models, in_scope, owners
from collector.measure.shares import country_parts
from collector.measure.sums import QUANTITIES, Parts, cells_of, tallies
from collector.model import ATTRIBUTIONS, Attribution, Scope
from tests.measure.tables import EVERYTHING, models_of

DAY_OF_CREATION = 1_700_000_000
SCOPES = (
    EVERYTHING,
    Scope("text", frozenset({"text-generation"}), created_after=date(2022, 11, 30)),
    Scope("originals", frozenset({"text-generation"}), date(2022, 11, 30), frozenset({"quantized"})),
    Scope("nothing", frozenset({"no such task"})),
)
COUNTRIES = st.sampled_from(["CN", "US", "FR", "ZZ"])
# Of parts of two each is exact, and so is the sum by hand.
WEIGHTS = st.sampled_from([(), (1.0,), (0.5, 0.5), (0.5, 0.25, 0.25)])
# Nothing next to 0: a half of it would be less than a float can say.
DOWNLOADS = st.one_of(
    st.integers(0, 3).map(float), st.floats(1e-12, 1e9), st.just(0.0), st.sampled_from([0.1, 1 / 3, 1e15])
)
PART = st.one_of(st.just(0.0), st.just(1.0), st.floats(1e-12, 1))
MODEL: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "account": st.integers(0, 3),
        "downloads": DOWNLOADS,
        "measured": PART,
        "corrections": st.integers(-3, 3),
        "covered": PART,
        "relation": st.sampled_from([None, "quantized", "merge"]),
        "pipeline_tag": st.sampled_from([None, "text-generation", "image-classification"]),
        "created_at": st.sampled_from([-1, DAY_OF_CREATION]),
        "weights": WEIGHTS,
    }
)


@st.composite
def worlds(draw: st.DrawFn) -> Models:
    """Models of four accounts with no root, one or several, some of one country."""
    drawn = draw(st.lists(MODEL, max_size=12))
    countries = draw(st.lists(COUNTRIES, min_size=4, max_size=4))
    rows = [
        {
            **said,
            "model_id": number,
            "model": f"p{said['account']}/m{number}",
            "publisher": f"p{said['account']}",
            "country_publisher": countries[said["account"]],
            "estimated": said["downloads"] * said["measured"],
        }
        for number, said in enumerate(drawn)
    ]
    roots = [(number, draw(COUNTRIES), weight) for number, said in enumerate(drawn) for weight in said["weights"]]
    columns = ["model_id", "model", "publisher", "downloads", "corrections"]  # also of a world without models
    return models_of(
        pd.DataFrame(rows, columns=None if rows else columns),
        pd.DataFrame(roots, columns=["model_id", "country", "weight"]),
    )


def by_hand(models: Models, scope: Scope, attribution: Attribution) -> Iterator[tuple[int, str, Fraction]]:
    """Each model of the scope with each of its countries, and its weight there."""
    whose, inside = owners(models, attribution), in_scope(models, scope).tolist()
    for row in range(len(models)):
        weights: dict[str, Fraction] = {}
        for root in whose.sets[whose.of[row]].roots or NO_ROOTS:
            weights[root.country] = weights.get(root.country, Fraction(0)) + Fraction(root.weight)
        yield from ((row, country, weight) for country, weight in weights.items() if inside[row])


def every_case(models: Models) -> Iterator[tuple[Parts, list[tuple[int, str, Fraction]]]]:
    cells = cells_of(models, SCOPES)
    for attribution in ATTRIBUTIONS:
        for scope, tally in zip(SCOPES, tallies(cells, attribution), strict=True):
            yield country_parts(tally), list(by_hand(models, scope, attribution))


@given(worlds())
@settings(deadline=None, max_examples=60)
def test_every_scope_and_attribution_has_the_sums_of_its_models(models: Models) -> None:
    values = {name: getattr(models, name) for name in QUANTITIES} | {"covered": models.covered * models.downloads}
    for counted, rows in every_case(models):
        for quantity in QUANTITIES:
            expected = [
                float(sum(Fraction(values[quantity][row].item()) * weight for row, at, weight in rows if at == country))
                for (country,) in counted.keys
            ]
            assert counted.sums(quantity).tolist() == expected


@given(worlds())
@settings(deadline=None, max_examples=60)
def test_models_and_accounts_are_counted_once_for_each_of_their_countries(models: Models) -> None:
    for counted, every in every_case(models):
        rows = [(row, country) for row, country, _ in every if models.downloads[row] > 0]
        by_country = [{row for row, at in rows if at == country} for (country,) in counted.keys]
        assert counted.counts().tolist() == [len(each) for each in by_country]
        assert counted.accounts().tolist() == [len({models.account[row] for row in each}) for each in by_country]


@given(worlds())
@settings(deadline=None, max_examples=60)
def test_the_largest_models_are_all_that_have_as_many_downloads_in_the_country(models: Models) -> None:
    for counted, rows in every_case(models):
        most, tied = counted.largest()
        for (country,), value, model_ids in zip(counted.keys, most.tolist(), tied, strict=True):
            there = {row: float(models.downloads[row]) * float(weight) for row, at, weight in rows if at == country}
            largest = max(there.values(), default=0.0)
            assert sorted(model_ids) == [row for row, each in there.items() if each == largest > 0]
            assert value == largest if largest else math.isnan(value)


@given(worlds())
@settings(deadline=None, max_examples=60)
def test_only_models_of_the_scope_are_told_one_by_one(models: Models) -> None:
    for counted, every in every_case(models):
        row, group, weight = counted.of_models(np.arange(len(models)))
        told = zip(row.tolist(), [counted.keys[place][0] for place in group.tolist()], weight.tolist(), strict=True)
        assert sorted(told) == sorted((row, country, float(weight)) for row, country, weight in every)
        with_downloads = {row for row, *_ in every if models.downloads[row] > 0}
        assert counted.tally.reaching().tolist() == sorted(with_downloads)


def test_models_that_differ_in_nothing_that_is_asked_make_one_cell() -> None:
    table = pd.DataFrame(
        {
            "model_id": range(4),
            "model": list("abcd"),
            "publisher": ["p", "q", "q", "q"],
            "downloads": 1.0,
            "pipeline_tag": ["text-generation", "text-generation", "translation", "fill-mask"],
            "created_at": DAY_OF_CREATION,
        }
    )
    assert cells_of(models_of(table), [EVERYTHING]).of.tolist() == [0, 0, 0, 0]
    assert cells_of(models_of(table), SCOPES[:2]).of.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("groups", [1, 2, 5])
@given(drawn=st.lists(st.tuples(st.integers(0, 4), DOWNLOADS), max_size=30))
def test_terms_by_wider_groups_are_those_that_the_values_have_there(
    groups: int, drawn: list[tuple[int, float]]
) -> None:
    group, values = np.array([at for at, _ in drawn], np.int64), np.array([value for _, value in drawn], float)
    wider = np.arange(5) % groups
    at_once, later = terms(values, wider[group], groups), terms(values, group, 5).by(wider, groups)
    assert sorted(zip(*map(np.ndarray.tolist, later), strict=True)) == sorted(
        zip(*map(np.ndarray.tolist, at_once), strict=True)
    )


def test_groups_that_are_left_out_have_no_terms() -> None:
    found = terms(np.array([1.0, 2.5, 4.0]), np.array([0, 1, 2]), 3).by(np.array([0, -1, 0]), 1)
    assert found.sums(1).tolist() == [5.0]
    assert found.total() == 5.0


def test_a_set_without_models_in_the_scope_leaves_its_group_empty() -> None:
    table = pd.DataFrame({"model_id": [0], "model": ["p/m"], "publisher": ["p"], "downloads": [3.0]})
    models = models_of(table, pd.DataFrame({"model_id": [0], "country": ["FR"]}))
    nothing = country_parts(tallies(cells_of(models, SCOPES[3:]), "base")[0])
    assert (nothing.keys, nothing.sums("downloads").tolist(), nothing.accounts().tolist()) == ([("FR",)], [0.0], [0])

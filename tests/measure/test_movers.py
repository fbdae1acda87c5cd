"""What is behind a change of share: parts of all downloads, the largest changes of each country, ties by name."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.measure.movers import BEHIND, COLUMNS, movers
from collector.measure.ranking import Ranked, listed, names_among
from collector.measure.shares import country_parts
from collector.measure.standings import LARGEST_MODELS, largest_models
from collector.measure.sums import Parts, cells_of, tallies
from collector.model import Scope
from tests.measure.tables import by_base, models_of

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def countries_of(**downloads: float) -> Parts:
    """Models named by letters; u is of the US and all others of China."""
    rows = [(ord(name), name, "US" if name == "u" else "CN", downloads.get(name, 0.0)) for name in ALPHABET]
    table = pd.DataFrame(rows, columns=["model_id", "model", "country", "downloads"])
    return country_parts(by_base(table, table[["model_id", "country"]]))


def behind(now: Parts, then: Parts, most: int = BEHIND) -> Any:
    (ranked,) = movers([(now, then)], most)
    return table_of(ranked, now, most, COLUMNS)


def table_of(ranked: Ranked, counted: Parts, most: int, columns: tuple[str, ...]) -> Any:
    names = names_among(counted.tally.models, [ranked])
    table = listed({("all", "base"): ranked}, most, names, columns)
    assert tuple(table.columns) == (*columns, "scope", "attribution")
    return table[list(columns)]


def test_contributions_of_models_add_up_to_the_change_of_their_country() -> None:
    table = behind(countries_of(a=60, b=20, u=20), countries_of(a=20, c=40, u=40))
    changes = table.groupby("country")["change"].sum()
    assert changes["CN"] == pytest.approx(0.8 - 0.6)
    assert changes["US"] == pytest.approx(0.2 - 0.4)
    assert table.iloc[0].tolist()[:2] in (["CN", "a"], ["CN", "c"])


def test_without_a_window_before_nothing_moved() -> None:
    assert behind(countries_of(a=60), countries_of()).empty
    assert behind(countries_of(), countries_of(a=60)).empty


def test_only_the_largest_contributions_are_listed_and_ties_end_at_the_name() -> None:
    table = behind(countries_of(a=10, b=30, c=20, d=20, e=20), countries_of(a=10, f=80, u=10), 2)
    assert table[["country", "model"]].values.tolist() == [["CN", "f"], ["CN", "b"], ["US", "u"]]
    assert behind(countries_of(d=1, c=1, b=1, a=1), countries_of(u=1), 2)["model"].tolist() == ["a", "b", "u"]


def test_a_merge_contributes_to_each_of_its_countries() -> None:
    roots = pd.DataFrame({"model_id": [1, 1, 2], "country": ["CN", "US", "US"], "weight": [0.5, 0.5, 1.0]})
    now, then = (
        country_parts(by_base(pd.DataFrame({"model_id": [1, 2], "model": ["m", "n"], "downloads": each}), roots))
        for each in ([60.0, 40.0], [20.0, 80.0])
    )
    assert behind(now, then).round(6).values.tolist() == [
        ["CN", "m", 0.3, 0.1, 0.2],
        ["US", "n", 0.4, 0.8, -0.4],
        ["US", "m", 0.3, 0.1, 0.2],
    ]


# --- the law: whoever is left out of the search would not have been listed --------------------------------------------

WEIGHTS = ({"CN": 1.0}, {"US": 1.0}, {"CN": 0.5, "US": 0.5}, {"FR": 1 / 3, "CN": 2 / 3}, {"ZZ": 1.0})
#: From one to a billion: a few models carry nearly everything, as on a hub. Small numbers tie.
DOWNLOADS = st.one_of(st.integers(0, 3), st.integers(0, 9).map(lambda digits: 10**digits))
ONE_MODEL = st.tuples(st.sampled_from(ALPHABET[:5]), DOWNLOADS, st.integers(0, 4), DOWNLOADS, st.integers(0, 4))


Row = tuple[int, str, int, dict[str, float]]  # number, name, downloads, countries

SCOPES = (Scope("all"), Scope("originals", exclude_relations=frozenset({"quantized"})))


def is_copy(number: int) -> bool:
    return number % 4 == 0


def window_of(models: list[Row]) -> list[Parts]:
    """What counts for each country, in both scopes."""
    table = pd.DataFrame([model[:3] for model in models], columns=["model_id", "model", "downloads"])
    table["relation"] = ["quantized" if is_copy(number) else None for number, _, _, _ in models]
    roots = [(number, code, weight) for number, _, _, weights in models for code, weight in weights.items()]
    of_table = models_of(table, pd.DataFrame(roots, columns=["model_id", "country", "weight"]))
    return [country_parts(tally) for tally in tallies(cells_of(of_table, SCOPES), "base")]


@given(st.lists(ONE_MODEL, max_size=60), st.integers(1, 4))
@settings(deadline=None, max_examples=100)
def test_the_first_of_each_country_are_those_of_a_search_through_all_models(
    drawn: list[tuple[str, int, int, int, int]], most: int
) -> None:
    models = [(number, f"{each[0]}{number % 3}", each) for number, each in enumerate(drawn, 1)]
    now = [(number, name, each[1], WEIGHTS[each[2]]) for number, name, each in models]
    then = [(number, name, each[3], WEIGHTS[each[4]]) for number, name, each in models if number % 7]
    scopes = window_of(now)
    found = zip(
        movers(list(zip(scopes, window_of(then), strict=True)), most), largest_models(scopes, most), strict=True
    )
    for scope, (moved, large) in enumerate(found):
        ours, before = ([row for row in rows if not (scope and is_copy(row[0]))] for rows in (now, then))
        table = table_of(moved, scopes[0], most, COLUMNS)
        assert table.values.tolist() == [list(row) for row in moved_most(ours, before, most)]
        table = table_of(large, scopes[0], most, LARGEST_MODELS)
        assert table.values.tolist() == [list(row) for row in largest(ours, most)]


def largest(models: list[Row], most: int) -> list[tuple[str, str, float, float]]:
    every = [(code, name, d * weight, weight) for _, name, d, of in models if d for code, weight in of.items()]
    every.sort(key=lambda row: (row[0], -row[2], row[1]))
    return [row for place, row in enumerate(every) if sum(each[0] == row[0] for each in every[:place]) < most]


def moved_most(now: list[Row], then: list[Row], most: int) -> list[tuple[str, str, float, float, float]]:
    sides = []
    for models in (now, then):
        total = math.fsum(downloads for _, _, downloads, _ in models)
        if not total:
            return []
        sides.append({(code, n, name): d * w / total for n, name, d, of in models for code, w in of.items()})
    this, before = sides
    pairs = ((pair, this.get(pair, 0.0), before.get(pair, 0.0)) for pair in sorted({**this, **before}))
    every = [(code, name, share, was, share - was) for (code, _, name), share, was in pairs if share != was]
    every.sort(key=lambda row: (row[0], -abs(row[4]), row[1]))
    return [row for place, row in enumerate(every) if sum(each[0] == row[0] for each in every[:place]) < most]

"""Shares: what adds up, what is never dropped, and the rules of the published columns."""

from __future__ import annotations

import math
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.columns import COUNTRY_SHARE, FAMILY_SHARE, MODEL_DOWNLOADS, PUBLISHER_SHARE
from collector.measure.exact import exact_sum, exact_sums, half_up, millionths
from collector.measure.models import NEVER_REVIEWED, REVIEWED_UNKNOWN, UNRESOLVED, in_scope, why_unknown
from collector.measure.rows import Heading
from collector.measure.shares import (
    Concentration,
    PublisherRows,
    concentration,
    country_parts,
    country_portions,
    country_shares,
    family_parts,
    family_portions,
    family_shares,
    model_downloads,
    publisher_rows,
    publisher_shares,
    unknown_parts,
    unknown_portions,
    unquantised_parts,
)
from collector.measure.sums import Parts, Tally
from collector.model import Scope
from tests.measure.tables import by_base, by_uploader, models_of, printed, tally_of, where

HEADING = Heading("huggingface", "2026-09", "all")
NAMES = {"CN": "China", "US": "United States", "ZZ": "not attributed"}
DEFAULTS: dict[str, Any] = {
    "organisation": None,
    "kind": None,
    "country_publisher": "ZZ",
    "family": None,
    "basis": "self",
    "relation": None,
    "pipeline_tag": "text-generation",
    "created_at": -1,
    "estimated": 0.0,
    "corrections": 0,
    "covered": 1.0,
    "flags": "",
}


def a_model(number: int, name: str, downloads: float, **said: Any) -> dict[str, Any]:
    return {
        **DEFAULTS,
        "model_id": number,
        "model": name,
        "publisher": name.split("/")[0],
        "downloads": downloads,
        **said,
    }


def a_table(*models: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(models, columns=[*DEFAULTS, "model_id", "model", "publisher", "downloads"])


def some_roots(*roots: tuple[Any, ...]) -> pd.DataFrame:
    """(model_id, country, weight[, family])"""
    return pd.DataFrame([(*root, None)[:4] for root in roots], columns=["model_id", "country", "weight", "family"])


def by_account(models: pd.DataFrame) -> pd.DataFrame:
    rows, accounts = publisher_rows(by_uploader(models)), models_of(models).accounts
    return publisher_shares(HEADING.hub, HEADING.window, {HEADING.scope: rows}, accounts)


def by_country(models: pd.DataFrame, roots: pd.DataFrame, previous: dict[str, float] | None = None) -> Any:
    return countries_of(by_base(models, roots), previous)


def countries_of(tally: Tally, previous: dict[str, float] | None = None) -> Any:
    parts = country_parts(tally)
    rows = country_shares(parts, HEADING, attribution="base", status="final", names=NAMES, previous=previous or {})
    return printed(COUNTRY_SHARE, rows, parts).set_index("country")


def families_of(counted: Parts, previous: dict[tuple[str, str], float] | None = None) -> Any:
    return printed(FAMILY_SHARE, family_shares(counted, HEADING, previous=previous or {}), counted)


MERGE = a_table(
    a_model(1, "qwen/a", 600, country_publisher="CN"),
    a_model(2, "meta/b", 200, country_publisher="US", estimated=50.0, covered=0.5),
    a_model(3, "who/merge", 100, relation="merge", basis="declared"),
    a_model(4, "who/c", 100, corrections=-30),
)
MERGE_ROOTS = some_roots((1, "CN", 1.0), (2, "US", 1.0), (3, "CN", 0.5), (3, "US", 0.5), (4, "ZZ", 1.0))


def test_a_merge_counts_in_each_of_its_countries_by_its_weights() -> None:
    table = by_country(MERGE, MERGE_ROOTS)
    assert table["downloads"].to_dict() == {"CN": 650, "US": 250, "ZZ": 100}
    assert table["models"].to_dict() == {"CN": 2, "US": 2, "ZZ": 1}
    assert table["publishers"].to_dict() == {"CN": 2, "US": 2, "ZZ": 1}


def test_unknown_is_a_number_beside_every_share() -> None:
    table = by_country(MERGE, MERGE_ROOTS)
    assert table["share"].to_dict() == {"CN": 0.65, "US": 0.25, "ZZ": 0.1}
    assert table.at["CN", "share_of_attributed"] == pytest.approx(650 / 900)
    assert table["share_max"].to_dict() == {"CN": 0.75, "US": 0.35, "ZZ": 0.1}
    assert math.isnan(table.at["ZZ", "share_of_attributed"])


def test_measured_and_covered_parts_are_weighted_by_downloads() -> None:
    table = by_country(MERGE, MERGE_ROOTS)
    assert table["measured_share"].to_dict() == {"CN": 1.0, "US": 0.8, "ZZ": 1.0}
    assert table.at["US", "covered_share"] == pytest.approx((200 * 0.5 + 50) / 250)


def test_what_is_not_said_of_measuring_stays_unsaid() -> None:
    table = by_country(MERGE.assign(estimated=math.nan), MERGE_ROOTS)
    assert table["measured_share"].isna().all()
    assert table["share"].sum() == pytest.approx(1)


def test_the_published_columns_come_in_their_published_order() -> None:
    models, roots = MERGE, MERGE_ROOTS
    parts = country_parts(by_base(models, roots))
    rows = country_shares(parts, HEADING, attribution="base", status="final", names=NAMES, previous={})
    countries = printed(COUNTRY_SHARE, rows, parts)
    families = families_of(family_parts(by_base(models, roots), {}))
    for table, file in (
        (countries, COUNTRY_SHARE),
        (families, FAMILY_SHARE),
        (by_account(models), PUBLISHER_SHARE),
        (model_downloads(models_of(models, roots), HEADING, 10), MODEL_DOWNLOADS),
    ):
        assert list(table.columns) == [column.name for column in file.columns]
    assert countries["country_name"].tolist() == ["China", "United States", "not attributed"]
    assert set(countries["attribution"]) == {"base"}
    assert set(countries["status"]) == {"final"}


def test_zz_is_a_row_of_every_table_even_with_nothing_in_it() -> None:
    models = a_table(a_model(1, "qwen/a", 10))
    roots = some_roots((1, "CN", 1.0, "Qwen"))
    assert by_country(models, roots).at["ZZ", "downloads"] == 0
    families = families_of(family_parts(by_base(models, roots), {"Qwen": "CN"}))
    assert families[["family", "country", "downloads"]].values.tolist() == [["Qwen", "CN", 10], ["other", "ZZ", 0]]


def test_a_model_without_a_root_is_not_attributed_and_not_lost() -> None:
    models, roots = a_table(a_model(1, "qwen/a", 10), a_model(2, "lost/b", 30)), some_roots((1, "CN", 1.0))
    assert by_country(models, roots)["downloads"].to_dict() == {"ZZ": 30, "CN": 10}
    families = families_of(family_parts(by_base(models, roots), {}))
    assert families[["family", "country", "downloads"]].values.tolist() == [["other", "ZZ", 30], ["other", "CN", 10]]


def test_a_window_of_nothing_has_a_zz_row_without_shares() -> None:
    table = by_country(a_table(), some_roots())
    assert table["downloads"].to_dict() == {"ZZ": 0}
    assert (
        table[["share", "share_of_attributed", "share_max", "measured_share", "top_model_share"]]
        .isna()
        .to_numpy()
        .all()
    )
    assert table["top_model"].isna().all()
    assert by_account(a_table()).empty
    assert country_portions(country_parts(by_base(a_table(), some_roots()))) == {}


def test_all_unattributed_leaves_no_share_of_attributed() -> None:
    table = by_country(a_table(a_model(1, "x/y", 5)), some_roots((1, "ZZ", 1.0)))
    assert table[["share", "share_max"]].values.tolist() == [[1.0, 1.0]]
    assert math.isnan(table.at["ZZ", "share_of_attributed"])


def test_corrections_stand_beside_downloads_and_keep_their_row() -> None:
    models = a_table(a_model(1, "x/y", 5), a_model(2, "fr/z", 0, corrections=-7), a_model(3, "m/m", 0, corrections=-5))
    roots = some_roots((1, "ZZ", 1.0), (2, "FR", 1.0), (3, "DE", 0.5), (3, "FR", 0.5))
    table = by_country(models, roots)
    assert table["corrections"].to_dict() == {"ZZ": 0, "DE": -2, "FR": -9}  # -2.5 and -9.5, halves up
    assert table.loc["FR", ["downloads", "models", "publishers"]].tolist() == [0, 0, 0]
    assert math.isnan(table.at["FR", "measured_share"])


def test_a_country_of_the_window_before_keeps_its_row() -> None:
    table = by_country(MERGE, MERGE_ROOTS, {"CN": 0.5, "SE": 0.5, "NO": 0.0})
    assert table["previous_share"].to_dict() == {"CN": 0.5, "US": 0.0, "ZZ": 0.0, "SE": 0.5}
    assert table.at["SE", "downloads"] == 0


def test_no_window_before_is_no_zero() -> None:
    assert by_country(MERGE, MERGE_ROOTS)["previous_share"].isna().all()


def test_the_window_before_gives_its_unrounded_shares() -> None:
    assert country_portions(country_parts(by_base(MERGE, MERGE_ROOTS))) == {"CN": 0.65, "US": 0.25, "ZZ": 0.1}


def test_the_top_model_is_the_one_with_most_attributed_downloads_ties_by_name() -> None:
    models = a_table(a_model(1, "b/b", 60), a_model(2, "a/a", 30), a_model(3, "c/c", 30), a_model(4, "d/d", 50))
    roots = some_roots((1, "CN", 0.5), (1, "US", 0.5), (2, "CN", 1.0), (3, "CN", 1.0), (4, "US", 1.0))
    table = by_country(models, roots)
    assert table["top_model"].to_dict() == {"CN": "a/a", "US": "d/d", "ZZ": pytest.approx(math.nan, nan_ok=True)}
    assert table.at["CN", "top_model_share"] == pytest.approx(30 / 90)


def test_two_roots_in_one_country_are_one_part_of_one_model() -> None:
    roots = some_roots((1, "CN", 0.25), (1, "CN", 0.5), (1, "US", 0.25))
    table = by_country(a_table(a_model(1, "a/m", 100)), roots)
    assert table[["downloads", "models"]].values.tolist() == [[75, 1], [25, 1], [0, 0]]
    assert table.at["CN", "top_model_share"] == 1.0


def test_rounding_happens_once_and_halves_go_up() -> None:
    assert half_up(np.array([0.5, 1.5, 2.4999, -2.5, -2.51])).tolist() == [1, 2, 2, -2, -3]
    models = a_table(*[a_model(n, f"a/{n}", 0.4) for n in range(10)])
    assert by_country(models, some_roots(*[(n, "CN", 1.0) for n in range(10)])).at["CN", "downloads"] == 4


SUMMED = st.one_of(
    st.integers(-(10**9), 10**12).map(float),
    st.floats(-1e9, 1e12),
    st.floats(0, 1e-20),
    st.sampled_from([0.1, 1 / 3, 2.0**-40, 5e-324, 1e17, -1e17]),
)


@given(st.lists(st.tuples(st.integers(0, 3), SUMMED), max_size=40))
def test_sums_are_correctly_rounded_whatever_is_added_up(drawn: list[tuple[int, float]]) -> None:
    values, group = (np.array([each[n] for each in drawn]) for n in (1, 0))
    sums = exact_sums(values.astype(float), group.astype(np.int64), 5)
    assert sums.tolist() == [math.fsum(value for at, value in drawn if at == place) for place in range(5)]


@given(st.lists(SUMMED, max_size=9), st.integers(0, 40))
@example([math.nan], 0)
def test_a_sum_of_many_is_correctly_rounded(drawn: list[float], times: int) -> None:
    values = [value * (n + 1) for n in range(times) for value in drawn] + drawn  # many, and of all sizes
    assert repr(exact_sum(np.array(values, float))) == repr(math.fsum(values))


def test_a_sum_of_more_than_are_added_up_at_a_time_is_one_sum() -> None:
    values = np.append(np.arange(70_000) / 3, [1e17, -1e17, 0.1])
    assert exact_sum(values) == math.fsum(values.tolist())


def test_what_is_not_said_makes_no_sum_of_its_group_and_leaves_the_others() -> None:
    sums = exact_sums(np.array([math.nan, 0.5, 0.25, 0.1]), np.array([0, 0, 1, 1]), 2)
    assert math.isnan(sums[0])
    assert sums[1] == 0.35


def test_concentration_counts_what_has_a_share() -> None:
    found = concentration(np.array([0.5, 0.25, 0.25, 0.0, math.nan]))
    assert found == Concentration((0.5, 0.25, 0.25, 0.0, 0.0), 0.375, 3)


def test_rows_are_sorted_by_downloads_then_code() -> None:
    models = a_table(*[a_model(n, f"a/{n}", 5.0 + (n == 2)) for n in range(4)])
    roots = some_roots((0, "US", 1.0), (1, "FR", 1.0), (2, "ZZ", 1.0), (3, "CN", 1.0))
    assert by_country(models, roots).index.tolist() == ["ZZ", "CN", "FR", "US"]


# --- families and publishers ---------------------------------------------------------------------------------------


def test_a_family_has_its_developers_country_and_unknown_ones_their_base_countries() -> None:
    models = a_table(
        a_model(1, "qwen/a", 40),
        a_model(2, "who/a-gguf", 30, relation="quantized", basis="declared"),
        a_model(3, "who/merge", 20, basis="name"),
        a_model(4, "x/y", 10),
        a_model(5, "z/lone", 4),
    )
    roots = some_roots(
        (1, "CN", 1.0, "Qwen"),
        (2, "ZZ", 1.0, "Qwen"),  # a republisher of the root: the family is Qwen's all the same
        (3, "CN", 0.5, "Qwen"),
        (3, "US", 0.5, "Llama"),
        (4, "FR", 1.0),
        (5, "US", 1.0, "Unlisted"),
    )
    parts = family_parts(by_base(models, roots), {"Qwen": "CN", "Llama": "US"})
    table = families_of(parts, {("Gemma", "US"): 0.2, ("Qwen", "CN"): 0.8})
    rows: Any = table.set_index(["family", "country"])
    assert rows["downloads"].to_dict() == {
        ("Qwen", "CN"): 80,
        ("Llama", "US"): 10,
        ("other", "FR"): 10,
        ("Unlisted", "ZZ"): 4,
        ("Gemma", "US"): 0,
        ("other", "ZZ"): 0,
    }
    assert rows["derivative_part"].loc[[("Qwen", "CN"), ("Llama", "US"), ("other", "FR")]].tolist() == [0.5, 1.0, 0.0]
    assert rows["previous_share"].tolist() == [0.8, 0.0, 0.0, 0.0, 0.2, 0.0]
    assert rows.loc[("Qwen", "CN"), ["models", "top_model", "top_model_share"]].tolist() == [3, "qwen/a", 0.5]
    assert family_portions(parts)[("Qwen", "CN")] == pytest.approx(80 / 104)


def test_publishers_come_as_the_registry_has_them() -> None:
    models = a_table(
        a_model(1, "Qwen/a", 30, organisation="Alibaba", country_publisher="CN", kind="company"),
        a_model(2, "Qwen/b", 30, organisation="Alibaba", country_publisher="CN", kind="company"),
        a_model(3, "anon/c", 40, country_publisher=None),
        a_model(4, "quiet/d", 0, corrections=-5),
    )
    table = by_account(models)
    assert table["publisher"].tolist() == ["Qwen", "anon"]
    assert table[["organisation", "country", "kind", "downloads", "share", "models"]].iloc[0].tolist() == [
        "Alibaba",
        "CN",
        "company",
        60,
        0.6,
        2,
    ]
    assert table.at[1, "country"] == "ZZ"
    assert (table.loc[1, ["organisation", "kind"]] == "").all()


def test_publishers_of_several_scopes_come_scope_by_scope_the_largest_first_ties_by_name() -> None:
    models = models_of(a_table(*(a_model(n, f"{who}/m", 10 + n // 3) for n, who in enumerate("dbca", 1))))
    rows = publisher_rows(tally_of(models, "base"))
    few = PublisherRows(rows.account[1:2], rows.downloads[1:2], rows.share[1:2], rows.models[1:2])
    table = publisher_shares("modelscope", "2026-09", {"z": rows, "a": few}, models.accounts)
    assert table["scope"].tolist() == ["z"] * 4 + ["a"]
    assert table["publisher"].tolist() == ["a", "c", "b", "d", "b"]
    assert set(table["hub"]) == {"modelscope"}
    assert table["downloads"].tolist() == [11, 11, 10, 10, 10]


def test_every_model_is_listed_with_its_countries() -> None:
    roots = some_roots((1, "CN", 1.0), (2, "US", 1.0), (3, "US", 0.25), (3, "CN", 0.75), (4, "ZZ", 1.0))
    table = model_downloads(models_of(MERGE, roots), HEADING, 10)
    assert table["model"].tolist() == ["qwen/a", "meta/b", "who/c", "who/merge"]
    assert table["country_base"].tolist() == ["CN", "US", "ZZ", "CN:0.75;US:0.25"]
    assert table["country_publisher"].tolist() == ["CN", "US", "ZZ", "ZZ"]
    assert table["measured_share"].tolist() == [1.0, 0.75, 1.0, 1.0]
    assert table["corrections"].tolist() == [0, 0, -30, 0]


def test_countries_of_equal_weight_print_in_the_order_of_their_codes() -> None:
    models = a_table(a_model(1, "m/m", 1), a_model(2, "n/n", 0, corrections=4))
    roots = some_roots((1, "US", 0.5), (1, "CN", 0.5), (2, "FR", 1 / 3), (2, "CN", 1 / 3), (2, "CN", 1 / 3))
    table: Any = model_downloads(models_of(models, roots), HEADING, 10)
    assert table["country_base"].tolist() == ["CN:0.5;US:0.5", "CN:0.666667;FR:0.333333"]
    assert math.isnan(table.at[1, "measured_share"])


# --- scopes ---------------------------------------------------------------------------------------------------------

SCOPED = a_table(
    a_model(1, "a/new", 1, created_at=1_669_852_800),  # 2022-12-01
    a_model(2, "a/same-day", 1, created_at=1_669_852_799),  # 2022-11-30
    a_model(3, "a/undated", 1),
    a_model(4, "a/vision", 1, created_at=1_700_000_000, pipeline_tag="image-classification"),
    a_model(5, "a/untold", 1, created_at=1_700_000_000, pipeline_tag=None),
    a_model(6, "a/copy", 1, created_at=1_700_000_000, relation="quantized"),
)


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        (Scope("all"), [1, 2, 3, 4, 5, 6]),
        (Scope("text", frozenset({"text-generation"})), [1, 2, 3, 6]),
        (Scope("late", created_after=date(2022, 11, 30)), [1, 4, 5, 6]),
        (Scope("before the epoch", created_after=date(1960, 1, 1)), [1, 2, 4, 5, 6]),
        (Scope("originals", exclude_relations=frozenset({"quantized"})), [1, 2, 3, 4, 5]),
    ],
    ids=lambda value: value.name if isinstance(value, Scope) else "",
)
def test_a_scope_is_its_written_rule_and_the_unknown_is_outside(scope: Scope, inside: list[int]) -> None:
    assert where(SCOPED, in_scope(models_of(SCOPED), scope)) == inside


def test_quantised_copies_can_be_left_out() -> None:
    roots = some_roots(*[(n, code, 1.0) for n, code in enumerate(("CN", "CN", "CN", "US", "FR", "US"), 1)])
    found = country_portions(unquantised_parts(by_base(SCOPED, roots)))
    assert found == {"CN": 0.6, "US": 0.2, "FR": 0.2}


# --- laws -----------------------------------------------------------------------------------------------------------

COUNTRIES = st.sampled_from(["CN", "US", "FR", "XX", "ZZ"])
FAMILIES = st.sampled_from([None, "Qwen", "Llama"])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Some models, each with one to three roots of equal weight."""
    models, roots = [], []
    countries = draw(st.lists(COUNTRIES, min_size=3, max_size=3))
    for number in range(draw(st.integers(1, 8))):
        account = draw(st.integers(0, 2))
        downloads = draw(st.one_of(st.integers(0, 10**10).map(float), st.integers(0, 2**30).map(lambda n: n / 1024)))
        models.append(
            a_model(
                number,
                f"p{account}/m{number}",
                downloads,
                country_publisher=countries[account],
                estimated=downloads * draw(st.floats(0, 1)),
                corrections=draw(st.integers(-(10**6), 10**6)),
                covered=draw(st.floats(0, 1)),
                relation=draw(st.sampled_from([None, "quantized", "finetune"])),
            )
        )
        count = draw(st.integers(1, 3))
        roots += [(number, draw(COUNTRIES), 1 / count, draw(FAMILIES)) for _ in range(count)]
    return a_table(*models), some_roots(*roots)


@given(worlds())
@settings(deadline=None, max_examples=20)
def test_shares_add_up_to_one_and_both_attributions_to_one_total(world: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    models, roots = world
    table: Any
    total = sum(map(Fraction, models["downloads"]))
    tables: list[Any] = [by_country(models, roots), countries_of(by_uploader(models))]
    families = families_of(family_parts(by_base(models, roots), {"Qwen": "CN"}))
    for table in [*tables, families, by_account(models)]:
        assert abs(int(table["downloads"].sum()) - float(total)) <= len(table) / 2 + float(total) * 1e-12
        if total > 0:
            assert math.fsum(table["share"]) == pytest.approx(1)
    for country_table in tables:
        share, most = (country_table[name].to_numpy(dtype=float) for name in ("share", "share_max"))
        assert "ZZ" in country_table.index
        assert all(math.isnan(s) or s <= m <= 1 for s, m in zip(share, most, strict=True))


@given(worlds(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=12)
def test_the_order_of_the_rows_changes_no_bit(world: tuple[pd.DataFrame, pd.DataFrame], random: Any) -> None:
    models, roots = world

    def shuffled(table: pd.DataFrame) -> Any:
        return table.iloc[random.sample(range(len(table)), len(table))]

    def tables(models: pd.DataFrame, roots: pd.DataFrame) -> list[Any]:
        families = family_parts(by_base(models, roots), {"Qwen": "CN"})
        return [
            by_country(models, roots, {"SE": 0.1}),
            families_of(families),
            by_account(models),
            model_downloads(models_of(models, roots), HEADING, 10),
        ]

    for table, other in zip(tables(models, roots), tables(shuffled(models), shuffled(roots)), strict=True):
        pd.testing.assert_frame_equal(table, other, check_exact=True)


@given(worlds())
@settings(deadline=None, max_examples=20)
def test_each_country_has_what_the_rule_by_hand_gives_it(world: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    models, roots = world
    by_hand: dict[str, Fraction] = {}
    downloads = dict(zip(models["model_id"], models["downloads"], strict=True))
    for model_id, country, weight in zip(roots["model_id"], roots["country"], roots["weight"], strict=True):
        part = Fraction(downloads[model_id]) * Fraction(weight)
        by_hand[country] = by_hand.get(country, Fraction(0)) + part
    total = sum(by_hand.values())
    table = by_country(models, roots)
    for country, expected in by_hand.items():
        if expected > 0:
            assert table.at[country, "share"] == pytest.approx(float(expected / total))
            assert table.at[country, "downloads"] == pytest.approx(float(expected), abs=0.51)


def test_what_is_not_attributed_is_told_apart_by_why() -> None:
    models = a_table(
        a_model(1, "a/never", 10),
        a_model(2, "b/reviewed", 20, kind="individual"),
        a_model(3, "c/lost", 30, basis="none"),
        a_model(4, "d/known", 40, country_publisher="FR", kind="company"),
    )
    reasons = [(1, "ZZ", NEVER_REVIEWED), (2, "ZZ", REVIEWED_UNKNOWN), (3, "ZZ", UNRESOLVED), (4, "FR", "")]
    roots = pd.DataFrame(reasons, columns=["model_id", "country", "unknown"]).assign(weight=1.0, family=None)
    parts = unknown_portions(unknown_parts(by_base(models, roots)))
    assert parts == pytest.approx({NEVER_REVIEWED: 0.1, REVIEWED_UNKNOWN: 0.2, UNRESOLVED: 0.3})
    uploaders = unknown_portions(unknown_parts(by_uploader(models)))
    assert uploaders == pytest.approx({NEVER_REVIEWED: 0.4, REVIEWED_UNKNOWN: 0.2, UNRESOLVED: 0.0})


def test_a_model_without_a_root_was_never_reviewed() -> None:
    roots = pd.DataFrame({"model_id": [], "country": [], "weight": [], "family": [], "unknown": []})
    parts = unknown_portions(unknown_parts(by_base(a_table(a_model(1, "a/b", 10)), roots)))
    assert parts == {NEVER_REVIEWED: 1.0, REVIEWED_UNKNOWN: 0.0, UNRESOLVED: 0.0}


def test_of_nothing_no_part_is_unknown() -> None:
    models = a_table(a_model(1, "a/b", 0, country_publisher="FR"))
    assert unknown_portions(unknown_parts(by_uploader(models))) == {}


@pytest.mark.parametrize(
    ("country", "reason"), [(None, NEVER_REVIEWED), ("ZZ", REVIEWED_UNKNOWN), ("XX", ""), ("FR", "")]
)
def test_only_zz_has_a_reason(country: str | None, reason: str) -> None:
    assert why_unknown(country) == reason


@given(st.lists(st.floats(0, 1)))
@example([0.0000005, 0.0000015, 0.0000025, 0.1234565, 0.8765435, 0.9999995, 1.0])  # half-way, as far as binary goes
def test_millionths_are_the_six_places_that_csv_files_print(shares: list[float]) -> None:
    found = millionths(np.array(shares)).tolist()
    assert [f"{number / 1e6:.6f}" for number in found] == [f"{share:.6f}" for share in shares]
    assert [number / 1e6 for number in found] == [round(share, 6) for share in shares]

"""What builds on each country's roots: downloads of derivatives, and new ones whether downloaded or not."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from collector.columns import DERIVATIVE_SHARE
from collector.measure.derivatives import derivative_parts, derivative_portions, derivative_shares
from collector.measure.rows import Heading
from tests.measure.tables import by_base, models_of, printed

HEADING = Heading("huggingface", "2026-09", "all")
Said = tuple[str, str | None, str, float]  #: name, relation, basis, downloads


def a_table(*models: Said) -> pd.DataFrame:
    """Numbered from 1."""
    table = pd.DataFrame(list(models), columns=["model", "relation", "basis", "downloads"])
    return table.assign(
        model_id=range(1, len(table) + 1),
        publisher=[name.split("/")[0] for name in table["model"]],
        estimated=0.0,
        corrections=0,
        covered=1.0,
    )


def roots_of(*countries: str | dict[str, float]) -> pd.DataFrame:
    weights = [{said: 1.0} if isinstance(said, str) else said for said in countries]
    rows = [(n, code, weight) for n, each in enumerate(weights, 1) for code, weight in each.items()]
    return pd.DataFrame(rows, columns=["model_id", "country", "weight"])


MODELS = a_table(
    ("Qwen/base", None, "self", 100.0),
    ("a/gguf", "quantized", "declared", 30.0),
    ("b/tune", "finetune", "name", 10.0),
    ("c/merge", "merge", "declared", 20.0),
    ("d/unsaid", None, "declared", 40.0),
    ("e/lost", "quantized", "none", 0.5),
)
ROOTS = roots_of("CN", "CN", "US", {"CN": 0.5, "US": 0.5}, "CN", "ZZ")
NOTHING_NEW = MODELS.iloc[:0]


def table_of(created: pd.DataFrame, previous: dict[tuple[str, str], float] | None = None) -> dict[Any, Any]:
    parts = derivative_parts(by_base(MODELS, ROOTS))
    rows = derivative_shares(parts, models_of(created, ROOTS).base, HEADING, previous=previous or {})
    table = printed(DERIVATIVE_SHARE, rows, parts)
    assert list(table.columns) == [column.name for column in DERIVATIVE_SHARE.columns]
    found: dict[Any, Any] = table.set_index(["country", "relation"]).to_dict("index")
    return found


def test_only_what_was_made_from_another_counts_and_merges_are_divided() -> None:
    found = table_of(NOTHING_NEW)
    assert {key: row["downloads"] for key, row in found.items()} == {
        ("CN", "unspecified"): 40,
        ("CN", "quantized"): 30,
        ("CN", "merge"): 10,
        ("US", "merge"): 10,
        ("US", "finetune"): 10,
        ("ZZ", "quantized"): 1,
    }


def test_shares_are_parts_of_all_derivatives_and_beside_them_of_everything() -> None:
    found = table_of(NOTHING_NEW)
    assert sum(row["share"] for row in found.values()) == pytest.approx(1)
    assert found["CN", "quantized"]["share"] == pytest.approx(30 / 100.5)
    assert found["CN", "quantized"]["share_of_all"] == pytest.approx(30 / 200.5)


def test_new_models_count_without_a_download_and_a_new_merge_for_each_of_its_countries() -> None:
    found = table_of(MODELS.assign(downloads=0.0).iloc[[0, 3, 4]])
    new = {key: (row["new_models"], row["new_models_share"]) for key, row in found.items() if row["new_models"]}
    assert new == {("CN", "merge"): (1, 0.25), ("US", "merge"): (1, 0.25), ("CN", "unspecified"): (1, 0.5)}


def test_new_models_alone_make_a_row() -> None:
    quiet = MODELS.assign(downloads=0.0)
    parts = derivative_parts(by_base(quiet, ROOTS))
    rows = derivative_shares(parts, models_of(quiet.iloc[[2]], ROOTS).base, HEADING, previous={})
    [row] = printed(DERIVATIVE_SHARE, rows, parts).to_dict("records")
    assert (row["country"], row["relation"], row["new_models"], row["downloads"]) == ("US", "finetune", 1, 0)
    assert row["share"] != row["share"]


def test_without_new_models_their_share_is_empty_and_their_number_zero() -> None:
    rows = table_of(NOTHING_NEW).values()
    assert {row["new_models"] for row in rows} == {0}
    assert all(row["new_models_share"] != row["new_models_share"] for row in rows)


def test_the_share_before_stands_beside_and_what_is_gone_stays_a_row() -> None:
    before = derivative_portions(derivative_parts(by_base(MODELS, ROOTS)))
    assert table_of(NOTHING_NEW, before)["US", "finetune"]["previous_share"] == pytest.approx(10 / 100.5)
    gone = table_of(NOTHING_NEW, {("FR", "adapter"): 1.0})
    assert (gone["FR", "adapter"]["downloads"], gone["FR", "adapter"]["previous_share"]) == (0, 1.0)
    assert gone["US", "finetune"]["previous_share"] == 0.0

"""Accounts without a country, by all that is ZZ for them."""

from __future__ import annotations

import pandas as pd

from collector.measure.gaps import SAMPLE, gaps
from tests.measure.tables import models_of

Model = tuple[str, str, float]  #: publisher, its country, downloads
Root = tuple[int, str, str, float, str]  #: model, root's publisher, country, weight, why unknown


def found(models: list[Model], roots: list[Root]) -> list[tuple[str, float, float, float, int]]:
    table = pd.DataFrame(models, columns=["publisher", "country_publisher", "downloads"])
    table = table.assign(model_id=range(1, len(table) + 1))
    ends = pd.DataFrame(roots, columns=["model_id", "root_publisher", "country", "weight", "unknown"])
    return [
        (gap.publisher, gap.downloads, gap.as_uploader, gap.as_root, gap.models) for gap in gaps(models_of(table, ends))
    ]


def test_uploads_and_what_is_rooted_in_an_account_count_each_model_once() -> None:
    models = [("who", "ZZ", 10.0), ("copier", "US", 30.0), ("known", "FR", 99.0)]
    roots = [
        (1, "who", "ZZ", 1.0, "never_reviewed"),
        (2, "who", "ZZ", 1.0, "never_reviewed"),
        (3, "known", "FR", 1.0, ""),
    ]
    assert found(models, roots) == [("who", 40.0, 10.0, 40.0, 2)]


def test_the_most_downloaded_comes_first_and_ties_end_at_the_name() -> None:
    models = [("b", "ZZ", 5.0), ("a", "ZZ", 5.0), ("c", "ZZ", 7.0)]
    assert [gap[0] for gap in found(models, [])] == ["c", "a", "b"]


def test_a_merge_counts_in_part() -> None:
    roots = [(1, "who", "ZZ", 0.25, "never_reviewed"), (1, "Qwen", "CN", 0.75, "")]
    assert found([("known", "FR", 8.0)], roots) == [("who", 2.0, 0.0, 2.0, 1)]


def test_a_lineage_that_leads_nowhere_is_no_accounts_gap() -> None:
    assert found([("known", "FR", 8.0)], [(1, "", "ZZ", 1.0, "unresolved")]) == []


def test_two_spellings_of_case_are_one_account() -> None:
    models = [("Who", "ZZ", 1.0), ("who", "ZZ", 2.0)]
    assert found(models, []) == [("Who", 3.0, 3.0, 0.0, 2)]


def test_models_without_downloads_are_no_gap() -> None:
    assert found([("who", "ZZ", 0.0)], [(1, "who", "ZZ", 1.0, "never_reviewed")]) == []


def test_the_sample_is_the_largest_models() -> None:
    models = pd.DataFrame({"publisher": "who", "country_publisher": "ZZ", "downloads": [float(n) for n in range(9)]})
    [gap] = gaps(models_of(models.assign(model_id=range(9))))
    assert gap.sample == tuple(range(8, 8 - SAMPLE, -1))

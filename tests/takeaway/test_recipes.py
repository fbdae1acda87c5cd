"""The SQL recipes: all run on the demonstration's database and say what its CSV files say."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.config import Config
from collector.errors import ReportError, UsageError
from collector.recipes import listing, recipes, run_recipe
from collector.store.queries import run_sql

Row = dict[str, Any]
MONTH = "2026-09"


def now() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


def ask(config: Config, name: str, **given: str) -> list[Row]:
    answer = run_recipe(config, name, given, now)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def same(row: Mapping[str, Any], said: Mapping[str, str], *columns: str) -> bool:
    """Whether a row of SQL shows what a row of CSV shows."""
    return all(_shown(row[name], said[name]) for name in columns)


def _shown(value: Any, text: str) -> bool:
    if value is None:
        return text == ""
    if isinstance(value, float):
        return math.isclose(value, float(text), abs_tol=1e-9)
    return str(value) == text


def test_there_are_twelve_recipes_each_with_a_title() -> None:
    columns, rows = listing()
    assert columns == ("recipe", "options", "title")
    assert len(rows) == len(recipes()) >= 12
    assert all(title.endswith(".") for _, _, title in rows)


@pytest.mark.parametrize("name", sorted(recipes()))
def test_every_recipe_answers_with_rows_that_are_valid_json(config: Config, name: str) -> None:
    options = recipes()[name].options
    given = {"month": MONTH, "country": "CN", "family": "Qwen"}
    rows = ask(config, name, **{key: value for key, value in given.items() if key in options})
    assert rows
    assert json.dumps(rows, allow_nan=False)


README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
SHELL = re.compile(r'collector sql "(.*?)"', re.DOTALL)
# The query of exported Parquet files is DuckDB's: test_exporting runs it.
QUERIES = [q for q in re.findall(r"```sql\n(.*?)```", README, re.DOTALL) if "read_parquet" not in q] + SHELL.findall(
    README
)


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_the_readmes_queries_answer_alike_on_both_engines(
    file_config: Config, server_config: Config, number: int
) -> None:
    ours, theirs = (run_sql(each.database.url, QUERIES[number]) for each in (file_config, server_config))
    assert ours.rows
    assert theirs == ours


@pytest.mark.parametrize("name", sorted(recipes()))
def test_every_recipe_answers_alike_on_both_engines(file_config: Config, server_config: Config, name: str) -> None:
    given = {"month": MONTH, "country": "CN", "family": "Qwen"}
    asked = {key: value for key, value in given.items() if key in recipes()[name].options}
    ours, theirs = (ask(each, name, **asked) for each in (file_config, server_config))
    assert [[_shown_alike(value) for value in row.values()] for row in theirs] == [
        [_shown_alike(value) for value in row.values()] for row in ours
    ]


def _shown_alike(value: Any) -> Any:
    """Sums of fractions may differ in the last place: the engines add up in another order."""
    return round(value, 9) if isinstance(value, float) else value


@pytest.mark.parametrize(
    ("name", "file", "chosen", "columns"),
    [
        (
            "share-by-country",
            "country_share.csv",
            {"scope": "all", "attribution": "base"},
            ("country", "country_name", "downloads", "share", "previous_share", "share_max", "models", "top_model"),
        ),
        ("families", "family_share.csv", {"scope": "all"}, ("family", "country", "downloads", "share", "models")),
        ("publishers", "publisher_share.csv", {"scope": "all"}, ("publisher", "country", "downloads", "share", "kind")),
        (
            "derivatives",
            "derivative_share.csv",
            {"scope": "all"},
            ("country", "relation", "downloads", "share", "share_of_all", "new_models"),
        ),
    ],
)
def test_a_ranking_in_sql_is_the_one_in_csv(
    config: Config,
    published: Callable[..., list[Row]],
    name: str,
    file: str,
    chosen: dict[str, str],
    columns: tuple[str, ...],
) -> None:
    rows, said = ask(config, name, month=MONTH), published(file, **chosen)
    keys = columns[:2] if name != "publishers" else columns[:1]
    by_key = {tuple(row[key] for key in keys): row for row in said}
    assert len(rows) == min(len(said), 50 if name == "publishers" else len(said))
    assert all(same(row, by_key[tuple(row[key] for key in keys)], *columns) for row in rows)


def test_one_countrys_share_by_month_is_that_of_each_months_csv(
    config: Config, published: Callable[..., list[Row]]
) -> None:
    rows = {(row["window"], row["attribution"]): row for row in ask(config, "country-by-month", country="cn")}
    for month in ("2026-06", "2026-07", "2026-08", "2026-09"):
        for said in published("country_share.csv", month, scope="all", country="CN"):
            assert same(rows[month, said["attribution"]], said, "share", "share_max", "downloads", "models")


def test_climbers_gained_what_two_months_csv_files_say(config: Config, published: Callable[..., list[Row]]) -> None:
    now_, before = (
        {row["model"]: int(row["downloads"]) for row in published("model_downloads.csv", month)}
        for month in (MONTH, "2026-08")
    )
    gained = {model: downloads - before.get(model, 0) for model, downloads in now_.items()}
    rows = ask(config, "top-climbers", month=MONTH)
    assert [row["gained"] for row in rows] == sorted(gained.values(), reverse=True)[: len(rows)]
    assert all(gained[row["model"]] == row["gained"] for row in rows)


def test_a_familys_quantisations_are_models_of_that_family(config: Config, published: Callable[..., list[Row]]) -> None:
    said = {row["model"]: row for row in published("model_downloads.csv")}
    rows = ask(config, "family-quantisations", month=MONTH, family="qwen")
    assert all(same(row, said[row["model"]], "downloads", "publisher") for row in rows)
    assert {said[row["model"]]["family"] for row in rows} == {"Qwen"}


def test_republishers_are_not_the_publishers_of_their_roots(config: Config) -> None:
    rows = ask(config, "republishers", month=MONTH)
    assert all(row["uploader"] != row["root_publisher"] for row in rows)
    assert [row["downloads"] for row in rows] == sorted((row["downloads"] for row in rows), reverse=True)


def test_the_leader_of_a_month_is_the_first_country_of_its_csv(
    config: Config, published: Callable[..., list[Row]]
) -> None:
    leaders = {row["window"]: row for row in ask(config, "leaders")}
    for month in ("2026-06", MONTH):
        said = published("country_share.csv", month, scope="all", attribution="base")
        known = [row for row in said if row["country"] not in ("XX", "ZZ")]
        assert leaders[month]["country"] == max(known, key=lambda row: float(row["share"]))["country"]
        assert leaders[month]["first_month_led"] == min(leaders)


def test_concentration_is_that_of_the_publishers_csv(config: Config, published: Callable[..., list[Row]]) -> None:
    shares = sorted((float(row["share"]) for row in published("publisher_share.csv", scope="all")), reverse=True)
    row = next(row for row in ask(config, "concentration") if row["window"] == MONTH)
    assert row["top_1"] == pytest.approx(shares[0])
    assert row["top_10"] == pytest.approx(sum(shares[:10]))
    assert row["herfindahl"] == pytest.approx(sum(share**2 for share in shares), abs=1e-5)


def test_both_attributions_stand_beside_each_other(config: Config, published: Callable[..., list[Row]]) -> None:
    rows = {row["country"]: row for row in ask(config, "uploader-or-root", month=MONTH)}
    for said in published("country_share.csv", scope="all"):
        assert rows[said["country"]][f"share_by_{said['attribution']}"] == pytest.approx(float(said["share"]))


def test_what_is_not_attributed_is_zz_alone(config: Config, published: Callable[..., list[Row]]) -> None:
    said = {row["publisher"]: row for row in published("publisher_share.csv", scope="all", country="ZZ")}
    rows = ask(config, "unattributed", month=MONTH)
    assert {row["publisher"] for row in rows} == set(list(said)[:50])
    assert all(same(row, said[row["publisher"]], "downloads", "share") for row in rows)


def test_a_recipe_without_a_month_answers_for_one_that_is_over(config: Config) -> None:
    late, early = ask(config, "share-by-country"), ask(config, "share-by-country", month="2026-05")
    assert late != early
    (row,) = (
        row
        for row in ask(config, "country-by-month", country="CN")
        if row["share"] == late[0]["share"] and row["attribution"] == "base"
    )
    assert row["window"] < "2026-11"


@pytest.mark.parametrize(
    ("name", "given", "error", "words"),
    [
        ("top-climber", {}, UsageError, "did you mean top-climbers?"),
        ("x" * 500, {}, UsageError, "known: concentration, "),
        ("leaders", {"month": MONTH}, UsageError, "takes no --month; it takes --scope, --attribution, --hub"),
        ("country-by-month", {}, UsageError, "recipe country-by-month needs --country"),
        ("country-by-month", {"country": "QQ"}, ReportError, "no country 'QQ' in the database"),
        ("family-quantisations", {"family": "Qwem"}, ReportError, "did you mean Qwen?"),
        ("share-by-country", {"month": "2026-13"}, ReportError, "not a month: '2026-13' (write YYYY-MM)"),
        ("share-by-country", {"month": "2031-01"}, ReportError, "no figures of 2031-01; the database has 2026-0"),
        ("share-by-country", {"scope": "llms"}, UsageError, "--scope llms: choose one of all, llm, llm-originals"),
        ("share-by-country", {"attribution": "root"}, UsageError, "--attribution root: choose one of base, publisher"),
        ("share-by-country", {"hub": "modelscope"}, UsageError, "no hub modelscope in the database"),
    ],
)
def test_what_cannot_be_answered_is_one_line_with_a_cure(
    config: Config, name: str, given: dict[str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        run_recipe(config, name, given, now)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1

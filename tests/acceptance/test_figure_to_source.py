"""From a figure in country_share.csv to the readings it comes from, as a reader with ten minutes goes.

Only what is published helps: the files of the pack, the views, `collector sql` on the tables.
"""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command_line import Installation, table
from tests.acceptance.story import BEGIN, END, REPORTED_AT

MODEL = "Qwen/Qwen3-8B"


def asked(plain: Installation, query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(plain.ran(REPORTED_AT, "sql", "--json", query).out)
    return rows


def of_country(pack: Path, country: str, attribution: str) -> dict[str, str]:
    (row,) = [
        row
        for row in table(pack / "country_share.csv")
        if (row["country"], row["attribution"], row["scope"]) == (country, attribution, "all")
    ]
    return row


def part(countries: str, country: str) -> Decimal:
    """What `CN` or `CN:0.5;US:0.5` gives a country."""
    parts = dict(each.partition(":")[::2] for each in countries.split(";"))
    return Decimal(parts[country] or 1) if country in parts else Decimal(0)


@pytest.mark.parametrize("country", ["CN", "US", "FR", "GB", "KR", "CA", "AE", "IN", "XX", "ZZ"])
def test_a_countrys_downloads_are_the_sum_of_its_models(pack: Path, country: str) -> None:
    models = table(pack / "model_downloads.csv")
    base = sum((part(row["country_base"], country) * int(row["downloads"]) for row in models), Decimal(0))
    told = of_country(pack, country, "base")
    # Estimates are rounded once for each model, and once for the country.
    estimated = sum(row["measured_share"] != "1.000000" and part(row["country_base"], country) > 0 for row in models)
    assert abs(int(told["downloads"]) - base.quantize(Decimal(1), ROUND_HALF_UP)) <= estimated
    named = [row for row in models if part(row["country_base"], country) > 0]
    assert int(told["models"]) == len(named)
    assert int(told["publishers"]) == len({row["publisher"] for row in named})
    assert (
        told["top_model"]
        == max(named, key=lambda row: int(row["downloads"]) * part(row["country_base"], country))["model"]
    )


def test_shares_and_their_whole_are_in_one_file(pack: Path) -> None:
    rows = [
        row for row in table(pack / "country_share.csv") if (row["attribution"], row["scope"]) == ("publisher", "all")
    ]
    total = sum(int(row["downloads"]) for row in rows)
    assert total == sum(int(row["downloads"]) for row in table(pack / "publisher_share.csv") if row["scope"] == "all")
    assert sum(Decimal(row["share"]) for row in rows) == pytest.approx(Decimal(1), abs=Decimal("0.00001"))
    for row in rows:
        assert float(row["share"]) == pytest.approx(int(row["downloads"]) / total, abs=1e-6)


def test_the_views_hold_the_models_of_the_file(plain: Installation, pack: Path) -> None:
    rows = asked(plain, "SELECT model, downloads, country_base FROM model_downloads_month WHERE \"window\" = '2026-09'")
    view = {row["model"]: (row["downloads"], row["country_base"]) for row in rows}
    told = table(pack / "model_downloads.csv")
    assert view == {row["model"].removeprefix("'"): (int(row["downloads"]), row["country_base"]) for row in told}


def test_a_models_downloads_are_its_counter_at_the_end_minus_its_counter_at_the_begin(
    plain: Installation, pack: Path
) -> None:
    readings = asked(
        plain,
        "SELECT p.started_at + o.seconds AS at, o.downloads_all_time AS counter, o.span_seconds, o.delta "
        "FROM observation o JOIN poll p ON p.id = o.poll_id JOIN model m ON m.id = o.model_id "
        f"WHERE m.name = '{MODEL}' ORDER BY at",
    )
    (told,) = [row for row in table(pack / "model_downloads.csv") if row["model"] == MODEL]
    begin, end = int(BEGIN.timestamp()), int(END.timestamp())
    assert int(told["downloads"]) == _counter_at(readings, end) - _counter_at(readings, begin)


def _counter_at(readings: list[dict[str, Any]], instant: int) -> int:
    """On the straight line of the growth that spans the instant, rounded half up."""
    after = next(row for row in readings if row["at"] >= instant)
    begin = after["at"] - after["span_seconds"]
    passed = Decimal(max(instant - begin, 0)) / after["span_seconds"]
    before: int = after["counter"] - after["delta"]
    return before + int((after["delta"] * passed).quantize(Decimal(1), ROUND_HALF_UP))


def test_the_polls_named_in_the_data_package_are_in_the_log(plain: Installation, pack: Path) -> None:
    package = json.loads((pack / "datapackage.json").read_text(encoding="utf-8"))
    known = {(row["poll"], row["status"]) for row in asked(plain, "SELECT poll, status FROM poll_log")}
    used = _polls_in(package)
    assert len(used) > 25
    assert {(poll, "complete") for poll in used} <= known


def _polls_in(package: Any) -> list[int]:
    found = package.get("polls") if isinstance(package, dict) else None
    if found is not None:
        return [poll["id"] if "id" in poll else poll["poll"] for poll in found]
    inner = [value for value in package.values() if isinstance(value, dict)] if isinstance(package, dict) else []
    return next((polls for polls in map(_polls_in, inner) if polls), [])


def test_why_a_model_counts_for_a_country_can_be_looked_up(plain: Installation) -> None:
    said = plain.ran(REPORTED_AT, "origins", "who", "garden-tools/second-hop").out
    assert "mistralai" in said
    assert "FR" in said
    rows = asked(plain, "SELECT country, basis FROM registry WHERE publisher = 'mistralai'")
    assert rows[0]["country"] == "FR"
    assert rows[0]["basis"]

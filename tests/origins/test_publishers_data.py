"""The packaged registry: its form, and the origin of accounts nobody disputes. Reads the files, no project code."""

from __future__ import annotations

import csv
import re
import tomllib
from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "collector" / "data"
HEADER = "hub,publisher,organisation,country,kind,valid_from,valid_to,basis,confidence,reviewed_on"
KINDS = {"company", "academic", "nonprofit", "government", "community", "individual"}
CONFIDENCES = {"certain", "likely"}
NOT_OF_ONE_COUNTRY, NOT_ATTRIBUTED = "XX", "ZZ"

Row = dict[str, str]
Account = tuple[str, str]  # hub, publisher


def read(name: str) -> list[Row]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read("publishers.csv")


@pytest.fixture(scope="module")
def codes() -> set[str]:
    return {row["code"] for row in read("countries.csv")}


@pytest.fixture(scope="module")
def accounts(rows: list[Row]) -> dict[Account, list[Row]]:
    found: dict[Account, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["hub"], row["publisher"]].append(row)
    return found


def name(row: Row) -> str:
    return f"{row['hub']} {row['publisher']} {row['valid_from']}"


def country_on(accounts: dict[Account, list[Row]], publisher: str, day: str, hub: str = "huggingface") -> str | None:
    for row in accounts.get((hub, publisher), []):
        if row["valid_from"] <= day and (not row["valid_to"] or day < row["valid_to"]):
            return row["country"]
    return None


def test_the_file_has_the_promised_header_and_plain_line_ends() -> None:
    text = (DATA / "publishers.csv").read_bytes()
    assert text.startswith(HEADER.encode() + b"\n")
    assert b"\r" not in text
    assert text.endswith(b"\n")


def test_every_row_has_ten_fields(rows: list[Row]) -> None:
    assert [name(row) for row in rows if None in row or None in row.values()] == []


def test_at_least_seven_hundred_accounts(accounts: dict[Account, list[Row]]) -> None:
    assert len(accounts) >= 700


def test_rows_are_sorted_by_hub_publisher_and_date(rows: list[Row]) -> None:
    keys = [(row["hub"], row["publisher"].lower(), row["valid_from"]) for row in rows]
    assert keys == sorted(keys)
    assert len(keys) == len(set(keys))


def test_every_country_is_a_known_code(rows: list[Row], codes: set[str]) -> None:
    assert {row["country"] for row in rows} - codes == set()


def test_every_field_that_must_be_filled_is(rows: list[Row]) -> None:
    assert [name(row) for row in rows if not row["basis"].strip()] == []
    assert [name(row) for row in rows if not row["organisation"].strip() and row["kind"] != "individual"] == []
    assert {row["kind"] for row in rows} <= KINDS
    assert {row["confidence"] for row in rows} <= CONFIDENCES
    assert {row["hub"] for row in rows} == {"huggingface", "modelscope", "docker"}
    assert [name(row) for row in rows if date.fromisoformat(row["reviewed_on"]) < date(2026, 11, 22)] == []


def test_no_field_has_stray_blanks(rows: list[Row]) -> None:
    assert [name(row) for row in rows for value in row.values() if value != " ".join(value.split())] == []


def test_a_basis_is_words_and_names_no_address(rows: list[Row]) -> None:
    assert [name(row) for row in rows if re.search(r"https?:|www\.|/work|placeholder|\bTODO\b", row["basis"])] == []


def test_not_of_one_country_says_why(rows: list[Row]) -> None:
    joint = [row for row in rows if row["country"] == NOT_OF_ONE_COUNTRY]
    assert joint
    assert [name(row) for row in joint if len(row["basis"]) < 12 or row["kind"] == "individual"] == []


def test_accounts_have_no_overlaps_and_no_gaps(accounts: dict[Account, list[Row]]) -> None:
    faults = []
    for spans in accounts.values():
        for row in spans:
            if row["valid_from"] and row["valid_to"]:
                assert date.fromisoformat(row["valid_from"]) < date.fromisoformat(row["valid_to"])
        faults += [name(after) for before, after in pairwise(spans) if before["valid_to"] != after["valid_from"]]
        faults += [name(after) for after in spans[1:] if not after["valid_from"]]
        if spans[0]["valid_from"] or spans[-1]["valid_to"]:
            faults.append(name(spans[0]))
    assert faults == []


def test_no_account_stands_in_two_spellings(accounts: dict[Account, list[Row]]) -> None:
    assert len({(hub, publisher.lower()) for hub, publisher in accounts}) == len(accounts)


def test_countries_are_the_iso_list_and_three_more(codes: set[str]) -> None:
    pycountry = pytest.importorskip("pycountry")
    rows = read("countries.csv")
    assert [row["code"] for row in rows] == sorted(codes)
    assert codes == {country.alpha_2 for country in pycountry.countries} | {"XK", "XX", "ZZ"}
    assert [row["code"] for row in rows if not row["name"].strip() or "," in row["name"]] == []
    names = {row["code"]: row["name"] for row in rows}
    assert (names["KR"], names["TW"], names["RU"], names["NA"]) == ("South Korea", "Taiwan", "Russia", "Namibia")


def test_groups_hold_known_countries_once(codes: set[str]) -> None:
    groups = {group["name"]: group for group in tomllib.loads((DATA / "groups.toml").read_text("utf-8"))["group"]}
    assert list(groups) == ["EU", "EEA", "G7", "BRICS", "NATO", "OECD", "ASEAN", "GCC", "Five Eyes"]
    for group in groups.values():
        members = group["countries"]
        assert len(members) == len(set(members)), group["name"]
        assert set(members) <= codes - {NOT_OF_ONE_COUNTRY, NOT_ATTRIBUTED}, group["name"]
        assert group["title"].strip(), group["name"]
        assert group["source"].strip(), group["name"]
        assert date.fromisoformat(group["as_of"]) >= date(2026, 11, 22), group["name"]
    sizes = {key: len(group["countries"]) for key, group in groups.items()}
    assert sizes == {
        "EU": 27, "EEA": 30, "G7": 7, "BRICS": 10, "NATO": 32, "OECD": 38, "ASEAN": 11, "GCC": 6, "Five Eyes": 5,
    }  # fmt: skip
    assert set(groups["EU"]["countries"]) < set(groups["EEA"]["countries"])


# Accounts whose origin is beyond doubt under the registry's rule, each with what that rests on. Half of them are not in
# the recording that the registry was first written for.
KNOWN_ORIGINS = Path(__file__).parent / "data" / "known_origins.csv"


def known_origins() -> list[Row]:
    with KNOWN_ORIGINS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.parametrize(
    ("publisher", "country"), [pytest.param(row["publisher"], row["country"]) for row in known_origins()]
)
def test_well_known_accounts(accounts: dict[Account, list[Row]], publisher: str, country: str) -> None:
    assert country_on(accounts, publisher, "2026-11-22") == country


def test_at_least_three_hundred_known_origins_each_once_and_with_a_source() -> None:
    rows = known_origins()
    assert len(rows) >= 300
    assert len({row["publisher"].lower() for row in rows}) == len(rows)
    assert [row["publisher"] for row in rows if not row["source"].strip()] == []


@pytest.mark.parametrize(
    ("publisher", "day_before", "before", "after"),
    [
        ("sentence-transformers", "2025-10-21", "DE", "US"),
        ("jinaai", "2025-10-08", "DE", "US"),
        ("InstaDeepAI", "2023-07-30", "GB", "DE"),
        ("argilla", "2024-06-12", "ES", "US"),
    ],
)
def test_a_purchase_changes_the_country_on_its_day(
    accounts: dict[Account, list[Row]], publisher: str, day_before: str, before: str, after: str
) -> None:
    next_day = date.fromordinal(date.fromisoformat(day_before).toordinal() + 1).isoformat()
    assert country_on(accounts, publisher, day_before) == before
    assert country_on(accounts, publisher, next_day) == after


@pytest.mark.parametrize(
    ("hub", "publisher", "country"),
    [
        ("modelscope", "Qwen", "CN"),
        ("modelscope", "LLM-Research", "XX"),
        ("modelscope", "AI-ModelScope", "XX"),
        ("modelscope", "unsloth", "US"),
        ("docker", "ai", "XX"),
    ],
)
def test_accounts_of_the_other_hubs(accounts: dict[Account, list[Row]], hub: str, publisher: str, country: str) -> None:
    assert country_on(accounts, publisher, "2026-11-22", hub) == country


def test_the_change_log_names_this_edition_and_its_size(accounts: dict[Account, list[Row]], rows: list[Row]) -> None:
    text = (DATA / "REGISTRY-CHANGELOG.md").read_text("utf-8")
    version = (DATA / "registry_version.txt").read_text("utf-8").strip()
    assert text.index("\n## ") == text.index(f"\n## {version}\n")
    assert f"{len(accounts):,} accounts in {len(rows):,} rows" in text

"""September by country, family and model, against the truth: every trap of the rules, met daily for six weeks.

From outside: polls over HTTP, the `report` command, the files it writes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from collector.columns import FILES
from tests.acceptance.command_line import Installation, table
from tests.acceptance.ledger import by_country, by_family
from tests.acceptance.story import BEGIN, END, LIVES, REPORTED_AT

TOLERANCE = 0.005  # of a figure, as the first release promises
Rows = list[dict[str, str]]


def countries(pack: Path, attribution: str, scope: str = "all") -> dict[str, dict[str, str]]:
    rows = table(pack / "country_share.csv")
    return {row["country"]: row for row in rows if (row["attribution"], row["scope"]) == (attribution, scope)}


def models(pack: Path) -> dict[str, dict[str, str]]:
    """By name as the hub has it: the files guard names that a spreadsheet would run."""
    return {row["model"].removeprefix("'"): row for row in table(pack / "model_downloads.csv")}


def found(pack: Path, kind: str) -> Rows:
    return [row for row in table(pack / "quality.csv") if row["kind"] == kind]


# --- against the truth ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attribution", ["base", "publisher"])
def test_septembers_downloads_by_country_are_the_true_ones(pack: Path, attribution: str) -> None:
    truth = by_country(LIVES, BEGIN, END, attribution)
    told = countries(pack, attribution)
    assert set(told) == set(truth) | {"ZZ"}
    assert {code: int(row["downloads"]) for code, row in told.items()} == pytest.approx(truth, rel=TOLERANCE)


@pytest.mark.parametrize("attribution", ["base", "publisher"])
def test_shares_are_parts_of_all_and_of_what_is_attributed(pack: Path, attribution: str) -> None:
    truth = by_country(LIVES, BEGIN, END, attribution)
    total, unknown = sum(truth.values()), truth["ZZ"]
    for code, row in countries(pack, attribution).items():
        assert float(row["share"]) == pytest.approx(truth[code] / total, rel=TOLERANCE)
        if code == "ZZ":
            assert (row["share_of_attributed"], row["share_max"]) == ("", row["share"])
        else:
            assert float(row["share_of_attributed"]) == pytest.approx(truth[code] / (total - unknown), rel=TOLERANCE)
            assert float(row["share_max"]) == pytest.approx((truth[code] + unknown) / total, rel=TOLERANCE)


def test_septembers_downloads_by_family_are_the_true_ones(pack: Path) -> None:
    told: dict[str, int] = defaultdict(int)
    for row in table(pack / "family_share.csv"):
        told[row["family"]] += int(row["downloads"]) if row["scope"] == "all" else 0
    truth = by_family(LIVES, BEGIN, END)
    # A fall hides the downloads of its own day, and a dip across the month's begin blurs it. Families are smaller
    # than countries, so this weighs more in them.
    hidden = {**dict.fromkeys(("Gemma", "Llama"), 8_000.0), "BGE": 4_000.0}
    for family in {**told, **truth}:
        assert told[family] == pytest.approx(truth[family], rel=TOLERANCE, abs=hidden.get(family, 1e-9)), family


def test_every_model_has_its_own_downloads_whatever_befell_it(pack: Path) -> None:
    told = models(pack)
    exceptions = {
        "meta-llama/Llama-3.2-1B-Instruct": 0.04,  # the day of a fall
        "google/gemma-2-2b-it": 0.07,  # two such days
        "microsoft/short-lived": 0.01,  # what came after its last sighting is not known
        "ibm-granite/shown-late": 0.03,  # estimated before its first sighting
        "BAAI/bge-m3": 0.01,  # a dip across the month's begin
    }
    for name, life in LIVES.items():
        truth = life.between(BEGIN, END)
        downloads = int(told[name]["downloads"]) if truth else 0
        assert downloads == pytest.approx(truth, rel=exceptions.get(name, TOLERANCE)), name
    assert set(told) == {name for name, life in LIVES.items() if life.between(BEGIN, END)}


def test_every_model_belongs_to_its_uploader_and_to_its_roots(pack: Path) -> None:
    for name, row in models(pack).items():
        life = LIVES[name]
        assert row["country_publisher"] == life.publisher, name
        several = ";".join(f"{code}:{part:g}" for code, part in life.roots.items())
        assert row["country_base"] == (several if len(life.roots) > 1 else next(iter(life.roots))), name


def test_a_renamed_model_stands_under_the_account_of_the_last_day(pack: Path) -> None:
    told = models(pack)
    assert told["stabilityai/rising-star"]["publisher"] == "stabilityai"
    assert told["LGAI-EXAONE/late-mover"]["publisher"] == "tiiuae"  # transferred in October
    assert "THUDM/glm-4-9b" not in told


def test_downloads_are_measured_but_where_there_was_nothing_to_measure(pack: Path) -> None:
    told = models(pack)
    assert told["stabilityai/rolling-only"]["measured_share"] == "0.000000"
    assert 0.6 < float(told["ibm-granite/shown-late"]["measured_share"]) < 0.7
    assert 0.9 < float(told["google/gemma-2-9b-it"]["measured_share"]) < 1
    others = {name for name, row in told.items() if row["measured_share"] != "1.000000"}
    assert others == {"stabilityai/rolling-only", "ibm-granite/shown-late", "google/gemma-2-9b-it"}


def test_a_scope_holds_what_its_rule_says(pack: Path) -> None:
    lives = {n: life for n, life in LIVES.items() if "BGE" not in life.families and life.born.year > 2022}
    truth = by_country(lives, BEGIN, END, "base")
    told = countries(pack, "base", "llm")
    assert {code: int(row["downloads"]) for code, row in told.items()} == pytest.approx(truth, rel=TOLERANCE)


# --- what the hub took back, and what a careful reader must know ------------------------------------------------------


def test_corrections_stand_beside_downloads_with_their_sign(pack: Path) -> None:
    told = {name: int(row["corrections"]) for name, row in models(pack).items() if row["corrections"] != "0"}
    assert told == pytest.approx(
        {
            "meta-llama/Llama-3.2-1B-Instruct": -1_200_000,
            "google/gemma-2-2b-it": -100_000,
            "google/gemma-2-9b-it": 1_200_000,
        },
        rel=0.1,  # a fall hides the downloads of its own day, and is smaller by them
    )
    assert int(countries(pack, "base")["US"]["corrections"]) == sum(told.values())
    assert all(row["corrections"] == "0" for code, row in countries(pack, "base").items() if code != "US")


def test_falls_and_jumps_are_named_with_their_time(pack: Path) -> None:
    def named(kind: str) -> set[tuple[str, str, str]]:
        return {(row["model"], row["from"][:10], row["to"][:10]) for row in found(pack, kind)}

    assert named("dip") == {
        ("deepseek-ai/DeepSeek-R1", "2026-09-06", "2026-09-10"),
        ("BAAI/bge-m3", "2026-08-30", "2026-09-05"),
    }
    assert named("correction") == {
        ("meta-llama/Llama-3.2-1B-Instruct", "2026-09-17", "2026-09-18"),
        ("google/gemma-2-2b-it", "2026-09-10", "2026-09-11"),
        ("google/gemma-2-2b-it", "2026-09-12", "2026-09-13"),
    }
    assert named("restatement") == {("google/gemma-2-9b-it", "2026-09-22", "2026-09-23")}
    flags = {name: row["flags"] for name, row in models(pack).items() if row["flags"]}
    assert flags == {
        "deepseek-ai/DeepSeek-R1": "dip",
        "BAAI/bge-m3": "dip",
        "meta-llama/Llama-3.2-1B-Instruct": "correction",
        "google/gemma-2-2b-it": "correction",
        "google/gemma-2-9b-it": "restatement",
    }


def test_polls_that_say_little_are_named(pack: Path) -> None:
    assert {row["from"][:10] for row in found(pack, "stale")} == {"2026-09-27", "2026-09-28"}
    assert {row["from"][:10] for row in found(pack, "thin")} == {"2026-09-19"}
    gaps = {(row["from"][:10], row["to"][:10]) for row in found(pack, "gap")}
    assert gaps == {("2026-09-02", "2026-09-05"), ("2026-09-07", "2026-09-09")}


def test_a_burst_is_named_with_its_day_and_the_share_without_it(pack: Path) -> None:
    (row,) = [
        row
        for row in found(pack, "spike")
        if (row["model"], row["scope"], row["attribution"]) == ("Qwen/Qwen3-0.6B", "all", "base")
    ]
    assert (row["country"], row["from"][:10]) == ("CN", "2026-09-24")
    truth = by_country(LIVES, BEGIN, END, "base")
    burst = LIVES["Qwen/Qwen3-0.6B"].between(BEGIN, END)
    without = (truth["CN"] - burst) / (sum(truth.values()) - burst)
    assert float(row["share_without"]) == pytest.approx(without, rel=TOLERANCE)


def test_what_entered_and_left_is_counted_and_disagreements_are_named(pack: Path) -> None:
    born = [name for name, life in LIVES.items() if BEGIN <= life.born < END]
    launched = ["Qwen/Qwen3-Next-80B-A3B-Instruct", "ibm-granite/shown-late"]
    assert [row["value"] for row in found(pack, "entered")] == [str(len(born) + len(launched))]
    assert [row["value"] for row in found(pack, "left")] == ["1"]
    assert [row["model"] for row in found(pack, "disagreement")] == ["garden-tools/My-Llama-3.1-Tune"]


def test_the_headline_says_what_it_stands_on_and_nothing_hostile_reaches_the_terminal(
    headline: str, pack: Path
) -> None:
    for words in ("2026-09", "scope all", "attribution base", "attributed", "measured", "covered", "status final"):
        assert words in headline
    assert headline.replace("\n", "").isprintable()
    assert {row["status"] for row in table(pack / "country_share.csv")} == {"final"}


# --- the same figures from any side -----------------------------------------------------------------------------------


def test_the_pack_is_the_same_byte_for_byte_when_written_again(plain: Installation, pack: Path, tmp_path: Path) -> None:
    plain.ran(REPORTED_AT, "report", "2026-09", "--out", str(tmp_path))
    again = tmp_path / "2026-09"
    assert sorted(file.name for file in again.iterdir()) == sorted(file.name for file in pack.iterdir())
    for file in again.iterdir():
        assert file.read_bytes() == (pack / file.name).read_bytes(), file.name


def test_a_history_stopped_and_broken_at_every_page_gives_the_same_pack(rough: Installation, pack: Path) -> None:
    for file in FILES:
        written = rough.folder / "reports" / "2026-09" / file.name
        assert written.read_bytes() == (pack / file.name).read_bytes(), file.name


def test_two_windows_add_up_to_the_month(plain: Installation, pack: Path, tmp_path: Path) -> None:
    parts: dict[str, int] = defaultdict(int)
    for window in _windows(plain, tmp_path, "2026-09-01", "2026-09-13", "2026-10-01"):
        for name, row in models(window).items():
            parts[name] += int(row["downloads"])
    whole = {name: int(row["downloads"]) for name, row in models(pack).items()}
    # Measured windows add up exactly; what is estimated from rolling counts need not.
    estimated = whole.pop("stabilityai/rolling-only")
    assert parts.pop("stabilityai/rolling-only") == pytest.approx(estimated, rel=0.05)
    assert parts == whole


def _windows(plain: Installation, out: Path, *days: str) -> Iterator[Path]:
    for start, end in pairwise(days):
        plain.ran(REPORTED_AT, "report", "--from", start, "--to", end, "--out", str(out))
        yield out / f"{start}_{end}"


def test_the_view_says_what_the_file_says(plain: Installation, pack: Path) -> None:
    query = "SELECT * FROM country_share_month WHERE \"window\" = '2026-09'"
    rows = json.loads(plain.ran(REPORTED_AT, "sql", "--json", query).out)
    told = {(row["scope"], row["attribution"], row["country"]): row for row in rows}
    written = table(pack / "country_share.csv")
    assert len(written) == len(told)
    for row in written:
        view = told[row["scope"], row["attribution"], row["country"]]
        assert int(row["downloads"]) == view["downloads"]
        assert float(row["share"]) == pytest.approx(view["share"], abs=1e-9)

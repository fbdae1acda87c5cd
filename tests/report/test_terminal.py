"""The headline: the figures of the files, with all they stand on, and nothing a hostile name could do."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import pytest

from collector.columns import COUNTRY_SHARE, PUBLISHER_SHARE, QUALITY
from collector.errors import ReportError
from collector.model import By, Scope, Window, days_window
from collector.report.data import ReportData
from collector.report.terminal import headline, headline_json, standing

WIDE = 200
WEEK = (date(2026, 9, 1), date(2026, 9, 8))
Change = Callable[[pd.DataFrame], pd.DataFrame]


def changed(report: ReportData, name: str, change: Change) -> ReportData:
    return replace(report, tables={**report.tables, name: change(report.tables[name])})


def lines_of(report: ReportData, by: By = "country", width: int = WIDE) -> list[str]:
    return headline(report, "all", "base", by, width).split("\n")


def line_with(text: str, lines: list[str]) -> str:
    return next(line for line in lines if text in line)


def test_the_headline_is_a_sentence_that_can_be_cited(report: ReportData) -> None:
    assert lines_of(report)[0] == (
        "In 2026-09, 70.0 % of the downloads of the models polled on huggingface (scope all) went to models that"
        " originate in China; United States 25.0 %, France 1.0 %; 4.0 % not attributed."
    )


def test_by_publisher_the_sentence_speaks_of_uploaders(report: ReportData) -> None:
    text = headline(report, "all", "publisher", "country", WIDE)
    assert "60.0 % of the downloads" in text.split("\n")[0]
    assert "went to models whose uploader originates in China" in text.split("\n")[0]
    assert "attribution publisher: origin of the uploader" in text
    assert "no copies" not in text


def test_no_share_leaves_without_what_it_stands_on(report: ReportData) -> None:
    text = headline(report, "llm", "base", "country", WIDE)
    for said in (
        "hub huggingface · window 2026-09 (2026-09-01 to 2026-10-01, UTC) · status provisional",
        "scope llm: tasks text-generation; without adapter",
        "attribution base: origin of the root model's publisher",
        "4 models of 4 publishers · 99,001 downloads counted by the hub",
        "96.0 % attributed · 74.7 % measured · 50.0 % covered",
        "continuous integration counts too",
    ):
        assert said in text


def test_a_scope_is_printed_with_its_day(report: ReportData) -> None:
    late = replace(report, scopes=(Scope("all", created_after=date(2022, 11, 30)),))
    assert "scope all: created after 2022-11-30" in lines_of(late)


def test_the_table_ranks_countries_with_both_attributions_and_without_copies(report: ReportData) -> None:
    lines = lines_of(report)
    header = line_with("of known", lines).split()
    assert header[:2] == ["country", "share"]
    china = line_with("CN China", lines)
    figures = ["1", "70.0 %", "+10.0", "72.9 %", "74.0 %", "66.7 %", "60.0 %", "70,000", "Qwen/Qwen3"]
    assert [cell for cell in (each.strip() for each in china.split("  ")) if cell in figures] == figures
    assert "█" in china


def test_what_is_not_attributed_stands_in_its_place_without_a_rank(report: ReportData) -> None:
    lines = lines_of(report)
    assert lines.index(line_with("ZZ not", lines)) < lines.index(line_with("FR France", lines))
    assert line_with("ZZ not", lines).startswith("   ZZ")
    assert line_with("FR France", lines).startswith("3  FR")


def test_spikes_are_named_with_both_shares(report: ReportData) -> None:
    assert "spike: unsloth/Qwen3-GGUF: CN 70.0 % with it, 66.7 % without it" in lines_of(report)


def test_many_spikes_are_counted_and_left_to_the_file(report: ReportData) -> None:
    many = changed(report, QUALITY.name, lambda rows: pd.concat([rows] * 3, ignore_index=True))
    lines = lines_of(many)
    assert len([line for line in lines if line.startswith("spike: ")]) == 5
    assert "7 more spikes: see quality.csv" in lines


def test_a_long_table_is_cut_but_zz_and_the_rest_are_said(report: ReportData) -> None:
    def lengthened(rows: pd.DataFrame) -> pd.DataFrame:
        small = rows[(rows["country"] == "FR") & (rows["scope"] == "all") & (rows["attribution"] == "base")]
        more = [small.assign(country=f"Q{letter}", country_name="x") for letter in "ABCDEFGHIJKLMNOPQRSTUVW"]
        zz = rows["country"] == "ZZ"
        return pd.concat([rows[~zz], *more, rows[zz]], ignore_index=True)

    lines = lines_of(changed(report, COUNTRY_SHARE.name, lengthened))
    table = lines[lines.index(line_with("of known", lines)) + 1 :]
    assert "ZZ not attributed" in table[20]
    assert table[21] == "6 more hold 6.0 %: see the CSV files."


@pytest.mark.parametrize("by", ["country", "family", "publisher"])
def test_hostile_names_reach_no_terminal(report: ReportData, by: By) -> None:
    hostile = changed(report, PUBLISHER_SHARE.name, lambda rows: rows.assign(organisation="\x9b2J\u202eevil\r\n" * 500))
    text = headline(hostile, "all", "base", by, 120)
    assert not any(unicodedata.category(c) in ("Cc", "Cf") for c in text if c != "\n")
    assert max(map(len, text.split("\n"))) < 250


def test_families_and_publishers_have_their_own_tables(report: ReportData) -> None:
    family = line_with("Qwen ", lines_of(report, "family")[5:])
    assert family.split() == [
        "1",
        "Qwen",
        "CN",
        "70.0",
        "%",
        "███████████▎",
        "–",
        "14.3",
        "%",
        "70,000",
        "2",
        "Qwen/Qwen3",
    ]
    assert line_with("other", lines_of(report, "family")).startswith("   other")
    assert line_with("unsloth", lines_of(report, "publisher")).startswith("3  unsloth")


def test_groups_have_their_own_table_and_are_said_to_overlap(report: ReportData) -> None:
    lines = lines_of(report, "group")
    assert line_with("G7", lines).split()[:8] == ["1", "G7", "Group", "of", "Seven", "26.0", "%", "████▏"]
    assert line_with("EU ", lines).split()[:3] == ["2", "EU", "European"]
    assert "groups overlap, so their shares do not add up" in "\n".join(lines)


def test_what_is_not_attributed_is_told_apart_by_whether_anyone_looked(report: ReportData) -> None:
    line = line_with("not attributed, of all", lines_of(report))
    assert line == "not attributed, of all downloads: 3.0 % accounts never reviewed, 1.0 % reviewed and unknown"
    said = headline_json(report, "all", "base", "country")["not_attributed"]
    assert said == {"never_reviewed": 0.03, "reviewed_unknown": 0.01, "unresolved": 0.0}


def test_where_all_is_attributed_nothing_is_told_apart(report: ReportData) -> None:
    nothing = {key: dict.fromkeys(parts, 0.0) for key, parts in report.unknown.items()}
    assert "not attributed, of" not in "\n".join(lines_of(replace(report, unknown=nothing)))


def test_a_narrow_terminal_shortens_names_and_drops_the_bar(report: ReportData) -> None:
    china = line_with("CN China", lines_of(report, width=90))
    assert "█" not in china
    assert "70.0 %" in china


def test_json_has_the_same_figures(report: ReportData) -> None:
    data = headline_json(report, "all", "base", "country")
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    said = ("hub", "scope", "attribution", "by", "status", "models", "publishers", "attributed_share", "covered_share")
    expected = ["huggingface", "all", "base", "country", "provisional", 5, 5, 0.959995, 0.5]
    assert [data[name] for name in said] == expected
    assert data["window"] == {"label": "2026-09", "from": "2026-09-01T00:00:00Z", "to": "2026-10-01T00:00:00Z"}
    china, *_, zz, france = data["rows"]
    assert (china["country"], china["share"], china["share_by_publisher"]) == ("CN", 0.7, 0.6)
    assert china["share_without_quantised"] == pytest.approx(60 / 90, abs=1e-6)
    assert zz["share_of_attributed"] is None
    assert france["top_model"] == "who/\x1b[31mred\x1b[0m"
    assert data["spikes"][0]["model"] == "Qwen/Qwen3"


@pytest.mark.parametrize(("by", "key"), [("family", "family"), ("publisher", "publisher")])
def test_json_by_family_and_publisher_has_their_rows(report: ReportData, by: By, key: str) -> None:
    rows = headline_json(report, "all", "base", by)["rows"]
    assert rows[0][key] == "Qwen"


def test_what_nobody_measured_is_not_zero(report: ReportData) -> None:
    trailing = changed(report, COUNTRY_SHARE.name, lambda rows: rows.assign(measured_share=float("nan")))
    trailing = replace(trailing, window=Window(1_789_000_000, 1_791_592_000, "trailing-2026-10-10"))
    assert headline_json(trailing, "all", "base", "country")["measured_share"] is None
    lines = lines_of(trailing)
    assert "– measured" in line_with("covered", lines)
    assert lines[0].startswith("In the window trailing-2026-10-10, 70.0 %")
    assert "(2026-09-10 00:26 to" in lines[1]


def nothing_counted(rows: pd.DataFrame) -> pd.DataFrame:
    empty: dict[str, Any] = {"downloads": 0, "top_model": None}
    figures = dict.fromkeys(
        ["share", "share_of_attributed", "share_max", "measured_share", "covered_share"], float("nan")
    )
    return rows[rows["country"] == "ZZ"].assign(**empty, **figures, previous_share=float("nan"))


def test_a_scope_of_nothing_says_so(report: ReportData) -> None:
    empty = changed(report, COUNTRY_SHARE.name, nothing_counted)
    empty = changed(empty, PUBLISHER_SHARE.name, lambda rows: rows.head(0))
    empty = replace(empty, unquantised={"all": {}, "llm": {}}, window=days_window(*WEEK))
    assert lines_of(empty)[0].startswith("In the window 2026-09-01_2026-09-08, no downloads of the models polled on")
    data = headline_json(empty, "all", "base", "country")
    assert [data[name] for name in ("models", "downloads", "attributed_share")] == [0, 0, None]
    assert data["rows"][0]["share_without_quantised"] is None


def test_nothing_attributed_is_said_and_no_country_is_made_up(report: ReportData) -> None:
    unknown = changed(report, COUNTRY_SHARE.name, lambda rows: rows[rows["country"] == "ZZ"].assign(share=1.0))
    assert lines_of(unknown)[0].startswith("In 2026-09, none of the downloads of the models polled on huggingface")
    assert standing(unknown, "all", "base").attributed_share == 0


def test_a_final_window_is_called_final(report: ReportData) -> None:
    final = changed(report, COUNTRY_SHARE.name, lambda rows: rows.assign(status="final"))
    assert standing(final, "all", "base").status == "final"


def test_an_unknown_scope_names_those_there_are(report: ReportData) -> None:
    with pytest.raises(ReportError, match="scope 'lmm' is not in this report: choose one of all, llm"):
        headline(report, "lmm", "base", "country", WIDE)

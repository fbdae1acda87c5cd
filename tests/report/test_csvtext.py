"""CSV text: what a reader gets back, what a spreadsheet must not run, and how figures print."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.columns import PublishedColumn
from collector.report.csvtext import csv_lines, plain, share, text

NAME = PublishedColumn("name", "string", "")
COUNT = PublishedColumn("downloads", "integer", "")
SHARE = PublishedColumn("share", "number", "")
VALUE = PublishedColumn("value", "number", "")


def read(content: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content, newline=""), strict=True))


def test_header_and_rows_end_with_a_line_feed() -> None:
    table = pd.DataFrame({"name": ["a", "b"], "downloads": [1, 2], "share": [0.25, 0.75]})
    assert list(csv_lines(table, [NAME, COUNT, SHARE])) == [
        "name,downloads,share\n",
        "a,1,0.250000\n",
        "b,2,0.750000\n",
    ]


def test_a_table_without_rows_is_its_header() -> None:
    assert list(csv_lines(pd.DataFrame({"name": [], "downloads": []}), [NAME, COUNT])) == ["name,downloads\n"]


def test_what_is_not_said_is_empty_and_a_zero_is_a_zero() -> None:
    table = pd.DataFrame({"name": [None, "x"], "downloads": [np.nan, 0], "share": [np.nan, 0.0], "value": [np.nan, 0]})
    lines = list(csv_lines(table, [NAME, COUNT, SHARE, VALUE]))
    assert lines[1:] == [",,,\n", "x,0,0.000000,0\n"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    assert read(text(start + "cmd|' /C calc'!A0")) == [["'" + start + "cmd|' /C calc'!A0"]]


@pytest.mark.parametrize("harmless", ["a=b", "Qwen/Qwen3-8B", "'=quoted", " =x", "", "名前"])
def test_other_text_stays_as_it_is(harmless: str) -> None:
    assert text(harmless) == harmless


@given(st.lists(st.text(), min_size=1))
@example(['a"b', "a,b", "a\rb", "a\nb", "a\r\nb", '"', ","])
def test_a_csv_reader_gets_every_readable_text_back(texts: list[str]) -> None:
    kept = [t for t in texts if not any((ord(c) < 32 and c not in "\t\r\n") or 127 <= ord(c) < 160 for c in t)]
    table = pd.DataFrame({"name": pd.Series(kept, dtype=object), "downloads": 1})
    rows = read("".join(csv_lines(table, [NAME, COUNT])))[1:]
    assert [name.removeprefix("'") for name, _ in rows] == [name.removeprefix("'") for name in kept]
    assert not any(name.startswith(("=", "+", "-", "@", "\t", "\r")) for name, _ in rows)


def test_control_characters_and_half_pairs_are_replaced() -> None:
    assert text("a\x00b\x1b[31m\x7f\x85\ud800c") == "a�b�[31m���c"


def test_figures_print_with_fixed_decimals_and_no_negative_zero() -> None:
    assert [share(value) for value in (0.1234567, 1.0, -1e-9)] == ["0.123457", "1.000000", "0.000000"]
    assert [plain(value) for value in (12.0, 1.5, -7.0, 10.0, -0.0)] == ["12", "1.5", "-7", "10", "0"]


def test_large_counts_keep_every_digit() -> None:
    table = pd.DataFrame({"downloads": [2**53 + 1, 10**15 + 1]})
    assert list(csv_lines(table, [COUNT]))[1:] == ["9007199254740993\n", "1000000000000001\n"]

"""Text on a terminal: nothing runs, columns line up, and narrow terminals still show what matters."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from collector.report.text import Column, clean, columns_of, shortened, table_lines


@given(st.text(alphabet=st.characters()))
def test_no_control_character_reaches_a_terminal(text: str) -> None:
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in clean(text))


def test_an_escape_sequence_becomes_plain_text() -> None:
    assert clean("\x1b[31mred\x9b0m \u202egnp.exe") == "�[31mred�0m �gnp.exe"


def test_a_name_of_megabytes_is_cut() -> None:
    assert clean("x" * 5_000_000) == "x" * 1000 + "…"


def test_wide_characters_take_two_columns_and_accents_none() -> None:
    assert [columns_of(text) for text in ("abc", "名前", "e\u0301")] == [3, 4, 1]
    assert [columns_of(text) for text in ("❤\ufe0f", "\u0e01\u0e31")] == [1, 1], "a mark takes no column of its own"


@given(st.text(), st.integers(1, 20))
def test_shortened_text_fits(text: str, columns: int) -> None:
    assert columns_of(shortened(text, columns)) <= columns


def test_text_that_fits_is_not_cut() -> None:
    assert shortened("名前", 4) == "名前"
    assert shortened("名前です", 5) == "名前…"


NAMES = Column("name", ["a-long-name-of-a-model", "名前"], least=6)
FIGURES = Column("n", ["1", "22"], right=True)
BARS = Column("", ["███", "█"], optional=True)


def test_columns_line_up() -> None:
    assert list(table_lines([FIGURES, NAMES, FIGURES], 80)) == [
        " n  name                     n",
        " 1  a-long-name-of-a-model   1",
        "22  名前                    22",
    ]


def test_names_give_way_first_and_then_what_is_optional() -> None:
    assert list(table_lines([NAMES, BARS, FIGURES], 15))[1] == "a-lon…  ███   1"
    assert list(table_lines([NAMES, BARS, FIGURES], 14))[1] == "a-long-na…   1"


def test_a_terminal_too_narrow_for_the_least_gets_the_least() -> None:
    assert list(table_lines([NAMES, FIGURES], 3))[1] == "a-lon…   1"


def test_a_table_without_rows_is_its_header() -> None:
    assert list(table_lines([Column("name", []), Column("n", [])], 80)) == ["name  n"]

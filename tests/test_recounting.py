"""A month counted twice: what is told apart, and what is the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collector.counting import Counted
from collector.model import month_window
from collector.recounting import WrongAccounts, WrongColumns, WrongMonth, different
from collector.store.figures import Described
from collector.store.queries import Hub


def counted(*models: int) -> Counted:
    """Models with 1,000 downloads each, of which 10 are estimated."""
    ids = np.array(models, dtype=np.int64)
    size = len(ids)
    described = Described(ids, ids, ids, np.zeros(size, np.int64), [None])
    downloads, zeros = np.full(size, 1000.0), np.zeros(size, np.int64)
    return Counted(described, ids, downloads, np.full(size, 10.0), zeros, np.ones(size), {7: "dip"}, 1.0, 0)


def test_the_same_is_not_different() -> None:
    assert different(counted(3, 7, 9), counted(3, 7, 9)) == []


def test_a_model_that_is_in_one_count_alone_is_different() -> None:
    assert different(counted(3, 7), counted(7, 9)) == [3, 9]


def test_a_model_that_did_nothing_need_not_be_in_the_other_count() -> None:
    idle = replace(counted(3), downloads=np.zeros(1), estimated=np.zeros(1), flags={})
    assert different(idle, replace(counted(), flags={})) == []


@pytest.mark.parametrize("figure", ["downloads", "estimated", "corrections"])
def test_every_figure_tells(figure: str) -> None:
    one = counted(3, 7, 9)
    other = replace(one, **{figure: getattr(one, figure) + np.array([0, 0, 1])})
    assert different(one, other) == [9]


def test_flags_tell() -> None:
    one = counted(3, 7)
    assert different(one, replace(one, flags={7: "correction", 3: "dip"})) == [3, 7]


def test_the_last_bit_of_a_sum_does_not_tell() -> None:
    one = counted(3, 7)
    assert different(one, replace(one, downloads=one.downloads * (1 + 1e-12))) == []


def test_a_wrong_month_is_told_in_a_line_with_its_first_models() -> None:
    wrong = WrongMonth(Hub(1, "huggingface", ""), month_window("2028-02"), [1, 2, 3, 4])
    assert f"{wrong}" == "huggingface: models whose 2028-02 is not what their readings say: 4 (1, 2, 3, …)"


def test_wrong_columns_are_told_in_a_line_also_where_no_model_of_theirs_is_wrong() -> None:
    hub, month = Hub(1, "huggingface", ""), month_window("2028-02")
    assert [f"{WrongColumns(hub, models, of)}" for models, of in (([7], None), ([7, 8], month), ([], month))] == [
        "huggingface: models that are kept otherwise than their rows say: 1 (7)",
        "huggingface: models whose 2028-02 is kept otherwise than their rows say: 2 (7, 8)",
        "huggingface: since when readings back 2028-02 is kept otherwise than its rows say",
    ]


def test_wrong_accounts_are_told_in_a_line() -> None:
    wrong = WrongAccounts(Hub(1, "huggingface", ""), month_window("2028-02"), [3])
    assert f"{wrong}" == "huggingface: accounts whose 2028-02 is kept otherwise than their rows say: 1 (3)"

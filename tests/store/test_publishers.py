"""The uploaders of a month are kept in numbers, replaced whole, and shown in words."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update

from collector.store import publishers
from collector.store.database import Database
from collector.store.derived import Derived
from collector.store.publishers import Known, MonthPublishers, Uploaded, month_publishers
from collector.store.schema import publisher_share
from tests.store.facts import World

HUGE = 2**40


def uploaded(*rows: tuple[int, int, int, int]) -> Uploaded:
    """Rows of (publisher_id, downloads, share_millionths, models)."""
    return Uploaded(*np.array(rows, np.int64).reshape(-1, 4).T)


def keep(db: Database, hub: str, label: str, month: MonthPublishers) -> None:
    Derived(db).replace_shares(hub, label, {}, "{}", month)


def shown(db: Database, where: str = "1 = 1") -> list[tuple[Any, ...]]:
    query = (
        f'SELECT * FROM publisher_share_month WHERE {where} ORDER BY hub, "window", scope, downloads DESC, publisher'
    )
    with db.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def stored(db: Database, hub_id: int, month: int, scope: str) -> list[list[int]]:
    rows = month_publishers(db, hub_id, month, [scope]).scopes[scope]
    return [list(each) for each in zip(*(column.tolist() for column in rows), strict=True)]


@pytest.fixture
def accounts(world: World) -> tuple[int, int, int]:
    """Numbers of Qwen and of anon on one hub, and of a Qwen on another."""
    world.hub(2, "modelscope")
    return world.account("Qwen"), world.account("anon"), world.account("Qwen", 2)


def test_numbers_come_back_by_account_whatever_their_size(db: Database, accounts: tuple[int, int, int]) -> None:
    qwen, anon, _ = accounts
    rows = uploaded((anon, HUGE, 999_999, 3), (qwen, 1, 1, 1))
    known = [Known(qwen, "Alibaba", "CN", "company")]
    keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, {"all": rows, "llm": uploaded()}, known))
    assert stored(db, 1, 202609, "all") == [[qwen, 1, 1, 1], [anon, HUGE, 999_999, 3]]
    assert stored(db, 1, 202609, "llm") == []
    assert month_publishers(db, 1, 202609, []).known == known


def test_a_month_is_replaced_whole_and_alone(db: Database, accounts: tuple[int, int, int]) -> None:
    qwen, anon, elsewhere = accounts
    first = {"all": uploaded((qwen, 5, 500_000, 1), (anon, 5, 500_000, 1)), "old rule": uploaded((qwen, 5, 1, 1))}
    keep(db, "huggingface", "2026-08", MonthPublishers(1, 202608, {"all": uploaded((qwen, 7, 1_000_000, 1))}, []))
    keep(db, "modelscope", "2026-09", MonthPublishers(2, 202609, {"all": uploaded((elsewhere, 8, 1_000_000, 1))}, []))
    keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, first, [Known(qwen, "A", "CN", "company")]))
    later = {"all": uploaded((anon, 9, 1_000_000, 2))}
    for _ in range(2):
        keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, later, []))
    assert stored(db, 1, 202609, "all") == [[anon, 9, 1_000_000, 2]]
    assert stored(db, 1, 202609, "old rule") == []
    assert month_publishers(db, 1, 202609, []).known == []
    assert stored(db, 1, 202608, "all") == [[qwen, 7, 1_000_000, 1]]
    assert stored(db, 2, 202609, "all") == [[elsewhere, 8, 1_000_000, 1]]


def in_rows(db: Database, hub_id: int, month: int) -> dict[str, list[list[int]]]:
    """The rows by scope, whatever is kept beside them."""
    s, found = publisher_share.c, dict[str, list[list[int]]]()
    columns = select(s.scope, *(s[name] for name in Uploaded._fields)).where(s.hub_id == hub_id, s.month == month)
    with db.connect() as connection:
        for scope, *row in connection.execute(columns.order_by(s.scope, s.publisher_id)):
            found.setdefault(scope, []).append(row)
    return found


counts = st.tuples(st.sampled_from([0, 1, 300, HUGE]), st.integers(0, 3), st.integers(0, 2))
drawn_scopes = st.dictionaries(
    st.sampled_from(["all", "llm"]), st.dictionaries(st.sampled_from([1, 2, 3, 4, 300]), counts), max_size=2
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(drawn_scopes, min_size=1, max_size=4), st.sampled_from([0.0, 2 / 3, 1.0]))
def test_whatever_stood_there_before_the_rows_are_those_that_were_given_last(
    db: Database, accounts: tuple[int, int, int], drawn: list[Any], most_replaced: float
) -> None:
    with patch.object(publishers, "MOST_REPLACED", most_replaced):
        for scopes in drawn:
            rows = {scope: uploaded(*((key, *said[key]) for key in said)) for scope, said in scopes.items()}
            keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, rows, []))
            expected = {scope: [[key, *said[key]] for key in sorted(said)] for scope, said in scopes.items() if said}
            assert in_rows(db, 1, 202609) == expected
            assert {scope: said for scope in ("all", "llm") if (said := stored(db, 1, 202609, scope))} == expected
    assert publishers.wrongly_kept(db, 1) == {}


def test_rows_that_are_as_they_were_are_not_written(db: Database, accounts: tuple[int, int, int]) -> None:
    """Another hand was at work on all of them: what it did stays where nothing else is said."""
    before = uploaded(*((account, 5, 1, 1) for account in (1, 2, 3, 4, 5)))
    now = uploaded((1, 5, 1, 1), (2, 6, 1, 1), (4, 5, 1, 1), (5, 5, 1, 1), (6, 5, 1, 1))
    keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, {"all": before}, []))
    with db.begin() as connection:
        connection.execute(update(publisher_share).values(models=7))
    keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, {"all": now}, []))
    assert in_rows(db, 1, 202609)["all"] == [[1, 5, 1, 7], [2, 6, 1, 1], [4, 5, 1, 7], [5, 5, 1, 7], [6, 5, 1, 1]]
    assert publishers.wrongly_kept(db, 1) == {202609: [1, 4, 5]}
    publishers.forget(db, 1, 202609)
    assert publishers.wrongly_kept(db, 1) == {}, "nothing is kept beside the rows"
    keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, {"all": now}, []))
    assert {row[3] for row in in_rows(db, 1, 202609)["all"]} == {1}


def test_an_account_that_is_kept_and_has_no_row_or_the_other_way_round_is_found(
    db: Database, accounts: tuple[int, int, int]
) -> None:
    rows = uploaded((1, 5, 1, 1), (2, 5, 1, 1), (3, 5, 1, 1))
    keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, {"all": rows, "llm": rows}, []))
    with db.begin() as connection:
        s = publisher_share.c
        connection.execute(delete(publisher_share).where(s.publisher_id == 3, s.scope == "llm"))
        connection.execute(update(publisher_share).where(s.publisher_id == 1, s.scope == "all").values(publisher_id=9))
    assert publishers.wrongly_kept(db, 1) == {202609: [1, 3, 9]}


def test_what_is_not_given_stays(db: Database, accounts: tuple[int, int, int]) -> None:
    qwen, *_ = accounts
    keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, {"all": uploaded((qwen, 7, 1_000_000, 1))}, []))
    Derived(db).replace_shares("huggingface", "2026-09", {})
    assert stored(db, 1, 202609, "all") == [[qwen, 7, 1_000_000, 1]]


def test_the_view_says_in_words_what_is_kept_in_numbers(db: Database, accounts: tuple[int, int, int]) -> None:
    qwen, anon, elsewhere = accounts
    known = [Known(qwen, "Alibaba", "CN", "company")]
    rows = uploaded((qwen, 2, 666_667, 2), (anon, 1, 333_333, 1))
    keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, {"all": rows}, known))
    keep(db, "modelscope", "2026-10", MonthPublishers(2, 202610, {"all": uploaded((elsewhere, 3, 1_000_000, 1))}, []))
    assert shown(db) == [
        ("huggingface", "2026-09", "all", "Qwen", "Alibaba", "CN", "company", 2, 0.666667, 2),
        ("huggingface", "2026-09", "all", "anon", "", "ZZ", "", 1, 0.333333, 1),
        ("modelscope", "2026-10", "all", "Qwen", "", "ZZ", "", 3, 1.0, 1),
    ]


def test_the_registry_counts_as_of_each_month(db: Database, accounts: tuple[int, int, int]) -> None:
    qwen, *_ = accounts
    for month, label, country in ((202608, "2026-08", "SG"), (202609, "2026-09", "CN")):
        known = [Known(qwen, "Alibaba", country, "company")]
        keep(db, "huggingface", label, MonthPublishers(1, month, {"all": uploaded((qwen, 1, 1_000_000, 1))}, known))
    assert [(row[1], row[5]) for row in shown(db)] == [("2026-08", "SG"), ("2026-09", "CN")]


def test_every_share_of_six_places_is_shown_to_the_last_bit(db: Database, accounts: tuple[int, int, int]) -> None:
    numbers = [0, 1, 3, 7, 123_457, 333_333, 999_999, 1_000_000]
    scopes = {f"{place}": uploaded((accounts[0], 1, number, 1)) for place, number in enumerate(numbers)}
    keep(db, "huggingface", "2026-09", MonthPublishers(1, 202609, scopes, []))
    assert [row[8] for row in shown(db)] == [round(number / 1e6, 6) for number in numbers]


def test_a_month_and_a_scope_of_the_view_read_no_other_rows(sqlite_url: str) -> None:
    query = (
        "EXPLAIN QUERY PLAN SELECT * FROM publisher_share_month WHERE hub = 'h' AND \"window\" = 'm' AND scope = 's'"
    )
    with Database.open(sqlite_url, write=False) as db, db.connect() as connection:
        plan = [row["detail"] for row in connection.execute(text(query)).mappings()]
    assert "SEARCH s USING PRIMARY KEY (hub_id=? AND month=? AND scope=?)" in plan
    assert not any(step.startswith("SCAN") for step in plan)

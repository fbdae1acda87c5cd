"""Derived rows are replaced whole, come back as they were put in, and can be dropped without a trace."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from collector.columns import COUNTRY_SHARE, FAMILY_SHARE
from collector.store import figures, hubwide, schema
from collector.store.database import Database
from collector.store.derived import Derived, Root
from collector.store.figures import MonthFigures, month_figures, nth_largest
from collector.store.months import MonthBuild, month_builds
from collector.store.publishers import Known, MonthPublishers, Uploaded
from tests.store.facts import World, put_month

BUILD = MonthBuild("fingerprint", 7, "content", 0.5, 2)
REGISTRY_ROW: dict[str, str | date] = {
    "hub": "huggingface",
    "publisher": "Qwen",
    "valid_from": date.min,
    "valid_to": date.max,
    "organisation": "Alibaba",
    "country": "CN",
    "kind": "company",
    "basis": "its seat",
    "confidence": "certain",
    "reviewed_on": date(2026, 11, 1),
}


def frame(*models: dict[str, Any]) -> pd.DataFrame:
    names = ["model_id", "publisher_id", "downloads", "estimated", "corrections", "covered_from", "flags"]
    zero = {"downloads": 0.0, "estimated": 0.0, "corrections": 0, "covered_from": None, "flags": None}
    return pd.DataFrame([zero | one for one in models], columns=names)


def share_row(country: str, share: float, **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {column.name: np.nan for column in COUNTRY_SHARE.columns}
    key = {"hub": "huggingface", "window": "2026-09", "scope": "all", "attribution": "base", "country": country}
    return empty | key | {"downloads": 1, "share": share, "corrections": 0, "models": 1, "publishers": 1} | more


def shares(db: Database) -> list[tuple[str, str, float]]:
    c = schema.country_share.c
    with db.connect() as connection:
        return [
            (r[0], r[1], r[2])
            for r in connection.execute(select(c.window, c.country, c.share).order_by(c.window, c.country))
        ]


@pytest.fixture
def filled(db: Database, world: World) -> Derived:
    """Two hubs, three models."""
    world.hub(2, "modelscope")
    world.model(1, "a/one", pipeline_tag="text-generation", created_at=1_700_000_000)
    world.model(2, "a/two")
    world.model(3, "a/one", hub_id=2)
    world.state(1, 5, 60, 70)
    for number in (2, 3):
        world.state(number, None, None, None)
    return Derived(db)


def whole(db: Database, hub_id: int, month: int) -> MonthFigures:
    """A month as the shares read it."""
    return hubwide.whole_month(db, hub_id, month, hubwide.read(db, hub_id))


def downloads_of(db: Database, hub_id: int, month: int) -> dict[int, float]:
    """Downloads by model of a hub's month."""
    found = whole(db, hub_id, month)
    return dict(zip(found.described.model_id.tolist(), found.downloads.tolist(), strict=True))


def test_a_month_comes_back_with_tasks_and_accounts_of_then_and_now(
    db: Database, world: World, filled: Derived
) -> None:
    old, now = world.account("its-old-account"), world.account("a")
    put_month(
        db,
        1,
        202609,
        frame(
            {"model_id": 2, "publisher_id": now, "corrections": -5, "flags": "correction"},
            {"model_id": 1, "publisher_id": old, "downloads": 1.25, "estimated": 0.25, "covered_from": 99},
        ),
        BUILD,
    )
    rows = whole(db, 1, 202609)
    about = rows.described

    def told(column: Any) -> Any:
        return column.tolist()

    assert [about.tasks[place] for place in about.task] == ["text-generation", None]
    assert list(map(told, (about.model_id, about.publisher_id, about.created_at))) == [
        [1, 2],
        [now, now],
        [1_700_000_000, -1],
    ]
    assert told(rows.publisher_id) == [old, now]
    assert list(map(told, (rows.downloads, rows.estimated, rows.corrections))) == [[1.25, 0.0], [0.25, 0.0], [0, -5]]
    assert list(map(told, (rows.told, rows.covered_from, rows.tiled_seconds))) == [[0, 1], [99, -1], [0.0, 0.0]]
    assert list(map(told, rows.sightings.of_each())) == [[70, -1], [-1, -1]]
    assert rows.flags == {2: "correction"}
    assert month_builds(db, 1) == {202609: BUILD}
    assert month_figures(db, 1, 202609, least=1.0).described.model_id.tolist() == [1]
    assert [nth_largest(db, 1, 202609, n) for n in (1, 2, 3)] == [1, 0, None]


@pytest.mark.parametrize("is_alone", [True, False])
def test_the_nth_largest_is_rounded_half_up_and_of_its_hub_alone(db: Database, world: World, is_alone: bool) -> None:
    downloads = (0.4999999999999999, 2.5, 7.499999999999999, 7.5, 2.0**52, 3.0)
    if not is_alone:
        world.hub(2, "modelscope")
        world.model(9, "b/nine", hub_id=2)
        other = {"model_id": 9, "publisher_id": world.account("b", 2), "downloads": 99.0}
        put_month(db, 2, 202609, frame(other), BUILD)
    for number in range(1, len(downloads) + 1):
        world.model(number, f"a/{number}")
    of_account = [{"publisher_id": world.account("a"), "downloads": each} for each in downloads]
    put_month(db, 1, 202609, frame(*({"model_id": n} | each for n, each in enumerate(of_account, 1))), BUILD)
    assert [nth_largest(db, 1, 202609, n) for n in range(1, 8)] == [2**52, 8, 7, 3, 3, 0, None]
    assert nth_largest(db, 1, 202608, 1) is None


@pytest.mark.parametrize("few", [0, 100])
def test_names_of_accounts_come_in_the_order_asked_with_every_character(
    db: Database, world: World, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    world.hub(2, "modelscope")
    names = ["a,b", "B", "a", '"q"', "名前", "\n\t\\", "Ä", "\U0001f600", "_", "-"]
    numbers = {name: world.account(name) for name in names}
    world.account("other", 2)
    monkeypatch.setattr(figures, "_FEW_ACCOUNTS", few)
    some = np.array([number for name, number in numbers.items() if name != "Ä"])
    assert figures.account_names(db, 1, some) == [name for name in names if name != "Ä"]
    assert figures.account_names(db, 1, some[:0]) == []


def test_a_month_that_is_empty_has_the_same_columns_and_types(db: Database, world: World, filled: Derived) -> None:
    put_month(db, 1, 202609, frame({"model_id": 1, "publisher_id": world.account("a"), "downloads": 1.0}), BUILD)
    full, empty = whole(db, 1, 202609), whole(db, 1, 202608)
    for name in ("publisher_id", "downloads", "corrections", "covered_from"):
        assert getattr(full, name).dtype == getattr(empty, name).dtype
    assert len(empty.described.model_id) == 0
    assert month_builds(db, 1).keys() == {202609}
    assert list(filled.origin_rows(1).columns) == list(Root._fields)


def test_replacing_a_month_leaves_other_months_and_hubs_alone(db: Database, world: World, filled: Derived) -> None:
    account, other = world.account("a"), world.account("a", 2)
    put_month(db, 1, 202608, frame({"model_id": 1, "publisher_id": account, "downloads": 8.0}), BUILD)
    put_month(db, 2, 202609, frame({"model_id": 3, "publisher_id": other, "downloads": 9.0}), BUILD)
    for _ in range(2):
        put_month(db, 1, 202609, frame({"model_id": 1, "publisher_id": account, "downloads": 1.0}), BUILD)
    newer = MonthBuild("newer", 8, "newer", 1.0, 0)
    put_month(db, 1, 202609, frame({"model_id": 2, "publisher_id": account, "downloads": 2.0}), newer)
    assert downloads_of(db, 1, 202609) == {2: 2.0}
    assert downloads_of(db, 1, 202608) == {1: 8.0}
    assert downloads_of(db, 2, 202609) == {3: 9.0}
    assert month_builds(db, 1) == {202608: BUILD, 202609: newer}


def test_a_month_that_cannot_be_kept_leaves_the_old_one(db: Database, world: World, filled: Derived) -> None:
    good = frame({"model_id": 1, "publisher_id": world.account("a"), "downloads": 1.0})
    put_month(db, 1, 202609, good, BUILD)
    nameless: Any = None
    with pytest.raises(Exception, match=r"(?i)not.null"):  # after the rows were written
        put_month(db, 1, 202609, frame({"model_id": 2, "publisher_id": 1}), MonthBuild(nameless, 9, "bad", 1.0, 0))
    assert downloads_of(db, 1, 202609) == {1: 1.0}
    assert month_builds(db, 1) == {202609: BUILD}


def test_months_larger_than_one_chunk_come_back_whole(
    db: Database, world: World, filled: Derived, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "_FETCHED", 7)
    account = world.account("a")
    for number in range(10, 40):
        world.model(number, f"a/{number}")
        world.state(number, None, None, None)
    many = frame(*({"model_id": n, "publisher_id": account, "downloads": n / 3} for n in range(10, 40)))
    put_month(db, 1, 202609, many, BUILD)
    assert downloads_of(db, 1, 202609) == {n: n / 3 for n in range(10, 40)}


def test_replacing_the_origins_of_a_hub_leaves_other_hubs_alone(filled: Derived) -> None:
    one = Root(1, "b/root", "b", 0.25, "declared", "merge", "B", None)
    other = Root(1, "a/root", "a", 0.75, "declared", "merge", None, "line")
    filled.replace_origins(1, [one, other])
    filled.replace_origins(2, [Root(3, "a/one", "a", 1.0, "self", None, None, None)])
    assert filled.origin_rows(1)["root_name"].tolist() == ["a/root", "b/root"]
    assert filled.origin_rows(1)["family"].isna().tolist() == [True, False]
    filled.replace_origins(1, [Root(2, "a/two", "a", 1.0, "self", None, None, None)])
    assert filled.origin_rows(1)["model_id"].tolist() == [2]
    assert filled.origin_rows(2)["model_id"].tolist() == [3]
    assert filled.origin_rows(1, [1]).empty


def test_the_registry_is_replaced_with_the_names_of_countries(db: Database, filled: Derived) -> None:
    filled.replace_registry([REGISTRY_ROW, REGISTRY_ROW | {"publisher": "old"}], {"CN": "China", "FR": "France"})
    filled.replace_registry(iter([REGISTRY_ROW]), {"CN": "China"})
    with db.connect() as connection:
        kept = connection.execute(select(schema.publisher_origin)).mappings().all()
        names = connection.execute(select(schema.country)).all()
    assert [dict(row) for row in kept] == [
        {key: str(value) for key, value in REGISTRY_ROW.items()}
        | {"valid_from": "0001-01-01", "valid_to": "9999-12-31", "folded": "qwen"}
    ]
    assert names == [("CN", "China")]


def test_shares_are_kept_with_six_places_and_replaced_by_window(db: Database, filled: Derived) -> None:
    august = pd.DataFrame([share_row("CN", 1.0, window="2026-08")])
    filled.replace_shares("huggingface", "2026-08", {"country_share": august})
    rows = pd.DataFrame([share_row("CN", 2 / 3), share_row("ZZ", 1 / 3)])
    for _ in range(2):
        filled.replace_shares("huggingface", "2026-09", {"country_share": rows})
    assert shares(db) == [("2026-08", "CN", 1.0), ("2026-09", "CN", 0.666667), ("2026-09", "ZZ", 0.333333)]
    with db.connect() as connection:
        row = connection.execute(text("SELECT * FROM country_share_month WHERE country = 'ZZ'")).mappings().one()
    assert row["share_of_attributed"] is None
    assert row["top_model"] is None


def test_tables_that_are_not_given_stay(db: Database, filled: Derived) -> None:
    rows = pd.DataFrame([share_row("CN", 1.0)])
    filled.replace_shares("huggingface", "2026-09", {"country_share": rows})
    no_families = pd.DataFrame([], columns=[column.name for column in FAMILY_SHARE.columns])
    filled.replace_shares("huggingface", "2026-09", {"family_share": no_families})
    assert shares(db) == [("2026-09", "CN", 1.0)]


def test_cleared_nothing_derived_is_left_and_every_fact_is(db: Database, world: World, filled: Derived) -> None:
    filled.replace_registry([REGISTRY_ROW], {"CN": "China"})
    put_month(db, 1, 202609, frame({"model_id": 1, "publisher_id": world.account("a"), "downloads": 1.0}), BUILD)
    filled.replace_origins(1, [Root(1, "a/one", "a", 1.0, "self", None, None, None)])
    uploaded = {"all": Uploaded(*(np.array([number]) for number in (1, 10, 1_000_000, 1)))}
    publishers = MonthPublishers(1, 202609, uploaded, [Known(1, "A Ltd", "FR", "company")])
    rows = pd.DataFrame([share_row("CN", 1.0)])
    filled.replace_shares("huggingface", "2026-09", {"country_share": rows}, "{}", publishers)
    filled.clear()
    with db.connect() as connection:
        left = {t.name for t in schema.metadata.sorted_tables if connection.execute(select(t)).first() is not None}
    assert left == {"hub", "publisher", "kind", "model", "model_state", "publisher_origin", "country"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e12),
            st.integers(-(10**12), 10**12),
            st.one_of(st.none(), st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1)),
        ),
        max_size=2,
    )
)
def test_every_figure_comes_back_to_the_last_bit(
    db: Database, filled: Derived, quantities: list[tuple[float, int, str | None]]
) -> None:
    models = [
        {"model_id": number, "publisher_id": 1, "downloads": downloads, "corrections": corrections, "flags": flags}
        for number, (downloads, corrections, flags) in enumerate(quantities, 1)
    ]
    put_month(db, 1, 202609, frame(*models), BUILD)
    rows = whole(db, 1, 202609)
    flags_of = [rows.flags.get(model_id) for model_id in rows.described.model_id.tolist()]
    kept = list(zip(rows.downloads.tolist(), rows.corrections.tolist(), flags_of, strict=True))
    assert kept == [each for each in quantities if any(each)]  # a row that only says since when is no figure

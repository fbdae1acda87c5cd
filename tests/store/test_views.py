"""The views that users read show what was stored, under the names that were promised."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from sqlalchemy import text

from collector.columns import COUNTRY_SHARE, FAMILY_SHARE, MODEL_DOWNLOADS, PUBLISHER_SHARE, PublishedFile
from collector.store.database import Database
from collector.store.derived import Derived
from collector.store.months import MonthBuild
from collector.store.views import VIEWS
from tests.store.facts import World, put_month

SEPTEMBER = 202609
ALWAYS, FOREVER = "0001-01-01", "9999-12-31"


def rows(db: Database, statement: str) -> list[dict[str, Any]]:
    with db.connect() as connection:
        return [dict(row) for row in connection.execute(text(statement)).mappings()]


def registry_row(publisher: str, country: str, start: str = ALWAYS, end: str = FOREVER) -> dict[str, str]:
    about = {"organisation": f"{publisher} Ltd", "kind": "company", "basis": "its seat", "confidence": "certain"}
    dates = {"valid_from": start, "valid_to": end, "reviewed_on": "2026-11-01"}
    return {"hub": "huggingface", "publisher": publisher, "country": country, **about, **dates}


def month(db: Database, number: int, *models: dict[str, Any], hub_id: int = 1) -> None:
    """Replaces a month; what a model does not say is 0."""
    zero = {"downloads": 0.0, "estimated": 0.0, "corrections": 0, "flags": None}
    frame = pd.DataFrame([zero | one for one in models])
    put_month(db, hub_id, number, frame, MonthBuild("f", 1, "f", 1.0, 0))


def self_root(number: int, name: str, family: str | None = None) -> tuple[Any, ...]:
    return (number, name, name.split("/")[0], 1.0, "self", None, family, None)


def bases(db: Database, label: str = "2026-09") -> dict[str, str]:
    found = rows(db, f"SELECT model, country_base FROM model_downloads_month WHERE \"window\" = '{label}'")
    return {row["model"]: row["country_base"] for row in found}


@pytest.mark.parametrize(
    ("view", "file"),
    [
        ("country_share_month", COUNTRY_SHARE),
        ("family_share_month", FAMILY_SHARE),
        ("publisher_share_month", PUBLISHER_SHARE),
        ("model_downloads_month", MODEL_DOWNLOADS),
    ],
)
def test_views_have_the_columns_of_the_csv_files_each_explained(view: str, file: PublishedFile) -> None:
    assert list(VIEWS[view].columns) == [column.name for column in file.columns]
    assert all(meaning.endswith(".") for meaning in VIEWS[view].columns.values())
    assert not any("mpty:" in meaning for meaning in VIEWS[view].columns.values())


def test_a_model_of_the_month_is_one_row_with_everything_about_it(db: Database, world: World) -> None:
    world.model(1, "Qwen/Qwen3-8B")
    Derived(db).replace_registry([registry_row("Qwen", "CN")], {"CN": "China"})
    Derived(db).replace_origins(1, [self_root(1, "Qwen/Qwen3-8B", "Qwen")])
    account = world.account("Qwen")
    month(
        db,
        SEPTEMBER,
        {
            "model_id": 1,
            "publisher_id": account,
            "downloads": 10.5,
            "estimated": 3.5,
            "corrections": -4,
            "flags": "dip",
        },
    )
    assert rows(db, "SELECT * FROM model_downloads_month") == [
        {
            "hub": "huggingface",
            "window": "2026-09",
            "model": "Qwen/Qwen3-8B",
            "publisher": "Qwen",
            "family": "Qwen",
            "country_publisher": "CN",
            "country_base": "CN",
            "base_basis": "self",
            "downloads": 11,
            "measured_share": 0.666667,
            "corrections": -4,
            "flags": "dip",
        }
    ]


def test_halves_are_rounded_up_and_models_without_downloads_or_corrections_left_out(db: Database, world: World) -> None:
    for number, name in enumerate(("a/half", "a/less", "a/fell", "a/flagged"), 1):
        world.model(number, name)
    account = world.account("a")
    quantities: tuple[dict[str, Any], ...] = (
        {"downloads": 2.5},
        {"downloads": 2.49},
        {"corrections": -1},
        {"flags": "dip"},
    )
    month(db, 202512, *({"model_id": n, "publisher_id": account} | q for n, q in enumerate(quantities, 1)))
    shown = rows(db, 'SELECT "window", model, downloads, measured_share FROM model_downloads_month ORDER BY model')
    assert [tuple(row.values()) for row in shown] == [
        ("2025-12", "a/fell", 0, None),
        ("2025-12", "a/half", 3, 1.0),
        ("2025-12", "a/less", 2, 1.0),
    ]


def test_countries_of_a_merge_stand_with_their_weights_largest_first(db: Database, world: World) -> None:
    roots = {
        "x/halves": [("Qwen/q", "Qwen"), ("meta-llama/l", "meta-llama")],
        "x/same-country": [("Qwen/q", "Qwen"), ("deepseek-ai/d", "deepseek-ai")],
        "x/thirds": [("meta-llama/l", "meta-llama"), ("Qwen/q", "Qwen"), ("deepseek-ai/d", "deepseek-ai")],
        "x/unknown-part": [("nobody/n", "nobody"), ("Qwen/q", "Qwen")],
        "x/twelfths": [("meta-llama/l", "meta-llama"), *((f"Qwen/{n}", "Qwen") for n in range(11))],
    }
    lineage = []
    for number, (name, of) in enumerate(roots.items(), 1):
        world.model(number, name)
        lineage += [(number, root, account, 1 / len(of), "declared", "merge", None, None) for root, account in of]
    accounts = {"Qwen": "CN", "deepseek-ai": "CN", "meta-llama": "US"}
    Derived(db).replace_registry([registry_row(name, code) for name, code in accounts.items()], {})
    Derived(db).replace_origins(1, lineage)
    account = world.account("x")
    month(db, SEPTEMBER, *({"model_id": n + 1, "publisher_id": account, "downloads": 1.0} for n in range(len(roots))))
    assert bases(db) == {
        "x/halves": "CN:0.5;US:0.5",
        "x/same-country": "CN",
        "x/thirds": "CN:0.666667;US:0.333333",
        "x/unknown-part": "CN:0.5;ZZ:0.5",
        "x/twelfths": "CN:0.916667;US:0.0833333",
    }


def test_the_family_is_that_of_the_largest_part(db: Database, world: World) -> None:
    world.model(1, "x/merge")
    parts = [("b/two", 0.25, "B"), ("a/one", 0.25, "A"), ("c/three", 0.5, "C")]
    Derived(db).replace_origins(
        1, [(1, root, root[0], weight, "name", None, family, None) for root, weight, family in parts]
    )
    month(db, SEPTEMBER, {"model_id": 1, "publisher_id": world.account("x"), "downloads": 1.0})
    assert rows(db, "SELECT family, base_basis FROM model_downloads_month") == [{"family": "C", "base_basis": "name"}]


def test_what_is_not_known_is_zz_and_never_takes_the_uploaders_country(db: Database, world: World) -> None:
    for number, name in enumerate(("Qwen/no-lineage", "Qwen/unresolved", "Qwen/of-unknown", "nobody/own"), 1):
        world.model(number, name)
    Derived(db).replace_registry([registry_row("Qwen", "CN")], {})
    none = (2, "Qwen/old", "Qwen", 1.0, "none", None, None, None)
    of_unknown = (3, "nobody/base", "nobody", 1.0, "declared", "finetune", None, None)
    Derived(db).replace_origins(1, [none, of_unknown, self_root(4, "nobody/own")])
    accounts = {number: world.account("nobody" if number == 4 else "Qwen") for number in range(1, 5)}
    month(db, SEPTEMBER, *({"model_id": n, "publisher_id": a, "downloads": 1.0} for n, a in accounts.items()))
    assert set(bases(db).values()) == {"ZZ"}
    uploaders = rows(db, "SELECT country_publisher FROM model_downloads_month ORDER BY model")
    assert [row["country_publisher"] for row in uploaders] == ["CN", "CN", "CN", "ZZ"]


def test_the_registry_is_read_on_the_last_day_of_the_month(db: Database, world: World) -> None:
    world.model(1, "moved/model")
    account = world.account("moved")
    spans = [("CN", ALWAYS, "2026-02-28"), ("SG", "2026-02-28", "2026-09-30"), ("US", "2026-09-30", "2026-10-31")]
    Derived(db).replace_registry([registry_row("moved", *span) for span in spans], {})
    Derived(db).replace_origins(1, [self_root(1, "moved/model")])
    for number in (202601, 202602, 202608, 202609, 202610, 202612):
        month(db, number, {"model_id": 1, "publisher_id": account, "downloads": 1.0})
    shown = rows(db, 'SELECT "window", country_publisher, country_base FROM model_downloads_month ORDER BY "window"')
    assert [tuple(row.values()) for row in shown] == [
        ("2026-01", "CN", "CN"),
        ("2026-02", "SG", "SG"),
        ("2026-08", "SG", "SG"),
        ("2026-09", "US", "US"),
        ("2026-10", "ZZ", "ZZ"),
        ("2026-12", "ZZ", "ZZ"),
    ]


def test_an_account_is_found_as_spelt_else_in_any_case_and_only_on_its_hub(db: Database, world: World) -> None:
    world.hub(2, "modelscope")
    world.model(1, "qwen/small")
    world.model(2, "META-llama/big")
    world.model(3, "Qwen/elsewhere", hub_id=2)
    Derived(db).replace_registry([registry_row("Qwen", "CN"), registry_row("meta-llama", "US")], {})
    for number, account, hub_id in ((1, "qwen", 1), (2, "META-llama", 1), (3, "Qwen", 2)):
        one = {"model_id": number, "publisher_id": world.account(account, hub_id), "downloads": 1.0}
        month(db, 202600 + number, one, hub_id=hub_id)
    shown = rows(db, "SELECT hub, model, country_publisher FROM model_downloads_month ORDER BY model")
    assert {tuple(row.values()) for row in shown} == {
        ("huggingface", "qwen/small", "CN"),
        ("huggingface", "META-llama/big", "US"),
        ("modelscope", "Qwen/elsewhere", "ZZ"),
    }


def test_two_hubs_in_one_month_are_not_mixed(db: Database, world: World) -> None:
    world.hub(2, "modelscope")
    world.model(1, "a/one")
    world.model(2, "a/two", hub_id=2)
    month(db, SEPTEMBER, {"model_id": 1, "publisher_id": world.account("a"), "downloads": 1.0})
    month(db, SEPTEMBER, {"model_id": 2, "publisher_id": world.account("a", 2), "downloads": 2.0}, hub_id=2)
    shown = rows(db, "SELECT hub, model, downloads FROM model_downloads_month ORDER BY hub")
    assert [tuple(row.values()) for row in shown] == [("huggingface", "a/one", 1), ("modelscope", "a/two", 2)]


def test_the_log_of_polls_shows_instants_names_and_files(db: Database, world: World) -> None:
    world.poll(1, 1_790_000_000, finished_at=None, status="running", cursor="https://x/secret-page")
    with db.begin() as connection:
        columns = "id, hub_id, file_name, sha256, source, license, imported_at, readings, stored"
        connection.execute(text(f"INSERT INTO import_file ({columns}) VALUES (5, 1, 'h.csv', '', '', '', 0, 1, 1)"))
    world.poll(2, 1_790_035_200, finished_at=1_790_035_200, scope="import", import_id=5)
    shown = rows(db, "SELECT * FROM poll_log ORDER BY poll")
    assert list(shown[0]) == list(VIEWS["poll_log"].columns)
    assert [(row["hub"], row["started_at"], row["finished_at"], row["import_file"]) for row in shown] == [
        ("huggingface", "2026-09-21T14:13:20Z", None, None),
        ("huggingface", "2026-09-22T00:00:00Z", "2026-09-22T00:00:00Z", "h.csv"),
    ]


def test_readings_show_model_instant_and_what_was_said(db: Database, world: World) -> None:
    world.poll(1, 1_790_000_000)
    world.model(1, "a/one")
    world.reading(1, 1, 0, 20, downloads_30d=None, likes=3)
    (shown,) = rows(db, "SELECT * FROM readings WHERE model = 'a/one'")
    said = {"downloads_all_time": 0, "downloads_30d": None, "likes": 3, "poll": 1}
    named = {"hub": "huggingface", "model": "a/one", "hub_key": "key1"}
    assert shown == {**named, "observed_at": "2026-09-21T14:13:40Z", **said}
    assert list(shown) == list(VIEWS["readings"].columns)


def test_open_dates_of_the_registry_are_null(db: Database, world: World) -> None:
    Derived(db).replace_registry([registry_row("a", "CN"), registry_row("b", "US", "2024-01-01", "2025-01-01")], {})
    shown = rows(db, "SELECT publisher, valid_from, valid_to FROM registry ORDER BY publisher")
    assert [tuple(row.values()) for row in shown] == [("a", None, None), ("b", "2024-01-01", "2025-01-01")]


def test_one_month_of_the_model_view_reads_one_month_of_rows(sqlite_url: str) -> None:
    query = "EXPLAIN QUERY PLAN SELECT * FROM model_downloads_month WHERE \"window\" = '2026-09'"
    with Database.open(sqlite_url, write=False) as db:
        plan = [row["detail"] for row in rows(db, query)]
    assert any(step.startswith("SEARCH d USING PRIMARY KEY (month=?)") for step in plan)
    assert not any(step.startswith(("SCAN d", "SCAN o", "SCAN g", "SCAN m")) for step in plan)

"""Questions are answered from what is stored, and no question can change it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from collector.errors import StoreError
from collector.model import Base
from collector.store.database import Database, database_path, upgrade
from collector.store.months import MonthBuild
from collector.store.queries import (
    FormerName,
    Hub,
    declared_bases,
    former_names,
    hubs,
    model_names,
    models_named,
    names_at,
    poll_log,
    run_sql,
    status,
)
from collector.store.views import VIEWS
from tests.store.facts import World, declare, put_month
from tests.store.test_derived import frame


def run(db: Database, statement: str) -> None:
    with db.begin() as connection:
        connection.execute(text(statement))


# --- status ---------------------------------------------------------------------------------------------------------


def test_the_status_of_an_empty_database_has_a_size_and_no_hub(db: Database) -> None:
    assert status(db).hubs == ()
    assert status(db).database_bytes > 50_000


def test_a_hub_without_polls_has_no_lag(db: Database, world: World) -> None:
    only = status(db).hubs[0]
    assert (only.hub, only.models, only.polls, only.last_poll_at, only.unfinished) == ("huggingface", 0, 0, None, ())


def test_the_status_tells_the_last_good_poll_from_the_last_and_from_unfinished_ones(db: Database, world: World) -> None:
    world.model(1, "a/one")
    world.model(2, "b/imported", hub_key=None)
    world.poll(1, 1000, models_new=1)
    world.poll(2, 2000)
    world.poll(3, 3000, is_stale=True)
    world.poll(4, 4000, status="failed", error="HTTP 500")
    world.poll(5, 5000, status="running", finished_at=None)
    rows = frame({"model_id": 1, "publisher_id": world.account("a")})
    put_month(db, 1, 202609, rows, MonthBuild("f", 1, "f", 0.25, 0))
    hub = status(db, last=2).hubs[0]
    assert (hub.models, hub.polls) == (2, 3)
    assert (hub.first_poll_at, hub.last_good_poll_at, hub.last_poll_at) == (1000, 2000, 3000)
    assert [(row["poll"], row["error"]) for row in hub.unfinished] == [(5, None), (4, "HTTP 500")]
    assert [row["poll"] for row in hub.last_polls] == [5, 4]
    assert hub.coverage == {202609: 0.25}


def test_imports_are_in_the_log_and_not_in_the_status(db: Database, world: World) -> None:
    columns = "(id, hub_id, file_name, sha256, source, license, imported_at, readings, stored)"
    run(db, f"INSERT INTO import_file {columns} VALUES (5, 1, 'h.csv', '', '', '', 0, 1, 1)")
    world.poll(1, 1000)
    world.poll(2, 2000, scope="import", import_id=5)
    assert status(db).hubs[0].polls == 1
    assert [row["import_file"] for row in poll_log(db)] == ["h.csv", None]
    assert list(poll_log(db)[0]) == list(VIEWS["poll_log"].columns)
    assert len(poll_log(db, limit=1)) == 1
    assert poll_log(db, hub_name="modelscope") == []
    assert len(poll_log(db, hub_name="huggingface")) == 2


def test_hubs_come_by_name(db: Database, world: World) -> None:
    world.hub(7, "a-hub")
    assert hubs(db) == (Hub(7, "a-hub", ""), Hub(1, "huggingface", ""))


# --- models ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def renamed(db: Database, world: World) -> Database:
    """Model 1 was a/old and is a/new; model 2 bears a/old now; model 3 is A/NEW; model 4 is on another hub."""
    world.poll(1)
    world.hub(2, "modelscope")
    world.model(1, "a/new", pipeline_tag="text-generation", created_at=5)
    world.model(2, "a/old")
    world.model(3, "A/NEW")
    world.model(4, "a/new", hub_id=2, hub_key=None)
    names = f"(1, 50, 'a/older', {world.account('a')}, 1), (1, 99, 'a/old', {world.account('a')}, 1)"
    run(db, f"INSERT INTO model_name (model_id, replaced_at, name, publisher_id, poll_id) VALUES {names}")
    with db.begin() as connection:
        declare(connection, 1, [Base("b/x", None, "k"), Base("b/y", "merge")])
    return db


def test_a_name_finds_who_bears_it_then_who_bore_it_then_other_spellings(renamed: Database) -> None:
    found = {name: [one.id for one in models_named(renamed, name)] for name in ("a/new", "a/old", "a/older", "a/OLDER")}
    assert found == {"a/new": [1, 4], "a/old": [2], "a/older": [1], "a/OLDER": []}
    assert [one.id for one in models_named(renamed, "a/New")] == [1, 3, 4]
    assert [one.id for one in models_named(renamed, "a/new", "modelscope")] == [4]
    assert models_named(renamed, "a/new")[0] == (1, 1, "huggingface", "key1", "a/new", "a", 5, "text-generation", None)


def test_a_hub_key_finds_its_model_where_nobody_bears_it_as_a_name(renamed: Database, world: World) -> None:
    assert [one.id for one in models_named(renamed, "key2")] == [2]
    world.model(5, "key2", hub_key="other")
    assert [one.id for one in models_named(renamed, "key2")] == [5]


def test_of_models_of_one_name_the_one_that_was_listed_last_comes_first(renamed: Database, world: World) -> None:
    world.poll(2)
    for number, listed in ((6, 1), (7, 2), (8, None)):
        world.model(number, "a/twice")
        world.state(number, 9, 0, 0, listed_poll_id=listed)
    assert [one.id for one in models_named(renamed, "a/twice")] == [7, 6, 8]


def test_the_name_at_an_instant_is_the_first_that_was_replaced_since(renamed: Database) -> None:
    asked = {"a/new", "a/old", "A/NEW"}
    told = {end: names_at(renamed, 1, asked, end) for end in (50, 51, 99, 100)}
    assert told == {50: {"a/new": "a/older"}, 51: {"a/new": "a/old"}, 99: {"a/new": "a/old"}, 100: {}}
    assert names_at(renamed, 2, asked, 0) == {}
    assert names_at(renamed, 1, None, 50) == {"a/new": "a/older"}
    assert names_at(renamed, 1, {"A/NEW"}, 50) == {}


def test_what_lineage_asks_for_comes_by_hub(renamed: Database) -> None:
    assert list(model_names(renamed, 1)) == [(1, "a/new", "key1"), (2, "a/old", "key2"), (3, "A/NEW", "key3")]
    assert list(model_names(renamed, 2)) == [(4, "a/new", None)]
    assert list(declared_bases(renamed, 1)) == [(1, "b/x", "k", None), (1, "b/y", None, "merge")]
    assert list(declared_bases(renamed, 2)) == []
    assert former_names(renamed, 1) == [FormerName(1, "a/older", 50), FormerName(1, "a/old", 99)]
    assert former_names(renamed, 1, 2) == []


# --- SQL from users -------------------------------------------------------------------------------------------------


def refused(url: str, query: str) -> str:
    """The one line that this query ends with."""
    with pytest.raises(StoreError) as caught:
        run_sql(url, query)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_query_gives_columns_and_rows(db: Database, world: World) -> None:
    world.hub(2, "modelscope")
    query = "SELECT id, name AS hub, NULL AS unsaid, '100%' AS part FROM hub ORDER BY id -- all of them; really"
    columns, rows = run_sql(db.url, query)
    assert columns == ("id", "hub", "unsaid", "part")
    assert rows == [(1, "huggingface", None, "100%"), (2, "modelscope", None, "100%")]
    assert run_sql(db.url, "WITH a AS (SELECT 1 AS n) SELECT n FROM a;").rows == [(1,)]


def test_every_view_can_be_asked(url: str) -> None:
    for name, view in VIEWS.items():
        assert run_sql(url, f"SELECT * FROM {name}") == (tuple(view.columns), [])


WRITES = [
    "INSERT INTO hub (name, endpoint) VALUES ('x', '')",
    "UPDATE hub SET name = 'x'",
    "DELETE FROM hub",
    "DROP TABLE hub",
    "CREATE TABLE x (id INTEGER)",
    "CREATE TEMP TABLE x AS SELECT 1",
    "SELECT 1; DELETE FROM hub",
    "COMMIT",
    "WITH a AS (SELECT 1) DELETE FROM hub",
    "",
    "-- nothing",
]


@pytest.mark.parametrize("query", WRITES)
def test_what_is_not_reading_is_refused_in_one_line(db: Database, world: World, query: str) -> None:
    assert refused(db.url, query).startswith("SQL: ")
    assert run_sql(db.url, "SELECT name FROM hub").rows == [("huggingface",)]


@pytest.mark.parametrize(
    "query",
    [
        "ATTACH DATABASE '{other}' AS other",
        "VACUUM INTO '{other}'",
        "PRAGMA query_only = OFF",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA writable_schema = 1",
        "PRAGMA page_size = 512",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "SELECT load_extension('{other}')",
        "SAVEPOINT x",
        "REINDEX",
        "ANALYZE",
    ],
)
def test_no_statement_of_sqlite_leads_out_of_the_database(sqlite_url: str, tmp_path: Path, query: str) -> None:
    other = tmp_path / "other.db"
    path = database_path(sqlite_url)
    assert path is not None
    before = path.read_bytes()
    assert refused(sqlite_url, query.format(other=other)).startswith("SQL: ")
    assert not other.exists()
    assert path.read_bytes() == before


def test_tables_can_be_described(sqlite_url: str) -> None:
    columns = run_sql(sqlite_url, "PRAGMA table_info(hub)").rows
    assert [row[1] for row in columns] == ["id", "name", "endpoint"]
    assert run_sql(sqlite_url, "EXPLAIN QUERY PLAN SELECT * FROM hub").rows
    assert run_sql(sqlite_url, "PRAGMA page_size").rows == [(4096,)]
    assert run_sql(sqlite_url, "SELECT type FROM sqlite_master WHERE name = 'hub'").rows == [("table",)]


def test_on_the_server_no_statement_ends_the_read_only_transaction(server_url: str) -> None:
    upgrade(server_url)
    for query in ("SET TRANSACTION READ WRITE", "ROLLBACK; DELETE FROM hub", "DELETE FROM hub RETURNING id"):
        assert refused(server_url, query).startswith("SQL: ")


@pytest.mark.parametrize(
    ("query", "reason"),
    [("SELEKT 1", "SELEKT"), ("SELECT nme FROM hub", "nme"), ("SELECT * FROM no_such_table", "no_such_table")],
)
def test_a_wrong_query_is_answered_in_one_line_that_names_the_fault(url: str, query: str, reason: str) -> None:
    assert reason in refused(url, query)


def test_a_database_that_is_not_there_is_said_before_the_query(tmp_path: Path) -> None:
    assert "no such database" in refused(f"sqlite:///{tmp_path / 'none.db'}", "SELEKT")

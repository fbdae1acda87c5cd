"""The migrations make what the program expects, whole or not at all."""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from collector.errors import StoreError
from collector.store import database
from collector.store.database import REVISIONS, Database, database_path, migrations_folder, upgrade
from collector.store.schema import metadata
from collector.store.views import VIEWS


def _statements(path: Path) -> dict[str, str]:
    """The text of every table and index, without what has no meaning."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'view'"
        ).fetchall()
    connection.close()
    return {name: re.sub(r"\s+", " ", sql) for name, sql in rows if not name.startswith(("alembic_", "sqlite_"))}


def test_the_software_knows_every_migration_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("path_separator", "os")
    newest_first = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(newest_first)) == REVISIONS


def test_upgrade_from_empty_makes_exactly_the_tables_of_the_schema(db: Database) -> None:
    # The parts of a partitioned table are none of their own.
    opts = {"compare_type": True, "compare_server_default": True, "include_name": _is_no_partition}
    with db.connect() as connection:
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []


def _is_no_partition(name: str | None, kind: str, _: object) -> bool:
    return kind != "table" or name != "observation_other"


def test_on_the_server_readings_lie_in_partitions_and_pages_of_states_keep_room(server_db: Database) -> None:
    with server_db.connect() as connection:
        relations = text("SELECT relkind::text, reloptions FROM pg_class WHERE relname = :name")
        assert connection.execute(relations, {"name": "observation"}).one() == ("p", None)
        assert connection.execute(relations, {"name": "model_state"}).one() == ("r", ["fillfactor=70"])
        indexed = text("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_observation_unusual'")
        assert "WHERE ((delta IS NULL) OR (delta < 0)" in connection.execute(indexed).scalar_one()


def test_on_sqlite_every_statement_equals_the_one_of_the_schema(sqlite_url: str, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'schema.db'}")
    metadata.create_all(engine)
    engine.dispose()
    migrated = database_path(sqlite_url)
    assert migrated is not None
    assert _sorted_parts(_statements(migrated)) == _sorted_parts(_statements(tmp_path / "schema.db"))


#: The comma before a column or a constraint, not one within its brackets.
_BETWEEN = re.compile(r', (?=CONSTRAINT|["\w]+ [A-Z])')


def _sorted_parts(statements: dict[str, str]) -> dict[str, list[str]]:
    """What stands before, between and behind the brackets; the order of constraints in a table has no meaning."""
    parts = {}
    for name, sql in statements.items():
        head, _, rest = sql.partition("(")
        body, _, tail = rest.rpartition(")")
        parts[name] = [
            head,
            *sorted(part.strip() for part in _BETWEEN.split(body)),
            tail.strip(),
        ]
    return parts


def test_every_view_has_exactly_the_documented_columns_in_order(db: Database) -> None:
    inspector = inspect(db.engine)
    made = {name: [column["name"] for column in inspector.get_columns(name)] for name in inspector.get_view_names()}
    assert made == {name: list(view.columns) for name, view in VIEWS.items()}


def test_upgrade_says_what_it_did_and_does_nothing_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert upgrade(url) == (None, REVISIONS[-1])
    before = (tmp_path / "new.db").read_bytes()
    assert upgrade(url) == (REVISIONS[-1], REVISIONS[-1])
    assert (tmp_path / "new.db").read_bytes() == before


def test_upgrade_makes_a_new_database_on_the_server(server_url: str) -> None:
    assert upgrade(server_url) == (None, REVISIONS[-1])
    assert upgrade(server_url) == (REVISIONS[-1], REVISIONS[-1])


_BREAKS_HALFWAY = """
import sqlalchemy as sa
from alembic import op
revision = "0002"
down_revision = "0001"
def upgrade():
    op.execute("INSERT INTO hub (name, endpoint) VALUES ('half', '')")
    op.create_table("half_made", sa.Column("id", sa.Integer))
    op.execute("INSERT INTO no_such_table VALUES (1)")
"""


def test_a_migration_that_fails_halfway_leaves_nothing_behind(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "broken 100%"
    shutil.copytree(migrations_folder(), folder)
    (folder / "versions" / "0002_breaks.py").write_text(_BREAKS_HALFWAY)
    with monkeypatch.context() as patch:
        patch.setattr(database, "migrations_folder", lambda: folder)
        patch.setattr(database, "REVISIONS", ("0001", "0002"))
        with pytest.raises(Exception, match="no_such_table"):
            upgrade(url)
    with Database.open(url, write=False) as db, db.connect() as connection:
        assert "half_made" not in inspect(connection).get_table_names()
        assert connection.scalar(text("SELECT count(*) FROM hub")) == 0


_ADDS_A_COLUMN = """
import sqlalchemy as sa
from alembic import op
revision = "0002"
down_revision = "0001"
def upgrade():
    with op.batch_alter_table("hub") as batch:
        batch.alter_column("endpoint", new_column_name="address")
"""


def test_a_table_that_others_point_to_can_be_changed_and_keeps_its_rows(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "next"
    shutil.copytree(migrations_folder(), folder)
    (folder / "versions" / "0002_next.py").write_text(_ADDS_A_COLUMN)
    with Database.open(url, write=True) as db, db.begin() as connection:
        connection.execute(text("INSERT INTO hub (id, name, endpoint) VALUES (1, 'h', 'there')"))
        connection.execute(text("INSERT INTO publisher (id, hub_id, name) VALUES (1, 1, 'p')"))
    monkeypatch.setattr(database, "migrations_folder", lambda: folder)
    monkeypatch.setattr(database, "REVISIONS", ("0001", "0002"))
    with pytest.raises(StoreError, match=r"older version of this software \(schema 0001\); run `collector db upg"):
        Database.open(url, write=False)
    assert upgrade(url) == ("0001", "0002")
    with Database.open(url, write=False) as db, db.connect() as connection:
        assert connection.execute(
            text("SELECT h.address, p.name FROM hub h JOIN publisher p ON p.hub_id = h.id")
        ).all() == [("there", "p")]


def test_the_migrations_are_found_inside_a_wheel_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "collector"
    (package / "migrations").mkdir(parents=True)
    monkeypatch.setattr(database, "__file__", str(package / "store" / "database.py"))
    assert migrations_folder() == tmp_path / "migrations"
    (package / "migrations" / "env.py").touch()
    assert migrations_folder() == package / "migrations"

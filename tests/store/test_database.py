"""Opening, transactions, the one writer, and one clear line for whatever goes wrong that is no bug."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from collector.errors import StoreError
from collector.store import database
from collector.store.database import Database, Standing, database_path, standing, translated, upgrade, writer_lock
from collector.store.histories import gather_statistics
from collector.store.schema import import_file
from tests.store.facts import World

INSERT = text("INSERT INTO hub (name, endpoint) VALUES (:name, '')")
INSERT_AND_FAIL = text("INSERT INTO hub (name, endpoint) VALUES (:name, NULL)")
COUNT = text("SELECT count(*) FROM hub")


def file_of(url: str) -> Path:
    path = database_path(url)
    assert path is not None
    return path


def complaint(url: str, *, write: bool = False) -> str:
    """The one line that opening this database ends with."""
    with pytest.raises(StoreError) as caught:
        Database.open(url, write=write)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def count(url: str) -> int:
    with Database.open(url, write=False) as db, db.connect() as connection:
        return int(connection.scalar(COUNT) or 0)


# --- opening --------------------------------------------------------------------------------------------------------


def test_a_missing_file_says_how_to_create_it_and_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    for write in (False, True):
        assert complaint(f"sqlite:///{path}", write=write).endswith(
            "none.db: no such database; create it with `collector db upgrade` (or `collector init`)"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_new_database_and_the_files_beside_it_belong_to_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    before = os.umask(0)
    try:
        upgrade(f"sqlite:///{path}")
        with Database.open(f"sqlite:///{path}", write=True) as db, db.begin() as connection:
            connection.execute(INSERT, {"name": "h"})
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {"new.db", "new.db-wal", "new.db-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(
    "name", ["my data.db", "données.db", "100%20.db", "what?.db", "no#1.db", "a&b=c.db", "模型.db"]
)
def test_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path / name}"
    upgrade(url)
    with Database.open(url, write=True) as db, db.begin() as connection:
        connection.execute(INSERT, {"name": "h"})
    assert count(url) == 1
    assert all(file.name.startswith(name) for file in tmp_path.iterdir())


def test_a_relative_path_is_taken_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    upgrade("sqlite:///here.db")
    assert (tmp_path / "here.db").is_file()
    assert count("sqlite:///here.db") == 0


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"these are my notes, not a database\n" * 200)
    assert "notes.txt: not a database; name another file" in complaint(f"sqlite:///{path}", write=True)
    with pytest.raises(StoreError, match="not a database"):
        upgrade(f"sqlite:///{path}")
    assert path.read_bytes() == b"these are my notes, not a database\n" * 200


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    assert ": not a file; name another one" in complaint(f"sqlite:///{tmp_path}")
    with pytest.raises(StoreError, match="not a file"):
        upgrade(f"sqlite:///{tmp_path}")


def test_the_database_of_another_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (id)")
    before = path.read_bytes()
    for write in (False, True):
        assert "other.db: a database of another program" in complaint(f"sqlite:///{path}", write=write)
    with pytest.raises(StoreError, match="a database of another program"):
        upgrade(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_an_empty_file_is_a_database_to_be(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    assert "holds no tables yet; run `collector db upgrade`" in complaint(f"sqlite:///{path}")
    assert upgrade(f"sqlite:///{path}").before is None
    assert count(f"sqlite:///{path}") == 0


def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    with Database.open(url, write=True) as db, db.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9001'"))
    assert "made by a newer version of this software (schema 9001); install that version" in complaint(url)
    with pytest.raises(StoreError, match="newer version"):
        upgrade(url)


@pytest.mark.parametrize(
    ("tables", "revision", "expected"),
    [
        (set(), None, "empty"),
        ({"alembic_version"}, None, "empty"),
        ({"photos"}, None, "foreign"),
        ({"alembic_version", "users"}, "0001", "foreign"),
        ({"hub", "poll", "observation", "model_state"}, None, "foreign"),
        ({"hub", "poll", "observation", "model_state", "alembic_version"}, "0001", "current"),
        ({"hub", "poll", "observation", "model_state", "alembic_version"}, "0002", "newer"),
    ],
)
def test_what_a_database_is_shows_in_its_tables(tables: set[str], revision: str | None, expected: Standing) -> None:
    assert standing(frozenset(tables), revision) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "junk",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "mysql://me:secret@host/x",
        "postgresql+psycopg://me:secret@host:port/x",
        "postgresql+nonsense://me:secret@host/x",
        "postgresql+psycopg2://me:secret@host/x",
    ],
)
def test_what_is_no_address_of_a_database_is_said_without_the_password(url: str) -> None:
    message = complaint(url)
    assert message.startswith("[database] url: ")
    assert "secret" not in message


def test_a_server_out_of_reach_is_one_line_without_user_and_password() -> None:
    message = complaint("postgresql+psycopg://me:secret@127.0.0.1:1/data")
    assert message.startswith("PostgreSQL database data on 127.0.0.1: ")
    assert "secret" not in message
    assert "me:" not in message


@contextmanager
def nobody() -> Iterator[Path]:
    """Without a superuser's rights, in a folder that everybody may read and nobody write."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        if os.geteuid() != 0:
            yield Path(folder)
            return
        os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def test_a_folder_that_cannot_be_written_is_one_clear_line() -> None:
    with nobody() as folder:
        with pytest.raises(StoreError, match=r"new\.db: Permission denied; check the path in \[database\] url"):
            upgrade(f"sqlite:///{folder / 'new.db'}")
        assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_entered_is_one_clear_line(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    with nobody():
        assert ": Permission denied; check the path" in complaint(f"sqlite:///{closed / 'x.db'}")


def test_a_missing_folder_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="its folder does not exist; create it"):
        upgrade(f"sqlite:///{tmp_path / 'no' / 'such' / 'x.db'}")
    assert list(tmp_path.iterdir()) == []


# --- transactions ---------------------------------------------------------------------------------------------------


def test_the_settings_of_a_writer_are_those_the_measurements_ask_for(sqlite_url: str) -> None:
    with Database.open(sqlite_url, write=True) as db, db.connect() as connection:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "cache_size")
        assert {name: connection.scalar(text(f"PRAGMA {name}")) for name in names} == {
            "journal_mode": "wal",
            "synchronous": 1,
            "foreign_keys": 1,
            "busy_timeout": 5000,
            "cache_size": -65536,
        }


def test_a_transaction_that_fails_keeps_nothing(db: Database) -> None:
    with pytest.raises(IntegrityError), db.begin() as connection:
        keep_one_and_fail(connection)
    with db.connect() as connection:
        assert connection.scalar(COUNT) == 0


def keep_one_and_fail(connection: Connection) -> None:
    connection.execute(INSERT, {"name": "h"})
    connection.execute(INSERT_AND_FAIL, {"name": "other"})


def test_references_are_enforced(db: Database) -> None:
    with pytest.raises(IntegrityError), db.begin() as connection:
        connection.execute(text("INSERT INTO publisher (hub_id, name) VALUES (77, 'p')"))


def test_opened_to_read_nothing_can_be_changed(url: str) -> None:
    with Database.open(url, write=False) as db:
        for _ in range(2):  # the second time on a connection used before
            with pytest.raises(Exception, match=r"cannot be written|read-only"), db.begin() as connection:
                connection.execute(INSERT, {"name": "h"})
    assert count(url) == 0


def test_opened_to_read_no_pragma_opens_the_door(sqlite_url: str) -> None:
    with Database.open(sqlite_url, write=False) as db, db.connect() as connection:
        connection.execute(text("PRAGMA query_only=OFF"))
        with pytest.raises(StoreError, match="cannot be written"):
            connection.execute(INSERT, {"name": "h"})


def test_a_reader_sees_one_moment_while_a_writer_goes_on(db: Database) -> None:
    with db.connect() as reader:
        assert reader.scalar(COUNT) == 0
        with db.begin() as writer:
            writer.execute(INSERT, {"name": "h"})
        assert reader.scalar(COUNT) == 0
    with db.connect() as reader:
        assert reader.scalar(COUNT) == 1


def test_what_a_killed_process_kept_is_there_and_what_it_had_begun_is_not(sqlite_url: str) -> None:
    killed = """
import os, signal, sys
from sqlalchemy import Connection, insert, text
from collector.store.database import Database
db = Database.open(sys.argv[1], write=True)
with db.begin() as connection:
    connection.execute(text("INSERT INTO hub (name, endpoint) VALUES ('kept', '')"))
with db.begin() as connection:
    connection.execute(text("INSERT INTO hub (name, endpoint) VALUES ('begun', '')"))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", killed, sqlite_url], check=False).returncode == -9
    assert Path(f"{file_of(sqlite_url)}-wal").stat().st_size > 0
    with Database.open(sqlite_url, write=False) as db, db.connect() as connection:
        assert connection.execute(text("SELECT name FROM hub")).scalars().all() == ["kept"]


# --- what can go wrong ----------------------------------------------------------------------------------------------


def test_a_lock_held_by_another_is_one_clear_line(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with (
        Database.open(sqlite_url, write=True) as one,
        one.begin(),
        Database.open(sqlite_url, write=True) as other,
        pytest.raises(StoreError, match=r"collector\.db: locked by another process; wait until it ends"),
        other.begin(),
    ):
        pass


def test_a_full_disk_is_one_clear_line_and_nothing_is_lost(sqlite_url: str) -> None:
    with Database.open(sqlite_url, write=True) as db:
        with db.begin() as connection:
            connection.execute(INSERT, {"name": "kept"})
            connection.execute(text("PRAGMA max_page_count=1"))  # SQLite then takes the pages it has for all there are
        many = [{"name": f"{number}" * 50} for number in range(5000)]
        with (
            pytest.raises(StoreError, match=r"collector\.db: the disk is full; free some space"),
            db.begin() as connection,
        ):
            connection.execute(INSERT, many)
    assert count(sqlite_url) == 1


def test_a_damaged_file_is_one_clear_line(sqlite_url: str) -> None:
    path = file_of(sqlite_url)
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert "the file is damaged; run `collector db check`, or go back to a backup" in complaint(sqlite_url)


@pytest.mark.parametrize("statement", ["SELECT * FROM no_such_table", "SELEKT 1"])
def test_a_wrong_statement_is_a_bug_and_stays_one(db: Database, statement: str) -> None:
    with pytest.raises((OperationalError, ProgrammingError)), db.connect() as connection:
        connection.execute(text(statement))


def test_a_broken_constraint_is_a_bug_and_stays_one(db: Database) -> None:
    with pytest.raises(IntegrityError), db.begin() as connection:
        connection.execute(INSERT, [{"name": "twice"}, {"name": "twice"}])


def test_outside_of_an_engine_errors_are_translated_alike(tmp_path: Path) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        with pytest.raises(StoreError, match=r"^here: cannot be opened; check the permissions"), translated("here"):
            connection.execute("ATTACH 'file:no/such/folder/x.db?mode=ro' AS other")
        with pytest.raises(sqlite3.OperationalError, match="no such table"), translated("here"):
            connection.execute("SELECT * FROM no_such_table")
        with pytest.raises(sqlite3.ProgrammingError), translated("here"):
            connection.execute("SELECT ?", ())


def test_missing_rights_on_the_server_are_one_clear_line(server_url: str) -> None:
    upgrade(server_url)
    with Database.open(server_url, write=True) as db:
        with db.begin() as connection:
            connection.execute(text("DROP ROLE IF EXISTS store_guest"))
            connection.execute(text("CREATE ROLE store_guest"))
        with db.begin() as connection:
            connection.execute(text("SET LOCAL ROLE store_guest"))
            with pytest.raises(StoreError, match=r"^PostgreSQL database .*permission denied"):
                connection.execute(INSERT, {"name": "h"})
            connection.rollback()
        with db.begin() as connection:
            connection.execute(text("DROP ROLE store_guest"))


# --- the one writer -------------------------------------------------------------------------------------------------

HOLDS_THE_LOCK = """
import sys
from collector.store.database import writer_lock
with writer_lock(sys.argv[1], wait_seconds=5):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_writer(url: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDS_THE_LOCK, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_writer_is_told_and_a_killed_one_frees_the_lock(url: str) -> None:
    with another_writer(url) as first:
        message = r"another collector process is writing to it; wait until it ends, or stop it"
        with pytest.raises(StoreError, match=message), writer_lock(url, wait_seconds=0):
            pass
        first.kill()
        first.wait()
        with writer_lock(url, wait_seconds=5):
            pass


def test_the_lock_is_free_after_an_error(url: str) -> None:
    with pytest.raises(ZeroDivisionError), writer_lock(url, wait_seconds=0):
        raise ZeroDivisionError
    with writer_lock(url, wait_seconds=0):
        pass


def test_no_migration_runs_beside_a_writer(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with (
        writer_lock(sqlite_url, wait_seconds=0),
        pytest.raises(StoreError, match="another collector process is writing"),
    ):
        upgrade(sqlite_url)


def test_a_lock_on_a_server_out_of_reach_is_one_clear_line() -> None:
    url = "postgresql+psycopg://me:secret@127.0.0.1:1/data"
    with pytest.raises(StoreError, match=r"^PostgreSQL database data on 127"), writer_lock(url, wait_seconds=0):
        pass


def test_readings_are_not_counted_for_the_planner_but_taken_as_polls_and_imports_say(sqlite_url: str) -> None:
    with Database.open(sqlite_url, write=True) as db:
        world = World(db)
        world.hub()
        world.poll(1, models_new=5, models_moved=70)
        world.poll(2, scope="import", models_new=900)
        world.model(1, "a/m")
        with db.begin() as connection:
            said = {"hub_id": 1, "file_name": "a.csv", "sha256": "0", "source": "", "license": "", "imported_at": 0}
            connection.execute(insert(import_file).values(**said, readings=900, stored=300))
            gather_statistics(connection)
        with db.connect() as connection:
            rows = connection.exec_driver_sql("SELECT tbl, stat FROM sqlite_stat1 WHERE idx IS NULL").all()
            known = {row.tbl: int(row.stat) for row in rows}
            others = set(connection.exec_driver_sql("SELECT DISTINCT tbl FROM sqlite_stat1").scalars())
    assert known["observation"] == 1 + 75 + 300  # there is no reading at all
    assert {"model", "poll", "publisher"} <= others

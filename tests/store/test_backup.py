"""A backup is the database at one moment, verified, or it is not there. Real files."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from collector.errors import Stopped, StoreError
from collector.store.backup import backup, backup_name, rotate
from collector.store.database import Database, upgrade

NIGHT = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'collector.db'}"
    upgrade(made)
    return made


def hubs(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM hub ORDER BY id")]


def add_hub(db: Database, name: str) -> None:
    with db.begin() as connection:
        connection.execute(text(f"INSERT INTO hub (name, endpoint) VALUES ('{name}', '')"))


def fill(url: str) -> None:
    """So many rows that copying them takes a while."""
    with Database.open(url, write=True) as db, db.begin() as connection:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
        connection.execute(text(f"{numbers} INSERT INTO hub (name, endpoint) SELECT 'h' || i, '' FROM n"))


def test_a_backup_holds_what_was_kept_and_not_what_is_under_way(url: str, tmp_path: Path) -> None:
    with Database.open(url, write=True) as db:
        add_hub(db, "kept")
        with db.begin() as connection:
            connection.execute(text("INSERT INTO hub (name, endpoint) VALUES ('under way', '')"))
            backup(url, tmp_path / "copy.db")
    assert hubs(tmp_path / "copy.db") == ["kept"]
    with Database.open(f"sqlite:///{tmp_path / 'copy.db'}", write=True) as copy:
        add_hub(copy, "goes on")


def test_a_backup_can_be_read_by_its_owner_alone(url: str, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        size = backup(url, tmp_path / "copy.db")
    finally:
        os.umask(old)
    found = (tmp_path / "copy.db").stat()
    assert (found.st_mode & 0o777, found.st_size) == (0o600, size)


def test_a_backup_takes_the_place_of_an_older_one_and_leaves_nothing_else(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    backup(url, folder / "copy.db")
    with Database.open(url, write=True) as db:
        add_hub(db, "later")
    backup(url, folder / "copy.db")
    assert hubs(folder / "copy.db") == ["later"]
    assert [path.name for path in folder.iterdir()] == ["copy.db"]


@pytest.mark.parametrize("name", ["collector.db", "notes.txt", "folder"])
def test_a_backup_never_takes_the_place_of_anything_else(url: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="is there already and is no backup"):
        backup(url, tmp_path / name)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert hubs(tmp_path / "collector.db") == []


def test_a_folder_that_is_not_there_is_named(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no such place/copy.db: No such file or directory; choose a folder"):
        backup(url, tmp_path / "no such place" / "copy.db")


def test_a_database_of_a_server_is_backed_up_with_its_own_tools(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="pg_dump"):
        backup("postgresql+psycopg://127.0.0.1/x", tmp_path / "copy.db")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness of its own")
def test_a_backup_lets_others_go_first_and_leaves_its_caller_in_its_place(url: str, tmp_path: Path) -> None:
    fill(url)
    before, found = os.getpriority(os.PRIO_PROCESS, 0), set[int]()

    def look() -> bool:
        found.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return False

    backup(url, tmp_path / "copy.db", look)
    assert found == {19}
    assert os.getpriority(os.PRIO_PROCESS, 0) == before < 19


def test_a_backup_tells_what_part_is_copied_and_that_it_checks_the_copy(url: str, tmp_path: Path) -> None:
    fill(url)
    told: list[tuple[str, float | None]] = []
    backup(url, tmp_path / "copy.db", told=lambda words, part: told.append((words, part)))
    *copying, checking = told
    assert checking == ("checking the copy", None)
    parts = [part for words, part in copying if words == "copying" and part is not None]
    assert len(parts) == len(copying) > 2
    assert parts == sorted(parts)
    assert 0 <= parts[0] < parts[-1] <= 1


def test_a_backup_that_is_stopped_leaves_nothing(url: str, tmp_path: Path) -> None:
    fill(url)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped, match="the backup that was under way is dropped"):
        backup(url, tmp_path / "copy.db", stop.is_set)
    assert sorted(path.name for path in tmp_path.glob("copy*")) == []


def test_a_database_that_is_not_sound_makes_no_backup(url: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "collector.db")) as connection:
        connection.execute("INSERT INTO publisher (hub_id, name) VALUES (77, 'of no hub')")
        connection.commit()
    with pytest.raises(StoreError, match="the copy is not whole"):
        backup(url, tmp_path / "copy.db")
    assert sorted(path.name for path in tmp_path.glob("copy*")) == []


def test_a_kill_leaves_at_most_a_part_that_the_next_backup_replaces(url: str, tmp_path: Path) -> None:
    (tmp_path / "copy.db.partial").write_bytes(b"half")
    backup(url, tmp_path / "copy.db")
    assert hubs(tmp_path / "copy.db") == []
    assert not (tmp_path / "copy.db.partial").exists()


def test_rotation_keeps_the_newest_and_touches_nothing_that_is_not_ours(tmp_path: Path) -> None:
    names = [backup_name(NIGHT + timedelta(days=day)) for day in range(5)]
    for name in [*names, f"{names[0]}.partial", "collector.db", "mine.txt"]:
        (tmp_path / name).touch()
    rotate(tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[3:], "collector.db", "mine.txt"])
    rotate(tmp_path, keep=9)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_folder_that_cannot_be_rotated_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere: No such file or directory"):
        rotate(tmp_path / "nowhere", keep=1)

"""A database copied into another one, on each engine at hand: every row, numbered on, incomplete until then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from collector.errors import Stopped, StoreError
from collector.store import copying, schema
from collector.store.copying import TABLES, copy_tables, different_counts, finish, prepare
from collector.store.database import REVISIONS, Database, look_at, upgrade
from tests.engines import SERVER
from tests.store.facts import World

HOSTILE = "=\\N\t'; --\\.\n\u202eé\U0001f600"
DAY = 86_400
SEPTEMBER, OCTOBER = 1_788_220_800, 1_790_812_800


@pytest.fixture
def source(sqlite_url: str) -> Database:
    """Rows of every kind: hostile text, null, false and true, large numbers, an import."""
    db = Database.open(sqlite_url, write=True)
    world = World(db)
    world.hub()
    with db.begin() as conn:
        file = {"id": 3, "hub_id": 1, "file_name": HOSTILE, "sha256": "", "source": "", "license": "", "readings": 1}
        conn.execute(insert(schema.import_file).values(**file, stored=1, imported_at=OCTOBER))
        conn.execute(insert(schema.job).values(name=HOSTILE, done_at=1, note=""))
        conn.execute(insert(schema.alert).values(key="k", raised_at=1, told_at=None, words=HOSTILE))
    world.poll(1, SEPTEMBER, is_stale=True)
    world.poll(2, OCTOBER, waited_seconds=0.1 + 0.2)
    world.poll(9, DAY, scope="import", import_id=3)
    for number in (1, 2, 70):
        world.model(number, f"who/{HOSTILE}{number}", created_at=None, first_poll_id=1)
        world.reading(1, number, 2**60 + number, downloads_30d=None)
        world.reading(9, number, None, downloads_30d=0)
        world.state(number, 2**60 + number, SEPTEMBER, OCTOBER)
    world.reading(2, 1, 2**60 + 5, delta=4, span_seconds=DAY)
    return db


@pytest.fixture(params=["sqlite"] if SERVER is None else ["sqlite", "postgresql"])
def to(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each engine at hand; the file is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new #1.db'}"
    return str(request.getfixturevalue("server_url"))


def never() -> None:
    pass


def after(pieces: int) -> Callable[[], None]:
    """A user who stops the copy after so many pieces."""
    seen = iter(range(pieces))

    def check() -> None:
        if next(seen, None) is None:
            raise Stopped("stopped")

    return check


def copied(source: Database, to: str, check_stop: Callable[[], None] = never) -> Database:
    """The copy, finished."""
    prepare(to)
    with Database.open(to, write=True, unfinished=True) as target:
        counts = dict(copy_tables(source, target, check_stop))
        assert different_counts(source, target) == []
        assert counts["observation"] == 7
        finish(target)
    return Database.open(to, write=True)


def contents(db: Database) -> dict[str, list[Any]]:
    with db.connect() as conn:
        rows = {table.name: conn.execute(select(table).order_by(*table.primary_key)).all() for table in TABLES}
    return {name: [tuple(row) for row in found] for name, found in rows.items()}


def test_every_row_of_every_table_is_copied_as_it_stands(source: Database, to: str) -> None:
    with source, copied(source, to) as target:
        assert contents(target) == contents(source)
    assert look_at(to) == ("current", REVISIONS[-1])


def test_new_rows_are_numbered_after_the_copied_ones(source: Database, to: str) -> None:
    with source, copied(source, to) as target, target.begin() as conn:
        new = conn.execute(
            insert(schema.model).values(hub_id=1, name="a/b", publisher_id=1).returning(schema.model.c.id)
        )
        assert new.scalar_one() == 71


def test_on_the_server_readings_lie_in_the_month_of_their_recording(source: Database, server_url: str) -> None:
    with source, copied(source, server_url) as target, target.connect() as conn:
        where = text("SELECT poll_id, min(tableoid::regclass::text) FROM observation GROUP BY poll_id ORDER BY poll_id")
        assert [tuple(row) for row in conn.execute(where)] == [
            (1, "observation_2026_09"),
            (2, "observation_2026_10"),
            (9, "observation_2026_10"),  # readings of 1970, imported in October
        ]


def test_a_copy_that_was_stopped_is_named_incomplete_and_begins_anew(source: Database, to: str) -> None:
    with source:
        with pytest.raises(Stopped):
            copied(source, to, after(8))
        for attempt in (
            lambda: Database.open(to, write=False),
            lambda: Database.open(to, write=True),
            lambda: upgrade(to),
        ):
            with pytest.raises(
                StoreError, match="incomplete, left by a `collector db copy` that was interrupted; run th"
            ):
                attempt()
        with copied(source, to) as target:
            assert contents(target) == contents(source)


def test_a_database_that_holds_anything_is_no_target(source: Database, to: str) -> None:
    with source, copied(source, to):
        with pytest.raises(StoreError, match=r"holds data already \(table .*\); name an empty database"):
            prepare(to)
        assert look_at(to)[0] == "current"


def test_a_database_with_the_schema_and_no_rows_is_a_target(source: Database, to: str) -> None:
    upgrade(to)
    with source, copied(source, to) as target:
        assert contents(target) == contents(source)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ("CREATE TABLE theirs (id integer)", "a database of another program"),
        ("UPDATE alembic_version SET version_num = '9001'", "made by a newer version"),
    ],
)
def test_what_is_not_ours_is_no_target(url: str, made: str, words: str, tmp_path: Path) -> None:
    with Database.open(url, write=True) as db, db.begin() as conn:
        if made.startswith("CREATE"):
            conn.execute(text("DROP TABLE alembic_version"))
        conn.execute(text(made))
    with pytest.raises(StoreError, match=words):
        prepare(url)


def test_a_row_that_is_missing_is_found(source: Database, to: str) -> None:
    with source, copied(source, to) as target:
        with target.begin() as conn:
            conn.execute(schema.alert.delete())
        assert different_counts(source, target) == ["alert: 1 and 0 rows"]


def test_many_rows_are_copied_in_pieces(source: Database, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_AT_ONCE", 2)
    with source, copied(source, to) as target, target.connect() as conn:
        assert conn.execute(select(func.count()).select_from(schema.observation)).scalar_one() == 7

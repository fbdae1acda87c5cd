"""`collector db copy`: the demonstration's database moved, and found whole by what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.asking import Span
from collector.config import Config, load_config
from collector.errors import Stopped, StoreError, UsageError
from collector.model import month_window
from collector.moving import Copied, copy_database
from collector.store import copying
from collector.store.database import Database, upgrade, writer_lock
from collector.tasks import write_report
from tests.engines import SERVER

MONTH = "2026-09"
PASSWORD = "hunter2"  # an invented one


def now() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


def move(config: Config, to: str, stopped: Callable[[], bool] = lambda: False) -> Copied:
    return copy_database(config, to, now=now, stopped=stopped, told=lambda *_: None)


@pytest.fixture(params=["sqlite"] if SERVER is None else ["sqlite", "postgresql"])
def to(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'moved.db'}"
    return str(request.getfixturevalue("server_url"))


def test_a_report_from_the_copy_is_the_same_to_the_byte(
    demo: Path, file_config: Config, to: str, tmp_path: Path
) -> None:
    done = move(file_config, to)
    assert done.equal_reports == (f"huggingface {MONTH}",)
    assert done.rows["observation"] > 9_000
    config = load_config(demo / "config.toml", {"COLLECTOR__DATABASE__URL": to})
    pack = write_report(config, None, Span(month_window(MONTH)), tmp_path / "reports")
    published = demo / "reports" / MONTH
    assert {file.name: file.read_bytes() for file in pack.files} == {
        file.name: (published / file.name).read_bytes() for file in pack.files
    }


@pytest.fixture
def small(tmp_path: Path) -> Config:
    """A database with its schema and no rows."""
    (tmp_path / "config.toml").write_text("")
    config = load_config(tmp_path / "config.toml", {})
    upgrade(config.database.url)
    return config


def test_a_database_without_figures_is_copied_by_count_alone(small: Config, to: str) -> None:
    assert move(small, to).equal_reports == ()
    Database.open(to, write=False).close()


def test_a_copy_whose_report_differs_is_not_taken_for_one(
    file_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truly = copying.copy_tables

    def altered(source: Database, target: Database, check_stop: Callable[[], None]) -> Iterator[tuple[str, int]]:
        yield from truly(source, target, check_stop)
        with target.begin() as conn:
            conn.exec_driver_sql("UPDATE observation SET downloads_30d = downloads_30d * 3 WHERE model_id < 50")

    monkeypatch.setattr(copying, "copy_tables", altered)
    with pytest.raises(
        StoreError, match=r"not a true copy, the report of huggingface for 2026-09 differs in country_sh"
    ):
        move(file_config, f"sqlite:///{tmp_path / 'moved.db'}")
    with pytest.raises(StoreError, match="incomplete"):
        Database.open(f"sqlite:///{tmp_path / 'moved.db'}", write=False)


def test_while_somebody_writes_nothing_is_copied(
    small: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.moving.LOCK_WAIT_SECONDS", 0)
    to = f"sqlite:///{tmp_path / 'moved.db'}"
    for held in (small.database.url, to):
        with writer_lock(held, wait_seconds=0), pytest.raises(StoreError, match="another collector process is writing"):
            move(small, to)
    assert not (tmp_path / "moved.db").exists()


def test_a_source_of_another_revision_is_named(small: Config, tmp_path: Path) -> None:
    with Database.open(small.database.url, write=True) as db, db.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9001'")
    with pytest.raises(StoreError, match=r"newer version of this software \(schema 9001\)"):
        move(small, f"sqlite:///{tmp_path / 'moved.db'}")
    assert not (tmp_path / "moved.db").exists()


def test_a_stopped_copy_says_what_to_do(file_config: Config, tmp_path: Path) -> None:
    with pytest.raises(Stopped, match=r"moved\.db is incomplete: run the same command again"):
        move(file_config, f"sqlite:///{tmp_path / 'moved.db'}", stopped=lambda: True)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("mysql://root@there/x", "--to: not a database; write sqlite:///FILE or postgresql"),
        ("collector.db", "--to: not a database"),
        ("sqlite:///{same}", "--to: the configured database itself"),
    ],
)
def test_what_is_no_target_is_wrong_usage(small: Config, to: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        move(small, to.format(same=tmp_path / "." / "collector.db"))


def test_a_server_out_of_reach_is_one_line_without_the_password(small: Config) -> None:
    with pytest.raises(StoreError) as caught:
        move(small, f"postgresql+psycopg://me:{PASSWORD}@127.0.0.1:9/there")
    assert str(caught.value).startswith("PostgreSQL database there on 127.0.0.1: ")
    assert PASSWORD not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1

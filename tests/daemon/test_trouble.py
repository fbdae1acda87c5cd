"""What befalls a machine: each trouble is named, survived, and costs nothing. Real disks, locks and files."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from collector.store.backup import backup
from tests.daemon.observatory import FIRST, NAMES, Observatory, disk, observatory

POLL = "poll huggingface"
TWO_DAYS = [("11-20 00:05", "complete"), ("11-21 00:05", "complete")]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Observatory]:
    with observatory(tmp_path) as made:
        yield made


def gained(here: Observatory) -> int:
    """Growth in the database, all models and all time."""
    return int(here.ask("SELECT sum(delta) FROM observation")[0][0])


def test_a_full_disk_is_named_and_the_poll_goes_on_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with disk(tmp_path / "small", 3) as folder, observatory(folder) as here:
        here.look(POLL)
        here.clock.advance(days=1)
        (folder / "filler").write_bytes(bytes(shutil.disk_usage(folder).free))
        here.look(POLL)
        assert "poll huggingface failed:" in caplog.text
        assert "the disk is full" in caplog.text
        assert here.daemon.failing()[POLL] == 1
        (folder / "filler").unlink()
        here.clock.advance(minutes=1)
        here.look(POLL)
        assert [status for _, status in here.polls()] == ["complete", "complete"]
        assert here.findings() == []
        assert gained(here) == 1000 * len(NAMES)


def test_a_disk_that_can_only_be_read_is_named_and_the_poll_goes_on_when_it_can_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with disk(tmp_path / "frozen", 8) as folder, observatory(folder) as here:
        here.look(POLL)
        here.clock.advance(days=1)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        here.look(POLL)
        assert "poll huggingface failed:" in caplog.text
        assert f"{here.database}: cannot be" in caplog.text
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        here.clock.advance(minutes=1)
        here.look(POLL)
        assert [status for _, status in here.polls()] == ["complete", "complete"]
        assert here.findings() == []
        assert gained(here) == 1000 * len(NAMES)


def test_a_database_locked_by_another_program_is_named_and_polled_into_once_it_is_free(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    here.look(POLL)
    here.clock.advance(days=1)
    with closing(sqlite3.connect(here.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        here.look(POLL)
        assert "locked by another process; wait until it ends" in caplog.text
    here.clock.advance(minutes=1)
    here.look(POLL)
    assert [status for _, status in here.polls()] == ["complete", "complete"]
    assert gained(here) == 1000 * len(NAMES)


def test_a_damaged_database_is_named_told_and_restored_from_a_backup_as_the_instructions_say(
    tmp_path: Path, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    httpserver.expect_request("/hook", method="POST").respond_with_data("ok")
    with observatory(tmp_path, f'[alert]\nwebhook = "{httpserver.url_for("/hook")}"') as here:
        here.look(POLL)
        backup(here.upkeep.config.database.url, tmp_path / "backup.db")
        here.clock.advance(days=1)
        _damage(here.database)
        here.look(POLL, "watch")
        here.clock.advance(minutes=1)
        here.look(POLL, "watch")
        assert "not a database" in caplog.text
        told = [request.get_json()["text"] for request, _ in httpserver.log]
        assert len(told) == 1
        assert told[0].startswith("collector: the database cannot be used: ")

        # README, "Restoring a backup": the daemon is stopped; what is damaged goes aside, and its log with it.
        (tmp_path / "damaged").mkdir()
        for left in tmp_path.glob("collector.db*"):
            left.rename(tmp_path / "damaged" / left.name)
        shutil.copy(tmp_path / "backup.db", here.database)

        here.clock.advance(hours=1)
        here.look(POLL)
        assert [status for _, status in here.polls()] == ["complete", "complete"]
        assert here.findings() == []
        assert gained(here) == 1000 * len(NAMES)


def _damage(database: Path) -> None:
    with database.open("r+b") as file:
        file.write(b"no longer what it was" * 400)


def test_a_clock_set_back_by_a_day_costs_no_poll_and_no_download(here: Observatory) -> None:
    for _ in range(2):
        here.look(POLL)
        here.clock.advance(days=1)
    here.clock.advance(days=-2, hours=2)  # it is the 20th again
    here.look(POLL)
    assert here.polls() == TWO_DAYS  # the poll of the 20th is there
    here.clock.set(FIRST + timedelta(days=2))
    here.look(POLL)
    assert here.polls() == [*TWO_DAYS, ("11-22 00:05", "complete")]
    assert here.findings() == []
    assert gained(here) == 2000 * len(NAMES)


def test_a_clock_that_ran_ahead_by_a_month_does_not_silence_the_daemon_for_that_month(here: Observatory) -> None:
    here.look(POLL)
    here.clock.set(FIRST + timedelta(days=30))
    here.look(POLL)
    assert len(here.polls()) == 2
    here.clock.set(FIRST + timedelta(days=1))
    here.look(POLL)
    here.clock.set(FIRST + timedelta(days=2))
    here.look(POLL)
    starts = [start for start, _ in here.polls()]
    assert starts == ["11-20 00:05", "12-20 00:05", "11-21 00:05", "11-22 00:05"]
    assert here.findings() == []


def test_a_clock_that_stands_still_makes_no_second_poll(here: Observatory) -> None:
    for _ in range(3):
        here.look(POLL)
    assert here.polls() == TWO_DAYS[:1]


def test_days_without_a_poll_are_named_once_and_polled_over(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    here.look(POLL)
    here.clock.advance(days=8)
    here.look(POLL)
    here.look(POLL)
    assert caplog.text.count("no complete poll on 7 days, 2026-11-21 to 2026-11-27; their growth is spread") == 1
    assert [status for _, status in here.polls()] == ["complete", "complete"]
    assert gained(here) == 8000 * len(NAMES)

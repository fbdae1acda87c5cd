"""What follows from polls by itself: derived tables, reports and their revisions, backups, checks. A real database."""

from __future__ import annotations

import csv
import logging
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from collector import upkeep
from collector.daemon.duties import month_to_report
from collector.daemon.notify import notify, watchdog_seconds
from collector.errors import ReportError
from collector.importing import import_file
from collector.model import Window, month_window
from collector.report.pack import remove_leftovers
from collector.report.revisions import note_revisions, revisions, standing_shares
from collector.store.arrays import packed
from collector.store.database import Database, writer_lock
from collector.store.watching import file_sizes
from tests.acceptance.command_line import Installation
from tests.daemon.observatory import NAMES, Observatory, observatory

POLL = "poll huggingface"
REPORTED_AT = datetime(2026, 12, 2, 7, tzinfo=UTC)
MORE = '[report]\nschedule = "0 6 2 * *"\n[backup]\ndirectory = "backups"\nkeep = 2\n[origins]\nfile = "mine.csv"'
REGISTRY_HEAD = "hub,publisher,organisation,country,kind,valid_from,valid_to,basis,confidence,reviewed_on\n"


@pytest.fixture
def here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Observatory]:
    caplog.set_level(logging.INFO)
    (tmp_path / "mine.csv").write_text(REGISTRY_HEAD, encoding="utf-8")
    with observatory(tmp_path, MORE) as made:
        yield made


def report_of(here: Observatory, month: str) -> Path:
    return here.folder / "reports" / month


def test_a_month_is_reported_once_its_last_poll_is_in_and_again_when_late_data_changes_it(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    here.look(POLL, "roll-up")
    here.clock.set(datetime(2026, 12, 2, 7, tzinfo=UTC))
    here.look("report")
    assert not report_of(here, "2026-11").exists()  # the poll after its end is not in
    here.look(POLL, "roll-up", "report")
    shares = standing_shares(report_of(here, "2026-11"))
    assert shares["all", "base", "CN"][0] == "0.333333"
    assert "wrote the report of 2026-11" in caplog.text
    written = report_of(here, "2026-11").joinpath("datapackage.json").stat().st_mtime_ns
    here.look("roll-up", "report")
    assert report_of(here, "2026-11").joinpath("datapackage.json").stat().st_mtime_ns == written

    import_late(here, "late.csv", f"{NAMES[0]},2026-11-02,1000", f"{NAMES[0]},2026-11-10,2000")
    here.look("report")
    assert "late data changed the report of 2026-11" in caplog.text
    now = standing_shares(report_of(here, "2026-11"))
    assert now != shares
    with (here.folder / "reports" / "revisions.csv").open(encoding="utf-8", newline="") as file:
        noted = list(csv.DictReader(file))
    changed = {(row["scope"], row["attribution"], row["country"]): (row["share_before"], row["share"]) for row in noted}
    assert changed["all", "base", "CN"] == ("0.333333", now["all", "base", "CN"][0])
    assert {(row["hub"], row["window"], row["written_at"]) for row in noted} == {
        ("huggingface", "2026-11", "2026-12-02T07:00:00Z")
    }


def import_late(here: Observatory, name: str, *rows: str, hub: str = "huggingface") -> None:
    """History that comes after the fact, with the tables worked out anew."""
    file = here.folder / name
    file.write_text("model,observed_at,downloads_all_time\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    with Database.open(here.upkeep.config.database.url, write=True) as db:
        import_file(file, hub, db, here.clock.now, "", "")
    here.look("roll-up")


@pytest.fixture(scope="module")
def december(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an observatory that has polled in November and December and written the report of November."""
    folder = tmp_path_factory.mktemp("december")
    (folder / "mine.csv").write_text(REGISTRY_HEAD, encoding="utf-8")
    with observatory(folder, MORE) as here:
        here.look(POLL, "roll-up")
        here.clock.set(REPORTED_AT)
        here.look(POLL, "roll-up", "report")
        assert report_of(here, "2026-11").exists()
    return folder


@pytest.fixture
def reported(december: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Observatory]:
    """A copy of it, started anew at the same moment."""
    caplog.set_level(logging.INFO)
    shutil.copytree(december, tmp_path / "here")
    with observatory(tmp_path / "here", MORE) as here:
        here.clock.set(REPORTED_AT)
        yield here


def bytes_of(pack: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in pack.iterdir()}


def test_a_model_that_is_renamed_later_leaves_a_published_report_as_it_is(reported: Observatory) -> None:
    before = bytes_of(report_of(reported, "2026-11"))
    reported.hub.world.rename(NAMES[0], "Qwen/Qwen3-8B-Renamed")
    reported.clock.advance(days=1)
    reported.look(POLL, "roll-up", "report")
    assert bytes_of(report_of(reported, "2026-11")) == before
    assert (
        reported.upkeep.reports_wanted(month_to_report("0 6 2 * *", REPORTED_AT)) == []
    )  # looked at, and found unchanged


def test_a_month_before_the_first_poll_is_not_final_for_a_model_that_was_born_after_it(here: Observatory) -> None:
    here.look(POLL)
    here.clock.advance(days=1)
    here.hub.world.create("Qwen/newborn", all_time=10, last_30d=10, created_at=datetime(2026, 11, 20, 12, tzinfo=UTC))
    here.look(POLL, "roll-up")
    assert here.ask("SELECT DISTINCT status FROM country_share WHERE window = '2026-10'") == [("provisional",)]


def test_a_report_that_was_deleted_is_written_again(reported: Observatory) -> None:
    before = bytes_of(report_of(reported, "2026-11"))
    shutil.rmtree(report_of(reported, "2026-11"))
    reported.look("report")
    assert bytes_of(report_of(reported, "2026-11")) == before


def test_whoever_is_killed_between_the_note_and_the_pack_notes_the_change_once(
    reported: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_late(reported, "late.csv", f"{NAMES[0]},2026-11-02,1000", f"{NAMES[0]},2026-11-10,2000")
    old = bytes_of(report_of(reported, "2026-11"))

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(upkeep, "write_data", killed)
        with pytest.raises(Killed):
            reported.upkeep.report("huggingface", month_window("2026-11"))
    assert bytes_of(report_of(reported, "2026-11")) == old
    noted = (reported.folder / "reports" / "revisions.csv").read_text(encoding="utf-8")
    reported.look("report")
    assert bytes_of(report_of(reported, "2026-11")) != old
    assert (reported.folder / "reports" / "revisions.csv").read_text(encoding="utf-8") == noted
    assert noted.count("scope,attribution,country") == 1


class Killed(BaseException):
    """In place of a SIGKILL."""


def test_what_a_killed_run_left_of_a_pack_is_removed_and_nothing_else(reported: Observatory) -> None:
    reports = reported.folder / "reports"
    left, mine, fresh = reports / ".2026-10-ab_cd012", reports / ".git-ab_cd012", reports / ".2026-11-zz_zz012"
    for folder in (left, mine, fresh):
        folder.mkdir()
        (folder / "country_share.csv").write_text("half")
        at = reported.clock.now().timestamp()
        os.utime(folder, (at, at if folder == fresh else at - 86_400))
    remove_leftovers(reports, reported.clock.now() - timedelta(hours=6))
    assert [folder.exists() for folder in (left, mine, fresh)] == [False, True, True]


def test_with_several_hubs_each_has_packs_of_its_own_and_one_that_fails_keeps_no_other_from_its_own(
    reported: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"{NAMES[1]},2026-{month:02}-01,{month * 1000}" for month in (9, 10, 11, 12)]
    import_late(reported, "another.csv", *rows, hub="another")
    reports = reported.folder / "reports"
    (reports / "another").write_text("in the way")  # its reports cannot be written
    assert [hub for hub, _ in reported.upkeep.reports_wanted(None)] == ["huggingface"]  # each has a new place now
    reported.look("report")
    assert (reports / "huggingface" / "2026-11" / "country_share.csv").exists()

    installation = Installation(reported.folder)
    failed = installation.run(reported.clock.now(), "report", "2026-11", "--hub", "another")
    assert (failed.status, "cannot write the report to" in failed.err) == (1, True)
    (reports / "another").unlink()
    installation.ran(reported.clock.now(), "report", "2026-11", "--hub", "another")
    assert (reports / "another" / "2026-11" / "country_share.csv").exists()
    assert "report failed" not in caplog.text


def test_a_report_that_cannot_be_written_is_tried_again_after_a_pause_and_keeps_no_other_from_being_written(
    reported: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    import_late(reported, "late.csv", f"{NAMES[0]},2026-10-02,1000", f"{NAMES[0]},2026-10-30,2000")
    wanted, written = [("huggingface", month_window(label)) for label in ("2026-10", "2026-11")], []

    def report(hub: str, month: Window) -> None:
        written.append(month.label)
        if month.label == "2026-10":
            raise ReportError("cannot write the report")

    reported.upkeep.report = report  # type: ignore[method-assign]  # a disk that takes only one of two packs
    reported.upkeep.reports_wanted = lambda until: wanted  # type: ignore[method-assign]  # both, at every look
    for _ in range(3):
        reported.look("report")
    assert written == ["2026-10", "2026-11"]
    assert caplog.text.count("report failed: cannot write the report; next try not before 07:01 UTC") == 1
    reported.clock.advance(minutes=1)
    reported.look("report")
    assert written == ["2026-10", "2026-11"] * 2


def test_a_registry_of_ones_own_is_read_again_when_it_is_written_and_one_that_cannot_be_read_changes_nothing(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    here.look(POLL, "roll-up")
    assert here.upkeep.is_rolled_up()
    (here.folder / "mine.csv").write_text("this is no registry\n", encoding="utf-8")
    here.look("roll-up")
    assert "roll-up failed" in caplog.text
    assert here.ask("SELECT count(*) FROM country_share WHERE country = 'FR' AND window = '2026-11'")[0][0] > 0
    row = "huggingface,mistralai,Moved,DE,company,,,organisation moved,certain,2026-11-20\n"
    (here.folder / "mine.csv").write_text(REGISTRY_HEAD + row, encoding="utf-8")
    here.clock.advance(minutes=1)
    here.look("roll-up")
    assert here.ask("SELECT count(*) FROM country_share WHERE country = 'DE' AND window = '2026-11'")[0][0] > 0


def test_backups_are_made_on_schedule_and_the_oldest_removed(here: Observatory) -> None:
    for _ in range(4):
        here.look("backup")
        here.look("backup")
        here.clock.advance(days=1)
    names = sorted(path.name for path in (here.folder / "backups").iterdir())
    assert names == ["collector-20261122T000500Z.db", "collector-20261123T000500Z.db"]
    assert (here.folder / "backups").stat().st_mode & 0o777 == 0o700


def test_a_backup_that_cannot_be_written_is_named_and_keeps_nothing_from_being_polled(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    (here.folder / "backups").write_text("in the way")
    here.look("backup", POLL)
    assert "backup failed: " in caplog.text
    assert "File exists; change [backup] directory" in caplog.text
    assert here.polls() == [("11-20 00:05", "complete")]


def test_the_command_backs_up_beside_the_daemon(here: Observatory) -> None:
    here.look(POLL)
    installation = Installation(here.folder)
    with writer_lock(here.upkeep.config.database.url, wait_seconds=1):
        done = installation.ran(here.clock.now(), "db", "backup", str(here.folder / "copy.db"))
    size = (here.folder / "copy.db").stat().st_size
    assert f"copy.db, {size / 1e6:.1f} MB, verified" in done.err
    environ = {"COLLECTOR__DATABASE__URL": f"sqlite:///{here.folder}/copy.db"}
    assert "database is sound" in installation.ran(here.clock.now(), "db", "check", environ=environ).err
    failed = installation.run(here.clock.now(), "db", "backup", str(here.database))
    assert failed.status == 1
    assert failed.err.endswith("collector.db: is there already and is no backup; name another file\n")


def test_the_weekly_check_finds_what_is_not_sound_and_says_so(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    here.look(POLL, "check")
    assert "the database is sound" in caplog.text
    here.look("check")
    assert caplog.text.count("the database is sound") == 1
    with Database.open(here.upkeep.config.database.url, write=True) as db, db.begin() as connection:
        connection.exec_driver_sql("UPDATE model_state SET downloads_all_time = downloads_all_time + 1")
    here.clock.advance(days=7)
    here.look("check")
    assert "check failed: 1 findings, the first: models whose state is not the latest reading: 3" in caplog.text
    assert "alert: the database is not sound" in caplog.text


def test_a_month_that_is_not_what_its_readings_say_is_found_by_the_check_and_worked_out_anew(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    here.look(POLL, "roll-up")
    here.clock.advance(days=1)
    here.look(POLL, "roll-up", "check")
    assert "the database is sound" in caplog.text
    months = "SELECT * FROM model_month ORDER BY month, model_id"
    right = here.ask(months)
    with Database.open(here.upkeep.config.database.url, write=True) as db, db.begin() as connection:
        connection.exec_driver_sql("UPDATE model_month SET downloads = downloads + 1 WHERE month = 202611")
    here.clock.advance(days=6)
    here.look("roll-up")
    assert here.ask(months) != right  # the roll-up itself takes a month for right whose readings are what they were
    here.look("check")
    assert "check failed: 1 findings, the first: huggingface: models whose 2026-11 is kept otherwise" in caplog.text
    here.look("roll-up")
    assert here.ask(months) == right


def test_columns_that_are_not_what_their_rows_say_are_found_by_the_check_and_kept_anew(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    here.look(POLL, "roll-up")
    columns = "SELECT * FROM hub_columns ORDER BY hub_id, name"
    right, shares = here.ask(columns), here.ask("SELECT * FROM country_share")
    with Database.open(here.upkeep.config.database.url, write=True) as db, db.begin() as connection:
        wrong = (packed(np.zeros(len(NAMES), np.int64)),)
        connection.exec_driver_sql("UPDATE hub_columns SET content = ? WHERE name = 'created_at'", wrong)
    here.clock.advance(days=7)
    here.look("check")
    assert "check failed: 1 findings, the first: huggingface: models that are kept otherwise than" in caplog.text
    assert here.ask(columns) == []
    here.look("roll-up")
    assert here.ask(columns) == right
    assert here.ask("SELECT * FROM country_share") == shares


def test_accounts_whose_rows_are_not_what_is_kept_of_them_are_found_by_the_check_and_written_anew(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    here.look(POLL, "roll-up")
    rows = "SELECT * FROM publisher_share ORDER BY scope, publisher_id"
    right = here.ask(rows)
    with Database.open(here.upkeep.config.database.url, write=True) as db, db.begin() as connection:
        connection.exec_driver_sql("UPDATE publisher_share SET downloads = downloads + 1")
    here.clock.advance(days=7)
    here.look("check")
    assert "the first: huggingface: accounts whose 2026-10 is kept otherwise" in caplog.text
    here.look("roll-up")
    assert here.ask(rows) == right


def test_months_in_which_only_a_description_changed_are_restated_one_an_hour(here: Observatory) -> None:
    for _ in range(5):  # 2026-10 to 2027-01
        here.look(POLL)
        here.clock.advance(days=14)
    here.look("roll-up")
    waits = "SELECT substr(what, 9) FROM build_mark WHERE what LIKE 'restate %' ORDER BY what"
    assert here.ask(waits) == []
    here.hub.world.rename(NAMES[0], "Qwen/another")
    here.look(POLL, "roll-up")
    assert here.ask(waits) == [("2026-10",), ("2026-11",), ("2026-12",)], (
        "a roll-up takes in what a poll read, and that alone"
    )
    here.look("restate")
    assert here.ask(waits) == [("2026-10",), ("2026-11",)]
    here.look("restate")
    assert here.ask(waits) == [("2026-10",), ("2026-11",)], "not twice within an hour"
    here.clock.advance(hours=1)
    here.look("restate")
    assert here.ask(waits) == [("2026-10",)]
    here.upkeep.roll_up(most_restated=None)
    assert here.ask(waits) == []


def test_figures_are_those_of_the_polls(here: Observatory) -> None:
    here.look(POLL)
    here.clock.advance(days=1)
    here.look(POLL)
    figures = here.upkeep.figures()
    (of,) = figures.hubs
    assert (of.hub, of.complete_polls, of.pages, of.unattributed_share) == ("huggingface", 2, 2, None)
    assert of.last is not None
    assert (of.last.models_listed, of.last.models_new, of.last.models_moved) == (3, 0, 3)
    assert figures.sizes is not None
    assert figures.sizes[0] > 100_000


def test_flags_are_counted_by_kind_in_the_latest_month_that_was_worked_out(here: Observatory) -> None:
    for counted in (900_000, 880_000, 890_000):
        here.hub.world.set_counters(NAMES[0], counted, 30_000)
        here.look(POLL)
        here.clock.advance(days=1)
    here.look("roll-up")
    assert here.upkeep.figures().flags == {"huggingface": {"correction": 1}}


def test_sizes_are_those_of_the_files_and_a_server_or_a_missing_file_has_none(tmp_path: Path) -> None:
    (tmp_path / "some.db").write_bytes(bytes(10))
    assert file_sizes(f"sqlite:///{tmp_path / 'some.db'}") == (10, 0)
    assert file_sizes("postgresql+psycopg://host/name") is None


def test_a_note_of_revisions_that_cannot_be_written_is_named_and_a_registry_file_that_is_gone_is_none(
    reported: Observatory,
) -> None:
    (reported.folder / "reports" / "revisions.csv").mkdir()
    with pytest.raises(ReportError, match=r"cannot write .*revisions\.csv: Is a directory; choose a folder"):
        note_revisions(reported.folder / "reports", ("one", "2026-11"), reported.clock.now(), [("all",) * 7])
    reported.upkeep.roll_up()
    (reported.folder / "mine.csv").unlink()
    assert not reported.upkeep.is_rolled_up()


def test_revisions_are_the_rows_that_differ() -> None:
    before = {("all", "base", "CN"): ("0.5", "provisional"), ("all", "base", "FR"): ("0.1", "final")}
    after = {("all", "base", "CN"): ("0.5", "final"), ("all", "base", "DE"): ("0.1", "final")}
    assert revisions(before, after) == [
        ("all", "base", "CN", "0.5", "0.5", "provisional", "final"),
        ("all", "base", "DE", "", "0.1", "", "final"),
        ("all", "base", "FR", "0.1", "", "final", ""),
    ]


# --- systemd ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a file", "@collector-test-abstract"])
def test_systemd_is_told_where_it_asks_to_be(tmp_path: Path, name: str) -> None:
    address = name if name.startswith("@") else str(tmp_path / name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if name.startswith("@") else address)
        systemd.settimeout(30)
        notify("READY=1", {"NOTIFY_SOCKET": address})
        assert systemd.recv(100) == b"READY=1"


def test_without_systemd_nobody_is_told(tmp_path: Path) -> None:
    for address in ("", "relative", str(tmp_path / "nobody listens")):
        notify("READY=1", {"NOTIFY_SOCKET": address})


def test_the_watchdog_hears_of_us_twice_as_often_as_it_asks_for() -> None:
    assert watchdog_seconds({"WATCHDOG_USEC": "120000000"}) == 60
    assert watchdog_seconds({}) is None
    assert watchdog_seconds({"WATCHDOG_USEC": "0"}) is None
    assert watchdog_seconds({"WATCHDOG_USEC": "soon"}) is None


def test_writers_of_one_process_take_turns(here: Observatory) -> None:
    """Two threads that write for longer than SQLite would wait do not fail each other."""
    turn = threading.Lock()
    url = here.upkeep.config.database.url
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with Database.open(url, write=True, turn=turn) as db, db.begin():
            entered.set()
            leave.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(60)
    assert turn.locked()
    leave.set()
    with Database.open(url, write=True, turn=turn) as db, db.begin() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    holder.join()

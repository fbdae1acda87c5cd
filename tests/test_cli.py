"""The command line as a user meets it: what each command prints where, and one clear line for all that is wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from collector import __version__, cli, logs
from collector.demo import faults
from collector.demo.hub import LoopbackHub
from collector.demo.world import Clock, World
from collector.hubs import http
from collector.model import Base
from collector.rollup import refresh

TODAY = datetime(2026, 10, 3, 12, tzinfo=UTC)
POLLED = [
    datetime(2026, 9, 1, 0, 5, tzinfo=UTC),
    datetime(2026, 10, 2, tzinfo=UTC),
]
TOKEN = "hf_AbcdefghijklmnopqrstuvwxyzABCDEFGH"


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line it failed with."""
        assert self.status in (1, 2)
        assert self.out == ""
        [line] = self.err.splitlines()
        assert line.startswith("collector: ")
        return line


def collector(*words: str | Path) -> Ran:
    """Runs a command in this process; an exception that leaves it is the test's failure."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["collector", *map(str, words)])
        with time_machine.travel(TODAY, tick=False), pytest.raises(SystemExit) as ended:
            cli.main()
    logs.take_down()
    assert isinstance(ended.value.code, int)
    return Ran(ended.value.code, out.getvalue(), err.getvalue())


def process(*words: str | Path, **environ: str) -> subprocess.Popen[str]:
    """Runs a command in a process of its own, with pipes. Ctrl-C ends it, also where a shell's background job tests."""
    command = [sys.executable, "-m", "collector", *map(str, words)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored stays so in a new process
    try:
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **environ})
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True)
class Place:
    """A folder with a configuration and perhaps a database."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def write(self, text: str) -> None:
        self.config.write_text(text, encoding="utf-8")

    def run(self, *words: str | Path) -> Ran:
        return collector("--config", self.config, *words)


@pytest.fixture(scope="module")
def hub() -> Iterator[LoopbackHub]:
    clock = Clock(POLLED[0])
    world = World(clock)
    old = datetime(2024, 1, 1, tzinfo=UTC)
    world.create("Qwen/Qwen3-8B", created_at=old, all_time=6_000_000, last_30d=600_000)
    world.create(
        "unsloth/Qwen3-8B-GGUF", created_at=old, all_time=10, last_30d=10, bases=(Base("Qwen/Qwen3-8B", "quantized"),)
    )
    world.create("openai-community/gpt2", created_at=old, all_time=9_000_000, last_30d=300_000)
    world.create("someone/thing", created_at=old, all_time=100_000, last_30d=10_000)
    world.create("nobody/small", created_at=old, all_time=100, last_30d=10)
    with LoopbackHub(world) as served:
        yield served


def configured(folder: Path, endpoint: str) -> Place:
    place = Place(folder)
    folder.mkdir(parents=True, exist_ok=True)
    place.write(
        f'[hub.huggingface]\nendpoint = "{endpoint}"\ntop = 100\n[[scope]]\nname = "all"\n[[scope]]\nname = "llm"\n'
    )
    return place


@pytest.fixture(scope="module")
def polled(hub: LoopbackHub, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two polls of a small hub: the month of September is known."""
    place = configured(tmp_path_factory.mktemp("polled"), hub.url)
    assert place.run("db", "upgrade").status == 0
    for day in POLLED:
        hub.world.clock.set(day)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys.modules[__name__], "TODAY", day)
            done = place.run("poll")
        assert done.status == 0, done.err
        for name in ("Qwen/Qwen3-8B", "unsloth/Qwen3-8B-GGUF", "openai-community/gpt2", "someone/thing"):
            hub.world.add_downloads(name, 1_000)
    return place


@pytest.fixture
def copy(polled: Place, tmp_path: Path) -> Place:
    """The same to write to."""
    shutil.copytree(polled.folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


@pytest.fixture
def empty(hub: LoopbackHub, tmp_path: Path) -> Place:
    """A configuration and a database without a poll."""
    place = configured(tmp_path / "empty", hub.url)
    assert place.run("db", "upgrade").status == 0
    return place


# --- before a command -------------------------------------------------------------------------------------------------


def test_version_and_help_are_data_and_every_command_is_named() -> None:
    assert collector("--version") == Ran(0, f"collector {__version__}\n", "")
    helped = collector("--help")
    assert helped.status == 0
    for command in ("init", "poll", "report", "run", "status", "sql", "origins", "import", "db", "demo"):
        assert f"\n  {command} " in helped.out


def test_help_loads_nothing_that_takes_long() -> None:
    slow = {"pandas", "sqlalchemy", "pydantic", "huggingface_hub", "alembic", "apscheduler", "structlog"}
    code = f"import sys, collector.cli; print(sorted({slow!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_status_loads_no_pandas() -> None:
    code = "import sys, collector.status, collector.daemon; print('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "nonsense"),
        (["report", "--nonsense"], "--nonsense"),
        (["report", "2026-09", "2026-10"], "2026-10"),
        (["report", "--from", "2026-02-30"], "--from"),
        (["import", "file.csv"], "--hub"),
        (["origins", "unattributed", "--limit", "0"], "--limit"),
    ],
)
def test_wrong_words_end_in_one_line_with_status_2(words: list[str], said: str) -> None:
    done = collector(*words)
    assert done.status == 2
    assert said in done.complaint
    assert "--help" in done.complaint


def test_a_group_without_its_command_shows_its_help() -> None:
    done = collector("origins")
    assert (done.status, done.out) == (2, "")
    assert "unattributed" in done.err


def test_the_configuration_comes_from_the_option_else_the_variable_else_the_folder(
    polled: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLLECTOR_CONFIG", str(polled.config))
    assert collector("status").status == 0
    assert "elsewhere.toml" in collector("--config", "elsewhere.toml", "status").complaint
    monkeypatch.delenv("COLLECTOR_CONFIG")
    assert "config.toml: no such file" in collector("status").complaint


# --- setting up -------------------------------------------------------------------------------------------------------


def test_init_writes_the_example_and_makes_the_database_and_again_changes_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    first = place.run("init")
    assert (first.status, first.out) == (0, "")
    assert "wrote" in first.err
    assert "created" in first.err
    assert (tmp_path / "collector.db").stat().st_mode & 0o777 == 0o600
    place.write(place.config.read_text(encoding="utf-8") + "# mine\n")
    second = place.run("init")
    assert second.status == 0
    assert place.config.read_text(encoding="utf-8").endswith("# mine\n")
    assert "left as it is" in second.err


@pytest.mark.parametrize("folder", ["missing/folder", "file"])
def test_init_in_a_folder_that_cannot_be_written_says_which(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / folder / "config.toml"
    assert str(path) in collector("--config", path, "init").complaint


def test_a_sound_database_is_said_to_be_so(polled: Place) -> None:
    assert polled.run("db", "check") == Ran(0, "", "database is sound\n")
    assert json.loads(polled.run("db", "check", "--json").out) == {"sound": True, "findings": []}


# --- polling and reporting --------------------------------------------------------------------------------------------


def test_a_poll_says_what_came_and_what_share_it_shows(copy: Place) -> None:
    done = copy.run("poll")
    assert done.status == 0, done.err
    assert done.out.startswith("huggingface: 5 models listed, 0 new")
    assert "China" in done.out
    assert "\x1b" not in done.out
    said = json.loads(copy.run("poll", "huggingface", "--json").out)
    assert said["poll"]["models_listed"] == 5
    assert {row["country"] for row in said["trailing"]["rows"]} >= {"CN", "US", "ZZ"}


def test_a_report_puts_the_headline_on_stdout_and_words_on_stderr(polled: Place, tmp_path: Path) -> None:
    done = polled.run("report", "2026-09", "--out", tmp_path)
    assert done.status == 0, done.err
    assert done.out.startswith("In 2026-09, ")
    assert str(tmp_path / "2026-09") in done.err
    assert (tmp_path / "2026-09" / "country_share.csv").exists()
    assert "\x1b" not in done.out


def test_a_report_without_a_month_is_of_the_last_whole_one(polled: Place, tmp_path: Path) -> None:
    assert json.loads(polled.run("report", "--out", tmp_path, "--json").out)["window"]["label"] == "2026-09"


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (["--from", "2026-09-05", "--to", "2026-09-12"], "2026-09-05_2026-09-12"),
        (["--trailing"], "trailing-2026-10-02"),
    ],
)
def test_any_window_can_be_reported(polled: Place, tmp_path: Path, words: list[str], folder: str) -> None:
    done = polled.run("report", *words, "--out", tmp_path, "--scope", "llm", "--attribution", "publisher", "--json")
    assert done.status == 0, done.err
    said = json.loads(done.out)
    assert (said["scope"], said["attribution"]) == ("llm", "publisher")
    assert said["folder"] == str(tmp_path / folder)


@pytest.mark.parametrize("by", ["family", "publisher"])
def test_the_table_printed_can_be_by_something_else(polled: Place, tmp_path: Path, by: str) -> None:
    said = json.loads(polled.run("report", "2026-09", "--by", by, "--out", tmp_path, "--json").out)
    assert "Qwen" in {row[by] for row in said["rows"]}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["2026-13"], 1, "write YYYY-MM"),
        (["September"], 1, "write YYYY-MM"),
        (["0001-01"], 1, "between 2000 and 2100"),
        (["9999-12"], 1, "9999-12"),
        (["--from", "0001-01-01", "--to", "0001-01-02"], 1, "between 2000 and 2100"),
        (["2026-01"], 1, "readings reach from"),
        (["2030-01"], 1, "readings reach from"),
        (["2026-09", "--trailing"], 2, "one of them"),
        (["--from", "2026-09-01"], 2, "go together"),
        (["--from", "2026-09-02", "--to", "2026-09-01"], 2, "--to is the first day after"),
        (["2026-09", "--scope", "nonsense"], 2, "all, llm"),
        (["2026-09", "--by", "nonsense"], 2, "country, family"),
        (["2026-09", "--attribution", "nonsense"], 2, "base, publisher"),
        (["2026-09", "--hub", "nonsense"], 2, "huggingface"),
    ],
)
def test_a_report_that_cannot_be_made_says_why_and_writes_nothing(
    polled: Place, tmp_path: Path, words: list[str], status: int, said: str
) -> None:
    done = polled.run("report", *words, "--out", tmp_path / "reports")
    assert done.status == status
    assert said in done.complaint
    assert not (tmp_path / "reports").exists()


def test_a_report_into_a_folder_that_is_a_file_names_it(polled: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = polled.run("report", "2026-09", "--out", tmp_path / "file")
    assert done.status == 1
    assert f"cannot write the report to {tmp_path / 'file'}" in done.complaint


@pytest.mark.parametrize("words", [["report"], ["report", "--trailing"], ["origins", "unattributed"]])
def test_before_the_first_poll_the_cure_is_to_poll(empty: Place, words: list[str]) -> None:
    assert "collector poll" in empty.run(*words).complaint


def test_status_says_how_polls_stand_and_what_comes_next(polled: Place, empty: Place) -> None:
    done = polled.run("status")
    assert "huggingface: 5 models, 2 complete polls; last complete poll 2026-10-02T00:00:00Z, 36.0 h ago" in done.out
    assert "next poll huggingface   2026-10-04T00:05:00Z" in done.out
    said = json.loads(polled.run("status", "--json").out)
    assert said["next_runs"]["report"] == "2026-11-02T06:00:00Z"
    assert said["hubs"][0]["coverage"]["2026-09"] > 0.9
    assert "run `collector poll`" in empty.run("status").out


def test_the_status_says_what_the_tables_do_not_say_yet(polled: Place, copy: Place) -> None:
    (hub,) = json.loads(polled.run("status", "--json").out)["hubs"]
    assert (hub["is_rolled_up"], hub["months_to_restate"], hub["to_restate_since"]) == (True, [], None)
    assert "restated" not in polled.run("status").out
    with closing(sqlite3.connect(copy.folder / "collector.db")) as connection, connection:
        connection.execute("UPDATE build_mark SET fingerprint = 'of other polls' WHERE what = 'rolled up'")
        marks = [(1, f"restate 2026-0{month}", str(since)) for month, since in ((8, 86_400), (9, 3600))]
        connection.executemany("INSERT INTO build_mark VALUES (?, ?, ?)", marks)
    said = copy.run("status").out
    assert "  the tables do not hold the last readings yet: they will after a roll-up\n" in said
    words = "2 months, 2026-08 to 2026-09, wait to be restated, since 1970-01-01T01:00:00Z: models are described anew"
    assert f"  {words}\n" in said
    (hub,) = json.loads(copy.run("status", "--json").out)["hubs"]
    assert (hub["is_rolled_up"], hub["months_to_restate"]) == (False, ["2026-08", "2026-09"])


def test_an_unfinished_poll_stands_in_the_status(
    copy: Place, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LONGEST_BACKOFF", 0.0)
    hub.faults.on_page(1, faults.status(503), times=None)
    done = copy.run("poll")
    hub.faults.clear()
    assert done.status == 1
    assert "503" in done.err
    assert "poll again" in done.err.splitlines()[-1]
    assert "failed" in copy.run("status").out


# --- a hub in trouble -------------------------------------------------------------------------------------------------


def test_a_hub_out_of_reach_is_named_and_the_token_is_not(copy: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LONGEST_BACKOFF", 0.0)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    copy.write('[hub.huggingface]\nendpoint = "http://127.0.0.1:9"\n')
    done = copy.run("poll")
    assert (done.status, done.out) == (1, "")
    last = done.err.splitlines()[-1]
    assert last.startswith("collector: huggingface: ")
    assert "http://127.0.0.1:9" in last
    assert TOKEN not in done.err


def test_a_token_the_hub_refuses_is_not_shown(copy: Place, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = copy.run("poll")
    assert done.status == 1
    assert "token" in done.err
    assert TOKEN not in done.err + done.out


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("[hub.huggingface]\nenabled = false\n", ["poll"], "none is enabled"),
        ("[hub.huggingface]\nenabled = false\n", ["run"], "no hub is enabled"),
        ("", ["poll", "modelscope"], "knows huggingface"),
    ],
)
def test_a_hub_that_is_not_there_is_a_usage_error(copy: Place, text: str, words: list[str], said: str) -> None:
    copy.write(text)
    done = copy.run(*words)
    assert done.status == 2
    assert said in done.complaint


# --- wrong configuration ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[report\n", "not TOML"),
        ('[hub.huggingface]\nschedul = "5 0 * * *"\n', "schedule"),
        ('[hub.huggingface]\nschedule = "61 0 * * *"\n', "minute"),
        ('[report]\nschedule = "0 6 31 2 *"\n', "never come"),
        ('[database]\nurl = "mysql://me:secret@host/db"\n', "sqlite:///FILE"),
    ],
)
def test_a_wrong_configuration_ends_with_status_2_naming_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    place = Place(tmp_path)
    place.write(text)
    done = place.run("status")
    assert done.status == 2
    assert str(place.config) in done.complaint
    assert said in done.complaint
    assert "secret" not in done.complaint


def test_every_fault_of_a_configuration_has_its_own_line(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.write('nonsense = 1\n[report]\nattribution = "both"\n')
    done = place.run("status")
    assert done.status == 2
    assert len(done.err.splitlines()) == 2
    assert "nonsense" in done.err
    assert "report.attribution" in done.err


def test_a_configuration_that_is_a_folder_or_no_text_is_named(tmp_path: Path) -> None:
    assert "Is a directory" in collector("--config", tmp_path, "status").complaint
    place = Place(tmp_path)
    place.config.write_bytes(b'[report]\ndirectory = "caf\xe9"\n')
    assert "not UTF-8" in place.run("status").complaint


# --- wrong databases --------------------------------------------------------------------------------------------------

_COMMANDS = (
    ["status"],
    ["report", "2026-09"],
    ["sql", "SELECT 1"],
    ["db", "check"],
    ["origins", "unattributed"],
    ["origins", "who", "Qwen/Qwen3-8B"],
    ["poll"],
)


@pytest.mark.parametrize("words", [words for words in _COMMANDS if "who" not in words], ids=" ".join)
def test_no_command_creates_a_missing_database(hub: LoopbackHub, tmp_path: Path, words: list[str]) -> None:
    place = configured(tmp_path, hub.url)
    done = place.run(*words)
    assert done.status == 1
    assert "collector db upgrade" in done.complaint
    assert not (tmp_path / "collector.db").exists()


@pytest.mark.parametrize("words", _COMMANDS, ids=" ".join)
def test_what_is_no_database_is_named(hub: LoopbackHub, tmp_path: Path, words: list[str]) -> None:
    place = configured(tmp_path, hub.url)
    (tmp_path / "collector.db").write_text("no database at all, but long enough to have a header" * 10)
    done = place.run(*words)
    assert done.status == 1
    assert str(tmp_path / "collector.db") in done.complaint


@pytest.mark.parametrize("words", [["status"], ["db", "upgrade"], ["poll"]], ids=" ".join)
def test_a_database_newer_than_the_software_is_left_alone(copy: Place, words: list[str]) -> None:
    set_revision(copy, "9999")
    done = copy.run(*words)
    assert done.status == 1
    assert "newer version" in done.complaint


def set_revision(place: Place, revision: str) -> None:
    import sqlite3

    with sqlite3.connect(place.folder / "collector.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()


def test_a_database_in_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "file").write_text("")
    place.write('[database]\nurl = "sqlite:///file/collector.db"\n')
    assert str(tmp_path / "file") in place.run("db", "upgrade").complaint
    place.write('[database]\nurl = "sqlite:///missing/collector.db"\n')
    assert "create it" in place.run("db", "upgrade").complaint


def test_a_database_that_breaks_a_rule_is_found_out(copy: Place) -> None:
    import sqlite3

    with sqlite3.connect(copy.folder / "collector.db") as connection:
        connection.execute("UPDATE model_state SET downloads_all_time = 7 WHERE model_id = 1")
    connection.close()
    done = copy.run("db", "check")
    assert done.status == 1
    assert done.out != ""
    assert "finding(s)" in done.err
    assert json.loads(copy.run("db", "check", "--json").out)["sound"] is False


# --- SQL --------------------------------------------------------------------------------------------------------------


def test_sql_prints_a_table_with_numbers_at_the_right(polled: Place) -> None:
    done = polled.run(
        "sql",
        "SELECT 'a' AS word, 1 AS n, 0.30000000000000004 AS part, NULL AS none UNION SELECT 'bcd', 1000, 2e-9, NULL",
    )
    assert done.out.splitlines() == ["word     n   part  none", "a        1    0.3", "bcd   1000  2e-09"]


def test_sql_as_csv_and_as_json(polled: Place) -> None:
    query = "SELECT model AS m, downloads FROM model_downloads_month WHERE window = '2026-09' ORDER BY 2 DESC LIMIT 1"
    rows = list(csv.DictReader(io.StringIO(polled.run("sql", query, "--csv").out)))
    assert [row["m"] for row in rows] == [row["m"] for row in json.loads(polled.run("sql", query, "--json").out)]
    assert "one of them" in polled.run("sql", query, "--csv", "--json").complaint


def test_sql_as_json_keeps_columns_of_one_name_and_what_json_lacks(polled: Place) -> None:
    said = json.loads(polled.run("sql", "SELECT 1 AS a, 2 AS a, 9e999 AS b, x'00ff' AS c, NULL AS d", "--json").out)
    assert said == [{"a": 1, "a_2": 2, "b": "inf", "c": "00ff", "d": None}]


def test_a_hostile_name_does_no_more_than_be_read(polled: Place) -> None:
    query = "SELECT char(27) || '[2J' AS name, '=1+1' AS formula"
    assert "\x1b" not in polled.run("sql", query).out
    assert polled.run("sql", query, "--csv").out.endswith(",'=1+1\n")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM poll",
        "CREATE TABLE t (a)",
        "ATTACH 'other.db' AS other",
        "PRAGMA journal_mode = DELETE",
        "SELECT 1; DELETE FROM poll",
        "SELEC 1",
        "SELECT * FROM nonsense",
        "",
        "/* nothing */",
    ],
)
def test_sql_only_reads_and_says_so_in_one_line(polled: Place, query: str) -> None:
    before = (polled.folder / "collector.db").read_bytes()
    assert polled.run("sql", query).complaint.startswith("collector: SQL: ")
    assert (polled.folder / "collector.db").read_bytes() == before


NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n{where}) "


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_rows_are_printed_as_they_come_so_that_an_answer_may_be_of_any_length(polled: Place, form: list[str]) -> None:
    numbers = NUMBERS.format(where=" WHERE i < 25000")
    late = "SELECT CASE WHEN i < 21000 THEN i ELSE abs(-9223372036854775807 - 1) END AS i FROM n"
    done = polled.run("sql", numbers + late, *form)
    assert done.status == 1
    assert done.err == "collector: SQL: integer overflow\n"
    assert "19999" in done.out, "what was read before the fault is there already"


def test_a_long_table_has_its_header_above_each_ten_thousand_rows(polled: Place) -> None:
    lines = polled.run("sql", NUMBERS.format(where=" WHERE i < 20001") + "SELECT i FROM n").out.splitlines()
    assert [line.strip() for line in lines].count("i") == 3
    assert [int(line) for line in lines if line.strip() not in ("", "i")] == list(range(1, 20002))


def test_a_list_of_records_looks_the_same_however_long(polled: Place) -> None:
    for many in (0, 1, 3):
        query = (
            f'SELECT \'a"b\' AS "the word", i AS n FROM (SELECT 1 AS i UNION SELECT 2 UNION SELECT 3) WHERE i <= {many}'
        )
        text = polled.run("sql", query, "--json").out
        assert text == json.dumps(json.loads(text), indent=2) + "\n"
        assert len(json.loads(text)) == many


def test_a_huge_value_is_whole_for_machines_and_cut_with_a_mark_for_eyes(polled: Place) -> None:
    query = "SELECT replace(hex(zeroblob(100000)), '00', 'ab') AS m, x'00ff' AS bytes"
    cut, raw = polled.run("sql", query).out.splitlines()[1].split()
    assert (len(cut), cut[-2:], raw) == (1001, "b…", "00ff")
    assert polled.run("sql", query, "--csv").out == f"m,bytes\n{'ab' * 100_000},00ff\n"
    assert json.loads(polled.run("sql", query, "--json").out) == [{"m": "ab" * 100_000, "bytes": "00ff"}]


# --- history from files -----------------------------------------------------------------------------------------------

HISTORY = "model,observed_at,downloads_all_time\nold/model,2026-03-01,100\nold/model,2026-04-01,400\n"


def test_an_import_says_what_it_kept_and_the_same_file_is_once(copy: Place) -> None:
    (copy.folder / "history.csv").write_text(HISTORY)
    words: list[str | Path] = [
        "import",
        copy.folder / "history.csv",
        "--hub",
        "huggingface",
        "--source",
        "a paper",
        "--license",
        "CC0",
    ]
    assert copy.run(*words).out.startswith("2 readings of 1 models; 2 stored")
    again = copy.run(*words)
    assert (again.status, again.out) == (0, "")
    assert "imported before" in again.err
    [told] = json.loads(copy.run(*words, "--json").out)
    assert (told["file"], told["already"]) == (str(copy.folder / "history.csv"), True)
    assert json.loads(copy.run("report", "2026-03", "--json").out)["downloads"] == 300


def test_a_bad_line_is_named_by_number_and_reason_and_nothing_is_imported(copy: Place) -> None:
    (copy.folder / "history.csv").write_text(HISTORY + "old/model,2026-05-01,-5\n")
    done = copy.run("import", copy.folder / "history.csv", "--hub", "huggingface")
    assert done.status == 1
    assert "line 4" in done.complaint
    assert "nothing was imported" in done.complaint
    said = copy.run("sql", "SELECT count(*) AS n FROM model WHERE name = 'old/model'", "--json")
    assert json.loads(said.out) == [{"n": 0}]


def test_many_files_and_folders_are_imported_in_one_go(copy: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    history = copy.folder / "history"
    (history / "2026").mkdir(parents=True)
    for month, count in ((3, 100), (4, 400), (5, 900)):
        lines = f"model,observed_at,downloads_all_time\nold/model,2026-{month:02}-01,{count}\n"
        (history / "2026" / f"{month:02}.csv").write_text(lines)
    (history / "notes.txt").write_text("no history")
    extra = copy.folder / "extra.csv"
    extra.write_text("model,observed_at,downloads_all_time\nold/model,2026-06-01,1000\n")
    rolled = []

    def counted(*words: Any) -> list[str]:
        rolled.append(words)
        return refresh(*words)

    monkeypatch.setattr("collector.tasks.refresh", counted)
    done = copy.run("import", history, extra, "--hub", "huggingface", "--json")
    assert [(Path(told["file"]).name, told["stored"]) for told in json.loads(done.out)] == [
        *(("03.csv", 1), ("04.csv", 1), ("05.csv", 1), ("extra.csv", 1))
    ]
    assert len(rolled) == 1, "the months are worked out once"
    assert json.loads(copy.run("report", "2026-04", "--json").out)["downloads"] == 500


def test_of_many_files_those_before_a_faulty_one_stay_and_are_worked_out(copy: Place) -> None:
    good, bad = copy.folder / "good.csv", copy.folder / "bad.csv"
    good.write_text(HISTORY)
    bad.write_text(HISTORY.replace("100", "many"))
    said = copy.run("import", good, bad, "--hub", "huggingface").complaint
    assert "bad.csv, line 2" in said
    assert said.endswith("(nothing was imported); the 1 before it are kept")
    assert json.loads(copy.run("report", "2026-03", "--json").out)["downloads"] == 300


def test_a_folder_without_history_is_said(copy: Place) -> None:
    (copy.folder / "empty").mkdir()
    said = copy.run("import", copy.folder / "empty", "--hub", "huggingface").complaint
    assert "no file below it ends with .csv, .csv.gz, .parquet" in said


def on_a_terminal(*words: str | Path) -> str:
    """What a command shows on stderr where that is a terminal."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "collector", *map(str, words)], stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the terminal ends with the process
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    assert running.wait(timeout=60) == 0
    return shown.decode()


def test_an_import_shows_on_a_terminal_how_far_it_is_and_leaves_nothing_there(copy: Place) -> None:
    file = copy.folder / "history.csv"
    file.write_text(HISTORY)
    words: list[str | Path] = ["--config", copy.config, "import", file, "--hub", "huggingface"]
    shown = on_a_terminal(*words)
    assert re.search(r"█ \d+ % reading history\.csv", shown)
    assert "keeping history.csv" in shown
    assert "working out months" in shown
    assert shown.endswith("\r\x1b[2K")
    assert copy.run(*words[2:]).err == f"{file} was imported before; nothing changed\n", "elsewhere it is not shown"


def test_a_report_shows_on_a_terminal_what_it_is_at_and_leaves_nothing_there(copy: Place) -> None:
    words: list[str | Path] = ["--config", copy.config, "report", "--trailing"]
    shown = on_a_terminal(*words)
    assert re.search(r"\x1b\[2Kworking out the figures\r\x1b\[2Kwriting trailing-[-0-9]{10}\r\x1b\[2K\r\nwrote", shown)
    assert on_a_terminal(*words, "--json") == ""
    assert "working out" not in copy.run(*words[2:]).err, "elsewhere it is not shown"


def test_a_backup_shows_on_a_terminal_what_it_is_at_and_leaves_nothing_there(copy: Place) -> None:
    words: list[str | Path] = ["--config", copy.config, "db", "backup", copy.folder / "copy.db"]
    shown = on_a_terminal(*words)
    assert re.search(r"checking the copy\r\x1b\[2Kwrote .*copy\.db", shown)
    assert on_a_terminal(*words, "--json") == ""
    assert "checking" not in copy.run(*words[2:]).err, "elsewhere it is not shown"


def test_a_file_of_history_that_is_not_there_is_named(copy: Place) -> None:
    assert "nowhere.csv" in copy.run("import", "nowhere.csv", "--hub", "huggingface").complaint


# --- origins ----------------------------------------------------------------------------------------------------------


def test_who_an_account_is_in_any_spelling_of_case(polled: Place) -> None:
    [row] = [
        row for row in json.loads(polled.run("origins", "who", "qwen", "--json").out) if row["hub"] == "huggingface"
    ]
    assert (row["publisher"], row["country"]) == ("Qwen", "CN")
    assert "counts as ZZ" in polled.run("origins", "who", "nobody-at-all").complaint


def test_who_a_model_is_names_its_uploader_and_its_roots(polled: Place, tmp_path: Path) -> None:
    rows = json.loads(polled.run("origins", "who", "unsloth/Qwen3-8B-GGUF", "--json").out)
    [root] = [row for row in rows if row["role"] == "root"]
    assert (root["model"], root["lineage"], root["country"]) == ("Qwen/Qwen3-8B", "declared", "CN")
    assert {row["publisher"] for row in rows if row["role"] == "uploader"} == {"unsloth"}
    # Without a database the name alone speaks.
    place = Place(tmp_path)
    place.write("")
    rows = json.loads(place.run("origins", "who", "someone/Qwen3-8B-GGUF", "--json").out)
    assert [(row["role"], row["country"]) for row in rows] == [("uploader", "ZZ"), ("root", "CN")]
    assert [row["lineage"] for row in rows] == [None, "name"]


def test_the_registry_is_exported_as_csv_in_the_promised_columns(polled: Place) -> None:
    rows = list(csv.DictReader(io.StringIO(polled.run("origins", "export").out)))
    columns = "hub publisher organisation country kind valid_from valid_to basis confidence reviewed_on"
    assert list(rows[0]) == columns.split()
    assert len(rows) > 200


def test_the_registry_as_json_holds_the_same(polled: Place) -> None:
    rows = list(csv.DictReader(io.StringIO(polled.run("origins", "export").out)))
    assert json.loads(polled.run("origins", "export", "--json").out) == rows


def test_a_backup_and_an_upgrade_say_as_json_what_they_did(copy: Place) -> None:
    file = copy.folder / "copy.db"
    told = json.loads(copy.run("db", "backup", file, "--json").out)
    assert told == {"file": str(file), "bytes": file.stat().st_size, "verified": True}
    done = json.loads(copy.run("db", "upgrade", "--json").out)
    assert done["before"] == done["after"] is not None


def test_what_the_registry_misses_comes_by_downloads(polled: Place) -> None:
    said = json.loads(polled.run("origins", "unattributed", "--json", "--limit", "2").out)
    assert [row["publisher"] for row in said] == ["someone", "nobody"]
    assert said[0]["reviewed"] == "never"
    assert "\x1b" not in polled.run("origins", "unattributed").out


def test_the_users_own_rows_win_and_a_wrong_one_is_named(copy: Place) -> None:
    head = "hub,publisher,organisation,country,kind,valid_from,valid_to,basis,confidence,reviewed_on\n"
    own = copy.folder / "own.csv"
    copy.write('[origins]\nfile = "own.csv"\n')
    own.write_text(head + "huggingface,someone,Some One,NZ,individual,,,my own knowledge,certain,2026-10-01\n")
    assert "NZ" in copy.run("origins", "who", "someone").out
    assert json.loads(copy.run("origins", "check", "--json").out)["accounts"] > 200
    own.write_text(head + "huggingface,someone,Some One,NOWHERE,individual,,,my own knowledge,certain,2026-10-01\n")
    done = copy.run("origins", "check")
    assert done.status == 1
    assert "own.csv" in done.err
    assert "line 2" in done.err


# --- pipes and interruptions ------------------------------------------------------------------------------------------


def test_a_pipe_whose_reader_goes_away_is_no_failure(polled: Place) -> None:
    endless = NUMBERS.format(where="") + "SELECT i FROM n"
    running = process("--config", polled.config, "sql", endless, "--csv")
    assert running.stdout is not None
    assert running.stderr is not None
    assert running.stdout.readline() == "i\n"
    running.stdout.close()
    assert running.wait(timeout=120) == 0
    assert running.stderr.read() == ""
    running.stderr.close()


def test_a_poll_interrupted_in_a_wait_ends_at_once_and_can_go_on(copy: Place, hub: LoopbackHub) -> None:
    hub.faults.on_page(1, faults.retry_after(600), times=None)
    running = process("--config", copy.config, "poll", HF_TOKEN="")
    wait_for(lambda: bool(hub.requests) and hub.requests[-1].status == 429)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    hub.faults.clear()
    assert (running.returncode, out) == (1, "")
    assert "poll again" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert copy.run("poll").status == 0


def test_ctrl_c_ends_a_query_that_has_no_row_yet(polled: Place) -> None:
    rows_then_none = NUMBERS.format(where="") + "SELECT i FROM n WHERE i <= 10000 OR i = -1"
    running = process("--config", polled.config, "sql", rows_then_none, "--csv")
    assert running.stdout is not None
    assert running.stdout.readline() == "i\n", "the query is under way"
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "interrupted" in err
    assert len(err.splitlines()) == 1


def test_ctrl_c_elsewhere_ends_in_one_line(monkeypatch: pytest.MonkeyPatch, polled: Place) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("collector.status.status", interrupted)
    assert "interrupted" in polled.run("status").complaint


def wait_for(happened: Callable[[], bool], seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.02)

"""History from files: what a line may say, what is refused and how, and what becomes of it in a real database."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from collector.errors import CollectorError, ImportFileError, UsageError
from collector.importing import ImportResult, import_file, read_history
from collector.measure.windows import in_window
from collector.model import CREATED_AT_FLOOR, DAY, Observation, Page, PollPlan, from_seconds, month_window, to_seconds
from collector.report import csvtext
from collector.store import hub_polls
from collector.store import readings as facts
from collector.store.changes import Plateau
from collector.store.database import Database, upgrade
from collector.store.histories import states, stored_readings
from collector.store.imports import ImportReading
from collector.store.polls import PollStore
from collector.store.schema import hub, metadata, model
from collector.store.schema import import_file as import_files
from tests.store.facts import whole_series
from tests.store.series import plateaus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATEST = to_seconds(NOW) + DAY
HEADER = "model,observed_at,downloads_all_time,downloads_30d,likes"
SHORT = "model,observed_at,downloads_all_time"


def seconds(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]  # (year, month, day, …)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines, or bytes as they are, to a file of history."""

    def write(*lines: str, name: str = "history.csv", raw: bytes | None = None) -> Path:
        path = tmp_path / name
        path.write_bytes("\n".join(lines).encode() + b"\n" if raw is None else raw)
        return path

    return write


def refusal(path: Path) -> str:
    with pytest.raises(ImportFileError) as caught:
        read_history(path, LATEST)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# --- what a file says -----------------------------------------------------------------------------------------------


def test_a_line_says_a_model_an_instant_and_its_counters(write: Callable[..., Path]) -> None:
    history = read_history(write(HEADER, "Qwen/Qwen3-8B,2026-09-01,1000,200,3", "gpt2,2026-09-02,,7,"), LATEST)
    assert history.readings == (
        ImportReading(2, "Qwen/Qwen3-8B", seconds(2026, 9, 1), 1000, 200, 3),
        ImportReading(3, "gpt2", seconds(2026, 9, 2), None, 7, None),
    )


def test_columns_may_stand_in_any_order_and_only_one_counter_is_needed(write: Callable[..., Path]) -> None:
    (reading,) = read_history(write("likes,downloads_30d,model,observed_at", "1,2,a/b,2026-09-01"), LATEST).readings
    assert reading == ImportReading(2, "a/b", seconds(2026, 9, 1), None, 2, 1)


def test_zero_is_a_reading_and_a_row_without_a_counter_is_none(write: Callable[..., Path]) -> None:
    history = read_history(write(HEADER, "a/b,2026-09-01,0,,", "a/b,2026-09-02,,,5"), LATEST)
    assert [(reading.at, reading.all_time) for reading in history.readings] == [(seconds(2026, 9, 1), 0)]
    assert history.rows_without_counter == 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-09-01", seconds(2026, 9, 1)),
        ("2026-09-01T00:05:07Z", seconds(2026, 9, 1, 0, 5, 7)),
        ("2026-09-01 00:05Z", seconds(2026, 9, 1, 0, 5)),
        ("2026-09-01T00:05:07.999+02:00", seconds(2026, 8, 31, 22, 5, 7)),
        ("2026-09-01T00:05:07-0730", seconds(2026, 9, 1, 7, 35, 7)),
        ("2026-11-23T12:00:00Z", LATEST),
    ],
)
def test_instants_are_utc_in_whole_seconds_and_a_bare_date_is_midnight(
    write: Callable[..., Path], written: str, meant: int
) -> None:
    assert read_history(write(SHORT, f"a/b,{written},1"), LATEST).readings[0].at == meant


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbfmodel,observed_at,downloads_all_time\na/b,2026-09-01,5\n",
        b"model,observed_at,downloads_all_time\r\na/b,2026-09-01,5\r\n",
        b'"model","observed_at","downloads_all_time"\n"a/b","2026-09-01","5"',
        b"model, observed_at, downloads_all_time\na/b, 2026-09-01, 5 \n",
        gzip.compress(b"model,observed_at,downloads_all_time\na/b,2026-09-01,5\n", mtime=0),
        gzip.compress(b"model,observed_at,", mtime=0)
        + gzip.compress(b"downloads_all_time\na/b,2026-09-01,5\n", mtime=0),
    ],
    ids=["byte order mark", "CRLF", "quotes, no line end", "blanks", "gzip", "gzip in two members"],
)
def test_one_table_in_many_dresses_is_read_alike(write: Callable[..., Path], raw: bytes) -> None:
    readings = read_history(write(raw=raw, name="history.csv"), LATEST).readings
    assert readings == (ImportReading(2, "a/b", seconds(2026, 9, 1), 5, None, None),)


def test_lines_keep_their_numbers_past_empty_lines_and_quoted_line_ends(write: Callable[..., Path]) -> None:
    path = write('model,observed_at,"downloads_all_time\n"', "", "a/b,2026-09-01,1", "", "a/b,2026-09-02,x")
    assert refusal(path).startswith(f"{path}, line 6: downloads_all_time 'x' ")


@pytest.mark.parametrize("name", ["=1+1/b", "+a/b", "-a/b", "@SUM(A1)/b", "'a/b", "<b>x</b>/y", "模型/名", "a/b c"])
def test_a_name_is_read_as_our_own_csv_files_write_it(write: Callable[..., Path], name: str) -> None:
    assert read_history(write(SHORT, f"{csvtext.text(name)},2026-09-01,1"), LATEST).readings[0].name == name


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a/b,2026-09-01", "2 fields instead of 3; quote fields that hold a comma"),
        ("a/b,2026-09-01,1,234", "4 fields instead of 3"),
        (",2026-09-01,1", "no model; write publisher/model"),
        ("/b,2026-09-01,1", "model '/b' cannot be a name"),
        ("a/,2026-09-01,1", "model 'a/' cannot be a name"),
        ("a/\x1b[31m,2026-09-01,1", r"model 'a/\x1b[31m' cannot be a name"),
        ("https://hub.example/a/b,2026-09-01,1", "cannot be a name; write publisher/model"),
        (f"a/{'b' * 500},2026-09-01,1", f"model 'a/{'b' * 38}' cannot be a name"),
        ("a/b,,1", "observed_at '' is no date; write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ"),
        ("a/b,1.9.2026,1", "observed_at '1.9.2026' is no date"),
        ("a/b,20260901,1", "observed_at '20260901' is no date"),
        ("a/b,1788220800,1", "observed_at '1788220800' is no date"),
        ("a/b,2026-02-30,1", "observed_at '2026-02-30' is no date of the calendar; correct it"),
        ("a/b,2026-09-01T25:00Z,1", "observed_at '2026-09-01T25:00Z' is no date of the calendar"),
        ("a/b,2026-09-01T00:05:00,1", "observed_at '2026-09-01T00:05:00' has no time zone; write Z behind it"),
        ("a/b,2026-11-23T12:00:01Z,1", "lies in the future"),
        ("a/b,1970-01-01,1", "lies before there were hubs"),
        ("a/b,2026-09-01,-1", "downloads_all_time '-1' is no whole number from 0; a counter is never negative"),
        ("a/b,2026-09-01,1.0", "downloads_all_time '1.0' is no whole number from 0; write digits only"),
        ("a/b,2026-09-01,1e3", "downloads_all_time '1e3' is no whole number"),
        ("a/b,2026-09-01,NaN", "write digits only, or nothing if not known"),
        ("a/b,2026-09-01,٣", "downloads_all_time '٣' is no whole number"),
        ("a/b,2026-09-01,1000000000001", "downloads_all_time '1000000000001' is absurdly large"),
        (f"a/b,2026-09-01,{'9' * 5000}", f"downloads_all_time '{'9' * 40}' is absurdly large"),
        ('a/b,2026-09-01,"1', "is not CSV; mend its quotes"),
        ("a/b,2026-09-01,1\ra/b,2026-09-02,1", "is not CSV; mend its quotes, and end lines with LF or CRLF"),
        ("a" * 200_000, "has more than 100000 bytes"),
    ],
)
def test_a_bad_line_is_named_with_its_reason_and_cure(write: Callable[..., Path], row: str, reason: str) -> None:
    path = write(SHORT, "good/model,2026-08-01,1", row)
    message = refusal(path)
    assert message.startswith(f"{path}, line 3: ")
    assert reason in message
    assert message.endswith("(nothing was imported)")
    assert len(message) < 400


def test_likes_beyond_what_a_database_holds_are_refused(write: Callable[..., Path]) -> None:
    assert "line 2: likes '2147483648' is absurdly large" in refusal(write(HEADER, "a/b,2026-09-01,1,1,2147483648"))


def test_bytes_that_are_not_utf8_are_refused_by_their_line(write: Callable[..., Path]) -> None:
    path = write(raw=SHORT.encode() + b"\na/b,2026-09-01,1\n\xe9/b,2026-09-01,1\n")
    assert refusal(path) == f"{path}, line 3: is not UTF-8; save the file as UTF-8 (nothing was imported)"


def test_every_fault_is_told_at_once_but_only_five_in_words(write: Callable[..., Path]) -> None:
    path = write(SHORT, *(f"a/b,2026-09-{number:02},x{number}" for number in range(1, 8)), "a/b,2026-09-08,8")
    message = refusal(path)
    assert [f"line {number}" in message for number in range(2, 10)] == [True] * 5 + [False] * 3
    assert "| and 2 more (nothing was imported)" in message


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("model,observed_at,downloads", "does not say what it counts; name it downloads_all_time (the cumulative"),
        ("model,observed_at,Downloads,likes", "column 'Downloads' does not say what it counts"),
        (
            "model,observed_at,downloadsAllTime",
            "unknown column 'downloadsAllTime' (did you mean \"downloads_all_time\"?",
        ),
        (f"{SHORT},colour", "unknown column 'colour' (known: model, observed_at, downloads_all_time"),
        (f"{SHORT},likes,likes", 'column "likes" stands there twice'),
        ("model,downloads_30d", 'no column "observed_at"'),
        ("observed_at,downloads_30d", 'no column "model"'),
        ("model,observed_at,likes", "no counter; name a column downloads_all_time or downloads_30d"),
        ("model;observed_at;downloads_all_time", "no header with commas between the names"),
        ("a/b,2026-09-01,5", "no header with commas between the names"),
    ],
)
def test_a_unit_comes_by_its_columns_name_and_no_column_is_guessed(
    write: Callable[..., Path], header: str, reason: str
) -> None:
    path = write(header, "a/b,2026-09-01,1")
    message = refusal(path)
    assert message.startswith(f"{path}, line 1: ")
    assert reason in message


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is empty; write a header such as model,observed_at,downloads_all_time"),
        (b"\n\n", "is empty"),
        (SHORT.encode(), "holds no reading: no row below its header"),
        (SHORT.encode() + b"\na/b,2026-09-01,\n", "holds no reading: no counter in any of its 1 rows"),
        (b"PAR1\x15\x04", "is a damaged Parquet file; get it again"),
        (gzip.compress(SHORT.encode() + b"\na/b,2026-09-01,1\n", mtime=0)[:-9], "is a damaged gzip file; get it again"),
        (b"\x1f\x8b\x00\x00", "is a damaged gzip file"),
        (gzip.compress(b"x", mtime=0)[:10] + b"\xff" * 20, "is a damaged gzip file"),
        (f"{SHORT}\na/b,2026-09-01,1\n".encode("utf-16"), "line 1: is not UTF-8"),
    ],
)
def test_a_file_that_holds_no_history_is_refused(write: Callable[..., Path], raw: bytes, reason: str) -> None:
    assert reason in refusal(write(raw=raw))


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "missing\n.csv"
    assert refusal(missing).startswith(f"{tmp_path}/missing\N{REPLACEMENT CHARACTER}.csv: cannot be read (No such file")
    assert refusal(tmp_path) == f"{tmp_path}: cannot be read (Is a directory); check the path and its permissions"


def test_a_stream_is_refused_because_it_cannot_be_read_twice() -> None:
    reader, writer = os.pipe()
    try:
        assert "is a stream; save it to a file first" in refusal(Path(f"/dev/fd/{reader}"))
    finally:
        os.close(reader)
        os.close(writer)


_CELLS = st.sampled_from(
    ["a/b", "2026-09-01", "5", "", ",", "\n", "\r", '"', "'=", "\x00", "\ud7ff", "9" * 30, "model"]
)


@given(st.binary(max_size=60) | st.lists(_CELLS, max_size=12).map(lambda cells: f"{SHORT}\n{''.join(cells)}".encode()))
@example(gzip.compress(b"", mtime=0))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_history_or_one_printable_line(write: Callable[..., Path], raw: bytes) -> None:
    path = write(raw=raw)
    try:
        said = repr(read_history(path, LATEST).readings[0])
    except CollectorError as error:
        said = str(error)
    assert said.isprintable()


# --- what becomes of it ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows, made once: copying is quicker than migrating."""
    path = tmp_path_factory.mktemp("ready") / "ready.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def open_new(ready_file: Path, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Opens another empty database at each call."""
    opened: list[Database] = []
    numbers = count()

    def open_new() -> Database:
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copy(ready_file, path)
        opened.append(Database.open(f"sqlite:///{path}", write=True))
        return opened[-1]

    yield open_new
    for db in opened:
        db.close()


@pytest.fixture
def db(open_new: Callable[[], Database]) -> Database:
    return open_new()


def put(db: Database, path: Path, of_hub: str = "huggingface") -> ImportResult:
    return import_file(path, of_hub, db, lambda: NOW, "a page", "CC BY 4.0")


def dump(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    with db.connect() as conn:
        return {
            table.name: [tuple(row) for row in conn.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }


def hub_id(db: Database, name: str = "huggingface") -> int:
    with db.connect() as conn:
        return int(conn.execute(select(hub.c.id).where(hub.c.name == name)).scalar_one())


def model_ids(db: Database) -> dict[str, int]:
    with db.connect() as conn:
        rows = conn.execute(select(model.c.id, model.c.name)).all()
    assert len({row.name for row in rows}) == len(rows)
    return {row.name: row.id for row in rows}


def stored_plateaus(db: Database) -> dict[str, list[Plateau]]:
    """Each model's series as it is stored: values with their first and last sightings."""
    ids = model_ids(db)
    with db.connect() as conn:
        rows = stored_readings(conn, hub_id(db), list(ids.values()))
        known = states(conn, list(ids.values()))
    return {name: plateaus(rows[number], known[number]) for name, number in ids.items()}


class Figures(NamedTuple):
    """What a month's report would rest on, of one model."""

    downloads: float
    estimated: float
    corrections: int
    covered: float


def figures(db: Database, month: str) -> dict[str, Figures]:
    of, window = hub_id(db), month_window(month)
    polls = hub_polls.read(db, of)
    as_of = hub_polls.as_of(db, of, polls)
    assert as_of is not None
    read = whole_series(db, of)
    grown = in_window(read, facts.models(db, of, window), polls.completed(), window, as_of)
    columns = (grown.downloads, grown.estimated, grown.corrections, grown.covered)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    by_id = dict(zip(grown.model_id.tolist(), (Figures(*row) for row in rows), strict=True))
    return {name: by_id[number] for name, number in model_ids(db).items()}


def test_an_import_keeps_readings_and_where_they_come_from(db: Database, write: Callable[..., Path]) -> None:
    path = write(HEADER, "a/b,2026-09-01,5,,", "a/b,2026-09-02,5,,", "c/d,2026-09-02,,9,1", "c/d,2026-09-03,,,1")
    assert put(db, path) == ImportResult(readings=3, stored=2, models=2, already=False, rows_without_counter=1)
    with db.connect() as conn:
        kept = conn.execute(select(import_files)).one()
    assert (kept.file_name, kept.source, kept.license) == ("history.csv", "a page", "CC BY 4.0")
    assert (kept.imported_at, kept.readings, kept.stored) == (to_seconds(NOW), 3, 2)
    assert stored_plateaus(db) == {
        "a/b": [Plateau(seconds(2026, 9, 1), seconds(2026, 9, 2), 5)],
        "c/d": [Plateau(seconds(2026, 9, 2), seconds(2026, 9, 2), 9)],
    }


def test_words_and_file_names_that_no_database_holds_are_mended(db: Database, write: Callable[..., Path]) -> None:
    path = write(SHORT, "a/b,2026-09-01,5", name="a\udce9\n.csv")
    import_file(path, "huggingface", db, lambda: NOW, "a\udce9page", "CC\x1b0")
    with db.connect() as conn:
        kept = conn.execute(select(import_files)).one()
    assert (kept.file_name, kept.source, kept.license) == ("a��.csv", "a�page", "CC�0")


def test_the_same_file_twice_is_once_whatever_it_is_called(db: Database, write: Callable[..., Path]) -> None:
    lines = (SHORT, "a/b,2026-09-01,5", "a/b,2026-09-02,6")
    first = put(db, write(*lines))
    before = dump(db)
    again = put(db, write(*lines, name="copy.csv"))
    assert (first.already, again.already) == (False, True)
    assert (again.readings, again.stored, again.models) == (2, 0, 0)
    assert dump(db) == before


def test_readings_that_are_there_already_add_nothing(db: Database, write: Callable[..., Path]) -> None:
    put(db, write(SHORT, "a/b,2026-09-01,5", "a/b,2026-09-03,6"))
    before = stored_plateaus(db)
    assert put(db, write(SHORT, "a/b,2026-09-03,6", "a/b,2026-09-01,5", name="other.csv")).stored == 0
    assert stored_plateaus(db) == before


def test_hubs_are_apart_and_need_not_be_pollable(db: Database, write: Callable[..., Path]) -> None:
    path = write(SHORT, "a/b,2026-09-01,5")
    assert [put(db, path, name).already for name in ("huggingface", "modelscope", "modelscope")] == [False, False, True]
    assert hub_id(db, "huggingface") != hub_id(db, "modelscope")


@pytest.mark.parametrize("name", ["", "Hugging Face", "9", "a" * 41, "hub\n"])
def test_what_cannot_be_a_hub_is_wrong_usage(db: Database, write: Callable[..., Path], name: str) -> None:
    with pytest.raises(UsageError, match="not a hub's name; write it in lower case"):
        put(db, write(SHORT, "a/b,2026-09-01,5"), name)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["a/b,2026-09-20,9", "a/b,2026-09-21,x"], ["line 3", "'x' is no whole number"]),
        (["a/b,2026-09-20,9", "a/b,2026-09-20T02:00+02:00,8"], ["line 3", "8 of 'a/b'", "is 9 in line 2"]),
        (["a/b,2026-09-20,9", "a/b,2026-09-02,7"], ["line 3", "7 of 'a/b' at 2026-09-02T00:00:00Z", "the stored 5"]),
        (["a/b,2026-09-20,9", "a/b,2026-09-03,6"], ["line 3", "6 of 'a/b'", "the stored 5"]),
    ],
    ids=["a bad line", "two lines disagree", "within what is stored", "at its last sighting"],
)
def test_a_file_that_is_half_right_changes_nothing(
    db: Database, write: Callable[..., Path], rows: Sequence[str], words: Sequence[str]
) -> None:
    put(db, write(SHORT, "a/b,2026-09-01,5", "a/b,2026-09-03,5"))
    before = dump(db)
    with pytest.raises(ImportFileError) as caught:
        put(db, write(SHORT, *rows, name="half.csv"))
    assert [word for word in ("half.csv", *words, "nothing was imported") if word not in str(caught.value)] == []
    assert len(str(caught.value).splitlines()) == 1
    assert dump(db) == before


@st.composite
def series(draw: st.DrawFn) -> list[str]:
    """Rows of a few models: every value is read once or several times running, and may be lower than the one before."""
    rows = []
    for name in draw(st.lists(st.sampled_from(["a/b", "a/c", "d/e"]), min_size=1, max_size=3, unique=True)):
        day = draw(st.integers(0, 30))
        for value in draw(st.lists(st.integers(0, 3000), min_size=1, max_size=6, unique=True)):
            for _ in range(draw(st.integers(1, 3))):
                rows.append(f"{name},{from_seconds(seconds(2026, 7, 1) + day * DAY):%Y-%m-%dT%H:%M:%SZ},{value},,")
                day += draw(st.integers(1, 6))
    return rows


@given(series(), st.randoms(use_true_random=False), st.integers(2, 4))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_split_into_files_in_any_order_of_dates_is_the_same_history(
    open_new: Callable[[], Database], write: Callable[..., Path], rows: list[str], chance: random.Random, files: int
) -> None:
    with closing(open_new()) as whole, closing(open_new()) as split:
        put(whole, write(HEADER, *rows))
        shuffled = chance.sample(rows, len(rows))
        for number in range(files):
            part = shuffled[number::files]
            if part:
                put(split, write(HEADER, *part, name=f"{number}.csv"))
        assert stored_plateaus(split) == stored_plateaus(whole)
        for month in ("2026-07", "2026-08", "2026-09"):
            assert figures(split, month) == figures(whole, month)


def test_a_month_of_published_readings_is_what_one_works_out_by_hand(db: Database, write: Callable[..., Path]) -> None:
    put(
        db,
        write(
            SHORT,
            # September begins half way from 27 Aug to 6 Sep, at 1,050,000. It ends 11 of 15 days after 20 Sep, at
            # 1,450,000 + 11/15 × 450,000 = 1,780,000. Between them lie 730,000.
            "Qwen/Qwen3-8B,2026-09-20,1450000",
            "Qwen/Qwen3-8B,2026-08-27,1000000",
            "Qwen/Qwen3-8B,2026-10-05,1900000",
            "Qwen/Qwen3-8B,2026-09-06,1100000",
            # Of the 60 hours from 31 Aug 12:00 to 3 Sep 00:00, 48 are September's: 48/60 × 500 = 400; and then 100
            # until the month's end.
            "openai/gpt-oss-20b,2026-08-31T12:00:00Z,1000",
            "openai/gpt-oss-20b,2026-09-03,1500",
            "openai/gpt-oss-20b,2026-10-01T00:00:00+00:00,1600",
            # 40 downloads were taken back: they stand apart. 10 and 20 are September's growth before and after; of the
            # rise of 31 over all of October nothing is.
            "mistralai/Magistral,2026-09-01,500",
            "mistralai/Magistral,2026-09-02,510",
            "mistralai/Magistral,2026-09-03,470",
            "mistralai/Magistral,2026-10-01,490",
            "mistralai/Magistral,2026-11-01,521",
        ),
    )
    assert figures(db, "2026-09") == {
        "Qwen/Qwen3-8B": Figures(730_000, 0, 0, 1),
        "openai/gpt-oss-20b": Figures(500, 0, 0, 1),
        "mistralai/Magistral": Figures(30, 0, -40, 1),
    }


# --- adopted by the first poll --------------------------------------------------------------------------------------


def poll(db: Database, at: datetime, name: str, all_time: int, created_at: int | None) -> None:
    """A complete poll that lists one model."""
    store, plan = PollStore(db), PollPlan("all")
    running = store.start_poll(store.hub_id("huggingface", "https://hub.example"), plan, at)
    observation = Observation("key", name, all_time, None, None, created_at, None, None)
    store.finish_poll(store.write_page(running, Page(at, (observation,), None)), at)


POLLED_AT = datetime(2026, 10, 1, tzinfo=UTC)


def test_the_first_poll_that_sees_the_name_adopts_its_history(db: Database, write: Callable[..., Path]) -> None:
    put(db, write(SHORT, "a/b,2026-09-01,100", "a/b,2026-09-11,400"))
    poll(db, POLLED_AT, "a/b", 1000, seconds(2026, 8, 1))
    assert figures(db, "2026-09") == {"a/b": Figures(900, 0, 0, 1)}
    assert len(stored_plateaus(db)["a/b"]) == 3


def test_history_imported_after_the_poll_goes_to_the_model_that_bears_the_name(
    db: Database, write: Callable[..., Path]
) -> None:
    poll(db, POLLED_AT, "a/b", 1000, seconds(2026, 8, 1))
    put(db, write(SHORT, "a/b,2026-09-11,400", "a/b,2026-09-01,100"))
    assert figures(db, "2026-09") == {"a/b": Figures(900, 0, 0, 1)}


@pytest.mark.parametrize(
    ("created_at", "adopted"),
    [
        (seconds(2026, 9, 1), True),
        (seconds(2026, 9, 1) + 1, False),
        (None, True),
        (CREATED_AT_FLOOR, True),
        (CREATED_AT_FLOOR + 1, True),
    ],
)
@pytest.mark.parametrize("polled_first", [False, True])
def test_history_older_than_the_model_is_not_its_own(
    db: Database, write: Callable[..., Path], created_at: int | None, adopted: bool, polled_first: bool
) -> None:
    path = write(SHORT, "a/b,2026-09-01,100")
    if not polled_first:
        put(db, path)
    poll(db, POLLED_AT, "a/b", 1000, created_at)
    if polled_first:
        put(db, path)
    with db.connect() as conn:
        number = conn.execute(select(model.c.id).where(model.c.hub_key == "key")).scalar_one()
        counters = [
            row.all_time for row in sorted(stored_readings(conn, hub_id(db), [number])[number], key=lambda r: r.at)
        ]
    assert counters == ([100, 1000] if adopted else [1000])


def test_what_bears_the_hubs_oldest_creation_time_may_be_older(db: Database, write: Callable[..., Path]) -> None:
    put(db, write(SHORT, "a/b,2021-06-01,100"))
    poll(db, POLLED_AT, "a/b", 1000, CREATED_AT_FLOOR)
    assert [plateau.value for plateau in stored_plateaus(db)["a/b"]] == [100, 1000]

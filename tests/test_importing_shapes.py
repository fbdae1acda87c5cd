"""The shapes of public dumps, Parquet, declared zeros, and the quick way held against the exact one."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import ImportFileError
from collector.importing import read_history
from collector.importing.blocks import read_blocks
from collector.importing.lines import read_lines
from collector.importing.shapes import day_in
from collector.model import DAY, Base

LATEST = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp())
Said = tuple[str, str, int | None, int | None, int | None]


def said(path: Path, since: date | None = None) -> list[Said]:
    return [
        (name, datetime.fromtimestamp(at, UTC).date().isoformat(), all_time, rolling, likes)
        for _, name, at, all_time, rolling, likes in read_history(path, LATEST, since).readings
    ]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "history.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


# --- dumps ------------------------------------------------------------------------------------------------------------

HUB_STATS = """\
_id,id,author,createdAt,downloads,downloadsAllTime,likes,tags
6,Qwen/Qwen3-8B,Qwen,2025-04-27T03:42:21Z,500,9000,12,"['text-generation', 'license:apache-2.0']"
7,gpt2,,2022-03-02T23:29:04Z,70,,3,[]
"""


@pytest.mark.parametrize("name", ["hub-stats-2026-09-01.csv", "models_20260901.csv", "dump 2026_09_01 (2).csv"])
def test_a_hub_stats_dump_has_its_day_in_the_files_name(write: Callable[..., Path], name: str) -> None:
    assert said(write(HUB_STATS, name)) == [
        ("Qwen/Qwen3-8B", "2026-09-01", 9000, 500, 12),
        ("gpt2", "2026-09-01", None, 70, 3),
    ]
    assert read_history(write(HUB_STATS, name), LATEST).ignored == ("_id", "author")


def test_a_dump_may_have_its_day_in_a_column(write: Callable[..., Path]) -> None:
    path = write("id,date,downloads,downloadsAllTime\na/b,2026-09-02,5,50\n")
    assert said(path) == [("a/b", "2026-09-02", 50, 5, None)]


@pytest.mark.parametrize(
    "text",
    [
        "author,day,dl30,dl_all,likes\nQwen/Qwen3-8B,2026-09-01,5,50,1\n",
        "author,model,day,dl30,dl_all,likes\nQwen,Qwen3-8B,2026-09-01,5,50,1\n",
        "model,author,day,dl30,dl_all,likes\nQwen/Qwen3-8B,Qwen,2026-09-01,5,50,1\n",
        "id,author,day,dl30,dl_all,likes\nQwen/Qwen3-8B,Qwen,2026-09-01,5,50,1\n",
        '"id","author","day","dl30","dl_all","likes"\n"Qwen/Qwen3-8B","Qwen","2026-09-01","5","50","1"\n',
    ],
)
def test_the_long_form_of_model_pulse_is_read_however_the_name_is_split(write: Callable[..., Path], text: str) -> None:
    assert said(write(text)) == [("Qwen/Qwen3-8B", "2026-09-01", 50, 5, 1)]


def test_a_legacy_name_in_a_column_of_whole_names_gets_no_author(write: Callable[..., Path]) -> None:
    path = write("id,author,day,dl_all\ngpt2,openai-community,2026-09-01,5\n")
    assert said(path)[0][0] == "gpt2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "id,downloads\na/b,1\n",
            "says nowhere when it was read; add a column date, or put the day into the file's name",
        ),
        ("id,date,day,downloads\na/b,2026-09-01,2026-09-01,1\n", "columns 'date' and 'day' both look like observed_at"),
        ("day,dl30\n2026-09-01,1\n", "no column names the model; call it id or model"),
        ("id,date,likes\na/b,2026-09-01,1\n", "unknown column 'id'"),
        ("id,date,downloads\na/b,2026-09-01,1\na/c,2026-09-01,x\n", "line 3: downloads_30d 'x' is no whole number"),
    ],
)
def test_a_dump_that_does_not_say_enough_is_one_line(write: Callable[..., Path], text: str, words: str) -> None:
    with pytest.raises(ImportFileError) as caught:
        read_history(write(text, "dump.csv"), LATEST)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["2026-09-01_2026-09-30.csv", "20260231.csv", "v1234567890.csv", "18000101.csv"])
def test_a_name_of_no_day_or_of_several_names_none(name: str) -> None:
    assert day_in(name) == ""


# --- zeros of a counter that did not exist ----------------------------------------------------------------------------

ZEROS = "id,day,dl30,dl_all\na/b,2024-12-01,5,0\na/b,2025-02-27,6,0\na/b,2025-03-01,7,70\n"


def test_a_declared_zero_is_no_reading_and_a_later_zero_is_one(write: Callable[..., Path]) -> None:
    history = read_history(write(ZEROS), LATEST, date(2025, 2, 27))
    assert [reading.all_time for reading in history.readings] == [None, 0, 70]
    assert history.zeros_not_read == 1


def test_an_undeclared_zero_beside_downloads_is_counted_as_doubtful(write: Callable[..., Path]) -> None:
    assert read_history(write(ZEROS), LATEST).doubtful_zeros == 2


def test_a_count_before_the_declared_day_contradicts_it(write: Callable[..., Path]) -> None:
    with pytest.raises(ImportFileError, match="line 4: downloads_all_time 70 was read before 2025-06-01"):
        read_history(write(ZEROS), LATEST, date(2025, 6, 1))


def test_no_day_of_the_calendar_is_too_late_to_be_declared(write: Callable[..., Path]) -> None:
    with pytest.raises(ImportFileError, match="was read before 9999-12-31: name an earlier day"):
        read_history(write(ZEROS), LATEST, date.max)


def test_a_row_of_a_declared_zero_alone_says_nothing(write: Callable[..., Path]) -> None:
    history = read_history(write("id,day,dl_all\na/b,2024-12-01,0\na/b,2025-03-01,9\n"), LATEST, date(2025, 2, 27))
    assert (len(history.readings), history.rows_without_counter) == (1, 1)


def test_a_file_that_the_quick_way_gives_up_is_being_read_until_the_exact_way_is_done(
    write: Callable[..., Path],
) -> None:
    told: list[float] = []
    path = write('id,day,dl_all,note\na/b,2026-09-01,5,"one, two"\n')
    read_history(path, LATEST, told=told.append)
    assert told
    assert max(told) < 1


# --- what dumps say of bases ----------------------------------------------------------------------------------------

DECLARED = '{"relation": "quantized", "models": [{"_id": "6", "id": "Qwen/Qwen3-8B"}]}'
TAGS = "['base_model:finetune:google/gemma-3-4b-it', 'region:us']"


@pytest.mark.parametrize(
    ("declared", "tags", "bases"),
    [
        (DECLARED, TAGS, (Base("Qwen/Qwen3-8B", "quantized", "6"),)),
        (f" {DECLARED}", "", (Base("Qwen/Qwen3-8B", "quantized", "6"),)),
        ("", TAGS, (Base("google/gemma-3-4b-it", "finetune"),)),
        ("{not JSON", TAGS, (Base("google/gemma-3-4b-it", "finetune"),)),
        ("{'relation': None, 'models': []}", "[]", ()),
        ("[]", "nan", ()),
        ('{"models": ' * 5_000, TAGS, (Base("google/gemma-3-4b-it", "finetune"),)),
        ("[" * 20_000, "", ()),
    ],
)
def test_bases_are_those_declared_else_those_of_the_tags_whatever_stands_there(
    write: Callable[..., Path], declared: str, tags: str, bases: tuple[Base, ...]
) -> None:
    fields = ",".join('"' + said.replace('"', '""') + '"' for said in (declared, tags))
    path = write(f"id,downloadsAllTime,baseModels,tags\na/b,5,{fields}\n", "hub-stats-2026-09-01.csv")
    assert read_history(path, LATEST).columns.descriptions.of["a/b"].bases == bases


# --- Parquet ----------------------------------------------------------------------------------------------------------


def parquet(path: Path, columns: dict[str, Any]) -> Path:
    arrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    tables = pytest.importorskip("pyarrow.parquet")
    tables.write_table(arrow.table(columns), path)
    return path


def test_a_parquet_file_says_what_the_csv_file_says(tmp_path: Path) -> None:
    columns = {
        "id": ["a/b", "c/d"],
        "downloads": [5, None],
        "downloadsAllTime": [50.0, 0.0],
        "likes": [1, None],
        "tags": [["x"], []],
    }
    assert said(parquet(tmp_path / "2026-09-01.parquet", columns)) == [
        ("a/b", "2026-09-01", 50, 5, 1),
        ("c/d", "2026-09-01", 0, None, None),
    ]


@pytest.mark.parametrize(
    "at",
    [date(2026, 9, 1), datetime.fromisoformat("2026-09-01T03:00"), datetime(2026, 9, 1, 3, tzinfo=UTC), "2026-09-01"],
)
def test_days_and_timestamps_of_parquet_are_utc(tmp_path: Path, at: Any) -> None:
    path = parquet(tmp_path / "h.parquet", {"model": ["a/b"], "observed_at": [at], "downloads_all_time": [5]})
    assert said(path) == [("a/b", "2026-09-01", 5, None, None)]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"model": ["a/b"], "observed_at": ["2026-09-01"], "downloads_all_time": [-5]},
            "line 1: downloads_all_time '-5'",
        ),
        ({"model": ["a/b"], "observed_at": ["2026-09-01"], "downloads_all_time": [0.5]}, "'0.5' is no whole number"),
        ({"model": ["a/b"], "observed_at": [date(2031, 1, 1)], "downloads_all_time": [5]}, "lies in the future"),
        ({"model": [["a/b"]], "observed_at": ["2026-09-01"], "downloads_all_time": [5]}, "no model; write"),
        ({"model": ["a/b"], "observed_at": [None], "downloads_all_time": [5]}, "observed_at '' is no date"),
        ({"model": ["a/b"], "downloads_all_time": [5]}, 'no column "observed_at"'),
        ({"model": ["a/b"], "observed_at": ["2026-09-01"], "downloads_30d": [None]}, "holds no reading"),
    ],
)
def test_a_bad_parquet_file_is_one_line_and_nothing_is_kept(
    tmp_path: Path, columns: dict[str, Any], words: str
) -> None:
    with pytest.raises(ImportFileError) as caught:
        read_history(parquet(tmp_path / "h.parquet", columns), LATEST)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def hostile(kind: str) -> Any:
    """A column of one value that a Parquet file can hold and Python cannot."""
    arrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    if kind == "year 10000":
        return arrow.array([253_402_300_800_000], arrow.int64()).cast(arrow.timestamp("ms"))
    if kind == "day 2147483647":
        return arrow.array([2**31 - 1], arrow.int32()).cast(arrow.date32())
    if kind == "no such zone":
        return arrow.array([1_750_000_000], arrow.int64()).cast(arrow.timestamp("s", tz="No/Such_Zone"))
    if kind == "half a letter":
        return arrow.Array.from_buffers(
            arrow.string(), 1, [None, *map(arrow.py_buffer, (b"\0\0\0\0\3\0\0\0", b"a/\xff"))]
        )
    return arrow.array([b"a/\xff"], arrow.binary())


@pytest.mark.parametrize("kind", ["year 10000", "day 2147483647", "no such zone", "half a letter", "bytes"])
@pytest.mark.parametrize("column", ["date", "tags"])
def test_a_column_of_parquet_that_cannot_be_read_is_named(tmp_path: Path, kind: str, column: str) -> None:
    columns = {"id": ["a/b"], "downloadsAllTime": [5], "date": ["2026-09-01"], column: hostile(kind)}
    with pytest.raises(ImportFileError, match=f"column '{column}' holds a text that is not UTF-8, or a time of no"):
        read_history(parquet(tmp_path / "dump.parquet", columns), LATEST)


def test_a_count_of_parquet_that_no_64_bits_hold_is_named_by_its_line(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    columns = {"id": ["a/b", "c/d"], "date": ["2026-09-01"] * 2}
    counts = arrow.array([5, 2**64 - 1], arrow.uint64())
    with pytest.raises(ImportFileError, match="line 2: downloads_all_time '18446744073709551615' is absurdly large"):
        read_history(parquet(tmp_path / "dump.parquet", columns | {"downloadsAllTime": counts}), LATEST)


@pytest.mark.parametrize("kind", ["binary", "large_binary", "binary3", "dictionary"])
def test_names_written_as_bytes_are_texts(tmp_path: Path, kind: str) -> None:
    arrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    kinds = {"binary": arrow.binary(), "large_binary": arrow.large_binary(), "binary3": arrow.binary(3)}
    names = arrow.array([b"a/b"], kinds.get(kind, arrow.binary()))
    names = names.dictionary_encode() if kind == "dictionary" else names
    columns = {"id": names, "date": ["2026-09-01"], "downloadsAllTime": [5]}
    assert said(parquet(tmp_path / "dump.parquet", columns)) == [("a/b", "2026-09-01", 5, None, None)]


# --- the quick way ----------------------------------------------------------------------------------------------------

cells = st.sampled_from(
    [
        *("a/b", "c/d", " a/b ", "2026-09-01", "2026-09-02T03:04:05Z", "5", "007", "", "-1", "x", "1_0", '"'),
        *('"a/b"', '"2026-09-01"', '"5"', '""', '" 5"', '"a,b"', '"a""b"', '"a\nb"', 'a"b"', ' "5"', '"5" '),
    ]
)
rows = st.lists(st.lists(cells, min_size=2, max_size=4).map(",".join), max_size=8)
plain = st.lists(
    st.tuples(
        st.sampled_from(["a/b", "c/d", "'=x/y"]),
        st.sampled_from(["2026-09-01", "2026-09-02T03:04:05Z"]),
        st.sampled_from(["", "0", "5", "007"]),
        st.sampled_from(["", "9"]),
    ).map(",".join),
    min_size=1,
    max_size=8,
)


HEAD = "model,observed_at,downloads_all_time,downloads_30d"
QUOTED = '"model","observed_at","downloads_all_time","downloads_30d"'


@given(
    rows | plain,
    st.sampled_from([HEAD, QUOTED]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 60),
    st.booleans(),
)
def test_the_quick_way_reads_what_the_exact_way_reads_or_leaves_it(
    lines: list[str], head: str, end: str, block: int, last: bool
) -> None:
    text = end.join([head, *lines]) + (end if last else "")
    quick = read_blocks(io.BytesIO(text.encode()), "h.csv", LATEST, block)
    if quick is not None:
        exact = read_lines(io.BytesIO(text.encode()), "h.csv", "h.csv", LATEST)
        assert quick.readings.rows() == exact.readings.rows()
        assert (quick.silent, quick.ignored) == (exact.silent, exact.ignored)


@given(plain, st.sampled_from([HEAD, QUOTED]), st.booleans())
def test_a_plain_file_is_read_the_quick_way_with_every_field_quoted_or_none(
    lines: list[str], head: str, quotes: bool
) -> None:
    told = [",".join(f'"{field}"' for field in line.split(",")) for line in lines] if quotes else lines
    text = "\n".join([head, *told]) + "\n"
    quick = read_blocks(io.BytesIO(text.encode()), "h.csv", LATEST)
    assert quick is not None
    assert quick.readings.rows() == read_lines(io.BytesIO(text.encode()), "h.csv", "h.csv", LATEST).readings.rows()


@pytest.mark.parametrize(
    "line", ['"a,b",2026-09-01,1,2', '"a""b",2026-09-01,1,2', 'a"b",2026-09-01,1,2', '"a,2026"-09-01,1,2']
)
def test_a_quote_that_is_more_than_a_frame_is_left_to_the_exact_way(line: str) -> None:
    assert read_blocks(io.BytesIO(f"{HEAD}\n{line}\n".encode()), "h.csv", LATEST) is None


def test_dumps_and_packed_files_take_the_quick_way_too(tmp_path: Path) -> None:
    path = tmp_path / "pulse.csv.gz"
    path.write_bytes(
        gzip.compress(b"author,model,day,dl30,dl_all\r\nQwen,m,2026-09-01,5,50\r\nQwen,m,2026-09-02,5,51\r\n")
    )
    assert [(name, all_time) for name, _, all_time, _, _ in said(path)] == [("Qwen/m", 50), ("Qwen/m", 51)]
    assert read_history(path, LATEST).readings[1].at % DAY == 0

"""The database as Parquet files that DuckDB, Polars and Spark read: models by month, readings by month, the registry.

Knows pyarrow, which is an extra, and which views are written; counts nothing. Nothing is overwritten half-way: the
files lie in a new folder until all of them are there.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from collector.config import Config
from collector.errors import ReportError
from collector.model import DAY, months_between
from collector.store import queries
from collector.store.numbering import NUMBERS
from collector.store.queries import Asked, Row

MARK = "README.md"  #: an export's own file: only a folder that has it is replaced

_PARTS = 10  # of an answer in a row group: 100,000 rows
_BY_MONTH = (
    *("country_share_month", "family_share_month", "publisher_share_month", "group_share_month"),
    *("derivative_share_month", "model_downloads_month"),
)
_WHOLE = ("registry", "poll_log")
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("downloads", "corrections", "models", "publishers", "countries", "new_models"), "int64"),
    **dict.fromkeys(("downloads_all_time", "downloads_30d", "likes", "poll", "pages", "top"), "int64"),
    **dict.fromkeys(("models_listed", "models_new", "models_moved", "models_with_all_time"), "int64"),
    **dict.fromkeys(("rows_skipped", "retries"), "int64"),
    **dict.fromkeys(("share", "share_of_attributed", "share_max", "measured_share", "covered_share"), "float64"),
    **dict.fromkeys(("top_model_share", "previous_share", "derivative_part", "new_models_share"), "float64"),
    **dict.fromkeys(("share_of_all", "waited_seconds"), "float64"),
    **dict.fromkeys(("is_stale", "is_thin"), "bool_"),
}
_READINGS = """
SELECT h.name AS hub, m.name AS model, m.hub_key, p.started_at + o.seconds AS observed_at,
       o.downloads_all_time, o.downloads_30d, o.likes, p.id AS poll
FROM poll p
JOIN observation o ON o.id BETWEEN CAST(p.id AS bigint) * {numbers} AND CAST(p.id AS bigint) * {numbers} + {numbers} - 1
JOIN model m ON m.id = o.model_id JOIN hub h ON h.id = m.hub_id
WHERE p.started_at > {start} - 86400 AND p.started_at < {end}
  AND p.started_at + o.seconds >= {start} AND p.started_at + o.seconds < {end}
ORDER BY observed_at, model, poll
"""
_WORDS = """\
# Export of open-model-collector

Parquet files, one folder for each table. Tables by month lie in folders `month=YYYY-MM`; `month` is a column to
whatever reads hive partitions, and `window` in the files says the same. Columns are those of DATA.md.
`readings` holds what the hubs said, change-only, by the month of the reading (`observed_at` in UTC).
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    folder: str
    files: int
    rows: dict[str, int]  #: by table


def export(config: Config, folder: Path, told: Callable[[str], None] = lambda _: None) -> Exported:
    """Writes the database to `folder`, replacing an earlier export there and nothing else.

    `told` hears which table is written, and how many of its rows are.
    ReportError when the folder holds other files or cannot be written, or when pyarrow is not installed.
    """
    _require_arrow()
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).is_file())):
        raise ReportError(f"{folder} holds other files; name a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            new = Path(temporary) / "new"
            written = _write(config, new, told)
            if folder.exists():
                folder.rename(Path(temporary) / "old")
            shutil.move(new, folder)
    except OSError as error:
        raise ReportError(f"cannot write the export to {folder}: {error.strerror}; choose another folder") from error
    files = sum(1 for _ in folder.rglob("*.parquet"))
    return Exported(str(folder), files, written)


def _require_arrow() -> None:
    try:
        import pyarrow.parquet  # noqa: F401 - is it there?
    except ImportError as error:
        raise ReportError("export needs pyarrow: pip install 'open-model-collector[parquet]'") from error


def _write(config: Config, folder: Path, told: Callable[[str], None]) -> dict[str, int]:
    """The files; how many rows each table has."""
    url = config.database.url
    rows = dict.fromkeys((*_BY_MONTH, *_WHOLE, "readings"), 0)
    for (month,) in queries.run_sql(url, 'SELECT DISTINCT "window" FROM country_share ORDER BY 1').rows:
        for name in _BY_MONTH:
            of = folder / name / f"month={month}"
            rows[name] += _file(of, url, f'SELECT * FROM {name} WHERE "window" = :month', {"month": month}, told)
    for name in _WHOLE:
        rows[name] += _file(folder / name, url, f"SELECT * FROM {name}", told=told)
    for label, start, end in _months_read(url):
        of = folder / "readings" / f"month={label}"
        rows["readings"] += _file(of, url, _READINGS.format(numbers=NUMBERS, start=start, end=end), told=told)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(_WORDS, encoding="utf-8")
    return rows


def _months_read(url: str) -> Iterator[tuple[str, int, int]]:
    """Every month that may hold readings: a poll that began in it, or a day before it."""
    (first, last), *_ = queries.run_sql(
        url, "SELECT min(started_at), max(coalesce(finished_at, started_at)) FROM poll"
    ).rows
    if first is not None:
        yield from ((month.label, month.start, month.end) for month in months_between(first, last + 2 * DAY))


def _file(
    folder: Path,
    url: str,
    query: str,
    values: Mapping[str, str] | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> int:
    """One Parquet file of a query's rows, however many; none where there are no rows."""
    from pyarrow import parquet

    written = 0
    with queries.asked(url, query, values) as answer, ExitStack() as stack:
        groups = _row_groups(answer)
        first = next(groups, None)
        if first is not None:
            folder.mkdir(parents=True, exist_ok=True)
            writer = stack.enter_context(
                parquet.ParquetWriter(folder / "part-0.parquet", first.schema, compression="zstd")
            )
            for group in chain([first], groups):
                writer.write_table(group)
                written += len(group)
                told(f"{folder.parent.name}/{folder.name}: {written:,} rows")
    return written


def _row_groups(answer: Asked) -> Iterator[Any]:
    """The rows of a query as tables of a bounded size: Arrow's form takes a tenth of what Python's objects take."""
    import pyarrow

    parts = (_table(answer.columns, part) for part in answer.parts)
    while gathered := list(islice(parts, _PARTS)):
        yield pyarrow.concat_tables(gathered).combine_chunks()


def _table(columns: Sequence[str], rows: Sequence[Row]) -> Any:
    import pyarrow

    arrays = [_array(name, list(values)) for name, values in zip(columns, zip(*rows, strict=True), strict=True)]
    return pyarrow.Table.from_arrays(arrays, names=list(columns))


def _array(name: str, values: list[Any]) -> Any:
    import pyarrow

    if name == "observed_at":
        return pyarrow.array([value * 1_000_000 for value in values], pyarrow.timestamp("us", tz="UTC"))
    kind = getattr(pyarrow, _TYPES.get(name, "string"))()
    if kind == pyarrow.bool_():
        values = [None if value is None else bool(value) for value in values]
    if kind == pyarrow.float64():
        values = [None if value is None else float(value) for value in values]
    return pyarrow.array(values, kind)

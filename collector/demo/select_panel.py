"""Chooses from the full recording the panel that the package carries: models that every reported month can be read of.

Run as `python -m collector.demo.select_panel SOURCE TARGET`, two folders; the same source gives the same bytes. A model
is in the panel when it has a value within 15 days of the end of May and of the end of every 30-day tile of June to
September 2026, which is where the measure reads a month that has no cumulative counter. So the months hold the same
models. Knows the two CSV files of the recording; knows no hub and no database.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

from collector.measure.steps import ROLLING_SECONDS
from collector.measure.tiles import NEAR_SECONDS
from collector.model import Window, from_seconds, month_window

MONTHS = ("2026-06", "2026-07", "2026-08", "2026-09")
# On this day the source's catalogue was tidied and one model fetched: no poll of anything.
LONE_READING = "2026-07-10"
VALUE_COLUMNS = ("date", "id", "downloads_30d", "likes")
MODEL_COLUMNS = ("id", "pipeline_tag", "release_date")
Row = Mapping[str, str]


def tile_ends(month: Window) -> list[date]:
    """Where a month is read: its end, and every 30 days before that lie in it."""
    return [from_seconds(instant).date() for instant in range(month.end, month.start, -ROLLING_SECONDS)]


def instants_read(months: Iterable[str]) -> list[date]:
    """Every day that a model must have a value near to: the start of the first month and all tile ends."""
    windows = [month_window(month) for month in months]
    return [from_seconds(windows[0].start).date(), *(end for window in windows for end in tile_ends(window))]


def panel(values: Iterable[Row], months: Iterable[str]) -> set[str]:
    """The models that have a value near every instant at which the months are read, in one spelling each."""
    days: dict[str, list[date]] = {}
    for row in values:
        days.setdefault(row["id"], []).append(date.fromisoformat(row["date"]))
    instants = instants_read(months)
    seen = {model for model, seen_on in days.items() if all(_near(instant, seen_on) for instant in instants)}
    return _spelt_once(seen, days)


def _near(instant: date, days: Iterable[date]) -> bool:
    return any(abs(day - instant) <= timedelta(seconds=NEAR_SECONDS) for day in days)


def _spelt_once(models: set[str], days: Mapping[str, list[date]]) -> set[str]:
    # Some repositories stand in the source under two spellings: the same downloads twice. The fuller series stays.
    best: dict[str, str] = {}
    for model in sorted(models, key=lambda name: (-len(days[name]), name)):
        best.setdefault(model.casefold(), model)
    return set(best.values())


def value_row(row: Row) -> Row:
    """A value as the panel keeps it: likes of 0 mostly mean that they were not fetched, and are left out."""
    return {**row, "likes": "" if row["likes"] == "0" else row["likes"]}


def select(source: Path, target: Path) -> int:
    """Write the panel of a recording's folder into another folder; gives the number of its models."""
    values = [row for row in _read(source / "observations.csv.gz") if row["date"] != LONE_READING]
    chosen = panel(values, MONTHS)
    target.mkdir(parents=True, exist_ok=True)
    _write(target / "values.csv.gz", VALUE_COLUMNS, (value_row(row) for row in values if row["id"] in chosen))
    models = (row for row in _read(source / "models.csv.gz") if row["id"] in chosen)
    _write(target / "models.csv.gz", MODEL_COLUMNS, models)
    return len(chosen)


def _read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: [row[column] for column in columns]))
    # Neither name nor time of writing in the file: the same rows are the same bytes.
    path.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


if __name__ == "__main__":
    print(f"{select(Path(sys.argv[1]), Path(sys.argv[2]))} models")

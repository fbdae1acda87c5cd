"""CPU seconds of an import of ten million readings: `python -m benchmarks.bench_import [MODELS DAYS] FOLDER`.

Every counter of every model moves every day, which is the worst that a file can hold: nothing is left out as unchanged.
The file is written as CSV and as Parquet, by day and with its rows shuffled.
"""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as arrow
from pyarrow import csv, parquet

from collector.asking import knowledge_of
from collector.config import load_config
from collector.importing import import_file
from collector.store.database import Database, upgrade
from collector.tasks import roll_up

FIRST, NOW = date(2026, 5, 1), datetime(2026, 11, 1, tzinfo=UTC)


def table(models: int, days: int) -> arrow.Table:
    """A day after the other, the same every time."""
    rng = np.random.default_rng(6)
    names = [f"account-{number % 20_000}/model-{number}" for number in range(models)]
    rates = np.exp(rng.normal(3, 2, models))
    counters = np.cumsum(rng.poisson(rates, (days, models)) + 1, axis=0)
    labels = [(FIRST + timedelta(days=day)).isoformat() for day in range(days)]
    return arrow.table(
        {
            "model": np.tile(np.array(names), days),
            "observed_at": np.repeat(np.array(labels), models),
            "downloads_all_time": counters.ravel(),
            "downloads_30d": np.tile((30 * rates).astype(np.int64), days),
        }
    )


def files(models: int, days: int, folder: Path) -> Iterator[Path]:
    """The four files, one by one."""
    rows = table(models, days)
    for order in ("by day", "shuffled"):
        if order == "shuffled":
            rows = rows.take(arrow.array(np.random.default_rng(1).permutation(len(rows))))
        csv.write_csv(rows, folder / f"{order}.csv")  # every text in quotes
        yield folder / f"{order}.csv"
        parquet.write_table(rows, folder / f"{order}.parquet")
        yield folder / f"{order}.parquet"


def measured(file: Path) -> tuple[float, float, float]:
    """CPU seconds of reading and keeping, the same with the roll-up of every month, and that by the clock."""
    database = file.with_suffix(f"{file.suffix}.db")
    upgrade(f"sqlite:///{database}")
    config = load_config(_configured(database), {})
    begin, started = _cpu(), time.monotonic()
    with Database.open(config.database.url, write=True) as db:
        import_file(file, "huggingface", db, lambda: NOW, "", "")
        kept = _cpu() - begin
        roll_up(db, knowledge_of(config), config.scopes)
    return kept, _cpu() - begin, time.monotonic() - started


def _configured(database: Path) -> Path:
    path = database.with_suffix(".toml")
    path.write_text(f'[database]\nurl = "sqlite:///{database}"\n')
    return path


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    *size, folder = sys.argv[1:]
    models, days = map(int, size or (100_000, 100))
    shutil.rmtree(folder, ignore_errors=True)
    Path(folder).mkdir(parents=True)
    head = f"| import of {models * days:,} readings | read and kept | with the roll-up | that by the clock |"
    print(f"{head}\n|---|---|---|---|", flush=True)
    for file in files(models, days, Path(folder)):
        kept, whole, clock = measured(file)
        print(f"| {file.suffix[1:]} {file.stem} | {kept:.0f} s CPU | {whole:.0f} s CPU | {clock:.0f} s |", flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

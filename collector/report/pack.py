"""Writes the CSV pack of a window: every file whole or not at all.

Knows the file system; knows no SQL and counts nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

import pandas as pd

from collector.columns import FILES, MODEL_DOWNLOADS, PublishedFile
from collector.errors import ReportError
from collector.report.csvtext import csv_lines
from collector.report.data import ReportData
from collector.report.datapackage import Beyond, WrittenFile, datapackage_text

DATAPACKAGE = "datapackage.json"
_LINES = 10_000  # written at once
_UNFINISHED = re.compile(r"\.(trailing-)?[0-9]{4}-[0-9_-]+-[a-z0-9_]{8}")  # as `write_pack` names them


def write_pack(data: ReportData, folder: Path, top_models: int) -> list[Path]:
    """Writes the pack into `folder`/<window label>/ and returns the files written, the data package last.

    `top_models` is the most models that `model_downloads.csv` lists. ReportError when the folder cannot be written; a
    pack that was there before then stays as it was.
    """
    target = folder / data.window.label
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Beside the target: a rename is atomic within one file system only.
        with tempfile.TemporaryDirectory(prefix=f".{data.window.label}-", dir=folder) as temporary:
            names = _write_files(data, Path(temporary), top_models)
            target.mkdir(exist_ok=True)
            # The data package comes last: with its hashes a reader can tell a pack that was cut off between two files.
            return [_moved(Path(temporary) / name, target / name) for name in names]
    except OSError as e:
        reason = e.strerror or str(e)
        raise ReportError(f"cannot write the report to {target}: {reason}; choose a folder that can be written") from e


def remove_leftovers(folder: Path, before: datetime) -> None:
    """Removes what runs that were killed while they wrote a pack left in `folder` before this moment."""
    for left in folder.glob(".*"):
        with suppress(OSError):  # another may do the same; and nothing depends on it
            if _UNFINISHED.fullmatch(left.name) and left.stat().st_mtime < before.timestamp():
                shutil.rmtree(left)


def _write_files(data: ReportData, folder: Path, top_models: int) -> list[str]:
    written = [_write_csv(folder, file, _rows(data, file, top_models)) for file in FILES]
    _write(folder / DATAPACKAGE, [datapackage_text(data, written, top_models, _beyond(data, top_models))])
    return [*(file.name for file in FILES), DATAPACKAGE]


def _rows(data: ReportData, file: PublishedFile, top_models: int) -> pd.DataFrame:
    table = data.tables[file.name]
    return table.head(top_models) if file is MODEL_DOWNLOADS else table


def _beyond(data: ReportData, top_models: int) -> Beyond:
    listed = _rows(data, MODEL_DOWNLOADS, top_models)["downloads"]
    total = data.models.downloads
    return Beyond(data.models.count - len(listed), (total - int(listed.sum())) / total if total else 0.0)


def _write_csv(folder: Path, file: PublishedFile, rows: pd.DataFrame) -> WrittenFile:
    size, digest = _write(folder / file.name, csv_lines(rows, file.columns))
    return WrittenFile(file, size, digest)


def _write(path: Path, lines: Iterable[str]) -> tuple[int, str]:
    """Writes the lines as they are; the number of bytes and their SHA-256."""
    size, digest, rest = 0, hashlib.sha256(), iter(lines)
    with path.open("wb") as stream:
        while content := "".join(islice(rest, _LINES)).encode():
            size += stream.write(content)
            digest.update(content)
    return size, digest.hexdigest()


def _moved(source: Path, target: Path) -> Path:
    os.replace(source, target)
    return target

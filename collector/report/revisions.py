"""What changed in a report that was written before: compared share by share, and noted beside the packs.

Knows packs on disk; knows no SQL, and not why something changed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from collector.columns import COUNTRY_SHARE
from collector.errors import ReportError
from collector.report.csvtext import csv_lines
from collector.report.data import ReportData

REVISIONS = "revisions.csv"
COLUMNS = (
    *("hub", "window", "written_at", "scope", "attribution", "country"),
    *("share_before", "share", "status_before", "status"),
)

Standing = Mapping[tuple[str, str, str], tuple[str, str]]
Revision = tuple[str, ...]


def standing_shares(pack: Path) -> Standing:
    """Share and status by scope, attribution and country, as a pack that is there says them; empty: there is none."""
    try:
        return _standing((pack / COUNTRY_SHARE.name).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, csv.Error):
        return {}  # not there, or not one of ours: it is written anew


def new_shares(data: ReportData) -> Standing:
    """The same of a report that is not written yet."""
    return _standing("".join(csv_lines(data.tables[COUNTRY_SHARE.name], COUNTRY_SHARE.columns)))


def _standing(text: str) -> Standing:
    rows = csv.DictReader(io.StringIO(text))
    return {(row["scope"], row["attribution"], row["country"]): (row["share"], row["status"]) for row in rows}


def revisions(before: Standing, after: Standing) -> list[Revision]:
    """The rows that differ: scope, attribution, country, share and status before and now (empty: no such row)."""
    none = ("", "")
    found: list[Revision] = []
    for key in sorted({*before, *after}):
        (old_share, old_status), (share, status) = before.get(key, none), after.get(key, none)
        if (old_share, old_status) != (share, status):
            found.append((*key, old_share, share, old_status, status))
    return found


def note_revisions(folder: Path, of: tuple[str, str], at: datetime, revised: list[Revision]) -> Path:
    """Adds the rows of a report (hub, window) to revisions.csv in the folder of the packs; returns that file.

    To be noted before the pack is written: whoever is killed in between notes the same again, which adds nothing.
    """
    path = folder / REVISIONS
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    try:
        noted = _noted(path, of)
        if noted is None:
            writer.writerow(COLUMNS)
        elif noted[-len(revised) :] == revised:
            return path
        writer.writerows((*of, f"{at:%Y-%m-%dT%H:%M:%SZ}", *row) for row in revised)
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from error
    return path


def _noted(path: Path, of: tuple[str, str]) -> list[Revision] | None:
    """What was noted of a report before, oldest first; None: there is no such file yet."""
    if not path.exists():
        return None
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return [tuple(row[3:]) for row in csv.reader(file) if tuple(row[:2]) == of]

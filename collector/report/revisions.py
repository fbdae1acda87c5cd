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
        text = (pack / COUNTRY_SHARE.name).read_text(encoding="utf-8")
        rows = csv.DictReader(io.StringIO(text))
        return {(row["scope"], row["attribution"], row["country"]): (row["share"], row["status"]) for row in rows}
    except (OSError, ValueError, KeyError, csv.Error):
        return {}  # not there, or not one of ours: it is written anew


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
    """Adds the rows of a report (hub, window) to revisions.csv in the folder of the packs; returns that file."""
    path = folder / REVISIONS
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if not path.exists():
        writer.writerow(COLUMNS)
    writer.writerows((*of, f"{at:%Y-%m-%dT%H:%M:%SZ}", *row) for row in revised)
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from error
    return path

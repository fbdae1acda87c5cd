"""A database moved to another place or engine, and found whole there: what `collector db copy` does.

Knows when a copy may be trusted: every table has as many rows, and the same report, worked out on both sides from the
readings, is the same to the byte. Knows no SQL and no table.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collector.asking import Now, Span, knowledge_of, month_with_figures
from collector.config import Config
from collector.errors import ReportError, Stopped, StoreError, UsageError
from collector.model import Window, days_window, from_seconds
from collector.origins.knowledge import Knowledge
from collector.report.pack import write_pack
from collector.store import copying, queries
from collector.store.database import Database, database_path, where_is, writer_lock
from collector.store.queries import Hub
from collector.tasks import build_report

LOCK_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did."""

    target: str  #: as errors name it: without user and password
    rows: dict[str, int]  #: by table
    equal_reports: tuple[str, ...]  #: hub and month of each report that is the same on both sides; none: no figures yet


def copy_database(
    config: Config, to: str, *, now: Now, stopped: Callable[[], bool], told: Callable[[str, int], None]
) -> Copied:
    """Copies the configured database into the empty one at `to`, creates its schema, and compares the two.

    `told` hears of every table that is done. The source is only read, and nobody else may write to either meanwhile.
    Raises UsageError, StoreError and Stopped; then the target is named as incomplete by whatever opens it, and the same
    command begins anew.
    """
    source_url = config.database.url
    _require_other(source_url, to)
    knowledge = knowledge_of(config)

    def check_stop() -> None:
        if stopped():
            raise Stopped(f"stopped; {where_is(to)} is incomplete: run the same command again")

    with (
        writer_lock(source_url, wait_seconds=LOCK_WAIT_SECONDS),
        Database.open(source_url, write=False) as source,
        writer_lock(to, wait_seconds=LOCK_WAIT_SECONDS),
    ):
        copying.prepare(to)
        with Database.open(to, write=True, unfinished=True) as target:
            rows = {}
            for name, count in copying.copy_tables(source, target, check_stop):
                rows[name] = count
                told(name, count)
            if different := copying.different_counts(source, target):
                raise StoreError(f"{where_is(to)}: not a true copy, {'; '.join(different)}; run the same command again")
            equal = tuple(_same_report(config, knowledge, hub, source, target, now) for hub in queries.hubs(source))
            copying.finish(target)
    return Copied(where_is(to), rows, tuple(name for name in equal if name))


def _require_other(source: str, to: str) -> None:
    try:
        target = database_path(to)
    except StoreError as error:
        words = "write sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
        raise UsageError(f"--to: not a database; {words}") from error
    path = database_path(source)
    same_file = path is not None and target is not None and path.exists() and target.exists() and path.samefile(target)
    if source == to or same_file:
        raise UsageError("--to: the configured database itself; name another one")


def _same_report(
    config: Config, knowledge: Knowledge, hub: Hub, source: Database, target: Database, now: Now
) -> str | None:
    """Hub and month of a report that is the same on both sides; None when there are no figures.

    StoreError when it is not the same.
    """
    try:
        month = month_with_figures(source, hub.name, None, now)
    except ReportError:
        return None
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (
            _pack(config, knowledge, hub, db, month, Path(folder) / side)
            for side, db in (("source", source), ("target", target))
        )
    different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    if different:
        what = f"the report of {hub.name} for {month.label} differs in {', '.join(different)}"
        raise StoreError(f"{where_is(target.url)}: not a true copy, {what}; run the same command again")
    return f"{hub.name} {month.label}"


def _pack(
    config: Config, knowledge: Knowledge, hub: Hub, db: Database, month: Window, folder: Path
) -> dict[str, bytes]:
    """The files of a report by name. As a window of two dates: of a month the copied figures would be taken."""
    dates = days_window(from_seconds(month.start).date(), from_seconds(month.end).date())
    data = build_report(db, config, knowledge, hub, Span(dates))
    return {file.name: file.read_bytes() for file in write_pack(data, folder, config.report.top_models)}

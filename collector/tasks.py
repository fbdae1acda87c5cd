"""One call for each thing that can be done: opens what it needs, does it, closes it. Shared by commands, daemon, demo.

Knows how the parts are joined; knows no schedule and prints nothing. The clock and the stop event are passed in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.asking import Headline, Now, Span, knowledge_of, reported_hub
from collector.config import Config, HubConfig
from collector.errors import CollectorError, ReportError
from collector.model import PollPlan, Scope
from collector.origins.knowledge import Knowledge
from collector.report import terminal
from collector.report.data import ReportData
from collector.report.pack import write_pack
from collector.report.page import write_page
from collector.report.slides import write_slides
from collector.reporting import Asked, trailing_report, window_report
from collector.rollup import refresh
from collector.stopping import at_once
from collector.store import queries
from collector.store.database import Database
from collector.store.queries import Hub

if TYPE_CHECKING:  # loaded by what polls and imports: a report need not wait a tenth of a second for either
    from collector.hubs import Stop
    from collector.importing import ImportResult
    from collector.polling import PollResult, Progress

#: Months restated after a poll by hand because models in them are described anew. The others wait: a roll-up is not to
#: take longer the longer the history is. The daemon restates them between polls.
RESTATED_AFTER_POLL = 1


@dataclass(frozen=True, slots=True)
class Pack:
    """A report that was written."""

    data: ReportData
    folder: Path
    files: list[Path]


def plan_of(hub: HubConfig) -> PollPlan:
    """Which models a poll of this hub asks for."""
    return PollPlan("all") if hub.models == "all" else PollPlan("top", hub.top)


def poll_hub(
    config: Config,
    hub: HubConfig,
    *,
    now: Now,
    stop: Stop,
    log: logging.Logger,
    progress: Callable[[Progress], None] = lambda _: None,
) -> PollResult:
    """Polls a hub to the end and brings the derived tables up to date. The caller holds the writer's lock.

    Raises HubError, StoreError and Stopped; what was kept is whole and the poll can be resumed.
    """
    knowledge = knowledge_of(config)  # a fault in it is told before anything is asked
    with Database.open(config.database.url, write=True) as db:
        result = read_hub(db, hub, now=now, stop=stop, log=log, progress=progress)
        with at_once(stop):
            roll_up(db, knowledge, config.scopes, RESTATED_AFTER_POLL)
    return result


def read_hub(
    db: Database, hub: HubConfig, *, now: Now, stop: Stop, log: logging.Logger, progress: Callable[[Progress], None]
) -> PollResult:
    """Polls a hub to the end, and leaves the derived tables as they are. Raises as `poll_hub`."""
    from collector.hubs import HUBS, HuggingFaceSettings
    from collector.polling import poll_once
    from collector.store.polls import PollStore

    plan = plan_of(hub)
    token = None if hub.token is None else hub.token.get_secret_value()
    client = HUBS[hub.name](HuggingFaceSettings(hub.endpoint, hub.timeout_seconds, token), plan, now, stop, log)
    return poll_once(client, PollStore(db), plan, now, stop, progress)


@dataclass(frozen=True, slots=True)
class ImportStep:
    """How far an import of files is."""

    file: str  #: its name; empty: all are kept, and the months are worked out
    number: int  #: from 1
    files: int
    part: float  #: of the file that was read; 1: it is being kept


def import_history(
    config: Config,
    files: Iterable[Path],
    hub: str,
    *,
    now: Now,
    source: str,
    terms: str,
    all_time_since: date | None = None,
    told: Callable[[ImportStep], None] = lambda _: None,
) -> list[tuple[Path, ImportResult]]:
    """Imports files of history (of a folder all below it), each whole or not at all; then, once, brings the derived
    tables up to date. The caller holds the writer's lock.

    At the first file that cannot be kept the ones before it stay, and the error says so.
    """
    from collector.importing import files_of, import_file
    from collector.importing.values import printable

    knowledge = knowledge_of(config)  # a fault in it is told before anything is kept
    found = files_of(files)
    kept: list[tuple[Path, ImportResult]] = []
    refused: CollectorError | None = None
    with Database.open(config.database.url, write=True) as db:
        for number, file in enumerate(found, 1):
            tell = partial(_tell_part, told, partial(ImportStep, printable(file.name), number, len(found)))
            try:
                kept.append((file, import_file(file, hub, db, now, source, terms, all_time_since, tell)))
            except CollectorError as error:
                refused = error
                break
        if kept:
            told(ImportStep("", len(kept), len(found), 1.0))
            roll_up(db, knowledge, config.scopes)
    if refused is not None:
        before = f"; the {len(kept)} before it are kept" if kept else ""
        raise type(refused)(f"{refused}{before}") from refused
    return kept


def _tell_part(told: Callable[[ImportStep], None], step: Callable[[float], ImportStep], part: float) -> None:
    told(step(part))


def roll_up(
    db: Database, knowledge: Knowledge, scopes: tuple[Scope, ...], most_restated: int | None = None
) -> dict[str, list[str]]:
    """Brings the derived tables up to date; the months rebuilt, by hub. `most_restated` is as of `refresh`."""
    return {hub.name: refresh(db, hub, knowledge, scopes, most_restated) for hub in queries.hubs(db)}


def build_report(db: Database, config: Config, knowledge: Knowledge, hub: Hub, span: Span) -> ReportData:
    """Everything a report says; ReportError when there is nothing to say."""
    asked = Asked(hub, config.scopes, config.report.attribution, config.report.top_models)
    if span.window is None:
        return trailing_report(db, asked, knowledge)
    return window_report(db, asked, span.window, knowledge)


def report_data(config: Config, hub: str | None, span: Span) -> tuple[ReportData, Path]:
    """Everything a report says, from a read-only database, and the folder that its pack is to be written in."""
    with Database.open(config.database.url, write=False) as db:
        chosen = reported_hub(db, hub)
        folder = report_folder(config, queries.hubs(db), chosen.name)
        return build_report(db, config, knowledge_of(config), chosen, span), folder


def report_folder(config: Config, hubs: Sequence[Hub], hub: str) -> Path:
    """Where packs of a hub lie: with several hubs each has a folder of its own, since figures of two never mix."""
    return config.report.directory if len(hubs) == 1 else config.report.directory / hub


def write_data(config: Config, data: ReportData, parent: Path) -> Pack:
    """Writes CSV pack and page of a report below a folder."""
    folder = parent / data.window.label
    return Pack(data, folder, [*write_pack(data, parent, config.report.top_models), write_page(data, folder)])


def write_report(
    config: Config,
    hub: str | None,
    span: Span,
    out: Path | None,
    *,
    slides: bool = False,
    told: Callable[[str], None] = lambda _: None,
) -> Pack:
    """Writes CSV pack and page of a window below `out` (else the configured folder), from a read-only database.

    With `slides` also the charts as PNG and SVG. Tells what it is at.
    """
    told("working out the figures")
    data, folder = report_data(config, hub, span)
    told(f"writing {data.window.label}")
    pack = write_data(config, data, out or folder)
    return Pack(data, pack.folder, [*pack.files, *(write_slides(data, pack.folder) if slides else [])])


# --- headlines --------------------------------------------------------------------------------------------------------


def headline_text(data: ReportData, asked: Headline, width: int) -> str:
    """The table for a terminal of so many columns."""
    return terminal.headline(data, asked.scope, asked.attribution, asked.by, width)


def headline_values(data: ReportData, asked: Headline) -> dict[str, Any]:
    """The same as plain values."""
    return terminal.headline_json(data, asked.scope, asked.attribution, asked.by)


def trailing(config: Config, hub: str) -> ReportData | None:
    """The hub's own last 30 days; None when its polls say nothing of them."""
    with Database.open(config.database.url, write=False) as db:
        try:
            return build_report(db, config, knowledge_of(config), reported_hub(db, hub), Span(None))
        except ReportError:
            return None


# --- sentences -------------------------------------------------------------------------------------------------------


def import_words(at: ImportStep) -> tuple[str, float | None]:
    """What an import is at, and what part of that is done where it can be said."""
    if not at.file:
        return "working out months", None
    which = at.file if at.files == 1 else f"{at.file} ({at.number} of {at.files})"
    return (f"reading {which}", at.part) if at.part < 1 else (f"keeping {which}", None)


def import_sentence(result: ImportResult, file: str | None = None) -> str:
    """What an import did, in one line; `file` is named where there were several."""
    silent = f"; {result.rows_without_counter:,} rows without a counter" if result.rows_without_counter else ""
    zeros = f"; {result.zeros_not_read:,} lifetime counts of 0 not read, as declared" if result.zeros_not_read else ""
    private = f"; {result.private:,} rows of private models dropped" if result.private else ""
    described = f"; {result.described:,} models described" if result.described else ""
    kept = f"{result.stored:,} stored (unchanged ones are not)"
    which = "" if file is None else f"{file}: "
    return f"{which}{result.readings:,} readings of {result.models:,} models; {kept}{described}{silent}{zeros}{private}"


def import_warnings(result: ImportResult) -> list[str]:
    """What the user should look at after an import."""
    told = []
    if result.ignored_columns:
        names = ", ".join(name[:40] for name in result.ignored_columns[:20])
        told.append(f"columns passed over: {names}{' …' if len(result.ignored_columns) > 20 else ''}")
    if result.doubtful_zeros:
        told.append(
            f"{result.doubtful_zeros:,} lifetime counts of 0 stand beside a 30-day count above 0: if the field did not "
            "exist yet, restore a backup and import again with --all-time-since DAY"
        )
    return told


def poll_sentence(hub: str, result: PollResult) -> str:
    """How a poll went, in one line."""
    made = result.poll
    words = [
        f"{hub}: {made.models_listed:,} models listed, {made.models_new:,} new, {made.models_moved:,} moved",
        *([f"{made.rows_skipped:,} rows unreadable"] if made.rows_skipped else []),
        *([f"{made.retries:,} retries"] if made.retries else []),
        *([f"waited {made.waited_seconds:.0f} s for the hub"] if made.waited_seconds else []),
        *(["resumed"] if result.resumed else []),
        *(["stale: far fewer counters moved than usual"] if made.is_stale else []),
    ]
    return ", ".join(words)

"""One call for each thing that can be done: opens what it needs, does it, closes it. Shared by commands, daemon, demo.

Knows how the parts are joined; knows no schedule and prints nothing. The clock and the stop event are passed in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast, get_args

from collector.config import Config, HubConfig
from collector.errors import ConfigError, ReportError, UsageError
from collector.hubs import HUBS, HuggingFaceSettings, Stop
from collector.importing import ImportResult, import_file
from collector.model import (
    ATTRIBUTIONS,
    Attribution,
    PollPlan,
    Scope,
    Window,
    days_window,
    month_of,
    month_window,
    to_seconds,
)
from collector.origins.groups import group_faults
from collector.origins.knowledge import Knowledge, load_knowledge
from collector.polling import PollResult, Progress, poll_once
from collector.report import terminal
from collector.report.data import ReportData
from collector.report.pack import write_pack
from collector.report.page import write_page
from collector.report.slides import write_slides
from collector.report.terminal import By
from collector.reporting import Asked, trailing_report, window_report
from collector.rollup import refresh
from collector.stopping import at_once
from collector.store import queries
from collector.store.database import Database
from collector.store.polls import PollStore
from collector.store.queries import Hub

Now = Callable[[], datetime]

_EARLIEST, _LATEST = month_window("2000-01").start, month_window("2100-01").start


@dataclass(frozen=True, slots=True)
class Span:
    """What of time a report is wanted for: a month, two dates, or (with neither) the hub's own last 30 days."""

    window: Window | None  #: None: trailing


@dataclass(frozen=True, slots=True)
class Pack:
    """A report that was written."""

    data: ReportData
    folder: Path
    files: list[Path]


def knowledge_of(config: Config) -> Knowledge:
    """Registry, families, corrections and groups, with the user's own rows; ConfigError when a group has no country."""
    knowledge = load_knowledge(config.origins.file, config.groups)
    faults = group_faults(config.groups, knowledge.countries)
    if faults:
        raise ConfigError("\n".join(f"{config.path}: {fault}" for fault in faults))
    return knowledge


def chosen_hub(config: Config, name: str | None) -> HubConfig:
    """The hub named, else the only one enabled; UsageError otherwise."""
    enabled = [hub for hub in config.hubs.values() if hub.enabled]
    if name is None and len(enabled) == 1:
        return enabled[0]
    if name is not None and name in config.hubs:
        return config.hubs[name]
    known = ", ".join(config.hubs)
    if name is not None:
        raise UsageError(f"no hub {name!r}; {config.path} knows {known}")
    raise UsageError(
        f"name one of the hubs that {config.path} knows: {known}" + ("" if enabled else " (none is enabled)")
    )


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
            roll_up(db, knowledge, config.scopes)
    return result


def read_hub(
    db: Database, hub: HubConfig, *, now: Now, stop: Stop, log: logging.Logger, progress: Callable[[Progress], None]
) -> PollResult:
    """Polls a hub to the end, and leaves the derived tables as they are. Raises as `poll_hub`."""
    plan = plan_of(hub)
    token = None if hub.token is None else hub.token.get_secret_value()
    client = HUBS[hub.name](HuggingFaceSettings(hub.endpoint, hub.timeout_seconds, token), plan, now, stop, log)
    return poll_once(client, PollStore(db), plan, now, stop, progress)


def import_history(
    config: Config, file: Path, hub: str, *, now: Now, source: str, terms: str, all_time_since: date | None = None
) -> ImportResult:
    """Imports a file of history and brings the derived tables up to date. The caller holds the writer's lock."""
    knowledge = knowledge_of(config)  # a fault in it is told before anything is kept
    with Database.open(config.database.url, write=True) as db:
        result = import_file(file, hub, db, now, source, terms, all_time_since)
        roll_up(db, knowledge, config.scopes)
    return result


def roll_up(db: Database, knowledge: Knowledge, scopes: tuple[Scope, ...]) -> dict[str, list[str]]:
    """Brings every derived table up to date; the months rebuilt, by hub."""
    return {hub.name: refresh(db, hub, knowledge, scopes) for hub in queries.hubs(db)}


def report_span(month: str | None, start: date | None, end: date | None, trailing: bool, now: Now) -> Span:
    """The span of time that a command's words ask for; the last whole month when they ask for none."""
    if sum((month is not None, start is not None or end is not None, trailing)) > 1:
        raise UsageError("name a month, or --from and --to, or --trailing: one of them")
    if trailing:
        return Span(None)
    if month is not None:
        try:
            return Span(_counted(month_window(month)))
        except ValueError:
            raise ReportError(f"not a month: {month!r}; write YYYY-MM, as in 2026-09") from None
    if start is None and end is None:
        return Span(month_of(month_of(to_seconds(now())).start - 1))
    if start is None or end is None:
        raise UsageError("--from and --to go together")
    if start >= end:
        raise UsageError(f"--from {start} --to {end}: nothing lies between; --to is the first day after the window")
    return Span(_counted(days_window(start, end)))


def _counted(window: Window) -> Window:
    """The window, if hubs can have counted in it: dates at the ends of the calendar have no window before or after."""
    if window.start < _EARLIEST or window.end > _LATEST:
        raise ReportError(f"no hub counts downloads in {window.label}; choose a window between 2000 and 2100")
    return window


def reported_hub(db: Database, name: str | None) -> Hub:
    """The hub of the database that was named, else its only one; UsageError otherwise."""
    known = queries.hubs(db)
    chosen = [hub for hub in known if name is None or hub.name == name]
    if len(chosen) == 1:
        return chosen[0]
    if not known:
        raise ReportError("nothing was read yet; run `collector poll` or `collector import` first")
    names = ", ".join(hub.name for hub in known)
    raise UsageError(f"no hub {name} in the database, which knows {names}" if name else f"choose --hub: {names}")


def month_with_figures(db: Database, hub: str, said: str | None, now: Now) -> Window:
    """The month said, else the last whole month whose figures are final, else the last one that has any.

    ReportError for what is no month, or one without figures.
    """
    known = queries.shared_months(db, hub)
    if not known:
        raise ReportError("nothing was read yet; run `collector poll` or `collector import` first")
    this, final = month_of(to_seconds(now())).label, queries.shared_months(db, hub, final=True)
    whole = [[month for month in months if month < this] for months in (final, known)]
    month = said or next((months[-1] for months in whole if months), known[-1])
    try:
        window = month_window(month)
    except ValueError as error:
        raise ReportError(f"{error}") from None
    if month not in known:
        raise ReportError(f"no figures of {month}; the database has {known[0]} to {known[-1]}")
    return window


def build_report(db: Database, config: Config, knowledge: Knowledge, hub: Hub, span: Span) -> ReportData:
    """Everything a report says; ReportError when there is nothing to say."""
    asked = Asked(hub, config.scopes, config.report.attribution)
    if span.window is None:
        return trailing_report(db, asked, knowledge)
    return window_report(db, asked, span.window, knowledge)


def write_report(config: Config, hub: str | None, span: Span, out: Path | None, *, slides: bool = False) -> Pack:
    """Writes CSV pack and page of a window below `out` (else the configured folder), from a read-only database.

    With `slides` also the charts as PNG and SVG.
    """
    with Database.open(config.database.url, write=False) as db:
        data = build_report(db, config, knowledge_of(config), reported_hub(db, hub), span)
    parent = out or config.report.directory
    folder = parent / data.window.label
    files = [*write_pack(data, parent, config.report.top_models), write_page(data, folder)]
    return Pack(data, folder, [*files, *(write_slides(data, folder) if slides else [])])


# --- headlines --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Headline:
    """Which table of a report is printed."""

    scope: str
    attribution: Attribution
    by: By


def headline_asked(config: Config, scope: str | None, attribution: str | None, by: str) -> Headline:
    """The table that a command's words ask for; UsageError names what there is to choose from."""
    chosen = attribution or config.report.attribution
    names = [each.name for each in config.scopes]
    for word, value, known in (
        ("--attribution", chosen, ATTRIBUTIONS),
        ("--by", by, get_args(By)),
        ("--scope", scope or names[0], names),
    ):
        if value not in known:
            raise UsageError(f"{word} {value}: choose one of {', '.join(known)}")
    return Headline(scope or names[0], cast(Attribution, chosen), cast(By, by))


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


def import_sentence(result: ImportResult) -> str:
    """What an import did, in one line."""
    silent = f"; {result.rows_without_counter:,} rows without a counter" if result.rows_without_counter else ""
    zeros = f"; {result.zeros_not_read:,} lifetime counts of 0 not read, as declared" if result.zeros_not_read else ""
    kept = f"{result.stored:,} stored (unchanged ones are not)"
    return f"{result.readings:,} readings of {result.models:,} models; {kept}{silent}{zeros}"


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

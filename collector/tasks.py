"""One call for each thing that can be done: opens what it needs, does it, closes it. Shared by commands, daemon, demo.

Knows how the parts are joined; knows no schedule and prints nothing. The clock and the stop event are passed in.
"""

from __future__ import annotations

import json
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
    from_seconds,
    month_of,
    month_window,
    to_seconds,
)
from collector.origins.groups import group_faults
from collector.origins.knowledge import Knowledge, load_knowledge
from collector.polling import PollResult, Progress, poll_once
from collector.report import terminal
from collector.report.data import ReportData
from collector.report.pack import DATAPACKAGE, write_pack
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
    plan = plan_of(hub)
    token = None if hub.token is None else hub.token.get_secret_value()
    client = HUBS[hub.name](HuggingFaceSettings(hub.endpoint, hub.timeout_seconds, token), plan, now, stop, log)
    with Database.open(config.database.url, write=True) as db:
        result = poll_once(client, PollStore(db), plan, now, stop, progress)
        with at_once(stop):
            roll_up(db, knowledge_of(config), config.scopes)
    return result


def import_history(config: Config, file: Path, hub: str, *, now: Now, source: str, terms: str) -> ImportResult:
    """Imports a file of history and brings the derived tables up to date. The caller holds the writer's lock."""
    with Database.open(config.database.url, write=True) as db:
        result = import_file(file, hub, db, now, source, terms)
        roll_up(db, knowledge_of(config), config.scopes)
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


def build_report(db: Database, config: Config, knowledge: Knowledge, hub: Hub, span: Span) -> ReportData:
    """Everything a report says; ReportError when there is nothing to say."""
    asked = Asked(hub, config.scopes, config.report.attribution)
    if span.window is None:
        return trailing_report(db, asked, knowledge)
    return window_report(db, asked, span.window, knowledge)


def write_report(config: Config, hub: str | None, span: Span, out: Path | None) -> Pack:
    """Writes the CSV pack of a window below `out` (else the configured folder), from a read-only database."""
    with Database.open(config.database.url, write=False) as db:
        data = build_report(db, config, knowledge_of(config), reported_hub(db, hub), span)
    parent = out or config.report.directory
    return Pack(data, parent / data.window.label, write_pack(data, parent, config.report.top_models))


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


# --- the daemon's work ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConfiguredWork:
    """What the daemon can have done, by this configuration."""

    config: Config
    now: Now
    log: logging.Logger

    def last_poll_started(self, hub: str) -> datetime | None:
        """Start of the hub's last complete poll; None: there was none."""
        with Database.open(self.config.database.url, write=False) as db:
            started = [known.last_poll_at for known in queries.status(db, last=1).hubs if known.hub == hub]
        return None if not started or started[0] is None else from_seconds(started[0])

    def poll(self, hub: str, stop: Stop) -> None:
        """Polls the hub, brings the derived tables up to date and logs how it went."""
        result = poll_hub(self.config, self.config.hubs[hub], now=self.now, stop=stop, log=self.log)
        self.log.info(poll_sentence(hub, result), extra={"poll": result.poll.id})

    def report_wanted(self, month: Window) -> bool:
        """Whether some hub was polled to the end since the month's end and has no pack that rests on such a poll."""
        with Database.open(self.config.database.url, write=False) as db:
            return bool(self._hubs_to_report(db, month))

    def roll_up(self, stop: Stop) -> None:
        """Works out what an earlier run, an edit of the registry or a new version left to be worked out."""
        with at_once(stop), Database.open(self.config.database.url, write=True) as db:
            for hub, months in roll_up(db, knowledge_of(self.config), self.config.scopes).items():
                if months:
                    self.log.info("%s: worked out %s anew", hub, ", ".join(months), extra={"hub": hub})

    def report(self, month: Window, stop: Stop) -> None:
        """Writes the pack of the month for every hub that wants one."""
        with Database.open(self.config.database.url, write=False) as db:
            wanted = self._hubs_to_report(db, month)
        for hub, folder in wanted.items():
            with at_once(stop):
                pack = write_report(self.config, hub, Span(month), folder)
            self.log.info("%s: wrote the report of %s to %s", hub, month.label, pack.folder, extra={"hub": hub})

    def _hubs_to_report(self, db: Database, month: Window) -> dict[str, Path]:
        """The hubs, each with the folder that its packs lie in."""
        known = queries.status(db, last=1).hubs
        folders = {hub.hub: _folder_of(self.config, hub.hub, len(known)) for hub in known}
        polled = [hub.hub for hub in known if hub.last_poll_at is not None and hub.last_poll_at >= month.end]
        return {hub: folders[hub] for hub in polled if not rests_on_its_end(folders[hub] / month.label, month)}


def _folder_of(config: Config, hub: str, hubs: int) -> Path:
    """With several hubs each has a folder of its own: their figures are never put together."""
    return config.report.directory if hubs == 1 else config.report.directory / hub


def rests_on_its_end(pack: Path, month: Window) -> bool:
    """Whether a pack is there that a poll after the month's end went into: one written before is not the last word."""
    end = from_seconds(month.end).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        polls = json.loads((pack / DATAPACKAGE).read_text(encoding="utf-8"))["polls"]
        return any(poll["to"] is not None and poll["from"] >= end for poll in polls)
    except (OSError, ValueError, LookupError, TypeError):
        return False  # not there, or not one of ours: it is written anew


def import_sentence(result: ImportResult) -> str:
    """What an import did, in one line."""
    silent = f"; {result.rows_without_counter:,} rows without a counter" if result.rows_without_counter else ""
    kept = f"{result.stored:,} stored (unchanged ones are not)"
    return f"{result.readings:,} readings of {result.models:,} models; {kept}{silent}"


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

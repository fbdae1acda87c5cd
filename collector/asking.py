"""What a command's words ask for: which hub, which span of time, which table, with what knowledge of origins.

Answers at once: nothing that loads slowly is imported here. Knows which words there are to choose from; counts nothing
and prints nothing. The clock is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast, get_args

from collector.config import Config, HubConfig
from collector.errors import ConfigError, ReportError, UsageError
from collector.model import ATTRIBUTIONS, Attribution, By, Window, days_window, month_of, month_window, to_seconds
from collector.origins.groups import group_faults
from collector.origins.knowledge import Knowledge, load_knowledge
from collector.store import queries
from collector.store.database import Database
from collector.store.queries import Hub

Now = Callable[[], datetime]

_EARLIEST, _LATEST = month_window("2000-01").start, month_window("2100-01").start


@dataclass(frozen=True, slots=True)
class Span:
    """What of time a report is wanted for: a month, two dates, or (with neither) the hub's own last 30 days."""

    window: Window | None  #: None: trailing


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

"""How things stand: last polls, lag, coverage, what waits, next runs, size. Read-only.

Knows the configuration and the run log; knows no figure. It is asked often and must answer at once: nothing that loads
slowly is imported here. The clock and the reader of schedules are passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from collector.config import Config
from collector.model import from_seconds
from collector.report.text import clean
from collector.store import queries
from collector.store.database import Database


def status(config: Config, now: datetime, next_time: Callable[[str, datetime], datetime | None]) -> dict[str, Any]:
    """Polls, lag, coverage, next runs and size, as plain values; instants are ISO 8601 UTC."""
    with Database.open(config.database.url, write=False) as db:
        found = queries.status(db)
    return {
        "database_bytes": found.database_bytes,
        "hubs": [_hub_status(hub, now) for hub in found.hubs],
        "next_runs": {
            **{f"poll {name}": _iso(next_time(hub.schedule, now)) for name, hub in config.hubs.items() if hub.enabled},
            "report": _iso(next_time(config.report.schedule, now)),
        },
    }


def _hub_status(hub: queries.HubStatus, now: datetime) -> dict[str, Any]:
    last = None if hub.last_poll_at is None else from_seconds(hub.last_poll_at)
    return {
        "hub": hub.hub,
        "models": hub.models,
        "complete_polls": hub.polls,
        "last_complete_poll": _iso(last),
        "hours_since": None if last is None else round((now - last).total_seconds() / 3600, 1),
        "is_stale": hub.last_good_poll_at != hub.last_poll_at,
        "coverage": {f"{month // 100}-{month % 100:02}": round(part, 6) for month, part in hub.coverage.items()},
        "is_rolled_up": hub.is_rolled_up,
        "months_to_restate": list(hub.waiting),
        "to_restate_since": _iso(from_seconds(min(hub.waiting.values()))) if hub.waiting else None,
        "unfinished_polls": [dict(row) for row in hub.unfinished],
        "last_polls": [dict(row) for row in hub.last_polls],
    }


def status_lines(found: dict[str, Any]) -> list[str]:
    """The same for a terminal."""
    lines = [f"database  {found['database_bytes'] / 1e6:,.1f} MB"]
    for hub in found["hubs"]:
        lines += ["", *_hub_lines(hub)]
    if not found["hubs"]:
        lines += ["", "nothing polled yet: run `collector poll`"]
    lines.append("")
    return lines + [f"next {name:<18} {at or 'never'}" for name, at in found["next_runs"].items()]


def _hub_lines(hub: dict[str, Any]) -> list[str]:
    since = "never polled to the end"
    if hub["last_complete_poll"]:
        since = f"last complete poll {hub['last_complete_poll']}, {hub['hours_since']} h ago"
    stale = "; stale: the counters did not move" if hub["is_stale"] else ""
    lines = [f"{hub['hub']}: {hub['models']:,} models, {hub['complete_polls']:,} complete polls; {since}{stale}"]
    lines += [f"  {row['started_at']}  {row['status']:<8} {_poll_words(row)}" for row in hub["last_polls"]]
    lines += [f"  unfinished since {row['started_at']}: {row['status']}" for row in hub["unfinished_polls"]]
    if months := [f"{month} {part:.1%}" for month, part in list(hub["coverage"].items())[-6:]]:
        lines.append(f"  covered: {', '.join(months)}")
    return lines + _behind(hub)


def _behind(hub: dict[str, Any]) -> list[str]:
    """What the tables do not say yet."""
    lines = [] if hub["is_rolled_up"] else ["  the tables do not hold the last readings yet: they will after a roll-up"]
    if months := hub["months_to_restate"]:
        named = months[0] if len(months) == 1 else f"{len(months)} months, {months[0]} to {months[-1]},"
        are = "waits" if len(months) == 1 else "wait"
        lines.append(f"  {named} {are} to be restated, since {hub['to_restate_since']}: models are described anew")
    return lines


def _poll_words(row: dict[str, Any]) -> str:
    words = f"{row['models_listed']:,} listed, {row['models_new']:,} new, {row['models_moved']:,} moved"
    return f"{words}; {clean(row['error'])}" if row["error"] else words


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%SZ")

"""What commands look up: how the polls stand, whose an account is, what the registry misses. Read-only.

Knows which tables answer which question; prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pandas as pd

from collector.config import Config
from collector.errors import ReportError
from collector.measure.shares import half_up
from collector.model import NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY, from_seconds, month_of
from collector.origins.knowledge import Knowledge
from collector.origins.registry import check, record
from collector.rollup import trailing_models, window_models
from collector.store import calendar, queries
from collector.store import readings as facts
from collector.store.database import Database
from collector.store.queries import Hub
from collector.tasks import knowledge_of, reported_hub

Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]  #: columns and rows

_WHO = ("hub", "publisher", "organisation", "country", "kind", "valid_from", "valid_to", "basis", "confidence")


# --- status -----------------------------------------------------------------------------------------------------------


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
    months = [f"{month} {part:.1%}" for month, part in list(hub["coverage"].items())[-6:]]
    return [*lines, f"  covered: {', '.join(months)}"] if months else lines


def _poll_words(row: dict[str, Any]) -> str:
    words = f"{row['models_listed']:,} listed, {row['models_new']:,} new, {row['models_moved']:,} moved"
    return f"{words}; {row['error']}" if row["error"] else words


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- origins ----------------------------------------------------------------------------------------------------------


def check_origins(config: Config, today: date) -> tuple[list[str], list[str]]:
    """What the registry holds, in lines, and what is wrong with it. Unreadable files raise RegistryError."""
    knowledge = knowledge_of(config)
    rows = knowledge.registry.rows
    lines = [
        f"registry {knowledge.registry.version}, sha256 {knowledge.registry.digest}",
        f"{len({(row.hub, row.publisher) for row in rows}):,} accounts in {len(rows):,} rows, "
        f"{len({row.country for row in rows} - {NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY}):,} countries; "
        f"{len(knowledge.families.all):,} families; {len(knowledge.corrections):,} lineage corrections",
    ]
    developers = [("huggingface", family.publisher) for family in knowledge.families.all]
    return lines, check(knowledge.registry, today, developers)


def who(config: Config, name: str) -> Table:
    """The registry's rows of an account (or of a model's account), on every hub, in any spelling of case."""
    account = name.split("/", 1)[0].lower()
    rows = [row for row in knowledge_of(config).registry.rows if row.publisher.lower() == account]
    if not rows:
        raise ReportError(f"{name}: the registry has no row for this account, so it counts as ZZ")
    return _WHO, [record(row)[: len(_WHO)] for row in rows]


def unattributed(config: Config, hub: str | None, limit: int) -> Table:
    """Publishers whose downloads count as ZZ, the most downloaded first, with what a reviewer needs.

    Downloads are those of the last whole month with readings, else of the hub's last 30 days.
    """
    knowledge = knowledge_of(config)
    with Database.open(config.database.url, write=False) as db:
        models = _latest_models(db, reported_hub(db, hub), knowledge)
    missing = models[models["country_publisher"] == NOT_ATTRIBUTED].sort_values(
        ["downloads", "model"], ascending=[False, True]
    )
    groups = missing.groupby("publisher", sort=True)
    rows = [_missing(str(name), group) for name, group in groups]
    rows.sort(key=lambda row: (-row[1], row[0]))
    return ("publisher", "downloads", "models", "reviewed", "sample"), rows[:limit]


def _missing(publisher: str, models: pd.DataFrame) -> tuple[Any, ...]:
    downloads = int(half_up(models[["downloads"]].sum().to_numpy())[0])
    reviewed = "unknown" if (models["kind"] != "").any() else "never"
    return publisher, downloads, len(models), reviewed, "; ".join(models["model"].head(3))


def _latest_models(db: Database, hub: Hub, knowledge: Knowledge) -> pd.DataFrame:
    last = calendar.reach(db, hub.id)[1]
    poll = facts.last_good_poll(db, hub.id)
    if poll is not None:
        return trailing_models(db, hub, poll, knowledge).models
    if last is None:
        raise ReportError(f"{hub.name}: nothing was read yet; run `collector poll` first")
    return window_models(db, hub, month_of(last), knowledge).models

"""What a reviewer of the registry asks for: what it misses, what an edit does to a month, whether a file can be used.

Read-only. Knows how database, registry and lineage are joined for these questions; prints nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from collector.asking import knowledge_of, reported_hub
from collector.config import Config
from collector.counting import count, count_trailing, trailing_window
from collector.errors import ReportError, UsageError
from collector.figuring import ScopeModels, scoped
from collector.measure import shares
from collector.measure.gaps import Gap, gaps
from collector.measure.models import Models
from collector.model import ATTRIBUTIONS, NOT_ATTRIBUTED, Scope, Window, month_of, month_window
from collector.origins.knowledge import DATA, Knowledge
from collector.origins.registry import (
    COLUMNS,
    OriginRow,
    Registry,
    differences,
    is_account,
    load_countries,
    load_registry,
    make_registry,
    read_rows,
    record,
)
from collector.owning import attributed
from collector.store import calendar, figures, hub_polls, hubwide, lineages
from collector.store.database import Database
from collector.store.queries import Hub

Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]  #: columns and rows

Reviewed = Mapping[str, Sequence[OriginRow]]  #: the rows of accounts of one hub, by their names in one case

PACKAGED, CONFIGURED = "packaged", "configured"  #: words for a registry where a file may stand
_SMALLEST_MOVE = 5e-7  # what six places of a share show

# --- what is missing --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Missing:
    """The accounts without a country, the most downloaded first."""

    window: str  #: label of the window whose downloads are given
    total: float  #: downloads of the hub in it
    table: Table
    rows_to_fill: Table  #: the same accounts in the registry's own columns
    words: list[str]  #: what is missing in all, never reviewed and reviewed in vain apart


def unattributed(config: Config, hub: str | None, limit: int, today: date) -> Missing:
    """What the registry misses, by the downloads of the hub's last 30 days, else of its last month with readings."""
    knowledge = knowledge_of(config)
    with Database.open(config.database.url, write=False) as db:
        asked = reported_hub(db, hub)
        window, models = _latest(db, asked, knowledge)
        found = gaps(models)
        shown = found[:limit]
        sample = {number for gap in shown for number in gap.sample}
        bases = _declared(db, sample)
        names = figures.names_of(db, sample)
    accounts = knowledge.registry.by_account
    reviewed = {account: rows for (hub_name, account), rows in accounts.items() if hub_name == asked.name}
    columns = ("publisher", "downloads", "as_uploader", "as_root", "models", "reviewed", "sample", "bases")
    rows = [_gap_row(gap, gap.publisher.casefold() in reviewed, names, bases) for gap in shown]
    total = math.fsum(models.downloads.tolist())
    blanks = [row for gap in shown for row in _to_fill(gap, asked.name, reviewed, today)]
    return Missing(
        window.label,
        total,
        (columns, rows),
        (COLUMNS, blanks),
        _missing_words(found, reviewed, total, window.label),
    )


def _latest(db: Database, hub: Hub, knowledge: Knowledge) -> tuple[Window, Models]:
    """The models of the hub's last 30 days, else of its last month with readings; their roots name their publishers."""
    poll, known = hub_polls.read(db, hub.id).last_good(), hubwide.read(db, hub.id)
    window, counted = (None, None) if poll is None else (trailing_window(poll), count_trailing(db, hub, poll, known))
    if window is None or counted is None or not len(counted.downloads):
        last = calendar.reach(db, hub.id)[1]
        if last is None:
            raise ReportError(f"{hub.name}: nothing was read yet; run `collector poll` first")
        window = month_of(last - 1)
        counted = count(db, hub, window, known)
    return window, attributed(db, hub, counted, window, "", knowledge, known, with_publishers=True).models


def _declared(db: Database, model_ids: set[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for model_id, base, _, relation in lineages.bases_of(db, model_ids):
        found.setdefault(model_id, []).append(f"{relation}:{base}" if relation else base)
    return found


def _gap_row(gap: Gap, is_reviewed: bool, names: dict[int, str], bases: dict[int, list[str]]) -> tuple[Any, ...]:
    said = dict.fromkeys(base for number in gap.sample for base in bases.get(number, ()))
    return (
        gap.publisher,
        *(math.floor(value + 0.5) for value in (gap.downloads, gap.as_uploader, gap.as_root)),
        gap.models,
        "unknown" if is_reviewed else "never",
        "; ".join(names[number] for number in gap.sample),
        "; ".join(said),
    )


def _to_fill(gap: Gap, hub: str, reviewed: Reviewed, today: date) -> list[tuple[str, ...]]:
    """Rows for a reviewer: those the registry has, else an empty one. What can be no account cannot have a row."""
    known = reviewed.get(gap.publisher.casefold())
    if known is not None:
        return [record(row) for row in known]
    if not is_account(gap.publisher):
        return []
    empty = dict.fromkeys(COLUMNS, "")
    filled = {"hub": hub, "publisher": gap.publisher, "country": NOT_ATTRIBUTED, "reviewed_on": today.isoformat()}
    return [tuple((empty | filled)[name] for name in COLUMNS)]


def _missing_words(found: list[Gap], reviewed: Reviewed, total: float, window: str) -> list[str]:
    words = []
    for what, is_wanted in (("never reviewed", False), ("reviewed and unknown", True)):
        those = [gap for gap in found if (gap.publisher.casefold() in reviewed) == is_wanted]
        held = math.fsum(gap.downloads for gap in those)
        part = f" ({held / total:.1%} of all in {window})" if total else ""
        words.append(f"{what}: {len(those):,} accounts, {held:,.0f} downloads{part}")
    return words


# --- what an edit does ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Edit:
    """What the change from one registry to another does."""

    accounts: Table
    shares: Table  #: countries whose share moves, under both attributions


def registry_edit(config: Config, old: str, new: str, month: str, *, hub: str | None, scope: str | None) -> Edit:
    """Which accounts change from one registry to another, and what that does to a month's shares by country.

    `old` and `new` are registry files that stand for a whole registry, `packaged`, or `configured` (the packaged one
    with the user's own rows). RegistryError names file and line, ReportError a month without downloads.
    """
    knowledge = knowledge_of(config)
    before, after = (_registry(word, knowledge) for word in (old, new))
    asked = _scope(config, scope)
    window = _month(month)
    accounts = (("hub", "publisher", "change", "old", "new"), differences(before, after))
    with Database.open(config.database.url, write=False) as db:
        of = reported_hub(db, hub)
        known = hubwide.read(db, of.id)
        counted = count(db, of, window, known)
        if not (counted.downloads > 0).any():
            raise ReportError(f"{of.name}: {month} holds no downloads; choose a month with readings")
        one, other = (
            scoped(attributed(db, of, counted, window, "", replace(knowledge, registry=registry), known), [asked])[0]
            for registry in (before, after)
        )
    return Edit(accounts, _moves(one, other, knowledge))


def _month(text: str) -> Window:
    try:
        return month_window(text)
    except ValueError as error:
        raise ReportError(f"{error}") from None


def _scope(config: Config, name: str | None) -> Scope:
    chosen = [scope for scope in config.scopes if name is None or scope.name == name]
    if not chosen:
        raise UsageError(f"--scope {name}: choose one of {', '.join(scope.name for scope in config.scopes)}")
    return chosen[0]


def _registry(word: str, knowledge: Knowledge) -> Registry:
    if word == CONFIGURED:
        return knowledge.registry
    if word == PACKAGED:
        return load_registry(DATA / "publishers.csv", None, knowledge.countries)
    return make_registry(read_rows(Path(word), knowledge.countries), word)


def _moves(one: ScopeModels, other: ScopeModels, knowledge: Knowledge) -> Table:
    rows = []
    for attribution in ATTRIBUTIONS:
        old, new = (shares.country_portions(models.countries[attribution]) for models in (one, other))
        moved = [(code, old.get(code, 0.0), new.get(code, 0.0)) for code in {*old, *new}]
        moved = [(code, was, is_) for code, was, is_ in moved if abs(is_ - was) >= _SMALLEST_MOVE]
        rows += [
            (attribution, code, knowledge.countries.get(code, code), round(was, 6), round(is_, 6), _points(was, is_))
            for code, was, is_ in sorted(moved, key=lambda row: (-abs(row[2] - row[1]), row[0]))
        ]
    return ("attribution", "country", "country_name", "share_old", "share_new", "points"), rows


def _points(was: float, is_: float) -> float:
    """Of a hundred."""
    return round(100 * (is_ - was), 4)


# --- whether it can be used -------------------------------------------------------------------------------------------


def check_file(path: Path, today: date) -> tuple[dict[str, Any], list[str]]:
    """How many rows a user's registry file holds, and what is wrong; RegistryError names file, line and reason."""
    countries = load_countries(DATA / "countries.csv")
    rows = read_rows(path, countries)
    held = {
        "file": str(path),
        "rows": len(rows),
        "accounts": len({(row.hub, row.publisher.casefold()) for row in rows}),
    }
    ahead = [row for row in rows if row.reviewed_on > today]
    return held, [f"{path}: {row.publisher}: reviewed_on {row.reviewed_on} lies ahead of today" for row in ahead]

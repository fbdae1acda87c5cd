"""What commands look up: whose an account is, where a model comes from, what the registry misses. Read-only.

Knows which tables answer which question; prints nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pandas as pd

from collector.config import Config
from collector.errors import ReportError
from collector.model import NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY, month_of, publisher_of
from collector.origins.knowledge import Knowledge
from collector.origins.lineage import Lineage, ModelName
from collector.origins.registry import OriginRow, check, record
from collector.rollup import trailing_models, window_models
from collector.store import calendar, queries
from collector.store import readings as facts
from collector.store.database import Database, database_path
from collector.store.derived import Derived
from collector.store.queries import Hub
from collector.tasks import knowledge_of, reported_hub

Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]  #: columns and rows
RootOf = tuple[str, str, str, float, str, str | None]  #: hub, root, its publisher, weight, basis, family

_WHO = ("hub", "publisher", "organisation", "country", "kind", "valid_from", "valid_to", "basis", "confidence")
_ROLE = ("role", "model", "weight", "lineage", "family")


# --- the registry -----------------------------------------------------------------------------------------------------


def check_origins(config: Config, today: date) -> tuple[dict[str, Any], list[str]]:
    """What the registry holds, and what is wrong with it. Unreadable files raise RegistryError."""
    knowledge = knowledge_of(config)
    rows = knowledge.registry.rows
    held = {
        "registry": knowledge.registry.version,
        "sha256": knowledge.registry.digest,
        "accounts": len({(row.hub, row.publisher) for row in rows}),
        "rows": len(rows),
        "countries": len({row.country for row in rows} - {NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY}),
        "families": len(knowledge.families.all),
        "lineage_corrections": len(knowledge.corrections),
    }
    developers = [("huggingface", family.publisher) for family in knowledge.families.all]
    return held, check(knowledge.registry, today, developers)


def held_lines(held: dict[str, Any]) -> list[str]:
    """The same for a terminal."""
    return [
        f"registry {held['registry']}, sha256 {held['sha256']}",
        f"{held['accounts']:,} accounts in {held['rows']:,} rows, {held['countries']:,} countries",
        f"{held['families']:,} families, {held['lineage_corrections']:,} lineage corrections",
    ]


def who(config: Config, name: str) -> Table:
    """The registry's rows of an account, on every hub, in any spelling of case; of a model also those of its roots.

    The lineage is the database's as it was worked out last; of a model it does not know (or without a database), what
    its name says. ReportError for an account that the registry lacks.
    """
    knowledge = knowledge_of(config)
    account = publisher_of(name)
    uploader = _rows_of(knowledge, account)
    if "/" in name:
        return _model_who(name, uploader, knowledge, _stored_roots(config, name) or _named_roots(knowledge, name))
    if not uploader:
        raise ReportError(f"{name}: the registry has no row for this account, so it counts as ZZ")
    return _WHO, [_who_row(row) for row in uploader]


def _model_who(name: str, uploader: Sequence[OriginRow], knowledge: Knowledge, roots: Iterable[RootOf]) -> Table:
    rows = [("uploader", name, None, None, None, *row) for row in _who_rows(uploader, "", publisher_of(name))]
    for hub, root, publisher, weight, basis, family in roots:
        # What is suggested and cannot be resolved has no publisher: ZZ.
        known = [row for row in _rows_of(knowledge, publisher) if basis != "none" and row.hub == hub]
        rows += [("root", root, weight, basis, family, *row) for row in _who_rows(known, hub, publisher)]
    return (*_ROLE, *_WHO), rows


def _rows_of(knowledge: Knowledge, account: str) -> list[OriginRow]:
    return [row for row in knowledge.registry.rows if row.publisher.lower() == account.lower()]


def _who_row(row: OriginRow) -> tuple[Any, ...]:
    return record(row)[: len(_WHO)]


def _who_rows(rows: Sequence[OriginRow], hub: str, account: str) -> list[tuple[Any, ...]]:
    """The registry's rows; one of country ZZ where it has none."""
    unknown = (hub, account, "", NOT_ATTRIBUTED, "", "", "", "the registry has no row for this account", "")
    return [_who_row(row) for row in rows] or [unknown]


def _stored_roots(config: Config, name: str) -> list[RootOf]:
    """The roots of the models that bear or bore this name; none without a database."""
    path = database_path(config.database.url)
    if path is not None and not path.exists():
        return []
    with Database.open(config.database.url, write=False) as db:
        return [
            (model.hub, row["root_name"], row["root_publisher"], row["weight"], row["basis"], _text(row["family"]))
            for model in queries.models_named(db, name)
            for row in Derived(db).origin_rows(model.hub_id, [model.id]).to_dict("records")
        ]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _named_roots(knowledge: Knowledge, name: str) -> list[RootOf]:
    """What the name alone and our corrections say, as if the model were on the main hub."""
    hub = "huggingface"
    corrections = [correction for correction in knowledge.corrections if correction.hub == hub]
    alone = Lineage([ModelName(0, name, None)], [], {}, knowledge.families, corrections)
    return [(hub, root.root_name, root.root_publisher, root.weight, root.basis, root.family) for root in alone.roots()]


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
    downloads = math.floor(math.fsum(models["downloads"]) + 0.5)
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

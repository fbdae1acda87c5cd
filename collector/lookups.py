"""What commands look up: what the registry holds, whose an account is, where a model comes from. Read-only.

Knows which tables answer which question; prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from collector.asking import knowledge_of
from collector.config import Config
from collector.errors import ReportError
from collector.model import NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY, publisher_of
from collector.origins.knowledge import Knowledge
from collector.origins.lineage import ModelName, whole_lineage
from collector.origins.registry import OriginRow, check, record
from collector.rooting import lineage
from collector.store import queries
from collector.store.database import Database, database_path
from collector.store.derived import Derived

Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]  #: columns and rows
RootOf = tuple[str, str, str, float, str, str | None]  #: hub, root, its publisher, weight, basis, family

_WHO = ("hub", "publisher", "organisation", "country", "kind", "valid_from", "valid_to", "basis", "confidence")
_ROLE = ("role", "model", "weight", "lineage", "family")


# --- the registry -----------------------------------------------------------------------------------------------------


def check_origins(config: Config, today: date) -> tuple[dict[str, Any], list[str]]:
    """What the registry holds, and what is wrong with it. Unreadable files raise RegistryError."""
    knowledge = knowledge_of(config)
    rows = knowledge.registry.rows
    measured, findings = _measured_lineage(config, knowledge)
    held = {
        "registry": knowledge.registry.version,
        "sha256": knowledge.registry.digest,
        "accounts": len({(row.hub, row.publisher) for row in rows}),
        "rows": len(rows),
        "countries": len({row.country for row in rows} - {NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY}),
        "kinds": dict(sorted(Counter(row.kind for row in rows).items())),
        "families": len(knowledge.families.all),
        "lines": sum(len(family.lines) for family in knowledge.families.all),
        "lineage_corrections": len(knowledge.corrections),
        "name_rule": measured,
    }
    developers = [("huggingface", family.publisher) for family in knowledge.families.all]
    return held, check(knowledge.registry, today, developers) + findings


def held_lines(held: dict[str, Any]) -> list[str]:
    """The same for a terminal."""
    return [
        f"registry {held['registry']}, sha256 {held['sha256']}",
        f"{held['accounts']:,} accounts in {held['rows']:,} rows, {held['countries']:,} countries",
        "rows by kind: " + ", ".join(f"{count:,} {kind}" for kind, count in held["kinds"].items()),
        f"{held['families']:,} families with {held['lines']:,} lines",
        f"{held['lineage_corrections']:,} lineage corrections",
        *(_precision_line(measured) for measured in held["name_rule"]),
    ]


def _precision_line(measured: dict[str, Any]) -> str:
    """How good the name alone is, in words."""
    if not measured["said"]:
        return f"name rule on {measured['hub']}: not measured: of no model do name and declaration both say something"
    right = measured["agreed"] / measured["said"]
    return (
        f"name rule on {measured['hub']}: of {measured['declared']:,} models that declare a base, the name alone says "
        f"something of {measured['said']:,} and leads to the same family in {right:.1%} of them"
    )


def _measured_lineage(config: Config, knowledge: Knowledge) -> tuple[list[dict[str, Any]], list[str]]:
    """How often the name alone leads where declarations lead, by hub, and corrections that hubs have overtaken.

    Nothing where there is no database yet.
    """
    path = database_path(config.database.url)
    if path is not None and not path.exists():
        return [], []
    measured, findings = [], []
    with Database.open(config.database.url, write=False) as db:
        for hub in queries.hubs(db):
            lines = lineage(db, hub, knowledge)
            agreed, said, declared = lines.precision()
            measured.append({"hub": hub.name, "agreed": agreed, "said": said, "declared": declared})
            findings += lines.findings()
    return measured, findings


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
    alone = whole_lineage([ModelName(0, name, None)], [], {}, knowledge.families, corrections)
    return [(hub, root.root_name, root.root_publisher, root.weight, root.basis, root.family) for root in alone.roots()]

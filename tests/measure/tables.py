"""Models written as tables: one row for each, and one for each of their roots. The measure takes them as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from collector.columns import PublishedFile
from collector.measure.models import Account, Accounts, Models, Owners, Root, RootSet, of_accounts
from collector.measure.rows import Columns, table_of
from collector.measure.sums import Parts, Tally, cells_of, tallies
from collector.model import Attribution, Scope

DEFAULTS: dict[str, Any] = {
    "model": "",
    "publisher": "",
    "organisation": "",
    "kind": "",
    "country_publisher": "ZZ",
    "basis": "self",
    "relation": None,
    "pipeline_tag": None,
    "created_at": -1,
    "estimated": 0.0,
    "corrections": 0,
    "covered": 1.0,
    "flags": "",
}
NO_ROOTS = pd.DataFrame({"model_id": [], "country": [], "weight": []})


def accounts_of(named: Sequence[Account]) -> Accounts:
    """The accounts as columns; those of which nothing is said are not known."""
    known = {place: each for place, each in enumerate(named) if each != Account(each.name)}
    return Accounts(np.arange(len(named)), known, lambda numbers: [named[place].name for place in numbers.tolist()])


def models_of(table: pd.DataFrame, roots: pd.DataFrame = NO_ROOTS) -> Models:
    """The models of a table (what it does not say is DEFAULTS), with roots of (model_id, country, weight, …)."""
    rows: list[dict[str, Any]] = [DEFAULTS | _said(row) for row in table.to_dict("records")]
    own = [Account(r["publisher"], r["country_publisher"], r["organisation"], r["kind"]) for r in rows]
    named, tasks = sorted(set(own)), list(dict.fromkeys(r["pipeline_tag"] for r in rows))
    account, accounts = np.array([named.index(each) for each in own], np.int64), accounts_of(named)
    of_account = of_accounts(accounts)
    names = {row["model_id"]: row["model"] for row in rows}

    def column(name: str, kind: type) -> Any:
        return np.array([row[name] for row in rows], kind)

    return Models(
        model_id=column("model_id", np.int64),
        account=account,
        task=np.array([tasks.index(row["pipeline_tag"]) for row in rows], np.int64),
        created_at=column("created_at", np.int64),
        downloads=column("downloads", np.float64),
        estimated=column("estimated", np.float64),
        corrections=column("corrections", np.int64),
        covered=column("covered", np.float64),
        base=_base(rows, [_said(row) for row in roots.to_dict("records")]),
        uploader=Owners(of_account.of[account], of_account.sets),
        accounts=accounts,
        tasks=tasks,
        flags={row["model_id"]: row["flags"] for row in rows if row["flags"]},
        names=lambda ids: [names[model_id] for model_id in ids.tolist()],
    )


def by_base(table: pd.DataFrame, roots: pd.DataFrame) -> Tally:
    """The models added up by the ends of their lineages."""
    return tally_of(models_of(table, roots), "base")


def by_uploader(table: pd.DataFrame) -> Tally:
    """The models added up by their uploaders."""
    return tally_of(models_of(table), "publisher")


EVERYTHING = Scope("all")


def tally_of(models: Models, attribution: Attribution, scope: Scope = EVERYTHING) -> Tally:
    """The models of a scope by whose they are."""
    return tallies(cells_of(models, [scope]), attribution)[0]


def printed(file: PublishedFile, rows: Columns, counted: Parts) -> Any:
    """The rows of one scope and attribution as the published file shows them."""
    return table_of(file, [rows], counted.tally.models.names)


def where(table: pd.DataFrame, inside: Any) -> list[int]:
    """The numbers of the models that are inside."""
    return [int(number) for number in table["model_id"].to_numpy()[inside]]


def _said(row: dict[Any, Any]) -> dict[str, Any]:
    """What a table says; a text that is missing in it is not said."""
    said = {str(name): value for name, value in row.items() if value is not None}
    return {name: value for name, value in said.items() if value == value or name == "estimated"}


def _base(rows: list[dict[str, Any]], roots: list[dict[str, Any]]) -> Owners:
    of_model: dict[int, list[Root]] = {}
    for root in roots:
        told = (root.get("family"), root.get("unknown", ""), root.get("root_publisher", ""))
        of_model.setdefault(root["model_id"], []).append(Root(root["country"], root.get("weight", 1.0), *told))
    sets: dict[RootSet, int] = {}
    for each in of_model.values():
        each.sort(key=lambda root: (-root.weight, root.country, root.family or ""))
    own = (RootSet(tuple(of_model.get(row["model_id"], ())), row["basis"], row["relation"]) for row in rows)
    return Owners(np.array([sets.setdefault(each, len(sets)) for each in own], np.int64), tuple(sets))

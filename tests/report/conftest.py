"""A small report, made by the real measure from a few models, one of them with a hostile name."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from collector.columns import (
    COUNTRY_SHARE,
    DERIVATIVE_SHARE,
    FAMILY_SHARE,
    GROUP_SHARE,
    MODEL_DOWNLOADS,
    PUBLISHER_SHARE,
    QUALITY,
)
from collector.measure.derivatives import derivative_parts, derivative_shares
from collector.measure.groups import group_shares
from collector.measure.models import Models, in_scope, owners
from collector.measure.shares import (
    all_models,
    concentration,
    country_parts,
    country_shares,
    family_parts,
    family_shares,
    model_downloads,
    publisher_rows,
    publisher_shares,
    unquantised_portions,
)
from collector.measure.spikes import NO_DAYS, spike_rows
from collector.measure.sums import Heading, tallied
from collector.model import ATTRIBUTIONS, CountryGroup, Scope, month_window
from collector.report.data import PollUsed, RegistryUsed, ReportData, Source
from tests.measure.tables import models_of

SEPTEMBER = month_window("2026-09")
SCOPES = (Scope("all"), Scope("llm", frozenset({"text-generation"}), exclude_relations=frozenset({"adapter"})))
NAMES = {"CN": "China", "US": "United States", "FR": "France", "ZZ": "not attributed"}
GROUPS = (
    CountryGroup("EU", "European Union", frozenset({"DE", "FR"})),
    CountryGroup("G7", "Group of Seven", frozenset({"FR", "US"})),
)
ESCAPE = "who/\x1b[31mred\x1b[0m"
MODELS = (
    # model, uploader's country, base's country, family, basis, relation, downloads, estimated
    ("Qwen/Qwen3", "CN", "CN", "Qwen", "self", None, 60_000.0, 0.0),
    ("meta/llama", "US", "US", "Llama", "self", None, 25_000.0, 25_000.0),
    ("unsloth/Qwen3-GGUF", "US", "CN", "Qwen", "declared", "quantized", 10_000.0, 0.0),
    ("=cmd/x", None, "ZZ", None, "none", None, 4_000.5, 0.0),
    (ESCAPE, None, "FR", None, "declared", "adapter", 999.5, 0.0),
)


def the_models() -> Models:
    names = ["model", "country_publisher", "country", "family", "basis", "relation", "downloads", "estimated"]
    table = pd.DataFrame(list(MODELS), columns=names)
    table = table.assign(
        model_id=range(1, len(table) + 1),
        publisher=[name.split("/")[0] for name in table["model"]],
        pipeline_tag="text-generation",
        covered=0.5,
    )
    return models_of(table, table[["model_id", "country", "family"]])


def tables_of(scope: Scope) -> dict[str, list[pd.DataFrame]]:
    heading = Heading("huggingface", SEPTEMBER.label, scope.name)
    models = in_it(scope)
    tables: dict[str, list[pd.DataFrame]] = {COUNTRY_SHARE.name: [], GROUP_SHARE.name: [], QUALITY.name: []}
    for attribution in ATTRIBUTIONS:
        said: Any = {"attribution": attribution, "status": "provisional"}
        previous = {"CN": 0.6, "US": 0.4}
        parts = country_parts(tallied(models, owners(models, attribution)))
        tables[COUNTRY_SHARE.name].append(country_shares(parts, heading, previous=previous, names=NAMES, **said))
        tables[GROUP_SHARE.name].append(group_shares(parts, heading, GROUPS, previous=previous, **said))
        tables[QUALITY.name].append(spike_rows([(heading, attribution, parts)], NO_DAYS))
    base = tallied(models, models.base)
    tables[FAMILY_SHARE.name] = [family_shares(family_parts(base, {"Qwen": "CN", "Llama": "US"}), heading, previous={})]
    made = derivative_shares(derivative_parts(base), models.where(slice(2, 3)), heading, previous={})
    tables[DERIVATIVE_SHARE.name] = [made]
    return tables


def in_it(scope: Scope) -> Models:
    models = the_models()
    return models.where(in_scope(models, scope))


@pytest.fixture(scope="session")
def report() -> ReportData:
    models = the_models()
    by_scope = [tables_of(scope) for scope in SCOPES]
    tables = {name: pd.concat([t for each in by_scope for t in each[name]], ignore_index=True) for name in by_scope[0]}
    uploaded = {scope.name: publisher_rows(in_it(scope)) for scope in SCOPES}
    tables[PUBLISHER_SHARE.name] = publisher_shares("huggingface", SEPTEMBER.label, uploaded, models.accounts)
    tables[MODEL_DOWNLOADS.name] = model_downloads(models, Heading("huggingface", SEPTEMBER.label), len(models))
    return ReportData(
        hub="huggingface",
        endpoint="https://hub.example",
        counters="A download is a request for one of a model's query files; continuous integration counts too.",
        window=SEPTEMBER,
        attribution="base",
        scopes=SCOPES,
        tables=tables,
        unquantised={scope.name: unquantised_portions(tallied(in_it(scope), in_it(scope).base)) for scope in SCOPES},
        polls=(
            PollUsed(1, "all", SEPTEMBER.start + 300, SEPTEMBER.start + 1200, is_stale=True),
            PollUsed(2, "import", SEPTEMBER.start + 86_400, None, file="history\x1b.csv"),
        ),
        unknown={
            (scope.name, attribution): {"never_reviewed": 0.03, "reviewed_unknown": 0.01, "unresolved": 0.0}
            for scope in SCOPES
            for attribution in ATTRIBUTIONS
        },
        registry=RegistryUsed("2026-11-20", "ab" * 32),
        software_version="0.1.0",
        models=all_models(models),
        publishers={scope: concentration(rows.share) for scope, rows in uploaded.items()},
        sources=(Source("Hugging Face Hub", "https://huggingface.co", ""), Source("registry", license="CC-BY-4.0")),
    )

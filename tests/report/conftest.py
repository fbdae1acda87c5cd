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
    PublishedFile,
)
from collector.measure.derivatives import derivative_parts, derivative_shares
from collector.measure.groups import group_parts, group_shares
from collector.measure.models import Models, in_scope
from collector.measure.rows import Columns, Heading, table_of
from collector.measure.shares import (
    all_models,
    concentration,
    country_parts,
    country_portions,
    country_shares,
    family_parts,
    family_shares,
    model_downloads,
    publisher_rows,
    publisher_shares,
    unquantised_parts,
)
from collector.measure.spikes import NO_DAYS, spike_rows
from collector.model import ATTRIBUTIONS, CountryGroup, Scope, month_window
from collector.report.data import PollUsed, RegistryUsed, ReportData, Source
from tests.measure.tables import models_of, tally_of

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


def rows_of(scope: Scope) -> dict[PublishedFile, list[Columns]]:
    heading = Heading("huggingface", SEPTEMBER.label, scope.name)
    rows: dict[PublishedFile, list[Columns]] = {COUNTRY_SHARE: [], GROUP_SHARE: []}
    for attribution in ATTRIBUTIONS:
        said: Any = {"attribution": attribution, "status": "provisional", "previous": {"CN": 0.6, "US": 0.4}}
        tally = tally_of(the_models(), attribution, scope)
        parts = country_parts(tally)
        rows[COUNTRY_SHARE].append(country_shares(parts, heading, names=NAMES, **said))
        rows[GROUP_SHARE].append(group_shares(group_parts(tally, GROUPS), parts, heading, GROUPS, **said))
    base = tally_of(the_models(), "base", scope)
    rows[FAMILY_SHARE] = [family_shares(family_parts(base, {"Qwen": "CN", "Llama": "US"}), heading, previous={})]
    created = in_it(scope).where(slice(2, 3)).base
    rows[DERIVATIVE_SHARE] = [derivative_shares(derivative_parts(base), created, heading, previous={})]
    return rows


def spikes_of(scope: Scope) -> pd.DataFrame:
    heading = Heading("huggingface", SEPTEMBER.label, scope.name)
    parts = {each: country_parts(tally_of(the_models(), each, scope)) for each in ATTRIBUTIONS}
    return spike_rows([(heading, name, each) for name, each in parts.items()], NO_DAYS)


def in_it(scope: Scope) -> Models:
    models = the_models()
    return models.where(in_scope(models, scope))


@pytest.fixture(scope="session")
def report() -> ReportData:
    models = the_models()
    by_scope = [rows_of(scope) for scope in SCOPES]
    rows = {file: [part for each in by_scope for part in each[file]] for file in by_scope[0]}
    tables = {file.name: table_of(file, each, models.names) for file, each in rows.items()}
    tables[QUALITY.name] = pd.concat([spikes_of(scope) for scope in SCOPES], ignore_index=True)
    uploaded = {scope.name: publisher_rows(tally_of(models, "base", scope)) for scope in SCOPES}
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
        unquantised={
            scope.name: country_portions(unquantised_parts(tally_of(models, "base", scope))) for scope in SCOPES
        },
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

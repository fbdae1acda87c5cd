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
from collector.measure.derivatives import derivative_shares
from collector.measure.groups import group_shares
from collector.measure.shares import (
    country_parts,
    country_portions,
    country_shares,
    family_parts,
    family_shares,
    in_scope,
    model_downloads,
    publisher_roots,
    publisher_shares,
    unquantised,
)
from collector.measure.spikes import spike_rows
from collector.measure.sums import Heading
from collector.model import ATTRIBUTIONS, Attribution, CountryGroup, Scope, month_window
from collector.report.data import PollUsed, RegistryUsed, ReportData, Source

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


def the_models() -> pd.DataFrame:
    names = ["model", "country_publisher", "country", "family", "basis", "relation", "downloads", "estimated"]
    table = pd.DataFrame(list(MODELS), columns=names)
    return table.assign(
        model_id=range(1, len(table) + 1),
        publisher=[name.split("/")[0] for name in table["model"]],
        organisation=None,
        kind=None,
        pipeline_tag="text-generation",
        created_at=-1,
        corrections=0,
        covered=0.5,
        flags="",
    )


def the_roots(models: pd.DataFrame, attribution: Attribution) -> pd.DataFrame:
    if attribution == "publisher":
        return publisher_roots(models)
    return models[["model_id", "country", "family"]].assign(weight=1.0)


def tables_of(scope: Scope) -> dict[str, list[pd.DataFrame]]:
    heading = Heading("huggingface", SEPTEMBER.label, scope.name)
    everything = the_models()
    models = everything[in_scope(everything, scope)].drop(columns="country")
    tables: dict[str, list[pd.DataFrame]] = {COUNTRY_SHARE.name: [], GROUP_SHARE.name: [], QUALITY.name: []}
    attributions: tuple[Attribution, Attribution] = ("base", "publisher")
    for attribution in attributions:
        roots = the_roots(everything, attribution)
        said: Any = {"attribution": attribution, "status": "provisional"}
        previous = {"CN": 0.6, "US": 0.4}
        parts = country_parts(models, roots)
        tables[COUNTRY_SHARE.name].append(country_shares(parts, heading, previous=previous, names=NAMES, **said))
        tables[GROUP_SHARE.name].append(group_shares(parts, heading, GROUPS, previous=previous, **said))
        no_days = pd.DataFrame({"model_id": [], "day": [], "downloads": []})
        tables[QUALITY.name].append(spike_rows(models, roots, no_days, SEPTEMBER, heading, attribution))
    parts = family_parts(models, the_roots(everything, "base"), {"Qwen": "CN", "Llama": "US"})
    tables[FAMILY_SHARE.name] = [family_shares(parts, heading, previous={})]
    made = derivative_shares(models, models.iloc[2:3], the_roots(everything, "base"), heading, previous={})
    tables[DERIVATIVE_SHARE.name] = [made]
    tables[PUBLISHER_SHARE.name] = [publisher_shares(models, heading)]
    return tables


def originals(scope: Scope) -> dict[str, float]:
    models = the_models()
    models = models[in_scope(models, scope) & unquantised(models)]
    return country_portions(country_parts(models.drop(columns="country"), the_roots(models, "base")))


@pytest.fixture(scope="session")
def report() -> ReportData:
    models = the_models()
    by_scope = [tables_of(scope) for scope in SCOPES]
    tables = {name: pd.concat([t for each in by_scope for t in each[name]], ignore_index=True) for name in by_scope[0]}
    roots = the_roots(models, "base")
    heading = Heading("huggingface", SEPTEMBER.label)
    tables[MODEL_DOWNLOADS.name] = model_downloads(models.drop(columns="country"), roots, heading)
    return ReportData(
        hub="huggingface",
        endpoint="https://hub.example",
        counters="A download is a request for one of a model's query files; continuous integration counts too.",
        window=SEPTEMBER,
        attribution="base",
        scopes=SCOPES,
        tables=tables,
        unquantised={scope.name: originals(scope) for scope in SCOPES},
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
        sources=(Source("Hugging Face Hub", "https://huggingface.co", ""), Source("registry", license="CC-BY-4.0")),
    )

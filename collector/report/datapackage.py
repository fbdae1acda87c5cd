"""`datapackage.json` (Data Package 2.0): what each column means, and how the pack was made.

Pure; knows no file and no clock: the same figures make the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.columns import MODEL_DOWNLOADS, PublishedColumn, PublishedFile
from collector.model import Attribution, Scope, from_seconds
from collector.report.data import PollUsed, ReportData, Source
from collector.report.text import clean

_PROFILES = "https://datapackage.org/profiles/2.0"
_SOFTWARE = "open-model-collector"


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A CSV file as it lies on disk."""

    file: PublishedFile
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Beyond:
    """The models that are too small for `model_downloads.csv`."""

    models: int
    share_of_downloads: float  #: part of all downloads of the hub in the window


def datapackage_text(data: ReportData, files: Sequence[WrittenFile], top_models: int, beyond: Beyond) -> str:
    """The JSON text of the package. `top_models` is the most models that `model_downloads.csv` lists."""
    package = {
        "$schema": f"{_PROFILES}/datapackage.json",
        "name": _name(f"{data.hub}-{data.window.label}"),
        "title": f"Downloads of open models on {clean(data.hub)}, {data.window.label}",
        "description": "Shares of downloads by origin, family and publisher. " + clean(data.counters),
        **_listed("sources", [_source(source) for source in data.sources]),
        **_made(data),
        "model_downloads": {
            "listed_at_most": top_models,
            "models_beyond": beyond.models,
            "share_of_downloads_beyond": round(beyond.share_of_downloads, 6),
        },
        "resources": [_resource(written, top_models, beyond) for written in files],
    }
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def _made(data: ReportData) -> dict[str, Any]:
    """How the pack was made: enough to make it again."""
    return {
        "hub": clean(data.hub),
        "endpoint": clean(data.endpoint),
        "window": {"label": data.window.label, "from": _instant(data.window.start), "to": _instant(data.window.end)},
        "attribution": data.attribution,
        "scopes": [_scope(scope) for scope in data.scopes],
        "polls": [_poll(poll) for poll in data.polls],
        "registry": {"version": data.registry.version, "sha256": data.registry.sha256},
        "not_attributed": [_unknown(data, *key) for key in sorted(data.unknown)],
        "software": {"name": _SOFTWARE, "version": data.software_version},
    }


def _name(words: str) -> str:
    """Lower case letters, digits, `.`, `_`, `-`: what the profile takes for a name."""
    return re.sub(r"[^a-z0-9._-]", "-", words.lower())


def _instant(seconds: int) -> str:
    return from_seconds(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def _scope(scope: Scope) -> dict[str, Any]:
    """The written rule of a scope; a condition it does not make is null or empty."""
    return {
        "name": scope.name,
        "pipeline_tags": None if scope.pipeline_tags is None else sorted(scope.pipeline_tags),
        "created_after": None if scope.created_after is None else scope.created_after.isoformat(),
        "exclude_relations": sorted(scope.exclude_relations),
    }


def _unknown(data: ReportData, scope: str, attribution: Attribution) -> dict[str, Any]:
    """Parts of all downloads of the scope: of accounts never reviewed, reviewed in vain, lineages without end."""
    parts = data.unknown[scope, attribution]
    return {"scope": scope, "attribution": attribution, **{reason: round(part, 6) for reason, part in parts.items()}}


def _poll(poll: PollUsed) -> dict[str, Any]:
    return {
        "id": poll.id,
        "scope": poll.scope,
        "from": _instant(poll.started_at),
        "to": None if poll.finished_at is None else _instant(poll.finished_at),
        "stale": poll.is_stale,
        "thin": poll.is_thin,
        **({"file": clean(poll.file)} if poll.file else {}),
    }


def _source(source: Source) -> dict[str, str]:
    said = {"title": source.title, "path": source.path, "license": source.license}
    return {key: clean(words) for key, words in said.items() if words}


def _listed(key: str, values: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The profile refuses empty lists."""
    return {key: values} if values else {}


def _resource(written: WrittenFile, top_models: int, beyond: Beyond) -> dict[str, Any]:
    file = written.file
    return {
        "$schema": f"{_PROFILES}/dataresource.json",
        "name": file.name.removesuffix(".csv"),
        "type": "table",
        "path": file.name,
        "description": _sentence(file.meaning) + _rest(file, top_models, beyond),
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\n", "quoteChar": '"', "doubleQuote": True, "header": True},
        "bytes": written.bytes,
        "hash": f"sha256:{written.sha256}",
        "schema": _schema(file),
    }


def _sentence(meaning: str) -> str:
    return meaning[:1].upper() + meaning[1:]


def _rest(file: PublishedFile, top_models: int, beyond: Beyond) -> str:
    if file is not MODEL_DOWNLOADS:
        return ""
    part = f"{beyond.share_of_downloads:.2%}".replace("%", " %")
    return f" The {top_models} largest are listed; {beyond.models} more hold {part} of the downloads."


def _schema(file: PublishedFile) -> dict[str, Any]:
    # Only the files with a table have rows that their keys make unique: two models may have borne one name.
    keys = [column.name for column in file.columns if column.key] if file.table else []
    return {
        "fields": [_field(column) for column in file.columns],
        "missingValues": [""],
        **({"primaryKey": keys} if keys else {}),
    }


def _field(column: PublishedColumn) -> dict[str, Any]:
    required = {"constraints": {"required": True}} if column.key else {}
    return {"name": column.name, "type": column.type, "description": column.meaning, **required}

"""How the hub spells a model: the names that may be asked for, the shapes of rows, dates, lineage.

Rules: hub-api reference, sections 2.2 to 2.4, 3 and 7. Knows no sort order, no address and no socket. A value the hub
does not say is left out, never null.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from collector.demo.world import HubModel, Snapshot

Row = dict[str, object]

LIST_NAMES = (
    *("author", "baseModels", "cardData", "config", "createdAt", "disabled", "downloads", "downloadsAllTime"),
    *("evalResults", "gated", "gguf", "inference", "inferenceProviderMapping", "lastModified", "library_name", "likes"),
    *("mask_token", "model-index", "pipeline_tag", "private", "resourceGroup", "safetensors", "sha", "siblings"),
    *("spaces", "tags", "transformersInfo", "trendingScore", "widgetData", "xetEnabled"),
)
DETAIL_NAMES = tuple(sorted((*LIST_NAMES, "childrenModelCount", "usedStorage")))

BARE_ROW = (
    *("modelId", "likes", "trendingScore", "private", "downloads", "tags", "createdAt", "pipeline_tag"),
    "library_name",
)
FULL_ROW = (*BARE_ROW, "author", "sha", "lastModified", "gated", "siblings")
DETAIL_ROW = (
    *("private", "pipeline_tag", "library_name", "tags", "downloads", "likes", "modelId", "author", "sha"),
    *("lastModified", "gated", "disabled", "model-index", "config", "cardData", "siblings", "spaces", "createdAt"),
)


def invalid_option(allowed: Iterable[str]) -> str:
    """The hub's error text for a name that it does not know."""
    return "✖ Invalid option: expected one of " + "|".join(f'"{name}"' for name in allowed)


def row(model: HubModel, names: Iterable[str], world: Snapshot) -> Row:
    """`_id`, `id` and what was asked for of the rest, as far as the hub has it."""
    spelt: Row = {"_id": model.hub_key, "id": model.name}
    for name in names:
        value = _VALUES[name](model, world) if name in _VALUES else _SAME_FOR_ALL.get(name)
        if value is not None:
            spelt[name] = value
    if model.wire:
        asked = {"_id", "id", *names}
        spelt.update((name, value) for name, value in model.wire.items() if name in asked)
    return spelt


def detail_row(model: HubModel, world: Snapshot) -> Row:
    """What the detail route says when it is asked for nothing in particular."""
    return {"model-index": None, **row(model, DETAIL_ROW, world)}


def instant(moment: datetime | None) -> str | None:
    """A date as the hub writes it: whole seconds, with milliseconds that are always 0."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def revision(model: HubModel) -> str:
    """A commit that stays the same while the model exists."""
    return hashlib.sha1(model.hub_key.encode(), usedforsecurity=False).hexdigest()


def _base_models(model: HubModel, world: Snapshot) -> object:
    if not model.bases:
        return None
    return {
        "relation": model.bases[0].relation,
        "models": [_base(base.name, base.hub_key, world) for base in model.bases],
    }


def _base(name: str, key: str | None, world: Snapshot) -> Row:
    # By key the hub follows a renamed base; by name it knows only what bears or bore that name.
    known = world.models.get(key) if key else world.named(name) or world.led_to(name)
    if known is not None:
        return {"_id": known.hub_key, "id": known.name}
    return {"_id": key, "id": name} if key else {"id": name}


def _children(model: HubModel, world: Snapshot) -> object:
    counts: dict[str, int] = {}
    for child in world.models.values():
        if any(base.hub_key == model.hub_key or base.name == model.name for base in child.bases):
            relation = child.bases[0].relation or "finetune"
            counts[relation] = counts.get(relation, 0) + 1
    return counts


_SAME_FOR_ALL: Mapping[str, object] = {
    "cardData": {},
    "config": {},
    "siblings": [{"rfilename": ".gitattributes"}, {"rfilename": "config.json"}],
    "spaces": [],
    "usedStorage": 0,
    "xetEnabled": True,
}

_VALUES: Mapping[str, Callable[[HubModel, Snapshot], object]] = {
    "author": lambda model, _: model.publisher,
    "baseModels": _base_models,
    "childrenModelCount": _children,
    "createdAt": lambda model, _: instant(model.created_at),
    "disabled": lambda model, _: model.disabled,
    "downloads": lambda model, _: model.last_30d,
    "downloadsAllTime": lambda model, _: model.all_time,
    "gated": lambda model, _: model.gated,
    "lastModified": lambda model, _: instant(model.last_modified or model.created_at),
    "library_name": lambda model, _: model.library_name,
    "likes": lambda model, _: model.likes,
    "modelId": lambda model, _: model.name,
    "pipeline_tag": lambda model, _: model.pipeline_tag,
    "private": lambda model, _: model.private,
    "sha": lambda model, _: revision(model),
    "tags": lambda model, _: list(model.tags),
    "trendingScore": lambda model, _: model.trending,
}

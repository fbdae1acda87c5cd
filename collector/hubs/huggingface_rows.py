"""Rows of the Hugging Face listing, one by one: what is read, what costs its own row, what costs nothing.

The careful way, for pages on which anything is odd; it is also the rule that `huggingface_pages` is held against. Knows
the wire format of a row; asks nobody and knows no page's address.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeGuard

import msgspec

from collector.hubs.judging import Answer, Trouble, clean
from collector.model import MAX_COUNTER, Base, Listed, Observation

MAX_KEY = 100  # characters
MAX_NAME = 200  # characters; the hub's own limit for a name is 96 on either side of the slash
MAX_LABEL = 100  # characters of a task, a library or a relation
MAX_LIKES = 2**31 - 1
MAX_BASES = 100  # of one model; the largest merges have a few dozen

LINEAGE_TAG = "base_model:"
UtcInstant = Annotated[datetime, msgspec.Meta(tz=True)]  # RFC 3339 with its zone, which is UTC on this hub


def decode_rows(answer: Answer) -> list[Any]:
    """The rows of a page, undecoded values and all. Trouble when the body is no JSON list."""
    try:
        rows = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        rows = _decode_leniently(answer.body)
    if not isinstance(rows, list):
        raise Trouble(f"the hub answered a JSON {type(rows).__name__} instead of a list")
    return rows


def _decode_leniently(body: bytes) -> Any:
    """JSON out of bounds in single values only (NaN, lone surrogates, broken UTF-8): they cost their own row."""
    try:
        return json.loads(body.decode("utf-8-sig", "replace"), strict=False, parse_int=_whole)
    except (ValueError, RecursionError) as e:
        kind = "HTML" if body[:100].lstrip().startswith(b"<") else "a body that is not JSON"
        raise Trouble(f"the hub answered {kind}") from e


def _whole(digits: str) -> int | float:
    """A number as written; a float, hence no counter, where Python refuses to read so many digits."""
    return int(digits) if len(digits) < 20 else float("inf")


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of a page came to."""

    listed: Sequence[Listed]  #: each hub key once; private models left out
    skipped: list[str]  #: why, for each row that could not be read
    oddities: list[str]  #: declared lineage that could not be read; its row was kept
    unreadable_keys: list[str]  #: of rows that could not be read, where at least their key could
    #: The same read one by one, for when a row proves odd; None: they were.
    carefully: Callable[[], Rows] | None = None


class BadRow(Exception):
    """A row that cannot be read; costs no other row."""


def read_rows(rows: list[Any], latest: int) -> Rows:
    """The rows of a page, one by one. `latest`: Unix seconds after which no model can have been created."""
    read: dict[str, Observation] = {}
    skipped: list[str] = []
    oddities: list[str] = []
    unreadable: list[str] = []
    for row in rows:
        try:
            observation = _observation(row, latest, oddities)
        except BadRow as e:
            skipped.append(f"{e} ({_label(row)})")
            if type(row) is dict and _is_key(row.get("_id")):
                unreadable.append(row["_id"])
            continue
        if observation is not None:
            read.setdefault(observation.hub_key, observation)
    return Rows(list(read.values()), skipped, oddities, [key for key in dict.fromkeys(unreadable) if key not in read])


def _observation(row: Any, latest: int, oddities: list[str]) -> Observation | None:
    """A row as an observation; None for a private model. BadRow says what is wrong with it."""
    if type(row) is not dict:
        raise BadRow("not an object")
    get = row.get
    private = get("private")
    if private is True:
        return None
    if private is not False and private is not None:
        raise BadRow("private is neither true nor false")
    key = get("_id")
    if not _is_key(key):
        raise BadRow("_id is missing or odd")
    name = get("id")
    if not is_name(name):
        raise BadRow("id is missing or odd")
    bases = _bases(get("baseModels"), get("tags"), name, oddities)
    return Observation(
        key,
        name,
        _count(get("downloadsAllTime"), "downloadsAllTime", MAX_COUNTER),
        _count(get("downloads"), "downloads", MAX_COUNTER),
        _count(get("likes"), "likes", MAX_LIKES),
        _instant(get("createdAt"), latest),
        _text(get("pipeline_tag"), "pipeline_tag"),
        _text(get("library_name"), "library_name"),
        bases,
    )


def _is_key(value: Any) -> TypeGuard[str]:
    return type(value) is str and 0 < len(value) <= MAX_KEY and value.isprintable()


def is_name(value: Any) -> TypeGuard[str]:
    """Whether it can be a model's name: printable, of bounded length, nothing empty around a slash.

    Wide on purpose: a name that looks like markup or a formula is still a model with downloads.
    """
    return (
        type(value) is str
        and 0 < len(value) <= MAX_NAME
        and value.isprintable()
        and value[0] != "/"
        and value[-1] != "/"
        and not value.isspace()
    )


def _count(value: Any, what: str, most: int) -> int | None:
    if value is None or (type(value) is int and 0 <= value <= most):
        return value
    if type(value) is not int:
        raise BadRow(f"{what} is not a whole number")
    raise BadRow(f"{what} is negative" if value < 0 else f"{what} is absurdly large")


def _instant(value: Any, latest: int) -> int | None:
    """Unix seconds of `2024-08-16T20:48:26.000Z`."""
    if value is None:
        return None
    try:
        seconds = int(msgspec.convert(value, UtcInstant).timestamp())
    except (msgspec.ValidationError, OverflowError) as e:
        raise BadRow("createdAt is not a date with a time zone") from e
    if not 0 <= seconds <= latest:
        raise BadRow("createdAt is out of the question")
    return seconds


def _text(value: Any, what: str) -> str | None:
    if value is None:
        return None
    if type(value) is not str:
        raise BadRow(f"{what} is not a text")
    return label(value)


def label(value: Any) -> str | None:
    """A task, a library or a relation; None for what cannot be one."""
    return value if _is_label(value) else None


def _is_label(value: Any) -> TypeGuard[str]:
    return type(value) is str and 0 < len(value) <= MAX_LABEL and value.isprintable()


def _bases(declared: Any, tags: Any, name: str, oddities: list[str]) -> tuple[Base, ...]:
    """What the model says it was made from: `baseModels`, else the tags. Unreadable lineage costs no counter."""
    if declared is not None:
        bases = declared_bases(declared)
        if bases is None:
            oddities.append(f"baseModels is malformed ({clean(name)})")
        elif bases:
            return bases
    if type(tags) is list:
        return tagged(tags)
    if tags is not None:
        oddities.append(f"tags is not a list ({clean(name)})")
    return ()


def declared_bases(value: Any) -> tuple[Base, ...] | None:
    """The bases of `{"relation": R, "models": [{"_id", "id"}, …]}`; None when any of it is malformed.

    All or nothing: a merge that lost one parent would give that one's part to the others.
    """
    models = value.get("models") if type(value) is dict else None
    if type(models) is not list or len(models) > MAX_BASES:
        return None
    relation = value.get("relation")
    relation = relation if _is_label(relation) else None
    bases: dict[str, Base] = {}
    for model in models:
        if type(model) is not dict or not is_name(model.get("id")):
            return None
        key = model.get("_id")
        bases[model["id"]] = Base(model["id"], relation, key if _is_label(key) else None)
    return tuple(bases.values())


def tagged(tags: list[Any]) -> tuple[Base, ...]:
    """The bases of `base_model:quantized:Qwen/Qwen3-8B` and of its untyped twin `base_model:Qwen/Qwen3-8B`."""
    relations: dict[str, str | None] = {}
    for tag in tags:
        if type(tag) is str and tag.startswith(LINEAGE_TAG) and len(relations) < MAX_BASES:
            relation, _, name = tag[len(LINEAGE_TAG) :].rpartition(":")  # a name has no colon
            if is_name(name):
                relations[name] = relations.get(name) or (relation if _is_label(relation) else None)
    return tuple(Base(name, relation) for name, relation in relations.items())


def _label(row: Any) -> str:
    """Which row it was, fit for a log."""
    said = row.get("id", row.get("_id")) if type(row) is dict else None
    return clean(said[:1000], limit=100) if type(said) is str and said else "without a name"

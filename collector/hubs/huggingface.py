"""The Hugging Face hub: its listing `/api/models`, page by page, to observations. Only place that knows its format.

Knows no database and no origin of anybody. The counters: `downloads` is the hub's rolling 30-day count,
`downloadsAllTime` its cumulative one, which comes with `expand` only and can fall (huggingface_hub#4365).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeGuard

import orjson

from collector.errors import CursorRefused
from collector.hubs.http import PatientClient, Stop
from collector.hubs.judging import Answer, Trouble, clean
from collector.model import MAX_COUNTER, Base, Observation, Page, PollPlan, to_seconds

NAME = "huggingface"
PAGE_ROWS = 1000  # the largest page the hub serves
# `tags` is there for the lineage of rows that lack `baseModels`; `_id` and `id` always come.
EXPAND = (
    "downloads",
    "downloadsAllTime",
    "likes",
    "createdAt",
    "private",
    "pipeline_tag",
    "library_name",
    "baseModels",
    "tags",
)
# A full walk never sorts by a key that moves while it is read: rows would be skipped or repeated.
SORTS = {"all": "sort=createdAt&direction=1", "top": "sort=downloads"}

MAX_KEY = 100  # characters
MAX_NAME = 200  # characters; the hub's own limit for a name is 96 on either side of the slash
MAX_LABEL = 100  # characters of a task, a library or a relation
MAX_LIKES = 2**31 - 1
MAX_BASES = 100  # of one model; the largest merges have a few dozen
LOGGED_ROWS = 5  # a page
CLOCK_MARGIN = 86_400  # seconds by which a model may be younger than our clock

_LINEAGE_TAG = "base_model:"


@dataclass(frozen=True, slots=True)
class HuggingFaceSettings:
    """What the configuration says of this hub."""

    endpoint: str = "https://huggingface.co"
    timeout_seconds: float = 30.0  #: of a connect and of each read
    token: str | None = field(default=None, repr=False)


class HuggingFace:
    """The hub as `polling` sees it. See `collector.hubs.Hub`."""

    name = NAME

    def __init__(self, endpoint: str, client: PatientClient, plan: PollPlan, log: logging.Logger) -> None:
        self.endpoint = endpoint
        self._client = client
        self._first = first_address(endpoint, plan)
        self._log = log

    def page(self, cursor: str | None) -> Page:
        """The first page, or the one at an address that an earlier page gave.

        Raises HubError (the poll can be resumed), CursorRefused (begin again), Stopped.
        """
        if cursor is not None and not self._client.owns(cursor):
            raise CursorRefused(f"{NAME}: the stored address of the next page is not on this endpoint; poll again")
        fetched = self._client.get(cursor or self._first, cursor is not None, decode_rows)
        rows = read_rows(fetched.value, to_seconds(fetched.asked_at) + CLOCK_MARGIN)
        self._log_problems("row skipped", rows.skipped)
        self._log_problems("lineage left out", rows.oddities)
        return Page(
            observed_at=fetched.asked_at,
            observations=tuple(rows.observations),
            next_cursor=fetched.next_address,
            rows_skipped=len(rows.skipped),
            retries=fetched.retries,
            waited_seconds=fetched.waited_seconds,
        )

    def _log_problems(self, what: str, problems: list[str]) -> None:
        for problem in problems[:LOGGED_ROWS]:
            self._log.warning("%s: %s: %s", NAME, what, problem)
        if len(problems) > LOGGED_ROWS:
            self._log.warning("%s: %s: %d more on this page", NAME, what, len(problems) - LOGGED_ROWS)


def make(
    settings: HuggingFaceSettings,
    plan: PollPlan,
    now: Callable[[], datetime],
    stop: Stop,
    log: logging.Logger,
    monotonic: Callable[[], float] = time.monotonic,
) -> HuggingFace:
    """The hub, ready to be asked for its first page. ConfigError when endpoint or token cannot be used."""
    client = PatientClient(
        NAME,
        settings.endpoint,
        settings.timeout_seconds,
        settings.token,
        now=now,
        monotonic=monotonic,
        stop=stop,
        log=log,
    )
    return HuggingFace(settings.endpoint, client, plan, log)


def first_address(endpoint: str, plan: PollPlan) -> str:
    """The listing's first page: by creation for the whole hub, by 30-day downloads for its top."""
    expand = "".join(f"&expand={key}" for key in EXPAND)
    return f"{endpoint.rstrip('/')}/api/models?{SORTS[plan.scope]}&limit={PAGE_ROWS}{expand}"


def decode_rows(answer: Answer) -> list[Any]:
    """The rows of a page, undecoded values and all. Trouble when the body is no JSON list."""
    try:
        rows = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
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

    observations: list[Observation]  #: each hub key once; private models left out
    skipped: list[str]  #: why, for each row that could not be read
    oddities: list[str]  #: declared lineage that could not be read; its row was kept


class BadRow(Exception):
    """A row that cannot be read; costs no other row."""


def read_rows(rows: list[Any], latest: int) -> Rows:
    """The rows of a page, one by one. `latest`: Unix seconds after which no model can have been created."""
    result = Rows([], [], [])
    known: set[str] = set()
    labels: set[Any] = {None}
    for row in rows:
        try:
            observation = _plain(row, latest, labels) or _observation(row, latest, result.oddities)
        except BadRow as e:
            result.skipped.append(f"{e} ({_label(row)})")
            continue
        if observation is not None and observation[0] not in known:
            known.add(observation[0])
            result.observations.append(observation)
    return result


def _plain(row: Any, latest: int, labels: set[Any]) -> Observation | None:
    """What `_observation` makes of an ordinary row, in under half its time; None leaves the row to it.

    `labels`: tasks and libraries found good on this page, and None. The checks of a name stand here once more, since a
    call for each of millions of names is felt.
    """
    try:
        get = row.get
        key, name, total, rolling, likes = (
            row["_id"],
            row["id"],
            row["downloadsAllTime"],
            row["downloads"],
            row["likes"],
        )
        task, library, declared = get("pipeline_tag"), get("library_name"), get("baseModels")
        if not (
            row["private"] is False
            and type(total) is type(rolling) is type(likes) is int
            and 0 <= total <= MAX_COUNTER
            and 0 <= rolling <= MAX_COUNTER
            and 0 <= likes <= MAX_LIKES
            and type(key) is type(name) is str
            and 0 < len(key) <= MAX_KEY
            and len(name) <= MAX_NAME
            and (key + name).isprintable()
            and name[0] != "/" != name[-1]
            and not name.isspace()
            and (task in labels or _is_good_label(task, labels))
            and (library in labels or _is_good_label(library, labels))
        ):
            return None
        if declared is not None:
            bases = _plain_bases(declared, labels)
        elif _LINEAGE_TAG in "\n".join(row["tags"]):  # one search for all tags: mostly it finds nothing
            return None
        else:
            bases = ()
        created = datetime.fromisoformat(row["createdAt"])
        created_at = -1 if created.tzinfo is None else int(created.timestamp())
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
        return None
    if bases is None or not 0 <= created_at <= latest:
        return None
    return _new(Observation, (key, name, total, rolling, likes, created_at, task, library, bases))


# A third of the time that calling the class takes.
_new = tuple.__new__


def _plain_bases(declared: Any, labels: set[Any]) -> tuple[Base, ...] | None:
    """The one base of an ordinary declaration; None for any other. Raises what a lookup in anything else raises."""
    models, relation = declared["models"], declared["relation"]
    key, name = models[0]["_id"], models[0]["id"]
    if (
        len(models) == 1
        and type(models) is list
        and type(key) is type(name) is str
        and 0 < len(key) <= MAX_LABEL
        and len(name) <= MAX_NAME
        and (key + name).isprintable()
        and name[0] != "/" != name[-1]
        and not name.isspace()
        and (relation in labels or _is_good_label(relation, labels))
    ):
        return (_new(Base, (name, relation, key)),)
    return None


def _is_good_label(value: Any, labels: set[Any]) -> bool:
    if not _is_label(value):
        return False
    labels.add(value)
    return True


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
    if type(key) is not str or not 0 < len(key) <= MAX_KEY or not key.isprintable():
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
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise BadRow("createdAt has no time zone")
        seconds = int(instant.timestamp())
    except (TypeError, ValueError, OverflowError) as e:
        raise BadRow("createdAt is not a date") from e
    if not 0 <= seconds <= latest:
        raise BadRow("createdAt is out of the question")
    return seconds


def _text(value: Any, what: str) -> str | None:
    if value is None:
        return None
    if type(value) is not str:
        raise BadRow(f"{what} is not a text")
    return value if _is_label(value) else None


def _is_label(value: Any) -> TypeGuard[str]:
    return type(value) is str and 0 < len(value) <= MAX_LABEL and value.isprintable()


def _bases(declared: Any, tags: Any, name: str, oddities: list[str]) -> tuple[Base, ...]:
    """What the model says it was made from: `baseModels`, else the tags. Unreadable lineage costs no counter."""
    if declared is not None:
        bases = _declared(declared)
        if bases is None:
            oddities.append(f"baseModels is malformed ({clean(name)})")
        elif bases:
            return bases
    if type(tags) is list:
        return _tagged(tags)
    if tags is not None:
        oddities.append(f"tags is not a list ({clean(name)})")
    return ()


def _declared(value: Any) -> tuple[Base, ...] | None:
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


def _tagged(tags: list[Any]) -> tuple[Base, ...]:
    """The bases of `base_model:quantized:Qwen/Qwen3-8B` and of its untyped twin `base_model:Qwen/Qwen3-8B`."""
    relations: dict[str, str | None] = {}
    for tag in tags:
        if type(tag) is str and tag.startswith(_LINEAGE_TAG) and len(relations) < MAX_BASES:
            relation, _, name = tag[len(_LINEAGE_TAG) :].rpartition(":")  # a name has no colon
            if is_name(name):
                relations[name] = relations.get(name) or (relation if _is_label(relation) else None)
    return tuple(Base(name, relation) for name, relation in relations.items())


def _label(row: Any) -> str:
    """Which row it was, fit for a log."""
    said = row.get("id", row.get("_id")) if type(row) is dict else None
    return clean(said[:1000], limit=100) if type(said) is str and said else "without a name"

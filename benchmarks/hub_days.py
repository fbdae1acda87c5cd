"""Days of a made-up hub of any size, as the pages it would send. Heavy-tailed like the real one; the same every time.

Rates of downloads are log-normal: 1.5 % of the models carry 99 % of the downloads, and about 16 % of the counters
move from one day to the next. Half of the names hold a family's, four models of nine declare a base, two thirds live
under accounts whose country `registry` gives. Knows the wire format of the listing; knows nothing of the collector.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PAGE_ROWS = 1000
MEDIAN_LOG_RATE, LOG_RATE_SPREAD, MOST_A_DAY = -5.51, 4.8, 8e6
FIRST_DAY = 1_767_225_600  # 2026-01-01T00:00:00Z
FLOOR = 1_646_263_744  # everything older bears this creation
TASKS = ("text-generation", "text-classification", "image-text-to-text", "text-to-image", None)
LIBRARIES = ("transformers", "diffusers", "gguf", None)
RELATIONS = ("finetune", "quantized", "adapter", "merge")
STEMS = ("Qwen2.5-7B-Instruct", "my-model", "Llama-3.1-8B", "test", "gemma-3-27b-it", "v2", "whisper-small", "lora")
LARGE_ACCOUNTS = 997
NEW_MODELS_DOWNLOADS = 3  # in the mean, when they are seen first
COUNTRIES = ("US", "CN", "US", "CN", "FR", "US", "GB", "DE", "CN", "KR", "US", "JP", "IN", "CA", "IL", "SG", "CH", "AE")

Ints = NDArray[np.int64]


class Day(NamedTuple):
    """The counters of all models on a day, in the order of their creation."""

    number: int
    all_time: Ints
    rolling: Ints
    likes: Ints


def days(models: int, seed: int = 1) -> Iterator[Day]:
    """Day after day, without end."""
    rng = np.random.default_rng(seed)
    rates = np.minimum(rng.lognormal(MEDIAN_LOG_RATE, LOG_RATE_SPREAD, models), MOST_A_DAY)
    rolling = rng.poisson(30 * rates).astype(np.int64)
    all_time = rolling + rng.poisson(200 * rates)
    likes = rng.poisson(np.sqrt(rates)).astype(np.int64)
    number = 0
    while True:
        yield Day(number, all_time, rolling, likes)
        grown = rng.poisson(rates)
        all_time = all_time + grown
        rolling = np.maximum(rolling + grown - rng.poisson(rates), grown)
        likes = likes + (rng.random(models) < 0.001)
        number += 1


def with_new(day: Day, models: int) -> Day:
    """The same day with so many more models that nobody has seen before: small ones, as nearly all new ones are."""
    downloads = np.random.default_rng(day.number).poisson(NEW_MODELS_DOWNLOADS, models)
    more = (downloads, downloads, np.zeros(models, np.int64))
    return Day(day.number, *(np.append(column, new) for column, new in zip(day[1:], more, strict=True)))


def some(models: int, of: int, seed: int) -> frozenset[int]:
    """So many models of a hub of so many, the same for the same seed."""
    return frozenset(np.random.default_rng(seed).choice(of, models, replace=False).tolist())


def write_pages(folder: Path, day: Day, anew: Set[int] = frozenset()) -> Path:
    """The day's pages one after the other in one file; beside it (`.index`) where each begins.

    The models `anew` have another task than ever before.
    """
    file = folder / f"day{day.number}.pages"
    offsets = [0]
    with file.open("wb") as out:
        for start in range(0, len(day.all_time), PAGE_ROWS):
            body = page(day, start, min(start + PAGE_ROWS, len(day.all_time)), anew)
            out.write(body)
            offsets.append(offsets[-1] + len(body))
    file.with_suffix(".index").write_text(json.dumps(offsets))
    return file


def page(day: Day, start: int, end: int, anew: Set[int] = frozenset()) -> bytes:
    """The JSON of the models from `start` to `end`."""
    is_anew = (model in anew for model in range(start, end))
    counters = zip(*(column[start:end].tolist() for column in day[1:]), is_anew, strict=True)
    rows = (row(start + n, *said) for n, said in enumerate(counters))
    return f"[{','.join(rows)}]".encode()


def row(model: int, all_time: int, rolling: int, likes: int, is_anew: bool = False) -> str:
    """A row as the listing sends it when counters, task, library, bases and tags are asked for."""
    task, library = TASKS[(model + is_anew) % len(TASKS)], LIBRARIES[model % len(LIBRARIES)]
    tags = ["safetensors", "license:apache-2.0", "en", "endpoints_compatible", f"dataset:set{model % 900}", "region:us"]
    fields = [f'"_id":"{key(model)}","id":"{name(model)}","likes":{likes},"private":false']
    fields.append(f'"downloads":{rolling},"downloadsAllTime":{all_time},"createdAt":"{created(model)}"')
    if task:
        fields.append(f'"pipeline_tag":"{task}"')
    if library:
        fields.append(f'"library_name":"{library}"')
        tags.append(library)
    if declared := base_of(model):
        base, relation = declared
        tags += [f"base_model:{name(base)}", f"base_model:{relation}:{name(base)}"]
        fields.append(
            f'"baseModels":{{"relation":"{relation}","models":[{{"_id":"{key(base)}","id":"{name(base)}"}}]}}'
        )
    fields.append('"tags":["' + '","'.join(tags) + '"]')
    return "{" + ",".join(fields) + "}"


def key(model: int) -> str:
    """The hub's own key: it rises with the creation."""
    return f"{0x621FFDC0 + model // 8:08x}{model:016x}"


def name(model: int) -> str:
    """`publisher/model`; accounts are as skewed as on the hub."""
    account = model % LARGE_ACCOUNTS if model % 3 else LARGE_ACCOUNTS + model // 4
    return f"account-{account}/{STEMS[model % len(STEMS)]}-{model}"


def base_of(model: int) -> tuple[int, str] | None:
    """The base that a model declares, and how it was made from it."""
    return (model % 4999, RELATIONS[model % len(RELATIONS)]) if model % 9 < 4 and model > 5000 else None


def created(model: int) -> str:
    """Creation as the hub writes it."""
    return datetime.fromtimestamp(created_seconds(model), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def created_seconds(model: int) -> int:
    """Creation: the first at the floor, the rest evenly over the years since."""
    return FLOOR if model < 30_000 else min(FLOOR + (model - 30_000) * 40, FIRST_DAY - 1)


def registry() -> str:
    """The countries of the large accounts, as a registry of the user's own."""
    rows = ["hub,publisher,organisation,country,kind,valid_from,valid_to,basis,confidence,reviewed_on"]
    for account in range(LARGE_ACCOUNTS):
        country = COUNTRIES[account % len(COUNTRIES)]
        rows.append(f"huggingface,account-{account},Made Up {account},{country},company,,,made up,certain,2026-01-01")
    return "\n".join([*rows, ""])

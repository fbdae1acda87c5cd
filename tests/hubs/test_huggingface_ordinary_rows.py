"""The quick way of reading a row reads what the careful way reads, or leaves the row to it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.hubs.huggingface import MAX_KEY, MAX_LABEL, MAX_LIKES, MAX_NAME, BadRow, _observation, _plain
from collector.model import MAX_COUNTER

LATEST = 2_000_000_000
GOOD: dict[str, Any] = {
    "_id": "6" * 24,
    "id": "qwen/good",
    "private": False,
    "downloads": 3,
    "downloadsAllTime": 7,
    "likes": 1,
    "createdAt": "2024-08-16T20:48:26.000Z",
    "pipeline_tag": "text-generation",
    "tags": ["safetensors", "en"],
}
ODD: tuple[Any, ...] = (
    None,
    True,
    "",
    " ",
    "/a",
    "a/",
    "a\n",
    "a/b",
    -1,
    0,
    1.0,
    MAX_COUNTER + 1,
    MAX_LIKES + 1,
    10**30,
    [],
    {},
    ["a"],
)
LONG = ("x" * (MAX_KEY + 1), "x" * (MAX_LABEL + 1), "x" * (MAX_NAME + 1))
DATES = (
    "2024-08-16T20:48:26",
    "2024-08-16",
    "1969-01-01T00:00:00Z",
    "2999-01-01T00:00:00Z",
    "2024-08-16T20:48:26+02:00",
)
BASE = {"_id": "7" * 24, "id": "qwen/base"}
DECLARED = (
    {"relation": "finetune", "models": [BASE]},
    {"relation": "finetune", "models": [BASE, BASE]},
    {"relation": None, "models": [BASE]},
    {"relation": "", "models": [BASE]},
    {"relation": [], "models": [BASE]},
    {"models": [BASE]},
    {"relation": "finetune", "models": []},
    {"relation": "finetune", "models": {0: BASE}},
    {"relation": "finetune", "models": [{"_id": None, "id": "a/b"}]},
    {"relation": "finetune", "models": [{"_id": "", "id": "a/b"}]},
    {"relation": "finetune", "models": [{"_id": "k", "id": "/b"}]},
)
TAGS = (["base_model:a/b"], ["en", 3], ["xbase_model:a/b"], "base_model:a/b", "en")

values = st.sampled_from(ODD + LONG + DATES + DECLARED + TAGS)
fields = st.sampled_from([*GOOD, "library_name", "baseModels"])
rows = st.dictionaries(fields, values, max_size=3).map(lambda odd: GOOD | odd)


def carefully(row: Any) -> Any:
    try:
        return _observation(row, LATEST, [])
    except BadRow:
        return "bad"


@given(rows, st.sets(fields, max_size=2))
def test_what_is_read_quickly_is_what_is_read_carefully(row: dict[str, Any], missing: set[str]) -> None:
    row = {name: value for name, value in row.items() if name not in missing}
    quickly = _plain(row, LATEST, {None})
    assert quickly is None or quickly == carefully(row)


def test_ordinary_rows_are_read_quickly() -> None:
    declared = GOOD | {"library_name": "transformers", "baseModels": DECLARED[0]}
    for row in (GOOD, declared):
        quickly = _plain(row, LATEST, {None})
        assert quickly is not None
        assert quickly == carefully(row)
        assert type(quickly) is type(carefully(row))


def test_what_is_no_object_is_left_to_the_careful_way() -> None:
    assert [_plain(row, LATEST, {None}) for row in (None, 3, "row", [GOOD])] == [None] * 4

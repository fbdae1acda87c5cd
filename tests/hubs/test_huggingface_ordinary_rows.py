"""The quick way of reading a page reads what the careful way reads, or leaves the page to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.hubs.huggingface_pages import ordinary_rows
from collector.hubs.huggingface_rows import (
    MAX_BASES,
    MAX_KEY,
    MAX_LABEL,
    MAX_LIKES,
    MAX_NAME,
    Rows,
    decode_rows,
    read_rows,
)
from collector.hubs.judging import Answer
from collector.model import MAX_COUNTER, Observation

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
    " a",
    "a ",
    "/a",
    "a/",
    "a//b",
    "a\n",
    "a\n/b",
    "a\x7f",
    "a\u00a0b",
    "\u4e2d\u6587/\u6a21\u578b",
    "a\\b",
    "a/b",
    -1,
    0,
    1.0,
    MAX_COUNTER,
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
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00Z",
    "2999-01-01T00:00:00Z",
    "2024-08-16T20:48:26+02:00",
    "2024-08-16T20:48:26.9999999Z",
)
BASE = {"_id": "7" * 24, "id": "qwen/base"}
DECLARED = (
    {"relation": "finetune", "models": [BASE]},
    {"relation": "finetune", "models": [BASE, BASE]},
    {"relation": "merge", "models": [BASE, {"id": "qwen/other"}, BASE | {"_id": "8"}]},
    {"relation": None, "models": [BASE]},
    {"relation": "", "models": [BASE]},
    {"relation": "a\n", "models": [BASE]},
    {"relation": [], "models": [BASE]},
    {"models": [BASE]},
    {"relation": "finetune", "models": []},
    {"relation": "finetune"},
    {"relation": "finetune", "models": {"0": BASE}},
    {"relation": "finetune", "models": [{"id": f"a/{n}"} for n in range(MAX_BASES + 1)]},
    {"relation": "finetune", "models": [{"_id": None, "id": "a/b"}]},
    {"relation": "finetune", "models": [{"_id": "", "id": "a/b"}]},
    {"relation": "finetune", "models": [{"_id": "k", "id": "/b"}]},
)
TAGS = (
    ["base_model:a/b"],
    ["base_model:quantized:a/b", "base_model:a/b", "base_model:c/d"],
    ["en", 3],
    ["xbase_model:a/b"],
    "base_model:a/b",
    "en",
    {"base_model:a/b": 1},
)

values = st.sampled_from(ODD + LONG + DATES + DECLARED + TAGS)
fields = st.sampled_from([*GOOD, "library_name", "baseModels", "created_at", "created", "tagged", ""])
rows = st.dictionaries(fields, values, max_size=2).map(lambda odd: GOOD | odd)
pages = st.lists(st.tuples(rows, st.sets(fields, max_size=1), st.integers(0, 4)), max_size=4)


def sent(page: list[tuple[dict[str, Any], set[str], int]]) -> list[dict[str, Any]]:
    """Rows without some of their fields; mostly each has a key of its own."""
    numbered = [(row if "_id" in row and n == 0 else row | {"_id": f"k{n}"}, missing) for row, missing, n in page]
    return [{name: value for name, value in row.items() if name not in missing} for row, missing in numbered]


def carefully(body: bytes) -> Rows:
    return read_rows(decode_rows(Answer("", 200, {}, body, None)), LATEST)


def as_said(read: Rows) -> Rows:
    return Rows([row.observation() for row in read.listed], read.skipped, read.oddities, read.unreadable_keys)


def quickly(body: bytes) -> Rows:
    read = ordinary_rows(body, LATEST)
    assert read is not None
    return read


@given(pages, st.booleans())
def test_what_is_read_quickly_is_what_is_read_carefully(page: Any, ascii_only: bool) -> None:
    body = json.dumps(sent(page), ensure_ascii=ascii_only).encode()
    read = ordinary_rows(body, LATEST)
    assert read is None or as_said(read) == carefully(body)


@given(pages)
def test_a_row_read_quickly_is_known_again_by_the_same_checksum(page: Any) -> None:
    read = ordinary_rows(json.dumps(sent(page)).encode(), LATEST)
    for row in () if read is None else read.listed:
        assert row.described() == row.observation().described()


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"downloadsAllTime": None, "downloads": None, "likes": None},
        {"library_name": "transformers", "baseModels": DECLARED[0]},
        {"baseModels": DECLARED[2]},
        {"baseModels": {"models": []}, "tags": TAGS[1]},
        {"tags": TAGS[1]},
        {"tags": ['quoted "text"', "中文"]},
        {"id": "qwen/模型", "createdAt": None},
        {"siblings": [{"rfilename": "config.json"}]},
    ],
    ids=lambda odd: ", ".join(odd) or "ordinary",
)
def test_a_page_of_usual_rows_is_read_quickly(odd: dict[str, Any]) -> None:
    body = json.dumps([GOOD | {"_id": "a"}, GOOD | odd], ensure_ascii=False).encode()
    assert as_said(quickly(body)) == carefully(body)
    assert [type(row.observation()) for row in quickly(body).listed] == [Observation, Observation]


def test_tags_that_write_a_letter_as_its_number_tell_of_a_base_all_the_same() -> None:
    body = json.dumps([GOOD]).encode().replace(b'"en"', b'"\\u0062ase_model:a/b"')
    (row,) = quickly(body).listed
    assert [base.name for base in row.observation().bases] == ["a/b"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[3]",
        b"[[]]",
        b"[null]",
        b"<html>",
        json.dumps([GOOD, GOOD]).encode(),
        json.dumps([GOOD | {"private": True}]).encode(),
        json.dumps([GOOD]).encode().replace(b"safetensors", b"\xff"),
        json.dumps([GOOD]).encode().replace(b"qwen", b"\xff"),
        b"[" * 100_000,
    ],
    ids=["nothing", "object", "number", "list", "null", "HTML", "twice", "private", "tags", "name", "deep"],
)
def test_a_page_with_anything_odd_is_left_to_the_careful_way(body: bytes) -> None:
    assert ordinary_rows(body, LATEST) is None

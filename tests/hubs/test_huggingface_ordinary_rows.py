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
from collector.model import MAX_COUNTER, Listed, Observation, OddRow

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


def description(said: Observation) -> Observation:
    """All but the counters and the key."""
    return said._replace(hub_key="", downloads_all_time=None, downloads_30d=None, likes=None)


def is_odd(row: Listed) -> bool:
    try:
        row.observation()
    except OddRow:
        return True
    return False


def quickly(body: bytes) -> Rows:
    read = ordinary_rows(body, LATEST)
    assert read is not None
    return read


@given(pages, st.booleans())
def test_what_is_read_quickly_is_what_is_read_carefully(page: Any, ascii_only: bool) -> None:
    body = json.dumps(sent(page), ensure_ascii=ascii_only).encode()
    read = ordinary_rows(body, LATEST)
    if read is not None and not any(map(is_odd, read.listed)):
        assert as_said(read) == carefully(body)


@given(pages, st.booleans())
def test_words_with_the_checksum_of_such_as_were_read_before_need_not_be_read(page: Any, ascii_only: bool) -> None:
    body = json.dumps(sent(page), ensure_ascii=ascii_only).encode()
    listed = [] if (read := ordinary_rows(body, LATEST)) is None else read.listed
    sound = {row.described(): description(row.observation()) for row in listed if not is_odd(row)}
    rule = {row.hub_key: description(row.observation()) for row in carefully(body).listed}
    for row in listed:
        if row.described() in sound:
            assert rule[row.hub_key] == sound[row.described()]


@pytest.mark.parametrize(
    "other",
    [
        {"downloads": 9, "downloadsAllTime": 99, "likes": 3},
        {"tags": ["other", "tags"]},
        {"_id": "another"},
        {"siblings": [{"rfilename": "config.json"}]},
    ],
    ids=lambda other: ", ".join(other),
)
def test_what_is_no_description_is_not_in_the_checksum(other: dict[str, Any]) -> None:
    one, changed = quickly(json.dumps([GOOD, GOOD | {"_id": "b"} | other]).encode()).listed
    assert one.described() == changed.described()


@pytest.mark.parametrize(
    "other",
    [
        {"id": "qwen/renamed"},
        {"pipeline_tag": None},
        {"library_name": "gguf"},
        {"createdAt": "2024-08-16T20:48:27.000Z"},
        {"baseModels": DECLARED[0]},
        {"tags": TAGS[0]},
        {"baseModels": {"models": []}, "tags": TAGS[0]},
        {"pipeline_tag": None, "library_name": "text-generation"},
    ],
    ids=lambda other: ", ".join(other),
)
def test_what_describes_a_model_is_in_the_checksum(other: dict[str, Any]) -> None:
    one, changed = quickly(json.dumps([GOOD, GOOD | {"_id": "b"} | other]).encode()).listed
    assert one.described() != changed.described()


def test_tags_are_not_in_the_checksum_of_a_model_that_declares_its_bases() -> None:
    declared = GOOD | {"baseModels": DECLARED[0]}
    bodies = [json.dumps([declared | {"tags": tags}], separators=(",", ":")).encode() for tags in TAGS[:2]]
    assert len({quickly(body).listed[0].described() for body in bodies}) == 1


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


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "/qwen"},
        {"createdAt": "2024-08-16"},
        {"createdAt": "2024-02-30T00:00:00.000Z"},
        {"createdAt": "2024-08-16T20:48:26+02:00"},
        {"createdAt": "1969-12-31T23:59:59Z"},
        {"baseModels": {"relation": "finetune"}},
        {"baseModels": DECLARED[-1]},
        {"tags": "base_model:a/b"},
        {"tags": None},
    ],
    ids=lambda odd: ", ".join(odd),
)
def test_a_row_proves_odd_when_it_is_asked_for_all_that_it_says(odd: dict[str, Any]) -> None:
    sound, row = quickly(json.dumps([GOOD | {"_id": "a"}, GOOD | odd]).encode()).listed
    assert (is_odd(sound), is_odd(row)) == (False, True)


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
        json.dumps([GOOD | {"createdAt": "2999-01-01T00:00:00.000Z"}]).encode(),
        json.dumps([GOOD]).encode().replace(b'"en"', b'"\\u0062ase_model:a/b"'),
        json.dumps([GOOD]).encode().replace(b"safetensors", b"\xff"),
        json.dumps([GOOD]).encode().replace(b"qwen", b"\xff"),
        b"[" * 100_000,
    ],
    ids=[
        "nothing",
        "object",
        "number",
        "list",
        "null",
        "HTML",
        "twice",
        "private",
        "future",
        "letter",
        "tags",
        "name",
        "deep",
    ],
)
def test_a_page_with_anything_odd_is_left_to_the_careful_way(body: bytes) -> None:
    assert ordinary_rows(body, LATEST) is None

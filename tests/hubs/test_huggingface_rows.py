"""Rows of the listing to observations: what is read, what costs its own row, what costs nothing."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.hubs.huggingface import CLOCK_MARGIN
from collector.hubs.huggingface_rows import read_rows
from collector.model import MAX_COUNTER, Base, Observation
from tests.hubs.scripted import START, ScriptedHub, page, reply
from tests.pages import checked, observations

LATEST = int(START.timestamp()) + CLOCK_MARGIN
GOOD = {
    "_id": "6" * 24,
    "id": "qwen/good",
    "downloads": 3,
    "downloadsAllTime": 7,
    "createdAt": "2024-08-16T20:48:26.000Z",
}
READ = Observation("6" * 24, "qwen/good", 7, 3, None, 1723841306, None, None)


def read(*rows: Any) -> tuple[Observation, ...]:
    return tuple(row.observation() for row in read_rows(list(rows), LATEST).listed)


def read_one(**changes: Any) -> Observation:
    (observation,) = read({**GOOD, **changes})
    return observation


def test_a_row_is_read_exactly_as_the_hub_said_it() -> None:
    row = {
        "_id": "66bfbb1a43a701a837a745ac",
        "id": "microsoft/Phi-3.5-mini-instruct",
        "author": "microsoft",
        "downloads": 512345,
        "downloadsAllTime": 15120421,
        "likes": 812,
        "createdAt": "2024-08-16T20:48:26.000Z",
        "private": False,
        "pipeline_tag": "text-generation",
        "library_name": "transformers",
        "tags": ["transformers", "license:mit", "region:us"],
        "trendingScore": 3,
        "baseModels": {"relation": "finetune", "models": [{"_id": "6" * 24, "id": "microsoft/Phi"}]},
    }
    assert read(row) == (
        Observation(
            "66bfbb1a43a701a837a745ac",
            "microsoft/Phi-3.5-mini-instruct",
            15120421,
            512345,
            812,
            1723841306,
            "text-generation",
            "transformers",
            (Base("microsoft/Phi", "finetune", "6" * 24),),
        ),
    )


def test_what_the_hub_does_not_say_is_none_and_never_zero() -> None:
    assert read({"_id": "a", "id": "gpt2"}) == (Observation("a", "gpt2", None, None, None, None, None, None),)
    nulls = dict.fromkeys(["downloads", "downloadsAllTime", "likes", "createdAt", "private", "pipeline_tag", "tags"])
    assert read({"_id": "a", "id": "gpt2", **nulls}) == read({"_id": "a", "id": "gpt2"})


def test_a_counted_zero_is_zero() -> None:
    observation = read_one(downloads=0, downloadsAllTime=0, likes=0)
    assert (observation.downloads_30d, observation.downloads_all_time, observation.likes) == (0, 0, 0)


def each(reason: str, key: str, *values: Any) -> list[tuple[str, Any]]:
    """The same complaint about several values of a field."""
    return [(reason, {key: value}) for value in values]


BAD: list[tuple[str, Any]] = [
    *[("not an object", row) for row in (None, 7, "x", [], [GOOD])],
    *each("_id is missing or odd", "_id", None, "", 7, "a\nb", "a" * 101, ["a"]),
    *each("id is missing or odd", "id", None, "", 7, "a" * 201, "/x", "x/", " "),
    *each("id is missing or odd", "id", "a\0", "\ud800", "a/\x1b[31m", "a/\u202eb", "a/b\n"),
    *each("downloads is negative", "downloads", -1),
    *each("downloadsAllTime is negative", "downloadsAllTime", -(10**30)),
    *each("downloads is absurdly large", "downloads", MAX_COUNTER + 1),
    *each("downloadsAllTime is absurdly large", "downloadsAllTime", 10**30),
    *each("likes is absurdly large", "likes", 2**31),
    *each("downloads is not a whole number", "downloads", "7", 7.0, 7.5, True, [], {}, float("nan")),
    *each("downloadsAllTime is not a whole number", "downloadsAllTime", "7", 1e30, False),
    *each("likes is not a whole number", "likes", "many"),
    *each("createdAt is not a date with a time zone", "createdAt", "", "soon", 7, [], "2024-13-01T00:00:00Z", "2024Z"),
    *each("createdAt is not a date with a time zone", "createdAt", "2024-08-16T20:48:26", "2024-08-16"),
    *each("createdAt is out of the question", "createdAt", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"),
    *each("createdAt is out of the question", "createdAt", "2026-09-02T00:06:00Z", "9999-12-31T23:59:59Z"),
    *each("private is neither true nor false", "private", "yes", 0),
    *each("pipeline_tag is not a text", "pipeline_tag", 7),
    *each("library_name is not a text", "library_name", ["x"]),
]


@pytest.mark.parametrize(("reason", "change"), BAD)
def test_a_bad_row_is_skipped_counted_and_named_and_costs_no_other(reason: str, change: Any) -> None:
    bad = {**GOOD, "_id": "7" * 24, "id": "qwen/bad", **change} if isinstance(change, dict) else change
    rows = read_rows([bad, GOOD, bad], LATEST)
    assert rows.listed == [READ]
    assert len(rows.skipped) == 2
    assert rows.skipped[0].startswith(f"{reason} (")
    assert rows.skipped[0].isprintable()
    assert len(rows.skipped[0]) < 200


@pytest.mark.parametrize("missing", ["_id", "id"])
def test_a_row_without_key_or_name_is_skipped(missing: str) -> None:
    rows = read_rows([{name: value for name, value in GOOD.items() if name != missing}, {}], LATEST)
    assert (rows.listed, len(rows.skipped)) == ([], 2)


NAMES = [
    "gpt2",
    "=cmd|' /C calc'!A0/x",
    "<script>alert(1)</script>/x",
    "a/b'; DROP TABLE model; --",
    "模型/千问",
    "@x/-y",
    'q"/z,;',
]


@pytest.mark.parametrize("name", [*NAMES, "a" * 200])
def test_a_name_that_looks_like_markup_or_a_formula_is_still_a_model_with_downloads(name: str) -> None:
    assert read_one(id=name).name == name


def test_a_model_may_be_a_little_younger_than_our_clock() -> None:
    assert read_rows([{**GOOD, "createdAt": "2026-09-01T12:00:00Z"}], LATEST).skipped == []


def test_created_at_is_read_with_or_without_fractions_and_in_any_zone() -> None:
    texts = (
        "2024-08-16T20:48:26.000Z",
        "2024-08-16T20:48:26Z",
        "2024-08-16T20:48:26.999Z",
        "2024-08-16T22:48:26+02:00",
    )
    assert {read_one(createdAt=text).created_at for text in texts} == {1723841306}


def test_a_model_that_comes_twice_on_a_page_is_one() -> None:
    rows = read_rows([GOOD, {**GOOD, "id": "qwen/renamed"}, GOOD], LATEST)
    assert (rows.listed, rows.skipped) == ([READ], [])


def test_a_private_model_that_a_token_shows_is_dropped_and_is_no_bad_row() -> None:
    rows = read_rows([{**GOOD, "private": True, "downloads": -1}, {**GOOD, "_id": "b", "private": False}], LATEST)
    assert ([o.hub_key for o in rows.listed], rows.skipped) == (["b"], [])


@pytest.mark.parametrize("label", ["", "x" * 101, "a\nb", "\ud800"])
def test_an_odd_task_or_library_is_not_said_and_costs_no_counter(label: str) -> None:
    observation = read_one(pipeline_tag=label, library_name=label)
    assert (observation.pipeline_tag, observation.library_name, observation.downloads_30d) == (None, None, 3)


# --- lineage ---------------------------------------------------------------------------------------------------------


def test_every_base_of_a_merge_is_read_in_the_hubs_order_and_once() -> None:
    models = [{"_id": "b", "id": "b/x"}, {"id": "a/x"}, {"_id": 7, "id": "c/x"}, {"id": "a/x"}]
    bases = read_one(baseModels={"relation": "merge", "models": models}).bases
    assert bases == (Base("b/x", "merge", "b"), Base("a/x", "merge"), Base("c/x", "merge"))


def test_a_declaration_without_a_relation_still_names_the_base() -> None:
    for relation in (None, 7, "", "x" * 101):
        assert read_one(baseModels={"relation": relation, "models": [{"id": "a/x"}]}).bases == (Base("a/x", None),)


def test_tags_stand_in_where_base_models_is_absent_or_empty() -> None:
    tags = [
        "gguf",
        7,
        "base_model:Qwen/Qwen3-8B",
        "base_model:quantized:Qwen/Qwen3-8B",
        "base_model:gpt2",
        "base_model:",
    ]
    expected = (Base("Qwen/Qwen3-8B", "quantized"), Base("gpt2", None))
    assert read_one(tags=tags).bases == expected
    assert read_one(tags=tags[::-1]).bases == expected[::-1]
    assert read_one(tags=tags, baseModels=None).bases == expected
    assert read_one(tags=tags, baseModels={"relation": "quantized", "models": []}).bases == expected


def test_the_hubs_own_declaration_wins_over_tags() -> None:
    declared = {"relation": "adapter", "models": [{"id": "a/x"}]}
    assert read_one(baseModels=declared, tags=["base_model:finetune:b/y"]).bases == (Base("a/x", "adapter"),)


MALFORMED = [
    7,
    "a/x",
    ["a/x"],
    {},
    {"models": "a/x"},
    {"models": ["a/x"]},
    {"models": [{}]},
    {"models": [{"id": "a/x"}, {"id": "a\nx"}]},
    {"models": [{"id": f"a/{n}"} for n in range(101)]},
]


@pytest.mark.parametrize("declared", MALFORMED)
def test_a_malformed_declaration_is_left_out_and_told_and_costs_no_counter(declared: Any) -> None:
    rows = read_rows([{**GOOD, "baseModels": declared}], LATEST)
    assert (rows.listed, rows.skipped) == ([READ], [])
    assert rows.oddities == ["baseModels is malformed (qwen/good)"]


def test_malformed_tags_are_left_out_and_told() -> None:
    rows = read_rows([{**GOOD, "tags": {"a": 1}}], LATEST)
    assert (rows.listed, rows.oddities) == ([READ], ["tags is not a list (qwen/good)"])


def test_a_flood_of_lineage_tags_is_bounded() -> None:
    assert len(read_one(tags=[f"base_model:a/{n}" for n in range(5_000)]).bases) == 100


# --- pages -----------------------------------------------------------------------------------------------------------

RAW = json.dumps(GOOD)
WILD = {
    "a counter beyond 64 bits": RAW.replace("7", "1" + "0" * 30, 1),
    "a counter of thousands of digits": RAW.replace('"downloads": 3', '"downloads": 1' + "0" * 5_000),
    "not a number": RAW.replace('"downloads": 3', '"downloads": NaN'),
    "infinite": RAW.replace('"downloads": 3', '"downloads": -Infinity'),
    "a lone surrogate": RAW.replace("qwen/good", "qwen/\\ud800"),
    "a raw control character": RAW.replace("qwen/good", "qwen/\x1b"),
}


@pytest.mark.parametrize("bad", WILD.values(), ids=WILD.keys())
def test_a_value_that_strict_json_readers_refuse_costs_its_own_row_only(bad: str, hub: ScriptedHub) -> None:
    good = json.dumps({**GOOD, "_id": "b"})
    hub.answers(reply(200, f"[{bad.replace('6' * 24, 'a')}, {good}]"))
    listed = hub.client().page(None)
    assert ([o.hub_key for o in observations(listed)], listed.rows_skipped, listed.retries) == (["b"], 1, 0)


def test_a_row_that_cannot_be_read_tells_whose_it_was_where_it_can(hub: ScriptedHub) -> None:
    odd = [{**GOOD, "_id": "a", "downloads": -1}, {**GOOD, "_id": "b", "id": 7}, {**GOOD, "_id": ""}, 7]
    twice = [{**GOOD, "_id": "a", "likes": "x"}, {**GOOD, "_id": "6" * 24, "likes": "x"}]
    hub.answers(page([*odd, *twice, GOOD]))
    listed = hub.client().page(None)
    assert (observations(listed), listed.rows_skipped, listed.unreadable_keys) == ((READ,), 6, ("a", "b"))


def test_a_row_that_proves_odd_when_it_is_looked_at_has_its_page_read_row_by_row(
    hub: ScriptedHub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.answers(page([GOOD, {**GOOD, "_id": "a", "id": "/nobody"}, {**GOOD, "_id": "b", "createdAt": "2024-02-30"}]))
    listed = hub.client().page(None)
    assert (len(listed.listed), listed.rows_skipped, caplog.records) == (3, 0, [])
    listed = checked(listed)
    assert (observations(listed), listed.rows_skipped, listed.unreadable_keys) == ((READ,), 2, ("a", "b"))
    assert [record.getMessage().split(" (")[0] for record in caplog.records if record.name == "hub"] == [
        "huggingface: row skipped: id is missing or odd",
        "huggingface: row skipped: createdAt is not a date with a time zone",
    ]
    assert checked(listed) is listed


def test_broken_utf_8_costs_no_other_row(hub: ScriptedHub) -> None:
    body = b'\xef\xbb\xbf[{"_id":"a","id":"x/\xff","pipeline_tag":7}, ' + RAW.encode() + b"]"
    hub.answers(reply(200, body))
    listed = hub.client().page(None)
    assert (observations(listed), listed.rows_skipped) == ((READ,), 1)


def test_bad_rows_are_logged_in_a_few_harmless_lines(hub: ScriptedHub, caplog: pytest.LogCaptureFixture) -> None:
    name = "\x1b[31m\n" + "evil " * 100_000
    hub.answers(page([*[{"_id": "a", "id": name}] * 20, {**GOOD, "baseModels": 7}]))
    listed = hub.client().page(None)
    messages = [record.getMessage() for record in caplog.records if record.name == "hub"]
    assert listed.rows_skipped == 20
    assert len(messages) == 7
    assert messages[0].startswith("huggingface: row skipped: id is missing or odd ([31m evil evil")
    assert messages[5:] == [
        "huggingface: row skipped: 15 more on this page",
        "huggingface: lineage left out: baseModels is malformed (qwen/good)",
    ]
    assert all(message.isprintable() and len(message) < 200 for message in messages)
    assert all(record.levelno == logging.WARNING for record in caplog.records if record.name == "hub")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=5,
)
FIELDS = [*GOOD, "private", "likes", "pipeline_tag", "library_name", "baseModels", "tags"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), JSON)
def test_no_row_whatever_it_holds_costs_another_one(changes: dict[str, Any], junk: Any) -> None:
    odd = {**GOOD, "_id": "odd", **changes}
    rows = read_rows([junk, odd, GOOD], LATEST)
    assert READ in rows.listed
    for observation in (row.observation() for row in rows.listed):
        assert 0 <= (observation.downloads_all_time or 0) <= MAX_COUNTER
        assert observation.name.isprintable()
        "".join(filter(None, [observation.name, observation.pipeline_tag, observation.library_name])).encode()

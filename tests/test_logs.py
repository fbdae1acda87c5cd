"""The log: JSON for machines, lines for people, and no secret in either."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from collector import logs

TOKEN = "hf_AbcdefghijklmnopqrstuvwxyzABCDEFGH"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    yield io.StringIO()
    logs.take_down()


def test_each_line_is_json_with_hub_and_poll_where_there_is_one(stream: io.StringIO) -> None:
    log = logs.set_up(stream, json_lines=True)
    with logs.about(hub="huggingface"):
        log.info("%d models", 3, extra={"poll": 7})
    log.warning("alone")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["hub"], first["poll"], first["level"]) == ("3 models", "huggingface", 7, "info")
    assert "hub" not in second
    assert second["timestamp"].endswith("Z")


def test_no_line_and_no_traceback_holds_a_secret(stream: io.StringIO) -> None:
    log = logs.set_up(stream, json_lines=True, secrets=["open sesame", ""])
    try:
        raise ValueError(f"postgresql+psycopg://me:pass@host/db, {TOKEN}, Authorization: Bearer abc.def, open sesame")
    except ValueError:
        log.exception("asking with open sesame")
    text = stream.getvalue()
    assert "ValueError" in text
    for secret in ("pass@", TOKEN, "abc.def", "open sesame"):
        assert secret not in text
    assert "//me:***@host" in text


def test_lines_for_people_are_plain_where_there_is_no_terminal(stream: io.StringIO) -> None:
    logs.set_up(stream, json_lines=False).info("3 models")
    assert "3 models" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_libraries_that_log_headers_are_quiet_below_a_warning(stream: io.StringIO) -> None:
    logs.set_up(stream, json_lines=True)
    logging.getLogger("httpx2").info("GET with a token")
    logging.getLogger("httpx2").warning("trouble")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["trouble"]


def test_set_up_again_writes_each_line_once(stream: io.StringIO) -> None:
    logs.set_up(io.StringIO(), json_lines=True)
    logs.set_up(stream, json_lines=True).info("once")
    assert len(stream.getvalue().splitlines()) == 1

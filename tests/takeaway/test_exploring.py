"""The database in a browser: a real Datasette serves it, read-only, with the meaning of its columns and the recipes."""

from __future__ import annotations

import html
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.config import Config, load_config
from collector.errors import CollectorError, ReportError, StoreError
from collector.exploring import command, described, explore
from collector.recipes import examples, recipes
from collector.store.views import VIEWS

pytest.importorskip("datasette", reason="the extra explore is not installed")


def now() -> datetime:
    return datetime(2026, 10, 8, 12, tzinfo=UTC)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(address: str) -> None:
    """Until it is served."""
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}.json", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            time.sleep(0.1)
    raise AssertionError(f"nothing is served at {address}")


@pytest.fixture(scope="module")
def served(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    words = tmp_path_factory.mktemp("words") / "metadata.json"
    words.write_text(
        json.dumps(described("collector", recipes(), examples(load_config(demo / "config.toml", {}), now))),
        encoding="utf-8",
    )
    process = subprocess.Popen(command(demo / "collector.db", words, port), stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/collector"
    try:
        wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def answer(address: str) -> str:
    with urllib.request.urlopen(address, timeout=20) as response:
        return str(response.read().decode())


def test_views_recipes_and_meanings_are_served(served: str) -> None:
    overview = json.loads(answer(f"{served}.json"))
    assert {view["name"] for view in overview["views"]} >= set(VIEWS)
    assert {query["name"] for query in overview["queries"]} == set(recipes())
    assert "Part of all downloads of the scope" in answer(f"{served}/country_share_month")


def test_a_canned_query_answers(served: str) -> None:
    asked = "hub=huggingface&month=2026-09&scope=all&attribution=base"
    assert json.loads(answer(f"{served}/share-by-country.json?{asked}&_shape=array"))[0]["country"] == "CN"


def test_each_canned_query_has_a_link_to_an_answer(served: str) -> None:
    for name in recipes():
        (link,) = re.findall(r'For example <a href="([^"]+)"', answer(f"{served}/{name}"))
        address = urllib.parse.urljoin(served, html.unescape(link)).replace(f"/{name}?", f"/{name}.json?")
        found = json.loads(answer(f"{address}&_shape=array"))
        assert found or name == "unattributed", name  # the recording has no account that nobody reviewed


@pytest.mark.parametrize(
    "query",
    [
        "delete from poll",
        "with a as (select 1) delete from poll",
        "select 1; delete from poll",
        "attach 'other.db' as other",
        "vacuum into 'other.db'",
        "pragma journal_mode = delete",
        "pragma writable_schema = 1",
        "select load_extension('other.db')",
        "select writefile('other.db', 'x')",
    ],
)
def test_nothing_can_be_written_and_no_other_file_opened(served: str, query: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        answer(f"{served}.json?{urllib.parse.urlencode({'sql': query})}")
    with caught.value as refusal:  # it holds the connection
        assert refusal.code == 400


def test_a_hostile_name_is_words(served: str) -> None:
    query = "select '<script>alert(1)</script>' as model"
    assert "<script>alert(1)" not in answer(f"{served}?{urllib.parse.urlencode({'sql': query})}")


def test_only_this_machine_is_served(served: str) -> None:
    port = urllib.parse.urlsplit(served).port
    outside = [row[4][0] for row in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)]
    for address in {each for each in outside if not str(each).startswith("127.")}:
        with socket.socket() as there:
            there.settimeout(5)
            assert there.connect_ex((address, port)) != 0
    words = command(Path("x.db"), Path("words.json"), 8001)
    assert words[words.index("--host") + 1] == "127.0.0.1"


def test_a_port_in_use_is_one_line(demo: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        with pytest.raises(CollectorError, match=r"port \d+ cannot be used .*; choose another with --port"):
            explore(load_config(demo / "config.toml", {}), held.getsockname()[1], print, {}, dict)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_leaves_nothing_behind_that_serves(demo: Path, number: signal.Signals) -> None:
    port = free_port()
    words = [sys.executable, "-m", "collector", "--config", str(demo / "config.toml"), "explore", "--port", str(port)]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/collector"
    wait_for(address)
    process.send_signal(number)
    assert process.wait(timeout=60) == 0
    with pytest.raises(urllib.error.URLError):
        answer(address)


def test_a_server_or_a_missing_file_is_one_line(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="missing"):
        explore(_at(demo, f"sqlite:///{tmp_path}/missing.db"), 1, print, {}, dict)
    with pytest.raises(ReportError, match="explore opens SQLite files only"):
        explore(_at(demo, "postgresql+psycopg://nobody@127.0.0.1/none"), 1, print, {}, dict)


def _at(demo: Path, url: str) -> Config:
    return load_config(demo / "config.toml", {"COLLECTOR__DATABASE__URL": url})

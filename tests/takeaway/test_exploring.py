"""The database in a browser: a real Datasette serves it, read-only, with the meaning of its columns and the recipes."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.config import Config, load_config
from collector.errors import ReportError, StoreError
from collector.exploring import command, described, explore
from collector.recipes import recipes
from collector.store.views import VIEWS

pytest.importorskip("datasette", reason="the extra explore is not installed")


@pytest.fixture(scope="module")
def served(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = tmp_path_factory.mktemp("words") / "metadata.json"
    words.write_text(json.dumps(described("collector", recipes())), encoding="utf-8")
    process = subprocess.Popen(command(demo / "collector.db", words, port), stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/collector"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}.json", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError) as error:
                if isinstance(error, urllib.error.HTTPError):
                    error.close()
                time.sleep(0.1)
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


def test_nothing_can_be_written(served: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        answer(f"{served}.json?sql=delete+from+poll")
    with caught.value as refusal:  # it holds the connection
        assert refusal.code == 400


def test_a_server_or_a_missing_file_is_one_line(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="missing"):
        explore(_at(demo, f"sqlite:///{tmp_path}/missing.db"), 1, print, {})
    with pytest.raises(ReportError, match="explore opens SQLite files only"):
        explore(_at(demo, "postgresql+psycopg://nobody@127.0.0.1/none"), 1, print, {})


def _at(demo: Path, url: str) -> Config:
    return load_config(demo / "config.toml", {"COLLECTOR__DATABASE__URL": url})

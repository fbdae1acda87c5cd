"""Secrets that the surroundings hold: a proxy's password, a server's, the token, the webhook. None is ever shown."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from collector.store.database import upgrade

SECRETS = {
    "proxy": "proxy-5ecret-f00d",
    "server": "server-5ecret-f00d",
    "token": "hf_5ecretf00d5ecretf00d",
    "webhook": "webhook-5ecret-f00d",
}
PROXY = f"http://someone:{SECRETS['proxy']}@127.0.0.1:9"


#: A poll whose pauses take no time, as a program of its own.
HURRIED = "from collector.hubs import http; http.LONGEST_BACKOFF = 0.0; from collector.cli import main; main()"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    upgrade(f"sqlite:///{tmp_path / 'collector.db'}")
    (tmp_path / "config.toml").write_text(
        '[hub.huggingface]\nendpoint = "http://hub.example"\ntimeout_seconds = 1\n'
        f'[alert]\nwebhook = "http://hook.example/{SECRETS["webhook"]}"\n[[scope]]\nname = "all"\n',
        encoding="utf-8",
    )
    return tmp_path


def said_by(folder: Path, *words: str, **environ: str) -> tuple[int, str]:
    """Exit status and everything that a command says, with a proxy set and a token given."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), PROXY)
    command = [sys.executable, "-c", HURRIED, "--config", str(folder / "config.toml"), *words]
    surroundings = os.environ | proxies | {"HF_TOKEN": SECRETS["token"], "NO_PROXY": "", "no_proxy": ""} | environ
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings, timeout=300)
    return done.returncode, done.stdout + done.stderr


def holds_none(text: str) -> bool:
    return not [name for name, secret in SECRETS.items() if secret in text]


def test_a_proxy_that_is_down_is_an_error_without_its_password_and_none_is_kept(folder: Path) -> None:
    status, said = said_by(folder, "poll", "huggingface")
    assert status == 1
    assert "collector: " in said
    assert "Traceback" not in said
    assert holds_none(said)
    with closing(sqlite3.connect(folder / "collector.db")) as connection:
        kept = "\n".join(connection.iterdump())
    assert "failed" in kept  # why, is written into the poll
    assert holds_none(kept)


@pytest.mark.parametrize("words", [["run"], ["status"]])
def test_a_database_server_out_of_reach_is_one_line_without_its_password(folder: Path, words: list[str]) -> None:
    url = f"postgresql+psycopg://someone:{SECRETS['server']}@127.0.0.1:9/collector"
    status, said = said_by(folder, *words, COLLECTOR__DATABASE__URL=url)
    assert status == 1
    assert len(said.splitlines()) == 1
    assert holds_none(said)

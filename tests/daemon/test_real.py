"""`collector run` in a process of its own: signals, the one lock, health, systemd, secrets. Real sockets and clocks."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.demo import faults
from collector.demo.hub import LoopbackHub
from collector.demo.world import Clock, World
from collector.store.database import upgrade

TOKEN = "hf_secretSECRETsecret0123"
HOOK = "http://127.0.0.1:9/hook-secret-5d41402a"


@dataclass
class Installation:
    """A folder with a configuration, a database, and what runs there."""

    folder: Path
    hub: LoopbackHub
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def configure(self, more: str = "") -> None:
        self.folder.joinpath("config.toml").write_text(
            f'[hub.huggingface]\nendpoint = "{self.hub.url}"\ntimeout_seconds = 5\n'
            f'[serve]\nlisten = "127.0.0.1:0"\n[alert]\nwebhook = "{HOOK}"\nquiet_hours = 0.0001\n{more}\n'
            '[[scope]]\nname = "all"\n',
            encoding="utf-8",
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "collector", "--config", str(self.folder / "config.toml"), *words]
        environ = os.environ | {
            "HF_TOKEN": TOKEN,
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "WATCHDOG_USEC": "600000",
        }
        with self.log.open("a") as log:
            begun = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, text=True, env=environ)
        self.started.append(begun)
        return begun

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]

    def said(self, words: str) -> dict[str, Any] | None:
        return next((line for line in self.events() if words in line["event"]), None)

    def served(self, path: str, host: str | None = None) -> tuple[int, str]:
        """Status and body of a path of the health server."""
        line = self.said("health and metrics on")
        assert line is not None
        address = line["event"].rpartition(" ")[2]
        request = urllib.request.Request(f"http://{address}{path}", headers={"Host": host or address})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installation]:
    world = World(Clock(datetime.now(UTC)))
    world.create("Qwen/Qwen3-8B", all_time=1_000, last_30d=100, created_at=datetime(2024, 1, 1, tzinfo=UTC))
    with LoopbackHub(world, tokens={TOKEN: 1000}) as hub:
        upgrade(f"sqlite:///{tmp_path / 'collector.db'}")
        here = Installation(tmp_path, hub)
        here.configure()
        yield here
        for process in here.started:
            process.kill()
            process.wait()


def wait_for(happened: Callable[[], object], seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.05)


def ends_well(process: subprocess.Popen[str], by: signal.Signals) -> None:
    """With status 0 and long before any wait of its own would be over. The soak measures whether five seconds hold."""
    process.send_signal(by)
    assert process.wait(timeout=120) == 0


def test_a_day_in_the_life_of_the_daemon(installed: Installation) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(installed.folder / "notify"))
        systemd.settimeout(120)
        daemon = installed.start("run")
        assert systemd.recv(100) == b"READY=1"

        wait_for(lambda: installed.said("1 models listed"))
        polled = installed.said("1 models listed")
        assert polled is not None
        assert (polled["hub"], polled["poll"], polled["level"]) == ("huggingface", 1, "info")
        while systemd.recv(100) != b"WATCHDOG=1":
            pass

        # One daemon, and no command that writes beside it.
        beside = installed.start("poll")
        assert beside.wait(timeout=120) == 1
        assert "another collector process is writing to it" in installed.log.read_text()
        assert "Traceback" not in installed.log.read_text()

        # Health for who asks for this host, and for nobody else.
        assert installed.served("/healthz") == (200, "ok\n")
        assert installed.served("/readyz") == (200, "ok\n")
        assert 'collector_models_listed{hub="huggingface"} 1.0' in installed.served("/metrics")[1]
        assert installed.served("/metrics", host="rebound.example")[0] == 403

        # A configuration that cannot be used changes nothing, one that can is taken.
        installed.configure("no_such_key = 1")
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: installed.said("the configuration was not reloaded, the old one stays: "))
        installed.configure('[backup]\ndirectory = "backups"')
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: list(installed.folder.glob("backups/collector-*.db")))
        wait_for(lambda: installed.said("alert: huggingface: no complete poll since"))
        wait_for(
            lambda: installed.said("tell failed: [alert] webhook: the alert was not taken (ConnectionRefusedError)")
        )

        said = installed.served("/metrics")[1]
        ends_well(daemon, signal.SIGTERM)
        assert installed.events()[-1]["event"] == "stopped"
    _holds_no_secret(installed, said)


def _holds_no_secret(installed: Installation, metrics: str) -> None:
    """The token went to the hub, the address of the webhook nowhere; neither can be read anywhere."""
    assert any(request.headers.get("authorization") == "Bearer <token 1>" for request in installed.hub.requests)
    kept = [path.read_bytes() for path in installed.folder.rglob("*") if path.is_file() and path.name != "config.toml"]
    with sqlite3.connect(installed.folder / "collector.db") as connection:
        kept += [line.encode() for line in connection.iterdump()]
    connection.close()
    for text in (*kept, metrics.encode()):
        assert TOKEN.encode() not in text
        assert b"hook-secret" not in text


def test_it_ends_well_while_it_waits_for_the_rate_limit_and_the_next_start_goes_on(installed: Installation) -> None:
    installed.hub.faults.on_page(1, faults.retry_after(600))
    daemon = installed.start("run")
    wait_for(lambda: installed.said("rate limit"))
    waiting = installed.said("rate limit")
    assert waiting is not None
    assert (waiting["hub"], waiting["poll"]) == ("huggingface", 1)
    ends_well(daemon, signal.SIGINT)
    daemon = installed.start("run")
    wait_for(lambda: installed.said("1 models listed"))
    resumed = installed.said("1 models listed")
    assert resumed is not None
    assert resumed["poll"] == 1
    ends_well(daemon, signal.SIGTERM)

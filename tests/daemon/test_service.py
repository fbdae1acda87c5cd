"""The daemon with everything around it, in this process: reloading, clocks that are set, a port that is taken."""

from __future__ import annotations

import logging
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from collector.config import load_config
from collector.daemon.run import HangUp, Service
from tests.daemon.observatory import Observatory, observatory

ANY_PORT = '[serve]\nlisten = "127.0.0.1:0"'


def wait_for(happened: Callable[[], object], seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.02)


@contextmanager
def running(here: Observatory, **environ: str) -> Iterator[Service]:
    """The service at work until the block ends; then it must have ended by itself, and every lane after it."""
    path, stop = here.folder / "config.toml", threading.Event()
    log, hangup = logging.getLogger("collector"), HangUp()
    service = Service(here.upkeep.config, lambda: load_config(path, {}), here.clock.now, log, stop, hangup, environ)
    left: list[list[str]] = []
    thread = threading.Thread(target=lambda: left.append(service.run()))
    thread.start()
    try:
        yield service
    finally:
        stop.set()
        thread.join(120)
        wait_for(lambda: not service.daemon.at_work())  # on a slow machine what is under way outlasts the grace
    assert len(left) == 1


@pytest.fixture
def here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Observatory]:
    caplog.set_level(logging.INFO)
    with observatory(tmp_path, ANY_PORT) as made:
        yield made


def test_a_clock_that_is_set_is_named_and_what_became_due_is_done(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    with running(here):
        wait_for(lambda: len(here.polls()) == 1 and here.polls()[0][1] == "complete")
        here.clock.advance(days=1)
        wait_for(lambda: [status for _, status in here.polls()] == ["complete", "complete"])
        wait_for(lambda: "the clock went forward by " in caplog.text)
        here.clock.advance(days=-1)
        wait_for(lambda: "the clock went back by " in caplog.text)


def test_a_reloaded_configuration_is_taken_whole_or_not_at_all(
    here: Observatory, caplog: pytest.LogCaptureFixture
) -> None:
    path = here.folder / "config.toml"
    good = path.read_text("utf-8")
    with running(here) as service:
        wait_for(lambda: "health and metrics on" in caplog.text)
        path.write_text(good.replace("[serve]", '[database]\nurl = "sqlite:///other.db"\n[serve]'), "utf-8")
        service.hangup.is_set = True
        wait_for(lambda: "the old one stays: [database] url changed: that takes a restart" in caplog.text)
        path.write_text(good + "[nonsense]\n", "utf-8")
        service.hangup.is_set = True
        wait_for(lambda: "nonsense: no such key" in caplog.text)
        assert service.config is here.upkeep.config
        more = good.replace(":0", ':0"\nnames = "proxy.example').replace("[[scope]]", "[backup]\nkeep = 2\n[[scope]]")
        path.write_text(more, "utf-8")
        service.hangup.is_set = True
        wait_for(lambda: "configuration reloaded" in caplog.text)
        assert service.config.backup.keep == 2
        wait_for(lambda: caplog.text.count("health and metrics on") == 2)  # on the address as it is now


def test_a_hang_up_is_heard_while_it_is_listened_for_and_afterwards_all_is_as_before() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with HangUp() as hangup:
        heard = [hangup.is_set]
        signal.raise_signal(signal.SIGHUP)
        heard.append(hangup.is_set)
    assert heard == [False, True]
    assert signal.getsignal(signal.SIGHUP) is before


def test_systemd_hears_that_it_is_ready_alive_reloading_and_stopping(here: Observatory) -> None:
    heard: list[bytes] = []
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(str(here.folder / "notify"))
        systemd.settimeout(120)
        with running(here, NOTIFY_SOCKET=str(here.folder / "notify"), WATCHDOG_USEC="1000") as service:
            while b"WATCHDOG=1" not in heard:
                heard.append(systemd.recv(200))
            service.hangup.is_set = True
            while b"READY=1" not in heard[1:]:
                heard.append(systemd.recv(200))
        while b"STOPPING=1" not in heard:
            heard.append(systemd.recv(200))
    said = list(dict.fromkeys(message.partition(b"\n")[0] for message in heard))
    assert said == [b"READY=1", b"WATCHDOG=1", b"RELOADING=1", b"STOPPING=1"]
    assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=[0-9]+", next(each for each in heard if b"RELOADING" in each))


def test_a_port_that_is_taken_costs_no_poll(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with observatory(tmp_path, f'[serve]\nlisten = "127.0.0.1:{port}"') as here, running(here):
            wait_for(lambda: here.polls() and here.polls()[0][1] == "complete")
            words = f"[serve] listen 127.0.0.1:{port}: Address already in use; polling goes on without it"
            wait_for(lambda: words in caplog.text)


def test_how_it_stands_is_how_late_it_is_and_whether_the_database_can_be_read(here: Observatory) -> None:
    stop, log = threading.Event(), logging.getLogger("collector")
    service = Service(here.upkeep.config, lambda: here.upkeep.config, here.clock.now, log, stop, HangUp(), {})
    here.clock.advance(hours=1)
    assert service.standing().lateness_seconds == {"huggingface": 3600}  # never polled: since it began
    assert service.standing().why_not_healthy == "poll huggingface does not run, upkeep does not run"
    here.look("poll huggingface")
    here.clock.advance(hours=24)
    standing = service.standing()
    assert standing.lateness_seconds == {"huggingface": timedelta(hours=1).total_seconds()}
    assert standing.seconds_since_poll == {"huggingface": 86_400}
    assert standing.why_not_ready == ""
    here.database.unlink()
    standing = service.standing()
    assert "no such database" in standing.why_not_ready
    assert standing.figures is None

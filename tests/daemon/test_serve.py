"""Health and metrics over HTTP: who is answered, and what clients that are slow or hostile cost. Real sockets."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from collector.daemon import serve
from collector.daemon.serve import Standing, Watcher, answer, is_ours

WELL = Standing(None, "", "", {}, {}, {})


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    with Watcher("127.0.0.1", 0, ("Proxy.example",), lambda: WELL) as served:
        yield served


def said(watcher: Watcher, request: bytes) -> bytes:
    """All that comes back for these bytes."""
    with closing(socket.create_connection(("127.0.0.1", watcher.port), timeout=30)) as client:
        client.sendall(request)
        parts = []
        while part := client.recv(65536):
            parts.append(part)
        return b"".join(parts)


def status_of(watcher: Watcher, path: str, host: str = "localhost", method: str = "GET") -> int:
    return int(said(watcher, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).split()[1])


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/", 404)])
def test_three_paths_are_answered(watcher: Watcher, path: str, status: int) -> None:
    assert status_of(watcher, path) == status
    assert status_of(watcher, f"{path}?query=1") == status


def test_what_is_not_well_is_said_with_its_reason() -> None:
    ill = Standing(None, "the disk is full", "poll one does not run", {}, {}, {})
    assert answer("/readyz", lambda: ill) == serve.Answer(503, b"the disk is full\n")
    assert answer("/healthz", lambda: ill) == serve.Answer(503, b"poll one does not run\n")
    assert b"collector_database_up 0.0" in answer("/metrics", lambda: ill).body


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:9464", "[::1]:9464", "proxy.example:80"])
def test_who_asks_for_this_host_is_answered(watcher: Watcher, host: str) -> None:
    assert status_of(watcher, "/healthz", host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9464", "10.0.0.1", "localhost.evil.example", "", "[::2]"]
)
def test_who_asks_for_another_host_is_refused(watcher: Watcher, host: str) -> None:
    assert status_of(watcher, "/metrics", host) == 403


def test_a_request_without_a_host_or_with_two_is_refused(watcher: Watcher) -> None:
    assert said(watcher, b"GET /metrics HTTP/1.0\r\n\r\n").split()[1] == b"403"
    assert said(watcher, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n").split()[1] == b"403"
    assert not is_ours(None, ["localhost"])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(watcher: Watcher, method: str) -> None:
    assert status_of(watcher, "/metrics", method=method) == 501


def test_head_is_answered_without_a_body(watcher: Watcher) -> None:
    assert said(watcher, b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").endswith(b"\r\n\r\n")


def test_silent_clients_are_hung_up_on_and_keep_nobody_else_from_an_answer(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "CONNECTION_SECONDS", 0.5)  # of these clients, not of the one that comes last
    with ExitStack() as clients:
        silent = [
            clients.enter_context(closing(socket.create_connection(("127.0.0.1", watcher.port), timeout=30)))
            for _ in range(serve.MOST_CONNECTIONS + 10)
        ]
        for client in silent:
            try:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: local")
            except OSError:
                continue  # one too many: hung up on at once
        assert [_ended(client) for client in silent] == [True] * len(silent)
        monkeypatch.undo()
        _wait_until_answered(watcher)


def _wait_until_answered(watcher: Watcher) -> None:
    """The threads of those who were hung up on end a moment after their clients see it, and till then count."""
    ends = time.monotonic() + 60
    while not said(watcher, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.0 200"):
        assert time.monotonic() < ends, "nobody is answered any more"
        time.sleep(0.05)


def _ended(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_a_client_that_drips_is_hung_up_on(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "CONNECTION_SECONDS", 0.5)
    with closing(socket.create_connection(("127.0.0.1", watcher.port), timeout=30)) as client:
        ends = time.monotonic() + 60
        with pytest.raises(OSError, match=r"pipe|reset"):  # noqa: PT012 - it takes several bytes to notice
            while time.monotonic() < ends:
                client.sendall(b"G")
                time.sleep(0.05)
    monkeypatch.undo()
    _wait_until_answered(watcher)


def test_garbage_is_refused_and_the_server_lives(watcher: Watcher) -> None:
    said(watcher, b"\x00\xff\x16\x03\x01" * 100 + b"\r\n\r\n")
    said(watcher, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n")
    assert status_of(watcher, "/healthz") == 200


def test_a_port_that_is_taken_is_an_error(watcher: Watcher) -> None:
    with pytest.raises(OSError, match="in use"):
        Watcher("127.0.0.1", watcher.port, (), lambda: WELL)

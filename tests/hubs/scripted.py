"""A hub over a real socket that answers by script, and a clock whose waits take no time."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from collector.hubs.huggingface import HuggingFace, HuggingFaceSettings, make
from collector.model import PollPlan

START = datetime(2026, 9, 1, 0, 5, tzinfo=UTC)
ALL = PollPlan("all")


class Clock:
    """Wall clock, monotonic clock and stop in one: a wait moves the time and returns at once."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.waits: list[float] = []
        self.stands_still = False  #: waits do not move it either
        self._stops_at_wait: int | None = None
        self._stopped = threading.Event()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds

    def stop_during_wait(self, number: int) -> None:
        """The user asks to stop while that wait (from 1) goes on."""
        self._stops_at_wait = number

    def stop(self) -> None:
        self._stopped.set()

    def is_set(self) -> bool:
        return self._stopped.is_set()

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        if len(self.waits) == self._stops_at_wait:
            self.stop()
            return True
        self.elapsed += 0 if self.stands_still else timeout
        return False


@dataclass
class Request:
    """A request as the hub saw it."""

    target: str
    headers: dict[str, str]
    at: float  #: on the clock of the client


Reply = Callable[[socket.socket], None]


def reply(status: int = 200, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> Reply:
    """A whole HTTP answer."""

    def send(client: socket.socket) -> None:
        client.sendall(_head(status, body, headers) + _bytes(body))

    return send


def page(rows: Any, next_link: str | None = None, **headers: str) -> Reply:
    """A page of the listing; `RateLimit_Policy=…` becomes a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if next_link is not None:
        named["Link"] = f'<{next_link}>; rel="next"'
    return reply(200, json.dumps(rows), named)


def reset(client: socket.socket) -> None:
    """The connection is reset before a byte of the answer."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def truncated(client: socket.socket) -> None:
    """Less body than Content-Length promised."""
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{")


def truncated_chunks(client: socket.socket) -> None:
    """A chunked body without its end."""
    client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[{\r\n")


def nonsense(client: socket.socket) -> None:
    """No HTTP at all."""
    client.sendall(b"220 mail.example ESMTP\r\n")


def dripping(head: bytes, drops: bytes, pause: float = 0.05) -> Reply:
    """Byte by byte, each in time; ends when the other side hangs up."""

    def send(client: socket.socket) -> None:
        client.sendall(head)
        for _ in range(400):
            client.sendall(drops)
            time.sleep(pause)

    return send


drip = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n[", b" ")
header_drip = dripping(b"HTTP/1.1 200 OK\r\nX-A: ", b"a")


def gzipped(body: bytes) -> Reply:
    """A compressed answer."""
    return reply(200, gzip.compress(body), {"Content-Encoding": "gzip"})


def _head(status: int, body: bytes | str, headers: Mapping[str, str] | None) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(_bytes(body))}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _bytes(body: bytes | str) -> bytes:
    return body if isinstance(body, bytes) else body.encode()


@dataclass
class ScriptedHub:
    """Listens on 127.0.0.1 and gives one reply after the other; the last one for ever."""

    clock: Clock
    requests: list[Request] = field(default_factory=list)
    seconds_per_answer: float = 0.0  #: by which the clock moves while an answer is made

    def __post_init__(self) -> None:
        self._replies: list[Reply] = [page([])]
        self._closing = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def answers(self, *replies: Reply) -> None:
        self._replies = list(replies)

    def hangs(self, client: socket.socket) -> None:
        """A reply that never comes."""
        self._closing.wait(20)

    def client(self, plan: PollPlan = ALL, timeout: float = 5.0, token: str | None = None) -> HuggingFace:
        """Our client, on the clock whose waits take no time."""
        settings = HuggingFaceSettings(self.url, timeout, token)
        return make(settings, plan, self.clock.now, self.clock, logging.getLogger("hub"), self.clock.monotonic)

    def client_in_real_time(self, timeout: float) -> HuggingFace:
        """Our client with deadlines in true seconds; waits still take no time."""
        settings = HuggingFaceSettings(self.url, timeout)
        return make(settings, ALL, self.clock.now, self.clock, logging.getLogger("hub"), time.monotonic)

    def close(self) -> None:
        if self._closing.is_set():
            return
        self._closing.set()
        socket.create_connection(self._socket.getsockname()).close()
        for thread in self._threads:
            thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            client, _ = self._socket.accept()
            if self._closing.is_set():
                client.close()
                return
            self._threads.append(threading.Thread(target=self._answer, args=(client,)))
            self._threads[-1].start()

    def _answer(self, client: socket.socket) -> None:
        with client:
            request = _read_request(client)
            if request is None:
                return
            self.requests.append(Request(request.target, request.headers, self.clock.monotonic()))
            self.clock.advance(self.seconds_per_answer)
            send = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
            try:
                send(client)
            except OSError:  # the client hung up, as it should
                return


def _read_request(client: socket.socket) -> SimpleNamespace | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return None
        data += more
    first, *lines = data.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return SimpleNamespace(target=first.split(" ")[1], headers=headers)

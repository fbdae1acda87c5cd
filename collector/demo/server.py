"""The sockets of the loopback hub: HTTP/1.1 with keep-alive, deliveries that fail on purpose, and a quick end.

Knows how to send an answer; knows no route and no world.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from collector.demo.answers import Answer, weak_etag

# SO_LINGER with time 0: closing sends RST in place of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as the socket gave it."""

    method: str
    target: str  #: path and query, as sent
    headers: Mapping[str, str]  #: names in lower case
    address: str  #: of whoever asks, without port


class HubServer(ThreadingHTTPServer):
    """Serves on a port of 127.0.0.1 (0: any that is free) from `start` to `stop`."""

    daemon_threads = False  # so that closing waits for every handler, and none outlives its hub
    request_queue_size = 64

    def __init__(self, port: int, answer: Callable[[Incoming], Answer]) -> None:
        self.answer = answer
        self.closing = threading.Event()
        self.bugs: list[Exception] = []
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="loopback-hub")
        super().__init__(("127.0.0.1", port), _Handler)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End: hung answers are let go, open connections closed, all threads joined."""
        self.shutdown()
        self.closing.set()
        with self._open_lock:
            for connection in self._open:
                _hang_up(connection)
        self.server_close()
        self._thread.join()

    # The base class leaves its socket types open: a TCP server has sockets.
    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        # The base class says goodbye (FIN) before it closes: no reset would be seen.
        reset = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET_ON_CLOSE)) == _RESET_ON_CLOSE
        (self.close_request if reset else super().shutdown_request)(request)

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news; anything else is a bug, kept for whoever closes the hub."""
        problem = sys.exception()
        if isinstance(problem, Exception) and not isinstance(problem, ConnectionError):
            self.bugs.append(problem)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was first


class _Handler(BaseHTTPRequestHandler):
    server: HubServer
    protocol_version = "HTTP/1.1"
    server_version = "loopback-hub"
    disable_nagle_algorithm = True  # else every kept connection waits 40 ms for each answer
    wbufsize = -1  # head and body leave together

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        incoming = Incoming(self.command, self.path, headers, str(self.client_address[0]))
        self._deliver(self.server.answer(incoming))

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Quiet: the hub records its requests itself."""

    def _deliver(self, answer: Answer) -> None:
        if answer.delivery == "hang":
            self.server.closing.wait()
        if answer.delivery in ("hang", "reset"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.close_connection = True
            return
        body = answer.body()
        self._send_head(answer, body)
        if self.command != "HEAD":
            self._send_body(answer, body)

    def _send_head(self, answer: Answer, body: bytes) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        if answer.status == 200:
            self.send_header("ETag", weak_etag(body))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, answer: Answer, body: bytes) -> None:
        if answer.delivery == "truncated":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif answer.delivery == "drip":
            self._drip(body, answer.pause_seconds)
        else:
            self.wfile.write(body)

    def _drip(self, body: bytes, pause_seconds: float) -> None:
        for position in range(len(body)):
            self.wfile.write(body[position : position + 1])
            self.wfile.flush()
            if self.server.closing.wait(pause_seconds):
                self.close_connection = True
                return

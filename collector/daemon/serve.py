"""Health and metrics over HTTP, for whoever watches: `/healthz`, `/readyz`, `/metrics`. Reads only.

Has threads of its own: a client that is slow or silent costs a poll nothing, and itself its connection. Knows what the
numbers are called outside; knows no schedule and no SQL. Answers only who asks for this host by its name, so that no
web page can read it through a visitor's browser.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from collector import __version__
from collector.upkeep import Figures

CONNECTION_SECONDS = 10.0  # for all of a request and its answer
MOST_CONNECTIONS = 16  # at once; who comes then is hung up on
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Standing:
    """How the daemon is."""

    figures: Figures | None  #: None: the database cannot be read
    why_not_ready: str  #: empty: it is ready
    why_not_healthy: str  #: empty: it is healthy
    lateness_seconds: dict[str, float]  #: by hub: since its poll is due, 0 when it is not
    seconds_since_poll: dict[str, float]  #: by hub: since the start of its last complete poll
    failures: dict[str, int]  #: by job: failures of the day since it last went well


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


class Watcher:
    """The server, from `with` to the end of its block. OSError when the address cannot be had."""

    def __init__(self, host: str, port: int, names: Iterable[str], standing: Callable[[], Standing]) -> None:
        self._server = _Server(host, port, names, standing)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="health", daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def answer(path: str, standing: Callable[[], Standing]) -> Answer:
    """What a path says."""
    if path == "/healthz":
        return _said(standing().why_not_healthy)
    if path == "/readyz":
        return _said(standing().why_not_ready)
    if path == "/metrics":
        return Answer(200, metrics(standing()), CONTENT_TYPE_PLAIN_0_0_4)
    return Answer(404, b"not here: /healthz, /readyz, /metrics\n")


def metrics(standing: Standing) -> bytes:
    """The numbers in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(standing))
    return generate_latest(registry)


def _said(why_not: str) -> Answer:
    return Answer(503, f"{why_not}\n".encode()) if why_not else Answer(200, b"ok\n")


def is_ours(asked_for: str | None, ours: Iterable[str]) -> bool:
    """Whether a Host header names this server, with or without a port. IPv6 stands in brackets."""
    if asked_for is None:
        return False
    name = asked_for.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    return name in ours


# --- what the numbers are called --------------------------------------------------------------------------------------


class _Numbers(Collector):
    """One scrape."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def collect(self) -> Iterable[Metric]:
        standing = self._standing
        yield _one("collector_build_info", "Version of the software.", {(__version__,): 1}, "version")
        yield _one(
            "collector_database_up", "1 while the database can be read.", {(): int(standing.figures is not None)}
        )
        yield _one(
            "collector_job_failures", "Failures of the day since it last went well.", _by(standing.failures), "job"
        )
        yield _one("collector_seconds_since_complete_poll", "Age.", _by(standing.seconds_since_poll), "hub")
        yield _one(
            "collector_poll_lag_seconds", "Since the poll is due; 0: it is not.", _by(standing.lateness_seconds), "hub"
        )
        if standing.figures is not None:
            yield from _of_figures(standing.figures)


def _of_figures(figures: Figures) -> Iterator[Metric]:
    yield from _of_polls(figures)
    flags = {(hub, kind): models for hub, kinds in figures.flags.items() for kind, models in kinds.items()}
    yield _one("collector_flags", "Models flagged in the latest month worked out.", flags, "hub", "kind")
    shares = {(of.hub,): of.unattributed_share for of in figures.hubs if of.unattributed_share is not None}
    yield _one("collector_unattributed_share", "Downloads of the month without a country, 0 to 1.", shares, "hub")
    yield _one("collector_alerts_waiting", "Alerts that the webhook has not taken.", {(): figures.untold})
    if figures.sizes is not None:
        yield _one("collector_database_bytes", "Size of the database file.", {(): figures.sizes[0]})
        yield _one("collector_wal_bytes", "Size of the write-ahead log.", {(): figures.sizes[1]})


def _of_polls(figures: Figures) -> Iterator[Metric]:
    lasts = [(of.hub, of.last) for of in figures.hubs if of.last is not None]
    yield _one(
        "collector_models_listed", "By the last complete poll.", {(h,): p.models_listed for h, p in lasts}, "hub"
    )
    yield _one("collector_models_new", "By the last complete poll.", {(h,): p.models_new for h, p in lasts}, "hub")
    yield _one("collector_models_moved", "By the last complete poll.", {(h,): p.models_moved for h, p in lasts}, "hub")
    yield _one("collector_hub_stale", "1: counters do not move.", {(h,): int(p.is_stale) for h, p in lasts}, "hub")
    starts = {(h,): p.started_at for h, p in lasts}
    yield _one("collector_last_complete_poll_timestamp_seconds", "Its start.", starts, "hub")
    yield _sum("collector_complete_polls", "Complete polls.", {of.hub: of.complete_polls for of in figures.hubs})
    yield _sum("collector_pages", "Pages kept.", {of.hub: of.pages for of in figures.hubs})
    yield _sum("collector_retries", "Requests asked again.", {of.hub: of.retries for of in figures.hubs})
    yield _sum("collector_rows_skipped", "Rows that made no sense.", {of.hub: of.rows_skipped for of in figures.hubs})
    waits = {of.hub: of.waited_seconds for of in figures.hubs}
    yield _sum("collector_rate_limit_wait_seconds", "Waits that the hub asked for.", waits)


def _one(name: str, means: str, values: Mapping[Any, Any], *labels: str) -> Metric:
    family = GaugeMetricFamily(name, means, labels=labels)
    for of, value in values.items():
        family.add_metric(of, value)
    return family


def _sum(name: str, means: str, by_hub: dict[str, Any]) -> Metric:
    """A number that only rises, kept in the database: a restart does not bring it back to 0."""
    family = CounterMetricFamily(name, means, labels=("hub",))
    for hub, value in by_hub.items():
        family.add_metric((hub,), value)
    return family


def _by(values: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    return {(name,): value for name, value in values.items()}


# --- sockets ----------------------------------------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, host: str, port: int, names: Iterable[str], standing: Callable[[], Standing]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.standing = standing
        self.names = frozenset(name.lower() for name in (host, *names))
        self._open: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # Without the base class's look-up of this machine's name, which can take long.
        socket.socket.setsockopt(self.socket, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the signature of the base
        with self._lock:
            return len(self._open) < MOST_CONNECTIONS

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open[request] = time.monotonic() + CONNECTION_SECONDS
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Several times a second: hangs up on whoever takes too long, however steadily the bytes drip."""
        with self._lock:
            late = [each for each, ends in self._open.items() if time.monotonic() > ends]
        for each in late:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was first

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news, and no stranger's request may fill the log."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = CONNECTION_SECONDS
    server_version = "collector"
    sys_version = ""

    def do_GET(self) -> None:
        found = self._found()
        self.send_response(found.status)
        self.send_header("Content-Type", found.content_type)
        self.send_header("Content-Length", str(len(found.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(found.body)

    do_HEAD = do_GET

    def _found(self) -> Answer:
        reached = str(self.connection.getsockname()[0]).removeprefix("::ffff:")
        ours = {*self.server.names, reached, *(LOOPBACK if reached in LOOPBACK else ())}
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or not is_ours(hosts[0], ours):
            return Answer(403, b"this is not the host asked for; see [serve] names\n")
        return answer(self.path.partition("?")[0], self.server.standing)

    def log_message(self, *_: object) -> None:
        """Quiet: what is asked of this server is no news."""

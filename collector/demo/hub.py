"""A hub on 127.0.0.1: routes, tokens, rate limits and faults over a world, and a record of every request.

Answers as the hub-api reference says (sections 2 to 4, checklist in 10). Knows no rule of counting, and never keeps a
token: requests are recorded with a marker that tells which one was sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit

from collector.demo import wire
from collector.demo.answers import Answer, Refusal, error, moved
from collector.demo.faults import Faults
from collector.demo.limits import Limiter
from collector.demo.listing import Listing, Rules, expand_names, parse_query
from collector.demo.server import HubServer, Incoming
from collector.demo.world import World

_MODELS = "/api/models"
_ANONYMOUS_REFUSAL = "Invalid username or password."
_BAD_TOKEN = "Invalid credentials in Authorization header"


@dataclass(slots=True)
class Request:
    """A request as it came, but for the value of a token."""

    number: int  #: from 1, since the hub began
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]  #: names in lower case; a token is `Bearer <token 1>` (its place among the hub's tokens)
    page: int | None  #: page of a listing, from 1; None: no listing, or a cursor this hub never gave
    status: int | None = field(default=None)  #: of the answer, once it is known


class LoopbackHub:
    """Serves a world from `with` to the end of its block. Every switch has the hub's own setting as its default.

    `tokens` gives each valid token its quota; the anonymous share `quota` by address. The rate window follows the
    world's clock, unless `real_time_limits`. On leaving, hung requests are let go and bugs of the hub are raised.
    """

    def __init__(
        self,
        world: World,
        *,
        quota: int = 500,
        window_seconds: int = 300,
        tokens: Mapping[str, int] | None = None,
        real_time_limits: bool = False,
        rules: Rules | None = None,
        port: int = 0,
    ) -> None:
        self.world = world
        self.faults = Faults()
        self.requests: list[Request] = []
        self._quota = quota
        self._tokens = dict(tokens or {})
        self._limiter = Limiter(window_seconds, time.monotonic if real_time_limits else self._world_time)
        self._rules = rules or Rules()
        self._listing = Listing()
        self._page_of: dict[str, int] = {}
        self._before_page: dict[int, Callable[[], object]] = {}
        self._lock = threading.Lock()
        self._server = HubServer(port, self.answer)

    @property
    def url(self) -> str:
        """The endpoint, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def before_page(self, page: int, act: Callable[[], object]) -> None:
        """Do this once, just before that page of a listing is made: the world moves under a walk."""
        self._before_page[page] = act

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        if self._server.bugs and problem is None:
            raise ExceptionGroup("the loopback hub itself failed", self._server.bugs)

    def answer(self, incoming: Incoming) -> Answer:
        """The answer to a request, faults included; the request is recorded and costs one of its asker's quota."""
        with self._lock:
            request = self._record(incoming)
            token = _token(incoming.headers)
            quota = self._tokens.get(token or "")
            # A token that is not valid buys no quota: its address pays.
            asker = f"token {token}" if quota is not None else incoming.address
            standing = self._limiter.spend(asker, self._quota if quota is None else quota)
            answer = self._routed(incoming, token, request) if standing.allowed else _window_spent()
            answer = answer.with_headers({**standing.headers(), "X-Request-Id": _request_id(request)})
            answer = self.faults.strike(answer, request.number, request.page)
            request.status = answer.status
            return answer

    def _world_time(self) -> float:
        return self.world.clock.now().timestamp()

    def _record(self, incoming: Incoming) -> Request:
        parts = urlsplit(incoming.target)
        query = parse_qs(parts.query, keep_blank_values=True)
        headers = {name: self._without_token(name, value) for name, value in incoming.headers.items()}
        page = None
        if parts.path == _MODELS:
            page = self._page_of.get(query["cursor"][-1]) if "cursor" in query else 1
        self.requests.append(Request(len(self.requests) + 1, incoming.method, parts.path, query, headers, page))
        return self.requests[-1]

    def _without_token(self, name: str, value: str) -> str:
        if name != "authorization":
            return value
        token = value.removeprefix("Bearer ")
        return f"Bearer <token {list(self._tokens).index(token) + 1}>" if token in self._tokens else "<unknown token>"

    def _routed(self, incoming: Incoming, token: str | None, request: Request) -> Answer:
        if token is not None and token not in self._tokens:
            return error(401, _BAD_TOKEN)
        try:
            if request.path == _MODELS:
                return self._listed(incoming, token, request)
            if request.path.startswith(f"{_MODELS}/"):
                return self._described(request.path[len(_MODELS) + 1 :], incoming.target, token)
        except Refusal as refusal:
            return refusal.answer
        return error(404, "Sorry, we can't find the page you are looking for.")

    def _listed(self, incoming: Incoming, token: str | None, request: Request) -> Answer:
        pairs = _pairs(incoming.target)
        query = parse_query(pairs, self._rules)
        if act := self._before_page.pop(request.page or 0, None):
            act()
        page = self._listing.page(self.world.snapshot(), query, token)
        host = incoming.headers.get("host", self.url.removeprefix("http://"))
        headers = {}
        if page.next_cursor is not None:
            self._page_of[page.next_cursor] = (request.page or 0) + 1
            kept = [(name, value) for name, value in pairs if name != "cursor"]
            address = f"http://{host}{_MODELS}?{urlencode([*kept, ('cursor', page.next_cursor)])}"
            headers["Link"] = f'<{address}>; rel="next"'
        own_address = f"http://{host}{incoming.target}"
        return Answer(200, page.rows, headers, own_address=own_address, row_before=page.row_before)

    def _described(self, rest: str, target: str, token: str | None) -> Answer:
        path, _, revision = rest.partition("/revision/")
        name = unquote(path)
        if name.count("/") > 1:
            return error(404, "Sorry, we can't find the page you are looking for.")
        world = self.world.snapshot()
        model, names = world.named(name), expand_names(_pairs(target), wire.DETAIL_NAMES)
        other = world.led_to(name) if model is None else None
        if other is not None and other.visible_to(token):
            return moved(_MODELS + "/" + quote(other.name) + target[len(f"{_MODELS}/{path}") :])
        if model is None or not model.visible_to(token):
            return _not_there(token)
        if revision and unquote(revision) not in ("main", wire.revision(model)):
            return error(404, f"Invalid rev id: {unquote(revision)!a}", "RevisionNotFound")
        return Answer(200, wire.row(model, names, world) if names else wire.detail_row(model, world))


def _token(headers: Mapping[str, str]) -> str | None:
    sent = headers.get("authorization")
    return None if sent is None else sent.removeprefix("Bearer ")


def _pairs(target: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(target).query, keep_blank_values=True)


def _not_there(token: str | None) -> Answer:
    # To the anonymous the hub does not tell a missing model from a private one.
    if token is None:
        return error(401, _ANONYMOUS_REFUSAL)
    return error(404, "Repository not found", "RepoNotFound")


def _window_spent() -> Answer:
    return error(429, "We had to rate limit you, you hit the quota of requests per 5 minutes period.")


def _request_id(request: Request) -> str:
    # A header may come folded over lines; what goes back is one.
    trace = " ".join(request.headers.get("x-amzn-trace-id", "").split())
    return f"Root=1-{request.number:08x}-{'0' * 24};{trace}"

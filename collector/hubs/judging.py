"""What a hub's answer means for the next request: take it, wait, try again or give up. Pure; asks nobody.

Knows HTTP, addresses, rate-limit headers and how to make foreign text harmless; knows no hub's rows and no clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn

import httpx2
import msgspec
from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]  # exported lazily

from collector.errors import CursorRefused, HubError

LONGEST_HOLD = 900.0  # seconds; a hub that asks for more is asked again after these
HOLD_MARGIN = 60.0  # seconds that a rate-limit reset may lie beyond its window
USUAL_WINDOW = 300.0  # seconds; where the hub does not say how long its window is
EDGE_BACKOFF = 4.0  # first backoff where the network's edge, not the hub, said 429: it wants fewer requests
MAX_ADDRESS = 8_000  # characters of a next address; real ones have about 500

_PLAIN_QUERY = re.compile(r"(?:[A-Za-z0-9_.~=&-]|%[0-9A-F]{2})+")

_PORTS = {"http": 80, "https": 443}
# A host of plain words or this machine; what follows needs no reading.
_PLAIN_ADDRESS = re.compile(
    r"(https?)://([a-z][a-z0-9]*(?:[.-][a-z][a-z0-9]*)*|127\.0\.0\.1)(?::([1-9]\d{0,3}|[1-5]\d{4}))?/[A-Za-z0-9_.~=&%/?-]*"
)

Origin = tuple[str, str, int]  # scheme, host, port


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over the wire, read to its end."""

    url: str  #: the address that answered
    status: int
    headers: Mapping[str, str]
    body: bytes  #: without the token, should the hub have echoed it
    next_link: str | None  #: the address of `Link: <…>; rel="next"`, as sent


class Trouble(Exception):
    """A try that failed and is worth another one."""

    def __init__(self, reason: str, first_backoff: float = 1.0, is_hold: bool = False) -> None:
        super().__init__(reason)
        self.first_backoff = first_backoff  #: seconds before the second try; doubles from try to try
        self.is_hold = is_hold  #: the hub said when to come back: not one of the counted tries


def clean(text: str, secret: str | None = None, limit: int = 200) -> str:
    """Foreign text made fit for a log or an error: one line, printable, at most `limit` characters, no secret."""
    if secret:
        text = text.replace(secret, "***")
    shown = "".join(c if c.isprintable() else " " for c in text[: 4 * limit])
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else shown[:limit] + "…"


def origin(address: str) -> Origin:
    """Scheme, host and port of an absolute http(s) address without a user; ValueError for anything else."""
    if plain := _PLAIN_ADDRESS.fullmatch(address):  # nearly always; the library reads letter by letter
        scheme, host, port = plain.groups()
        return scheme, host, int(port or _PORTS[scheme])
    try:
        return _origin(httpx2.URL(address))
    except httpx2.InvalidURL as e:
        raise ValueError("not an address") from e


def _origin(url: httpx2.URL) -> Origin:
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise ValueError("not an http(s) address without user and password")
    return url.scheme, url.host.lower(), url.port or _PORTS[url.scheme]


def next_address(link: str, asked: str, home: Origin) -> str:
    """The absolute address a link or redirect leads to. ValueError says why it is refused.

    Never another origin: the token would go there. Never the page just read: the poll would not end.
    """
    if len(link) > MAX_ADDRESS:
        raise ValueError(f"it has {len(link)} characters")
    if link != asked and _is_other_query(link, asked) and origin(asked) == home:
        return link
    try:
        here = _without_fragment(httpx2.URL(asked))
        url = _without_fragment(here.join(link))
    except httpx2.InvalidURL as e:
        raise ValueError("it is not an address") from e
    if _origin(url) != home:
        raise ValueError(f"it leads to another origin, {clean(url.netloc.decode('ascii', 'replace'))}")
    if url == here:
        raise ValueError("it leads to the page it stands on")
    return str(url)


def _is_other_query(link: str, asked: str) -> bool:
    """Whether a link differs from the address asked in its query alone, and would not be written otherwise.

    What nearly every page links to: an address is parsed letter by letter, which is felt on every page.
    """
    path, mark, _ = asked.partition("?")
    return bool(mark) and link.startswith(path + mark) and _PLAIN_QUERY.fullmatch(link, len(path) + 1) is not None


def _without_fragment(url: httpx2.URL) -> httpx2.URL:
    # Looked at first: a copy is parsed anew, which is felt on every page.
    return url.copy_with(fragment=None) if url.fragment else url


def hold_seconds(answer: Answer, at: datetime) -> float:
    """How long the hub wants to be left alone, in seconds; 0.0 when it did not say. Capped.

    `RateLimit: "api";r=0;t=T` on any answer: the window is spent, the next one begins in T seconds.
    `Retry-After` on an error: seconds or an HTTP date, which is compared with `at`.
    """
    limits = answer.headers.get("ratelimit", "").split(",")
    ours = next((part for part in limits if '"api"' in part), limits[0])
    limit = parse_ratelimit_headers({"ratelimit": ours, "ratelimit-policy": answer.headers.get("ratelimit-policy", "")})
    if limit is not None and limit.remaining == 0:
        window = USUAL_WINDOW if limit.window_seconds is None else limit.window_seconds
        return min(limit.reset_in_seconds + 1.0, window + HOLD_MARGIN, LONGEST_HOLD)
    if answer.status >= 400:
        return min(_retry_after(answer.headers.get("retry-after", "").strip(), at), LONGEST_HOLD)
    return 0.0


def _retry_after(text: str, at: datetime) -> float:
    """Seconds of a `Retry-After` header, at least 1; 0.0 when there is none or it says nothing."""
    if text.isascii() and text.isdigit():
        return max(1.0, float(text[:9]))
    try:
        return max(1.0, (parsedate_to_datetime(text) - at).total_seconds())
    except (ValueError, TypeError):  # not a date, or one without a zone
        return 0.0


def judge(answer: Answer, hold: float, is_cursor: bool, secret: str | None) -> None:
    """Nothing when the answer is a page. Trouble: try again. HubError: it will not get better by itself.

    `hold`: the seconds the hub asked for with it (`hold_seconds`). `is_cursor`: the address came
    from the hub; refusing it means that the listing must begin again (CursorRefused).
    """
    status = answer.status
    if status == 200:
        return
    if status == 429:
        _judge_too_many(answer, hold)
    if status == 408 or status >= 500 or status < 300:
        raise Trouble(f"the hub answered {status}")
    said = _server_text(answer, secret)
    if status in (401, 403):
        raise HubError(f"access refused ({status}{said}); {_token_advice(secret)}, then poll again")
    if is_cursor and status in (400, 404, 410):
        raise CursorRefused(f"the hub no longer takes the address of the next page ({status}{said}); poll again")
    raise HubError(f"the hub refused the request ({status}{said}); check the hub's endpoint in the configuration")


def _judge_too_many(answer: Answer, hold: float) -> NoReturn:
    """429 in its variants: spent window or Retry-After, window not spent (huggingface_hub PR 4662), network's edge."""
    if hold:
        raise Trouble("the rate limit is spent (429)", is_hold=True)
    if "ratelimit" not in answer.headers:
        raise Trouble("too many requests (429, from the network's edge)", first_backoff=EDGE_BACKOFF)
    raise Trouble("too many requests (429)")


def _token_advice(secret: str | None) -> str:
    if secret is None:
        return "if this hub wants a token, set HF_TOKEN or token_file"
    return "check that the token in HF_TOKEN or token_file is valid for this hub"


def _server_text(answer: Answer, secret: str | None) -> str:
    """What the server says of its refusal, ready to follow the status; empty when it says nothing short."""
    text: object = answer.headers.get("x-error-message")
    if text is None and len(answer.body) < 100_000:
        try:
            body = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        text = body.get("error") if isinstance(body, dict) else None
    return f": {clean(text, secret)}" if isinstance(text, str) and text.strip() else ""


def transport_reason(error: Exception, timeout_seconds: float, secret: str | None) -> str:
    """Why no whole answer came, in words."""
    if isinstance(error, (httpx2.ConnectTimeout, httpx2.PoolTimeout)):
        return f"no connection within {timeout_seconds:g} s"
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer within {timeout_seconds:g} s"
    said = clean(str(error), secret) or type(error).__name__
    if isinstance(error, (httpx2.ConnectError, httpx2.ProxyError)):
        return f"no connection ({said})"
    return f"the answer broke off ({said})"

"""One patient request to a hub: tries, waits, deadlines and the token. Knows no hub's rows and no database.

What an answer means is decided in `judging`; here it is done.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import datetime
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import unquote

# The library reads these once, when it is first imported: no extra requests, and never a saved token.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"

import httpx2
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily, which mypy cannot see
    build_hf_headers,
    close_session,
    http_stream_backoff,
)

from collector import __version__
from collector.errors import ConfigError, HubError, Stopped
from collector.hubs.judging import Answer, Origin, Trouble, hold_seconds, judge, next_address, origin, transport_reason

T = TypeVar("T")

MAX_TRIES = 6  # a page
MAX_SECONDS = 120.0  # a page, beside the waits the hub asked for
MAX_HOLDS = 12  # spent rate-limit windows in a row for one page: an hour of the usual five minutes
LONGEST_BACKOFF = 32.0  # seconds
MAX_BODY = 64 * 2**20  # bytes; a page of 1000 rows has under 2 MB
MAX_REDIRECTS = 3
LOOK_AGAIN = 0.2  # seconds between two looks at the stop while a request is under way

RESUME = "what was read is kept; poll again to go on from there"


class Stop(Protocol):
    """What `threading.Event` offers; all waiting goes through it, so that every wait can be interrupted."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """A decoded answer, and what it took to get it."""

    value: T
    asked_at: datetime  #: when the request that succeeded was sent
    next_address: str | None  #: checked; None at the listing's end
    retries: int
    waited_seconds: float  #: in waits the hub asked for


class _Requests:
    """A thread that makes one request after the other, so that whoever waits for an answer can stop waiting.

    Name look-ups, connects and headers that drip are deaf to deadlines and to signals. The thread is kept from page to
    page: starting one for each took a tenth of a poll's CPU time (measured at 200,000 models).
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        threading.Thread(target=_work_off, args=(self._calls,), name="hub-requests", daemon=True).start()
        weakref.finalize(self, self._calls.put, None)

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """The call's result or error to come."""
        future: Future[T] = Future()
        self._calls.put((future, call))
        return future

    def leave(self) -> None:
        """Lets the thread end with the request under way, and hangs up so that this comes about."""
        self._calls.put(None)
        close_session()


def _work_off(calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]) -> None:
    while (asked := calls.get()) is not None:
        future, call = asked
        try:
            future.set_result(call())
        except Exception as e:  # noqa: BLE001  whatever it is, the caller gets it
            future.set_exception(e)
        del asked, future, call  # an answer is no longer needed here, and may be large


def check_stop(stop: Stop) -> None:
    """Stopped when the user or the system asked to stop."""
    if stop.is_set():
        raise Stopped(f"stopped; {RESUME}")


@dataclass(slots=True)
class _Effort:
    """What one page has cost so far."""

    started: float  #: on the monotonic clock
    tries: int = 0  #: failed ones that count
    holds: int = 0  #: answers that said when to come back
    waited_seconds: float = 0.0  #: in waits the hub asked for

    def left(self, monotonic: float) -> float:
        """Seconds of the page's budget left; waits the hub asked for are not of it."""
        return MAX_SECONDS - (monotonic - self.started - self.waited_seconds)


class PatientClient:
    """Asks one hub for pages, as patiently as its rate limits and the budget of a page say.

    `now` dates the readings, `monotonic` (seconds) measures waits and deadlines, `stop` interrupts both.
    Raises ConfigError for an endpoint or a token that cannot be used.
    """

    def __init__(
        self,
        name: str,
        endpoint: str,
        timeout_seconds: float,
        token: str | None,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        stop: Stop,
        log: logging.Logger,
    ) -> None:
        self._name = name
        self._endpoint = endpoint
        self._home = _home(name, endpoint)
        self._timeout = timeout_seconds
        self._token = _usable(name, token)
        self._now = now
        self._monotonic = monotonic
        self._stop = stop
        self._log = log
        self._held_until = monotonic()  # the hub wants no request before
        self._requests = _Requests()

    def get(self, url: str, is_cursor: bool, decode: Callable[[Answer, datetime], T]) -> Fetched[T]:
        """The decoded answer of an address on this hub. `decode` gets the answer and when it was asked for.

        It raises Trouble for a body that makes no sense.

        Raises HubError (one line, the poll can be resumed), CursorRefused, Stopped.
        """
        effort = _Effort(self._monotonic())
        while True:
            self._wait_out_hold(effort)
            asked_at = self._now()
            try:
                answer = self._ask(url, effort)
                hold = hold_seconds(answer, self._now())
                self._held_until = max(self._held_until, self._monotonic() + hold)
                judge(answer, hold, is_cursor, self._token)
                value = decode(answer, asked_at)
                return Fetched(value, asked_at, self._next(answer), effort.tries + effort.holds, effort.waited_seconds)
            except Trouble as trouble:
                self._back_off(trouble, effort)
            except HubError as e:
                raise type(e)(f"{self._name}: {e}") from e

    def owns(self, address: str) -> bool:
        """Whether the address lies on this hub's own origin."""
        try:
            return origin(address) == self._home
        except ValueError:
            return False

    def _ask(self, url: str, effort: _Effort) -> Answer:
        """One try: the answer read to its end, redirects on the same origin followed."""
        check_stop(self._stop)
        seconds = min(2 * self._timeout, effort.left(self._monotonic()))
        ends = self._monotonic() + seconds
        try:
            return self._within(seconds, lambda: self._follow(url, ends))
        except OfflineModeIsEnabled as e:
            raise HubError("HF_HUB_OFFLINE is set, so no hub may be asked; unset it and poll again") from e
        except (httpx2.HTTPError, httpx2.InvalidURL) as e:
            raise Trouble(transport_reason(e, self._timeout, self._token)) from e

    def _within(self, seconds: float, call: Callable[[], T]) -> T:
        """The call's result or error; Trouble when it takes longer, Stopped when the user wants to stop meanwhile."""
        ends = self._monotonic() + seconds
        answer = self._requests.submit(call)
        try:
            while not wait([answer], LOOK_AGAIN).done:
                check_stop(self._stop)
                if self._monotonic() > ends:
                    raise Trouble(f"no whole answer within {seconds:.0f} s")
            return answer.result()
        finally:
            if not answer.done():
                self._requests.leave()
                self._requests = _Requests()

    def _follow(self, url: str, ends: float) -> Answer:
        for _ in range(1 + MAX_REDIRECTS):
            answer = self._request(url, ends)
            location = answer.headers.get("location")
            if location is None or answer.status not in (301, 302, 303, 307, 308):
                return answer
            try:
                url = self._led_to(location, url)
            except ValueError as e:
                raise HubError(f"a redirect is refused: {e}; check the hub's endpoint in the configuration") from e
        raise HubError("too many redirects; check the hub's endpoint in the configuration")

    def _request(self, url: str, ends: float) -> Answer:
        headers = build_hf_headers(
            token=self._token or False, library_name="open-model-collector", library_version=__version__
        )
        chunks, size = [], 0
        with http_stream_backoff(
            "GET",
            url,
            max_retries=0,
            retry_on_exceptions=(),
            retry_on_status_codes=(),
            headers=headers,
            timeout=self._timeout,
            follow_redirects=False,
        ) as response:
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                size += len(chunk)
                # The timeout is per read: a body that drips would pass it for ever.
                if self._monotonic() > ends:
                    raise Trouble("the answer dripped in too slowly")
                if size > MAX_BODY:
                    raise Trouble(f"the answer is larger than {MAX_BODY >> 20} MB")
        link = response.links.get("next", {}).get("url")
        return Answer(url, response.status_code, response.headers, self._without_token(b"".join(chunks)), link)

    def _without_token(self, body: bytes) -> bytes:
        return body if self._token is None else body.replace(self._token.encode(), b"***")

    def _next(self, answer: Answer) -> str | None:
        try:
            return None if answer.next_link is None else self._led_to(answer.next_link, answer.url)
        except ValueError as e:
            raise HubError(f"the hub's link to the next page is refused: {e}; {RESUME}") from e

    def _led_to(self, link: str, asked: str) -> str:
        """The address of a link or redirect; ValueError when it is refused. It is logged and stored: no token in it."""
        if self._token is not None and self._token.lower() in unquote(link).lower():
            raise ValueError("it holds the token")
        return next_address(link, asked, self._home)

    def _wait_out_hold(self, effort: _Effort) -> None:
        """Wait before the rate limit bites: the hub has said that no request is left in this window."""
        seconds = self._held_until - self._monotonic()
        if seconds <= 0:
            return
        self._log.info("%s: waiting %.0f s, as its rate limit asks", self._name, seconds)
        self._sleep(seconds)
        self._held_until = self._monotonic()
        effort.waited_seconds += seconds

    def _back_off(self, trouble: Trouble, effort: _Effort) -> None:
        """Wait before another try, or HubError when the page's tries, holds or seconds are used up."""
        effort.holds += trouble.is_hold
        effort.tries += not trouble.is_hold
        seconds = 0.0 if trouble.is_hold else min(LONGEST_BACKOFF, trouble.first_backoff * 2 ** (effort.tries - 1))
        is_over = effort.tries >= MAX_TRIES or effort.holds >= MAX_HOLDS
        if is_over or effort.left(self._monotonic()) <= seconds:
            asked = f"{self._endpoint} was asked {effort.tries + effort.holds} times"
            raise HubError(f"{self._name}: {trouble}; {asked}; {RESUME}") from trouble
        if not trouble.is_hold:
            self._log.warning("%s: %s; trying again in %.0f s", self._name, trouble, seconds)
            self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            check_stop(self._stop)


def _home(name: str, endpoint: str) -> Origin:
    try:
        return origin(endpoint)
    except ValueError as e:
        raise ConfigError(f"hub.{name}.endpoint: {e}; write https://host or http://host:port") from e


def _usable(name: str, token: str | None) -> str | None:
    if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
        raise ConfigError(f"hub.{name}: the token holds characters that no token has; check HF_TOKEN or token_file")
    return token

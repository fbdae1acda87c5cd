"""What can go wrong with a hub: each fault turns the answer that was due into another; `Faults` says when.

Knows answers only, no world and no socket. Deliveries other than whole are carried out by the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from collector.demo.answers import Answer, error

Fault = Callable[[Answer], Answer]
_HTML = "<!DOCTYPE html><html><head><title>Hub</title></head><body><h1>We will be back soon</h1></body></html>"
_HTML_TYPE = "text/html; charset=utf-8"


def status(code: int) -> Fault:
    """An error of the server or of what stands before it: 500, 502, 503, 504 …"""
    return lambda due: error(code, "Internal Error - We're working hard to fix this").with_headers(_without_link(due))


def hang() -> Fault:
    """No byte comes until the hub closes."""
    return lambda due: replace(due, delivery="hang")


def drip(pause_seconds: float) -> Fault:
    """The body comes byte by byte: each read is in time, the whole is not."""
    return lambda due: replace(due, delivery="drip", pause_seconds=pause_seconds)


def truncated() -> Fault:
    """Half of the body that Content-Length promised, then the end."""
    return lambda due: replace(due, delivery="truncated")


def reset() -> Fault:
    """The connection is reset before a byte of the answer."""
    return lambda due: replace(due, delivery="reset")


def invalid_json() -> Fault:
    """Status 200 and a body that breaks off in a string."""
    return lambda due: replace(due, status=200, payload='[{"_id":"66bfbb1a43a7')


def html() -> Fault:
    """Status 200 and a page for people."""
    return lambda due: replace(due, status=200, payload=_HTML, content_type=_HTML_TYPE)


def object_body() -> Fault:
    """Status 200 and an object where a list is due."""
    return lambda due: replace(due, status=200, payload={"models": due.payload})


def malformed_row(row: object = None) -> Fault:
    """A row that is none stands after the first of the page (default null); all true rows are there too."""

    def apply(due: Answer) -> Answer:
        rows = due.payload
        return replace(due, payload=[*rows[:1], row, *rows[1:]]) if isinstance(rows, list) else due

    return apply


def repeated_row() -> Fault:
    """The last row of the page before comes once more, first; changes nothing on a first page."""

    def apply(due: Answer) -> Answer:
        rows = due.payload
        return replace(due, payload=[due.row_before, *rows]) if due.row_before and isinstance(rows, list) else due

    return apply


def next_elsewhere(origin: str) -> Fault:
    """The next page is said to be on another host (`http://host:port`), the last page's too."""

    def apply(due: Answer) -> Answer:
        link = due.headers.get("Link") or _link(due.own_address)
        return due.with_headers({"Link": re.sub(r"<https?://[^/]+", lambda _: f"<{origin}", link)})

    return apply


def next_loop() -> Fault:
    """The next page is said to be this one."""
    return lambda due: due.with_headers({"Link": _link(due.own_address)})


def cursor_refused() -> Fault:
    """A cursor that was good is good no more."""
    return lambda due: error(400, "Invalid cursor").with_headers(_without_link(due))


def window_spent(reset_in_seconds: int = 2) -> Fault:
    """429 of the hub's own limiter: nothing remains of the window."""
    spent = {"RateLimit": f'"api";r=0;t={reset_in_seconds}'}
    return lambda due: _too_many(due).with_headers(spent)


def not_the_window() -> Fault:
    """429 though requests remain in the window."""
    return lambda due: _too_many(due).with_headers({"RateLimit": '"api";r=123;t=222'})


def edge_429() -> Fault:
    """429 of the network in front of the hub: no RateLimit header, no JSON."""
    return lambda _: Answer(429, _HTML, {"X-Cache": "Error from cloudfront"}, content_type=_HTML_TYPE)


def retry_after(seconds: int | str, code: int = 429) -> Fault:
    """An answer that says when to come back: seconds, or a date of HTTP."""
    return lambda _: error(code, "Too Many Requests").with_headers({"Retry-After": str(seconds)})


def _too_many(due: Answer) -> Answer:
    return error(429, "We had to rate limit your requests").with_headers(_without_link(due))


def _without_link(due: Answer) -> dict[str, str]:
    return {name: value for name, value in due.headers.items() if name != "Link"}


def _link(address: str) -> str:
    return f'<{address}>; rel="next"'


@dataclass(slots=True)
class _Planned:
    fault: Fault
    left: int | None  # None: always


class Faults:
    """Which fault comes when. Pages and requests are counted from 1."""

    def __init__(self) -> None:
        self._by_page: dict[int, list[_Planned]] = {}
        self._by_request: list[tuple[int, _Planned]] = []

    def on_page(self, page: int, fault: Fault, *, times: int | None = 1) -> None:
        """At the next so many requests (None: all) for this page of a listing."""
        self._by_page.setdefault(page, []).append(_Planned(fault, times))

    def on_request(self, number: int, fault: Fault, *, times: int | None = 1) -> None:
        """At this request since the hub began and those that follow it, so many in all (None: for ever)."""
        self._by_request.append((number, _Planned(fault, times)))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._by_page.clear()
        self._by_request.clear()

    def strike(self, answer: Answer, number: int, page: int | None) -> Answer:
        """The answer after the faults that are due at this request, in the order in which they were planned."""
        due = [planned for first, planned in self._by_request if first <= number]
        for planned in due + self._by_page.get(page or 0, []):
            if planned.left != 0:
                planned.left = None if planned.left is None else planned.left - 1
                answer = planned.fault(answer)
        return answer

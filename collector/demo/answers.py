"""An answer of the loopback hub before it is sent: status, headers, payload, and how it is delivered.

Knows how answers look on the wire; knows no world, no route and no socket.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Delivery = Literal["whole", "hang", "drip", "truncated", "reset"]
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back for one request. Faults turn one answer into another."""

    status: int
    payload: object  #: a JSON value; a str is sent as it is
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    delivery: Delivery = "whole"
    pause_seconds: float = 0.0  #: between two bytes of a body that drips
    own_address: str = ""  #: absolute address that was asked for
    row_before: object = None  #: last row of the page before; None: there is none

    def with_headers(self, headers: Mapping[str, str]) -> Answer:
        """The same with more headers; those given win."""
        return replace(self, headers={**self.headers, **headers})

    def body(self) -> bytes:
        """The bytes of the payload. ASCII with escapes, so that half a surrogate pair in hostile text passes."""
        if isinstance(self.payload, str):
            return self.payload.encode()
        return json.dumps(self.payload, separators=(",", ":")).encode()


class Refusal(Exception):
    """The hub refuses the request, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.payload))
        self.answer = answer


def error(status: int, message: str, code: str | None = None) -> Answer:
    """An error as the hub words it, with its text and code in headers where it sends them."""
    headers = {} if status == 400 else {"X-Error-Message": message}
    if code is not None:
        headers["X-Error-Code"] = code
    return Answer(status, {"error": message}, headers)


def bad_request(message: str) -> Refusal:
    """A 400 with this text."""
    return Refusal(error(400, message))


def moved(location: str) -> Answer:
    """A 307 to an address on the same host, given as a path with its query."""
    text = f"Temporary Redirect. Redirecting to {location}"
    return Answer(307, text, {"Location": location}, content_type="text/plain; charset=utf-8")


def weak_etag(body: bytes) -> str:
    """The validator of a body, in its weak form."""
    return f'W/"{len(body):x}-{hashlib.sha256(body).hexdigest()[:27]}"'

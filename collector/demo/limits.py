"""Fixed windows of requests, by whoever asks, and the two headers that tell of them.

Rules: hub-api reference, rate limits. Knows no socket and no clock of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """How an asker stands after a request."""

    quota: int
    window_seconds: int
    remaining: int
    reset_in_seconds: int
    allowed: bool  #: False: the window was spent before this request

    def headers(self) -> Mapping[str, str]:
        """As the hub words it on every answer."""
        return {
            "RateLimit": f'"api";r={self.remaining};t={self.reset_in_seconds}',
            "RateLimit-Policy": f'"fixed window";"api";q={self.quota};w={self.window_seconds}',
        }


class Limiter:
    """Counts requests of each asker in windows that begin with the first of them."""

    def __init__(self, window_seconds: int, now: Callable[[], float]) -> None:
        self._window = window_seconds
        self._now = now
        self._spent: dict[str, tuple[float, int]] = {}  # asker: end of the window, requests in it

    def spend(self, asker: str, quota: int) -> Standing:
        """Count one request (each costs one, whatever its answer) and tell how the asker stands."""
        now = self._now()
        ends, spent = self._spent.get(asker, (now, 0))
        # A clock moved back a whole window or more starts anew: no asker may wait longer than a window.
        if not 0 < ends - now <= self._window:
            ends, spent = now + self._window, 0
        self._spent[asker] = (ends, spent + 1)
        return Standing(quota, self._window, max(quota - spent - 1, 0), math.ceil(ends - now), spent < quota)

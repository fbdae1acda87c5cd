"""What a person should hear of: decided from polls and shares, told to one address. Knows no SQL and no schedule.

An alert has a key that says what happened, to what and since when, so that it is told once. Telling is one POST of
JSON; that the address is out of reach is an error like any other, and never more.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from collector.errors import CollectorError
from collector.report.text import clean

WEBHOOK_SECONDS = 10
STALE_HOURS = 36  # design, section 4: from then on the hub is flagged stale
LEAST_SHARE = 0.01  # who has less overtakes nobody of note
NOBODY = ("ZZ", "XX", "")  # unknown, of no one country, of no family: none of them overtakes or is overtaken

Shares = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that needs a person."""

    key: str
    words: str  #: one line


def overdue(hub: str, last: datetime | None, since: datetime, now: datetime, hours: float) -> list[Alert]:
    """No complete poll for so many hours. `last`: start of the last one; None: none, counted from `since`."""
    quiet = now - (last or since)
    if quiet < timedelta(hours=hours):
        return []
    words = "no complete poll yet" if last is None else f"no complete poll since {last:%Y-%m-%d %H:%M} UTC"
    return [Alert(f"no poll {hub} {last:%Y-%m-%dT%H:%M}" if last else f"no poll {hub}", f"{hub}: {words}")]


def stale(hub: str, last_good: datetime | None, is_stale: bool, now: datetime) -> list[Alert]:
    """The hub answers, and its counters have not moved for longer than a poll or two."""
    if last_good is None or not is_stale or now - last_good < timedelta(hours=STALE_HOURS):
        return []
    since = f"{last_good:%Y-%m-%d %H:%M} UTC"
    return [Alert(f"stale {hub} {last_good:%Y-%m-%dT%H:%M}", f"{hub}: stale, counters stand still since {since}")]


def moves(hub: str, what: str, before: Shares, after: Shares, points: float, day: str) -> list[Alert]:
    """Shares (0 to 1) of countries or families that differ by more than so many percentage points."""
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, 0.0), after.get(name, 0.0)
        if abs(new - old) * 100 > points:
            words = f"{hub}: the share of {what} {_shown(name)} moved from {old:.1%} to {new:.1%} by the poll of {day}"
            found.append(Alert(f"moved {hub} {what} {_shown(name)} {day}", words))
    return found


def crossings(hub: str, what: str, before: Shares, after: Shares, day: str) -> list[Alert]:
    """Of two countries or families, the one behind is ahead now."""
    named = sorted(name for name in before if name in after and name not in NOBODY and after[name] >= LEAST_SHARE)
    found = []
    for one, other in combinations(named, 2):
        for ahead, behind in ((one, other), (other, one)):
            if before[ahead] < before[behind] and after[ahead] > after[behind]:
                shares = f"{after[ahead]:.1%} to {after[behind]:.1%}"
                words = f"{hub}: {what} {_shown(ahead)} overtook {_shown(behind)}, {shares}, by the poll of {day}"
                found.append(Alert(f"crossing {hub} {what} {_shown(ahead)} {_shown(behind)} {day}", words))
    return found


def _shown(name: str) -> str:
    return clean(name)[:60] or "(none)"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The address is a secret and stays where it is."""

    def redirect_request(self, *_: Any) -> None:
        return None


def tell(webhook: str, alert: Alert, raised_at: datetime) -> None:
    """Sends one alert: `{"text", "key", "raised_at"}`. CollectorError, without the address, when it was not taken."""
    body = {"text": f"collector: {alert.words}", "key": alert.key, "raised_at": f"{raised_at:%Y-%m-%dT%H:%M:%SZ}"}
    request = urllib.request.Request(
        webhook, json.dumps(body).encode(), {"Content-Type": "application/json", "User-Agent": "open-model-collector"}
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=WEBHOOK_SECONDS):
            return
    except urllib.error.HTTPError as error:
        reason = f"status {error.code}"
        error.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = type(getattr(error, "reason", error)).__name__
    raise CollectorError(f"[alert] webhook: the alert was not taken ({reason}); check the address")

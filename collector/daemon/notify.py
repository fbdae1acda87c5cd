"""Tells systemd how the service is (sd_notify), where systemd asks for it. Knows one socket."""

from __future__ import annotations

import socket
from collections.abc import Mapping


def notify(state: str, environ: Mapping[str, str]) -> None:
    """Sends `READY=1`, `WATCHDOG=1` …; nothing when the service manager named no socket or does not listen."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(1)
        try:
            # A name that begins with @ is of the abstract kind, which begins with a zero byte.
            channel.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
        except OSError:
            return  # the service manager is not there: no reason to miss a poll


def watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """How often the watchdog wants to hear from us: half of what it allows; None: there is none."""
    allowed = environ.get("WATCHDOG_USEC", "")
    return int(allowed) / 2e6 if allowed.isdecimal() and int(allowed) > 0 else None

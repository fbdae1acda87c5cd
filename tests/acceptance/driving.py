"""Polls of a story in this process, at the pace of a test: waits take no time. Knows no figure."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from collector.demo import faults
from collector.demo.answers import Answer
from collector.demo.faults import Fault
from collector.demo.hub import LoopbackHub
from collector.errors import HubError, Stopped
from collector.hubs import HUBS, HuggingFaceSettings
from collector.importing import import_file
from collector.model import PollPlan
from collector.polling import poll_once
from collector.store.database import Database
from collector.store.polls import FinishedPoll, PollStore

Shown = Callable[[datetime], tuple[int | None, int | None]]  # both counters at an instant
ATTEMPTS = 20  # at one poll


@dataclass
class Hurry:
    """The user's wish to stop, and waits that are over at once."""

    stopped: threading.Event = field(default_factory=threading.Event)

    def is_set(self) -> bool:
        return self.stopped.is_set()

    def wait(self, timeout: float) -> bool:
        return self.stopped.is_set()


def poll(
    url: str,
    hub: LoopbackHub,
    now: Callable[[], datetime],
    plan: PollPlan,
    stop: Hurry | None = None,
    token: str | None = None,
) -> FinishedPoll:
    """One attempt at a poll, into the database at `url`."""
    stop = stop or Hurry()
    settings = HuggingFaceSettings(hub.url, 0.3, token)
    with Database.open(url, write=True) as db:
        client = HUBS["huggingface"](settings, plan, now, stop, logging.getLogger("collector.acceptance"))
        return poll_once(client, PollStore(db), plan, now, stop, lambda _: None).poll


def poll_to_the_end(
    url: str, hub: LoopbackHub, now: Callable[[], datetime], plan: PollPlan, *, stopped: bool
) -> FinishedPoll:
    """A poll taken up again until it is complete. The hub may break it off, and `stopped`, the user at every page."""
    for attempt in range(1, ATTEMPTS):
        stop = Hurry()
        if stopped:
            hub.before_page(attempt, stop.stopped.set)
        with suppress(HubError, Stopped):
            return poll(url, hub, now, plan, stop)
    raise AssertionError("the poll never came to its end")


def keep_history(url: str, file: Path, now: datetime) -> None:
    """What `collector import` does before it brings the derived tables up to date."""
    with Database.open(url, write=True) as db:
        import_file(file, "huggingface", db, lambda: now, "", "")


def lost_link() -> Fault:
    """The page looks like the last one."""

    def apply(due: Answer) -> Answer:
        return replace(due, headers={name: value for name, value in due.headers.items() if name != "Link"})

    return apply


def every_fault() -> list[Fault]:
    """All that can go wrong with a page and be made good by asking again."""
    return [
        faults.status(500),
        faults.html(),
        faults.invalid_json(),
        faults.truncated(),
        faults.reset(),
        faults.object_body(),
        faults.window_spent(),
        faults.not_the_window(),
        faults.edge_429(),
        faults.retry_after(3, 503),
        faults.malformed_row({"_id": "x"}),
        faults.repeated_row(),
        faults.status(502),
        faults.next_elsewhere("http://127.0.0.1:9"),
        faults.next_loop(),
        faults.status(403),
        faults.hang(),
    ]

"""The six weeks, polled once and asked about by many tests: plainly, and with trouble at every page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

import pytest

from collector.demo import faults
from collector.demo.hub import LoopbackHub
from collector.demo.listing import Rules
from collector.errors import HubError
from collector.model import PollPlan
from tests.acceptance import driving
from tests.acceptance.command_line import Installation, installed
from tests.acceptance.story import BROKEN, REPORTED_AT, THIN, TOKEN, Story, polls
from tests.once import once

ENOUGH = 1_000_000  # requests
WHOLE = PollPlan("all")
BY_COMMAND = 22  # every so many polls is made by the command: the others by what it calls
PAGES = 5
HEADLINE = "headline.txt"


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The story polled as it comes, with a token that sees what is private; nothing is ever broken off."""
    return _once(tmp_path_factory, "plain", _as_it_comes)


@pytest.fixture(scope="session")
def on_server(tmp_path_factory: pytest.TempPathFactory, new_server_url: Callable[[], str]) -> Installation:
    """The same, polled into a PostgreSQL database."""
    here = _live_through(tmp_path_factory.mktemp("served") / "plain", _as_it_comes, new_server_url())
    _report(here)
    return here


def _as_it_comes(here: Installation, hub: LoopbackHub, number: int, when: datetime) -> None:
    if number % BY_COMMAND == 0:
        here.ran(when, "poll", environ={"HF_TOKEN": TOKEN})
    else:
        driving.poll(here.url, hub, hub.world.clock.now, WHOLE, token=TOKEN)


@pytest.fixture(scope="session")
def pack(plain: Installation) -> Path:
    """What `collector report 2026-09` wrote of it; `headline` is what it printed."""
    return plain.folder / "reports" / "2026-09"


@pytest.fixture(scope="session")
def headline(plain: Installation) -> str:
    return (plain.folder / HEADLINE).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def rough(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The same story; each page of each poll fails in some way, and every second poll is stopped at each page."""
    kinds = driving.every_fault()

    def poll(here: Installation, hub: LoopbackHub, number: int, when: datetime) -> None:
        for page in range(1, PAGES + 1):
            hub.faults.on_page(page, kinds[(PAGES * number + page) % len(kinds)])
        driving.poll_to_the_end(here.url, hub, hub.world.clock.now, WHOLE, stopped=number % 2 == 0)

    return _once(tmp_path_factory, "rough", poll)


Poll = Callable[[Installation, LoopbackHub, int, datetime], None]


def _once(factory: pytest.TempPathFactory, name: str, poll: Poll) -> Installation:
    def make(folder: Path) -> None:
        _report(_live_through(folder, poll))

    return Installation(once(factory, name, make))


def _report(here: Installation) -> None:
    (here.folder / HEADLINE).write_text(here.ran(REPORTED_AT, "report", "2026-09").out, encoding="utf-8")


def _live_through(folder: Path, poll: Poll, server: str | None = None) -> Installation:
    story = Story()
    with ExitStack() as stack:
        hub = stack.enter_context(
            LoopbackHub(story.world, rules=Rules(most_rows=10), quota=ENOUGH, tokens={TOKEN: ENOUGH})
        )
        here = installed(folder, hub.url, server=server)
        for number, when in enumerate(polls()):
            story.until(when)
            hub.faults.clear()
            if when.date() == BROKEN.date():
                hub.faults.on_page(3, faults.status(403), times=None)
                with suppress(HubError):
                    driving.poll(here.url, hub, story.world.clock.now, WHOLE)
                continue
            if when.date() == THIN.date():
                hub.faults.on_page(2, driving.lost_link(), times=None)
            poll(here, hub, number, when)
    return here

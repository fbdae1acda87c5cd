"""Ask, keep, record how it went: one poll of one hub into the store, from where the last one of the day stopped.

Knows neither a hub's wire format nor SQL. A kill costs at most the page under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from collector.errors import CursorRefused, HubError
from collector.garbage import no_garbage_sought, seek_new_garbage
from collector.hubs import Hub, Stop
from collector.hubs.http import RESUME, check_stop
from collector.logs import about
from collector.model import OddRow, Page, PollPlan, to_seconds
from collector.store.polls import FinishedPoll, PollStore, RunningPoll
from collector.store.timing import SECONDS

PAGES_WITHOUT_COUNTER = 5  # so many are read before a hub is believed to have lost its cumulative counter


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a poll is; told after each page."""

    models_listed: int
    pages: int
    top: int | None  #: models asked for; None: the whole hub, whose size is not known


@dataclass(frozen=True, slots=True)
class PollResult:
    """How a poll went that reached its end."""

    poll: FinishedPoll
    resumed: bool  #: it went on from where an earlier run of the same UTC day stopped


def poll_once(
    hub: Hub,
    store: PollStore,
    plan: PollPlan,
    now: Callable[[], datetime],
    stop: Stop,
    progress: Callable[[Progress], None],
) -> PollResult:
    """Poll the hub to the end of its listing, or to the plan's top; resume the unfinished poll of the same UTC day.

    Raises HubError (recorded with the poll, which can be resumed) and Stopped (the poll stays running, to be resumed).
    """
    hub_id = store.hub_id(hub.name, hub.endpoint)
    unfinished = store.unfinished_poll(hub_id, plan, now())
    poll = unfinished or store.start_poll(hub_id, plan, now())
    pages = _pages(hub, poll.cursor, stop)
    if poll.pages == 0 and store.supplied_all_time(hub_id):
        pages = _with_all_time(hub.name, pages)
    with about(poll=poll.id):
        try:
            while not poll.has_ended:
                # A fifth of a poll's CPU time went into these searches, measured at 200,000 models.
                with no_garbage_sought():
                    page = next(pages)
                    _require_in_time(hub.name, poll, page)
                    poll = _kept(store, poll, page)
                if poll.pages % _PAGES_OF_GARBAGE == 0:
                    seek_new_garbage()
                progress(Progress(poll.models_listed, poll.pages, plan.top))
        except HubError as e:
            store.fail_poll(poll, str(e), now())
            raise
        return PollResult(store.finish_poll(poll, now()), unfinished is not None)


def _kept(store: PollStore, poll: RunningPoll, page: Page) -> RunningPoll:
    """The poll after a page of which all rows were kept that can be read."""
    try:
        return store.write_page(poll, page)
    except OddRow:
        if page.carefully is None:
            raise
        return store.write_page(poll, page.carefully())


def _require_in_time(name: str, poll: RunningPoll, page: Page) -> None:
    """HubError when a page was read before its poll began, or so long after that its readings' time does not fit.

    The first is a clock that was set back, the second a hub that is very slow or a machine that slept.
    """
    after = to_seconds(page.observed_at) - poll.started_at
    if after < 0:
        raise HubError(f"{name}: the clock was set back to before this poll began; {_ANEW}")
    if after >= SECONDS:
        raise HubError(f"{name}: this poll began more than {SECONDS // 3600} hours ago; {_ANEW}")


_PAGES_OF_GARBAGE = 20  # of a first poll: a few megabytes
_ANEW = "what was read is kept; poll again to begin a new one"


def _pages(hub: Hub, cursor: str | None, stop: Stop) -> Iterator[Page]:
    """The listing's pages from the cursor on; from its first once more when the hub no longer takes a cursor."""
    asked = {cursor}
    began_again = False
    while True:
        check_stop(stop)
        try:
            page = hub.page(cursor)
        except CursorRefused:
            if began_again or cursor is None:
                raise
            began_again, cursor, asked = True, None, {None}
            continue
        if page.next_cursor is not None and page.next_cursor in asked:
            raise HubError(f"{hub.name}: the hub's links to the next page lead in a circle; {RESUME}")
        yield page
        if page.next_cursor is None:
            return
        cursor = page.next_cursor
        asked.add(cursor)


def _with_all_time(name: str, pages: Iterator[Page]) -> Iterator[Page]:
    """The same pages; HubError when none of the first has a cumulative counter, before any of them is kept.

    The hub supplied it before, so it was lost on the way (a request that no longer asks for it, a mirror that cannot
    tell): kept, the day would look as if nothing had been counted. A single row without it is data.
    """
    held: list[Page] = []
    for page in pages:
        held.append(page)
        if _has_all_time(page) or len(held) == PAGES_WITHOUT_COUNTER:
            break
    if any(page.listed for page in held) and not any(map(_has_all_time, held)):
        raise HubError(
            f"{name}: no model has a cumulative download counter any more, though this hub supplied it before; "
            "nothing of this answer was kept; see what the hub changed, then poll again"
        )
    yield from held
    yield from pages


def _has_all_time(page: Page) -> bool:
    return any(model.downloads_all_time is not None for model in page.listed)

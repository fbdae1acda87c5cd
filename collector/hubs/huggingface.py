"""The Hugging Face hub: its listing `/api/models`, page by page, to observations.

Knows addresses and what is asked for; what a page and a row say is read in `huggingface_pages` and `huggingface_rows`:
these three alone know the format. Knows no database and no origin of anybody. The counters: `downloads` is the hub's
rolling 30-day count, `downloadsAllTime` its cumulative one, which comes with `expand` only and can fall
(huggingface_hub#4365).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from collector.errors import CursorRefused
from collector.hubs.http import Fetched, PatientClient, Stop
from collector.hubs.huggingface_pages import ordinary_rows
from collector.hubs.huggingface_rows import Rows, decode_rows, read_rows
from collector.hubs.judging import Answer
from collector.model import Page, PollPlan, to_seconds

NAME = "huggingface"
PAGE_ROWS = 1000  # the largest page the hub serves
# `tags` is there for the lineage of rows that lack `baseModels`; `_id` and `id` always come.
EXPAND = (
    "downloads",
    "downloadsAllTime",
    "likes",
    "createdAt",
    "private",
    "pipeline_tag",
    "library_name",
    "baseModels",
    "tags",
)
# A full walk never sorts by a key that moves while it is read: rows would be skipped or repeated.
SORTS = {"all": "sort=createdAt&direction=1", "top": "sort=downloads"}

LOGGED_ROWS = 5  # a page
CLOCK_MARGIN = 86_400  # seconds by which a model may be younger than our clock


@dataclass(frozen=True, slots=True)
class HuggingFaceSettings:
    """What the configuration says of this hub."""

    endpoint: str = "https://huggingface.co"
    timeout_seconds: float = 30.0  #: of a connect and of each read
    token: str | None = field(default=None, repr=False)


class HuggingFace:
    """The hub as `polling` sees it. See `collector.hubs.Hub`."""

    name = NAME

    def __init__(self, endpoint: str, client: PatientClient, plan: PollPlan, log: logging.Logger) -> None:
        self.endpoint = endpoint
        self._client = client
        self._first = first_address(endpoint, plan)
        self._log = log

    def page(self, cursor: str | None) -> Page:
        """The first page, or the one at an address that an earlier page gave.

        Raises HubError (the poll can be resumed), CursorRefused (begin again), Stopped.
        """
        if cursor is not None and not self._client.owns(cursor):
            raise CursorRefused(f"{NAME}: the stored address of the next page is not on this endpoint; poll again")
        fetched = self._client.get(cursor or self._first, cursor is not None, read_page)
        return self._told(fetched, fetched.value)

    def _told(self, fetched: Fetched[Rows], rows: Rows) -> Page:
        """The page; what could not be read of it is logged."""
        self._log_problems("row skipped", rows.skipped)
        self._log_problems("lineage left out", rows.oddities)
        again = rows.carefully
        return Page(
            observed_at=fetched.asked_at,
            listed=rows.listed,
            next_cursor=fetched.next_address,
            rows_skipped=len(rows.skipped),
            unreadable_keys=tuple(rows.unreadable_keys),
            retries=fetched.retries,
            waited_seconds=fetched.waited_seconds,
            carefully=None if again is None else lambda: self._told(fetched, again()),
        )

    def _log_problems(self, what: str, problems: list[str]) -> None:
        for problem in problems[:LOGGED_ROWS]:
            self._log.warning("%s: %s: %s", NAME, what, problem)
        if len(problems) > LOGGED_ROWS:
            self._log.warning("%s: %s: %d more on this page", NAME, what, len(problems) - LOGGED_ROWS)


def make(
    settings: HuggingFaceSettings,
    plan: PollPlan,
    now: Callable[[], datetime],
    stop: Stop,
    log: logging.Logger,
    monotonic: Callable[[], float] = time.monotonic,
) -> HuggingFace:
    """The hub, ready to be asked for its first page. ConfigError when endpoint or token cannot be used."""
    client = PatientClient(
        NAME,
        settings.endpoint,
        settings.timeout_seconds,
        settings.token,
        now=now,
        monotonic=monotonic,
        stop=stop,
        log=log,
    )
    return HuggingFace(settings.endpoint, client, plan, log)


def first_address(endpoint: str, plan: PollPlan) -> str:
    """The listing's first page: by creation for the whole hub, by 30-day downloads for its top."""
    expand = "".join(f"&expand={key}" for key in EXPAND)
    return f"{endpoint.rstrip('/')}/api/models?{SORTS[plan.scope]}&limit={PAGE_ROWS}{expand}"


def read_page(answer: Answer, asked_at: datetime) -> Rows:
    """What a page says: at once when every row is ordinary, else row by row. Trouble when the body is no JSON list."""
    latest = to_seconds(asked_at) + CLOCK_MARGIN

    def carefully() -> Rows:
        return read_rows(decode_rows(answer), latest)

    rows = ordinary_rows(answer.body, latest)
    return carefully() if rows is None else replace(rows, carefully=carefully)

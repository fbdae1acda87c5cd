"""The hubs we can ask: one file each, the only places that know a hub's wire format. No SQL, no origins."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from collector.hubs import huggingface
from collector.hubs.http import Stop
from collector.hubs.huggingface import HuggingFaceSettings
from collector.model import Page, PollPlan

__all__ = ["HUBS", "Hub", "HuggingFaceSettings", "Stop"]


class Hub(Protocol):
    """A public place that hosts models and counts their downloads, asked page by page."""

    name: str  #: as in the configuration
    endpoint: str  #: address asked

    def page(self, cursor: str | None) -> Page:
        """One page of the listing: the first, or the one at the cursor of the page before.

        Raises HubError (one line; the poll can be resumed at the same cursor), CursorRefused (the listing must begin
        again) and Stopped. Every wait inside can be interrupted.
        """
        ...


HUBS: Mapping[str, Callable[[HuggingFaceSettings, PollPlan, Callable[[], datetime], Stop, logging.Logger], Hub]] = {
    huggingface.NAME: huggingface.make,
}

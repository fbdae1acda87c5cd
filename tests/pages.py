"""A page of a hub as a poll takes it: read quickly, or row by row where a row proves odd."""

from __future__ import annotations

from collector.model import Observation, OddRow, Page


def checked(page: Page) -> Page:
    """The page, or as it is when it is read carefully where any of its rows proves odd."""
    try:
        for row in page.listed:
            row.observation()
    except OddRow:
        assert page.carefully is not None
        return page.carefully()
    return page


def observations(page: Page) -> tuple[Observation, ...]:
    """All that was said of every model."""
    return tuple(row.observation() for row in checked(page).listed)

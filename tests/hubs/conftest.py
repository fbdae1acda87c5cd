"""A scripted hub and its clock for every test of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hubs.scripted import Clock, ScriptedHub


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(clock: Clock) -> Iterator[ScriptedHub]:
    scripted = ScriptedHub(clock)
    yield scripted
    scripted.close()


@pytest.fixture
def elsewhere(clock: Clock) -> Iterator[ScriptedHub]:
    """Another origin, which must never be asked."""
    scripted = ScriptedHub(clock)
    yield scripted
    scripted.close()

"""What tests of the loopback hub share: a world at a known moment, a hub that serves it, someone who asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# Before the library is imported: it would ask for more than it is told to, and not on the loopback interface.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import httpx2
import pytest

from collector.demo.hub import LoopbackHub
from collector.demo.world import Clock, World

START = datetime(2026, 9, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks a hub over one kept connection, follows no redirect by itself and raises on no status."""

    client: httpx2.Client

    def get(self, path: str, headers: Mapping[str, str] | None = None, timeout: float = 10) -> httpx2.Response:
        return self.client.get(path, headers=dict(headers or {}), timeout=timeout)

    def rows(self, path: str) -> list[dict[str, Any]]:
        response = self.get(path)
        assert response.status_code == 200, response.text
        rows = response.json()
        assert isinstance(rows, list)
        return rows

    def pages(self, path: str) -> Iterator[list[dict[str, Any]]]:
        """Each page of a walk, asked for when it is wanted."""
        address: str | None = path
        while address:
            response = self.get(address)
            assert response.status_code == 200, response.text
            yield response.json()
            address = response.links.get("next", {}).get("url")

    def walk(self, path: str) -> list[str]:
        """The names on all pages, in order."""
        return [row["id"] for page in self.pages(path) for row in page]


def new_client(url: str) -> httpx2.Client:
    # No certificates: nothing here is asked over TLS, and reading them takes longer than most of these tests.
    return httpx2.Client(base_url=url, trust_env=False, verify=False)


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def world(clock: Clock) -> World:
    return World(clock)


@pytest.fixture
def serve(world: World) -> Iterator[Callable[..., tuple[LoopbackHub, Asker]]]:
    """Starts hubs with switches, each with someone who asks it; ends them all."""
    started: list[tuple[LoopbackHub, Asker]] = []

    def start(**switches: Any) -> tuple[LoopbackHub, Asker]:
        hub = LoopbackHub(world, **switches).__enter__()
        started.append((hub, Asker(new_client(hub.url))))
        return started[-1]

    yield start
    for hub, asker in started:
        asker.client.close()
        hub.__exit__(None, None, None)


@pytest.fixture
def hub(serve: Callable[..., tuple[LoopbackHub, Asker]]) -> LoopbackHub:
    return serve()[0]


@pytest.fixture
def asker(hub: LoopbackHub) -> Iterator[Asker]:
    with new_client(hub.url) as client:
        yield Asker(client)

"""What every test relies on: no settings from outside, no network but loopback, and properties that repeat."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests import workers

if TYPE_CHECKING:
    from tests.engines import KeptDatabase

# Before any test imports the hub's library, which reads its variables once.
for _name in list(os.environ):
    if _name.startswith(("HF_", "HUGGING", "COLLECTOR_")) and not _name.startswith("COLLECTOR_TEST_"):
        del os.environ[_name]
    if _name.lower() in ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy"):
        del os.environ[_name]
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
# An installed program has its modules compiled; else each process that a test starts would compile them all.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# No deadlines: a busy machine is not a bug. In CI the same examples on every run.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    workers.arrange(items)


@pytest.hookimpl(optionalhook=True)  # asked for by pytest-xdist, where there are several workers
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return workers.by_unit(config, log) if config.getoption("dist") == "load" else None


class NetworkForbiddenError(RuntimeError):
    """A test tried to leave this machine. Not an OSError: nobody may take it for an outage and try again."""


def _require_loopback(address: Any) -> None:
    """Unix sockets and loopback pass; anything else, names that need a resolver too, does not."""
    host = address[0] if isinstance(address, tuple) else None
    if host is None or host in ("localhost", ""):
        return
    try:
        if ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise NetworkForbiddenError(f"a test tried to reach {host!r}; tests speak to loopback only")


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Iterator[None]:
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _require_loopback(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _require_loopback(address)
        return connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        yield


# --- PostgreSQL, where COLLECTOR_TEST_POSTGRES names a server ---------------------------------------------------------


@pytest.fixture(scope="session")
def new_server_url() -> Iterator[Callable[[], str]]:
    """Makes new, empty databases on the server."""
    from tests.engines import on_server

    with on_server() as create:
        yield create


@pytest.fixture
def server_url(new_server_url: Callable[[], str]) -> str:
    """A new, empty database on the server."""
    return new_server_url()


@pytest.fixture(scope="session")
def _kept_database(new_server_url: Callable[[], str]) -> KeptDatabase:
    from tests.engines import KeptDatabase

    return KeptDatabase(new_server_url)


@pytest.fixture
def emptied_url(_kept_database: KeptDatabase) -> str:
    """A database on the server with its schema and without rows; only one at a time."""
    return _kept_database.emptied()

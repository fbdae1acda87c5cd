"""The daemon's work on PostgreSQL is what it is on a file, also when the server lets go of everybody meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.store.queries import run_sql
from tests.daemon.observatory import Observatory, observatory
from tests.engines import everybody_out

SHARES = 'SELECT "window", attribution, country, downloads, share, status FROM country_share ORDER BY 1, 2, 3'
ALERTS = "SELECT key, raised_at, words FROM alert ORDER BY key"


def after_days(here: Observatory, days: int) -> dict[str, list[tuple[Any, ...]]]:
    """Shares, alerts and polls after so many daily looks."""
    for _ in range(days):
        here.look()
        here.clock.advance(days=1)
    url = here.upkeep.config.database.url
    polls = "SELECT poll, started_at, status, models_listed FROM poll_log ORDER BY poll"
    return {query: run_sql(url, query).rows for query in (SHARES, ALERTS, polls)}


def test_days_of_the_daemon_come_to_the_same_on_both_engines(tmp_path: Path, emptied_url: str) -> None:
    (tmp_path / "file").mkdir()
    (tmp_path / "server").mkdir()
    with observatory(tmp_path / "file") as here:
        ours = after_days(here, 3)
    with observatory(tmp_path / "server", f'[database]\nurl = "{emptied_url}"') as here:
        theirs = after_days(here, 3)
        assert here.findings() == []
    assert theirs == ours
    assert ours[SHARES]


def test_a_server_that_lets_go_of_everybody_costs_no_poll(
    tmp_path: Path, emptied_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with observatory(tmp_path, f'[database]\nurl = "{emptied_url}"') as here:
        after_days(here, 1)
        everybody_out(emptied_url)
        polls = after_days(here, 1).popitem()[1]
    assert [(poll, status) for poll, _, status, _ in polls] == [(1, "complete"), (2, "complete")]
    assert "Traceback" not in caplog.text

"""What a person hears of: decided from polls and shares, told once, retried, and never in a poll's way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from collector.alerts import Alert, crossings, moves, overdue, stale, tell
from collector.errors import CollectorError
from tests.daemon.observatory import NAMES, Observatory, observatory

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLL = "poll huggingface"


def words(alerts: list[Alert]) -> list[str]:
    return [alert.words for alert in alerts]


def test_a_hub_without_a_complete_poll_for_long_is_told_once_for_each_silence() -> None:
    last = NOW - timedelta(hours=36)
    assert overdue("one", last, NOW, NOW - timedelta(seconds=1), 36) == []
    (found,) = overdue("one", last, NOW, NOW, 36)
    assert found.words == "one: no complete poll since 2026-11-21 00:00 UTC"
    assert overdue("one", last, NOW, NOW + timedelta(days=3), 36) == [found]
    assert words(overdue("one", None, NOW - timedelta(hours=37), NOW, 36)) == ["one: no complete poll yet"]
    assert overdue("one", None, NOW, NOW, 36) == []


def test_a_hub_is_stale_after_36_hours_of_counters_that_stand_still() -> None:
    good = NOW - timedelta(hours=36)
    assert words(stale("one", good, True, NOW)) == ["one: stale, counters stand still since 2026-11-21 00:00 UTC"]
    assert stale("one", good, False, NOW) == []
    assert stale("one", good + timedelta(seconds=1), True, NOW) == []
    assert stale("one", None, True, NOW) == []


def test_a_share_that_moves_by_more_than_the_points_asked_for_is_told() -> None:
    before, after = {"CN": 0.40, "US": 0.35, "FR": 0.02}, {"CN": 0.43, "US": 0.37, "GB": 0.021}
    assert words(moves("one", "country", before, after, 2.05, "2026-11-22")) == [
        "one: the share of country CN moved from 40.0% to 43.0% by the poll of 2026-11-22",
        "one: the share of country GB moved from 0.0% to 2.1% by the poll of 2026-11-22",
    ]


def test_a_country_that_overtakes_another_is_told_and_the_unknown_overtakes_nobody() -> None:
    before = {"CN": 0.30, "US": 0.31, "ZZ": 0.29, "XX": 0.02, "FR": 0.001, "DE": 0.002}
    after = {"CN": 0.31, "US": 0.30, "ZZ": 0.32, "XX": 0.03, "FR": 0.002, "DE": 0.001}
    assert words(crossings("one", "country", before, after, "2026-11-22")) == [
        "one: country CN overtook US, 31.0% to 30.0%, by the poll of 2026-11-22"
    ]
    assert crossings("one", "country", before, before, "2026-11-22") == []


def test_a_family_name_from_outside_stays_on_one_line() -> None:
    (alert,) = moves("one", "family", {}, {"a\nb\x1b[31m" * 50: 0.5}, 2, "2026-11-22")
    assert alert.words.isprintable()
    assert len(alert.words) < 200


# --- telling ----------------------------------------------------------------------------------------------------------


def test_an_alert_is_one_post_of_json(httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(
        "/hook", method="POST", json={"text": "collector: words", "key": "key", "raised_at": "2026-11-22T12:00:00Z"}
    ).respond_with_data("", status=204)
    tell(httpserver.url_for("/hook"), Alert("key", "words"), NOW)
    httpserver.check()


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_alert_that_is_not_taken_is_an_error_without_the_address(httpserver: HTTPServer, status: int) -> None:
    elsewhere = {"Location": httpserver.url_for("/elsewhere")}
    httpserver.expect_request("/hook-secret").respond_with_response(Response("", status, elsewhere))
    with pytest.raises(CollectorError, match=f"the alert was not taken \\(status {status}\\)") as found:
        tell(httpserver.url_for("/hook-secret"), Alert("key", "words"), NOW)
    assert "secret" not in str(found.value)
    assert len(httpserver.log) == 1


def test_an_address_out_of_reach_is_an_error_without_the_address() -> None:
    with pytest.raises(CollectorError, match="ConnectionRefusedError") as found:
        tell("http://127.0.0.1:9/secret", Alert("key", "words"), NOW)
    assert "secret" not in str(found.value)


# --- in the daemon ----------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, httpserver: HTTPServer) -> Iterator[Observatory]:
    more = f'[alert]\nwebhook = "{httpserver.url_for("/hook")}"\nmoved_points = 0.5'
    with observatory(tmp_path, more) as made:
        yield made


def told(httpserver: HTTPServer) -> list[str]:
    return [request.get_json()["text"] for request, response in httpserver.log if response.status_code == 200]


def test_what_moved_between_two_polls_is_told_once_and_later_when_the_webhook_is_down(
    here: Observatory, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    httpserver.expect_oneshot_request("/hook").respond_with_data("", status=503)
    httpserver.expect_request("/hook").respond_with_data("ok")
    here.look(POLL, "watch", "tell")
    here.hub.world.edit(NAMES[2], lambda model: replace(model, truth=None, all_time=700_000, last_30d=90_000))
    here.clock.advance(days=1)
    here.look(POLL, "watch", "tell")
    assert "tell failed: [alert] webhook: the alert was not taken (status 503)" in caplog.text
    assert here.upkeep.figures().untold > 0
    assert [status for _, status in here.polls()] == ["complete", "complete"]
    here.clock.advance(minutes=1)
    here.look(POLL, "watch", "tell")
    heard = told(httpserver)
    assert (
        "collector: huggingface: the share of country FR moved from 33.3% to 60.0% by the poll of 2026-11-21" in heard
    )
    here.clock.advance(minutes=1)
    here.look(POLL, "watch", "tell")
    assert told(httpserver) == heard
    assert len(set(heard)) == len(heard)
    assert here.upkeep.figures().untold == 0


def test_silence_is_told_and_told_again_only_after_another_poll(here: Observatory, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    here.look(POLL)
    for _ in range(3):
        here.clock.advance(hours=20)
        here.look("watch", "tell")
    assert told(httpserver) == ["collector: huggingface: no complete poll since 2026-11-20 00:05 UTC"]


def test_without_a_webhook_the_log_line_is_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with observatory(tmp_path) as here:
        here.look(POLL)
        here.clock.advance(hours=40)
        here.look("watch", "tell")
        assert caplog.text.count("alert: huggingface: no complete poll since") == 1
        assert here.upkeep.figures().untold == 0

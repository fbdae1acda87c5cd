"""Limits, faults, headers and the record of requests (hub-api reference, sections 4, 9.5 and 10)."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from huggingface_hub.utils._http import parse_ratelimit_headers

from collector.demo import faults
from collector.demo.hub import LoopbackHub
from collector.demo.limits import Limiter
from collector.demo.world import Clock, World

LISTING = "/api/models"
PAGES = f"{LISTING}?sort=createdAt&direction=1&limit=2&expand=downloads"


@pytest.fixture
def six(world: World) -> list[str]:
    return [world.create(f"lab/{n}") for n in range(6)]


# Limits


def test_every_answer_tells_what_remains_of_the_window(world: World, serve: Callable[..., Any]) -> None:
    world.rename(world.create("lab/old"), "lab/new")
    _, asker = serve(tokens={"hf_a": 5})
    paths = [LISTING, f"{LISTING}?sort=no", f"{LISTING}/lab/old", f"{LISTING}/lab/new", f"{LISTING}/no/no", "/nowhere"]
    answers = [asker.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [200, 400, 307, 200, 401, 404]
    assert [answer.headers["RateLimit"] for answer in answers] == [f'"api";r={499 - n};t=300' for n in range(6)]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"fixed window";"api";q=500;w=300'}
    told = parse_ratelimit_headers(answers[0].headers)
    assert told is not None
    assert (told.remaining, told.reset_in_seconds, told.limit, told.window_seconds) == (499, 300, 500, 300)


def test_a_spent_window_refuses_until_the_clock_has_passed_its_end(clock: Clock, serve: Callable[..., Any]) -> None:
    _, asker = serve(quota=2, window_seconds=60)
    assert [asker.get(LISTING).status_code for _ in range(3)] == [200, 200, 429]
    clock.advance(seconds=59)
    refused = asker.get(LISTING)
    assert (refused.status_code, refused.headers["RateLimit"]) == (429, '"api";r=0;t=1')
    assert "Retry-After" not in refused.headers
    clock.advance(seconds=1)
    assert asker.get(LISTING).headers["RateLimit"] == '"api";r=1;t=60'


def test_each_token_has_its_own_quota_and_a_bad_one_buys_none(serve: Callable[..., Any]) -> None:
    _, asker = serve(quota=1, tokens={"hf_a": 2, "hf_b": 9})
    left = [
        asker.get(LISTING, {"Authorization": f"Bearer {token}"} if token else {}).headers["RateLimit"][6:9]
        for token in ("hf_a", "hf_a", "hf_b", "", "hf_bad")
    ]
    assert left == ["r=1", "r=0", "r=8", "r=0", "r=0"]
    assert asker.get(LISTING, {"Authorization": "Bearer hf_bad"}).status_code == 429


def test_a_window_can_follow_real_time(clock: Clock, serve: Callable[..., Any]) -> None:
    _, asker = serve(quota=1, real_time_limits=True)
    asker.get(LISTING)
    clock.advance(days=1)
    assert asker.get(LISTING).status_code == 429


def test_a_clock_that_goes_back_makes_no_one_wait_longer_than_a_window() -> None:
    times = iter([1000.0, 1000.5, 10.0])
    limiter = Limiter(300, lambda: next(times))
    standings = [limiter.spend("x", 5) for _ in range(3)]
    assert [(s.remaining, s.reset_in_seconds) for s in standings] == [(4, 300), (3, 300), (4, 300)]


# Headers and the record


def test_the_request_id_holds_the_trace_that_was_sent_and_the_validator_is_weak(hub: LoopbackHub, asker: Any) -> None:
    answer = asker.get(LISTING, {"X-Amzn-Trace-Id": "a-trace-of-mine"})
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};a-trace-of-mine", answer.headers["X-Request-Id"])
    assert re.fullmatch(r'W/"[0-9a-f]+-[0-9a-f]+"', answer.headers["ETag"])
    assert asker.get(LISTING).headers["ETag"] == answer.headers["ETag"]


def test_requests_are_recorded_in_order_and_no_token_is_kept(world: World, serve: Callable[..., Any]) -> None:
    hub, asker = serve(tokens={"hf_one": 10, "hf_two": 10})
    asker.get(f"{LISTING}?expand=tags&expand=likes", {"Authorization": "Bearer hf_two"})
    asker.get("/nowhere", {"Authorization": "Bearer hf_secret", "X-Mine": "yes"})
    asker.get(LISTING)
    first, second, third = hub.requests
    assert (first.number, first.method, first.path, first.status) == (1, "GET", LISTING, 200)
    assert (first.query, first.page) == ({"expand": ["tags", "likes"]}, 1)
    assert first.headers["authorization"] == "Bearer <token 2>"
    assert (second.headers["authorization"], second.headers["x-mine"]) == ("<unknown token>", "yes")
    assert (second.page, second.status) == (None, 401)
    assert "authorization" not in third.headers
    assert "hf_" not in repr(hub.requests)


def test_pages_are_numbered_as_they_are_walked(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    asker.walk(PAGES)
    asker.walk(PAGES)
    assert [request.page for request in hub.requests] == [1, 2, 3, 1, 2, 3]


def test_many_requests_travel_on_one_connection(hub: LoopbackHub, asker: Any) -> None:
    assert asker.get(LISTING).http_version == "HTTP/1.1"
    head = asker.client.head(LISTING)
    assert (head.headers["Content-Length"], head.content) == ("2", b"")
    assert asker.get(LISTING).json() == []
    assert not any("close" in request.headers.get("connection", "") for request in hub.requests)


# Faults that change what is said


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_page_fails_once_and_then_comes(six: list[str], hub: LoopbackHub, asker: Any, code: int) -> None:
    hub.faults.on_page(2, faults.status(code))
    second = asker.get(PAGES).links["next"]["url"]
    failed, mended = asker.get(second), asker.get(second)
    assert (failed.status_code, mended.status_code) == (code, 200)
    assert "Link" not in failed.headers
    assert "RateLimit" in failed.headers


def test_a_page_can_fail_for_ever_until_all_is_mended(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_page(1, faults.status(503), times=None)
    assert {asker.get(PAGES).status_code for _ in range(10)} == {503}
    hub.faults.clear()
    assert asker.get(PAGES).status_code == 200


def test_faults_by_request_count_all_requests(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_request(2, faults.status(500), times=2)
    hub.faults.on_request(5, faults.status(502), times=None)
    assert [asker.get(path).status_code for path in (LISTING, "/x", LISTING, LISTING, LISTING, "/x")] == [
        *(200, 500, 500, 200),
        *(502, 502),
    ]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.invalid_json(), "application/json"),
        (faults.html(), "text/html"),
    ],
)
def test_a_body_that_is_no_json_comes_with_status_200(
    six: list[str], hub: LoopbackHub, asker: Any, fault: faults.Fault, kind: str
) -> None:
    hub.faults.on_page(1, fault)
    answer = asker.get(PAGES)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, kind)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_an_object_comes_where_a_list_is_due(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_page(1, faults.object_body())
    assert list(asker.get(PAGES).json()) == ["models"]


def test_a_bad_row_stands_among_the_good_ones(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_page(1, faults.malformed_row({"downloads": -1}))
    hub.faults.on_page(1, faults.malformed_row(), times=1)
    rows = asker.rows(PAGES)
    assert [row and row.get("id") for row in rows] == ["lab/0", None, None, "lab/1"]
    hub.faults.on_request(1, faults.malformed_row(), times=None)
    assert asker.get(f"{LISTING}/lab/0").json()["id"] == "lab/0"


def test_a_row_is_repeated_on_the_next_page(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_page(1, faults.repeated_row())
    hub.faults.on_page(2, faults.repeated_row())
    assert asker.walk(PAGES) == [f"lab/{n}" for n in (0, 1, 1, 2, 3, 4, 5)]


def test_the_next_page_is_said_to_be_on_another_host(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_page(1, faults.next_elsewhere("http://elsewhere.example:99"))
    first = asker.get(PAGES).links["next"]["url"]
    assert first.startswith(f"http://elsewhere.example:99{LISTING}?")
    assert "cursor=" in first
    hub.faults.on_page(1, faults.next_elsewhere("http://elsewhere.example"))
    assert asker.get(f"{LISTING}?limit=100").links["next"]["url"].startswith("http://elsewhere.example/")


def test_the_next_page_is_said_to_be_this_one(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_page(1, faults.next_loop())
    assert asker.get(PAGES).links["next"]["url"] == hub.url + PAGES


def test_a_cursor_that_was_good_is_refused(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_page(2, faults.cursor_refused())
    second = asker.get(PAGES).links["next"]["url"]
    refused = asker.get(second)
    assert (refused.status_code, refused.json()) == (400, {"error": "Invalid cursor"})
    assert "Link" not in refused.headers


@pytest.mark.parametrize(
    ("fault", "limit", "wait"),
    [
        (faults.window_spent(7), '"api";r=0;t=7', None),
        (faults.not_the_window(), '"api";r=123;t=222', None),
        (faults.edge_429(), None, None),
        (faults.retry_after(3), None, "3"),
        (faults.retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), None, "Wed, 21 Oct 2026 07:28:00 GMT"),
    ],
)
def test_too_many_requests_are_told_in_each_way_of_the_hub(
    six: list[str], hub: LoopbackHub, asker: Any, fault: faults.Fault, limit: str | None, wait: str | None
) -> None:
    hub.faults.on_page(1, fault)
    answer = asker.get(PAGES)
    assert answer.status_code == 429
    assert (answer.headers.get("RateLimit"), answer.headers.get("Retry-After")) == (limit, wait)
    assert "Link" not in answer.headers


# Faults of delivery


def test_a_truncated_body_is_less_than_was_promised(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_page(1, faults.truncated())
    with pytest.raises(httpx2.RemoteProtocolError):
        asker.get(PAGES)
    assert len(asker.rows(PAGES)) == 2


def test_a_connection_is_reset(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_page(1, faults.reset())
    with pytest.raises(httpx2.ReadError, match="reset"):
        asker.get(PAGES)
    assert len(asker.rows(PAGES)) == 2


def test_a_hung_request_gets_no_byte(six: list[str], hub: LoopbackHub, asker: Any) -> None:
    hub.faults.on_page(1, faults.hang())
    with pytest.raises(httpx2.ReadTimeout):
        asker.get(PAGES, timeout=0.1)
    assert len(asker.rows(PAGES)) == 2  # others are served meanwhile


def test_a_dripping_body_comes_in_many_parts_and_whole(world: World, hub: LoopbackHub, asker: Any) -> None:
    world.create("lab/a")
    hub.faults.on_page(1, faults.drip(0.002))
    with asker.client.stream("GET", f"{LISTING}?expand=likes", timeout=10) as response:
        parts = list(response.iter_raw())
    assert len(parts) > 2
    assert [row["id"] for row in json.loads(b"".join(parts))] == ["lab/a"]


@pytest.mark.parametrize("fault", [faults.hang(), faults.drip(60)])
def test_a_hub_ends_at_once_and_lets_go_who_still_waits(world: World, fault: faults.Fault) -> None:
    world.create("lab/a")
    problems: list[Exception] = []

    def ask(url: str) -> None:
        try:
            httpx2.get(url + LISTING, timeout=None, trust_env=False, verify=False)
        except httpx2.TransportError as problem:
            problems.append(problem)

    with LoopbackHub(world) as hub:
        hub.faults.on_page(1, fault)
        waiting = threading.Thread(target=ask, args=(hub.url,))
        waiting.start()
        while not hub.requests:
            time.sleep(0.005)
    waiting.join(60)
    assert not waiting.is_alive()
    assert len(problems) == 1


def test_a_client_that_goes_away_is_no_trouble_for_the_hub(six: list[str], world: World) -> None:
    with LoopbackHub(world) as hub:
        hub.faults.on_page(1, faults.drip(0.001))
        with (
            httpx2.Client(trust_env=False, verify=False) as client,
            client.stream("GET", hub.url + LISTING) as response,
        ):
            assert response.status_code == 200
        assert httpx2.get(hub.url + LISTING, trust_env=False, verify=False).status_code == 200


def test_a_bug_of_the_hub_is_not_hidden(world: World) -> None:
    def broken(now: object) -> tuple[int, int]:
        raise ZeroDivisionError

    world.create("lab/a", truth=broken)
    with pytest.raises(ExceptionGroup, match="the loopback hub itself failed") as caught, LoopbackHub(world) as hub:  # noqa: SIM117
        with pytest.raises(httpx2.RemoteProtocolError):
            httpx2.get(hub.url + LISTING, trust_env=False, verify=False)
    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)


def test_a_failing_test_is_not_hidden_by_a_bug_of_the_hub(world: World) -> None:
    with pytest.raises(LookupError), LoopbackHub(world):
        raise LookupError


def test_a_hub_serves_on_the_port_it_is_told_again_and_again(world: World) -> None:
    with LoopbackHub(world) as first:
        port = int(first.url.rsplit(":", 1)[1])
        httpx2.get(first.url + LISTING, trust_env=False, verify=False)
    with LoopbackHub(world, port=port) as second:
        assert second.url == first.url
        assert httpx2.get(second.url + LISTING, trust_env=False, verify=False).status_code == 200

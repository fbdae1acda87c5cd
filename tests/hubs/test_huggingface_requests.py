"""The client over real sockets: what it asks, how long it is patient, what it refuses, where the token goes."""

from __future__ import annotations

import json
import logging
import threading
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from collector.errors import ConfigError, CursorRefused, HubError, Stopped
from collector.hubs import HUBS
from collector.hubs.http import MAX_BODY
from collector.hubs.huggingface import HuggingFaceSettings
from collector.hubs.judging import transport_reason
from collector.model import PollPlan
from tests.hubs.scripted import (
    ALL,
    START,
    Clock,
    Reply,
    ScriptedHub,
    drip,
    gzipped,
    header_drip,
    nonsense,
    page,
    reply,
    reset,
    truncated,
    truncated_chunks,
)
from tests.pages import observations

ROW = {"_id": "a" * 24, "id": "qwen/one", "downloads": 1}
TOKEN = "hf_secretsecretsecret"


def asked(hub: ScriptedHub) -> dict[str, list[str]]:
    return parse_qs(urlsplit(hub.requests[0].target).query)


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_the_whole_hub_is_walked_by_creation_so_that_no_row_moves_while_it_is_read(hub: ScriptedHub) -> None:
    hub.client(ALL).page(None)
    query = asked(hub)
    assert urlsplit(hub.requests[0].target).path == "/api/models"
    assert (query["sort"], query["direction"], query["limit"]) == (["createdAt"], ["1"], ["1000"])


def test_the_top_is_walked_by_downloads_in_the_hubs_own_descending_order(hub: ScriptedHub) -> None:
    hub.client(PollPlan("top", 3000)).page(None)
    query = asked(hub)
    assert (query["sort"], query["limit"]) == (["downloads"], ["1000"])
    assert "direction" not in query


def test_only_needed_fields_are_asked_for(hub: ScriptedHub) -> None:
    hub.client().page(None)
    assert asked(hub)["expand"] == [
        "downloads",
        "downloadsAllTime",
        "likes",
        "createdAt",
        "private",
        "pipeline_tag",
        "library_name",
        "baseModels",
        "tags",
    ]


def test_the_next_address_is_followed_byte_for_byte(hub: ScriptedHub) -> None:
    address = f"{hub.url}/api/models?expand=likes&cursor=eyIkb3IiOlt7%3D%2B%2F"
    hub.answers(page([ROW], address), page([]))
    client = hub.client()
    cursor = client.page(None).next_cursor
    last = client.page(cursor)
    assert cursor == address
    assert hub.requests[1].target == address.removeprefix(hub.url)
    assert last.next_cursor is None


def test_a_relative_next_address_is_joined(hub: ScriptedHub) -> None:
    hub.answers(page([ROW], "/api/models?cursor=x"))
    assert hub.client().page(None).next_cursor == f"{hub.url}/api/models?cursor=x"


def test_a_short_or_empty_page_with_a_link_is_not_the_end(hub: ScriptedHub) -> None:
    hub.answers(page([], "/api/models?cursor=x"))
    assert hub.client().page(None).next_cursor is not None


def test_rows_bear_the_time_when_the_answer_was_asked_for(hub: ScriptedHub) -> None:
    hub.answers(reply(503), page([ROW]))
    hub.seconds_per_answer = 7
    assert hub.client().page(None).observed_at == START + timedelta(seconds=8)


def test_an_endpoint_below_a_path_keeps_it(clock: Clock, hub: ScriptedHub) -> None:
    settings = HuggingFaceSettings(hub.url + "/mirror/")
    client = HUBS["huggingface"](settings, ALL, clock.now, clock, logging.getLogger("hub"))
    client.page(None)
    assert urlsplit(hub.requests[0].target).path == "/mirror/api/models"
    assert (client.name, client.endpoint) == ("huggingface", hub.url + "/mirror/")


@pytest.mark.parametrize(
    "endpoint", ["ftp://host", "host", "", "http://", "http://user:sesame@host", "http://host:port", "a\0b"]
)
def test_an_endpoint_that_is_no_plain_address_is_a_configuration_error(endpoint: str, clock: Clock) -> None:
    with pytest.raises(ConfigError, match=r"hub\.huggingface\.endpoint") as caught:
        HUBS["huggingface"](HuggingFaceSettings(endpoint), ALL, clock.now, clock, logging.getLogger("hub"))
    assert "sesame" not in str(caught.value)


# --- what is tried again ---------------------------------------------------------------------------------------------

PASSING: dict[str, Reply] = {
    **{f"status {code}": reply(code, "<html>") for code in (204, 408, 500, 502, 503, 504, 520)},
    "reset": reset,
    "truncated body": truncated,
    "truncated chunks": truncated_chunks,
    "no HTTP": nonsense,
    "broken JSON": reply(200, '[{"_id":"66bf'),
    "empty body": reply(200, ""),
    "HTML": reply(200, "<!DOCTYPE html><html></html>"),
    "object": reply(200, '{"models": []}'),
    "number": reply(200, "7"),
    "endless nesting": reply(200, "[" * 100_000),
    "broken compression": reply(200, b"\x1f\x8bno", {"Content-Encoding": "gzip"}),
    "too large": gzipped(b" " * (MAX_BODY + 1)),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_passing_fault_costs_one_more_request(fault: Reply, hub: ScriptedHub) -> None:
    hub.answers(fault, page([ROW]))
    read = hub.client().page(None)
    assert [o.name for o in observations(read)] == ["qwen/one"]
    assert read.retries == 1
    assert read.waited_seconds == 0  # nobody asked for this wait
    assert hub.clock.waits == [1]


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_lasting_fault_ends_after_six_tries_in_one_clear_line(fault: Reply, hub: ScriptedHub) -> None:
    hub.answers(fault)
    with pytest.raises(HubError) as caught:
        hub.client().page(None)
    assert len(hub.requests) == 6
    assert hub.clock.waits == [1, 2, 4, 8, 16]
    message = str(caught.value)
    assert message.startswith("huggingface: ")
    assert message.endswith(f"; {hub.url} was asked 6 times; what was read is kept; poll again to go on from there")
    assert message.isprintable()
    assert not isinstance(caught.value, CursorRefused)


def test_a_lasting_fault_behind_a_cursor_is_no_refusal_of_it(hub: ScriptedHub) -> None:
    hub.answers(reply(504))
    with pytest.raises(HubError) as caught:
        hub.client().page(f"{hub.url}/api/models?cursor=x")
    assert not isinstance(caught.value, CursorRefused)


def test_a_page_costs_at_most_two_minutes_however_slow_the_answers(hub: ScriptedHub) -> None:
    hub.answers(reply(503))
    hub.seconds_per_answer = 35
    with pytest.raises(HubError, match="asked 4 times"):
        hub.client().page(None)
    assert hub.clock.elapsed < 150  # what is under way when the time is up is let end


def test_no_connection_is_an_error_that_says_where(hub: ScriptedHub) -> None:
    client = hub.client()
    hub.close()
    with pytest.raises(HubError, match=r"no connection .*; http://127\.0\.0\.1:\d+ was asked 6 times"):
        client.page(None)


def test_a_client_recovers_from_a_refused_connection(hub: ScriptedHub, elsewhere: ScriptedHub) -> None:
    elsewhere.close()
    with pytest.raises(HubError):
        elsewhere.client().page(None)
    assert observations(hub.client().page(None)) == ()


def test_a_hub_that_does_not_answer_is_given_up(hub: ScriptedHub) -> None:
    hub.answers(hub.hangs, page([ROW]))
    read = hub.client(timeout=1).page(None)
    assert (len(observations(read)), read.retries) == (1, 1)


@pytest.mark.parametrize("slow", [drip, header_drip], ids=["body", "headers"])
def test_an_answer_that_drips_ends_though_each_read_is_in_time(slow: Reply, hub: ScriptedHub) -> None:
    hub.answers(slow, page([ROW]))
    read = hub.client_in_real_time(timeout=1).page(None)
    assert (len(observations(read)), read.retries) == (1, 1)


def test_offline_mode_is_named_instead_of_tried_six_times(hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        hub.client().page(None)
    assert hub.clock.waits == []


def test_a_bug_in_the_client_is_not_dressed_up_as_a_hubs_trouble(
    hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> dict[str, str]:
        raise AttributeError("a bug")

    monkeypatch.setattr("collector.hubs.http.build_hf_headers", broken)
    with pytest.raises(AttributeError, match="a bug"):
        hub.client().page(None)


# --- what ends the poll at once --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 410, 418])
def test_a_refused_request_is_an_error_at_once_with_the_servers_words(status: int, hub: ScriptedHub) -> None:
    hub.answers(reply(status, json.dumps({"error": '✖ Invalid option:\x1b[31m\nexpected one of\u202e "author"'})))
    with pytest.raises(HubError) as caught:
        hub.client().page(None)
    assert len(hub.requests) == 1
    assert f'({status}: ✖ Invalid option: [31m expected one of "author")' in str(caught.value)
    assert "endpoint" in str(caught.value)
    assert not isinstance(caught.value, CursorRefused)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("<html>", {}),
        ("[]", {}),
        ('{"error": 7}', {}),
        ('{"error": "  "}', {}),
        ('{"error": "' + "x" * 200_000 + '"}', {}),
    ],
)
def test_a_refusal_without_words_needs_none(body: str, headers: dict[str, str], hub: ScriptedHub) -> None:
    hub.answers(reply(400, body, headers))
    with pytest.raises(HubError, match=r"\(400\)"):
        hub.client().page(None)


def test_megabytes_in_an_error_header_are_cut(hub: ScriptedHub) -> None:
    hub.answers(reply(400, "", {"X-Error-Message": "no " * 5_000}))
    with pytest.raises(HubError) as caught:
        hub.client().page(None)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_refused_cursor_says_that_the_listing_must_begin_again(status: int, hub: ScriptedHub) -> None:
    hub.answers(reply(status, '{"error":"Invalid cursor"}'))
    with pytest.raises(CursorRefused, match="Invalid cursor"):
        hub.client().page(f"{hub.url}/api/models?cursor=x")


def test_a_stored_cursor_of_another_endpoint_is_refused_without_asking(
    hub: ScriptedHub, elsewhere: ScriptedHub
) -> None:
    for cursor in (f"{elsewhere.url}/api/models?cursor=x", "nonsense", "http://host:port"):
        with pytest.raises(CursorRefused):
            hub.client(token=TOKEN).page(cursor)
    assert hub.requests == elsewhere.requests == []


@pytest.mark.parametrize(
    ("token", "advice"),
    [(None, "if this hub wants a token, set HF_TOKEN"), (TOKEN, "check that the token in HF_TOKEN")],
)
@pytest.mark.parametrize("status", [401, 403])
def test_refused_access_is_an_error_about_the_token(
    status: int, token: str | None, advice: str, hub: ScriptedHub
) -> None:
    hub.answers(reply(status, '{"error":"Invalid username or password."}'))
    with pytest.raises(HubError, match=advice):
        hub.client(token=token).page(f"{hub.url}/api/models?cursor=x")
    assert len(hub.requests) == 1


# --- rate limits -----------------------------------------------------------------------------------------------------

POLICY = '"fixed window";"api";q=500;w=300'


def spent(seconds: int, **more: str) -> dict[str, str]:
    return {"RateLimit": f'"api";r=0;t={seconds}', **more}


def test_a_spent_window_is_waited_out_before_the_limit_bites(hub: ScriptedHub) -> None:
    hub.answers(page([ROW], "/api/models?cursor=x", RateLimit='"api";r=0;t=55', RateLimit_Policy=POLICY), page([]))
    client = hub.client()
    first = client.page(None)
    hub.clock.advance(16)  # the store's work counts
    second = client.page(first.next_cursor)
    assert hub.clock.waits == [40]
    assert hub.requests[1].at == 56
    assert (first.waited_seconds, second.waited_seconds, second.retries) == (0, 40, 0)


def test_requests_left_in_the_window_are_used(hub: ScriptedHub) -> None:
    hub.answers(page([ROW], "/api/models?cursor=x", RateLimit='"api";r=1;t=55'), page([]))
    client = hub.client()
    client.page(client.page(None).next_cursor)
    assert hub.clock.waits == []


def test_of_several_buckets_the_listings_own_counts(hub: ScriptedHub) -> None:
    hub.answers(page([], "/api/models?cursor=x", RateLimit='"pages";r=9;t=10, "api";r=0;t=20'), page([]))
    client = hub.client()
    client.page(client.page(None).next_cursor)
    assert hub.clock.waits == [21]


def test_429_of_a_spent_window_waits_for_the_next_one(hub: ScriptedHub) -> None:
    hub.answers(reply(429, "", spent(100, **{"RateLimit-Policy": POLICY})), page([ROW]))
    read = hub.client().page(None)
    assert hub.clock.waits == [101]
    assert (read.retries, read.waited_seconds) == (1, 101)


def test_429_with_requests_left_backs_off_instead_of_waiting_for_the_window(hub: ScriptedHub) -> None:
    hub.answers(reply(429, "", {"RateLimit": '"api";r=123;t=222'}))
    with pytest.raises(HubError, match="asked 6 times"):
        hub.client().page(None)
    assert hub.clock.waits == [1, 2, 4, 8, 16]


def test_429_of_the_networks_edge_backs_off_longer(hub: ScriptedHub) -> None:
    hub.answers(reply(429, "<html>", {"X-Cache": "Error from cloudfront"}))
    with pytest.raises(HubError, match="edge"):
        hub.client().page(None)
    assert hub.clock.waits == [4, 8, 16, 32, 32]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("0", 1),
        ("Tue, 01 Sep 2026 00:06:30 GMT", 90),
        ("Mon, 31 Aug 2026 23:00:00 GMT", 1),
        ("99999999999999999999", 900),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 900),
    ],
)
def test_retry_after_is_obeyed_as_seconds_or_as_a_date_within_reason(
    value: str, seconds: float, status: int, hub: ScriptedHub
) -> None:
    hub.answers(reply(status, "", {"Retry-After": value}), page([ROW]))
    hub.client().page(None)
    assert hub.requests[1].at == seconds


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "٣", "Tue, 01 Sep 2026 00:06:30"])
def test_a_retry_after_that_says_nothing_is_ignored(value: str, hub: ScriptedHub) -> None:
    hub.answers(reply(503, "", {"Retry-After": value.encode().decode("latin-1")}), page([ROW]))
    hub.client().page(None)
    assert hub.requests[1].at == 1


@pytest.mark.parametrize(
    ("policy", "longest"), [(POLICY, 360), ('"fixed window";"api";q=9;w=10', 70), ("", 360), ('"api";q=9;w=99999', 900)]
)
def test_no_wait_is_longer_than_the_window_and_a_margin(policy: str, longest: float, hub: ScriptedHub) -> None:
    hub.answers(reply(429, "", spent(86_400, **{"RateLimit-Policy": policy})), page([ROW]))
    hub.client().page(None)
    assert hub.clock.waits == [longest]


def test_waits_the_hub_asked_for_use_up_neither_tries_nor_the_pages_two_minutes(hub: ScriptedHub) -> None:
    hub.answers(*[reply(429, "", spent(300))] * 7, *[reply(503)] * 5, page([ROW]))
    read = hub.client().page(None)
    assert (read.retries, read.waited_seconds) == (12, 7 * 301)


def test_a_hub_that_always_asks_to_wait_is_given_up_in_the_end(hub: ScriptedHub) -> None:
    hub.answers(reply(429, "", spent(0)))
    with pytest.raises(HubError, match=r"rate limit is spent \(429\); .* asked 12 times"):
        hub.client().page(None)


def test_a_wait_is_served_once_even_on_a_clock_that_stands_still(hub: ScriptedHub) -> None:
    hub.clock.stands_still = True
    hub.answers(page([], "/api/models?cursor=x", RateLimit='"api";r=0;t=9'), page([], "/api/models?cursor=y"), page([]))
    client = hub.client()
    last = client.page(client.page(client.page(None).next_cursor).next_cursor)
    assert (hub.clock.waits, last.waited_seconds) == ([10], 0)


def test_an_error_that_spends_the_window_is_followed_by_the_windows_wait(hub: ScriptedHub) -> None:
    hub.answers(reply(503, "", spent(20)), page([ROW]))
    hub.client().page(None)
    assert hub.requests[1].at == 21


# --- stopping --------------------------------------------------------------------------------------------------------


def test_a_wait_for_the_rate_limit_can_be_interrupted(hub: ScriptedHub) -> None:
    hub.answers(reply(429, "", spent(300)))
    hub.clock.stop_during_wait(1)
    with pytest.raises(Stopped, match="poll again"):
        hub.client().page(None)
    assert len(hub.requests) == 1


def test_a_backoff_can_be_interrupted(hub: ScriptedHub) -> None:
    hub.answers(reply(503))
    hub.clock.stop_during_wait(2)
    with pytest.raises(Stopped):
        hub.client().page(None)
    assert len(hub.requests) == 2


def test_a_request_under_way_can_be_interrupted(hub: ScriptedHub) -> None:
    hub.answers(hub.hangs)
    timer = threading.Timer(0.1, hub.clock.stop)
    timer.start()
    with pytest.raises(Stopped):
        hub.client(timeout=20).page(None)
    timer.join()


def test_one_thread_asks_for_all_pages_and_ends_with_the_client(hub: ScriptedHub) -> None:
    def asking() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "hub-requests"}

    others = asking()
    hub.answers(page([ROW]), page([ROW]), page([ROW]))
    client = hub.client()
    for _ in range(3):
        client.page(None)
    (thread,) = asking() - others
    del client
    thread.join(10)
    assert not thread.is_alive()


def test_after_a_stop_nothing_is_asked(hub: ScriptedHub) -> None:
    hub.clock.stop()
    with pytest.raises(Stopped):
        hub.client().page(None)
    assert hub.requests == []


# --- addresses and the token -----------------------------------------------------------------------------------------


FOREIGN_LINKS = {
    "another host": "{elsewhere}/api/models?cursor=x",
    "another name of the host": "http://localhost:{port}/api/models?cursor=x",
    "another scheme": "https://127.0.0.1:{port}/api/models?cursor=x",
    "another protocol": "file:///etc/passwd",
    "a user": "http://user:sesame@127.0.0.1:{port}/api/models?cursor=x",
    "no address": "http://host:port/",
    "too long": "/api/models?cursor=" + "x" * 9_000,
    "the token": f"/api/models?cursor={TOKEN}",
    "the token, escaped": f"/api/models?cursor=%68{TOKEN[1:]}",
}


@pytest.mark.parametrize("link", FOREIGN_LINKS.values(), ids=FOREIGN_LINKS.keys())
def test_a_next_address_that_is_not_the_hubs_own_is_refused(
    link: str, hub: ScriptedHub, elsewhere: ScriptedHub
) -> None:
    hub.answers(page([ROW], link.format(elsewhere=elsewhere.url, port=hub.url.rpartition(":")[2])))
    with pytest.raises(HubError, match="link to the next page is refused") as caught:
        hub.client(token=TOKEN).page(None)
    assert not isinstance(caught.value, CursorRefused)
    assert elsewhere.requests == []
    assert TOKEN not in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_next_address_that_is_the_page_itself_is_refused(hub: ScriptedHub) -> None:
    cursor = f"{hub.url}/api/models?cursor=x"
    for link in (cursor, "", "?cursor=x", cursor + "#again"):
        hub.answers(page([ROW], link))
        with pytest.raises(HubError, match="leads to the page it stands on"):
            hub.client().page(cursor)


def test_the_token_goes_to_the_endpoint(hub: ScriptedHub) -> None:
    hub.client(token=TOKEN).page(None)
    assert hub.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_without_a_token_none_is_sent_whatever_the_environment_holds(
    hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.client().page(None)
    assert "authorization" not in hub.requests[0].headers
    assert hub.requests[0].headers["user-agent"].startswith("open-model-collector/")


def test_a_redirect_elsewhere_is_refused_and_never_followed(hub: ScriptedHub, elsewhere: ScriptedHub) -> None:
    hub.answers(reply(307, "", {"Location": f"{elsewhere.url}/api/models"}))
    with pytest.raises(HubError, match="a redirect is refused: it leads to another origin"):
        hub.client(token=TOKEN).page(None)
    assert elsewhere.requests == []
    assert len(hub.requests) == 1


def test_a_redirect_on_the_same_origin_is_followed(hub: ScriptedHub) -> None:
    hub.answers(reply(308, "", {"Location": "/api/v2/models?x=1"}), page([ROW], "?cursor=y"))
    read = hub.client(token=TOKEN).page(None)
    assert (hub.requests[1].target, len(observations(read))) == ("/api/v2/models?x=1", 1)
    assert read.next_cursor == f"{hub.url}/api/v2/models?cursor=y"


def test_redirects_in_a_circle_end(hub: ScriptedHub) -> None:
    there, back = (reply(302, "", {"Location": address}) for address in ("/there", "/api/models"))
    hub.answers(there, back, there, back)
    with pytest.raises(HubError, match="too many redirects"):
        hub.client().page(None)
    assert len(hub.requests) == 4


def test_a_redirect_that_leads_nowhere_is_an_error(hub: ScriptedHub) -> None:
    hub.answers(reply(302))
    with pytest.raises(HubError, match=r"refused the request \(302\)"):
        hub.client().page(None)


def test_a_token_that_the_hub_echoes_reaches_no_error_no_log_and_no_row(
    hub: ScriptedHub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rows = [{**ROW, "pipeline_tag": TOKEN}, {"_id": "b", "id": f"qwen/{TOKEN}", "downloads": -1}]
    hub.answers(
        reply(503, TOKEN),
        page(rows),
        reply(400, json.dumps({"error": f"no {TOKEN}"})),
        reply(403, "", {"X-Error-Message": f"no {TOKEN}"}),
        reply(307, "", {"Location": f"/{TOKEN}"}),
        reply(307, "", {"Location": f"http://{TOKEN}.example/"}),
        page([ROW], f"http://{TOKEN}.example/"),
    )
    client = hub.client(token=TOKEN)
    said = [repr(client.page(None)), repr(client), repr(HuggingFaceSettings(token=TOKEN))]
    for _ in range(5):
        with pytest.raises(HubError) as caught:
            client.page(None)
        said.append(str(caught.value))
    assert ["no ***" in text for text in said] == [False] * 3 + [True] * 2 + [False] * 3
    assert all(TOKEN not in text for text in [*said, caplog.text])
    assert "row skipped" in caplog.text


@pytest.mark.parametrize("token", ["", "hf_a b", "hf_a\n", "hf_é", "hf_\x7f"])
def test_a_token_that_cannot_be_sent_is_a_configuration_error_that_does_not_show_it(
    token: str, hub: ScriptedHub
) -> None:
    with pytest.raises(ConfigError, match="HF_TOKEN or token_file") as caught:
        hub.client(token=token)
    assert "hf_" not in str(caught.value)


def test_a_hub_out_of_reach_is_described_without_the_library_s_own_words_for_timeouts(hub: ScriptedHub) -> None:
    hub.answers(hub.hangs)
    with pytest.raises(HubError, match=r"no answer within 0\.05 s; .* asked 6 times"):
        hub.client(timeout=0.05).page(None)


@pytest.mark.parametrize("error", [httpx2.ConnectTimeout("x"), httpx2.PoolTimeout("x")])
def test_a_connect_that_takes_too_long_is_told_from_an_answer_that_does(error: Exception) -> None:
    assert transport_reason(error, 30, None) == "no connection within 30 s"


def test_each_wait_is_told_in_the_log(hub: ScriptedHub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hub")
    hub.answers(reply(502), reply(429, "", spent(9)), page([]))
    hub.client().page(None)
    assert [record.getMessage() for record in caplog.records if record.name == "hub"] == [
        "huggingface: the hub answered 502; trying again in 1 s",
        "huggingface: waiting 10 s, as its rate limit asks",
    ]

"""When something is due: schedules, lost days, pauses after failures, and clocks that are set."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from collector.daemon.due import due_at, is_due, jump, lost_days, next_time, not_before, of_today
from collector.daemon.duties import month_to_report

MIDNIGHT = "5 0 * * *"


def at(text: str) -> datetime:
    """`11-22 00:05` of 2026, UTC."""
    return datetime.strptime(f"2026-{text} +0000", "%Y-%m-%d %H:%M %z").astimezone(UTC)


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "11-22 12:00", True),
        ("11-22 00:05", "11-22 23:59", False),
        ("11-22 00:05", "11-23 00:04", False),
        ("11-22 00:05", "11-23 00:05", True),
        ("11-22 13:00", "11-23 00:05", True),
        ("11-14 00:05", "11-22 12:00", True),
    ],
)
def test_a_job_is_due_when_a_time_of_its_schedule_came_since_the_last(last: str | None, now: str, due: bool) -> None:
    assert is_due(MIDNIGHT, None if last is None else at(last), at(now)) is due


def test_the_next_time_is_that_of_the_schedule_in_utc() -> None:
    assert next_time(MIDNIGHT, at("11-22 12:00")) == at("11-23 00:05")
    assert due_at(MIDNIGHT, at("11-22 00:05")) == at("11-23 00:05")
    assert due_at(MIDNIGHT, None) is None


def test_lost_days_are_the_whole_days_without_a_poll() -> None:
    assert lost_days(None, at("11-22 12:00")) == []
    assert lost_days(at("11-21 00:05"), at("11-22 00:05")) == []
    assert lost_days(at("11-19 23:59"), at("11-22 00:05")) == [date(2026, 11, 20), date(2026, 11, 21)]


def test_pauses_grow_with_the_failures_of_a_day_and_the_last_one_repeats() -> None:
    now = at("11-22 00:05")
    pauses = [(not_before([now] * failures) - now).total_seconds() for failures in range(1, 8)]
    assert pauses == [60, 300, 900, 1800, 3600, 3600, 3600]
    assert not_before([]) < now


def test_failures_count_on_their_own_day_and_not_when_the_clock_was_set_back_before_them() -> None:
    failures = [at("11-21 23:00"), at("11-22 01:00"), at("11-22 09:00")]
    assert of_today(failures, at("11-22 10:00")) == failures[1:]
    assert of_today(failures, at("11-22 02:00")) == [failures[1]]
    assert of_today(failures, at("11-23 00:00")) == []


@pytest.mark.parametrize("seconds", [-86_400, -61, 61, 86_400])
def test_a_clock_that_was_set_is_noticed_against_a_watch(seconds: int) -> None:
    now = at("11-22 12:00")
    assert jump((now, 5.0), (now + timedelta(seconds=seconds + 30), 35.0)) == timedelta(seconds=seconds)


@pytest.mark.parametrize("seconds", [-59, 0, 59])
def test_a_clock_that_is_trimmed_a_little_is_no_jump(seconds: int) -> None:
    now = at("11-22 12:00")
    assert jump((now, 5.0), (now + timedelta(seconds=seconds + 30), 35.0)) is None


@pytest.mark.parametrize(
    ("schedule", "now", "month"),
    [
        ("0 6 2 * *", "12-01 12:00", None),
        ("0 6 2 * *", "12-02 05:59", None),
        ("0 6 2 * *", "12-02 06:00", "2026-11"),
        ("0 6 2 * *", "12-31 23:59", "2026-11"),
        ("0 0 1 * *", "12-01 00:00", "2026-11"),
    ],
)
def test_the_last_whole_month_is_reported_from_its_schedule_on(schedule: str, now: str, month: str | None) -> None:
    found = month_to_report(schedule, at(now))
    assert (None if found is None else found.label) == month

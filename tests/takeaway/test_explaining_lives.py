"""What `explain` says of models that were renamed, restated, taken away, or whose name is another's now."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector import asking, tasks
from collector.config import Config, load_config
from collector.explaining.one_model import explain_model, model_lines
from collector.model import Base, Observation, Page, PollPlan
from collector.polling import poll_once
from collector.store.database import Database, upgrade
from collector.store.polls import PollStore
from collector.store.queries import run_sql

START = datetime(2026, 8, 20, 0, 5, tzinfo=UTC)
DAYS = 50  # the last is 8 October
BORN = 1_700_000_000


def listed(day: int) -> tuple[Observation, ...]:
    """What the hub lists on a day, from 0."""

    def row(key: str, name: str, all_time: int, rolling: int = 3000) -> Observation:
        return Observation(key, name, all_time, rolling, 0, BORN, None, None)

    rows = [row(f"key{n}", f"Qwen/model-{n}", 1000 + 100 * day) for n in range(20)]  # so that no poll is stale
    rows.append(row("handed", "Qwen/before" if day < 26 else "meta-llama/after", 5000 + 100 * day))
    bases = (Base("Qwen/before", "quantized"),)
    rows.append(row("copy", "bartowski/before-GGUF", 500 + 100 * day)._replace(bases=bases))
    rows.append(row("quiet", "Qwen/quiet" if day < 26 else "google/quiet", 5000, 0))
    rows.append(row("louder", "bartowski/louder", 500 + 100 * day)._replace(bases=(Base("Qwen/quiet", "quantized"),)))
    rows.append(row("restated", "mistralai/restated", 50_000 + 100 * day + (1_000_000 if day >= 23 else 0)))
    rows.append(row("fallen", "mistralai/fallen", 50_000 + 100 * day - (20_000 if day >= 23 else 0)))
    rows.append(row("dipped", "mistralai/dipped", 50_000 + 100 * day - (20_000 if 23 <= day < 26 else 0)))
    if day < 21:
        rows.append(row("gone", "google/gone", 70_000 + 100 * day))
    if day < 28:
        rows.append(row("first", "google/twice", 9_000 + 100 * day))
    if day >= 33:
        rows.append(row("second", "google/twice", 10 + 10 * day, 300))
    return tuple(rows)


class ListedHub:
    """Lists on each day what it lists on that day, on one page."""

    name = "huggingface"
    endpoint = "http://127.0.0.1:1"

    def __init__(self) -> None:
        self.day = 0

    def now(self) -> datetime:
        return START + timedelta(days=self.day)

    def page(self, _: str | None) -> Page:
        return Page(self.now(), listed(self.day), None)


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Fifty days polled and rolled up."""
    folder = tmp_path_factory.mktemp("lives")
    (folder / "config.toml").write_text("")
    config: Config = load_config(folder / "config.toml", {})
    upgrade(config.database.url)
    hub = ListedHub()
    with Database.open(config.database.url, write=True) as db:
        for hub.day in range(DAYS):
            poll_once(hub, PollStore(db), PollPlan("all"), hub.now, threading.Event(), lambda _: None)
        tasks.roll_up(db, asking.knowledge_of(config), config.scopes)
    return config


def explained(config: Config, name: str, month: str = "2026-09") -> tuple[dict[str, Any], str]:
    """What is found, and the same in words."""
    found = explain_model(config, name, month, None, lambda: START + timedelta(days=DAYS))
    return found, "\n".join(model_lines(found))


def published(config: Config, key: str, month: str) -> dict[str, Any]:
    """The row of a model in the table of the month's models."""
    query = (
        "SELECT v.* FROM model_downloads_month v JOIN model m ON m.name = v.model"
        ' WHERE m.hub_key = :key AND v."window" = :month'
    )
    answer = run_sql(config.database.url, query, {"key": key, "month": month})
    (row,) = answer.rows
    return dict(zip(answer.columns, row, strict=True))


@pytest.mark.parametrize(("month", "country"), [("2026-08", "CN"), ("2026-09", "US")])
def test_a_model_that_was_handed_over_counts_for_its_account_of_that_month(
    lives: Config, month: str, country: str
) -> None:
    found, words = explained(lives, "meta-llama/after", month)
    said = published(lives, "handed", month)
    assert (said["country_publisher"], said["country_base"]) == (country, country)
    assert found["account"] == said["publisher"]
    assert found["uploader"]["country"] == country
    assert [root["registry"]["country"] for root in found["roots"]] == [country]
    assert found["figure"]["downloads"] == said["downloads"]
    assert ("Counts for the uploader Qwen, its account then, as CN: " in words) == (month == "2026-08")


def test_a_former_name_leads_to_the_model_and_is_told(lives: Config) -> None:
    found, words = explained(lives, "Qwen/before")
    assert (found["model"]["name"], found["model"]["hub_key"]) == ("meta-llama/after", "handed")
    assert "\nwas called Qwen/before until 2026-09-15T00:05:00Z\n" in words
    assert found["figure"]["downloads"] == 3000  # one history under both names


@pytest.mark.parametrize(("month", "country"), [("2026-08", "CN"), ("2026-09", "US")])
@pytest.mark.parametrize(
    ("key", "copy", "root"),
    [("copy", "bartowski/before-GGUF", "meta-llama/after"), ("louder", "bartowski/louder", "google/quiet")],
    ids=["of one that is downloaded", "of one that nobody downloads"],
)
def test_a_copy_of_a_model_that_was_handed_over_counts_for_its_roots_account_of_that_month(
    lives: Config, month: str, country: str, key: str, copy: str, root: str
) -> None:
    found, words = explained(lives, copy, month)
    assert [(each["root"], each["registry"]["country"]) for each in found["roots"]] == [(root, country)]
    assert published(lives, key, month)["country_base"] == country
    assert f"for root {root} (declared) as\n  {country}: " in words


def test_a_restated_model_says_what_of_the_rise_is_downloads(lives: Config) -> None:
    found, words = explained(lives, "mistralai/restated")
    (span,) = (span for span in found["spans"] if span["flags"])
    assert (span["flags"], span["downloads"], span["corrections_in_month"]) == (["restatement"], 100, 1_000_000)
    assert "\n  restatement: the hub recounted the past: " in words
    assert found["figure"]["downloads"] == published(lives, "restated", "2026-09")["downloads"] == 3000


@pytest.mark.parametrize(("name", "flag"), [("fallen", "correction"), ("dipped", "dip")])
def test_what_a_fall_was_taken_for_is_told_in_words(lives: Config, name: str, flag: str) -> None:
    found, words = explained(lives, f"mistralai/{name}")
    assert found["figure"]["flags"] == [flag]
    assert f"[{flag}]" in words
    assert f"\n  {flag}: the " in words


def test_flags_that_no_span_bears_are_not_explained(lives: Config) -> None:
    _, words = explained(lives, "Qwen/model-1")
    assert not any(f"\n  {flag}: " in words for flag in ("dip", "correction", "restatement", "instant"))


def test_a_model_that_is_gone_says_so_and_since_when_nothing_is_read(lives: Config) -> None:
    found, words = explained(lives, "google/gone")
    assert (found["gone"], found["last_read_at"]) == (True, "2026-09-09T00:05:00Z")
    assert "\ngone: the hub's last two complete lists lack it; last read 2026-09-09T00:05:00Z; " in words
    assert found["figure"]["downloads"] == published(lives, "gone", "2026-09")["downloads"] == 800
    after, _ = explained(lives, "google/gone", "2026-10")
    assert after["figure"]["downloads"] == 0


def test_a_model_that_is_still_listed_is_not_called_gone(lives: Config) -> None:
    found, words = explained(lives, "Qwen/model-1")
    assert found["gone"] is False
    assert "gone:" not in words


def test_of_two_models_of_one_name_the_listed_one_is_told_and_the_other_named_by_its_key(lives: Config) -> None:
    found, words = explained(lives, "google/twice")
    assert (found["model"]["hub_key"], found["gone"]) == ("second", False)
    assert "\nanother model bears or bore this name: first; `collector explain KEY` explains it\n" in words
    other, _ = explained(lives, "first")
    assert (other["model"]["name"], other["gone"], other["figure"]["downloads"]) == ("google/twice", True, 1500)

"""The benchmark runs, small, from its first step to its last; no figure of it is looked at."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import bench, growth, history, hub_days, peers, running, steps
from benchmarks.asked import Asked
from benchmarks.moments import Clock, Paced
from benchmarks.running import Cost
from collector.hubs.huggingface import HuggingFaceSettings, make
from collector.model import PollPlan
from tests.pages import observations


def run_here(name: str, of: Asked) -> Cost:
    """A step in this process, since starting programs would take most of the time; of a command only that it starts."""
    if name == "command":
        of = of._replace(words=("--help",))
    return Cost.of(steps.measured(name, of))


def parts(made: bench.Bench) -> Iterator[bench.Row]:
    """The table without the commands, which have tests of their own."""
    yield from made.first_polls()
    yield made.let_pass(14)
    yield from made.storage(14)
    yield from made.rollups()
    yield made.derived()
    yield from made.countries()
    yield from made.backup()
    yield from made.news()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bench.Row]:
    """The rows for 2,000 models and two weeks, by their first words."""
    folder = tmp_path_factory.mktemp("bench")
    with running.loopback_hub(folder) as hub:
        return {row.what: row for row in parts(bench.Bench(folder, hub, 2_000, run_here))}


def test_every_step_says_what_it_took(table: dict[str, bench.Row]) -> None:
    measured = [row.cost for row in table.values() if row.cost is not None]
    assert all(cost.cpu_seconds > 0 and cost.wall_seconds > 0 for cost in measured)
    assert len(measured) > 10


def test_the_poll_asks_for_each_page_once(table: dict[str, bench.Row]) -> None:
    assert table["its requests"].measured == "2"


def test_a_day_with_news_has_new_models_and_others_described_anew(table: dict[str, bench.Row]) -> None:
    assert "poll of a day with 4 new models and 1 of another task" in table
    assert table["roll-up after that poll, with its lineage"].measured.endswith("months wait to be restated")


def test_models_are_new_or_described_anew_on_the_pages_of_that_day_alone() -> None:
    day = next(hub_days.days(1_000))
    more, others = hub_days.with_new(day, 3), hub_days.some(5, 1_000, seed=9)
    assert [len(column) for column in more[1:]] == [1_003] * 3
    before, after = (
        json.loads(hub_days.page(each, 0, len(each.all_time), said))
        for each, said in ((day, frozenset()), (more, others))
    )
    changed = [n for n, (old, new) in enumerate(zip(before, after, strict=False)) if old != new]
    assert changed == sorted(others)
    assert all(before[n].get("pipeline_tag") != after[n].get("pipeline_tag") for n in changed)
    assert len({row["_id"] for row in after}) == 1_003


@pytest.mark.parametrize("peer", ["DuckDB", "Polars"])
def test_peers_answer_as_the_collector_does(table: dict[str, bench.Row], peer: str) -> None:
    said = table[f"{peer} on Parquet"].measured
    assert "equal" in said
    assert "not equal" not in said


def test_a_table_is_markdown(table: dict[str, bench.Row]) -> None:
    columns = bench.HEAD.splitlines()[0].count("|")
    assert {str(row).count("|") for row in table.values()} == {columns}


def test_growth_measures_what_it_can_and_projects_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "MOST_MODEL_DAYS", 10_000)
    with running.loopback_hub(tmp_path) as hub:
        measured, projected = growth.points(bench.Bench(tmp_path, hub, 1_500, run_here), (3, 30))
    assert measured.poll is not None
    assert measured.report is not None
    assert projected.poll is None
    assert projected.file > measured.file
    assert "projected" in str(projected)
    columns = growth.HEAD.splitlines()[0].count("|")
    assert [str(point).count("|") for point in (measured, projected)] == [columns, columns]


def test_answers_that_differ_are_told() -> None:
    assert bench.agreement({"CN": 10}, {"CN": 10}) == "equal"
    assert "not equal" in bench.agreement({"CN": 10}, {"CN": 11})
    assert "not equal" in bench.agreement({"CN": 10}, {"CN": 10, "US": 1})
    assert bench.agreement({"CN": 10_000_000}, {"CN": 10_000_001}) == "equal but for 1 downloads of 10,000,000"


def test_a_missing_peer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "NEEDS", {"duckdb": ("not_installed.at_all", "json")})
    assert peers.missing("duckdb") == ["not_installed.at_all"]


def test_a_step_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    cost = running.run("command", Asked(str(tmp_path / "none.db"), "-", 0, ("--help",)))
    assert cost.cpu_seconds > 0
    assert cost.peak_mb > 0


def test_pages_say_what_the_quick_way_stores(tmp_path: Path) -> None:
    """The hub's module reads from the made-up pages the observations that `history` writes without them."""
    day = next(hub_days.days(12_000))
    clock, told = Clock(day.number), history.MadeUpHub(day)
    with running.loopback_hub(tmp_path) as served:
        served.serve(day)
        settings, stop = HuggingFaceSettings(f"http://{served.host}"), threading.Event()
        hub = Paced(make(settings, PollPlan("all"), clock.now, stop, logging.getLogger("bench")), clock)
        cursor: str | None = None
        for start in range(0, 12_000, hub_days.PAGE_ROWS):
            page = hub.page(cursor)
            expected = told.page(str(start))
            assert observations(page) == observations(expected)
            assert page.observed_at == expected.observed_at
            cursor = page.next_cursor
    assert cursor is None

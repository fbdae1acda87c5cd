"""A hub polled for its most downloaded models only: who is outside of the list for a while loses nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from collector.demo.hub import LoopbackHub
from collector.demo.listing import Rules
from collector.demo.world import Clock, World
from collector.model import PollPlan
from tests.acceptance import driving
from tests.acceptance.command_line import ONE_SCOPE, Installation, installed, table
from tests.acceptance.ledger import COUNTED_FROM, DAY, Life, at, by_country
from tests.once import once

BEGIN, END = at("09-01"), at("10-01")
POLLED_AT = timedelta(minutes=5)
CN, US, FR = {"CN": 1.0}, {"US": 1.0}, {"FR": 1.0}
OTHER = {"other": 1.0}
AUGUST = {f"08-{day:02}": 60_000 for day in range(21, 26)}
LIVES = (
    Life("Qwen/a", "CN", CN, OTHER, 50_000, before=900_000),
    Life("Qwen/b", "CN", CN, OTHER, 40_000, before=900_000),
    Life("meta-llama/c", "US", US, OTHER, 30_000, before=900_000),
    Life("mistralai/d", "FR", FR, OTHER, 20_000, before=900_000),
    # These three take turns on the last two places: the second's August leaves its 30-day count in late September.
    Life("google/steady", "US", US, OTHER, 7_000, before=100_000),
    Life("mistralai/was-large-in-august", "FR", FR, OTHER, 100, before=100_000, bursts=AUGUST),
    Life("deepseek-ai/born", "CN", CN, OTHER, 25_000, born=at("09-10T10:00"), starts=at("09-10T10:00")),
    # This one is on the list only while it is longer.
    Life("bigscience/small", "XX", {"XX": 1.0}, OTHER, 40, before=900_000, born=COUNTED_FROM - 30 * DAY),
)
WIDE, NARROW = PollPlan("top", 7), PollPlan("top", 6)
NARROW_FROM = at("08-28")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A list of seven models, and from late August of six, polled daily; and September's pack."""
    return Installation(once(tmp_path_factory, "top", _polled))


@pytest.fixture
def pack(here: Installation) -> Path:
    return here.folder / "reports" / "2026-09"


def _polled(folder: Path) -> None:
    world = World(Clock(at("08-20")))
    listed = []
    with LoopbackHub(world, rules=Rules(most_rows=2), quota=10_000) as hub:
        here = installed(folder, hub.url, '"top"\ntop = 6', ONE_SCOPE)
        for number in range(40):
            when = at("08-25") + number * DAY + POLLED_AT
            world.clock.set(when)
            for life in LIVES:
                if life.born <= when and life.name not in {model.name for model in world}:
                    world.create(life.name, created_at=life.born, truth=_shown(life))
            plan = WIDE if when < NARROW_FROM else NARROW
            driving.poll(here.url, hub, world.clock.now, plan)
            largest = sorted(world, key=lambda model: model.last_30d or 0, reverse=True)
            listed.append([model.name for model in largest[: plan.top]])
        here.ran(at("10-05"), "poll")
    here.ran(at("10-05"), "report", "2026-09")
    (folder / "listed.json").write_text(json.dumps(listed), encoding="utf-8")


def _shown(life: Life) -> driving.Shown:
    return lambda now: (life.total(now), life.shown_30d(now))


def test_downloads_of_all_that_came_back_or_stayed_are_the_true_ones(pack: Path) -> None:
    told = {row["model"]: int(row["downloads"]) for row in table(pack / "model_downloads.csv")}
    truth = {life.name: life.between(BEGIN, END) for life in LIVES}
    # Off the list before September, nothing is known of it; off it since the 24th, only what was until then.
    del truth["bigscience/small"]
    assert told.pop("mistralai/was-large-in-august") <= truth.pop("mistralai/was-large-in-august")
    assert told == pytest.approx(truth, rel=0.005)


def test_some_did_leave_the_list_and_came_back(here: Installation) -> None:
    listed = json.loads((here.folder / "listed.json").read_text(encoding="utf-8"))
    steady = ["google/steady" in names for names in listed]
    assert steady[0]
    assert not all(steady)
    assert steady[-1]


def test_the_country_table_is_that_of_the_models_polled(pack: Path) -> None:
    polled = {life.name: life for life in LIVES if life.name != "bigscience/small"}
    rows = [row for row in table(pack / "country_share.csv") if row["attribution"] == "base"]
    told = {row["country"]: int(row["downloads"]) for row in rows if row["downloads"] != "0"}
    assert told == pytest.approx(by_country(polled, BEGIN, END, "base"), rel=0.005)


def test_who_entered_and_left_is_counted(pack: Path) -> None:
    kinds = {row["kind"]: row["value"] for row in table(pack / "quality.csv") if row["kind"] in ("entered", "left")}
    assert kinds == {"entered": "1", "left": "1"}


def test_a_change_of_the_lists_length_is_flagged_in_its_month_alone(
    here: Installation, pack: Path, tmp_path: Path
) -> None:
    assert "list_size" not in {row["kind"] for row in table(pack / "quality.csv")}
    here.ran(at("10-05"), "report", "2026-08", "--out", str(tmp_path))
    (row,) = [row for row in table(tmp_path / "2026-08" / "quality.csv") if row["kind"] == "list_size"]
    assert (row["from"][:10], row["to"][:10], row["value"]) == ("2026-08-27", "2026-08-28", "6")

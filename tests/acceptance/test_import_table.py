"""A published table of counter readings, imported, and the monthly table that follows from it by hand.

From outside: CSV through `collector import`, before, between and after polls.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from math import floor
from pathlib import Path

import pytest

from collector.demo.hub import LoopbackHub
from collector.demo.world import Clock, World
from collector.model import PollPlan
from tests.acceptance import driving
from tests.acceptance.command_line import ONE_SCOPE, Installation, installed, table
from tests.acceptance.ledger import Life, at
from tests.once import once

NOW = at("11-02T08:00")
NOBODY = "http://127.0.0.1:9"  # no hub is asked

# As such tables are: readings on odd days, lifetime and 30-day counts side by side, gaps, no order.
PUBLISHED = """\
model,observed_at,downloads_all_time,downloads_30d,likes
Qwen/Qwen2.5-7B-Instruct,2026-08-19,41250300,1310000,900
Qwen/Qwen2.5-7B-Instruct,2026-06-21,38800000,1205000,880
mistralai/Mistral-7B-Instruct-v0.3,2026-06-21,9100000,610000,
Qwen/Qwen2.5-7B-Instruct,2026-07-15T12:30:00Z,39777777,1222000,
Qwen/Qwen2.5-7B-Instruct,2026-10-05,43333333,1100000,
meta-llama/Llama-3.1-8B-Instruct,2026-06-25,51000000,2400000,4100
meta-llama/Llama-3.1-8B-Instruct,2026-07-31,53900000,2300000,
meta-llama/Llama-3.1-8B-Instruct,2026-08-10,53650000,2200000,
meta-llama/Llama-3.1-8B-Instruct,2026-09-03,55500001,2100000,
meta-llama/Llama-3.1-8B-Instruct,2026-10-05,57700000,2000000,
mistralai/Mistral-7B-Instruct-v0.3,2026-09-30T18:00:00+02:00,10900000,590000,
mistralai/Mistral-7B-Instruct-v0.3,2026-10-05,11000000,580000,
"someone, or other/a model",2026-06-30,100,10,
"someone, or other/a model",2026-10-31,223,10,
"""
NAMES = {
    "Qwen/Qwen2.5-7B-Instruct": "CN",
    "meta-llama/Llama-3.1-8B-Instruct": "US",
    "mistralai/Mistral-7B-Instruct-v0.3": "FR",
    "someone, or other/a model": "ZZ",
}
MONTHS = {"2026-07": ("07-01", "08-01"), "2026-08": ("08-01", "09-01"), "2026-09": ("09-01", "10-01")}


def readings_of(name: str) -> list[tuple[int, int]]:
    """The counter readings of a model by time, in seconds."""
    rows = [line.rsplit(",", 4) for line in PUBLISHED.splitlines()[1:]]
    instants = [
        (datetime.fromisoformat(when if "T" in when else f"{when}T00:00Z"), int(counter))
        for model, when, counter, *_ in rows
        if model.strip('"') == name
    ]
    return sorted((int(when.timestamp()), counter) for when, counter in instants)


def grown(name: str, start: datetime, end: datetime) -> tuple[int, int]:
    """Downloads and corrections in a window by hand: on the straight line between two readings, rounded half up."""
    downloads = corrections = 0
    points = readings_of(name)
    for (a, p), (b, q) in pairwise(points):
        at_start, at_end = (_line(a, b, q - p, int(instant.timestamp())) for instant in (start, end))
        if q >= p:
            downloads += at_end - at_start
        else:
            corrections += at_end - at_start
    return downloads, corrections


def _line(a: int, b: int, change: int, instant: int) -> int:
    passed = Fraction(min(max(instant, a), b) - a, b - a)
    return floor(change * passed + Fraction(1, 2))


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The table in a database, and the packs of its months."""
    return Installation(once(tmp_path_factory, "published", _imported))


def _imported(folder: Path) -> None:
    here = installed(folder, NOBODY, scopes=ONE_SCOPE)
    file = folder / "published.csv"
    file.write_text(PUBLISHED, encoding="utf-8")
    terms = ("--source", "A published table", "--license", "CC-BY-4.0")
    assert "14 readings of 4 models" in here.ran(NOW, "import", str(file), "--hub", "huggingface", *terms).out
    for month in MONTHS:
        here.ran(NOW, "report", month)


def month_of(here: Installation, month: str, file: str) -> list[dict[str, str]]:
    return table(here.folder / "reports" / month / file)


@pytest.mark.parametrize("month", MONTHS)
def test_the_monthly_table_is_reproduced_to_the_last_download(imported: Installation, month: str) -> None:
    told = {row["model"]: row for row in month_of(imported, month, "model_downloads.csv")}
    start, end = map(at, MONTHS[month])
    by_hand = {name: grown(name, start, end) for name in NAMES}
    assert {name: (int(row["downloads"]), int(row["corrections"])) for name, row in told.items()} == by_hand
    for row in month_of(imported, month, "country_share.csv"):
        mine = [name for name, country in NAMES.items() if country == row["country"]]
        assert int(row["downloads"]) == sum(by_hand[name][0] for name in mine)
        assert row["measured_share"] == "1.000000"


def test_a_fall_of_the_table_is_a_correction_of_its_month(imported: Installation) -> None:
    assert grown("meta-llama/Llama-3.1-8B-Instruct", *map(at, MONTHS["2026-08"]))[1] < -200_000
    fall = [row for row in month_of(imported, "2026-08", "quality.csv") if row["kind"] == "correction"]
    assert [(row["model"], row["from"][:10], row["to"][:10]) for row in fall] == [
        ("meta-llama/Llama-3.1-8B-Instruct", "2026-07-31", "2026-08-10")
    ]


def test_the_source_and_its_terms_travel_with_the_figures(imported: Installation) -> None:
    package = (imported.folder / "reports" / "2026-09" / "datapackage.json").read_text(encoding="utf-8")
    assert "A published table" in package
    assert "CC-BY-4.0" in package


def test_the_same_file_twice_is_once(imported: Installation) -> None:
    before = imported.ran(NOW, "sql", "--json", "SELECT * FROM observation").out
    again = imported.ran(NOW, "import", str(imported.folder / "published.csv"), "--hub", "huggingface")
    assert "imported before" in again.out + again.err
    assert imported.ran(NOW, "sql", "--json", "SELECT * FROM observation").out == before


def test_a_line_that_contradicts_what_is_stored_names_itself_and_nothing_of_its_file_is_kept(
    imported: Installation,
) -> None:
    file = imported.folder / "contradiction.csv"
    file.write_text(
        "model,observed_at,downloads_all_time\n"
        "Qwen/Qwen3-8B,2026-08-19,7\n"
        "Qwen/Qwen2.5-7B-Instruct,2026-08-19,41250299\n",
        encoding="utf-8",
    )
    refused = imported.run(NOW, "import", str(file), "--hub", "huggingface")
    assert refused.status == 1
    assert len(refused.err.splitlines()) == 1
    assert "line 3" in refused.err
    assert "41250300" in refused.err
    assert "Qwen/Qwen3-8B" not in imported.ran(NOW, "sql", "--json", "SELECT name FROM model").out


# --- beside polls -----------------------------------------------------------------------------------------------------

LIVES = (
    Life("Qwen/Qwen3-8B", "CN", {"CN": 1.0}, {"Qwen": 1.0}, 40_000, before=900_000),
    Life("meta-llama/Llama-3.1-8B-Instruct", "US", {"US": 1.0}, {"Llama": 1.0}, 30_000, before=800_000),
    Life("quiet-author/own-thing", "ZZ", {"ZZ": 1.0}, {"other": 1.0}, 4_000, before=10_000),
    Life("mistralai/Again", "FR", {"FR": 1.0}, {"other": 1.0}, 5_000, born=at("09-12T10:00"), starts=at("09-12T10:00")),
)
POLLED = [at("08-28T00:05"), at("09-08T00:05"), at("09-20T00:05"), at("10-03T00:05")]
READ_BY_OTHERS = [at("08-20"), at("09-02T13:00"), at("09-14"), at("09-30"), at("10-01T06:00")]
WHOLE = PollPlan("all")
WHEN = {"before": 0, "between": 2, "after": 4}  # polls made when the history comes


def history(folder: Path, until: datetime) -> Path:
    """What others read of the first three models between our polls; and of one that was deleted, and made anew in
    September under its old name.
    """
    lines = ["model,observed_at,downloads_all_time,downloads_30d"]
    for when in READ_BY_OTHERS:
        for life in LIVES[:3]:
            lines.append(f"{life.name},{when:%Y-%m-%dT%H:%M:%SZ},{life.total(when)},{life.shown_30d(when)}")
    lines += ["mistralai/Again,2026-08-20T00:00:00Z,5000,100", "mistralai/Again,2026-09-02T00:00:00Z,5600,100"]
    known = [line for line in lines[1:] if line.split(",")[1] <= f"{until:%Y-%m-%dT%H:%M:%SZ}"]
    file = folder / f"history-{until:%m-%d}.csv"
    file.write_text("\n".join([lines[0], *known]) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """September's pack, whether history came before the polls, between them or after them."""
    folder = once(tmp_path_factory, "beside", _three)
    return {name: folder / name / "reports" / "2026-09" for name in WHEN}


def _three(folder: Path) -> None:
    for name, after in WHEN.items():
        _polled_and_imported(folder / name, after)


def _polled_and_imported(folder: Path, after: int) -> None:
    """A part of the history is imported after so many polls, all of it at the end."""
    world = World(Clock(POLLED[0]))
    with LoopbackHub(world) as hub:
        here = installed(folder, hub.url, scopes=ONE_SCOPE)
        for number, when in enumerate(POLLED):
            world.clock.set(when)
            if number == after:
                driving.keep_history(here.url, history(folder, when), when)
            for life in LIVES:
                if life.born <= when and life.name not in {model.name for model in world}:
                    world.create(life.name, created_at=life.born, truth=_shown(life))
            driving.poll(here.url, hub, world.clock.now, WHOLE)
        driving.keep_history(here.url, history(folder, NOW), NOW)
    here.ran(NOW, "report", "2026-09")


def _shown(life: Life) -> driving.Shown:
    return lambda now: (life.total(now), life.shown_30d(now))


def test_imported_and_polled_readings_are_one_history(packs: Mapping[str, Path]) -> None:
    told = table(packs["after"] / "model_downloads.csv")
    by_name = {row["model"]: row for row in told if row["model"] != "mistralai/Again"}
    assert set(by_name) == {life.name for life in LIVES[:3]}  # adopted by name, once each
    for life in LIVES[:3]:
        row = by_name[life.name]
        assert int(row["downloads"]) == pytest.approx(life.between(at("09-01"), at("10-01")), rel=0.01)
        assert row["measured_share"] == "1.000000"


def test_a_name_made_anew_does_not_adopt_the_history_of_the_one_before_it(packs: Mapping[str, Path]) -> None:
    rows = [row for row in table(packs["after"] / "model_downloads.csv") if row["model"] == "mistralai/Again"]
    old, new = sorted(int(row["downloads"]) for row in rows)
    assert old < 100  # what the old one grew by from the first of September until its last reading
    assert new == pytest.approx(LIVES[3].between(at("09-01"), at("10-01")), rel=0.02)
    assert all(row["corrections"] == "0" for row in rows)


@pytest.mark.parametrize("file", ["country_share", "family_share", "publisher_share", "model_downloads"])
def test_the_figures_are_the_same_whenever_the_history_came(packs: Mapping[str, Path], file: str) -> None:
    before, between, after = ((packs[name] / f"{file}.csv").read_bytes() for name in ("before", "between", "after"))
    assert before == after
    assert between == after

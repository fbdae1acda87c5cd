"""The packaged recording: what it holds, how its panel was chosen, and the world that it makes."""

from __future__ import annotations

import csv
import gzip
from dataclasses import astuple
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import httpx2
import pytest

from collector.demo.hub import LoopbackHub
from collector.demo.recording import Recording, load_recording, show_day, world_on
from collector.demo.select_panel import MONTHS, instants_read, panel, select
from collector.model import CREATED_AT_FLOOR, from_seconds

FOLDER = files("collector") / "data" / "recording"
JUNE, OCTOBER = date(2026, 6, 23), date(2026, 10, 8)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return load_recording()


def write(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode()))


# The packaged files


def test_every_model_of_the_panel_has_a_value_near_each_instant_its_months_are_read_at(recording: Recording) -> None:
    rows = [{"id": name, "date": day.isoformat()} for day, values in recording.values.items() for name in values]
    assert panel(rows, MONTHS) == set(recording.models)
    assert len(recording.models) == 1088


def test_the_recorded_days_leave_out_the_lone_reading(recording: Recording) -> None:
    assert [f"{day:%m-%d}" for day in recording.dates] == [
        *("05-23", "06-19", "06-23", "07-05", "08-04", "08-17", "09-03", "09-18", "10-08")
    ]
    assert recording.largest_listing == 1088


def test_no_repository_stands_there_in_two_spellings_or_under_two_keys(recording: Recording) -> None:
    assert len({name.casefold() for name in recording.models}) == len(recording.models)
    assert len({model.hub_key for model in recording.models.values()}) == len(recording.models)


def test_known_figures_of_the_source_are_there_unchanged(recording: Recording) -> None:
    assert recording.values[OCTOBER]["openai-community/gpt2"] == (15_508_105, 4199)
    assert recording.values[date(2026, 5, 23)]["Qwen/Qwen3-VL-2B-Instruct"].downloads_30d == 155_691_323
    assert recording.models["openai-community/gpt2"].created_at == from_seconds(CREATED_AT_FLOOR)


def test_a_count_of_likes_that_was_not_fetched_is_not_zero(recording: Recording) -> None:
    likes = [value.likes for values in recording.values.values() for value in values.values()]
    assert None in likes
    assert 0 not in likes


def test_the_recording_is_small_and_carries_its_licence_and_attribution() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert (
        "Hub counters from the model catalogue of llmfit 0.9.29 to 1.1.17, Copyright (c) 2026 Alex Jones, MIT" in text
    )
    assert 'THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND' in text
    assert sum(len((FOLDER / name).read_bytes()) for name in ("values.csv.gz", "models.csv.gz")) < 300_000


# The choice


def test_months_are_read_at_their_ends_and_every_thirty_days_before() -> None:
    assert [f"{day:%m-%d}" for day in instants_read(MONTHS)] == [
        *("06-01", "07-01", "08-01", "07-02", "09-01", "08-02", "10-01")
    ]


NEAR = ("2026-05-25", "2026-07-01", "2026-08-01", "2026-09-01", "2026-10-01")


@pytest.mark.parametrize(
    ("seen_on", "chosen"),
    [
        (NEAR, True),
        (("2026-05-17", "2026-07-16", "2026-08-16", "2026-09-16", "2026-10-16"), True),
        (("2026-05-16", *NEAR[1:]), False),
        ((*NEAR[:2], "2026-08-17", *NEAR[3:]), False),
        (NEAR[1:], False),
        (NEAR[:-1], False),
    ],
)
def test_fifteen_days_from_an_instant_is_near_and_sixteen_is_not(seen_on: tuple[str, ...], chosen: bool) -> None:
    assert panel([{"id": "lab/a", "date": day} for day in seen_on], MONTHS) == ({"lab/a"} if chosen else set())


def test_of_two_spellings_the_one_seen_more_often_stays() -> None:
    rows = [{"id": name, "date": day} for day in NEAR for name in ("lab/Twice", "lab/twice", "Lab/once")]
    assert panel([*rows, {"id": "lab/twice", "date": "2026-08-04"}], MONTHS) == {"lab/twice", "Lab/once"}
    assert panel(rows, MONTHS) == {"lab/Twice", "Lab/once"}


def test_the_same_source_gives_the_same_files_and_what_was_not_chosen_stays_out(tmp_path: Path) -> None:
    source, first, second = (tmp_path / name for name in ("source", "first", "second"))
    source.mkdir()
    values = [f"{day},lab/a,{n + 1},0" for n, day in enumerate(NEAR)]
    write(
        source / "observations.csv.gz",
        "\n".join(["date,id,downloads_30d,likes", "2026-07-10,lab/a,9,9", f"{NEAR[0]},lab/b,5,5", *values]) + "\n",
    )
    write(
        source / "models.csv.gz", "id,license,pipeline_tag,release_date\nlab/b,mit,,\nlab/a,mit,fill-mask,2022-03-02\n"
    )
    assert (select(source, first), select(source, second)) == (1, 1)
    assert [p.read_bytes() for p in sorted(first.iterdir())] == [p.read_bytes() for p in sorted(second.iterdir())]
    with gzip.open(first / "values.csv.gz", "rt") as file:
        assert [row["likes"] for row in csv.DictReader(file)] == [""] * 5
    (model,) = load_recording(first).models.values()
    assert astuple(model) == ("lab/a", "fill-mask", from_seconds(CREATED_AT_FLOOR))


# The world


def test_a_day_without_date_or_task_of_a_model_says_none_of_them(tmp_path: Path) -> None:
    write(tmp_path / "values.csv.gz", "date,id,downloads_30d,likes\n2026-06-23,lab/a,5,\n2026-06-23,lab/b,6,7\n")
    write(tmp_path / "models.csv.gz", "id,pipeline_tag,release_date\nlab/a,,\nlab/b,fill-mask,2025-01-02\n")
    world = world_on(load_recording(tmp_path), JUNE)
    a, b = world["lab/a"], world["lab/b"]
    assert (a.created_at, a.pipeline_tag, a.likes, a.last_30d, a.hub_key[:8]) == (None, None, None, 5, "00000000")
    assert (b.created_at, b.pipeline_tag, b.likes) == (datetime(2025, 1, 2, tzinfo=UTC), "fill-mask", 7)


def test_a_world_holds_only_what_has_a_value_that_day_and_no_lifetime_counter(recording: Recording) -> None:
    world = world_on(recording, JUNE)
    assert world.clock.now() == datetime(2026, 6, 23, tzinfo=UTC)
    assert {model.name: model.last_30d for model in world} == {
        name: value.downloads_30d for name, value in recording.values[JUNE].items()
    }
    assert {model.all_time for model in world} == {None}
    with pytest.raises(KeyError):
        world_on(recording, date(2026, 7, 10))


def test_one_hub_shows_one_day_after_the_other_and_models_keep_their_keys(recording: Recording) -> None:
    world = world_on(recording, JUNE)
    keys = {model.name: model.hub_key for model in world}
    show_day(world, recording, OCTOBER)
    assert world.clock.now().date() == OCTOBER
    assert all(keys.get(model.name, model.hub_key) == model.hub_key for model in world)
    assert len(world) == len(recording.values[OCTOBER])


def test_the_hub_lists_a_recorded_day_by_downloads(recording: Recording) -> None:
    with LoopbackHub(world_on(recording, OCTOBER)) as hub:
        url = f"{hub.url}/api/models?sort=downloads&limit=2&expand=downloads&expand=downloadsAllTime"
        rows = httpx2.get(url, trust_env=False, verify=False).json()
    assert [(row["id"], row["downloads"]) for row in rows] == sorted(
        ((name, value.downloads_30d) for name, value in recording.values[OCTOBER].items()), key=lambda row: -row[1]
    )[:2]
    assert not any("downloadsAllTime" in row for row in rows)

"""Behind a figure: the steps add up to what is published, for models with and without a cumulative counter."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector import asking, tasks
from collector.config import Config, load_config
from collector.errors import ReportError, UsageError
from collector.explaining import one_country
from collector.explaining.one_country import country_lines, explain_country
from collector.explaining.one_model import explain_model, model_lines
from collector.measure.models import Models, owners
from collector.model import month_window, previous_window
from collector.origins.knowledge import Knowledge
from collector.owning import window_models
from collector.store.database import Database, upgrade
from collector.store.queries import Hub

MONTH = "2026-09"
HISTORY = """\
model,observed_at,downloads_all_time,downloads_30d
Qwen/Qwen3-8B,2026-08-31,1000,500
Qwen/Qwen3-8B,2026-09-11,2000,500
Qwen/Qwen3-8B,2026-09-21,1500,500
Qwen/Qwen3-8B,2026-10-11,3500,500
bartowski/Qwen3-8B-GGUF,2026-08-31,0,0
bartowski/Qwen3-8B-GGUF,2026-10-01,300,300
"""


def now() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A database of cumulative counters, one of which falls."""
    folder = tmp_path_factory.mktemp("counted")
    (folder / "config.toml").write_text("")
    (folder / "history.csv").write_text(HISTORY)
    config: Config = load_config(folder / "config.toml", {})
    upgrade(config.database.url)
    tasks.import_history(config, [folder / "history.csv"], "huggingface", now=now, source="a page", terms="CC0")
    return config


def asked(config: Config, attribution: str = "base") -> asking.Headline:
    return asking.headline_asked(config, None, attribution, "country")


def test_spans_cut_by_the_month_add_up_to_the_figure(counted: Config) -> None:
    found = explain_model(counted, "Qwen/Qwen3-8B", MONTH, None, now)
    taken = [(span["downloads"], span["downloads_in_month"], span["flags"]) for span in found["spans"]]
    assert sum(part for _, part, _ in taken) == found["figure"]["downloads"] == found["figure"]["from_spans"]
    by_hand = [span["downloads"] * span["days_in_month"] / span["days"] for span in found["spans"]]
    assert [part for _, part, _ in taken] == pytest.approx(by_hand, abs=1)
    assert (
        "  1,000 in (2026-08-31T00:00:00Z, 2026-09-11T00:00:00Z], 10.000 of its 11.000 days in the month: 909"
        in list(model_lines(found))
    )
    assert found["figure"]["downloads"] == 909 + 1000
    assert found["figure"]["corrections"] == -500
    assert "correction" in found["figure"]["flags"]
    assert found["tiles"] == []
    assert {reading["file"] for reading in found["readings"]} == {"history.csv"}


def test_the_lineage_is_told_link_by_link_with_the_registrys_row(counted: Config) -> None:
    found = explain_model(counted, "bartowski/Qwen3-8B-GGUF", MONTH, None, now)
    assert [(step["model"], step["basis"]) for step in found["lineage"]] == [
        ("bartowski/Qwen3-8B-GGUF", "name"),
        ("Qwen/Qwen3-8B", "self"),
    ]
    (root,) = found["roots"]
    assert (root["root"], root["family"], root["registry"]["country"]) == ("Qwen/Qwen3-8B", "Qwen", "CN")
    words = "\n".join(model_lines(found))
    assert "bartowski/Qwen3-8B-GGUF: quantized from Qwen/Qwen3-8B (name)" in words
    assert "= 300 downloads" in words or "= 290 downloads" in words


def test_every_models_tiles_add_up_to_what_the_csv_says(config: Config, published: Callable[..., list[Any]]) -> None:
    for row in published("model_downloads.csv")[:40:8]:
        found = explain_model(config, row["model"], MONTH, None, now)
        assert found["figure"]["downloads"] == int(row["downloads"])
        assert sum(tile["downloads_in_month"] for tile in found["tiles"]) == pytest.approx(int(row["downloads"]), abs=1)


def test_a_countrys_models_and_contributions_add_up(config: Config, published: Callable[..., list[Any]]) -> None:
    (said,) = published("country_share.csv", scope="all", attribution="base", country="CN")
    found = explain_country(config, "cn", MONTH, None, asked(config), now)
    assert found["share"] == pytest.approx(float(said["share"]))
    assert found["previous_share"] == pytest.approx(float(said["previous_share"]))
    assert found["downloads"] == int(said["downloads"])
    assert found["largest"][0]["model"] == said["top_model"]
    words = "\n".join(country_lines(found))
    assert words.startswith("CN China on huggingface in 2026-09: 64.")
    assert "What changed it" in words
    together = [*found["largest"], found["others"]]
    assert sum(each["downloads"] for each in together) == pytest.approx(found["downloads"], abs=len(together))
    assert f"{found['others']['models']:,} more models together" in words
    assert len(found["largest"]) + found["others"]["models"] == int(said["models"])


def test_what_changed_a_share_adds_up_by_hand(config: Config) -> None:
    found = explain_country(config, "CN", MONTH, None, asked(config), now)
    told = [each["change_in_points"] for each in found["behind_the_change"]]
    assert sum(told) + found["others_behind_the_change"] == pytest.approx(found["change_in_points"], abs=1e-9)
    words = list(country_lines(found))
    assert words[-1].split()[0] == f"{found['change_in_points']:+.2f}"
    assert "all other models together" in words[-2]


def by_hand(config: Config, country: str, attribution: str) -> dict[str, Any]:
    """What makes up a country's share, from the models of the month and of the one before, one by one."""
    month, (hub, knowledge) = month_window(MONTH), known_to(config)
    with Database.open(config.database.url, write=False) as db:
        both = [window_models(db, hub, each, knowledge) for each in (month, previous_window(month))]
        now, before = (parts_by_model(each.models, country, attribution) for each in both)
        totals = [math.fsum(each.models.downloads) for each in both]
    moved = {name: now.get(name, 0) / totals[0] - before.get(name, 0) / totals[1] for name in {*now, *before}}
    return {
        "downloads": math.floor(math.fsum(now.values()) + 0.5),
        "previous_downloads": math.floor(math.fsum(before.values()) + 0.5),
        "largest": sorted(now, key=lambda name: (-now[name], name))[:15],
        "models": sum(part > 0 for part in now.values()),
        "moved": sorted(filter(moved.__getitem__, moved), key=lambda name: (-abs(moved[name]), name))[:15],
    }


def known_to(config: Config) -> tuple[Hub, Knowledge]:
    with Database.open(config.database.url, write=False) as db:
        return asking.reported_hub(db, None), asking.knowledge_of(config)


def parts_by_model(models: Models, country: str, attribution: str) -> dict[str, float]:
    """By name: the downloads of each model that count for the country."""
    of = owners(models, "base" if attribution == "base" else "publisher")
    weights = [math.fsum(root.weight for root in each.roots if root.country == country) for each in of.sets]
    counted = zip(models.names(models.model_id), models.downloads.tolist(), of.of.tolist(), strict=True)
    return {name: downloads * weights[place] for name, downloads, place in counted if downloads * weights[place]}


@pytest.mark.parametrize("attribution", ["base", "publisher"])
@pytest.mark.parametrize("country", ["CN", "FR", "ZZ"])
def test_a_countrys_share_is_told_as_its_models_one_by_one_make_it(
    file_config: Config, country: str, attribution: str
) -> None:
    found, expected = (
        explain_country(file_config, country, MONTH, None, asked(file_config, attribution), now),
        by_hand(file_config, country, attribution),
    )
    assert [each["model"] for each in found["largest"]] == expected["largest"]
    assert [each["model"] for each in found["behind_the_change"]] == expected["moved"]
    assert len(found["largest"]) + found["others"]["models"] == expected["models"]
    for name in ("downloads", "previous_downloads"):
        assert found[name] == expected[name]


def test_a_month_as_the_roll_up_left_it_is_told_without_a_look_at_its_models(
    file_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a moment where reading the models of two months takes half a minute."""
    found = explain_country(file_config, "CN", MONTH, None, asked(file_config), now)
    monkeypatch.setattr(one_country, "window_models", None)
    assert explain_country(file_config, "CN", MONTH, None, asked(file_config), now) == found


@pytest.mark.parametrize("attribution", ["base", "publisher"])
def test_what_the_roll_up_left_and_what_is_worked_out_now_are_told_alike(
    file_config: Config, tmp_path: Path, attribution: str
) -> None:
    """Other scopes than those rolled up are worked out: the first of them is the same."""
    (tmp_path / "config.toml").write_text('[[scope]]\nname = "all"\n')
    alone = load_config(tmp_path / "config.toml", {"COLLECTOR__DATABASE__URL": file_config.database.url})
    for country in ("CN", "US", "XX", "ZZ"):
        left = explain_country(file_config, country, MONTH, None, asked(file_config, attribution), now)
        assert explain_country(alone, country, MONTH, None, asked(alone, attribution), now) == left


def test_a_small_share_is_told_with_places_that_say_something(config: Config) -> None:
    words = "\n".join(country_lines(explain_country(config, "ZZ", MONTH, None, asked(config), now)))
    assert "(0.00 % to" not in words
    assert "0.02 %" not in words


def test_a_merge_says_which_part_of_it_counts_here(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    config: Config = load_config(tmp_path / "config.toml", {})
    upgrade(config.database.url)
    tags = "['base_model:merge:Qwen/Qwen3-8B', 'base_model:merge:meta-llama/Llama-3.1-8B']"
    files = [tmp_path / "hub-stats-2026-09-01.csv", tmp_path / "hub-stats-2026-10-01.csv"]
    for file, counter in zip(files, (1_000, 2_001), strict=True):
        file.write_text(f'id,downloadsAllTime,tags\nsomeone/merged,{counter},"{tags}"\n')
    tasks.import_history(config, files, "huggingface", now=now, source="", terms="")
    for code in ("CN", "US"):
        found = explain_country(config, code, MONTH, None, asked(config), now)
        assert [(each["model"], each["downloads"], each["weight"]) for each in found["largest"]] == [
            ("someone/merged", 501, 0.5)
        ]
        words = "\n".join(country_lines(found))
        assert "someone/merged (0.5 of it: its lineage has several roots)" in words
        assert words.startswith(f"{code} ")
        assert "\n= 501 of 1,001 downloads" in words
    model = explain_model(config, "someone/merged", MONTH, None, now)
    assert [(root["root"], root["weight"]) for root in model["roots"]] == [
        ("Qwen/Qwen3-8B", 0.5),
        ("meta-llama/Llama-3.1-8B", 0.5),
    ]


def test_a_tile_names_the_readings_its_count_lies_between(config: Config, published: Callable[..., list[Any]]) -> None:
    for row in published("model_downloads.csv")[:60:6]:
        found = explain_model(config, row["model"], MONTH, None, now)
        for tile in found["tiles"]:
            read = [(_seconds(each["observed_at"]), each["downloads_30d"]) for each in tile["stands_on"]]
            end = _seconds(tile["to"])
            if len(read) == 2:
                (a, low), (b, high) = read
                assert a < end <= b
                by_hand = low + (high - low) * (end - a) / (b - a)
            else:
                ((_, by_hand),) = read
            assert tile["downloads_30d_at_its_end"] == pytest.approx(by_hand)
            assert tile["downloads_in_month"] == pytest.approx(by_hand * tile["days_in_month"] / tile["days"])


def _seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()


def test_nothing_is_looked_up_once_the_database_is_closed(counted: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection made after that would be closed by nobody: a server keeps it, and says so."""
    truly = Database.close

    def for_good(db: Database) -> None:
        truly(db)
        del db.engine

    monkeypatch.setattr(Database, "close", for_good)
    assert explain_country(counted, "CN", MONTH, None, asked(counted), now)["largest"]
    assert explain_model(counted, "Qwen/Qwen3-8B", MONTH, None, now)["spans"]


def test_a_first_month_has_nothing_to_compare_with(counted: Config) -> None:
    found = explain_country(counted, "CN", "2026-08", None, asked(counted, "publisher"), now)
    assert found["change_in_points"] is None
    assert found["behind_the_change"] == []
    assert "the month before" not in "\n".join(country_lines(found))


def test_without_a_month_the_last_final_one_is_explained(config: Config) -> None:
    assert explain_model(config, "Qwen/Qwen3-0.6B", None, None, now)["month"] < "2026-11"


@pytest.mark.parametrize(
    ("name", "month", "words"),
    [
        ("nobody/nothing", MONTH, "nobody/nothing: no model of this name was read on huggingface"),
        ("evil/\x1b[31m" + "x" * 5000, MONTH, "no model of this name"),
        ("Qwen/Qwen3-8B", "2026-9", "not a month: '2026-9'"),
        ("Qwen/Qwen3-8B", "9999-12", "not a month: '9999-12'"),
        ("Qwen/Qwen3-8B", "2019-01", "no figures of 2019-01; the database has 2026-"),
    ],
)
def test_an_unknown_model_or_month_is_one_printable_line(counted: Config, name: str, month: str, words: str) -> None:
    with pytest.raises(ReportError) as caught:
        explain_model(counted, name, month, None, now)
    assert words in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700


def test_an_unknown_country_is_one_line(counted: Config) -> None:
    with pytest.raises(UsageError, match="--country China: no code of a country"):
        explain_country(counted, "China", MONTH, None, asked(counted), now)
    with pytest.raises(ReportError, match="FR: no downloads in 2026-09 or the month before"):
        explain_country(counted, "FR", MONTH, None, asked(counted), now)


def test_an_empty_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    config: Config = load_config(tmp_path / "config.toml", {})
    upgrade(config.database.url)
    with pytest.raises(ReportError, match="nothing was read yet"):
        explain_model(config, "a/b", None, None, now)

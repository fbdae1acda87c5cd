"""A report of a month reads what the last roll-up left, to the byte what it would work out itself, or works it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from collector import asking, counting, figuring, reporting, tasks
from collector.asking import Span
from collector.config import Config, load_config
from collector.importing import import_file
from collector.model import Base, Scope, month_window
from collector.origins.knowledge import Knowledge
from collector.store import marks, queries, waiting
from collector.store.database import Database, upgrade
from collector.store.figures import names_of
from tests.store.facts import declare

SEPTEMBER = month_window("2026-09")
SCOPES = '\n[[scope]]\nname = "all"\n[[scope]]\nname = "originals"\nexclude_relations = ["quantized"]\n'
GROWN = {  # downloads in August and in September
    "Qwen/Qwen3-8B": (600, 900),
    "meta-llama/Llama-3.1-8B": (300, 200),
    "who/Qwen3-8B-GGUF": (40, 41),
    "who/merge": (0, 77),
    "mistralai/Mistral-7B-v0.1": (55, 0),
    "=cmd/x": (5, 5),
    "who/small": (1, 1),
    "who/Llama-3.1-tuned": (0, 500),
    "who/Qwen3-8B-tuned": (0, 3),
}
BASES = {
    "who/Qwen3-8B-GGUF": [("Qwen/Qwen3-8B", "quantized")],
    "who/Llama-3.1-tuned": [("Qwen/Qwen3-8B", "finetune")],
    "who/Qwen3-8B-tuned": [("meta-llama/Llama-3.1-8B", "finetune")],
    "who/merge": [("Qwen/Qwen3-8B", "merge"), ("meta-llama/Llama-3.1-8B", "merge")],
}


def now() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


def history(folder: Path, name: str, lines: list[str]) -> Path:
    file = folder / f"{name}.csv"
    file.write_text("\n".join(["model,observed_at,downloads_all_time,downloads_30d", *lines]) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Two months of readings, rolled up; the list of models is shorter than there are models."""
    (tmp_path / "config.toml").write_text("[report]\ntop_models = 3\n" + SCOPES, encoding="utf-8")
    config = load_config(tmp_path / "config.toml", {})
    upgrade(config.database.url)
    lines = []
    for name, (august, september) in GROWN.items():
        counters = (1000, 1000 + august, 1000 + august + september)
        lines += [f"{name},2026-{7 + n:02}-31,{all_time},7" for n, all_time in enumerate(counters) if n < 2]
        lines += [f"{name},2026-10-02,{counters[2]},9"]
    with Database.open(config.database.url, write=True) as db:
        import_file(history(tmp_path, "first", lines), "huggingface", db, now, "", "")
        with db.begin() as connection:
            for name, bases in BASES.items():
                model_id = connection.execute(
                    text("SELECT id FROM model WHERE name = :name"), {"name": name}
                ).scalar_one()
                declare(connection, model_id, [Base(*each) for each in bases])
        tasks.roll_up(db, asking.knowledge_of(config), config.scopes)
    return config


@pytest.fixture
def db(config: Config) -> Iterator[Database]:
    with Database.open(config.database.url, write=True) as db:
        yield db


def is_kept(db: Database, config: Config, change: Callable[[Knowledge], Knowledge] = lambda known: known) -> bool:
    (hub,) = queries.hubs(db)
    return figuring.kept(db, hub, SEPTEMBER, change(asking.knowledge_of(config)), config.scopes) is not None


def pack(config: Config, folder: Path, but: str = "") -> dict[str, bytes]:
    written = tasks.write_report(config, None, Span(SEPTEMBER), folder)
    return {path.name: path.read_bytes() for path in written.files if path.name != but}


def test_what_is_kept_prints_to_the_byte_as_what_is_worked_out(db: Database, config: Config, tmp_path: Path) -> None:
    assert is_kept(db, config)
    stored = pack(config, tmp_path / "stored")
    marks.clear_marks(db)
    assert not is_kept(db, config)
    worked_out = pack(config, tmp_path / "worked out")
    assert stored == worked_out
    tasks.roll_up(db, asking.knowledge_of(config), config.scopes)
    assert pack(config, tmp_path / "rolled up again") == stored
    assert stored["model_downloads.csv"].count(b"\n") == 4
    assert b"who/merge" in stored["country_share.csv"] + stored["report.html"]


@pytest.mark.parametrize("shown", [1, 1000])
def test_a_month_that_waits_is_reported_without_reading_what_its_report_does_not_list(
    db: Database, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: int
) -> None:
    def everything(*_: Any) -> Any:
        raise AssertionError("worked out for all models")

    monkeypatch.setattr(reporting, "DISAGREEMENTS_SHOWN", shown)
    marks.clear_marks(db)
    worked_out = pack(config, tmp_path / "worked out")
    tasks.roll_up(db, asking.knowledge_of(config), config.scopes)
    (hub,) = queries.hubs(db)
    waiting.let_wait(db, hub.id, [SEPTEMBER.label], 5)
    assert not is_kept(db, config)
    monkeypatch.setattr(reporting, "_worked_out", everything)
    assert pack(config, tmp_path / "waiting") == worked_out


def test_that_nothing_was_done_before_the_first_month_is_found_out_once(
    db: Database, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    anew, counted = counting.count_anew, list[str]()

    def noticed(*asked: Any) -> Any:
        counted.append(asked[2].label)
        return anew(*asked)

    monkeypatch.setattr(counting, "count_anew", noticed)

    def shares_again() -> list[str]:
        with db.begin() as connection:
            connection.execute(text("DELETE FROM build_mark WHERE what LIKE 'shares %'"))
        (months,) = tasks.roll_up(db, asking.knowledge_of(config), config.scopes).values()
        return months

    (hub,) = queries.hubs(db)
    marks.set_mark(db, hub.id, "nothing in 2026-06", "of other readings")
    assert shares_again()[0] == "2026-07"
    assert counted == []  # a first reading speaks of 30 days before it
    with db.begin() as connection:  # and a tile, of a model without a cumulative counter, of 15 days more
        connection.execute(text("UPDATE poll SET models_with_all_time = models_with_all_time - 1"))
    marks.set_mark(db, hub.id, "nothing in 2026-06", "of other readings")
    for _ in range(2):
        shares_again()
        assert counted == ["2026-06"]


@pytest.mark.parametrize(("shown", "named"), [(1, 1), (2, 2), (1000, 2)])
def test_disagreements_are_the_most_downloaded_whether_their_models_are_listed_or_not(
    db: Database, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: int, named: int
) -> None:
    monkeypatch.setattr(reporting, "DISAGREEMENTS_SHOWN", shown)
    stored = pack(config, tmp_path / "stored")
    rows = [line for line in stored["quality.csv"].decode().splitlines() if ",disagreement," in line]
    assert [line.split(",")[5] for line in rows] == ["who/Llama-3.1-tuned", "who/Qwen3-8B-tuned"][:named]
    marks.clear_marks(db)
    assert pack(config, tmp_path / "worked out") == stored


def test_other_rules_than_the_months_own_are_worked_out_anew(db: Database, config: Config) -> None:
    (hub,) = queries.hubs(db)
    knowledge = asking.knowledge_of(config)
    assert figuring.kept(db, hub, SEPTEMBER, knowledge, config.scopes) is not None
    assert figuring.kept(db, hub, SEPTEMBER, knowledge, (Scope("all"),)) is None
    assert not is_kept(db, config, lambda known: replace(known, groups=()))
    assert not is_kept(db, config, lambda known: replace(known, countries={**known.countries, "FR": "Gaul"}))


@pytest.mark.parametrize("day", ["2026-09-15", "2026-08-15"])
def test_readings_since_the_last_roll_up_are_never_passed_over(
    db: Database, config: Config, tmp_path: Path, day: str
) -> None:
    late = history(tmp_path, "late", [f"new/one,{day},5,5", "new/one,2026-10-02,9999,9"])
    import_file(late, "huggingface", db, now, "", "")
    assert not is_kept(db, config)
    # The page draws the months before from the share tables, which the roll-up has not brought up to date yet.
    before = pack(config, tmp_path / "before", but="report.html")
    assert b"new/one" in before["model_downloads.csv"]
    tasks.roll_up(db, asking.knowledge_of(config), config.scopes)
    assert is_kept(db, config)
    assert pack(config, tmp_path / "after", but="report.html") == before


def test_a_model_described_anew_since_is_never_printed_as_it_was(db: Database, config: Config) -> None:
    with db.begin() as connection:
        connection.execute(text("INSERT INTO origin_todo (model_id) SELECT min(id) FROM model"))
    assert not is_kept(db, config)


def test_names_are_those_of_the_models_asked_for(db: Database, config: Config) -> None:
    assert set(names_of(db, [1, 2, 99]).values()) <= set(GROWN)
    assert sorted(names_of(db, [2, 1, 1, 99])) == [1, 2]

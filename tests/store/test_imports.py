"""History from files: whole or not at all, in any order, and never against what is stored."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from collector.model import CREATED_AT_FLOOR, DAY, Base, Observation, Page, PollPlan, to_seconds
from collector.store.database import Database
from collector.store.descriptions import FIELDS, Description, Descriptions
from collector.store.imports import FileReadings, ImportReading, ImportResult, ImportStore, LineRefused, Provenance
from collector.store.polls import PollStore
from collector.store.schema import (
    hub,
    import_file,
    kind,
    metadata,
    model,
    model_base,
    model_state,
    observation,
    poll,
    publisher,
)
from collector.store.wording import BASE, DECLARATIONS, MODEL_WITH_KIND

START = datetime(2026, 9, 1, tzinfo=UTC)
ZERO = to_seconds(START)
CREATED = CREATED_AT_FLOOR + DAY
EVERY = frozenset(FIELDS)


def line(number: int, day: float, total: int | None, name: str = "x/m", rolling: int | None = None) -> ImportReading:
    return ImportReading(number, name, ZERO + int(day * DAY), total, rolling, None)


class Desk:
    """Where files are imported, and polls are made between them."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.files = 0

    def put(self, *lines: ImportReading, sha256: str | None = None) -> ImportResult:
        self.files += 1
        provenance = Provenance("history.csv", sha256 or str(self.files), "a friend", "CC0", ZERO + 90 * DAY)
        return ImportStore(self.db).import_readings("huggingface", provenance, lines)

    def dump(self, day: float, total: int | None, said: Description, fields: frozenset[str] = EVERY) -> None:
        """A dump of one model, which says more of it than its counter."""
        self.files += 1
        provenance = Provenance("dump.csv", str(self.files), "", "", ZERO + 90 * DAY)
        said = said._replace(at=ZERO + int(day * DAY))
        file = FileReadings.of([line(2, day, total)], Descriptions(fields, {"x/m": said}))
        ImportStore(self.db).import_readings("huggingface", provenance, file)

    def described(self) -> tuple[Any, ...]:
        """Creation, task, library and bases of the one model."""
        of_model = select(model.c.created_at, kind.c.pipeline_tag, kind.c.library_name).select_from(MODEL_WITH_KIND)
        of_bases = select(*BASE[:2]).select_from(DECLARATIONS).order_by(model_base.c.position)
        with self.db.connect() as conn:
            return (*conn.execute(of_model).one(), *(tuple(row) for row in conn.execute(of_bases)))

    def poll(self, day: float, *said: tuple[str, str, int]) -> None:
        """Each model: its key, its name, its cumulative counter."""
        store, now = PollStore(self.db), START + timedelta(days=day)
        running = store.start_poll(store.hub_id("huggingface", "https://hub.example"), PollPlan("all"), now)
        rows = tuple(Observation(key, name, total, None, None, CREATED, None, None) for key, name, total in said)
        store.finish_poll(store.write_page(running, Page(now, rows, None)), now)

    def readings(self, name: str = "x/m") -> list[tuple[float, int | None, float | None, int | None]]:
        """Day, counter, span in days and delta of every stored reading of the models of this name."""
        seconds = poll.c.started_at + observation.c.seconds
        query = (
            select(seconds, observation).join_from(observation, poll).join(model, model.c.id == observation.c.model_id)
        )
        with self.db.connect() as conn:
            rows = sorted(conn.execute(query.where(model.c.name == name)).all(), key=lambda row: (row[0], row.poll_id))
        return [
            (
                (row[0] - ZERO) / DAY,
                row.downloads_30d if row.downloads_all_time is None else row.downloads_all_time,
                row.span_seconds and row.span_seconds / DAY,
                row.delta,
            )
            for row in rows
        ]

    def rows(self, table: Any, *names: str) -> list[tuple[Any, ...]]:
        with self.db.connect() as conn:
            query = select(*(table.c[name] for name in names)).order_by(*table.primary_key.columns)
            return [tuple(row) for row in conn.execute(query)]

    def count(self) -> dict[str, int]:
        with self.db.connect() as conn:
            sizes = {table.name: select(func.count()).select_from(table) for table in metadata.sorted_tables}
            return {name: conn.execute(size).scalar_one() for name, size in sizes.items()}


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk(db)


# --- a file ---------------------------------------------------------------------------------------------------------


def test_a_file_is_kept_with_its_provenance_its_models_and_what_changed(desk: Desk) -> None:
    result = desk.put(line(2, 0, 100), line(3, 1, 100), line(4, 2, 130), line(5, 2, 7, "y/n"))
    assert result == ImportResult(readings=4, stored=3, models=2, already=False)
    assert desk.readings() == [(0, 100, None, None), (2, 130, 1, 30)]
    assert desk.rows(import_file, "file_name", "sha256", "source", "license", "imported_at", "readings", "stored") == [
        ("history.csv", "1", "a friend", "CC0", ZERO + 90 * DAY, 4, 3)
    ]
    assert desk.rows(hub, "name", "endpoint") == [("huggingface", "")]
    assert desk.rows(model, "name", "hub_key", "created_at", "first_poll_id") == [
        ("x/m", None, None, None),
        ("y/n", None, None, None),
    ]
    assert desk.rows(publisher, "name") == [("x",), ("y",)]


def test_every_day_of_a_file_is_a_complete_poll_of_scope_import(desk: Desk) -> None:
    desk.put(line(1, 1.25, 5), line(2, 0, 3), line(3, 1.5, 5), line(4, 1.5, None, "y/n", rolling=2))
    columns = ("scope", "status", "started_at", "finished_at", "models_listed", "models_new", "models_moved")
    assert desk.rows(poll, *columns, "models_with_all_time", "import_id") == [
        ("import", "complete", ZERO, ZERO, 1, 1, 0, 1, 1),
        ("import", "complete", ZERO + DAY, ZERO + DAY, 2, 1, 1, 1, 1),
        ("import", "complete", ZERO + DAY, ZERO + DAY, 1, 0, 0, 1, 1),
    ]
    assert desk.rows(poll, "reaches_back_to") == [(None,), (ZERO,), (None,)]
    assert desk.rows(observation, "seconds") == [(0,), (DAY // 4,), (DAY // 2,)]


def test_several_changes_on_one_day_are_all_kept(desk: Desk) -> None:
    desk.put(line(1, 0.1, 1), line(2, 0.2, 2), line(3, 0.3, 3))
    assert [row[1] for row in desk.readings()] == [1, 2, 3]


def test_the_same_file_twice_is_once(desk: Desk) -> None:
    desk.put(line(1, 0, 100), sha256="same")
    before = desk.count()
    assert desk.put(line(1, 0, 100), sha256="same") == ImportResult(readings=1, stored=0, models=0, already=True)
    assert desk.count() == before


def test_the_same_readings_in_another_file_store_nothing(desk: Desk) -> None:
    desk.put(line(1, 0, 100), line(2, 3, 100), line(3, 5, 120))
    assert desk.put(line(1, 5, 120), line(2, 0, 100), line(3, 3, 100)).stored == 0
    assert desk.readings() == [(0, 100, None, None), (5, 120, 2, 20)]


def test_files_in_any_order_of_dates_give_the_same_series(desk: Desk) -> None:
    desk.put(line(1, 5, 120), line(2, 6, 120))
    desk.put(line(1, 2, 100), line(2, 0, 90))
    desk.put(line(1, 3, 100), line(2, 4, 120))
    assert desk.readings() == [(0, 90, None, None), (2, 100, 2, 10), (4, 120, 1, 20), (5, 120, 1, 0)]


def test_a_file_without_lines_is_remembered(desk: Desk) -> None:
    assert desk.put(sha256="empty") == ImportResult(0, 0, 0, already=False)
    assert desk.put(sha256="empty").already
    assert desk.rows(poll, "id") == []


def test_thousands_of_models_are_kept_like_one(desk: Desk) -> None:
    desk.put(*(line(number, day, number + day // 2, f"p/{number}") for number in range(1_100) for day in (0, 2)))
    assert desk.put(*(line(number, 1, number, f"p/{number}") for number in range(1_100))).stored == 0
    assert desk.readings("p/1099") == [(0, 1_099, None, None), (2, 1_100, 1, 1)]


# --- between polls --------------------------------------------------------------------------------------------------


def test_an_import_between_two_polls_rewrites_the_reading_that_follows(desk: Desk) -> None:
    desk.poll(0, ("k", "x/m", 100))
    desk.poll(10, ("k", "x/m", 200))
    assert desk.put(line(1, 4, 100), line(2, 6, 150)).stored == 1
    assert desk.readings() == [(0, 100, None, None), (6, 150, 2, 50), (10, 200, 4, 50)]


def test_an_import_later_than_every_poll_is_what_the_next_poll_is_compared_with(desk: Desk) -> None:
    desk.poll(0, ("k", "x/m", 100))
    desk.put(line(1, 5, 150))
    desk.poll(6, ("k", "x/m", 160))
    assert desk.readings() == [(0, 100, None, None), (5, 150, 5, 50), (6, 160, 1, 10)]


def test_30_day_counts_before_the_first_cumulative_reading_are_kept(desk: Desk) -> None:
    desk.poll(10, ("k", "x/m", 900))
    desk.put(line(1, 0, None, rolling=30), line(2, 5, None, rolling=30))
    assert desk.readings() == [(0, 30, None, None), (10, 900, 5, None)]


# --- names ----------------------------------------------------------------------------------------------------------


def test_readings_go_to_the_model_that_bears_the_name_now(desk: Desk) -> None:
    desk.poll(10, ("k", "x/m", 200))
    desk.put(line(1, 0, 100))
    assert desk.readings() == [(0, 100, None, None), (10, 200, 10, 100)]
    assert len(desk.rows(model, "id")) == 1


def test_of_two_keys_with_one_name_the_one_listed_last_is_meant(desk: Desk) -> None:
    desk.poll(9, ("old", "x/m", 5_000))
    desk.poll(10, ("new", "x/m", 200))
    desk.put(line(1, 9.5, 150))
    assert desk.rows(model_state, "changed_at", "downloads_all_time") == [
        (ZERO + 9 * DAY, 5_000),
        (ZERO + 10 * DAY, 200),
    ]
    assert (10, 200, 0.5, 50) in desk.readings()


def test_a_former_name_means_the_one_model_that_bore_it(desk: Desk) -> None:
    desk.poll(9, ("k", "x/m", 190))
    desk.poll(10, ("k", "z/renamed", 200))
    desk.put(line(1, 0, 100))
    assert desk.readings("z/renamed") == [(0, 100, None, None), (9, 190, 9, 90), (10, 200, 1, 10)]


def test_a_former_name_of_two_models_means_neither(desk: Desk) -> None:
    desk.poll(8, ("k", "x/m", 1))
    desk.poll(9, ("k", "x/k", 1), ("l", "x/m", 1))
    desk.poll(10, ("k", "x/k", 1), ("l", "x/l", 1))
    desk.put(line(1, 0, 100))
    assert desk.readings() == [(0, 100, None, None)]
    assert desk.rows(model, "hub_key", "name")[-1] == (None, "x/m")


def test_readings_older_than_the_model_are_another_models(desk: Desk) -> None:
    desk.poll(10, ("k", "x/m", 200))
    old = ImportReading(1, "x/m", CREATED - 1, 100, None, None)
    desk.put(old, line(2, 0, 150))
    assert desk.rows(model, "hub_key") == [("k",), (None,)]
    desk.put(old._replace(at=old.at - DAY, all_time=90))
    assert desk.rows(model, "hub_key") == [("k",), (None,)]
    assert [row[1] for row in desk.readings()] == [90, 100, 150, 200]


# --- contradictions -------------------------------------------------------------------------------------------------


def test_a_contradiction_names_the_line_and_both_values_and_nothing_is_kept(desk: Desk) -> None:
    desk.poll(0, ("k", "x/m", 100), ("l", "y/n", 1))
    desk.poll(10, ("k", "x/m", 100), ("l", "y/n", 2))
    before = desk.count()
    wrong = (
        "line 3: downloads_all_time 99 of 'x/m' at 2026-09-05T00:00:00Z contradicts the stored 100, "
        "read from 2026-09-01T00:00:00Z to 2026-09-11T00:00:00Z; correct or remove the line"
    )
    with pytest.raises(LineRefused, match=f"^{re.escape(wrong)}$"):
        desk.put(line(2, 0, 5, "new/model"), line(3, 4, 99))
    assert desk.count() == before


@pytest.mark.parametrize(
    ("one", "other", "column"),
    [
        (line(4, 1, 5), line(7, 1, 6), "downloads_all_time 6 of 'x/m' at 2026-09-02T00:00:00Z is 5 in line 4"),
        (line(4, 1, None, rolling=5), line(7, 1, None, rolling=6), "downloads_30d 6 of 'x/m' at 2026-09-02"),
    ],
)
def test_two_values_of_one_instant_in_a_file_name_both_lines(
    desk: Desk, one: ImportReading, other: ImportReading, column: str
) -> None:
    before = desk.count()
    with pytest.raises(LineRefused, match=rf"^line 7: {re.escape(column)}"):
        desk.put(other, one)
    assert desk.count() == before


def test_two_lines_that_agree_are_one_reading(desk: Desk) -> None:
    assert desk.put(line(1, 1, 5), line(2, 1, None, rolling=3), line(3, 1, 5, rolling=3)).stored == 1
    assert desk.rows(observation, "downloads_all_time", "downloads_30d") == [(5, 3)]


def test_a_contradicted_30_day_count_is_called_by_its_name(desk: Desk) -> None:
    desk.put(line(1, 0, None, rolling=5), line(2, 2, None, rolling=5))
    with pytest.raises(LineRefused, match=r"line 9: downloads_30d 6 of 'x/m' .* contradicts the stored 5, read from"):
        desk.put(line(9, 1, None, rolling=6))


def test_a_hostile_name_stays_in_one_short_line(desk: Desk) -> None:
    name = "x/\x1b[31m\n" + "m" * 10_000
    with pytest.raises(LineRefused) as caught:
        desk.put(line(1, 0, 5, name), line(2, 0, 6, name))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


# --- what dumps say beside counters -----------------------------------------------------------------------------------


QWEN, LLAMA = (Base("Qwen/Qwen3-8B", "finetune"),), (Base("meta-llama/Llama-3.1-8B", "quantized"),)
OLD_WORDS = Description(0, CREATED, "text-generation", None, QWEN)
NEW_WORDS = Description(0, CREATED, "any-to-any", "gguf", LLAMA)


def test_a_model_known_from_a_dump_alone_is_described_by_it(desk: Desk) -> None:
    desk.dump(0, 100, OLD_WORDS)
    assert desk.described() == (CREATED, "text-generation", None, ("Qwen/Qwen3-8B", "finetune"))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order of time", "the newer first"])
def test_of_two_dumps_the_newer_describes_whichever_was_imported_first(desk: Desk, order: tuple[int, int]) -> None:
    dumps = ((0, 100, OLD_WORDS), (5, 150, NEW_WORDS))
    for which in order:
        desk.dump(*dumps[which])
    assert desk.described() == (CREATED, "any-to-any", "gguf", ("meta-llama/Llama-3.1-8B", "quantized"))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order of time", "the newer first"])
def test_a_newer_dump_without_a_column_says_nothing_of_it(desk: Desk, order: tuple[int, int]) -> None:
    dumps = ((0, 100, OLD_WORDS, EVERY), (5, 150, NEW_WORDS, frozenset({"pipeline_tag"})))
    for which in order:
        desk.dump(*dumps[which])
    assert desk.described() == (CREATED, "any-to-any", None, ("Qwen/Qwen3-8B", "finetune"))


def test_a_newer_dump_that_has_the_column_and_says_none_takes_the_bases_away(desk: Desk) -> None:
    desk.dump(0, 100, OLD_WORDS)
    desk.dump(5, 150, NEW_WORDS._replace(bases=()))
    assert desk.described() == (CREATED, "any-to-any", "gguf")


def test_a_dump_older_than_the_last_poll_does_not_overwrite_what_the_hub_said(desk: Desk) -> None:
    desk.poll(5, ("k", "x/m", 150))
    desk.dump(0, 100, OLD_WORDS)
    assert desk.described() == (CREATED, None, None)


def test_a_dump_newer_than_the_last_poll_that_listed_a_model_describes_it(desk: Desk) -> None:
    desk.poll(0, ("k", "x/m", 100))
    desk.dump(5, 150, OLD_WORDS)
    assert desk.described() == (CREATED, "text-generation", None, ("Qwen/Qwen3-8B", "finetune"))


def test_a_later_poll_has_the_last_word_over_a_dump(desk: Desk) -> None:
    desk.poll(0, ("k", "x/m", 100))
    desk.dump(5, 150, OLD_WORDS)
    desk.poll(6, ("k", "x/m", 160))
    assert desk.described() == (CREATED, None, None)


def test_a_creation_after_the_first_reading_is_of_another_model_and_not_taken(desk: Desk) -> None:
    desk.put(line(1, 0, 100))
    desk.dump(5, 150, OLD_WORDS._replace(created_at=ZERO + 2 * DAY))
    assert desk.described()[0] is None


def test_a_creation_once_known_stays(desk: Desk) -> None:
    desk.dump(0, 100, OLD_WORDS)
    desk.dump(5, 150, OLD_WORDS._replace(created_at=CREATED + DAY))
    assert desk.described()[0] == CREATED


def test_a_name_without_a_reading_makes_no_model(desk: Desk) -> None:
    readings = FileReadings.of([line(1, 0, 100), line(2, 0, 5, "y/n")])
    kept = readings.where(readings.all_time > 5)
    ImportStore(desk.db).import_readings("huggingface", Provenance("h.csv", "1", "", "", ZERO), kept)
    assert desk.rows(model, "name") == [("x/m",)]

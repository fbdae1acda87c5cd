"""What keeping origins current promises: after any change the stored roots are those worked out from nothing."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from collector import rollup, rooting
from collector.model import Base, Observation, Page, PollPlan, Scope, days_window, publisher_of
from collector.origins.corrections import Correction
from collector.origins.families import load_families
from collector.origins.knowledge import Knowledge, load_knowledge
from collector.origins.lineage import Root
from collector.owning import window_models
from collector.rooting import disagreement_rows, lineage, lineage_of, refresh_origins, roots_of_models
from collector.store import hubwide, lineages, origin_numbers, queries
from collector.store.bulk import FileReadings, ImportReading
from collector.store.database import Database, upgrade
from collector.store.derived import Derived
from collector.store.figures import RootRow
from collector.store.hubwide import HubColumns
from collector.store.imports import ImportStore, Provenance
from collector.store.polls import PollStore
from collector.store.queries import Hub
from collector.store.schema import model, model_origin, origin_todo, publisher
from collector.store.sightings import Sightings

START = datetime(2026, 9, 1, 0, 5, tzinfo=UTC)
FAMILIES = """
republishers = ["copies"]
[legacy]
"old-alpha" = "Dev/Alpha-7B"
[[family]]
name = "Alpha"
developer = "Dev"
publisher = "Dev"
publishers = ["Dev2"]
patterns = ["alpha"]
root = "Dev/Alpha"
[[family.lines]]
name = "Alpha2"
patterns = ["alpha 2"]
[[family]]
name = "Beta"
developer = "Beta Lab"
publisher = "BetaLab"
patterns = ["beta #", "@beta"]
[[family]]
name = "Arch"
developer = "Dev"
publisher = "Dev"
patterns = ["*arch"]
architecture = true
"""


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """Two families and an architecture; one correction of a declared base and one of a name."""
    path = tmp_path_factory.mktemp("families") / "families.toml"
    path.write_text(FAMILIES, encoding="utf-8")
    wrong = frozenset({("", "x/wrong")})
    corrections = (
        Correction("huggingface", "x/Tuned", ("Dev/Alpha-7B",), "finetune", (wrong, frozenset()), "known"),
        Correction("huggingface", "y/never-seen", ("x/Tuned",), "quantized", (frozenset(),), "known"),
    )
    return replace(load_knowledge(None), families=load_families(path), corrections=corrections)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


#: By the number of bases that a model declares: a task that changes beside its roots.
TASKS = (None, "text-generation", "text-to-image", "summarization")


class Story:
    """A hub polled again and again; models are numbered, and their numbers are their keys."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.polls = PollStore(db)
        self.hub = Hub(self.polls.hub_id("huggingface", "http://127.0.0.1:1"), "huggingface", "")
        self.days = itertools.count()
        self.models: dict[int, tuple[str, tuple[Base, ...]]] = {}

    def polled(self, **changes: tuple[str, tuple[Base, ...]]) -> None:
        """A poll of the whole hub, by key, after these changes."""
        self.models |= {int(key.removeprefix("k")): value for key, value in changes.items()}
        self.poll()

    def poll(self, *, finish: bool = True) -> None:
        at = START + timedelta(days=next(self.days))
        rows = tuple(
            Observation(f"key{number}", name, 100, 10, 0, None, TASKS[len(bases)], None, bases)
            for number, (name, bases) in sorted(self.models.items())
        )
        running = self.polls.write_page(self.polls.start_poll(self.hub.id, PollPlan("all"), at), Page(at, rows, None))
        if finish:
            self.polls.finish_poll(running, at)

    def imported(self, *names: str) -> None:
        day = next(self.days)
        at = int((START - timedelta(days=90) + timedelta(days=day)).timestamp())
        rows = FileReadings.of(ImportReading(line, name, at, 50, None, None) for line, name in enumerate(names, 2))
        provenance = Provenance(f"file-{day}.csv", f"{day:064}", "", "", at)
        ImportStore(self.db).import_readings("huggingface", provenance, rows)

    def refreshed(self, knowledge: Knowledge) -> list[tuple[Any, ...]]:
        """The stored roots after bringing them up to date; all that is stored is what is worked out from nothing."""
        before, todo, columns = self._stored(), lineages.todo(self.db, self.hub.id), hubwide.kept(self.db, self.hub.id)
        assert spoken(hubwide.read(self.db, self.hub.id).columns) == spoken(hubwide.from_rows(self.db, self.hub.id))
        renewed = refresh_origins(self.db, self.hub, knowledge, todo)
        changed = None if renewed is None else renewed.models
        hubwide.keep(self.db, self.hub.id, hubwide.after(self.db, self.hub.id, columns, changed), changed)
        stored = self._stored()
        assert stored == from_nothing(self, knowledge)
        if renewed is not None:
            assert (renewed.listed, {*renewed.rooted}) == (todo.model_ids, {row[0] for row in {*before} ^ {*stored}})
        said, numbers = noted_from_nothing(self, knowledge)
        assert in_order(Derived(self.db).disagreement_rows(self.hub.id)) == said
        assert numbers_of(self) == numbers
        assert not lineages.todo(self.db, self.hub.id).model_ids
        assert hubwide.differing(self.db, self.hub.id) == []
        assert spoken(hubwide.read(self.db, self.hub.id).columns) == spoken(hubwide.from_rows(self.db, self.hub.id))
        return stored

    def root_of(self, number: int, knowledge: Knowledge) -> str:
        (model_id,) = [row[0] for row in self._ids() if row[1] == f"key{number}"]
        (root,) = [row[1] for row in self.refreshed(knowledge) if row[0] == model_id]
        return str(root)

    def _stored(self) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in in_order(Derived(self.db).origin_rows(self.hub.id))]

    def _ids(self) -> list[tuple[int, str]]:
        with self.db.connect() as connection:
            return [(row.id, row.hub_key) for row in connection.execute(select(model.c.id, model.c.hub_key))]


def spoken(columns: HubColumns) -> list[tuple[Any, ...]]:
    """What columns say of each model, in words."""
    numbers = (columns.model_id, columns.publisher_id, columns.created_at, columns.first_poll_id)
    tasks = [columns.tasks[place] for place in columns.task.tolist()]
    sets = [None if place == hubwide.OWN else columns.sets[place] for place in columns.roots.tolist()]
    return list(zip(*(column.tolist() for column in numbers), tasks, sets, strict=True))


def in_order(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    """The rows as tuples, what is missing as None."""
    plain = rows.astype(object).where(rows.notna(), None)
    return sorted(map(tuple, plain.to_numpy().tolist()), key=lambda row: row[:2])


def from_nothing(story: Story, knowledge: Knowledge) -> list[tuple[Any, ...]]:
    return sorted((tuple(root) for root in lineage(story.db, story.hub, knowledge).roots()), key=lambda row: row[:2])


def numbers_of(story: Story) -> list[tuple[int, int]]:
    """Under which numbers models are kept: number and model."""
    with story.db.connect() as connection:
        packed = [each for part in origin_numbers.numbers_of(connection, story.hub.id) for each in part.tolist()]
    return [(each >> 32, each & (1 << 32) - 1) for each in packed]


def noted_from_nothing(story: Story, knowledge: Knowledge) -> tuple[list[tuple[Any, ...]], list[tuple[int, int]]]:
    """The disagreements, and numbers as `numbers_of` gives them."""
    known = lineage(story.db, story.hub, knowledge)
    known.keep_numbers()
    list(known.roots())
    said = [tuple(each) for each in known.disagreements()]
    return said, sorted({(packed >> 32, packed & (1 << 32) - 1) for packed in known.numbers()})


def told(story: Story, knowledge: Knowledge) -> dict[int, list[RootRow]]:
    """The roots of every model, worked out from nothing; without their names, as `roots_of_models` gives them."""
    found: dict[int, list[RootRow]] = {}
    for row in from_nothing(story, knowledge):
        root = Root(*row)
        said = RootRow(root.root_publisher, root.weight, root.basis, root.relation, root.family)
        found.setdefault(root.model_id, []).append(said)
    return found


def read(story: Story, knowledge: Knowledge) -> dict[int, list[RootRow]]:
    """The same as a reader is told it: who is not named is its own root."""
    columns = hubwide.read(story.db, story.hub.id).columns
    sets = roots_of_models(story.db, story.hub, knowledge, lambda: columns.root_sets, {})
    named = dict(zip(sets.model_id.tolist(), sets.code.tolist(), strict=True))
    names = {row[0]: row[1] for row in queries.model_names(story.db, story.hub.id)}
    own = {model_id: [RootRow(publisher_of(name), 1.0, "self", None, None)] for model_id, name in names.items()}
    return own | {model_id: list(sets.sets[code]) for model_id, code in named.items()}


def declared(*names: str, relation: str | None = "finetune", key: str | None = None) -> tuple[Base, ...]:
    return tuple(Base(name, relation, key) for name in names)


@pytest.fixture
def story(empty: Path, tmp_path: Path) -> Iterable[Story]:
    shutil.copy(empty, tmp_path / "c.db")
    with Database.open(f"sqlite:///{tmp_path / 'c.db'}", write=True) as db:
        yield Story(db)


# ---- what a change touches


def test_a_base_that_is_listed_at_last_is_found_by_those_that_named_it(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/One", declared("lab/Late")), k2=("y/Two", declared("x/One")))
    assert story.root_of(2, knowledge) == "lab/Late"
    story.polled(k3=("lab/Late", declared("Dev/Alpha-7B")))
    assert story.root_of(1, knowledge) == story.root_of(2, knowledge) == "Dev/Alpha-7B"


def test_a_renamed_base_gives_all_its_descendants_another_root(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("old/Base", ()), k2=("x/One", declared("old/Base", key="key1")), k3=("y/Two", declared("x/One")))
    assert story.root_of(3, knowledge) == "old/Base"
    story.polled(k1=("new/Base", ()))
    assert story.root_of(2, knowledge) == story.root_of(3, knowledge) == "new/Base"


def test_a_former_name_that_a_second_model_bore_leads_to_neither(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("lab/Name", ()), k2=("x/One", declared("lab/Name")))
    story.polled(k1=("lab/First", ()))
    assert story.root_of(2, knowledge) == "lab/First"
    story.polled(k3=("lab/Name", ()))
    assert story.root_of(2, knowledge) == "lab/Name"
    story.polled(k3=("lab/Second", ()))
    assert story.root_of(2, knowledge) == "lab/Name"  # borne by two, so by neither: a name never polled


def test_a_copy_finds_the_model_it_is_named_after_once_that_is_listed(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/Thing-GGUF", ()))
    assert story.root_of(1, knowledge) == "x/Thing-GGUF"
    story.polled(k2=("lab/Thing", ()))
    assert story.root_of(1, knowledge) == "lab/Thing"
    story.polled(k3=("other/Thing", ()))  # two of that name: it cannot be told which
    assert story.root_of(1, knowledge) == "x/Thing-GGUF"
    story.polled(k4=("x/Thing", ()))  # the copier's own
    assert story.root_of(1, knowledge) == "x/Thing"


def test_a_new_model_of_a_developer_is_found_by_the_names_that_hold_its_words(
    story: Story, knowledge: Knowledge
) -> None:
    story.polled(k1=("x/My-Alpha-9B-tuned", ()), k2=("y/Two", declared("gone/Alpha-9B-mix")))
    assert story.root_of(1, knowledge) == story.root_of(2, knowledge) == "Dev/Alpha"
    story.polled(k3=("Dev/Alpha-9B", ()))
    assert story.root_of(1, knowledge) == story.root_of(2, knowledge) == "Dev/Alpha-9B"


def test_a_name_without_publisher_finds_the_developers_model_once_that_is_listed(
    story: Story, knowledge: Knowledge
) -> None:
    story.polled(k1=("x/One", declared("Alpha-9B")))
    assert story.root_of(1, knowledge) == "Alpha-9B"
    story.polled(k2=("Dev/Alpha-9B", ()))
    assert story.root_of(1, knowledge) == "Dev/Alpha-9B"


def test_an_imported_model_that_a_poll_adopts_is_found_by_its_key(story: Story, knowledge: Knowledge) -> None:
    story.imported("lab/Kept")
    story.polled(k1=("x/One", declared("other/Name", key="key2")))
    assert story.root_of(1, knowledge) == "other/Name"
    story.polled(k2=("lab/Kept", ()))
    assert story.root_of(1, knowledge) == "lab/Kept"


def test_what_a_killed_poll_stored_is_worked_out(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/One", declared("lab/Late")))
    story.refreshed(knowledge)
    story.models[2] = ("lab/Late", declared("Dev/Alpha-7B"))
    story.poll(finish=False)
    assert story.root_of(1, knowledge) == "Dev/Alpha-7B"


def test_a_correction_holds_no_more_once_the_hub_declares_something_else(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/Tuned", declared("x/wrong")), k2=("y/Two", declared("y/never-seen")))
    assert story.root_of(1, knowledge) == story.root_of(2, knowledge) == "Dev/Alpha-7B"
    story.polled(k1=("x/Tuned", declared("lab/Right")))
    assert story.root_of(1, knowledge) == story.root_of(2, knowledge) == "lab/Right"


def test_a_name_that_leads_elsewhere_than_the_declaration_does_so_no_more_once_its_base_is_listed(
    story: Story, knowledge: Knowledge
) -> None:
    story.polled(k1=("x/Alpha-9B-GGUF", declared("BetaLab/Beta-1B", relation="quantized")))
    story.refreshed(knowledge)
    told = [(1, "Alpha", "Beta")]
    assert in_order(Derived(story.db).disagreement_rows(story.hub.id)) == told
    story.polled(k2=("x/Alpha-9B", declared("BetaLab/Beta-1B")))  # what the copy is named after is a Beta itself
    assert in_order(disagreement_rows(story.db, story.hub, knowledge)) == [(2, "Alpha", "Beta")]
    assert in_order(Derived(story.db).disagreement_rows(story.hub.id)) == told
    story.refreshed(knowledge)
    story.polled(k2=("x/Alpha-9B", declared("Dev/Alpha-7B")))
    story.refreshed(knowledge)
    assert in_order(Derived(story.db).disagreement_rows(story.hub.id)) == told


def test_a_way_out_of_a_cycle_is_found_by_every_member(story: Story, knowledge: Knowledge) -> None:
    story.polled(
        k1=("a/1", declared("a/2")),
        k2=("a/2", declared("a/3")),
        k3=("a/3", declared("a/1")),
        k4=("a/4", declared("a/1")),
    )
    assert [story.root_of(number, knowledge) for number in (1, 2, 3, 4)] == ["a/3", "a/1", "a/2", "a/3"]
    story.polled(k2=("a/2", declared("a/3", "lab/Out")))
    leaving = [row for row in story.refreshed(knowledge) if row[1] == "lab/Out"]
    assert [row[0] for row in leaving] == [1, 2, 3, 4]


# ---- only what changed


def test_whoever_keeps_something_beside_the_roots_is_told_of_which_models_it_can_differ(
    story: Story, knowledge: Knowledge
) -> None:
    def changed() -> tuple[int, ...] | None:
        renewed = refresh_origins(story.db, story.hub, knowledge, lineages.todo(story.db, story.hub.id))
        return None if renewed is None else renewed.models

    story.polled(k1=("x/One", declared("lab/Late")), k2=("y/Two", declared("x/One")), k3=("z/Else", ()))
    assert changed() is None, "nothing was worked out before"
    assert changed() == ()
    story.polled(k4=("lab/Late", declared("Dev/Alpha-7B")))
    assert changed() == (1, 2, 4), "the new one, what declares it, and what was made from that"
    story.polled(k3=("z/Else", declared("z/Else")))
    assert changed() == (3,), "described anew, though its root is the same"


def test_a_poll_that_changes_nothing_leaves_nothing_to_do(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/One", declared("lab/Base")))
    story.refreshed(knowledge)
    story.poll()
    assert not lineages.todo(story.db, story.hub.id).model_ids


def test_only_what_a_change_touches_is_worked_out_again(
    story: Story, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.polled(**{f"k{n}": (f"x/Model-{n}", declared("lab/Base")) for n in range(1, 9)}, k9=("lab/Base", ()))
    story.refreshed(knowledge)
    monkeypatch.setattr(rooting, "MOST_AT_ONCE", 3)  # the ninth, the new one, and what was made from it
    story.polled(k10=("y/New", declared("x/Model-1")), k11=("z/Newer", declared("y/New")))
    asked_for_all: list[Hub] = []
    monkeypatch.setattr(rooting, "lineage", lambda db, hub, _: asked_for_all.append(hub))
    refresh_origins(story.db, story.hub, knowledge, lineages.todo(story.db, story.hub.id))
    assert asked_for_all == []


def test_where_too_many_are_touched_all_are_worked_out_again(
    story: Story, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.polled(**{f"k{n}": (f"x/Model-{n}", declared("lab/Base", key="key9")) for n in range(1, 9)}, k9=("a/b", ()))
    story.refreshed(knowledge)
    monkeypatch.setattr(rooting, "MOST_AT_ONCE", 3)
    story.polled(k9=("a/c", ()))
    assert {row[1] for row in story.refreshed(knowledge)} == {"a/c"}


def test_other_families_work_everything_out_again(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/One-GGUF", declared("lab/Base")))
    story.refreshed(knowledge)
    other = replace(knowledge, lineage_digest="another", corrections=())
    assert story.root_of(1, other) == "lab/Base"
    assert len(story.refreshed(knowledge)) == 1


def test_what_a_poll_changes_beside_the_roll_up_stays_on_the_list(
    story: Story, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.polled(k1=("x/One", declared("lab/Base")))
    story.refreshed(knowledge)

    def after_a_page(*asked: Any) -> Any:
        monkeypatch.undo()
        story.polled(k2=("y/Two", declared("x/One")))
        return refresh_origins(*asked)

    monkeypatch.setattr(rollup, "refresh_origins", after_a_page)
    rollup.refresh(story.db, story.hub, knowledge, (Scope("all"),))
    # Were it struck off now, no month it counts in would be restated for it.
    assert sorted(lineages.todo(story.db, story.hub.id).model_ids) == [
        row[0] for row in story._ids() if row[1] == "key2"
    ]
    story.refreshed(knowledge)


def test_the_first_poll_of_a_hub_lists_nothing_to_do(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/One", declared("lab/Base")))
    assert not lineages.has_todo(story.db, story.hub.id)
    assert [row[1] for row in story.refreshed(knowledge)] == ["lab/Base"]
    story.polled(k2=("y/Two", declared("x/One")))
    assert lineages.has_todo(story.db, story.hub.id)


def test_what_a_poll_changes_while_the_first_roots_are_worked_out_is_not_lost(
    story: Story, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.polled(k1=("x/One", declared("lab/Base")), k2=("y/Two", declared("x/One")))
    read_names = queries.model_names

    def and_then_a_page(db: Database, hub_id: int) -> Iterable[Any]:
        monkeypatch.undo()
        names = list(read_names(db, hub_id))
        story.polled(k1=("x/One", declared("lab/Other")), k3=("z/Three", declared("lab/Other")))
        return names

    monkeypatch.setattr(queries, "model_names", and_then_a_page)
    refresh_origins(story.db, story.hub, knowledge, lineages.todo(story.db, story.hub.id))
    assert lineages.has_todo(story.db, story.hub.id)
    assert [row[1] for row in story.refreshed(knowledge)] == ["lab/Other"] * 3


def test_what_a_poll_changes_after_a_killed_first_roll_up_is_not_lost(
    story: Story, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    story.polled(k1=("x/One", declared("lab/Base")))
    monkeypatch.setattr(Derived, "replace_origins", killed)
    with pytest.raises(KeyboardInterrupt):
        refresh_origins(story.db, story.hub, knowledge, lineages.todo(story.db, story.hub.id))
    monkeypatch.undo()
    story.polled(k1=("x/One", declared("lab/Other")))
    assert [row[1] for row in story.refreshed(knowledge)] == ["lab/Other"]


# ---- who asks before the roots are brought up to date


def test_a_reader_gets_the_roots_of_now_and_writes_nothing(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/One", declared("lab/Base")), k2=("y/Two", declared("x/One")))
    story.refreshed(knowledge)
    story.polled(k1=("x/One", declared("lab/Other")))
    assert read(story, knowledge) == told(story, knowledge)
    assert lineages.todo(story.db, story.hub.id).model_ids == (1,)


def test_a_reader_of_a_database_without_roots_gets_them_all(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/One", declared("lab/Base")))
    assert read(story, knowledge) == told(story, knowledge)


def test_the_way_of_one_model_is_told_without_the_others(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/One-GGUF", ()), k2=("lab/One", declared("Dev/Alpha-7B")), k3=("z/Else", declared("q/q")))
    everything = lineage(story.db, story.hub, knowledge)
    assert lineage_of(story.db, story.hub, knowledge, {1}).path(1) == everything.path(1)
    story.refreshed(knowledge)
    few = lineage_of(story.db, story.hub, knowledge, {1})
    assert few.path(1) == everything.path(1)
    assert [step.model for step in few.path(1)] == ["x/One-GGUF", "lab/One", "Dev/Alpha-7B"]
    assert few.path(3) == []


def test_two_hubs_do_not_see_each_other(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/One", declared("lab/Base")))
    other = Story(story.db)
    other.hub = Hub(other.polls.hub_id("modelscope", ""), "modelscope", "")
    other.polled(k1=("lab/Base", declared("Dev/Alpha-7B")))
    other.refreshed(knowledge)
    assert [row[1] for row in story.refreshed(knowledge)] == ["lab/Base"]
    with story.db.connect() as connection:
        hubs = {hub_id for hub_id, _ in origin_numbers.models_by_hub(connection)}
        left = connection.scalar(select(func.count()).select_from(origin_todo))
    assert hubs == {story.hub.id, other.hub.id}
    assert left == 0


def test_columns_that_are_kept_otherwise_than_the_rows_say_are_found(story: Story, knowledge: Knowledge) -> None:
    story.polled(k1=("x/One", ()), k2=("y/Two", declared("x/One")), k3=("z/Three", declared("x/One")))
    story.refreshed(knowledge)
    with story.db.begin() as connection:
        connection.execute(update(model).where(model.c.hub_key == "key2").values(created_at=1))
        connection.execute(update(model_origin).where(model_origin.c.model_id == 3).values(root_publisher="nobody"))
    assert hubwide.differing(story.db, story.hub.id) == [2, 3]
    hubwide.forget(story.db, story.hub.id)
    assert hubwide.differing(story.db, story.hub.id) == []


def test_a_model_that_moves_to_a_new_account_while_shares_are_worked_out_is_counted_there(
    story: Story, knowledge: Knowledge
) -> None:
    story.polled(k1=("x/One", ()), k2=("y/Two", ()))
    story.refreshed(knowledge)
    known = hubwide.read(story.db, story.hub.id)
    story.polled(k2=("brand-new/Two", ()))
    weeks = days_window(date(2026, 8, 1), date(2026, 9, 5))
    models = window_models(story.db, story.hub, weeks, knowledge, known).models
    assert [account.name for account in models.accounts.at(models.account)] == ["x", "brand-new"]


def test_what_differs_may_be_larger_than_all_that_is_kept_beside_it(story: Story, knowledge: Knowledge) -> None:
    """The kept columns hold small numbers alone, each in a byte; a later account has a large one."""
    story.polled(k1=("x/One", ()), k2=("y/Two", ()))
    story.refreshed(knowledge)
    with story.db.begin() as connection:
        connection.execute(insert(publisher).values(id=70_000, hub_id=story.hub.id, name="late"))
    story.polled(k2=("late/Two", ()))
    assert hubwide.read(story.db, story.hub.id).columns.publisher_id.tolist() == [1, 70_000]
    story.refreshed(knowledge)
    assert hubwide.read(story.db, story.hub.id).columns.publisher_id.tolist() == [1, 70_000]


@pytest.mark.parametrize("numbers", [[1, 2, 3], [2, 3, 4], [1, 3, 9], []])
def test_models_are_found_by_number_whether_or_not_numbers_are_missing(numbers: list[int]) -> None:
    column = np.array(numbers, np.int64)
    columns = HubColumns(column, column, column, column, column, column, [], [])
    asked = [0, 1, 3, 5, 9, 12]
    ours, place = hubwide.Hubwide(columns, Sightings(column, column, column)).found(np.array(asked))
    found = [(asked[mine], numbers[theirs]) for mine, theirs in zip(ours.tolist(), place.tolist(), strict=True)]
    assert found == [(number, number) for number in asked if number in numbers]


# ---- the law

OWNERS = ("Dev", "Dev2", "BetaLab", "x", "y", "copies")
PARTS = (
    *("Alpha", "Alpha-7B", "alpha-7b", "Alpha-7B-Chat", "Alpha-7B-GGUF", "Alpha-7B-Chat-hf-GGUF", "Alpha2-1B"),
    *("Beta-1B", "Beta", "Beta-1B-AWQ", "Alpha-7B-Beta-1B", "my-Alpha-7B-Chat-x", "onnx-Beta-GGUF", "Tuned"),
    *("Dev_Alpha-7B-GGUF", "x_Thing-GGUF", "y--thing-4bit", "Thing", "thing", "Thing-GGUF", "thing-unsloth-4bit"),
    *("SomeArch", "SomeArch-onnx", "Alpha-random", "never-seen"),
)
NAMES = [f"{owner}/{part}" for owner in OWNERS for part in PARTS]
ODD = ["old-alpha", "Alpha-7B", "no name at all", "ALPHA-7B/x/y", "X/THING", "dev/ALPHA-7B", "x/wrong", "İ/ß"]
KEYS = range(1, 9)

bases = st.lists(
    st.builds(
        Base,
        st.sampled_from([*NAMES, *ODD]),
        st.sampled_from([None, "finetune", "quantized"]),
        st.sampled_from([None, None, "key0", *(f"key{number}" for number in KEYS)]),
    ),
    max_size=3,
).map(tuple)
changes = st.tuples(st.sampled_from(list(KEYS)), st.sampled_from(NAMES), bases)
steps = st.one_of(
    st.tuples(st.just("poll"), st.lists(changes, min_size=1, max_size=4)),
    st.tuples(st.just("killed"), st.lists(changes, min_size=1, max_size=2)),
    st.tuples(st.just("hidden"), st.lists(st.sampled_from(list(KEYS)), min_size=1, max_size=3)),
    st.tuples(st.just("import"), st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=2, max_size=6), st.sampled_from([0.0, 0.4, 1.0]), st.sampled_from([0.0, math.inf]))
def test_after_every_change_all_that_is_stored_is_what_is_worked_out_from_nothing(
    empty: Path,
    tmp_path: Path,
    knowledge: Knowledge,
    drawn: list[tuple[str, list[Any]]],
    most_apart: float,
    most_beside: float,
) -> None:
    shutil.copy(empty, tmp_path / "drawn.db")
    with (
        patch.object(hubwide, "MOST_APART", most_apart),
        patch.object(origin_numbers, "MOST_BESIDE", most_beside),
        Database.open(f"sqlite:///{tmp_path / 'drawn.db'}", write=True) as db,
    ):
        story = Story(db)
        for what, items in drawn:
            if what == "import":
                story.imported(*items)
            elif what == "hidden":
                story.models = {number: said for number, said in story.models.items() if number not in items}
                story.poll()
            else:
                story.models |= {number: (name, tuple(dict.fromkeys(said))) for number, name, said in items}
                story.poll(finish=what == "poll")
            assert read(story, knowledge) == told(story, knowledge)
            said, _ = noted_from_nothing(story, knowledge)
            assert in_order(disagreement_rows(db, story.hub, knowledge)) == said

            assert read(story, knowledge) == told(story, knowledge)
            story.refreshed(knowledge)

"""Models whose root and family are publicly known, hard ones among them: how many does the lineage get right?"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from collector.model import NOT_ATTRIBUTED
from collector.origins.knowledge import Knowledge, load_knowledge
from collector.origins.lineage import Declared, ModelName, whole_lineage

KNOWN = Path(__file__).parent / "data" / "known_lineages.csv"
DATA_DICTIONARY = Path(__file__).parents[2] / "DATA.md"


@pytest.fixture(scope="module")
def known() -> list[dict[str, str]]:
    with KNOWN.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load_knowledge(None)


def declarations(rows: list[dict[str, str]]) -> list[Declared]:
    """`relation:base`, as the hub has it."""
    said = [(number, row["declared"].split(":")) for number, row in enumerate(rows) if row["declared"]]
    return [Declared(number, base, None, relation) for number, (relation, base) in said]


def named(rows: list[dict[str, str]]) -> list[ModelName]:
    return [ModelName(number, row["model"], f"key{number}") for number, row in enumerate(rows)]


def wrong(rows: list[dict[str, str]], bases: list[Declared], knowledge: Knowledge) -> list[str]:
    """The models whose roots or family are not those known."""
    lineage = whole_lineage(named(rows), bases, {}, knowledge.families, knowledge.corrections)
    found: dict[int, set[tuple[str, str]]] = {}
    for root in lineage.roots():
        found.setdefault(root.model_id, set()).add((root.root_publisher, root.family or ""))
    return [
        f"{row['model']}: {sorted(found[number])}"
        for number, row in enumerate(rows)
        if found[number] != {(row["root_publisher"], row["family"])}
    ]


def test_at_least_150_models_each_once(known: list[dict[str, str]]) -> None:
    assert len(known) >= 150
    assert len({row["model"] for row in known}) == len(known)


def test_97_of_100_known_models_lead_to_their_root_and_family(
    known: list[dict[str, str]], knowledge: Knowledge
) -> None:
    missed = wrong(known, declarations(known), knowledge)
    assert len(missed) <= 0.03 * len(known), missed


def test_without_any_declaration_names_and_corrections_lead_right_nine_times_in_ten(
    known: list[dict[str, str]], knowledge: Knowledge
) -> None:
    missed = wrong(known, [], knowledge)
    assert len(missed) <= 0.1 * len(known), missed


def test_the_data_dictionary_gives_these_figures(known: list[dict[str, str]], knowledge: Knowledge) -> None:
    bases = declarations(known)
    lineage = whole_lineage(named(known), bases, {}, knowledge.families, knowledge.corrections)
    agreed, said, declared = lineage.precision()
    models = len(known)
    right, by_name = models - len(wrong(known, bases, knowledge)), models - len(wrong(known, [], knowledge))
    words = " ".join(DATA_DICTIONARY.read_text(encoding="utf-8").split())
    assert f"({models} models of public lineage" in words
    assert f"{declared} declare a base; of {said} of these the name says something, and in {agreed} it" in words
    assert f"With declarations, {right} of {models} lead" in words
    assert f"by names and corrections alone, {by_name} do" in words


# A person known by an account alone: reviewed, and of no country that anybody could look up.
UNKNOWN_MAKERS = {"lj1995"}


def test_every_known_root_has_a_country_but_for_makers_nobody_knows(
    known: list[dict[str, str]], knowledge: Knowledge
) -> None:
    registry = knowledge.registry
    rows = {
        row["root_publisher"]: registry.by_account.get(("huggingface", row["root_publisher"].lower())) for row in known
    }
    assert {name for name, found in rows.items() if found is None} == set()
    last = {name: found[-1].country for name, found in rows.items() if found is not None}
    assert {name for name, country in last.items() if country == NOT_ATTRIBUTED} == UNKNOWN_MAKERS

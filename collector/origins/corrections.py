"""Declared bases that are known to be wrong or missing: what the hub says, what is true, and why we say so.

Reads lineage_corrections.csv handed in by path; knows no database and does not decide roots. A correction holds only
against the declaration it was written for: once the hub says something else, it is reported and no longer applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from collector.errors import RegistryError
from collector.origins.names import is_name
from collector.origins.registry import read_csv, refusal

COLUMNS = ("hub", "model", "base", "relation", "expects", "reason")
RELATIONS = ("finetune", "adapter", "quantized", "merge")

#: What a hub says of a model's bases: pairs of relation (empty: not said) and base name.
Said = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Correction:
    """What is true of one model's base, and against which declarations of the hub that was found."""

    hub: str
    model: str
    bases: tuple[str, ...]  #: empty: the model itself is the root
    relation: str | None  #: None exactly when there is no base
    expects: tuple[Said, ...]  #: declarations it was written for, any one of them; an empty one: nothing declared
    reason: str

    def holds(self, said: Said) -> bool:
        """Whether the hub still says what this correction was written against.

        An expected relation that is empty accepts any: `expects` may name the base alone.
        """
        names = frozenset(name.lower() for _, name in said)
        for expected in self.expects:
            relations = {(relation, name.lower()) for relation, name in expected if relation}
            stated = {(relation, name.lower()) for relation, name in said}
            if names == {name.lower() for _, name in expected} and relations <= stated:
                return True
        return False

    def mended(self, said: Said) -> bool:
        """Whether the hub now says what this correction says."""
        names = {name.lower() for _, name in said}
        relations = {relation for relation, _ in said} - {""}
        return names == {base.lower() for base in self.bases} and relations <= {self.relation}


def load_corrections(path: Path) -> list[Correction]:
    """Every correction of the file; RegistryError names the lines that cannot be read, and then none is loaded."""
    faults: list[str] = []
    corrections: dict[tuple[str, str], Correction] = {}
    for line, values in read_csv(path, COLUMNS):
        key = (values["hub"], values["model"].lower())
        found = _faults(values) + (["corrected twice; keep one row"] if key in corrections else [])
        faults += [f"line {line}: {values['model'][:100]!r}: {fault}" for fault in found]
        if not found:
            corrections[key] = _correction(values)
    if faults:
        raise RegistryError(refusal(path, faults))
    return list(corrections.values())


def _faults(values: Mapping[str, str]) -> list[str]:
    bases = _split(values["base"])
    expected = [name for said in _said(values["expects"]) for _, name in said]
    rules = [
        (re.fullmatch(r"[a-z0-9][a-z0-9_\-]*", values["hub"]), "no hub; write its name in lower case"),
        (is_name(values["model"]), "not a model; write publisher/model"),
        (all(is_name(base) for base in bases), "base is not publisher/model; separate several by ;"),
        (all(map(is_name, expected)), "expects is not [relation:]publisher/model; separate several by ;"),
        (bool(bases) == bool(values["relation"]), "base and relation belong together; fill both or none"),
        (values["relation"] in ("", *RELATIONS), f"unknown relation; write one of {', '.join(RELATIONS)}"),
        (values["reason"], "no reason; say in words how this is known"),
    ]
    return [fault for holds, fault in rules if not holds]


def _correction(values: Mapping[str, str]) -> Correction:
    return Correction(
        hub=values["hub"],
        model=values["model"],
        bases=tuple(_split(values["base"])),
        relation=values["relation"] or None,
        expects=tuple(_said(values["expects"])),
        reason=values["reason"],
    )


def _said(text: str) -> list[Said]:
    """`quantized:a/b;a/c | a/d`: one of two declarations; an empty alternative stands for no declaration."""
    return [frozenset(_statement(item) for item in _split(part)) for part in text.split("|")]


def _statement(text: str) -> tuple[str, str]:
    relation, colon, name = text.rpartition(":")
    return (relation, name) if colon else ("", text)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def findings(corrections: Iterable[Correction], said: Mapping[str, Said]) -> list[str]:
    """Corrections that no longer meet what they expect, one line each; `said` by model name, only models that exist."""
    lines = []
    for item in corrections:
        if item.model not in said or item.holds(said[item.model]):
            continue
        stated = ";".join(sorted(f"{relation}:{name}".lstrip(":") for relation, name in said[item.model])) or "nothing"
        cure = "remove the correction" if item.mended(said[item.model]) else "review the correction"
        lines.append(f"{item.hub} {item.model}: declares {stated}, which the correction does not expect; {cure}")
    return lines

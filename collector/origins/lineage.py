"""Every model to its root or roots: by our corrections, the hub's declarations, the name, or the model itself.

Pure, and made for a whole hub at once (millions of models): knows names, keys and declared bases; knows no country, no
download, no SQL and no file. Countries follow later, by date, from the roots' publishers.

The rules (design, "Origin"):
* Every distinct root of a model has an equal part. A named base counts though it was never polled.
* A chain goes on by name where a model on it declares nothing.
* A cycle ends at the last model reached: where A and B declare each other, B is A's root and A is B's. A model that
  declares itself alone is its own root (`self`): nothing but itself suggests a base.
* What is suggested and cannot be resolved stays a root without publisher (`none`), so that it counts as ZZ.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from collector.model import publisher_of
from collector.origins.corrections import Correction, Said, findings, load_corrections
from collector.origins.families import Families, Match
from collector.origins.graph import Node, Roots
from collector.origins.namerule import NameRule, Suggestion
from collector.origins.names import clean, is_name

__all__ = [
    "Correction",
    "Declared",
    "Disagreement",
    "Lineage",
    "ModelName",
    "Precision",
    "Root",
    "load_corrections",
    "resolve",
]

_Parents = tuple[Node, ...]


class ModelName(NamedTuple):
    """A model as the hub names it now."""

    id: int
    name: str  #: publisher/model
    hub_key: str | None  #: the hub's own lasting key; None: never listed


class Declared(NamedTuple):
    """One base that a model declares."""

    model_id: int
    base_name: str  #: as declared
    base_key: str | None  #: the hub's key of the base; None: not said
    relation: str | None  #: finetune, adapter, quantized, merge; None: not said


class Root(NamedTuple):
    """One root of one model. The weights of a model add up to 1."""

    model_id: int
    root_name: str
    root_publisher: str  #: empty: not resolved, so nobody's (ZZ)
    weight: float
    basis: str  #: corrected, declared, name, self or none
    relation: str | None  #: of the model to its own base; None: it has none
    family: str | None
    line: str | None


class Step(NamedTuple):
    """One link of a lineage."""

    model: str
    basis: str  #: corrected, declared, name, or self where it ends
    relation: str | None  #: how it was made from its bases; None: not said, or it has none
    bases: tuple[str, ...]  #: empty where the lineage ends


class Precision(NamedTuple):
    """How good the name alone is, measured on models that declare a base."""

    agreed: int  #: of `said`, those whose declared lineage ends in the same family (or root, where there is none)
    said: int  #: models of whose base the name alone says something
    declared: int  #: models that declare a base


class Disagreement(NamedTuple):
    """A model whose name and declaration lead to different families (or roots, where there is no family)."""

    model_id: int
    by_name: str
    by_declaration: str  #: several are joined by ;


class _Link(NamedTuple):
    """Where a model's lineage goes first, and why."""

    parents: _Parents
    basis: str
    relation: str | None


_ITSELF = _Link((), "self", None)


def resolve(
    models: Sequence[ModelName],
    bases: Iterable[Declared],
    former_names: Mapping[str, int | None],
    families: Families,
    corrections: Iterable[Correction],
    only: Container[int] | None = None,
) -> Iterator[Root]:
    """The roots of every model, or of those whose id is in `only`; sorted as `models`, a model's roots by name.

    `former_names` leads from names that models once bore to their ids; None: several bore it. `corrections` are those
    of this hub. Models and bases of the whole hub must be given whatever `only` says: lineages run through them.
    """
    return Lineage(models, bases, former_names, families, corrections).roots(only)


class Lineage:
    """The lineage of one hub's models; ask it for roots, findings and the worth of the name rule.

    Links and roots are worked out when first asked for, so that a few models cost little more than the indexes.
    """

    def __init__(
        self,
        models: Sequence[ModelName],
        bases: Iterable[Declared],
        former_names: Mapping[str, int | None],
        families: Families,
        corrections: Iterable[Correction],
    ) -> None:
        self._families = families
        self._models = models
        self._names = [model.name for model in models]  # never-polled bases are added behind the models
        self._corrections = {item.model.lower(): item for item in corrections}
        self._declared = _by_model(bases)
        self._index = _Index(models, self._declared, former_names, self._known())
        self._said = {model.name: self._statements(model.id) for model in models if self._is_corrected(model.name)}
        self._rule = self._name_rule(lambda model: model.id not in self._declared)
        self._unresolved: set[Node] = set()
        self._added: dict[str, Node] = {}
        # Three lists and no object for each node: a hub has millions. None: not worked out yet.
        self._parents: list[_Parents | None] = [None] * len(models)
        self._basis = [_ITSELF.basis] * len(models)
        self._relation: list[str | None] = [None] * len(models)
        self._matches: dict[str, Match | None] = {}
        self._ends = Roots(self._parents_of)

    def roots(self, only: Container[int] | None = None) -> Iterator[Root]:
        """The roots of every model, or of those whose id is in `only`, in the order of the models."""
        for node, model in enumerate(self._models):
            if only is None or model.id in only:
                yield from self._rows(node, model.id)

    def findings(self) -> list[str]:
        """Corrections that the hub has overtaken, one line each; they were not applied."""
        return findings(self._corrections.values(), self._said)

    def precision(self) -> Precision:
        """How often the name alone leads to the family (where there is none: the root) that declarations lead to."""
        agreed = said = declared = 0
        for _, told, groups in self._both():
            declared += 1
            said += told is not None
            agreed += told in groups
        return Precision(agreed, said, declared)

    def disagreements(self) -> Iterator[Disagreement]:
        """Models whose name leads to another family than their declared base, in the order of the models."""
        for node, told, groups in self._both():
            if told is not None and told not in groups:
                yield Disagreement(self._models[node].id, told, ";".join(sorted(groups)))

    def path(self, model_id: int) -> list[Step]:
        """How the lineage of a model goes, link by link, each model once; empty for a model that is not there."""
        start = next((node for node, model in enumerate(self._models) if model.id == model_id), None)
        steps: dict[Node, Step] = {}
        waiting = [] if start is None else [start]
        while waiting:
            node = waiting.pop(0)
            if node not in steps:
                parents = list(self._parents_of(node))
                bases = tuple(self._names[parent] for parent in parents)
                steps[node] = Step(self._names[node], self._basis[node], self._relation[node], bases)
                waiting += parents
        return list(steps.values())

    # ---- where each lineage goes first

    def _parents_of(self, node: Node) -> _Parents:
        parents = self._parents[node]
        if parents is None:
            parents, self._basis[node], self._relation[node] = self._link(node)
            self._parents[node] = parents
        return parents

    def _link(self, node: Node) -> _Link:
        if node in self._unresolved:
            return _ITSELF
        name = self._names[node]
        item = self._corrections.get(name.lower())
        # What a model declares that was never polled is not known: the correction stands.
        if item is not None and (name not in self._said or item.holds(self._said[name])):
            return _Link(_distinct(map(self._named, item.bases), node), "corrected", item.relation)
        declared = self._declared.get(self._models[node].id) if node < len(self._models) else None
        return self._by_name(node) if declared is None else self._by_declaration(node, declared)

    def _by_declaration(self, node: Node, declared: Sequence[Declared]) -> _Link:
        parents = _distinct(map(self._base, declared), node)
        return _Link(parents, "declared", declared[0].relation) if parents else _ITSELF

    def _by_name(self, node: Node) -> _Link:
        suggestion = self._rule.suggest(self._names[node])
        if suggestion is None:
            return _ITSELF
        found = self._named(suggestion.base) if suggestion.resolved else self._add(suggestion.base, resolved=False)
        parents = _distinct([found], node)
        return _Link(parents, "name", suggestion.relation) if parents else _ITSELF

    def _base(self, base: Declared) -> Node:
        """The node of a declared base: by key, name, former name, name in other case; else a name never polled."""
        node = self._index.find(base.base_name, base.base_key)
        return self._named(base.base_name) if node is None else node

    def _named(self, name: str) -> Node:
        node = self._index.find(name, None)
        if node is not None:
            return node
        if is_name(name):
            return self._add(name, resolved=True)
        today = self._families.legacy.get(name) or self._rule.original(name)
        return self._add(clean(name), resolved=False) if today is None else self._named(today)

    def _add(self, name: str, *, resolved: bool) -> Node:
        """The node of a name that was never polled; spellings in other case are one model."""
        key = name.lower() if resolved else f"?{name}"
        node = self._added.get(key)
        if node is None:
            node = self._added[key] = len(self._names)
            self._names.append(name)
            self._parents.append(None)
            self._basis.append(_ITSELF.basis)
            self._relation.append(None)
            if not resolved:
                self._unresolved.add(node)
        return node

    # ---- rows

    def _rows(self, node: Node, model_id: int) -> list[Root]:
        ends = self._ends.of(node)
        basis = "none" if self._unresolved.issuperset(ends) else self._basis[node]
        relation = self._relation[node]
        if len(ends) == 1:
            return [Root(model_id, *self._end(ends[0]), 1.0, basis, relation, *self._match_of(ends[0]))]
        # Two models may bear one name, one after the other: as a root they are one.
        named = {self._names[end]: end for end in ends}
        return [
            Root(model_id, *self._end(end), 1 / len(named), basis, relation, *self._match_of(end))
            for _, end in sorted(named.items())
        ]

    def _end(self, node: Node) -> tuple[str, str]:
        name = self._names[node]
        return name, "" if node in self._unresolved else publisher_of(name)

    def _match_of(self, node: Node) -> tuple[str | None, str | None]:
        match = None if node in self._unresolved else self._match(self._names[node])
        return match or (None, None)

    def _match(self, name: str) -> Match | None:
        if name not in self._matches:
            self._matches[name] = self._families.of(name)
        return self._matches[name]

    # ---- what declarations say, and what names say

    def _is_corrected(self, name: str) -> bool:
        return name.lower() in self._corrections

    def _known(self) -> list[str]:
        return [name for item in self._corrections.values() for name in (item.model, *item.bases)]

    def _statements(self, model_id: int) -> Said:
        return frozenset((base.relation or "", base.base_name) for base in self._declared.get(model_id, ()))

    def _name_rule(self, asked: Callable[[ModelName], bool]) -> NameRule:
        names = (model.name for model in self._models if asked(model))
        return NameRule(self._families, self._index.names, self._known(), names)

    def _both(self) -> Iterator[tuple[Node, str | None, set[str]]]:
        """Models whose declaration counts: what the name alone leads to (None: nothing), what the declaration does."""
        rule = self._name_rule(lambda model: model.id in self._declared)
        for node in range(len(self._models)):
            ends = self._ends.of(node)
            if self._basis[node] == "declared":
                groups = {self._group(end) for end in ends}
                yield node, self._told(rule.suggest(self._names[node])), groups

    def _told(self, suggestion: Suggestion | None) -> str | None:
        if suggestion is None or not suggestion.resolved:
            return None
        return self._group(self._ends.of(self._named(suggestion.base))[0])

    def _group(self, node: Node) -> str:
        family, _ = self._match_of(node)
        return family or self._names[node]


class _Index:
    """Polled models by key and by name. Only what is asked for is indexed where that saves memory."""

    def __init__(
        self,
        models: Sequence[ModelName],
        declared: Mapping[int, Sequence[Declared]],
        former_names: Mapping[str, int | None],
        known: Iterable[str],
    ) -> None:
        keys = {base.base_key for bases in declared.values() for base in bases if base.base_key is not None}
        self._by_key = {model.hub_key: node for node, model in enumerate(models) if model.hub_key in keys}
        self.names = {model.name: node for node, model in enumerate(models)}
        former_ids = frozenset(former_names.values())
        places = {model.id: node for node, model in enumerate(models) if model.id in former_ids}
        self._former = {name: None if id_ is None else places.get(id_) for name, id_ in former_names.items()}
        said = chain((base.base_name for bases in declared.values() for base in bases), known)
        wanted = {name.lower() for name in said if name not in self.names}
        self._by_lower: dict[str, Node | None] = {}
        for node, model in enumerate(models):
            lower = model.name.lower()
            if lower in wanted:
                self._by_lower[lower] = None if lower in self._by_lower else node

    def find(self, name: str, key: str | None) -> Node | None:
        """The polled model: by the hub's key, its name, a name that it alone once bore, its name in other case."""
        for found in (None if key is None else self._by_key.get(key), self.names.get(name), self._former.get(name)):
            if found is not None:
                return found
        return self._by_lower.get(name.lower())


def _by_model(bases: Iterable[Declared]) -> dict[int, tuple[Declared, ...]]:
    """Declarations by the id of the model that makes them, in their order."""
    declared: dict[int, tuple[Declared, ...]] = {}
    for base in bases:
        declared[base.model_id] = (*declared.get(base.model_id, ()), base)
    return declared


def _distinct(nodes: Iterable[Node], itself: Node) -> _Parents:
    return tuple(dict.fromkeys(node for node in nodes if node != itself))

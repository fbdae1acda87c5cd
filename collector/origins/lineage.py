"""Every model to its root or roots: by our corrections, the hub's declarations, the name, or the model itself.

Pure, and made for a whole hub at once (millions of models) as well as for a few models of it: knows names, keys and
declared bases; knows no country, no download, no SQL and no file. Countries follow later, by date, from the roots'
publishers.

The rules (design, "Origin"):
* Every distinct root of a model has an equal part. A named base counts though it was never polled.
* A chain goes on by name where a model on it declares nothing.
* A cycle ends at the last model reached: where A and B declare each other, B is A's root and A is B's. A model that
  declares itself alone is its own root (`self`): nothing but itself suggests a base.
* What is suggested and cannot be resolved stays a root without publisher (`none`), so that it counts as ZZ.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

from collector.model import publisher_of
from collector.origins.corrections import Correction, Said, findings, load_corrections
from collector.origins.families import Families
from collector.origins.graph import Node, Roots
from collector.origins.listing import Listing, ModelName, Unanswered
from collector.origins.namerule import NameRule
from collector.origins.names import clean, is_name
from collector.origins.originals import Originals
from collector.origins.questions import Question, bearing, of_base, packed

__all__ = [
    "Answers",
    "Correction",
    "Declared",
    "Disagreement",
    "Lineage",
    "ModelName",
    "Precision",
    "Root",
    "load_corrections",
    "partial_lineage",
    "whole_lineage",
]

_Parents = tuple[Node, ...]
T = TypeVar("T")
_MODEL = (1 << 32) - 1  # the bits of a model's id where it stands behind a number


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


class _End(NamedTuple):
    """What is said of the end of a lineage."""

    name: str
    publisher: str  #: empty: not resolved
    family: str | None
    line: str | None


_ITSELF = _Link((), "self", None)


class Answers(NamedTuple):
    """What a partial lineage is told."""

    models: Sequence[ModelName]  #: all that have a key or name asked for (names in any case) or once had it alone
    bases: Iterable[Declared]  #: of these models
    former_names: Mapping[str, int | None]  #: of the names asked for, those once borne; None: several bore it
    bearers: Mapping[str, str | None]  #: of every model part asked for, the only name that ends so


Answer = Callable[[set[Question]], Answers]


def whole_lineage(
    models: Sequence[ModelName],
    bases: Iterable[Declared],
    former_names: Mapping[str, int | None],
    families: Families,
    corrections: Iterable[Correction],
) -> Lineage:
    """The lineage of all models of a hub, given by id.

    `former_names` leads from names that models once bore to their ids; None: several bore it. `corrections` are those
    of this hub.
    """
    declared = _by_model(bases)
    corrections = tuple(corrections)
    known = _known(corrections)
    stated = [base for bases in declared.values() for base in bases]
    owned = [model.name for model in models if families.owned(publisher_of(model.name))]
    suggested = chain(known, families.roots, families.legacy.values(), owned)
    keys = (base.base_key for base in stated if base.base_key is not None)
    listing = Listing.whole(list(models), former_names, keys, (base.base_name for base in stated), suggested)
    originals = Originals.of(families, chain(owned, known, families.legacy.values()))
    return Lineage(listing, declared, families, originals, corrections)


def partial_lineage(
    originals: Iterable[str], families: Families, corrections: Iterable[Correction], answer: Answer
) -> Lineage:
    """The lineage of a few models of a hub: what it needs to know beside them it asks for.

    `originals` are the names of all models under accounts of families' developers.
    """
    corrections = tuple(corrections)
    found = Originals.of(families, chain(originals, _known(corrections), families.legacy.values()))
    return Lineage(Listing(), {}, families, found, corrections, answer)


class Lineage:
    """The lineage of one hub's models; ask it for roots, findings and the worth of the name rule.

    Links and roots are worked out when first asked for, so that a few models cost little more than the indexes.
    """

    def __init__(
        self,
        listing: Listing,
        declared: dict[int, tuple[Declared, ...]],
        families: Families,
        originals: Originals,
        corrections: Iterable[Correction],
        answer: Answer | None = None,
    ) -> None:
        """Of a whole list, or, with `answer`, of a partial one: then `reach` comes before any other question."""
        self._families = families
        self._listing = listing
        self._declared = declared
        self._corrections = {item.model.lower(): item for item in corrections}
        self._rule = NameRule(families, originals, listing, asks_again=answer is not None)
        self._answer = answer
        self._numbers: array[int] | None = None
        # Names that were never polled, by negative nodes: ~0, ~1 …; what was asked on the way from each.
        self._unlisted: list[str] = []
        self._unlisted_nodes: dict[str, Node] = {}
        self._unlisted_links: dict[Node, _Link] = {}
        self._unlisted_asked: dict[Node, tuple[Question, ...]] = {}
        self._unresolved: set[Node] = set()
        # Three lists and no object for each model: a hub has millions. None: not worked out yet.
        self._parents: list[_Parents | None] = []
        self._basis: list[str] = []
        self._relation: list[str | None] = []
        self._roots: dict[Node, _End] = {}
        self._named_nodes: dict[Node, Node | None] = {}  # of a partial list: what names alone lead to
        self._ends = Roots(self._parents_of, self._rank)
        self._make_room()

    def keep_numbers(self) -> None:
        """From now on note who asks what, for `numbers`."""
        self._numbers = array("q")

    def numbers(self, only: Container[int] | None = None) -> Iterator[int]:
        """Under which numbers every model (or those in `only`) is to be kept: by its name, and by what it asked.

        number × 2**32 + model id, in no order; some come several times. Of models whose roots were asked for.
        """
        noted = self._numbers or ()
        yield from noted if only is None else (each for each in noted if each & _MODEL in only)
        for model in self._listing.models:
            if only is None or model.id in only:
                is_original = bool(self._families.owned(publisher_of(model.name)))
                yield from (number << 32 | model.id for number in bearing(model.name, is_original=is_original))

    def reach(self, models: Sequence[ModelName], bases: Iterable[Declared], *, also_names: bool = False) -> None:
        """Learn of these models of a partial list and of everything their lineages run through.

        `bases` are the declarations of these models; `also_names`: what the names of those that declare say as well,
        so that `disagreements` can be asked for. Each round asks at once all that is open on any way.
        """
        self._learn(models, bases)
        nodes = {node for model in models if (node := self._listing.node_of(model.id)) is not None}
        self._reach(nodes)
        if also_names:
            self._reach(self._reach_named(node for node in nodes if self._basis[node] == "declared"))

    def _reach(self, waiting: set[Node]) -> None:
        reached: set[Node] = set()
        while waiting:
            linked, asked = _answered(waiting, self._parents_of)
            self._tell(asked)
            reached |= linked.keys()
            waiting = waiting - linked.keys() | {up for node in linked for up in self._parents_of(node)} - reached

    def _reach_named(self, nodes: Iterable[Node]) -> set[Node]:
        """What the names of these nodes lead to."""
        waiting, found = set(nodes), set()
        while waiting:
            named, asked = _answered(waiting, self._named_by)
            self._tell(asked)
            self._named_nodes |= named
            found |= {node for node in named.values() if node is not None}
            waiting -= named.keys()
        return found

    def roots(self, only: Container[int] | None = None) -> Iterator[Root]:
        """The roots of every model, or of those whose id is in `only`, in the order of the models."""
        for node, model in enumerate(self._listing.models):
            if only is None or model.id in only:
                yield from self._rows(node, model.id)

    def findings(self) -> list[str]:
        """Corrections that the hub has overtaken, one line each; they were not applied."""
        models = self._listing.models
        said = {model.name: self._statements(model.id) for model in models if self._is_corrected(model.name)}
        return findings(self._corrections.values(), said)

    def precision(self) -> Precision:
        """How often the name alone leads to the family (where there is none: the root) that declarations lead to."""
        agreed = said = declared = 0
        for _, told, groups in self._both():
            declared += 1
            said += told is not None
            agreed += _is_among(told, groups)
        return Precision(agreed, said, declared)

    def disagreements(self, only: Container[int] | None = None) -> Iterator[Disagreement]:
        """Models (all, or those in `only`) whose name leads to another family than their declared base, in their order.

        Whoever keeps them keeps the `numbers` too that are noted here.
        """
        for node, told, groups in self._both(only):
            if told is not None and not _is_among(told, groups):
                yield Disagreement(self._listing.models[node].id, told, ";".join(sorted(groups)))

    def path(self, model_id: int) -> list[Step]:
        """How the lineage of a model goes, link by link, each model once; empty for a model that is not there."""
        start = self._listing.node_of(model_id)
        steps: dict[Node, Step] = {}
        waiting = [] if start is None else [start]
        while waiting:
            node = waiting.pop(0)
            if node not in steps:
                link = self._link_of(node)
                bases = tuple(self._name(parent) for parent in link.parents)
                steps[node] = Step(self._name(node), link.basis, link.relation, bases)
                waiting += link.parents
        return list(steps.values())

    # ---- what a partial list is told

    def _tell(self, asked: set[Question]) -> None:
        if asked and self._answer is not None:
            answers = self._answer(asked)
            self._learn(answers.models, answers.bases, asked, answers)

    def _learn(
        self,
        models: Sequence[ModelName],
        bases: Iterable[Declared],
        asked: Iterable[Question] = (),
        answers: Answers | None = None,
    ) -> None:
        new = {model.id for model in models if self._listing.node_of(model.id) is None}
        self._declared |= _by_model(base for base in bases if base.model_id in new)
        former, bearers = ({}, {}) if answers is None else (answers.former_names, answers.bearers)
        self._listing.learn(asked, models, former, bearers)
        self._make_room()

    def _make_room(self) -> None:
        more = len(self._listing.models) - len(self._parents)
        self._parents += [None] * more
        self._basis += [_ITSELF.basis] * more
        self._relation += [None] * more

    # ---- where each lineage goes first

    def _parents_of(self, node: Node) -> _Parents:
        if node < 0:
            return self._unlisted_link(node).parents
        parents = self._parents[node]
        if parents is None:
            self._listing.asked.clear()
            link = self._link(node)
            self._note_numbers(self._listing.models[node].id, link.parents)
            parents, self._basis[node], self._relation[node] = link
            self._parents[node] = parents
        return parents

    def _link_of(self, node: Node) -> _Link:
        if node < 0:
            return self._unlisted_link(node)
        return _Link(self._parents_of(node), self._basis[node], self._relation[node])

    def _unlisted_link(self, node: Node) -> _Link:
        link = self._unlisted_links.get(node)
        if link is None:
            self._listing.asked.clear()
            link = _ITSELF if node in self._unresolved else self._link(node)
            self._unlisted_asked[node] = tuple(self._listing.asked)
            self._unlisted_links[node] = link
        return link

    def _note_numbers(self, model_id: int, found: Iterable[Node]) -> None:
        """What a model asked, and what was asked for names never polled on its way: nobody else stands for these."""
        if self._numbers is None:
            return
        waiting = [node for node in found if node < 0]
        if not waiting:  # nearly all
            self._numbers.extend(packed(self._listing.asked, model_id))
            return
        asked = list(self._listing.asked)
        seen: set[Node] = set()
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += [parent for parent in self._unlisted_link(node).parents if parent < 0]
                asked += map(of_base, self._unlisted_asked[node])
        self._numbers.extend(packed(asked, model_id))

    def _link(self, node: Node) -> _Link:
        name = self._name(node)
        declared = self._declared.get(self._listing.models[node].id) if node >= 0 else None
        item = self._corrections.get(name.lower())
        # What a model declares that was never polled is not known: the correction stands.
        if item is not None and (node < 0 or item.holds(_said(declared or ()))):
            return _Link(_distinct(map(self._named, item.bases), node), "corrected", item.relation)
        return self._by_name(node) if declared is None else self._by_declaration(node, declared)

    def _by_declaration(self, node: Node, declared: Sequence[Declared]) -> _Link:
        first = self._base(declared[0])
        if len(declared) == 1:  # nearly all
            return _Link((first,), "declared", declared[0].relation) if first != node else _ITSELF
        parents = _distinct((first, *map(self._base, declared[1:])), node)
        return _Link(parents, "declared", declared[0].relation) if parents else _ITSELF

    def _by_name(self, node: Node) -> _Link:
        suggestion = self._rule.suggest(self._name(node))
        if suggestion is None:
            return _ITSELF
        found = self._named(suggestion.base) if suggestion.resolved else self._add(suggestion.base, resolved=False)
        parents = _distinct([found], node)
        return _Link(parents, "name", suggestion.relation) if parents else _ITSELF

    def _base(self, base: Declared) -> Node:
        """The node of a declared base: by key, name, former name, name in other case; else a name never polled."""
        node = self._listing.find(base.base_name, base.base_key)
        return self._unlisted_node(base.base_name) if node is None else node

    def _named(self, name: str) -> Node:
        node = self._listing.find(name, None)
        return self._unlisted_node(name) if node is None else node

    def _unlisted_node(self, name: str) -> Node:
        if is_name(name):
            return self._add(name, resolved=True)
        today = self._families.legacy.get(name) or self._rule.original(name)
        return self._add(clean(name), resolved=False) if today is None else self._named(today)

    def _add(self, name: str, *, resolved: bool) -> Node:
        """The node of a name that was never polled."""
        key = name if resolved else f"?{name}"
        node = self._unlisted_nodes.get(key)
        if node is None:
            node = self._unlisted_nodes[key] = ~len(self._unlisted)
            self._unlisted.append(name)
            if not resolved:
                self._unresolved.add(node)
        return node

    def _name(self, node: Node) -> str:
        return self._unlisted[~node] if node < 0 else self._listing.models[node].name

    def _rank(self, node: Node) -> tuple[str, int]:
        """An order of the nodes that does not depend on what was asked for first."""
        return self._name(node), -1 if node < 0 else self._listing.models[node].id

    # ---- rows

    def _rows(self, node: Node, model_id: int) -> list[Root]:
        ends = self._ends.of(node)
        relation = self._relation[node]
        is_unresolved = ends[0] < 0 and self._unresolved.issuperset(ends)
        basis = "none" if is_unresolved else self._basis[node]
        if len(ends) == 1:
            # A model that is its own root is mostly nobody else's: kept for all, these would fill the memory.
            name, publisher, family, line = self._said_of(node) if ends[0] == node else self._root(ends[0])
            return [Root(model_id, name, publisher, 1.0, basis, relation, family, line)]
        # Two models may bear one name, one after the other, and what was never polled is spelt in many ways: as a root
        # they are one.
        named: dict[str, Node] = {}
        for end in sorted(ends, key=self._rank):
            named.setdefault(self._name(end) if end >= 0 else self._name(end).lower(), end)
        return [
            Root(model_id, name, publisher, 1 / len(named), basis, relation, family, line)
            for name, publisher, family, line in map(self._root, named.values())
        ]

    def _root(self, node: Node) -> _End:
        """What is said of a root, once for all that end there."""
        end = self._roots.get(node)
        if end is None:
            end = self._roots[node] = self._said_of(node)
        return end

    def _said_of(self, node: Node) -> _End:
        name = self._name(node)
        is_resolved = node not in self._unresolved
        family, line = (self._families.of(name) if is_resolved else None) or (None, None)
        return _End(name, publisher_of(name) if is_resolved else "", family, line)

    # ---- what declarations say, and what names say

    def _is_corrected(self, name: str) -> bool:
        return name.lower() in self._corrections

    def _statements(self, model_id: int) -> Said:
        return _said(self._declared.get(model_id, ()))

    def _both(self, only: Container[int] | None = None) -> Iterator[tuple[Node, str | None, set[str]]]:
        """Models whose declaration counts: what the name alone leads to, and what the declaration does.

        Where the name leads to nothing: None, and no word of the declaration.
        """
        models = self._listing.models
        for node, model in enumerate(models):
            if only is not None and model.id not in only:
                continue
            ends = self._ends.of(node)
            if self._basis[node] == "declared":
                base = self._named_nodes[node] if node in self._named_nodes else self._named_by(node)
                if base is None:
                    yield node, None, set()
                else:
                    yield node, self._group(self._ends.of(base)[0]), {self._group(end) for end in ends}

    def _named_by(self, node: Node) -> Node | None:
        """What the name alone leads to; None: nothing, or nothing that can be told."""
        self._listing.asked.clear()
        suggestion = self._rule.suggest(self._name(node))
        base = self._named(suggestion.base) if suggestion is not None and suggestion.resolved else None
        self._note_numbers(self._listing.models[node].id, () if base is None else (base,))
        return base

    def _group(self, node: Node) -> str:
        root = self._root(node)
        return root.family or root.name


def _known(corrections: Iterable[Correction]) -> list[str]:
    """Names that count though never polled."""
    return [name for item in corrections for name in (item.model, *item.bases)]


def _said(declared: Iterable[Declared]) -> Said:
    return frozenset((base.relation or "", base.base_name) for base in declared)


def _is_among(told: str | None, groups: set[str]) -> bool:
    """Names that were never polled are spelt in many ways."""
    return told in groups or (told is not None and told.lower() in {group.lower() for group in groups})


def _by_model(bases: Iterable[Declared]) -> dict[int, tuple[Declared, ...]]:
    """Declarations by the id of the model that makes them, in their order."""
    declared: dict[int, tuple[Declared, ...]] = {}
    for base in bases:
        before = declared.get(base.model_id)
        declared[base.model_id] = (base,) if before is None else (*before, base)
    return declared


def _answered(nodes: Iterable[Node], question: Callable[[Node], T]) -> tuple[dict[Node, T], set[Question]]:
    """What a partial list says of each node; of those of which it cannot, what it needs to be told first."""
    answers, asked = {}, set()
    for node in nodes:
        try:
            answers[node] = question(node)
        except Unanswered as error:
            asked.add(error.question)
    return answers, asked


def _distinct(nodes: Iterable[Node], itself: Node) -> _Parents:
    return tuple(dict.fromkeys(node for node in nodes if node != itself))

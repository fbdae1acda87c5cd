"""A hub's list of models as lineage looks things up in it: the whole of it, or as much as was asked for.

Pure; knows names, former names and keys; no declaration, no family, no SQL. Every question is noted in `asked`. A
partial list raises `Unanswered` for what it was never told; it never takes silence for "there is none".
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self
from zlib import crc32

from collector.origins.graph import Node
from collector.origins.names import model_part
from collector.origins.questions import KEY, NAME, PART, Question

_NODE_BITS = 32


class ModelName(NamedTuple):
    """A model as the hub names it now."""

    id: int
    name: str  #: publisher/model
    hub_key: str | None  #: the hub's own lasting key; None: never listed


class Unanswered(LookupError):
    """A partial list was asked what it was not told."""

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question


class Listing:
    """Models by number (`Node`), found by key and by name."""

    def __init__(self) -> None:
        """A partial list that knows nothing yet."""
        self.models: list[ModelName] = []
        self.asked: list[Question] = []  #: since the list was cleared last, by whoever reads it
        self._answered: set[Question] | None = set()  # None: everything is known
        self._nodes: dict[int, Node] = {}
        self._by_key: dict[str, Node] = {}
        self._by_name: dict[str, Node] = {}  # of several the latest model
        self._former: dict[str, Node | None] = {}  # None: several bore it
        self._by_lower: dict[str, Node | None] = {}  # None: several spellings
        self._bearers: dict[str, str | None] = {}  # by model part, as asked for: the only name that ends so
        self._by_part: array[int] | None = None  # of a whole list: checksum of the part and node, in order

    @classmethod
    def whole(
        cls,
        models: list[ModelName],
        former_names: Mapping[str, int | None],
        keys: Iterable[str],
        stated: Iterable[str],
        suggested: Iterable[str],
    ) -> Self:
        """All models of a hub, by id.

        To save memory only `keys` are found by key, and only what differs from a name in `stated` or `suggested` by
        case at most is found in another case than its own. Names in `stated` are asked for in no other spelling.
        """
        made = cls()
        made._answered = None
        made.models = models
        wanted = frozenset(keys)
        made._by_key = {model.hub_key: node for node, model in enumerate(models) if model.hub_key in wanted}
        made._by_name = {model.name: node for node, model in enumerate(models)}
        ids = frozenset(former_names.values())
        places = {model.id: node for node, model in enumerate(models) if model.id in ids}
        made._former = {name: None if id_ is None else places.get(id_) for name, id_ in former_names.items()}
        lowered = {name.lower() for name in stated if name not in made._by_name}
        lowered.update(name.lower() for name in suggested)
        for node, model in enumerate(models):
            lower = model.name.lower()
            if lower in lowered:
                made._note_case(lower, node)
        return made

    # ---- questions

    def find(self, name: str, key: str | None) -> Node | None:
        """The polled model: by the hub's key, its name, a name that it alone once bore, its name in other case."""
        if key is not None:
            self._ask(KEY + key)
            node = self._by_key.get(key)
            if node is not None:
                return node
        self._ask(NAME + name)
        node = self._by_name.get(name)
        if node is None:
            node = self._former.get(name)
        return self._by_lower.get(name.lower()) if node is None else node

    def is_listed(self, name: str) -> bool:
        """Whether a model has exactly this name now."""
        self._ask(NAME + name)
        return name in self._by_name

    def bearer(self, part: str) -> str | None:
        """The name of the only model with this part after the slash; None where there is none, or several."""
        self._ask(PART + part)
        if part not in self._bearers:
            self._bearers[part] = self._only_bearer(part)
        return self._bearers[part]

    def _only_bearer(self, part: str) -> str | None:
        if self._by_part is None:
            packed = (_sum_of(model_part(name)) << _NODE_BITS | node for name, node in self._by_name.items())
            self._by_part = array("Q", sorted(packed))
        found = None
        first = _sum_of(part) << _NODE_BITS
        for at in range(bisect_left(self._by_part, first), len(self._by_part)):
            if self._by_part[at] >= first + (1 << _NODE_BITS):
                break
            name = self.models[self._by_part[at] & (1 << _NODE_BITS) - 1].name
            if model_part(name) == part:
                if found is not None:
                    return None
                found = name
        return found

    def node_of(self, model_id: int) -> Node | None:
        """The number of a model; None where this list does not hold it."""
        if not self._nodes:
            self._nodes = {model.id: node for node, model in enumerate(self.models)}
        return self._nodes.get(model_id)

    def _ask(self, question: Question) -> None:
        self.asked.append(question)
        if self._answered is not None and question not in self._answered:
            raise Unanswered(question)

    # ---- answers

    def learn(
        self,
        answered: Iterable[Question],
        models: Iterable[ModelName],
        former_names: Mapping[str, int | None],
        bearers: Mapping[str, str | None],
    ) -> None:
        """Answers to a partial list's questions.

        `models` are all that bear the names or keys asked for, names in any case, and all that `former_names` leads to;
        `bearers` has every part that was asked for.
        """
        for model in models:
            if model.id not in self._nodes:
                self._add(model)
        self._former |= {name: None if id_ is None else self._nodes.get(id_) for name, id_ in former_names.items()}
        self._bearers |= bearers
        if self._answered is not None:
            self._answered.update(answered)

    def _add(self, model: ModelName) -> None:
        node = self._nodes[model.id] = len(self.models)
        self.models.append(model)
        if model.hub_key is not None:
            self._by_key[model.hub_key] = node
        before = self._by_name.get(model.name)
        if before is None or self.models[before].id < model.id:
            self._by_name[model.name] = node
        self._note_case(model.name.lower(), node)

    def _note_case(self, lower: str, node: Node) -> None:
        before = self._by_lower.setdefault(lower, node)
        if before is None or before == node:
            return
        one, other = self.models[before], self.models[node]
        latest = node if one.id < other.id else before
        self._by_lower[lower] = latest if one.name == other.name else None


def _sum_of(part: str) -> int:
    return crc32(part.encode("utf-8", "surrogatepass"))

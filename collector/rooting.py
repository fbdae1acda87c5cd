"""Facts to model_origin: keeps the roots of a hub's models current, and tells them where they are not stored.

Store → origins → store. Knows when roots are worked out again, and of which models; knows no rule of lineage, no SQL,
no file, no download and no country (those follow by date from the roots' publishers).

The store lists the models that are new, renamed or declare something else. From these the models are found whose roots
can be others now: those that asked a question which a changed model answers, and whatever was made from any of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from collector.garbage import no_garbage_sought
from collector.model import publisher_of
from collector.origins.knowledge import Knowledge
from collector.origins.lineage import (
    Answers,
    Declared,
    Disagreement,
    Lineage,
    ModelName,
    Root,
    partial_lineage,
    whole_lineage,
)
from collector.origins.names import Tokens, model_part
from collector.origins.originals import holding, original
from collector.origins.questions import (
    KEY,
    NAME,
    PART,
    Question,
    bearer_of,
    leading_to,
    touched_by,
    touched_by_original,
    under,
    within_original,
)
from collector.store import figures, lineages, marks, origin_numbers, queries
from collector.store.arrays import Codes
from collector.store.database import Database
from collector.store.derived import Derived, Noted
from collector.store.figures import RootRow, RootSets
from collector.store.lineages import Todo
from collector.store.queries import Hub

if TYPE_CHECKING:  # pandas takes half a second to load, and who asks for the lineage of one model needs no table
    import pandas as pd

RULES = "2"  #: rises with every change of the lineage rules, so that no stored root outlives them
MOST_AT_ONCE = 250_000  # models; where more are touched everything is worked out anew, which takes no longer
_BEGUN = "begun"  # no digest: whoever asks works everything out
R = TypeVar("R", Root, Disagreement)


class Renewed(NamedTuple):
    """Of which models anything kept of them can differ, after roots were worked out again."""

    listed: tuple[int, ...]  #: those on the list of what was to do, in order
    rooted: tuple[int, ...]  #: those whose stored roots changed

    @property
    def models(self) -> tuple[int, ...]:
        """All of them, in order."""
        return tuple(sorted({*self.listed, *self.rooted}))


def refresh_origins(db: Database, hub: Hub, knowledge: Knowledge, todo: Todo) -> Renewed | None:
    """Work out roots again: of all models when the lineage files changed, else of those that `todo` can touch.

    Only the models whose roots are others than before are written. `todo` is struck off; what a poll puts on the list
    meanwhile stays there. Returns None where anything of any model can differ.
    """
    with no_garbage_sought():  # a fifth of the CPU time at 100,000 models
        return _refresh(db, hub, knowledge, todo)


def _refresh(db: Database, hub: Hub, knowledge: Knowledge, todo: Todo) -> Renewed | None:
    files, before = _files(knowledge), marks.mark_of(db, hub.id, lineages.MARK)
    if before != files:
        if before is None:  # from now on polls list what they change: it may come too late to be read below
            marks.set_mark(db, hub.id, lineages.MARK, _BEGUN)
        everything = _noting(lineage(db, hub, knowledge))
        Derived(db).replace_origins(hub.id, everything.roots(), _noted(everything, todo.last))
        marks.set_mark(db, hub.id, lineages.MARK, files)
        return None
    return Renewed(todo.model_ids, tuple(_renew(db, hub, knowledge, todo)) if todo.model_ids else ())


def _renew(db: Database, hub: Hub, knowledge: Knowledge, todo: Todo) -> Collection[int]:
    """Bring the roots that `todo` can touch up to date; the models whose roots were others."""
    source = _source(db, hub, knowledge, todo.model_ids)
    touched = source.touched()
    if touched is None:
        everything = _noting(lineage(db, hub, knowledge))
        return Derived(db).update_origins(hub.id, everything.roots(), _noted(everything, todo.last))
    few = _noting(source.lineage())
    few.reach(touched, source.bases(touched), also_names=True)
    ids = frozenset(model.id for model in touched)
    return Derived(db).update_some_origins(hub.id, _by_id(few.roots(ids)), _noted(few, todo.last, ids))


def are_stored(db: Database, hub: Hub, knowledge: Knowledge) -> bool:
    """Whether roots and disagreements stand as they would be worked out now."""
    return marks.mark_of(db, hub.id, lineages.MARK) == _files(knowledge) and not lineages.has_todo(db, hub.id)


def roots_of_models(
    db: Database, hub: Hub, knowledge: Knowledge, stored: Callable[[], RootSets], moved: Mapping[str, str]
) -> RootSets:
    """The roots of those models of the hub whose roots `stored` looks up.

    As stored where these are current, else worked out now. `moved` says under which accounts models lived that have
    moved since, by name: a later transfer changes no past.
    """
    changed = _changed(db, hub, knowledge)
    if changed is None:
        return _coded(_told(lineage(db, hub, knowledge).roots()), moved)
    known = stored()
    if moved:
        known = figures.replaced(known, _coded(figures.rooted_in(db, hub.id, sorted(moved)), moved))
    if not changed.touched:
        return known
    few, ids = changed.known()
    return figures.replaced(known, _coded(_told(few.roots(ids)), moved))


def disagreement_rows(db: Database, hub: Hub, knowledge: Knowledge) -> pd.DataFrame:
    """The models of the hub whose name and declaration lead to different families, columns as `Disagreement`.

    As stored where these are current, else worked out now.
    """
    import pandas as pd

    def frame(rows: Iterable[Disagreement]) -> pd.DataFrame:
        return pd.DataFrame(list(rows), columns=list(Disagreement._fields)).astype({"model_id": "int64"})

    changed = _changed(db, hub, knowledge)
    if changed is None:
        return frame(lineage(db, hub, knowledge).disagreements())
    stored = Derived(db).disagreement_rows(hub.id)
    few, ids = changed.known(also_names=True)
    others = stored[~stored["model_id"].isin(ids)]
    return pd.concat([others, frame(_by_id(few.disagreements(ids)))], ignore_index=True) if ids else stored


def lineage_of(db: Database, hub: Hub, knowledge: Knowledge, model_ids: Collection[int]) -> Lineage:
    """The lineage of these models, to be asked for no others; of all models where nothing was worked out before."""
    if marks.mark_of(db, hub.id, lineages.MARK) != _files(knowledge):
        return lineage(db, hub, knowledge)
    source = _source(db, hub, knowledge, lineages.todo(db, hub.id).model_ids)
    few = source.lineage()
    models = [ModelName(*row) for row in lineages.models_of(db, hub.id, model_ids)]
    few.reach(models, source.bases(models))
    return few


def _files(knowledge: Knowledge) -> str:
    return marks.digest(RULES, knowledge.lineage_digest)


def _noting(known: Lineage) -> Lineage:
    known.keep_numbers()
    return known


def _noted(known: Lineage, done: int, ids: Collection[int] | None = None) -> Noted:
    said = known.disagreements(ids)
    return Noted(said if ids is None else _by_id(said), known.numbers(ids), done)


def _by_id(rows: Iterable[R]) -> list[R]:
    return sorted(rows, key=attrgetter("model_id"))


@dataclass(frozen=True, slots=True)
class _Changed:
    """The models whose stored roots and disagreements can be others now."""

    source: _Source
    touched: Sequence[ModelName]

    def known(self, *, also_names: bool = False) -> tuple[Lineage, frozenset[int]]:
        """Their lineage, to be asked for no others, and their numbers."""
        few = self.source.lineage()
        if self.touched:
            few.reach(self.touched, self.source.bases(self.touched), also_names=also_names)
        return few, frozenset(model.id for model in self.touched)


def _changed(db: Database, hub: Hub, knowledge: Knowledge) -> _Changed | None:
    """What a change touched since all was stored; None where nothing is stored, or too much is touched."""
    if marks.mark_of(db, hub.id, lineages.MARK) != _files(knowledge):
        return None
    source = _source(db, hub, knowledge, lineages.todo(db, hub.id).model_ids)
    touched = source.touched()
    return None if touched is None else _Changed(source, touched)


def _told(rows: Iterable[Root]) -> list[tuple[int, str, RootRow]]:
    """Model, root's name and root, by model, largest part first."""
    ordered = sorted(rows, key=lambda row: (row.model_id, -row.weight, row.root_name))
    return [
        (row.model_id, row.root_name, RootRow(row.root_publisher, row.weight, row.basis, row.relation, row.family))
        for row in ordered
    ]


def _coded(told: Sequence[tuple[int, str, RootRow]], moved: Mapping[str, str]) -> RootSets:
    rows = Codes()
    places = [rows[root._replace(publisher=moved[name]) if name in moved else root] for _, name, root in told]
    return figures.root_sets(np.array([each[0] for each in told], np.int64), np.array(places, np.int64), list(rows))


# --- all models -------------------------------------------------------------------------------------------------------


def lineage(db: Database, hub: Hub, knowledge: Knowledge) -> Lineage:
    """The lineage of all models of the hub, worked out now."""
    former: dict[str, int | None] = {}
    for row in queries.former_names(db, hub.id):
        former[row.name] = row.model_id if former.get(row.name, row.model_id) == row.model_id else None
    models, bases = _listed(db, hub)
    corrections = [correction for correction in knowledge.corrections if correction.hub == hub.name]
    return whole_lineage(models, bases, former, knowledge.families, corrections)


def _listed(db: Database, hub: Hub) -> tuple[list[ModelName], list[Declared]]:
    """The models of the hub and what they declare, every text once: a quarter less memory than as they are read.

    A key that nobody declares is left out; nobody asks for it.
    """
    models = list(map(ModelName._make, queries.model_names(db, hub.id)))
    texts = {text: text for _, name, key in models for text in (name, key)}
    same = texts.setdefault
    bases = [
        Declared(model_id, same(name, name) or name, same(key, key), same(relation, relation))
        for model_id, name, key, relation in queries.declared_bases(db, hub.id)
    ]
    keys = {base.base_key for base in bases}
    return [each if each.hub_key in keys else ModelName(each.id, each.name, None) for each in models], bases


# --- a few models -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """A hub's models in the store, and among them those to do: these are kept under no number yet."""

    db: Database
    hub: Hub
    knowledge: Knowledge
    new: tuple[ModelName, ...]  #: to do: new, renamed, or declaring something else
    new_names: Mapping[str, Sequence[ModelName]]  #: the same by name in lower case
    new_parts: Mapping[str, Sequence[ModelName]]  #: the same by the part after the slash

    def lineage(self) -> Lineage:
        """The lineage of a few models, to be told of which."""
        corrections = [correction for correction in self.knowledge.corrections if correction.hub == self.hub.name]
        return partial_lineage(self._originals(), self.knowledge.families, corrections, self._answers)

    def bases(self, models: Iterable[ModelName]) -> list[Declared]:
        """What these models declare."""
        return [Declared(*row) for row in lineages.bases_of(self.db, {model.id for model in models})]

    def touched(self) -> list[ModelName] | None:
        """The models whose roots can be others now, by id; None where there are so many that all may be asked."""
        found = {model.id: model for model in self.new}
        front = self._asking() if found else []
        while front := [model for model in front if model.id not in found]:
            found |= {model.id: model for model in front}
            if len(found) > MOST_AT_ONCE:
                return None
            names = self._names_ever(front)
            front = self._kept_under({n for model in front for n in leading_to(names[model.id], model.hub_key)})
        return None if len(found) > MOST_AT_ONCE else [found[model_id] for model_id in sorted(found)]

    def _asking(self) -> list[ModelName]:
        """The models that asked what a model to do answers, or answered under another name."""
        families = self.knowledge.families
        names = self._names_ever(self.new)
        numbers = {number for model in self.new for number in touched_by(names[model.id], model.hub_key)}
        originals = [found for each in names.values() for name in each if (found := original(families, name))]
        keys: set[Tokens] = {words for found in originals for words in (found.words, found.short)}
        asking = self._kept_under(numbers | touched_by_original(keys))
        within = self._kept_under({number for words in keys for number in within_original(words)})
        return asking + holding(within, keys)

    def _names_ever(self, models: Iterable[ModelName]) -> dict[int, set[str]]:
        """The names that each of these models has or had."""
        names = {model.id: {model.name} for model in models}
        for model_id, name in lineages.former_names_of(self.db, names):
            names[model_id].add(name)
        return names

    def _kept_under(self, numbers: set[int]) -> list[ModelName]:
        kept_under = origin_numbers.models_kept(self.db, self.hub.id, numbers)
        return [ModelName(*row) for row in lineages.models_of(self.db, self.hub.id, kept_under)]

    def _originals(self) -> list[str]:
        """The names of the models under developers' accounts."""
        families = self.knowledge.families
        stored = self._kept_under({under(account) for account in families.accounts})
        return [model.name for model in {*stored, *self.new} if families.owned(publisher_of(model.name))]

    def _answers(self, questions: set[Question]) -> Answers:
        names = {question[1:] for question in questions if question[0] == NAME}
        keys = {question[1:] for question in questions if question[0] == KEY}
        parts = {question[1:] for question in questions if question[0] == PART}
        former: dict[str, int | None] = {}
        for model_id, name in lineages.once_named(self.db, self.hub.id, names):
            former[name] = model_id if former.get(name, model_id) == model_id else None
        rows = lineages.models_of(self.db, self.hub.id, {id_ for id_ in former.values() if id_ is not None})
        rows += lineages.models_with_keys(self.db, self.hub.id, keys)
        models = {*self._named(names), *(ModelName(*row) for row in rows)}
        return Answers(sorted(models), self.bases(models), former, self._bearers(parts))

    def _named(self, names: set[str]) -> list[ModelName]:
        """The models of these names, in any case."""
        lowered = {name.lower() for name in names}
        stored = self._kept_under({bearer_of(NAME + name) for name in names})
        new = (model for name in lowered for model in self.new_names.get(name, ()))
        return [*(model for model in stored if model.name.lower() in lowered), *new]

    def _bearers(self, parts: set[str]) -> dict[str, str | None]:
        """The only name that ends in each part."""
        names = {part: {model.name for model in self.new_parts.get(part, ())} for part in parts}
        for model in self._kept_under({bearer_of(PART + part) for part in parts}):
            if model_part(model.name) in names:
                names[model_part(model.name)].add(model.name)
        return {part: next(iter(found)) if len(found) == 1 else None for part, found in names.items()}


def _source(db: Database, hub: Hub, knowledge: Knowledge, model_ids: Iterable[int]) -> _Source:
    new = tuple(ModelName(*row) for row in lineages.models_of(db, hub.id, model_ids))
    names, parts = defaultdict(list), defaultdict(list)
    for model in new:
        names[model.name.lower()].append(model)
        parts[model_part(model.name)].append(model)
    return _Source(db, hub, knowledge, new, names, parts)

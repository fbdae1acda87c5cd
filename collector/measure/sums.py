"""Models added up once for all scopes and attributions, and what of these sums goes to which group.

Pure; knows no country and no family: a group is whatever key it is given. Models are added up by what tells them apart
for a table, in one pass over their columns (`cells_of`); a scope under an attribution is some of these cells (`Tally`),
and a table adds up cells, of which there are few.

Whatever the order of the models, the same bytes come out: sums are correctly rounded, and ties end at the name. Where a
set has several roots, its sum is multiplied by their weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from collector.measure.exact import Terms, terms
from collector.measure.models import Floats, Models, RootSet, are_admitted, are_asked_for, owners
from collector.model import Attribution, Scope
from collector.series import Bools, Ints, distinct

QUANTITIES = ("downloads", "estimated", "corrections", "covered")

_SOME = math.ulp(0.0)  # the smallest number above 0

Key = tuple[str, ...]  #: what a row is about: (country,) or (family, country)

# --- models by cells --------------------------------------------------------------------------------------------------


class Holders(NamedTuple):
    """The accounts whose models make up cells."""

    lone: Ints  #: for each cell: how many accounts have models in no other, which are nearly all
    cell: Ints  #: of the others each cell, …
    account: Ints  #: … and account that go together, once


@dataclass(frozen=True)
class Cells:
    """Models added up by the ends of their lineages, by their uploaders and by the scopes they count in.

    Sums are worked out when they are first asked for: of a window that is only compared with, few are.
    """

    models: Models
    of: Ints  #: for each model: its cell
    base: Ints  #: for each cell: place of its ends of lineage in `models.base.sets`
    uploader: Ints  #: for each cell: place of its uploaders in `models.uploader.sets`
    inside: Bools  #: by scope, as they were asked for, and cell

    def __len__(self) -> int:
        return len(self.base)

    @cached_property
    def downloads(self) -> Terms:
        """By cell, as all quantities."""
        return terms(self.models.downloads, self.of, len(self))

    @cached_property
    def estimated(self) -> Terms:
        """The part of the downloads that was not measured."""
        return terms(self.models.estimated, self.of, len(self))

    @cached_property
    def corrections(self) -> Terms:
        """What the hub took back or counted anew."""
        return terms(self.models.corrections.astype(float), self.of, len(self))

    @cached_property
    def covered(self) -> Terms:
        """Downloads multiplied by the part of the window that readings back."""
        return terms(self.models.covered * self.models.downloads, self.of, len(self))

    @cached_property
    def with_downloads(self) -> Ints:
        """Models with downloads, by cell."""
        return np.bincount(self.of[self.models.downloads > 0], minlength=len(self))

    @cached_property
    def most(self) -> Floats:
        """The downloads of the largest model of each cell."""
        most = np.zeros(len(self))
        np.maximum.at(most, self.of, self.models.downloads)
        return most

    @cached_property
    def largest(self) -> Ints:
        """The models (rows) with downloads that have as many as the largest of their cell."""
        downloads = self.models.downloads
        return np.flatnonzero((downloads == self.most[self.of]) & (downloads > 0))

    def reaching(self, least: Floats) -> Ints:
        """The models (rows) with downloads, and with at least so many; `least` by cell."""
        some = np.maximum(least, _SOME)  # who has none does not reach that either: one comparison says both
        return np.flatnonzero(self.models.downloads >= some[self.of])

    @cached_property
    def holders(self) -> Holders:
        """The accounts of the models with downloads."""
        some, size = np.flatnonzero(self.models.downloads > 0), len(self.models.accounts)
        cell, account = np.divmod(distinct(self.of[some] * size + self.models.account[some]), max(size, 1))
        is_lone = (np.bincount(account, minlength=size) == 1)[account]
        lone = np.bincount(cell[is_lone], minlength=len(self))
        return Holders(lone, cell[~is_lone], account[~is_lone])


def cells_of(models: Models, scopes: Sequence[Scope]) -> Cells:
    """The models by cells; two models of one cell differ for none of the scopes and under no attribution."""
    rules = {(scope.pipeline_tags, scope.created_from): scope for scope in scopes}
    meets = {rule: are_asked_for(models, scope) for rule, scope in rules.items()}
    told = [(models.base.of, len(models.base.sets)), (models.uploader.of, len(models.uploader.sets))]
    of, (base, uploader, *met) = _told_apart([*told, *((each, 2) for each in meets.values())])
    met_by_rule = dict(zip(rules, met, strict=True))
    inside = [
        are_admitted(models.base.sets, scope)[base] & (met_by_rule[scope.pipeline_tags, scope.created_from] > 0)
        for scope in scopes
    ]
    return Cells(models, of, base, uploader, np.array(inside, np.bool_).reshape(len(scopes), len(base)))


def _told_apart(columns: Sequence[tuple[Ints | Bools, int]]) -> tuple[Ints, list[Ints]]:
    """The rows by what their columns say, each with the number that its values stay below: a kind for each row, and
    what each kind says in every column.
    """
    of, said = np.asarray(columns[0][0], np.int64), [np.arange(columns[0][1])]
    for column, size in columns[1:]:
        number = of * size + column
        is_there = np.zeros(len(said[0]) * size, np.bool_)
        is_there[number] = True
        kinds = np.flatnonzero(is_there)
        place = np.cumsum(is_there) - 1
        of, said = place[number], [*(each[kinds // size] for each in said), kinds % size]
    return of, said


# --- models of a scope by set of roots --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tally:
    """The models of a scope by set of roots. Sets are numbered by their place in `sets`."""

    cells: Cells
    inside: Bools  #: the cells that count in the scope
    sets: Sequence[RootSet]  #: of which some may hold no model
    of: Ints  #: for each cell: its set, or -1 where it does not count

    @property
    def models(self) -> Models:
        """The models of the window, of which some count."""
        return self.cells.models

    def set_of(self, rows: Ints) -> Ints:
        """The sets of these models (rows of `models`); -1 for those that do not count."""
        return self.of[self.cells.of[rows]]

    def floors(self, least: Floats | float) -> Floats:
        """By cell: so many downloads (given by set), and infinitely many where models do not count."""
        by_set = np.broadcast_to(np.asarray(least, float), len(self.sets))
        return np.append(by_set, math.inf)[self.of]  # the last is that of the cells that do not count

    def reaching(self, least: Floats | float = 0.0) -> Ints:
        """The models that count and have downloads, and at least so many (by set), as rows of `models`."""
        return self.cells.reaching(self.floors(least))

    @cached_property
    def downloads(self) -> Terms:
        """By set, as all quantities; what they are, `Cells` says."""
        return self.cells.downloads.by(self.of, len(self.sets))

    @cached_property
    def estimated(self) -> Terms:
        """By set."""
        return self.cells.estimated.by(self.of, len(self.sets))

    @cached_property
    def corrections(self) -> Terms:
        """By set."""
        return self.cells.corrections.by(self.of, len(self.sets))

    @cached_property
    def covered(self) -> Terms:
        """By set."""
        return self.cells.covered.by(self.of, len(self.sets))

    @cached_property
    def with_downloads(self) -> Ints:
        """Models with downloads, by set."""
        counted = np.flatnonzero(self.inside)
        found = np.bincount(self.of[counted], self.cells.with_downloads[counted], minlength=len(self.sets))
        return found.astype(np.int64)

    @cached_property
    def most(self) -> Floats:
        """The downloads of the largest model of each set."""
        most, counted = np.zeros(len(self.sets)), np.flatnonzero(self.inside)
        np.maximum.at(most, self.of[counted], self.cells.most[counted])
        return most

    @cached_property
    def largest(self) -> tuple[Ints, Ints]:
        """The models (rows) that have as many downloads as the largest of their set, and that set."""
        rows = self.cells.largest
        of = self.of[self.cells.of[rows]]
        shown = np.flatnonzero((of >= 0) & (self.models.downloads[rows] == self.most[of]))
        return rows[shown], of[shown]


def tallies(cells: Cells, attribution: Attribution) -> list[Tally]:
    """The models of every scope by whose they are under an attribution."""
    sets, of = owners(cells.models, attribution).sets, cells.base if attribution == "base" else cells.uploader
    return [Tally(cells, inside, sets, np.where(inside, of, -1)) for inside in cells.inside]


@dataclass(frozen=True, slots=True)
class Parts:
    """What each set of roots is to each group: one row for each set and group it counts for."""

    tally: Tally
    keys: Sequence[Key]  #: of the groups, in order
    of: Ints  #: the set
    group: Ints  #: place in `keys`
    weight: Floats

    def also(self, wanted: Iterable[Key]) -> Parts:
        """The same with groups that may hold nothing."""
        keys = sorted({*self.keys, *wanted})
        place_of = {key: place for place, key in enumerate(keys)}
        return replace(self, keys=keys, group=np.array([place_of[key] for key in self.keys], np.int64)[self.group])

    def among(self, tally: Tally) -> Parts:
        """The same groups of the models of another scope, which have the same sets."""
        return replace(self, tally=tally)

    def where(self, rows: Bools) -> Parts:
        """Some of the rows; the groups stay."""
        return replace(self, of=self.of[rows], group=self.group[rows], weight=self.weight[rows])

    def terms(self, quantity: str) -> Terms:
        """What of a quantity goes to the groups."""
        mine: Terms = getattr(self.tally, quantity)
        row, term = _matches(self.of, mine.group, len(self.tally.sets))
        return Terms(self.group[row], mine.value[term] * self.weight[row], mine.slice_[term])

    def of_models(self, rows: Ints) -> tuple[Ints, Ints, Floats]:
        """Some models (rows of `models`) one by one: the row, a group it counts for, and its weight there.

        A model that does not count has no row.
        """
        of = self.tally.set_of(rows)
        counted = rows[of >= 0]
        which, pair = _matches(of[of >= 0], self.of, len(self.tally.sets))
        return counted[which], self.group[pair], self.weight[pair]

    def sums(self, quantity: str) -> Floats:
        """The same added up."""
        return self.terms(quantity).sums(len(self.keys))

    def counts(self) -> Ints:
        """Models with downloads, by group."""
        counted = np.bincount(self.group, self.tally.with_downloads[self.of], minlength=len(self.keys))
        return counted.astype(np.int64)

    def accounts(self) -> Ints:
        """Accounts whose models have downloads, by group."""
        size, (lone, cell, account) = len(self.tally.models.accounts), self.tally.cells.holders
        pairs, found = [np.empty(0, np.int64)], np.zeros(len(self.keys), np.int64)
        for cells, groups in self._cells():
            np.add.at(found, groups, lone[cells])
            group_of = np.full(len(self.tally.cells), -1)
            group_of[cells] = groups
            group = group_of[cell]
            some = np.flatnonzero(group >= 0)
            pairs.append(group[some] * size + account[some])
            cell, account = cell[some], account[some]
        ends = np.searchsorted(distinct(np.concatenate(pairs)), np.arange(len(self.keys) + 1) * size)
        return found + np.diff(ends)

    def _cells(self) -> Iterator[tuple[Ints, Ints]]:
        """The cells that count for a group, and one group of each; then those with another, and that one; and so on."""
        counted = np.flatnonzero(self.tally.inside)
        which, pair = _matches(self.tally.of[counted], self.of, len(self.tally.sets))
        cell = counted[which]
        nth = np.arange(len(cell)) - np.searchsorted(cell, cell)
        for n in range(int(nth.max(initial=-1)) + 1):
            yield cell[nth == n], self.group[pair[nth == n]]

    def largest(self) -> tuple[Floats, list[list[int]]]:
        """By group: the most downloads that a model has there, and the models (model_id) that have as many.

        NaN and no model where there are no downloads.
        """
        most = np.zeros(len(self.keys))
        reached = self.tally.most[self.of] * self.weight
        np.maximum.at(most, self.group, reached)
        top = np.flatnonzero((reached > 0) & (reached == most[self.group]))
        rows, sets = self.tally.largest
        row, tied = _matches(self.of[top], sets, len(self.tally.sets))
        found: list[list[int]] = [[] for _ in self.keys]
        model_ids = self.tally.models.model_id[rows[tied]].tolist()
        for group, model_id in zip(self.group[top[row]].tolist(), model_ids, strict=True):
            found[group].append(model_id)
        return np.where(most > 0, most, math.nan), found


def parts(tally: Tally, keyed: Callable[[RootSet], Iterable[tuple[Key, float]]]) -> Parts:
    """`keyed` says for which groups a set counts, and with which weight; groups named twice are one."""
    rows = [
        (place, key, weight) for place, each in enumerate(tally.sets) for key, weight in joined(keyed(each)).items()
    ]
    keys = sorted({key for _, key, _ in rows})
    place_of = {key: place for place, key in enumerate(keys)}
    return Parts(
        tally,
        keys,
        np.array([place for place, _, _ in rows], np.int64),
        np.array([place_of[key] for _, key, _ in rows], np.int64),
        np.array([weight for _, _, weight in rows], float),
    )


def joined(weights: Iterable[tuple[Key, float]]) -> dict[Key, float]:
    """The weights by key: two roots under one key are one part."""
    pairs = list(weights)
    if len(pairs) < 2:  # as of nearly all sets: a hub has thousands of them, and they are asked for by every table
        return dict(pairs)
    found: dict[Key, list[float]] = {}
    for key, weight in pairs:
        found.setdefault(key, []).append(weight)
    return {key: math.fsum(each) for key, each in found.items()}


def _matches(left: Ints, right: Ints, size: int) -> tuple[Ints, Ints]:
    """The places of all pairs of equal numbers (below `size`), in the order of `left`."""
    order, each = np.argsort(right, kind="stable"), np.bincount(right, minlength=size)
    begins, count = (np.cumsum(each) - each)[left], each[left]
    row = np.repeat(np.arange(len(left)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, order[begins[row] + within]


# --- the largest of each group ----------------------------------------------------------------------------------------


def by_group(group: Ints) -> Ints:
    """The places in the order of their groups, those of a group as they stand.

    Groups are few: they are told apart by 16 bits, which numpy sorts without comparing, in a tenth of the time.
    """
    return np.argsort(group.astype(np.uint16), kind="stable")


def largest_of_each(group: Ints, value: Floats, most: int) -> Ints:
    """The places of the largest values above 0 of each group, and of those as large as the last of them; by group."""
    order = by_group(group)
    ends = np.cumsum(np.bincount(group)).tolist()
    found = [order[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    return np.concatenate([*(each[_are_largest(value[each], most)] for each in found), np.empty(0, np.int64)])


def _are_largest(values: Floats, most: int) -> Bools:
    least = np.partition(values, len(values) - most)[len(values) - most] if len(values) > most else 0.0
    found: Bools = (values > 0) & (values >= least)
    return found

"""Which models of a window come first in each country: found without sorting millions of them. Pure.

Whoever is to be among the first must reach some limit, and a few large models tell how high it lies: so one comparison
leaves out nearly all. Numbers stand for models until their names are asked for, once for everything that is listed.
Knows no SQL, no file, and not by what is ranked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from collector.measure.models import Floats, Models
from collector.measure.sums import Parts, largest_of_each
from collector.model import Attribution
from collector.series import Bools, Ints, distinct

Case = tuple[str, Attribution]  #: name of a scope, attribution

_LEADING = 5_000  # a leading model has one part in so many of its country's downloads: no country has more of them
_TOLERANCE = 1e-12  # a limit was divided by a weight: rounding must leave out nobody who reaches it


def limits(counted: Parts, least: Floats) -> Floats:
    """By set of roots: the downloads of a model that has `least` in one of its countries; `least` by country."""
    found = np.full(len(counted.tally.sets), np.inf)
    np.minimum.at(found, counted.of, least[counted.group] / counted.weight)
    return found


class Reaching(NamedTuple):
    """The models of a window that reach their limit in some of several cases."""

    rows: Ints  #: of the window's models
    does: Sequence[Bools]  #: case by case, which of these do so in it


def reaching(cases: Sequence[Parts], least: Sequence[Floats]) -> Reaching:
    """The models with downloads, and with at least so many in one of their countries; `least` by case and country.

    The cases are of one window, whose models are looked through once for all of them.
    """
    floors = [
        each.tally.floors(limits(each, floor) * (1 - _TOLERANCE)) for each, floor in zip(cases, least, strict=True)
    ]
    cells = cases[0].tally.cells
    rows = cells.reaching(np.minimum.reduce(floors))
    downloads, cell = cells.models.downloads[rows], cells.of[rows]
    return Reaching(rows, [downloads >= floor[cell] for floor in floors])


def leading(cases: Sequence[Parts]) -> Reaching:
    """Some of the largest models of each country, though not the same number of each: it may be none."""
    return reaching(cases, [each.sums("downloads") / _LEADING for each in cases])


def last_of_first(group: Ints, value: Floats, groups: int, most: int) -> Floats:
    """By group: the smallest of its `most` largest values; 0 where fewer are above 0."""
    first = largest_of_each(group, value, most)
    found = np.full(groups, np.inf)
    np.minimum.at(found, group[first], value[first])
    return np.where(np.bincount(group[first], minlength=groups) >= most, found, 0.0)


# --- the first of each country ----------------------------------------------------------------------------------------


class Ranked(NamedTuple):
    """Models that may be among the first of a country, by country; all columns have the same length."""

    countries: Sequence[str]  #: in order
    country: Ints  #: place in `countries`
    model_id: Ints
    size: Floats  #: the larger comes first; of those of one size the first by name
    values: Mapping[str, Floats]  #: what is said of them, by the name of its column

    def where(self, rows: Ints) -> Ranked:
        """Some of them."""
        values = {name: each[rows] for name, each in self.values.items()}
        return Ranked(self.countries, self.country[rows], self.model_id[rows], self.size[rows], values)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of some models."""

    model_id: Ints  #: in order, each once
    names: Sequence[str]
    rank: Ints  #: their places in the order of names

    def of(self, model_ids: Ints) -> list[str]:
        """The names of these models, each of which is among them."""
        return [self.names[place] for place in np.searchsorted(self.model_id, model_ids).tolist()]

    def ranks(self, model_ids: Ints) -> Ints:
        """Numbers in the order of these models' names."""
        return self.rank[np.searchsorted(self.model_id, model_ids)]


def names_among(models: Models, ranked: Iterable[Ranked]) -> Names:
    """The names of all models ranked, looked up at once."""
    model_id = distinct(np.concatenate([models.model_id[:0], *(each.model_id for each in ranked)]))
    names = models.names(model_id)
    rank = np.empty(len(names), np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return Names(model_id, names, rank)


def listed(cases: Mapping[Case, Ranked], most: int, names: Names, columns: Sequence[str]) -> pd.DataFrame:
    """The first `most` models of each country, case by case, in these columns, `scope` and `attribution`."""
    rows = {case: _first(ranked, most, names) for case, ranked in cases.items()}
    number = [len(shown) for shown in rows.values()]
    shown = [(ranked, rows[case]) for case, ranked in cases.items()]
    model_id = np.concatenate([np.empty(0, np.int64), *(ranked.model_id[row] for ranked, row in shown)])
    countries = [ranked.countries[place] for ranked, row in shown for place in ranked.country[row].tolist()]
    said = {
        name: np.concatenate([np.empty(0), *(ranked.values[name][row] for ranked, row in shown)])
        for name in columns
        if name not in _TEXTS
    }
    table = pd.DataFrame({**said, **_texts(country=countries, model=names.of(model_id))})
    scopes, attributions = (np.repeat([case[part] for case in cases], number).tolist() for part in (0, 1))
    return table[list(columns)].assign(**_texts(scope=scopes, attribution=attributions))


_TEXTS = ("country", "model")


def _texts(**columns: list[str]) -> dict[str, pd.Series[str]]:
    return {name: pd.Series(texts, dtype="str") for name, texts in columns.items()}


def _first(ranked: Ranked, most: int, names: Names) -> Ints:
    """The rows of the first of each country, in order."""
    order = np.lexsort((names.ranks(ranked.model_id), -ranked.size, ranked.country))
    country = ranked.country[order]
    place = np.arange(len(order)) - np.searchsorted(country, country)
    return order[place < most]

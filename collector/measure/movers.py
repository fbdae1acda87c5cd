"""Which models are behind the change of a country's share between two windows. Pure; knows no SQL and no file.

A model's contribution to a change is its part of all downloads now minus its part before: contributions of a country's
models add up to the change of its share exactly, and so do those of all its models that are not listed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from collector.measure.models import Floats, Models
from collector.measure.ranking import Ranked, Reaching, last_of_first, leading, reaching
from collector.measure.sums import Parts, by_group, largest_of_each
from collector.series import Ints, distinct

COLUMNS = ("country", "model", "share", "previous_share", "change")
BEHIND = 15  #: models listed for each country, the largest contributions first


def movers(cases: Sequence[tuple[Parts, Parts]], behind: int = BEHIND) -> list[Ranked]:
    """By country: the models whose parts of all downloads changed most, and those whose changed as much as the last's;
    none where either window has no downloads. For each case.

    A case is the window and the one before it, both as `country_parts`. Columns: COLUMNS; share and previous_share are
    parts of all downloads of the scope.
    """
    this = [_Side.of(now.also(then.keys)) for now, then in cases]
    before = [_Side.of(then.also(now.keys)) for now, then in cases]
    few = _changes(this, before, *(leading([side.counted for side in sides]) for sides in (this, before)))
    least = [last_of_first(each.country, each.size, len(each.countries), behind) for each in few]
    # No part changes by more than the larger of the two.
    every = _changes(this, before, *(_reaching(sides, least) for sides in (this, before)))
    return [each.where(largest_of_each(each.country, each.size, behind)) for each in every]


class _Side(NamedTuple):
    """One of the two windows."""

    counted: Parts
    total: float  #: downloads of all models

    @classmethod
    def of(cls, counted: Parts) -> _Side:
        return cls(counted, counted.tally.downloads.total())

    def contributions(self, rows: Ints) -> tuple[Ints, Floats]:
        """These models' parts of all downloads, one for each of their countries: country and model in one number, in
        order, and the part.
        """
        models = self.counted.tally.models
        row, country, weight = self.counted.of_models(rows[models.downloads[rows] > 0])
        order = by_group(country)  # models are in order: so are these pairs, and found again in a tenth of the time
        pairs = country * _MANY + models.model_id[row]
        return pairs[order], (models.downloads[row] * weight / self.total)[order]


_MANY = 1 << 40  # more than there are models: country and model in one number


def _reaching(sides: Sequence[_Side], least: Sequence[Floats]) -> Reaching:
    """The models with at least such a part of all downloads for one of their countries."""
    parts = [floor * side.total for side, floor in zip(sides, least, strict=True)]
    return reaching([side.counted for side in sides], parts)


def _changes(this: Sequence[_Side], before: Sequence[_Side], now: Reaching, then: Reaching) -> list[Ranked]:
    """What changed, case by case, of the models that reach their limit in either window."""
    both = [(sides[0].counted.tally.models, found) for sides, found in ((this, now), (before, then))]
    model_id = distinct(np.concatenate([models.model_id[found.rows] for models, found in both]))
    place = [np.searchsorted(model_id, models.model_id[found.rows]) for models, found in both]
    rows = [_rows(models, model_id) for models, _ in both]
    changes = []
    for case, sides in enumerate(zip(this, before, strict=True)):
        due = np.zeros(len(model_id), np.bool_)
        for (_, found), there in zip(both, place, strict=True):
            due[there[found.does[case]]] = True
        changes.append(_change(*sides, *(row[due & (row != _NONE)] for row in rows)))
    return changes


_NONE = -1  # of a model that is not among those of a window


def _rows(models: Models, model_id: Ints) -> Ints:
    """For each of these models its row, or _NONE."""
    rows, known = np.full(len(model_id), _NONE), models.rows_of(model_id)
    rows[np.searchsorted(model_id, models.model_id[known])] = known
    return rows


def _change(this: _Side, before: _Side, now: Ints, then: Ints) -> Ranked:
    """What changed of some models (their rows in both windows), by country; nothing where a window has no downloads."""
    if not this.total or not before.total:
        now, then = now[:0], then[:0]
    both = this.contributions(now), before.contributions(then)
    pair = distinct(np.concatenate([both[0][0], both[1][0]]))
    share, previous = (_aligned(pair, *each) for each in both)
    values = {"share": share, "previous_share": previous, "change": share - previous}
    countries = [key[0] for key in this.counted.keys]
    return Ranked(countries, pair // _MANY, pair % _MANY, np.abs(values["change"]), values)


def _aligned(pair: Ints, mine: Ints, parts: Floats) -> Floats:
    """The parts at the places of their pairs, each of which stands once; 0 at the others."""
    found = np.zeros(len(pair))
    found[np.searchsorted(pair, mine)] = parts
    return found

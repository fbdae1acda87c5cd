"""Which models are behind the change of a country's share between two windows. Pure; knows no SQL and no file.

A model's contribution to a change is its part of all downloads now minus its part before: contributions of a country's
models add up to the change of its share exactly, and so do those of all its models that are not listed here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from collector.measure.models import Floats
from collector.measure.ranking import Ranked, last_of_first, leading, reaching
from collector.measure.sums import Parts, by_group, largest_of_each
from collector.series import Ints, distinct

COLUMNS = ("country", "model", "share", "previous_share", "change")
BEHIND = 15  #: models listed for each country, the largest contributions first


def movers(now: Parts, then: Parts, behind: int = BEHIND) -> Ranked:
    """By country: the models whose parts of all downloads changed most, and those whose changed as much as the last's;
    none where either window has no downloads.

    Both windows as `country_parts`. Columns: COLUMNS; share and previous_share are parts of all downloads of the scope.
    """
    this, before = _Side.of(now.also(then.keys)), _Side.of(then.also(now.keys))
    few = _changes(this, before, np.append(this.leading(), before.leading()))
    least = last_of_first(few.country, few.size, len(few.countries), behind)
    # No part changes by more than the larger of the two.
    all_of_it = _changes(this, before, np.append(this.reaching(least), before.reaching(least)))
    return _where(all_of_it, largest_of_each(all_of_it.country, all_of_it.size, behind))


class _Side(NamedTuple):
    """One of the two windows."""

    counted: Parts
    total: float  #: downloads of all models

    @classmethod
    def of(cls, counted: Parts) -> _Side:
        return cls(counted, counted.tally.downloads.total())

    def leading(self) -> Ints:
        """Some of the largest models of each country."""
        return self.counted.tally.models.model_id[leading(self.counted)]

    def reaching(self, least: Floats) -> Ints:
        """The models with at least such a part of all downloads for one of their countries."""
        return self.counted.tally.models.model_id[reaching(self.counted, least * self.total)]

    def contributions(self, model_ids: Ints) -> tuple[Ints, Floats]:
        """Each of these models' parts of all downloads, one for each of its countries: country and model in one number,
        in order, and the part.
        """
        models = self.counted.tally.models
        rows = models.rows_of(model_ids)
        row, country, weight = self.counted.of_models(rows[models.downloads[rows] > 0])
        order = by_group(country)  # models are in order: so are these pairs, and found again in a tenth of the time
        pairs = country * _MANY + models.model_id[row]
        return pairs[order], (models.downloads[row] * weight / self.total)[order]


_MANY = 1 << 40  # more than there are models: country and model in one number


def _changes(this: _Side, before: _Side, model_ids: Ints) -> Ranked:
    """What changed of these models, by country; nothing where either window has no downloads."""
    ids = distinct(model_ids) if this.total and before.total else model_ids[:0]
    both = this.contributions(ids), before.contributions(ids)
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


def _where(ranked: Ranked, rows: Ints) -> Ranked:
    values = {name: each[rows] for name, each in ranked.values.items()}
    return Ranked(ranked.countries, ranked.country[rows], ranked.model_id[rows], ranked.size[rows], values)

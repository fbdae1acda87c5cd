"""Which models are behind the change of a country's share between two windows. Pure; knows no SQL and no file.

A model's contribution to a change is its part of all downloads now minus its part before: contributions of a country's
models add up to the change of its share exactly, and so do those of all its models that are not listed here.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from collector.measure.models import Floats
from collector.measure.sums import Parts, by_group, largest_of_each
from collector.series import Ints, distinct

COLUMNS = ("country", "model", "share", "previous_share", "change")
BEHIND = 15  #: models listed for each country, the largest contributions first


def movers(now: Parts, then: Parts, behind: int = BEHIND) -> pd.DataFrame:
    """By country: the models whose parts of all downloads changed most; empty where either window has no downloads.

    Both windows as `country_parts`. Columns: country, model, share and previous_share (parts of all downloads of the
    scope), change.
    """
    codes = sorted({key[0] for key in (*now.keys, *then.keys)})
    this, before = _contributions(now, codes), _contributions(then, codes)
    if not len(this[0]) or not len(before[0]):
        return pd.DataFrame(columns=list(COLUMNS))
    pair = distinct(np.concatenate([this[0], before[0]]))
    shares, previous = (_aligned(pair, *each) for each in (this, before))
    change = shares - previous
    shown = largest_of_each(pair // _MANY, np.abs(change), behind)
    table = pd.DataFrame(
        {
            "country": pd.Series([codes[code] for code in (pair[shown] // _MANY).tolist()], dtype="str"),
            "model": pd.Series(list(now.tally.models.names(pair[shown] % _MANY)), dtype="str"),
            "share": shares[shown],
            "previous_share": previous[shown],
            "change": change[shown],
        }
    )
    order = table.assign(size=-table["change"].abs()).sort_values(["country", "size", "model"])
    return order.groupby("country", sort=True).head(behind)[list(COLUMNS)].reset_index(drop=True)


_MANY = 1 << 40  # more than there are models: country and model in one number


def _contributions(counted: Parts, codes: list[str]) -> tuple[Ints, Floats]:
    """Each model's part of all downloads in each of its countries: country and model in one number, in order, and the
    part.
    """
    row, group, weight = counted.of_models(np.flatnonzero(counted.tally.models.downloads > 0))
    downloads = counted.tally.models.downloads[row] * weight
    total = math.fsum(counted.tally.terms["downloads"].value.tolist())
    country = np.array([codes.index(key[0]) for key in counted.keys], np.int64)[group]
    order = by_group(country)  # models are in order: so are these pairs, and found again in a tenth of the time
    pairs = country * _MANY + counted.tally.models.model_id[row]
    return pairs[order], (downloads / total if total else downloads)[order]


def _aligned(pair: Ints, mine: Ints, parts: Floats) -> Floats:
    """The parts at the places of their pairs, each of which stands once; 0 at the others."""
    found = np.zeros(len(pair))
    found[np.searchsorted(pair, mine)] = parts
    return found

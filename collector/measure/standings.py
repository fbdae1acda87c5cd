"""What makes up each country's share of a window: its downloads, those of the window before, its largest models. Pure.

Knows no SQL and no file; which models are behind a change of share, `collector.measure.movers` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from collector.measure.ranking import Case, Ranked, last_of_first, leading, reaching
from collector.measure.sums import Parts, largest_of_each
from collector.series import Ints

LARGEST_MODELS = ("country", "model", "downloads", "weight")
LISTED = 15  #: models listed for each country


def country_sums(cases: Mapping[Case, tuple[Parts, Parts]]) -> pd.DataFrame:
    """By country, those of either window (both as `country_parts`): unrounded downloads in both, models with downloads.

    A case is the window and the one before it. Columns: country, downloads, previous_downloads, models (those of the
    window), scope, attribution.
    """
    both = {case: (now.also(then.keys), then.also(now.keys)) for case, (now, then) in cases.items()}
    columns = {
        "country": [key[0] for here, _ in both.values() for key in here.keys],
        "downloads": np.concatenate([here.sums("downloads") for here, _ in both.values()]),
        "previous_downloads": np.concatenate([there.sums("downloads") for _, there in both.values()]),
        "models": np.concatenate([here.counts() for here, _ in both.values()]),
        "scope": [scope for (scope, _), (here, _) in both.items() for _ in here.keys],
        "attribution": [attribution for (_, attribution), (here, _) in both.items() for _ in here.keys],
    }
    return pd.DataFrame(columns)


def largest_models(cases: Sequence[Parts], most: int = LISTED) -> list[Ranked]:
    """By country: the models with most downloads there, and those with as many as the last of them; for each case.

    The cases are `country_parts` of one window. Columns: LARGEST_MODELS; `downloads` are the unrounded part that counts
    for the country, `weight` is that part of 1.
    """
    few = leading(cases)
    least = [
        last_of_first(each.country, each.size, len(each.countries), most)
        for each in (_there(counted, few.rows[does]) for counted, does in zip(cases, few.does, strict=True))
    ]
    found = reaching(cases, least)
    every = [_there(counted, found.rows[does]) for counted, does in zip(cases, found.does, strict=True)]
    return [each.where(largest_of_each(each.country, each.size, most)) for each in every]


def _there(counted: Parts, rows: Ints) -> Ranked:
    """What these models have in each of their countries."""
    models = counted.tally.models
    row, country, weight = counted.of_models(rows)
    downloads = models.downloads[row] * weight
    values = {"downloads": downloads, "weight": weight}
    return Ranked([key[0] for key in counted.keys], country, models.model_id[row], downloads, values)

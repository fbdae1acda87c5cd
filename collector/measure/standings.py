"""What makes up each country's share of a window: its downloads, those of the window before, its largest models. Pure.

Knows no SQL and no file; which models are behind a change of share, `collector.measure.movers` says.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from collector.measure.ranking import Case, Ranked, last_of_first, leading, reaching
from collector.measure.sums import Parts, largest_of_each

SUMS = ("country", "downloads", "previous_downloads", "models")
LARGEST_MODELS = ("country", "model", "downloads", "weight")
LISTED = 15  #: models listed for each country


def country_sums(cases: Mapping[Case, tuple[Parts, Parts]]) -> pd.DataFrame:
    """By country, those of either window (both as `country_parts`): unrounded downloads in both, models with downloads.

    A case is the window and the one before it. Columns: SUMS (`models` counts those of the window), scope, attribution.
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


def largest_models(counted: Parts, most: int = LISTED) -> Ranked:
    """By country: the models with most downloads there, and those with as many as the last of them.

    Columns: LARGEST_MODELS; `downloads` are the unrounded part that counts for the country, `weight` is that part of 1.
    """
    downloads, groups = counted.tally.models.downloads, len(counted.keys)
    row, group, weight = counted.of_models(leading(counted))
    least = last_of_first(group, downloads[row] * weight, groups, most)
    row, group, weight = counted.of_models(reaching(counted, least))
    there = downloads[row] * weight
    shown = largest_of_each(group, there, most)
    values = {"downloads": there[shown], "weight": weight[shown]}
    model_id = counted.tally.models.model_id[row[shown]]
    return Ranked([key[0] for key in counted.keys], group[shown], model_id, there[shown], values)

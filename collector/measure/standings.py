"""What makes up each country's share of a window: its downloads, those of the window before, its largest models. Pure.

Knows no SQL and no file; which models are behind a change of share, `collector.measure.movers` says.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from collector.measure.sums import Parts, largest_of_each

SUMS = ("country", "downloads", "previous_downloads", "models")
LARGEST_MODELS = ("country", "model", "downloads", "weight")
LISTED = 15  #: models listed for each country


def country_sums(now: Parts, then: Parts) -> pd.DataFrame:
    """By country, those of either window (both as `country_parts`): unrounded downloads in both, models with downloads.

    Columns: SUMS. `models` counts those of this window.
    """
    here, there = now.also(then.keys), then.also(now.keys)
    columns = ([key[0] for key in here.keys], here.sums("downloads"), there.sums("downloads"), here.counts())
    return pd.DataFrame(dict(zip(SUMS, columns, strict=True)))


def largest_models(counted: Parts, most: int = LISTED) -> pd.DataFrame:
    """By country: the models with most downloads there, ties by name.

    Columns: LARGEST_MODELS; `downloads` are the unrounded part that counts for the country, `weight` is that part of 1.
    """
    models = counted.tally.models
    row, group, weight = counted.of_models(np.flatnonzero(models.downloads > 0))
    downloads = models.downloads[row] * weight
    shown = largest_of_each(group, downloads, most)
    table = pd.DataFrame(
        {
            "country": pd.Series([counted.keys[place][0] for place in group[shown].tolist()], dtype="str"),
            "model": pd.Series(list(models.names(models.model_id[row[shown]])), dtype="str"),
            "downloads": downloads[shown],
            "weight": weight[shown],
        }
    )
    order = table.sort_values(["country", "downloads", "model"], ascending=[True, False, True])
    return order.groupby("country", sort=True).head(most).reset_index(drop=True)

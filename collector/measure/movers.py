"""Which models are behind the change of a country's share between two windows. Pure; knows no SQL and no file.

A model's contribution to a change is its part of all downloads now minus its part before: contributions of a country's
models add up to the change of its share exactly, and so do those of all its models that are not listed here.
"""

from __future__ import annotations

import pandas as pd

from collector.measure.shares import country_parts

COLUMNS = ("country", "model", "share", "previous_share", "change")
BEHIND = 5  #: models listed for each country, the largest contributions first


def movers(
    models: pd.DataFrame,
    roots: pd.DataFrame,
    models_before: pd.DataFrame,
    roots_before: pd.DataFrame,
    behind: int | None = BEHIND,
) -> pd.DataFrame:
    """By country: the models whose parts of all downloads changed most (None: every model); empty without a before.

    Columns: country, model, share and previous_share (parts of all downloads of the scope), change.
    """
    now, then = _contributions(models, roots), _contributions(models_before, roots_before)
    if now.empty or then.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    both = now.merge(then, on=["country", "model_id"], how="outer", suffixes=("", "_before"))
    names = both["model"].fillna(both["model_before"])
    shares, before = both["share"].fillna(0.0), both["share_before"].fillna(0.0)
    table = pd.DataFrame({"country": both["country"], "model": names, "share": shares, "previous_share": before})
    table = table.assign(change=shares - before)
    table = table[table["change"] != 0]
    order = table.assign(size=-table["change"].abs()).sort_values(["country", "size", "model"])
    chosen = order if behind is None else order.groupby("country", sort=True).head(behind)
    return chosen[list(COLUMNS)].reset_index(drop=True)


def _contributions(models: pd.DataFrame, roots: pd.DataFrame) -> pd.DataFrame:
    """Each model's part of all downloads, in each of its countries."""
    parts = country_parts(models, roots)
    grouped = parts.groupby(["country", "model_id", "model"], sort=True)["downloads"].sum().reset_index()
    total = grouped["downloads"].sum()
    return grouped.assign(share=grouped["downloads"] / total if total else 0.0)[grouped["downloads"] > 0]

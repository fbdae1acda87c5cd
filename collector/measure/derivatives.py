"""New models and downloads that build on each country's roots, by how they were made. Adoption shows here first.

Pure; knows no SQL, no file, no clock. Beside the `models` and `roots` of `shares` comes `created`: one row for each
model created in the window and listed, downloaded or not, with model_id, basis, relation, pipeline_tag, created_at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from collector.columns import DERIVATIVE_SHARE
from collector.measure.shares import country_parts, country_weights, is_derivative
from collector.measure.sums import (
    Heading,
    Key,
    exact_sums,
    numbered,
    numbers,
    part,
    portions,
    present,
    previous_shares,
    published,
    said,
    totals,
)

UNSPECIFIED = "unspecified"  #: a base is known, and not how the model was made from it
_BY = ["country", "relation"]


def derivative_parts(models: pd.DataFrame, roots: pd.DataFrame) -> pd.DataFrame:
    """`country_parts` of the models that were made from another, with their relation to it."""
    derived = _derivatives(models)
    return country_parts(derived, roots).merge(derived[["model_id", "relation"]], on="model_id")


def derivative_portions(parts: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Unrounded shares by country and relation, from `derivative_parts`; empty when nothing was downloaded."""
    return {(key[0], key[1]): share for key, share in portions(parts, _BY).items()}


def derivative_shares(
    models: pd.DataFrame,
    created: pd.DataFrame,
    roots: pd.DataFrame,
    heading: Heading,
    *,
    previous: Mapping[tuple[str, str], float],
) -> pd.DataFrame:
    """`derivative_share.csv` of one scope; `roots` are those of attribution `base`.

    `previous` holds the shares of the window before (`derivative_portions`), empty when it has no data.
    """
    before: dict[Key, float] = {(country, relation): share for (country, relation), share in previous.items()}
    new = _new(created, roots)
    wanted = [*present(before), *new.index.tolist()]
    table = totals(derivative_parts(models, roots), _BY, wanted)
    downloads = numbers(table, "downloads")
    mine = new.reindex(pd.MultiIndex.from_frame(table[_BY]))
    return published(
        DERIVATIVE_SHARE,
        heading,
        table.assign(
            new_models=mine["models"].fillna(0).astype("int64").to_numpy(),
            new_models_share=part(mine["weight"].fillna(0.0).to_numpy(dtype=float), math.fsum(new["weight"])),
            share=part(downloads, math.fsum(downloads)),
            share_of_all=part(downloads, math.fsum(numbers(models, "downloads"))),
            previous_share=previous_shares(table, _BY, before),
        ),
    )


def _derivatives(models: pd.DataFrame) -> pd.DataFrame:
    derived = models[is_derivative(models)]
    return derived.assign(relation=said(derived["relation"], UNSPECIFIED).replace("", UNSPECIFIED))


def _new(created: pd.DataFrame, roots: pd.DataFrame) -> pd.DataFrame:
    """By country and relation: how many new derivatives count there, and the sum of their weights."""
    derived = _derivatives(created)
    parts = country_weights(derived, roots).merge(derived[["model_id", "relation"]], on="model_id")
    number, table = numbered(parts, _BY)
    counted = table.assign(
        models=parts.groupby(_BY, sort=True).size().to_numpy(),
        weight=exact_sums(numbers(parts, "weight"), number, len(table)),
    )
    return counted.set_index(_BY)

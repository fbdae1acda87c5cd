"""New models and downloads that build on each country's roots, by how they were made. Adoption shows here first.

Pure; knows no SQL, no file, no clock. Beside the models of a scope, added up by their sets of roots, come those
created in the window and listed, downloaded or not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from collector.columns import DERIVATIVE_SHARE
from collector.measure.models import Models, RootSet
from collector.measure.shares import countries_of
from collector.measure.sums import (
    Heading,
    Key,
    Parts,
    Tally,
    joined,
    numbers,
    part,
    parts,
    portions,
    present,
    previous_shares,
    published,
    totals,
)
from collector.series import Ints

UNSPECIFIED = "unspecified"  #: a base is known, and not how the model was made from it
_BY = ["country", "relation"]


def derivative_parts(tally: Tally) -> Parts:
    """What the models that were made from another are to each country and relation."""
    return parts(tally, _made_from)


def _made_from(owner: RootSet) -> Iterator[tuple[Key, float]]:
    if owner.is_derivative:
        yield from (((key[0], owner.relation or UNSPECIFIED), weight) for key, weight in countries_of(owner))


def derivative_portions(counted: Parts) -> dict[tuple[str, str], float]:
    """Unrounded shares by country and relation, from `derivative_parts`; empty when nothing was downloaded."""
    return {(key[0], key[1]): share for key, share in portions(counted).items()}


def derivative_shares(
    counted: Parts, created: Models, heading: Heading, *, previous: Mapping[tuple[str, str], float]
) -> pd.DataFrame:
    """`derivative_share.csv` of one scope, from `derivative_parts`; `created` are the scope's new models.

    `previous` holds the shares of the window before (`derivative_portions`), empty when it has no data.
    """
    before: dict[Key, float] = {(country, relation): share for (country, relation), share in previous.items()}
    new = _new(created)
    table = totals(counted, _BY, [*present(before), *new])
    downloads = numbers(table, "downloads")
    mine = [new.get(key, (0, 0.0)) for key in table[_BY].itertuples(index=False, name=None)]
    everything = math.fsum(counted.tally.terms["downloads"].value.tolist())
    return published(
        DERIVATIVE_SHARE,
        heading,
        table.assign(
            new_models=np.array([count for count, _ in mine], np.int64),
            new_models_share=part(np.array([weight for _, weight in mine], float), _all_new(new)),
            share=part(downloads, math.fsum(downloads)),
            share_of_all=part(downloads, everything),
            previous_share=previous_shares(table, _BY, before),
        ),
    )


def _all_new(new: Mapping[Key, tuple[int, float]]) -> float:
    return math.fsum(weight for _, weight in new.values())


def _new(created: Models) -> dict[Key, tuple[int, float]]:
    """By country and relation: how many new derivatives count there, and the sum of their weights."""
    found: dict[Key, tuple[int, list[float]]] = {}
    each: Ints = np.bincount(created.base.of, minlength=len(created.base.sets))
    for count, owner in zip(each.tolist(), created.base.sets, strict=True):
        for key, weight in joined(_made_from(owner)).items() if count else ():
            models, weights = found.setdefault(key, (0, []))
            found[key] = models + count, [*weights, count * weight]
    return {key: (models, math.fsum(weights)) for key, (models, weights) in found.items()}

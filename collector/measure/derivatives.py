"""New models and downloads that build on each country's roots, by how they were made. Adoption shows here first.

Pure; knows no SQL, no file, no clock. Beside the models of a scope, added up by their sets of roots, come the roots of
those created in the window and listed, downloaded or not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from collector.measure.models import Owners, RootSet
from collector.measure.rows import Columns, Heading, part, portions, present, published, totals
from collector.measure.shares import countries_of
from collector.measure.sums import Key, Parts, Tally, joined, parts
from collector.series import Ints

UNSPECIFIED = "unspecified"  #: a base is known, and not how the model was made from it


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
    counted: Parts, created: Owners, heading: Heading, *, previous: Mapping[tuple[str, str], float]
) -> Columns:
    """Rows of `derivative_share.csv` of one scope, from `derivative_parts`.

    `created` are the roots of the scope's new models; `previous` holds the shares of the window before
    (`derivative_portions`), empty when it has no data.
    """
    before: dict[Key, float] = {(country, relation): share for (country, relation), share in previous.items()}
    new = _new(created)
    found = totals(counted, [*present(before), *new])
    mine = [new.get(key, (0, 0.0)) for key in found.keys]
    columns: Columns = {
        "country": [country for country, _ in found.keys],
        "relation": [relation for _, relation in found.keys],
        "new_models": np.array([count for count, _ in mine], np.int64),
        "new_models_share": part(np.array([weight for _, weight in mine], float), _all_new(new)),
        "share": part(found.downloads, math.fsum(found.downloads)),
        "share_of_all": part(found.downloads, counted.tally.downloads.total()),
        "previous_share": found.before(before),
    }
    return published(heading, found.keys, columns | found.columns())


def _all_new(new: Mapping[Key, tuple[int, float]]) -> float:
    return math.fsum(weight for _, weight in new.values())


def _new(created: Owners) -> dict[Key, tuple[int, float]]:
    """By country and relation: how many new derivatives count there, and the sum of their weights."""
    found: dict[Key, tuple[int, list[float]]] = {}
    each: Ints = np.bincount(created.of, minlength=len(created.sets))
    for count, owner in zip(each.tolist(), created.sets, strict=True):
        for key, weight in joined(_made_from(owner)).items() if count else ():
            models, weights = found.setdefault(key, (0, []))
            found[key] = models + count, [*weights, count * weight]
    return {key: (models, math.fsum(weights)) for key, (models, weights) in found.items()}

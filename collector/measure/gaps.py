"""Which accounts the registry misses, and what hangs on each: uploads, and models of others that are rooted in them.

Pure; takes the `models` and `roots` of `shares` (base roots, with root_publisher); knows no registry and no file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from collector.measure.shares import UNRESOLVED
from collector.model import NOT_ATTRIBUTED

SAMPLE = 5  # models shown of an account


@dataclass(frozen=True, slots=True)
class Gap:
    """An account without a country, and the downloads that are ZZ for it. Downloads are unrounded."""

    publisher: str
    downloads: float  #: of models that are ZZ for it under either attribution, each counted once
    as_uploader: float  #: of models it uploaded
    as_root: float  #: of models whose root it made, merges divided
    models: int
    sample: tuple[int, ...]  #: model_id of the largest of them


def gaps(models: pd.DataFrame, roots: pd.DataFrame) -> list[Gap]:
    """Every account without a country that has downloads, the most first."""
    held = pd.concat([_uploads(models), _rooted(models, roots)], ignore_index=True)
    # An account in another spelling of case is the same account; the first spelling by name stands for all.
    held["folded"] = held["publisher"].str.casefold()
    held["publisher"] = held.groupby("folded")["publisher"].transform("min")
    each = held.groupby(["publisher", "model_id"], as_index=False)[["as_uploader", "as_root"]].sum()
    each["downloads"] = each[["as_uploader", "as_root"]].max(axis=1)
    each = each.sort_values(["downloads", "model_id"], ascending=[False, True])
    found = [_gap(str(name), own) for name, own in each.groupby("publisher", sort=True)]
    return sorted(found, key=lambda gap: (-gap.downloads, gap.publisher))


def _uploads(models: pd.DataFrame) -> pd.DataFrame:
    mine = models[(models["country_publisher"] == NOT_ATTRIBUTED) & (models["downloads"] > 0)]
    return mine[["publisher", "model_id"]].assign(as_uploader=mine["downloads"], as_root=0.0)


def _rooted(models: pd.DataFrame, roots: pd.DataFrame) -> pd.DataFrame:
    ends = roots[(roots["country"] == NOT_ATTRIBUTED) & (roots["unknown"] != UNRESOLVED)]
    counted = models.loc[models["downloads"] > 0, ["model_id", "downloads"]]
    mine = ends[["model_id", "root_publisher", "weight"]].merge(counted, on="model_id")
    mine = mine.assign(as_uploader=0.0, as_root=mine["weight"] * mine["downloads"])
    return mine.rename(columns={"root_publisher": "publisher"})[["publisher", "model_id", "as_uploader", "as_root"]]


def _gap(publisher: str, own: pd.DataFrame) -> Gap:
    return Gap(
        publisher,
        math.fsum(own["downloads"]),
        math.fsum(own["as_uploader"]),
        math.fsum(own["as_root"]),
        len(own),
        tuple(own["model_id"].head(SAMPLE).tolist()),
    )

"""Which accounts the registry misses, and what hangs on each: uploads, and models of others that are rooted in them.

Pure; takes models whose base roots name their publishers; knows no registry and no file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from collector.measure.models import UNRESOLVED, Floats, Models, Root
from collector.model import NOT_ATTRIBUTED
from collector.series import Ints

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


def gaps(models: Models) -> list[Gap]:
    """Every account without a country that has downloads, the most first."""
    counted = models.where(models.downloads > 0)
    held = pd.concat([_uploads(counted), _rooted(counted)], ignore_index=True)
    # An account in another spelling of case is the same account; the first spelling by name stands for all.
    held["folded"] = held["publisher"].str.casefold()
    held["publisher"] = held.groupby("folded")["publisher"].transform("min")
    each = held.groupby(["publisher", "model_id"], as_index=False)[["as_uploader", "as_root"]].sum()
    each["downloads"] = each[["as_uploader", "as_root"]].max(axis=1)
    each = each.sort_values(["downloads", "model_id"], ascending=[False, True])
    found = [_gap(str(name), own) for name, own in each.groupby("publisher", sort=True)]
    return sorted(found, key=lambda gap: (-gap.downloads, gap.publisher))


def _uploads(models: Models) -> pd.DataFrame:
    unknown = np.full(len(models.accounts), True)
    for place, account in models.accounts.known.items():
        unknown[place] = account.country == NOT_ATTRIBUTED
    mine = models.where(unknown[models.account])
    names = [account.name for account in models.accounts.at(mine.account)]
    return _held(names, mine.model_id, mine.downloads, 0.0)


def _rooted(models: Models) -> pd.DataFrame:
    ends = [[root for root in each.roots if _is_gap(root)] for each in models.base.sets]
    rows = [(row, root) for row, place in enumerate(models.base.of.tolist()) for root in ends[place]]
    places = np.array([row for row, _ in rows], np.int64)
    weights = np.array([root.weight for _, root in rows], float)
    names = [root.publisher for _, root in rows]
    return _held(names, models.model_id[places], 0.0, weights * models.downloads[places])


def _is_gap(root: Root) -> bool:
    return root.country == NOT_ATTRIBUTED and root.unknown != UNRESOLVED


def _held(names: Sequence[str], model_id: Ints, as_uploader: Floats | float, as_root: Floats | float) -> pd.DataFrame:
    publisher = pd.Series(names, dtype="str")
    return pd.DataFrame({"publisher": publisher, "model_id": model_id, "as_uploader": as_uploader, "as_root": as_root})


def _gap(publisher: str, own: pd.DataFrame) -> Gap:
    return Gap(
        publisher,
        math.fsum(own["downloads"]),
        math.fsum(own["as_uploader"]),
        math.fsum(own["as_root"]),
        len(own),
        tuple(own["model_id"].head(SAMPLE).tolist()),
    )

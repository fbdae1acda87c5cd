"""Sums by group to the rows of a published table: whose rows there are, rounded once and sorted; then one table of all.

Pure; knows columns, and not what a table is about. The rows of a scope and attribution are plain columns until the
table of all of them is made: a table for each would take longer than the sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from collector.columns import PublishedFile
from collector.measure.exact import half_up
from collector.measure.models import Floats
from collector.measure.sums import QUANTITIES, Key, Parts
from collector.series import Ints

Columns = dict[str, Any]  #: by name: arrays of numbers, lists of texts

_KINDS = {"integer": np.int64, "number": np.float64}


@dataclass(frozen=True, slots=True)
class Heading:
    """What the rows of a table have in common."""

    hub: str
    window: str  #: the window's label
    scope: str = ""  #: name of the scope; empty where scopes do not matter


@dataclass(frozen=True, slots=True)
class Totals:
    """One row per group that has downloads or corrections, or is wanted; sums are not rounded."""

    keys: Sequence[Key]
    downloads: Floats
    estimated: Floats
    corrections: Floats
    covered: Floats
    models: Ints  #: those with downloads
    accounts: Ints | None  #: None where nobody asked
    top_models: Sequence[Sequence[int]]  #: model_id of the largest, or of those as large
    top_downloads: Floats  #: NaN where there are none

    def columns(self) -> Columns:
        """What every table says in the same words."""
        return {
            "downloads": self.downloads,
            "models": self.models,
            "top_model": self.top_models,
            "top_model_share": part(self.top_downloads, self.downloads),
        }

    def measured(self) -> Columns:
        """How sure the downloads are, and what the hub took back."""
        return {
            "measured_share": part(self.downloads - self.estimated, self.downloads),
            "covered_share": part(self.covered, self.downloads),
            "corrections": half_up(self.corrections),
        }

    def before(self, shares: Mapping[Key, float]) -> Floats:
        """0 where the window before has data but none of this row's; NaN where it has no data at all."""
        absent = 0.0 if shares else math.nan
        return np.array([shares.get(key, absent) for key in self.keys], float)


def totals(counted: Parts, wanted: Sequence[Key], *, count_accounts: bool = False) -> Totals:
    """The sums of the groups, their models and the largest of these."""
    counted, due = counted.also(wanted), set(wanted)
    downloads, estimated, corrections, covered = (counted.sums(quantity) for quantity in QUANTITIES)
    asked = np.array([key in due for key in counted.keys], np.bool_)
    shown = np.flatnonzero((downloads > 0) | (corrections != 0) | asked)
    most, tied = counted.largest()
    return Totals(
        [counted.keys[place] for place in shown.tolist()],
        downloads[shown],
        estimated[shown],
        corrections[shown],
        covered[shown],
        counted.counts()[shown],
        counted.accounts()[shown] if count_accounts else None,
        [tied[place] for place in shown.tolist()],
        most[shown],
    )


def portions(counted: Parts) -> dict[Key, float]:
    """Unrounded shares by group; empty when nothing was downloaded."""
    sums = counted.sums("downloads").tolist()
    total = math.fsum(sums)
    return {key: downloads / total for key, downloads in zip(counted.keys, sums, strict=True) if downloads > 0}


def present(shares: Mapping[Key, float]) -> list[Key]:
    """The groups that have a share."""
    return [key for key, share in shares.items() if share > 0]


def part(values: Floats, whole: Floats | float) -> Floats:
    """Parts of a whole; NaN where the whole is 0, since a part of nothing is not a number."""
    wholes = np.broadcast_to(np.asarray(whole, dtype=float), values.shape)
    parts: Floats = np.divide(values, wholes, out=np.full(values.shape, np.nan), where=wholes > 0)
    return parts


def published(heading: Heading, keys: Sequence[Key], columns: Columns) -> Columns:
    """The rows with their heading, downloads rounded, sorted by downloads (most first), then by key.

    A column that is one text is that text in every row.
    """
    downloads = half_up(columns["downloads"])
    by_key = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
    order = by_key[np.argsort(-downloads[by_key], kind="stable")]
    places, rows = order.tolist(), Columns()
    for name, column in {**columns, **asdict(heading), "downloads": downloads}.items():
        if isinstance(column, str):
            rows[name] = [column] * len(keys)
        else:
            rows[name] = column[order] if isinstance(column, np.ndarray) else [column[place] for place in places]
    return rows


def table_of(file: PublishedFile, rows: Sequence[Columns], names: Callable[[Ints], Sequence[str]]) -> pd.DataFrame:
    """A published file with the rows of every scope and attribution.

    Of models that are equally large the first by name is the top; they are named (by model_id) all at once.
    """
    tied = [each for part in rows for each in part["top_model"]]
    model_ids = sorted({model_id for each in tied for model_id in each})
    named = dict(zip(model_ids, names(np.array(model_ids, np.int64)), strict=True))
    top = [min((named[model_id] for model_id in each), default=None) for each in tied]
    return framed(file, {**_one_after_another(rows), "top_model": top})


def framed(file: PublishedFile, columns: Columns) -> pd.DataFrame:
    """The columns of a published file as a table."""
    # Arrays, not pandas' own columns: those would be laid beside each other by their index, in thrice the time.
    return pd.DataFrame(
        {
            column.name: pd.array(columns[column.name], dtype="str")
            if column.type == "string"
            else np.asarray(columns[column.name], _KINDS[column.type])
            for column in file.columns
        }
    )


def _one_after_another(rows: Sequence[Columns]) -> Columns:
    """The rows of several tables of the same columns."""
    first, *_ = rows
    return {
        name: np.concatenate([part[name] for part in rows])
        if isinstance(column, np.ndarray)
        else [each for part in rows for each in part[name]]
        for name, column in first.items()
    }

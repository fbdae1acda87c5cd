"""Parts of models to rows of a published table: exact sums by group, counts, the largest model, one rounding.

Pure; knows no country, no family and no attribution: a group is whatever columns it is asked by. `parts` has one row
for each model and group: model_id, model, publisher, weight, QUANTITIES and the group's columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from collector.columns import PublishedFile

QUANTITIES = ("downloads", "estimated", "corrections", "covered", "derived")

Floats = NDArray[np.float64]
Key = tuple[str, ...]  #: what a row is about: (country,) or (family, country)


@dataclass(frozen=True, slots=True)
class Heading:
    """What the rows of a table have in common."""

    hub: str
    window: str  #: the window's label
    scope: str = ""  #: name of the scope; empty where scopes do not matter


def half_up(values: Floats) -> NDArray[np.int64]:
    """Whole numbers, halves rounded up (-2.5 to -2): the one rounding of published figures."""
    return np.floor(values + 0.5).astype(np.int64)


def portions(parts: pd.DataFrame, by: list[str]) -> dict[Key, float]:
    """Unrounded shares by group; empty when nothing was downloaded."""
    number, table = numbered(parts, by)
    sums = exact_sums(numbers(parts, "downloads"), number, len(table))
    total = math.fsum(sums)
    keys = table.itertuples(index=False, name=None)
    return {key: downloads / total for key, downloads in zip(keys, sums.tolist(), strict=True) if downloads > 0}


def present(shares: Mapping[Key, float]) -> list[Key]:
    """The groups that have a share."""
    return [key for key, share in shares.items() if share > 0]


def previous_shares(table: pd.DataFrame, by: list[str], shares: Mapping[Key, float]) -> list[float]:
    """0 where the window before has data but none of this row's; NaN where it has no data at all."""
    absent = 0.0 if shares else math.nan
    return [shares.get(key, absent) for key in table[by].itertuples(index=False, name=None)]


def totals(parts: pd.DataFrame, by: list[str], wanted: Sequence[Key]) -> pd.DataFrame:
    """One row per key that has downloads or corrections or is wanted: sums, counts, and the largest model."""
    empty = pd.DataFrame(list(wanted), columns=by).assign(model_id=-1, model="", publisher="", weight=0.0)
    parts = pd.concat([parts, empty.assign(**dict.fromkeys(QUANTITIES, 0.0))], ignore_index=True)
    number, table = numbered(parts, by)
    for quantity in QUANTITIES:
        table[quantity] = exact_sums(numbers(parts, quantity), number, len(table))
    some = numbers(parts, "downloads") > 0
    accounts = parts.assign(number=number)[some].drop_duplicates(["number", "publisher"])["number"]
    table["models"] = np.bincount(number[some], minlength=len(table))
    table["publishers"] = np.bincount(accounts.to_numpy(dtype=np.int64), minlength=len(table))
    table = table.join(_largest(parts, number))
    table["top_model_share"] = part(numbers(table, "top_downloads"), numbers(table, "downloads"))
    due = set(wanted)
    asked = np.array([key in due for key in table[by].itertuples(index=False, name=None)], dtype=bool)
    return table[(table["downloads"] > 0) | (table["corrections"] != 0) | asked]


def _largest(parts: pd.DataFrame, number: NDArray[np.int64]) -> pd.DataFrame:
    """By group: the model with most downloads there, ties by name; groups without downloads are left out."""
    numbered = parts.assign(number=number)[["number", "downloads", "model", "model_id"]]
    most = numbered.groupby("number")["downloads"].transform("max")
    top = numbered[(numbered["downloads"] == most) & (most > 0)].sort_values(["number", "model", "model_id"])
    top = top.drop_duplicates("number").set_index("number")
    return pd.DataFrame({"top_model": top["model"], "top_downloads": top["downloads"]})


def numbered(parts: pd.DataFrame, by: list[str]) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """The number of every row's group, and the groups in that order."""
    number = parts.groupby(by, sort=True).ngroup().to_numpy()
    return number.astype(np.int64), parts[by].drop_duplicates().sort_values(by, ignore_index=True)


def exact_sums(values: Floats, number: NDArray[np.int64], groups: int) -> Floats:
    """Sums by group, correctly rounded and so the same in any order of the rows."""
    order = np.argsort(number, kind="stable")
    ends = np.cumsum(np.bincount(number, minlength=groups)).tolist()
    ordered = values[order].tolist()
    return np.array([math.fsum(ordered[a:b]) for a, b in zip([0, *ends], ends, strict=False)], dtype=float)


def part(values: Floats, whole: Floats | float) -> Floats:
    """Parts of a whole; NaN where the whole is 0, since a part of nothing is not a number."""
    wholes = np.broadcast_to(np.asarray(whole, dtype=float), values.shape)
    parts: Floats = np.divide(values, wholes, out=np.full(values.shape, np.nan), where=wholes > 0)
    return parts


def said(texts: pd.Series[Any], missing: str) -> pd.Series[str]:
    """Texts with a word for those that are missing. (A column in which all are missing is no text to pandas.)"""
    return texts.astype("str").fillna(missing)


def numbers(table: pd.DataFrame, column: str) -> Floats:
    """A column as floats."""
    return table[column].to_numpy(dtype=float)


def published(file: PublishedFile, heading: Heading, table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a published file, downloads rounded, sorted by downloads (most first), then by the file's keys."""
    table = table.assign(
        hub=heading.hub,
        window=heading.window,
        scope=heading.scope,
        downloads=half_up(numbers(table, "downloads")),
    )
    keys = [column.name for column in file.columns if column.key and column.name in table]
    table = table.sort_values(["downloads", *keys], ascending=[False, *[True] * len(keys)], ignore_index=True)
    return table[[column.name for column in file.columns]]

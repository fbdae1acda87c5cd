"""Downloads of models to shares by country, family and publisher, for one hub and one window.

Pure; knows no SQL, no files, no clock, and not where an origin comes from. Two tables come in:

* `models`, one row per model with downloads or corrections: model_id, model, publisher, organisation, kind,
  country_publisher, family, basis, relation, pipeline_tag, created_at (Unix seconds, -1 unknown), downloads
  (unrounded), estimated (the part of them that was not measured; NaN where nobody can say, as in a trailing window),
  corrections, covered (0 to 1), flags.
* `roots`, one row per root of a model: model_id, country, weight, family. The weights of a model add up to 1.

Whatever the order of their rows, the same bytes come out: sums are exact (`math.fsum`) and ties end at the name.
Rounded once, half up, at the end; shares come from the unrounded sums.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from collector.columns import COUNTRY_SHARE, FAMILY_SHARE, MODEL_DOWNLOADS, PUBLISHER_SHARE, PublishedFile
from collector.model import NOT_ATTRIBUTED, Attribution, Scope

OTHER = "other"  #: the family of models whose line is not known
QUANTISED = "quantized"  #: the relation of a copy in lower precision, as hubs spell it

# A base was declared, corrected by us or read from the name: the model was made from another.
_DERIVED_BASES = ("corrected", "declared", "name")
_COUNTRY = ["country"]
_FAMILY = ["family", "country"]
_QUANTITIES = ("downloads", "estimated", "corrections", "covered", "derived")

Floats = NDArray[np.float64]
Key = tuple[str, ...]  #: what a row is about: (country,) or (family, country)


@dataclass(frozen=True, slots=True)
class Heading:
    """What the rows of a table have in common."""

    hub: str
    window: str  #: the window's label
    scope: str = ""  #: name of the scope; empty where scopes do not matter


# --- which models count, and for whom -------------------------------------------------------------------------------


def in_scope(models: pd.DataFrame, scope: Scope) -> pd.Series[bool]:
    """Which models count in a scope (design, section 6): task, day of creation, relation to the base.

    A model whose task or creation is unknown is outside of a scope that asks for it.
    """
    inside = ~models["relation"].isin(sorted(scope.exclude_relations))
    if scope.pipeline_tags is not None:
        inside &= models["pipeline_tag"].isin(sorted(scope.pipeline_tags))
    if scope.created_from is not None:
        inside &= (models["created_at"] >= 0) & (models["created_at"] >= scope.created_from)
    return inside


def unquantised(models: pd.DataFrame) -> pd.Series[bool]:
    """Which models are not quantised copies: each file of such a copy counts as a download, so copies inflate."""
    return models["relation"] != QUANTISED


def publisher_roots(models: pd.DataFrame) -> pd.DataFrame:
    """The roots under attribution `publisher`: every model belongs to its uploader's country alone."""
    return pd.DataFrame({"model_id": models["model_id"], "country": models["country_publisher"], "weight": 1.0})


def country_parts(models: pd.DataFrame, roots: pd.DataFrame) -> pd.DataFrame:
    """One row per model and country it counts for, each quantity multiplied by that country's weight.

    A model without a root is ZZ: never reviewed, never dropped.
    """
    return _parts(models, roots, _COUNTRY)


def family_parts(models: pd.DataFrame, roots: pd.DataFrame, developers: Mapping[str, str]) -> pd.DataFrame:
    """One row per model and family it counts for.

    The country of a known family is its developer's (`developers`: family to country, ZZ where it is missing). Roots of
    no known family are `other`, one for each base country.
    """
    known = roots["family"].notna()
    country = _said(roots["family"].map(dict(developers)), NOT_ATTRIBUTED).where(known, roots["country"])
    return _parts(models, roots.assign(country=country, family=_said(roots["family"], OTHER)), _FAMILY)


def _parts(models: pd.DataFrame, roots: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    parts = models.merge(_weights(models, roots, by), on="model_id", how="left", suffixes=("_of_model", ""))
    weight = parts["weight"].fillna(1.0).to_numpy(dtype=float)
    downloads = _numbers(parts, "downloads") * weight
    derived = parts["relation"].notna() | parts["basis"].isin(_DERIVED_BASES)
    missing = {"family": OTHER, "country": NOT_ATTRIBUTED}
    keys = {key: _said(parts[key], missing[key]) for key in by}
    quantities = {
        "weight": weight,
        "downloads": downloads,
        "estimated": _numbers(parts, "estimated") * weight,
        "corrections": _numbers(parts, "corrections") * weight,
        "covered": _numbers(parts, "covered") * downloads,
        "derived": np.where(derived, downloads, 0.0),
    }
    return parts[["model_id", "model", "publisher"]].assign(**keys, **quantities)


def _weights(models: pd.DataFrame, roots: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The weights of these models; two roots of one model under one key are one part."""
    key = ["model_id", *by]
    mine = roots.loc[roots["model_id"].isin(models["model_id"]), [*key, "weight"]]
    several = mine.duplicated(key, keep=False)
    if not several.any():
        return mine
    # Few models are merges: only they are worth grouping. Sorted, so that the order of the rows changes no sum.
    joined = mine[several].sort_values([*key, "weight"]).groupby(key)["weight"].sum().reset_index()
    return pd.concat([mine[~several], joined], ignore_index=True)


# --- the published tables -------------------------------------------------------------------------------------------


def country_shares(
    parts: pd.DataFrame,
    heading: Heading,
    *,
    attribution: Attribution,
    status: str,
    names: Mapping[str, str],
    previous: Mapping[str, float],
) -> pd.DataFrame:
    """`country_share.csv` of one scope and attribution, from `country_parts`; ZZ is always a row.

    `names` gives countries' short names; `previous` the shares of the window before (`country_portions`), empty when it
    has no data. Shares are NaN where they would be parts of nothing.
    """
    before: dict[Key, float] = {(code,): share for code, share in previous.items()}
    table = _totals(parts, _COUNTRY, [(NOT_ATTRIBUTED,), *_present(before)])
    downloads = _numbers(table, "downloads")
    unattributed = table["country"].to_numpy() == NOT_ATTRIBUTED
    total, unknown = math.fsum(downloads), math.fsum(downloads[unattributed])
    attributed = math.fsum(downloads[~unattributed])
    most = _part(downloads + np.where(unattributed, 0.0, unknown), total)
    return _published(
        COUNTRY_SHARE,
        heading,
        table.assign(
            attribution=attribution,
            country_name=[names.get(code, code) for code in table["country"]],
            share=_part(downloads, total),
            share_of_attributed=np.where(unattributed, np.nan, _part(downloads, attributed)),
            # Two ways of adding up one total may differ in the last bit; a share is never above 1.
            share_max=np.minimum(most, 1.0),
            measured_share=_part(downloads - _numbers(table, "estimated"), downloads),
            covered_share=_part(_numbers(table, "covered"), downloads),
            status=status,
            corrections=half_up(_numbers(table, "corrections")),
            previous_share=_previous(table, _COUNTRY, before),
        ),
    )


def family_shares(parts: pd.DataFrame, heading: Heading, *, previous: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """`family_share.csv` of one scope, from `family_parts`; `other`, ZZ is always a row.

    `previous` holds the shares of the window before (`family_portions`), empty when it has no data.
    """
    before: dict[Key, float] = {(family, country): share for (family, country), share in previous.items()}
    table = _totals(parts, _FAMILY, [(OTHER, NOT_ATTRIBUTED), *_present(before)])
    downloads = _numbers(table, "downloads")
    return _published(
        FAMILY_SHARE,
        heading,
        table.assign(
            share=_part(downloads, math.fsum(downloads)),
            derivative_part=_part(_numbers(table, "derived"), downloads),
            previous_share=_previous(table, _FAMILY, before),
        ),
    )


def publisher_shares(models: pd.DataFrame, heading: Heading) -> pd.DataFrame:
    """`publisher_share.csv` of one scope: the uploaders with downloads, as the registry has them on the last day."""
    counted = models[models["downloads"] > 0].sort_values("model_id")
    number, table = _numbered(counted, ["publisher"])
    downloads = _exact_sums(_numbers(counted, "downloads"), number, len(table))
    known = counted.drop_duplicates("publisher").set_index("publisher").reindex(table["publisher"])
    return _published(
        PUBLISHER_SHARE,
        heading,
        table.assign(
            organisation=known["organisation"].to_numpy(),
            country=_said(known["country_publisher"], NOT_ATTRIBUTED).to_numpy(),
            kind=known["kind"].to_numpy(),
            downloads=downloads,
            share=_part(downloads, math.fsum(downloads)),
            models=np.bincount(number, minlength=len(table)),
        ),
    )


def model_downloads(models: pd.DataFrame, roots: pd.DataFrame, heading: Heading) -> pd.DataFrame:
    """`model_downloads.csv`: every model with downloads or corrections, largest first, whatever the scope.

    `roots` are those of attribution `base`: several countries print with their weights, `CN:0.5;US:0.5`.
    """
    downloads = _numbers(models, "downloads")
    countries = _country_labels(country_parts(models, roots))
    return _published(
        MODEL_DOWNLOADS,
        heading,
        models.assign(
            country_publisher=_said(models["country_publisher"], NOT_ATTRIBUTED),
            country_base=models["model_id"].map(countries),
            base_basis=models["basis"],
            measured_share=_part(downloads - _numbers(models, "estimated"), downloads),
        ),
    )


def _country_labels(parts: pd.DataFrame) -> dict[int, str]:
    """By model_id: the country of its root, or its countries with their weights, the largest first."""
    several = parts["model_id"].duplicated(keep=False)
    alone, merges = parts[~several], parts[several]
    merges = merges.sort_values(["model_id", "weight", "country"], ascending=[True, False, True])
    weighted: dict[int, list[str]] = {}
    for model_id, country, weight in zip(merges["model_id"], merges["country"], merges["weight"], strict=True):
        weighted.setdefault(model_id, []).append(f"{country}:{weight:.6g}")
    merged = {model_id: ";".join(countries) for model_id, countries in weighted.items()}
    return dict(zip(alone["model_id"], alone["country"], strict=True)) | merged


def country_portions(parts: pd.DataFrame) -> dict[str, float]:
    """Unrounded shares by country, from `country_parts`; empty when nothing was downloaded."""
    return {key[0]: share for key, share in _portions(parts, _COUNTRY).items()}


def family_portions(parts: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Unrounded shares by family and country, from `family_parts`; empty when nothing was downloaded."""
    return {(key[0], key[1]): share for key, share in _portions(parts, _FAMILY).items()}


# --- sums -----------------------------------------------------------------------------------------------------------


def half_up(values: Floats) -> NDArray[np.int64]:
    """Whole numbers, halves rounded up (-2.5 to -2): the one rounding of published figures."""
    return np.floor(values + 0.5).astype(np.int64)


def exact_totals(parts: pd.DataFrame) -> pd.Series[float]:
    """Unrounded downloads by country, codes ascending, from `country_parts`."""
    number, table = _numbered(parts, _COUNTRY)
    return pd.Series(_exact_sums(_numbers(parts, "downloads"), number, len(table)), index=table["country"])


def _portions(parts: pd.DataFrame, by: list[str]) -> dict[Key, float]:
    number, table = _numbered(parts, by)
    sums = _exact_sums(_numbers(parts, "downloads"), number, len(table))
    total = math.fsum(sums)
    keys = table.itertuples(index=False, name=None)
    return {key: downloads / total for key, downloads in zip(keys, sums.tolist(), strict=True) if downloads > 0}


def _present(shares: Mapping[Key, float]) -> list[Key]:
    return [key for key, share in shares.items() if share > 0]


def _previous(table: pd.DataFrame, by: list[str], shares: Mapping[Key, float]) -> list[float]:
    """0 where the window before has data but none of this row's; NaN where it has no data at all."""
    absent = 0.0 if shares else math.nan
    return [shares.get(key, absent) for key in table[by].itertuples(index=False, name=None)]


def _totals(parts: pd.DataFrame, by: list[str], wanted: Sequence[Key]) -> pd.DataFrame:
    """One row per key that has downloads or corrections or is wanted: sums, counts, and the largest model."""
    empty = pd.DataFrame(list(wanted), columns=by).assign(model_id=-1, model="", publisher="", weight=0.0)
    parts = pd.concat([parts, empty.assign(**dict.fromkeys(_QUANTITIES, 0.0))], ignore_index=True)
    number, table = _numbered(parts, by)
    for quantity in _QUANTITIES:
        table[quantity] = _exact_sums(_numbers(parts, quantity), number, len(table))
    some = _numbers(parts, "downloads") > 0
    accounts = parts.assign(number=number)[some].drop_duplicates(["number", "publisher"])["number"]
    table["models"] = np.bincount(number[some], minlength=len(table))
    table["publishers"] = np.bincount(accounts.to_numpy(dtype=np.int64), minlength=len(table))
    table = table.join(_largest(parts, number))
    table["top_model_share"] = _part(_numbers(table, "top_downloads"), _numbers(table, "downloads"))
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


def _numbered(parts: pd.DataFrame, by: list[str]) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """The number of every row's group, and the groups in that order."""
    number = parts.groupby(by, sort=True).ngroup().to_numpy()
    return number.astype(np.int64), parts[by].drop_duplicates().sort_values(by, ignore_index=True)


def _exact_sums(values: Floats, number: NDArray[np.int64], groups: int) -> Floats:
    """Sums by group, correctly rounded and so the same in any order of the rows."""
    order = np.argsort(number, kind="stable")
    ends = np.cumsum(np.bincount(number, minlength=groups)).tolist()
    ordered = values[order].tolist()
    return np.array([math.fsum(ordered[a:b]) for a, b in zip([0, *ends], ends, strict=False)], dtype=float)


def _part(values: Floats, whole: Floats | float) -> Floats:
    """Parts of a whole; NaN where the whole is 0, since a part of nothing is not a number."""
    wholes = np.broadcast_to(np.asarray(whole, dtype=float), values.shape)
    parts: Floats = np.divide(values, wholes, out=np.full(values.shape, np.nan), where=wholes > 0)
    return parts


def _said(texts: pd.Series[Any], missing: str) -> pd.Series[str]:
    """Texts with a word for those that are missing. (A column in which all are missing is no text to pandas.)"""
    return texts.astype("str").fillna(missing)


def _numbers(table: pd.DataFrame, column: str) -> Floats:
    return table[column].to_numpy(dtype=float)


def _published(file: PublishedFile, heading: Heading, table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a published file, downloads rounded, sorted by downloads (most first), then by the file's keys."""
    table = table.assign(
        hub=heading.hub,
        window=heading.window,
        scope=heading.scope,
        downloads=half_up(_numbers(table, "downloads")),
    )
    keys = [column.name for column in file.columns if column.key and column.name in table]
    table = table.sort_values(["downloads", *keys], ascending=[False, *[True] * len(keys)], ignore_index=True)
    return table[[column.name for column in file.columns]]

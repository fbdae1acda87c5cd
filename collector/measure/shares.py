"""Downloads of models to shares by country, family and publisher, for one hub and one window.

Pure; knows no SQL, no files, no clock, and not where an origin comes from. Two tables come in:

* `models`, one row per model with downloads or corrections: model_id, model, publisher, organisation, kind,
  country_publisher, family, basis, relation, pipeline_tag, created_at (Unix seconds, -1 unknown), downloads
  (unrounded), estimated (the part of them that was not measured; NaN where nobody can say, as in a trailing window),
  corrections, covered (0 to 1), flags.
* `roots`, one row per root of a model: model_id, country, weight, family, and `unknown`, which is one of WHY_UNKNOWN
  where the country is ZZ, else "". The weights of a model add up to 1.

Whatever the order of their rows, the same bytes come out: sums are exact (`math.fsum`) and ties end at the name.
Rounded once, half up, at the end; shares come from the unrounded sums.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from collector.columns import COUNTRY_SHARE, FAMILY_SHARE, MODEL_DOWNLOADS, PUBLISHER_SHARE
from collector.measure.sums import (
    Heading,
    Key,
    exact_sums,
    half_up,
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
from collector.model import NOT_ATTRIBUTED, Attribution, Scope

OTHER = "other"  #: the family of models whose line is not known
# Why downloads are not attributed: nobody looked, somebody looked in vain, or the lineage leads to no model known.
NEVER_REVIEWED = "never_reviewed"
REVIEWED_UNKNOWN = "reviewed_unknown"
UNRESOLVED = "unresolved"
WHY_UNKNOWN = (NEVER_REVIEWED, REVIEWED_UNKNOWN, UNRESOLVED)
QUANTISED = "quantized"  #: the relation of a copy in lower precision, as hubs spell it

_DERIVED_BASES = ("corrected", "declared", "name")
_COUNTRY = ["country"]
_FAMILY = ["family", "country"]

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


def is_derivative(models: pd.DataFrame) -> pd.Series[bool]:
    """Which models were made from another: a base was declared, corrected by us or read from the name."""
    return models["relation"].notna() | models["basis"].isin(_DERIVED_BASES)


def publisher_roots(models: pd.DataFrame) -> pd.DataFrame:
    """The roots under attribution `publisher`: every model belongs to its uploader's country alone."""
    country = said(models["country_publisher"], NOT_ATTRIBUTED)
    reviewed = np.where(said(models["kind"], "") == "", NEVER_REVIEWED, REVIEWED_UNKNOWN)
    unknown = np.where(country == NOT_ATTRIBUTED, reviewed, "")
    return pd.DataFrame({"model_id": models["model_id"], "country": country, "weight": 1.0, "unknown": unknown})


def why_unknown(country: str | None) -> str:
    """Why a publisher with this country in the registry is not attributed; "" when it is. None: it has no row."""
    if country is None:
        return NEVER_REVIEWED
    return REVIEWED_UNKNOWN if country == NOT_ATTRIBUTED else ""


def country_parts(models: pd.DataFrame, roots: pd.DataFrame) -> pd.DataFrame:
    """One row per model and country it counts for, each quantity multiplied by that country's weight.

    A model without a root is ZZ: never reviewed, never dropped.
    """
    return _parts(models, roots, _COUNTRY)


def country_weights(models: pd.DataFrame, roots: pd.DataFrame) -> pd.DataFrame:
    """model_id, country, weight: what part of each model is which country's; a model without a root is ZZ."""
    parts = models[["model_id"]].merge(_weights(models, roots, _COUNTRY), on="model_id", how="left")
    return parts.assign(country=said(parts["country"], NOT_ATTRIBUTED), weight=parts["weight"].fillna(1.0))


def family_parts(models: pd.DataFrame, roots: pd.DataFrame, developers: Mapping[str, str]) -> pd.DataFrame:
    """One row per model and family it counts for.

    The country of a known family is its developer's (`developers`: family to country, ZZ where it is missing). Roots of
    no known family are `other`, one for each base country.
    """
    known = roots["family"].notna()
    country = said(roots["family"].map(dict(developers)), NOT_ATTRIBUTED).where(known, roots["country"])
    return _parts(models, roots.assign(country=country, family=said(roots["family"], OTHER)), _FAMILY)


def _parts(models: pd.DataFrame, roots: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    parts = models.merge(_weights(models, roots, by), on="model_id", how="left", suffixes=("_of_model", ""))
    weight = parts["weight"].fillna(1.0).to_numpy(dtype=float)
    downloads = numbers(parts, "downloads") * weight
    derived = is_derivative(parts)
    missing = {"family": OTHER, "country": NOT_ATTRIBUTED}
    keys = {key: said(parts[key], missing[key]) for key in by}
    quantities = {
        "weight": weight,
        "downloads": downloads,
        "estimated": numbers(parts, "estimated") * weight,
        "corrections": numbers(parts, "corrections") * weight,
        "covered": numbers(parts, "covered") * downloads,
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
    table = totals(parts, _COUNTRY, [(NOT_ATTRIBUTED,), *present(before)])
    downloads = numbers(table, "downloads")
    unattributed = table["country"].to_numpy() == NOT_ATTRIBUTED
    total, unknown = math.fsum(downloads), math.fsum(downloads[unattributed])
    attributed = math.fsum(downloads[~unattributed])
    most = part(downloads + np.where(unattributed, 0.0, unknown), total)
    return published(
        COUNTRY_SHARE,
        heading,
        table.assign(
            attribution=attribution,
            country_name=[names.get(code, code) for code in table["country"]],
            share=part(downloads, total),
            share_of_attributed=np.where(unattributed, np.nan, part(downloads, attributed)),
            # Two ways of adding up one total may differ in the last bit; a share is never above 1.
            share_max=np.minimum(most, 1.0),
            measured_share=part(downloads - numbers(table, "estimated"), downloads),
            covered_share=part(numbers(table, "covered"), downloads),
            status=status,
            corrections=half_up(numbers(table, "corrections")),
            previous_share=previous_shares(table, _COUNTRY, before),
        ),
    )


def family_shares(parts: pd.DataFrame, heading: Heading, *, previous: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """`family_share.csv` of one scope, from `family_parts`; `other`, ZZ is always a row.

    `previous` holds the shares of the window before (`family_portions`), empty when it has no data.
    """
    before: dict[Key, float] = {(family, country): share for (family, country), share in previous.items()}
    table = totals(parts, _FAMILY, [(OTHER, NOT_ATTRIBUTED), *present(before)])
    downloads = numbers(table, "downloads")
    return published(
        FAMILY_SHARE,
        heading,
        table.assign(
            share=part(downloads, math.fsum(downloads)),
            derivative_part=part(numbers(table, "derived"), downloads),
            previous_share=previous_shares(table, _FAMILY, before),
        ),
    )


def publisher_shares(models: pd.DataFrame, heading: Heading) -> pd.DataFrame:
    """`publisher_share.csv` of one scope: the uploaders with downloads, as the registry has them on the last day."""
    counted = models[models["downloads"] > 0].sort_values("model_id")
    number, table = numbered(counted, ["publisher"])
    downloads = exact_sums(numbers(counted, "downloads"), number, len(table))
    known = counted.drop_duplicates("publisher").set_index("publisher").reindex(table["publisher"])
    return published(
        PUBLISHER_SHARE,
        heading,
        table.assign(
            organisation=known["organisation"].to_numpy(),
            country=said(known["country_publisher"], NOT_ATTRIBUTED).to_numpy(),
            kind=known["kind"].to_numpy(),
            downloads=downloads,
            share=part(downloads, math.fsum(downloads)),
            models=np.bincount(number, minlength=len(table)),
        ),
    )


def model_downloads(models: pd.DataFrame, roots: pd.DataFrame, heading: Heading) -> pd.DataFrame:
    """`model_downloads.csv`: every model with downloads or corrections, largest first, whatever the scope.

    `roots` are those of attribution `base`: several countries print with their weights, `CN:0.5;US:0.5`.
    """
    downloads = numbers(models, "downloads")
    countries = _country_labels(country_parts(models, roots))
    return published(
        MODEL_DOWNLOADS,
        heading,
        models.assign(
            country_publisher=said(models["country_publisher"], NOT_ATTRIBUTED),
            country_base=models["model_id"].map(countries),
            base_basis=models["basis"],
            measured_share=part(downloads - numbers(models, "estimated"), downloads),
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
    return {key[0]: share for key, share in portions(parts, _COUNTRY).items()}


def unknown_portions(models: pd.DataFrame, roots: pd.DataFrame) -> dict[str, float]:
    """The part of all downloads that is not attributed, by WHY_UNKNOWN; empty when nothing was downloaded."""
    by_reason = roots.assign(country=roots["unknown"].where(roots["country"] == NOT_ATTRIBUTED, ""))
    found = country_portions(country_parts(models, by_reason))
    # A model without any root was never looked at.
    found[NEVER_REVIEWED] = found.get(NEVER_REVIEWED, 0.0) + found.pop(NOT_ATTRIBUTED, 0.0)
    return {reason: found.get(reason, 0.0) for reason in WHY_UNKNOWN} if any(found.values()) else {}


def family_portions(parts: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Unrounded shares by family and country, from `family_parts`; empty when nothing was downloaded."""
    return {(key[0], key[1]): share for key, share in portions(parts, _FAMILY).items()}


def exact_totals(parts: pd.DataFrame) -> pd.Series[float]:
    """Unrounded downloads by country, codes ascending, from `country_parts`."""
    number, table = numbered(parts, _COUNTRY)
    return pd.Series(exact_sums(numbers(parts, "downloads"), number, len(table)), index=table["country"])

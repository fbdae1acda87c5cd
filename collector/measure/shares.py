"""Downloads of models to shares by country, family and publisher, for one hub and one window.

Pure; knows no SQL, no files, no clock, and not where an origin comes from. What comes in are the models of a scope,
added up by their sets of roots (`collector.measure.sums.tallied`). Rounded once, half up, at the end; shares come from
the unrounded sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from collector.columns import COUNTRY_SHARE, FAMILY_SHARE, MODEL_DOWNLOADS, PUBLISHER_SHARE
from collector.measure.models import (
    NEVER_REVIEWED,
    NO_ROOTS,
    QUANTISED,
    WHY_UNKNOWN,
    Accounts,
    Floats,
    Models,
    Root,
    RootSet,
)
from collector.measure.sums import (
    Heading,
    Key,
    Parts,
    Tally,
    exact_sums,
    half_up,
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
from collector.model import NOT_ATTRIBUTED, Attribution
from collector.series import Ints

OTHER = "other"  #: the family of models whose line is not known

_COUNTRY = ["country"]
_FAMILY = ["family", "country"]

# --- for whom the models count ----------------------------------------------------------------------------------------


def countries_of(owner: RootSet) -> Iterator[tuple[Key, float]]:
    """The countries that a set of roots counts for; without a root it is ZZ."""
    for root in owner.roots or NO_ROOTS:
        yield (root.country,), root.weight


def country_parts(tally: Tally) -> Parts:
    """What counts for each country."""
    return parts(tally, countries_of)


def family_parts(tally: Tally, developers: Mapping[str, str]) -> Parts:
    """What counts for each family.

    The country of a known family is its developer's (`developers`: family to country, ZZ where it is missing). Roots of
    no known family are `other`, one for each base country.
    """

    def key(root: Root) -> Key:
        if root.family is None:
            return OTHER, root.country
        return root.family, developers.get(root.family, NOT_ATTRIBUTED)

    return parts(tally, lambda owner: ((key(root), root.weight) for root in owner.roots or NO_ROOTS))


def country_portions(counted: Parts) -> dict[str, float]:
    """Unrounded shares by country, from `country_parts`; empty when nothing was downloaded."""
    return {key[0]: share for key, share in portions(counted).items()}


def family_portions(counted: Parts) -> dict[tuple[str, str], float]:
    """Unrounded shares by family and country, from `family_parts`; empty when nothing was downloaded."""
    return {(key[0], key[1]): share for key, share in portions(counted).items()}


def unquantised_portions(tally: Tally) -> dict[str, float]:
    """Shares by country without quantised copies: each file of such a copy counts as a download, so copies inflate."""
    return country_portions(parts(tally, lambda owner: () if owner.relation == QUANTISED else countries_of(owner)))


def unknown_portions(tally: Tally) -> dict[str, float]:
    """The part of all downloads that is not attributed, by WHY_UNKNOWN; empty when nothing was downloaded."""

    def reason(root: Root) -> Key:
        return ((root.unknown or NEVER_REVIEWED) if root.country == NOT_ATTRIBUTED else "",)

    by_reason = parts(tally, lambda owner: ((reason(root), root.weight) for root in owner.roots or NO_ROOTS))
    found = country_portions(by_reason)
    return {reason: found.get(reason, 0.0) for reason in WHY_UNKNOWN} if any(found.values()) else {}


# --- the published tables -------------------------------------------------------------------------------------------


def country_shares(
    counted: Parts,
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
    table = totals(counted, _COUNTRY, [(NOT_ATTRIBUTED,), *present(before)], count_accounts=True)
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


def family_shares(counted: Parts, heading: Heading, *, previous: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """`family_share.csv` of one scope, from `family_parts`; `other`, ZZ is always a row.

    `previous` holds the shares of the window before (`family_portions`), empty when it has no data.
    """
    before: dict[Key, float] = {(family, country): share for (family, country), share in previous.items()}
    table = totals(counted, _FAMILY, [(OTHER, NOT_ATTRIBUTED), *present(before)])
    downloads = numbers(table, "downloads")
    return published(
        FAMILY_SHARE,
        heading,
        table.assign(
            share=part(downloads, math.fsum(downloads)),
            derivative_part=part(_of_derivatives(counted, table), downloads),
            previous_share=previous_shares(table, _FAMILY, before),
        ),
    )


def _of_derivatives(counted: Parts, table: pd.DataFrame) -> Floats:
    """For each row of a table of families: the downloads of models made from others."""
    derived = np.array([each.is_derivative for each in counted.tally.sets], np.bool_)[counted.of]
    theirs = counted.where(derived)
    sums = dict(zip(theirs.keys, theirs.sums("downloads").tolist(), strict=True))
    return np.array([sums.get(key, 0.0) for key in table[_FAMILY].itertuples(index=False, name=None)], float)


class PublisherRows(NamedTuple):
    """The uploaders with downloads in a scope, in columns of numbers: a hub has hundreds of thousands of them."""

    account: Ints  #: place among the accounts of the window
    downloads: Ints  #: rounded
    share: Floats
    models: Ints  #: those with downloads


def publisher_rows(models: Models) -> PublisherRows:
    """The uploaders of a scope's models; their shares are not rounded."""
    sums = exact_sums(models.downloads, models.account, len(models.accounts))
    counts = np.bincount(models.account[models.downloads > 0], minlength=len(models.accounts))
    shown = np.flatnonzero(counts)
    return PublisherRows(shown, half_up(sums[shown]), part(sums[shown], math.fsum(sums)), counts[shown])


def publisher_shares(hub: str, window: str, scopes: Mapping[str, PublisherRows], accounts: Accounts) -> pd.DataFrame:
    """`publisher_share.csv`: the uploaders of every scope, as the registry has them on the window's last day.

    Texts are categories: each stands once, whatever the number of rows.
    """
    columns = [_most_first(rows) for rows in scopes.values()]
    account, downloads, share, models = (np.concatenate(column) for column in zip(*columns, strict=True))
    scope = np.repeat(np.arange(len(columns)), [len(rows.account) for rows in columns])
    texts = {name: _categories(*accounts.said(name))[account] for name in _OF_ACCOUNTS}
    table = pd.DataFrame({"downloads": downloads, "share": share, "models": models}).assign(
        hub=_categories(np.zeros_like(scope), [hub]),
        window=_categories(np.zeros_like(scope), [window]),
        scope=_categories(scope, list(scopes)),
        publisher=_categories(account, accounts.names),
        **texts,
    )
    return table[[column.name for column in PUBLISHER_SHARE.columns]]


_OF_ACCOUNTS = ("organisation", "country", "kind")


def _most_first(rows: PublisherRows) -> PublisherRows:
    order = np.lexsort((rows.account, -rows.downloads))
    return PublisherRows(rows.account[order], rows.downloads[order], rows.share[order], rows.models[order])


def _categories(place: Ints, texts: Sequence[str]) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(place, pd.Index(list(texts), dtype="str"))


# --- models -----------------------------------------------------------------------------------------------------------


def largest(models: Models, most: int) -> Models:
    """The models with most downloads, and those with as many as the last of them: which come first, names say."""
    if len(models) <= most:
        return models
    downloads = half_up(models.downloads)
    return models.where(downloads >= np.partition(downloads, len(models) - most)[len(models) - most])


def model_downloads(models: Models, heading: Heading, most: int) -> pd.DataFrame:
    """`model_downloads.csv`: so many models with downloads or corrections, largest first, whatever the scope.

    Several base countries print with their weights, `CN:0.5;US:0.5`.
    """
    shown = largest(models, most)
    accounts = [shown.accounts[place] for place in shown.account.tolist()]
    sets = shown.base.of.tolist()
    countries = [_country_label(each) for each in shown.base.sets]
    families = [each.roots[0].family if each.roots else None for each in shown.base.sets]
    return published(
        MODEL_DOWNLOADS,
        heading,
        pd.DataFrame(
            {
                "model": pd.Series(list(shown.names(shown.model_id)), dtype="str"),
                "publisher": pd.Series([account.name for account in accounts], dtype="str"),
                "family": pd.Series([families[place] for place in sets], dtype="str"),
                "country_publisher": pd.Series([account.country for account in accounts], dtype="str"),
                "country_base": pd.Series([countries[place] for place in sets], dtype="str"),
                "base_basis": pd.Series([shown.base.sets[place].basis for place in sets], dtype="str"),
                "downloads": shown.downloads,
                "measured_share": part(shown.downloads - shown.estimated, shown.downloads),
                "corrections": shown.corrections,
                "flags": pd.Series([shown.flags.get(each, "") for each in shown.model_id.tolist()], dtype="str"),
            }
        ),
    ).head(most)


def _country_label(owner: RootSet) -> str:
    """The country of its root, or its countries with their weights, the largest first."""
    weights = sorted(joined(countries_of(owner)).items(), key=lambda each: (-each[1], each[0]))
    if len(weights) == 1:
        return weights[0][0][0]
    return ";".join(f"{key[0]}:{weight:.6g}" for key, weight in weights)


@dataclass(frozen=True, slots=True)
class Concentration:
    """How much of all downloads few hold."""

    largest: tuple[float, ...]  #: shares of the ten largest, falling
    herfindahl: float  #: the sum of squared shares
    with_downloads: int


@dataclass(frozen=True, slots=True)
class AllModels:
    """Every model with downloads or corrections, listed one by one or not."""

    count: int
    with_downloads: int
    downloads: int  #: each model's rounded
    concentration: Concentration


def all_models(models: Models) -> AllModels:
    """What is said of all of them together."""
    rounded = half_up(models.downloads)
    some = int(np.count_nonzero(models.downloads > 0))
    return AllModels(len(models), some, int(rounded.sum()), concentration_of(rounded.astype(float)))


def concentration(shares: Floats) -> Concentration:
    """Of models, publishers, families or countries with these shares; NaN counts as none."""
    known = np.nan_to_num(shares)
    ten = np.sort(known)[::-1][:10]
    return Concentration(tuple(ten.tolist()), math.fsum((known * known).tolist()), int(np.count_nonzero(known > 0)))


def concentration_of(downloads: Floats) -> Concentration:
    """Of models or publishers with these downloads."""
    return concentration(part(downloads, math.fsum(downloads.tolist())))

"""Downloads of models to shares by country, family and publisher, for one hub and one window.

Pure; knows no SQL, no files, no clock, and not where an origin comes from. What comes in are the models of a scope,
added up by their sets of roots (`collector.measure.sums.Tally`). Rounded once, half up, at the end; shares come from
the unrounded sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from collector.columns import MODEL_DOWNLOADS, PUBLISHER_SHARE
from collector.measure.exact import exact_sum, exact_sums, half_up
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
from collector.measure.rows import Columns, Heading, framed, part, portions, present, published, totals
from collector.measure.sums import Key, Parts, Tally, joined, parts
from collector.model import NOT_ATTRIBUTED, Attribution
from collector.series import Ints

OTHER = "other"  #: the family of models whose line is not known

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


def unquantised_parts(tally: Tally) -> Parts:
    """What counts for each country but for quantised copies: each file of a copy counts as a download, and inflates."""
    return parts(tally, lambda owner: () if owner.relation == QUANTISED else countries_of(owner))


def unknown_parts(tally: Tally) -> Parts:
    """What is not attributed, by WHY_UNKNOWN, and the rest under an empty text."""

    def reason(root: Root) -> Key:
        return ((root.unknown or NEVER_REVIEWED) if root.country == NOT_ATTRIBUTED else "",)

    return parts(tally, lambda owner: ((reason(root), root.weight) for root in owner.roots or NO_ROOTS))


def unknown_portions(counted: Parts) -> dict[str, float]:
    """The part of all downloads that is not attributed, from `unknown_parts`; empty when nothing was downloaded."""
    found = country_portions(counted)
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
) -> Columns:
    """Rows of `country_share.csv` of one scope and attribution, from `country_parts`; ZZ is always a row.

    `names` gives countries' short names; `previous` the shares of the window before (`country_portions`), empty when it
    has no data. Shares are NaN where they would be parts of nothing.
    """
    before: dict[Key, float] = {(code,): share for code, share in previous.items()}
    found = totals(counted, [(NOT_ATTRIBUTED,), *present(before)], count_accounts=True)
    codes, downloads = [key[0] for key in found.keys], found.downloads
    unattributed = np.array([code == NOT_ATTRIBUTED for code in codes], np.bool_)
    total, unknown = math.fsum(downloads), math.fsum(downloads[unattributed])
    attributed = math.fsum(downloads[~unattributed])
    most = part(downloads + np.where(unattributed, 0.0, unknown), total)
    columns: Columns = {
        "attribution": attribution,
        "country": codes,
        "country_name": [names.get(code, code) for code in codes],
        "share": part(downloads, total),
        "share_of_attributed": np.where(unattributed, np.nan, part(downloads, attributed)),
        # Two ways of adding up one total may differ in the last bit; a share is never above 1.
        "share_max": np.minimum(most, 1.0),
        "status": status,
        "publishers": found.accounts,
        "previous_share": found.before(before),
    }
    return published(heading, found.keys, columns | found.columns() | found.measured())


def family_shares(counted: Parts, heading: Heading, *, previous: Mapping[tuple[str, str], float]) -> Columns:
    """Rows of `family_share.csv` of one scope, from `family_parts`; `other`, ZZ is always a row.

    `previous` holds the shares of the window before (`family_portions`), empty when it has no data.
    """
    before: dict[Key, float] = {(family, country): share for (family, country), share in previous.items()}
    found = totals(counted, [(OTHER, NOT_ATTRIBUTED), *present(before)])
    columns: Columns = {
        "family": [family for family, _ in found.keys],
        "country": [country for _, country in found.keys],
        "share": part(found.downloads, math.fsum(found.downloads)),
        "derivative_part": part(_of_derivatives(counted, found.keys), found.downloads),
        "previous_share": found.before(before),
    }
    return published(heading, found.keys, columns | found.columns())


def _of_derivatives(counted: Parts, keys: Sequence[Key]) -> Floats:
    """For each of these families: the downloads of models made from others."""
    derived = np.array([each.is_derivative for each in counted.tally.sets], np.bool_)[counted.of]
    theirs = counted.where(derived)
    sums = dict(zip(theirs.keys, theirs.sums("downloads").tolist(), strict=True))
    return np.array([sums.get(key, 0.0) for key in keys], float)


class PublisherRows(NamedTuple):
    """The uploaders with downloads in a scope, in columns of numbers: a hub has hundreds of thousands of them."""

    account: Ints  #: place among the accounts of the window
    downloads: Ints  #: rounded
    share: Floats
    models: Ints  #: those with downloads


def publisher_rows(tally: Tally) -> PublisherRows:
    """The uploaders of a scope's models; their shares are not rounded."""
    models, size = tally.models, len(tally.models.accounts)
    rows = tally.reaching()
    downloads, account = models.downloads[rows], models.account[rows]
    sums, counts = exact_sums(downloads, account, size), np.bincount(account, minlength=size)
    shown = np.flatnonzero(counts)
    return PublisherRows(shown, half_up(sums[shown]), part(sums[shown], exact_sum(sums)), counts[shown])


def publisher_shares(hub: str, window: str, scopes: Mapping[str, PublisherRows], accounts: Accounts) -> pd.DataFrame:
    """`publisher_share.csv`: the uploaders of every scope, as the registry has them on the window's last day.

    Texts are categories: each stands once, whatever the number of rows.
    """
    names = accounts.names(np.arange(len(accounts)))
    by_name = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), np.int64)
    rank[by_name] = np.arange(len(names))
    columns = [_most_first(rows, rank) for rows in scopes.values()]
    account, downloads, share, models = (np.concatenate(column) for column in zip(*columns, strict=True))
    scope = np.repeat(np.arange(len(columns)), [len(rows.account) for rows in columns])
    texts = {name: _categories(*accounts.said(name))[account] for name in _OF_ACCOUNTS}
    table = pd.DataFrame({"downloads": downloads, "share": share, "models": models}).assign(
        hub=_categories(np.zeros_like(scope), [hub]),
        window=_categories(np.zeros_like(scope), [window]),
        scope=_categories(scope, list(scopes)),
        publisher=_categories(rank[account], [names[place] for place in by_name]),
        **texts,
    )
    return table[[column.name for column in PUBLISHER_SHARE.columns]]


_OF_ACCOUNTS = ("organisation", "country", "kind")


def _most_first(rows: PublisherRows, rank: Ints) -> PublisherRows:
    """The most downloaded first, ties by the rank of their names."""
    order = np.lexsort((rank[rows.account], -rows.downloads))
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
    accounts = shown.accounts.at(shown.account)
    sets, names = shown.base.of.tolist(), list(shown.names(shown.model_id))
    countries = [_country_label(each) for each in shown.base.sets]
    families = [each.roots[0].family if each.roots else None for each in shown.base.sets]
    columns: Columns = {
        "model": names,
        "publisher": [account.name for account in accounts],
        "family": [families[place] for place in sets],
        "country_publisher": [account.country for account in accounts],
        "country_base": [countries[place] for place in sets],
        "base_basis": [shown.base.sets[place].basis for place in sets],
        "downloads": shown.downloads,
        "measured_share": part(shown.downloads - shown.estimated, shown.downloads),
        "corrections": shown.corrections,
        "flags": [shown.flags.get(each, "") for each in shown.model_id.tolist()],
    }
    return framed(MODEL_DOWNLOADS, published(heading, [(name,) for name in names], columns)).head(most)


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
    ten = np.sort(known if len(known) <= _TEN else np.partition(known, len(known) - _TEN)[-_TEN:])[::-1]
    return Concentration(tuple(ten.tolist()), exact_sum(known * known), int(np.count_nonzero(known > 0)))


_TEN = 10  #: the largest whose shares are told


def concentration_of(downloads: Floats) -> Concentration:
    """Of models or publishers with these downloads."""
    return concentration(part(downloads, exact_sum(downloads)))

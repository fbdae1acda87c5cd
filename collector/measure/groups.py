"""Shares by group of countries: a level above the countries, in which groups may overlap.

Pure; knows no SQL, no file, and not which groups there are: they are passed in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from collector.columns import GROUP_SHARE
from collector.measure.models import RootSet
from collector.measure.shares import countries_of
from collector.measure.sums import (
    Heading,
    Key,
    Parts,
    half_up,
    numbers,
    part,
    parts,
    previous_shares,
    published,
    totals,
)
from collector.model import NOT_ATTRIBUTED, Attribution, CountryGroup


def group_shares(
    countries: Parts,
    heading: Heading,
    groups: Sequence[CountryGroup],
    *,
    attribution: Attribution,
    status: str,
    previous: Mapping[str, float],
) -> pd.DataFrame:
    """`group_share.csv` of one scope and attribution, from `shares.country_parts`; every group is a row.

    `previous` gives the shares of the window before by country (`shares.country_portions`), empty when it has no data.
    A merge of two countries of the group is one model of the group.
    """

    def groups_of(owner: RootSet) -> Iterator[tuple[Key, float]]:
        for key, weight in countries_of(owner):
            yield from (((group.name,), weight) for group in groups if key[0] in group.countries)

    by_country = dict(zip((key[0] for key in countries.keys), countries.sums("downloads").tolist(), strict=True))
    total, known = _total(countries, None), _total(countries, NOT_ATTRIBUTED)
    named = {group.name: group for group in groups}
    table = totals(parts(countries.tally, groups_of), ["group"], [(name,) for name in named], count_accounts=True)
    own = [named[name] for name in table["group"]]
    downloads = numbers(table, "downloads")
    before: dict[Key, float] = {(group.name,): _sum_of(group, previous) for group in groups} if previous else {}
    return published(
        GROUP_SHARE,
        heading,
        table.assign(
            attribution=attribution,
            group_title=[group.title for group in own],
            countries=[sum(by_country.get(code, 0.0) > 0 for code in group.countries) for group in own],
            share=part(downloads, total),
            share_of_attributed=part(downloads, known),
            # Two ways of adding up one total may differ in the last bit; a share is never above 1.
            share_max=np.minimum(part(downloads + (total - known), total), 1.0),
            measured_share=part(downloads - numbers(table, "estimated"), downloads),
            covered_share=part(numbers(table, "covered"), downloads),
            status=status,
            corrections=half_up(numbers(table, "corrections")),
            previous_share=previous_shares(table, ["group"], before),
        ),
    )


def _total(countries: Parts, without: str | None) -> float:
    """All downloads but those of one country."""
    rows = countries.terms("downloads")
    out = np.array([key[0] == without for key in countries.keys], np.bool_)
    return math.fsum(rows.value[~out[rows.group]].tolist())


def _sum_of(group: CountryGroup, shares: Mapping[str, float]) -> float:
    return math.fsum(shares.get(country, 0.0) for country in sorted(group.countries))

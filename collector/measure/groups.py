"""Shares by group of countries: a level above the countries, in which groups may overlap.

Pure; knows no SQL, no file, and not which groups there are: they are passed in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from collector.measure.models import RootSet
from collector.measure.rows import Columns, Heading, part, published, totals
from collector.measure.shares import countries_of
from collector.measure.sums import Key, Parts, Tally, parts
from collector.model import NOT_ATTRIBUTED, Attribution, CountryGroup


def group_parts(tally: Tally, groups: Sequence[CountryGroup]) -> Parts:
    """What counts for each group. A merge of two countries of the group is one model of the group."""

    def groups_of(owner: RootSet) -> Iterator[tuple[Key, float]]:
        for key, weight in countries_of(owner):
            yield from (((group.name,), weight) for group in groups if key[0] in group.countries)

    return parts(tally, groups_of)


def group_shares(
    counted: Parts,
    countries: Parts,
    heading: Heading,
    groups: Sequence[CountryGroup],
    *,
    attribution: Attribution,
    status: str,
    previous: Mapping[str, float],
) -> Columns:
    """Rows of `group_share.csv` of one scope and attribution, from `group_parts` and `shares.country_parts`.

    Every group is a row. `previous` gives the shares of the window before by country (`shares.country_portions`), empty
    when it has no data.
    """
    by_country = dict(zip((key[0] for key in countries.keys), countries.sums("downloads").tolist(), strict=True))
    total, known = _total(countries, None), _total(countries, NOT_ATTRIBUTED)
    named = {group.name: group for group in groups}
    found = totals(counted, [(name,) for name in named], count_accounts=True)
    own, downloads = [named[name] for (name,) in found.keys], found.downloads
    before: dict[Key, float] = {(group.name,): _sum_of(group, previous) for group in groups} if previous else {}
    columns: Columns = {
        "attribution": attribution,
        "group": [group.name for group in own],
        "group_title": [group.title for group in own],
        "countries": [sum(by_country.get(code, 0.0) > 0 for code in group.countries) for group in own],
        "share": part(downloads, total),
        "share_of_attributed": part(downloads, known),
        # Two ways of adding up one total may differ in the last bit; a share is never above 1.
        "share_max": np.minimum(part(downloads + (total - known), total), 1.0),
        "status": status,
        "publishers": found.accounts,
        "previous_share": found.before(before),
    }
    return published(heading, found.keys, columns | found.columns() | found.measured())


def _total(countries: Parts, without: str | None) -> float:
    """All downloads but those of one country."""
    rows = countries.terms("downloads")
    out = np.array([key[0] == without for key in countries.keys], np.bool_)
    return math.fsum(rows.value[~out[rows.group]].tolist())


def _sum_of(group: CountryGroup, shares: Mapping[str, float]) -> float:
    return math.fsum(shares.get(country, 0.0) for country in sorted(group.countries))

"""Shares by group of countries: a level above the countries, in which groups may overlap.

Pure; knows no SQL, no file, and not which groups there are: they are passed in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from collector.columns import GROUP_SHARE
from collector.measure.sums import QUANTITIES, Heading, Key, half_up, numbers, part, previous_shares, published, totals
from collector.model import NOT_ATTRIBUTED, Attribution, CountryGroup

_MODEL = ["model_id", "model", "publisher"]


def group_shares(
    parts: pd.DataFrame,
    heading: Heading,
    groups: Sequence[CountryGroup],
    *,
    attribution: Attribution,
    status: str,
    previous: Mapping[str, float],
) -> pd.DataFrame:
    """`group_share.csv` of one scope and attribution, from `shares.country_parts`; every group is a row.

    `previous` gives the shares of the window before by country (`shares.country_portions`), empty when it has no data.
    """
    everything = numbers(parts, "downloads")
    attributed = everything[(parts["country"] != NOT_ATTRIBUTED).to_numpy()]
    total, known = math.fsum(everything), math.fsum(attributed)
    named = {group.name: group for group in groups}
    table = totals(_by_group(parts, groups), ["group"], [(name,) for name in named])
    own = [named[name] for name in table["group"]]
    downloads = numbers(table, "downloads")
    before: dict[Key, float] = {(group.name,): _sum_of(group, previous) for group in groups} if previous else {}
    return published(
        GROUP_SHARE,
        heading,
        table.assign(
            attribution=attribution,
            group_title=[group.title for group in own],
            countries=_present(parts, own),
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


def _by_group(parts: pd.DataFrame, groups: Sequence[CountryGroup]) -> pd.DataFrame:
    """The parts of every group one below the other: adding up once is much quicker than once for each group."""
    own = [
        _one_part_each(parts[parts["country"].isin(sorted(group.countries))]).assign(group=group.name)
        for group in groups
    ]
    return pd.concat(own, ignore_index=True) if own else parts.iloc[:0].assign(group="")


def _one_part_each(parts: pd.DataFrame) -> pd.DataFrame:
    """A merge of two countries of the group is one model of the group."""
    several = parts["model_id"].duplicated(keep=False)
    if not several.any():
        return parts
    # Sorted, so that the order of the rows changes no sum.
    ordered = parts[several].sort_values(["model_id", "country"])
    joined = ordered.groupby(_MODEL)[["weight", *QUANTITIES]].sum().reset_index()
    return pd.concat([parts[~several], joined], ignore_index=True)


def _present(parts: pd.DataFrame, groups: Sequence[CountryGroup]) -> list[int]:
    some = set(parts[parts["downloads"] > 0]["country"])
    return [len(group.countries & some) for group in groups]


def _sum_of(group: CountryGroup, shares: Mapping[str, float]) -> float:
    return math.fsum(shares.get(country, 0.0) for country in sorted(group.countries))

"""Downloads of models to rows of a published table: exact sums by group, counts, the largest model, one rounding.

Pure; knows no country, no family and no attribution: a group is whatever key it is given. Models are added up by their
set of roots first (`tallied`), in one pass over their columns; a table then adds up sets, of which there are few.

Whatever the order of the models, the same bytes come out: sums are correctly rounded, as `math.fsum` rounds them, and
ties end at the name. Where a set has several roots, its sum is multiplied by their weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from collector.columns import PublishedFile
from collector.measure.models import Floats, Models, Owners, RootSet
from collector.series import Bools, Ints, distinct

QUANTITIES = ("downloads", "estimated", "corrections", "covered")

Key = tuple[str, ...]  #: what a row is about: (country,) or (family, country)
_SLICE = 2.0**26  # a slice of so many bits of 2**27 numbers adds up exactly
_SLICES = 4


@dataclass(frozen=True, slots=True)
class Heading:
    """What the rows of a table have in common."""

    hub: str
    window: str  #: the window's label
    scope: str = ""  #: name of the scope; empty where scopes do not matter


def half_up(values: Floats) -> Ints:
    """Whole numbers, halves rounded up (-2.5 to -2): the one rounding of published figures."""
    return np.floor(values + 0.5).astype(np.int64)


def millionths(shares: Floats) -> Ints:
    """Shares in 0…1 as whole millionths, rounded as six decimals print."""
    scaled = shares * 1e6
    found = np.rint(scaled)
    # Half-way between two of them the product's own rounding could decide; there the decimals of the share itself do.
    doubtful = np.flatnonzero(np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5) < 1e-6)
    found[doubtful] = [round(round(share, 6) * 1e6) for share in shares[doubtful].tolist()]
    return found.astype(np.int64)


# --- exact sums -------------------------------------------------------------------------------------------------------


class Terms(NamedTuple):
    """Few numbers whose exact sums by group are those of the many they stand for."""

    group: Ints
    value: Floats

    def sums(self, groups: int) -> Floats:
        """Sums by group, correctly rounded."""
        found, terms = np.zeros(groups), np.bincount(self.group, minlength=groups)
        alone = terms[self.group] == 1  # as whole numbers are: nothing is left to be added
        found[self.group[alone]] = self.value[alone]
        group, value = self.group[~alone], self.value[~alone]
        ordered, some = value[np.argsort(group, kind="stable")].tolist(), np.flatnonzero(terms > 1)
        ends = np.cumsum(terms[some]).tolist()
        found[some] = [math.fsum(ordered[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
        return found


def terms(values: Floats, group: Ints, groups: int) -> Terms:
    """The values as the exact sums of slices of their bits.

    `math.fsum` of each group would do, and takes fifty times as long for millions of values.
    """
    if np.abs(values).sum() >= 2.0**52:  # the first slice would not add up exactly
        return Terms(group, values)
    rest, scale = values, 1.0
    found: list[Terms] = []
    for _ in range(_SLICES):
        slice_ = np.trunc(rest * scale) / scale
        sums = np.bincount(group, slice_, minlength=groups).astype(np.float64)
        some = np.flatnonzero(sums)
        found.append(Terms(some, sums[some]))
        rest, scale = rest - slice_, scale * _SLICE
        left = np.abs(rest) > 0
        if not left.any():
            break
    else:
        found.append(Terms(group[left], rest[left]))
    return Terms(*(np.concatenate(column) for column in zip(*found, strict=True)))


def exact_sums(values: Floats, group: Ints, groups: int) -> Floats:
    """Sums by group, correctly rounded and so the same in any order of the rows."""
    return terms(values, group, groups).sums(groups)


# --- models by set of roots -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """Models added up by set of roots. Sets are numbered by their place in `sets`."""

    sets: Sequence[RootSet]
    terms: Mapping[str, Terms]  #: by QUANTITIES
    with_downloads: Ints  #: for each set: models with downloads
    most: Floats  #: for each set: downloads of its largest model
    largest: Ints  #: rows of `models`: those with as many downloads as the largest of their set
    models: Models
    owners: Owners


def tallied(models: Models, owners: Owners) -> Tally:
    """The sums of the models."""
    size, of, downloads = len(owners.sets), owners.of, models.downloads
    quantities = {
        "downloads": downloads,
        "estimated": models.estimated,
        "corrections": models.corrections.astype(float),
        "covered": models.covered * downloads,
    }
    most = np.zeros(size)
    np.maximum.at(most, of, downloads)
    return Tally(
        owners.sets,
        {name: terms(values, of, size) for name, values in quantities.items()},
        np.bincount(of[downloads > 0], minlength=size),
        most,
        np.flatnonzero((downloads > 0) & (downloads == most[of])),
        models,
        owners,
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """What each set of roots is to each group: one row for each set and group it counts for."""

    tally: Tally
    keys: Sequence[Key]  #: of the groups, in order
    of: Ints  #: the set
    group: Ints  #: place in `keys`
    weight: Floats

    def also(self, wanted: Iterable[Key]) -> Parts:
        """The same with groups that may hold nothing."""
        keys = sorted({*self.keys, *wanted})
        place_of = {key: place for place, key in enumerate(keys)}
        return replace(self, keys=keys, group=np.array([place_of[key] for key in self.keys], np.int64)[self.group])

    def where(self, rows: Bools) -> Parts:
        """Some of the rows; the groups stay."""
        return replace(self, of=self.of[rows], group=self.group[rows], weight=self.weight[rows])

    def terms(self, quantity: str) -> Terms:
        """What of a quantity goes to the groups."""
        mine = self.tally.terms[quantity]
        row, term = _matches(self.of, mine.group, len(self.tally.sets))
        return Terms(self.group[row], mine.value[term] * self.weight[row])

    def of_models(self, rows: Ints) -> tuple[Ints, Ints, Floats]:
        """Some models (rows of `models`) one by one: the row, a group it counts for, and its weight there."""
        which, pair = _matches(self.tally.owners.of[rows], self.of, len(self.tally.sets))
        return rows[which], self.group[pair], self.weight[pair]

    def sums(self, quantity: str) -> Floats:
        """The same added up."""
        return self.terms(quantity).sums(len(self.keys))

    def counts(self) -> Ints:
        """Models with downloads, by group."""
        counted = np.bincount(self.group, self.tally.with_downloads[self.of], minlength=len(self.keys))
        return counted.astype(np.int64)

    def accounts(self) -> Ints:
        """Accounts whose models have downloads, by group."""
        models, size = self.tally.models, len(self.tally.models.accounts)
        some = models.downloads > 0
        pairs = distinct(self.tally.owners.of[some] * size + models.account[some])
        row, pair = _matches(self.of, pairs // size, len(self.tally.sets))
        theirs = distinct(self.group[row] * size + pairs[pair] % size)
        return np.bincount(theirs // size, minlength=len(self.keys)).astype(np.int64)

    def top_models(self) -> list[tuple[str | None, float]]:
        """By group: the model with most downloads there, ties by name, and these; None where there are no downloads."""
        most = np.zeros(len(self.keys))
        reached = self.tally.most[self.of] * self.weight
        np.maximum.at(most, self.group, reached)
        top = np.flatnonzero((reached > 0) & (reached == most[self.group]))
        row, tied = _matches(self.of[top], self.tally.owners.of[self.tally.largest], len(self.tally.sets))
        names = self.tally.models.names(self.tally.models.model_id[self.tally.largest[tied]])
        found: dict[int, str] = {}
        for group, name in zip(self.group[top[row]].tolist(), names, strict=True):
            found[group] = min(name, found.get(group, name))
        return [(found.get(group), value or math.nan) for group, value in enumerate(most.tolist())]


def parts(tally: Tally, keyed: Callable[[RootSet], Iterable[tuple[Key, float]]]) -> Parts:
    """`keyed` says for which groups a set counts, and with which weight; groups named twice are one."""
    rows = [
        (place, key, weight) for place, each in enumerate(tally.sets) for key, weight in joined(keyed(each)).items()
    ]
    keys = sorted({key for _, key, _ in rows})
    place_of = {key: place for place, key in enumerate(keys)}
    return Parts(
        tally,
        keys,
        np.array([place for place, _, _ in rows], np.int64),
        np.array([place_of[key] for _, key, _ in rows], np.int64),
        np.array([weight for _, _, weight in rows], float),
    )


def joined(weights: Iterable[tuple[Key, float]]) -> dict[Key, float]:
    """The weights by key: two roots under one key are one part."""
    found: dict[Key, list[float]] = {}
    for key, weight in weights:
        found.setdefault(key, []).append(weight)
    return {key: math.fsum(each) for key, each in found.items()}


def _matches(left: Ints, right: Ints, size: int) -> tuple[Ints, Ints]:
    """The places of all pairs of equal numbers (below `size`), in the order of `left`."""
    order, each = np.argsort(right, kind="stable"), np.bincount(right, minlength=size)
    begins, count = (np.cumsum(each) - each)[left], each[left]
    row = np.repeat(np.arange(len(left)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, order[begins[row] + within]


def by_group(group: Ints) -> Ints:
    """The places in the order of their groups, those of a group as they stand.

    Groups are few: they are told apart by 16 bits, which numpy sorts without comparing, in a tenth of the time.
    """
    return np.argsort(group.astype(np.uint16), kind="stable")


def largest_of_each(group: Ints, value: Floats, most: int) -> Ints:
    """The places of the largest values above 0 of each group, and of those as large as the last of them; by group."""
    order = by_group(group)
    ends = np.cumsum(np.bincount(group)).tolist()
    found = [order[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    return np.concatenate([*(each[_are_largest(value[each], most)] for each in found), np.empty(0, np.int64)])


def _are_largest(values: Floats, most: int) -> Bools:
    least = np.partition(values, len(values) - most)[len(values) - most] if len(values) > most else 0.0
    found: Bools = (values > 0) & (values >= least)
    return found


# --- rows of a table --------------------------------------------------------------------------------------------------


def totals(counted: Parts, by: list[str], wanted: Sequence[Key], *, count_accounts: bool = False) -> pd.DataFrame:
    """One row per key that has downloads or corrections or is wanted: sums, models, and the largest model."""
    counted = counted.also(wanted)
    table = pd.DataFrame(counted.keys, columns=by).astype("str")
    for quantity in QUANTITIES:
        table[quantity] = counted.sums(quantity)
    table["models"] = counted.counts()
    top = pd.DataFrame(counted.top_models(), columns=["top_model", "top_downloads"])
    table["top_model"] = top["top_model"].astype("str")
    table["top_model_share"] = part(numbers(top, "top_downloads"), numbers(table, "downloads"))
    if count_accounts:
        table["publishers"] = counted.accounts()
    due = set(wanted)
    asked = np.array([key in due for key in counted.keys], dtype=bool)
    return table[(table["downloads"] > 0) | (table["corrections"] != 0) | asked]


def portions(counted: Parts) -> dict[Key, float]:
    """Unrounded shares by group; empty when nothing was downloaded."""
    sums = counted.sums("downloads").tolist()
    total = math.fsum(sums)
    return {key: downloads / total for key, downloads in zip(counted.keys, sums, strict=True) if downloads > 0}


def present(shares: Mapping[Key, float]) -> list[Key]:
    """The groups that have a share."""
    return [key for key, share in shares.items() if share > 0]


def previous_shares(table: pd.DataFrame, by: list[str], shares: Mapping[Key, float]) -> list[float]:
    """0 where the window before has data but none of this row's; NaN where it has no data at all."""
    absent = 0.0 if shares else math.nan
    return [shares.get(key, absent) for key in table[by].itertuples(index=False, name=None)]


def part(values: Floats, whole: Floats | float) -> Floats:
    """Parts of a whole; NaN where the whole is 0, since a part of nothing is not a number."""
    wholes = np.broadcast_to(np.asarray(whole, dtype=float), values.shape)
    parts: Floats = np.divide(values, wholes, out=np.full(values.shape, np.nan), where=wholes > 0)
    return parts


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

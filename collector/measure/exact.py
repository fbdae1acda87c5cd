"""Sums that are correctly rounded, as `math.fsum` rounds them, and published figures rounded once.

Pure; knows numbers and groups of them, and not what they stand for. Whatever the order of the values, the same bits
come out.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from collector.measure.models import Floats
from collector.series import Ints

_SLICE = 2.0**26  # a slice of so many bits of 2**27 numbers adds up exactly
_SLICES = 4
_FEW = 64  # values that are added up one by one sooner than in slices
_MANY = 1 << 16  # values that are added up at a time: what is made of them on the way stays near the processor


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


class Terms(NamedTuple):
    """Few numbers whose exact sums by group are those of the many they stand for."""

    group: Ints
    value: Floats
    slice_: Ints  #: terms of one slice add up without rounding, but those of the last (`_SLICES`): they may be any

    def sums(self, groups: int) -> Floats:
        """Sums by group, correctly rounded."""
        found, terms = np.zeros(groups), np.bincount(self.group, minlength=groups)
        alone = terms[self.group] == 1  # as whole numbers are: nothing is left to be added
        found[self.group[alone]] = self.value[alone]
        if alone.all():
            return found
        group, value = self.group[~alone], self.value[~alone]
        ordered, some = value[np.argsort(group, kind="stable")].tolist(), np.flatnonzero(terms > 1)
        ends = np.cumsum(terms[some]).tolist()
        found[some] = [math.fsum(ordered[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
        return found

    def total(self) -> float:
        """The sum of all groups, correctly rounded."""
        return math.fsum(self.value.tolist())

    def by(self, wider: Ints, groups: int) -> Terms:
        """The same by wider groups: `wider` gives that of each group, or -1 where it is left out.

        These are the very terms that the wider groups would have had at once.
        """
        group = wider[self.group]
        counts, adds_up = group >= 0, self.slice_ < _SLICES
        whole, others = np.flatnonzero(counts & adds_up), np.flatnonzero(counts & ~adds_up)
        place, size = self.slice_[whole] * groups + group[whole], _SLICES * groups
        sums = np.bincount(place, self.value[whole], minlength=size).astype(np.float64)
        some = np.flatnonzero(sums)
        return Terms(
            np.concatenate([some % groups, group[others]]),
            np.concatenate([sums[some], self.value[others]]),
            np.concatenate([some // groups, self.slice_[others]]),
        )


def terms(values: Floats, group: Ints, groups: int) -> Terms:
    """The values as the exact sums of slices of their bits.

    `math.fsum` of each group would do, and takes fifty times as long for millions of values.
    """
    if np.abs(values).sum() >= 2.0**52:  # the first slice would not add up exactly
        return Terms(group, values, np.full(len(values), _SLICES))
    rest, scale, found = values, 1.0, list[Terms]()
    for number in range(_SLICES):
        slice_ = np.trunc(rest * scale) / scale
        sums = np.bincount(group, slice_, minlength=groups).astype(np.float64)
        some = np.flatnonzero(sums)
        found.append(Terms(some, sums[some], np.full(len(some), number)))
        rest, scale = rest - slice_, scale * _SLICE
        left = np.abs(rest) > 0  # of whole numbers nothing is, and what is not said is in the sums already
        if not left.any():
            break
        rest, group = rest[left], group[left]
    else:
        found.append(Terms(group, rest, np.full(len(rest), _SLICES)))
    return Terms(*(np.concatenate(column) for column in zip(*found, strict=True)))


def exact_sums(values: Floats, group: Ints, groups: int) -> Floats:
    """Sums by group, correctly rounded and so the same in any order of the rows."""
    if np.abs(values).sum() < 2.0**52 and (np.trunc(values) == values).all():  # whole numbers, as counters are
        return np.bincount(group, values, minlength=groups).astype(np.float64)
    return terms(values, group, groups).sums(groups)


def exact_sum(values: Floats) -> float:
    """`math.fsum` of them, in a tenth of the time where they are many."""
    begins = range(0, len(values), _MANY)
    return math.fsum(part for begin in begins for part in _exact_parts(values[begin : begin + _MANY]))


def _exact_parts(values: Floats) -> list[float]:
    """Few numbers with the same exact sum."""
    rest, found = values, list[float]()
    while len(rest) > _FEW:
        bound = float(np.abs(rest).sum())
        if not 2.0**-900 < bound < 2.0**900:  # nothing, next to nothing, or not a number
            break
        # A multiple of this unit below the bound has fewer than 53 bits, and so have all sums of such multiples.
        unit = 2.0 ** (math.frexp(bound)[1] - 51)
        slice_ = np.trunc(rest / unit) * unit
        found.append(float(slice_.sum()))
        rest = rest - slice_
        rest = rest[rest != 0]
    return [*found, *rest.tolist()]

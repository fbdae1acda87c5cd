"""Which models bend a window's shares: leave-one-out, and bursts beside a model's own past.

Pure; knows no SQL, no files, no clock. `countries` are the `shares.country_parts` of the scope and attribution asked.
A spike stays in the headline; it is only named beside it (design, section 4, Spikes).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from collector.columns import QUALITY
from collector.measure.exact import half_up
from collector.measure.models import Floats
from collector.measure.ranking import limits, reaching
from collector.measure.rows import Heading
from collector.measure.sums import Parts
from collector.model import DAY, Attribution, Window, from_seconds
from collector.series import Ints

POINT = 0.01  #: a share that moves by this much without the model makes it a spike
TIMES_MEDIAN = 10  #: a day above so many medians of the days before, and …
COUNTRY_PART = 0.01  #: … above this part of its country's downloads in the window, makes it a spike
DAYS_BEFORE = 28

# Whole counters make exact moves of a point: they must not be lost in the last bit of a division.
_TOLERANCE = 1e-12


# --- leave one out ----------------------------------------------------------------------------------------------------


class Move(NamedTuple):
    """What leaving a model out does to the shares."""

    model_id: int
    country: str  #: the one moved most; ZZ is a country here
    share: float
    share_without: float  #: NaN: nothing is left

    @property
    def size(self) -> float:
        """By how much; infinite when nothing is left."""
        return math.inf if math.isnan(self.share_without) else abs(self.share - self.share_without)


def leave_one_out(countries: Parts) -> list[Move]:
    """The models without which some country's share differs by a point or more, by model_id."""
    return [move for move in _moves(countries, _heavy(countries)) if move.size >= POINT - _TOLERANCE]


def _heavy(countries: Parts) -> Ints:
    """The models (rows) that can move a share by a point: at most a hundred.

    Without d of T downloads no share moves by more than d / (T - d).
    """
    return countries.tally.reaching(countries.tally.downloads.total() * POINT / (1 + POINT) * (1 - _TOLERANCE))


def _moves(countries: Parts, rows: Ints) -> list[Move]:
    """For each of these models (rows, in order) the country that leaving it out moves most."""
    totals, codes = countries.sums("downloads"), [key[0] for key in countries.keys]
    row, group, weight = countries.of_models(rows)
    models, moved = countries.tally.models, []
    for place in rows.tolist():
        mine = row == place
        own = np.zeros(len(totals))
        own[group[mine]] = models.downloads[place] * weight[mine]
        country, share, without = _most_moved(totals, own)
        moved.append(Move(int(models.model_id[place]), codes[country], share, without))
    return moved


def _most_moved(totals: Floats, own: Floats) -> tuple[int, float, float]:
    """Country, share and share without a model; on a tie its own larger country, then the first code.

    `totals` and `own` are downloads by country, of all models and of this one.
    """
    total, rest = math.fsum(totals), math.fsum(totals) - math.fsum(own)
    if rest <= total * _TOLERANCE:
        country = int(own.argmax())
        return country, float(totals[country] / total), math.nan
    shares, without = totals / total, (totals - own) / rest
    moved = np.abs(without - shares)
    tied = moved >= moved.max() - _TOLERANCE
    country = int(np.where(tied, own, -1.0).argmax())
    return country, float(shares[country]), float(without[country])


# --- bursts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Daily:
    """The growth of a few models in a window and the days before it, day by day."""

    model_id: Ints  #: in order, each once
    days: Ints  #: Unix seconds of their 00:00 UTC, one after the other, as in `days_of`
    downloads: Floats  #: a row for each model, a column for each day; NaN: not known


NO_DAYS = Daily(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 0)))


class Burst(NamedTuple):
    """A day of a model out of line with its past."""

    model_id: int
    day: int  #: Unix seconds of its 00:00 UTC
    downloads: float
    median: float  #: of the 28 days before


def burst_candidates(cases: Sequence[Parts]) -> Ints:
    """The models that can have a burst in one of these cases of a window, by id: only their days are asked for.

    A day is no larger than its window, so a burst exceeds a part of the country's downloads: the others stay below it.
    """
    least = [COUNTRY_PART * countries.sums("downloads") for countries in cases]
    found, models = reaching(cases, least), cases[0].tally.models
    over = np.zeros(len(found.rows), np.bool_)
    for countries, floor, does in zip(cases, least, found.does, strict=True):
        rows = found.rows[does]
        over[does] |= models.downloads[rows] > limits(countries, floor)[countries.tally.set_of(rows)]
    return models.model_id[found.rows[over]]


def with_large_days(daily: Daily, cases: Sequence[Parts]) -> Ints:
    """Of these models those with a day above 1 % of the downloads of their country in one of the cases, by id.

    Nobody else has a burst: only of these the days before need to be read. `daily`: days of the window.
    """
    models, largest = cases[0].tally.models, np.nan_to_num(daily.downloads).max(axis=1, initial=0.0)
    rows, large = models.rows_of(daily.model_id), np.zeros(len(daily.model_id), np.bool_)
    for countries in cases:
        limit = np.append(_limits(countries), np.inf)  # the last is that of the models that do not count
        large |= largest > limit[countries.tally.set_of(rows)]
    return daily.model_id[large]


def _limits(countries: Parts) -> Floats:
    """By set of roots: the downloads a day must exceed; for a merge in the country where it is reached first."""
    return limits(countries, COUNTRY_PART * countries.sums("downloads"))


def days_of(window: Window, before: int = 0) -> Window:
    """The days of a window, the first as a whole, and so many before."""
    return replace(window, start=window.start - window.start % DAY - before * DAY)


def out_of_line(daily: Daily) -> list[Burst]:
    """The largest day of each model above ten times its median of the 28 days before, if there is one.

    A day counts when all its 28 days before are known: a launch is not a burst.
    """
    if not daily.downloads.size:
        return []
    median = np.median(sliding_window_view(daily.downloads[:, :-1], DAYS_BEFORE, axis=1), axis=2)
    growth = daily.downloads[:, DAYS_BEFORE:]
    burst = np.where(growth > TIMES_MEDIAN * median, growth, -1.0)
    largest = burst.argmax(axis=1)
    return [
        Burst(int(daily.model_id[row]), int(daily.days[DAYS_BEFORE + day]), float(growth[row, day]), median[row, day])
        for row, day in enumerate(largest.tolist())
        if burst[row, day] > 0
    ]


def bursts(found: Iterable[Burst], countries: Parts) -> dict[int, Burst]:
    """Of the days `out_of_line` those above 1 % of the downloads of the model's country in the window, by model_id."""
    models, days = countries.tally.models, {each.model_id: each for each in found}
    rows = models.rows_of(np.array(sorted(days), np.int64))
    rows = rows[(models.downloads[rows] > 0) & (countries.tally.set_of(rows) >= 0)]
    limit = _limits(countries)[countries.tally.set_of(rows)].tolist()
    known = zip(models.model_id[rows].tolist(), limit, strict=True)
    return {model_id: days[model_id] for model_id, least in known if days[model_id].downloads > least}


# --- both -------------------------------------------------------------------------------------------------------------


class _Spike(NamedTuple):
    move: Move
    burst: Burst | None
    downloads: float  #: in the window


def spike_rows(cases: Sequence[tuple[Heading, Attribution, Parts]], daily: Daily) -> pd.DataFrame:
    """`quality.csv` rows of kind spike: for each scope and attribution the largest move first.

    `value` is the model's downloads in the window; `from` and `to` the day of a burst. `daily` are the `days_of`
    the window and DAYS_BEFORE, of all `burst_candidates` `with_large_days`; NO_DAYS where no daily growth is known.
    """
    days = out_of_line(daily)
    found = [(heading, attribution, _spikes(countries, days)) for heading, attribution, countries in cases]
    model_ids = sorted({spike.move.model_id for _, _, spikes in found for spike in spikes})
    said = cases[0][2].tally.models.names(np.array(model_ids, np.int64)) if model_ids else ()
    names = dict(zip(model_ids, said, strict=True))
    rows = [row for heading, attribution, spikes in found for row in _published(spikes, heading, attribution, names)]
    columns = [column.name for column in QUALITY.columns]
    texts = {name: pd.Series([row[name] for row in rows], dtype="str") for name in columns if name not in _NUMBERS}
    return pd.DataFrame({**texts, **{name: np.array([row[name] for row in rows], float) for name in _NUMBERS}})[columns]


_NUMBERS = ("value", "share", "share_without")


def _spikes(countries: Parts, days: Sequence[Burst]) -> list[_Spike]:
    """By model_id."""
    models, burst = countries.tally.models, bursts(days, countries)
    moved = {move.model_id: move for move in leave_one_out(countries)}
    unmoved = sorted(burst.keys() - moved.keys())
    moved |= {move.model_id: move for move in _moves(countries, np.searchsorted(models.model_id, unmoved))}
    downloads = models.downloads[np.searchsorted(models.model_id, sorted(moved))].tolist()
    return [_Spike(moved[each], burst.get(each), value) for each, value in zip(sorted(moved), downloads, strict=True)]


def _published(
    spikes: Sequence[_Spike], heading: Heading, attribution: Attribution, names: Mapping[int, str]
) -> Iterator[dict[str, object]]:
    """The rows of a scope and attribution, the largest move first, by the columns of QUALITY."""
    value = half_up(np.array([spike.downloads for spike in spikes])).tolist()
    order = sorted(range(len(spikes)), key=lambda place: (-spikes[place].move.size, names[spikes[place].move.model_id]))
    for place in order:
        move, burst, _ = spikes[place]
        yield {
            "hub": heading.hub,
            "window": heading.window,
            "scope": heading.scope,
            "attribution": attribution,
            "kind": "spike",
            "model": names[move.model_id],
            "from": None if burst is None else _midnight(burst.day),
            "to": None if burst is None else _midnight(burst.day + DAY),
            "value": value[place],
            "country": move.country,
            "share": move.share,
            "share_without": move.share_without,
            "note": _note(move, burst),
        }


def _note(move: Move, burst: Burst | None) -> str:
    """In words: what the model moves, and its day out of line where it had one."""
    points = (move.share_without - move.share) * 100
    words = [
        "nothing is left without it"
        if math.isnan(points)
        else f"leaving it out moves {move.country} by {points:+.2f} points"
    ]
    if burst is not None:
        on = from_seconds(burst.day).date().isoformat()
        grew = f"{burst.downloads:.0f} downloads on {on} against a median of {burst.median:.0f}"
        words.append(f"{grew} in the 28 days before")
    return "; ".join([*words, "value: its downloads in the window"])


def _midnight(day: int) -> str:
    return from_seconds(day).strftime("%Y-%m-%dT%H:%M:%SZ")

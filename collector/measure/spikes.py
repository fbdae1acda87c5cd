"""Which models bend a window's shares: leave-one-out, and bursts beside a model's own past.

Pure; knows no SQL, no files, no clock. `countries` are the `shares.country_parts` of the scope and attribution asked.
A spike stays in the headline; it is only named beside it (design, section 4, Spikes).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from collector.columns import QUALITY
from collector.measure.models import Floats, Models
from collector.measure.sums import Heading, Parts, exact_sums, half_up
from collector.model import DAY, Attribution, Window, from_seconds
from collector.series import Ints

POINT = 0.01  #: a share that moves by this much without the model makes it a spike
TIMES_MEDIAN = 10  #: a day above so many medians of the days before, and …
COUNTRY_PART = 0.01  #: … above this part of its country's downloads in the window, makes it a spike
DAYS_BEFORE = 28

# Whole counters make exact moves of a point: they must not be lost in the last bit of a division.
_TOLERANCE = 1e-12
_MOVES = ["model_id", "country", "share", "share_without"]
_BURSTS = ["model_id", "day", "downloads", "median"]


def leave_one_out(countries: Parts) -> pd.DataFrame:
    """The models without which some country's share differs by a point or more.

    Rows of model_id, the country moved most, its share and its share without the model (NaN when nothing is left), by
    model_id. ZZ is a country here.
    """
    moves = _moves(countries, _heavy(countries.tally.models))
    moved = (moves["share"] - moves["share_without"]).abs()
    return moves[moved.isna() | (moved >= POINT - _TOLERANCE)].reset_index(drop=True)


def _heavy(models: Models) -> Ints:
    """The models (rows) that can move a share by a point: at most a hundred.

    Without d of T downloads no share moves by more than d / (T - d).
    """
    (total,) = exact_sums(models.downloads, np.zeros(len(models), np.int64), 1)
    least = total * POINT / (1 + POINT) * (1 - _TOLERANCE)
    return np.flatnonzero((models.downloads > 0) & (models.downloads >= least))


def _moves(countries: Parts, rows: Ints) -> pd.DataFrame:
    """For each of these models (rows), by model_id, the country that leaving it out moves most."""
    totals, codes = countries.sums("downloads"), [key[0] for key in countries.keys]
    row, group, weight = countries.of_models(rows)
    models, moved = countries.tally.models, []
    for place in sorted(set(row.tolist()), key=models.model_id.__getitem__):
        mine = row == place
        own = np.zeros(len(totals))
        own[group[mine]] = models.downloads[place] * weight[mine]
        country, share, without = _most_moved(totals, own)
        moved.append((int(models.model_id[place]), codes[country], share, without))
    return pd.DataFrame(moved, columns=_MOVES)


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


def burst_candidates(countries: Parts) -> list[int]:
    """The models that can have a burst, by id: only their daily growth is needed.

    A day is no larger than its window, so a burst exceeds a part of the country's downloads: the others stay below it.
    """
    models = countries.tally.models
    over = (models.downloads > 0) & (models.downloads > _limits(countries)[countries.tally.owners.of])
    return sorted(models.model_id[over].tolist())


def _limits(countries: Parts) -> Floats:
    """By set of roots: the downloads a day must exceed; for a merge in the country where it is reached first."""
    limits = np.full(len(countries.tally.sets), np.inf)
    downloads = countries.sums("downloads")[countries.group]
    np.minimum.at(limits, countries.of, COUNTRY_PART * downloads / countries.weight)
    return limits


def bursts(daily: pd.DataFrame, countries: Parts, window: Window) -> pd.DataFrame:
    """The models with a day of growth above ten times its median of the 28 days before and 1 % of its country.

    `daily`: model_id, day (Unix seconds of its 00:00 UTC), downloads (NaN: not known), for the window and the 28 days
    before. A day counts when all its 28 days before are known: a launch is not a burst. The country's downloads are
    those of the window. Rows of model_id, the largest such day, its downloads and that median, by model_id.
    """
    days = pd.RangeIndex(window.start - window.start % DAY - DAYS_BEFORE * DAY, window.end, DAY)
    models = countries.tally.models
    rows = np.flatnonzero((models.downloads > 0) & np.isin(models.model_id, daily["model_id"].to_numpy(np.int64)))
    limits = pd.Series(_limits(countries)[countries.tally.owners.of[rows]], index=models.model_id[rows])
    growth = daily[daily["model_id"].isin(limits.index)].pivot(index="day", columns="model_id", values="downloads")
    growth = growth.reindex(days).astype(float)
    median = growth.rolling(DAYS_BEFORE, min_periods=DAYS_BEFORE).median().shift(1)
    burst = (growth > TIMES_MEDIAN * median) & (growth > limits.reindex(growth.columns))
    found = growth.where(burst).loc[days >= window.start - window.start % DAY].dropna(axis="columns", how="all")
    shown = [(model, day, growth.at[day, model], median.at[day, model]) for model, day in found.idxmax().items()]
    return pd.DataFrame(shown, columns=_BURSTS)


def spike_rows(
    countries: Parts, daily: pd.DataFrame, window: Window, heading: Heading, attribution: Attribution
) -> pd.DataFrame:
    """`quality.csv` rows of kind spike for one scope and attribution, the largest move first.

    `value` is the model's downloads in the window; `from` and `to` the day of a burst. `daily` as for `bursts`, of all
    `burst_candidates`; empty where no daily growth is known.
    """
    moved = leave_one_out(countries)
    burst = bursts(daily, countries, window)
    unmoved = sorted(set(burst["model_id"]) - set(moved["model_id"]))
    models = countries.tally.models
    spikes = pd.concat([moved, _moves(countries, np.flatnonzero(np.isin(models.model_id, unmoved)))], ignore_index=True)
    rows = np.searchsorted(models.model_id, spikes["model_id"].to_numpy(np.int64))
    spikes["model"] = pd.Series(list(models.names(models.model_id[rows])), dtype="str")
    spikes["value"] = models.downloads[rows]
    spikes = spikes.merge(burst, on="model_id", how="left")
    spikes["size"] = (spikes["share"] - spikes["share_without"]).abs()
    spikes = spikes.sort_values(["size", "model", "model_id"], ascending=[False, True, True], na_position="first")
    return _published(spikes.reset_index(drop=True), heading, attribution)


def _published(spikes: pd.DataFrame, heading: Heading, attribution: Attribution) -> pd.DataFrame:
    days: dict[str, Any] = {
        "from": [_midnight(day) for day in spikes["day"]],
        "to": [_midnight(day + DAY) for day in spikes["day"]],
    }
    rows = spikes.assign(
        hub=heading.hub,
        window=heading.window,
        scope=heading.scope,
        attribution=attribution,
        kind="spike",
        value=half_up(spikes["value"].to_numpy(dtype=float)).astype(float),
        note=[_note(*values) for values in zip(*(spikes[name] for name in _NOTED), strict=True)],
        **days,
    )
    return rows[[column.name for column in QUALITY.columns]]


_NOTED = ("share", "share_without", "country", "day", "downloads", "median")


def _note(share: float, without: float, country: str, day: float, downloads: float, median: float) -> str:
    """In words: what the model moves, and its day out of line where it had one."""
    points = (without - share) * 100
    words = [
        f"leaving it out moves {country} by {points:+.2f} points" if points == points else "nothing is left without it"
    ]
    if day == day:
        on = from_seconds(int(day)).date().isoformat()
        words.append(f"{downloads:.0f} downloads on {on} against a median of {median:.0f} in the 28 days before")
    return "; ".join([*words, "value: its downloads in the window"])


def _midnight(day: float) -> str | None:
    return None if np.isnan(day) else from_seconds(int(day)).strftime("%Y-%m-%dT%H:%M:%SZ")

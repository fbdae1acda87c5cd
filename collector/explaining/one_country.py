"""What makes up a country's share of a month, and what changed since the month before. Read-only.

Knows which models are asked; counts with the measure's own functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from collector.asking import Headline, Now, knowledge_of, month_with_figures, reported_hub
from collector.config import Config
from collector.errors import ReportError, UsageError
from collector.figuring import scoped
from collector.measure.movers import movers
from collector.measure.sums import Parts
from collector.model import previous_window
from collector.owning import window_models
from collector.report.text import clean
from collector.store.database import Database

Found = dict[str, Any]

_LARGEST = 15
_SMALL = 0.001  # shares below it are written with four places


def explain_country(
    config: Config, country: str, month: str | None, hub: str | None, asked: Headline, now: Now
) -> Found:
    """What makes up a country's share of a month, and what changed since the month before.

    ReportError for an unknown month, or a country without downloads in both.
    """
    knowledge, code = knowledge_of(config), country.upper()
    if code not in knowledge.countries:
        raise UsageError(f"--country {clean(country)[:20]}: no code of a country; write one such as CN, US, XX or ZZ")
    scope = next(each for each in config.scopes if each.name == asked.scope)
    with Database.open(config.database.url, write=False) as db:
        of = reported_hub(db, hub)
        window = month_with_figures(db, of.name, month, now)
        now_, before = (window_models(db, of, each, knowledge) for each in (window, previous_window(window)))
        this, then = (_Standing(scoped(each, scope).countries[asked.attribution], code) for each in (now_, before))
        if not this.downloads and not then.downloads:
            raise ReportError(f"{code}: no downloads in {window.label} or the month before, scope {scope.name}")
        found: Found = {
            "country": code,
            "country_name": knowledge.countries[code],
            "hub": of.name,
            "month": window.label,
            "scope": scope.name,
            "attribution": asked.attribution,
            "status": now_.status,
        }
        return found | _told(this, then, code)  # while the database is open: names are looked up as they are needed


def _told(this: _Standing, then: _Standing, code: str) -> Found:
    """The country's share, what makes it up and what changed it."""
    change = None if not then.total else round(100 * (this.share - then.share), 4)
    behind = _behind(this, then, code)
    return {
        **this.told(""),
        **then.told("previous_"),
        "change_in_points": change,
        "largest": this.largest(),
        "others": this.others(),
        "behind_the_change": behind,
        "others_behind_the_change": None if change is None else round(change - _sum_of(behind), 4),
    }


def _sum_of(behind: list[Found]) -> float:
    return math.fsum(each["change_in_points"] for each in behind)


class _Standing:
    """One country in one window."""

    def __init__(self, countries: Parts, country: str) -> None:
        self.countries = countries
        models = countries.tally.models
        row, group, weight = countries.of_models(np.flatnonzero(models.downloads > 0))
        downloads = models.downloads[row] * weight
        mine = np.array([key[0] == country for key in countries.keys], np.bool_)[group]
        self.total = math.fsum(downloads.tolist())
        self.model_id, self._each, self._weight = models.model_id[row[mine]], downloads[mine], weight[mine]
        self.downloads = math.fsum(self._each.tolist())
        self.share = self.downloads / self.total if self.total else 0.0

    def told(self, prefix: str) -> Found:
        return {
            f"{prefix}downloads": math.floor(self.downloads + 0.5),
            f"{prefix}downloads_of_all": math.floor(self.total + 0.5),
            f"{prefix}share": round(self.share, 6) if self.total else None,
        }

    def _largest(self) -> list[tuple[float, str, float]]:
        """Downloads that count here, name and the part of the model that counts here; ties by name."""
        size = len(self._each)
        least = np.partition(self._each, size - _LARGEST)[size - _LARGEST] if size > _LARGEST else 0.0
        rows = self._each >= least
        names = self.countries.tally.models.names(self.model_id[rows])
        each = zip(self._each[rows].tolist(), names, self._weight[rows].tolist(), strict=True)
        found = sorted(each, key=lambda each: (-each[0], each[1]))
        return found[:_LARGEST]

    def others(self) -> Found:
        """What is not named one by one, so that all of it adds up."""
        named = [downloads for downloads, *_ in self._largest()]
        downloads = math.fsum([*self._each.tolist(), *(-each for each in named)])
        share = round(downloads / self.total, 6) if self.total else None
        return {
            "models": len(self._each) - len(named),
            "downloads": math.floor(downloads + 0.5),
            "share_of_all": share,
        }

    def largest(self) -> list[Found]:
        return [
            {
                "model": name,
                "downloads": math.floor(downloads + 0.5),
                "share_of_all": round(downloads / self.total, 6),
                "weight": weight,
            }
            for downloads, name, weight in self._largest()
        ]


def _behind(this: _Standing, then: _Standing, country: str) -> list[Found]:
    table = movers(this.countries, then.countries, _LARGEST)
    rows = table[table["country"] == country]
    return [
        {
            "model": row["model"],
            "share_of_all": round(row["share"], 6),
            "previous_share_of_all": round(row["previous_share"], 6),
            "change_in_points": round(100 * row["change"], 4),
        }
        for row in rows.to_dict("records")
    ]


def country_lines(found: Found) -> Iterator[str]:
    """The same in words."""
    yield (
        f"{found['country']} {found['country_name']} on {found['hub']} in {found['month']}: {_percent(found['share'])} "
        f"(scope {found['scope']}, attribution {found['attribution']}, {found['status']})"
    )
    yield f"= {found['downloads']:,} of {found['downloads_of_all']:,} downloads"
    if found["change_in_points"] is not None:
        yield (
            f"the month before: {_percent(found['previous_share'])} = {found['previous_downloads']:,} of "
            f"{found['previous_downloads_of_all']:,}; change {_points(found['change_in_points'])} points"
        )
    yield ""
    yield "What makes it up (part of all downloads):"
    for each in found["largest"]:
        part = "" if each["weight"] == 1 else f" ({each['weight']:.3g} of it: its lineage has several roots)"
        yield f"  {_percent(each['share_of_all']):>8}  {each['downloads']:>14,}  {each['model']}{part}"
    others = found["others"]
    if others["models"]:
        part = f"{_percent(others['share_of_all']):>8}  {others['downloads']:>14,}"
        yield f"  {part}  {others['models']:,} more models together"
    yield f"  {_percent(found['share']):>8}  {found['downloads']:>14,}  in all, each line rounded by itself"
    if found["behind_the_change"]:
        yield ""
        yield "What changed it (points; the contributions of all its models add up to the change):"
        for each in found["behind_the_change"]:
            way = f"{_percent(each['previous_share_of_all'])} to {_percent(each['share_of_all'])}"
            yield f"  {_points(each['change_in_points']):>8}  {each['model']} ({way})"
        if found["others_behind_the_change"]:
            yield f"  {_points(found['others_behind_the_change']):>8}  all other models together"
        yield f"  {_points(found['change_in_points']):>8}  in all, each line rounded by itself"


def _percent(share: float | None) -> str:
    """Two places, and four where two would say next to nothing."""
    if share is None:
        return "–"
    return f"{100 * share:.{2 if share == 0 or share >= _SMALL else 4}f} %"


def _points(change: float) -> str:
    return f"{change:+z.{2 if change == 0 or abs(change) >= 100 * _SMALL else 4}f}"

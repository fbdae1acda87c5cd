"""What makes up a country's share of a month, and what changed since the month before. Read-only.

Knows which models are asked; counts with the measure's own functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from collector.asking import Headline, Now, knowledge_of, month_with_figures, reported_hub
from collector.config import Config
from collector.errors import ReportError, UsageError
from collector.measure import shares
from collector.measure.movers import movers
from collector.model import Attribution, Scope, previous_window
from collector.report.text import clean
from collector.rollup import WindowModels, roots_by, scoped, window_models
from collector.store.database import Database

Found = dict[str, Any]

_LARGEST = 15


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
    this, then = (_Standing.of(each, scope, asked.attribution, code) for each in (now_, before))
    if not this.downloads and not then.downloads:
        raise ReportError(f"{code}: no downloads in {window.label} or the month before, scope {scope.name}")
    return {
        "country": code,
        "country_name": knowledge.countries[code],
        "hub": of.name,
        "month": window.label,
        "scope": scope.name,
        "attribution": asked.attribution,
        "status": now_.status,
        **this.told(""),
        **then.told("previous_"),
        "change_in_points": None if not then.total else round(100 * (this.share - then.share), 4),
        "largest": this.largest(),
        "others": this.others(),
        "behind_the_change": _behind(this, then, code),
    }


class _Standing:
    """One country in one window."""

    def __init__(self, models: pd.DataFrame, roots: pd.DataFrame, country: str) -> None:
        self.models, self.roots = models, roots
        parts = shares.country_parts(models, roots)
        self.total = math.fsum(parts["downloads"])
        self.mine = parts[(parts["country"] == country) & (parts["downloads"] > 0)]
        self.downloads = math.fsum(self.mine["downloads"])
        self.share = self.downloads / self.total if self.total else 0.0

    @classmethod
    def of(cls, window: WindowModels, scope: Scope, attribution: Attribution, country: str) -> _Standing:
        within = scoped(window, scope)
        return cls(within.models, roots_by(within, attribution), country)

    def told(self, prefix: str) -> Found:
        return {
            f"{prefix}downloads": math.floor(self.downloads + 0.5),
            f"{prefix}downloads_of_all": math.floor(self.total + 0.5),
            f"{prefix}share": round(self.share, 6) if self.total else None,
        }

    def _sorted(self) -> pd.DataFrame:
        return self.mine.sort_values(["downloads", "model"], ascending=[False, True])

    def others(self) -> Found:
        """What is not named one by one, so that all of it adds up."""
        rows = self._sorted()[_LARGEST:]
        downloads = math.fsum(rows["downloads"])
        share = round(downloads / self.total, 6) if self.total else None
        return {"models": len(rows), "downloads": math.floor(downloads + 0.5), "share_of_all": share}

    def largest(self) -> list[Found]:
        rows = self._sorted().head(_LARGEST)
        return [
            {
                "model": row["model"],
                "downloads": math.floor(row["downloads"] + 0.5),
                "share_of_all": round(row["downloads"] / self.total, 6),
            }
            for row in rows.to_dict("records")
        ]


def _behind(this: _Standing, then: _Standing, country: str) -> list[Found]:
    table = movers(this.models, this.roots, then.models, then.roots, behind=None)
    rows = table[table["country"] == country].head(_LARGEST)
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
            f"{found['previous_downloads_of_all']:,}; change {found['change_in_points']:+.2f} points"
        )
    yield ""
    yield "What makes it up (part of all downloads):"
    yield from (
        f"  {_percent(each['share_of_all']):>8}  {each['downloads']:>14,}  {each['model']}" for each in found["largest"]
    )
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
            yield f"  {each['change_in_points']:+8.2f}  {each['model']} ({way})"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"

"""What makes up a country's share of a month, and what changed since the month before. Read-only.

Reads what the roll-up left of a month; where facts, registry or scopes are others since, it is worked out once more,
which takes as long as a month's roll-up. Counts nothing itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from collector.asking import Headline, Now, knowledge_of, month_with_figures, reported_hub
from collector.config import Config
from collector.errors import ReportError, UsageError
from collector.figuring import Makeup, kept_makeup, makeup_of, scoped
from collector.model import Scope, Window, previous_window
from collector.origins.knowledge import Knowledge
from collector.owning import window_models
from collector.report.text import clean
from collector.store import hubwide
from collector.store.database import Database
from collector.store.queries import Hub

Found = dict[str, Any]

_SMALL = 0.001  # shares below it are written with four places


def explain_country(
    config: Config, country: str, month: str | None, hub: str | None, asked: Headline, now: Now
) -> Found:
    """What makes up a country's share of a month, and what changed it since the month before.

    ReportError for an unknown month, or a country without downloads in both.
    """
    knowledge, code = knowledge_of(config), country.upper()
    if code not in knowledge.countries:
        raise UsageError(f"--country {clean(country)[:20]}: no code of a country; write one such as CN, US, XX or ZZ")
    with Database.open(config.database.url, write=False) as db:
        of = reported_hub(db, hub)
        window = month_with_figures(db, of.name, month, now)
        known = kept_makeup(db, of, window, knowledge, config.scopes)
        scope = next(each for each in config.scopes if each.name == asked.scope)
        makeup, status = known or _worked_out(db, of, window, knowledge, scope)
    mine = _Mine(makeup, asked, code)
    if not mine.downloads and not mine.previous_downloads:
        raise ReportError(f"{code}: no downloads in {window.label} or the month before, scope {asked.scope}")
    return {
        "country": code,
        "country_name": knowledge.countries[code],
        "hub": of.name,
        "month": window.label,
        "scope": asked.scope,
        "attribution": asked.attribution,
        "status": status,
        **_told(mine),
    }


def _worked_out(db: Database, hub: Hub, month: Window, knowledge: Knowledge, scope: Scope) -> tuple[Makeup, str]:
    """What makes up the shares of a month in a scope, and whether they are final, from the models of both months."""
    models = hubwide.read(db, hub.id)
    this, before = (window_models(db, hub, each, knowledge, models) for each in (month, previous_window(month)))
    return makeup_of(scoped(this, [scope]), scoped(before, [scope])), this.status


class _Mine:
    """One country's part of what makes up the shares; downloads are unrounded."""

    def __init__(self, makeup: Makeup, asked: Headline, country: str) -> None:
        def of_table(table: pd.DataFrame) -> pd.DataFrame:
            return table[(table["scope"] == asked.scope) & (table["attribution"] == asked.attribution)]

        def of_country(table: pd.DataFrame) -> list[Found]:
            rows = of_table(table[table["country"] == country])
            return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]

        every, mine = of_table(makeup.sums), next(iter(of_country(makeup.sums)), _NOTHING)
        self.total, self.previous_total = math.fsum(every["downloads"]), math.fsum(every["previous_downloads"])
        self.downloads: float = mine["downloads"]
        self.previous_downloads: float = mine["previous_downloads"]
        self.models: int = mine["models"]  #: with downloads
        self.largest, self.behind = of_country(makeup.largest), of_country(makeup.movers)

    @property
    def change(self) -> float | None:
        """Of its share, in points; None where the month before has no downloads."""
        if not self.previous_total:
            return None
        return 100 * (_part(self.downloads, self.total) - _part(self.previous_downloads, self.previous_total))


_NOTHING: Found = {"downloads": 0.0, "previous_downloads": 0.0, "models": 0}


def _part(downloads: float, total: float) -> float:
    return downloads / total if total else 0.0


def _told(mine: _Mine) -> Found:
    """The country's share, what makes it up and what changed it."""
    change = None if mine.change is None else round(mine.change, 4)
    behind = [_behind(each) for each in mine.behind]
    together = math.fsum(each["change_in_points"] for each in behind)
    return {
        **_share("", mine.downloads, mine.total),
        **_share("previous_", mine.previous_downloads, mine.previous_total),
        "change_in_points": change,
        "largest": [_large(each, mine.total) for each in mine.largest],
        "others": _others(mine),
        "behind_the_change": behind,
        "others_behind_the_change": None if change is None else round(change - together, 4),
    }


def _share(prefix: str, downloads: float, total: float) -> Found:
    return {
        f"{prefix}downloads": _whole(downloads),
        f"{prefix}downloads_of_all": _whole(total),
        f"{prefix}share": round(downloads / total, 6) if total else None,
    }


def _large(row: Found, total: float) -> Found:
    return {
        "model": row["model"],
        "downloads": _whole(row["downloads"]),
        "share_of_all": round(row["downloads"] / total, 6),
        "weight": row["weight"],
    }


def _others(mine: _Mine) -> Found:
    """What is not named one by one, so that all of it adds up."""
    downloads = math.fsum([mine.downloads, *(-each["downloads"] for each in mine.largest)])
    return {
        "models": mine.models - len(mine.largest),
        "downloads": _whole(downloads),
        "share_of_all": round(downloads / mine.total, 6) if mine.total else None,
    }


def _behind(row: Found) -> Found:
    return {
        "model": row["model"],
        "share_of_all": round(row["share"], 6),
        "previous_share_of_all": round(row["previous_share"], 6),
        "change_in_points": round(100 * row["change"], 4),
    }


def _whole(downloads: float) -> int:
    return math.floor(downloads + 0.5)


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

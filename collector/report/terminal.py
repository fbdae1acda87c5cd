"""The headline of a report: one sentence, what it stands on, a ranked table, and the spikes beside it.

Knows the published tables and nothing of how they were counted; writes nowhere. No share leaves without its scope,
window, attribution, number of models and publishers, and the parts that are attributed, measured and covered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from collector.columns import COUNTRY_SHARE, FAMILY_SHARE, GROUP_SHARE, PUBLISHER_SHARE, QUALITY
from collector.measure.models import NEVER_REVIEWED, REVIEWED_UNKNOWN, UNRESOLVED
from collector.measure.shares import OTHER
from collector.model import ATTRIBUTIONS, NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY, Attribution, By, Scope, from_seconds
from collector.report.data import ReportData
from collector.report.text import Column, clean, shortened, table_lines

_ROWS = 20  # rows of the table printed; all of them are in the CSV files and in --json
_SPIKES = 5
_BAR = 16  # columns of a share of 100 %
_NAMES = 12  # columns that are left to a name where the terminal is narrow
_NOTHING = "–"
_MONTH = re.compile(r"\d{4}-\d{2}\Z")
_ORIGIN: Mapping[Attribution, str] = {
    "base": "origin of the root model's publisher",
    "publisher": "origin of the uploader",
}
_WENT: Mapping[Attribution, str] = {
    "base": "went to models that originate in",
    "publisher": "went to models whose uploader originates in",
}


_WHY = {
    NEVER_REVIEWED: "accounts never reviewed",
    REVIEWED_UNKNOWN: "reviewed and unknown",
    UNRESOLVED: "lineage not resolved",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a headline stands on. Shares are parts of all downloads, NaN where nobody can say."""

    status: str
    models: int
    publishers: int
    downloads: int
    attributed_share: float
    measured_share: float
    covered_share: float


def standing(data: ReportData, scope: str, attribution: Attribution) -> Standing:
    """The whole scope's figures, from the published rows.

    A merge is one model of several countries: models and publishers are counted in the publishers' table.
    """
    countries = data.table(COUNTRY_SHARE, scope, attribution)
    publishers = data.table(PUBLISHER_SHARE, scope)
    unattributed = countries.loc[countries["country"] == NOT_ATTRIBUTED, "share"]
    return Standing(
        status=", ".join(sorted(set(countries["status"]))),
        models=int(publishers["models"].sum()),
        publishers=len(publishers),
        downloads=int(countries["downloads"].sum()),
        attributed_share=1 - math.fsum(unattributed),
        measured_share=_weighted(countries, "measured_share"),
        covered_share=_weighted(countries, "covered_share"),
    )


def _weighted(countries: pd.DataFrame, column: str) -> float:
    """The mean of a column by share; rows without downloads have no say."""
    some = countries[countries["downloads"] > 0]
    return math.fsum(some["share"] * some[column]) / math.fsum(some["share"]) if len(some) else math.nan


# --- as data --------------------------------------------------------------------------------------------------------


def headline_json(data: ReportData, scope: str, attribution: Attribution, by: By) -> dict[str, Any]:
    """The headline as plain values; None where there is no figure. Texts are the hub's own: write them escaped.

    ReportError when the report has no such scope.
    """
    on = standing(data, scope, attribution)
    return {
        "hub": data.hub,
        "window": {"label": data.window.label, "from": _instant(data.window.start), "to": _instant(data.window.end)},
        "scope": scope,
        "attribution": attribution,
        "by": by,
        "status": on.status,
        "models": on.models,
        "publishers": on.publishers,
        "downloads": on.downloads,
        "attributed_share": _value(on.attributed_share),
        "not_attributed": {why: _value(part) for why, part in data.unknown.get((scope, attribution), {}).items()},
        "measured_share": _value(on.measured_share),
        "covered_share": _value(on.covered_share),
        "rows": _records(_rows(data, scope, attribution, by)),
        "spikes": _records(_spikes(data, scope, attribution)),
    }


def _instant(seconds: int) -> str:
    return from_seconds(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows without what is the same in all of them."""
    rows = table.drop(columns=["hub", "window", "scope", "attribution", "status"], errors="ignore")
    return [{str(name): _value(value) for name, value in row.items()} for row in rows.to_dict("records")]


def _value(value: Any) -> Any:
    """As in the CSV files: six places, and nothing for what is not said."""
    if pd.isna(value):
        return None
    return round(value, 6) if isinstance(value, float) else value


def _rows(data: ReportData, scope: str, attribution: Attribution, by: By) -> pd.DataFrame:
    """The published rows; for countries also their shares by the other attribution and without quantised copies."""
    if by == "family":
        return data.table(FAMILY_SHARE, scope)
    if by == "publisher":
        return data.table(PUBLISHER_SHARE, scope)
    if by == "group":
        return data.table(GROUP_SHARE, scope, attribution)
    rows = data.table(COUNTRY_SHARE, scope, attribution)
    other = _other(attribution)
    others = data.table(COUNTRY_SHARE, scope, other).set_index("country")["share"]
    rows[f"share_by_{other}"] = others.reindex(rows["country"], fill_value=0.0).to_numpy()
    if attribution == "base":
        originals = data.unquantised[scope]
        absent = 0.0 if originals else math.nan
        rows["share_without_quantised"] = [originals.get(country, absent) for country in rows["country"]]
    return rows


def _other(attribution: Attribution) -> Attribution:
    return ATTRIBUTIONS[1 - ATTRIBUTIONS.index(attribution)]


def _spikes(data: ReportData, scope: str, attribution: Attribution) -> pd.DataFrame:
    rows = data.tables[QUALITY.name]
    chosen = (rows["kind"] == "spike") & (rows["scope"] == scope) & (rows["attribution"] == attribution)
    return rows[chosen]


# --- as text --------------------------------------------------------------------------------------------------------


def headline(data: ReportData, scope: str, attribution: Attribution, by: By, width: int) -> str:
    """The headline for a terminal of so many columns, without a line end at its end.

    ReportError when the report has no such scope.
    """
    lines = [
        sentence(data, scope, attribution),
        *standing_lines(data, scope, attribution),
        "",
        *_table(data, scope, attribution, by, width),
        "",
        *_spike_lines(data, scope, attribution),
        *_notes(data, attribution, by),
    ]
    return "\n".join(lines).rstrip("\n")


def sentence(data: ReportData, scope: str, attribution: Attribution) -> str:
    """In 2026-10, N % of the downloads … went to models that originate in …; two more countries; the unknown."""
    rows = data.table(COUNTRY_SHARE, scope, attribution)
    when = f"In {data.window.label}" if _MONTH.match(data.window.label) else f"In the window {data.window.label}"
    models = f"the models polled on {clean(data.hub)} (scope {clean(scope)})"
    if rows["downloads"].sum() == 0:
        return f"{when}, no downloads of {models} were counted."
    known = rows[~rows["country"].isin([NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY]) & (rows["downloads"] > 0)].head(3)
    if known.empty:
        return f"{when}, none of the downloads of {models} can be attributed to a country."
    shares, names = [_percent(share) for share in known["share"]], list(known["country_name"])
    next_ones = ", ".join(f"{name} {share}" for name, share in zip(names[1:], shares[1:], strict=True))
    unknown = _percent(1 - standing(data, scope, attribution).attributed_share) + " not attributed"
    first = f"{shares[0]} of the downloads of {models} {_WENT[attribution]} {names[0]}"
    return f"{when}, {'; '.join(filter(None, [first, next_ones, unknown]))}."


def standing_lines(data: ReportData, scope: str, attribution: Attribution) -> Iterator[str]:
    """What the figures stand on, line by line."""
    on = standing(data, scope, attribution)
    start, end = (_day(instant) for instant in (data.window.start, data.window.end))
    yield f"hub {clean(data.hub)} · window {data.window.label} ({start} to {end}, UTC) · status {on.status}"
    yield f"scope {_rule(next(each for each in data.scopes if each.name == scope))}"
    yield f"attribution {attribution}: {_ORIGIN[attribution]}"
    yield (
        f"{_count(on.models)} models of {_count(on.publishers)} publishers"
        f" · {_count(on.downloads)} downloads counted by the hub · {_percent(on.attributed_share)} attributed"
        f" · {_percent(on.measured_share)} measured · {_percent(on.covered_share)} covered"
    )
    reasons = data.unknown.get((scope, attribution), {})
    if any(reasons.values()):
        parts = [f"{_percent(reasons[reason])} {words}" for reason, words in _WHY.items() if reasons.get(reason)]
        yield f"not attributed, of all downloads: {', '.join(parts)}"


def _day(instant: int) -> str:
    day = from_seconds(instant)
    return day.strftime("%Y-%m-%d" if instant % 86_400 == 0 else "%Y-%m-%d %H:%M")


def _rule(scope: Scope) -> str:
    """A scope with its written rule."""
    rules = []
    if scope.pipeline_tags is not None:
        rules.append("tasks " + ", ".join(sorted(scope.pipeline_tags)))
    if scope.created_after is not None:
        rules.append(f"created after {scope.created_after.isoformat()}")
    if scope.exclude_relations:
        rules.append("without " + ", ".join(sorted(scope.exclude_relations)))
    return clean(f"{scope.name}: {'; '.join(rules) or 'every model'}")


def _table(data: ReportData, scope: str, attribution: Attribution, by: By, width: int) -> Iterator[str]:
    rows = _rows(data, scope, attribution, by)
    printed = rows.head(_ROWS)
    if by == "country":
        # ZZ is never dropped, however small.
        late = rows[_ROWS:]
        printed = pd.concat([printed, late[late["country"] == NOT_ATTRIBUTED]])
    columns = _COLUMNS[by](printed)
    yield from table_lines([_ranks(printed, by), *columns], width)
    left = rows.drop(index=printed.index)
    if len(left):
        yield f"{len(left)} more hold {_percent(math.fsum(left['share'].fillna(0.0)))}: see the CSV files."


def _ranks(rows: pd.DataFrame, by: By) -> Column:
    """Places among the known: what is not attributed, and the families not known, have none."""
    unknown = {"country": NOT_ATTRIBUTED, "family": OTHER}.get(by, "")
    known = rows[by] != unknown
    return Column("", [str(place) if yes else "" for yes, place in zip(known, known.cumsum(), strict=True)], right=True)


def _country_columns(rows: pd.DataFrame) -> list[Column]:
    names = [f"{code} {name}" for code, name in zip(rows["country"], rows["country_name"], strict=True)]
    beside = {
        "share_of_attributed": "of known",
        "share_max": "at most",
        "share_without_quantised": "no copies",
        "share_by_publisher": "by uploader",
        "share_by_base": "by base",
    }
    return [
        _words("country", names),
        *_shares(rows),
        *(_percents(title, rows[name]) for name, title in beside.items() if name in rows),
        _counts("downloads", rows["downloads"]),
        _words("top model", rows["top_model"]),
    ]


def _family_columns(rows: pd.DataFrame) -> list[Column]:
    return [
        _words("family", rows["family"]),
        _words("country", rows["country"]),
        *_shares(rows),
        _percents("derived", rows["derivative_part"]),
        _counts("downloads", rows["downloads"]),
        _counts("models", rows["models"]),
        _words("top model", rows["top_model"]),
    ]


def _publisher_columns(rows: pd.DataFrame) -> list[Column]:
    return [
        _words("publisher", rows["publisher"]),
        _words("organisation", rows["organisation"]),
        _words("country", rows["country"]),
        *_shares(rows),
        _counts("downloads", rows["downloads"]),
        _counts("models", rows["models"]),
    ]


def _group_columns(rows: pd.DataFrame) -> list[Column]:
    return [
        _words("group", rows["group"]),
        _words("in full", rows["group_title"]),
        *_shares(rows),
        _percents("of known", rows["share_of_attributed"]),
        _percents("at most", rows["share_max"]),
        _counts("downloads", rows["downloads"]),
        _counts("countries", rows["countries"]),
    ]


_COLUMNS: Mapping[By, Callable[[pd.DataFrame], list[Column]]] = {
    "country": _country_columns,
    "family": _family_columns,
    "publisher": _publisher_columns,
    "group": _group_columns,
}


def _shares(rows: pd.DataFrame) -> list[Column]:
    """Share, its bar, and its change in points where the table has the window before."""
    columns = [_percents("share", rows["share"]), Column("", [_bar(share) for share in rows["share"]], optional=True)]
    if "previous_share" in rows:
        changes = 100 * (rows["share"] - rows["previous_share"])
        columns.append(Column("change", [_NOTHING if c != c else f"{c:+z.1f}" for c in changes], right=True))
    return columns


def _bar(share: float) -> str:
    """Eighths of a block, so that small shares differ to the eye."""
    eighths = 0 if share != share else round(share * _BAR * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _words(title: str, texts: Sequence[str] | pd.Series[Any]) -> Column:
    cells = ["" if text != text or text is None else shortened(clean(text), 60) for text in texts]
    return Column(title, cells, least=_NAMES)


def _counts(title: str, values: pd.Series[Any]) -> Column:
    return Column(title, [_count(value) for value in values], right=True)


def _percents(title: str, values: pd.Series[Any]) -> Column:
    return Column(title, [_percent(value) for value in values], right=True)


def _count(value: int) -> str:
    return f"{value:,}"


def _percent(share: float) -> str:
    return _NOTHING if share != share else f"{100 * share:z.1f} %"


def _spike_lines(data: ReportData, scope: str, attribution: Attribution) -> Iterator[str]:
    spikes = _spikes(data, scope, attribution)
    for row in spikes.head(_SPIKES).to_dict("records"):
        name, country = shortened(clean(row["model"]), 80), row["country"]
        yield f"spike: {name}: {country} {_percent(row['share'])} with it, {_percent(row['share_without'])} without it"
    if len(spikes) > _SPIKES:
        more = len(spikes) - _SPIKES
        yield f"{more} more {'spike' if more == 1 else 'spikes'}: see {QUALITY.name}"


def _notes(data: ReportData, attribution: Attribution, by: By) -> Iterator[str]:
    if by == "country":
        yield "change: points since the window before · of known: part of the downloads that are attributed (not ZZ)"
        yield "at most: were all of ZZ its own · by uploader, by base: under the other attribution"
    if by == "country" and attribution == "base":
        yield "no copies: the same without quantised copies, each file of which counts as a download"
    if by == "family":
        yield "family: that of the root model, whoever republished it"
    if by == "group":
        yield "groups overlap, so their shares do not add up · at most: were all of ZZ the group's own"
    yield clean(data.counters)

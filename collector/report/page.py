"""`report.html`: one self-contained page of a report, to be looked at, printed and read aloud; it asks for nothing.

Knows the published tables and how to show them; counts nothing but the sums it prints. Hub text is hostile: every word
is cleaned and escaped on its way in. The same figures make the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from collector.columns import COUNTRY_SHARE, DERIVATIVE_SHARE, FAMILY_SHARE, QUALITY
from collector.errors import ReportError
from collector.measure.shares import Concentration, concentration
from collector.model import ATTRIBUTIONS, NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY, Attribution
from collector.report import svg
from collector.report.data import ReportData
from collector.report.svg import Series
from collector.report.terminal import sentence, standing_lines
from collector.report.text import clean

PAGE = "report.html"

_DRAWN = 7  # countries with a colour of their own; the rest is one more
_REST, _UNKNOWN = 7, 8  # colours
_FAMILIES, _RANKED, _MOVED, _NOTED = 15, 25, 6, 12
_MEASURES: Mapping[str, str] = {"share": "share of downloads", "downloads": "downloads"}
_MARKS: Mapping[str, str] = {"lines": "lines", "area": "stacked area"}
_ATTRIBUTED: Mapping[Attribution, str] = {"base": "origin of the root model", "publisher": "origin of the uploader"}
_RELATIONS = ("quantized", "finetune", "adapter", "merge", "unspecified")
_LINKS = {
    "hub": ("https://huggingface.co/docs/hub/models-download-stats", "how this hub counts a download"),
    "falls": ("https://github.com/huggingface/huggingface_hub/issues/4365", "counters do fall"),
    "codes": ("https://www.iso.org/iso-3166-country-codes.html", "ISO 3166-1"),
    "package": ("https://datapackage.org/standard/data-package/", "Data Package"),
}
_NOTES: Mapping[str, str] = {
    "dip": "counters fell and came back within a week; the readings in between were ignored",
    "correction": "times the hub took back downloads it had counted; these stand apart and are never netted",
    "restatement": "counters jumped further than their 30-day count explains; what exceeds it is no download",
    "instant": "times two polls read one instant; the later one counts",
    "gap": "gaps without a complete poll; growth is spread evenly over them",
    "stale": "polls in which the hub served old counters; what did not move was not read",
    "thin": "polls that listed too little; what they lack proves nothing",
    "entered": "rows on models listed for the first time",
    "left": "rows on models no longer listed",
    "list_size": "changes of what was asked for: figures before and after are not of the same list",
    "disagreement": "models whose name says another family than their declared base; the declaration counts",
}


def write_page(data: ReportData, folder: Path) -> Path:
    """Writes the page beside the CSV files in `folder`; ReportError when it cannot be written."""
    path, unfinished = folder / PAGE, folder / f".{PAGE}"
    try:
        unfinished.write_text(page(data), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from error
    return path


def page(data: ReportData) -> str:
    """The page as HTML text."""
    main = "".join(
        section(data) for section in (_over_time, _ranking, _families, _derivatives, _concentration, _moved, _quality)
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'unsafe-inline'; img-src data:\">\n"
        f'<link rel="icon" href="data:,">\n<title>{_title(data)}</title>\n'
        f"<style>\n{_file('page.css')}</style>\n</head>\n"
        f'<body>\n{_head(data)}\n<main id="main" tabindex="-1">\n'
        f"{_controls(data)}{main}{_method(data)}{_cite(data)}</main>\n"
        f"<footer>{_text(f'Made by open-model-collector {data.software_version} from the files beside this page.')}"
        f"</footer>\n<script>\n{_file('page.js')}</script>\n</body>\n</html>\n"
    )


def _file(name: str) -> str:
    return (resources.files("collector") / "data" / "page" / name).read_text(encoding="utf-8")


# --- words ------------------------------------------------------------------------------------------------------------


def _text(words: object) -> str:
    """Text that a page can hold: nothing in it can run or turn its direction."""
    return escape(clean(str(words))).replace(" %", "\N{NO-BREAK SPACE}%")


def _percent(share: float) -> str:
    return "–" if share != share else f"{100 * share:z.1f} %"


def _points(change: float) -> str:
    if change != change:
        return '<td class="n">–</td>'
    way = "rise" if round(change, 3) > 0 else "fall" if round(change, 3) < 0 else ""
    arrow = {"rise": "▲ ", "fall": "▼ ", "": ""}[way]
    return f'<td class="n {way}">{arrow}{100 * change:+z.1f}</td>'


def _amount(value: float) -> str:
    """A number for an axis."""
    for size, unit in ((1e9, " bn"), (1e6, " m"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.1f}".removesuffix(".0") + unit
    return f"{value:.0f}"


def _axis(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def _title(data: ReportData) -> str:
    return _text(f"Downloads of open models on {data.hub}, {data.window.label}")


# --- parts of a page --------------------------------------------------------------------------------------------------


def _head(data: ReportData) -> str:
    scope = data.scopes[0].name
    answer = _text(sentence(data, scope, data.attribution))
    stands = "".join(f"<li>{_text(line)}</li>" for line in standing_lines(data, scope, data.attribution))
    return (
        f'<a class="skip" href="#main">To the figures</a>\n<header class="top">\n<h1>{_title(data)}</h1>\n'
        f'<p class="answer">{answer}</p>\n<ul class="stands">{stands}</ul>\n</header>'
    )


def _controls(data: ReportData) -> str:
    scopes = [(scope.name, scope.name) for scope in data.scopes]
    ways = [(each, _ATTRIBUTED[each]) for each in (data.attribution, *ATTRIBUTIONS)]
    fields = (
        ("scope", "Scope", scopes),
        ("attribution", "Attributed by", list(dict(ways).items())),
        ("measure", "Show", list(_MEASURES.items())),
        ("mark", "Drawn as", list(_MARKS.items())),
    )
    sets = "".join(_choice(name, legend, choices) for name, legend, choices in fields)
    told = '<p class="unseen" role="status"></p>'
    return f'<form class="controls" hidden aria-label="What the figures below show">{sets}{told}</form>\n'


def _choice(name: str, legend: str, choices: Sequence[tuple[str, str]]) -> str:
    options = "".join(
        f'<label><input type="radio" name="{name}" value="{_text(value)}"{"" if n else " checked"}>'
        f"<span>{_text(words)}</span></label>"
        for n, (value, words) in enumerate(choices)
    )
    return f"<fieldset><legend>{legend}</legend>{options}</fieldset>"


def _views(data: ReportData, show: Callable[[str, Attribution], str]) -> str:
    """A view of every scope under both attributions; the headline's stands there before any choice."""
    ways = sorted(ATTRIBUTIONS, key=lambda each: each != data.attribution)
    return "".join(
        _view({"scope": scope.name, "attribution": each}, show(scope.name, each), shown=not n and not m)
        for n, scope in enumerate(data.scopes)
        for m, each in enumerate(ways)
    )


def _scope_views(data: ReportData, show: Callable[[str], str]) -> str:
    """A view of every scope, where the attribution plays no part."""
    return "".join(_view({"scope": scope.name}, show(scope.name), shown=not n) for n, scope in enumerate(data.scopes))


def _view(chosen: Mapping[str, str], content: str, *, shown: bool) -> str:
    when = ";".join(f"{name}={value}" for name, value in chosen.items())
    return f'<div data-view="{_text(when)}"{"" if shown else " hidden"}>{content}</div>\n'


def _section(name: str, title: str, lead: str, content: str) -> str:
    return (
        f'<section aria-labelledby="{name}">\n<h2 id="{name}">{_text(title)}</h2>\n'
        f'<p class="lead">{_text(lead)}</p>\n{content}</section>\n'
    )


def _table(caption: str, head: Sequence[tuple[str, bool]], rows: Iterable[str]) -> str:
    """A table; a column is its title and whether it holds numbers."""
    cells = "".join(
        f'<th scope="col"{" class=n" if number else ""}>{_text(title)}</th>' if title else "<td></td>"
        for title, number in head
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{_text(caption)}"><table><caption>{_text(caption)}'
        f"</caption><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(name: str, *cells: str) -> str:
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'


def _n(words: str) -> str:
    return f'<td class="n">{_text(words)}</td>'


def _chart(title: str, drawing: str, table: str, legend: str = "") -> str:
    of = f'<span class="unseen">: {_text(title)}</span>'  # read aloud, each is told from the others
    return (
        f'<figure><div class="canvas">{drawing}</div>{legend}'
        f"<details><summary>The figures as a table{of}</summary>{table}</details></figure>"
    )


# --- over time --------------------------------------------------------------------------------------------------------


def _over_time(data: ReportData) -> str:
    ways = sorted(ATTRIBUTIONS, key=lambda each: each != data.attribution)
    views = [
        _view(
            {"scope": scope.name, "attribution": way, "measure": measure, "mark": mark},
            chart,
            shown=not (n or m or k or j),
        )
        for n, scope in enumerate(data.scopes)
        for m, way in enumerate(ways)
        for k, measure in enumerate(_MEASURES)
        for j, (mark, chart) in enumerate(_history_charts(data, scope.name, way, measure).items())
    ]
    lead = "Each month as it stands in the database now. The last one may be provisional: see “How sure this is”."
    if data.waiting:
        lead += (
            f" Models of {data.waiting_named} are described anew since: until what that changes is worked out, the "
            "chart shows the shares from before."
        )
    return _section("time", "Countries over time", lead, "".join(views))


def _history_charts(data: ReportData, scope: str, attribution: Attribution, measure: str) -> dict[str, str]:
    """By mark."""
    rows = data.history[(data.history["scope"] == scope) & (data.history["attribution"] == attribution)]
    rows = rows[rows.groupby("window")["downloads"].transform("sum") > 0]
    wide = rows.pivot_table(index="window", columns="country", values=measure, aggfunc="sum", fill_value=0.0)
    wide = wide.sort_index()
    if wide.empty:
        return dict.fromkeys(_MARKS, "<p>No month of this scope has figures.</p>")
    names = dict(zip(rows["country"], rows["country_name"], strict=True))
    months = [str(month) for month in wide.index]
    series = _history_series(data, scope, attribution, wide, names)
    words = _axis if measure == "share" else _amount
    title = f"{_MEASURES[measure].capitalize()} by country ({_ATTRIBUTED[attribution]}), scope {clean(scope)}"
    shown = _percent if measure == "share" else (lambda value: f"{value:,.0f}")
    head = [("month", False), *((each.name, True) for each in series)]
    cells = (_row(_text(month), *(_n(shown(each.values[n])) for each in series)) for n, month in enumerate(months))
    table, legend = _table(title, head, cells), _legend(*((each.name, each.colour) for each in series))
    draw = {mark: svg.lines if mark == "lines" else svg.areas for mark in _MARKS}
    return {mark: _chart(title, drawn(title, months, series, words), table, legend) for mark, drawn in draw.items()}


def _history_series(
    data: ReportData, scope: str, attribution: Attribution, wide: pd.DataFrame, names: Mapping[str, str]
) -> list[Series]:
    """The largest countries of the window, the others together, and what is not attributed."""
    standing = data.table(COUNTRY_SHARE, scope, attribution)
    order = [*standing["country"], *(code for code in wide.columns if code not in set(standing["country"]))]
    drawn = [code for code in order if code not in (NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY) and code in wide][:_DRAWN]
    rest = [code for code in wide.columns if code not in drawn and code != NOT_ATTRIBUTED]
    series = [Series(clean(names[code]), _values(wide[code]), n) for n, code in enumerate(drawn)]
    if rest:
        series.append(Series("all others", _values(wide[rest].sum(axis=1)), _REST))
    if NOT_ATTRIBUTED in wide:
        series.append(Series("not attributed", _values(wide[NOT_ATTRIBUTED]), _UNKNOWN))
    return series


def _values(column: pd.Series[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in column)


# --- the window -------------------------------------------------------------------------------------------------------


def _ranking(data: ReportData) -> str:
    lead = (
        "Change is in points of share since the window before. ‘Of known’ leaves out what is not attributed; "
        "‘at most’ would be the share were all of it this country's."
    )
    return _section(
        "ranking", f"Countries in {data.window.label}", lead, _views(data, lambda *of: _countries(data, *of))
    )


def _countries(data: ReportData, scope: str, attribution: Attribution) -> str:
    rows = data.table(COUNTRY_SHARE, scope, attribution)
    printed = pd.concat([rows.head(_RANKED), rows[_RANKED:].loc[lambda late: late["country"] == NOT_ATTRIBUTED]])
    head = [("country", False), ("share", True), ("", False), ("change", True), ("of known", True), ("at most", True)]
    head += [("downloads", True), ("measured", True), ("status", False), ("top model", False)]
    most = float(rows["share"].max()) if len(rows) else 1.0
    body = (
        _row(
            _text(f"{row['country']} {row['country_name']}"),
            _n(_percent(row["share"])),
            _bar(row["share"] / most if most else 0.0),
            _points(row["share"] - row["previous_share"]),
            *(_n(_percent(row[name])) for name in ("share_of_attributed", "share_max")),
            _n(f"{row['downloads']:,}"),
            _n(_percent(row["measured_share"])),
            f"<td>{_text(row['status'])}</td>",
            _named(row["top_model"]),
        )
        for row in printed.to_dict("records")
    )
    return _table(f"Countries by share, {_ATTRIBUTED[attribution]}, scope {clean(scope)}", head, body)


def _bar(part: float) -> str:
    return f'<td aria-hidden="true"><span class="track"><i style="width:{100 * part:.1f}%"></i></span></td>'


def _named(name: Any) -> str:
    return f'<td class="m">{_text(name if isinstance(name, str) else "")[:400]}</td>'


def _families(data: ReportData) -> str:
    lead = "A family is that of the root model, whoever republished it. The grey part was made by derivatives."
    return _section("families", "Model families", lead, _scope_views(data, lambda scope: _family_chart(data, scope)))


def _family_chart(data: ReportData, scope: str) -> str:
    rows = data.table(FAMILY_SHARE, scope)
    rows = rows[rows["downloads"] > 0].head(_FAMILIES)
    drawn = []
    for row in rows.to_dict("records"):
        derived = 0.0 if pd.isna(row["derivative_part"]) else row["share"] * row["derivative_part"]
        parts = [Series("originals", (row["share"] - derived,), 1), Series("derivatives", (derived,), _REST)]
        drawn.append((f"{clean(row['family'])} ({row['country']})", parts))
    title = f"Model families by share of downloads, scope {clean(scope)}"
    head = [
        ("family", False),
        ("country", False),
        ("share", True),
        ("change", True),
        ("derived", True),
        ("models", True),
    ]
    body = (
        _row(
            _text(row["family"]),
            f"<td>{_text(row['country'])}</td>",
            _n(_percent(row["share"])),
            _points(row["share"] - row["previous_share"]),
            _n(_percent(row["derivative_part"])),
            _n(f"{row['models']:,}"),
        )
        for row in rows.to_dict("records")
    )
    legend = _legend(("originals", 1), ("derivatives", _REST))
    return _chart(title, svg.bars(title, drawn, _percent), _table(title, head, body), legend)


def _legend(*keys: tuple[str, int]) -> str:
    items = "".join(f'<li><span class="key c{colour}"></span>{_text(name)}</li>' for name, colour in keys)
    return f'<ul class="legend" aria-hidden="true">{items}</ul>'


def _derivatives(data: ReportData) -> str:
    lead = (
        "Who builds on whose models: downloads of models made from another, by the origin of the root. "
        "New models are those created in the window; adoption shows here first."
    )
    return _section(
        "derivatives",
        "Derivatives by country of the root",
        lead,
        _scope_views(data, lambda scope: _derivative_chart(data, scope)),
    )


def _derivative_chart(data: ReportData, scope: str) -> str:
    rows = data.table(DERIVATIVE_SHARE, scope)
    rows = rows[(rows["downloads"] > 0) | (rows["new_models"] > 0)]
    if rows.empty:
        return "<p>No derivative was downloaded in this scope.</p>"
    shares = rows.groupby("country")["share"].sum().sort_values(ascending=False)
    kinds = {kind: n for n, kind in enumerate(_RELATIONS)}
    names = dict(zip(data.history["country"], data.history["country_name"], strict=True))
    drawn = [
        (
            clean(names.get(code, code)),
            [
                Series(row["relation"], (row["share"],), kinds.get(row["relation"], _REST))
                for row in sorted(
                    rows[rows["country"] == code].to_dict("records"), key=lambda row: kinds.get(row["relation"], _REST)
                )
                if row["share"] > 0
            ],
        )
        for code in shares.index[:_DRAWN]
    ]
    title = f"Downloads of derivatives by origin of their root, scope {clean(scope)}"
    head = [("root", False), ("made by", False), ("share", True), ("of all downloads", True)]
    head += [("downloads", True), ("new models", True), ("part of new", True), ("top model", False)]
    body = (
        _row(
            _text(row["country"]),
            f"<td>{_text(row['relation'])}</td>",
            *(_n(_percent(row[name])) for name in ("share", "share_of_all")),
            *(_n(f"{row[name]:,}") for name in ("downloads", "new_models")),
            _n(_percent(row["new_models_share"])),
            _named(row["top_model"]),
        )
        for row in rows.to_dict("records")
    )
    legend = _legend(*((kind, n) for kind, n in kinds.items() if (rows["relation"] == kind).any()))
    return _chart(title, svg.bars(title, drawn, _percent), _table(title, head, body), legend)


def _concentration(data: ReportData) -> str:
    lead = (
        "Parts of the largest one, five and ten, and the Herfindahl index (the sum of squared shares: "
        "1 is a monopoly, one over n an even split among n)."
    )
    return _section("few", "How few hold how much", lead, _views(data, lambda *of: _few(data, *of)))


def _few(data: ReportData, scope: str, attribution: Attribution) -> str:
    countries = data.table(COUNTRY_SHARE, scope, attribution)
    kinds = {
        "publishers": data.publishers[scope],
        "families": _among(data.table(FAMILY_SHARE, scope)),
        "countries": _among(countries[countries["country"] != NOT_ATTRIBUTED]),
    }
    if scope == data.scopes[0].name and data.scopes[0].pipeline_tags is None:
        kinds = {"models": data.models.concentration, **kinds}
    head = [
        ("of", False),
        ("largest", True),
        ("five", True),
        ("ten", True),
        ("Herfindahl", True),
        ("with downloads", True),
    ]
    body = (_concentrated(name, found) for name, found in kinds.items())
    return _table(f"Concentration, scope {clean(scope)}, {_ATTRIBUTED[attribution]}", head, body)


def _among(rows: pd.DataFrame) -> Concentration:
    return concentration(rows["share"].to_numpy(dtype=float))


def _concentrated(name: str, found: Concentration) -> str:
    tops = (_n(_percent(math.fsum(found.largest[:most]))) for most in (1, 5, 10))
    return _row(_text(name), *tops, _n(f"{found.herfindahl:.3f}"), _n(f"{found.with_downloads:,}"))


def _moved(data: ReportData) -> str:
    lead = (
        "The countries whose share changed most, and the models behind it: each one's part of all downloads, in points."
    )
    return _section("moved", "What moved most, and why", lead, _views(data, lambda *of: _movers(data, *of)))


def _movers(data: ReportData, scope: str, attribution: Attribution) -> str:
    rows = data.table(COUNTRY_SHARE, scope, attribution)
    rows = rows.assign(change=rows["share"] - rows["previous_share"]).dropna(subset=["change"])
    if rows.empty:
        return "<p>The window before holds no figures to compare with.</p>"
    largest = rows.assign(size=-rows["change"].abs()).sort_values(["size", "country"]).head(_MOVED)
    behind = data.movers[(data.movers["scope"] == scope) & (data.movers["attribution"] == attribution)]
    head = [("country", False), ("before", True), ("now", True), ("change", True), ("models behind it", False)]
    body = (
        _row(
            _text(f"{row['country']} {row['country_name']}"),
            _n(_percent(row["previous_share"])),
            _n(_percent(row["share"])),
            _points(row["change"]),
            f'<td class="m">{_behind(behind[behind["country"] == row["country"]])}</td>',
        )
        for row in largest.to_dict("records")
    )
    return _table(f"Changes of share, {_ATTRIBUTED[attribution]}, scope {clean(scope)}", head, body)


def _behind(rows: pd.DataFrame) -> str:
    told = [f"{_text(row['model'])[:200]} {100 * row['change']:+z.2f}" for row in rows.head(3).to_dict("records")]
    return "<br>".join(told) or "–"


# --- what to know -----------------------------------------------------------------------------------------------------


def _quality(data: ReportData) -> str:
    rows = data.tables[QUALITY.name]
    lead = "What a careful reader should know before quoting a figure. Every case is in quality.csv."
    notes = "".join(f"<li>{note}</li>" for note in (*_coverage(data), *_spikes(data, rows), *_kinds(rows)))
    return _section("quality", "How sure this is", lead, f'<ul class="notes">{notes}</ul>')


def _coverage(data: ReportData) -> Iterator[str]:
    rows = data.table(COUNTRY_SHARE, data.scopes[0].name, data.attribution)
    status = " and ".join(sorted(set(rows["status"])))
    yield f'The window is <span class="badge">{_text(status)}</span>.' + (
        " It is not over, not wholly covered, or holds a fall too young to be judged."
        if "provisional" in status
        else ""
    )
    corrections = int(rows["corrections"].sum())
    yield (
        f"Corrections by the hub add up to {corrections:+,} downloads; they are in no share."
        if corrections
        else ("The hub took nothing back that counts in this window.")
    )


def _spikes(data: ReportData, rows: pd.DataFrame) -> Iterator[str]:
    first = data.scopes[0].name
    found = rows[(rows["kind"] == "spike") & (rows["scope"] == first) & (rows["attribution"] == data.attribution)]
    for row in found.head(_NOTED).to_dict("records"):
        yield (
            f"Spike: without <b>{_text(row['model'])[:200]}</b> the share of {_text(row['country'])} would be "
            f"{_percent(row['share_without'])}, not {_percent(row['share'])}."
        )
    if found.empty:
        yield "No single model moves a country's share by a point or more."


def _kinds(rows: pd.DataFrame) -> Iterator[str]:
    counted = rows["kind"].value_counts()
    for kind, words in _NOTES.items():
        if kind in counted:
            yield f"{counted[kind]:,} × {_text(words)}."


def _method(data: ReportData) -> str:
    lines = (
        _text(data.counters) + f" See {_link('hub')}.",
        "Counters are polled; a window's downloads are the cumulative counter at its end minus that at its start.",
        "Between two readings growth is spread evenly, so halves make wholes and months make years.",
        "Where there is no cumulative counter, rolling 30-day counts stand in, marked estimated.",
        f"A fall of a counter is a dip or a correction ({_link('falls')}), which is never netted into downloads.",
        "Origin is the head office of the organisation that controls the account, on the window's last day.",
        "Attribution by root follows the lineage: our corrections, the hub's declaration, the name, the model itself.",
        f"Country codes are {_link('codes')}; XX is not of one country, ZZ is not attributed and never dropped.",
        "A spike stays in every figure and is named beside it.",
        f"The CSV files beside this page hold every figure; datapackage.json ({_link('package')}) says how.",
    )
    items = "".join(f"<li>{line}</li>" for line in lines)
    return (
        f'<section aria-labelledby="method"><h2 id="method">The method in ten lines</h2><ol class="method">{items}</ol>'
        "</section>\n"
    )


def _link(name: str) -> str:
    address, words = _LINKS[name]
    return f'<a href="{address}" rel="noreferrer">{words}</a>'


def _cite(data: ReportData) -> str:
    registry = f"registry {data.registry.version} ({data.registry.sha256[:12]})"
    words = (
        f"Open-model adoption telemetry collector {data.software_version}: downloads of open models on {data.hub}, "
        f"{data.window.label}, scope {data.scopes[0].name}, attribution {data.attribution}; {registry}."
    )
    sources = "".join(
        f"<li>{_text(' · '.join(filter(None, (source.title, source.path, source.license))))}</li>"
        for source in data.sources
    )
    return (
        f'<section aria-labelledby="cite"><h2 id="cite">How to cite</h2><p class="cite">{_text(words)}</p>'
        f"<p>Name the hub, the window, the scope and the attribution with every figure.</p>"
        f"{f'<h3>Sources</h3><ul>{sources}</ul>' if sources else ''}</section>\n"
    )

"""The charts of a report as PNG and SVG for slides, drawn by Vega. Knows Altair, which is an extra; asks no network.

The page draws its own (`svg`): Vega inside it would be 0.9 MB of scripts before the first figure.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd

from collector.columns import COUNTRY_SHARE, FAMILY_SHARE
from collector.errors import ReportError
from collector.model import NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY
from collector.report.data import ReportData
from collector.report.text import clean

FOLDER = "charts"
_LARGEST = 8
_WIDTH, _HEIGHT = 1000, 480
_COLOURS = ["#b3302f", "#1f5fa8", "#96600a", "#3c7d3f", "#7a4ba3", "#1a7f7a", "#a83a7c"]  # as on the page


def write_slides(data: ReportData, folder: Path) -> list[Path]:
    """Writes each chart of the headline's scope below `folder`/charts, as PNG and SVG; returns the files.

    ReportError when Altair is not installed or the folder cannot be written.
    """
    try:
        import altair  # noqa: F401 - is it there?
        import vl_convert  # noqa: F401 - altair draws files with it
    except ImportError as error:
        raise ReportError("--png needs Altair: pip install 'open-model-collector[plots]'") from error
    target, written = folder / FOLDER, []
    try:
        target.mkdir(exist_ok=True)
        for name, chart in _charts(data).items():
            for kind in ("svg", "png"):
                path = target / f"{name}.{kind}"
                path.write_bytes(_drawn(chart, kind))
                written.append(path)
    except OSError as error:
        raise ReportError(f"cannot write {target}: {error.strerror}; choose a folder that can be written") from error
    return written


def _drawn(chart: Any, kind: str) -> bytes:
    content = io.StringIO() if kind == "svg" else io.BytesIO()
    chart.save(content, format=kind, **({"scale_factor": 2} if kind == "png" else {}))
    value = content.getvalue()
    return value.encode() if isinstance(value, str) else value


def _charts(data: ReportData) -> dict[str, Any]:
    charts = {"countries": _countries(data), "families": _families(data)}
    history = data.history
    mine = history[(history["scope"] == data.scopes[0].name) & (history["attribution"] == data.attribution)]
    mine = mine[mine.groupby("window")["downloads"].transform("sum") > 0]
    return charts | ({"countries-over-time": _over_time(data, mine)} if len(mine) else {})


def _styled(chart: Any, data: ReportData, words: str, note: str = "") -> Any:
    """A chart under its title, with what the figures stand on below it: a slide is quoted without its page."""
    import altair as alt

    scope = data.scopes[0].name
    stands = clean(f"{data.hub} · {data.window.label} · scope {scope} · attribution {data.attribution}")
    title = alt.Title(words, subtitle=f"{stands} · open-model-collector {data.software_version}{note}")
    chart = chart.properties(title=title, width=_WIDTH, height=_HEIGHT)
    return (
        chart.configure(font="sans-serif", background="white", padding=20)
        .configure_title(anchor="start", fontSize=26, subtitleFontSize=15, subtitleColor="#5a6270", offset=18)
        .configure_axis(
            labelFontSize=16, titleFontSize=15, titleFontWeight="normal", gridColor="#e4e1d8", labelLimit=260
        )
        .configure_axisY(ticks=False, domain=False)
        .configure_view(stroke=None)
    )


def _bars(data: ReportData, rows: pd.DataFrame, name: str, words: str) -> Any:
    import altair as alt

    shown = rows.head(_LARGEST).assign(label=[clean(str(value)) for value in rows.head(_LARGEST)[name]])
    base = alt.Chart(shown[["label", "share"]]).encode(
        x=alt.X("share:Q", axis=None), y=alt.Y("label:N", sort=None, title=None)
    )
    values = base.mark_text(align="left", dx=6, fontSize=16).encode(text=alt.Text("share:Q", format=".1%"))
    return _styled(base.mark_bar(color=_COLOURS[1], height={"band": 0.7}) + values, data, words)


def _countries(data: ReportData) -> Any:
    rows = data.table(COUNTRY_SHARE, data.scopes[0].name, data.attribution)
    unknown = rows["country"] == NOT_ATTRIBUTED  # a number of its own on every slide
    rows = pd.concat([rows[~unknown].head(_LARGEST - 1), rows[unknown]])
    return _bars(data, rows, "country_name", "Share of downloads by country of origin")


def _families(data: ReportData) -> Any:
    rows = data.table(FAMILY_SHARE, data.scopes[0].name)
    return _bars(data, rows[rows["downloads"] > 0], "family", "Share of downloads by model family")


def _over_time(data: ReportData, rows: pd.DataFrame) -> Any:
    import altair as alt

    # The countries of the window, so that the lines have the colours and the order that they have on the page.
    standing = data.table(COUNTRY_SHARE, data.scopes[0].name, data.attribution)
    codes = [code for code in standing["country"] if code not in (NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY)][: len(_COLOURS)]
    shown = rows[rows["country"].isin(codes)]
    shown = shown.assign(country_name=[clean(str(name)) for name in shown["country_name"]])
    names = dict(zip(shown["country"], shown["country_name"], strict=True))
    order = [names[code] for code in codes if code in names]
    colours = alt.Scale(domain=order, range=_COLOURS[: len(order)])
    chart = (
        alt.Chart(shown[["window", "country_name", "share"]])
        .mark_line(point={"size": 60}, strokeWidth=3)
        .encode(
            x=alt.X("window:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy")),
            y=alt.Y("share:Q", axis=alt.Axis(format=".0%", tickCount=6), title=None),
            color=alt.Color("country_name:N", scale=colours, legend=alt.Legend(title=None, labelFontSize=16)),
        )
    )
    note = f" · models of {data.waiting_named} described anew since" if data.waiting else ""
    return _styled(chart, data, "Share of downloads by country of origin, month by month", note)

"""The charts of a report as PNG and SVG for slides, drawn by Vega. Knows Altair, which is an extra; asks no network."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd

from collector.columns import COUNTRY_SHARE, FAMILY_SHARE
from collector.errors import ReportError
from collector.model import NOT_ATTRIBUTED
from collector.report.data import ReportData
from collector.report.text import clean

FOLDER = "charts"
_LARGEST = 8
_WIDTH, _HEIGHT = 900, 460


def write_slides(data: ReportData, folder: Path) -> list[Path]:
    """Writes each chart of the headline's scope below `folder`/charts, as PNG and SVG; returns the files.

    ReportError when Altair is not installed or the folder cannot be written.
    """
    try:
        import altair  # noqa: F401 - is it there?
        import vl_convert  # noqa: F401
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


def _title(data: ReportData, words: str) -> str:
    scope = data.scopes[0].name
    return clean(f"{words} · {data.hub} · {data.window.label} · scope {scope} · attribution {data.attribution}")


def _bars(data: ReportData, rows: pd.DataFrame, name: str, words: str) -> Any:
    import altair as alt

    shown = rows.head(_LARGEST).assign(label=[clean(str(value)) for value in rows.head(_LARGEST)[name]])
    return (
        alt.Chart(shown[["label", "share"]], title=_title(data, words), width=_WIDTH, height=_HEIGHT)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", axis=alt.Axis(format=".0%"), title="share of downloads"),
            y=alt.Y("label:N", sort=None, title=None),
        )
    )


def _countries(data: ReportData) -> Any:
    rows = data.table(COUNTRY_SHARE, data.scopes[0].name, data.attribution)
    return _bars(data, rows, "country_name", "Downloads by country of origin")


def _families(data: ReportData) -> Any:
    rows = data.table(FAMILY_SHARE, data.scopes[0].name)
    return _bars(data, rows[rows["downloads"] > 0], "family", "Downloads by model family")


def _over_time(data: ReportData, rows: pd.DataFrame) -> Any:
    import altair as alt

    known = rows[rows["country"] != NOT_ATTRIBUTED]
    largest = known.groupby("country")["downloads"].sum().nlargest(_LARGEST).index
    shown = known[known["country"].isin(largest)]
    shown = shown.assign(country_name=[clean(str(name)) for name in shown["country_name"]])
    return (
        alt.Chart(
            shown[["window", "country_name", "share"]],
            title=_title(data, "Share of downloads by month"),
            width=_WIDTH,
            height=_HEIGHT,
        )
        .mark_line(point=True)
        .encode(
            x=alt.X("window:O", title=None),
            y=alt.Y("share:Q", axis=alt.Axis(format=".0%"), title="share of downloads"),
            color=alt.Color("country_name:N", title=None, sort=None),
        )
    )

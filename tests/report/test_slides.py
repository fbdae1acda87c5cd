"""The charts for slides: files that pictures are, without a browser and without a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from collector.errors import ReportError
from collector.report.data import HISTORY, ReportData
from collector.report.slides import FOLDER, write_slides

pytest.importorskip("altair", reason="the extra plots is not installed")


def test_every_chart_is_a_png_and_an_svg(report: ReportData, tmp_path: Path) -> None:
    rows = report.tables["country_share.csv"]
    history = rows[["window", "scope", "attribution", "country", "country_name", "downloads", "share"]]
    written = write_slides(replace(report, history=history), tmp_path)
    assert {path.name for path in written} == {
        f"{name}.{kind}" for name in ("countries", "families", "countries-over-time") for kind in ("png", "svg")
    }
    assert all(path.parent == tmp_path / FOLDER for path in written)
    for path in written:
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG") if path.suffix == ".png" else b"<path" in content and b"<svg" in content


def test_a_report_without_months_has_no_chart_over_time(report: ReportData, tmp_path: Path) -> None:
    assert len(write_slides(report, tmp_path)) == 4


def test_the_chart_of_months_names_those_that_stand_as_they_were(report: ReportData, tmp_path: Path) -> None:
    history = report.tables["country_share.csv"][list(HISTORY)]
    write_slides(replace(report, history=history, waiting=("2026-07",)), tmp_path)
    over_time, countries = (
        (tmp_path / FOLDER / f"{name}.svg").read_text(encoding="utf-8") for name in ("countries-over-time", "countries")
    )
    assert "models of 2026-07 described anew since" in over_time
    assert "described anew" not in countries


def test_a_folder_that_cannot_be_written_is_one_line(report: ReportData, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"cannot write .*charts"):
        write_slides(report, tmp_path / "missing")


def test_what_is_not_attributed_stands_on_the_slide_of_countries(report: ReportData, tmp_path: Path) -> None:
    write_slides(report, tmp_path)
    drawn = (tmp_path / FOLDER / "countries.svg").read_text(encoding="utf-8")
    assert "not attributed" in drawn
    assert f"scope {report.scopes[0].name} · attribution {report.attribution}" in drawn

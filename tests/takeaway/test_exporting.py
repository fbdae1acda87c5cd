"""Taken away as Parquet: other tools answer the country share as the CSV files do, by the lines of the documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collector import exporting
from collector.config import Config
from collector.errors import ReportError
from collector.exporting import MARK, Exported, export
from collector.store import queries

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def exported(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(config, tmp_path_factory.mktemp("export") / "parquet")


def documented(title: str, folder: str) -> str:
    """The code of a section of the README, for another folder."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(rf"^\*{title}\*\n\n```(?:python|sql)\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    assert len(code.splitlines()) <= 10
    return str(code).replace("export/", f"{folder}/")


def shares(rows: list[Any]) -> dict[str, float]:
    return {row[0]: round(float(row[1]), 6) for row in rows}


def said(published: Callable[..., list[dict[str, str]]]) -> dict[str, float]:
    rows = published("country_share.csv", scope="all", attribution="publisher")
    return {row["country"]: float(row["share"]) for row in rows if int(row["downloads"])}


def test_duckdb_answers_as_the_csv(exported: Exported, published: Callable[..., list[dict[str, str]]]) -> None:
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.sql(documented("DuckDB", exported.folder)).fetchall()
    assert shares(rows) == pytest.approx(said(published), abs=2e-6)


def test_polars_answers_as_the_csv(exported: Exported, published: Callable[..., list[dict[str, str]]]) -> None:
    pytest.importorskip("polars")
    space: dict[str, Any] = {}
    exec(documented("Polars", exported.folder), space)
    assert shares(space["answer"].rows()) == pytest.approx(said(published), abs=2e-6)


def test_every_table_is_there_by_month_with_the_registry(exported: Exported) -> None:
    folder = Path(exported.folder)
    assert {path.name for path in folder.iterdir()} == {*exported.rows, MARK} - {"group_share_month"} | (
        {"group_share_month"} if exported.rows["group_share_month"] else set()
    )
    assert (folder / "model_downloads_month" / "month=2026-09" / "part-0.parquet").is_file()
    assert (folder / "registry" / "part-0.parquet").is_file()
    assert exported.rows["readings"] > exported.rows["registry"] > 0
    assert exported.files == sum(1 for _ in folder.rglob("*.parquet"))


def test_an_export_replaces_an_earlier_one_and_nothing_else(config: Config, tmp_path: Path) -> None:
    folder = tmp_path / "parquet"
    assert export(config, folder) == export(config, folder)
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(ReportError, match="holds other files; name a new folder"):
        export(config, other)
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "parquet"]


def test_a_folder_that_cannot_be_written_is_one_line(config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot write the export to"):
        export(config, tmp_path / "file" / "parquet")


def test_a_table_is_written_in_row_groups_of_a_bounded_size(
    config: Config, exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(queries, "_PART", 100)
    monkeypatch.setattr(exporting, "_PARTS", 3)
    again = export(config, tmp_path / "again")
    assert again.rows == exported.rows
    name = "model_downloads_month/month=2026-09/part-0.parquet"
    small, whole = (parquet.ParquetFile(Path(each.folder) / name) for each in (again, exported))
    groups = [small.metadata.row_group(n).num_rows for n in range(small.metadata.num_row_groups)]
    assert groups[:-1] == [300] * (len(groups) - 1)
    assert len(groups) > 3 > whole.metadata.num_row_groups
    assert small.read().equals(whole.read())

"""The pack on disk: valid, whole, the same twice, and one clear line when it cannot be written."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.columns import FILES
from collector.errors import ReportError
from collector.report.data import ReportData
from collector.report.pack import write_pack


def package_in(folder: Path) -> Any:
    return json.loads((folder / "2026-09" / "datapackage.json").read_text(encoding="utf-8"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_pack_lies_in_the_windows_folder(report: ReportData, tmp_path: Path) -> None:
    written = write_pack(report, tmp_path / "new" / "reports", 100)
    folder = tmp_path / "new" / "reports" / "2026-09"
    assert written == [folder / name for name in [*(file.name for file in FILES), "datapackage.json"]]
    assert sorted(folder.iterdir()) == sorted(written)
    assert os.listdir(folder.parent) == ["2026-09"]


def test_every_file_has_its_published_columns(report: ReportData, tmp_path: Path) -> None:
    for file, path in zip(FILES, write_pack(report, tmp_path, 100), strict=False):
        header = path.read_text(encoding="utf-8").split("\n")[0]
        assert header.split(",") == [column.name for column in file.columns]


def test_the_same_report_twice_is_the_same_bytes(report: ReportData, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_pack(report, tmp_path, 100)]
    assert [path.read_bytes() for path in write_pack(report, tmp_path, 100)] == first


def test_frictionless_finds_the_package_valid(report: ReportData, tmp_path: Path) -> None:
    from frictionless import Package  # here: it takes a second to import

    write_pack(report, tmp_path, 100)
    package = Package(str(tmp_path / "2026-09" / "datapackage.json"))
    checked = package.validate()
    assert checked.valid, checked.flatten(["type", "note"])
    assert len(checked.tasks) == len(FILES)


def test_frictionless_sees_a_file_that_was_changed(report: ReportData, tmp_path: Path) -> None:
    from frictionless import Package  # here: it takes a second to import

    countries = write_pack(report, tmp_path, 100)[0]
    countries.write_text(countries.read_text(encoding="utf-8").replace("60000", "60001"), encoding="utf-8")
    checked = Package(str(tmp_path / "2026-09" / "datapackage.json")).validate()
    assert "hash-count" in {error[0] for error in checked.flatten(["type"])}


def test_the_package_says_what_the_files_are(report: ReportData, tmp_path: Path) -> None:
    written = write_pack(report, tmp_path, 100)
    for resource, file, path in zip(package_in(tmp_path)["resources"], FILES, written, strict=False):
        content = path.read_bytes()
        assert (resource["path"], resource["bytes"]) == (file.name, len(content))
        assert resource["hash"] == "sha256:" + hashlib.sha256(content).hexdigest()
        fields = [(field["name"], field["type"], field["description"]) for field in resource["schema"]["fields"]]
        assert fields == [(column.name, column.type, column.meaning) for column in file.columns]


def test_the_package_says_how_it_was_made(report: ReportData, tmp_path: Path) -> None:
    write_pack(report, tmp_path, 100)
    package = package_in(tmp_path)
    assert package["name"] == "huggingface-2026-09"
    assert package["hub"] == "huggingface"
    assert package["endpoint"] == "https://hub.example"
    assert package["window"] == {"label": "2026-09", "from": "2026-09-01T00:00:00Z", "to": "2026-10-01T00:00:00Z"}
    assert package["attribution"] == "base"
    assert package["scopes"][0]["pipeline_tags"] is None
    assert package["scopes"][1] == {
        "name": "llm",
        "pipeline_tags": ["text-generation"],
        "created_after": None,
        "exclude_relations": ["adapter"],
    }
    polls = [(poll["id"], poll["from"], poll["to"], poll["stale"], poll.get("file")) for poll in package["polls"]]
    assert polls == [
        (1, "2026-09-01T00:05:00Z", "2026-09-01T00:20:00Z", True, None),
        (2, "2026-09-02T00:00:00Z", None, False, "history�.csv"),
    ]
    assert package["registry"] == {"version": "2026-11-20", "sha256": "ab" * 32}
    assert package["software"]["version"] == "0.1.0"
    unknown = {"never_reviewed": 0.03, "reviewed_unknown": 0.01, "unresolved": 0.0}
    assert package["not_attributed"][0] == {"scope": "all", "attribution": "base", **unknown}
    assert len(package["not_attributed"]) == 4
    assert report.counters in package["description"]
    assert package["sources"] == [
        {"title": "Hugging Face Hub", "path": "https://huggingface.co"},
        {"title": "registry", "license": "CC-BY-4.0"},
    ]


def test_no_sources_leave_no_empty_list(report: ReportData, tmp_path: Path) -> None:
    write_pack(replace(report, sources=()), tmp_path, 100)
    assert "sources" not in package_in(tmp_path)


def test_the_package_tells_of_the_models_that_are_not_listed(report: ReportData, tmp_path: Path) -> None:
    write_pack(report, tmp_path, 2)
    listed = rows_of(tmp_path / "2026-09" / "model_downloads.csv")
    assert [row["model"] for row in listed] == ["Qwen/Qwen3", "meta/llama"]
    package = package_in(tmp_path)
    share = round((10_000 + 4_001 + 1_000) / 100_001, 6)
    assert package["model_downloads"] == {
        "listed_at_most": 2,
        "models_beyond": 3,
        "share_of_downloads_beyond": share,
    }
    described = {resource["name"]: resource["description"] for resource in package["resources"]}
    assert "3 more hold 15.00 % of the downloads" in described["model_downloads"]


def test_nothing_downloaded_leaves_nothing_beyond(report: ReportData, tmp_path: Path) -> None:
    tables = {name: table.head(0) for name, table in report.tables.items()}
    write_pack(replace(report, tables=tables, models=replace(report.models, count=0, downloads=0)), tmp_path, 2)
    assert package_in(tmp_path)["model_downloads"]["share_of_downloads_beyond"] == 0


def test_hostile_names_are_guarded_in_every_file(report: ReportData, tmp_path: Path) -> None:
    *_, publishers, _, derivatives, models, quality, package = write_pack(report, tmp_path, 100)
    assert {"'=cmd/x", "who/�[31mred�[0m"} <= {row["model"] for row in rows_of(models)}
    assert "'=cmd" in {row["publisher"] for row in rows_of(publishers)}
    for path in (publishers, derivatives, models, quality, package):
        assert b"\x1b" not in path.read_bytes()


def test_a_folder_that_is_a_file_is_one_clear_line(report: ReportData, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("not a folder")
    with pytest.raises(ReportError) as raised:
        write_pack(report, tmp_path / "reports", 100)
    message = str(raised.value)
    assert str(tmp_path / "reports") in message
    assert "choose a folder that can be written" in message
    assert "\n" not in message


def test_a_pack_that_cannot_be_finished_leaves_the_one_before(report: ReportData, tmp_path: Path) -> None:
    before = [path.read_bytes() for path in write_pack(report, tmp_path, 100)]
    blocked = tmp_path / "2026-09" / "country_share.csv"
    blocked.unlink()
    blocked.mkdir()  # a folder where the file should be: even root cannot rename over it
    with pytest.raises(ReportError, match=r"cannot write the report to .*2026-09"):
        write_pack(replace(report, software_version="0.2.0"), tmp_path, 100)
    assert [path.read_bytes() for path in sorted((tmp_path / "2026-09").glob("*.json"))] == before[-1:]
    assert os.listdir(tmp_path) == ["2026-09"]


def test_a_bug_is_not_taken_for_a_folder(report: ReportData, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write_pack(replace(report, tables={}), tmp_path, 100)
    assert os.listdir(tmp_path) == []

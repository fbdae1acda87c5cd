"""The six weeks polled into PostgreSQL: what is said of them is to the byte what is said of them from SQLite."""

from __future__ import annotations

import json
import re

import pytest

from tests.acceptance.command_line import Installation
from tests.acceptance.conftest import HEADLINE
from tests.acceptance.story import REPORTED_AT

MONTH = "2026-09"


def pack(here: Installation) -> dict[str, bytes]:
    """Every file of the month's report, by its place; without the port at which the loopback hub happened to listen."""
    folder = here.folder / "reports" / MONTH
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return {name: re.sub(rb"http://127\.0\.0\.1:\d+", b"http://hub", said) for name, said in files.items()}


def test_the_report_is_the_same_to_the_byte(plain: Installation, on_server: Installation) -> None:
    assert pack(on_server) == pack(plain)
    assert len(pack(plain)) > 8
    assert (on_server.folder / HEADLINE).read_bytes() == (plain.folder / HEADLINE).read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("report", "--trailing", "--json", "--out", "{out}"),
        ("report", "--from", "2026-09-10", "--to", "2026-09-24", "--by", "family", "--json", "--out", "{out}"),
        ("explain", "Qwen/Qwen3-8B", MONTH),
        ("explain", "--country", "CN", MONTH),
        ("origins", "unattributed"),
        ("origins", "diff", "packaged", "configured", MONTH),
        ("sql", "--csv", "SELECT * FROM model_downloads_month ORDER BY 1, 2, 3"),
        ("sql", "--csv", 'SELECT * FROM country_share_month ORDER BY hub, "window", scope, attribution, country'),
        ("sql", "--recipe", "share-by-country", "--month", MONTH, "--json"),
        ("db", "check", "--json"),
    ],
    ids=" ".join,
)
def test_a_command_says_the_same(
    plain: Installation, on_server: Installation, words: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = [tmp_path_factory.mktemp("out") for _ in range(2)]
    said = [
        here.ran(REPORTED_AT, *(word.format(out=folder) for word in words)).out.replace(str(folder), "")
        for here, folder in zip((plain, on_server), folders, strict=True)
    ]
    assert said[0] == said[1]
    assert said[0]


def test_status_says_the_same_of_every_hub(plain: Installation, on_server: Installation) -> None:
    ours, theirs = (json.loads(here.ran(REPORTED_AT, "status", "--json").out) for here in (plain, on_server))
    for said in (ours, theirs):
        said.pop("database_bytes", None)
    assert ours["hubs"] == theirs["hubs"]

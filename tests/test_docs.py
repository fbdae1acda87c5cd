"""The documentation holds what it promises: generated files are current, every command, key and module is named."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from collector.cli import app
from collector.columns import FILES
from collector.config import example_config, load_config
from collector.dictionary import WARNINGS, dictionary
from collector.store.schema import metadata
from collector.store.views import VIEWS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DATA = (ROOT / "DATA.md").read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by the words that run it."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        if inner is None:
            yield f"collector {name}", command
        else:
            yield from ((f"collector {name} {word}", each) for word, each in inner.items())


def test_data_md_is_what_the_code_says() -> None:
    assert dictionary() == DATA, "make data-dictionary"


def test_data_md_has_every_file_view_and_table_with_every_column() -> None:
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", DATA, re.MULTILINE | re.DOTALL))
    for file in FILES:
        assert all(f"| `{column.name}` |" in sections[file.name] for column in file.columns)
    for name, view in VIEWS.items():
        assert all(f"| `{column}` |" in sections[name] for column in view.columns)
    for table in metadata.tables.values():
        assert all(f"| `{column.name}`" in sections[table.name] for column in table.columns)


def test_every_table_and_column_has_a_comment() -> None:
    for table in metadata.tables.values():
        assert table.comment
        assert [column.name for column in table.columns if not column.comment] == []


def test_only_the_listed_warnings_are_given() -> None:
    given = set(
        re.findall(r"`(\w+)`", " ".join(line.rsplit("|", 2)[-2] for line in DATA.splitlines() if line[:3] == "| `"))
    )
    assert set(WARNINGS) <= given
    assert "| `downloads_30d` | bigint | downloads | may be |" in DATA
    assert all(
        line.endswith("`rolling_window` |") for line in DATA.splitlines() if line.startswith("| `downloads_30d` |")
    )


@pytest.mark.parametrize(
    ("words", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_is_in_the_readme_and_has_help(words: str, command: Any) -> None:
    assert f"| `{words}" in README
    assert command.help
    assert all(option.help for option in command.params if option.name != "help")


SAY_NOTHING = {"collector init", "collector run", "collector explore"}  # no table and no facts


@pytest.mark.parametrize(
    ("words", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_that_prints_something_prints_it_for_machines(words: str, command: Any) -> None:
    options = {option.opts[0] for option in command.params}
    assert ("--json" in options) is (words not in SAY_NOTHING)


def test_the_example_configuration_is_the_default_and_names_every_key(tmp_path: Path) -> None:
    (tmp_path / "example.toml").write_text(example_config(), encoding="utf-8")
    (tmp_path / "empty.toml").write_text("", encoding="utf-8")
    example, default = (load_config(tmp_path / name, {}) for name in ("example.toml", "empty.toml"))
    fields = [name for name in default.__dataclass_fields__ if name != "path"]
    assert [name for name in fields if getattr(example, name) != getattr(default, name)] == []


def test_every_key_the_readme_and_the_example_show_is_one(tmp_path: Path) -> None:
    table = tomllib.loads(example_config())
    assert {"database", "hub", "report", "backup", "serve", "alert", "origins", "scope"} <= set(table)
    assert example_config() == (ROOT / "config.example.toml").read_text(encoding="utf-8")


def test_the_module_map_names_every_module() -> None:
    [after] = README.split("## The modules")[1:]
    section = after.split("\n## ")[0]
    modules = {path.stem for path in (ROOT / "collector").glob("*.py")} - {"__init__", "__main__"}
    packages = {path.parent.name for path in (ROOT / "collector").glob("*/__init__.py")}
    assert {name for name in modules | packages if not re.search(rf"`{name}(\.py|/)?`", section)} == set()


def test_the_make_targets_the_readme_names_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)\b(?=`|\s+#|\n)", README))
    assert {"demo", "test", "install"} <= named
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)


def test_no_placeholder_is_left_in_a_document() -> None:
    for name in ("README.md", "DATA.md", "CHANGELOG.md"):
        assert "@@" not in (ROOT / name).read_text(encoding="utf-8")

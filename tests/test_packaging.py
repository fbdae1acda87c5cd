"""What is shipped: the wheel holds what the program needs, and the pinned requirements can be trusted."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import collector

ROOT = Path(__file__).parent.parent
REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*(?:\[[a-z,]+\])?)==(\S+)( ; [^\\]+)? \\$", re.MULTILINE)


def build(target: str, source: Path, out: Path) -> Path:
    """Runs the build backend itself: no isolation, no network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [built] = out.iterdir()
    return built


def unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """By hand: `extractall` wants its filter named from 3.12 on and does not know it before 3.11.4."""
    for member in archive.getmembers():
        content = archive.extractfile(member)
        if content is not None:
            target = folder / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())


def packaged_files() -> set[str]:
    """Every file of the checkout that the wheel must hold, by its name there."""
    wanted = {
        name.relative_to(ROOT).as_posix()
        for name in (ROOT / "collector").rglob("*")
        if name.is_file() and "__pycache__" not in name.parts
    }
    migrations = {f"collector/{name.relative_to(ROOT).as_posix()}" for name in (ROOT / "migrations").rglob("*.py")}
    return wanted | migrations | {"collector/data/config.example.toml"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build("wheel", ROOT, tmp_path_factory.mktemp("wheel")))


def test_the_wheel_holds_every_module_migration_and_data_file(wheel: zipfile.ZipFile) -> None:
    assert packaged_files() <= set(wheel.namelist())
    assert "collector/migrations/env.py" in wheel.namelist()


def test_the_wheel_holds_nothing_but_the_program(wheel: zipfile.ZipFile) -> None:
    folders = {name.split("/")[0] for name in wheel.namelist()}
    assert folders == {"collector", f"open_model_collector-{collector.__version__}.dist-info"}
    assert not [name for name in wheel.namelist() if name.endswith((".pyc", ".db", ".toml.swp"))]


def test_the_wheel_carries_the_example_word_for_word(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("collector/data/config.example.toml") == (ROOT / "config.example.toml").read_bytes()


def test_the_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    [entry_points] = [name for name in wheel.namelist() if name.endswith("/entry_points.txt")]
    assert "collector = collector.__main__:main" in wheel.read(entry_points).decode()


def test_a_wheel_built_from_the_sdist_is_the_same(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    with tarfile.open(build("sdist", ROOT, tmp_path / "sdist")) as archive:
        unpack(archive, tmp_path / "source")
    [source] = (tmp_path / "source").iterdir()
    with zipfile.ZipFile(build("wheel", source, tmp_path / "again")) as again:
        assert sorted(again.namelist()) == sorted(wheel.namelist())


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.name)
def test_requirements_name_no_host_and_pin_every_package_with_hashes(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    blocks = re.split(r"\n(?! )", text.rstrip("\n"))
    assert all(PIN.match(block) and " --hash=sha256:" in block for block in blocks)


def test_the_project_names_no_index() -> None:
    assert "index" not in PROJECT.get("tool", {}).get("uv", {})
    assert "://" not in "".join(PROJECT["project"]["dependencies"])


def test_both_requirements_hold_the_same_versions_and_the_build_backend() -> None:
    run, dev = (
        {(name, version, marker) for name, version, marker in PIN.findall((ROOT / file).read_text(encoding="utf-8"))}
        for file in ("requirements.txt", "requirements-dev.txt")
    )
    # Where a development package needs one everywhere, its marker is gone; the version stays.
    assert all((name, version, marker) in dev or (name, version, "") in dev for name, version, marker in run)
    assert len(run) < len(dev)
    assert {"hatchling", "editables"} < {name for name, _, _ in run}


def test_what_the_project_asks_for_is_pinned() -> None:
    def plain(name: str) -> str:
        return re.split(r"[\[<>=]", name)[0].replace("_", "-").lower()

    pins = {plain(name) for name, _, _ in PIN.findall((ROOT / "requirements-dev.txt").read_text(encoding="utf-8"))}
    asked = PROJECT["project"]["dependencies"] + [
        item for group in PROJECT["dependency-groups"].values() for item in group if isinstance(item, str)
    ]
    assert {plain(name) for name in asked} <= pins

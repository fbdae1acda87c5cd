"""Groups of countries: the packaged ones are sound, and the user's own win."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.errors import RegistryError
from collector.model import CountryGroup
from collector.origins.groups import group_faults, joined, load_groups
from collector.origins.knowledge import DATA, load_knowledge
from collector.origins.registry import load_countries

COUNTRIES = load_countries(DATA / "countries.csv")


def test_the_packaged_groups_are_sound_and_of_their_known_size() -> None:
    sizes = {group.name: len(group.countries) for group in load_groups(DATA / "groups.toml", COUNTRIES)}
    assert sizes.items() >= {"EU": 27, "EEA": 30, "G7": 7, "NATO": 32, "OECD": 38, "GCC": 6}.items()


def test_a_group_of_the_users_takes_the_place_of_a_packaged_one_in_any_case() -> None:
    own = CountryGroup("eu", "Mine", frozenset({"DE"}))
    groups = {group.name: group for group in load_knowledge(None, [own]).groups}
    assert groups["eu"] == own
    assert "EU" not in groups
    assert "G7" in groups


def test_groups_come_by_name() -> None:
    a, b = (CountryGroup(name, name, frozenset({"DE"})) for name in "ab")
    assert joined([b], [a]) == (a, b)


@pytest.mark.parametrize(
    ("code", "words"),
    [("QQ", "unknown country 'QQ'; write ISO"), ("ZZ", "ZZ belongs to no group"), ("XX", "XX belongs to no group")],
)
def test_a_wrong_country_is_named_with_its_key(code: str, words: str) -> None:
    groups = [CountryGroup("a", "a", frozenset({"DE"})), CountryGroup("b", "b", frozenset({"DE", code}))]
    [fault] = group_faults(groups, COUNTRIES)
    assert fault.startswith("group.2.countries: ")
    assert words in fault


@pytest.mark.parametrize(
    "text",
    [
        "[[group",
        '[[group]]\nname = "a"',
        'group = "a"',
        '[[group]]\nname = "a"\ntitle = "a"\ncountries = ["QQ"]',
        "\xff",
    ],
)
def test_a_file_that_is_no_list_of_groups_is_one_clear_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "groups.toml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(RegistryError, match=r"groups\.toml"):
        load_groups(path, COUNTRIES)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="cannot be read"):
        load_groups(tmp_path / "none.toml", COUNTRIES)

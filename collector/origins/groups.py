"""Groups of countries: the packaged ones and the user's own, which win.

Reads groups.toml handed in by path; knows no account, no model and no download.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from collector.errors import RegistryError
from collector.model import NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY, CountryGroup

_NO_COUNTRY = (NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY)


def load_groups(path: Path, countries: Mapping[str, str]) -> tuple[CountryGroup, ...]:
    """The groups of the packaged file, in its order; RegistryError names the file and the key at fault."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("group", [])
        groups = [CountryGroup(table["name"], table["title"], frozenset(table["countries"])) for table in tables]
    except OSError as error:
        raise RegistryError(f"{path}: cannot be read ({error.strerror}); install the package again") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise RegistryError(f"{path}: is no list of groups ({error}); install the package again") from error
    faults = group_faults(groups, countries)
    if faults:
        raise RegistryError(f"{path}: {faults[0]}")
    return tuple(groups)


def group_faults(groups: Iterable[CountryGroup], countries: Mapping[str, str]) -> list[str]:
    """What is wrong with the countries of groups, each with its key (`group.2.countries`) and its cure."""
    return [
        f"group.{number}.countries: {_fault(code)}"
        for number, group in enumerate(groups, 1)
        for code in sorted(group.countries)
        if code in _NO_COUNTRY or code not in countries
    ]


def _fault(code: Any) -> str:
    if code in _NO_COUNTRY:
        return f"{code} belongs to no group; leave it out"
    return f"unknown country {str(code)[:10]!r}; write ISO 3166-1 alpha-2"


def joined(packaged: Iterable[CountryGroup], own: Iterable[CountryGroup]) -> tuple[CountryGroup, ...]:
    """All groups by name; the user's group takes the place of a packaged one of the same name in any case."""
    by_name = {group.name.casefold(): group for group in (*packaged, *own)}
    return tuple(sorted(by_name.values(), key=lambda group: group.name))

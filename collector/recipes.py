"""Named SQL recipes: which there are, what each takes, and its answer from the database. Read-only.

Knows the files below `data/recipes` and where the values of their parameters come from; the SQL is in the files.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from collector.asking import month_with_figures, reported_hub
from collector.config import Config
from collector.errors import ReportError, UsageError
from collector.model import previous_window
from collector.store import queries
from collector.store.database import Database
from collector.store.queries import Answer

#: Parameters that a user names; the others follow from these or from the configuration.
ASKED = ("month", "country", "family", "scope", "attribution", "hub")
_NEEDED = ("country", "family")
_HEAD = re.compile(r"-- (?P<title>.+)\n-- Parameters: (?P<parameters>.+)\n")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A query with a name."""

    name: str
    title: str
    parameters: tuple[str, ...]  #: as they stand in the query, each behind a colon
    sql: str

    @property
    def options(self) -> tuple[str, ...]:
        """The options it takes."""
        return tuple(name for name in ASKED if name in self.parameters)


def recipes() -> dict[str, Recipe]:
    """Every recipe, by name in alphabetical order."""
    folder = resources.files("collector") / "data" / "recipes"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    found = [_recipe(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files]
    return {recipe.name: recipe for recipe in found}


def _recipe(name: str, text: str) -> Recipe:
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f"recipe {name} does not begin with its title and its parameters")
    return Recipe(name, head["title"], tuple(head["parameters"].split(", ")), text[head.end() :])


def listing() -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The recipes as a table."""
    rows: list[tuple[str, ...]] = [
        (r.name, " ".join(f"--{option}" for option in r.options), r.title) for r in recipes().values()
    ]
    return ("recipe", "options", "title"), rows


def run_recipe(config: Config, name: str, given: Mapping[str, str | None], now: Callable[[], datetime]) -> Answer:
    """The answer of a recipe to the values given (by option; None: not given).

    UsageError for an unknown recipe or option, ReportError for a month, country or family that the database lacks.
    """
    recipe = _chosen(name)
    said = {option: value for option, value in given.items() if value is not None}
    unknown = [f"--{option}" for option in said if option not in recipe.options]
    if unknown:
        takes = ", ".join(f"--{option}" for option in recipe.options)
        raise UsageError(f"recipe {name} takes no {', '.join(unknown)}; it takes {takes}")
    missing = [f"--{option}" for option in _NEEDED if option in recipe.options and option not in said]
    if missing:
        raise UsageError(f"recipe {name} needs {' and '.join(missing)}")
    values = _values(config, recipe, said, now)
    return queries.run_sql(config.database.url, recipe.sql, parameters=values)


def examples(config: Config, now: Callable[[], datetime]) -> dict[str, dict[str, str]]:
    """By recipe values of its parameters that answer: the last whole month, its first country and its first family.

    Empty where the database has no figures yet.
    """
    try:
        country, *_ = run_recipe(config, "share-by-country", {}, now).rows[0]
        family, *_ = run_recipe(config, "families", {}, now).rows[0]
    except (ReportError, IndexError):
        return {}
    said = {"country": country, "family": family}
    return {recipe.name: _values(config, recipe, said, now) for recipe in recipes().values()}


def _chosen(name: str) -> Recipe:
    known = recipes()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    raise UsageError(f"no recipe {name[:60]!r} ({hint}); `collector sql --recipes` lists them")


def _values(config: Config, recipe: Recipe, said: Mapping[str, str], now: Callable[[], datetime]) -> dict[str, str]:
    """The value of every parameter."""
    with Database.open(config.database.url, write=False) as db:
        hub = reported_hub(db, said.get("hub")).name
        values = {"hub": hub, "scope": _scope(config, said), "attribution": _attribution(config, said)}
        if "month" in recipe.parameters:
            month = month_with_figures(db, hub, said.get("month"), now)
            values |= {"month": month.label, "previous_month": previous_window(month).label}
        if "country" in recipe.parameters:
            values["country"] = _one_of("country", said["country"].upper(), queries.shared_countries(db, hub))
        if "family" in recipe.parameters:
            values["family"] = _one_of("family", said["family"], queries.shared_families(db, hub))
    return {name: values[name] for name in recipe.parameters}


def _scope(config: Config, said: Mapping[str, str]) -> str:
    names = [scope.name for scope in config.scopes]
    return _option("scope", said.get("scope", names[0]), names)


def _attribution(config: Config, said: Mapping[str, str]) -> str:
    return _option("attribution", said.get("attribution", config.report.attribution), ["base", "publisher"])


def _option(option: str, value: str, known: list[str]) -> str:
    if value not in known:
        raise UsageError(f"--{option} {value[:60]}: choose one of {', '.join(known)}")
    return value


def _one_of(what: str, value: str, known: list[str]) -> str:
    """The value as the database spells it; ReportError names near ones when it has none."""
    folded = {each.lower(): each for each in known}
    if value.lower() in folded:
        return folded[value.lower()]
    near = difflib.get_close_matches(value.lower(), folded, n=3)
    hint = (
        f"did you mean {' or '.join(folded[each] for each in near)}?" if near else f"it has {', '.join(known[:12])} …"
    )
    raise ReportError(f"no {what} {value[:60]!r} in the database; {hint}")

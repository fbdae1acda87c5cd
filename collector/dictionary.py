"""DATA.md: every published column, view and table with its meaning, unit and traps. `python -m collector.dictionary`.

Made from the comments of the schema, the list of views, the columns of the CSV files and the recipes, so that it cannot
disagree with them. Knows no database and no figure; the same code makes the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collector.columns import FILES, PublishedFile
from collector.recipes import recipes
from collector.store.schema import metadata
from collector.store.views import VIEWS

#: The closed list of usage warnings.
WARNINGS: Mapping[str, str] = {
    "rolling_window": "The hub's count of its last 30 days. Two of them overlap: never add them up, not even two"
    " models' of different days, and never call one a month.",
    "counter_may_fall": "Hubs take back downloads they counted before, and recount. A difference of two readings is"
    " signed; downloads and corrections are kept apart and never netted.",
    "estimated": "Partly or wholly worked out from 30-day counts, where the cumulative counter does not reach:"
    " `measured_share` says how much was measured. Estimated windows need not add up exactly.",
    "scope_changed": "Comparable over time only while the same models are asked for and the same scopes are configured:"
    " `list_size` rows of quality.csv and the data packages say when they changed.",
}

_WARNED: Mapping[str, tuple[str, ...]] = {
    "rolling_window": ("downloads_30d",),
    "counter_may_fall": ("downloads_all_time", "delta", "corrections"),
    "estimated": (
        *("downloads", "estimated", "share", "share_millionths", "share_of_attributed", "share_max", "previous_share"),
        "value",
    ),
    "scope_changed": (
        "share",
        "share_millionths",
        "previous_share",
        "models",
        "publishers",
        "models_listed",
        "models_new",
    ),
}

_DOWNLOADS = ("downloads", "estimated", "corrections", "delta", "downloads_all_time", "downloads_30d")
_COUNTS = ("models", "publishers", "likes", "pages", "retries", "top", "open_falls")
_PARTS = ("share", "weight", "covered", "derivative_part")

_HEAD = """\
# Data dictionary

Made by `make data-dictionary` from the code; do not edit it by hand, a test compares the two. Words are those of the
[README](README.md).

* **Units** stand in the names and in the column *unit*. A *part* is a decimal from 0 to 1. Instants in tables are
  whole Unix seconds (UTC); in views and CSV files they are ISO 8601 in UTC, and days are UTC days.
* **Null** (empty in CSV) is *not said* or *nothing to say*, as the meaning tells; it is never 0, and 0 is never null.
* `ZZ` is *not attributed* and a row in every table of countries; `XX` is *reviewed, and not of one country*.
* Text comes from hubs, where anyone can write it. CSV files put a `'` before what a spreadsheet would run; SQL gives it
  as it is.
"""

_BIASES = """\
## Known biases

* A **download** is what the hub counts as one. On Hugging Face: every GET *and HEAD* request of a model's query files
  (`config.json` and a few more; libraries choose others). Continuous integration, mirrors and caches that check again
  count; a copy that is passed on does not. It is never a number of users, and hubs are never added up.
* A repository without query files shows 0: not measured, which is not unused.
* Quantised copies inflate: each file of a GGUF repository that is fetched can count. The scope `llm-originals` and the
  column *no copies* of the headline leave them out.
* The 30-day count of Hugging Face loses and shifts days at times, and has been recounted; so has the cumulative one.
  `quality.csv` names every fall, jump, stale poll and gap that touches a window.
* A poll of the most downloaded models (`models = "top"`) misses the long tail: shares are those of the models polled.
* Origins are those of organisations, by their head office, as far as the registry knows them: most individuals are
  `ZZ`. `share_max` bounds missing labels only; it does not bound wrong ones, lineage, or estimates.
* Lineage is declared by uploaders, or read from names where nothing is declared (`base_basis` says which).
* Imported files name models, not the hub's keys. A model that was renamed between two polls stands twice where files
  imported before the second of them speak of it under its new name; imported after it, they go to the model.
* How good the name alone is, the software measures on models that do declare a base: `collector origins check` gives
  the figure for the models in your database. On the sample of `tests/origins/data/known_lineages.csv` (689 models of
  public lineage, chosen by hand, hard ones among them; families and corrections were mended with it in view, so it is
  no measure of other models nor of a whole hub) 95 declare a base; of 45 of these the name says something, and in 45 it
  leads to the same family. With declarations, 686 of 689 lead to the known root and family; by names and corrections
  alone, 659 do.

## Licences

* The software, with its registry of publishers, families and lineage corrections: MIT (see LICENSE).
* Counters are facts that the hub publishes; its terms of service apply to whoever polls it.
* Imported files keep their own terms: give them with `--license`; they stand in `import_file.license` and in the data
  package of every report.
* The recording of the demo: see `collector/data/recording/README.md`.
"""


def dictionary() -> str:
    """The text of DATA.md."""
    return "\n".join([_HEAD, *_warnings(), *_files(), *_views(), *_recipes(), *_tables(), _BIASES]).rstrip("\n") + "\n"


def _warnings() -> Iterator[str]:
    yield "## Usage warnings\n"
    yield from _table(("warning", "means"), ((f"`{name}`", meaning) for name, meaning in WARNINGS.items()))


def _files() -> Iterator[str]:
    yield "## The CSV pack\n"
    yield "One folder for each window, with `datapackage.json` (what it was made of). UTF-8, RFC 4180, sorted.\n"
    for file in FILES:
        yield f"### {file.name}\n"
        yield f"{_sentence(file.meaning)}\n"
        yield from _table(("column", "type", "unit", "key", "meaning", "warnings"), _file_rows(file))


def _file_rows(file: PublishedFile) -> Iterator[tuple[str, ...]]:
    for column in file.columns:
        unit = "part" if column.type == "number" and column.name != "value" else _unit(column.name, column.type)
        key = "yes" if column.key else ""
        yield f"`{column.name}`", column.type, unit, key, column.meaning, _warned(column.name)


def _views() -> Iterator[str]:
    yield "## SQL views\n"
    yield 'What analysts read: `collector sql "SELECT * FROM country_share_month"`. Names keep their meaning.\n'
    yield (
        "Months that are over are restated one by one where only what is said of models changed (name, task, base)."
        " Until its turn a month keeps the shares it had; `collector status` names those that wait, and `collector"
        " report` works them out anew.\n"
    )
    for name, view in VIEWS.items():
        yield f"### {name}\n"
        yield f"{view.meaning}\n"
        rows = ((f"`{column}`", meaning, _warned(column)) for column, meaning in view.columns.items())
        yield from _table(("column", "meaning", "warnings"), rows)


def _recipes() -> Iterator[str]:
    yield "## SQL recipes\n"
    yield (
        "Ready queries on the views: `collector sql --recipe NAME`, with its options. `:hub` is the hub reported on,"
        " `:previous_month` the month before `:month`; what is not given is the last whole month, the configured"
        " attribution and the first configured scope.\n"
    )
    for recipe in recipes().values():
        yield f"### {recipe.name}\n"
        options = ", ".join(f"`--{option}`" for option in recipe.options)
        yield f"{recipe.title} Options: {options}.\n" if options else f"{recipe.title}\n"
        yield f"```sql\n{recipe.sql.strip()}\n```\n"


def _tables() -> Iterator[str]:
    yield "## Tables\n"
    yield "Facts are appended and never edited. Tables marked *Derived* can be dropped and rebuilt to the same bytes.\n"
    yield (
        "(`hub_columns` says the same then, though all in one part, and `origin_number` what it says together with"
        " `origin_renewal` before; of `build_mark` no month waits any more.)\n"
    )
    for table in metadata.tables.values():
        yield f"### {table.name}\n"
        yield f"{table.comment}\n"
        yield from _table(("column", "type", "unit", "null", "meaning", "warnings"), _column_rows(table))


def _column_rows(table: Any) -> Iterator[tuple[str, ...]]:
    for column in table.columns:
        null = "may be" if column.nullable else "never"
        kind = str(column.type).lower()
        unit = _unit(column.name, kind)
        yield f"`{column.name}`{_key(column)}", kind, unit, null, column.comment or "", _warned(column.name)


def _key(column: Any) -> str:
    targets = "".join(f" → {key.target_fullname}" for key in column.foreign_keys)
    return (" (key)" if column.primary_key else "") + targets


def _unit(name: str, kind: str) -> str:
    if name in _DOWNLOADS:
        return "downloads"
    if name in _COUNTS or name.startswith("models_"):
        return "number"
    if name.endswith("_millionths"):
        return "millionths"
    if any(word in name for word in _PARTS) and kind != "string" and kind != "text":
        return "part"
    if "seconds" in name:
        return "seconds"
    return "Unix seconds" if name.endswith("_at") and kind != "text" else ""


def _warned(name: str) -> str:
    return ", ".join(f"`{warning}`" for warning, names in _WARNED.items() if name in names)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(dictionary())

"""Which columns of a file say what: our own header, and the headers of the public daily dumps. Pure; knows no file.

Our own form is strict: an unknown column is refused, for a unit comes by its name only. Dumps (hub-stats and what is
made from it) have many columns of their own; those that are known are read, the others passed over. There `downloads`
is the hub's own field of that name: its rolling 30 days.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

COLUMNS = ("model", "observed_at", "downloads_all_time", "downloads_30d", "likes")
HEADER = ",".join(COLUMNS[:3])

_NEEDED = ("model", "observed_at")
_COUNTERS = ("downloads_all_time", "downloads_30d")
_MODEL = ("id", "model_id", "modelid", "repo_id", "repo", "model", "name", "model_name")
_DUMPED = {
    "observed_at": ("observed_at", "date", "day", "snapshot_date", "snapshot", "polled_at"),
    "downloads_all_time": ("downloads_all_time", "downloadsalltime", "dl_all", "dlall", "dl_all_time"),
    "downloads_30d": ("downloads_30d", "downloads", "dl30", "dl_30", "dl_30d", "dl30d"),
    "likes": ("likes",),
}
#: What dumps say of models beside their counters, with its spellings in lower case.
DESCRIBED = {
    "created_at": ("createdat", "created_at"),
    "pipeline_tag": ("pipeline_tag", "pipelinetag"),
    "library_name": ("library_name", "libraryname"),
    "tags": ("tags",),
    "base_models": ("basemodels", "base_models"),
    "private": ("private",),
}
_TELLING = {"downloadsalltime", "dl_all", "dlall", "dl_all_time", "dl30", "dl_30", "dl_30d", "dl30d"}
_DAY = re.compile(r"(?<!\d)(\d{4})([-_]?)(\d\d)\2(\d\d)(?!\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shape:
    """Where in a record each of `COLUMNS` stands, and the author a short name goes with; None: no such column."""

    places: tuple[int | None, ...]
    author: int | None = None
    day: str = ""  #: date of all readings, from the file's name, where no column has it
    width: int = 0  #: fields of a record
    ignored: tuple[str, ...] = ()  #: columns that are passed over
    described: tuple[int | None, ...] = ()  #: where each of `DESCRIBED` stands; empty: the file describes no model


def shape_of(names: Sequence[str], file_name: str) -> Shape | list[str]:
    """What the columns of a file mean, or the faults of its header."""
    if _is_dump(names):
        return _dump_shape(names, file_name)
    faults = list(_header_faults(names))
    if faults:
        return faults
    return Shape(tuple(names.index(name) if name in names else None for name in COLUMNS), width=len(names))


def _is_dump(names: Sequence[str]) -> bool:
    if set(_NEEDED) <= set(names):
        return False
    lower = {name.lower() for name in names}
    counters = _TELLING | {"downloads", *_COUNTERS}
    return bool(lower & _TELLING) or (bool(lower & {*_MODEL, "author"} - {"model"}) and bool(lower & counters))


def _dump_shape(names: Sequence[str], file_name: str) -> Shape | list[str]:
    lower = [name.lower() for name in names]
    author = lower.index("author") if "author" in lower else None
    model = next((lower.index(name) for name in _MODEL if name in lower), author)
    found = {column: _places(lower, aliases) for column, aliases in _DUMPED.items()}
    described = {column: [n for n, name in enumerate(lower) if name in DESCRIBED[column]] for column in DESCRIBED}
    faults = [_twice(column, names, places) for column, places in (found | described).items() if len(places) > 1]
    if model is None:
        faults.append("no column names the model; call it id or model")
    day = "" if found["observed_at"] else day_in(file_name)
    if not found["observed_at"] and not day:
        cure = "add a column date, or put the day into the file's name, such as hub-stats-2026-09-01.csv"
        faults.append(f"says nowhere when it was read; {cure}")
    if faults:
        return faults
    places = (model, *(found[column][0] if found[column] else None for column in COLUMNS[1:]))
    author = None if model == author or _is_whole(lower, model) else author
    says = tuple(at[0] if at else None for at in described.values()) if any(described.values()) else ()
    used = {*places, author, *says}
    passed_over = tuple(name for n, name in enumerate(names) if n not in used)
    return Shape(places, author, day, len(names), passed_over, says)


def _places(lower: Sequence[str], aliases: Sequence[str]) -> list[int]:
    """Where a column of a dump stands. `downloads` is the rolling count only where no column says so by its name."""
    found = [n for n, name in enumerate(lower) if name in aliases]
    exact = [n for n in found if lower[n] != "downloads"]
    return exact or found


def _is_whole(lower: Sequence[str], model: int | None) -> bool:
    """Whether the column holds whole names (publisher/model): legacy models have no slash in theirs."""
    return model is not None and lower[model] in ("id", "model_id", "modelid", "repo_id")


def _twice(column: str, names: Sequence[str], places: Sequence[int]) -> str:
    which = " and ".join(repr(names[n][:40]) for n in places)
    return f"columns {which} both look like {column}; remove one"


def day_in(file_name: str) -> str:
    """The one day that a file's name speaks of (YYYY-MM-DD, YYYYMMDD); empty when it names none, or several."""
    days = {f"{year}-{month}-{day}" for year, _, month, day in _DAY.findall(file_name) if _is_day(year, month, day)}
    return days.pop() if len(days) == 1 else ""


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        return date(int(year), int(month), int(day)).year >= 2000
    except ValueError:
        return False


def _header_faults(names: Sequence[str]) -> Iterator[str]:
    if not any(name.lower() in (*COLUMNS, "downloads") for name in names):
        yield f"no header with commas between the names of columns; write one such as {HEADER}"
        return
    yield from (_unknown(name) for name in names if name not in COLUMNS)
    yield from (f'column "{name}" stands there twice; remove one' for name in COLUMNS if names.count(name) > 1)
    yield from (f'no column "{name}"; the header must be such as {HEADER}' for name in _NEEDED if name not in names)
    if not any(name.lower() in (*_COUNTERS, "downloads") for name in names):
        yield f"no counter; name a column {' or '.join(_COUNTERS)}"


def _unknown(name: str) -> str:
    """Why a column is refused. A unit comes by its name only: lifetime and 30-day counts were mixed up too often."""
    if name.lower() == "downloads":
        meanings = "downloads_all_time (the cumulative counter) or downloads_30d (the rolling 30 days)"
        return f"column {name!r} does not say what it counts; name it {meanings}"
    near = difflib.get_close_matches(name[:40], COLUMNS, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(COLUMNS)}"
    return f"unknown column {name[:40]!r} ({hint}); rename or remove it"

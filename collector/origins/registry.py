"""The registry: which organisation, of which country, controls which account on which day, and why we say so.

Reads CSV files handed in by path and checks every row; knows no model, no download, no database and no clock.
A file with a fault is refused whole: nothing of it is loaded, and the message names file, line, reason and cure.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import cached_property, lru_cache
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import TextIO

from collector.errors import RegistryError
from collector.model import NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY

COLUMNS = (
    "hub",
    "publisher",
    "organisation",
    "country",
    "kind",
    "valid_from",
    "valid_to",
    "basis",
    "confidence",
    "reviewed_on",
)
KINDS = ("company", "academic", "nonprofit", "government", "community", "individual")
CONFIDENCES = ("certain", "likely")
ALWAYS = date.min  #: `valid_from` of a row that is open at its start; written as an empty field
FOREVER = date.max  #: `valid_to` of a row that is open at its end; written as an empty field

_FAULTS_SHOWN = 5
_ONE_OF_KINDS = f"write one of {', '.join(KINDS)}"
_LONGEST_FIELD = 500  # characters
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}\Z")
_HUB = re.compile(r"[a-z0-9][a-z0-9_\-]*\Z")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


@dataclass(frozen=True, slots=True, order=True)
class OriginRow:
    """One account over one span of UTC days `[valid_from, valid_to)`, and whose it was."""

    hub: str
    publisher: str  #: exactly as spelt on the hub
    valid_from: date  #: first day; ALWAYS when open
    valid_to: date  #: first day after; FOREVER when open
    organisation: str  #: who controls the account; may be empty for individuals
    country: str  #: ISO 3166-1 alpha-2, XX not of one country, ZZ reviewed and unknown
    kind: str  #: one of KINDS
    basis: str  #: why, in words
    confidence: str  #: one of CONFIDENCES
    reviewed_on: date


_AS_TUPLE = attrgetter(*(item.name for item in fields(OriginRow)))


@dataclass(frozen=True)
class Registry:
    """All rows in force, with the version of the packaged file and a digest of exactly these rows."""

    rows: tuple[OriginRow, ...]  #: sorted by hub, publisher, valid_from
    version: str  #: of the packaged registry
    #: The rows of every account, by hub and by its name in one case.
    by_account: Mapping[tuple[str, str], tuple[OriginRow, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_account", _by_account(self.rows))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the rows in canonical form; the user's own rows count."""
        return _digest(self.rows)  # worked out when it is asked for: 4 ms, and most look-ups do without

    def row(self, hub: str, publisher: str, day: date) -> OriginRow | None:
        """The row of an account on a UTC day; None when it was never reviewed or no row holds that day.

        Accounts are unique regardless of case, so the spelling of the name does not matter.
        """
        for row in self.by_account.get((hub, publisher.casefold()), ()):
            if row.valid_from <= day < row.valid_to:
                return row
        return None

    def country(self, hub: str, publisher: str, day: date) -> str:
        """The country of an account on a UTC day; ZZ when there is no row."""
        row = self.row(hub, publisher, day)
        return NOT_ATTRIBUTED if row is None else row.country


def load_registry(packaged: Path, own: Path | None, countries: Mapping[str, str]) -> Registry:
    """The packaged rows, with every account that the user's own file names replaced by the user's rows.

    The version stands beside the packaged file, in `registry_version.txt`.
    RegistryError names the file and up to five faulty lines; then nothing is loaded.
    """
    rows = read_rows(packaged, countries)
    if own is not None:
        own_rows = read_rows(own, countries)
        replaced = {(row.hub, row.publisher.casefold()) for row in own_rows}
        rows = [row for row in rows if (row.hub, row.publisher.casefold()) not in replaced] + own_rows
    return make_registry(rows, load_version(packaged.with_name("registry_version.txt")))


def make_registry(rows: Iterable[OriginRow], version: str) -> Registry:
    """A registry of checked rows, sorted."""
    ordered = tuple(sorted(rows, key=_AS_TUPLE))  # rows compared as they are make two tuples each time
    return Registry(ordered, version)


def read_rows(path: Path, countries: Mapping[str, str]) -> list[OriginRow]:
    """Every row of a registry file; RegistryError when a single one is faulty."""
    faults: list[str] = []
    rows: list[tuple[int, OriginRow]] = []
    known = frozenset((NOT_ATTRIBUTED, NOT_OF_ONE_COUNTRY, *countries))
    for line, values in read_csv(path, COLUMNS):
        found = _faults(values, known)
        faults += [f"line {line}: {fault}" for fault in found]
        if not found:
            rows.append((line, _row(values)))
    faults += _conflicts(rows)
    if faults:
        raise RegistryError(refusal(path, faults))
    return [row for _, row in rows]


def read_csv(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The records of a UTF-8 CSV file with exactly this header, stripped, each with the line it begins on."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _records(path, file, columns)
    except OSError as error:
        raise RegistryError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except UnicodeDecodeError as error:
        raise RegistryError(f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error


def _records(path: Path, file: TextIO, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(file, strict=True)
    begins = 1
    try:
        if tuple(next(reader, ())) != tuple(columns):
            raise RegistryError(f"{path}, line 1: another header than expected; write {','.join(columns)}")
        begins = reader.line_num + 1
        for values in reader:
            if values and len(values) != len(columns):
                wanted = f"{len(values)} fields instead of {len(columns)}"
                raise RegistryError(f"{path}, line {begins}: {wanted}; quote fields that hold a comma")
            if values:
                yield begins, {name: value.strip() for name, value in zip(columns, values, strict=True)}
            begins = reader.line_num + 1
    except csv.Error as error:
        raise RegistryError(f"{path}, line {begins}: is not CSV ({error}); mend the quotes of that line") from error


def refusal(path: Path, faults: Sequence[str]) -> str:
    """One line for the user: the file, its first faults, and how many more there are."""
    more = len(faults) - _FAULTS_SHOWN
    shown = " | ".join(faults[:_FAULTS_SHOWN])
    return f"{path}, {shown}" + (f" | and {more} more" if more > 0 else "") + " (nothing was loaded)"


def load_countries(path: Path) -> dict[str, str]:
    """Country code to short English name, in the file's order; RegistryError on a code that is not two capitals."""
    countries: dict[str, str] = {}
    for line, values in read_csv(path, ("code", "name")):
        code = values["code"]
        if not re.fullmatch("[A-Z]{2}", code) or code in countries or not values["name"]:
            raise RegistryError(f"{path}, line {line}: {code!r} is no new two-letter code with a name; mend the line")
        countries[code] = values["name"]
    return countries


def load_version(path: Path) -> str:
    """The version of the packaged registry; RegistryError when the file is missing or empty."""
    try:
        version = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise RegistryError(f"{path}: cannot be read ({error.strerror}); install the package again") from error
    if not version:
        raise RegistryError(f"{path}: is empty; write the version of the registry, for example 2026.11.22")
    return version


def _faults(values: Mapping[str, str], known: Collection[str]) -> list[str]:
    """What is wrong with one record, each with its cure; `known` are the codes of countries."""
    hub, account, country, kind = (values[name] for name in ("hub", "publisher", "country", "kind"))
    organisation, basis, confidence = values["organisation"], values["basis"], values["confidence"]
    rules = (
        (_HUB.match(hub), "hub", hub[:40], "write its name in lower case"),
        (_ACCOUNT.match(account), "publisher", account[:40], "write the account alone"),
        (country in known, "unknown country", country[:10], "write ISO 3166-1 alpha-2, XX or ZZ"),
        (kind in KINDS, "unknown kind", kind[:20], _ONE_OF_KINDS),
        (confidence in CONFIDENCES, "confidence", confidence[:20], "write certain or likely"),
        (basis, "no basis", None, "say in words why"),
        (organisation or kind == "individual", "no organisation", None, "only individuals need none"),
        (_is_text(organisation), "organisation cannot be shown, is too long or a formula", None, "write plain words"),
        (_is_text(basis), "basis cannot be shown, is too long or a formula", None, "write plain words"),
    )
    # Words are put together of what is wrong alone: thousands of rows are right, and every command reads them.
    faults = [
        f"{what}; {cure}" if value is None else f"{what} {value!r}; {cure}"
        for holds, what, value, cure in rules
        if not holds
    ]
    return faults + _date_faults(values)


def _date_faults(values: Mapping[str, str]) -> list[str]:
    given = [name for name in ("valid_from", "valid_to", "reviewed_on") if values[name] or name == "reviewed_on"]
    wrong = [name for name in given if not _is_day(values[name])]
    faults = [f"{name} {values[name][:20]!r} is no day; write YYYY-MM-DD" for name in wrong]
    if not faults and values["valid_from"] and values["valid_to"] and values["valid_to"] <= values["valid_from"]:
        faults.append(f"valid_to {values['valid_to']} is not after valid_from; valid_to is the first day outside")
    return faults


@lru_cache(1000)
def _is_day(text: str) -> bool:
    try:
        return _DAY.match(text) is not None and date.fromisoformat(text) < FOREVER
    except ValueError:
        return False


def _is_text(text: str) -> bool:
    return len(text) <= _LONGEST_FIELD and (not text or (text.isprintable() and text[0] not in "=+-@"))


def _row(values: Mapping[str, str]) -> OriginRow:
    return OriginRow(
        hub=values["hub"],
        publisher=values["publisher"],
        valid_from=date.fromisoformat(values["valid_from"]) if values["valid_from"] else ALWAYS,
        valid_to=date.fromisoformat(values["valid_to"]) if values["valid_to"] else FOREVER,
        organisation=values["organisation"],
        country=values["country"],
        kind=values["kind"],
        basis=values["basis"],
        confidence=values["confidence"],
        reviewed_on=date.fromisoformat(values["reviewed_on"]),
    )


def _conflicts(rows: Iterable[tuple[int, OriginRow]]) -> list[str]:
    """Rows of one account that overlap, leave a gap, or spell it differently."""
    ordered = sorted(rows, key=lambda item: (item[1].hub, item[1].publisher.casefold(), item[1].valid_from, item[0]))
    faults = []
    for (_, before), (line, row) in pairwise(ordered):
        if (before.hub, before.publisher.casefold()) != (row.hub, row.publisher.casefold()):
            continue
        if before.publisher != row.publisher:
            faults.append((line, f"{row.publisher} stands here as {before.publisher} too; keep one spelling"))
        elif row.valid_from < before.valid_to:
            faults.append((line, f"{row.publisher} overlaps its row before; end that on {_written(row.valid_from)}"))
        elif row.valid_from > before.valid_to:
            faults.append((line, f"{row.publisher} has a gap from {before.valid_to} to {row.valid_from}; close it"))
    return [f"line {line}: {fault}" for line, fault in sorted(faults)]


def _written(day: date) -> str:
    return "" if day in (ALWAYS, FOREVER) else day.isoformat()


def _by_account(rows: Iterable[OriginRow]) -> dict[tuple[str, str], tuple[OriginRow, ...]]:
    accounts: dict[tuple[str, str], tuple[OriginRow, ...]] = {}
    for row in rows:
        key = (row.hub, row.publisher.casefold())
        accounts[key] = (*accounts.get(key, ()), row)
    return accounts


def _digest(rows: Iterable[OriginRow]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr(record(row)).encode())
    return digest.hexdigest()


def record(row: OriginRow) -> tuple[str, ...]:
    """A row as the texts of its CSV fields, in the order of COLUMNS."""
    span = (_written(row.valid_from), _written(row.valid_to))
    whose = (row.hub, row.publisher, row.organisation, row.country, row.kind)
    return (*whose, *span, row.basis, row.confidence, _written(row.reviewed_on))


def export(registry: Registry, out: TextIO) -> None:
    """The registry as CSV that `load_registry` reads back: UTF-8 text, header, `\\n`, sorted."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(record(row) for row in registry.rows)


def check(registry: Registry, today: date, accounts: Iterable[tuple[str, str]]) -> list[str]:
    """What a loaded registry still lacks, one line each: reviews dated ahead, and accounts that must have a row.

    `accounts` are (hub, publisher) pairs the project relies on, such as the developers of families.toml.
    """
    ahead = [
        f"{row.hub} {row.publisher}: reviewed_on {row.reviewed_on} lies ahead of today; correct the date"
        for row in registry.rows
        if row.reviewed_on > today
    ]
    known = {(row.hub, row.publisher.casefold()) for row in registry.rows}
    missing = sorted({(hub, name) for hub, name in accounts if (hub, name.casefold()) not in known})
    return ahead + [f"{hub} {name}: develops a family and has no row; add one to the registry" for hub, name in missing]


def is_account(text: str) -> bool:
    """Whether a text can be an account, and so have a row."""
    return _ACCOUNT.match(text) is not None


def differences(old: Registry, new: Registry) -> list[tuple[str, str, str, str, str]]:
    """Accounts whose rows differ, by hub and account: hub, publisher, what changed, the origin before and after.

    What changed is `added`, `removed`, `origin` (country or its dates) or `details`; a new day of review is no change.
    """
    accounts = sorted({*old.by_account, *new.by_account})
    found = ((key, old.by_account.get(key, ()), new.by_account.get(key, ())) for key in accounts)
    return [
        (key[0], (after or before)[0].publisher, _change(before, after), _origins(before), _origins(after))
        for key, before, after in found
        if _undated(before) != _undated(after)
    ]


def _change(before: Sequence[OriginRow], after: Sequence[OriginRow]) -> str:
    if not before or not after:
        return "removed" if before else "added"
    return "details" if _origins(before) == _origins(after) else "origin"


def _undated(rows: Iterable[OriginRow]) -> list[OriginRow]:
    return [replace(row, reviewed_on=ALWAYS) for row in rows]


def _origins(rows: Iterable[OriginRow]) -> str:
    """`CN until 2026-02-28; SG`: the countries of an account, one after the other."""
    return "; ".join(
        row.country
        + (f" from {row.valid_from}" if row.valid_from != ALWAYS else "")
        + (f" until {row.valid_to}" if row.valid_to != FOREVER else "")
        for row in rows
    )

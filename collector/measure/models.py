"""The models of a window as columns of numbers, and whose they are. What is the same for many models stands once.

Pure; knows no SQL and no clock, and not where an origin comes from. A hub has millions of models but few different
origins: whatever depends on the origin alone (country, family, relation) is looked up for each set of roots, not for
each model. Names are asked for only of the few models that are printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from collector.model import NOT_ATTRIBUTED, Attribution, Scope
from collector.series import Bools, Ints, Narrow, distinct

Floats = NDArray[np.float64]

# Why downloads are not attributed: nobody looked, somebody looked in vain, or the lineage leads to no model known.
NEVER_REVIEWED = "never_reviewed"
REVIEWED_UNKNOWN = "reviewed_unknown"
UNRESOLVED = "unresolved"
WHY_UNKNOWN = (NEVER_REVIEWED, REVIEWED_UNKNOWN, UNRESOLVED)

QUANTISED = "quantized"  #: the relation of a copy in lower precision, as hubs spell it
_DERIVED_BASES = ("corrected", "declared", "name")


class Root(NamedTuple):
    """The end of a lineage, on the window's last day."""

    country: str
    weight: float = 1.0  #: the weights of a model add up to 1
    family: str | None = None
    unknown: str = ""  #: one of WHY_UNKNOWN where the country is ZZ
    publisher: str = ""  #: the account, where it was asked for


class RootSet(NamedTuple):
    """Whose the downloads of a model are, how that is known, and how it was made from its base."""

    roots: tuple[Root, ...]
    basis: str = "self"
    relation: str | None = None

    @property
    def is_derivative(self) -> bool:
        """Whether its models were made from another: a base was declared, corrected by us or read from the name."""
        return self.relation is not None or self.basis in _DERIVED_BASES


class Account(NamedTuple):
    """An uploader, as the registry has it on the window's last day."""

    name: str
    country: str = NOT_ATTRIBUTED
    organisation: str = ""
    kind: str = ""  #: empty: never reviewed


@dataclass(frozen=True, slots=True)
class Accounts:
    """Many uploaders, of whom the registry knows few. Their names are asked for only where they are printed."""

    numbers: Ints  #: in the database, in order
    known: Mapping[int, Account]  #: by place
    named: Callable[[Ints], Sequence[str]]  #: the names of accounts by their numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def names(self, places: Ints) -> Sequence[str]:
        """The names of these accounts."""
        return self.named(self.numbers[places])

    def at(self, places: Ints) -> list[Account]:
        """These accounts, of which one may be asked for several times."""
        each = distinct(places)
        told = zip(each.tolist(), self.names(each), strict=True)
        found = {place: self.known.get(place) or Account(name) for place, name in told}
        return [found[place] for place in places.tolist()]

    def said(self, what: str) -> tuple[Ints, list[str]]:
        """What is said of each account (a field of Account): its place among the texts that there are."""
        place: dict[str, int] = {getattr(_UNKNOWN, what): 0}
        of = np.zeros(len(self), np.int64)
        for row, account in self.known.items():
            of[row] = place.setdefault(getattr(account, what), len(place))
        return of, list(place)


_UNKNOWN = Account("")


#: Of a model without a root: never reviewed, never dropped.
NO_ROOTS = (Root(NOT_ATTRIBUTED, unknown=NEVER_REVIEWED),)


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose each model is under an attribution."""

    of: Ints  #: for each model: its place in `sets`
    sets: Sequence[RootSet]


@dataclass(frozen=True, slots=True)
class Models:
    """Models and what they did in a window, by model_id; all columns have the same length."""

    model_id: Ints
    account: Ints  #: place in `accounts`
    task: Narrow  #: place in `tasks`
    created_at: Narrow  #: Unix seconds, -1 unknown
    downloads: Floats  #: unrounded
    estimated: Floats  #: the part of them that was not measured; NaN where nobody can say, as in a trailing window
    corrections: Ints
    covered: Floats  #: 0 to 1
    base: Owners  #: the ends of their lineages
    uploader: Owners  #: their uploaders alone
    accounts: Accounts
    tasks: Sequence[str | None]
    flags: Mapping[int, str]  #: by model_id: dip, correction …, separated by blanks
    names: Callable[[Ints], Sequence[str]]  #: the names of models by model_id

    def __len__(self) -> int:
        return len(self.model_id)

    def rows_of(self, model_ids: Ints) -> Ints:
        """The rows of those of these models that are among them."""
        place = np.searchsorted(self.model_id, model_ids)
        within = place < len(self)
        found: Ints = place[within][self.model_id[place[within]] == model_ids[within]]
        return found

    def where(self, rows: Bools | Ints | slice) -> Models:
        """Some of the models."""
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        base, uploader = (replace(owners, of=owners.of[rows]) for owners in (self.base, self.uploader))
        return replace(self, **columns, base=base, uploader=uploader)


_COLUMNS = ("model_id", "account", "task", "created_at", "downloads", "estimated", "corrections", "covered")


def owners(models: Models, attribution: Attribution) -> Owners:
    """Whose the models are under an attribution."""
    return models.base if attribution == "base" else models.uploader


def of_accounts(accounts: Accounts) -> Owners:
    """Attribution `publisher`: whose a model under each of these accounts is, the account's country's alone."""
    sets: dict[RootSet, int] = {RootSet(NO_ROOTS): 0}
    of = np.zeros(len(accounts), np.int64)
    for place, each in accounts.known.items():
        of[place] = sets.setdefault(own_roots(each), len(sets))
    return Owners(of, tuple(sets))


def own_roots(account: Account, publisher: str = "") -> RootSet:
    """Of a model that is its own root, by what the registry says of its account; `publisher` where it is asked for."""
    is_known = account.kind or account.country != NOT_ATTRIBUTED
    unknown = why_unknown(account.country if is_known else None)
    return RootSet((Root(account.country, unknown=unknown, publisher=publisher),))


def why_unknown(country: str | None) -> str:
    """Why a publisher with this country in the registry is not attributed; "" when it is. None: it has no row."""
    if country is None:
        return NEVER_REVIEWED
    return REVIEWED_UNKNOWN if country == NOT_ATTRIBUTED else ""


def in_scope(models: Models, scope: Scope) -> Bools:
    """Which models count in a scope (design, section 6): task, day of creation, relation to the base.

    A model whose task or creation is unknown is outside of a scope that asks for it.
    """
    return are_asked_for(models, scope) & are_admitted(models.base.sets, scope)[models.base.of]


class Described(Protocol):
    """Models, and what is said of them that a scope may ask for; columns as of `Models`."""

    @property
    def task(self) -> Narrow: ...
    @property
    def tasks(self) -> Sequence[str | None]: ...
    @property
    def created_at(self) -> Narrow: ...


def are_asked_for(models: Described, scope: Scope) -> Bools:
    """Which models have the task and the day of creation that a scope asks for."""
    inside = np.ones(len(models.task), np.bool_)
    if scope.pipeline_tags is not None:
        inside &= _each([task in scope.pipeline_tags for task in models.tasks])[models.task]
    if scope.created_from is not None:
        inside &= (models.created_at >= 0) & (models.created_at >= scope.created_from)
    return inside


def are_admitted(sets: Sequence[RootSet], scope: Scope) -> Bools:
    """Of which sets of roots a scope leaves the models in: it may leave out some relations to the base."""
    return _each([each.relation not in scope.exclude_relations for each in sets])


def _each(said: Sequence[bool]) -> Bools:
    return np.array(said, np.bool_)

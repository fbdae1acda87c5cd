"""Whose the models of a window are: uploaders and roots, as the registry has them on the window's last day.

Knows the order in which these are looked up: the registry is asked once for each account, and not for each model. Knows
no SQL, no rule of lineage and no share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from collector.counting import (
    Counted,
    count,
    count_trailing,
    current_build,
    is_over,
    largest,
    nothing_done,
    trailing_window,
)
from collector.measure.models import (
    UNRESOLVED,
    Account,
    Accounts,
    Models,
    Owners,
    Root,
    RootSet,
    own_roots,
    uploaders,
    why_unknown,
)
from collector.model import NOT_ATTRIBUTED, Window, publisher_of
from collector.origins.knowledge import Knowledge
from collector.rooting import roots_of_models
from collector.series import Ints
from collector.store import figures, hubwide, queries
from collector.store import readings as facts
from collector.store.database import Database
from collector.store.figures import RootRow, RootSets
from collector.store.hubwide import Hubwide
from collector.store.queries import Hub


@dataclass(frozen=True, slots=True)
class WindowModels:
    """What shares are worked out from."""

    window: Window
    models: Models
    created: Models  #: those created in the window and listed, downloaded or not; what they did is not said
    status: str  #: final or provisional
    developers: Mapping[str, str]  #: country of each family's developer on the window's last day


def window_models(
    db: Database, hub: Hub, window: Window, knowledge: Knowledge, known: Hubwide | None = None
) -> WindowModels:
    """What the hub's models did in the window, and whose they are: from the derived tables where these are current.

    `known` are the hub's models where they were read before, as for several windows.
    """
    known = hubwide.read(db, hub.id) if known is None else known
    counted = count(db, hub, window, known)
    final = is_over(db, hub, window) and counted.most_covered >= 1 and counted.open_falls == 0
    return attributed(db, hub, counted, window, "final" if final else "provisional", knowledge, known)


def trailing_models(db: Database, hub: Hub, poll: facts.PollAt, knowledge: Knowledge) -> WindowModels:
    """The hub's own last 30 days as that poll read them."""
    known = hubwide.read(db, hub.id)
    return attributed(db, hub, count_trailing(db, hub, poll, known), trailing_window(poll), "final", knowledge, known)


def attributed(
    db: Database,
    hub: Hub,
    counted: Counted,
    window: Window,
    status: str,
    knowledge: Knowledge,
    known: Hubwide | None = None,
    *,
    with_publishers: bool = False,
) -> WindowModels:
    """The models with uploaders and roots, as the registry has them on the window's last day.

    `with_publishers` names the accounts of their roots too.
    """
    columns = (hubwide.read(db, hub.id) if known is None else known).columns
    listed_by = facts.last_start_that_matters(db, hub.id, window)
    created = figures.created_models(db, hub.id, columns.described(), columns.first_poll_id, window, listed_by)
    origins = _Origins(hub, knowledge, window.last_day, with_publishers)
    both = (counted, nothing_done(created))
    # Looked up after the models were counted: a poll beside may have moved one of them to a new account.
    models, new = _with_owners(db, hub, window, both, origins, figures.accounts(db, hub.id), columns.root_sets)
    developers = {family.name: origins.country(family.publisher) for family in knowledge.families.all}
    return WindowModels(window, models, new, status, developers)


def largest_models(db: Database, hub: Hub, month: Window, knowledge: Knowledge, most: int) -> Models | None:
    """The models with most downloads of a month, and those with as many as the last; None where it is not built."""
    built = current_build(db, hub, month)
    if built is None:
        return None
    counted = largest(db, hub, month, built, most)

    def stored() -> RootSets:
        return figures.stored_roots(db, hub.id, counted.described.model_id.tolist())

    origins = _Origins(hub, knowledge, month.last_day, False)
    used = np.flatnonzero(np.bincount(counted.publisher_id))
    (models,) = _with_owners(db, hub, month, (counted,), origins, figures.accounts(db, hub.id, used), stored)
    return models


def _with_owners(
    db: Database,
    hub: Hub,
    window: Window,
    all_counted: Sequence[Counted],
    origins: _Origins,
    all_accounts: tuple[Ints, list[str]],
    stored: Callable[[], RootSets],
) -> list[Models]:
    """`stored` looks up the roots of these models as they are stored, or of more."""
    numbers, all_names = all_accounts
    used = np.zeros(int(numbers.max(initial=0)) + 1, np.bool_)
    for counted in all_counted:
        used[counted.publisher_id] = True
    kept = np.flatnonzero(used[numbers])
    numbers, names = numbers[kept], [all_names[place] for place in kept.tolist()]
    roots = roots_of_models(db, hub, origins.knowledge, stored, _moved(db, hub, window))
    told = (origins.accounts(names, numbers), numbers, roots, origins, lambda ids: _names(db, ids))
    return [_owned(counted, *told) for counted in all_counted]


def _names(db: Database, model_ids: Ints) -> list[str]:
    known = figures.names_of(db, model_ids.tolist())
    return [known[model_id] for model_id in model_ids.tolist()]


def _moved(db: Database, hub: Hub, window: Window) -> dict[str, str]:
    """By name: the account on the window's last day of the models that live under another now.

    Also of those that did nothing in the window: others may be made from them.
    """
    then = ((name, publisher_of(before)) for name, before in queries.names_at(db, hub.id, None, window.end).items())
    return {name: account for name, account in then if account != publisher_of(name)}


class _Origins:
    """The registry on a day, asked once for each account."""

    def __init__(self, hub: Hub, knowledge: Knowledge, day: date, with_publishers: bool) -> None:
        self.knowledge = knowledge
        self._known = {folded for name, folded in knowledge.registry.by_account if name == hub.name}
        self._row = lru_cache(None)(lambda name: knowledge.registry.row(hub.name, name, day))
        self.with_publishers = with_publishers

    def country(self, name: str) -> str:
        row = self._row(name)
        return row.country if row else NOT_ATTRIBUTED

    def accounts(self, names: Sequence[str], numbers: Ints) -> Accounts:
        """The accounts of these names, which are in order."""
        reviewed, known = self._known, dict[int, Account]()
        for place in [place for place, folded in enumerate(map(str.casefold, names)) if folded in reviewed]:
            if row := self._row(names[place]):
                known[place] = Account(names[place], row.country, row.organisation, row.kind)
        return Accounts(names, numbers, known)

    def own(self, account: Ints, accounts: Accounts) -> Owners:
        """Whose the models under these accounts are when they are their own roots."""
        if not self.with_publishers:
            return uploaders(account, accounts)
        used, place = np.unique(account, return_inverse=True)
        each = [accounts[number] for number in used.tolist()]
        return Owners(place, [own_roots(one, one.name) for one in each])

    def roots(self, rows: tuple[RootRow, ...]) -> RootSet:
        return RootSet(tuple(self._root(row) for row in rows), rows[0].basis, rows[0].relation)

    def _root(self, root: RootRow) -> Root:
        publisher = root.publisher if self.with_publishers else ""
        if root.basis == "none":
            return Root(NOT_ATTRIBUTED, root.weight, root.family, UNRESOLVED, publisher)
        row = self._row(root.publisher)
        country = row.country if row else None
        return Root(country or NOT_ATTRIBUTED, root.weight, root.family, why_unknown(country), publisher)


def _owned(
    counted: Counted,
    accounts: Accounts,
    numbers: Ints,
    roots: RootSets,
    origins: _Origins,
    names: Callable[[Ints], Sequence[str]],
) -> Models:
    """The models with their owners; `numbers` are those of the accounts in the database."""
    place_of = np.zeros(int(numbers.max(initial=0)) + 1, np.int64)
    place_of[numbers] = np.arange(len(numbers))
    account = place_of[counted.publisher_id]
    about = counted.described
    return Models(
        about.model_id,
        account,
        about.task,
        about.created_at,
        counted.downloads,
        counted.estimated,
        counted.corrections,
        counted.covered,
        _base(about.model_id, account, accounts, roots, origins),
        uploaders(account, accounts),
        accounts,
        about.tasks,
        counted.flags,
        names,
    )


def _base(model_id: Ints, account: Ints, accounts: Accounts, roots: RootSets, origins: _Origins) -> Owners:
    """The ends of the models' lineages. Sets of roots that come to the same countries and families become one."""
    sets: dict[RootSet, int] = {}

    def numbered(each: RootSet) -> int:
        return sets.setdefault(each, len(sets))

    place = np.searchsorted(roots.model_id, model_id)
    is_told = np.append(roots.model_id, -1)[place] == model_id
    code = np.append(roots.code, 0)[place][is_told]
    resolved = np.zeros(len(roots.sets), np.int64)
    for each in np.flatnonzero(np.bincount(code, minlength=len(roots.sets))).tolist():
        resolved[each] = numbered(origins.roots(roots.sets[each]))
    own = origins.own(account, accounts)
    of = np.array([numbered(each) for each in own.sets], np.int64)[own.of]
    of[is_told] = resolved[code]
    return Owners(of, tuple(sets))

"""Whose the models of a window are: uploaders and roots, as the registry has them on the window's last day.

Knows the order in which these are looked up: the registry is asked once for each account, and not for each model. Knows
no SQL, no rule of lineage and no share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from collector.counting import (
    Counted,
    count,
    count_trailing,
    largest,
    nothing_done,
    trailing_window,
)
from collector.looking import Look, look
from collector.measure.models import (
    UNRESOLVED,
    Account,
    Accounts,
    Models,
    Owners,
    Root,
    RootSet,
    of_accounts,
    own_roots,
    why_unknown,
)
from collector.model import NOT_ATTRIBUTED, Window, publisher_of
from collector.origins.knowledge import Knowledge
from collector.rooting import roots_of_models
from collector.series import Bools, Ints, distinct
from collector.store import figures, hub_polls, hubwide, queries, reviewed
from collector.store.database import Database
from collector.store.figures import RootRow, RootSets
from collector.store.hub_polls import HubPolls, PollAt
from collector.store.hubwide import Hubwide
from collector.store.queries import Hub
from collector.store.reviewed import Reviewed


@dataclass(frozen=True, slots=True)
class WindowModels:
    """What shares are worked out from."""

    window: Window
    models: Models
    created: Models  #: those created in the window and listed, downloaded or not; what they did is not said
    status: str  #: final or provisional
    developers: Mapping[str, str]  #: country of each family's developer on the window's last day


def window_models(
    db: Database,
    hub: Hub,
    window: Window,
    knowledge: Knowledge,
    known: Hubwide | None = None,
    seen: Look | None = None,
) -> WindowModels:
    """What the hub's models did in the window, and whose they are: from the derived tables where these are current.

    `known` are the hub's models, and `seen` is the hub, where they were read before, as for several windows.
    """
    seen = look(db, hub) if seen is None else seen
    known = hubwide.read(db, hub.id) if known is None else known
    counted = count(db, hub, window, known, seen)
    final = seen.is_over(window) and counted.most_covered >= 1 and counted.open_falls == 0
    return attributed(db, hub, counted, window, "final" if final else "provisional", knowledge, known, polls=seen.polls)


def trailing_models(db: Database, hub: Hub, poll: PollAt, knowledge: Knowledge) -> WindowModels:
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
    polls: HubPolls | None = None,
    with_publishers: bool = False,
) -> WindowModels:
    """The models with uploaders and roots, as the registry has them on the window's last day.

    `polls` are the hub's where they were read before; `with_publishers` names the accounts of the roots too.
    """
    columns = (hubwide.read(db, hub.id) if known is None else known).columns
    listed_by = (hub_polls.read(db, hub.id) if polls is None else polls).last_start_that_matters(window)
    when = (columns.model_id, columns.created_at, columns.first_poll_id)
    created = columns.described_of(figures.created_models(db, hub.id, *when, window, listed_by))
    origins = _Origins(hub, knowledge, window.last_day, with_publishers)
    both = (counted, nothing_done(created))
    # Looked up after the models were counted: a poll beside may have moved one of them to a new account.
    models, new = _with_owners(db, hub, window, both, origins, lambda: columns.root_sets)
    developers = {family.name: origins.country(family.publisher) for family in knowledge.families.all}
    return WindowModels(window, models, new, status, developers)


def largest_models(db: Database, hub: Hub, month: Window, knowledge: Knowledge, most: int) -> Models | None:
    """The models with most downloads of a month, and those with as many as the last; None where it is not built."""
    built = look(db, hub).current_build(month)
    if built is None:
        return None
    counted = largest(db, hub, month, built, most)

    def stored() -> RootSets:
        return figures.stored_roots(db, hub.id, counted.described.model_id.tolist())

    origins = _Origins(hub, knowledge, month.last_day, False)
    (models,) = _with_owners(db, hub, month, (counted,), origins, stored)
    return models


def _with_owners(
    db: Database,
    hub: Hub,
    window: Window,
    all_counted: Sequence[Counted],
    origins: _Origins,
    stored: Callable[[], RootSets],
) -> list[Models]:
    """`stored` looks up the roots of these models as they are stored, or of more."""
    used = np.zeros(max(int(counted.publisher_id.max(initial=0)) for counted in all_counted) + 1, np.bool_)
    for counted in all_counted:
        used[counted.publisher_id] = True
    accounts = origins.accounts(db, hub, np.flatnonzero(used))
    roots = roots_of_models(db, hub, origins.knowledge, stored, _moved(db, hub, window))
    place_of = np.cumsum(used) - 1
    places = [place_of[counted.publisher_id] for counted in all_counted]
    told = [_Told(*roots.found(counted.described.model_id)) for counted in all_counted]
    whose = _whose(origins, accounts, roots.sets, told, origins.own(accounts, np.concatenate(places)))
    each = zip(all_counted, places, told, strict=True)
    return [whose.models(counted, account, rooted, partial(_names, db)) for counted, account, rooted in each]


def reviewed_accounts(db: Database, hub: Hub, knowledge: Knowledge) -> Reviewed:
    """The hub's accounts that the registry names, in any spelling."""
    folded = {folded for name, folded in knowledge.registry.by_account if name == hub.name}
    before = reviewed.kept(db, hub.id, knowledge.registry.digest)
    new = reviewed.accounts_after(db, hub.id, before.last)
    found = {number: name for number, name in new.items() if name.casefold() in folded}
    return Reviewed({**before.names, **found}, max(new, default=before.last))


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
        self._row = lru_cache(None)(lambda name: knowledge.registry.row(hub.name, name, day))
        self._answer = lru_cache(None)(self._found)
        self.with_publishers = with_publishers

    def country(self, name: str) -> str:
        row = self._row(name)
        return row.country if row else NOT_ATTRIBUTED

    def accounts(self, db: Database, hub: Hub, numbers: Ints) -> Accounts:
        """The accounts with these numbers, which are in order."""
        known, told = dict[int, Account](), reviewed_accounts(db, hub, self.knowledge).names
        some = np.array(sorted(told), np.int64)
        places = np.searchsorted(numbers, some)
        ours = np.append(numbers, -1)[places] == some
        for place, number in zip(places[ours].tolist(), some[ours].tolist(), strict=True):
            if row := self._row(told[number]):
                known[place] = Account(told[number], row.country, row.organisation, row.kind)
        return Accounts(numbers, known, partial(figures.account_names, db, hub.id))

    def own(self, accounts: Accounts, places: Ints) -> Owners:
        """Whose the models under these accounts (places) are when they are their own roots: for all accounts."""
        if not self.with_publishers:
            return of_accounts(accounts)
        used = distinct(places)
        of = np.zeros(len(accounts), np.int64)
        of[used] = np.arange(len(used))
        return Owners(of, [own_roots(one, one.name) for one in accounts.at(used)])

    def roots(self, rows: tuple[RootRow, ...]) -> RootSet:
        return RootSet(tuple(map(self._root, rows)), rows[0].basis, rows[0].relation)

    def _root(self, root: RootRow) -> Root:
        publisher, weight, basis, _, family = root
        said = publisher if self.with_publishers else ""
        if basis == "none":
            return Root(NOT_ATTRIBUTED, weight, family, UNRESOLVED, said)
        country, unknown = self._answer(publisher)
        return Root(country, weight, family, unknown, said)

    def _found(self, name: str) -> tuple[str, str]:
        row = self._row(name)
        country = row.country if row else None
        return country or NOT_ATTRIBUTED, why_unknown(country)


@dataclass(frozen=True, slots=True)
class _Whose:
    """Whose models are: found once for each account and each set of roots, whoever asks."""

    accounts: Accounts
    uploaders: Owners  #: of each account
    of_account: Ints  #: place in `sets`: for each account, of models that are their own roots
    of_code: Ints  #: for each set of roots that is asked for
    sets: tuple[RootSet, ...]  #: those that come to the same countries and families are one

    def models(self, counted: Counted, account: Ints, rooted: _Told, names: Callable[[Ints], Sequence[str]]) -> Models:
        """The models with their owners."""
        about, base = counted.described, self.of_account[account]
        base[rooted.which] = self.of_code[rooted.code]
        return Models(
            about.model_id,
            account,
            about.task,
            about.created_at,
            counted.downloads,
            counted.estimated,
            counted.corrections,
            counted.covered,
            Owners(base, self.sets),
            Owners(self.uploaders.of[account], self.uploaders.sets),
            self.accounts,
            about.tasks,
            counted.flags,
            names,
        )


class _Told(NamedTuple):
    """Models with roots that are told."""

    which: Bools  #: of some models
    code: Ints  #: of those: place of their roots in the sets


def _whose(
    origins: _Origins, accounts: Accounts, told: Sequence[tuple[RootRow, ...]], asked: Sequence[_Told], own: Owners
) -> _Whose:
    """`told` are sets of roots as stored; `own` the owners of models under each account that are their own roots."""
    used, sets = np.zeros(len(told), np.bool_), dict[RootSet, int]()
    for each in asked:
        used[each.code] = True
    of_code = np.zeros(len(told), np.int64)
    for code in np.flatnonzero(used).tolist():
        of_code[code] = sets.setdefault(origins.roots(told[code]), len(sets))
    by_set = [sets.setdefault(each, len(sets)) for each in own.sets]
    return _Whose(accounts, of_accounts(accounts), np.array(by_set, np.int64)[own.of], of_code, tuple(sets))

"""Which months are to be restated, now that some models are described otherwise than when they were worked out.

A month's figures hold what its models did, and of what is said of them: their task and creation as far as a scope asks
for these, their roots, their names where they are printed, and which were created in it. Whatever else is said of a
model (its library, a declared base that leads to the same root) changes no month. Months that hold other readings than
their shares rest on are not meant here: those are worked out at once.

Knows what a description enters; knows no SQL, and not when a month is restated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from collector.measure.first import can_tell_apart
from collector.measure.models import are_asked_for
from collector.model import Scope, Window, month_of, publisher_of
from collector.rooting import Renewed
from collector.series import NOT_SAID, Bools, Ints
from collector.store import figures, histories, hub_polls, lineages, waiting
from collector.store.database import Database
from collector.store.hub_polls import HubPolls
from collector.store.hubwide import OWN, HubColumns
from collector.store.queries import Hub


class Otherwise(NamedTuple):
    """Models of which figures can be others than before."""

    counted: Ints  #: in the months in which they have downloads
    created: Ints  #: in the months in which they were created


def told_otherwise(before: HubColumns, after: HubColumns, models: Ints, scopes: Iterable[Scope]) -> Otherwise:
    """Of some models, given in order: those of which what is said now enters figures otherwise than what was said
    before. Who is new was in no figure.
    """
    is_old, place = _found(before, models)
    then, now = before.at(place[is_old]), after.at(_found(after, models[is_old])[1])
    counted = np.array([mine != theirs for mine, theirs in zip(_roots(then), _roots(now), strict=True)], np.bool_)
    for scope in scopes:
        counted |= are_asked_for(then, scope) != are_asked_for(now, scope)
    created = counted.copy()
    for name in ("publisher_id", "created_at", "first_poll_id"):
        created |= getattr(then, name) != getattr(now, name)
    old, new = models[is_old], models[~is_old]
    return Otherwise(np.union1d(old[counted], new), np.union1d(old[created], new))


def _found(columns: HubColumns, models: Ints) -> tuple[Bools, Ints]:
    """Which of the models are in the columns, and where each is or would be."""
    place = np.searchsorted(columns.model_id, models)
    return np.append(columns.model_id, -1)[place] == models, place


def _roots(columns: HubColumns) -> list[object]:
    return [None if place == OWN else columns.sets[place] for place in columns.roots.tolist()]


def months_before_first(db: Database, hub: Hub, before: HubColumns, listed: Sequence[int]) -> list[Window]:
    """The months whose rows the creations that some models have now change: what came before a first reading is worked
    out from the creation. So where a poll adopts what a file told of a model without it. `before`: as it was then.
    """
    if not listed:
        return []
    about, _ = figures.described(db, hub.id, listed)
    is_old, place = _found(before, about.model_id)
    then, now = before.created_at[place[is_old]], about.created_at[is_old]
    others = np.flatnonzero(then != now)
    models = about.model_id[is_old][others].tolist()
    with db.connect() as conn:
        first = histories.first_readings(conn, hub.id, models)
        until = first | histories.first_sightings_until(conn, hub.id, models)
    first_at = np.array([first.get(model_id, NOT_SAID) for model_id in models], np.int64)
    polls = hub_polls.read(db, hub.id).completed()
    apart = (first_at != NOT_SAID) & can_tell_apart(then[others], now[others], first_at, polls)
    last = max((until[models[place]] for place in np.flatnonzero(apart).tolist()), default=NOT_SAID)
    return [month for month in waiting.months_built(db, hub.id) if month.start <= last]


def in_turn(waiting_since: Mapping[str, int], most: int | None) -> list[str]:
    """Which of the months that wait are restated now: those that have waited longest, of equals the latest; at most so
    many (None: all).
    """
    latest_first = sorted(waiting_since, reverse=True)
    return sorted(latest_first, key=lambda month: waiting_since[month])[:most]


def let_wait(
    db: Database,
    hub: Hub,
    before: HubColumns | None,
    after: HubColumns,
    renewed: Renewed | None,
    scopes: Iterable[Scope],
) -> None:
    """Has the months wait whose figures what was said anew can enter.

    `before` and `after` are the hub's columns before and after lineage was brought up to date (before: None where they
    were not kept, or a roll-up was killed since); `renewed` is what was done then, None where that was everything.
    """
    polls = hub_polls.read(db, hub.id)
    since = hub_polls.as_of(db, hub.id, polls)
    if since is None:
        return
    if before is None or renewed is None:
        waiting.let_wait(db, hub.id, [month.label for month in waiting.months_built(db, hub.id)], since)
        return
    if not renewed.models:
        return
    otherwise = told_otherwise(before, after, np.array(renewed.models, np.int64), scopes)
    counted = {*otherwise.counted.tolist(), *renewed.rooted, *_renamed(db, hub, renewed.listed)}
    columns = [_those(each, otherwise.created) for each in (before, after)]
    months = [*_around(waiting.months_with(db, hub.id, sorted(counted))), *_of_creation(db, hub, columns, polls)]
    waiting.let_wait(db, hub.id, {month.label for month in months}, since)


def let_wait_for(db: Database, hub: Hub, models: Sequence[int]) -> None:
    """Has the months wait in which these models count: what a poll beside said of them may have been read for some."""
    if models:
        let_months_wait(db, hub, waiting.months_with(db, hub.id, models))


def let_months_wait(db: Database, hub: Hub, months: Iterable[Window]) -> None:
    """Has these months wait, and the one after each."""
    since = hub_polls.as_of(db, hub.id, hub_polls.read(db, hub.id))
    if since is not None:
        waiting.let_wait(db, hub.id, {month.label for month in _around(months)}, since)


def _those(columns: HubColumns, models: Ints) -> HubColumns:
    is_there, place = _found(columns, models)
    return columns.at(place[is_there])


def _around(months: Iterable[Window]) -> list[Window]:
    """The months, and after each the next: the share of the month before is a column of every month."""
    return [each for month in months for each in (month, month_of(month.end))]


def _renamed(db: Database, hub: Hub, models: Collection[int]) -> set[int]:
    """Those of the models that had another name once; and where one had another account, whoever leads to any of its
    names: in months before that, these count for the account of the time.
    """
    names: dict[int, set[str]] = {}
    for model_id, name in lineages.former_names_of(db, models):
        names.setdefault(model_id, set()).add(name)
    for model_id, name, _ in lineages.models_of(db, hub.id, names):
        names[model_id].add(name)
    moved = {name for each in names.values() if len({*map(publisher_of, each)}) > 1 for name in each}
    leading = figures.rooted_in(db, hub.id, sorted(moved)) if moved else []
    return {*names, *(model_id for model_id, *_ in leading)}


def _of_creation(db: Database, hub: Hub, columns: Iterable[HubColumns], polls: HubPolls) -> list[Window]:
    """The months in which these models were created, as far as they were listed in time to count there.

    Who is known from files alone is taken to be.
    """
    created: dict[Window, set[int]] = {}
    for each in columns:
        for at, poll_id in {*zip(each.created_at.tolist(), each.first_poll_id.tolist(), strict=True)}:
            if at != NOT_SAID:
                created.setdefault(month_of(at), set()).add(poll_id)
    found = []
    for month in (each for each in waiting.months_built(db, hub.id) if each in created):
        in_time = polls.poll_id[polls.started_at <= polls.last_start_that_matters(month)]
        if created[month] & {NOT_SAID, *in_time.tolist()}:
            found.append(month)
    return found

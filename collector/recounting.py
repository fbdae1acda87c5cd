"""Is what is derived what the facts say? Counts each month once more, from nothing, and compares; so for kept columns.

Only reads. Knows no rule by which a month is counted, and no SQL, and not what is to be done about a wrong one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector import counting, rollup
from collector.counting import Counted
from collector.looking import look
from collector.model import Window, month_window
from collector.series import Ints
from collector.store import hubwide, months, publishers, queries
from collector.store.database import Database
from collector.store.hubwide import Hubwide
from collector.store.queries import Hub

_EXAMPLES = 3
_TOLERANCE = 1e-6  # of a model's downloads: tiles are added up in another order


@dataclass(frozen=True, slots=True)
class WrongMonth:
    """A month whose rows are not what the readings that they take in say."""

    hub: Hub
    month: Window
    models: list[int]

    def __str__(self) -> str:
        what = f"models whose {self.month.label} is not what their readings say"
        return f"{self.hub.name}: {what}: {_some(self.models)}"


def _some(models: list[int]) -> str:
    shown = ", ".join(map(str, models[:_EXAMPLES])) + (", …" if len(models) > _EXAMPLES else "")
    return f"{len(models)} ({shown})"


@dataclass(frozen=True, slots=True)
class WrongColumns:
    """Columns kept for the roll-up, of a hub's models or of a month of theirs, that do not say what their rows say."""

    hub: Hub
    models: list[int]  #: none: only what is kept of all models of the month in one is wrong
    month: Window | None = None

    def __str__(self) -> str:
        if self.month is not None and not self.models:
            return f"{self.hub.name}: since when readings back {self.month.label} is kept otherwise than its rows say"
        what = "models that are" if self.month is None else f"models whose {self.month.label} is"
        return f"{self.hub.name}: {what} kept otherwise than their rows say: {_some(self.models)}"


@dataclass(frozen=True, slots=True)
class WrongAccounts:
    """What is kept of a month's accounts does not say what their rows say."""

    hub: Hub
    month: Window
    accounts: list[int]

    def __str__(self) -> str:
        what = f"accounts whose {self.month.label} is kept otherwise than their rows say"
        return f"{self.hub.name}: {what}: {_some(self.accounts)}"


def wrong_accounts(db: Database) -> list[WrongAccounts]:
    """The months of every hub whose accounts are kept otherwise than the rows say."""
    return [
        WrongAccounts(hub, _month(number), accounts)
        for hub in queries.hubs(db)
        for number, accounts in publishers.wrongly_kept(db, hub.id).items()
    ]


def _month(number: int) -> Window:
    return month_window(f"{number // 100}-{number % 100:02}")


def wrong_columns(db: Database) -> list[WrongColumns]:
    """What is kept for the roll-up of every hub's models and months otherwise than the rows say."""
    found = []
    for hub in queries.hubs(db):
        found += [WrongColumns(hub, models)] if (models := hubwide.differing(db, hub.id)) else []
        for number, models in months.wrongly_kept(db, hub.id).items():
            found.append(WrongColumns(hub, models, _month(number)))
    return found


def wrong_months(db: Database, newest: int | None = None) -> list[WrongMonth]:
    """The months of every hub (of each only so many `newest`) to whose rows another count does not come.

    What is only out of date is not wrong.
    """
    since, found = None if newest is None else -newest, list[WrongMonth]()
    for hub in queries.hubs(db):
        known = hubwide.read(db, hub.id)
        counted = rollup.known_months(db, hub, look(db, hub))[since:]
        wrong = ((month, _wrong_models(db, hub, month, known)) for month in counted)
        found += [WrongMonth(hub, month, models) for month, models in wrong if models]
    return found


def _wrong_models(db: Database, hub: Hub, month: Window, known: Hubwide) -> list[int]:
    kept = counting.kept(db, hub, month, known)
    if kept is None:
        return []
    said = counting.count_anew(db, hub, month, known)
    # A poll that came meanwhile may be in the one and not in the other.
    return [] if look(db, hub).current_build(month) is None else different(kept, said)


def different(one: Counted, other: Counted) -> list[int]:
    """The models of which two counts say different things; a model that is in one alone did nothing in the other."""
    model_id = np.union1d(one.described.model_id, other.described.model_id)
    first, second = _figures(one, model_id), _figures(other, model_id)
    apart = np.abs(first - second) > _TOLERANCE * np.maximum(np.abs(second), 1)
    flagged = {
        model for model in one.flags.keys() | other.flags.keys() if one.flags.get(model) != other.flags.get(model)
    }
    return sorted({*model_id[apart.any(axis=0)].tolist(), *flagged})


def _figures(counted: Counted, model_id: Ints) -> NDArray[np.float64]:
    """Downloads, estimated and corrections of these models, a row for each."""
    columns = (counted.downloads, counted.estimated, counted.corrections)
    figures = np.zeros((len(columns), len(model_id)))
    figures[:, np.searchsorted(model_id, counted.described.model_id)] = columns
    return figures

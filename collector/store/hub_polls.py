"""The polls of a hub at one moment, as columns of numbers; and which of them a window can rest on.

Read once, however many windows are asked for. Knows no rule by which figures are made, and nothing of what is derived.
Instants are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Integer, cast, func, select

from collector.model import DAY, Window
from collector.series import NOT_SAID, Bools, Ints, Polls
from collector.store.arrays import columns_of
from collector.store.database import Database
from collector.store.schema import import_file, model, model_state, poll

BEFORE = 9 * DAY  # a window's falls and rises begin up to a dip's week, and a restatement's, before it
AFTER = 32 * DAY  # its falls are judged, and the 30-day counts of its last tile read, after it
SPANS_AFTER = 8 * DAY  # a later reading still matters when the value before it was last seen until then


class PollAt(NamedTuple):
    """A poll and its start."""

    id: int
    started_at: int


@dataclass(frozen=True, slots=True)
class HubPolls:
    """Every poll of a hub and every day of its imports, by start and number; all columns have the same length."""

    poll_id: Ints
    started_at: Ints
    finished_at: Ints  #: or NOT_SAID
    reaches_back_to: Ints  #: where the earliest growth it read begins, or NOT_SAID: it read none
    pages: Ints
    models_listed: Ints
    complete: Bools
    stale: Bools  #: its unmoved counters were not read
    thin: Bools  #: its absences prove nothing
    whole: Bools  #: of the whole hub
    imported: Bools  #: a day of a file
    last_import_id: int  #: number of the file imported last; 0: there is none

    def __len__(self) -> int:
        return len(self.poll_id)

    # --- what a window rests on ---

    def last_poll(self, window: Window) -> int:
        """Number of the last poll that can change what the window shows; 0: there is none."""
        return int(self.poll_id[self._matters(window)].max(initial=0))

    def fingerprint(self, window: Window, last_poll_id: int) -> str:
        """Changes whenever an import, or a poll numbered up to `last_poll_id`, changed what the window shows."""
        some = np.flatnonzero(self._matters(window) & (self.poll_id <= last_poll_id))
        last = self.poll_id[some].max(initial=0)
        sums = (each[some].sum() for each in (self.pages, self.models_listed, self.stale, self.complete))
        return "|".join(str(int(each)) for each in (len(some), last, *sums, self.last_import_id))

    def last_start_that_matters(self, window: Window) -> int:
        """Start of the last poll whose readings a window rests on as a matter of course.

        Falls are judged and first sightings reach back within `AFTER`. After an outage the first polls that follow the
        window say which models were created in it: until one that is not thin, and until one of the whole hub, which
        may show for the first time what was launched since the last such poll.
        """
        proofs = self.complete & ~self.imported & ~self.thin
        firsts = (_start(self.started_at, proofs, window.end), _start(self.started_at, self._prove_absence, window.end))
        return max(window.end + AFTER, *firsts)

    def _matters(self, window: Window) -> Bools:
        """Polls near the window, later ones whose growth begins near it, and those that tell whether its falls last and
        who is gone: two prove that.

        However long the polls pause, the first of them that is late enough tells that a fall lasts: the first complete
        one after those near the window, and after one whose growth begins near it.
        """
        until = self.last_start_that_matters(window)
        near = max(until, _start(self.started_at, self._prove_absence, window.end, 1))
        reach_back = (self.reaches_back_to != NOT_SAID) & (self.reaches_back_to < window.end + SPANS_AFTER)
        before = self._complete_before
        found: Bools = (self.started_at <= near) | (before <= until) | reach_back
        late = self.started_at[reach_back & (self.started_at > until - SPANS_AFTER)]
        if len(late):
            found |= np.searchsorted(late, before - SPANS_AFTER) < np.searchsorted(late, self.started_at, "right")
        return found

    @property
    def _complete_before(self) -> Ints:
        """Of each poll: the start of the last complete one (imports are none) before it, else its own."""
        complete = self.started_at[self.complete & ~self.imported]
        place = np.searchsorted(complete, self.started_at)
        found: Ints = np.where(place > 0, np.append(complete, 0)[place - 1], self.started_at)
        return found

    @property
    def _prove_absence(self) -> Bools:
        """Complete polls of the whole hub that are not thin."""
        found: Bools = self.complete & self.whole & ~self.thin
        return found

    # --- which polls there are ---

    def completed(self) -> Polls:
        """The complete polls, by time; imports are none."""
        some = np.flatnonzero(self.complete & ~self.imported)
        return Polls(
            poll_id=self.poll_id[some],
            started_at=self.started_at[some],
            finished_at=self.finished_at[some],
            whole=self.whole[some],
            thin=self.thin[some],
            stale=self.stale[some],
        )

    def last_good(self) -> PollAt | None:
        """The last complete poll that is not stale; None when there is none."""
        found = self._latest(self.complete & ~self.imported & ~self.stale, 1)
        return found[0] if found else None

    def gone(self, listed_poll: Ints, seen_at: Ints) -> Bools:
        """Which models are gone, by the last poll that listed each (NOT_SAID: none) and its last sighting.

        Listed by neither of the two latest polls that prove absences nor since; what was never listed is gone unless an
        import saw it since.
        """
        proofs = self._latest(self._prove_absence, 2)
        if len(proofs) < 2:
            return np.zeros(len(listed_poll), np.bool_)
        at, listed_at = proofs[1].started_at, self.starts_of(listed_poll)
        before: Bools = (listed_at < at) | ((listed_at == at) & (listed_poll < proofs[1].id))
        unseen: Bools = (listed_poll != NOT_SAID) | (seen_at < at)
        return before & unseen

    def starts_of(self, poll_id: Ints) -> Ints:
        """The start of each of these polls; NOT_SAID stays."""
        order = np.argsort(self.poll_id)
        known, starts = (np.append(NOT_SAID, column[order]) for column in (self.poll_id, self.started_at))
        found: Ints = starts[np.searchsorted(known, poll_id)]
        return found

    def _latest(self, which: Bools, most: int) -> list[PollAt]:
        """The last of these polls, latest first."""
        return [
            PollAt(int(self.poll_id[place]), int(self.started_at[place]))
            for place in np.flatnonzero(which)[::-1][:most].tolist()
        ]


def _start(started_at: Ints, which: Bools, since: int, skipped: int = 0) -> int:
    """The start of the first of these polls from a moment on, some of them skipped; 0: there is none."""
    found = started_at[which & (started_at >= since)]
    return int(found[skipped]) if len(found) > skipped else 0


# --- how they are read ------------------------------------------------------------------------------------------------


def read(db: Database, hub_id: int) -> HubPolls:
    """The polls of a hub as they are now."""
    with db.connect() as conn:
        return read_from(conn, hub_id)


def read_from(conn: Connection, hub_id: int) -> HubPolls:
    """The same within a transaction."""
    # Before the polls: an import that comes between is not known yet, and found at the next look.
    last = conn.execute(select(func.max(import_file.c.id)).where(import_file.c.hub_id == hub_id)).scalar()
    columns = columns_of(conn, _POLLS.where(poll.c.hub_id == hub_id))
    order = np.lexsort((columns[0], columns[1]))
    said: dict[str, Any] = dict(zip((*_NUMBERS, *_FLAGS), (column[order] for column in columns), strict=True))
    said |= {name: said[name].astype(np.bool_) for name in _FLAGS}
    return HubPolls(**said, last_import_id=last or 0)


_NUMBERS: Mapping[str, ColumnElement[int]] = {
    "poll_id": poll.c.id,
    "started_at": poll.c.started_at,
    "finished_at": func.coalesce(poll.c.finished_at, NOT_SAID),
    "reaches_back_to": func.coalesce(poll.c.reaches_back_to, NOT_SAID),
    "pages": poll.c.pages,
    "models_listed": poll.c.models_listed,
}
_FLAGS: Mapping[str, ColumnElement[bool]] = {
    "complete": poll.c.status == "complete",
    "stale": poll.c.is_stale,
    "thin": poll.c.is_thin,
    "whole": poll.c.scope == "all",
    "imported": poll.c.scope == "import",
}
_COLUMNS: list[ColumnElement[Any]] = [*_NUMBERS.values(), *(cast(said, Integer) for said in _FLAGS.values())]
_POLLS = select(*_COLUMNS)


def as_of(db: Database, hub_id: int, polls: HubPolls) -> int | None:
    """Until when a hub was looked at: the start of the last complete poll, else the latest imported reading."""
    if len(polled := polls.completed()):
        return int(polled.started_at[-1])
    seen = select(func.max(model_state.c.seen_at)).join_from(model_state, model).where(model.c.hub_id == hub_id)
    with db.connect() as conn:
        latest: int | None = conn.execute(seen).scalar()
    return latest

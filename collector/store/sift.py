"""Which rows of a page are ordinary, and what becomes of them: the quick way for nearly all models of a daily poll.

Pure; knows no SQL. The rule stands in `changes.compare`; a row about which more than two numbers must be compared is
left to it, and tests hold the two against each other. Measured at 2.5 million models: a quarter of the CPU time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from collector.model import Listed
from collector.store.changes import KEPT_AFTER_RISE, LARGE_RISE

#: A model of the page as the database has it: key, number, metadata_crc (None: this poll has listed it), cumulative and
#: 30-day counter, likes, seen_at, rose_at. A plain tuple, as it comes from the driver: there are millions.
Latest = tuple[str, int, int | None, int | None, int | None, int | None, int | None, int | None]
Said = tuple[int | None, int | None, int]  #: 30-day count, likes, model
Moved = tuple[int, int, int | None, int | None, int, int]  #: model, cumulative counter, 30 days, likes, span, delta
MovedState = tuple[int, int | None, int | None, int, int | None, int]  #: counters, changed_at, rose_at, model


class Sifted(NamedTuple):
    """The rows of a page, by what is to be written."""

    seen: list[int]  #: every ordinary model: this poll lists it and its counter was read
    said: list[Said]  #: of these, with an unmoved counter and another 30-day count or other likes
    moved: list[Moved]  #: of these, with another counter
    states: list[MovedState]  #: the states of the moved ones
    rest: list[Listed]  #: for the careful way


def sift(rows: Iterable[Listed], latest: MutableMapping[str, Latest], at: int) -> Sifted:
    """Ordinary: described as before, cumulative counter now and before, read later than ever before.

    `latest`, by the hub's key, is used up: a second row of one model is none that is ordinary.
    """
    found = Sifted([], [], [], [], [])
    seen, rest = found.seen.append, found.rest.append
    for row in rows:
        known = latest.pop(row.hub_key, None)
        if known is None:
            rest(row)
            continue
        _, model_id, crc, old, old_rolling, old_likes, seen_at, rose_at = known
        total, rolling, likes = row.downloads_all_time, row.downloads_30d, row.likes
        if total is None or old is None or seen_at is None or at <= seen_at or crc != row.described():
            rest(row)
            continue
        if total != old:
            delta = total - old
            found.moved.append((model_id, total, rolling, likes, at - seen_at, delta))
            rose = at if delta > LARGE_RISE else rose_at
            found.states.append(
                (
                    total,
                    old_rolling if rolling is None else rolling,
                    old_likes if likes is None else likes,
                    at,
                    rose,
                    model_id,
                )
            )
        elif rolling != old_rolling or likes != old_likes:
            if rolling is None:
                rolling = old_rolling
            if likes is None:
                likes = old_likes
            if rose_at is not None and rolling != old_rolling and at - rose_at <= KEPT_AFTER_RISE:
                rest(row)
                continue
            if rolling != old_rolling or likes != old_likes:
                found.said.append((rolling, likes, model_id))
        seen(model_id)
    return found


def runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The numbers as spans without a gap: first and last of each."""
    ordered = sorted(numbers)
    if not ordered:
        return
    first = ordered[0]
    if ordered[-1] - first == len(ordered) - 1:  # mostly: a page as it was listed before
        yield first, ordered[-1]
        return
    for one, following in pairwise(ordered):
        if following != one + 1:
            yield first, one
            first = following
    yield first, ordered[-1]

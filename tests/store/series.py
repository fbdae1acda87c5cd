"""A model's series as it is stored, read back by itself: what the code that stores it is held against."""

from __future__ import annotations

from collections.abc import Iterable

from collector.store.changes import Plateau, State, Stored


def plateaus(stored: Iterable[Stored], state: State) -> list[Plateau]:
    """Each value of the model's counter with its first and last sighting, by time.

    The last value was seen until the state's last sighting, each before it until where the span of the next begins. A
    row that such a span reaches over does not count.
    """
    is_total = state.all_time is not None
    rows = [(row.at, row.poll_id, row) for row in stored if (row.all_time is not None) == is_total]
    found: list[Plateau] = []
    until = state.seen_at
    for at, _, row in sorted(rows, reverse=True):
        if until is None or at > until:
            continue
        value = row.all_time if is_total else row.rolling
        assert value is not None
        if found and found[-1].value == value:
            found[-1] = found[-1]._replace(first=at)
        else:
            found.append(Plateau(at, until, value))
        until = None if row.span is None else at - row.span
    return found[::-1]

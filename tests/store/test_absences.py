"""Who left a hub's list and came back: noted by the polls, so that what is said of a window does not change later."""

from __future__ import annotations

import pytest

from collector.model import DAY, Window
from collector.store.absences import note_absences
from collector.store.calendar import Turnover, turnover
from collector.store.database import Database
from collector.store.schema import absence, model
from tests.store.test_polls import Polling, at, seen

WEEK = Window(at(0), at(0) + 7 * DAY - 300, "the first week")  # polls of days 0 to 6


@pytest.fixture
def polling(db: Database) -> Polling:
    return Polling(db)


def list_on(polling: Polling, day: float, keys: str) -> int:
    """A poll that lists these models; its number."""
    return polling.poll(day, [seen(key, 100) for key in keys]).id


def noted(polling: Polling) -> list[tuple[str, int, int, int | None]]:
    """Model, the poll that missed it, the one that listed it before, the one that lists it again."""
    names = {polling.model_id(key): key for key in "abcdefghijkl" if polling.rows(model, "id", hub_key=key)}
    return sorted((names[of], *rest) for of, *rest in polling.rows(absence))


def left(polling: Polling, window: Window = WEEK) -> int:
    return turnover(polling.db, polling.hub, window).left


ALL = "abcdefghijkl"
WITHOUT_A = ALL[1:]


def test_who_is_missing_is_noted_once_and_who_comes_back_as_well(polling: Polling) -> None:
    first, second = list_on(polling, 0, ALL), list_on(polling, 1, WITHOUT_A)
    assert noted(polling) == [("a", second, first, None)]
    list_on(polling, 2, WITHOUT_A)
    assert noted(polling) == [("a", second, first, None)]
    back = list_on(polling, 3, ALL)
    assert noted(polling) == [("a", second, first, back)]
    again = list_on(polling, 4, WITHOUT_A)
    assert noted(polling) == [("a", second, first, back), ("a", again, back, None)]


def test_what_a_window_says_of_who_left_does_not_change_when_a_model_comes_back_later(polling: Polling) -> None:
    list_on(polling, 0, ALL)
    list_on(polling, 6, WITHOUT_A)
    assert left(polling) == 1
    list_on(polling, 7, WITHOUT_A)
    assert left(polling) == 1
    list_on(polling, 30, ALL)  # with the same counter: no reading says that it was away
    assert left(polling) == 1


def test_who_came_back_before_the_windows_last_poll_has_not_left(polling: Polling) -> None:
    list_on(polling, 0, ALL)
    list_on(polling, 2, WITHOUT_A)
    list_on(polling, 6, ALL)
    list_on(polling, 8, WITHOUT_A)
    assert left(polling) == 0


def test_who_was_listed_last_before_the_window_left_before_it(polling: Polling) -> None:
    list_on(polling, -3, ALL)
    list_on(polling, 0, WITHOUT_A)
    list_on(polling, 6, WITHOUT_A)
    assert turnover(polling.db, polling.hub, WEEK) == Turnover(entered=0, left=0)


def test_a_thin_poll_proves_nobody_missing_and_the_next_whole_one_does(polling: Polling) -> None:
    first, thin = list_on(polling, 0, ALL), list_on(polling, 1, "ab")
    assert noted(polling) == []
    assert left(polling) == 0
    whole = list_on(polling, 2, WITHOUT_A)
    assert noted(polling) == [("a", whole, thin, None)]
    assert first < thin
    assert left(polling) == 1


def test_a_poll_that_broke_off_says_nothing_of_those_it_did_not_reach(polling: Polling) -> None:
    first = list_on(polling, 0, ALL)
    broken = polling.page(polling.start(1), seen("a", 100), when=1, then="page 1")
    last = list_on(polling, 2, ALL[:-1])
    assert noted(polling) == [("l", last, first, None)]
    later = list_on(polling, 3, WITHOUT_A)
    assert noted(polling) == [("a", later, last, None), ("l", last, first, later)]
    assert broken.id < last


def test_models_of_another_hub_are_not_missed(polling: Polling) -> None:
    other = Polling(polling.db)
    other.hub = polling.store.hub_id("modelscope", "https://other.example")
    list_on(polling, 0, ALL)
    list_on(other, 0.5, "m")
    list_on(polling, 1, ALL)
    list_on(other, 1.5, "m")
    assert polling.rows(absence) == []


def test_the_first_poll_of_all_misses_nobody(polling: Polling) -> None:
    only = list_on(polling, 0, ALL)
    with polling.db.begin() as conn:
        note_absences(conn, polling.hub, only, proves_absence=True)
    assert polling.rows(absence) == []

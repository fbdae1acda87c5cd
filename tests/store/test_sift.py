"""The quick way of a page writes what the careful way would: `changes.compare` is the rule, `sift` its short cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.model import DAY, Base, Observation
from collector.store.changes import KEPT_AFTER_RISE, LARGE_RISE, Reading, Row, State, compare
from collector.store.sift import Latest, Sifted, runs, sift

AT = 100 * DAY
NAMED = Observation("key", "a/b", 5, 5, 1, 0, "text-generation", None, (Base("c/d", None),))

counters = st.one_of(st.none(), st.integers(0, 3), st.sampled_from([LARGE_RISE, LARGE_RISE + 1, LARGE_RISE + 2]))
instants = st.one_of(st.none(), st.sampled_from([AT - KEPT_AFTER_RISE - 1, AT - KEPT_AFTER_RISE, AT - DAY, AT, AT + 1]))


@st.composite
def states(draw: st.DrawFn) -> State:
    """A state as polls leave them: what was ever read has a first and a last sighting."""
    total, rolling = draw(counters), draw(counters)
    seen_at = None if total is None and rolling is None else draw(instants.filter(lambda at: at is not None))
    return State(total, rolling, draw(counters), seen_at, seen_at, draw(instants), draw(instants))


def latest(state: State, *, crc: int | None = NAMED.described()) -> dict[str, Latest]:
    return {"key": ("key", 7, crc, state.all_time, state.rolling, state.likes, state.seen_at, state.rose_at)}


def after(state: State, found: Sifted) -> State:
    """The state that the statements for ordinary rows leave behind."""
    state = state._replace(seen_before_at=state.seen_at, seen_at=AT)
    for rolling, likes, _ in found.said:
        state = state._replace(rolling=rolling, likes=likes)
    for total, rolling, likes, changed_at, rose_at, _ in found.states:
        state = state._replace(all_time=total, rolling=rolling, likes=likes, changed_at=changed_at, rose_at=rose_at)
    return state


def stored(found: Sifted) -> Row | None:
    for _, total, rolling, likes, span, delta in found.moved:
        return Row(Reading(AT, total, rolling, likes), span, delta)
    return None


@given(states(), counters, counters, counters)
def test_an_ordinary_row_comes_to_what_the_rule_says(
    state: State, total: int | None, rolling: int | None, likes: int | None
) -> None:
    row = NAMED._replace(downloads_all_time=total, downloads_30d=rolling, likes=likes)
    found = sift([row], latest(state), AT)
    if found.seen:
        change = compare(state, Reading(AT, total, rolling, likes))
        assert change is not None
        assert (after(state, found), stored(found), bool(found.moved)) == change
        assert found.rest == []
    else:
        assert found == Sifted([], [], [], [], [row])


def test_a_counter_that_moved_or_stood_still_is_ordinary() -> None:
    state = State(5, 5, 1, AT - DAY, AT - DAY)
    assert sift([NAMED], latest(state), AT).seen == [7]
    assert sift([NAMED._replace(downloads_all_time=9)], latest(state), AT).moved == [(7, 9, 5, 1, DAY, 4)]


def test_new_renamed_and_repeated_models_are_left_to_the_careful_way() -> None:
    state = State(5, 5, 1, AT - DAY, AT - DAY)
    assert sift([NAMED], {}, AT).rest == [NAMED]
    assert sift([NAMED._replace(name="a/c")], latest(state), AT).rest != []
    assert sift([NAMED], latest(state, crc=None), AT).rest == [NAMED]
    assert sift([NAMED, NAMED], latest(state), AT).rest == [NAMED]


def test_a_30_day_count_after_a_large_rise_is_kept_by_the_careful_way() -> None:
    state = State(5, 4, 1, AT - DAY, AT - DAY, None, AT - DAY)
    assert sift([NAMED], latest(state), AT).rest == [NAMED]


texts = st.one_of(st.none(), st.sampled_from(["a/b", "a", "b", "None", "0"]))
rows = st.builds(
    Observation,
    st.just("key"),
    st.sampled_from(["a/b", "a", "b"]),
    st.none(),
    st.none(),
    st.none(),
    st.one_of(st.none(), st.integers(0, 2)),
    texts,
    texts,
    st.lists(st.builds(Base, st.sampled_from(["a", "b"]), texts, texts), max_size=2).map(tuple),
)


@given(rows, rows)
def test_models_described_alike_have_one_checksum_and_others_another(one: Observation, other: Observation) -> None:
    assert (one.described() == other.described()) == (one == other)


@given(st.lists(st.integers(0, 30), unique=True))
def test_runs_cover_the_numbers_and_nothing_else(numbers: list[int]) -> None:
    spans = list(runs(numbers))
    assert [n for first, last in spans for n in range(first, last + 1)] == sorted(numbers)
    assert all(after[0] > before[1] + 1 for before, after in pairwise(spans))

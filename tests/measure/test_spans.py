"""What of spans lies on each day."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collector.measure.spans import Spans, day_by_day, part_in, touching
from collector.model import DAY, Window

ONE_SPAN = st.tuples(st.integers(-3 * DAY, 6 * DAY), st.integers(0, 4 * DAY), st.integers(0, 10**6))
AT_MIDNIGHT = st.tuples(st.integers(-3, 6).map(DAY.__mul__), st.integers(0, 4).map(DAY.__mul__), st.integers(0, 100))


@given(st.lists(st.one_of(ONE_SPAN, AT_MIDNIGHT), max_size=8), st.integers(1, 5))
def test_each_day_has_what_it_cuts_out_of_the_spans_as_a_window_of_its_own(
    drawn: list[tuple[int, int, int]], number: int
) -> None:
    start, length, downloads = np.array(drawn, np.int64).reshape(-1, 3).T
    spans = Spans.plain(np.arange(len(drawn)), start, start + length, downloads)
    span, day, found = day_by_day(spans, np.arange(number) * DAY)
    assert len({*zip(span.tolist(), day.tolist(), strict=True)}) == len(found)
    for place in range(number):
        window = Window(place * DAY, (place + 1) * DAY, "a day")
        mine = day == place
        assert span[mine].tolist() == np.flatnonzero(touching(spans, window)).tolist()
        assert found[mine].tolist() == part_in(downloads, spans, window)[span[mine]].tolist()

"""Spikes: named when leaving a model out moves a share by a point, or when a day is out of line with its past."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.columns import QUALITY
from collector.measure.rows import Heading
from collector.measure.shares import country_parts
from collector.measure.spikes import (
    NO_DAYS,
    Burst,
    Daily,
    burst_candidates,
    bursts,
    days_of,
    leave_one_out,
    out_of_line,
    spike_rows,
    with_large_days,
)
from collector.measure.sums import Parts
from collector.model import DAY, Window, month_window
from tests.measure.tables import by_base, by_uploader

SEPTEMBER = month_window("2026-09")
HEADING = Heading("huggingface", "2026-09", "llm")


def a_world(*models: tuple[str, str, float]) -> pd.DataFrame:
    """(name, country, downloads), numbered from 1."""
    rows = [(number, *model) for number, model in enumerate(models, 1)]
    table = pd.DataFrame(rows, columns=["model_id", "model", "country_publisher", "downloads"])
    publisher = [name.split("/")[0] for name in table["model"]]
    return table.assign(
        publisher=publisher,
        basis="self",
        relation=None,
        kind=None,
        estimated=0.0,
        corrections=0,
        covered=1.0,
        family=None,
    )


def uploads(models: pd.DataFrame) -> Parts:
    return country_parts(by_uploader(models))


def rooted(models: pd.DataFrame, roots: pd.DataFrame) -> Parts:
    return country_parts(by_base(models, roots))


def left_out(models: pd.DataFrame) -> dict[int, tuple[str, float, float]]:
    return {move.model_id: move[1:] for move in leave_one_out(uploads(models))}


def daily_growth(model_id: int, days: dict[int, float], usual: float = 10.0) -> Daily:
    """`usual` on every day of the window and the 28 days before; `days` counts from the window's first day."""
    growth = [days.get(n, usual) for n in range(-28, 30)]
    return Daily(np.array([model_id]), np.arange(-28, 30) * DAY + SEPTEMBER.start, np.array([growth]))


# As in spring 2026: one small vision model of China's, beside everything else.
BURST = a_world(("Qwen/burst", "CN", 3700.0), ("Qwen/usual", "CN", 3800.0), ("meta/usual", "US", 2500.0))


def test_a_model_that_moves_a_country_is_named_with_both_shares() -> None:
    country, share, without = left_out(BURST)[1]
    assert (country, share) == ("CN", 0.75)
    assert without == pytest.approx(3800 / 6300)


def test_a_move_of_exactly_a_point_is_a_spike_and_less_is_none() -> None:
    exact = a_world(("a/x", "CN", 2.0), ("a/y", "CN", 49.0), ("b/z", "US", 51.0))  # 51/102 to 49/100
    country, share, without = left_out(exact)[1]
    assert (country, share) == ("CN", 0.5)
    assert without == pytest.approx(0.49)
    less = a_world(("a/x", "CN", 1.99), ("a/y", "CN", 49.01), ("b/z", "US", 51.0))
    assert 1 not in left_out(less)


def test_a_model_can_move_another_country_more_than_its_own() -> None:
    # Its own country is nearly all there is: leaving it out lifts the others in sum, and its own falls by that sum.
    models = a_world(("a/x", "CN", 50.0), ("a/y", "CN", 40.0), ("b/z", "US", 10.0))
    merged = pd.DataFrame(
        {"model_id": [1, 1, 2, 3], "country": ["CN", "FR", "CN", "US"], "weight": [0.9, 0.1, 1.0, 1.0]}
    )
    moved = {move.model_id: move.country for move in leave_one_out(rooted(models, merged))}
    assert moved[1] == "US"  # 10 % to 20 %, CN 85 % to 80 %


def test_an_unattributed_model_moves_zz() -> None:
    assert left_out(a_world(("who/x", "ZZ", 10.0), ("b/z", "US", 90.0)))[1][0] == "ZZ"


def test_without_the_only_model_nothing_is_left_to_share() -> None:
    country, share, without = left_out(a_world(("a/x", "CN", 5.0)))[1]
    assert (country, share) == ("CN", 1.0)
    assert math.isnan(without)


def test_nothing_downloaded_is_no_spike() -> None:
    assert left_out(a_world(("a/x", "CN", 0.0))) == {}
    assert left_out(a_world()) == {}


@given(st.lists(st.tuples(st.sampled_from(["CN", "US", "FR"]), st.integers(0, 10**6)), min_size=2, max_size=150))
@settings(deadline=None, max_examples=25)
def test_no_model_that_moves_a_point_is_overlooked(world: list[tuple[str, int]]) -> None:
    models = a_world(*[(f"p/{n}", country, float(downloads)) for n, (country, downloads) in enumerate(world)])
    total = sum(downloads for _, downloads in world)
    sums = {c: sum(d for country, d in world if country == c) for c in ("CN", "US", "FR")}
    moving = set()
    for number, (own, downloads) in enumerate(world, 1):
        rest = total - downloads
        moves = [100 * abs((s - downloads * (c == own)) * total - s * rest) for c, s in sums.items()]
        if downloads and (rest == 0 or max(moves) >= total * rest):
            moving.add(number)
    assert set(left_out(models)) == moving


# --- bursts ---------------------------------------------------------------------------------------------------------


def found_bursts(daily: Daily, models: pd.DataFrame = BURST) -> dict[int, Burst]:
    return bursts(out_of_line(daily), uploads(models))


def test_a_day_above_ten_medians_and_a_hundredth_of_its_country_is_a_burst() -> None:
    found = found_bursts(daily_growth(1, {3: 101.0, 5: 3000.0, 6: 3000.0}))
    assert found == {1: Burst(1, SEPTEMBER.start + 5 * DAY, 3000.0, 10.0)}


def test_ten_medians_exactly_are_no_burst() -> None:
    assert not found_bursts(daily_growth(1, {3: 100.0}))
    assert len(found_bursts(daily_growth(1, {3: 100.5}))) == 1


def test_a_day_within_a_hundredth_of_its_country_is_no_burst() -> None:
    assert not found_bursts(daily_growth(1, {3: 75.0}, usual=1.0))  # CN has 7,500
    assert len(found_bursts(daily_growth(1, {3: 75.1}, usual=1.0))) == 1


def test_a_day_before_the_window_is_another_windows_burst() -> None:
    assert not found_bursts(daily_growth(1, {-1: 3000.0}))


def test_a_past_that_is_not_wholly_known_proves_nothing() -> None:
    assert len(found_bursts(daily_growth(1, {0: 3000.0}))) == 1
    for unknown in (-10, -28):
        assert not found_bursts(daily_growth(1, {0: 3000.0, unknown: math.nan}))
    assert len(found_bursts(daily_growth(1, {1: 3000.0, -28: math.nan}))) == 1


def test_a_silent_past_is_known_and_makes_a_burst() -> None:
    assert len(found_bursts(daily_growth(1, {9: 3000.0}, usual=0.0))) == 1


def test_a_merge_bursts_in_the_country_where_it_weighs() -> None:
    models = a_world(("m/m", "XX", 60.0), ("a/a", "CN", 10_000.0), ("b/b", "FR", 900.0))
    roots = pd.DataFrame(
        {"model_id": [1, 1, 2, 3], "country": ["CN", "FR", "CN", "FR"], "weight": [0.5, 0.5, 1.0, 1.0]}
    )
    assert 1 in burst_candidates([rooted(models, roots)])  # 30 of France's 930
    less, more = (out_of_line(daily_growth(1, {2: day}, usual=0.1)) for day in (18.0, 19.0))
    assert not bursts(less, rooted(models, roots))  # 9 is under 9.3
    assert len(bursts(more, rooted(models, roots))) == 1


def test_only_models_above_a_hundredth_of_their_country_need_their_days() -> None:
    models = a_world(
        ("a/a", "CN", 1000.0), ("a/b", "CN", 10.0), ("a/c", "CN", 11.0), ("z/z", "FR", 1.0), ("q/q", "FR", 0)
    )
    assert burst_candidates([uploads(models)]).tolist() == [1, 3, 4]


def test_only_models_with_a_day_above_a_hundredth_of_their_country_need_the_days_before() -> None:
    models = a_world(("a/a", "CN", 60.0), ("a/b", "CN", 40.0), ("a/c", "CN", 9_900.0), ("f/f", "FR", 90.0))
    days = np.array([[101.0, math.nan], [100.0, 1.0], [math.nan, math.nan], [0.0, 0.9]])  # CN has 10,000 and FR 90
    daily = Daily(np.array([1, 2, 3, 4]), SEPTEMBER.start + np.arange(2) * DAY, days)
    assert with_large_days(daily, [uploads(models)]).tolist() == [1]
    assert with_large_days(replace(daily, downloads=days + 0.1), [uploads(models)]).tolist() == [1, 2, 4]


def test_a_window_that_begins_within_a_day_counts_that_day() -> None:
    window = Window(SEPTEMBER.start + 3600, SEPTEMBER.end + 3600, "trailing-2026-10-01")
    assert (days_of(window).start, days_of(window).end) == (SEPTEMBER.start, window.end)
    assert days_of(window, 28).start == SEPTEMBER.start - 28 * DAY
    assert len(found_bursts(daily_growth(1, {0: 3000.0}))) == 1


# --- rows -----------------------------------------------------------------------------------------------------------


def test_spikes_are_listed_with_their_shares_their_day_and_words() -> None:
    models = a_world(
        ("Qwen/burst", "CN", 37_000.0),
        ("meta/burst", "US", 600.5),
        ("Qwen/usual", "CN", 38_000.0),
        *[(f"meta/{n}", "US", 500.0) for n in range(50)],
    )
    one, other = daily_growth(1, {5: 30_000.0}), daily_growth(2, {7: 400.0}, usual=1.0)
    daily = Daily(np.array([1, 2]), one.days, np.concatenate([one.downloads, other.downloads]))
    rows: Any = spike_rows([(HEADING, "base", uploads(models))], daily)
    assert list(rows.columns) == [column.name for column in QUALITY.columns]
    assert rows[["model", "value", "country"]].values.tolist() == [
        ["Qwen/usual", 38_000.0, "CN"],
        ["Qwen/burst", 37_000.0, "CN"],
        ["meta/burst", 601.0, "US"],
    ]
    burst = rows.set_index("model").loc["Qwen/burst"]
    assert (burst["from"], burst["to"]) == ("2026-09-06T00:00:00Z", "2026-09-07T00:00:00Z")
    assert "leaving it out moves CN by -14" in burst["note"]
    assert "30000 downloads on 2026-09-06 against a median of 10 in the 28 days before" in burst["note"]
    assert rows["from"].isna().tolist() == [True, False, False]
    assert set(rows["kind"]) == {"spike"}
    assert set(rows["scope"]) == {"llm"}
    assert set(rows["attribution"]) == {"base"}


def test_no_daily_growth_leaves_what_moves_the_shares() -> None:
    rows = spike_rows([(HEADING, "publisher", uploads(BURST))], NO_DAYS)
    assert sorted(rows["model"]) == ["Qwen/burst", "Qwen/usual", "meta/usual"]


def test_the_only_model_is_named_in_words() -> None:
    models = a_world(("a/x", "CN", 5.0))
    rows = spike_rows([(HEADING, "base", uploads(models))], NO_DAYS)
    assert rows["note"].str.startswith("nothing is left without it").tolist() == [True]


def test_a_quiet_window_has_the_columns_and_no_rows() -> None:
    rows = spike_rows([(HEADING, "base", uploads(a_world()))], NO_DAYS)
    assert rows.empty
    assert list(rows.columns) == [column.name for column in QUALITY.columns]

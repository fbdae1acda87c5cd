"""What each model of a hub did in a window, before anything is said of origins.

Store → measure. From model_month where that is what the readings say now, else from the readings; also the growth of a
few models, day by day. Knows no SQL, no origin, no file and no clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.looking import Look, look, month_number
from collector.measure.models import Floats
from collector.measure.spans import FIRST, Spans, day_by_day, part_in
from collector.measure.spikes import Daily
from collector.measure.tiles import NEAR_SECONDS
from collector.measure.windows import Growth, WindowGrowth, covered_part, flag_names, growth, in_window
from collector.model import DAY, Window, from_seconds
from collector.series import NOT_SAID, Bools, Ints
from collector.store import calendar, figures, hub_polls, hubwide, marks, months, sums
from collector.store import readings as facts
from collector.store.database import Database
from collector.store.figures import Described, MonthFigures
from collector.store.hub_polls import HubPolls, PollAt
from collector.store.hubwide import Hubwide
from collector.store.months import MonthBuild
from collector.store.queries import Hub

ESTIMATE_REACH = 30 * DAY  # a first reading speaks of so much time before it


@dataclass(frozen=True, slots=True)
class Counted:
    """What the models of a hub did in a window, before anything is said of origins.

    One place in each column for each model with downloads, corrections or flags.
    """

    described: Described
    publisher_id: Ints  #: on the window's last day
    downloads: Floats
    estimated: Floats
    corrections: Ints
    covered: Floats  #: the part of the window that the model's readings back
    flags: Mapping[int, str]  #: by model_id: of those that have some
    most_covered: float  #: the largest part of the window that any model's readings back
    open_falls: int  #: falls and jumps that touch the window and are not judged for good


def count(db: Database, hub: Hub, window: Window, known: Hubwide | None = None, seen: Look | None = None) -> Counted:
    """What each model did in the window: from model_month where that is current, else from the readings.

    `known` are the hub's models, and `seen` is the hub, where they were read before.
    """
    seen = look(db, hub) if seen is None else seen
    known = hubwide.read(db, hub.id) if known is None else known
    found = kept(db, hub, window, known, seen)
    if found is not None:
        return found
    if window.end <= _earliest_told(db, hub) or _is_noted_as_nothing(db, hub, window, seen):
        return nothing_done(known.columns.described_of(np.empty(0, np.int64)))
    return count_anew(db, hub, window, known, seen)


def _earliest_told(db: Database, hub: Hub) -> float:
    """Since when the hub's readings say anything (Unix seconds): of a window that ends by then, nothing."""
    first, _ = calendar.reach(db, hub.id)
    if first is None:
        return math.inf
    with db.connect() as conn:
        # A tile of 30 days takes the first 30-day count also where that was read up to 15 days after the tile's end.
        tiles_reach = NEAR_SECONDS if facts.lists_rolling_only(conn, hub.id) else 0
    return first - ESTIMATE_REACH - tiles_reach


def note_nothing(db: Database, hub: Hub, window: Window, seen: Look) -> None:
    """Remembers that no model did anything in a window: to find that out again takes as long as a month anew."""
    marks.set_mark(db, hub.id, _nothing_in(window), _facts_mark(window, seen))


def _is_noted_as_nothing(db: Database, hub: Hub, window: Window, seen: Look) -> bool:
    noted = marks.mark_of(db, hub.id, _nothing_in(window))
    return noted is not None and noted == _facts_mark(window, seen)


def _nothing_in(window: Window) -> str:
    return f"nothing in {window.label}"


def _facts_mark(window: Window, seen: Look) -> str:
    return seen.mark(window, seen.polls.last_poll(window))


def kept(
    db: Database, hub: Hub, month: Window, known: Hubwide | None = None, seen: Look | None = None
) -> Counted | None:
    """What each model did, as model_month has it; None where its rows are out of date."""
    built = (look(db, hub) if seen is None else seen).current_build(month)
    return None if built is None else _all_of(db, hub, month, built, known)


def _all_of(db: Database, hub: Hub, month: Window, built: MonthBuild, known: Hubwide | None = None) -> Counted:
    known = hubwide.read(db, hub.id) if known is None else known
    return _counted(db, hub, month, built, hubwide.whole_month(db, hub.id, month_number(month), known))


def forget(db: Database, hub: Hub, month: Window) -> None:
    """Have a month worked out from nothing when it is refreshed next."""
    months.forget_build(db, hub.id, month_number(month))


def nothing_done(described: Described) -> Counted:
    """Of models of which the readings say nothing in the window."""
    none, zero = np.zeros(len(described.model_id)), np.zeros(len(described.model_id), np.int64)
    return Counted(described, described.publisher_id.astype(np.int64), none, none, zero, none, {}, 0.0, 0)


def largest(db: Database, hub: Hub, month: Window, built: MonthBuild, most: int) -> Counted:
    """The models with most downloads of a month as stored, and those with as many as the last of them."""
    last = figures.nth_largest(db, hub.id, month_number(month), most)
    if not last:
        return _all_of(db, hub, month, built)
    least = last - 0.5  # whatever is rounded to the same number
    return _counted(db, hub, month, built, figures.month_figures(db, hub.id, month_number(month), least))


def _counted(db: Database, hub: Hub, month: Window, built: MonthBuild, rows: MonthFigures) -> Counted:
    polls = hub_polls.read(db, hub.id)  # after the rows: it knows their polls
    return Counted(
        rows.described,
        rows.publisher_id,
        rows.downloads,
        rows.estimated,
        rows.corrections,
        _covered(rows, polls, month),
        rows.flags,
        built.covered,
        built.open_falls,
    )


def _covered(rows: MonthFigures, polls: HubPolls, month: Window) -> Floats:
    """The part of the month that each model's readings back."""
    which, seen_at = rows.sightings.which, rows.sightings.seen_at
    gone = polls.gone(rows.sightings.listed_poll_id, seen_at)
    # Of nearly all they back it from its start, up to a last sighting that many share.
    covered = covered_part(np.full(len(seen_at), NOT_SAID), np.zeros(len(seen_at)), seen_at, gone, month)[which]
    told = which[rows.told]
    covered[rows.told] = covered_part(rows.covered_from, rows.tiled_seconds, seen_at[told], gone[told], month)
    return covered


@dataclass(frozen=True, slots=True)
class Grown:
    """What is no mere sum of a window: judged models, and first sightings of the others."""

    judged: WindowGrowth
    accounts_of_judged: Ints  #: on the window's last day, as all accounts here
    firsts: WindowGrowth
    accounts_of_firsts: Ints
    backed_later: Bools  #: first sightings after which more of the window can follow


def grown_in(db: Database, hub: Hub, window: Window, seen: Look, polls: tuple[int, int] = sums.ALL) -> Grown:
    """The same for first sightings by polls numbered above the first up to the second."""
    basis = sums.basis(db, hub.id, window, seen.polls.last_start_that_matters(window), polls)
    known, until = seen.polls.completed(), _until(seen.as_of)
    judged = facts.models(db, hub.id, window, basis.judged)
    firsts = facts.models(db, hub.id, window, np.unique(basis.firsts.model_id))
    begun = np.isin(firsts.model_id, basis.firsts.model_id[basis.firsts.at < window.end])
    of_firsts = in_window(basis.firsts, firsts, known, window, until)
    return Grown(
        in_window(basis.of_judged, judged, known, window, until),
        judged.publisher_id,
        of_firsts,
        firsts.publisher_id,
        begun & (of_firsts.covered_from > window.start),
    )


def plain_sums(
    db: Database,
    hub: Hub,
    window: Window,
    polls: tuple[int, int] = sums.ALL,
    growth: sums.PollGrowth | None = None,
) -> tuple[Ints, Ints]:
    """The models with plain growth in the window, read by these polls, and their downloads; of judged ones, untrue.

    `growth` reads the polls of several windows, where these are worked out one after the other.
    """
    last = figures.last_model(db)
    summed = np.zeros(last + 1, np.int64)
    for read in sums.rises(db, hub.id, window, polls, growth):
        cut = part_in(read.cut, Spans.plain(read.cut_of, read.begin, read.end, read.cut), window)
        for model_id, downloads in ((read.whole_of, read.whole), (read.cut_of, cut)):
            known = model_id <= last  # an import beside may have brought others since
            summed[model_id[known]] += downloads[known]  # no model stands twice in what one poll read
    model_id = np.flatnonzero(summed > 0)
    return model_id, summed[model_id]


def count_anew(
    db: Database, hub: Hub, window: Window, known: Hubwide | None = None, seen: Look | None = None
) -> Counted:
    """What each model did, from the readings alone."""
    seen = look(db, hub) if seen is None else seen
    known = hubwide.read(db, hub.id) if known is None else known
    grown = grown_in(db, hub, window, seen)
    plain_ids, plain_downloads = plain_sums(db, hub, window)
    plain = ~np.isin(plain_ids, grown.judged.model_id)
    parts = (grown.judged, grown.firsts)
    model_id = np.unique(np.concatenate([*(part.model_id for part in parts), plain_ids[plain]]))
    size = len(model_id)
    summed: dict[str, Floats] = {name: np.zeros(size) for name in _SUMMED}
    # First sightings come before what grew after them: since when readings back the window, they say.
    largest: dict[str, Ints] = {name: np.zeros(size, np.int64) for name in ("covered_from", "flags")}
    np.add.at(summed["downloads"], np.searchsorted(model_id, plain_ids[plain]), plain_downloads[plain])
    for part in parts:
        rows = np.searchsorted(model_id, part.model_id)
        for name, values in summed.items():
            np.add.at(values, rows, getattr(part, name))
        for name, numbers in largest.items():
            np.maximum.at(numbers, rows, getattr(part, name))
    models = facts.models(db, hub.id, window, model_id)
    covered = covered_part(largest["covered_from"], summed["tiled_seconds"], models.seen_at, models.gone, window)
    flags = largest["flags"] & ~FIRST
    some = (summed["downloads"] > 0) | (summed["corrections"] != 0) | (flags != 0)
    some &= np.isin(model_id, known.columns.model_id)  # a poll beside may have brought others since
    flagged = np.flatnonzero(flags)
    return Counted(
        known.columns.described_of(model_id[some]),
        models.publisher_id[some],
        summed["downloads"][some],
        summed["estimated"][some],
        summed["corrections"][some].astype(np.int64),
        covered[some],
        {int(model_id[row]): " ".join(flag_names(int(flags[row]))) for row in flagged},
        float(covered.max()) if size else 0.0,
        grown.judged.open_falls,
    )


_SUMMED = ("downloads", "estimated", "corrections", "tiled_seconds")


def count_trailing(db: Database, hub: Hub, poll: PollAt, known: Hubwide) -> Counted:
    """The models with downloads in the 30 days before a poll: nothing in them is known to be measured."""
    listed = facts.trailing(db, poll.id)
    some = (listed.downloads_30d > 0) & np.isin(listed.model_id, known.columns.model_id)
    model_id, downloads = listed.model_id[some], listed.downloads_30d[some].astype(np.float64)
    size = len(model_id)
    return Counted(
        known.columns.described_of(model_id),
        facts.models(db, hub.id, trailing_window(poll), model_id).publisher_id,
        downloads,
        estimated=np.full(size, np.nan),
        corrections=np.zeros(size, np.int64),
        covered=np.ones(size),
        flags={},
        most_covered=1.0,
        open_falls=0,
    )


def trailing_window(poll: PollAt) -> Window:
    """The 30 days before a poll."""
    label = f"trailing-{from_seconds(poll.started_at).date().isoformat()}"
    return Window(poll.started_at - ESTIMATE_REACH, poll.started_at, label)


def growth_of(db: Database, hub: Hub, model_ids: Sequence[int] | Ints, window: Window) -> Growth:
    """The growth of a few models as far as it touches the window, whose last day says whose they are.

    Of a model without a reading near the window nothing is known.
    """
    polls, few = hub_polls.read(db, hub.id), np.array(sorted(model_ids), np.int64)
    models = facts.models(db, hub.id, window, few)
    readings = sums.near(db, hub.id, few, window, polls.last_start_that_matters(window))
    return growth(readings, models, polls.completed(), _until(hub_polls.as_of(db, hub.id, polls)))


def _until(as_of: int | None) -> int:
    """Until when the hub was looked at, as the measure takes it."""
    return NOT_SAID if as_of is None else as_of


def daily_downloads(grown: Growth, model_ids: Ints, window: Window) -> Daily:
    """The downloads of these models (in order) on each UTC day of a window, from their growth that touches it.

    Not known are days that are neither backed by the cumulative counter of the model nor by an estimate of what was
    before it.
    """
    days = np.arange(window.start, window.end, DAY)
    known_from, rows = grown.covered_from.copy(), np.searchsorted(model_ids, grown.spans.model_id)
    np.minimum.at(known_from, rows, grown.spans.start)
    span, day, downloads = day_by_day(grown.spans, days)
    shape = len(model_ids), len(days)
    summed = np.bincount(rows[span] * len(days) + day, downloads, minlength=math.prod(shape)).reshape(shape)
    return Daily(model_ids, days, np.where(known_from[:, np.newaxis] <= days, summed, np.nan))

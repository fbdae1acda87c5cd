"""What a window rests on, from one look at the hub's polls: as a plain statement of the rule says, poll by poll."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from collector.model import DAY, Window
from collector.store import hub_polls, schema
from collector.store.database import Database
from tests.store.facts import World

S = 1_000 * DAY
WINDOW = Window(S, S + 30 * DAY, "window")
END = WINDOW.end


def as_of(db: Database) -> int | None:
    return hub_polls.as_of(db, 1, hub_polls.read(db, 1))


# --- named cases ----------------------------------------------------------------------------------------------------


def test_after_a_long_silence_the_first_complete_poll_belongs_to_the_window(db: Database, world: World) -> None:
    world.poll(1, S)
    world.poll(2, END + 40 * DAY, status="failed")
    world.poll(3, END + 50 * DAY)
    world.poll(4, END + 51 * DAY)
    assert hub_polls.read(db, 1).last_start_that_matters(WINDOW) == END + 50 * DAY


def test_after_a_long_silence_a_thin_poll_or_one_of_the_top_is_not_the_last_that_matters(
    db: Database, world: World
) -> None:
    world.poll(1, S)
    world.poll(2, END + 40 * DAY, is_thin=True)
    assert hub_polls.read(db, 1).last_start_that_matters(WINDOW) == END + 32 * DAY
    world.poll(3, END + 50 * DAY, scope="top", top=5)
    assert hub_polls.read(db, 1).last_start_that_matters(WINDOW) == END + 50 * DAY
    world.poll(4, END + 60 * DAY)
    world.poll(5, END + 61 * DAY)
    assert hub_polls.read(db, 1).last_start_that_matters(WINDOW) == END + 60 * DAY


def test_without_a_later_poll_a_window_is_known_until_its_falls_are_judged(db: Database, world: World) -> None:
    world.poll(1, END - 1)
    assert hub_polls.read(db, 1).last_start_that_matters(WINDOW) == END + 32 * DAY


def test_growth_that_begins_near_the_window_matters_however_late_and_so_do_the_polls_that_judge_it(
    db: Database, world: World
) -> None:
    for number, days in enumerate((1, 2, 60, 70, 76, 80, 90), 1):
        world.poll(number, END + days * DAY, reaches_back_to=END + 7 * DAY if days == 70 else None)
    assert hub_polls.read(db, 1).last_poll(WINDOW) == 6, "the first that begins more than a week after it, and no other"


def test_growth_that_was_read_shortly_before_the_last_start_that_matters_is_judged_a_week_after_it(
    db: Database, world: World
) -> None:
    for number, days in enumerate((1, 2, 25, 33, 34), 1):
        world.poll(number, END + days * DAY, reaches_back_to=END + 7 * DAY if days == 25 else None)
    assert hub_polls.read(db, 1).last_poll(WINDOW) == 5


def test_the_first_poll_after_an_outage_tells_that_falls_last_whatever_files_say_of_the_time_between(
    db: Database, world: World
) -> None:
    for number, days in enumerate((1, 2, 40, 70, 71), 1):
        world.poll(number, END + days * DAY, scope="import" if days == 40 else "all")
    assert hub_polls.read(db, 1).last_poll(WINDOW) == 4


# --- which polls there are ---------------------------------------------------------------------------------------


def test_polls_are_the_complete_ones_by_time(db: Database, world: World) -> None:
    world.poll(1, S + DAY, is_thin=True)
    world.poll(2, S, scope="top", top=3, is_stale=True)
    world.poll(3, S, status="failed")
    world.poll(4, S, scope="import")
    found = hub_polls.read(db, 1).completed()
    assert found.poll_id.tolist() == [2, 1]
    assert found.started_at.tolist() == [S, S + DAY]
    assert found.finished_at.tolist() == [S + 60, S + DAY + 60]
    assert found.whole.tolist() == [False, True]
    assert found.thin.tolist() == [False, True]
    assert found.stale.tolist() == [True, False]
    assert len(hub_polls.read(db, 99).completed()) == 0


def test_the_last_good_poll_is_complete_and_not_stale(db: Database, world: World) -> None:
    assert hub_polls.read(db, 1).last_good() is None
    world.poll(1, S)
    world.poll(2, S + DAY)
    world.poll(3, S + 2 * DAY, is_stale=True)
    world.poll(4, S + 3 * DAY, status="running")
    world.poll(5, S + 4 * DAY, scope="import")
    assert hub_polls.read(db, 1).last_good() == hub_polls.PollAt(2, S + DAY)


def test_a_hub_is_known_as_of_its_last_complete_poll(db: Database, world: World) -> None:
    assert as_of(db) is None
    world.model(1, "a/m")
    world.state(1, 3, S, S + 7)
    world.poll(1, S, scope="import")
    assert as_of(db) == S + 7
    world.poll(2, S - DAY)
    world.poll(3, S - DAY // 2, is_stale=True)
    world.poll(4, S, status="running")
    assert as_of(db) == S - DAY // 2


# --- the rule, in plain words ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A poll as it stands in the table, all that decides; instants are days after the window's start."""

    id: int
    started: int
    scope: str
    status: str
    is_stale: bool
    is_thin: bool
    reaches_back: int | None
    pages: int
    models_listed: int

    @property
    def proves(self) -> bool:
        return self.status == "complete" and self.scope != "import" and not self.is_thin

    @property
    def proves_absence(self) -> bool:
        return self.proves and self.scope == "all"


@dataclass(frozen=True)
class Table:
    rows: tuple[Row, ...]
    imports: int  #: files imported so far


def last_start(table: Table) -> int:
    starts = [30 + 32]
    for proofs in ([row.proves for row in table.rows], [row.proves_absence for row in table.rows]):
        later = [row.started for row, is_one in zip(table.rows, proofs, strict=True) if is_one and row.started >= 30]
        starts += [min(later)] if later else []
    return max(starts)


def matters(row: Row, table: Table) -> bool:
    """Near the window; later with growth that begins near it; or telling that a fall lasts, or who is gone."""
    until = last_start(table)
    absences = sorted(one.started for one in table.rows if one.proves_absence and one.started >= 30)
    near = max([until, *absences[1:2]])
    polled = [one.started for one in table.rows if one.status == "complete" and one.scope != "import"]
    before = max((start for start in polled if start < row.started), default=row.started)
    if row.started <= near or before <= until or reaches_near(row):
        return True
    late = [one for one in table.rows if one.started > until - 8 and reaches_near(one)]
    return any(before - 8 <= one.started <= row.started for one in late)


def reaches_near(row: Row) -> bool:
    return row.reaches_back is not None and row.reaches_back < 30 + 8


def last_poll(table: Table) -> int:
    return max((row.id for row in table.rows if matters(row, table)), default=0)


def shown(table: Table, last: int) -> tuple[object, ...]:
    """What a fingerprint tells apart."""
    some = [row for row in table.rows if row.id <= last and matters(row, table)]
    counts = (sum(row.pages for row in some), sum(row.models_listed for row in some))
    flags = (sum(row.is_stale for row in some), sum(row.status == "complete" for row in some))
    return len(some), max((row.id for row in some), default=0), *counts, *flags, table.imports


STARTS = st.integers(-3, 40).map(lambda step: 4 * step)  # days, so that polls meet each other and the rule's limits


@st.composite
def polls(draw: st.DrawFn, number: int) -> Row:
    start = draw(STARTS)
    back = draw(st.none() | st.integers(0, 15).map(lambda step: start - 4 * step))
    scope, status = draw(st.sampled_from(("all", "all", "top", "import"))), draw(st.sampled_from(STATUSES))
    return Row(number, start, scope, status, draw(st.booleans()), draw(SELDOM), back, draw(FEW), draw(FEW))


STATUSES = ("complete", "complete", "complete", "running", "failed")
SELDOM = st.sampled_from((False, False, False, True))
FEW = st.integers(0, 3)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Numbered in the order of their storage, which need not be that of time."""
    size = draw(st.integers(0, 10))
    return Table(tuple(draw(polls(number)) for number in range(1, size + 1)), draw(FEW))


@st.composite
def later(draw: st.DrawFn, table: Table) -> Table:
    """The same a while after: polls that ended or were judged, new ones, another import."""
    rows = [row if draw(st.booleans()) else after(draw, row) for row in table.rows]
    rows += [draw(polls(len(rows) + 1 + place)) for place in range(draw(st.integers(0, 2)))]
    return Table(tuple(rows), table.imports + draw(st.sampled_from((0, 0, 0, 1))))


def after(draw: st.DrawFn, row: Row) -> Row:
    changes: list[dict[str, Any]] = [
        {"status": "complete"},
        {"is_stale": not row.is_stale},
        {"is_thin": not row.is_thin},
        {"pages": row.pages + 1},
        {"models_listed": row.models_listed + 1},
        {"reaches_back": row.started - 4 * draw(st.integers(0, 15))},
    ]
    return replace(row, **draw(st.sampled_from(changes)))


def put(db: Database, table: Table) -> hub_polls.HubPolls:
    zero = dict.fromkeys(("models_new", "models_moved", "models_with_all_time", "rows_skipped", "retries"), 0)
    rows = [
        {
            "id": row.id,
            "hub_id": 1,
            "scope": row.scope,
            "started_at": S + row.started * DAY,
            "finished_at": None if row.status == "running" else S + row.started * DAY + 60,
            "status": row.status,
            "pages": row.pages,
            "models_listed": row.models_listed,
            "is_stale": row.is_stale,
            "is_thin": row.is_thin,
            "reaches_back_to": None if row.reaches_back is None else S + row.reaches_back * DAY,
            "waited_seconds": 0.0,
            **zero,
        }
        for row in table.rows
    ]
    file = {
        "hub_id": 1,
        "file_name": "f.csv",
        "source": "",
        "license": "",
        "imported_at": 0,
        "readings": 0,
        "stored": 0,
    }
    with db.begin() as conn:
        conn.execute(delete(schema.poll))
        conn.execute(delete(schema.import_file))
        for table_, said in ((schema.poll, rows), (schema.import_file, files(file, table.imports))):
            if said:
                conn.execute(insert(table_), said)
    return hub_polls.read(db, 1)


def files(file: dict[str, Any], count: int) -> list[dict[str, Any]]:
    return [file | {"id": number, "sha256": str(number)} for number in range(1, count + 1)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_matters_to_a_window_and_what_changes_it_are_what_the_plain_rule_says(
    db: Database, world: World, data: st.DataObject
) -> None:
    table = data.draw(tables())
    before = put(db, table)
    assert before.last_start_that_matters(WINDOW) == S + last_start(table) * DAY
    assert before.last_poll(WINDOW) == last_poll(table)
    last = data.draw(st.sampled_from((last_poll(table), len(table.rows) // 2)))
    found = before.fingerprint(WINDOW, last)
    then = data.draw(later(table))
    now = put(db, then)
    assert now.last_poll(WINDOW) == last_poll(then)
    assert (now.fingerprint(WINDOW, last) == found) == (shown(then, last) == shown(table, last))

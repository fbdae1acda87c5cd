"""The rows of a month as columns: what came since is put into them, and months are kept as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from collector.store import month_columns, schema
from collector.store.arrays import packed
from collector.store.database import Database
from collector.store.month_columns import NOTHING, Came, MonthColumns, MonthRow, of_rows, put
from collector.store.months import Month, MonthBuild, add_to_month, build_month, month_rows, most_backed, wrongly_kept
from tests.store.facts import World

PLAIN = MonthRow(2, 1, 10.0, 0.0, 0, None, 0.0, None)
FIRST = MonthRow(5, 1, 2.5, 2.5, 0, 900, 0.0, None)
FLAGGED = MonthRow(7, 3, 4.0, 0.0, -6, None, 60.0, "correction")
BUILD = MonthBuild("facts", 9, "facts", 1.0, 0)


def grown(*of: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plain growth: model, downloads, account."""
    models, downloads, accounts = np.array(of, np.int64).reshape(-1, 3).T
    return models, downloads, accounts


def came(
    *plain: tuple[int, int, int],
    firsts: Sequence[MonthRow] = (),
    judged: Mapping[int, MonthRow | None] | None = None,
    accounts: Mapping[int, int] | None = None,
) -> Came:
    return Came(grown(*plain), firsts, judged or {}, accounts or {})


def rows_of(columns: MonthColumns) -> list[MonthRow]:
    each = (columns.column(name).tolist() for name in MonthRow._fields)
    return [
        MonthRow(*row)._replace(covered_from=None if row[5] < 0 else row[5], flags=columns.texts[row[7]])
        for row in zip(*each, strict=True)
    ]


def test_growth_is_added_to_the_rows_that_are_there_and_makes_others() -> None:
    after = put(of_rows([PLAIN, FIRST, FLAGGED]), came((2, 5, 4), (3, 1, 1), (5, 1, 1)))
    assert rows_of(after.columns) == [
        PLAIN._replace(downloads=15.0, publisher_id=4),
        MonthRow(3, 1, 1.0, 0.0, 0, None, 0.0, None),
        FIRST._replace(downloads=3.5),
        FLAGGED,
    ]
    assert after.columns.model_id[after.written].tolist() == [2, 3, 5]
    assert (after.dropped.tolist(), after.is_other) == ([], True)


def test_a_first_sighting_says_since_when_readings_back_the_month_unless_an_earlier_row_does() -> None:
    again = [FIRST._replace(covered_from=950, downloads=1.0, estimated=1.0, flags="first")]
    after = put(of_rows([FIRST]), came(firsts=[*again, FLAGGED]))
    assert rows_of(after.columns) == [FIRST._replace(downloads=3.5, estimated=3.5), FLAGGED]


def test_a_judged_model_s_row_is_replaced_and_one_that_did_nothing_has_none() -> None:
    judged = {2: PLAIN._replace(downloads=3.0, flags="dip"), 7: None, 9: None}
    after = put(of_rows([PLAIN, FIRST, FLAGGED]), came((2, 100, 1), (9, 100, 1), judged=judged))
    assert rows_of(after.columns) == [judged[2], FIRST]
    assert (after.columns.model_id[after.written].tolist(), after.dropped.tolist()) == ([2], [7])


@pytest.mark.parametrize("judged", [{7: FLAGGED}, {9: None}, {}])
def test_what_says_the_same_changes_nothing(judged: dict[int, MonthRow | None]) -> None:
    after = put(of_rows([PLAIN, FLAGGED]), came(judged=judged, accounts={2: 1, 9: 5}))
    assert rows_of(after.columns) == [PLAIN, FLAGGED]
    assert (after.written.tolist(), after.dropped.tolist(), after.is_other) == ([], [], False)


def test_a_renamed_model_s_row_goes_to_the_account_of_the_month_s_last_day() -> None:
    after = put(of_rows([PLAIN, FLAGGED]), came(accounts={7: 8, 9: 5}))
    assert rows_of(after.columns) == [PLAIN, FLAGGED._replace(publisher_id=8)]
    assert (after.written.tolist(), after.is_other) == ([1], True)


def test_of_nothing_comes_nothing() -> None:
    assert rows_of(put(NOTHING, came()).columns) == []


def test_months_are_kept_and_read_like_their_rows(db: Database, world: World) -> None:
    world.hub(2, "modelscope")
    for number in (2, 5, 7):
        world.model(number, f"a/{number}")
    world.model(8, "a/eight", hub_id=2)
    elsewhere = Came(grown((8, 1, 1)), [], {}, {})
    build_month(db, Month(2, 202609, BUILD, elsewhere))
    for number in (202609, 202610, 202608, 202611):
        build_month(db, Month(1, number, BUILD, came((2, 10, 1), firsts=[FIRST, FLAGGED])))
    add_to_month(db, Month(1, 202611, BUILD, came((2, 1, 1), judged={5: None})))
    with db.connect() as conn:
        assert month_columns.kept_months(conn, 1) == [202608, 202609, 202610, 202611]
        assert month_columns.kept_months(conn, 2) == [202609]
        for number in (202608, 202609, 202610, 202611):
            assert rows_of(month_columns.read(conn, 1, number)) == rows_of(month_columns.from_rows(conn, 1, number))
    assert rows_of(month_rows(db, 1, 202611)) == [PLAIN._replace(downloads=11.0), FLAGGED]
    assert rows_of(month_rows(db, 1, 202608)) == [PLAIN, FIRST, FLAGGED]
    assert rows_of(month_rows(db, 1, 202607)) == []
    assert wrongly_kept(db, 1) == {}


def test_the_same_bytes_are_kept_whatever_flags_came_and_went(db: Database, world: World) -> None:
    for number in (2, 5, 7):
        world.model(number, f"a/{number}")
    dip = PLAIN._replace(flags="dip")

    def kept() -> list[tuple[str, bytes]]:
        with db.connect() as conn:
            c = schema.month_columns.c
            return [
                (name, bytes(content)) for name, content in conn.execute(select(c.name, c.content).order_by(c.name))
            ]

    build_month(db, Month(1, 202609, BUILD, came(firsts=[dip, FLAGGED])))
    expected = kept()
    build_month(db, Month(1, 202609, BUILD, came(firsts=[FLAGGED._replace(flags="restatement"), dip])))
    add_to_month(db, Month(1, 202609, BUILD, came(judged={7: FLAGGED})))
    assert kept() == expected


@pytest.mark.parametrize(
    ("rows", "backed"),
    [
        ([], (None, False)),
        ([FIRST], (FIRST.covered_from, False)),
        ([FIRST, FLAGGED._replace(covered_from=1, tiled_seconds=0.0)], (1, False)),
        ([FIRST, FLAGGED._replace(covered_from=None, tiled_seconds=0.0)], (None, False)),
        ([FIRST, FLAGGED._replace(covered_from=10**9, tiled_seconds=0.5)], (FIRST.covered_from, True)),
        ([PLAIN, FIRST], (None, False)),
    ],
)
def test_since_when_a_month_is_backed_needs_no_look_at_its_rows(
    db: Database, world: World, rows: list[MonthRow], backed: tuple[int | None, bool]
) -> None:
    for number in (2, 5, 7):
        world.model(number, f"a/{number}")
    build_month(db, Month(1, 202609, BUILD, came(firsts=rows)))
    assert most_backed(db, 1, 202609) == backed
    with db.begin() as conn:
        month_columns.forget(conn, 1, 202609)
    assert most_backed(db, 1, 202609) == backed, "from the rows where no columns are kept"


def test_columns_that_are_not_what_the_rows_say_are_found(db: Database, world: World) -> None:
    for number in (2, 5, 7):
        world.model(number, f"a/{number}")
    build_month(db, Month(1, 202609, BUILD, came((2, 10, 1), firsts=[FIRST, FLAGGED])))
    with db.begin() as conn:
        conn.exec_driver_sql("UPDATE model_month SET downloads = 11 WHERE model_id = 2")
        conn.exec_driver_sql("UPDATE model_month SET flags = 'dip' WHERE model_id = 7")
        conn.exec_driver_sql("DELETE FROM model_month WHERE model_id = 5")
    assert wrongly_kept(db, 1) == {202609: [2, 5, 7]}


def test_since_when_readings_back_a_month_is_compared_as_well(db: Database, world: World) -> None:
    world.model(5, "a/5")
    build_month(db, Month(1, 202609, BUILD, came(firsts=[FIRST])))
    c = schema.month_columns.c
    with db.begin() as conn:
        conn.execute(update(schema.month_columns).where(c.name == "backing").values(content=packed(np.array([1, 0]))))
    assert wrongly_kept(db, 1) == {202609: []}
    with db.begin() as conn:
        conn.execute(delete(schema.month_columns).where(c.name == "backing"))
    assert wrongly_kept(db, 1) == {}, "what is not kept is worked out"

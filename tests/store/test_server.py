"""What only PostgreSQL does: partitions by month of recording, and COPY. Skipped where there is no server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from collector.errors import StoreError
from collector.model import PollPlan, to_seconds
from collector.store import server
from collector.store.bulk import ImportReading
from collector.store.database import Database
from collector.store.imports import ImportStore, Provenance
from collector.store.numbering import reading_id
from collector.store.polls import PollStore
from collector.store.schema import hub, observation
from tests.store.facts import World

OTHER = ("observation_other", "DEFAULT")


def partitions(db: Database) -> list[tuple[str, str]]:
    """Name and bounds of each, as numbers of polls."""
    with db.connect() as conn:
        bounds = "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i, pg_class c"
        which = "WHERE c.oid = i.inhrelid AND i.inhparent = 'observation'::regclass ORDER BY c.relname"
        return [(row[0], _polls(row[1].removeprefix("FOR VALUES "))) for row in conn.execute(text(f"{bounds} {which}"))]


def _polls(bounds: str) -> str:
    """No model has the number 0: where a poll's readings begin, no reading lies."""
    firsts = {str(reading_id(poll, 0)): str(poll) for poll in range(1, 100)}
    return re.sub(r"'(\d+)'", lambda found: firsts[found[1]], bounds)


def lies_in(db: Database, poll_id: int) -> str:
    """The partition of a poll's readings."""
    with db.connect() as conn:
        query = text("SELECT tableoid::regclass::text FROM observation WHERE poll_id = :poll")
        return str(conn.execute(query, {"poll": poll_id}).scalars().one())


def at(month: int, day: int = 1) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


@pytest.fixture
def polls(server_db: Database) -> PollStore:
    store = PollStore(server_db)
    store.hub_id("huggingface", "")
    return store


def test_a_new_database_has_room_for_readings_of_no_month(server_db: Database) -> None:
    assert partitions(server_db) == [OTHER]
    world = World(server_db)
    world.hub()
    world.poll(7)
    world.model(1, "a/b")
    world.reading(7, 1, 5)
    assert lies_in(server_db, 7) == "observation_other"


def test_the_first_poll_of_a_month_opens_its_partition_and_ends_the_one_before(
    server_db: Database, polls: PollStore
) -> None:
    for day in (1, 2, 30):
        polls.start_poll(1, PollPlan("all"), at(9, day))
    assert partitions(server_db) == [("observation_2026_09", "FROM (1) TO (MAXVALUE)"), OTHER]
    polls.start_poll(1, PollPlan("all"), at(10))
    polls.start_poll(1, PollPlan("all"), at(11))
    assert partitions(server_db) == [
        ("observation_2026_09", "FROM (1) TO (4)"),
        ("observation_2026_10", "FROM (4) TO (5)"),
        ("observation_2026_11", "FROM (5) TO (MAXVALUE)"),
        OTHER,
    ]


def test_readings_lie_where_their_poll_does_also_after_the_next_month_began(
    server_db: Database, polls: PollStore
) -> None:
    world = World(server_db)
    world.model(1, "a/b")
    for month in (9, 10):
        poll = polls.start_poll(1, PollPlan("all"), at(month))
        world.reading(poll.id, 1, month)
    assert [lies_in(server_db, number) for number in (1, 2)] == ["observation_2026_09", "observation_2026_10"]


def test_a_clock_that_was_wrong_for_a_while_opens_a_month_twice_for_nobody(
    server_db: Database, polls: PollStore
) -> None:
    for now in (at(9), datetime(2099, 1, 1, tzinfo=UTC), at(9, 2), at(10)):
        polls.start_poll(1, PollPlan("all"), now)
    assert partitions(server_db) == [
        ("observation_2026_09", "FROM (1) TO (2)"),
        ("observation_2026_10", "FROM (4) TO (MAXVALUE)"),
        ("observation_2099_01", "FROM (2) TO (4)"),
        OTHER,
    ]


def test_history_lies_in_the_month_in_which_it_was_imported(server_db: Database, polls: PollStore) -> None:
    polls.start_poll(1, PollPlan("all"), at(9))
    old = ImportReading(1, "a/b", to_seconds(datetime(2019, 3, 4, tzinfo=UTC)), 10, None, None)
    ImportStore(server_db).import_readings("huggingface", Provenance("f", "0", "", "", to_seconds(at(10))), [old])
    assert lies_in(server_db, 2) == "observation_2026_10"
    assert partitions(server_db)[0] == ("observation_2026_09", "FROM (1) TO (2)")


def test_whoever_reads_for_long_delays_the_next_partition_and_stops_no_poll(
    server_db: Database, polls: PollStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOCK_SECONDS", 1)
    polls.start_poll(1, PollPlan("all"), at(9))
    with Database.open(server_db.url, write=False) as reader, reader.connect() as reading:
        reading.execute(text("SELECT count(*) FROM observation"))
        polls.start_poll(1, PollPlan("all"), at(10))
        assert [name for name, _ in partitions(server_db)] == ["observation_2026_09", "observation_other"]
    polls.start_poll(1, PollPlan("all"), at(10, 2))
    assert partitions(server_db)[1] == ("observation_2026_10", "FROM (3) TO (MAXVALUE)")


def test_copied_rows_are_part_of_the_transaction_and_null_stays_null(server_db: Database) -> None:
    world = World(server_db)
    world.hub()
    world.poll(1)
    world.model(1, "a/b")
    world.model(2, "a/c")
    names = ("id", "time_and_span", "downloads_all_time", "downloads_30d")
    one, other = reading_id(1, 1), reading_id(1, 2)
    with pytest.raises(Exception, match="duplicate key"), server_db.begin() as conn:
        server.copy_rows(conn, observation, names, [(one, 0, 2**40, None), (one, 0, 2**41, None)])
    with server_db.begin() as conn:
        server.copy_rows(conn, observation, names, [(one, 0, 2**40, None), (other, 0, None, 0)])
    with server_db.connect() as conn:
        rows = conn.execute(select(*(observation.c[name] for name in names)).order_by(observation.c.model_id)).all()
    assert rows == [(one, 0, 2**40, None), (other, 0, None, 0)]


def test_copied_text_comes_out_as_it_went_in(server_db: Database) -> None:
    hostile = ["a\tb", "\\N", "\\.", "line\nline", "", "'; DROP TABLE hub", "\u202e"]
    with server_db.begin() as conn:
        server.copy_rows(conn, hub, ("name", "endpoint"), [(str(n), words) for n, words in enumerate(hostile)])
    with server_db.connect() as conn:
        assert conn.execute(select(hub.c.endpoint).order_by(hub.c.id)).scalars().all() == hostile


def test_copied_rows_that_point_nowhere_are_refused(server_db: Database) -> None:
    names = ("id", "time_and_span")
    with pytest.raises(Exception, match="violates foreign key"), server_db.begin() as conn:
        server.copy_rows(conn, observation, names, [(reading_id(1, 1), 0)])


def test_a_server_that_breaks_off_while_rows_are_copied_is_one_clear_line(server_db: Database) -> None:
    def rows() -> Iterator[tuple[str, str]]:
        yield ("one", "")
        with server_db.connect() as other:
            out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            other.execute(text(f"{out} AND datname = current_database()"))
        # More than the driver holds back.
        yield from ((str(n), "x" * 1000) for n in range(10_000))

    with pytest.raises(StoreError, match=r"^PostgreSQL database store_.*check the server"), server_db.begin() as conn:
        server.copy_rows(conn, hub, ("name", "endpoint"), rows())

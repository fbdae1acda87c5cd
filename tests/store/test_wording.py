"""What many models say alike is kept once, and comes back word by word."""

from __future__ import annotations

from sqlalchemy import Table, func, select

from collector.model import Base
from collector.store.database import Database
from collector.store.histories import CHUNK
from collector.store.schema import declared_base, kind
from collector.store.wording import SAYS_NOTHING, base_ids, kind_ids

TASK, LIBRARY = "text-generation", "transformers"


def rows(db: Database, table: Table) -> int:
    with db.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_each_pair_has_one_number_whatever_is_missing_of_it(db: Database) -> None:
    said = [(TASK, LIBRARY), (TASK, None), (None, LIBRARY), ("", None), (None, "")]
    with db.begin() as connection:
        numbers = kind_ids(connection, [*said, *said])
        assert len({numbers[each] for each in said}) == len(said)
        assert kind_ids(connection, reversed(said)) == numbers
    assert rows(db, kind) == len(said)


def test_who_says_neither_task_nor_library_has_no_number(db: Database) -> None:
    with db.begin() as connection:
        assert kind_ids(connection, [SAYS_NOTHING, (TASK, None)])[SAYS_NOTHING] is None
    assert rows(db, kind) == 1


def test_the_same_base_in_other_words_is_another_declaration(db: Database) -> None:
    bases = [Base("a/m", "finetune", "k"), Base("a/m", "merge", "k"), Base("a/m", None, None), Base("A/m", None, None)]
    with db.begin() as connection:
        numbers = base_ids(connection, bases)
        assert len(set(numbers.values())) == len(bases)
        assert base_ids(connection, bases[1:3]) == {base: numbers[base] for base in bases[1:3]}


def test_more_than_one_statement_takes_are_numbered_in_the_order_given(db: Database) -> None:
    bases = [Base(f"a/{number}", None) for number in range(3 * CHUNK, 0, -1)]
    with db.begin() as connection:
        numbers = base_ids(connection, bases)
    assert [numbers[base] for base in bases] == sorted(numbers.values())
    assert rows(db, declared_base) == len(bases)

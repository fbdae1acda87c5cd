"""What is worked out from the facts: months, origins, shares, and the registry as loaded last.

Knows how to replace a period whole and how to read it back; knows no rule by which the figures were made.
Everything here but the registry can be dropped (`Derived.clear`) and rebuilt to the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Select, Table, delete, insert, select

from collector.columns import FILES
from collector.store.database import Database
from collector.store.histories import insert_rows, plain_rows, rows_among
from collector.store.lineages import of_hub, strike_off
from collector.store.origin_numbers import renew_numbers, replace_numbers
from collector.store.schema import (
    country,
    disagreement,
    metadata,
    model,
    model_origin,
    month_figures,
    publisher_origin,
)

if TYPE_CHECKING:  # loaded by those who make tables: it takes half a second
    import pandas as pd

    from collector.store.publishers import MonthPublishers

_CHUNK = 10_000  # rows sent or fetched at once
_SHARE_FILES = {file.table: file for file in FILES if file.table}

#: Types of the columns that are read back; text that is missing is NaN.
_TYPES = {"model_id": "int64", "downloads": "float64", "weight": "float64", "share": "float64"}


Row = tuple[Any, ...]


class Root(NamedTuple):
    """A root of a model, in the order of the table's columns."""

    model_id: int
    root_name: str
    root_publisher: str
    weight: float  #: the weights of a model add up to 1
    basis: str
    relation: str | None
    family: str | None
    line: str | None


class Noted(NamedTuple):
    """What lineage tells of models beside their roots; the numbers are taken when all else was read."""

    disagreements: Iterable[Row] = ()  #: tuples in the order of the columns of `disagreement`, by model_id
    numbers: Iterable[int] = ()  #: under which the models are kept, as `Lineage.numbers` gives them
    done: int = 0  #: the last entry of the list of what is to do that was taken in


NOTHING_NOTED = Noted()


class Derived:
    """Every method that writes is one transaction: the old rows and the new ones are never mixed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def replace_registry(self, rows: Iterable[Mapping[str, str | date]], countries: Mapping[str, str]) -> None:
        """The registry and the names of countries; keys are the columns of `publisher_origin` without `folded`.

        Open dates are date.min and date.max.
        """
        registry = ({name: str(value) for name, value in row.items()} for row in rows)
        with self._db.begin() as connection:
            connection.execute(delete(publisher_origin))
            names = publisher_origin.columns.keys()
            folded = (row | {"folded": row["publisher"].lower()} for row in registry)
            _insert(connection, publisher_origin, (tuple(row[name] for name in names) for row in folded))
            connection.execute(delete(country))
            _insert(connection, country, countries.items())

    def replace_origins(self, hub_id: int, rows: Iterable[Row], noted: Noted = NOTHING_NOTED) -> None:
        """The roots of all models of a hub; `rows` are tuples in the order of `Root`."""
        with self._db.begin() as connection:
            for table in (model_origin, disagreement):
                connection.execute(delete(table).where(of_hub(hub_id, table.c.model_id)))
            _insert(connection, model_origin, rows)
            _insert(connection, disagreement, noted.disagreements)
            replace_numbers(connection, hub_id, noted.numbers)
            strike_off(connection, hub_id, noted.done)

    def update_origins(self, hub_id: int, rows: Iterable[Row], noted: Noted = NOTHING_NOTED) -> list[int]:
        """Replaces the roots of the models that have others than before; returns which these are, in order.

        `rows` are the roots of all models of the hub in the order of model_id.
        """
        with self._db.connect() as connection:
            changed = dict(_changed_groups(_stored(connection, model_origin, hub_id), map(tuple, rows)))
            others = dict(_changed_groups(_stored(connection, disagreement, hub_id), map(tuple, noted.disagreements)))
        with self._db.begin() as connection:
            _rewrite(connection, model_origin, changed)
            _rewrite(connection, disagreement, others)
            replace_numbers(connection, hub_id, noted.numbers)
            strike_off(connection, hub_id, noted.done)
        return list(changed)

    def update_some_origins(self, hub_id: int, rows: Iterable[Row], noted: Noted) -> list[int]:
        """The same for a few models: `rows` are all roots of these, in the order of model_id; so are disagreements."""
        new = [tuple(row) for row in rows]
        few = list(dict.fromkeys(row[0] for row in new))
        with self._db.begin() as connection:
            changed = dict(_changed_groups(_stored_of(connection, model_origin, few), new))
            others = dict(_changed_groups(_stored_of(connection, disagreement, few), map(tuple, noted.disagreements)))
            _rewrite(connection, model_origin, changed)
            _rewrite(connection, disagreement, others)
            renew_numbers(connection, hub_id, few, noted.numbers)
            strike_off(connection, hub_id, noted.done)
        return list(changed)

    def disagreement_rows(self, hub_id: int) -> pd.DataFrame:
        """The models of a hub whose name and declaration lead to different families, by model_id.

        Columns: model_id, by_name, by_declaration.
        """
        c = disagreement.c
        statement = select(disagreement).join(model, model.c.id == c.model_id).where(model.c.hub_id == hub_id)
        return self._frame(statement.order_by(c.model_id))

    def origin_rows(self, hub_id: int, model_ids: Sequence[int] | None = None) -> pd.DataFrame:
        """The roots of a hub's models (or of a few of them), by model_id, largest part first; columns as `Root`."""
        c = model_origin.c
        statement = (
            select(*(c[name] for name in Root._fields))
            .join(model, model.c.id == c.model_id)
            .where(model.c.hub_id == hub_id)
            .order_by(c.model_id, c.weight.desc(), c.root_name)
        )
        return self._frame(statement if model_ids is None else statement.where(c.model_id.in_(model_ids)))

    def replace_shares(
        self,
        hub: str,
        window: str,
        tables: Mapping[str, pd.DataFrame],
        figures: str = "{}",
        publishers: MonthPublishers | None = None,
    ) -> None:
        """The published tables of a hub's month, by table name (`country_share` …), in their published columns.

        Shares are kept with six places, so that SQL and CSV show the same number. `figures` is what a report says
        beside them, as JSON; the accounts of `publishers` stay as they are where none are given.
        """
        with self._db.begin() as connection:
            c = month_figures.c
            connection.execute(delete(month_figures).where(c.hub == hub, c.window == window))
            connection.execute(insert(month_figures).values(hub=hub, window=window, figures=figures))
            for name, rows in tables.items():
                table = metadata.tables[name]
                connection.execute(delete(table).where(table.c.hub == hub, table.c.window == window))
                _insert(connection, table, _records(_six_places(name, rows), table))
            if publishers is not None:
                from collector.store.publishers import replace_publishers

                replace_publishers(connection, publishers)

    def month_figures(self, hub: str, window: str) -> str:
        """What `replace_shares` was given beside the tables."""
        c = month_figures.c
        with self._db.connect() as connection:
            return str(connection.execute(select(c.figures).where(c.hub == hub, c.window == window)).scalar_one())

    def country_history(self, hub: str, until: str, columns: Sequence[str]) -> pd.DataFrame:
        """Rows of `country_share` of a hub's months up to one (YYYY-MM), by month and falling share."""
        c = metadata.tables["country_share"].c
        statement = (
            select(*(c[name] for name in columns))
            .where(c.hub == hub, c.window <= until)
            .order_by(c.window, c.scope, c.attribution, c.share.desc(), c.country)
        )
        return self._frame(statement)

    def clear(self) -> None:
        """Drops every derived row; the facts, their growth columns and the registry stay."""
        with self._db.begin() as connection:
            for name in (
                "model_month",
                "month_columns",
                "month_build",
                "build_mark",
                "model_origin",
                "disagreement",
                "origin_number",
                "origin_renewal",
                "hub_columns",
                "month_figures",
                "publisher_month",
                "publisher_columns",
                "reviewed_publisher",
                *_SHARE_FILES,
            ):
                connection.execute(delete(metadata.tables[name]))

    def _frame(self, statement: Select[Any]) -> pd.DataFrame:
        """A table in chunks, since the rows of a whole hub as Python objects would fill the memory."""
        import pandas as pd

        with self._db.connect() as connection:
            names = [column.name for column in statement.selected_columns]
            empty: list[Sequence[Any]] = [()] * len(names)
            chunks = [_typed(names, columns) for columns in _columns(plain_rows(connection, statement))]
        return pd.concat(chunks or [_typed(names, empty)], ignore_index=True)


def _changed_groups(old: Iterable[Row], new: Iterable[Row]) -> Iterator[tuple[int, list[Row]]]:
    """The models whose rows differ, with their new ones; both in the order of model_id, the first column."""
    stored = ((key, sorted(rows)) for key, rows in groupby(old, itemgetter(0)))
    before = next(stored, None)
    for model_id, rows in groupby(new, itemgetter(0)):
        while before is not None and before[0] < model_id:
            yield before[0], []
            before = next(stored, None)
        mine = sorted(rows)
        if before is None or before[0] != model_id:
            yield model_id, mine
            continue
        if before[1] != mine:
            yield model_id, mine
        before = next(stored, None)
    if before is not None:
        yield from ((model_id, []) for model_id, _ in chain([before], stored))


def _stored(connection: Connection, table: Table, hub_id: int) -> Iterator[Row]:
    """The rows of a hub's models, by model_id."""
    ours = select(table).where(of_hub(hub_id, table.c.model_id)).order_by(table.c.model_id)
    for rows in plain_rows(connection, ours):
        yield from map(tuple, rows)


_OF_MODELS = {table.name: select(table).order_by(table.c.model_id) for table in (model_origin, disagreement)}


def _stored_of(connection: Connection, table: Table, model_ids: Sequence[int]) -> Iterator[Row]:
    """The rows of these models, given in order."""
    yield from map(tuple, rows_among(connection, _OF_MODELS[table.name], table.c.model_id, model_ids))


def _rewrite(connection: Connection, table: Table, changed: Mapping[int, Sequence[Row]]) -> None:
    for ids in _chunks(changed):
        connection.execute(delete(table).where(table.c.model_id.in_(ids)))
    _insert(connection, table, (row for group in changed.values() for row in group))


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _columns(partitions: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    return (list(zip(*rows, strict=True)) for rows in partitions)


def _typed(names: list[str], columns: list[Sequence[Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {name: pd.Series(column, dtype=_TYPES.get(name, "str")) for name, column in zip(names, columns, strict=True)}
    )


def _records(rows: pd.DataFrame, table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a frame in the order of the table's columns; what is missing becomes null."""
    return zip(*(plain_values(rows[column.name]) for column in table.columns), strict=True)


def plain_values(column: pd.Series[Any]) -> list[Any]:
    """What a column says; None where it says nothing."""
    return [None if value != value else value for value in column.tolist()]  # NaN alone differs from itself


def _six_places(table: str, rows: pd.DataFrame) -> pd.DataFrame:
    numbers = [column.name for column in _SHARE_FILES[table].columns if column.type == "number"]
    # Python's round, as the CSV files are printed: numpy's may differ in the last place.
    return rows.assign(**{name: [round(value, 6) for value in rows[name].astype(float).tolist()] for name in numbers})


def _insert(connection: Connection, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows in the order of the table's columns."""
    names = tuple(table.columns.keys())
    rest = iter(rows)
    while chunk := list(islice(rest, _CHUNK)):
        insert_rows(connection, table, names, chunk)

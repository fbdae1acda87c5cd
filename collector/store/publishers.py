"""The uploaders of a month, in numbers: written whole, and read back as columns. Knows no rule of counting.

A hub has hundreds of thousands of accounts with downloads, in each scope. Names and what the registry says of an
account stand once, in tables of their own; `publisher_share_month` joins them for whoever reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from collector.series import Ints
from collector.store.arrays import columns_of, insert_columns
from collector.store.database import Database
from collector.store.schema import publisher_month, publisher_share


class Uploaded(NamedTuple):
    """The accounts of a scope and what they uploaded, by publisher_id."""

    publisher_id: Ints
    downloads: Ints
    share_millionths: Ints
    models: Ints


class Known(NamedTuple):
    """What the registry says of an account on the month's last day."""

    publisher_id: int
    organisation: str
    country: str
    kind: str


class MonthPublishers(NamedTuple):
    """What is stored of a hub's month."""

    hub_id: int
    month: int  #: year × 100 + month
    scopes: Mapping[str, Uploaded]  #: by name
    known: Sequence[Known]  #: the accounts that the registry knows


def replace_publishers(conn: Connection, month: MonthPublishers) -> None:
    """The month's rows in place of those it had."""
    same = {"hub_id": month.hub_id, "month": month.month}
    for table in (publisher_share, publisher_month):
        conn.execute(delete(table).where(table.c.hub_id == month.hub_id, table.c.month == month.month))
    for scope, rows in sorted(month.scopes.items()):
        columns = {name: (column, None) for name, column in rows._asdict().items()}
        insert_columns(conn, publisher_share, columns, {**same, "scope": scope})
    if month.known:
        conn.execute(insert(publisher_month), [same | each._asdict() for each in month.known])


def month_publishers(db: Database, hub_id: int, month: int, scopes: Sequence[str]) -> MonthPublishers:
    """The rows of these scopes of a month."""
    s, k = publisher_share.c, publisher_month.c
    columns = select(*(s[name] for name in Uploaded._fields)).where(s.hub_id == hub_id, s.month == month)
    known = select(*(k[name] for name in Known._fields)).where(k.hub_id == hub_id, k.month == month)
    with db.connect() as conn:
        rows = {scope: _in_order(columns_of(conn, columns.where(s.scope == scope))) for scope in scopes}
        return MonthPublishers(hub_id, month, rows, [Known(*row) for row in conn.execute(known)])


def _in_order(columns: Sequence[Ints]) -> Uploaded:
    order = np.argsort(columns[0], kind="stable")
    return Uploaded(*(column[order] for column in columns))

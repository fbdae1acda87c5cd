"""The uploaders of a month, in numbers: written, and read back as columns. Knows no rule of counting.

A hub has hundreds of thousands of accounts with downloads, in each scope. Names and what the registry says of an
account stand once, in tables of their own; `publisher_share_month` joins them for whoever reads.

What the rows say is also kept as columns (`publisher_columns`), in the transaction that writes them. So the rows that
are others than before are found in memory: where 1,000 of 2.5 million models are described anew, some hundred of a
month's 450,000 (0.3 s of CPU, were all of them written), after a poll half of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, select

from collector.series import Bools, Ints
from collector.store.arrays import columns_of, insert_columns, packed, replace_columns, unpacked
from collector.store.database import Database
from collector.store.histories import chunks
from collector.store.schema import publisher_columns, publisher_month, publisher_share

MOST_REPLACED = 2 / 3  # of a scope's rows: to replace more takes as long as to delete all and write them


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
    """The month's rows in place of those it had; those that are as they were stay."""
    before = _kept(conn, month.hub_id, month.month, month.scopes)
    for scope in set(_scopes(conn, month.hub_id, month.month)) - before.keys():
        conn.execute(delete(publisher_share).where(_Scope(month.hub_id, month.month, scope).within(publisher_share)))
    others = publisher_columns.c.scope.not_in(before)
    conn.execute(delete(publisher_columns).where(_of_month(publisher_columns, month.hub_id, month.month), others))
    for name, rows in sorted(month.scopes.items()):
        of, now = _Scope(month.hub_id, month.month, name), _in_order(rows)
        if name not in before:
            insert_columns(conn, publisher_share, _to_write(now), of._asdict())
            _keep(conn, of, now)
        elif not all(map(np.array_equal, before[name], now)):
            _rewrite(conn, of, before[name], now)
            _keep(conn, of, now)
    conn.execute(delete(publisher_month).where(_of_month(publisher_month, month.hub_id, month.month)))
    if month.known:
        same = {"hub_id": month.hub_id, "month": month.month}
        conn.execute(insert(publisher_month), [same | each._asdict() for each in month.known])


def month_publishers(db: Database, hub_id: int, month: int, scopes: Sequence[str]) -> MonthPublishers:
    """The rows of these scopes of a month."""
    k = publisher_month.c
    known = select(*(k[name] for name in Known._fields)).where(_of_month(publisher_month, hub_id, month))
    with db.connect() as conn:
        kept = _kept(conn, hub_id, month, scopes)
        rows = {name: kept[name] if name in kept else _stored(conn, _Scope(hub_id, month, name)) for name in scopes}
        return MonthPublishers(hub_id, month, rows, [Known(*row) for row in conn.execute(known)])


def forget(db: Database, hub_id: int, month: int) -> None:
    """Has all rows of a month written anew when it is worked out next."""
    with db.begin() as conn:
        conn.execute(delete(publisher_columns).where(_of_month(publisher_columns, hub_id, month)))


def wrongly_kept(db: Database, hub_id: int) -> dict[int, list[int]]:
    """By month that is kept otherwise than its rows say: the accounts of which it is so, in order."""
    c, found = publisher_columns.c, dict[int, set[int]]()
    months = select(c.month, c.scope).where(c.hub_id == hub_id).distinct().order_by(c.month, c.scope)
    with db.connect() as conn:
        for month, scope in conn.execute(months).all():
            kept, stored = _kept(conn, hub_id, month, [scope])[scope], _stored(conn, _Scope(hub_id, month, scope))
            wrong = [*stored.publisher_id[_is_other(kept, stored)].tolist(), *_gone(kept, stored).tolist()]
            if wrong:
                found.setdefault(month, set()).update(wrong)
    return {month: sorted(wrong) for month, wrong in found.items()}


class _Scope(NamedTuple):
    """What the rows of a scope of a month have in common."""

    hub_id: int
    month: int
    scope: str

    def within(self, table: Table) -> ColumnElement[bool]:
        return and_(_of_month(table, self.hub_id, self.month), table.c.scope == self.scope)


def _of_month(table: Table, hub_id: int, month: int) -> ColumnElement[bool]:
    return and_(table.c.hub_id == hub_id, table.c.month == month)


# --- the rows ---------------------------------------------------------------------------------------------------------


def _rewrite(conn: Connection, of: _Scope, before: Uploaded, now: Uploaded) -> None:
    """Writes the rows that differ; all of them where that takes no longer."""
    is_other = _is_other(before, now)
    if is_other.sum() > MOST_REPLACED * len(is_other):
        conn.execute(delete(publisher_share).where(of.within(publisher_share)))
        insert_columns(conn, publisher_share, _to_write(now), of._asdict())
        return
    for gone in chunks(_gone(before, now).tolist()):
        conn.execute(
            delete(publisher_share).where(of.within(publisher_share), publisher_share.c.publisher_id.in_(gone))
        )
    replace_columns(conn, publisher_share, _to_write(Uploaded(*(each[is_other] for each in now))), of._asdict())


def _is_other(before: Uploaded, now: Uploaded) -> Bools:
    """Of which accounts something else is said now; both are in order."""
    place = np.searchsorted(before.publisher_id, now.publisher_id)
    is_other = np.zeros(len(place), np.bool_)
    for was, said in zip(before, now, strict=True):
        is_other |= np.append(was, -1)[place] != said
    return is_other


def _gone(before: Uploaded, now: Uploaded) -> Ints:
    """The accounts of which nothing is said any more."""
    place = np.searchsorted(now.publisher_id, before.publisher_id)
    gone: Ints = before.publisher_id[np.append(now.publisher_id, -1)[place] != before.publisher_id]
    return gone


def _to_write(rows: Uploaded) -> dict[str, tuple[Ints, None]]:
    return {name: (column, None) for name, column in rows._asdict().items()}


def _stored(conn: Connection, of: _Scope) -> Uploaded:
    columns = (publisher_share.c[name] for name in Uploaded._fields)
    return _in_order(Uploaded(*columns_of(conn, select(*columns).where(of.within(publisher_share)))))


def _scopes(conn: Connection, hub_id: int, month: int) -> Iterator[str]:
    """The scopes of which a month has rows: looked for one after the other, so that not all its rows are read."""
    c = publisher_share.c
    following = select(func.min(c.scope)).where(_of_month(publisher_share, hub_id, month))
    scope = conn.execute(following).scalar()
    while scope is not None:
        yield scope
        scope = conn.execute(following.where(c.scope > scope)).scalar()


def _in_order(rows: Uploaded) -> Uploaded:
    order = np.argsort(rows.publisher_id, kind="stable")
    return Uploaded(*(column[order] for column in rows))


# --- the same as columns ----------------------------------------------------------------------------------------------


def _keep(conn: Connection, of: _Scope, rows: Uploaded) -> None:
    said = rows._asdict() | {"publisher_id": np.diff(rows.publisher_id, prepend=0)}
    conn.execute(delete(publisher_columns).where(of.within(publisher_columns)))
    kept = [of._asdict() | {"name": name, "content": packed(column)} for name, column in said.items()]
    conn.execute(insert(publisher_columns), kept)


def _kept(conn: Connection, hub_id: int, month: int, scopes: Iterable[str]) -> dict[str, Uploaded]:
    """Of these scopes those that are kept."""
    c, said = publisher_columns.c, dict[str, dict[str, Ints]]()
    query = select(c.scope, c.name, c.content).where(_of_month(publisher_columns, hub_id, month))
    for scope, name, content in conn.execute(query.where(c.scope.in_([*scopes]))):
        said.setdefault(scope, {})[name] = unpacked(content)
    return {
        scope: Uploaded(**columns | {"publisher_id": np.cumsum(columns["publisher_id"])})
        for scope, columns in said.items()
    }

"""Is the database whole, and does it keep its own promises? What `collector db check` says.

Only reads. The rules stand here once more, apart from the code that writes, so that one of the two can be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, and_, case, func, literal, not_, or_, select, text
from sqlalchemy.sql.selectable import Select

from collector.model import DAY, publisher_of
from collector.store import sighting_runs
from collector.store.arrays import columns_of
from collector.store.database import Database
from collector.store.numbering import AT, of_models, of_poll
from collector.store.origin_numbers import ENTRY_BYTES, models_by_hub
from collector.store.schema import (
    country_share,
    model,
    model_month,
    model_name,
    model_origin,
    model_state,
    observation,
    origin_number,
    origin_renewal,
    poll,
    publisher,
    publisher_share,
)

_EXAMPLES = 3
_MODELS_AT_ONCE = 50_000
_TOLERANCE = 1e-6  # of a sum of weights or shares held as floating point
_SIX_PLACES = 1e-4  # of a sum of a few hundred shares of six places each


class Rule(NamedTuple):
    """A promise, and the rows that break it: the first column of `broken` names them."""

    complaint: str
    broken: Select[Any]


class Reading(NamedTuple):
    """A stored reading of one model; times in Unix seconds."""

    at: int
    all_time: int | None
    rolling: int | None
    span: int | None
    delta: int | None


class Latest(NamedTuple):
    """What the state of a model says of its counter."""

    all_time: int | None
    rolling: int | None
    changed_at: int | None
    seen_at: int | None


def check(db: Database) -> list[str]:
    """What is wrong, one line each; empty when all is well. When the file itself is damaged, only that is said."""
    with db.connect() as connection:
        damage = list(_damage(connection))
        if damage:
            return damage
        findings = [finding for rule in _rules() if (finding := _finding(connection, rule)) is not None]
        return findings + list(_kept(connection)) + list(_names(connection)) + list(_series(connection))


# --- the file -------------------------------------------------------------------------------------------------------


def _damage(connection: Connection) -> Iterator[str]:
    if connection.dialect.name != "sqlite":
        return  # the server checks its own files, and enforces references at every write
    for row in connection.execute(text("PRAGMA integrity_check(10)")):
        if row[0] != "ok":
            yield f"the file is damaged: {' '.join(str(row[0]).split())}; go back to a backup"
    broken = connection.execute(text("PRAGMA foreign_key_check")).all()
    for child, rows in groupby(sorted(broken, key=lambda row: (row[0], row[2])), key=lambda row: (row[0], row[2])):
        yield f"{child[0]}: {len(list(rows))} rows point to a row of {child[1]} that does not exist"


# --- promises that one statement can test ---------------------------------------------------------------------------


def _finding(connection: Connection, rule: Rule) -> str | None:
    broken = rule.broken.subquery()
    count = connection.scalar(select(func.count()).select_from(broken))
    if not count:
        return None
    names = connection.scalars(select(broken.c[0]).order_by(broken.c[0]).limit(_EXAMPLES)).all()
    return f"{rule.complaint}: {_some(names, count)}"


def _some(names: Sequence[Any], count: int | None = None) -> str:
    """How many there are (all of `names` unless `count` says more), and the first of them."""
    total = len(names) if count is None else count
    shown = ", ".join(str(name) for name in names[:_EXAMPLES])
    return f"{total} ({shown}{', …' if total > _EXAMPLES else ''})"


def _rules() -> Iterable[Rule]:
    return (*_poll_rules(), *_model_rules(), *_derived_rules())


def _poll_rules() -> Iterable[Rule]:
    p, o = poll.c, observation.c
    seconds = (func.min(o.seconds).label("first"), func.max(o.seconds).label("last"))
    by_poll = select(p.id.label("poll_id"), func.count().label("rows"), *seconds)
    stored_rows = by_poll.join_from(poll, observation, of_poll()).group_by(p.id).subquery()
    listed_first = select(model.c.first_poll_id.label("poll_id"), func.count().label("models"))
    new = listed_first.group_by(model.c.first_poll_id).subquery()
    miscounted = select(p.id).outerjoin(new, new.c.poll_id == p.id).where(p.scope != "import")
    other_day = or_(stored_rows.c.first < 0, stored_rows.c.last >= DAY)
    joined = select(p.id).join(stored_rows, stored_rows.c.poll_id == p.id)
    ended = p.status == "complete"
    parts = (p.models_new, p.models_moved, p.models_with_all_time)
    return (
        Rule("complete polls without an end", select(p.id).where(ended, p.finished_at.is_(None))),
        Rule("complete polls with a cursor to go on from", select(p.id).where(ended, p.cursor.is_not(None))),
        Rule("polls that have a cursor and no page", select(p.id).where(p.pages == 0, p.cursor.is_not(None))),
        Rule(
            "polls of a file without its import", select(p.id).where((p.scope == "import") != p.import_id.is_not(None))
        ),
        Rule("polls whose top does not fit their scope", select(p.id).where((p.scope == "top") != p.top.is_not(None))),
        Rule(
            "polls that count more models than they list",
            select(p.id).where(or_(*(n > p.models_listed for n in parts))),
        ),
        Rule(
            "polls that count other new models than they listed first",
            miscounted.where(func.coalesce(new.c.models, 0) != p.models_new),
        ),
        Rule("polls with more readings than models listed", joined.where(stored_rows.c.rows > p.models_listed)),
        Rule("imported days with readings of another day", joined.where(p.scope == "import", other_day)),
    )


def _model_rules() -> Iterable[Rule]:
    s, o = model_state.c, observation.c
    stateless = select(o.model_id).where(o.model_id.not_in(select(s.model_id))).distinct()
    elsewhere = (
        select(o.model_id)
        .join(model, model.c.id == o.model_id)
        .join(poll, poll.c.id == o.poll_id)
        .where(poll.c.hub_id != model.c.hub_id)
        .distinct()
    )
    counters = (o.downloads_all_time, o.downloads_30d)
    runs = sighting_runs.standing().subquery()
    in_run = s.model_id.between(runs.c.first_model_id, runs.c.last_model_id)
    otherwise = or_(s.seen_at.is_distinct_from(runs.c.seen_at), s.listed_poll_id.is_distinct_from(runs.c.poll_id))
    of_no_poll = s.listed_poll_id.is_not(None) & s.listed_poll_id.not_in(select(poll.c.id))
    unread = and_(s.changed_at.is_(None), or_(s.seen_at.is_not(None), s.downloads_all_time.is_not(None)))
    return (
        Rule("models with readings and without a state", stateless),
        Rule("models read by polls of another hub", elsewhere),
        Rule("readings with a negative counter (models)", select(o.model_id).where(or_(*(n < 0 for n in counters)))),
        Rule("readings without a counter (models)", select(o.model_id).where(*(n.is_(None) for n in counters))),
        Rule("models last seen before their counter changed", select(s.model_id).where(s.seen_at < s.changed_at)),
        Rule("models with a counter that was never read", select(s.model_id).where(unread)),
        Rule("models listed by a poll that is not there", select(s.model_id).where(of_no_poll)),
        Rule(
            "models seen otherwise than the runs of their poll say",
            select(s.model_id).join(runs, in_run).where(otherwise),
        ),
    )


def _derived_rules() -> Iterable[Rule]:
    o, d, c = model_origin.c, model_month.c, country_share.c
    weights = select(o.model_id).group_by(o.model_id).having(func.abs(func.sum(o.weight) - 1) > _TOLERANCE)
    beyond = not_(and_(d.downloads >= 0, d.estimated >= 0, d.estimated <= d.downloads + _TOLERANCE))
    total = func.sum(c.share)
    name = c.hub + literal(" ") + c.window + literal(" ") + c.scope + literal(" ") + c.attribution
    shares = select(name.label("table")).group_by(c.hub, c.window, c.scope, c.attribution)
    s, p = publisher_share.c, publisher.c
    ours = and_(p.id == s.publisher_id, p.hub_id == s.hub_id)
    strangers = select(s.publisher_id).outerjoin(publisher, ours).where(p.id.is_(None)).distinct()
    unknown = select(d.model_id).outerjoin(model, model.c.id == d.model_id).where(model.c.id.is_(None)).distinct()
    moved = select(d.model_id).outerjoin(publisher, p.id == d.publisher_id).where(p.id.is_(None)).distinct()
    return (
        Rule("models whose roots' weights do not add up to 1", weights),
        Rule("models with a month of impossible downloads", select(d.model_id).where(beyond).distinct()),
        Rule("models that are not there and have a month", unknown),
        Rule("models with a month under an account that is not there", moved),
        Rule("models with a month covered by less than nothing", select(d.model_id).where(d.tiled_seconds < 0)),
        Rule("accounts with a share that their hub does not have", strangers),
        Rule("tables of countries whose shares do not add up to 1", shares.having(func.abs(total - 1) > _SIX_PLACES)),
    )


# --- under which numbers models are kept ------------------------------------------------------------------------------


def _kept(connection: Connection) -> Iterator[str]:
    """Models with roots that are kept under no number, and such as are kept among those of another hub."""
    c = origin_number.c
    cut = select(c.block).where(func.length(c.entries) % ENTRY_BYTES != 0).order_by(c.block)
    if broken := connection.scalars(cut).all():
        yield f"blocks of origin_number that end within an entry: {_some(broken)}"
        return
    r = origin_renewal.c
    within = or_(func.length(r.models) % 4 != 0, func.length(r.entries) % 8 != 0)
    if broken := connection.scalars(select(r.number).where(within).order_by(r.number)).all():
        yield f"rows of origin_renewal that end within a number: {_some(broken)}"
        return
    models, hubs = columns_of(connection, select(model.c.id, model.c.hub_id))
    (rooted,) = columns_of(connection, select(model_origin.c.model_id))
    kept = dict(models_by_hub(connection))
    found = np.isin(rooted, np.concatenate([*kept.values(), np.empty(0, np.int64)]))
    strange = [ids[~np.isin(ids, models[hubs == hub_id])] for hub_id, ids in kept.items()]
    for what, ids in (
        ("models with roots that a change of others would not find", [rooted[~found]]),
        ("models found by changes of a hub that is not theirs", strange),
    ):
        named = sorted({model_id for each in ids for model_id in each.tolist()})
        if named:
            yield f"{what}: {_some(named)}"


# --- names ----------------------------------------------------------------------------------------------------------


def _names(connection: Connection) -> Iterator[str]:
    """Models, now or earlier, under an account that is not the first part of their name, or is another hub's."""
    for named, number, what in (
        (model, model.c.id, "models"),
        (model_name, model_name.c.model_id, "earlier names of models"),
    ):
        account = select(
            number, named.c.name, publisher.c.name, case((publisher.c.hub_id == model.c.hub_id, 1), else_=0)
        )
        account = account.join(publisher, publisher.c.id == named.c.publisher_id)
        if named is model_name:
            account = account.join(model, model.c.id == number)
        rows = connection.execute(account.order_by(number).execution_options(yield_per=_MODELS_AT_ONCE))
        wrong = [row[0] for row in rows if publisher_of(row[1]) != row[2] or not row[3]]
        if wrong:
            yield f"{what} under an account that is not theirs: {_some(wrong)}"


# --- readings in order of time --------------------------------------------------------------------------------------


def _series(connection: Connection) -> Iterator[str]:
    """The growth columns and the state against the readings they were worked out from, a slice of models at a time."""
    wrong: dict[str, list[int]] = {}
    last = connection.scalar(select(func.max(model_state.c.model_id))) or 0
    for first in range(0, last + 1, _MODELS_AT_ONCE):
        for model_id, fault in _slice(connection, first, first + _MODELS_AT_ONCE):
            wrong.setdefault(fault, []).append(model_id)
    for fault, models in sorted(wrong.items()):
        yield f"models whose {fault}: {_some(models)}"


def _slice(connection: Connection, first: int, end: int) -> Iterator[tuple[int, str]]:
    s, o = model_state.c, observation.c
    state = select(s.model_id, s.downloads_all_time, s.downloads_30d, s.changed_at, s.seen_at)
    states = {
        row[0]: Latest(*row[1:]) for row in connection.execute(state.where(s.model_id >= first, s.model_id < end))
    }
    at = AT.label("at")
    readings = (
        select(o.model_id, at, o.downloads_all_time, o.downloads_30d, o.span_seconds, o.delta)
        .join_from(poll, observation, of_models(first, end - 1))
        .order_by(o.model_id, at, o.poll_id)
    )
    rows = connection.execute(readings.execution_options(yield_per=_MODELS_AT_ONCE))
    for model_id, group in groupby(rows, key=lambda row: row[0]):
        if model_id in states:
            for fault in sorted(faults([Reading(*row[1:]) for row in group], states[model_id])):
                yield model_id, fault


def faults(readings: Sequence[Reading], latest: Latest) -> set[str]:
    """What does not fit between the readings of one model, sorted by time and poll, and its state."""
    cumulative = [reading for reading in readings if reading.all_time is not None]
    if not cumulative:
        return _chain_faults([(row, row.rolling) for row in readings], latest.seen_at, latest.rolling)
    found = _chain_faults([(row, row.all_time) for row in cumulative], latest.seen_at, latest.all_time)
    first = cumulative[0]
    before = [(row, row.rolling) for row in readings if row.all_time is None and row.at < first.at]
    if before:
        found |= _chain_faults(before, None if first.span is None else first.at - first.span, None)
    return found


def _chain_faults(chain: Sequence[tuple[Reading, int | None]], seen_at: int | None, latest: int | None) -> set[str]:
    """Walks back from the last sighting: a reading that the next one's span reaches over does not count."""
    found = set()
    bound, after = seen_at, None
    for row, value in reversed(chain):
        if bound is None or row.at > bound:
            continue
        if after is None:
            if latest is not None and value != latest:
                found.add("state is not the latest reading")
        elif after[1] is not None and value is not None and after[0].delta != after[1] - value:
            found.add("delta is not the difference to the reading before")
        if row.span is not None and row.span <= 0:
            found.add("span is not positive")
            return found
        after, bound = (row, value), None if row.span is None else row.at - row.span
    if after is None:
        found.add("last sighting is before its first reading")
    elif bound is None and after[0].at > chain[0][0].at:
        found.add("reading after the first has no span")
    elif after[0].delta is not None:
        found.add("first reading has a delta")
    return found

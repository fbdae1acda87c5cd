"""Keeping what an import says of models beside their counters, where `descriptions` finds it the newest.

Knows the tables; opens no transaction of its own.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from collector.model import Base, Observation
from collector.store.descriptions import FIELDS, Descriptions, Known, News, after
from collector.store.histories import chunks, execute_rows, first_readings
from collector.store.lineages import add_todo
from collector.store.schema import kind, model, model_base, model_description, model_state, poll
from collector.store.wording import BASE, DECLARATIONS, MODEL_WITH_KIND, base_ids, kind_ids


def write_descriptions(
    conn: Connection,
    hub: int,
    said: Descriptions,
    model_of: Mapping[str, int],
    poll_of: Mapping[int, int],
    first: Mapping[int, int],
    read_before: Container[int],
) -> None:
    """Keeps what the file says that is newer than what is known.

    `model_of` by name; `poll_of` by model the poll its newest reading in the file hangs under; `first` by model the
    file's earliest reading; `read_before`: the models that have readings from elsewhere.
    """
    told = {model_of[name]: each for name, each in said.of.items() if name in model_of}
    for part in chunks([of for of in told if of in poll_of]):
        known = _known(conn, part)
        earlier = first_readings(
            conn, hub, [each.id for each in known if each.created_at is None and each.id in read_before]
        )
        bases = _bases(conn, part)
        news = []
        for each in known:
            oldest = min(first[each.id], earlier.get(each.id, first[each.id]))
            new = after(each, told[each.id], said.said, bases.get(each.id, ()), oldest)
            if new is not None:
                news.append(new)
        _write(conn, news, poll_of)


# --- reading --------------------------------------------------------------------------------------------------------


_SINCE = tuple(model_description.c[f"{name}_at"] for name in FIELDS)
_KNOWN = (
    select(
        model.c.id,
        model.c.name,
        model.c.created_at,
        kind.c.pipeline_tag,
        kind.c.library_name,
        poll.c.started_at,
        *_SINCE,
    )
    .select_from(MODEL_WITH_KIND)
    .outerjoin(model_state, model_state.c.model_id == model.c.id)
    .outerjoin(poll, poll.c.id == model_state.c.listed_poll_id)
    .outerjoin(model_description, model_description.c.model_id == model.c.id)
)


def _known(conn: Connection, ids: Sequence[int]) -> list[Known]:
    rows = conn.execute(_KNOWN.where(model.c.id.in_(ids)).order_by(model.c.id))
    return [
        Known(of, name, created, task, library, listed, tuple(since))
        for of, name, created, task, library, listed, *since in rows
    ]


def _bases(conn: Connection, ids: Sequence[int]) -> dict[int, tuple[Base, ...]]:
    c = model_base.c
    query = select(c.model_id, *BASE).select_from(DECLARATIONS).where(c.model_id.in_(ids))
    found: dict[int, tuple[Base, ...]] = {}
    for of, *base in conn.execute(query.order_by(c.model_id, c.position)):
        found[of] = (*found.get(of, ()), Base(*base))
    return found


# --- writing --------------------------------------------------------------------------------------------------------


_DESCRIBED = ("created_at", "kind_id", "of_model")
_DESCRIBE = (
    update(model).where(model.c.id == bindparam("of_model")).values({name: bindparam(name) for name in _DESCRIBED[:-1]})
)
_CRC = update(model_state).where(model_state.c.model_id == bindparam("of_model")).values(metadata_crc=bindparam("crc"))
_SINCE_NAMES = ("model_id", *(f"{name}_at" for name in FIELDS))
_ADD_SINCE = insert(model_description).values({name: bindparam(name) for name in _SINCE_NAMES})
_BASE_NAMES = ("model_id", "position", "base_id", "poll_id")
_ADD_BASE = insert(model_base).values({name: bindparam(name) for name in _BASE_NAMES})


def _write(conn: Connection, news: Sequence[News], poll_of: Mapping[int, int]) -> None:
    ids = [new.of.id for new in news]
    kinds = kind_ids(conn, ((new.pipeline_tag, new.library_name) for new in news))
    described = [(new.created_at, kinds[new.pipeline_tag, new.library_name], new.of.id) for new in news]
    execute_rows(conn, _DESCRIBE, _DESCRIBED, described)
    # As a poll keeps it: derived rows then know that something changed, and a poll that says the same changes nothing.
    execute_rows(conn, _CRC, ("crc", "of_model"), [(_crc(new), new.of.id) for new in news])
    conn.execute(delete(model_description).where(model_description.c.model_id.in_(ids)))
    execute_rows(conn, _ADD_SINCE, _SINCE_NAMES, [(new.of.id, *new.since) for new in news if any(new.since)])
    anew = [new.of.id for new in news if new.declares_anew]
    conn.execute(delete(model_base).where(model_base.c.model_id.in_(anew)))
    numbers = base_ids(conn, (base for new in news if new.declares_anew for base in new.bases))
    execute_rows(conn, _ADD_BASE, _BASE_NAMES, list(_declared(news, numbers, poll_of)))
    add_todo(conn, anew)


def _declared(
    news: Sequence[News], numbers: Mapping[Base, int], poll_of: Mapping[int, int]
) -> Iterator[tuple[int, ...]]:
    for new in news:
        if new.declares_anew:
            for place, base in enumerate(new.bases):
                yield new.of.id, place, numbers[base], poll_of[new.of.id]


def _crc(new: News) -> int:
    said = (new.created_at, new.pipeline_tag, new.library_name, new.bases)
    return Observation("", new.of.name, None, None, None, *said).described()

"""Under which numbers the models of a hub are kept, so that a change of others finds them (`origin_number`).

Knows how the numbers lie in blocks; what a number stands for, the caller says. It may stand for several things, so
that a model is found in vain: whoever asks compares. A number is signed and has 32 bits; with its model it is handed
over as one, number × 2**32 + model.

There are five numbers for each model, and with a row for each they were the second largest derived table. A block holds
those whose first 16 bits are the same, each in six bytes. At 2.5 million models that is 78 MB instead of 189; all are
written in two seconds of CPU, and looked through in a third of one to take out those of a few models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Update, bindparam, delete, select, update

from collector.series import Bools, Ints, begins_of_runs
from collector.store.database import Database
from collector.store.histories import chunks, execute_rows, insert_rows, plain_rows, rows_among
from collector.store.schema import origin_number

#: One entry of a block: the last bits of the number, and the model. They lie in order, and no two are the same.
_ENTRY = np.dtype([("number", "<u2"), ("model_id", "<u4")])
ENTRY_BYTES = _ENTRY.itemsize
_MODEL_BITS, _LAST_BITS = 32, 16
_MODEL, _LAST = (1 << _MODEL_BITS) - 1, (1 << _LAST_BITS) - 1
_BLOCKS = 1 << 16  # of a hub: as many as there are first bits
_LOWEST = -(1 << 15)  # first bits of the lowest number
_AT_ONCE = 1 << 12  # blocks in memory at once: 5 MB of a hub of 2.5 million models

_Block = tuple[int, bytes]


def replace_numbers(conn: Connection, hub_id: int, numbers: Iterable[int]) -> None:
    """All of a hub's; what stands there twice is kept once."""
    conn.execute(delete(origin_number).where(_between(hub_id, 0, _BLOCKS)))
    for _, _, mine in _parts(numbers):
        insert_rows(conn, origin_number, _NAMES, list(_blocks(hub_id, mine)))


def renew_numbers(conn: Connection, hub_id: int, model_ids: Iterable[int], numbers: Iterable[int]) -> None:
    """Those of a few models of a hub. What they are kept for no more goes: what stands is what a start anew would say.

    For that all blocks are read; those that differ are written.
    """
    is_renewed = _mask(model_ids)
    for first, end, mine in _parts(numbers):
        blocks = _read(conn, _between(hub_id, first, end))
        entries, place = _entries(blocks)
        is_old = is_renewed[np.minimum(entries["model_id"], len(is_renewed) - 1)]
        differs = np.zeros(_BLOCKS, np.bool_)
        differs[_place(np.setxor1d(_packed(entries[is_old], place[is_old]), mine, assume_unique=True))] = True
        is_left = differs[place] & ~is_old
        left, mine = _packed(entries[is_left], place[is_left]), mine[differs[_place(mine)]]
        before = {block: entries for block, entries in blocks if differs[block % _BLOCKS]}
        # Two that are the same cannot meet: those of the renewed models are all taken out.
        _rewrite(conn, before, dict(_blocks(hub_id, np.sort(np.concatenate([left, mine])))))


def models_kept(db: Database, hub_id: int, numbers: Iterable[int]) -> set[int]:
    """The models kept under any of these numbers."""
    found: set[int] = set()
    with db.connect() as conn:
        for wanted in chunks(sorted(set(numbers))):
            is_last = np.zeros(1 << _LAST_BITS, np.bool_)
            is_last[[number & _LAST for number in wanted]] = True
            blocks = sorted({_block(hub_id, number >> _LAST_BITS) for number in wanted})
            entries, place = _entries(rows_among(conn, _BLOCK, origin_number.c.block, blocks))
            is_meant = is_last[entries["number"]]
            stored = _packed(entries[is_meant], place[is_meant])
            kept_under, asked = stored >> _MODEL_BITS, np.array(wanted, np.int64)
            # Not np.isin, which takes longer than this and loads a part of numpy that nothing here asks for.
            is_wanted = np.append(asked, -1)[np.searchsorted(asked, kept_under)] == kept_under
            found.update((stored[is_wanted] & _MODEL).tolist())
    return found


def numbers_of(conn: Connection, hub_id: int) -> Iterator[Ints]:
    """All of a hub's, in order, part by part."""
    for first in range(0, _BLOCKS, _AT_ONCE):
        yield _packed(*_entries(_read(conn, _between(hub_id, first, first + _AT_ONCE))))


def models_by_hub(conn: Connection) -> Iterator[tuple[int, Ints]]:
    """Of every hub that models are kept for, which these are, in order."""
    blocks = conn.scalars(select(origin_number.c.block)).all()
    for hub_id in sorted({block // _BLOCKS for block in blocks}):
        parts = [np.unique(part & _MODEL) for part in numbers_of(conn, hub_id)]
        yield hub_id, np.unique(np.concatenate(parts))


# --- numbers and blocks -----------------------------------------------------------------------------------------------


def _mask(model_ids: Iterable[int]) -> Bools:
    """True at these models; the last place, for all beyond, is false."""
    ids = np.fromiter(model_ids, np.int64)
    mask = np.zeros(ids.max(initial=0) + 2, np.bool_)
    mask[ids] = True
    return mask


def _parts(numbers: Iterable[int]) -> Iterator[tuple[int, int, Ints]]:
    """Places of a hub's blocks from the first to before the second, and the numbers that belong there, each once."""
    packed = np.fromiter(numbers, np.int64)
    packed.sort()
    firsts = range(0, _BLOCKS, _AT_ONCE)
    edges = np.searchsorted(packed, [first + _LOWEST << _MODEL_BITS + _LAST_BITS for first in firsts]).tolist()
    for first, (begin, end) in zip(firsts, pairwise([*edges, len(packed)]), strict=True):
        mine = packed[begin:end]
        yield first, first + _AT_ONCE, mine[begins_of_runs(mine)]


def _place(packed: Ints) -> Ints:
    """The place of each number's block among those of its hub."""
    return (packed >> _MODEL_BITS + _LAST_BITS) - _LOWEST


def _blocks(hub_id: int, packed: Ints) -> Iterator[_Block]:
    """The blocks of numbers given in order."""
    entries = np.empty(len(packed), _ENTRY)
    entries["number"] = packed >> _MODEL_BITS & _LAST
    entries["model_id"] = packed & _MODEL
    bits = packed >> _MODEL_BITS + _LAST_BITS
    edges = [0, *(np.flatnonzero(np.diff(bits)) + 1).tolist(), len(packed)]
    for begin, end in pairwise(edges if len(packed) else ()):
        yield _block(hub_id, int(bits[begin])), entries[begin:end].tobytes()


def _entries(blocks: Sequence[_Block]) -> tuple[NDArray[np.void], Ints]:
    """The entries of a hub's blocks, and for each the place of its block."""
    entries = np.frombuffer(b"".join([each for _, each in blocks]), _ENTRY)
    places = np.array([block % _BLOCKS for block, _ in blocks], np.int64)
    return entries, np.repeat(places, [len(each) // ENTRY_BYTES for _, each in blocks])


def _packed(entries: NDArray[np.void], place: Ints) -> Ints:
    last, model_id = (entries[name].astype(np.int64) for name in ("number", "model_id"))
    packed: Ints = place + _LOWEST << _MODEL_BITS + _LAST_BITS | last << _MODEL_BITS | model_id
    return packed


# --- the table --------------------------------------------------------------------------------------------------------


def _block(hub_id: int, first_bits: int) -> int:
    return hub_id * _BLOCKS + first_bits - _LOWEST


def _between(hub_id: int, first: int, end: int) -> ColumnElement[bool]:
    return origin_number.c.block.between(hub_id * _BLOCKS + first, hub_id * _BLOCKS + end - 1)


_BLOCK = select(origin_number.c.block, origin_number.c.entries).order_by(origin_number.c.block)
_NAMES = ("block", "entries")
_REWRITE: Update = (
    update(origin_number)
    .where(origin_number.c.block == bindparam("of_block"))
    .values(entries=bindparam("new_entries", type_=origin_number.c.entries.type))
)


def _read(conn: Connection, where: ColumnElement[bool]) -> list[_Block]:
    return [row for rows in plain_rows(conn, _BLOCK.where(where)) for row in rows]


def _rewrite(conn: Connection, before: dict[int, bytes], now: dict[int, bytes]) -> None:
    """Write the blocks that are others than before."""
    for gone in chunks(sorted(before.keys() - now.keys())):
        conn.execute(delete(origin_number).where(origin_number.c.block.in_(gone)))
    changed = [(entries, block) for block, entries in now.items() if before.get(block, entries) != entries]
    execute_rows(conn, _REWRITE, ("new_entries", "of_block"), changed)
    new = [(block, entries) for block, entries in now.items() if block not in before]
    insert_rows(conn, origin_number, _NAMES, new)

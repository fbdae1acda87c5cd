"""Under which numbers the models of a hub are kept, so that a change of others finds them (`origin_number`).

Knows how the numbers lie in blocks; what a number stands for, the caller says. It may stand for several things, so
that a model is found in vain: whoever asks compares. A number is signed and has 32 bits; with its model it is handed
over as one, number × 2**32 + model.

There are five numbers for each model, and with a row for each they were the second largest derived table. A block holds
those whose first 16 bits are the same, each in six bytes. At 2.5 million models that is 78 MB instead of 189; all are
written in two seconds of CPU, and looked through in a third of one to take out those of a few models.

The numbers of a day's models lie all over the blocks: to write those that differ were 100 MB a day. So what is said
anew of a few models is put beside the blocks, as a renewal (`origin_renewal`), and with every renewal one sixteenth of
the blocks, in turn, takes in all that came since its last turn. What a block says of a model that was renewed after
that counts no more; the last renewal of the model does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Integer, Update, bindparam, delete, func, select, update

from collector.series import Bools, Ints, begins_of_runs
from collector.store.database import Database
from collector.store.histories import chunks, execute_rows, fetched_rows, insert_rows, plain_rows, rows_among
from collector.store.schema import model, origin_number, origin_renewal

#: One entry of a block: the last bits of the number, and the model. They lie in order, and no two are the same.
_ENTRY = np.dtype([("number", "<u2"), ("model_id", "<u4")])
ENTRY_BYTES = _ENTRY.itemsize
_MODEL_BITS, _LAST_BITS = 32, 16
_MODEL, _LAST = (1 << _MODEL_BITS) - 1, (1 << _LAST_BITS) - 1
_BLOCKS = 1 << 16  # of a hub: as many as there are first bits
_LOWEST = -(1 << 15)  # first bits of the lowest number
_PARTS = 16  # of these blocks: their turns come round with so many renewals
_AT_ONCE = _BLOCKS // _PARTS  # blocks in memory at once: 5 MB of a hub of 2.5 million models
_WITHIN_A_BLOCK = (1 << _MODEL_BITS + _LAST_BITS) - 1
#: Of all models: were more beside the blocks, all parts take them in at once. Fifteen days of a hub of 2.5 million with
#: 6,000 models each are 0.036 of it.
MOST_BESIDE = 0.05

_Block = tuple[int, bytes]


def replace_numbers(conn: Connection, hub_id: int, numbers: Iterable[int]) -> None:
    """All of a hub's; what stands there twice is kept once."""
    conn.execute(delete(origin_renewal).where(origin_renewal.c.hub_id == hub_id))
    conn.execute(delete(origin_number).where(_between(hub_id, 0, _BLOCKS)))
    packed = _in_order(numbers)
    for part in range(_PARTS):
        insert_rows(conn, origin_number, _NAMES, list(_blocks(hub_id, _of_part(packed, part))))


def renew_numbers(conn: Connection, hub_id: int, model_ids: Iterable[int], numbers: Iterable[int]) -> None:
    """Those of a few models of a hub: these are kept for nothing else, as after a start anew."""
    few = np.array(sorted(set(model_ids)), np.int64)
    if not len(few):
        return
    before = _renewals(conn, hub_id)
    new = _Renewal(before.last + 1, few, _in_order(numbers))
    after = _Renewals([*before.rows, new])
    most_beside = MOST_BESIDE * (conn.execute(select(func.max(model.c.id))).scalar() or 1)
    stays = sum(len(each.model_ids) for each in after.rows) <= most_beside
    for part in [new.number % _PARTS] if stays else range(_PARTS):
        _take_in(conn, hub_id, part, after.since(before.taken_in[part]))
    if stays:
        insert_rows(conn, origin_renewal, ("hub_id", *_RENEWAL), [(hub_id, *new.as_kept())])
    taken_in = new.number + 1 - _PARTS if stays else new.number  # by all parts
    c = origin_renewal.c
    conn.execute(delete(origin_renewal).where(c.hub_id == hub_id, c.number <= taken_in))


def models_kept(db: Database, hub_id: int, numbers: Iterable[int]) -> set[int]:
    """The models kept under any of these numbers."""
    asked = sorted(set(numbers))
    with db.connect() as conn:
        renewals = _renewals(conn, hub_id)
        found = renewals.models_kept(np.array(asked, np.int64))
        for wanted in chunks(asked):
            is_last = np.zeros(1 << _LAST_BITS, np.bool_)
            is_last[[number & _LAST for number in wanted]] = True
            blocks = sorted({_block(hub_id, number >> _LAST_BITS) for number in wanted})
            entries, place = _entries(rows_among(conn, _BLOCK, origin_number.c.block, blocks))
            is_meant = is_last[entries["number"]]
            stored = _packed(entries[is_meant], place[is_meant])
            stored = stored[_are_among(stored >> _MODEL_BITS, np.array(wanted, np.int64))]
            found.update((stored[~renewals.has_renewed(stored)] & _MODEL).tolist())
    return found


def numbers_of(conn: Connection, hub_id: int) -> Iterator[Ints]:
    """All of a hub's, in order, part by part."""
    renewals = _renewals(conn, hub_id)
    for part in range(_PARTS):
        stored = _packed(*_entries(_read(conn, hub_id, part)))
        came = renewals.since(renewals.taken_in[part]).standing(part)
        yield np.sort(np.concatenate([stored[~renewals.has_renewed(stored)], came]))


def models_by_hub(conn: Connection) -> Iterator[tuple[int, Ints]]:
    """Of every hub that models are kept for, which these are, in order."""
    blocks = conn.scalars(select(origin_number.c.block)).all()
    renewed = conn.scalars(select(origin_renewal.c.hub_id)).all()
    for hub_id in sorted({*(block // _BLOCKS for block in blocks), *renewed}):
        parts = [np.unique(part & _MODEL) for part in numbers_of(conn, hub_id)]
        yield hub_id, np.unique(np.concatenate(parts))


# --- what came beside the blocks --------------------------------------------------------------------------------------


class _Renewal(NamedTuple):
    """What was said anew of a few models."""

    number: int  #: from 1, of those since all was replaced
    model_ids: Ints  #: in order
    packed: Ints  #: all that these are kept under, in order

    def as_kept(self) -> tuple[int, bytes, bytes]:
        return self.number, self.model_ids.astype("<u4").tobytes(), self.packed.astype("<i8").tobytes()


@dataclass(frozen=True)
class _Renewals:
    """The renewals of a hub that some of its blocks have not taken in, by number."""

    rows: Sequence[_Renewal]

    @property
    def last(self) -> int:
        return self.rows[-1].number if self.rows else 0

    @property
    def taken_in(self) -> Ints:
        """By part, the number of the last renewal that its blocks hold; 0: what was there when all was replaced."""
        return np.maximum(self.last - (self.last - np.arange(_PARTS)) % _PARTS, 0)

    def since(self, number: int) -> Self:
        """Those after one."""
        return type(self)([each for each in self.rows if each.number > number])

    def renewed_in(self, model_ids: Ints) -> Ints:
        """The number of the last of these renewals in which each of the models was renewed; 0: in none."""
        return self._last_of[np.minimum(model_ids, len(self._last_of) - 1)]

    @cached_property
    def _last_of(self) -> Ints:
        """By a model's number, and one more for all that come after."""
        last = np.zeros(max((int(each.model_ids[-1]) for each in self.rows), default=0) + 2, np.int64)
        for each in self.rows:
            last[each.model_ids] = each.number
        return last

    def has_renewed(self, stored: Ints) -> Bools:
        """Which of the entries of blocks count no more."""
        is_over: Bools = self.renewed_in(stored & _MODEL) > self.taken_in[_place(stored) // _AT_ONCE]
        return is_over

    def standing(self, part: int) -> Ints:
        """What they say of the blocks of a part, in order: of each model the last of them."""
        mine = [(each.number, _of_part(each.packed, part)) for each in self.rows]
        found = [packed[self.renewed_in(packed & _MODEL) == number] for number, packed in mine]
        return np.sort(np.concatenate([np.empty(0, np.int64), *found]))

    def models_kept(self, numbers: Ints) -> set[int]:
        """The models kept under any of these numbers, given in order, as far as these renewals tell."""
        found: set[int] = set()
        for each in self.rows:
            under = each.packed >> _MODEL_BITS
            begin, end = (np.searchsorted(under, numbers, side) for side in _SIDES)
            hits = [each.packed[begin[place] : end[place]] & _MODEL for place in np.flatnonzero(end > begin).tolist()]
            models = np.concatenate([np.empty(0, np.int64), *hits])
            found.update(models[self.renewed_in(models) == each.number].tolist())
        return found


_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


def _renewals(conn: Connection, hub_id: int) -> _Renewals:
    rows = fetched_rows(conn, _OF_HUB, {"of_hub": hub_id})
    return _Renewals(
        [
            _Renewal(number, np.frombuffer(models, "<u4").astype(np.int64), np.frombuffer(packed, "<i8"))
            for number, models, packed in rows
        ]
    )


def _take_in(conn: Connection, hub_id: int, part: int, renewals: _Renewals) -> None:
    """Has the blocks of a part say what renewals say that came since its last turn; those that differ are written."""
    blocks, mine = _read(conn, hub_id, part), renewals.standing(part)
    entries, place = _entries(blocks)
    is_old = renewals.renewed_in(entries["model_id"].astype(np.int64)) > 0
    differs = np.zeros(_BLOCKS, np.bool_)
    differs[_place(np.setxor1d(_packed(entries[is_old], place[is_old]), mine, assume_unique=True))] = True
    is_left = differs[place] & ~is_old
    left, mine = _packed(entries[is_left], place[is_left]), mine[differs[_place(mine)]]
    before = {block: entries for block, entries in blocks if differs[block % _BLOCKS]}
    # Two that are the same cannot meet: those of the renewed models are all taken out.
    _rewrite(conn, before, dict(_blocks(hub_id, np.sort(np.concatenate([left, mine])))))


# --- numbers and blocks -----------------------------------------------------------------------------------------------


def _in_order(numbers: Iterable[int]) -> Ints:
    """Each once."""
    packed = np.fromiter(numbers, np.int64)
    packed.sort()
    return packed[begins_of_runs(packed)]


def _of_part(packed: Ints, part: int) -> Ints:
    """Those of numbers given in order that belong to the blocks of a part."""
    edges = [first + _LOWEST << _MODEL_BITS + _LAST_BITS for first in (part * _AT_ONCE, (part + 1) * _AT_ONCE - 1)]
    return packed[np.searchsorted(packed, edges[0]) : np.searchsorted(packed, edges[1] | _WITHIN_A_BLOCK, "right")]


def _are_among(values: Ints, asked: Ints) -> Bools:
    """Which of the values are among those asked for, given in order."""
    # Not np.isin, which takes longer than this and loads a part of numpy that nothing here asks for.
    among: Bools = np.append(asked, np.iinfo(np.int64).max)[np.searchsorted(asked, values)] == values
    return among


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
_RENEWAL = ("number", "models", "entries")
_OF_HUB = (
    select(*(origin_renewal.c[name] for name in _RENEWAL))
    .where(origin_renewal.c.hub_id == bindparam("of_hub", type_=Integer))
    .order_by(origin_renewal.c.number)
)
_REWRITE: Update = (
    update(origin_number)
    .where(origin_number.c.block == bindparam("of_block"))
    .values(entries=bindparam("new_entries", type_=origin_number.c.entries.type))
)


def _read(conn: Connection, hub_id: int, part: int) -> list[_Block]:
    """The blocks of a part of a hub's."""
    ours = _between(hub_id, part * _AT_ONCE, (part + 1) * _AT_ONCE)
    return [row for rows in plain_rows(conn, _BLOCK.where(ours)) for row in rows]


def _rewrite(conn: Connection, before: dict[int, bytes], now: dict[int, bytes]) -> None:
    """Write the blocks that are others than before."""
    for gone in chunks(sorted(before.keys() - now.keys())):
        conn.execute(delete(origin_number).where(origin_number.c.block.in_(gone)))
    changed = [(entries, block) for block, entries in now.items() if before.get(block, entries) != entries]
    execute_rows(conn, _REWRITE, ("new_entries", "of_block"), changed)
    new = [(block, entries) for block, entries in now.items() if block not in before]
    insert_rows(conn, origin_number, _NAMES, new)

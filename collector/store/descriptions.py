"""What imported dumps say of models beside their counters, and which of two words stands. Pure; knows no SQL.

The newest dated word stands, poll's or dump's, whatever was imported first; a creation only fills what nobody said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from collector.model import Base
from collector.store.changes import may_adopt

FIELDS = ("pipeline_tag", "library_name", "bases")


class Description(NamedTuple):
    """What a dump says of a model at an instant; None and () are words too, if the dump has that column."""

    at: int  #: Unix seconds
    created_at: int | None  #: Unix seconds; None: not said
    pipeline_tag: str | None
    library_name: str | None
    bases: tuple[Base, ...]


@dataclass(frozen=True, slots=True)
class Descriptions:
    """What a file says of its models, by name: of several days the newest."""

    said: frozenset[str]  #: of FIELDS, those that the file has columns for
    of: Mapping[str, Description]


NO_DESCRIPTIONS = Descriptions(frozenset(), {})


class Known(NamedTuple):
    """A model as it is described now, and since when each of FIELDS is (None: by nobody)."""

    id: int
    name: str
    created_at: int | None
    pipeline_tag: str | None
    library_name: str | None
    listed_at: int | None
    since: tuple[int | None, ...]


class News(NamedTuple):
    """A model's description after an import."""

    of: Known
    created_at: int | None
    pipeline_tag: str | None
    library_name: str | None
    bases: tuple[Base, ...]
    declares_anew: bool
    since: tuple[int | None, ...]


def after(known: Known, told: Description, said: frozenset[str], bases: tuple[Base, ...], oldest: int) -> News | None:
    """The description with what is newer in it; None when nothing is. `oldest`: the model's earliest reading."""
    newer = [name in said and told.at > _spoken(known, place) for place, name in enumerate(FIELDS)]
    fills = known.created_at is None and told.created_at is not None and may_adopt(told.created_at, oldest)
    if not fills and not any(newer):
        return None
    task, library, declared = newer
    return News(
        known,
        told.created_at if fills else known.created_at,
        told.pipeline_tag if task else known.pipeline_tag,
        told.library_name if library else known.library_name,
        told.bases if declared else bases,
        declared and told.bases != bases,
        tuple(told.at if new else since for new, since in zip(newer, known.since, strict=True)),
    )


def _spoken(known: Known, place: int) -> int:
    """When a field was last spoken of; long ago when never."""
    return max((at for at in (known.listed_at, known.since[place]) if at is not None), default=-1)

"""What a public dump says of models beside their counters: creation, task, library, bases; privacy. Pure.

Knows in which dresses the dumps write the hub's own fields; what a field means is the hub's module's to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Self

from collector.hubs.huggingface_rows import declared_bases, label, tagged
from collector.importing.shapes import DESCRIBED, Shape
from collector.importing.values import Fault, possible
from collector.model import Base
from collector.store.descriptions import Description, Descriptions

_TAG = re.compile(r"base_model:[^\s'\",;|\[\]{}()]+")
_TRUE, _FALSE = ("true", "1", "t"), ("", "false", "0", "f", "none", "null")


@dataclass(slots=True)
class Describer:
    """Gathers what a file says of its models; of what it says twice the newest stands."""

    fields: frozenset[str]  #: of DESCRIBED, those that the file has
    latest: int  #: nothing was created later (Unix seconds)
    private: int = 0  #: rows of private repositories, which are dropped
    _of: dict[str, Description] = field(default_factory=dict)

    def add(self, name: str, at: int, said: Sequence[Any]) -> bool:
        """What a row says of a model, in the order of DESCRIBED; False when the row is private and to be dropped.

        Fault when its creation cannot be read, or whether it is private.
        """
        created, task, library, tags, bases, private = said
        if is_private(private):
            self.private += 1
            return False
        created_at = created_of(created, self.latest)
        known = self._of.get(name)
        if known is None or known.at <= at:
            self._of[name] = Description(at, created_at, label(task), label(library), bases_of(bases, tags))
        return True

    @classmethod
    def of(cls, shape: Shape, latest: int) -> Self | None:
        """For a file of this shape; None when it describes no model."""
        if not shape.described:
            return None
        return cls(
            frozenset(name for name, at in zip(DESCRIBED, shape.described, strict=True) if at is not None), latest
        )

    def result(self) -> Descriptions:
        """All of it."""
        said: set[str] = {name for name in ("pipeline_tag", "library_name") if name in self.fields}
        if self.fields & {"tags", "base_models"}:
            said.add("bases")
        return Descriptions(frozenset(said), self._of)


def is_private(said: Any) -> bool:
    """Whether the row is of a private repository, which a token of the dump's maker made visible."""
    text = str("" if said is None else said).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise Fault(f"private {text[:40]!r} is neither true nor false; correct it")


def created_of(said: Any, latest: int) -> int | None:
    """Unix seconds of a creation; None when it is not said. Without a zone it is UTC, as tables are written."""
    if said is None or said != said or said == "":  # pandas writes NaT, which is unlike itself
        return None
    try:
        instant = _instant(said)
        aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
        return possible(int(aware.timestamp() // 1), str(said)[:40], latest, "createdAt")
    except (ValueError, OverflowError) as error:
        raise Fault(f"createdAt {str(said)[:40]!r} is no date; write YYYY-MM-DDThh:mm:ssZ") from error


def _instant(said: Any) -> datetime:
    if isinstance(said, datetime):
        return said
    return datetime.fromisoformat(said.isoformat() if isinstance(said, date) else str(said))


def bases_of(declared: Any, tags: Any) -> tuple[Base, ...]:
    """What a model says it was made from: `baseModels`, else its tags, whether lists or the text of lists."""
    bases = declared_bases(_record_of(declared))
    return bases or tagged(_TAG.findall(tags) if isinstance(tags, str) else tags if isinstance(tags, list) else [])


def _record_of(said: Any) -> Any:
    """A record, or what a text of JSON holds; None for any other text, which most rows are."""
    if not isinstance(said, str):
        return said
    if not said.lstrip().startswith("{"):
        return None
    try:
        return json.loads(said)
    except (ValueError, RecursionError):  # records in records, too deep for the reader
        return None

"""A page of the Hugging Face listing on which every row is ordinary: decoded and checked as a whole.

Knows the wire format; the rule of what a row says stands in `huggingface_rows`, and tests hold this against it. What is
odd, even in one row, leaves the whole page to that. Measured at 200,000 models: a third of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import DecodeError, Meta, Raw, Struct, field
from msgspec.json import Decoder, decode

from collector.hubs.huggingface_rows import (
    LINEAGE_TAG,
    MAX_BASES,
    MAX_KEY,
    MAX_LABEL,
    MAX_LIKES,
    MAX_NAME,
    Rows,
    UtcInstant,
    tagged,
)
from collector.model import MAX_COUNTER, Base, Observation, description_crc

_Key = Annotated[str, Meta(min_length=1, max_length=MAX_KEY)]
_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
_Label = Annotated[str, Meta(min_length=1, max_length=MAX_LABEL)]
_Counter = Annotated[int, Meta(ge=0, le=MAX_COUNTER)]
_Likes = Annotated[int, Meta(ge=0, le=MAX_LIKES)]

_NO_LINEAGE = Raw(b"[]")
_LINEAGE = LINEAGE_TAG.encode()


class _Base(Struct, gc=False):
    name: _Name = field(name="id")
    hub_key: _Label | None = field(name="_id", default=None)


class _Declared(Struct, gc=False):
    models: Annotated[list[_Base], Meta(max_length=MAX_BASES)]
    relation: _Label | None = None


class OrdinaryRow(Struct, gc=False):
    """A row as it was sent; what `collector.model.Listed` asks for, read from it when it is asked for."""

    hub_key: _Key = field(name="_id")
    name: _Name = field(name="id")
    downloads_all_time: _Counter | None = field(name="downloadsAllTime", default=None)
    downloads_30d: _Counter | None = field(name="downloads", default=None)
    likes: _Likes | None = None
    created: UtcInstant | None = field(name="createdAt", default=None)
    #: `created` as Unix seconds. Nothing that is sent stays here: every row of a page gets its own.
    created_at: int | None = field(name="", default=None)
    pipeline_tag: _Label | None = None
    library_name: _Label | None = None
    private: bool = False
    declared: _Declared | None = field(name="baseModels", default=None)
    tags: Raw = _NO_LINEAGE  #: as sent; `_NO_LINEAGE` where they do not matter

    def described(self) -> int:
        """As `Observation.described`."""
        bases = () if self.declared is None and self.tags is _NO_LINEAGE else self._bases()
        return description_crc(self.name, self.pipeline_tag, self.library_name, self.created_at, bases)

    def observation(self) -> Observation:
        """All that was said."""
        return Observation(
            self.hub_key,
            self.name,
            self.downloads_all_time,
            self.downloads_30d,
            self.likes,
            self.created_at,
            self.pipeline_tag,
            self.library_name,
            tuple(Base(*base) for base in self._bases()),
        )

    def _bases(self) -> Iterable[tuple[str, str | None, str | None]]:
        if self.declared is not None and self.declared.models:
            relation, models = self.declared.relation, self.declared.models
            if len(models) == 1:
                return ((models[0].name, relation, models[0].hub_key),)
            return {base.name: (base.name, relation, base.hub_key) for base in models}.values()
        return () if self.tags is _NO_LINEAGE else tagged(decode(self.tags))


_decode = Decoder(list[OrdinaryRow]).decode


def ordinary_rows(body: bytes, latest: int) -> Rows | None:
    """What the page says; None when anything on it is odd. `latest`: no model can have been created later."""
    try:
        # Every text of such a page can be printed: JSON itself lets no control character through.
        is_plain = body.isascii() and b"\\" not in body and b"\x7f" not in body
        if not is_plain:
            body.decode()  # what is passed over while decoding is looked at as well
        rows = _decode(body)
        is_ordinary = _prepare(rows, latest) and _are_sound(rows, is_plain=is_plain)
    except (DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        return None
    return Rows(rows, [], [], []) if is_ordinary else None


def _prepare(rows: list[OrdinaryRow], latest: int) -> bool:
    """Works out creation and whether tags matter; False where either is odd."""
    for row in rows:
        row.created_at = None if row.created is None else int(row.created.timestamp())
        if row.created_at is not None and not 0 <= row.created_at <= latest:
            return False
        if row.declared is None or not row.declared.models:
            tags = bytes(row.tags)
            if tags[:1] != b"[":
                return False
            if _LINEAGE not in tags and b"\\" not in tags:  # mostly; a letter may be sent as its number
                row.tags = _NO_LINEAGE
    return True


def _are_sound(rows: list[OrdinaryRow], *, is_plain: bool) -> bool:
    """Whether no model comes twice, none is private and all texts can be read (`is_plain`: they can)."""
    declared = [row.declared for row in rows if row.declared is not None]
    keys = {row.hub_key for row in rows}
    names = [row.name for row in rows] + [base.name for each in declared for base in each.models]
    return (
        len(keys) == len(rows)
        and True not in [row.private for row in rows]
        and _are_names("\n".join(["", *names, ""]))
        and (is_plain or all(map(str.isprintable, (*keys, *names, *_labels(rows, declared)))))
    )


def _are_names(lines: str) -> bool:
    """Whether no name, each on a line, begins or ends with a slash or is blank. (One that begins blank is odd.)"""
    return not ("\n/" in lines or "/\n" in lines or "\n " in lines)


def _labels(rows: list[OrdinaryRow], declared: list[_Declared]) -> Iterable[str]:
    labels = {row.pipeline_tag for row in rows} | {row.library_name for row in rows}
    labels |= {each.relation for each in declared} | {base.hub_key for each in declared for base in each.models}
    return filter(None, labels)

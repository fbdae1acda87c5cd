"""A page of the Hugging Face listing on which every row is ordinary: decoded as a whole, and looked at no further.

Knows the wire format; the rule of what a row says stands in `huggingface_rows`, and tests hold this against it. What is
odd leaves the whole page to that: at once where it is seen here, else when a row is asked for all that it says. Mostly
none is: its description has the checksum of one that was read before. Measured at 40,000 models: 1.15 microseconds a
model, checksums among it, where it took 1.9 to read all that is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any
from zlib import crc32

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
    is_name,
    tagged,
)
from collector.model import MAX_COUNTER, Base, Observation, OddRow

_Key = Annotated[str, Meta(min_length=1, max_length=MAX_KEY)]
_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
_Label = Annotated[str, Meta(min_length=1, max_length=MAX_LABEL)]
_Counter = Annotated[int, Meta(ge=0, le=MAX_COUNTER)]
_Likes = Annotated[int, Meta(ge=0, le=MAX_LIKES)]

_NOT_SENT = Raw(b"[]")
_LINEAGE = LINEAGE_TAG.encode()
_HAS_BASES = b'"models":[{'
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)  # such texts are in the order of time
_LETTER_AS_NUMBER = re.compile(rb"\\u00[3-7]")


class _Base(Struct, gc=False):
    name: _Name = field(name="id")
    hub_key: _Label | None = field(name="_id", default=None)


class _Declared(Struct, gc=False):
    models: Annotated[list[_Base], Meta(max_length=MAX_BASES)]
    relation: _Label | None = None


_decode_declared = Decoder(_Declared | None).decode


class OrdinaryRow(Struct, gc=False):
    """A row as it was sent; what `collector.model.Listed` asks for, read from it when it is asked for."""

    hub_key: _Key = field(name="_id")
    name: _Name = field(name="id")
    downloads_all_time: _Counter | None = field(name="downloadsAllTime", default=None)
    downloads_30d: _Counter | None = field(name="downloads", default=None)
    likes: _Likes | None = None
    created: str | None = field(name="createdAt", default=None)
    pipeline_tag: _Label | None = None
    library_name: _Label | None = None
    private: bool = False
    declared: Raw = field(name="baseModels", default=_NOT_SENT)
    tags: Raw = _NOT_SENT

    def described(self) -> int:
        """As `Listed.described`: CRC-32 of the texts as sent, and of the tags where bases may stand in them."""
        # No text of such a page holds a line break.
        said = f"{self.name}\n{self.pipeline_tag or ''}\n{self.library_name or ''}\n{self.created or ''}\n"
        checksum = crc32(said.encode())
        if self.declared is not _NOT_SENT:
            checksum = crc32(self.declared, checksum)
            if bytes(self.declared).find(_HAS_BASES) >= 0:
                return checksum
        tags = bytes(self.tags)
        # Not `in`, which takes half as long again: it asks first whether the tag is a number.
        return crc32(tags, checksum) if tags.find(_LINEAGE) >= 0 else checksum

    def observation(self) -> Observation:
        """All that was said. Raises OddRow."""
        labels = (self.pipeline_tag, self.library_name)
        if not (is_name(self.name) and self.hub_key.isprintable() and all(map(_is_printable, labels))):
            raise OddRow
        return Observation(
            self.hub_key,
            self.name,
            self.downloads_all_time,
            self.downloads_30d,
            self.likes,
            None if self.created is None else _seconds(self.created),
            self.pipeline_tag,
            self.library_name,
            tuple(Base(*base) for base in self._bases()),
        )

    def _bases(self) -> Iterable[tuple[str, str | None, str | None]]:
        if self.declared is not _NOT_SENT and (declared := _declared(self.declared)) and declared.models:
            relation = declared.relation
            return {base.name: (base.name, relation, base.hub_key) for base in declared.models}.values()
        tags = bytes(self.tags)
        if tags[:1] != b"[":
            raise OddRow
        return tagged(_decoded(tags)) if tags.find(_LINEAGE) >= 0 else ()


def _decoded(tags: bytes) -> list[Any]:
    try:
        said: list[Any] = decode(tags)
    except (DecodeError, RecursionError) as e:
        raise OddRow from e
    return said


def _is_printable(text: str | None) -> bool:
    return text is None or text.isprintable()


def _seconds(created: str) -> int:
    """Unix seconds. Raises OddRow."""
    if _INSTANT.fullmatch(created) is None:
        raise OddRow
    try:
        seconds = int(datetime.fromisoformat(created).timestamp())
    except ValueError as e:
        raise OddRow from e
    if seconds < 0:
        raise OddRow
    return seconds


def _declared(sent: Raw) -> _Declared | None:
    """The bases as declared, all of which can be read. Raises OddRow."""
    try:
        declared: _Declared | None = _decode_declared(sent)
    except (DecodeError, RecursionError) as e:
        raise OddRow from e
    if declared is not None:
        keys = [base.hub_key for base in declared.models]
        if not (all(is_name(base.name) for base in declared.models) and all(map(_is_printable, keys))):
            raise OddRow
        if not _is_printable(declared.relation):
            raise OddRow
    return declared


_decode = Decoder(list[OrdinaryRow]).decode


def ordinary_rows(body: bytes, latest: int) -> Rows | None:
    """The rows of a page; None when anything odd is seen. `latest`: no model can have been created later."""
    try:
        # Every text of such a page can be printed: JSON itself lets no control character through.
        is_plain = body.isascii() and b"\\" not in body and b"\x7f" not in body
        if not is_plain:
            body.decode()  # what is passed over while decoding is looked at as well
        rows = _decode(body)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_ordinary = _are_sound(rows, latest) and (is_plain or _are_legible(body, rows))
    return Rows(rows, [], [], []) if is_ordinary else None


def _are_sound(rows: list[OrdinaryRow], latest: int) -> bool:
    """Whether no model comes twice, none is private and none says that it was created later."""
    last = f"{datetime.fromtimestamp(latest, UTC):%Y-%m-%dT%H:%M:%S}Z"
    return (
        len({row.hub_key for row in rows}) == len(rows)
        and True not in [row.private for row in rows]
        and max([row.created or "" for row in rows], default="") <= last
    )


def _are_legible(body: bytes, rows: list[OrdinaryRow]) -> bool:
    """Whether all texts can be printed, and no letter is written as its number: words are looked for as they lie."""
    texts = {text for row in rows for text in (row.name, row.pipeline_tag, row.library_name, row.created)}
    keys = (row.hub_key for row in rows)
    return _LETTER_AS_NUMBER.search(body) is None and all(map(_is_printable, (*keys, *texts)))

"""The models of the families' developers by the words of their names: what copies and finetunes are named after.

Pure; knows families and names, not who was made from what. A few ten thousand models of a hub's millions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from collector.model import publisher_of
from collector.origins.families import Families
from collector.origins.listing import ModelName
from collector.origins.names import Tokens, model_part, plain, stem, tokens


class Original(NamedTuple):
    """A developer's own model, by the words of its name."""

    words: Tokens
    short: Tokens  #: without such as tell versions of one model apart
    is_first_account: bool  #: under the account that its family names first


@dataclass(frozen=True, slots=True)
class Originals:
    """Developers' models, found by words."""

    exact: Mapping[Tokens, str]  #: names by all their words
    lengths: Mapping[str, frozenset[int]]  #: by first word, how many words such names have

    @classmethod
    def of(cls, families: Families, names: Iterable[str]) -> Originals:
        """Those among the names; a shorter key never hides an exact one.

        Of several models of the same words the one under the family's first account stands, then the smallest name, so
        that the order of the names does not matter.
        """
        exact: dict[Tokens, tuple[bool, str]] = {}
        short: dict[Tokens, tuple[bool, str]] = {}
        for name in names:
            found = original(families, name)
            if found is not None:
                ranked = (not found.is_first_account, name)
                exact[found.words] = min(ranked, exact.get(found.words, ranked))
                short[found.short] = min(ranked, short.get(found.short, ranked))
        index = {words: name for words, (_, name) in (short | exact).items()}
        return cls(index, _lengths(index))


def original(families: Families, name: str) -> Original | None:
    """What a name is as a developer's own model; None under another's account, of a copy, or of another's family."""
    publisher = publisher_of(name)
    own = families.owned(publisher)
    if not own:
        return None
    cut = stem(model_part(name))
    words = tokens(cut.text)
    hits = families.hits(words, own)
    if not words or cut.is_copy or (hits and not any(hit.family in own for hit in hits)):
        return None
    is_first = any(families.all[hit.family].publisher == publisher for hit in hits)
    return Original(words, tokens(plain(cut.text)) or words, is_first)


def holding(models: Iterable[ModelName], keys: Collection[Tokens]) -> list[ModelName]:
    """The models whose names hold all the words of one of the keys, side by side."""
    lengths = _lengths(keys)
    return [model for model in models if _holds(tokens(stem(model_part(model.name)).text), keys, lengths)]


def _holds(words: Tokens, keys: Collection[Tokens], lengths: Mapping[str, frozenset[int]]) -> bool:
    return any(words[at : at + length] in keys for at in range(len(words)) for length in lengths.get(words[at], ()))


def _lengths(index: Iterable[Tokens]) -> dict[str, frozenset[int]]:
    """By first word, how many words the keys have."""
    lengths: dict[str, set[int]] = {}
    for words in index:
        lengths.setdefault(words[0], set()).add(len(words))
    return {word: frozenset(found) for word, found in lengths.items()}

"""What a model's name says of its base, where nothing is declared. Precise rather than eager.

Pure; knows names and families, no declarations, no downloads and no country. A name suggests a base when
* it is a copy's (a word of a format or quantisation) and leads to a model known by the rest of its name, or
* it holds a family's words under an account that is not the developer's, unless the family is an architecture that
  others train anew (cl-tohoku/bert-base-japanese is no copy of Google's BERT).
Names of two families suggest a base that cannot be told: `resolved` is False, and the model counts as nobody's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from collector.model import publisher_of
from collector.origins.families import Families, Hit
from collector.origins.listing import Listing
from collector.origins.names import Stem, Tokens, clean, is_size, plain, stem, tokens
from collector.origins.originals import Originals
from collector.origins.questions import whole, within

# bartowski/Qwen_Qwen2.5-7B-GGUF, RichardErkhov/meta-llama_-_Llama-3.2-1B-gguf, x/Qwen--Qwen3-8B-4bit
_OWNER_IN_MODEL = re.compile(r"([A-Za-z0-9][A-Za-z0-9.\-]*?)(?:_-_|--|__|_)(?=[A-Za-z0-9])(.+)\Z")
_UNTRAINED = frozenset({"random", "dummy"})
_TESTER = re.compile(r"(?:^|[-_.])(?:testing|random|dummy)(?:$|[-_.])", re.IGNORECASE)  # keeps weights for tests only
_MERGED = frozenset({"merge", "merged", "slerp", "ties", "dare", "moe"})
_TAUGHT = frozenset({"distill", "distilled", "distil", "distillation"})


class Suggestion(NamedTuple):
    """The base that a name suggests."""

    base: str  #: publisher/model; when not resolved, the words that suggest it
    relation: str  #: quantized or finetune
    resolved: bool


class _Name(NamedTuple):
    """A name taken apart."""

    full: str
    publisher: str
    stem: Stem
    words: Tokens  #: of the stem
    own: frozenset[int]  #: families that the publisher develops
    hits: list[Hit]
    passes_on: bool  #: a copy by its name, or by an account that only passes on

    @property
    def relation(self) -> str:
        return "quantized" if self.stem.is_copy else "finetune"


class NameRule:
    """The rule, on a list of models and on the models of the families' developers.

    Every look-up is noted among the list's questions; a partial list raises Unanswered.
    """

    def __init__(self, families: Families, originals: Originals, listing: Listing, *, asks_again: bool = False) -> None:
        """`asks_again`: the same names are asked for several times, as a partial list is; so they are remembered."""
        self._families = families
        self._originals = originals
        self._listing = listing
        self._apart = lru_cache(maxsize=None)(self._take_apart) if asks_again else self._take_apart

    def original(self, model: str) -> str | None:
        """The developer's model of exactly this name without publisher; None when there is none."""
        return self._original(tokens(model))

    def _original(self, words: Tokens) -> str | None:
        self._listing.asked.append(whole(words))
        return self._originals.exact.get(words)

    def suggest(self, full_name: str) -> Suggestion | None:
        """The base that a model's name suggests; None when it suggests none but the model itself."""
        name = self._apart(full_name)
        if name is None:
            return None
        base = self._copied_model(name) if name.passes_on else None
        if base is not None:
            return Suggestion(base, name.relation, resolved=True)
        foreign = [hit for hit in name.hits if hit.family not in name.own]
        descent = [hit for hit in foreign if not hit.architecture]
        if descent:
            return self._by_family(name, descent)
        return self._passed_on(name, foreign) if name.passes_on else None

    def _passed_on(self, name: _Name, foreign: list[Hit]) -> Suggestion | None:
        """What an account that makes nothing itself passes on: an architecture's own model, or no one knows what."""
        if name.publisher.lower() not in self._families.republishers:
            return None
        if foreign:
            return self._by_family(name, foreign)
        return Suggestion(clean(name.stem.text), name.relation, resolved=False) if name.stem.is_copy else None

    def _take_apart(self, full_name: str) -> _Name | None:
        """The parts of a name; None when none of them could suggest a base."""
        publisher, _, model = full_name.rpartition("/")
        cut = stem(model)
        words = tokens(cut.text)
        own = self._families.owned(publisher)
        hits = self._families.hits(words, own)
        passes_on = cut.is_copy or publisher.lower() in self._families.republishers
        if not (hits or passes_on) or not _UNTRAINED.isdisjoint(words) or _TESTER.search(publisher):
            return None  # nothing known, or random weights of an architecture, for tests: made from nothing
        return _Name(full_name, publisher, cut, words, own, hits, passes_on)

    # ---- copies

    def _copied_model(self, name: _Name) -> str | None:
        """The model that a copy is named after: owner and model, a sibling, the developer's, the only one so named."""
        texts = dict.fromkeys((name.stem.text, plain(name.stem.text)))
        for text in texts:
            sibling = f"{name.publisher}/{text}"
            base = sibling if self._listing.is_listed(sibling) else self._by_owner(text)
            if base is not None and base != name.full:
                return base
        own_model = name.hits and all(hit.family in name.own for hit in name.hits)
        for text in texts:
            base = self._original(tokens(text)) or (self._listing.bearer(text) if len(text) > 1 else None)
            # A developer copies its own models, not those of others that happen to bear the name.
            if base is not None and base != name.full and not (own_model and publisher_of(base) != name.publisher):
                return base
        return None

    def _by_owner(self, text: str) -> str | None:
        match = _OWNER_IN_MODEL.match(text)
        if match is None:
            return None
        base = f"{match[1]}/{match[2]}"
        return base if self._listing.is_listed(base) or self._families.owned(match[1]) else None

    # ---- families

    def _by_family(self, name: _Name, descent: list[Hit]) -> Suggestion:
        hits = _learned(name.words, descent)
        base = self._longest_original(name, hits)
        if base is None and len({hit.family for hit in hits}) > 1:
            return Suggestion(clean(name.stem.text), name.relation, resolved=False)
        return Suggestion(base or hits[0].root, name.relation, resolved=True)

    def _longest_original(self, name: _Name, hits: list[Hit]) -> str | None:
        """The developer's model whose whole name stands in this one and holds every family found."""
        words, end = name.words, max(hit.start + hit.length for hit in hits)
        self._listing.asked.append(within(words[hits[0].start : hits[0].start + hits[0].length]))
        spans = [
            (length, at)
            for at in range(hits[0].start + 1)
            for length in self._originals.lengths.get(words[at], ())
            if end <= at + length <= len(words)
        ]
        for length, at in sorted(spans, reverse=True):
            base = self._originals.exact.get(words[at : at + length])
            if base is not None and base != name.full and self._develops(base, hits):
                return base
        return None

    def _develops(self, base: str, hits: list[Hit]) -> bool:
        own = self._families.owned(publisher_of(base))
        return any(hit.family in own for hit in hits)


def _learned(words: Tokens, hits: list[Hit]) -> list[Hit]:
    """Of several families the one that was trained, where the name tells; else all of them.

    In `DeepSeek-R1-Distill-Qwen-7B` Qwen learned, in `Qwen3-DeepSeek-Distill` too. Without such a word the base is the
    only one with a size behind it: `Gemma-3-12B-it-GLM-4.7-Thinking`. Merges have several bases, and no size tells.
    """
    if len({hit.family for hit in hits}) == 1:
        return hits
    taught_at = next((at for at, word in enumerate(words) if word in _TAUGHT), None)
    if taught_at is not None:
        return [hit for hit in hits if hit.start > taught_at] or hits[:1]
    sized = [hit for hit in hits if any(map(is_size, words[hit.start : hit.start + hit.length + 1]))]
    return sized if len(sized) == 1 and _MERGED.isdisjoint(words) else hits

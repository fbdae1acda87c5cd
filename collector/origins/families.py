"""Families of models and the words by which their names are known: which line a root model belongs to.

Reads families.toml handed in by path; matching is pure. Knows developers' accounts, not countries (those follow from
the registry), and no lineage: a name under a foreign account is matched all the same.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from collector.errors import RegistryError
from collector.model import publisher_of
from collector.origins.names import Tokens, is_name, is_size, model_part, tokens

_ANY_SIZE = "#"
_FAMILY_KEYS = {"name", "developer", "publisher", "publishers", "patterns", "lines", "architecture", "root"}
_LINE_KEYS = {"name", "patterns", "architecture", "root"}


class Match(NamedTuple):
    """The family of a name, and its sub-line where the name tells."""

    family: str
    line: str | None


class Hit(NamedTuple):
    """Where in a name the words of a family stand."""

    start: int  #: index of the first word
    length: int  #: number of words
    family: int  #: index in `Families.all`
    line: str | None
    root: str  #: a root model that stands for the line when nothing more exact is known
    architecture: bool  #: many train this architecture anew: the word alone suggests no base


@dataclass(frozen=True, slots=True)
class Family:
    """One line of models and its developer."""

    name: str
    developer: str  #: organisation, for readers
    publisher: str  #: the developer's account; its registry row gives the family's country
    publishers: frozenset[str]  #: every account of the developer, in lower case
    lines: tuple[str, ...]


class _Pattern(NamedTuple):
    words: Tokens
    own_only: bool  #: counts only under the developer's own accounts
    hit: Hit | None  #: start and length are filled in at a match; None: these words are no model's name


@dataclass(frozen=True)
class Families:
    """All families, matched by words; built once, used for millions of names."""

    all: tuple[Family, ...]
    legacy: Mapping[str, str]  #: names without a publisher, as the hub's first models bore them, to names of today
    republishers: frozenset[str]  #: accounts, in lower case, that only pass on what others made
    _patterns: Mapping[Tokens, tuple[_Pattern, ...]] = field(repr=False)
    #: First word to lengths, longest first, each with whether a pattern of it ends with any size.
    _lengths: Mapping[str, tuple[tuple[int, bool], ...]] = field(repr=False)
    _endings: tuple[tuple[str, tuple[_Pattern, ...]], ...] = field(repr=False)  #: `*bert`: words that end so
    _owned: Mapping[str, frozenset[int]] = field(repr=False)
    _ending_words: tuple[str, ...] = field(repr=False)

    def owned(self, publisher: str) -> frozenset[int]:
        """Indexes of the families that an account's holder develops."""
        return self._owned.get(publisher.lower(), frozenset())

    @property
    def accounts(self) -> Collection[str]:
        """Every account of a developer, in lower case."""
        return self._owned.keys()

    @property
    def roots(self) -> Iterator[str]:
        """The models that stand for a family or a line when nothing more exact is known."""
        return (p.hit.root for ps in (*self._patterns.values(), *dict(self._endings).values()) for p in ps if p.hit)

    def of(self, root_name: str) -> Match | None:
        """The family of a root model by its name and publisher; None when no known word stands in it.

        Among several the publisher's own family wins, then one whose name means descent, then the first in the name.
        """
        own = self.owned(publisher_of(root_name))
        found = self.hits(tokens(model_part(root_name)), own)
        if not found:
            return None
        hit = min(found, key=lambda hit: (hit.family not in own, hit.architecture, hit.start))
        return Match(self.all[hit.family].name, hit.line)

    def hits(self, words: Tokens, own: frozenset[int]) -> list[Hit]:
        """Every family found in the words, from left to right; the longest pattern wins and uses up its words."""
        found: list[Hit] = []
        at = 0
        while at < len(words):
            word, length = words[at], 1
            if word in self._lengths:
                length, hits = self._at(words, at, own)
                found += hits
            elif word.endswith(self._ending_words):
                found += self._ending(word, at)
            at += length
        return found

    def _at(self, words: Tokens, at: int, own: frozenset[int]) -> tuple[int, list[Hit]]:
        for length, may_be_sized in self._lengths[words[at]]:
            part = words[at : at + length]
            patterns = self._patterns.get(part, ())
            if not patterns and may_be_sized and is_size(part[-1]):
                patterns = self._patterns.get((*part[:-1], _ANY_SIZE), ())
            if patterns:
                valid = [p for p in patterns if not p.own_only or (p.hit is not None and p.hit.family in own)]
                if valid:
                    return length, _placed(valid, at, length)
        return 1, self._ending(words[at], at)

    def _ending(self, word: str, at: int) -> list[Hit]:
        for ending, patterns in self._endings:
            if word.endswith(ending) and len(word) > len(ending):
                return _placed(patterns, at, 1)
        return []


def _placed(patterns: Sequence[_Pattern], at: int, length: int) -> list[Hit]:
    # Not `_replace`, which takes thrice the time: this is done for every name of a hub.
    hits = (p.hit for p in patterns if p.hit is not None)
    return [Hit(at, length, hit.family, hit.line, hit.root, hit.architecture) for hit in hits]


def load_families(path: Path) -> Families:
    """The families of a TOML file (its head describes the form); RegistryError names the family and the cure."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RegistryError(f"{path}: cannot be read ({error.strerror}); install the package again") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RegistryError(f"{path}: is not TOML ({error}); mend the line") from error
    return _Reader(path).families(data)


class _Reader:
    """One reading of one file; every fault names the family it stands in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = "top level"

    def families(self, data: Mapping[str, Any]) -> Families:
        self.keys(data, {"family", "legacy", "republishers", "not"})
        families, patterns = [], [_Pattern(words, False, None) for words in self.words(data.get("not", []))]
        for index, table in enumerate(self.tables(data.get("family", []))):
            self.where = f"family {table.get('name', index + 1)!r}"
            families.append(self.family(table))
            patterns += self.patterns(index, families[-1], table)
        clash = _clash(patterns)
        self.must(clash is None, f"pattern {' '.join(clash or ())!r} stands twice; only one can win")
        names = [family.name for family in families]
        self.must(len(set(names)) == len(names), "two families of one name; keep one")
        self.where = "top level"
        return _indexed(families, patterns, self.legacy(data), self.texts(data.get("republishers", [])))

    def family(self, table: Mapping[str, Any]) -> Family:
        self.keys(table, _FAMILY_KEYS)
        for key in ("name", "developer", "publisher"):
            self.must(isinstance(table.get(key), str) and bool(table[key]), f"{key} must be a text")
        accounts = {table["publisher"], *self.texts(table.get("publishers", []))}
        lines = tuple(str(line.get("name")) for line in self.tables(table.get("lines", [])))
        self.must(len(set(lines)) == len(lines), "two lines of one name; join their patterns")
        lowered = frozenset(account.lower() for account in accounts)
        return Family(table["name"], table["developer"], table["publisher"], lowered, lines)

    def patterns(self, index: int, family: Family, table: Mapping[str, Any]) -> Iterator[_Pattern]:
        """Patterns of a family and of its lines; a line inherits what it does not say itself."""
        self.must(bool(table.get("patterns") or table.get("lines")), "no patterns; nothing could ever match")
        yield from self.built(index, family, table, None)
        for line in self.tables(table.get("lines", [])):
            self.keys(line, _LINE_KEYS)
            self.must(bool(line.get("name") and line.get("patterns")), "a line without name or patterns")
            yield from self.built(
                index, family, {"architecture": table.get("architecture", False), **line}, line["name"]
            )

    def built(self, index: int, family: Family, table: Mapping[str, Any], line: str | None) -> Iterator[_Pattern]:
        root = table.get("root", f"{family.publisher}/{_as_model(line or family.name)}")
        self.must(isinstance(root, str) and is_name(root), f"root {root!r} is not of the form publisher/model")
        hit = Hit(0, 0, index, line, root, bool(table.get("architecture", False)))
        for text in self.texts(table.get("patterns", [])):
            for words in self.words([text.removeprefix("@")]):
                yield _Pattern(words, text.startswith("@"), hit)

    def words(self, texts: Sequence[str]) -> Iterator[Tokens]:
        """The word sequences of patterns: `gemma (2|3) #` is two of them, of three words each."""
        for text in self.texts(texts):
            parts = text.split()
            self.must(bool(parts), "an empty pattern")
            for choice in product(*(part.strip("()").split("|") for part in parts)):
                words = tuple(word for word in choice if word)
                plain = [word.removeprefix("*") for word in words if word != _ANY_SIZE]
                self.must(all(tokens(word) == (word,) for word in plain), f"pattern {text!r}: not words as names split")
                yield words

    def legacy(self, data: Mapping[str, Any]) -> dict[str, str]:
        legacy = data.get("legacy", {})
        self.must(
            all(isinstance(name, str) and is_name(name) for name in legacy.values()), "legacy: no publisher/model"
        )
        return dict(legacy)

    def tables(self, value: object) -> list[dict[str, Any]]:
        self.must(
            isinstance(value, list) and all(isinstance(item, dict) for item in value), "a list of tables is needed"
        )
        return list(value) if isinstance(value, list) else []

    def texts(self, value: object) -> list[str]:
        self.must(isinstance(value, list) and all(isinstance(item, str) for item in value), "a list of texts is needed")
        return list(value) if isinstance(value, list) else []

    def keys(self, table: Mapping[str, Any], known: set[str]) -> None:
        if unknown := table.keys() - known:
            self.must(False, f"unknown key {', '.join(sorted(unknown))}; use {sorted(known)}")

    def must(self, holds: bool, fault: str) -> None:
        if not holds:
            raise RegistryError(f"{self.path}, {self.where}: {fault}")


def _clash(patterns: Iterable[_Pattern]) -> Tokens | None:
    """A pattern that two families or lines claim for the same accounts; None when there is none."""
    seen: set[tuple[Tokens, int | None]] = set()
    for pattern in patterns:
        holder = pattern.hit.family if pattern.hit is not None and pattern.own_only else None
        if (pattern.words, holder) in seen:
            return pattern.words
        seen.add((pattern.words, holder))
    return None


def _as_model(words: str) -> str:
    """The name of a line as the model part of a name: `BERT (English)` as BERT-English."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", words).strip("-")


def _indexed(
    families: Sequence[Family], patterns: Iterable[_Pattern], legacy: Mapping[str, str], republishers: Iterable[str]
) -> Families:
    by_words: dict[Tokens, tuple[_Pattern, ...]] = {}
    endings: dict[str, tuple[_Pattern, ...]] = {}
    for pattern in patterns:
        if pattern.words[0].startswith("*"):
            ending = pattern.words[0][1:]
            endings[ending] = (*endings.get(ending, ()), pattern)
        else:
            by_words[pattern.words] = (*by_words.get(pattern.words, ()), pattern)
    lengths: dict[str, dict[int, bool]] = {}
    for words in by_words:
        found = lengths.setdefault(words[0], {})
        found[len(words)] = found.get(len(words), False) or words[-1] == _ANY_SIZE
    owned: dict[str, set[int]] = {}
    for index, family in enumerate(families):
        for account in family.publishers:
            owned.setdefault(account, set()).add(index)
    return Families(
        all=tuple(families),
        legacy=legacy,
        republishers=frozenset(map(str.lower, republishers)),
        _patterns=by_words,
        _lengths={word: tuple(sorted(found.items(), reverse=True)) for word, found in lengths.items()},
        _endings=tuple(sorted(endings.items(), key=lambda item: -len(item[0]))),
        _owned={account: frozenset(indexes) for account, indexes in owned.items()},
        _ending_words=tuple(endings),
    )

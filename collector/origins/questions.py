"""What the lineage of a model asks of a hub's list of models, as text, and the numbers under which that is kept.

Pure; knows no list and no rule. A model's roots can be others than before only when it declares something else, when
the answer to one of its questions is another one, or when that holds for a model on the way to its roots. So whoever
keeps who asked what needs to look at few models after a change, and misses none. A number may stand for several
questions (it is a checksum, and takes letters of either case for one): then a model is looked at in vain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zlib import crc32

from collector.model import publisher_of
from collector.origins.names import Tokens, model_part

Question = str  #: one letter for the kind, then what is asked about
KEY = "k"  #: which model has this key?
NAME = "n"  #: which model has, or alone once had, this name?
PART = "p"  #: is there exactly one model of this name, whoever published it?
WORDS = "w"  #: which model of a family's developer has exactly these words as its name?
WITHIN = "f"  #: which model of a family's developer has these words and more, all of them in the asker's name?
WITHIN_BASE = "g"  #: the same, all of them in the name of a base of the asker's that was never polled
# No questions, but the numbers under which a model itself is found: by name, last part, and account of a developer.
_CALLED, _CALLED_PART, _UNDER = "c", "d", "u"

_OFFSET = 2**31  # numbers are signed: four bytes in every database


def number_of(question: Question) -> int:
    """The number under which a question is kept, within 32 bits and signed."""
    return crc32(question.lower().encode("utf-8", "surrogatepass")) - _OFFSET


def packed(questions: Iterable[Question], model_id: int) -> list[int]:
    """For each question, the number and behind it, in the lower 32 bits, the model that asked."""
    return [number_of(question) << 32 | model_id for question in questions]


def whole(words: Tokens) -> Question:
    """The question for a developer's model of exactly these words."""
    return WORDS + " ".join(words)


def within(words: Tokens) -> Question:
    """The question for a developer's model whose name holds at least these words."""
    return WITHIN + " ".join(words)


def bearing(name: str, *, is_original: bool) -> tuple[int, ...]:
    """The numbers under which a model of this name is found: by its name, by the part after the slash, and among the
    models of its account when that is a family developer's.
    """
    called = number_of(_CALLED + name), number_of(_CALLED_PART + model_part(name))
    return (*called, under(publisher_of(name))) if is_original else called


def under(account: str) -> int:
    """The number under which the models of a developer's account are found."""
    return number_of(_UNDER + account)


def bearer_of(question: Question) -> int:
    """The number under which the models are found that answer a question for a name or for a part of one."""
    return number_of((_CALLED if question[0] == NAME else _CALLED_PART) + question[1:])


def leading_to(names: Iterable[str], key: str | None) -> set[int]:
    """The numbers of every question that can lead straight to a model, by the names it has and had."""
    found = {number_of(NAME + name) for name in names}
    return found if key is None else found | {number_of(KEY + key)}


def touched_by(names: Iterable[str], key: str | None) -> set[int]:
    """The numbers of the questions that a model answers otherwise once it is new, or has one of these names no more."""
    names = list(names)
    return leading_to(names, key) | {number_of(PART + model_part(name)) for name in names}


def touched_by_original(keys: Iterable[Tokens]) -> set[int]:
    """The numbers of the questions that a developer's model of one of these names may answer (or answer no more)."""
    found = set()
    for words in keys:
        found.add(number_of(whole(words)))
        found |= {number_of(WITHIN_BASE + " ".join(part)) for part in _parts(words)}
    return found


def within_original(words: Tokens) -> set[int]:
    """The numbers of the questions that a developer's model of these words answers to those whose names hold them."""
    return {number_of(within(part)) for part in _parts(words)}


def of_base(question: Question) -> Question:
    """A question that was asked for a base that was never polled, as its asker's own."""
    return WITHIN_BASE + question[1:] if question[0] == WITHIN else question


def _parts(words: Tokens) -> Iterator[Tokens]:
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            yield words[start:end]

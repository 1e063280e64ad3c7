"""Words by which documents are found: which of them have keys, and by which one a text within a document is found.

A key narrows, it does not decide: whoever is found by one is judged afterwards.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from fhir_server.store.criteria import TermIs

LONGEST = 64
"""A longer word is cut, as in `entries.Word`"""

_WORD = re.compile(r"[^\W_]+")
_SHORT = 2
_FREQUENT = frozenset(
    {
        *("all", "and", "are", "but", "for", "from", "has", "had", "non", "not", "nil", "the", "this", "that"),
        *("was", "with"),
        *map(str, range(1900, 2100)),
        *("0" * count for count in range(1, LONGEST + 1)),
    }
)
"""The short words of every English sentence, years, zeros"""


class Wanted(NamedTuple):
    """A word that stands in every document that matches: whole, or one that begins so."""

    text: str
    whole: bool


def is_frequent(word: str) -> bool:
    """Whether a word stands in so many documents that a key for it would find nearly all; one or two characters do."""
    return len(word) <= _SHORT or word in _FREQUENT


def _may_become_frequent(start: str) -> bool:
    """Whether a frequent word may begin so."""
    return len(start) <= _SHORT or any(word.startswith(start) for word in _FREQUENT)


@lru_cache(16_384)
def words_in(text: str) -> tuple[str, ...]:
    """The words of a folded text, in their order, cut where they are too long."""
    return tuple(word[:LONGEST] for word in _WORD.findall(text))


def wanted_by(asked: TermIs) -> Wanted | None:
    """The longest word with a key that each text has that is asked for; None where there is none."""
    whole: list[str] = []
    begun: list[str] = []
    for found in _WORD.finditer(asked.text):
        first = found.start() == 0 and asked.how == "contains"
        last = found.end() == len(asked.text) and asked.how != "equals"
        if first:
            continue
        (begun if last else whole).append(found[0][:LONGEST])
    known = [word for word in whole if not is_frequent(word)]
    if known:
        return Wanted(max(known, key=len), True)
    starts = [word for word in begun if not _may_become_frequent(word)]
    return Wanted(starts[0], False) if starts else None

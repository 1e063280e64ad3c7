"""Text as it is compared in a string search. https://hl7.org/fhir/R4/search.html#string"""

from functools import lru_cache
from unicodedata import combining, normalize

_CACHED = 4096
_SHORT = 100
"""A name stands in several parameters at once, so short texts are remembered where folding them costs more than that;
long ones would fill the memory"""


def fold(text: str) -> str:
    """The text without differences of case, accents and white space: `"  Zoë\\tO'NEILL"` is `"zoe o'neill"`."""
    if text.isascii():
        return " ".join(text.lower().split())
    return _fold_short(text) if len(text) <= _SHORT else _fold(text)


def _fold(text: str) -> str:
    # Case folding may bring letters that decompose, and the other way round; twice settles both. The dotless i has the
    # same capital letter as i.
    text = normalize("NFKD", normalize("NFKD", text.casefold()).casefold()).replace("ı", "i")
    return " ".join("".join([character for character in text if not combining(character)]).split())


_fold_short = lru_cache(maxsize=_CACHED)(_fold)

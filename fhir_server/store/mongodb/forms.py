"""The keys by which documents are found and judged, and the names of what stands in them.

A key is a letter, the search parameter, and the parts of the value behind `SEPARATOR`. Keys are exact, so every
question is one key or the beginning of one. They can be read back (`key_parts`). Those of which an index is kept stand
apart from those that only judge (`JUDGING`): an index has half of what is known of a document, and finds it all the
same.
"""

import re
from functools import lru_cache

from fhir_server.store.separators import original, plain

SEPARATOR = "\x1f"

ANY = "A"
"""text: a code, the value of an identifier or a word, of whichever parameter. It finds what others judge"""
TOKEN, CODE = "T", "C"
"""`T` param, system, code; `C` param, code"""
IDENTIFIER, VALUE = "I", "V"
"""`I` param, system, value; `V` param, value"""
REFERENCE = "R"
"""param, type, id"""
URI, EXACT, TERM, STRING = "U", "X", "N", "S"
"""param, text"""
WORD = "W"
"""param, word"""
TARGET = "G"
"""type, id of what is referred to by any element"""
COMPARTMENT = "M"
"""name, id"""
BESIDE = "B"
"""quantity param, token param, code, number: where an end of the quantity's range lies beside a code of the resource.
Or date param, token param, code, day (`day_text`): on which day a date begins or ends beside a code"""
INSIDE = "L"
"""the name of a group of contained resources"""

_DAY = 86_400_000_000
_FIRST_DAY, _LAST_DAY = 1_000_000, 9_999_999

JUDGING = frozenset((CODE, VALUE, TERM, WORD))
"""The kinds of key that stand apart, without an index; a term that no word finds stands among the others too."""

READ_BACK = frozenset((TOKEN, IDENTIFIER, REFERENCE, URI, EXACT, STRING, TARGET, COMPARTMENT))
"""The kinds of key with an index from which entries are made; the others repeat these."""


def place_of(key: str) -> str:
    """The array in which a key stands that judges: `k` has an index, `c` has none."""
    return "c" if key[0] in JUDGING else "k"


def key(kind: str, *parts: str) -> str:
    """A key with all its parts."""
    if "".join(parts).isprintable():
        return kind + SEPARATOR.join(parts)
    return kind + SEPARATOR.join(map(plain, parts))


def beginning(kind: str, *parts: str) -> str:
    """What all keys begin with that have these first parts and more."""
    return key(kind, *parts) + SEPARATOR


def key_parts(text: str) -> tuple[str, tuple[str, ...]]:
    """The kind and the parts of a key."""
    return text[0], tuple(map(original, text[1:].split(SEPARATOR)))


@lru_cache(maxsize=4_096)
def field(type: str, param: str) -> str:
    """A search parameter of a type, as dates, numbers and positions name it."""
    return f"{type}.{param}"


@lru_cache(maxsize=4_096)
def sort_field(kind: str, param: str) -> str:
    """The name under `z` of a parameter's least and greatest value. Names in documents have neither dots nor `$`."""
    return kind + re.sub(r"[^A-Za-z0-9_-]", lambda found: f"+{ord(found[0]):x}+", param)


def day_text(microseconds: int) -> str:
    """The day (UTC) of a time since 1970, as text whose order is that of the days. All far past is one, and all far
    future."""
    return f"{min(max(microseconds // _DAY + _FIRST_DAY, 0), _LAST_DAY):07}"


def resource_id(type: str, id: str) -> str:
    """The `_id` of a resource."""
    return f"{type}/{id}"


def version_id(type: str, id: str, version: int) -> str:
    """The `_id` of an earlier version."""
    return f"{type}/{id}/{version}"

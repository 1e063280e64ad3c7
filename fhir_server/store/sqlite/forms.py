"""The words, hashes and exact keys by which entries are found and judged.

A token is a 64-bit hash: in the column `tokens`, and with the type as a word of the full-text index. That a hash is
found across the border of two others is as unlikely as that two hashes are the same.
Identifiers, references, compartments and URIs are also kept exactly as they are, in the column `keys`, so that no
collision of hashes can show the wrong person.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from fhir_server.store.entries import Exact, Term, Word
from fhir_server.store.separators import plain

HASH_SIZE = 8


def digest(text: str) -> bytes:
    """The 64-bit hash of a token or key."""
    return blake2b(text.encode(), digest_size=HASH_SIZE).digest()


@lru_cache(maxsize=16_384)
def field_number(type: str, param: str) -> int:
    """The number of a search parameter of a type in the narrow tables: a third of its name's size, and never stored
    anywhere else. 48 bits keep the few thousand parameters of a server apart."""
    return int.from_bytes(blake2b(f"{type}.{param}".encode(), digest_size=6).digest(), "big")


def beside_code(code: str) -> str:
    """Under what the numbers and dates of a resource stand in their narrow tables that it has beside this code."""
    return f"\x1fbeside\x1f{code}"


def inside_word(type: str, group: str) -> str:
    """The word of rows that refer to something contained, by the name of its group."""
    return posting_word(type, f"\x1finside\x1f{group}")


class Forms(NamedTuple):
    """The hashes for the column `tokens`, and the words of the full-text index."""

    packed: tuple[bytes, ...]
    postings: tuple[str, ...]


def _forms(type: str, texts: Iterable[str]) -> Forms:
    known = tuple(texts)
    return Forms(tuple(map(digest, known)), tuple([posting_word(type, text) for text in known]))


@lru_cache(maxsize=16_384)
def token_forms(type: str, param: str, system: str, code: str) -> Forms:
    """What is kept of a token, so that it is found by system and code, by code, by system, and at all; few tokens make
    up most of a record, so their forms are remembered."""
    return _forms(type, _token_texts(param, system, code))


@lru_cache(maxsize=16_384)
def group_token_words(type: str, group: str, param: str, system: str, code: str) -> tuple[str, ...]:
    """The words by which a group with a token is found."""
    return tuple([posting_word(type, text) for text in _token_texts(group_param(group, param), system, code)])


def identifier_words(type: str, param: str, system: str, value: str) -> tuple[str, ...]:
    """The words of an identifier. It is hardly seen twice, but for its system."""
    exactly, of_value, of_system, at_all = _token_texts(param, system, value)
    return posting_word(type, exactly), posting_word(type, of_value), word(type, of_system), word(type, at_all)


@lru_cache(maxsize=4_096)
def present_forms(type: str, params: tuple[str, ...]) -> Forms:
    """The forms of the search parameters that a resource has a value for: resources of a type often have the same."""
    return _forms(type, [token_text(param, None, None) for param in params])


def _token_texts(param: str, system: str, code: str) -> tuple[str, str, str, str]:
    return (
        token_text(param, system, code),
        token_text(param, None, code),
        token_text(param, system, None),
        token_text(param, None, None),
    )


def token_text(param: str, system: str | None, code: str | None) -> str:
    """A token as it is hashed; None stands for any. Lengths keep one system and code apart from another pair."""
    if system is None:
        return f"{param}:" if code is None else f"{param}~{code}"
    return f"{param}^{system}" if code is None else f"{param}={len(system)}:{system}{code}"


def term_text(param: str, text: str) -> str:
    """A term as it is hashed."""
    return f'{param}"{text}'


def exact_text(param: str, text: str) -> str:
    """A text for `:exact` as it is hashed."""
    return f"{param}'{text}"


def word_text(param: str, word: str) -> str:
    """A word of a narrative or of a whole resource as it is hashed."""
    return f"{param}%{word}"


@lru_cache(maxsize=16_384)
def term_hash(term: Term) -> bytes:
    """The hash of a term."""
    return digest(term_text(*term))


@lru_cache(maxsize=16_384)
def term_word(type: str, term: Term) -> str:
    """The word of a term."""
    return posting_word(type, term_text(*term))


@lru_cache(maxsize=16_384)
def vocabulary_row(type: str, term: Term) -> tuple[int, str]:
    """The row of a term in the vocabulary."""
    param, text = term
    return field_number(type, param), text


@lru_cache(maxsize=16_384)
def exact_hash(exact: Exact) -> bytes:
    """The hash of a text for `:exact`."""
    return digest(exact_text(*exact))


@lru_cache(maxsize=16_384)
def exact_word(type: str, exact: Exact) -> str:
    """The word of a text for `:exact`."""
    return posting_word(type, exact_text(*exact))


@lru_cache(maxsize=65_536)
def text_word(type: str, entry: Word) -> str:
    """The word of a word of a narrative or of a whole resource."""
    return posting_word(type, word_text(*entry))


def group_param(group: str, param: str) -> str:
    """The parameter of a group's entries, as their words have it."""
    return f"{group}>{param}"


def posting_word(type: str, text: str) -> str:
    """The word of the full-text index for a token or key of resources of this type ("": of any)."""
    return digest(f"{type} {text}").hex()


def exact_key(*items: str) -> bytes:
    """Exact keys as the column `keys` holds them; one alone is what `instr` looks for."""
    return ("\x1e" + "\x1e".join(items) + "\x1e").encode() if items else b""


SHORT_SYSTEMS = {
    "http://unitsofmeasure.org": "u",
    "http://snomed.info/sct": "s",
    "http://loinc.org": "l",
    "https://dmd.nhs.uk": "d",
    "http://hl7.org/fhir/sid/icd-10": "i",
    "http://terminology.hl7.org/CodeSystem/observation-category": "o",
    "http://terminology.hl7.org/CodeSystem/condition-clinical": "c",
    "http://terminology.hl7.org/CodeSystem/v3-ActCode": "a",
}


def short_system(system: str) -> str:
    """A system as `spans` holds it: the common ones make up much of a record. Different systems stay different."""
    if len(system) == 1 or system.startswith("="):
        return "=" + system
    return SHORT_SYSTEMS.get(system, system)


def identifier_key(param: str, system: str, value: str) -> str:
    return f"i{param}\x1f{plain(value)}\x1f{plain(system)}"


@lru_cache(maxsize=4_096)
def identifier_system_key(param: str, system: str) -> str:
    return f"I{param}\x1f{plain(system)}"


@lru_cache(maxsize=16_384)
def reference_key(param: str, type: str, id: str) -> str:
    return f"r{param}\x1c{plain(type)}/{plain(id)}"


def target_key(type: str, id: str) -> str:
    """What ends the key of every reference to this resource."""
    return f"\x1c{plain(type)}/{plain(id)}"


@lru_cache(maxsize=16_384)
def any_reference_key(type: str, id: str) -> str:
    """The key of a reference to this resource, by any element."""
    return "t" + target_key(type, id)


@lru_cache(maxsize=16_384)
def compartment_key(name: str, id: str) -> str:
    return f"c{plain(name)}\x1d{plain(id)}"


@lru_cache(maxsize=4_096)
def uri_key(param: str, uri: str) -> str:
    return f"u{param}\x1f{plain(uri)}"


@lru_cache(maxsize=16_384)
def reference_word(type: str, param: str, target_type: str, id: str) -> str:
    return posting_word(type, reference_key(param, target_type, id))


@lru_cache(maxsize=16_384)
def target_word(type: str, id: str) -> str:
    return posting_word("", target_key(type, id))


@lru_cache(maxsize=16_384)
def compartment_word(type: str, name: str, id: str) -> str:
    return posting_word(type, compartment_key(name, id))


@lru_cache(maxsize=65_536)
def word(type: str, text: str) -> str:
    """`posting_word`, remembered: for words that many resources share."""
    return posting_word(type, text)


@lru_cache(maxsize=16_384)
def packed_hash(text: str) -> bytes:
    """A hash as the column `tokens` holds it."""
    return digest(text)

"""Index entries as the columns and postings of one resource version.

`tokens`: 64-bit hashes, each behind a delimiter, for probing with `instr` while walking. `keys`: identifiers,
references, compartments and URIs exactly as they are, so that no collision of hashes can show the wrong person.
`spans`: dates, strings, numbers and quantities as JSON. `postings`: the words of the full-text index.
"""

from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

import msgspec

from fhir_server.store.entries import Entries

DELIMITER = b"\x00"

_LARGEST = 1.7976931348623157e308
_ESCAPES = {code: f"\x1b{code - 0x1B}" for code in range(0x1B, 0x20)}
_encode_spans = msgspec.json.encode

Spans = dict[str, list[tuple[object, ...]]]


class Packed(NamedTuple):
    """The index of one version as the store keeps it. `dates` and the following are rows without their vid."""

    tokens: bytes
    keys: bytes
    spans: str | None
    postings: str
    patients: tuple[str, ...]
    dates: tuple[tuple[str, int, int], ...]
    strings: tuple[tuple[str, str], ...]
    numbers: tuple[tuple[str, float, float], ...]
    quantities: tuple[tuple[str, str, str, float, float], ...]


def digest(text: str) -> bytes:
    """The 64-bit hash of a token or key."""
    return blake2b(text.encode(), digest_size=8).digest()


def pack(type: str, entries: Entries) -> Packed:
    """The packed form of the entries of a resource of this type."""
    forms = [token_forms(type, *token) for token in entries.tokens]
    keys, postings = _exact(type, entries)
    spans = _spans(entries)
    postings.extend(chain.from_iterable(form.postings for form in forms))
    return Packed(
        b"".join(dict.fromkeys(chain.from_iterable(form.packed for form in forms))),
        exact_key(*keys),
        _encode_spans(spans).decode() if spans else None,
        " ".join(dict.fromkeys(postings)),
        tuple(dict.fromkeys(id for name, id in entries.compartments if name == "Patient")),
        tuple(dict.fromkeys((f"{type}.{param}", low, high) for param, low, high in entries.dates)),
        tuple(dict.fromkeys((f"{type}.{param}", text) for param, text in entries.strings)),
        tuple(dict.fromkeys((f"{type}.{p}", _finite(low), _finite(high)) for p, low, high in entries.numbers)),
        tuple(
            dict.fromkeys(
                (f"{type}.{p}", s, u, _finite(low), _finite(high)) for p, s, u, low, high in entries.quantities
            )
        ),
    )


class TokenForms(NamedTuple):
    """What is kept of a token, so that it is found by system and code, by code, by system, and at all."""

    packed: tuple[bytes, ...]
    postings: tuple[str, ...]


@lru_cache(maxsize=16_384)
def token_forms(type: str, param: str, system: str, code: str) -> TokenForms:
    """The forms of one token; few tokens make up most of a record, so they are remembered."""
    forms = (
        token_text(param, system, code),
        token_text(param, None, code),
        token_text(param, system, None),
        token_text(param, None, None),
    )
    return TokenForms(
        tuple(DELIMITER + digest(form) for form in forms), tuple(posting_word(type, form) for form in forms)
    )


def token_text(param: str, system: str | None, code: str | None) -> str:
    """A token as it is hashed; None stands for any. Lengths keep one system and code apart from another pair."""
    if system is None:
        return f"{param}:" if code is None else f"{param}~{code}"
    return f"{param}^{system}" if code is None else f"{param}={len(system)}:{system}{code}"


def posting_word(type: str, text: str) -> str:
    """The word of the full-text index for a token or key of resources of this type ("": of any)."""
    return digest(f"{type} {text}").hex()


def exact_key(*items: str) -> bytes:
    """Exact keys as the column `keys` holds them; one alone is what `instr` looks for."""
    return ("\x1e" + "\x1e".join(items) + "\x1e").encode() if items else b""


def plain(text: str) -> str:
    """The text without the characters that separate the parts of keys; different texts stay different."""
    return text if text.isprintable() else text.translate(_ESCAPES)


def identifier_key(param: str, system: str, value: str) -> str:
    return f"i{param}\x1f{plain(value)}\x1f{plain(system)}"


def identifier_system_key(param: str, system: str) -> str:
    return f"I{param}\x1f{plain(system)}"


def reference_key(param: str, type: str, id: str) -> str:
    return f"r{param}\x1c{plain(type)}/{plain(id)}"


def target_key(type: str, id: str) -> str:
    """What ends the key of every reference to this resource."""
    return f"\x1c{plain(type)}/{plain(id)}"


def compartment_key(name: str, id: str) -> str:
    return f"c{plain(name)}\x1d{plain(id)}"


def uri_key(param: str, uri: str) -> str:
    return f"u{param}\x1f{plain(uri)}"


def _exact(type: str, entries: Entries) -> tuple[list[str], list[str]]:
    """The exact keys, and the words by which their rows are found."""
    keys: dict[str, None] = {}
    words: list[str] = []
    for param, system, value in entries.identifiers:
        keys[identifier_key(param, system, value)] = None
        keys[identifier_system_key(param, system)] = None
        words += token_forms.__wrapped__(type, param, system, value).postings
    for param, target_type, id in entries.references:
        keys[_reference_key(param, target_type, id)] = None
        words.append(reference_word(type, param, target_type, id))
    for target_type, id in entries.targets:
        keys["t" + target_key(target_type, id)] = None
        words.append(target_word(target_type, id))
    for name, id in entries.compartments:
        keys[_compartment_key(name, id)] = None
        words += (compartment_word(type, name, id), compartment_word("", name, id))
    for param, uri in entries.uris:
        keys[uri_key(param, uri)] = None
        words.append(posting_word(type, uri_key(param, uri)))
    return list(keys), words


_reference_key = lru_cache(maxsize=16_384)(reference_key)
_compartment_key = lru_cache(maxsize=16_384)(compartment_key)


@lru_cache(maxsize=16_384)
def reference_word(type: str, param: str, target_type: str, id: str) -> str:
    return posting_word(type, reference_key(param, target_type, id))


@lru_cache(maxsize=16_384)
def target_word(type: str, id: str) -> str:
    return posting_word("", target_key(type, id))


@lru_cache(maxsize=16_384)
def compartment_word(type: str, name: str, id: str) -> str:
    return posting_word(type, compartment_key(name, id))


def _spans(entries: Entries) -> Spans:
    spans: Spans = {}
    for param, low, high in entries.dates:
        spans.setdefault(f"d.{param}", []).append((low, high))
    for param, text in entries.strings:
        spans.setdefault(f"s.{param}", []).append((text,))
    for param, first, last in entries.numbers:
        spans.setdefault(f"n.{param}", []).append((_finite(first), _finite(last)))
    for param, system, unit, first, last in entries.quantities:
        spans.setdefault(f"q.{param}", []).append((system, unit, _finite(first), _finite(last)))
    return spans


def _finite(bound: float) -> float:
    """A bound that JSON and SQL can hold; no finite value lies beyond it."""
    return min(max(bound, -_LARGEST), _LARGEST)


def unpack_rows(type: str, spans: str | None) -> list[tuple[str, tuple[object, ...]]]:
    """The rows of the narrow tables that a version with these `spans` has: (table, row without vid)."""
    rows: list[tuple[str, tuple[object, ...]]] = []
    for name, values in (msgspec.json.decode(spans) if spans else {}).items():
        kind, _, param = name.partition(".")
        rows += [(TABLE_OF[kind], (f"{type}.{param}", *value)) for value in values]
    return list(dict.fromkeys(rows))


TABLE_OF = {"d": "date", "s": "string", "n": "number", "q": "quantity"}

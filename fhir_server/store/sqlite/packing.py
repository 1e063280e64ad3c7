"""Index entries as the columns, postings and rows of one resource version.

`tokens`: hashes, each behind a delimiter, for probing with `instr` while walking. `keys`: what is matched exactly.
`spans`: JSON of what is compared: dates, strings, numbers, quantities, positions; the least and greatest code of each
token, for sorting; groups. `postings`: the words of the full-text index. `rows`: those of the narrow tables, without
their vid. `terms`: texts for the vocabulary.
"""

from collections.abc import Callable, Hashable
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import msgspec

from fhir_server.store.entries import CANONICAL, Entries
from fhir_server.store.sqlite import forms
from fhir_server.store.sqlite.forms import field_number

Spans = dict[str, Any]
Row = tuple[str | int | float, ...]
Rows = dict[str, tuple[Row, ...]]

TABLES = ("date", "string", "number", "position")

_encode = msgspec.json.encode
_Item = TypeVar("_Item", bound=Hashable)


class Packed(NamedTuple):
    """The index of one version as the store keeps it; see the module."""

    tokens: bytes
    keys: bytes
    spans: str | None
    postings: str
    patients: tuple[str, ...]
    rows: Rows
    terms: tuple[tuple[int, str], ...]


def pack(type: str, entries: Entries) -> Packed:
    """The packed form of the entries of a resource of this type."""
    hashes, words = _hashed(type, entries)
    keys, exact_words = _exact(type, entries)
    spans = _spans(entries)
    words += exact_words
    words += (word for group, inner in entries.groups for word in _group_words(type, group, inner))
    return Packed(
        b"".join(dict.fromkeys(hashes)),
        forms.exact_key(*keys),
        _encode(spans).decode() if spans else None,
        " ".join(dict.fromkeys(words)),
        tuple(dict.fromkeys(id for name, id in entries.compartments if name == "Patient")),
        rows_of(type, spans),
        tuple(dict.fromkeys((field_number(type, param), text) for param, text in entries.terms)),
    )


def _hashed(type: str, entries: Entries) -> tuple[list[bytes], list[str]]:
    """What is matched by hash: the hashes for the row, and the words. Words of a narrative stand in the index alone."""
    tokens = [forms.token_forms(type, *token) for token in entries.tokens]
    texts = [forms.token_text(param, None, None) for param in _present(entries)]
    texts += [forms.term_text(param, text) for param, text in entries.terms]
    texts += [forms.exact_text(param, text) for param, text in entries.exacts]
    hashes = [*chain.from_iterable(form.packed for form in tokens), *map(forms.packed_hash, texts)]
    words = [*chain.from_iterable(form.postings for form in tokens), *(forms.word(type, text) for text in texts)]
    words += [forms.word(type, forms.word_text(param, word)) for param, word in entries.words]
    return hashes, words


def _present(entries: Entries) -> list[str]:
    return [*entries.present, *dict.fromkeys(param for param, _, _ in entries.identifiers)]


def _exact(type: str, entries: Entries) -> tuple[list[str], list[str]]:
    """The exact keys, and the words by which their rows are found."""
    keys: dict[str, None] = {}
    words = _exact_words(type, entries, lambda param: param)
    for param, system, value in entries.identifiers:
        keys[forms.identifier_key(param, system, value)] = None
        keys[forms.identifier_system_key(param, system)] = None
    for param, target_type, id in entries.references:
        keys[forms.reference_key(param, target_type, id)] = None
        if target_type:
            words.append(forms.target_word(target_type, id))
    for target_type, id in entries.targets:
        keys["t" + forms.target_key(target_type, id)] = None
        words.append(forms.target_word(target_type, id))
    for name, id in entries.compartments:
        keys[forms.compartment_key(name, id)] = None
        words += (forms.compartment_word(type, name, id), forms.compartment_word("", name, id))
    for param, uri in entries.uris:
        keys[forms.uri_key(param, uri)] = None
    return list(keys), words


def _exact_words(type: str, entries: Entries, named: Callable[[str], str]) -> list[str]:
    """The words of identifiers, references and URIs, whose parameters go by the name that `named` gives them."""
    words: list[str] = []
    for param, system, value in entries.identifiers:
        words += forms.token_forms.__wrapped__(type, named(param), system, value).postings
    words += [forms.reference_word(type, named(param), target, id) for param, target, id in entries.references]
    words += [forms.posting_word(type, forms.uri_key(named(param), uri)) for param, uri in entries.uris]
    return words


def _group_words(type: str, group: str, entries: Entries) -> list[str]:
    """The words by which rows with such a group are found."""

    def named(param: str) -> str:
        return forms.group_param(group, param)

    words = _exact_words(type, entries, named)
    for param, system, code in entries.tokens:
        words += forms.token_forms(type, named(param), system, code).postings
    return words


def _spans(entries: Entries) -> Spans:
    spans = _compared(entries)
    codes: dict[str, list[str]] = {}
    for param, _, code in entries.tokens:
        codes.setdefault(param, []).append(code)
    for param, known in codes.items():
        least, greatest = min(known), max(known)
        spans[f"k.{param}"] = least if least == greatest else (least, greatest)
    if entries.groups:
        spans["g"] = _groups(entries)
    return spans


def _compared(entries: Entries) -> Spans:
    """What is compared rather than looked up. The order of a quantity's parts is the one in which it is sorted."""
    spans: dict[str, dict[Row, None]] = {}
    for param, low, high in entries.dates:
        spans.setdefault(f"d.{param}", {})[low, high] = None
    for param, text in entries.strings:
        spans.setdefault(f"s.{param}", {})[(text,)] = None
    for param, first, last in entries.numbers:
        spans.setdefault(f"n.{param}", {})[first, last] = None
    for param, system, unit, first, last in entries.quantities:
        if system == CANONICAL:
            spans.setdefault(f"c.{param}", {})[unit, first, last] = None
        else:
            spans.setdefault(f"q.{param}", {})[unit, first, last, system] = None
    for param, latitude, longitude in entries.positions:
        spans.setdefault(f"p.{param}", {})[latitude, longitude] = None
    return {name: list(values) for name, values in spans.items()}


def _groups(entries: Entries) -> list[tuple[str, Spans]]:
    """Each different group once, with the names under which it is found."""
    names: dict[bytes, list[str]] = {}
    spans: dict[bytes, Spans] = {}
    for name, inner in entries.groups:
        content = _group(inner)
        key = _encode(content)
        spans[key] = content
        names.setdefault(key, []).append(name)
    return [(f"|{'|'.join(dict.fromkeys(known))}|", spans[key]) for key, known in names.items()]


def _group(entries: Entries) -> Spans:
    """A group as JSON in which every kind of entry can be judged without hashes."""
    spans = _compared(entries)
    kinds = (
        ("t", entries.tokens),
        ("i", entries.identifiers),
        ("r", entries.references),
        ("u", entries.uris),
        ("x", entries.exacts),
        ("w", entries.terms),
        ("v", entries.words),
    )
    for kind, known in kinds:
        for param, *parts in _once(known):
            spans.setdefault(f"{kind}.{param}", []).append(parts)
    if entries.present:
        spans["present"] = list(dict.fromkeys(entries.present))
    if entries.compartments:
        spans["compartments"] = list(dict.fromkeys(entries.compartments))
    if entries.groups:
        spans["g"] = _groups(entries)
    return spans


def _once(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(items))


def rows_of(type: str, spans: Spans) -> Rows:
    """The rows of the narrow tables of a version with these spans.

    A quantity stands in `number` as it is written, without its unit, and by the unit that it is sorted by: the base
    unit of UCUM where there is one.
    """
    rows: dict[str, list[Row]] = {}
    for name, values in spans.items():
        kind, _, param = name.partition(".")
        if kind not in _TABLE_OF:
            continue
        field = field_number(type, param)
        found = rows.setdefault(_TABLE_OF[kind], [])
        if kind in "qc":
            sorted_by = kind == "c" or f"c.{param}" not in spans
            found += [(field, "=" + value[0], *value[1:3]) for value in values if sorted_by]
            found += [(field, "", *value[1:3]) for value in values if kind == "q"]
        elif kind == "n":
            found += [(field, "", *value) for value in values]
        else:
            found += [(field, *value) for value in values]
    return {table: tuple(dict.fromkeys(known)) for table, known in rows.items()}


_TABLE_OF = {"d": "date", "s": "string", "n": "number", "q": "number", "c": "number", "p": "position"}


def unpack_rows(type: str, spans: str | None) -> Rows:
    """The rows of the narrow tables that a version has by its column `spans`."""
    return rows_of(type, msgspec.json.decode(spans)) if spans else {}

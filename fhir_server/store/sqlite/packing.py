"""Index entries as the columns, postings and rows of one resource version.

`tokens`: hashes, each behind a delimiter, for probing with `instr` while walking. `keys`: what is matched exactly.
`spans`: JSON of what is compared: dates, strings, numbers, quantities, positions; the least and greatest code of each
token, for sorting; codes beside quantities and dates; groups. `postings`: the words of the full-text index. `rows`:
those of the narrow tables, without their vid. `terms`: texts for the vocabulary.
"""

from collections.abc import Hashable, Iterable
from itertools import repeat
from typing import Any, NamedTuple, TypeVar

import msgspec

from fhir_server.store.entries import CANONICAL, Entries, leads_inside
from fhir_server.store.sqlite import forms
from fhir_server.store.sqlite.forms import beside_code, field_number

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
    hashes: list[bytes] = []
    words: list[str] = [forms.word(type, "")]
    _add_hashed(type, entries, hashes, words)
    keys = _exact(type, entries, words)
    for group, inner in entries.groups:
        words += _group_words(type, group, inner)
    spans = _spans(entries)
    return Packed(
        b"".join(dict.fromkeys(hashes)),
        forms.exact_key(*dict.fromkeys(keys)),
        _encode(spans).decode() if spans else None,
        " ".join(dict.fromkeys(words)),
        tuple(dict.fromkeys([id for name, id in entries.compartments if name == "Patient"])),
        rows_of(type, spans),
        tuple(dict.fromkeys(map(forms.vocabulary_row, repeat(type), entries.terms))),
    )


def _add_hashed(type: str, entries: Entries, hashes: list[bytes], words: list[str]) -> None:
    """What is matched by hash: the hashes for the row, and the words. Words of a narrative stand in the index alone.

    There are a hundred of these in a record, most of them seen before: each is one look into what is remembered, made
    without a step of Python.
    """
    for token in entries.tokens:
        kept = forms.token_forms(type, *token)
        hashes += kept.packed
        words += kept.postings
    present = forms.present_forms(type, _present(entries))
    hashes += present.packed
    words += present.postings
    same_type = repeat(type)
    hashes += map(forms.term_hash, entries.terms)
    words += map(forms.term_word, same_type, entries.terms)
    hashes += map(forms.exact_hash, entries.exacts)
    words += map(forms.exact_word, same_type, entries.exacts)
    words += map(forms.text_word, same_type, entries.words)


def _present(entries: Entries) -> tuple[str, ...]:
    if not entries.identifiers:
        return entries.present
    return (*entries.present, *dict.fromkeys([param for param, _, _ in entries.identifiers]))


def _exact(type: str, entries: Entries, words: list[str]) -> list[str]:
    """The exact keys; the words by which their rows are found are added. What a search parameter refers to needs no
    second key as a target."""
    words += _exact_words(type, entries, "")
    keys: list[str] = []
    for param, system, value in entries.identifiers:
        keys.append(forms.identifier_key(param, system, value))
        keys.append(forms.identifier_system_key(param, system))
    keys += map(forms.reference_key, *_columns(entries.references, 3))
    named = {reference[1:] for reference in entries.references if reference[1]}
    words += map(forms.target_word, *_columns(tuple(named), 2))
    keys += [forms.any_reference_key(*target) for target in entries.targets if target not in named]
    words += map(forms.target_word, *_columns(entries.targets, 2))
    for name, id in entries.compartments:
        keys.append(forms.compartment_key(name, id))
        words.append(forms.compartment_word(type, name, id))
        words.append(forms.compartment_word("", name, id))
    keys += map(forms.uri_key, *_columns(entries.uris, 2))
    return keys


def _columns(rows: tuple[tuple[str, ...], ...], width: int) -> Iterable[Iterable[str]]:
    return zip(*rows, strict=True) if rows else ((),) * width


def _exact_words(type: str, entries: Entries, group: str) -> list[str]:
    """The words of identifiers, references and URIs, in the group that is named or in none."""
    prefix = forms.group_param(group, "") if group else ""
    words: list[str] = []
    for param, system, value in entries.identifiers:
        words += forms.identifier_words(type, prefix + param, system, value)
    words += [forms.reference_word(type, prefix + param, target, id) for param, target, id in entries.references]
    words += [forms.word(type, forms.uri_key(prefix + param, uri)) for param, uri in entries.uris]
    return words


def _group_words(type: str, group: str, entries: Entries) -> list[str]:
    """The words by which rows with such a group are found."""
    words = _exact_words(type, entries, group)
    if leads_inside(group):
        words.append(forms.inside_word(type, group))
    for param, system, code in entries.tokens:
        words += forms.group_token_words(type, group, param, system, code)
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
    codes_of = {param: list(dict.fromkeys(filter(None, known))) for param, known in codes.items()}
    beside = [(param, codes_of[token]) for token, param in entries.beside if token in codes_of]
    if beside := [pair for pair in beside if any(f"{kind}.{pair[0]}" in spans for kind in _BESIDE)]:
        spans["b"] = beside
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
            spans.setdefault(f"q.{param}", {})[unit, first, last, forms.short_system(system)] = None
    for param, latitude, longitude in entries.positions:
        spans.setdefault(f"p.{param}", {})[latitude, longitude] = None
    return {name: list(values) for name, values in spans.items()}


def _groups(entries: Entries) -> list[tuple[str, Spans]]:
    """Each different group once, with the names under which it is found. Several names often share the very same."""
    names: dict[bytes, list[str]] = {}
    spans: dict[bytes, Spans] = {}
    keys: dict[int, bytes] = {}
    for name, inner in entries.groups:
        key = keys.get(id(inner))
        if key is None:
            content = _group(inner)
            key = keys[id(inner)] = _encode(content)
            spans[key] = content
        names.setdefault(key, []).append(name)
    return [(f"|{'|'.join(dict.fromkeys(known))}|", spans[key]) for key, known in names.items()]


def _group(entries: Entries) -> Spans:
    """A group as JSON in which every kind of entry can be judged without hashes."""
    spans = _compared(entries)
    for kind, coded in (("t", entries.tokens), ("i", entries.identifiers)):
        for param, system, code in _once(coded):
            spans.setdefault(f"{kind}.{param}", []).append((forms.short_system(system), code))
    kinds = (
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
    return items if len(items) < 2 else tuple(dict.fromkeys(items))


def rows_of(type: str, spans: Spans) -> Rows:
    """The rows of the narrow tables of a version with these spans.

    A quantity stands in `number` as it is written, without its unit, and by the unit that it is sorted by: the base
    unit of UCUM where there is one. It stands there again by each code that is beside it: that of the resource where
    the two are asked for together, and those of its group. So does a date by the codes of the resource.
    """
    rows: dict[str, list[Row]] = {}
    for name, values in spans.items():
        table = _TABLE_OF.get(name[:2])
        if table is not None:
            field = field_number(type, name[2:])
            found = _numbers(name, spans) if table == "number" else values
            rows.setdefault(table, []).extend([(field, *row) for row in found])
    beside = [(codes, [f"{kind}.{param}" for kind in _BESIDE], spans) for param, codes in spans.get("b", ())]
    beside += [_beside_in(group) for _, group in spans.get("g", ())]
    for codes, names, source in beside:
        for name in names:
            if name in source:
                table = _TABLE_OF[name[:2]]
                found = _numbers(name, source) if table == "number" else source[name]
                fields = [field_number(type, beside_code(code)) for code in codes]
                rows.setdefault(table, []).extend([(field, *row) for field in fields for row in found])
    return {table: tuple(dict.fromkeys(known)) for table, known in rows.items()}


def _numbers(name: str, spans: Spans) -> list[Row]:
    """(unit, low, high) for each number or quantity under a name in spans."""
    rows: list[Row] = []
    sorted_by = name[0] == "c" or (name[0] == "q" and f"c.{name[2:]}" not in spans)
    for value in spans[name]:
        low, high = value[-2:] if name[0] == "n" else value[1:3]
        if sorted_by:
            rows.append(("=" + value[0], low, high))
        if name[0] != "c":
            rows.append(("", low, high))
    return rows


def _beside_in(group: Spans) -> tuple[list[str], list[str], Spans]:
    """The codes in a group, and the names of its numbers."""
    codes = [code for name, known in group.items() if name[:2] == "t." for _, code in known if code]
    return codes, [name for name in group if _TABLE_OF.get(name[:2]) == "number"], group


_BESIDE = "qcd"
_TABLE_OF = {"d.": "date", "s.": "string", "n.": "number", "q.": "number", "c.": "number", "p.": "position"}


def unpack_rows(type: str, spans: str | None) -> Rows:
    """The rows of the narrow tables that a version has by its column `spans`."""
    return rows_of(type, msgspec.json.decode(spans)) if spans else {}

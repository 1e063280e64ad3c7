"""Index entries as the part `e` of a document and its sort values `z`, and back.

`e`: `k` the keys with an index (`forms.py`), `c` those without; `y` the parameters that have a value; `d` dates
`{f, l, h}`; `n` numbers `{f, l, h}`; `q` quantities `{f, s, u, l, h}`; `p` positions `{f, p: [longitude, latitude]}`;
`g` groups, each like `e` with its names under `in`. What is empty is left out. `z`: for each parameter that one can
sort by, its least value `a` and its greatest `b`.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from fhir_server.store.entries import CANONICAL, Entries
from fhir_server.store.mongodb import forms
from fhir_server.store.mongodb.forms import field, key, key_parts
from fhir_server.store.mongodb.words import is_frequent, words_in

Document = dict[str, Any]

UNIT_END = "\x01"
"""Stands between unit and number of a quantity in a sort value; FHIR allows it in no text, so it keeps their order."""


class Packed(NamedTuple):
    """The index of one version as the store keeps it: see the module. `patients` are the Patient compartments."""

    entries: Document
    sort: Document
    patients: tuple[str, ...]


def pack(type: str, entries: Entries) -> Packed:
    """The packed form of the entries of a resource of this type."""
    patients = dict.fromkeys(id for name, id in entries.compartments if name == "Patient")
    return Packed(_packed(type, entries), _sort_values(entries), tuple(patients))


def unpack(packed: Mapping[str, Any]) -> Entries:
    """The entries of a document's part `e`: without words, and with the parameters of tokens among those present."""
    parts: dict[str, list[tuple[str, ...]]] = {}
    for text in packed.get("k", ()):
        if text[0] in forms.READ_BACK:
            kind, values = key_parts(text)
            parts.setdefault(kind, []).append(values)
    terms = [key_parts(text)[1] for text in packed.get("c", ()) if text[0] == forms.TERM]

    def of(kind: str) -> Any:
        return tuple(parts.get(kind, ()))

    return Entries(
        tokens=of(forms.TOKEN),
        identifiers=of(forms.IDENTIFIER),
        references=of(forms.REFERENCE),
        dates=tuple((_param(each), int(each["l"]), int(each["h"])) for each in packed.get("d", ())),
        strings=of(forms.STRING),
        uris=of(forms.URI),
        numbers=tuple((_param(each), each["l"], each["h"]) for each in packed.get("n", ())),
        quantities=tuple((_param(each), each["s"], each["u"], each["l"], each["h"]) for each in packed.get("q", ())),
        positions=tuple((_param(each), each["p"][1], each["p"][0]) for each in packed.get("p", ())),
        terms=tuple(terms),  # type: ignore[arg-type]
        exacts=of(forms.EXACT),
        present=tuple(packed.get("y", ())),
        groups=tuple((name, unpack(group)) for group in packed.get("g", ()) for name in group["in"]),
        targets=of(forms.TARGET),
        compartments=of(forms.COMPARTMENT),
    )


def _param(each: Mapping[str, Any]) -> str:
    return str(each["f"]).partition(".")[2]


def _packed(type: str, entries: Entries, *, inner: bool = False) -> Document:
    tokens = [_token_keys(*token) for token in entries.tokens]
    terms = [_term_keys(*term) for term in entries.terms]
    keys = [of_token for of_token, _, _ in tokens] + _keys(entries)
    if not inner:
        keys += [any_text for _, _, any_text in tokens]
        keys += _finding(entries, terms)
    judging = [code for _, code, _ in tokens] + [term for term, _ in terms]
    judging += [key(forms.VALUE, param, value) for param, _, value in entries.identifiers]
    judging += [key(forms.WORD, *word) for word in entries.words]
    parts = {
        "k": _once(keys),
        "c": _once(judging),
        "y": _once([*entries.present, *_coded(entries)]),
        "d": [{"f": field(type, param), "l": low, "h": high} for param, low, high in _once(entries.dates)],
        "n": [{"f": field(type, param), "l": low, "h": high} for param, low, high in _once(entries.numbers)],
        "q": [
            {"f": field(type, param), "s": system, "u": unit, "l": low, "h": high}
            for param, system, unit, low, high in _once(entries.quantities)
        ],
        "p": [{"f": field(type, param), "p": [east, north]} for param, north, east in _once(entries.positions)],
        "g": _groups(type, entries),
    }
    return {name: part for name, part in parts.items() if part}


@lru_cache(16_384)
def _token_keys(param: str, system: str, code: str) -> tuple[str, str, str]:
    """The keys of a token: with its system, by its code, by the code alone. A few make up most of a record."""
    return key(forms.TOKEN, param, system, code), key(forms.CODE, param, code), key(forms.ANY, code)


@lru_cache(16_384)
def _term_keys(param: str, text: str) -> tuple[str, tuple[str, ...]]:
    """The key of a term, and its words."""
    return key(forms.TERM, param, text), words_in(text)


def _keys(entries: Entries) -> list[str]:
    """The keys with an index that decide by themselves, but for those of tokens."""
    kinds: tuple[tuple[str, Iterable[tuple[str, ...]]], ...] = (
        (forms.IDENTIFIER, entries.identifiers),
        (forms.REFERENCE, entries.references),
        (forms.TARGET, entries.targets),
        (forms.TARGET, (reference[1:] for reference in entries.references if reference[1])),
        (forms.COMPARTMENT, entries.compartments),
        (forms.URI, entries.uris),
        (forms.STRING, entries.strings),
        (forms.EXACT, entries.exacts),
    )
    return [key(kind, *parts) for kind, values in kinds for parts in values]


def _finding(entries: Entries, terms: Sequence[tuple[str, tuple[str, ...]]]) -> list[str]:
    """The keys with an index that only find: every value, word and code of a composite once, whatever it is of; terms
    without words that would find them; and the names of groups of contained resources."""
    keys = [key(forms.ANY, value) for _, _, value in entries.identifiers]
    for name, inner in entries.groups:
        if "#" in name:
            keys.append(key(forms.INSIDE, name))
        else:
            keys += [_token_keys(*token)[2] for token in inner.tokens]
    keys += _beside(entries)
    words = {word for _, word in entries.words}
    keys += [key(forms.ANY, word) for word in words if not is_frequent(word)]
    return keys + [term for term, own in terms if not own or not words.issuperset(own)]


def _beside(entries: Entries) -> list[str]:
    """The ends of quantities, as they are written, and the days of dates, beside the codes with which they are asked
    for."""
    if not entries.beside:
        return []
    ends = [
        (param, end) for param, system, _, low, high in entries.quantities if system != CANONICAL for end in (low, high)
    ]
    ends += [
        (param, forms.day_text(moment)) for param, low, high in entries.dates for moment in (low, max(low, high - 1))
    ]
    return [
        key(forms.BESIDE, name, token, code, end)
        for token, name in entries.beside
        for param, _, code in entries.tokens
        if param == token
        for other, end in dict.fromkeys(ends)
        if other == name
    ]


def _coded(entries: Entries) -> list[str]:
    return [param for param, _, _ in (*entries.tokens, *entries.identifiers)]


def _groups(type: str, entries: Entries) -> list[Document]:
    """Each different group once, with the names under which it is found."""
    groups: list[Document] = []
    names: list[list[str]] = []
    for name, inner in entries.groups:
        packed = _packed(type, inner, inner=True)
        if packed in groups:
            known = names[groups.index(packed)]
            known += [] if name in known else [name]
        else:
            groups.append(packed)
            names.append([name])
    return [{"in": known, **group} for known, group in zip(names, groups, strict=True)]


def _sort_values(entries: Entries) -> Document:
    """The least and the greatest value of each parameter; see `criteria.SortKey`."""
    found: dict[str, tuple[list[Any], list[Any]]] = {}

    def add(kind: str, param: str, low: Any, high: Any) -> None:
        lows, highs = found.setdefault(forms.sort_field(kind, param), ([], []))
        lows.append(low)
        highs.append(high)

    for param, start, end in entries.dates:
        add("d", param, start, end)
    for param, first, last in entries.numbers:
        add("n", param, first, last)
    for param, text in entries.strings:
        add("s", param, text, text)
    for param, _, code in (*entries.tokens, *entries.identifiers):
        add("t", param, code, code)
    for param, target, id in entries.references:
        text = f"{target}/{id}" if target else id
        add("r", param, text, text)
    for param, uri in entries.uris:
        add("u", param, uri, uri)
    in_base_units = {each[0] for each in entries.quantities if each[1] == CANONICAL}
    for param, system, unit, first, last in entries.quantities:
        if (system == CANONICAL) == (param in in_base_units):
            add("q", param, f"{unit}{UNIT_END}{first}", f"{unit}{UNIT_END}{last}")
    return {name: {"a": min(lows), "b": max(highs)} for name, (lows, highs) in found.items()}


def _once(items: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(items))


def checksum(type: str, id: str, version: int, body: bytes) -> int:
    """What stands beside a body, so that one that has decayed, or stands beside another's id, is noticed."""
    return zlib.crc32(body, zlib.crc32(f"{type}/{id}/{version}".encode()))

"""Index entries while they are collected. One per resource; the closures of `parameter_types` append to its lists."""

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from fhir_server.store.entries import (
    Beside,
    Compartment,
    DateRange,
    Entries,
    Exact,
    FoldedString,
    Group,
    IdentifierToken,
    NumberRange,
    Position,
    Present,
    QuantityRange,
    Reference,
    Target,
    Term,
    Token,
    Uri,
    Word,
)

Entry = TypeVar("Entry", bound=Hashable)

Resolved = Mapping[tuple[str, str], tuple[str, str]]
"""(identifier system, value) of a logical reference -> (type, id) that it was resolved to"""


class Draft(msgspec.Struct):
    """The entries of one resource, with repetitions, in the order of its elements. `inside`: reference parameters with
    the ids of the contained resources that they refer to. `made`: the groups of its elements, by what made them and the
    element, for composites that ask for the same."""

    resolved: Resolved
    tokens: list[Token] = []
    identifiers: list[IdentifierToken] = []
    references: list[Reference] = []
    dates: list[DateRange] = []
    strings: list[FoldedString] = []
    uris: list[Uri] = []
    numbers: list[NumberRange] = []
    quantities: list[QuantityRange] = []
    positions: list[Position] = []
    terms: list[Term] = []
    exacts: list[Exact] = []
    words: list[Word] = []
    present: list[Present] = []
    groups: list[Group] = []
    targets: list[Target] = []
    compartments: list[Compartment] = []
    beside: tuple[Beside, ...] = ()
    inside: list[tuple[str, str]] = []
    made: dict[tuple[Hashable, int], tuple[Any, Entries | None]] = {}

    def entries(self) -> Entries:
        """The entries, each once."""
        return Entries(
            tokens=_once(self.tokens),
            identifiers=_once(self.identifiers),
            references=_once(self.references),
            dates=_once(self.dates),
            strings=_once(self.strings),
            uris=_once(self.uris),
            numbers=_once(self.numbers),
            quantities=_once(self.quantities),
            positions=_once(self.positions),
            terms=_once(self.terms),
            exacts=_once(self.exacts),
            words=tuple(self.words),
            present=_once(self.present),
            groups=_once(self.groups),
            targets=_once(self.targets),
            compartments=_once(self.compartments),
            beside=self.beside if self.tokens and (self.quantities or self.dates) else (),
        )

    def component(self) -> Entries:
        """The entries that the group of a composite keeps: what its components can be asked for, without modifiers."""
        return Entries(
            tokens=_once(self.tokens),
            identifiers=_once(self.identifiers),
            references=_once(self.references),
            dates=_once(self.dates),
            strings=_once(self.strings),
            uris=_once(self.uris),
            numbers=_once(self.numbers),
            quantities=_once(self.quantities),
        )

    def contained(self) -> Entries:
        """The entries that the group of a contained resource keeps: all but what speaks of a resource of its own."""
        return structs.replace(self.entries(), words=(), targets=(), compartments=(), groups=(), beside=())


def _once(entries: list[Entry]) -> tuple[Entry, ...]:
    if not entries:
        return ()
    try:
        return tuple(dict.fromkeys(entries))
    except TypeError:  # a list where FHIR has a text: nothing that could be asked for
        return tuple(dict.fromkeys(filter(_hashable, entries)))


def _hashable(entry: Entry) -> bool:
    try:
        hash(entry)
    except TypeError:
        return False
    return True

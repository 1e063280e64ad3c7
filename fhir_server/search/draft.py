"""Index entries while they are collected. One per resource; the closures of `parameter_types` append to its lists."""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import TypeVar

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


class Draft:
    """The entries of one resource, with repetitions, in the order of its elements. `inside`: reference parameters with
    the ids of the contained resources that they refer to."""

    __slots__ = (
        "beside",
        "compartments",
        "dates",
        "exacts",
        "groups",
        "identifiers",
        "inside",
        "numbers",
        "positions",
        "present",
        "quantities",
        "references",
        "resolved",
        "strings",
        "targets",
        "terms",
        "tokens",
        "uris",
        "words",
    )

    def __init__(self, resolved: Resolved) -> None:
        self.resolved = resolved
        self.tokens: list[Token] = []
        self.identifiers: list[IdentifierToken] = []
        self.references: list[Reference] = []
        self.dates: list[DateRange] = []
        self.strings: list[FoldedString] = []
        self.uris: list[Uri] = []
        self.numbers: list[NumberRange] = []
        self.quantities: list[QuantityRange] = []
        self.positions: list[Position] = []
        self.terms: list[Term] = []
        self.exacts: list[Exact] = []
        self.words: list[Word] = []
        self.present: list[Present] = []
        self.groups: list[Group] = []
        self.targets: list[Target] = []
        self.compartments: list[Compartment] = []
        self.beside: tuple[Beside, ...] = ()
        self.inside: list[tuple[str, str]] = []

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
            beside=self.beside if self.quantities and self.tokens else (),
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
        return replace(self.entries(), words=(), targets=(), compartments=(), groups=(), beside=())


def _once(entries: list[Entry]) -> tuple[Entry, ...]:
    if not entries:
        return ()
    if len(entries) == 1 and _hashable(entries[0]):
        return (entries[0],)
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

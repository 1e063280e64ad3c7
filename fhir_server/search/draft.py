"""Index entries while they are collected. One per resource; the closures of `parameter_types` append to its lists."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

from fhir_server.store.entries import (
    Compartment,
    DateRange,
    Entries,
    FoldedString,
    IdentifierToken,
    NumberRange,
    QuantityRange,
    Reference,
    Target,
    Token,
    Uri,
)

Entry = TypeVar("Entry", bound=Hashable)

Resolved = Mapping[tuple[str, str], tuple[str, str]]
"""(identifier system, value) of a logical reference -> (type, id) that it was resolved to"""


class Draft:
    """The entries of one resource, with repetitions, in the order of its elements."""

    __slots__ = (
        "compartments",
        "dates",
        "identifiers",
        "numbers",
        "quantities",
        "references",
        "resolved",
        "strings",
        "targets",
        "tokens",
        "uris",
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
        self.targets: list[Target] = []
        self.compartments: list[Compartment] = []

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
            targets=_once(self.targets),
            compartments=_once(self.compartments),
        )


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

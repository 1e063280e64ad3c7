"""Index entries: what a search, a compartment, a reference check or an access rule may ask of a resource version.

Built by `search/`, kept by the store beside each version. Plain tuples, because hundreds are made per request. Free of
anything that belongs to one store.
"""

from dataclasses import dataclass

Token = tuple[str, str, str]
"""(search parameter code, system or "" where none was given, code)"""

IdentifierToken = tuple[str, str, str]
"""(search parameter code, system or "", value): a token from an Identifier; matched exactly, never by hash alone"""

Reference = tuple[str, str, str]
"""(search parameter code, target type, target id), or (code, "", absolute URL) for a target outside this server"""

DateRange = tuple[str, int, int]
"""(search parameter code, low, high): microseconds since 1970 UTC, the half-open range [low, high)"""

FoldedString = tuple[str, str]
"""(search parameter code, text folded for comparison: case and accents removed, white space single)"""

Uri = tuple[str, str]
"""(search parameter code, URI exactly as written)"""

NumberRange = tuple[str, float, float]
"""(search parameter code, low, high): low <= the exact value <= high, rounded outwards"""

QuantityRange = tuple[str, str, str, float, float]
"""(search parameter code, unit system or "", unit code or text or "", low, high)"""

Target = tuple[str, str]
"""(type, id) of another resource of this server that this one refers to, by any element"""

Compartment = tuple[str, str]
"""(compartment name = resource type, id): the resource lies in that compartment; matched exactly"""

EARLIEST = -(2**62)
LATEST = 2**62


@dataclass(frozen=True, slots=True)
class Entries:
    """All index entries of one resource version."""

    tokens: tuple[Token, ...] = ()
    identifiers: tuple[IdentifierToken, ...] = ()
    references: tuple[Reference, ...] = ()
    dates: tuple[DateRange, ...] = ()
    strings: tuple[FoldedString, ...] = ()
    uris: tuple[Uri, ...] = ()
    numbers: tuple[NumberRange, ...] = ()
    quantities: tuple[QuantityRange, ...] = ()
    targets: tuple[Target, ...] = ()
    compartments: tuple[Compartment, ...] = ()


NO_ENTRIES = Entries()

"""Index entries: what a search, a compartment, a reference check or an access rule may ask of a resource version.

Built by `search/`, kept by the store beside each version. Plain tuples, because hundreds are made per request. Free of
anything that belongs to one store.
"""

from typing import TypeAlias

import msgspec

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

DecimalKey: TypeAlias = str
"""A number as ASCII text whose order, character by character, is the order of the numbers; equal for equal numbers.
Every key lies between `LOWEST` and `HIGHEST`."""

NumberRange = tuple[str, DecimalKey, DecimalKey]
"""(search parameter code, low, high): the closed range [low, high]; `LOWEST` or `HIGHEST` where it has no end"""

QuantityRange = tuple[str, str, str, DecimalKey, DecimalKey]
"""(search parameter code, unit system or "", unit code or text or "", low, high). With the system `CANONICAL` the unit
is the base unit of UCUM and the range is in it."""

Position = tuple[str, float, float]
"""(search parameter code, latitude, longitude) in degrees, WGS 84"""

Term = tuple[str, str]
"""(search parameter code with a modifier, folded text) such as (`code:text`, "body temperature"): few different texts
stand in many resources, and are found whole, by their beginning or by a part"""

Exact = tuple[str, str]
"""(search parameter code, text exactly as written), for `:exact`"""

Word = tuple[str, str]
"""(`_text` or `_content`, folded word)"""

Target = tuple[str, str]
"""(type, id) of another resource of this server that this one refers to, by any element"""

Compartment = tuple[str, str]
"""(compartment name = resource type, id): the resource lies in that compartment; matched exactly"""

Beside = tuple[str, str]
"""(code of a token parameter, code of a quantity or date parameter) that are often asked for together, as those of a
composite about the whole resource are: a store may index the values of the one by those of the other"""

Present: TypeAlias = str
"""A search parameter code for which the resource has a value, whether or not that has index entries (`:missing`).
Codes of tokens and identifiers count as present without being named here again."""

EARLIEST = -(2**62)
LATEST = 2**62

LOWEST: DecimalKey = "!"
HIGHEST: DecimalKey = "~"

CANONICAL = "ucum:canonical"
"""The system of quantities in UCUM's base units"""


class Entries(msgspec.Struct, frozen=True):
    """All index entries of one resource version. Several are made of a resource with groups, so making one is cheap."""

    tokens: tuple[Token, ...] = ()
    identifiers: tuple[IdentifierToken, ...] = ()
    references: tuple[Reference, ...] = ()
    dates: tuple[DateRange, ...] = ()
    strings: tuple[FoldedString, ...] = ()
    uris: tuple[Uri, ...] = ()
    numbers: tuple[NumberRange, ...] = ()
    quantities: tuple[QuantityRange, ...] = ()
    positions: tuple[Position, ...] = ()
    terms: tuple[Term, ...] = ()
    exacts: tuple[Exact, ...] = ()
    words: tuple[Word, ...] = ()
    present: tuple[Present, ...] = ()
    groups: "tuple[Group, ...]" = ()
    targets: tuple[Target, ...] = ()
    compartments: tuple[Compartment, ...] = ()
    beside: tuple[Beside, ...] = ()


Group = tuple[str, Entries]
"""Entries that hold together. (code of a composite parameter, entries whose parameter codes are `1`, `2`, `3`, the
places of the components): one for each element that the composite is about. (`contained_group`, entries of a contained
resource): one for each contained resource, found by `_contained`, and one for each reference parameter that leads to
it, found by chains."""


def contained_group(param: str, type: str) -> str:
    """The name of the group of a contained resource of this type: of any, or of those that a parameter refers to."""
    return f"{param}#{type}"


def leads_inside(group: str) -> bool:
    """Whether a group is of contained resources that a parameter refers to."""
    return group.find("#") > 0


NO_ENTRIES = Entries()

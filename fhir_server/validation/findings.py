"""What a validation finds, and where. Places are linked tuples; they become FHIRPath only for what is found.

A place is (parent place, key or index, the object or array itself, FHIR names of its JSON names or None).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from fhir_server.model.place import cut, step
from fhir_server.outcome import Issue

Place: TypeAlias = tuple[Any, str | int, Any, Mapping[str, str] | None]
Key = str | int

MAX_ISSUES = 200
_NOTE = f"There are more than {MAX_ISSUES} faults; only the first ones are listed."


class Enough(Exception):
    """So many faults were found that looking for more helps nobody."""


class Link(NamedTuple):
    """A link inside a resource or Bundle, looked at when all of its surroundings are known.

    `literal`: it is the reference of a Reference, which must resolve, to one of the types `allowed` (None: any).
    """

    target: str
    place: Place
    key: Key
    literal: bool
    allowed: frozenset[str] | None = None


class Findings:
    """The faults found so far, and the links to be looked at when the resource around them is at its end."""

    __slots__ = ("bundled", "entries", "issues", "local")

    def __init__(self, *, entries: bool) -> None:
        self.issues: list[Issue] = []
        self.local: list[Link] = []
        self.bundled: list[Link] = []
        self.entries = entries

    def add(self, code: str, sentence: str, place: Place | None, key: Key | None = None) -> None:
        """Note a fault of the value under a key of a place, or of the place itself. Raises `Enough` at the limit."""
        if len(self.issues) >= MAX_ISSUES:
            raise Enough
        self.issues.append(Issue(code, sentence, (expression(place, key),)))

    def kind(self, value: Any, expected: str, place: Place | None, key: Key) -> None:
        """Note that a value is of the wrong JSON kind; `expected` says what it should be (`a string`)."""
        self.add("structure", f"This must be {expected}, not {kind_of(value)}.", place, key)


Check: TypeAlias = Callable[[Any, Place, Key, Findings], None]


def with_note(issues: list[Issue]) -> list[Issue]:
    """The issues of a validation that was broken off, and a note that says so."""
    return [*issues, Issue("informational", _NOTE, severity="information")]


def expression(place: Place | None, key: Key | None = None) -> str:
    """The FHIRPath of a key of a place, or of the place; element names as FHIR has them (`value`)."""
    steps = [] if key is None else [step(_name(place, key))]
    while place is not None:
        parent, own, _, _ = place
        steps.append(step(_name(parent, own)))
        place = parent
    return "".join(reversed(steps)).removeprefix(".")


def _name(place: Place | None, key: Key) -> Key:
    if place is None or isinstance(key, int):
        return key
    names = place[3]
    return names.get(key, key) if names else key


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null (leave the element out)"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, float):
        return "a floating point number (read JSON with exact decimals)"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list):
        return "an array"
    return "an object" if isinstance(value, dict) else "a number"


def shown(text: str) -> str:
    """A value from the client, short enough for a message."""
    return f"`{cut(text)}`"

"""One JSON object of the source while it is mapped: what is taken out of it is accounted for, what is left is found.

So no element is dropped in silence: a map takes what it knows, and what remains is reported by the frame.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fhir_server.outcome import Issue
from mappers.mapper import Json

Convert = Callable[[Any, str], Any]
"""Makes a value of the source R4 (references, extensions, code systems in it), given its place."""


class Unfaithful(Exception):
    """This entry has no faithful R4 form (as far as this mapper knows); it is then kept as received."""

    def __init__(self, code: str, diagnostics: str, place: str) -> None:
        super().__init__(diagnostics)
        self.issue = Issue(code, diagnostics, (place,), "warning")


class Element:
    """An object of the source at its place (`Bundle.entry[3].resource.dosage[0]`)."""

    __slots__ = ("_children", "_convert", "_data", "_taken", "place")

    def __init__(self, data: Json, place: str, convert: Convert) -> None:
        self._data = data
        self.place = place
        self._convert = convert
        self._taken: set[str] = set()
        self._children: list[Element] = []

    def __contains__(self, name: str) -> bool:
        return name in self._data

    def at(self, name: str) -> str:
        """The place of an element of this object."""
        return f"{self.place}.{name}"

    def keep(self, *names: str, **renamed: str) -> Json:
        """These elements made R4, under their names or (`old="new"`) under others, each with its `_name` sibling.

        Elements that are not there are left out.
        """
        kept: Json = {}
        for old, new in (*((name, name) for name in names), *renamed.items()):
            for prefix in ("", "_"):
                name = prefix + old
                if name in self._data:
                    # Converted as a member, since what it is called says what it is (an extension, a system).
                    kept[prefix + new] = self._convert({name: self._take(name)}, self.place)[name]
        return kept

    def string(self, name: str) -> str | None:
        """A primitive that is a string. Raises `Unfaithful` where it is something else."""
        value = self._take(name)
        if value is None or isinstance(value, str):
            return value
        raise self._mistyped(name, "a string")

    def boolean(self, name: str) -> bool | None:
        """A boolean. Raises `Unfaithful` where it is something else."""
        value = self._take(name)
        if value is None or isinstance(value, bool):
            return value
        raise self._mistyped(name, "true or false")

    def number(self, name: str) -> int | Decimal | None:
        """A number as it was written. Raises `Unfaithful` where it is something else."""
        value = self._take(name)
        if value is None or (isinstance(value, int | Decimal) and not isinstance(value, bool)):
            return value
        raise self._mistyped(name, "a number")

    def code(self, name: str, table: Mapping[str, str]) -> str | None:
        """A code translated by a table. Raises `Unfaithful` for one that is not in it."""
        value = self.string(name)
        if value is None:
            return None
        if value not in table:
            raise Unfaithful("code-invalid", f"{name} has a code without an R4 counterpart.", self.at(name))
        return table[value]

    def element(self, name: str) -> "Element | None":
        """An object, to be taken apart in turn; what is left in it is left here. Raises `Unfaithful`."""
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._mistyped(name, "an object")
        return self._child(value, self.at(name))

    def elements(self, name: str) -> "list[Element]":
        """A list of objects; empty where there is none. Raises `Unfaithful` for another type."""
        value = self._take(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._mistyped(name, "a list of objects")
        return [self._child(item, f"{self.at(name)}[{number}]") for number, item in enumerate(value)]

    def left(self) -> list[tuple[str, Any]]:
        """Place and value of all elements that nobody took, those inside of taken objects too, as received."""
        own = [(self.at(name), value) for name, value in self._data.items() if name not in self._taken]
        return own + [found for child in self._children for found in child.left()]

    def peek(self, name: str) -> Any:
        """An element as received, without taking it."""
        return self._data.get(name)

    def take(self, *names: str) -> None:
        """Account for elements that say nothing in R4 (or are read elsewhere)."""
        self._taken.update(names)

    def _take(self, name: str) -> Any:
        self._taken.add(name)
        return self._data.get(name)

    def _child(self, value: Json, place: str) -> "Element":
        child = Element(value, place, self._convert)
        self._children.append(child)
        return child

    def _mistyped(self, name: str, expected: str) -> Unfaithful:
        return Unfaithful("structure", f"{name} should be {expected}.", self.at(name))

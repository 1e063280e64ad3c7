"""Filters to ask with: https://hl7.org/fhir/R4/search_filter.html"""

from typing import TYPE_CHECKING

from tests.search.differential.filters import PREFIXED, written
from tests.search.differential.reference import addresses
from tests.search.differential.values import PREFIXES
from tests.search.differential.world import Json, parameters

if TYPE_CHECKING:
    from tests.search.differential.queries import Asker

OPERATORS = {
    "string": ("eq", "ne", "co", "sw"),
    "token": ("eq", "eq", "ne"),
    "reference": ("eq", "re", "ne"),
    "uri": ("eq", "ne"),
    "composite": ("eq",),
    "special": ("eq",),
}


class Filters:
    """Writes filters about a resource."""

    def __init__(self, asker: "Asker") -> None:
        self.asker = asker
        self.one, self.chance = asker.one, asker.chance

    def expression(self, about: Json, depth: int) -> str:
        """A comparison, or some joined, negated or in parentheses."""
        if not depth or self.chance(0.3):
            return self.comparison(about, depth)
        if self.chance(0.2):
            return f"not ({self.expression(about, depth - 1)})"
        parts = [self.expression(about, depth - 1) for _ in range(self.one((2, 2, 3)))]
        text = parts[0]
        for part in parts[1:]:
            text += f" {self.one(('and', 'or'))} {f'({part})' if self.chance(0.4) else part}"
        return text

    def comparison(self, about: Json, depth: int) -> str:
        """A path, an operator and a value."""
        if depth and self.chance(0.3):
            found = self.along(about, depth)
            if found is not None:
                return found
        while True:
            parameter = self.asker.chosen(about)
            modifier, text = self.asker.value(about, parameter)
            code, kind = parameter.code, parameter.type
            if self.chance(0.08) and code not in ("_text", "_content"):
                return f"{code} pr {self.one(('true', 'false'))}"
            if kind in PREFIXED:
                operator, value = (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)
                operator = "po" if kind == "date" and self.chance(0.15) else operator
                return f"{code} {operator} {written(value)}"
            if kind == "token" and modifier in ("in", "not-in", "below", "above"):
                operator = {"in": "in", "not-in": "ni", "below": "ss", "above": "sb"}[modifier]
                return f"{code} {operator} {written(text)}"
            if modifier == "" or (kind == "string" and modifier != "text"):
                operators = ("eq",) if code in ("_text", "_content", "_id") else OPERATORS[kind]
                return f"{code} {self.one(operators)} {written(text)}"

    def along(self, about: Json, depth: int) -> str | None:
        """A comparison at the other end of a reference, forwards or backwards; it may have to meet a filter itself."""
        world, referring = self.asker.world, self.asker.about(about)
        if referring and self.chance(0.4):
            other, code = self.one(referring)
            return f"_has:{other['resourceType']}:{code}:{self.comparison(other, depth - 1)}"
        found = [
            (parameter, address)
            for parameter in parameters(about["resourceType"]).values()
            if parameter.type == "reference" and "canonical" not in parameter.code
            for address in addresses(world, about, parameter.code)
            if address.place in world.by_place
        ]
        if not found:
            return None
        parameter, address = self.one(found)
        target = world.by_place[address.place]
        inside = f"[{self.expression(target, depth - 1)}]" if self.chance(0.4) else ""
        return f"{parameter.code}:{address.type}{inside}.{self.comparison(target, depth - 1)}"

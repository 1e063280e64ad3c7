"""`_filter` as the reference reads it. https://hl7.org/fhir/R4/search_filter.html, with the choices of
docs/search-filter.md: `and` and `or` bind alike, from left to right."""

import json
import re
from collections.abc import Callable

from tests.search.differential.dates import overlap, span_of, spans
from tests.search.differential.escapes import unescaped
from tests.search.differential.texts import folded, texts
from tests.search.differential.world import Json, World, parameters

Condition = Callable[[World, Json, str, str], bool]
"""Whether a resource meets a parameter, by its name and value in a query"""
Rest = Callable[[Json], bool]

UNKNOWN_INSIDE = ("_id", "_lastUpdated", "_list", "_filter", "_text", "_content")
"""What a contained resource has not, or is not asked for"""
INTO_HIERARCHIES = ("organization", "partof", "location")
"""References by which `:above` and `:below` follow a hierarchy"""
PREFIXED = frozenset({"date", "number", "quantity"})


class Reading:
    """A filter while it is read and decided for one resource; `plain` decides a parameter outside filters."""

    def __init__(self, world: World, text: str, plain: Condition) -> None:
        self.world = world
        self.rest = text
        self.plain = plain
        self.beyond = 0
        """How much has been read so far that a contained resource cannot be asked for"""

    def take(self, pattern: str) -> str | None:
        """The text at the beginning that has this form, taken off; None where there is none."""
        match = re.match(pattern, self.rest)
        if match is not None:
            self.rest = self.rest[match.end() :]
        return match[0] if match is not None else None

    def expression(self) -> Rest:
        """Operands, joined from left to right."""
        found = self.operand()
        while (join := self.take(r"\s*(and|or)(?=[\s(])")) is not None:
            self.take(r"\s+")
            found = _joined(found, join.strip(), self.operand())
        return found

    def operand(self) -> Rest:
        """A comparison, or an expression in parentheses, perhaps negated."""
        if self.take(r"not\s*\(") is not None:
            inside = self.expression()
            self.take(r"\s*\)")
            return lambda resource: not inside(resource)
        if self.take(r"\(") is not None:
            inside = self.expression()
            self.take(r"\s*\)")
            return inside
        return self.path()

    def path(self) -> Rest:
        """A comparison, perhaps at the other end of references."""
        if (has := self.take(r"_has:\w+:[\w-]+:")) is not None:
            self.beyond += 1
            _, other, by, _ = has.split(":")
            rest = self.path()
            return lambda resource: any(rest(each) for each in self.referring(resource, other, by))
        code = self.take(r"[\w-]+") or ""
        only = (self.take(r":\w+") or ":")[1:]
        inside: Rest | None = None
        before = self.beyond
        if self.take(r"\[") is not None:
            inside = self.expression()
            self.take(r"\s*\]")
        if self.take(r"\.") is not None:
            rest = self.path()
            known, self.beyond = self.beyond == before, self.beyond + 1
            return lambda resource: any(
                (inside is None or _tried(inside, target)) and _tried(rest, target)
                for target in self.targets(resource, code, only, contained=known)
            )
        operator = (self.take(r"\s+[a-z]{2}\s+") or "").strip()
        if code in UNKNOWN_INSIDE or (operator in ("ss", "sb") and code in INTO_HIERARCHIES):
            self.beyond += 1
        value = self.value()
        return lambda resource: self.compare(resource, code, operator, value)

    def value(self) -> str:
        """A JSON string, or whatever stands before the next space or closing bracket."""
        if self.rest.startswith('"'):
            found, end = json.JSONDecoder().raw_decode(self.rest)
            self.rest = self.rest[end:]
            return str(found)
        return self.take(r"[^\s\])]+") or ""

    def compare(self, resource: Json, code: str, operator: str, value: str) -> bool:
        """Whether a resource meets one comparison; commas are no alternatives."""
        kind = parameters(resource["resourceType"])[code].type if code in parameters(resource["resourceType"]) else ""
        if operator == "pr":
            return self.plain(self.world, resource, f"{code}:missing", "false") is (value == "true")
        if operator in ("eq", "ne") and kind == "string" and code not in ("_text", "_content"):
            return self.same_text(resource, code, value) is (operator == "eq") and self.has(resource, code)
        text = re.sub(r"(?<!\\)((?:\\\\)*),", r"\1\\,", value)
        if operator == "po":
            asked = span_of(unescaped(value))
            found = [span for each in self.world.values(resource, code) for span in spans(*each)]
            return any(overlap(span, asked) for span in found)
        if kind in PREFIXED:
            return self.plain(self.world, resource, code, operator + text)
        if operator == "ne":
            return self.has(resource, code) and not self.plain(self.world, resource, code, text)
        modifier = {"co": ":contains", "in": ":in", "ni": ":not-in", "ss": ":below", "sb": ":above"}.get(operator, "")
        return self.plain(self.world, resource, code + modifier, text)

    def has(self, resource: Json, code: str) -> bool:
        return self.plain(self.world, resource, f"{code}:missing", "false")

    def same_text(self, resource: Json, code: str, value: str) -> bool:
        """One of the texts is the whole of what is asked for, without case and accents."""
        found = [text for each in self.world.values(resource, code) for text in texts(*each)]
        return folded(unescaped(value)) in map(folded, found)

    def targets(self, resource: Json, code: str, only: str, *, contained: bool = False) -> list[Json]:
        """What the references of a parameter lead to."""
        addresses = [self.world.address(value) for _, value in self.world.values(resource, code)]
        places = [each.place for each in addresses if each is not None and only in ("", each.type)]
        inside = self.world.inside(resource, code) if contained else []
        own = [self.world.by_place[place] for place in places if place in self.world.by_place]
        return own + [each for each in inside if only in ("", each["resourceType"])]

    def referring(self, resource: Json, other: str, by: str) -> list[Json]:
        return [each for each in self.world.of_type(other) if resource in self.targets(each, by, "")]


def _joined(first: Rest, join: str, second: Rest) -> Rest:
    if join == "and":
        return lambda resource: first(resource) and second(resource)
    return lambda resource: first(resource) or second(resource)


def _tried(rest: Rest, target: Json) -> bool:
    """A type that cannot have the rest does not meet it."""
    try:
        return rest(target)
    except (ValueError, KeyError):
        return False


def written(value: str) -> str:
    """A value as it stands in a filter."""
    return json.dumps(value, ensure_ascii=False) if re.search(r'[\s()\[\]"]', value) or not value else value

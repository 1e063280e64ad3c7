"""A filter's text to its syntax, by recursive descent. https://hl7.org/fhir/R4/search_filter.html

The grammar is that of R4, with `_id` and its kin and `_has:`, as in R5, and with types (`subject:Patient.name`) in
paths. `and` and `or` bind alike, from left to right. Every refusal says at which character it stands, and what was
expected there.
"""

import json
import re

from fhir_server.outcome import Invalid, TooCostly
from fhir_server.search.filter.syntax import OPERATORS, And, Comparison, Filter, Has, Negation, Or, Step

_SPACE = re.compile(r"[ \t\r\n]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*", re.ASCII)
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9]*", re.ASCII)
_HAS = re.compile(r"_has:([A-Za-z][A-Za-z0-9]*):([A-Za-z_][A-Za-z0-9_\-]*):", re.ASCII)
_WORD = re.compile(r"[A-Za-z]+", re.ASCII)
_NOT = re.compile(r"not[ \t\r\n]*\(", re.ASCII)
_JOIN = re.compile(r"(and|or)(?=[ \t\r\n(])", re.ASCII)
_TOKEN = re.compile(r"[^\s\])]+")
_STRING = json.JSONDecoder()


def read_filter(text: str, *, depth: int) -> Filter:
    """The filter that a text means. Raises `Invalid` with the place of the fault, and `TooCostly` for one that nests
    deeper than `depth`, each change between `and` and `or` counted."""
    reading = _Reading(text, depth)
    found = reading.filter(0)
    if reading.place < len(text):
        raise reading.fault("and, or, or the end")
    return found


class _Reading:
    """A text, and the place that the reading has come to."""

    def __init__(self, text: str, depth: int) -> None:
        self.text = text
        self.depth = depth
        self.place = 0

    def filter(self, depth: int) -> Filter:
        """Operands, joined from left to right."""
        self.skip_space()
        found, joined = self.operand(depth), ""
        self.skip_space()
        while (match := _JOIN.match(self.text, self.place)) is not None:
            self.place = match.end()
            self.skip_space()
            part = self.operand(depth)
            self.skip_space()
            kind = And if match.group() == "and" else Or
            if match.group() == joined and isinstance(found, And | Or):
                found = kind((*found.parts, part))
                continue
            depth += bool(joined)
            self.check_depth(depth)
            found, joined = kind((found, part)), match.group()
        return found

    def operand(self, depth: int) -> Filter:
        """A comparison, or a filter in parentheses, perhaps negated."""
        if (match := _NOT.match(self.text, self.place)) is not None:
            self.place = match.end()
            return Negation(self.enclosed(")", depth))
        if self.at("("):
            self.place += 1
            return self.enclosed(")", depth)
        place = self.place + 1
        return Comparison(self.path(depth), self.operator(), self.value(), place)

    def enclosed(self, end: str, depth: int) -> Filter:
        """The filter before a closing bracket."""
        self.check_depth(depth + 1)
        found = self.filter(depth + 1)
        if not self.at(end):
            raise self.fault(f"and, or, or {end}")
        self.place += 1
        return found

    def path(self, depth: int) -> tuple[Step | Has, ...]:
        """The names up to the operator."""
        steps: list[Step | Has] = []
        while True:
            while (match := _HAS.match(self.text, self.place)) is not None:
                steps.append(Has(match.group(1), match.group(2)))
                self.place = match.end()
            steps.append(self.step(depth))
            if not self.at("."):
                break
            self.place += 1
        if not self.at(" ", "\t", "\r", "\n"):
            raise self.fault("a dot, or a space and an operator")
        self.skip_space()
        return tuple(steps)

    def step(self, depth: int) -> Step:
        """One name with its type and its filter."""
        name, type, where = self.word(_NAME, "the name of a search parameter"), None, None
        if self.at(":"):
            self.place += 1
            type = self.word(_TYPE, "a resource type")
        if self.at("["):
            self.place += 1
            where = self.enclosed("]", depth)
        return Step(name, type, where)

    def operator(self) -> str:
        """One of the operators, and the space after it."""
        place = self.place
        word = self.word(_WORD, f"an operator ({', '.join(OPERATORS)})")
        if word not in OPERATORS or not self.at(" ", "\t", "\r", "\n"):
            self.place = place
            raise self.fault(f"an operator ({', '.join(OPERATORS)}) and a space")
        self.skip_space()
        return word

    def value(self) -> str:
        """A JSON string, or whatever stands before the next space or closing bracket."""
        if self.at('"'):
            try:
                found, end = _STRING.raw_decode(self.text, self.place)
            except ValueError:
                raise self.fault("a whole string as JSON has it") from None
            self.place = end
            return str(found)
        return self.word(_TOKEN, "a value")

    def word(self, pattern: re.Pattern[str], expected: str) -> str:
        match = pattern.match(self.text, self.place)
        if match is None:
            raise self.fault(expected)
        self.place = match.end()
        return match.group()

    def at(self, *characters: str) -> bool:
        return self.text[self.place : self.place + 1] in characters

    def skip_space(self) -> None:
        match = _SPACE.match(self.text, self.place)
        self.place = match.end() if match else self.place

    def check_depth(self, depth: int) -> None:
        if depth > self.depth:
            raise TooCostly(
                f"The parameter _filter nests deeper than {self.depth}, each change between and and or counted: "
                "use fewer parentheses, or several parameters."
            )

    def fault(self, expected: str) -> Invalid:
        return Invalid(f"The parameter _filter is wrong at character {self.place + 1}: expected {expected}.")

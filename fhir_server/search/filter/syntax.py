"""What a filter is, once it is read. https://hl7.org/fhir/R4/search_filter.html

`text` writes a filter so that reading it gives the same again.
"""

import json
from dataclasses import dataclass, field
from typing import TypeAlias

OPERATORS = (
    "eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr", "po", "ss", "sb", "in", "ni", "re"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """A name in a path: a parameter; before a dot a reference, perhaps to one `type`, whose target passes `where`."""

    name: str
    type: str | None = None
    where: "Filter | None" = None


@dataclass(frozen=True, slots=True)
class Has:
    """`_has:[type]:[param]:` at the head of a path, as in R5: what refers to the resource."""

    type: str
    param: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`place`: the number of its first character, from 1, for messages."""

    path: tuple[Step | Has, ...]
    operator: str
    value: str
    place: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """Every one of them."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Negation:
    """`not (…)`"""

    part: "Filter"


Filter: TypeAlias = Comparison | And | Or | Negation


def text(found: Filter) -> str:
    """The filter as it is written."""
    match found:
        case Comparison(path, operator, value):
            return f"{_path(path)} {operator} {json.dumps(value)}"
        case Negation(part):
            return f"not ({text(part)})"
        case And(parts):
            return " and ".join(map(_enclosed, parts))
        case Or(parts):
            return " or ".join(map(_enclosed, parts))


def _enclosed(part: Filter) -> str:
    return f"({text(part)})" if isinstance(part, And | Or) else text(part)


def _path(path: tuple[Step | Has, ...]) -> str:
    written, dotted = "", False
    for step in path:
        written += "." if dotted else ""
        if isinstance(step, Has):
            written, dotted = written + f"_has:{step.type}:{step.param}:", False
        else:
            where = "" if step.where is None else f"[{text(step.where)}]"
            written += step.name + ("" if step.type is None else f":{step.type}") + where
            dotted = True
    return written

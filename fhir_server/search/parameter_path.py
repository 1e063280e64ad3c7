"""The name of a query parameter, taken apart: the references that it goes along, the parameter, its modifier.

`subject:Patient.organization.name:exact` goes along two references and ends at `name`; `_has:Observation:patient:code`
goes along one backwards. https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

from dataclasses import dataclass
from typing import TypeAlias

from fhir_server.outcome import Invalid, TooCostly
from fhir_server.search.context import Limits

HAS = "_has"


@dataclass(frozen=True, slots=True)
class Forward:
    """Along the reference parameter `param`, to resources of `type` (None: of every type that it refers to)."""

    param: str
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Backward:
    """To the resources of `type` that refer to it by `param`."""

    type: str
    param: str


Hop: TypeAlias = Forward | Backward


@dataclass(frozen=True, slots=True)
class ParameterPath:
    """The hops, then the parameter at their end with its modifier."""

    hops: tuple[Hop, ...]
    name: str
    modifier: str | None = None


def read_path(name: str, limits: Limits) -> ParameterPath:
    """The path that the name of a parameter means. Raises `Invalid`, and `TooCostly` for too many hops."""
    hops: list[Hop] = []
    rest = name
    while "." in rest or rest.startswith(HAS):
        head, dot, after = rest.partition(".")
        if head.partition(":")[0] == HAS:
            hop, rest = _backward(rest)
        elif dot:
            hop, rest = _forward(head), after
        else:
            break
        hops.append(hop)
        if len(hops) > limits.chain_depth:
            raise too_deep(limits)
    param, colon, modifier = rest.partition(":")
    return ParameterPath(tuple(hops), param, modifier if colon else None)


def too_deep(limits: Limits) -> TooCostly:
    """The refusal of a chain that is too long."""
    return TooCostly(
        f"A chain goes along at most {limits.chain_depth} references: search in two steps, by the ids of the first."
    )


def _forward(text: str) -> Hop:
    param, colon, type = text.partition(":")
    return Forward(param, type if colon else None)


def _backward(text: str) -> tuple[Hop, str]:
    parts = text.split(":", 3)
    if len(parts) < 4 or not all(parts):
        raise Invalid("The parameter _has is written _has:[type]:[reference parameter]:[parameter]=[value].")
    return Backward(parts[1], parts[2]), parts[3]

"""Evaluating an expression on a resource, for tests: what `resolve()` gives is what a test says."""

from collections.abc import Mapping
from typing import Any

from fhir_server.definitions.definitions import r4
from fhir_server.fhirpath.compiler import Compiler
from fhir_server.fhirpath.env import Env, Item

COMPILER = Compiler(r4())
FOR_SEARCH = Compiler(r4(), for_search=True)


class Surroundings(Env):
    """An `Env` that knows the types of some references by their text."""

    def __init__(self, resource: Item, types: Mapping[str, str] | None = None) -> None:
        super().__init__(resource)
        self.types = types or {}

    def resolve(self, reference: Any) -> list[Item]:
        """An item of the type that the test gave for the reference."""
        found = self.types.get(reference.get("reference", "") if isinstance(reference, dict) else reference)
        return [(found, {}, None)] if found else []


def evaluate(expression: str, resource: dict[str, Any], **types: str) -> list[tuple[str, Any]]:
    """What a search expression gives, as (type, JSON value) pairs. `types`: reference text -> the type it resolves
    to."""
    return _evaluate(FOR_SEARCH, expression, resource, types)


def evaluate_any(expression: str, resource: dict[str, Any], **types: str) -> list[tuple[str, Any]]:
    """What an expression of the whole language gives, as (type, JSON value) pairs."""
    return _evaluate(COMPILER, expression, resource, types)


def _evaluate(
    compiler: Compiler, expression: str, resource: dict[str, Any], types: Mapping[str, str]
) -> list[tuple[str, Any]]:
    code = compiler.compile(expression, resource["resourceType"])
    root: Item = (resource["resourceType"], resource, None)
    return [(type_name, value) for type_name, value, _ in code.run([root], Surroundings(root, types))]

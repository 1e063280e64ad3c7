"""Evaluating an expression on a resource, for tests: what `resolve()` gives is what a test says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir_server.definitions.definitions import r4
from fhir_server.fhirpath.code import Item
from fhir_server.fhirpath.compiler import Compiler

COMPILER = Compiler(r4())


@dataclass
class Surroundings:
    """An `Env` that knows the types of some references by their text."""

    resource: Item
    types: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, reference: Any) -> list[Item]:
        """An item of the type that the test gave for the reference."""
        found = self.types.get(reference.get("reference", "") if isinstance(reference, dict) else reference)
        return [(found, {}, None)] if found else []


def evaluate(expression: str, resource: dict[str, Any], **types: str) -> list[tuple[str, Any]]:
    """The result as (type, JSON value) pairs. `types`: reference text -> the type it resolves to."""
    code = COMPILER.compile(expression, resource["resourceType"])
    root: Item = (resource["resourceType"], resource, None)
    return [(type_name, value) for type_name, value, _ in code.run([root], Surroundings(root, types))]

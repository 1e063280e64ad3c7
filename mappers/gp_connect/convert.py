"""What is the same in every resource: references, extensions and code systems of the source inside of any value."""

from collections.abc import Callable
from typing import Any

from fhir_server.outcome import Issue
from mappers.gp_connect.code_systems import CODE_SYSTEMS
from mappers.gp_connect.document import address_in
from mappers.gp_connect.element import Unfaithful
from mappers.gp_connect.extensions import convert_extension
from mappers.mapper import Json

Target = tuple[str, str]
"""R4 type and id here."""

_DEEPEST = 80


class Conversion:
    """Makes values of the source R4. One for each entry, since what it finds belongs to that entry.

    `target_of` gives what a reference of the source is here, or None where it is not in the record (or was kept as
    received); `source` is the system of the logical reference that it then becomes.
    """

    def __init__(self, source: str, target_of: Callable[[str], Target | None], types: frozenset[str]) -> None:
        self._source = source
        self._target_of = target_of
        self._types = types
        self.issues: list[Issue] = []

    def __call__(self, value: Any, place: str, depth: int = 0) -> Any:
        """The value as R4, at the same place. Raises `Unfaithful` for what cannot be told."""
        if depth > _DEEPEST:
            raise Unfaithful("structure", "The element is nested too deeply.", place)
        if isinstance(value, list):
            return [self(item, f"{place}[{number}]", depth + 1) for number, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        converted: Json = {name: self(item, f"{place}.{name}", depth + 1) for name, item in value.items()}
        system = converted.get("system")
        if isinstance(system, str):
            converted["system"] = CODE_SYSTEMS.get(system, system)
        if isinstance(converted.get("reference"), str):
            converted = self._reference(converted, place)
        for name in ("extension", "modifierExtension"):
            if isinstance(converted.get(name), list):
                converted[name] = [
                    convert_extension(item) if isinstance(item, dict) else item for item in converted[name]
                ]
        return converted

    def _reference(self, value: Json, place: str) -> Json:
        named = value["reference"]
        if named.startswith("#"):
            return value
        target = self._target_of(named)
        if target is not None:
            return {**value, "reference": f"{target[0]}/{target[1]}"}
        address = address_in(named)
        type = address.partition("/")[0] if address else None
        if type == "Patient":
            raise Unfaithful("not-found", "It refers to a Patient who is not the one of this record.", place)
        self.issues.append(
            Issue("not-found", "What this refers to is not in the record.", (f"{place}.reference",), "warning")
        )
        if "://" in named:
            return value  # an address elsewhere says where, and stays
        logical: Json = {name: item for name, item in value.items() if name != "reference"}
        if type in self._types:
            logical["type"] = type
        return {**logical, "identifier": {"system": self._source, "value": address or named}}

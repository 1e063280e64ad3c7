"""From method and path to the interaction that is asked, by the declarations of the registry.

https://hl7.org/fhir/R4/http.html#summary
"""

import re
from collections.abc import Sequence
from typing import Final

from fhir_server.definitions.definitions import Definitions
from fhir_server.interactions.context import NOT_STORED, Interaction, Target
from fhir_server.outcome import FhirError, Invalid, MethodNotAllowed, NotFound

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_LITERALS: Final = ("_history", "_search", "metadata", "*")
_PLACES: Final = ("[type]", "[id]", "[within]", "[vid]")

Shape = tuple[str, ...]


class Routes:
    """Finds the interaction for a request. Made once from the registry."""

    def __init__(self, interactions: Sequence[Interaction], definitions: Definitions) -> None:
        self._types = frozenset(definitions.resource_types) - NOT_STORED
        self._general: dict[tuple[str, Shape], Interaction] = {}
        self._special: dict[tuple[str, Shape, str], Interaction] = {}
        self._guarded: set[str] = set()
        for interaction in interactions:
            for method, shape in interaction.routes:
                self._add(interaction, method, shape)
        self._instances = {
            (method, resource_type): interaction
            for (method, shape), interaction in self._general.items()
            if shape == ("[type]", "[id]")
            for resource_type in self._types - self._guarded
        }

    def _add(self, interaction: Interaction, method: str, shape: Shape) -> None:
        if interaction.types is None or "[type]" not in shape:
            self._general[method, shape] = interaction
            return
        for resource_type in interaction.types:
            self._special[method, shape, resource_type] = interaction
            if not _is_operation(shape):
                self._guarded.add(resource_type)

    def find(self, method: str, path: tuple[str, ...]) -> tuple[Interaction, Target]:
        """The interaction and what the path names.

        Raises `NotFound` for an address that is none, `MethodNotAllowed` (with what is allowed), `Invalid` for an id
        that cannot be one.
        """
        if len(path) == 2:
            # The way of most requests: an instance, of a type that has no interactions of its own.
            instance = self._instances.get((method, path[0]))
            if instance is not None and _ID.fullmatch(path[1]):
                return instance, Target(path[0], path[1])
        shape = tuple(_kind(position, segment) for position, segment in enumerate(path))
        target = self._target(shape, path)
        found = self._special.get((method, shape, target.type or ""))
        # A type with interactions of its own has only those: AuditEvents are never written by a client.
        if found is None and target.type not in self._guarded:
            found = self._general.get((method, shape))
        if found is not None:
            return found, target
        raise self._refusal(method, shape, path)

    def media_types(self, method: str, path: tuple[str, ...]) -> tuple[str, ...]:
        """What the body of an operation may be, where that is not FHIR R4 in JSON."""
        if not _is_operation(path):
            return ()
        try:
            return self.find(method, path)[0].media_types
        except FhirError:
            return ()

    def _target(self, shape: Shape, path: tuple[str, ...]) -> Target:
        named = dict(zip(shape, path, strict=True))
        resource_type, resource_id = named.get("[type]"), named.get("[id]")
        for name in (resource_type, named.get("[within]")):
            if name is not None and name not in self._types:
                raise NotFound(f"There is no resource type {_shown(name)} here.")
        if resource_id is not None and not _ID.fullmatch(resource_id):
            raise Invalid("An id has 1 to 64 characters out of letters, digits, - and .")
        return Target(resource_type, resource_id, named.get("[vid]"), named.get("[within]"))

    def _refusal(self, method: str, shape: Shape, path: tuple[str, ...]) -> NotFound | MethodNotAllowed:
        allowed = (
            {other for other, there, name in self._special if (there, name) == (shape, path[0])} if path else set()
        )
        if not path or path[0] not in self._guarded:
            allowed |= {other for other, there in self._general if there == shape}
        if not allowed and _is_operation(path):
            return NotFound(f"There is no operation {_shown(path[-1])} here.")
        if not allowed:
            return NotFound("There is nothing at this address.")
        names = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
        error = MethodNotAllowed(f"This address does not take {_shown(method)}; it takes {names}.")
        error.headers = (("Allow", names),)
        return error


def _is_operation(segments: tuple[str, ...]) -> bool:
    """Whether a path or shape ends in the name of an operation."""
    return bool(segments) and segments[-1].startswith("$")


def _kind(position: int, segment: str) -> str:
    if segment in _LITERALS or segment.startswith("$"):
        return segment
    return _PLACES[position] if position < len(_PLACES) else "[too long]"


def _shown(name: str) -> str:
    """A name from the request as it may be repeated in an answer: short and plain."""
    return repr(name[:64])

"""The way in: a resource goes in, all of its structural faults come out. https://hl7.org/fhir/R4/validation.html"""

from typing import Any

from fhir_server.definitions.definitions import Definitions
from fhir_server.outcome import Issue
from fhir_server.validation.compiler import Compiler
from fhir_server.validation.findings import Enough, Findings, with_note


class Validator:
    """The structural rules of R4 as these definitions have them. Keeps what it compiles; safe to share."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._compiler = Compiler(definitions)

    def validate(self, data: dict[str, Any], *, entries: bool = True) -> list[Issue]:
        """All faults of a resource as `model.json.parse` gives it, in its order; none means that it is right.

        At most 200, then a note that there are more. `entries` False leaves out the resources in the entries of a
        Bundle, for a batch, in which each stands and falls alone.
        """
        findings = Findings(entries=entries)
        name = data.get("resourceType")
        root = name if isinstance(name, str) and self._definitions.is_resource_type(name) else "Resource"
        try:
            self._compiler.resource(data, None, root, findings)
        except Enough:
            return with_note(findings.issues)
        return findings.issues

    def validate_as(self, data: dict[str, Any], resource_type: str) -> list[Issue]:
        """As `validate`; a resource of another type is itself the fault."""
        found = data.get("resourceType")
        if found == resource_type or not isinstance(found, str) or not self._definitions.is_resource_type(found):
            return self.validate(data)
        sentence = f"The resource is of type {found}; {resource_type} is expected here."
        return [Issue("invalid", sentence, (f"{resource_type}.resourceType",))]

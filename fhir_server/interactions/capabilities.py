"""capabilities: what this server does, made from the registry. https://hl7.org/fhir/R4/http.html#capabilities

Nothing is claimed that is not declared by an interaction or a supported search parameter.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import SearchParameter
from fhir_server.interactions.audit_event import SEARCHED_BY
from fhir_server.interactions.context import NOT_STORED, WRITTEN_BY_SERVER, Context, Interaction, Rules
from fhir_server.interactions.patch import PATCH_FORMATS
from fhir_server.request import FhirResponse
from fhir_server.search.parse import supported_includes, supported_parameters, supported_revincludes

SOFTWARE = "fhir-server"
_NOT_REST = frozenset({"search-compartment", "capabilities"})
_SYSTEM = ("transaction", "batch", "search-system", "history-system")


async def _run(context: Context) -> FhirResponse:
    """200 with the CapabilityStatement; `mode` other than full is not told apart."""
    return FhirResponse(200, context.server.capabilities(), (("ETag", 'W/"1"'),))


CAPABILITIES = Interaction("capabilities", "system", (("GET", ("metadata",)),), "R", changes=False, run=_run)


class Named(Protocol):
    """An operation as it is claimed; `operations.operation.Operation` is one."""

    @property
    def name(self) -> str:
        """Its name, without `$`."""

    @property
    def url(self) -> str:
        """The canonical URL of its OperationDefinition."""

    @property
    def levels(self) -> tuple[str, ...]:
        """Where it is asked for: `system`, `type`, `instance`."""

    @property
    def types(self) -> frozenset[str] | None:
        """The resource types it is for; None for all."""


def capability_statement(
    interactions: Sequence[Interaction],
    operations: Sequence[Named],
    definitions: Definitions,
    rules: Rules,
    *,
    base_url: str,
    version: str,
    date: str,
) -> dict[str, Any]:
    """The CapabilityStatement of these interactions and operations; `date` is when this set of them began to run."""
    resources = [
        _resource(name, interactions, definitions, rules) | _operations(operations, name)
        for name in definitions.resource_types
        if name not in NOT_STORED
    ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": SOFTWARE, "version": version},
        "implementation": {"description": "FHIR R4 shared care record", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json", "application/fhir+xml", "xml"],
        "patchFormat": list(PATCH_FORMATS),
        "rest": [
            {
                "mode": "server",
                "resource": resources,
                "interaction": [{"code": code} for code in _SYSTEM if _has(interactions, code)],
                "compartment": [
                    f"http://hl7.org/fhir/CompartmentDefinition/{name.lower()}" for name in definitions.compartments
                ],
                **_operations(operations, None),
            }
        ],
    }


def _operations(operations: Sequence[Named], resource_type: str | None) -> dict[str, Any]:
    """The operations for a resource type, or for None those of the whole system."""
    claimed = [
        {"name": operation.name, "definition": operation.url}
        for operation in operations
        if _is_for(operation, resource_type)
    ]
    return {"operation": claimed} if claimed else {}


def _is_for(operation: Named, resource_type: str | None) -> bool:
    if resource_type is None:
        return "system" in operation.levels
    if operation.types is None and resource_type in WRITTEN_BY_SERVER:
        return False
    return set(operation.levels) != {"system"} and resource_type in (operation.types or {resource_type})


def _has(interactions: Sequence[Interaction], code: str) -> bool:
    return any(interaction.code == code for interaction in interactions)


def _resource(name: str, interactions: Sequence[Interaction], definitions: Definitions, rules: Rules) -> dict[str, Any]:
    codes = dict.fromkeys(
        interaction.code
        for interaction in interactions
        if interaction.level != "system"
        and interaction.code not in _NOT_REST
        and (name in interaction.types if interaction.types else name not in WRITTEN_BY_SERVER)
    )
    resource: dict[str, Any] = {"type": name, "interaction": [{"code": code} for code in codes]}
    if name in WRITTEN_BY_SERVER:
        parameters = definitions.search_parameters(name)
        resource["versioning"] = "no-version"
        resource["searchParam"] = [_parameter(parameters[code]) for code in SEARCHED_BY]
        return resource
    resource |= {
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": rules.update_create,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": True,
        "conditionalDelete": "not-supported" if rules.conditional_delete == "off" else rules.conditional_delete,
        "referencePolicy": ["literal", "logical", "enforced"] if rules.references != "off" else ["literal"],
    }
    offered = {
        "searchInclude": list(supported_includes(name, definitions)),
        "searchRevInclude": list(supported_revincludes(name, definitions)),
        "searchParam": [_parameter(parameter) for parameter in supported_parameters(name, definitions)],
    }
    return resource | {key: found for key, found in offered.items() if found}


def _parameter(parameter: SearchParameter) -> dict[str, str]:
    return {"name": parameter.code, "definition": parameter.url, "type": parameter.type}

"""capabilities: what this server does, made from the registry. https://hl7.org/fhir/R4/http.html#capabilities

Nothing is claimed that is not declared by an interaction or a supported search parameter.
"""

from collections.abc import Sequence
from typing import Any

from fhir_server.definitions.definitions import Definitions
from fhir_server.interactions.audit_event import SEARCHED_BY
from fhir_server.interactions.context import NOT_STORED, WRITTEN_BY_SERVER, Context, Interaction, Rules
from fhir_server.request import FhirResponse
from fhir_server.search.parse import supported_parameters

SOFTWARE = "fhir-server"
_NOT_REST = frozenset({"search-compartment", "capabilities"})


async def _run(context: Context) -> FhirResponse:
    """200 with the CapabilityStatement; `mode` other than full is not told apart."""
    return FhirResponse(200, context.server.capabilities(), (("ETag", 'W/"1"'),))


CAPABILITIES = Interaction("capabilities", "system", (("GET", ("metadata",)),), "R", changes=False, run=_run)


def capability_statement(
    interactions: Sequence[Interaction],
    definitions: Definitions,
    rules: Rules,
    *,
    base_url: str,
    version: str,
    date: str,
) -> dict[str, Any]:
    """The CapabilityStatement of these interactions; `date` is when this set of capabilities began to run."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": SOFTWARE, "version": version},
        "implementation": {"description": "FHIR R4 shared care record", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    _resource(name, interactions, definitions, rules)
                    for name in definitions.resource_types
                    if name not in NOT_STORED
                ],
                "interaction": [
                    {"code": code} for code in ("transaction", "batch", "history-system") if _has(interactions, code)
                ],
                "compartment": [
                    f"http://hl7.org/fhir/CompartmentDefinition/{name.lower()}" for name in definitions.compartments
                ],
            }
        ],
    }


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
        resource["searchParam"] = [_parameter(code, parameters[code].type) for code in SEARCHED_BY]
        return resource
    return resource | {
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": rules.update_create,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "logical", "enforced"] if rules.references != "off" else ["literal"],
        "searchParam": [
            _parameter(parameter.code, parameter.type) for parameter in supported_parameters(name, definitions)
        ],
    }


def _parameter(code: str, kind: str) -> dict[str, str]:
    return {"name": code, "type": kind}

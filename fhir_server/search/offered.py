"""Which search parameters may be used: one answer for queries and for the CapabilityStatement."""

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import SearchParameter
from fhir_server.outcome import Unavailable
from fhir_server.search.parameter_types import TYPE_BY_NAME
from fhir_server.search.parameters import Parameter, parameters_of


def require_indexed(parameter: Parameter) -> None:
    """Raise `Unavailable` while not all that is there has been indexed by a parameter: it would find too little."""
    if not parameter.definition.indexed:
        raise Unavailable(
            f"Resources are still being indexed by {parameter.name}: see {parameter.definition.source}/$index-status, "
            "and search again when it is complete."
        )


def why_not_offered(parameter: Parameter) -> str | None:
    """Why queries may not use a parameter, as the end of a sentence; None where they may."""
    declared = TYPE_BY_NAME[parameter.definition.type]
    if declared.compile is None:
        return f"searching by parameters of type {declared.name} is not offered"
    if parameter.code.always_empty:
        return f"its definition has no expression for {parameter.resource_type}"
    return declared.not_offered.get(parameter.name)


def supported_parameters(resource_type: str, definitions: Definitions) -> tuple[SearchParameter, ...]:
    """The search parameters of a type that queries may use, by name, without modifiers or chains."""
    parameters = parameters_of(definitions).of(resource_type)
    return tuple(each.definition for _, each in sorted(parameters.items()) if why_not_offered(each) is None)

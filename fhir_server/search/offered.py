"""Which search parameters and includes may be used: one answer for queries and for the CapabilityStatement."""

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import SearchParameter
from fhir_server.outcome import Unavailable
from fhir_server.search.parameter_types import TYPE_BY_NAME
from fhir_server.search.parameters import BY_WORDS, Parameter, parameters_of

_BY_URL = frozenset({"canonical", "uri", "url"})

FILTER = "_filter"
WITHOUT_DEFINITION = (("_has", "string"), ("_list", "string"))
"""(name, type) of parameters that all types have, and that no SearchParameter of R4 defines"""


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
    if parameter.code.always_empty and parameter.name not in BY_WORDS:
        return f"its definition has no expression for {parameter.resource_type}"
    return declared.not_offered.get(parameter.name)


def why_not_followed(parameter: Parameter) -> str | None:
    """Why chains, `_has` and includes may not follow a reference parameter, as the end of a sentence; None where they
    may. Only a reference that leads to a resource of its own, by type and id, is followed."""
    if parameter.code.always_empty:
        return f"its definition has no expression for {parameter.resource_type}"
    if parameter.code.types is None:
        return "it names a resource inside the Bundle"
    if parameter.code.types & _BY_URL:
        return "it refers by canonical URL"
    if not parameter.target_types():
        return "its definition does not say which types it refers to"
    return None


def followed_parameters(resource_type: str, definitions: Definitions) -> tuple[Parameter, ...]:
    """The reference parameters of a type that chains, `_has` and includes may follow, by name."""
    parameters = parameters_of(definitions).of(resource_type)
    return tuple(
        each
        for _, each in sorted(parameters.items())
        if each.definition.type == "reference" and why_not_followed(each) is None
    )


def supported_parameters(resource_type: str, definitions: Definitions) -> tuple[SearchParameter, ...]:
    """The search parameters of a type that queries may use, by name, without modifiers or chains."""
    parameters = parameters_of(definitions).of(resource_type)
    return tuple(
        each.definition for name, each in sorted(parameters.items()) if name == FILTER or why_not_offered(each) is None
    )


def supported_includes(resource_type: str, definitions: Definitions) -> tuple[str, ...]:
    """What `_include` may name in a search of this type (`CapabilityStatement.rest.resource.searchInclude`)."""
    found = [f"{resource_type}:{each.name}" for each in followed_parameters(resource_type, definitions)]
    return ("*", *found) if found else ()


def supported_revincludes(
    resource_type: str, definitions: Definitions, kept_apart: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """What `_revinclude` may name in a search of this type (`searchRevInclude`); `kept_apart` as in `SearchContext`."""
    return tuple(
        f"{source}:{each.name}"
        for source in definitions.resource_types
        if source not in kept_apart
        for each in followed_parameters(source, definitions)
        if resource_type in each.target_types()
    )

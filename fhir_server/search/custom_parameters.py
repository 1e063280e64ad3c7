"""Search parameters that are resources of this server: read, and checked before they take effect.

https://hl7.org/fhir/R4/searchparameter.html. One with the status `active` is used; a draft may be unfinished, a retired
one is used no more.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import SearchParameter
from fhir_server.outcome import FhirError, Issue, Unprocessable
from fhir_server.search.extraction_plan import has_entries
from fhir_server.search.parameter_types import TYPE_BY_NAME
from fhir_server.search.parameters import Parameters

TYPE: Final = "SearchParameter"
_ABSTRACT: Final = ("Resource", "DomainResource")
_WITHOUT_NARRATIVE: Final = frozenset({"Binary", "Bundle", "Parameters"})
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9\-]{0,63}", re.ASCII)
_NOT_OFFERED: Final = frozenset({"special"})

Json = dict[str, Any]


def is_active(resource: Json) -> bool:
    """Whether it takes effect."""
    return resource.get("status") == "active"


def types_of(parameter: SearchParameter, definitions: Definitions) -> tuple[str, ...]:
    """The resource types that it is for, sorted; `Resource` stands for all of them."""
    found: set[str] = set()
    for base in parameter.base:
        if base in _ABSTRACT:
            left_out = _WITHOUT_NARRATIVE if base == "DomainResource" else frozenset[str]()
            found |= set(definitions.resource_types) - left_out
        else:
            found.add(base)
    return tuple(sorted(found))


def read(resource: Json, id: str) -> SearchParameter:
    """The search parameter of a resource that is structurally valid, whether or not it can be used."""
    return SearchParameter(
        code=resource["code"],
        url=resource["url"],
        type=resource["type"],
        base=tuple(dict.fromkeys(resource["base"])),
        expression=resource.get("expression"),
        targets=tuple(dict.fromkeys(resource.get("target", ()))),
        components=tuple((each["definition"], each["expression"]) for each in resource.get("component", ())),
        source=f"{TYPE}/{id}",
    )


def faults(parameter: SearchParameter, definitions: Definitions, others: Sequence[SearchParameter]) -> list[Issue]:
    """Why it cannot be used, all faults at once; none where it can. `others`: what else takes effect on this server."""
    issues = [*_faults_of_code(parameter), *_faults_of_type(parameter), *_faults_of_base(parameter, definitions)]
    issues += _faults_of_components(parameter, definitions)
    if issues:
        return issues
    return [*_rivals(parameter, definitions, others), *_faults_of_expression(parameter, definitions)]


def check(parameter: SearchParameter, definitions: Definitions, others: Sequence[SearchParameter]) -> None:
    """Raise `Unprocessable` with everything for which it cannot be used."""
    issues = faults(parameter, definitions, others)
    if issues:
        raise Unprocessable(issues)


def _faults_of_code(parameter: SearchParameter) -> list[Issue]:
    if _CODE.fullmatch(parameter.code):
        return []
    text = "The code of a search parameter here is a letter, then letters, digits and hyphens: at most 64 characters."
    return [Issue("value", text, ("SearchParameter.code",))]


def _faults_of_type(parameter: SearchParameter) -> list[Issue]:
    if parameter.type in _NOT_OFFERED or parameter.type not in TYPE_BY_NAME:
        text = f"Search parameters of type {parameter.type} cannot be added: their rules are not in the definition."
        return [Issue("not-supported", text, ("SearchParameter.type",))]
    if parameter.expression is None:
        text = "A search parameter that takes effect has an expression: FHIRPath that finds its values."
        return [Issue("required", text, ("SearchParameter.expression",))]
    return []


def _faults_of_base(parameter: SearchParameter, definitions: Definitions) -> list[Issue]:
    issues = []
    for element, names in (("base", parameter.base), ("target", parameter.targets)):
        for place, name in enumerate(names):
            if name not in _ABSTRACT and not definitions.is_resource_type(name):
                text = f"{name[:64]} is no resource type of R4."
                issues.append(Issue("code-invalid", text, (f"SearchParameter.{element}[{place}]",)))
    return issues


def _faults_of_components(parameter: SearchParameter, definitions: Definitions) -> list[Issue]:
    place = "SearchParameter.component"
    if parameter.type != "composite":
        text = "Only a composite search parameter has components."
        return [Issue("business-rule", text, (place,))] if parameter.components else []
    if len(parameter.components) < 2:
        return [Issue("required", "A composite search parameter has at least two components.", (place,))]
    known = {
        each.url
        for name in types_of(parameter, definitions)
        if definitions.is_resource_type(name)
        for each in definitions.search_parameters(name).values()
    }
    return [
        Issue("not-found", f"No search parameter {url[:200]} is known here.", (f"{place}[{number}].definition",))
        for number, (url, _) in enumerate(parameter.components)
        if url.partition("|")[0] not in known
    ]


def _rivals(parameter: SearchParameter, definitions: Definitions, others: Sequence[SearchParameter]) -> list[Issue]:
    """A code means one thing for a type: which of two a query means must never be chance."""
    place = ("SearchParameter.code",)
    issues = []
    for name in types_of(parameter, definitions):
        if parameter.code in definitions.search_parameters(name):
            text = f"{name} has a search parameter {parameter.code} already, which the standard defines."
            issues.append(Issue("duplicate", text, place))
            break
    mine = set(types_of(parameter, definitions))
    for other in others:
        if other.code == parameter.code and not mine.isdisjoint(types_of(other, definitions)):
            text = f"{other.source} is active with the code {parameter.code} for the same type: retire it first."
            issues.append(Issue("duplicate", text, place))
    return issues


def _faults_of_expression(parameter: SearchParameter, definitions: Definitions) -> list[Issue]:
    """The expression must be FHIRPath for each of the types, and find something that can be indexed for one of them."""
    parameters = Parameters(definitions.with_search_parameters([parameter]))
    found = False
    for name in types_of(parameter, definitions):
        try:
            found |= has_entries(parameters, parameters.of(name)[parameter.code])
        except FhirError as error:
            return [Issue(issue.code, issue.diagnostics, ("SearchParameter.expression",)) for issue in error.issues]
    if found:
        return []
    text = f"The expression finds nothing that a search parameter of type {parameter.type} can hold."
    return [Issue("business-rule", text, ("SearchParameter.expression",))]


def by_source(parameters: Sequence[SearchParameter]) -> Mapping[str, SearchParameter]:
    """These search parameters by the resource that defines them."""
    return {each.source: each for each in parameters}

"""token: codes and identifiers, exactly. https://hl7.org/fhir/R4/search.html#token

An Identifier is indexed apart and matched exactly. An element of type code has no system of its own: it is that of the
value set it is bound to, so a system in a query on it is looked up there.
"""

from collections.abc import Mapping
from typing import Any

from fhir_server.outcome import Invalid, NotSupported
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.parameters import Parameter
from fhir_server.search.reading.escapes import split, unescape
from fhir_server.search.reading.references import is_id
from fhir_server.store.criteria import AnyOf, Criterion, IdentifierIs, IdIs, TokenIs

_TEXTS = ("code", "string", "id", "uri", "url", "canonical", "oid", "uuid", "markdown", "System.String")
_BOOLEANS = ("boolean", "System.Boolean")
_WITHOUT_SYSTEM = ("ContactPoint", "uri", "url", "canonical", "oid", "uuid", *_BOOLEANS)
_MODIFIERS = frozenset({"missing", "text", "not", "in", "not-in", "above", "below", "of-type", "ofType"})


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name = extraction.name

    def text(value: Any, draft: Draft) -> None:
        draft.tokens.append((name, "", str(value)))

    def boolean(value: Any, draft: Draft) -> None:
        draft.tokens.append((name, "", "true" if value is True else "false"))

    def coding(value: Any, draft: Draft) -> None:
        system, code = value.get("system", ""), value.get("code", "")
        if system or code:
            draft.tokens.append((name, system, code))

    def concept(value: Any, draft: Draft) -> None:
        for each in value.get("coding", ()):
            coding(each, draft)

    def identifier(value: Any, draft: Draft) -> None:
        system, text = value.get("system", ""), value.get("value", "")
        if system or text:
            draft.identifiers.append((name, system, text))

    def contact(value: Any, draft: Draft) -> None:
        if value.get("value"):
            draft.tokens.append((name, "", value["value"]))

    return {
        **dict.fromkeys(_TEXTS, text),
        **dict.fromkeys(_BOOLEANS, boolean),
        "Coding": coding,
        "CodeableConcept": concept,
        "Identifier": identifier,
        "ContactPoint": contact,
    }


async def _compile(asked: Asked) -> Criterion:
    parameter = asked.parameter
    if parameter.name == "_id":
        return _id_is(parameter, unescape(asked.value))
    system, code = _system_and_code(parameter, asked.value)
    if parameter.is_only(*_BOOLEANS) and code not in ("true", "false"):
        raise Invalid(f"The parameter {parameter.name} is true or false.")
    found: list[Criterion] = []
    if parameter.may_be("Identifier"):
        found.append(IdentifierIs(parameter.name, system, code, parameter.elements))
    if not parameter.is_only("Identifier"):
        if system and parameter.is_only("code"):
            system = _system_of_code(asked, system, code)
        found.append(TokenIs(parameter.name, system, code, parameter.elements))
    return found[0] if len(found) == 1 else AnyOf(tuple(found))


def _id_is(parameter: Parameter, value: str) -> Criterion:
    if not is_id(value):
        raise Invalid("The parameter _id is a logical id: up to 64 letters, digits, hyphens and dots.")
    return IdIs((value,), parameter.elements)


def _system_and_code(parameter: Parameter, value: str) -> tuple[str | None, str | None]:
    parts = [unescape(part) for part in split(value, "|")]
    if len(parts) == 1:
        return None, parts[0]
    if len(parts) > 2 or parts == ["", ""]:
        raise Invalid(f"The parameter {parameter.name} is a code, system|code, |code or system|.")
    if parameter.is_only(*_WITHOUT_SYSTEM):
        raise Invalid(f"The parameter {parameter.name} has no system: give the value alone, without |.")
    return parts[0], parts[1] or None


def _system_of_code(asked: Asked, system: str, code: str | None) -> str:
    """How elements of type code are indexed whose value set gives this system to the code: without one."""
    for element in asked.parameter.code.elements:
        url = element.binding.value_set if element.binding else ""
        value_set = asked.context.definitions.value_set(url)
        if value_set is None or not value_set.complete:
            raise NotSupported(
                f"The system of {element.path} is not known here: search {asked.parameter.name} by the code alone."
            )
        codes = value_set.codes.get(system)
        if codes is not None and (code is None or code in codes):
            return ""
    return system


TOKEN = ParameterType("token", _MODIFIERS, _extractors, _compile)

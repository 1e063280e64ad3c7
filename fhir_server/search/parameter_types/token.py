"""token: codes and identifiers, exactly. https://hl7.org/fhir/R4/search.html#token

An Identifier is indexed apart and matched exactly. An element of type code has no system of its own: it is that of the
value set it is bound to, so a system in a query on it is looked up there.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from fhir_server.outcome import Invalid, NotSupported, TooCostly
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.parameters import Parameter
from fhir_server.search.reading.escapes import split, unescape
from fhir_server.search.reading.folding import fold
from fhir_server.search.reading.references import is_id
from fhir_server.store.criteria import AllOf, AnyOf, Criterion, IdentifierIs, IdIs, TermIs, TokenIs
from fhir_server.store.entries import Term, Token

_TEXTS = ("code", "string", "id", "uri", "url", "canonical", "oid", "uuid", "markdown", "System.String")
_BOOLEANS = ("boolean", "System.Boolean")
_WITHOUT_SYSTEM = ("ContactPoint", "uri", "url", "canonical", "oid", "uuid", *_BOOLEANS)
_MODIFIERS = frozenset({"missing", "text", "not", "in", "not-in", "above", "below", "of-type", "code-text"})
"""`:code-text` is of R5"""
_MEDIA_TYPES = "http://hl7.org/fhir/ValueSet/mimetypes"
_SHOWN = 200


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name = extraction.name
    as_text, as_code_text = f"{name}:text", f"{name}:code-text"

    def add(draft: Draft, system: str, code: str) -> None:
        draft.tokens.append((name, system, code))
        if code:
            draft.terms.append((as_code_text, fold(code)))

    def text(value: Any, draft: Draft) -> None:
        add(draft, "", str(value))

    def boolean(value: Any, draft: Draft) -> None:
        draft.tokens.append((name, "", "true" if value is True else "false"))

    def coding(value: Any, draft: Draft) -> None:
        find = value.get
        tokens, terms = _coding(name, find("system", ""), find("code", ""), find("display"))
        draft.tokens += tokens
        draft.terms += terms

    def concept(value: Any, draft: Draft) -> None:
        for each in value.get("coding", ()):
            coding(each, draft)
        text = value.get("text")
        if text:
            draft.terms.append((as_text, fold(text)))

    return {
        **dict.fromkeys(_TEXTS, text),
        **dict.fromkeys(_BOOLEANS, boolean),
        "Coding": coding,
        "CodeableConcept": concept,
        "Identifier": _identifier(name),
        "ContactPoint": _contact(name),
    }


@lru_cache(16_384)
def _coding(name: str, system: str, code: str, display: str | None) -> tuple[tuple[Token, ...], tuple[Term, ...]]:
    """The entries of a Coding. The same few make up most of a record, often under several parameters."""
    terms: list[Term] = []
    if code:
        terms.append((f"{name}:code-text", fold(code)))
    if display:
        terms.append((f"{name}:text", fold(display)))
    return ((name, system, code),) if system or code else (), tuple(terms)


def _contact(name: str) -> Extract:
    def contact(value: Any, draft: Draft) -> None:
        if value.get("value"):
            draft.tokens.append((name, "", value["value"]))

    return contact


def _identifier(name: str) -> Extract:
    """An identifier, found by system and value, by its type, and by the text of its type."""
    as_text, of_type = f"{name}:text", f"{name}:of-type"

    def identifier(value: Any, draft: Draft) -> None:
        system, text, kind = value.get("system", ""), value.get("value", ""), value.get("type")
        if system or text:
            draft.identifiers.append((name, system, text))
        if kind is None:
            return
        if kind.get("text"):
            draft.terms.append((as_text, fold(kind["text"])))
        for each in kind.get("coding", ()):
            if text:
                draft.identifiers.append((of_type, _type_of(each.get("system", ""), each.get("code", "")), text))

    return identifier


def _type_of(system: str, code: str) -> str:
    """The type of an identifier as one text; lengths keep one system and code apart from another pair."""
    return f"{len(system)}:{system}{code}"


async def _compile(asked: Asked) -> Criterion:
    parameter = asked.parameter
    if parameter.name == "_id":
        if asked.modifier is not None:
            raise asked.refuse()
        return _id_is(parameter, unescape(asked.value))
    if asked.modifier is None:
        return _is(asked)
    compile_modified = _MODIFIED.get(asked.modifier)
    if compile_modified is None:
        raise asked.refuse()
    return compile_modified(asked)


def _is(asked: Asked) -> Criterion:
    """A code or an identifier, exactly."""
    parameter = asked.parameter
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


def _text(asked: Asked) -> Criterion:
    """The text that goes with the code: words of it, each from its beginning."""
    name, elements = f"{asked.parameter.name}:text", asked.parameter.elements
    words = fold(unescape(asked.value)).split()
    if asked.parameter.is_only("code", *_WITHOUT_SYSTEM):
        raise asked.refuse()
    if not words:
        raise Invalid(f"The parameter {name} needs a text of at least one letter or digit.")
    return AllOf(
        tuple(
            AnyOf((TermIs(name, word, "starts", elements), TermIs(name, f" {word}", "contains", elements)))
            for word in words
        )
    )


def _code_text(asked: Asked) -> Criterion:
    """The code itself, from its beginning, without regard to case: of R5, https://hl7.org/fhir/R5/search.html#modifiers"""
    folded = fold(unescape(asked.value))
    if asked.parameter.is_only("Identifier", "ContactPoint", *_BOOLEANS):
        raise asked.refuse()
    if not folded:
        raise Invalid(f"The parameter {asked.parameter.name}:code-text needs the beginning of a code.")
    return TermIs(f"{asked.parameter.name}:code-text", folded, "starts", asked.parameter.elements)


def _of_type(asked: Asked) -> Criterion:
    """An identifier of a type: https://hl7.org/fhir/R4/search.html#token, `system|code|value`."""
    parameter = asked.parameter
    parts = [unescape(part) for part in split(asked.value, "|")]
    if not parameter.may_be("Identifier"):
        raise asked.refuse()
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise Invalid(
            f"The parameter {parameter.name}:of-type is system|code|value: type of the identifier, then its value."
        )
    return IdentifierIs(f"{parameter.name}:of-type", _type_of(parts[0], parts[1]), parts[2], parameter.elements)


def _in(asked: Asked) -> Criterion:
    """A code of a value set that is compiled in."""
    url = unescape(asked.value)
    value_set = asked.context.definitions.value_set(url.partition("|")[0])
    if value_set is None or not value_set.complete or "|" in url:
        raise NotSupported(
            f"The parameter {asked.parameter.name}:in: the codes of the value set {url[:_SHOWN]!r} are not known here. "
            "Known are those that R4 requires somewhere, by their URL without a version."
        )
    return _any_code(asked, [(system, code) for system, codes in value_set.codes.items() for code in codes])


def _hierarchy(asked: Asked) -> Criterion:
    """A code, and those below (or above) it in a code system that is compiled in with its hierarchy."""
    if asked.modifier == "below" and _is_media_type(asked.parameter):
        return _with_parameters(asked)
    system, code = _system_and_code(asked.parameter, asked.value)
    found = None if not system or not code else asked.context.definitions.code_hierarchy(system)
    if found is None or code is None or not found.has(code):
        raise NotSupported(
            f"The parameter {asked.parameter.name}:{asked.modifier} is system|code of a code system whose hierarchy is "
            f"known here: {(system or '')[:_SHOWN]!r} with this code is not."
        )
    codes = found.below(code) if asked.modifier == "below" else found.above(code)
    return _any_code(asked, [(system or "", each) for each in codes])


def _is_media_type(parameter: Parameter) -> bool:
    elements = parameter.code.elements
    return bool(elements) and all(each.binding and each.binding.value_set == _MEDIA_TYPES for each in elements)


def _with_parameters(asked: Asked) -> Criterion:
    """A MIME type, whatever parameters it has: https://hl7.org/fhir/R4/search.html#mimetype"""
    parameter = asked.parameter
    system, code = _system_and_code(parameter, asked.value)
    if system:
        _system_of_code(asked, system, code)
    base = fold(code or "")
    if not base or ";" in base:
        raise Invalid(f"The parameter {parameter.name}:below is a MIME type without parameters, such as text/xml.")
    name, elements = f"{parameter.name}:code-text", parameter.elements
    longer = (TermIs(name, f"{base}{mark}", "starts", elements) for mark in (";", " ;"))
    return AnyOf((TermIs(name, base, "equals", elements), *longer))


def _any_code(asked: Asked, codes: list[tuple[str, str]]) -> Criterion:
    if len(codes) > asked.context.limits.criteria:
        raise TooCostly(f"The parameter {asked.parameter.name}:{asked.modifier} stands for too many codes.")
    parameter = asked.parameter
    if parameter.is_only("Identifier", *_WITHOUT_SYSTEM):
        raise asked.refuse()
    if parameter.is_only("code"):
        codes = [(_system_of_code(asked, system, code), code) for system, code in codes]
    return AnyOf(tuple(TokenIs(parameter.name, system, code, parameter.elements) for system, code in sorted(codes)))


_MODIFIED: Mapping[str, Callable[[Asked], Criterion]] = {
    "text": _text,
    "code-text": _code_text,
    "of-type": _of_type,
    "in": _in,
    "above": _hierarchy,
    "below": _hierarchy,
}


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


TOKEN = ParameterType("token", _MODIFIERS, _extractors, _compile, sortable=True)

"""string: text that starts with what is asked for, without regard to case and accents.

https://hl7.org/fhir/R4/search.html#string. Of a name and an address every part is found, and the text of the whole.
"""

from collections.abc import Mapping
from typing import Any

from fhir_server.outcome import Invalid
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.reading.escapes import unescape
from fhir_server.search.reading.folding import fold
from fhir_server.store.criteria import Criterion, StringIs

_TEXTS = ("string", "markdown", "code", "id", "uri", "url", "canonical", "oid", "uuid", "System.String")
_NAME_PARTS = ("text", "family", "given", "prefix", "suffix")
_ADDRESS_PARTS = ("text", "line", "city", "district", "state", "postalCode", "country")
_NOT_OFFERED = {"phonetic": "matching by sound is not offered; use name"}


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name = extraction.name

    def text(value: Any, draft: Draft) -> None:
        folded = fold(value)
        if folded:
            draft.strings.append((name, folded))

    def parts_of(names: tuple[str, ...]) -> Extract:
        def parts(value: Any, draft: Draft) -> None:
            for part in names:
                found = value.get(part)
                if type(found) is str:
                    text(found, draft)
                elif found is not None:
                    for each in found:
                        if each is not None:
                            text(each, draft)

        return parts

    return {
        **dict.fromkeys(_TEXTS, text),
        "HumanName": parts_of(_NAME_PARTS),
        "Address": parts_of(_ADDRESS_PARTS),
    }


async def _compile(asked: Asked) -> Criterion:
    name = asked.parameter.name
    folded = fold(unescape(asked.value))
    if not folded:
        raise Invalid(f"The parameter {name} needs a text of at least one letter or digit.")
    return StringIs(name, folded, elements=asked.parameter.elements)


STRING = ParameterType(
    "string", frozenset({"missing", "exact", "contains", "text"}), _extractors, _compile, not_offered=_NOT_OFFERED
)

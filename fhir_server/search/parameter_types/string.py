"""string: text that starts with what is asked for, without regard to case and accents.

https://hl7.org/fhir/R4/search.html#string. Of a name and an address every part is found, and the text of the whole.
`:exact` is the text as written, `:contains` any part of it, `:text` words of it, each from its beginning.
"""

from collections.abc import Mapping
from typing import Any

from fhir_server.outcome import Invalid
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.parameters import BY_WORDS
from fhir_server.search.reading.escapes import unescape
from fhir_server.search.reading.folding import fold
from fhir_server.search.text_search import words_asked
from fhir_server.store.criteria import AllOf, AnyOf, Criterion, Elements, ExactIs, StringIs

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
        draft.exacts.append((name, value))

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
    name, elements, text = asked.parameter.name, asked.parameter.elements, unescape(asked.value)
    if name in BY_WORDS:
        if asked.modifier is not None:
            raise asked.refuse()
        return words_asked(asked, text)
    if asked.modifier == "exact":
        return ExactIs(name, text, elements)
    folded = fold(text)
    if not folded:
        raise Invalid(f"The parameter {name} needs a text of at least one letter or digit.")
    match asked.modifier:
        case None:
            return StringIs(name, folded, elements=elements)
        case "contains":
            return StringIs(name, folded, "contains", elements)
        case "text":
            return AllOf(tuple(_word(name, word, elements) for word in folded.split(" ")))
        case _:
            raise asked.refuse()


def _word(name: str, word: str, elements: Elements) -> Criterion:
    """A word of the text begins so."""
    return AnyOf((StringIs(name, word, "starts", elements), StringIs(name, f" {word}", "contains", elements)))


STRING = ParameterType(
    "string",
    frozenset({"missing", "exact", "contains", "text"}),
    _extractors,
    _compile,
    sortable=True,
    not_offered=_NOT_OFFERED,
)

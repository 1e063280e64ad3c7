"""uri: addresses and identifiers of definitions, exactly as written. https://hl7.org/fhir/R4/search.html#uri

A canonical with a version (`url|1.0`) is also found without it.
"""

from collections.abc import Mapping
from typing import Any

from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.reading.escapes import unescape
from fhir_server.store.criteria import Criterion, UriIs


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name = extraction.name

    def plain(value: Any, draft: Draft) -> None:
        draft.uris.append((name, str(value)))

    def canonical(value: Any, draft: Draft) -> None:
        draft.uris.append((name, value))
        url, bar, _ = value.partition("|")
        if bar:
            draft.uris.append((name, url))

    return {"canonical": canonical, **dict.fromkeys(("uri", "url", "oid", "uuid"), plain)}


async def _compile(asked: Asked) -> Criterion:
    return UriIs(asked.parameter.name, unescape(asked.value), asked.parameter.elements)


URI = ParameterType("uri", frozenset({"missing", "above", "below"}), _extractors, _compile)

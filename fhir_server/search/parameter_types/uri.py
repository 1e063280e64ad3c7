"""uri: addresses and identifiers of definitions, as written. https://hl7.org/fhir/R4/search.html#uri

A canonical with a version (`url|1.0`) is also found without it. `:below` finds what lies under a URL, `:above` the URLs
that something lies under, by the segments of their paths; they are for URLs, not for URNs.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from fhir_server.outcome import Invalid
from fhir_server.search.draft import Draft
from fhir_server.search.parameter_type import Asked, Extract, Extraction, ParameterType
from fhir_server.search.reading.escapes import unescape
from fhir_server.store.criteria import AnyOf, Criterion, TermIs, UriIs

BELOW = "below"
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]", re.ASCII)


def _extractors(extraction: Extraction) -> Mapping[str, Extract]:
    name = extraction.name
    below = f"{name}:{BELOW}"

    def add(draft: Draft, uri: str) -> None:
        draft.uris.append((name, uri))
        if "://" in uri:
            draft.terms.append((below, uri))

    def plain(value: Any, draft: Draft) -> None:
        add(draft, str(value))

    def canonical(value: Any, draft: Draft) -> None:
        url, bar, _ = value.partition("|")
        add(draft, url)
        if bar:
            draft.uris.append((name, value))

    return {"canonical": canonical, **dict.fromkeys(("uri", "url", "oid", "uuid"), plain)}


async def _compile(asked: Asked) -> Criterion:
    name, elements, uri = asked.parameter.name, asked.parameter.elements, unescape(asked.value)
    if asked.modifier is None:
        return UriIs(name, uri, elements)
    if asked.modifier == BELOW:
        base = _url(asked, uri)
        return AnyOf((UriIs(name, base, elements), TermIs(f"{name}:{BELOW}", f"{base}/", "starts", elements)))
    if asked.modifier == "above":
        return AnyOf(tuple(UriIs(name, each, elements) for each in _ancestors(_url(asked, uri))))
    raise asked.refuse()


def _url(asked: Asked, text: str) -> str:
    """A URL without a slash at its end. Raises `Invalid` for what is none."""
    if not text.isascii() or _URL.match(text) is None:
        raise Invalid(
            f"The parameter {asked.parameter.name}:{asked.modifier} needs a URL such as http://example.org/a."
        )
    return text.rstrip("/")


def _ancestors(url: str) -> list[str]:
    """The URL and those that it lies under, down to its host, each with and without a slash at the end."""
    scheme, _, rest = url.partition("://")
    segments = rest.split("/")
    urls = [f"{scheme}://{'/'.join(segments[:count])}" for count in range(len(segments), 0, -1)]
    return [form for each in urls for form in (each, f"{each}/")]


URI = ParameterType("uri", frozenset({"missing", "above", "below"}), _extractors, _compile, sortable=True)

"""uri: as written, and by what lies above and below a URL. https://hl7.org/fhir/R4/search.html#uri"""

from typing import Any

import pytest

from fhir_server.search.parse import parse
from fhir_server.store.criteria import AnyOf, Criterion, IsPresent, Not, Query, TermIs, UriIs
from fhir_server.store.matching import Row, matches
from tests.search.parameter_types.asking import asked, indexed, refused
from tests.search.samples import CONTEXT, INDEXER

URL = ("ValueSet.url",)


def uri(text: str) -> UriIs:
    return UriIs("url", text, URL)


def below(base: str) -> AnyOf:
    return AnyOf((uri(base), TermIs("url:below", f"{base}/", "starts", URL)))


@pytest.mark.parametrize(
    ("value", "criterion"),
    [
        ("=http://acme.org/fhir/ValueSet/123", uri("http://acme.org/fhir/ValueSet/123")),
        ("=http://Acme.org/fhir/", uri("http://Acme.org/fhir/")),
        ("=http://acme.org/a|1.0", uri("http://acme.org/a|1.0")),
        ("=urn:oid:1.2.3.4.5", uri("urn:oid:1.2.3.4.5")),
        (r"=urn:a\,b,urn:c", AnyOf((uri("urn:a,b"), uri("urn:c")))),
        (":below=http://acme.org/fhir/", below("http://acme.org/fhir")),
        (":below=http://acme.org/fhir", below("http://acme.org/fhir")),
        (
            ":above=http://acme.org/fhir/ValueSet/123",
            AnyOf(
                tuple(
                    uri(f"http://acme.org{path}")
                    for path in (
                        "/fhir/ValueSet/123",
                        "/fhir/ValueSet/123/",
                        "/fhir/ValueSet",
                        "/fhir/ValueSet/",
                        "/fhir",
                        "/fhir/",
                        "",
                        "/",
                    )
                )
            ),
        ),
        (":above=http://acme.org/", AnyOf((uri("http://acme.org"), uri("http://acme.org/")))),
        (":missing=true", Not(IsPresent("url", URL))),
    ],
)
async def test_what_is_asked(value: str, criterion: Criterion) -> None:
    assert await asked(f"ValueSet?url{value}") == criterion


@pytest.mark.parametrize("modifier", ["above", "below"])
@pytest.mark.parametrize(
    "value", ["urn:oid:1.2", "acme.org/fhir", "http:///path", "://acme.org", "http://é.org", "http://"]
)
async def test_above_and_below_need_a_url(modifier: str, value: str) -> None:
    message = f"The parameter url:{modifier} needs a URL such as http://example.org/a."
    assert await refused(f"ValueSet?url:{modifier}={value}") == ("invalid", message)


async def test_a_url_that_no_library_can_split_is_no_error_of_ours() -> None:
    assert await asked("ValueSet?url:below=http://[") == below("http://[")


async def test_which_modifiers_are_refused() -> None:
    message = "The modifier :contains does not apply to url, a uri parameter."
    assert await refused("ValueSet?url:contains=acme") == ("invalid", message)


@pytest.mark.parametrize(
    ("resource", "name", "found"),
    [
        (
            {"resourceType": "ValueSet", "url": "http://acme.org/a"},
            "url",
            {"uris": [("url", "http://acme.org/a")], "terms": [("url:below", "http://acme.org/a")]},
        ),
        ({"resourceType": "ValueSet", "url": "urn:oid:1.2"}, "url", {"uris": [("url", "urn:oid:1.2")]}),
        (
            {"resourceType": "Basic", "meta": {"profile": ["http://acme.org/a|1.0", "http://acme.org/b", "urn:x"]}},
            "_profile",
            {
                "uris": [
                    ("_profile", "http://acme.org/a"),
                    ("_profile", "http://acme.org/a|1.0"),
                    ("_profile", "http://acme.org/b"),
                    ("_profile", "urn:x"),
                ],
                "terms": [("_profile:below", "http://acme.org/a"), ("_profile:below", "http://acme.org/b")],
            },
        ),
        (
            {"resourceType": "Basic", "meta": {"source": "urn:uuid:5"}},
            "_source",
            {"uris": [("_source", "urn:uuid:5")]},
        ),
    ],
)
def test_what_is_indexed(resource: dict[str, Any], name: str, found: dict[str, list[tuple[Any, ...]]]) -> None:
    assert indexed(resource, name, f"{name}:below") == found


@pytest.mark.parametrize(
    ("url", "asked_for", "found"),
    [
        ("http://acme.org/fhir", "url=http://acme.org/fhir", True),
        ("http://acme.org/fhir", "url=http://acme.org/Fhir", False),
        ("http://acme.org/fhir", "url=http://acme.org/fhir/", False),
        ("http://acme.org/fhir/ValueSet/1", "url:below=http://acme.org/fhir/", True),
        ("http://acme.org/fhir/ValueSet/1", "url:below=http://acme.org/fhir/ValueSet/1", True),
        ("http://acme.org/fhirs", "url:below=http://acme.org/fhir", False),
        ("http://acme.org/Fhir/1", "url:below=http://acme.org/fhir", False),
        ("http://acme.org", "url:below=http://acme.org/fhir", False),
        ("http://acme.org/fhir/", "url:above=http://acme.org/fhir/ValueSet/1", True),
        ("http://acme.org/fhir/ValueSet/2", "url:above=http://acme.org/fhir/ValueSet/1", False),
        ("http://acme.org/fhir/ValueSet/1/2", "url:above=http://acme.org/fhir/ValueSet/1", False),
    ],
)
async def test_what_is_found(url: str, asked_for: str, found: bool) -> None:
    name, _, value = asked_for.partition("=")
    search = await parse("ValueSet", [(name, value)], CONTEXT, strict=True)
    assert isinstance(search.query, Query)
    row = Row("ValueSet", "1", 0, INDEXER.entries({"resourceType": "ValueSet", "url": url}))
    assert matches(search.query.criteria[0], row) is found

"""Searches for what lies inside other resources."""

import pytest

from fhir_server.outcome import FhirError, Invalid, NotSupported
from fhir_server.search.contained import Contained
from fhir_server.search.parse import parse
from fhir_server.store.criteria import AllOf, AnyOf, InGroup, Query, SortKey, StringIs, SystemQuery
from tests.search.queries import pairs, search
from tests.search.samples import CONTEXT

NAME = StringIs("name", "zoe", elements=("Patient.name",))
TYPES = ("Bundle", "Observation", "Patient")


def holds(type: str) -> InGroup:
    return InGroup("#Patient", (NAME,), (f"{type}.contained",))


async def test_contained_resources_only() -> None:
    query = "name=Zoë&_contained=true&_sort=_id&_count=3"
    found = await parse("Patient", pairs(query), CONTEXT, strict=True, types=lambda: TYPES)
    assert found.contained == Contained("Patient", (NAME,), "container", both=False)
    # A Bundle holds entries and no contained resources.
    assert found.query == SystemQuery(
        (Query("Observation", (holds("Observation"),)), Query("Patient", (holds("Patient"),))),
        (SortKey("_id", elements=("Observation.id", "Patient.id")),),
        3,
    )
    assert found.used == tuple(pairs(query))


async def test_contained_resources_and_others() -> None:
    query = "name=Zoë&_contained=both&_containedType=contained"
    found = await parse("Patient", pairs(query), CONTEXT, strict=True, types=lambda: TYPES)
    assert found.contained == Contained("Patient", (NAME,), "contained", both=True)
    assert found.query == SystemQuery(
        (
            Query("Observation", (holds("Observation"),)),
            Query("Patient", (AnyOf((AllOf((NAME,)), holds("Patient"))),)),
        )
    )


async def test_no_contained_resources() -> None:
    found = await search("Patient", "name=Zoë&_contained=false", strict=True)
    assert (found.query, found.contained) == (Query("Patient", (NAME,)), None)


async def test_every_type_can_hold_them() -> None:
    found = await search("Patient", "name=Zoë&_contained=true", strict=True)
    assert isinstance(found.query, SystemQuery)
    types = {part.type for part in found.query.parts}
    assert {"Observation", "CarePlan", "Patient"} <= types
    assert types.isdisjoint({"Binary", "Bundle", "Parameters"})


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        ("_contained=yes", Invalid, "The parameter _contained is one of false, true, both."),
        ("_contained=true", Invalid, "The parameter _contained needs a parameter that says what is searched for."),
        ("_contained=true&name=a&_containedType=x", Invalid, "_containedType is one of container, contained."),
        ("_contained=false&_containedType=container", Invalid, "_containedType goes with _contained=true or both."),
        ("_contained=true&_id=a", NotSupported, "_id and _lastUpdated are not offered together with _contained."),
        ("_contained=true&_filter=not (_id eq a)", NotSupported, "_id and _lastUpdated are not offered together"),
        ("_contained=both&link.name=a", NotSupported, "Chains, _has, _list and hierarchies are not offered together"),
        ("_contained=true&_content=a", NotSupported, "_text and _content are not offered together with _contained."),
        ("_contained=true&_list=7", NotSupported, "Chains, _has, _list and hierarchies are not offered together"),
        (
            "_contained=true&name=a&_sort=name",
            NotSupported,
            "With _contained results are sorted by _id and _lastUpdated.",
        ),
        ("_contained=true&name=a&_include=*", NotSupported, "_include and _revinclude are not offered together with"),
    ],
)
async def test_what_is_refused(query: str, kind: type[FhirError], words: str) -> None:
    with pytest.raises(kind) as caught:
        await search("Patient", query)
    assert type(caught.value) is kind
    assert words in str(caught.value)

"""Searches of several types."""

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.outcome import FhirError, Invalid, Issue, NotSupported
from fhir_server.search.parse import Search, parse_system
from fhir_server.store.criteria import IdIs, LastUpdatedIs, Query, SortKey, SystemQuery, TokenIs
from tests.search.queries import system_search
from tests.search.reading.test_dates import us
from tests.search.samples import CONTEXT

RANGE = (us("2026-01-01T00:00:00Z"), us("2027-01-01T00:00:00Z"))


def updated(type: str) -> LastUpdatedIs:
    return LastUpdatedIs("ge", *RANGE, (f"{type}.meta", f"{type}.meta.lastUpdated"))


async def test_some_types() -> None:
    found = await system_search(
        "_lastUpdated=ge2026&_type=Patient,Observation&_sort=-_lastUpdated&_count=5", strict=True
    )
    assert found == Search(
        SystemQuery(
            (Query("Patient", (updated("Patient"),)), Query("Observation", (updated("Observation"),))),
            (
                SortKey(
                    "_lastUpdated",
                    descending=True,
                    elements=(
                        *("Patient.meta", "Patient.meta.lastUpdated"),
                        *("Observation.meta", "Observation.meta.lastUpdated"),
                    ),
                ),
            ),
            5,
        ),
        used=(
            ("_type", "Patient,Observation"),
            ("_lastUpdated", "ge2026"),
            ("_sort", "-_lastUpdated"),
            ("_count", "5"),
        ),
    )
    assert await parse_system(found.used, CONTEXT, strict=True, types=("Observation", "Patient")) == found


async def test_all_types() -> None:
    found = await parse_system([("_id", "a")], CONTEXT, strict=True, types=r4().resource_types)
    assert isinstance(found.query, SystemQuery)
    assert found.query.parts == tuple(Query(type, (IdIs(("a",), (f"{type}.id",)),)) for type in r4().resource_types)


async def test_types_need_no_criteria() -> None:
    found = await system_search("_type=Patient")
    assert found == Search(SystemQuery((Query("Patient"),)), used=(("_type", "Patient"),))


async def test_what_several_types_share() -> None:
    found = await system_search("_type=Patient,Observation&_has:List:item:status=current&_tag=a&identifier=1&_list=7")
    assert isinstance(found.query, SystemQuery)
    assert [len(part.criteria) for part in found.query.parts] == [4, 4]
    assert found.query.parts[1].criteria[1] == TokenIs("_tag", None, "a", ("Observation.meta", "Observation.meta.tag"))


async def test_given_twice_what_both_name_counts() -> None:
    found = await system_search("_type=Patient,Observation&_type=Observation")
    assert isinstance(found.query, SystemQuery)
    assert [part.type for part in found.query.parts] == ["Observation"]
    with pytest.raises(Invalid, match="no type stands in all of them"):
        await system_search("_type=Patient&_type=Observation")


async def test_what_one_of_the_types_lacks_is_not_used() -> None:
    found = await system_search("_type=Patient,Observation&gender=male&_tag=a")
    assert (found.used, found.issues) == (
        (("_type", "Patient,Observation"), ("_tag", "a")),
        (Issue("not-supported", "Observation has no search parameter gender: it was not used.", severity="warning"),),
    )
    with pytest.raises(Invalid, match="Observation has no search parameter gender"):
        await system_search("_type=Patient,Observation&gender=male", strict=True)


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        ("", Invalid, "A search of all types needs a parameter that all have, such as _lastUpdated, or _type."),
        ("_count=5&_sort=_id", Invalid, "A search of all types needs a parameter that all have"),
        ("gender=male", Invalid, "A search of all types needs a parameter that all have"),
        ("_type=", Invalid, "The parameter _type names resource types that can be searched here, not ''."),
        ("_type=Nothing", Invalid, "resource types that can be searched here, not 'Nothing'."),
        ("_type=Encounter", Invalid, "resource types that can be searched here, not 'Encounter'."),
        ("_type:not=Patient", Invalid, "The parameter _type belongs to searches of the whole system, and has no mod"),
        (
            "_type=Patient&_sort=birthdate",
            Invalid,
            "_sort: a search of several types is sorted by _id and _lastUpdated.",
        ),
        ("_type=Patient&_contained=true", NotSupported, "The parameter _contained is offered in searches of one type."),
        ("_type=Patient&_containedType=contained", NotSupported, "_contained is offered in searches of one type."),
    ],
)
async def test_what_is_refused(query: str, kind: type[FhirError], words: str) -> None:
    with pytest.raises(kind) as caught:
        await system_search(query)
    assert type(caught.value) is kind
    assert words in str(caught.value)


async def test_elements_and_includes_of_several_types() -> None:
    found = await system_search("_type=Patient,Observation&_elements=name,code,nose&_include=Observation:subject")
    assert found.elements == ("name", "code")
    assert [issue.diagnostics for issue in found.issues] == ["_elements: none of the types has no element nose."]
    assert [each.source for each in found.includes] == ["Observation"]

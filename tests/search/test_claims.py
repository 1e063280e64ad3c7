"""The keys by which rival conditional writes notice one another."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.claims import carried_keys, dependent_keys
from fhir_server.search.parse import conditional_criteria
from fhir_server.store.criteria import Chained, IdentifierIs
from fhir_server.store.entries import Entries
from tests.search.queries import pairs
from tests.search.samples import CONTEXT, INDEXER, NHS_NUMBER, NOW_MS, OBSERVATION, PATIENT


async def keys(resource_type: str, query: str) -> frozenset[str]:
    return dependent_keys(resource_type, await conditional_criteria(resource_type, pairs(query), CONTEXT))


@pytest.mark.parametrize(
    "query",
    [
        f"identifier={NHS_NUMBER}|9449305552",
        "identifier=9449305552",
        "identifier=|HN-7",
        "identifier=HN-7",
        f"birthdate=1941-07-05&identifier={NHS_NUMBER}|9449305552",
        "identifier=nobody,9449305552",
        "identifier=9449305552&name=a",
    ],
)
async def test_criteria_by_an_identifier_meet_the_body_that_carries_it(query: str) -> None:
    assert not carried_keys("Patient", INDEXER.entries(PATIENT)).isdisjoint(await keys("Patient", query))


async def test_other_identifiers_and_other_types_do_not_meet() -> None:
    carried = carried_keys("Patient", INDEXER.entries(PATIENT))
    assert carried == {"Patient?identifier=9449305552", "Patient?identifier=HN-7"}
    assert carried.isdisjoint(await keys("Patient", f"identifier={NHS_NUMBER}|9449305553"))
    assert carried.isdisjoint(await keys("Person", f"identifier={NHS_NUMBER}|9449305552"))


def test_identifiers_of_what_a_resource_refers_to_are_not_carried() -> None:
    assert carried_keys("Observation", INDEXER.entries(OBSERVATION)) == {"Observation?identifier=A-1"}
    assert carried_keys("Patient", Entries(identifiers=(("identifier", "urn:x", ""),))) == frozenset()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("code=a&subject=Patient/1", "subject=Patient/1&code=a"),
        ("code=a,b", "code=b,a"),
        ("subject=Patient/1", "subject=https://here.example/fhir/Patient/1"),
        ("date=2026-01-01", "date=eq2026-01-01"),
        ("identifier=x|", "identifier=x|"),
        ("subject:Patient.name=a&code=b", "code=b&subject:Patient.name=a"),
        ("patient.gender=male,female", "patient.gender=female,male"),
        ("patient._id=a,b", "patient._id=b,a,b"),
        ("_has:AuditEvent:entity:type=a,b", "_has:AuditEvent:entity:type=b,a"),
        ("code:not=a,b", "code:not=b,a"),
        ("code=a&code=a", "code=a"),
        ("code=a,b", "_filter=code eq b or code eq a"),
        ("code=a&status=final", "_filter=(status eq final) and code eq a"),
        ("_id=a,b", "_id=b,a"),
    ],
)
async def test_criteria_that_mean_the_same_have_the_same_key(one: str, other: str) -> None:
    assert await keys("Observation", one) == await keys("Observation", other)


async def test_what_moves_with_the_time_is_not_in_the_key() -> None:
    asked = [("birthdate", "ap1941")]
    later = replace(CONTEXT, clock_ms=lambda: NOW_MS + 3_600_000)
    one, other = [await conditional_criteria("Patient", asked, context) for context in (CONTEXT, later)]
    assert one != other
    assert dependent_keys("Patient", one) == dependent_keys("Patient", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("code=a", "code=b"),
        ("code=a", "code=|a"),
        ("code=a", "code=a&status=final"),
        ("identifier=x|", "identifier=y|"),
        ("date=ge2026", "date=le2026"),
        ("subject:Patient.name=a", "subject:Patient.name=b"),
        ("subject:Patient.name=a", "patient.name=a"),
        ("_has:AuditEvent:entity:type=a", "_has:Provenance:target:agent=a"),
        ("code:not=a", "code=a"),
        ("code:missing=true", "code:missing=false"),
        ("_filter=code eq a or status eq final", "_filter=code eq a and status eq final"),
    ],
)
async def test_other_criteria_have_other_keys(one: str, other: str) -> None:
    assert (await keys("Observation", one)).isdisjoint(await keys("Observation", other))


async def test_what_moves_with_the_time_is_not_in_the_key_of_a_chain() -> None:
    asked = [("patient.birthdate", "ap1941"), ("code", "a")]
    later = replace(CONTEXT, clock_ms=lambda: NOW_MS + 3_600_000)
    one, other = [await conditional_criteria("Observation", asked, context) for context in (CONTEXT, later)]
    assert one != other
    assert dependent_keys("Observation", one) == dependent_keys("Observation", other)


async def test_an_identifier_inside_a_filter_meets_the_body() -> None:
    filter = f"_filter=identifier eq {NHS_NUMBER}|9449305552 and birthdate eq 1941-07-05"
    assert await keys("Patient", filter) == {"Patient?identifier=9449305552"}
    assert await keys("Patient", "_filter=identifier eq 1 or identifier eq 2") == {
        "Patient?identifier=1",
        "Patient?identifier=2",
    }


def test_the_identifier_of_what_is_referred_to_is_in_no_body_of_the_type() -> None:
    criteria = (IdentifierIs("subject:identifier", NHS_NUMBER, "1"), IdentifierIs("identifier", None, "A-1"))
    assert dependent_keys("Observation", criteria) == {"Observation?identifier=A-1"}
    alone = dependent_keys("Observation", criteria[:1])
    assert [key.partition("#")[0] for key in alone] == ["Observation?"]
    chained = (Chained("subject", "Patient", (IdentifierIs("identifier", None, "1"),)),)
    assert [key.partition("#")[0] for key in dependent_keys("Observation", chained)] == ["Observation?"]


async def test_there_is_always_a_key() -> None:
    assert len(await keys("Observation", "code=a&identifier=x|")) == 1
    assert dependent_keys("Observation", ()) != frozenset()


SYSTEMS = st.sampled_from(["", "urn:a", "urn:b"])
VALUES = st.text(alphabet="ab|,\\$", min_size=1, max_size=4)


@given(SYSTEMS, VALUES, st.sampled_from(["{system}|{value}", "{value}", "|{value}"]))
def test_every_form_of_the_criteria_meets_the_body(system: str, value: str, form: str) -> None:
    escaped = "".join("\\" + each if each in "|,\\$" else each for each in value)
    query = form.format(system=system, value=escaped)
    found = asyncio.run(keys_of(query))
    carried = carried_keys("Patient", Entries(identifiers=(("identifier", system, value),)))
    assert found <= carried


async def keys_of(query: str) -> frozenset[str]:
    return dependent_keys("Patient", await conditional_criteria("Patient", [("identifier", query)], CONTEXT))

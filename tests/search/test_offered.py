"""What is offered is one answer: the list, and what queries accept."""

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.definitions.structures import SearchParameter
from fhir_server.outcome import FhirError, NotSupported
from fhir_server.search.offered import (
    WITHOUT_DEFINITION,
    supported_includes,
    supported_parameters,
    supported_revincludes,
)
from fhir_server.search.parse import parse
from fhir_server.store.criteria import Query
from tests.search.samples import CONTEXT

GOOD = {"token": "true", "reference": "Patient/1", "date": "2026", "string": "a", "uri": "urn:x"}


TYPES = {each.url: each.type for type in r4().resource_types for each in r4().search_parameters(type).values()}


def good_value(name: str, definition: SearchParameter) -> str:
    if name == "relationship":  # R4 has the definitions of its two components the wrong way round
        return "true$Patient/1"
    if definition.components:
        return "$".join(GOOD.get(TYPES[url], "1") for url, _ in definition.components)
    return {"_filter": "_id eq a", "near": "53.54|-2.11|10|km"}.get(name, GOOD.get(definition.type, "1"))


def test_the_parameters_of_a_patient() -> None:
    assert [parameter.code for parameter in supported_parameters("Patient", r4())] == [
        "_content",
        "_filter",
        "_id",
        "_lastUpdated",
        "_profile",
        "_security",
        "_source",
        "_tag",
        "_text",
        "active",
        "address",
        "address-city",
        "address-country",
        "address-postalcode",
        "address-state",
        "address-use",
        "birthdate",
        "death-date",
        "deceased",
        "email",
        "family",
        "gender",
        "general-practitioner",
        "given",
        "identifier",
        "language",
        "link",
        "mothersMaidenName",
        "name",
        "organization",
        "phone",
        "telecom",
    ]


@pytest.mark.parametrize("resource_type", r4().resource_types)
async def test_queries_accept_what_is_listed_and_refuse_the_rest(resource_type: str) -> None:
    listed = {parameter.code for parameter in supported_parameters(resource_type, r4())}
    for name, definition in r4().search_parameters(resource_type).items():
        value = good_value(name, definition)
        try:
            found = await parse(resource_type, [(name, value)], CONTEXT, strict=True)
            accepted = isinstance(found.query, Query) and len(found.query.criteria) == 1
        except NotSupported:
            accepted = False
        except FhirError as error:
            raise AssertionError(f"{resource_type}?{name}={value}: {error}") from error
        assert accepted is (name in listed), f"{resource_type}.{name}"
    assert len(listed) > 5


def test_the_includes_of_a_patient() -> None:
    assert supported_includes("Patient", r4()) == (
        "*",
        "Patient:general-practitioner",
        "Patient:link",
        "Patient:organization",
    )
    assert supported_includes("Parameters", r4()) == ()
    found = supported_revincludes("Patient", r4())
    assert {"Observation:patient", "Observation:subject", "CarePlan:patient", "Provenance:target"} <= set(found)
    assert "Observation:encounter" not in found
    assert [each for each in found if each.startswith("AuditEvent:")] == [
        "AuditEvent:agent",
        "AuditEvent:entity",
        "AuditEvent:patient",
        "AuditEvent:source",
    ]
    assert supported_revincludes("Patient", r4(), frozenset({"AuditEvent"})) == tuple(
        each for each in found if not each.startswith("AuditEvent:")
    )


@pytest.mark.parametrize("resource_type", r4().resource_types)
async def test_queries_accept_every_include_that_is_listed(resource_type: str) -> None:
    for name, listed in (
        ("_include", supported_includes(resource_type, r4())),
        ("_revinclude", supported_revincludes(resource_type, r4())),
    ):
        for value in listed:
            found = await parse(resource_type, [(name, value)], CONTEXT, strict=True)
            assert len(found.includes) >= 1, value


async def test_queries_accept_the_parameters_without_a_definition() -> None:
    queries = {"_has": ("_has:Observation:patient:status", "final"), "_list": ("_list", "42")}
    assert set(queries) == {name for name, _ in WITHOUT_DEFINITION}
    for query in queries.values():
        assert len((await parse("Patient", [query], CONTEXT, strict=True)).used) == 1

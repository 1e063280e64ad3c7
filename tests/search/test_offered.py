"""What is offered is one answer: the list, and what queries accept."""

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.outcome import FhirError, NotSupported
from fhir_server.search.offered import supported_parameters
from fhir_server.search.parse import parse
from tests.search.samples import CONTEXT

GOOD = {"token": "true", "reference": "Patient/1", "date": "2026", "string": "a", "uri": "urn:x"}


def test_the_parameters_of_a_patient() -> None:
    assert [parameter.code for parameter in supported_parameters("Patient", r4())] == [
        "_id",
        "_lastUpdated",
        "_profile",
        "_security",
        "_source",
        "_tag",
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
        value = GOOD.get(definition.type, "1")
        try:
            found = await parse(resource_type, [(name, value)], CONTEXT, strict=True)
            accepted = len(found.query.criteria) == 1
        except NotSupported:
            accepted = False
        except FhirError as error:
            raise AssertionError(f"{resource_type}?{name}={value}: {error}") from error
        assert accepted is (name in listed), f"{resource_type}.{name}"
    assert len(listed) > 5

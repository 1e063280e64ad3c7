"""capabilities: what is claimed is there, and what is there is claimed."""

from typing import Any

from fhir_server.definitions.definitions import r4
from fhir_server.interactions import INTERACTIONS
from fhir_server.validation import Validator
from tests.running import BASE, Client

VALUES = {
    "token": "x",
    "reference": "Patient/x",
    "date": "2026",
    "string": "x",
    "uri": "urn:x",
}


async def _statement(fhir: Client) -> dict[str, Any]:
    answer = await fhir.get("metadata")
    assert answer.status_code == 200
    statement: dict[str, Any] = answer.json()
    return statement


async def test_the_statement_is_valid_and_names_this_server(fhir: Client) -> None:
    statement = await _statement(fhir)
    assert Validator(r4()).validate(statement) == []
    rest = statement.pop("rest")
    assert statement == {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": statement["date"],
        "kind": "instance",
        "software": {"name": "fhir-server", "version": statement["software"]["version"]},
        "implementation": {"description": "FHIR R4 shared care record", "url": BASE},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json", "application/fhir+xml", "xml"],
        "patchFormat": [
            "application/json-patch+json",
            "application/xml-patch+xml",
            "application/fhir+json",
            "application/fhir+xml",
        ],
    }
    assert [code["code"] for code in rest[0]["interaction"]] == ["transaction", "batch", "history-system"]
    assert len(rest[0]["compartment"]) == 5
    assert {resource["type"] for resource in rest[0]["resource"]} == set(r4().resource_types) - {"Parameters"}


async def test_every_type_has_the_declared_interactions(fhir: Client) -> None:
    resources = {resource["type"]: resource for resource in (await _statement(fhir))["rest"][0]["resource"]}
    codes = [code["code"] for code in resources["Patient"]["interaction"]]
    declared = {i.code for i in INTERACTIONS if i.level != "system" and i.code != "search-compartment"}
    assert set(codes) == declared
    audit = resources["AuditEvent"]
    assert [code["code"] for code in audit["interaction"]] == ["read", "search-type"]
    assert [parameter["name"] for parameter in audit["searchParam"]] == ["date", "patient"]
    for name, resource in resources.items():
        if name != "AuditEvent":
            assert resource["interaction"] == resources["Patient"]["interaction"]


async def test_every_search_parameter_that_is_claimed_works(fhir: Client) -> None:
    tried = 0
    for resource in (await _statement(fhir))["rest"][0]["resource"]:
        for parameter in resource["searchParam"]:
            value = "_id eq x" if parameter["name"] == "_filter" else VALUES[parameter["type"]]
            if parameter["name"] == "_lastUpdated":
                value = "ge2026-01-01"
            query = f"{resource['type']}?{parameter['name']}={value}&_summary=count"
            if resource["type"] == "AuditEvent":
                query = query.removesuffix("&_summary=count")
            answer = await fhir.get(query, prefer="handling=strict")
            if "is true or false" in answer.text:
                answer = await fhir.get(query.replace("=x&", "=true&"), prefer="handling=strict")
            assert answer.status_code == 200, (query, answer.text)
            tried += 1
    assert tried > 1000


async def test_what_is_not_claimed_is_refused(fhir: Client) -> None:
    for query in ("Observation?value-quantity=5", "Location?near=1|1", "Observation?code-value-quantity=x$5"):
        assert (await fhir.get(query)).status_code == 400

"""capabilities: what is claimed is there, and what is there is claimed."""

from typing import Any

from fhir_server.definitions.definitions import r4
from fhir_server.interactions import INTERACTIONS
from fhir_server.search.offered import WITHOUT_DEFINITION
from fhir_server.validation import Validator
from tests.running import BASE, Client
from tests.search.test_offered import good_value


def _value(type: str, name: str) -> str:
    """A value that the parameter takes."""
    if name in dict(WITHOUT_DEFINITION):
        return "x"
    return good_value(name, r4().search_parameters(type)[name])


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
    assert [code["code"] for code in rest[0]["interaction"]] == [
        "transaction",
        "batch",
        "search-system",
        "history-system",
    ]
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
            name = parameter["name"]
            query = f"{resource['type']}?{name}={_value(resource['type'], name)}"
            if resource["type"] != "AuditEvent":
                query += "&_summary=count"
            answer = await fhir.get(query, prefer="handling=strict")
            assert answer.status_code == 200, (query, answer.text)
            tried += 1
    assert tried > 1000


async def test_what_is_not_claimed_is_refused(fhir: Client) -> None:
    claimed = {
        (resource["type"], parameter["name"])
        for resource in (await _statement(fhir))["rest"][0]["resource"]
        for parameter in resource["searchParam"]
    }
    tried = set()
    for type in set(r4().resource_types) - {"Parameters", "AuditEvent"}:
        for name in r4().search_parameters(type):
            if (type, name) not in claimed:
                answer = await fhir.get(f"{type}?{name}={_value(type, name)}")
                assert answer.status_code == 400, (type, name)
                assert answer.json()["issue"][0]["code"] == "not-supported"
                tried.add(name)
    assert tried == {"_query", "age", "birthOrderBoolean", "part-agree", "phonetic"}

"""patch through HTTP: three formats, alone and in Bundles, and what none of them can do."""

import base64
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.model.xml.writer import write
from tests.running import Client, encoded, observation, patient

JSON_PATCH = "application/json-patch+json"
XML_PATCH = "application/xml-patch+xml"
FHIR = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
R4 = r4()


def _parameters(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(operations)}


def _operation(kind: str, path: str, *parts: dict[str, Any]) -> dict[str, Any]:
    fixed = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}]
    return {"name": "operation", "part": [*fixed, *parts]}


def _replace(path: str, **value: Any) -> dict[str, Any]:
    return _parameters(_operation("replace", path, {"name": "value", **value}))


def _diff(*operations: str) -> bytes:
    return f'<diff xmlns="http://hl7.org/fhir">{"".join(operations)}</diff>'.encode()


IN_JSON = msgspec.json.encode([{"op": "replace", "path": "/status", "value": "amended"}])
IN_XML = _diff('<replace sel="f:Observation/f:status/@value">amended</replace>')
IN_FHIRPATH = _replace("Observation.status", valueCode="amended")
# The same patch in each format.
SAME = [
    (JSON_PATCH, IN_JSON),
    (XML_PATCH, IN_XML),
    (FHIR, encoded(IN_FHIRPATH)),
    ("application/json", encoded(IN_FHIRPATH)),
    (FHIR_XML, write(encoded(IN_FHIRPATH), R4)),
    ("text/xml", write(encoded(IN_FHIRPATH), R4)),
]


async def _there(fhir: Client) -> httpx.Response:
    await fhir.put(patient("p"))
    return await fhir.put(
        observation(
            "Patient/p", "o", valueQuantity={"value": Decimal("1.10")}, note=[{"text": 'two\n"lines" & <more>'}]
        )
    )


@pytest.mark.parametrize(("content_type", "patch"), SAME, ids=[name for name, _ in SAME])
async def test_a_patch_changes_what_it_names_and_nothing_else(fhir: Client, content_type: str, patch: bytes) -> None:
    before = (await _there(fhir)).json()
    answer = await fhir.send("PATCH", "Observation/o", patch, content_type=content_type, if_match='W/"1"')
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    after = answer.json()
    assert after["meta"].pop("versionId") == "2"
    for resource in (before, after):
        resource["meta"].pop("lastUpdated")
    before["meta"].pop("versionId")
    assert after == before | {"status": "amended"}
    assert b'"value":1.10}' in answer.content
    late = await fhir.send("PATCH", "Observation/o", patch, content_type=content_type, if_match='W/"1"')
    assert late.status_code == 412
    again = await fhir.send("PATCH", "Observation/o", patch, content_type=content_type)
    assert (again.status_code, again.headers["etag"]) == (200, 'W/"2"')


@pytest.mark.parametrize(("content_type", "patch"), SAME, ids=[name for name, _ in SAME])
async def test_there_must_be_something_to_patch(fhir: Client, content_type: str, patch: bytes) -> None:
    assert (await fhir.send("PATCH", "Observation/none", patch, content_type=content_type)).status_code == 404
    await _there(fhir)
    await fhir.send("DELETE", "Observation/o")
    assert (await fhir.send("PATCH", "Observation/o", patch, content_type=content_type)).status_code == 410


CHANGED_TYPE = '<replace sel="f:Observation"><Patient><id value="o"/></Patient></replace>'


@pytest.mark.parametrize(
    ("content_type", "patch", "status", "expression"),
    [
        (JSON_PATCH, msgspec.json.encode([{"op": "replace", "path": "/id", "value": "x"}]), 422, "Observation.id"),
        (JSON_PATCH, msgspec.json.encode([{"op": "remove", "path": "/id"}]), 422, "Observation.id"),
        (JSON_PATCH, msgspec.json.encode([{"op": "remove", "path": "/resourceType"}]), 422, "Observation.id"),
        (JSON_PATCH, msgspec.json.encode([{"op": "add", "path": "", "value": []}]), 422, None),
        (JSON_PATCH, msgspec.json.encode([{"op": "remove", "path": "/status"}]), 400, "Observation.status"),
        (XML_PATCH, _diff('<replace sel="f:Observation/f:id/@value">x</replace>'), 422, "Observation.id"),
        (XML_PATCH, _diff('<remove sel="f:Observation/f:id"/>'), 422, "Observation.id"),
        (XML_PATCH, _diff(CHANGED_TYPE), 422, "Observation.id"),
        (XML_PATCH, _diff('<remove sel="f:Observation/f:status"/>'), 400, "Observation.status"),
        (XML_PATCH, _diff('<add sel="f:Observation"><nick value="x"/></add>'), 400, "Observation"),
        (XML_PATCH, _diff('<add sel="f:Observation"><language value="cy"/></add>'), 400, "Observation"),  # out of order
        (XML_PATCH, _diff('<remove sel="f:Observation/f:none"/>'), 422, None),
        (XML_PATCH, b"<diff/>", 400, None),
        (XML_PATCH, b"[]", 400, None),
        (FHIR, encoded(_replace("Observation.id", valueId="x")), 422, "Observation.id"),
        (FHIR, encoded(_parameters(_operation("delete", "Observation.id"))), 422, "Observation.id"),
        (FHIR, encoded(_parameters(_operation("delete", "Observation.status"))), 400, "Observation.status"),
        (FHIR, encoded(_replace("Observation.status", valueCode="made-up")), 400, "Observation.status"),
        (FHIR, encoded(_replace("Observation.issued", valueInstant="x")), 400, "Parameters.parameter[0].part[2].value"),
        (FHIR, encoded(_replace("Observation.bodySite", valueCode="x")), 422, "Parameters.parameter[0].part[1]"),
        (FHIR, encoded(_replace("Patient.id", valueCode="x")), 400, "Parameters.parameter[0].part[1]"),
        (FHIR, encoded({"resourceType": "Parameters", "parameter": [{}]}), 400, "Parameters.parameter[0]"),
        (FHIR, encoded(patient("o")), 400, "Patient"),
        (FHIR_XML, write(encoded(patient("o")), R4), 400, "Patient"),
        (FHIR, b"[]", 400, None),
        ("text/plain", b"[]", 415, None),
        ("application/merge-patch+json", b"{}", 415, None),
    ],
)
async def test_what_no_patch_can_do(
    fhir: Client, content_type: str, patch: bytes, status: int, expression: str | None
) -> None:
    before = await _there(fhir)
    answer = await fhir.send("PATCH", "Observation/o", patch, content_type=content_type)
    assert answer.status_code == status, answer.text
    issue = answer.json()["issue"][0]
    assert issue.get("expression", [None])[0] == expression, issue
    assert (await fhir.get("Observation/o")).content == before.content


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        (JSON_PATCH, msgspec.json.encode([{"op": "add", "path": "/meta/versionId", "value": "9"}])),
        (XML_PATCH, _diff('<replace sel="f:Observation/f:meta/f:versionId/@value">9</replace>')),
        (FHIR, encoded(_replace("Observation.meta.versionId", valueId="9"))),
    ],
)
async def test_the_version_is_the_servers(fhir: Client, content_type: str, patch: bytes) -> None:
    await _there(fhir)
    answer = await fhir.send("PATCH", "Observation/o", patch, content_type=content_type)
    assert (answer.status_code, answer.headers["etag"], answer.json()["meta"]["versionId"]) == (200, 'W/"1"', "1")


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        (JSON_PATCH, msgspec.json.encode([{"op": "remove", "path": "/meta/security"}])),
        (XML_PATCH, _diff('<remove sel="f:Patient/f:meta/f:security"/>')),
        (FHIR, encoded(_parameters(_operation("delete", "Patient.meta.security")))),
    ],
)
async def test_a_patch_takes_no_security_label(fhir: Client, content_type: str, patch: bytes) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    await fhir.put(patient("p", meta={"security": [label]}))
    answer = await fhir.send("PATCH", "Patient/p", patch, content_type=content_type)
    assert (answer.status_code, answer.json()["meta"]["security"]) == (200, [label])


async def test_narrative_in_an_xml_patch(fhir: Client) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>one</p></div>'
    await fhir.put(patient("p", text={"status": "generated", "div": div}))
    new = '<h:p xmlns:h="http://www.w3.org/1999/xhtml">two</h:p>'
    patch = _diff(
        '<replace sel="f:Patient/f:text/h:div/h:p"><p xmlns="http://www.w3.org/1999/xhtml">1 &lt; 2</p></replace>'
    )
    answer = await fhir.send("PATCH", "Patient/p", patch, content_type=XML_PATCH)
    assert answer.json()["text"]["div"] == div.replace("one", "1 &lt; 2")
    prefixed = await fhir.send(
        "PATCH", "Patient/p", _diff(f'<add sel="f:Patient/f:text/h:div">{new}</add>'), content_type=XML_PATCH
    )
    assert prefixed.json()["text"]["div"] == div.replace("one</p>", "1 &lt; 2</p><p>two</p>")


def _in_bundle(kind: str, content_type: str, patch: bytes) -> dict[str, Any]:
    if content_type == FHIR:
        resource = msgspec.json.decode(patch)
    else:
        data = base64.b64encode(patch).decode()
        resource = {"resourceType": "Binary", "contentType": content_type, "data": data}
    request = {"method": "PATCH", "url": "Observation/o"}
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": resource, "request": request}]}


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize(("content_type", "patch"), SAME, ids=[name for name, _ in SAME])
async def test_patches_in_bundles(fhir: Client, kind: str, content_type: str, patch: bytes) -> None:
    await _there(fhir)
    answer = await fhir.post(_in_bundle(kind, content_type, patch), "")
    assert (answer.status_code, answer.json()["entry"][0]["response"]["status"]) == (200, "200")
    assert (await fhir.get("Observation/o")).json()["status"] == "amended"


@pytest.mark.parametrize(
    ("resource", "expression"),
    [
        (_replace("Observation.none", valueCode="x"), "Bundle.entry[0].resource.parameter[0].part[1]"),
        (patient("x"), "Bundle.entry[0].resource"),
    ],
)
async def test_a_patch_at_fault_in_a_transaction_is_named(
    fhir: Client, resource: dict[str, Any], expression: str
) -> None:
    await _there(fhir)
    bundle = _in_bundle("transaction", FHIR, encoded(resource))
    answer = await fhir.post(bundle, "")
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, [expression])


async def test_a_fhirpath_patch_may_name_another_entry_of_its_transaction(fhir: Client) -> None:
    await _there(fhir)
    full_url = "urn:uuid:5d2c40b5-3b3c-4a2c-9f0e-2d1c1c0a6e11"
    value = {"name": "value", "valueReference": {"reference": full_url}}
    named = _parameters(_operation("add", "Observation", {"name": "name", "valueString": "encounter"}, value))
    encounter = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}}
    bundle = _in_bundle("transaction", FHIR, encoded(named))
    bundle["entry"].append(
        {"fullUrl": full_url, "resource": encounter, "request": {"method": "POST", "url": "Encounter"}}
    )
    answer = await fhir.post(bundle, "")
    assert answer.status_code == 200, answer.text
    made = answer.json()["entry"][1]["response"]["location"].partition("/fhir/")[2].partition("/_history")[0]
    assert (await fhir.get("Observation/o")).json()["encounter"] == {"reference": made}

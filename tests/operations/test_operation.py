"""Operations as declared: addresses, methods, body formats, what the CapabilityStatement claims."""

from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.interactions import INTERACTIONS
from fhir_server.interactions.context import Context
from fhir_server.operations import OPERATIONS
from fhir_server.operations.operation import Operation
from fhir_server.outcome import MethodNotAllowed, NotFound
from fhir_server.request import FhirResponse
from fhir_server.routes import Routes
from tests.mappers.gp_connect.documents import document
from tests.running import Client, encoded, patient


async def _run(_: Context) -> FhirResponse:
    return FhirResponse(200)


EVERYWHERE = Operation("everywhere", ("system", "type", "instance"), _run, changes=False)
OF_PATIENTS = Operation("of-patients", ("type", "instance"), _run, changes=True, types=("Patient",))
ROUTES = Routes((*INTERACTIONS, EVERYWHERE, OF_PATIENTS), r4())


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "$everywhere", EVERYWHERE),
        ("POST", "$everywhere", EVERYWHERE),
        ("GET", "Observation/$everywhere", EVERYWHERE),
        ("POST", "Observation/1/$everywhere", EVERYWHERE),
        ("POST", "Patient/$of-patients", OF_PATIENTS),
        ("POST", "Patient/1/$of-patients", OF_PATIENTS),
    ],
)
def test_where_an_operation_is(method: str, path: str, operation: Operation) -> None:
    assert ROUTES.find(method, tuple(path.split("/")))[0] is operation


@pytest.mark.parametrize(
    "path",
    ["$of-patients", "Observation/$of-patients", "Observation/1/$of-patients", "AuditEvent/1/$everywhere", "$none"],
)
def test_where_none_is(path: str) -> None:
    with pytest.raises(NotFound, match="no operation"):
        ROUTES.find("POST", tuple(path.split("/")))


def test_what_changes_something_is_never_a_get() -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        ROUTES.find("GET", ("Patient", "1", "$of-patients"))
    assert refusal.value.headers == (("Allow", "POST"),)


def test_an_operation_guards_no_type() -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert ROUTES.find(method, ("Patient", "1"))[0].types is None
    assert ROUTES.find("POST", ("Patient",))[0].code == "create"


def test_names_are_unique_and_have_urls() -> None:
    assert len({operation.code for operation in OPERATIONS}) == len(OPERATIONS)
    for operation in OPERATIONS:
        assert operation.code == f"${operation.name}"
        assert operation.url.endswith(f"/OperationDefinition/{operation.name}")


async def test_the_statement_claims_them(fhir: Client) -> None:
    rest = (await fhir.get("metadata")).json()["rest"][0]
    by_type = {resource["type"]: resource.get("operation", []) for resource in rest["resource"]}
    for operation in OPERATIONS:
        claim = {"name": operation.name, "definition": operation.url}
        assert (claim in rest["operation"]) == ("system" in operation.levels)
        claiming = {name for name, claims in by_type.items() if claim in claims}
        assert claiming == set(operation.types or ()), "an operation of this server names its types"


async def test_methods_over_http(fhir: Client) -> None:
    answer = await fhir.get("$ingest")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert (await fhir.send("HEAD", "$ingest")).status_code == 405
    assert (await fhir.send("PUT", "$ingest", b"{}", content_type="application/json")).status_code == 405
    for path in ("Patient/$ingest", "Patient/1/$ingest", "$ingests"):
        answer = await fhir.send("POST", path, b"{}", content_type="application/json")
        assert answer.status_code == 404, path


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "application/json"}, 200),
        ({"content_type": "application/fhir+json; fhirVersion=3.0; charset=utf-8"}, 200),
        ({"content_type": "application/fhir+json;fhirVersion=4.0"}, 200),
        ({"content_type": "application/json; charset=latin-1"}, 415),
        ({"content_type": "application/xml"}, 415),
        ({}, 415),
        ({"content_type": "application/json", "content_encoding": "gzip"}, 415),
        ({"content_type": "application/json", "accept": "text/turtle"}, 406),
    ],
)
async def test_formats_of_a_document(fhir: Client, headers: dict[str, Any], status: int) -> None:
    answer = await fhir.send("POST", "$ingest?mapper=gp-connect", encoded(document()), **headers)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["resourceType"] == "OperationOutcome"


async def test_a_document_may_be_as_large_as_a_bundle(fhir: Client) -> None:
    large = b" " * (20 * 1024 * 1024) + encoded(document())
    answer = await fhir.send("POST", "$ingest?mapper=gp-connect", large, content_type="application/json")
    assert answer.status_code == 200
    answer = await fhir.send("PUT", "Patient/p", large, content_type="application/json")
    assert answer.status_code == 413


async def test_an_operation_in_a_batch(fhir: Client) -> None:
    await fhir.put(patient("a"))
    entries = [{"request": {"method": "GET", "url": "Patient/a/$respect-current"}}]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    answer = await fhir.post(bundle, "")
    assert [entry["response"]["status"] for entry in answer.json()["entry"]] == ["200"]

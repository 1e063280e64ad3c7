"""Search parameters that are posted: checked, used for what comes, and for what is there once that is indexed."""

import asyncio
from typing import Any

import pytest

from tests.running import Client, observation, patient

pytestmark = pytest.mark.usefixtures("on_both_stores")

BED = "http://example.org/fhir/StructureDefinition/bed"


def parameter(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "SearchParameter",
        "url": "http://example.org/fhir/SearchParameter/bed",
        "name": "bed",
        "status": "active",
        "description": "The bed of a resident",
        "code": "bed",
        "base": ["Patient"],
        "type": "string",
        "expression": f"Patient.extension.where(url = '{BED}').value",
        **elements,
    }


def in_bed(id: str, bed: str) -> dict[str, Any]:
    return patient(id, extension=[{"url": BED, "valueString": bed}])


async def status(fhir: Client, id: str) -> dict[str, Any]:
    answer = await fhir.get(f"SearchParameter/{id}/$index-status")
    assert answer.status_code == 200, answer.text
    parts = answer.json()["parameter"]
    return {part["name"]: part.get("valueCode", part.get("valueUnsignedInt")) for part in parts}


async def indexed(fhir: Client, id: str) -> dict[str, Any]:
    """The status once everything is indexed."""
    async with asyncio.timeout(60):
        while (found := await status(fhir, id))["status"] == "building":
            await asyncio.sleep(0.05)
    return found


async def ids(fhir: Client, query: str) -> list[str]:
    answer = await fhir.get(query)
    assert answer.status_code == 200, answer.text
    return [entry["resource"]["id"] for entry in answer.json().get("entry", ()) if entry["search"]["mode"] == "match"]


async def posted(fhir: Client, **elements: Any) -> str:
    answer = await fhir.post(parameter(**elements))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_what_was_there_and_what_comes_is_found(fhir: Client) -> None:
    await fhir.put(in_bed("a", "Oak 1"))
    await fhir.put(in_bed("b", "Elm 2"))
    id = await posted(fhir)
    await fhir.put(in_bed("c", "Oak 3"))
    assert await indexed(fhir, id) == {"status": "complete", "done": 2, "total": 2}
    assert sorted(await ids(fhir, "Patient?bed=oak")) == ["a", "c"]


async def test_while_it_is_indexed_a_search_by_it_says_so(fhir: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.indexing.POLL_SECONDS", 3600.0)
    await fhir.put(in_bed("a", "Oak 1"))
    id = await posted(fhir)
    assert (await status(fhir, id))["status"] == "building"
    answer = await fhir.get("Patient?bed=oak")
    assert answer.status_code == 503
    assert answer.json()["issue"] == [
        {
            "severity": "error",
            "code": "transient",
            "diagnostics": "Resources are still being indexed by bed: see SearchParameter/"
            f"{id}/$index-status, and search again when it is complete.",
        }
    ]


async def test_the_capability_statement_has_it(fhir: Client) -> None:
    id = await posted(fhir)
    await indexed(fhir, id)
    statement = (await fhir.get("metadata")).json()
    people = next(each for each in statement["rest"][0]["resource"] if each["type"] == "Patient")
    assert {"name": "bed", "definition": parameter()["url"], "type": "string"} in people["searchParam"]


async def test_one_with_the_url_of_a_standard_one_takes_nothing_from_it(fhir: Client) -> None:
    """What comes while it is used is found afterwards by a code with a date, or a quantity, as before."""
    await fhir.put(patient("p"))
    clinical = "http://hl7.org/fhir/SearchParameter/"
    names = {
        "x-at": ("clinical-date", "date", "issued"),
        "x-much": ("Observation-value-quantity", "quantity", "component.value"),
    }
    made = [
        await posted(
            fhir, url=clinical + url, code=code, type=kind, base=["Observation"], expression=f"Observation.{element}"
        )
        for code, (url, kind, element) in names.items()
    ]
    for id in made:
        await indexed(fhir, id)
    written = observation("Patient/p", "o", effectiveDateTime="2026-03-01", valueQuantity={"value": 7, "unit": "kg"})
    await fhir.put(written)
    for id in made:
        assert (await fhir.http.delete(f"SearchParameter/{id}")).status_code in (200, 204)
    code = written["code"]["coding"][0]["code"]
    assert await ids(fhir, f"Observation?code={code}&date=2026-03-01") == ["o"]
    assert await ids(fhir, f"Observation?code={code}&value-quantity=gt5") == ["o"]


async def test_a_changed_expression_is_indexed_anew(fhir: Client) -> None:
    await fhir.put(in_bed("a", "Oak 1") | {"name": [{"family": "Elm"}]})
    id = await posted(fhir)
    await indexed(fhir, id)
    await fhir.put(parameter(id=id, expression="Patient.name.family"))
    await indexed(fhir, id)
    assert await ids(fhir, "Patient?bed=elm") == ["a"]
    assert await ids(fhir, "Patient?bed=oak") == []


@pytest.mark.parametrize("ending", ["retired", "deleted"])
async def test_one_that_is_gone_is_unknown(fhir: Client, ending: str) -> None:
    await fhir.put(in_bed("a", "Oak 1"))
    id = await posted(fhir)
    await indexed(fhir, id)
    if ending == "retired":
        assert (await fhir.put(parameter(id=id, status="retired"))).status_code == 200
        assert await status(fhir, id) == {"status": "not-used"}
    else:
        assert (await fhir.send("DELETE", f"SearchParameter/{id}")).status_code == 204
    answer = await fhir.get("Patient?bed=oak", prefer="handling=strict")
    assert answer.status_code == 400


async def test_a_draft_may_be_unfinished_and_is_not_used(fhir: Client) -> None:
    id = await posted(fhir, status="draft", expression="Patient.(")
    assert await status(fhir, id) == {"status": "not-used"}


@pytest.mark.parametrize(
    ("elements", "place"),
    [
        ({"code": "_bed"}, "SearchParameter.code"),
        ({"code": "gender"}, "SearchParameter.code"),
        ({"type": "special"}, "SearchParameter.type"),
        ({"expression": "Patient.extensio"}, "SearchParameter.expression"),
        ({"expression": "Patient.name.("}, "SearchParameter.expression"),
        ({"expression": "Patient.birthDate"}, "SearchParameter.expression"),
        ({"type": "composite", "component": []}, "SearchParameter.component"),
        (
            {
                "type": "composite",
                "component": [
                    {"definition": "http://hl7.org/fhir/SearchParameter/Patient-active", "expression": "$this"},
                    {"definition": "http://example.org/nothing", "expression": "$this"},
                ],
            },
            "SearchParameter.component[1].definition",
        ),
    ],
)
async def test_one_that_cannot_work_is_refused(fhir: Client, elements: dict[str, Any], place: str) -> None:
    resource = {key: value for key, value in parameter(**elements).items() if value != []}
    answer = await fhir.post(resource)
    assert answer.status_code == 422, answer.text
    assert [issue["expression"] for issue in answer.json()["issue"]] == [[place]]
    assert (await fhir.get("SearchParameter?_summary=count")).json()["total"] == 0


async def test_two_with_one_code_are_refused(fhir: Client) -> None:
    await posted(fhir)
    answer = await fhir.post(parameter(url="http://example.org/fhir/SearchParameter/other"))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["SearchParameter.code"]


async def test_of_two_posted_at_once_one_is_used(fhir: Client) -> None:
    answers = await asyncio.gather(
        *(fhir.post(parameter(url=f"http://example.org/fhir/SearchParameter/{n}")) for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [201, *[422] * 5]


async def test_writes_that_run_meanwhile_are_all_found(fhir: Client) -> None:
    async def write(number: int) -> None:
        answer = await fhir.put(in_bed(f"p{number}", f"Oak {number}"))
        assert answer.status_code == 201, answer.text

    writes = [asyncio.create_task(write(number)) for number in range(100)]
    id = await posted(fhir)
    await asyncio.gather(*writes)
    await indexed(fhir, id)
    assert (await fhir.get("Patient?bed=oak&_summary=count")).json()["total"] == 100


async def test_in_a_transaction(fhir: Client) -> None:
    entries = [
        {"resource": parameter(), "request": {"method": "PUT", "url": "SearchParameter/bed"}},
        {"resource": in_bed("a", "Oak 1"), "request": {"method": "PUT", "url": "Patient/a"}},
        {"resource": observation("Patient/a"), "request": {"method": "POST", "url": "Observation"}},
    ]
    entries[0]["resource"]["id"] = "bed"
    answer = await fhir.post({"resourceType": "Bundle", "type": "transaction", "entry": entries}, "")
    assert answer.status_code == 200, answer.text
    await indexed(fhir, "bed")
    assert await ids(fhir, "Patient?bed=oak") == ["a"]


async def test_an_expression_may_use_the_whole_language(fhir: Client) -> None:
    await fhir.put(patient("a", name=[{"family": "Ångström"}], birthDate="1941-07-05"))
    await fhir.put(patient("b", name=[{"family": "Bell"}]))
    initial = await posted(fhir, code="initial", expression="Patient.name.first().family.substring(0, 1)")
    born = await posted(
        fhir,
        url="http://example.org/fhir/SearchParameter/of-age",
        code="of-age",
        type="date",
        expression="Patient.birthDate + 18 years",
    )
    for id in (initial, born):
        assert (await indexed(fhir, id))["status"] == "complete"
    assert await ids(fhir, "Patient?initial=a") == ["a"]
    assert await ids(fhir, "Patient?of-age=1959-07-05") == ["a"]
    assert await ids(fhir, "Patient?of-age:missing=true") == ["b"]


async def test_an_expression_that_would_go_stale_is_refused(fhir: Client) -> None:
    answer = await fhir.post(parameter(type="token", expression="Patient.birthDate > today()"))
    assert answer.status_code == 422
    assert "today() is not offered" in answer.json()["issue"][0]["diagnostics"]


async def test_an_expression_without_end_hurts_no_other_parameter(
    fhir: Client, caplog: pytest.LogCaptureFixture
) -> None:
    endless = await posted(fhir, expression="Patient.name.family.repeat($this & 'a')")
    await indexed(fhir, endless)
    await fhir.put(patient("a", name=[{"family": "Bell"}], gender="female"))
    assert await ids(fhir, "Patient?family=bell&gender=female") == ["a"]
    assert await ids(fhir, "Patient?bed=bell") == []
    assert "SearchParameter/bed takes too long on a Patient" in caplog.text

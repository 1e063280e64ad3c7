"""The care team's pages through HTTP: what they say, what they never say, and that they ask like everybody else."""

import re
from typing import Any

import pytest

from fhir_server.web.rendering import CONTENT_SECURITY_POLICY
from tests.respect.plans import answers, item, plan, revoked, signature, superseded
from tests.running import Client

ROOT = "http://127.0.0.1:8080"
VERIFIED = {
    "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
    "valueCodeableConcept": {"coding": [{"code": "01"}]},
}
HOME = {
    "resourceType": "Organization",
    "id": "home",
    "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "VZZZ1"}],
    "name": "Invented House",
}
SNOMED = "http://snomed.info/sct"


def _person(id: str = "p", **changed: Any) -> dict[str, Any]:
    number = {"extension": [VERIFIED], "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}
    whole = {
        "resourceType": "Patient",
        "id": id,
        "identifier": [number],
        "name": [{"use": "official", "family": "Penhallow", "given": ["Morwenna"], "prefix": ["Mrs"]}],
        "birthDate": "1938-02-11",
        "managingOrganization": {"reference": "Organization/home"},
    }
    return {name: value for name, value in (whole | changed).items() if value is not None}


def _score(of: str, code: str, value: int, on: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": SNOMED, "code": code}]},
        "subject": {"reference": f"Patient/{of}"},
        "effectiveDateTime": on,
        "valueQuantity": {"value": value},
    }


async def _page(fhir: Client, path: str, status: int = 200) -> str:
    """The text of a page, white space single, tags left out; its headers are those of every page about people."""
    answer = await fhir.http.get(ROOT + path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).replace("&#39;", "'").split())


async def _here(fhir: Client, *people: dict[str, Any]) -> None:
    await fhir.put(HOME)
    for person in people or (_person(),):
        assert (await fhir.put(person)).status_code == 201


async def test_the_first_page_lists_homes_and_practices(fhir: Client) -> None:
    assert "No home or practice" in await _page(fhir, "/")
    await _here(fhir)
    await fhir.put({"resourceType": "Organization", "id": "laboratory", "name": "A laboratory"})
    words = await _page(fhir, "/")
    assert "FHIR base address: http://127.0.0.1:8080/fhir" in words
    assert "Find a resident by NHS number." in words
    assert "Organization 2 Patient 1" in words
    page = await fhir.http.get(ROOT + "/")
    assert re.findall(r'href="(/organizations/[^"]+)">([^<]+)', page.text) == [
        ("/organizations/home", "Invented House")
    ]


async def test_the_people_of_a_home_with_what_matters_of_each(fhir: Client) -> None:
    await _here(
        fhir,
        _person(),
        _person("q", name=[{"family": "Aldous", "given": ["Reg"]}], identifier=None, deceasedBoolean=True),
        _person("r", managingOrganization=None),
    )
    await fhir.post(plan("p"))
    await fhir.post(_score("p", "763264000", 7, "2026-02-01"))
    await fhir.post(_score("p", "763264000", 6, "2025-02-01"))
    await fhir.post(_score("p", "1104051000000101", 3, "2026-05-04T10:00:00Z"))
    words = await _page(fhir, "/organizations/home")
    assert "Invented House 2 people." in words
    rows = words.partition("NEWS2 ")[2]
    assert rows.index("ALDOUS, Reg") < rows.index("PENHALLOW, Morwenna (Mrs)")
    assert "Died date not known" in rows
    assert "NHS number not known" in rows
    assert "No plan known here" in rows
    assert "11-Feb-1938 NHS number 999 000 0018 ReSPECT plan Plan in force, not countersigned" in rows
    assert "Frailty (CFS) 7 01-Feb-2026 NEWS2 3 04-May-2026" in rows


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ([plan("p", item=answers(signature("2026-03-01T10:00:00Z", senior=True)))], "Plan in force"),
        ([plan("p")], "Plan in force, not countersigned"),
        (
            [
                plan(
                    "p",
                    item=[
                        *answers(signature("2026-03-01T10:00:00Z", senior=True)),
                        item("9", items=[item("9.1", {"valueDate": "2026-04-01"})]),
                    ],
                )
            ],
            "Plan in force, review date passed",
        ),
        ([plan("p", None)], "Draft only: not in force"),
        ([plan("p", modifierExtension=[revoked()])], "No plan in force: earlier plan ended"),
        ([plan("p", status="entered-in-error")], "No plan known here"),
        ([], "No plan known here"),
    ],
)
async def test_each_status_has_its_own_words(fhir: Client, resources: list[dict[str, Any]], words: str) -> None:
    await _here(fhir)
    for resource in resources:
        assert (await fhir.post(resource)).status_code == 201
    assert f"ReSPECT plan {words} Frailty" in await _page(fhir, "/organizations/home")


async def test_many_people_come_in_pages(fhir: Client) -> None:
    await fhir.put(HOME)
    entries = [
        {"resource": _person(f"p{number}", identifier=None), "request": {"method": "PUT", "url": f"Patient/p{number}"}}
        for number in range(120)
    ]
    await fhir.post({"resourceType": "Bundle", "type": "transaction", "entry": entries}, "")
    first = await fhir.http.get(ROOT + "/organizations/home")
    assert "120 people, 100 on this page" in first.text
    further = re.search(r'href="(\?page=[^"]+)"', first.text)
    assert further is not None
    second = await fhir.http.get(ROOT + "/organizations/home" + further.group(1))
    shown = [set(re.findall(r"/patients/(p\d+)/respect", page.text)) for page in (first, second)]
    assert [len(one) for one in shown] == [100, 20]
    assert not shown[0] & shown[1]


async def test_the_plan_in_force_status_and_cpr_first_then_the_form(fhir: Client) -> None:
    await _here(fhir)
    made = await fhir.post(
        plan("p", item=answers(signature("2026-03-01T10:00:00Z", senior=True), summary="Frail & ill"))
    )
    words = await _page(fhir, "/patients/p/respect")
    places = [
        "PENHALLOW, Morwenna (Mrs)",
        "Born 11-Feb-1938",
        "NHS number 999 000 0018",
        "Plan in force",
        "Signed 01-Mar-2026 10:00.",
        "CPR attempts are NOT recommended",
        "Countersigned by Dr Example, General practitioner, 01-Mar-2026 10:00.",
        "1. The person",
        "2. Health and current condition Frail &amp; ill",
        "3. What matters",
        "4. Recommendations",
        "5. Capacity",
        "6. Who took part",
        "7. Signatures",
        "GMC 0000001",
        "8. Emergency contacts",
        "9. Review",
        f"Version 1 of plan {made.json()['id']}. A newer plan may exist",
    ]
    assert 'href="/organizations/home"' in (await fhir.http.get(ROOT + "/patients/p/respect")).text
    found = [words.find(place, words.find("Shared care record", 10)) for place in places]
    assert -1 not in found, places[found.index(-1)]
    assert found == sorted(found)


async def test_cpr_is_said_from_the_code_not_from_the_words_beside_it(fhir: Client) -> None:
    await _here(fhir)
    resource = plan("p")
    for group in resource["item"]:
        for one in group["item"]:
            if one["linkId"] == "4.3":
                one["answer"][0]["valueCoding"]["display"] = "CPR attempts are recommended"
    assert (await fhir.post(resource)).status_code == 201
    assert "Cardiopulmonary resuscitation CPR attempts are NOT recommended" in await _page(fhir, "/patients/p/respect")


async def test_a_plan_that_ended_is_never_shown_without_saying_so(fhir: Client) -> None:
    await _here(fhir)
    first = (await fhir.post(plan("p"))).json()["id"]
    second = (await fhir.post(plan("p", "2026-04-01T10:00:00Z"))).json()["id"]
    now = await _page(fhir, "/patients/p/respect")
    assert f"plan {second}." in now
    assert "Other plans of this person Superseded: not in force" in now
    for path in (f"/patients/p/respect/{first}", f"/patients/p/respect/{first}/print"):
        words = await _page(fhir, path)
        assert "Superseded: not in force A newer plan took its place on" in words
        assert "Cardiopulmonary resuscitation (not in force)" in words
        assert "Plan in force" not in words.partition("Other plans")[0]
    draft = (await fhir.post(plan("p", None))).json()["id"]
    words = await _page(fhir, f"/patients/p/respect/{draft}")
    assert "Draft: not signed, not in force" in words
    assert "Nobody has signed." in words


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (
            plan("p", modifierExtension=[revoked(reason="Her wish")]),
            "Revoked: not in force Withdrawn on 02-Mar-2026. Her wish",
        ),
        (plan("p", modifierExtension=[superseded()]), "Superseded: not in force"),
        (plan("p", status="entered-in-error"), "Entered in error: not a plan of this person Do not use it."),
    ],
)
async def test_what_is_no_longer_a_plan_says_so(fhir: Client, resource: dict[str, Any], words: str) -> None:
    await _here(fhir)
    id = (await fhir.post(resource)).json()["id"]
    assert words in await _page(fhir, f"/patients/p/respect/{id}")
    assert "No plan known here No ReSPECT plan in force is recorded here." in await _page(fhir, "/patients/p/respect")


async def test_nothing_to_print_is_said(fhir: Client) -> None:
    await _here(fhir)
    assert "There is nothing to print." in await _page(fhir, "/patients/p/respect/print", 404)


async def test_what_the_gp_recorded_is_shown_as_a_fact_that_decides_nothing(fhir: Client) -> None:
    await _here(fhir)
    recorded = _score("p", "450475007", 1, "2025-01-02")
    del recorded["valueQuantity"]
    recorded["code"]["text"] = "For attempted CPR"
    await fhir.post(recorded)
    assert "The GP record says: “For attempted CPR”, 02-Jan-2025. That is not a ReSPECT plan." in await _page(
        fhir, "/patients/p/respect"
    )
    await fhir.post(plan("p"))
    assert "The GP record also says: “For attempted CPR”, 02-Jan-2025. It does not replace the plan" in await _page(
        fhir, "/patients/p/respect"
    )


async def test_a_number_that_is_not_verified_is_shown_as_such(fhir: Client) -> None:
    doubtful = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}
    wrong = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "1234567890"}
    await _here(fhir, _person("p", identifier=[doubtful]), _person("q", identifier=[wrong]))
    assert "999 000 0018 (not verified)" in await _page(fhir, "/patients/p/respect")
    assert "123 456 7890 (not a valid NHS number)" in await _page(fhir, "/patients/q/respect")


@pytest.mark.parametrize(
    "path",
    [
        "/organizations/nothing",
        "/patients/nobody/respect",
        "/patients/nobody/respect/print",
        "/patients/p/respect/other",
        "/patients/p/respect/other/print",
    ],
)
async def test_what_is_not_here_gets_a_readable_page(fhir: Client, path: str) -> None:
    await _here(fhir)
    words = await _page(fhir, path, 404)
    assert "To the organisations" in words
    assert "Traceback" not in words


async def test_a_plan_of_somebody_else_is_not_found_under_this_person(fhir: Client) -> None:
    await _here(fhir, _person("p"), _person("q"))
    other = (await fhir.post(plan("q"))).json()["id"]
    await _page(fhir, f"/patients/p/respect/{other}", 404)


async def test_hostile_names_are_text(fhir: Client) -> None:
    hostile = [{"family": "<script>alert(1)</script>", "given": ['"><img src=x onerror=alert(1)>']}]
    await _here(fhir, _person(name=hostile))
    await fhir.post(plan("p", item=answers(signature("2026-03-01T10:00:00Z"), summary="<b onclick=x>{{ 7*7 }}")))
    for path in ("/organizations/home", "/patients/p/respect", "/patients/p/respect/print"):
        page = (await fhir.http.get(ROOT + path)).text
        assert "<script>" not in page.replace("<SCRIPT>", "<script>")
        assert "<img" not in page
        assert "<b onclick" not in page


async def test_pages_are_audited_like_any_other_reader(fhir: Client) -> None:
    await _here(fhir)
    made = (await fhir.post(plan("p"))).json()["id"]
    before = (await fhir.get("AuditEvent?_count=1")).json()["entry"][0]["resource"]["id"]
    await _page(fhir, "/patients/p/respect")
    events = [entry["resource"] for entry in (await fhir.get("AuditEvent?_count=20")).json()["entry"]]
    new = events[: [event["id"] for event in events].index(before)]
    asked = " ".join(str(event) for event in new)
    assert f"QuestionnaireResponse/{made}/_history/1" in asked
    assert "Patient/p/_history/1" in asked


async def test_our_own_files_are_served_and_nothing_beside_them(fhir: Client) -> None:
    answer = await fhir.http.get(ROOT + "/static/pages.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("/static/../routes.py", "/static/%2e%2e/routes.py", "/static/", "/assets/../routes.py"):
        assert (await fhir.http.get(ROOT + path)).status_code in (404, 405)

"""The examples of the specification's search page through HTTP: each finds exactly what the page says.

https://hl7.org/fhir/R4/search.html. Where the page names a parameter that R4 does not have, the one that is meant.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import quote

import pytest

from tests.running import BASE, Client, running
from tests.search.specification_population import ACME, ALLERGY, LOINC, NUMBERS, SNOMED, UCUM, population


class Asking:
    """The application over the population."""

    def __init__(self, runner: asyncio.Runner, client: Client) -> None:
        self._runner = runner
        self._client = client

    def status(self, path: str) -> tuple[int, Any]:
        """Status and body of the answer to a GET, as a client that insists on every parameter asks."""
        address = quote(path, safe="/?&=:,$*|%()\\+")
        answer = self._runner.run(self._client.get(address, prefer="handling=strict"))
        return answer.status_code, answer.json()

    def bundle(self, path: str) -> Any:
        """The Bundle that is found."""
        status, body = self.status(path)
        assert status == 200, body
        return body

    def posted(self, path: str, form: str) -> Any:
        """The Bundle that a form finds."""
        kind = "application/x-www-form-urlencoded"
        answer = self._runner.run(self._client.send("POST", path, form.encode(), content_type=kind))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self) -> None:
        """Write the population."""

        async def each() -> None:
            for resource in population():
                answer = await self._client.put(resource)
                assert answer.status_code == 201, answer.text

        self._runner.run(each())


@pytest.fixture(scope="module")
def fhir(module_on_both_stores: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """The application, with references to other servers allowed."""
    with asyncio.Runner() as runner:
        opened: AbstractAsyncContextManager[Client] = running(tmp_path_factory.mktemp("page"), references="off")
        asking = Asking(runner, runner.run(opened.__aenter__()))
        asking.write()
        yield asking
        runner.run(opened.__aexit__(None, None, None))


def found(bundle: Any, mode: str = "match") -> list[str]:
    return [each["resource"]["id"] for each in bundle.get("entry", ()) if each["search"]["mode"] == mode]


ALL_OBSERVATIONS = " ".join(each["id"] for each in population() if each["resourceType"] == "Observation")
N = dict(zip(NUMBERS, (f"n{number}" for number in NUMBERS), strict=True))


def numbers(low: str, high: str) -> str:
    """The assessments from one of the numbers to another, both among them."""
    return " ".join(f"n{number}" for number in NUMBERS[NUMBERS.index(low) : NUMBERS.index(high) + 1])


FINDS: dict[str, str] = {
    # Parameters for all resources
    "Patient?_id=23": "23",
    "Observation?_lastUpdated=gt2010-10-01&_count=100": ALL_OBSERVATIONS,
    f"Condition?_tag={ACME}/codes|needs-review": "acme",
    "DiagnosticReport?_profile=http://hl7.org/fhir/StructureDefinition/lipid": "peter",
    "DiagnosticReport?_profile=Profile/lipid": "eve",
    # Number
    "RiskAssessment?probability=gt0.8&_tag=small": "p0.81",
    "RiskAssessment?probability=gt8e-1&_tag=small": "p0.81",
    "RiskAssessment?_tag=table&probability=100": numbers("99.5", "100.4"),
    "RiskAssessment?_tag=table&probability=100.00": numbers("99.995", "100.004"),
    "RiskAssessment?_tag=table&probability=1e2": numbers("95", "104.9"),
    "RiskAssessment?_tag=table&probability=lt100": numbers("94.9", "99.995"),
    "RiskAssessment?_tag=table&probability=le100": numbers("94.9", "100"),
    "RiskAssessment?_tag=table&probability=gt100": numbers("100.004", "105"),
    "RiskAssessment?_tag=table&probability=ge100": numbers("100", "105"),
    "RiskAssessment?_tag=table&probability=ne100": f"{numbers('94.9', '99.4')} {numbers('100.5', '105')}",
    # Date
    "Patient/eve/Procedure?date=eq2013-01-14": "t00 t10 day",
    "Patient/eve/Procedure?date=2013-01-14": "t00 t10 day",
    "Patient/eve/Procedure?date=ne2013-01-14": "t15 pi 2015 from-jan from-mar to-jan",
    "Patient/eve/Procedure?date=lt2013-01-14T10:00": "t00 day to-jan",
    "Patient/eve/Procedure?date=gt2013-01-14T10:00": "t15 day pi 2015 from-jan from-mar to-jan",
    "Patient/eve/Procedure?date=ge2013-03-14": "pi 2015 from-jan from-mar",
    "Patient/eve/Procedure?date=le2013-03-14": "t00 t10 t15 day pi from-jan to-jan",
    "Patient/eve/Procedure?date=sa2013-03-14": "2015 from-mar",
    "Patient/eve/Procedure?date=eb2013-03-14": "t00 t10 t15 day to-jan",
    # A tenth of the years since then reaches January 2013, and not June 2015.
    "Patient/eve/Procedure?date=ap2013-03-14": "t00 t10 t15 day pi from-jan from-mar to-jan",
    "Patient/23/Procedure?date=ge2010-01-01&date=le2011-12-31": "y10 y11",
    "Patient?birthdate=ge2013-03-14": "eve",
    # String
    "Patient?given=eve": "eve evelyn EVE",
    "Patient?given:contains=eve": "eve evelyn EVE severine",
    "Patient?given:exact=Eve": "eve",
    # Uri
    f"ValueSet?url={ACME}/fhir/ValueSet/123": "vs123",
    f"ValueSet?url:below={ACME}/fhir/": "vs123 vs124 vs124-125",
    f"ValueSet?url:above={ACME}/fhir/ValueSet/123/_history/5": "vs123",
    "ValueSet?url=urn:oid:1.2.3.4.5": "oid",
    # Token
    f"Patient?identifier={ACME}/patient|2345": "23",
    "Patient?identifier=2345": "23 eve",
    "Patient?gender=male": "23",
    "Patient?gender:not=male": "eve evelyn severine EVE joes janes",
    "Composition?section=48765-2": "both",
    "Composition?section:not=48765-2": "other none",
    "Patient?active=true": "23",
    f"Condition?code={ACME}/conditions/codes|ha125": "acme",
    "Condition?code=ha125": "acme elsewhere",
    "Condition?code:text=headache": "headache shown",
    "Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|446053": "severine",
    "DocumentReference?contenttype=text/xml": "xml",
    "DocumentReference?contenttype:below=text/xml": "xml xml-utf8",
    "DocumentReference?contenttype:below=TEXT/xml,text/html": "xml xml-utf8 html",
    # Quantity
    f"Observation?value-quantity=5.4|{UCUM}|mg": "q5.4 q5.449 q0.0054g",
    f"Observation?value-quantity=5.40e-3|{UCUM}|g": "q5.4 q0.0054g",
    "Observation?value-quantity=5.4||mg": "q5.4 q5.449 q5.4unit",
    "Observation?value-quantity=5.4": "q5.4 q5.449 q5.4unit q5.4kg",
    f"Observation?value-quantity=le5.4|{UCUM}|mg": "q5.4 q5.3 q0.0054g",
    f"Observation?value-quantity=ap5.4|{UCUM}|mg": "q5.4 q5.449 q5.3 q0.0054g",
    # Reference
    "Observation?subject=Patient/23": "of-23",
    f"Observation?subject={BASE}/Patient/23": "of-23",
    "Observation?subject:Patient=23": "of-23",
    "Observation?patient=23": "of-23",
    f"Observation?subject={ACME}/fhir/Patient/23": "of-23-far",
    f"Observation?subject:identifier={ACME}/fhir/identifier/mrn|123456": "of-mrn",
    "QuestionnaireResponse?questionnaire:below=http://acme.com/some-profile": "r r1.0 r1.1 r2.0 r10",
    "QuestionnaireResponse?questionnaire:below=http://acme.com/some-profile|1": "r1.0 r1.1",
    "Procedure?location:below=42": "in-42 in-43",
    "MedicationAdministration?context:above=21": "in-20 in-21",
    # Chains, in both directions
    "DiagnosticReport?subject.name=peter": "peter",
    "DiagnosticReport?subject.name=s": "place",
    "DiagnosticReport?subject:Patient.name=peter": "peter",
    "Patient?general-practitioner.name=Joe&general-practitioner.address-state=MN": "joes",
    "Patient?_has:Observation:patient:code=1234-5": "23 eve",
    "Patient?_has:Observation:patient:code=123,456": "eve evelyn",
    "Patient?_has:Observation:patient:code=123&_has:Observation:patient:code=456": "eve",
    "Encounter?patient._has:Group:member:_id=102": "20 21 22",
    # Composite, and and or
    "Patient?language=FR&language=NL": "23",
    "Patient?language=FR,NL": "23 eve evelyn severine",
    "Patient?language=FR,NL&language=EN": "evelyn severine",
    f"DiagnosticReport?result.code-value-quantity={LOINC}|2823-3$gt5.4|{UCUM}|mmol/L": "eve",
    f"Observation?component-code-value-quantity={LOINC}|8480-6$lt60": "low-pressure",
    "Group?characteristic-value=gender$mixed": "mixed",
    "Group?characteristic-value=gender$mixed,owner$Eve": "mixed eves",
    f"Questionnaire?context-type-value=focus${SNOMED}|408934002": "prevention",
    # Missing values
    "Patient?gender:missing=true": "severine joes janes",
    "Patient?gender:missing=false": "23 eve evelyn EVE",
    f"AllergyIntolerance?clinical-status={ALLERGY}|active": "active",
    "AllergyIntolerance?clinical-status:missing=true": "unknown",
    f"AllergyIntolerance?clinical-status={ALLERGY}|active&clinical-status:missing=true": "",
    # Escaping, at both levels
    "Observation?code=a,b": "a b",
    "Observation?code=a\\,b": "ab",
    f"ValueSet?url={ACME}/fhir/ValueSet/123,{ACME}/fhir/ValueSet/124,125": "vs123 vs124",
    f"ValueSet?url={ACME}/fhir/ValueSet/123,{ACME}/fhir/ValueSet/124%2C125": "vs123 vs124",
    f"ValueSet?url={ACME}/fhir/ValueSet/123,{ACME}/fhir/ValueSet/124\\,125": "vs123 vs124-125",
    f"ValueSet?url={quote(f'{ACME}/fhir/ValueSet/123,{ACME}/fhir/ValueSet/124', safe='')}%5C%2C125": "vs123 vs124-125",
    # Text, places
    "Condition?_text=(bone OR liver) and metastases": "headache shown",
    "Condition?_text=metastases": "headache shown skin",
    "Condition?_text=liver metastases": "shown",
    "Location?near=42.25|-83.76|11.20|km": "41 42",
    # Lists, filters
    "Patient?_list=42": "23 eve",
    "Patient?_list=42&gender=female": "eve",
    f"Observation?code={LOINC}|1234-5&subject.name=peter": "of-23",
    f'Observation?_filter=code eq {LOINC}|1234-5 and subject.name co "peter"': "of-23",
    'Patient?given:missing=false&_filter=given eq "peter"': "23",
    # Contained resources
    "Medication?ingredient-code=abc": "abc",
    "Medication?ingredient-code=abc&_contained=false": "abc",
    "Medication?ingredient-code=abc&_contained=true": "custom",
    "Medication?ingredient-code=abc&_contained=both": "custom abc",
    "Medication?ingredient-code=abc&_contained=true&_containedType=container": "custom",
    "Medication?ingredient-code=abc&_contained=true&_containedType=contained": "m1",
}


@pytest.mark.parametrize("path", FINDS)
def test_an_example_finds_exactly(fhir: Asking, path: str) -> None:
    bundle = fhir.bundle(f"{path}&_total=accurate")
    assert sorted(found(bundle)) == sorted(FINDS[path].split())
    assert bundle["total"] == len(FINDS[path].split())
    place, _, form = path.partition("?")
    if place.count("/") == 0 and "%" not in form:
        posted = fhir.posted(f"{place}/_search", quote(form, safe="=&"))
        assert sorted(found(posted)) == sorted(found(bundle))


REFUSED: dict[str, str] = {
    # SNOMED CT and value sets of one's own need a terminology service.
    "Condition?code:in=http%3A%2F%2Fsnomed.info%2Fsct%3Ffhir_vs%3Disa%2F126851005": "not-supported",
    "Condition?code:below=126851005": "not-supported",
    f"Condition?code:in={ACME}/fhir/ValueSet/cardiac-conditions": "not-supported",
    "AllergyIntolerance?patient=42&_list=$current-allergies": "not-supported",
    "Patient?_query=current-high-risk&ward=1A": "not-supported",
    "Patient?_has:Observation:patient:_has:AuditEvent:entity:agent-name=MyUserId": "not-supported",
    "Observation?_sort=_score": "not-supported",
    # The page misspells a modifier: it must be refused.
    "Patient?identifier:otype=http://terminology.hl7.org/CodeSystem/v2-0203|MR|446053": "invalid",
    "Patient?name:nickname=Bill": "invalid",
    # The page has parameters that R4 does not define.
    "ImmunizationRecommendation?dose-number=2": "not-supported",
    "Observation?definition:below=http:http://acme.com/some-profile": "not-supported",
    "MedicationAdministration?encounter:above=21": "not-supported",
}


@pytest.mark.parametrize("path", REFUSED)
def test_an_example_that_is_not_offered_is_refused(fhir: Asking, path: str) -> None:
    status, outcome = fhir.status(path)
    assert status == 400
    assert [issue["code"] for issue in outcome["issue"]] == [REFUSED[path]]


def test_the_example_of_sorting(fhir: Asking) -> None:
    bundle = fhir.bundle("Observation?_tag=sorted&_sort=status,-date,category")
    assert found(bundle) == ["s4", "s2", "s1", "s3"]
    assert bundle["link"][0]["url"].endswith("_sort=status,-date,category")


def test_the_example_of_the_latest(fhir: Asking) -> None:
    assert found(fhir.bundle("Observation?_tag=sorted&_sort=-date&_count=1")) == ["s3"]


def test_the_example_of_several_types(fhir: Asking) -> None:
    bundle = fhir.bundle("?_type=Observation,Condition&_id=acme,of-23,23&_sort=_id")
    assert [each["fullUrl"] for each in bundle["entry"]] == [f"{BASE}/Condition/acme", f"{BASE}/Observation/of-23"]


@pytest.mark.parametrize("total", ["none", "estimate", "accurate"])
def test_the_examples_of_totals(fhir: Asking, total: str) -> None:
    bundle = fhir.bundle(f"Observation?subject=Patient/eve&_total={total}&_count=2")
    assert len(found(bundle)) == 2
    assert bundle.get("total") == (None if total == "none" else 4)


@pytest.mark.parametrize("asked", ["_count=0", "_summary=count"])
def test_the_examples_of_counting(fhir: Asking, asked: str) -> None:
    bundle = fhir.bundle(f"Observation?subject=Patient/eve&_include=Observation:subject&{asked}")
    assert bundle["total"] == 4
    assert "entry" not in bundle
    assert [link["relation"] for link in bundle["link"]] == ["self"]


INCLUDES: dict[str, tuple[str, str]] = {
    "MedicationRequest?_include=MedicationRequest:patient": ("custom plain by-reference", "23"),
    "MedicationRequest?_revinclude=Provenance:target": ("custom plain by-reference", "v"),
    "MedicationRequest?_include=MedicationRequest:*": ("custom plain by-reference", "23 joe-ca abc"),
    "MedicationDispense?_include=MedicationDispense:prescription&_include:iterate=MedicationRequest:requester": (
        "d",
        "plain joe-ca",
    ),
    "MedicationDispense?_include=MedicationDispense:prescription": ("d", "plain"),
    "Observation?_tag=members&_include=Observation:has-member": ("m1", "m2"),
    "Observation?_tag=members&_include:iterate=Observation:has-member": ("m1", "m2 m3"),
    # What is on another server is left out, and no error.
    "Observation?_id=of-23-far&_include=Observation:subject": ("of-23-far", ""),
}


@pytest.mark.parametrize("path", INCLUDES)
def test_an_example_of_including(fhir: Asking, path: str) -> None:
    bundle = fhir.bundle(path)
    matches, included = INCLUDES[path]
    assert sorted(found(bundle)) == sorted(matches.split())
    assert sorted(found(bundle, "include")) == sorted(included.split())


def test_the_example_of_a_contained_resource_alone(fhir: Asking) -> None:
    asked = "Medication?ingredient-code=abc&_contained=true&_containedType=contained"
    (only,) = fhir.bundle(asked)["entry"]
    assert only["fullUrl"] == f"{BASE}/MedicationRequest/custom#m1"
    assert (only["resource"]["resourceType"], only["search"]) == ("Medication", {"mode": "match"})


def test_a_chain_leads_into_what_is_contained(fhir: Asking) -> None:
    bundle = fhir.bundle("MedicationRequest?medication.ingredient-code=abc")
    assert sorted(found(bundle)) == ["by-reference", "custom"]
    bundle = fhir.bundle("MedicationRequest?medication:Medication.ingredient-code:not=abc")
    assert not {"by-reference", "custom"} & set(found(bundle))


SUMMARISED = {
    "true": {"id", "meta", "resourceType", "status", "title", "url"},
    "text": {"id", "meta", "resourceType", "status"},
    "data": {"compose", "id", "meta", "resourceType", "status", "title", "url"},
    "false": {"compose", "id", "meta", "resourceType", "status", "title", "url"},
}


@pytest.mark.parametrize("summary", SUMMARISED)
def test_the_examples_of_summaries(fhir: Asking, summary: str) -> None:
    bundle = fhir.bundle(f"ValueSet?_summary={summary}&_id=vs123")
    (only,) = bundle["entry"]
    assert set(only["resource"]) == SUMMARISED[summary]
    marked = [tag["code"] for tag in only["resource"]["meta"].get("tag", ())]
    assert marked == ([] if summary == "false" else ["SUBSETTED"])


def test_the_example_of_elements(fhir: Asking) -> None:
    (only,) = fhir.bundle("Patient?_id=23&_elements=identifier,active,link")["entry"]
    assert set(only["resource"]) == {"resourceType", "id", "meta", "identifier", "active", "link"}
    assert [tag["code"] for tag in only["resource"]["meta"]["tag"]] == ["SUBSETTED"]

"""Every type of search parameter from request to answer: what is found, what is nearly and is not, in which order.

https://hl7.org/fhir/R4/search.html#ptypes
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.running import Client, observation, patient
from tests.search.parameter_types.asking import LOINC, UCUM

pytestmark = pytest.mark.usefixtures("on_both_stores")

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"

Found = Mapping[str, str]
"""What a query finds: the ids, with a space between them"""


async def put(fhir: Client, *resources: dict[str, Any]) -> None:
    for resource in resources:
        answer = await fhir.put(resource)
        assert answer.status_code == 201, answer.text


async def ids(fhir: Client, query: str) -> list[str]:
    """The ids of what a query finds, in its order."""
    type, _, parameters = query.partition("?")
    answer = await fhir.get(f"{type}?{quote(parameters, safe='=&')}", prefer="handling=strict")
    assert answer.status_code == 200, (query, answer.text)
    return [entry["resource"]["id"] for entry in answer.json().get("entry", [])]


async def check(fhir: Client, expected: Found) -> None:
    """Each query finds these, whatever their order."""
    assert {query: " ".join(sorted(await ids(fhir, query))) for query in expected} == expected


def coded(code: str, system: str = LOINC, **more: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **more}]}


def ucum(value: float, code: str, **more: Any) -> dict[str, Any]:
    return {"value": value, "system": UCUM, "code": code, **more}


def narrative(text: str) -> dict[str, Any]:
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}


async def test_strings(fhir: Client) -> None:
    await put(
        fhir,
        patient("zoe", name=[{"family": "O'Neill", "given": ["Zoë", "Ann"]}], address=[{"city": "Ely"}]),
        patient("amy", name=[{"family": "Oneil", "given": ["Amy"]}]),
        patient("anna", name=[{"text": "Mrs Anna-Maria  Smith"}], address=[{"city": "Elyton"}]),
        patient("nobody"),
    )
    await check(
        fhir,
        {
            "Patient?family=o'n": "zoe",
            "Patient?family=ÓNEIL": "amy",
            "Patient?family=neil": "",
            "Patient?family:contains=NEIL": "amy zoe",
            "Patient?family:contains=neill": "zoe",
            "Patient?family:exact=O'Neill": "zoe",
            "Patient?family:exact=o'neill": "",
            "Patient?family:exact=O'Neil": "",
            "Patient?given=zoe": "zoe",
            "Patient?given=oe": "",
            "Patient?given:exact=Zoë": "zoe",
            "Patient?given:exact=Zoe": "",
            "Patient?name=ann": "zoe",
            "Patient?name:text=ann": "anna zoe",
            "Patient?name:text=smith mrs": "anna",
            "Patient?name:text=mith": "",
            "Patient?name:exact=Mrs Anna-Maria  Smith": "anna",
            "Patient?name:exact=Mrs Anna-Maria Smith": "",
            "Patient?name=mrs anna-maria smith": "anna",
            "Patient?address-city=ely": "anna zoe",
            "Patient?address-city:exact=Ely": "zoe",
            "Patient?address-city=ely,amy": "anna zoe",
            "Patient?name=amy&family=one": "amy",
            "Patient?name=amy&family=smith": "",
            "Patient?name:contains=%": "",
            "Patient?name:contains=_": "",
        },
    )


async def test_words_of_narrative_and_content(fhir: Client) -> None:
    poorly = narrative("Feeling <b>poorly</b> today")
    await put(
        fhir,
        patient("p"),
        observation("Patient/p", "told", text=poorly, code=coded("a", display="Wound care")),
        observation("Patient/p", "noted", note=[{"text": "poorly wound"}], code=coded("b")),
        observation("Patient/p", "bare", code=coded("c")),
    )
    await check(
        fhir,
        {
            "Observation?_text=poorly": "told",
            "Observation?_text=TODAY poorly": "told",
            "Observation?_text=poor": "",
            "Observation?_text=wound": "",
            "Observation?_text=div": "",
            "Observation?_content=poorly": "noted told",
            "Observation?_content=wound poorly": "noted told",
            "Observation?_content=wound care": "told",
            "Observation?_content=care,note": "told",
            "Observation?_content=poorly&_text=poorly": "told",
            "Observation?_content=observation": "",
            "Observation?_content=patient": "",
        },
    )


async def test_tokens(fhir: Client) -> None:
    await put(
        fhir,
        patient("f", gender="female", active=True),
        patient("m", gender="male", active=False, telecom=[{"system": "phone", "value": "020 7946"}]),
        patient("none"),
        observation("Patient/f", "bp", code=coded("85354-9", display="Blood pressure panel")),
        observation("Patient/f", "own", code=coded("85354-9", "urn:own") | {"text": "Blutdruck: HOCH"}),
        observation("Patient/f", "plain", code={"coding": [{"code": "85354-9"}, {"code": "X1", "system": LOINC}]}),
    )
    gender = "http://hl7.org/fhir/administrative-gender"
    await check(
        fhir,
        {
            "Observation?code=85354-9": "bp own plain",
            f"Observation?code={LOINC}|85354-9": "bp",
            "Observation?code=|85354-9": "plain",
            f"Observation?code={LOINC}|": "bp plain",
            "Observation?code=85354": "",
            "Observation?code=x1": "",
            f"Observation?code={LOINC}|X1,urn:own|85354-9": "own plain",
            "Observation?code:not=X1": "bp own",
            "Observation?code:not=85354-9": "",
            "Observation?code:text=pressure": "bp",
            "Observation?code:text=PANEL blood": "bp",
            "Observation?code:text=ressure": "",
            "Observation?code:text=hoch": "own",
            "Observation?code:code-text=853": "bp own plain",
            "Observation?code:code-text=x": "plain",
            "Observation?code:code-text=354": "",
            "Patient?gender=female": "f",
            f"Patient?gender={gender}|female": "f",
            "Patient?gender=urn:other|female": "",
            "Patient?gender:not=female": "m none",
            f"Patient?gender:in={GENDERS}": "f m",
            f"Patient?gender:not-in={GENDERS}": "none",
            f"Observation?status:in={GENDERS}": "",
            "Patient?active=true": "f",
            "Patient?active=false": "m",
            "Patient?active:not=true": "m none",
            "Patient?deceased=false": "f m none",
            "Patient?phone=020 7946": "m",
            "Patient?phone=020": "",
            "Patient?_id=f,m,x": "f m",
        },
    )


async def test_identifiers(fhir: Client) -> None:
    record = {"coding": [{"system": "urn:t", "code": "MR"}], "text": "Hospital number"}
    await put(
        fhir,
        patient("a", identifier=[{"type": record, "system": "urn:h", "value": "123"}]),
        patient("b", identifier=[{"system": "urn:h", "value": "124"}, {"value": "123"}]),
        patient("c", identifier=[{"type": coded("DL", "urn:t"), "system": "urn:dvla", "value": "123"}]),
    )
    await check(
        fhir,
        {
            "Patient?identifier=urn:h|123": "a",
            "Patient?identifier=123": "a b c",
            "Patient?identifier=|123": "b",
            "Patient?identifier=urn:h|": "a b",
            "Patient?identifier=12": "",
            "Patient?identifier:not=urn:h|123": "b c",
            "Patient?identifier:of-type=urn:t|MR|123": "a",
            "Patient?identifier:of-type=urn:t|DL|123": "c",
            "Patient?identifier:of-type=urn:t|MR|124": "",
            "Patient?identifier:of-type=urn:u|MR|123": "",
            "Patient?identifier:text=hosp": "a",
            "Patient?identifier:text=number": "a",
            "Patient?identifier:text=123": "",
        },
    )


async def test_codes_above_and_below(fhir: Client) -> None:
    def encounter(id: str, code: str, system: str = ACT_CODE) -> dict[str, Any]:
        return {
            "resourceType": "Encounter",
            "id": id,
            "status": "finished",
            "class": {"system": system, "code": code},
        }

    await put(
        fhir,
        encounter("inpatient", "IMP"),
        encounter("acute", "ACUTE"),
        encounter("ambulatory", "AMB"),
        encounter("other", "IMP", "urn:other"),
    )
    await check(
        fhir,
        {
            f"Encounter?class:below={ACT_CODE}|_ActEncounterCode": "acute ambulatory inpatient",
            f"Encounter?class:below={ACT_CODE}|IMP": "acute inpatient",
            f"Encounter?class:below={ACT_CODE}|ACUTE": "acute",
            f"Encounter?class:above={ACT_CODE}|ACUTE": "acute inpatient",
            f"Encounter?class:above={ACT_CODE}|IMP": "inpatient",
            f"Encounter?class:above={ACT_CODE}|_ActEncounterCode": "",
            f"Encounter?class:below={ACT_CODE}|AMB,{ACT_CODE}|IMP": "acute ambulatory inpatient",
        },
    )


async def test_dates(fhir: Client) -> None:
    await put(
        fhir,
        patient("day", birthDate="1941-07-05"),
        patient("month", birthDate="1941-08"),
        patient("year", birthDate="1950"),
        patient("none"),
    )
    await check(
        fhir,
        {
            "Patient?birthdate=1941-07-05": "day",
            "Patient?birthdate=1941": "day month",
            "Patient?birthdate=1941-08-01": "",
            "Patient?birthdate=ne1941": "year",
            "Patient?birthdate=gt1941-08-15": "month year",
            "Patient?birthdate=sa1941-08-15": "year",
            "Patient?birthdate=lt1941-08-15": "day month",
            "Patient?birthdate=eb1941-08-15": "day",
            "Patient?birthdate=ge1950": "year",
            "Patient?birthdate=le1941-07-05": "day",
            "Patient?birthdate=ge1941-07&birthdate=lt1941-08": "day",
        },
    )


async def test_numbers(fhir: Client) -> None:
    def risk(id: str, **value: Any) -> dict[str, Any]:
        return {
            "resourceType": "RiskAssessment",
            "id": id,
            "status": "final",
            "subject": {"reference": "Patient/p"},
            **({"prediction": [value]} if value else {}),
        }

    spread = {"low": {"value": 0.1}, "high": {"value": 0.9}}
    await put(
        fhir, patient("p"), risk("half", probabilityDecimal=0.5), risk("spread", probabilityRange=spread), risk("none")
    )
    await check(
        fhir,
        {
            "RiskAssessment?probability=0.5": "half",
            "RiskAssessment?probability=0.50": "half",
            "RiskAssessment?probability=5e-1": "half",
            "RiskAssessment?probability=0.51": "",
            "RiskAssessment?probability=0": "",
            "RiskAssessment?probability=1": "half",
            "RiskAssessment?probability=ne0.5": "spread",
            "RiskAssessment?probability=gt0.5": "spread",
            "RiskAssessment?probability=ge0.5": "half spread",
            "RiskAssessment?probability=lt0.5": "spread",
            "RiskAssessment?probability=le0.1": "spread",
            "RiskAssessment?probability=sa0.4": "half",
            "RiskAssessment?probability=eb0.6": "half",
            "RiskAssessment?probability=sa0.09": "half spread",
            "RiskAssessment?probability=ap0.54": "half spread",
            "RiskAssessment?probability=ap0.95": "spread",
            "RiskAssessment?probability=ap1.1": "",
            "RiskAssessment?probability=0.5,ap0.95": "half spread",
        },
    )


async def test_quantities(fhir: Client) -> None:
    await put(
        fhir,
        patient("p"),
        observation("Patient/p", "mg", valueQuantity=ucum(5.4, "mg", unit="milligram")),
        observation("Patient/p", "g", valueQuantity=ucum(0.0054, "g")),
        observation("Patient/p", "large", valueQuantity=ucum(5.4, "g")),
        observation("Patient/p", "text", valueQuantity={"value": 5.4, "unit": "mg"}),
        observation("Patient/p", "system", valueQuantity={"value": 4.4, "unit": "mg", "system": UCUM}),
        observation("Patient/p", "units", valueQuantity=ucum(20, "[iU]")),
        observation("Patient/p", "less", valueQuantity=ucum(5, "g", comparator="<")),
        observation("Patient/p", "none"),
    )
    await check(
        fhir,
        {
            f"Observation?value-quantity=5.4|{UCUM}|mg": "g mg",
            f"Observation?value-quantity=0.0054|{UCUM}|g": "g mg",
            f"Observation?value-quantity=5400|{UCUM}|ug": "g mg",
            f"Observation?value-quantity=5.40e-3|{UCUM}|g": "g mg",
            f"Observation?value-quantity=5.5|{UCUM}|mg": "",
            f"Observation?value-quantity=5.4|{UCUM}|mL": "",
            "Observation?value-quantity=5.4|urn:other|mg": "",
            "Observation?value-quantity=5.4||mg": "mg text",
            "Observation?value-quantity=5.4||milligram": "mg",
            f"Observation?value-quantity=5.4|{UCUM}|": "large mg",
            f"Observation?value-quantity=4.4|{UCUM}|": "system",
            f"Observation?value-quantity=4.4|{UCUM}|mg": "",
            "Observation?value-quantity=4.4||mg": "system",
            "Observation?value-quantity=5.4": "large mg text",
            "Observation?value-quantity=gt5": "large mg text units",
            f"Observation?value-quantity=gt5|{UCUM}|mg": "g large less mg",
            f"Observation?value-quantity=gt5|{UCUM}|g": "large",
            f"Observation?value-quantity=lt5|{UCUM}|g": "g less mg",
            f"Observation?value-quantity=eb5|{UCUM}|g": "g less mg",
            f"Observation?value-quantity=ge5|{UCUM}|g": "large",
            f"Observation?value-quantity=20|{UCUM}|[iU]": "units",
            f"Observation?value-quantity=20|{UCUM}|g": "",
            f"Observation?value-quantity=ap6|{UCUM}|g": "large",
            f"Observation?value-quantity=ap60|{UCUM}|dg": "large",
        },
    )


async def test_references(fhir: Client) -> None:
    def home(id: str, parent: str | None = None) -> dict[str, Any]:
        part_of = {"partOf": {"reference": f"Organization/{parent}"}} if parent else {}
        return {"resourceType": "Organization", "id": id, "name": id, **part_of}

    def resident(id: str, **reference: Any) -> dict[str, Any]:
        return patient(id, managingOrganization=reference)

    await put(
        fhir,
        home("top"),
        home("mid", "top"),
        home("low", "mid"),
        resident("in-top", reference="Organization/top"),
        resident("in-mid", reference="Organization/mid/_history/1"),
        resident("in-low", reference="Organization/low"),
        resident("known", identifier={"system": "urn:ods", "value": "A1"}),
        resident("far", reference="https://there.example/fhir/Organization/mid"),
        patient("nowhere"),
    )
    await check(
        fhir,
        {
            "Patient?organization=mid": "in-mid",
            "Patient?organization=Organization/mid": "in-mid",
            "Patient?organization=http://127.0.0.1:8080/fhir/Organization/mid": "in-mid",
            "Patient?organization=https://there.example/fhir/Organization/mid": "far",
            "Patient?organization:Organization=mid": "in-mid",
            "Patient?organization=Organization/mid/_history/1": "in-mid",
            "Patient?organization=Organization/mid/_history/2": "",
            "Patient?organization=Organization/top/_history/1": "",
            "Patient?organization=mid,low": "in-low in-mid",
            "Patient?organization=Mid": "",
            "Patient?organization:identifier=urn:ods|A1": "known",
            "Patient?organization:identifier=A1": "known",
            "Patient?organization:identifier=|A1": "",
            "Patient?organization:identifier=urn:ods|": "known",
            "Patient?organization:below=top": "in-low in-mid in-top",
            "Patient?organization:below=Organization/mid": "in-low in-mid",
            "Patient?organization:below=low": "in-low",
            "Patient?organization:below=none": "",
            "Patient?organization:above=low": "in-low in-mid in-top",
            "Patient?organization:above=mid": "in-mid in-top",
            "Patient?organization:above=top": "in-top",
            "Organization?partof:below=top": "low mid",
            "Organization?partof:above=mid": "low mid",
        },
    )


async def test_canonicals_and_uris(fhir: Client) -> None:
    def answers(id: str, questionnaire: str) -> dict[str, Any]:
        return {
            "resourceType": "QuestionnaireResponse",
            "id": id,
            "status": "completed",
            "questionnaire": f"http://acme.org/Questionnaire/{questionnaire}",
        }

    def value_set(id: str, url: str) -> dict[str, Any]:
        return {"resourceType": "ValueSet", "id": id, "status": "draft", "url": url}

    await put(
        fhir,
        answers("one", "q|1.2"),
        answers("ten", "q|10"),
        answers("bare", "q"),
        value_set("a", "http://acme.org/fhir/ValueSet/a"),
        value_set("b", "http://acme.org/fhirs"),
        value_set("root", "http://acme.org/fhir"),
        value_set("upper", "http://acme.org/FHIR/ValueSet/a"),
        value_set("oid", "urn:oid:1.2.3"),
    )
    questionnaire = "http://acme.org/Questionnaire/q"
    await check(
        fhir,
        {
            f"QuestionnaireResponse?questionnaire={questionnaire}": "bare one ten",
            f"QuestionnaireResponse?questionnaire={questionnaire}|1.2": "one",
            f"QuestionnaireResponse?questionnaire={questionnaire}|1": "",
            f"QuestionnaireResponse?questionnaire:below={questionnaire}|1": "one",
            f"QuestionnaireResponse?questionnaire:below={questionnaire}|1.2": "one",
            f"QuestionnaireResponse?questionnaire:below={questionnaire}|1.3": "",
            f"QuestionnaireResponse?questionnaire:below={questionnaire}": "bare one ten",
            "ValueSet?url=http://acme.org/fhir/ValueSet/a": "a",
            "ValueSet?url=http://acme.org/fhir/valueset/a": "",
            "ValueSet?url=urn:oid:1.2.3": "oid",
            "ValueSet?url=urn:oid:1.2": "",
            "ValueSet?url:below=http://acme.org/fhir": "a root",
            "ValueSet?url:below=http://acme.org/fhir/": "a root",
            "ValueSet?url:below=http://acme.org": "a b root upper",
            "ValueSet?url:below=http://acme.org/fhir/Val": "",
            "ValueSet?url:above=http://acme.org/fhir/ValueSet/a/_history/5": "a root",
            "ValueSet?url:above=http://acme.org/fhir": "root",
        },
    )


async def test_composites(fhir: Client) -> None:
    def pressure(id: str, systolic: int, diastolic: int) -> dict[str, Any]:
        return observation(
            "Patient/p",
            id,
            code=coded("85354-9"),
            component=[
                {"code": coded("8480-6"), "valueQuantity": ucum(systolic, "mm[Hg]")},
                {"code": coded("8462-4"), "valueQuantity": ucum(diastolic, "mm[Hg]")},
            ],
        )

    def document(id: str, *relates: tuple[str, str]) -> dict[str, Any]:
        return {
            "resourceType": "DocumentReference",
            "id": id,
            "status": "current",
            "content": [{"attachment": {"url": "http://acme.org/d"}}],
            **(
                {
                    "relatesTo": [
                        {"code": code, "target": {"reference": f"DocumentReference/{target}"}}
                        for code, target in relates
                    ]
                }
                if relates
                else {}
            ),
        }

    await put(
        fhir,
        patient("p"),
        pressure("high", 160, 80),
        pressure("low", 90, 80),
        observation("Patient/p", "pulse", code=coded("8867-4"), valueQuantity=ucum(160, "/min")),
        observation("Patient/p", "when", code=coded("w"), valueDateTime="2026-02-01"),
        document("first"),
        document("second", ("replaces", "first")),
        document("third", ("appends", "first"), ("replaces", "second")),
    )
    await check(
        fhir,
        {
            f"Observation?component-code-value-quantity={LOINC}|8480-6$gt120": "high",
            "Observation?component-code-value-quantity=8462-4$gt120": "",
            "Observation?component-code-value-quantity=8462-4$80": "high low",
            f"Observation?component-code-value-quantity=8480-6$12|{UCUM}|kPa": "low",
            "Observation?component-code-value-quantity=85354-9$80": "",
            "Observation?component-code-value-quantity=8480-6$gt120,8462-4$lt81": "high low",
            "Observation?combo-code-value-quantity=8867-4$160": "pulse",
            "Observation?combo-code-value-quantity=8480-6$160": "high",
            "Observation?code-value-quantity=8867-4$160": "pulse",
            "Observation?code-value-quantity=8480-6$160": "",
            "Observation?code-value-date=w$2026-02": "when",
            "Observation?code-value-date=w$2026-03": "",
            "DocumentReference?relationship=replaces$DocumentReference/first": "second",
            "DocumentReference?relationship=appends$DocumentReference/first": "third",
            "DocumentReference?relationship=appends$first": "third",
            "DocumentReference?relationship=appends$DocumentReference/second": "",
        },
    )


async def test_positions(fhir: Client) -> None:
    def place(id: str, latitude: float, longitude: float) -> dict[str, Any]:
        return {"resourceType": "Location", "id": id, "position": {"latitude": latitude, "longitude": longitude}}

    await put(
        fhir,
        place("ely", 52.3990, 0.2624),
        place("cambridge", 52.2053, 0.1218),
        place("east", 0, 179.9),
        place("west", 0, -179.9),
        {"resourceType": "Location", "id": "nowhere"},
    )
    await check(
        fhir,
        {
            "Location?near=52.2053|0.1218": "cambridge ely",  # 23.6 km apart, within the default of 50
            "Location?near=52.2053|0.1218|24|km": "cambridge ely",
            "Location?near=52.2053|0.1218|23|km": "cambridge",
            "Location?near=52.2053|0.1218|24": "cambridge ely",
            "Location?near=52.2053|0.1218|24000|m": "cambridge ely",
            "Location?near=52.2053|0.1218|14|mi": "cambridge",
            "Location?near=52.2053|0.1218|15|mi": "cambridge ely",
            "Location?near=0|180|12|km": "east west",
            "Location?near=0|180|11|km": "",
            "Location?near=0|179.9|1|km": "east",
            "Location?near=52.4|0.26|1|km,0|-179.9|1|km": "ely west",
        },
    )


MISSING = [
    ("string", "Patient", "name", {"name": [{"family": "A"}]}),
    ("token", "Patient", "gender", {"gender": "female"}),
    ("token", "Patient", "active", {"active": False}),
    ("token", "Patient", "identifier", {"identifier": [{"value": "1"}]}),
    ("token", "Patient", "phone", {"telecom": [{"system": "phone", "value": "1"}]}),
    ("date", "Patient", "birthdate", {"birthDate": "1941"}),
    ("reference", "Patient", "organization", {"managingOrganization": {"display": "Known by name only"}}),
    ("uri", "ValueSet", "url", {"url": "urn:x", "status": "draft"}),
    ("uri", "Patient", "_profile", {"meta": {"profile": ["http://acme.org/p"]}}),
    ("number", "MolecularSequence", "variant-start", {"coordinateSystem": 1, "variant": [{"start": 1}]}),
    ("quantity", "Observation", "value-quantity", {"valueQuantity": {"value": 1}}),
    ("quantity", "Observation", "value-quantity", {"valueQuantity": {"unit": "mg"}}),
    ("composite", "Observation", "code-value-quantity", {"valueQuantity": {"value": 1}}),
    ("special", "Location", "near", {"position": {"latitude": 1, "longitude": 2}}),
    ("text", "Patient", "_text", {"text": narrative("poorly")}),
]
REQUIRED: dict[str, dict[str, Any]] = {
    "ValueSet": {"status": "draft"},
    "MolecularSequence": {"coordinateSystem": 1},
    "Observation": {"status": "final", "code": coded("a")},
}


@pytest.mark.parametrize(("type", "name", "elements"), [each[1:] for each in MISSING], ids=lambda each: str(each)[:20])
async def test_missing(fhir: Client, type: str, name: str, elements: dict[str, Any]) -> None:
    bare = {"resourceType": type, **REQUIRED.get(type, {})}
    await put(fhir, {**bare, "id": "with", **elements}, {**bare, "id": "without"})
    await check(fhir, {f"{type}?{name}:missing=true": "without", f"{type}?{name}:missing=false": "with"})


SORTED: list[tuple[str, str, list[dict[str, Any]]]] = [
    ("Patient", "family", [{"name": [{"family": each}]} for each in ("abel", "Ábelson", "Zoe")]),
    ("Patient", "birthdate", [{"birthDate": each} for each in ("1941", "1941-12-31", "1950-01")]),
    ("Patient", "gender", [{"gender": each} for each in ("female", "male", "other")]),
    ("Patient", "identifier", [{"identifier": [{"system": "urn:x", "value": each}]} for each in ("1", "10", "2")]),
    ("Patient", "organization", [{"managingOrganization": {"reference": f"http://acme.org/{each}"}} for each in "abc"]),
    ("ValueSet", "url", [{"url": f"http://acme.org/{each}"} for each in "Aab"]),
    ("MolecularSequence", "variant-start", [{"variant": [{"start": each}]} for each in (0, 9, 10)]),
    (
        "Observation",
        "value-quantity",
        [{"valueQuantity": ucum(*each)} for each in ((900, "mg"), (1, "g"), (1001, "mg"))],
    ),
    ("Observation", "code", [{"code": coded(each)} for each in ("10", "2", "a")]),
]


@pytest.mark.parametrize(("type", "name", "values"), SORTED, ids=[each[1] for each in SORTED])
async def test_sorting(fhir: Client, type: str, name: str, values: list[dict[str, Any]]) -> None:
    bare = {"resourceType": type, **REQUIRED.get(type, {})}
    absent = {"code": {"text": "Coded nowhere"}} if name == "code" else {}
    await put(
        fhir,
        {**bare, "id": "least", **values[0]},
        {**bare, "id": "absent", **absent},
        {**bare, "id": "most", **values[2]},
        {**bare, "id": "between", **values[1]},
    )
    assert await ids(fhir, f"{type}?_sort={name}") == ["least", "between", "most", "absent"]
    assert await ids(fhir, f"{type}?_sort=-{name}") == ["most", "between", "least", "absent"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("Location?_sort=near", "_sort: near is a special parameter, and these have no order."),
        (
            "Observation?_sort=code-value-quantity",
            "_sort: code-value-quantity is a composite parameter, and these have no order.",
        ),
        ("Patient?_sort=_text", "_sort: sorting by _text is not offered."),
    ],
)
async def test_what_has_no_order(fhir: Client, query: str, message: str) -> None:
    answer = await fhir.get(query)
    assert (answer.status_code, answer.json()["issue"][0]["diagnostics"]) == (400, message)


async def test_what_is_contained_is_found_in_its_container_only_when_asked(fhir: Client) -> None:
    medication = {"resourceType": "Medication", "id": "x", "code": coded("asp", "urn:m")}
    await put(
        fhir,
        patient("p"),
        {
            "resourceType": "MedicationRequest",
            "id": "request",
            "status": "active",
            "intent": "order",
            "subject": {"reference": "Patient/p"},
            "medicationReference": {"reference": "#x"},
            "contained": [medication],
        },
        {**medication, "id": "alone"},
    )
    await check(
        fhir,
        {
            "Medication?code=urn:m|asp": "alone",
            "Medication?code=asp&_contained=true": "request",
            "Medication?code=asp&_contained=both": "alone request",
            "Medication?code=other&_contained=true": "",
        },
    )

"""The resources among which the examples of the specification's search page are asked."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

Resource = dict[str, Any]
ACME = "http://acme.org"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"
ALLERGY = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
NUMBERS = ("94.9", "95", "99.4", "99.5", "99.995", "100", "100.004", "100.005", "100.4", "100.5", "104.9", "105")


def concept(code: str, system: str | None = None, **more: Any) -> Resource:
    return {"coding": [{"system": system, "code": code} if system else {"code": code}], **more}


def to(place: str) -> Resource:
    return {"reference": place}


def make(place: str, **elements: Any) -> Resource:
    resource_type, _, id = place.partition("/")
    return {"resourceType": resource_type, "id": id, **elements}


def people() -> Iterator[Resource]:
    def person(id: str, given: str, *languages: str, **more: Any) -> Resource:
        spoken = {"communication": [{"language": concept(each)} for each in languages]} if languages else {}
        return make(f"Patient/{id}", name=[{"given": [given]}], **spoken, **more)

    mrn = {"type": concept("MR", "http://terminology.hl7.org/CodeSystem/v2-0203"), "value": "446053"}
    key = {"system": f"{ACME}/patient", "value": "2345"}
    yield person("23", "Peter", "FR", "NL", gender="male", active=True, identifier=[key], link=[
        {"other": to("Patient/eve"), "type": "seealso"}
    ])  # fmt: skip
    yield person("eve", "Eve", "FR", gender="female", birthDate="2013-03-14", identifier=[{**key, "system": "urn:x"}])
    yield person("evelyn", "Evelyn", "NL", "EN", gender="female", active=False, birthDate="2010-01-01")
    yield person("severine", "Severine", "FR", "EN", identifier=[mrn])
    yield person("EVE", "EVE", gender="other", identifier=[{"type": mrn["type"], "value": "4460531"}])
    yield person("joes", "Ann", generalPractitioner=[to("Practitioner/joe-ca"), to("Practitioner/jane-mn")])
    yield person("janes", "Bea", generalPractitioner=[to("Practitioner/jane-mn")])
    yield make("Practitioner/joe-ca", name=[{"family": "Joe"}], address=[{"state": "CA"}])
    yield make("Practitioner/jane-mn", name=[{"family": "Jane"}], address=[{"state": "MN"}])
    yield make(
        "List/42", status="current", mode="working", entry=[{"item": to("Patient/23")}, {"item": to("Patient/eve")}]
    )
    yield make("Group/102", type="person", actual=True, member=[{"entity": to("Patient/eve")}])


def numbers_and_dates() -> Iterator[Resource]:
    def assessed(id: str, probability: str, tag: str) -> Resource:
        outcome = [{"probabilityDecimal": Decimal(probability)}]
        meta = {"tag": [{"code": tag}]}
        return make(f"RiskAssessment/{id}", status="final", subject=to("Patient/23"), prediction=outcome, meta=meta)

    for probability in ("0.79", "0.8", "0.81"):
        yield assessed(f"p{probability}", probability, "small")
    for number in NUMBERS:
        yield assessed(f"n{number}", number, "table")

    def recommended(id: str, dose: int) -> Resource:
        status = concept("due")
        doses = [{"doseNumberPositiveInt": dose, "forecastStatus": status}]
        return make(f"ImmunizationRecommendation/{id}", patient=to("Patient/23"), date="2020", recommendation=doses)

    yield recommended("first", 1)
    yield recommended("second", 2)

    def done(id: str, subject: str, **when: Any) -> Resource:
        return make(f"Procedure/{id}", status="completed", subject=to(subject), **when)

    for id, time in (("t00", "2013-01-14T00:00:00Z"), ("t10", "2013-01-14T10:00:00Z"), ("t15", "2013-01-15T00:00:00Z")):
        yield done(id, "Patient/eve", performedDateTime=time)
    yield done("day", "Patient/eve", performedDateTime="2013-01-14")
    yield done("pi", "Patient/eve", performedDateTime="2013-03-14")
    yield done("2015", "Patient/eve", performedDateTime="2015-06-15")
    yield done("from-jan", "Patient/eve", performedPeriod={"start": "2013-01-21"})
    yield done("from-mar", "Patient/eve", performedPeriod={"start": "2013-03-15"})
    yield done("to-jan", "Patient/eve", performedPeriod={"end": "2013-01-21"})
    for id, day in (
        ("y09", "2009-12-31"),
        ("y10", "2010-01-01"),
        ("y11", "2011-12-31T23:00:00Z"),
        ("y12", "2012-01-01"),
    ):
        yield done(id, "Patient/23", performedDateTime=day)
    yield done("in-42", "Patient/joes", location=to("Location/42"))
    yield done("in-43", "Patient/joes", location=to("Location/43"))
    yield done("in-41", "Patient/joes", location=to("Location/41"))
    yield make("Location/41", name="Site", position={"longitude": -83.69, "latitude": 42.26})
    yield make("Location/42", partOf=to("Location/41"), position={"longitude": -83.80, "latitude": 42.25})
    yield make("Location/43", partOf=to("Location/42"), position={"longitude": -80.00, "latitude": 42.25})


def observations() -> Iterator[Resource]:
    def seen(id: str, code: str, subject: str = "Patient/joes", system: str | None = None, **more: Any) -> Resource:
        return make(
            f"Observation/{id}", **{"status": "final", "code": concept(code, system), "subject": to(subject)} | more
        )

    def valued(id: str, value: str, **unit: str) -> Resource:
        return seen(id, "dose", valueQuantity={"value": Decimal(value), **unit})

    mg, gram = {"system": UCUM, "code": "mg"}, {"system": UCUM, "code": "g"}
    for id, value in (("q5.4", "5.4"), ("q5.449", "5.449"), ("q5.3", "5.3"), ("q6.0", "6.0")):
        yield valued(id, value, **mg)
    yield valued("q0.0054g", "0.0054", **gram)
    yield valued("q5.4unit", "5.4", unit="mg")
    yield valued("q5.4kg", "5.4", system=UCUM, code="kg")
    yield seen("of-23", "1234-5", "Patient/23", LOINC)
    yield seen("of-23-far", "x", f"{ACME}/fhir/Patient/23")
    known = {"identifier": {"system": f"{ACME}/fhir/identifier/mrn", "value": "123456"}}
    yield seen("of-mrn", "x") | {"subject": known}
    yield seen("of-eve", "1234-5", "Patient/eve", LOINC)
    yield seen("a", "a", "Patient/eve")
    yield seen("b", "b", "Patient/evelyn")
    yield seen("ab", "a,b", "Patient/evelyn")
    yield seen("123-eve", "123", "Patient/eve")
    yield seen("456-eve", "456", "Patient/eve")
    yield seen("456-evelyn", "456", "Patient/evelyn")
    for id, potassium in (("potassium-low", 5), ("potassium-high", 6)):
        yield seen(id, "2823-3", system=LOINC, valueQuantity={"value": potassium, "system": UCUM, "code": "mmol/L"})
    for id, systolic, diastolic in (("low-pressure", 55, 40), ("pressure", 120, 50)):
        parts = [("8480-6", systolic), ("8462-4", diastolic)]
        yield seen(id, "85354-9", system=LOINC, component=[
            {"code": concept(code, LOINC), "valueQuantity": {"value": value, "system": UCUM, "code": "mm[Hg]"}}
            for code, value in parts
        ])  # fmt: skip
    tag = {"tag": [{"code": "sorted"}]}
    for id, status, day, category in (("s1", "amended", 1, "b"), ("s2", "amended", 2, "c"), ("s3", "final", 3, "z")):
        when = {"effectiveDateTime": f"2020-01-0{day}"}
        yield seen(id, "s", status=status, category=[concept(category)], meta=tag, **when)
    yield seen("s4", "s", status="amended", category=[concept("a")], meta=tag, effectiveDateTime="2020-01-02")
    yield seen("m1", "m", hasMember=[to("Observation/m2")], meta={"tag": [{"code": "members"}]})
    yield seen("m2", "n", hasMember=[to("Observation/m3")])
    yield seen("m3", "n")


def documents() -> Iterator[Resource]:
    def report(id: str, subject: str, result: str, profile: str | None = None) -> Resource:
        meta = {"meta": {"profile": [profile]}} if profile else {}
        found = [to(f"Observation/{result}")]
        return make(
            f"DiagnosticReport/{id}", status="final", code=concept("x"), subject=to(subject), result=found, **meta
        )

    yield report("peter", "Patient/23", "potassium-low", "http://hl7.org/fhir/StructureDefinition/lipid")
    yield report("eve", "Patient/eve", "potassium-high", "Profile/lipid")
    yield report("place", "Location/41", "of-23")
    for id, *codes in (("both", "48765-2", "1"), ("other", "1"), ("none",)):
        sections = {"section": [{"code": concept(code, LOINC)} for code in codes]} if codes else {}
        written = {"type": concept("x"), "date": "2020", "author": [to("Practitioner/joe-ca")], "title": "x"}
        yield make(f"Composition/{id}", status="final", **written, **sections)

    def condition(id: str, code: Resource, words: str = "", tag: str = "") -> Resource:
        text = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{words}</div>'}
        meta = {"meta": {"tag": [{"system": f"{ACME}/codes", "code": tag}]}} if tag else {}
        return make(
            f"Condition/{id}", subject=to("Patient/eve"), code=code, **({"text": text} if words else {}), **meta
        )

    yield condition("acme", concept("ha125", f"{ACME}/conditions/codes"), tag="needs-review")
    yield condition("elsewhere", concept("ha125", "urn:elsewhere"))
    yield condition("headache", {"text": "Headache, often"}, "metastases of the bone")
    yield condition("shown", {"coding": [{"code": "1", "display": "Tension headache"}]}, "metastases of the liver")
    yield condition("skin", {"text": "skin"}, "metastases of the skin; nothing in the bones")
    yield condition("liver", {"text": "liver"}, "a liver")
    for id, kind in (("xml", "text/xml"), ("xml-utf8", "text/xml; charset=UTF-8"), ("html", "text/html")):
        content = [{"attachment": {"contentType": kind, "url": f"{ACME}/x"}}]
        yield make(f"DocumentReference/{id}", status="current", content=content)
    for id, url in (
        ("vs123", f"{ACME}/fhir/ValueSet/123"),
        ("vs124", f"{ACME}/fhir/ValueSet/124"),
        ("vs124-125", f"{ACME}/fhir/ValueSet/124,125"),
        ("oid", "urn:oid:1.2.3.4.5"),
        ("far", "http://elsewhere.org/fhir/ValueSet/123"),
    ):
        yield make(f"ValueSet/{id}", status="active", url=url, title=id, compose={"include": [{"system": "urn:x"}]})
    for id, version in (("r", ""), ("r1.0", "|1.0"), ("r1.1", "|1.1"), ("r2.0", "|2.0"), ("r10", "|10")):
        questionnaire = f"http://acme.com/some-profile{version}"
        yield make(f"QuestionnaireResponse/{id}", status="completed", questionnaire=questionnaire)
    for id, code in (("prevention", "408934002"), ("venue", "1")):
        context = [{"code": {"code": "focus"}, "valueCodeableConcept": concept(code, SNOMED)}]
        yield make(f"Questionnaire/{id}", status="active", useContext=context)
    for id, *pairs in (("mixed", "gender$mixed"), ("eves", "owner$Eve"), ("crossed", "gender$Eve", "owner$mixed")):
        found = [pair.split("$") for pair in pairs]
        about = [
            {"code": concept(code), "valueCodeableConcept": concept(value), "exclude": False} for code, value in found
        ]
        yield make(f"Group/{id}", type="person", actual=False, characteristic=about)


def medicines() -> Iterator[Resource]:
    def request(id: str, **medication: Any) -> Resource:
        return make(f"MedicationRequest/{id}", status="active", intent="order", subject=to("Patient/23"),
                    requester=to("Practitioner/joe-ca"), **medication)  # fmt: skip

    abc = {"resourceType": "Medication", "ingredient": [{"itemCodeableConcept": concept("abc", f"{ACME}/medications")}]}
    yield request("custom", medicationReference=to("#m1"), contained=[{**abc, "id": "m1"}])
    yield request("plain", medicationCodeableConcept={"text": "x"})
    yield request("by-reference", medicationReference=to("Medication/abc"))
    yield {**abc, "id": "abc"}
    yield make("Provenance/v", target=[to("MedicationRequest/plain")], recorded="2020-01-01T00:00:00Z",
               agent=[{"who": to("Practitioner/joe-ca")}])  # fmt: skip
    yield make("MedicationDispense/d", status="completed", medicationCodeableConcept={"text": "x"},
               authorizingPrescription=[to("MedicationRequest/plain")])  # fmt: skip
    for number, part in ((20, None), (21, 20), (22, 21)):
        above = {"partOf": to(f"Encounter/{part}")} if part else {}
        yield make(
            f"Encounter/{number}", status="finished", subject=to("Patient/eve"), **above, **{"class": {"code": "AMB"}}
        )
        yield make(f"MedicationAdministration/in-{number}", status="completed", subject=to("Patient/eve"),
                   medicationCodeableConcept={"text": "x"}, effectiveDateTime="2020", context=to(f"Encounter/{number}")
                   )  # fmt: skip
    for id, status in (("active", "active"), ("resolved", "resolved"), ("unknown", None)):
        found = {"clinicalStatus": concept(status, ALLERGY)} if status else {}
        yield make(f"AllergyIntolerance/{id}", patient=to("Patient/eve"), **found)


def population() -> list[Resource]:
    """All of them."""
    return [*people(), *numbers_and_dates(), *observations(), *documents(), *medicines()]

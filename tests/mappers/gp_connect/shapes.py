"""Invented records, each about one shape that real GP Connect records have; their mapped results are kept as files.

`python -m tests.mappers.gp_connect.shapes` writes the results anew: read the difference before you keep it.
"""

from collections.abc import Callable
from pathlib import Path

from fhir_server.model.json import dump, pretty
from mappers.mapper import Json, Mapped
from tests.mappers.gp_connect.documents import document, mapped, observation, patient

Shape = Callable[[], Json]
FOLDER = Path(__file__).parent / "expected"
NHS = "https://fhir.nhs.uk/STU3/StructureDefinition/"
UK = "https://fhir.hl7.org.uk/STU3/StructureDefinition/"
SCT = "http://snomed.info/sct"
SUBJECT: Json = {"reference": "Patient/person-1"}
GP: Json = {"reference": "Practitioner/gp"}
PEOPLE: tuple[Json, ...] = (
    {"resourceType": "Practitioner", "id": "gp", "name": [{"family": "Trevose", "given": ["Ann"]}], "gender": "female"},
    {
        "resourceType": "PractitionerRole",
        "id": "gp-role",
        "practitioner": GP,
        "organization": {"reference": "Organization/practice"},
        "code": [
            {
                "coding": [
                    {"system": "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-SDSJobRoleName-1", "code": "R0260"}
                ]
            }
        ],
    },
)


def _code(code: str, display: str, *further: Json, description: str | None = None) -> Json:
    coding: Json = {"system": SCT, "code": code, "display": display}
    if description:
        part = {"url": "descriptionId", "valueId": description}
        coding["extension"] = [{"url": NHS + "Extension-coding-sctdescid", "extension": [part]}]
    return {"coding": [coding, *further]}


def _care_connect(name: str, code: str) -> Json:
    return {"coding": [{"system": f"https://fhir.nhs.uk/STU3/CodeSystem/{name}", "code": code}]}


def medication() -> Json:
    """An authorisation with repeats that was stopped, its issue, the statement and the product."""
    reason = [
        {"url": "statusReason", "valueCodeableConcept": {"text": "No longer needed"}},
        {"url": "statusChangeDate", "valueDateTime": "2024-05-01"},
    ]
    repeats = [
        {"url": "numberOfRepeatPrescriptionsAllowed", "valuePositiveInt": 6},
        {"url": "numberOfRepeatPrescriptionsIssued", "valueUnsignedInt": 2},
    ]
    supply = {
        "validityPeriod": {"start": "2024-01-01", "end": "2024-05-01"},
        "quantity": {
            "extension": [
                {"url": NHS + "Extension-CareConnect-GPC-MedicationQuantityText-1", "valueString": "28 tablets"}
            ],
            "value": 28,
        },
        "expectedSupplyDuration": {"value": 28, "unit": "day", "system": "http://unitsofmeasure.org", "code": "d"},
    }
    kind = _care_connect("CareConnect-PrescriptionType-1", "repeat")
    plan = {
        "resourceType": "MedicationRequest",
        "id": "plan",
        "extension": [
            {"url": NHS + "Extension-CareConnect-GPC-MedicationRepeatInformation-1", "extension": repeats},
            {"url": NHS + "Extension-CareConnect-GPC-MedicationStatusReason-1", "extension": reason},
            {"url": NHS + "Extension-CareConnect-GPC-PrescriptionType-1", "valueCodeableConcept": kind},
        ],
        "identifier": [{"system": "https://gp.example/id", "value": "plan"}],
        "status": "stopped",
        "intent": "plan",
        "medicationReference": {"reference": "Medication/product"},
        "subject": SUBJECT,
        "authoredOn": "2024-01-01T10:00:00+00:00",
        "requester": {"agent": GP, "onBehalfOf": {"reference": "Organization/practice"}},
        "recorder": GP,
        "note": [{"text": "With food"}],
        "dosageInstruction": [
            {"text": "One daily", "patientInstruction": "Swallow whole", "doseQuantity": {"value": 1, "unit": "tablet"}}
        ],
        "dispenseRequest": supply,
    }
    order = plan | {
        "id": "order",
        "extension": plan["extension"][2:],  # type: ignore[index]
        "identifier": [{"system": "https://gp.example/id", "value": "order"}],
        "basedOn": [{"reference": "MedicationRequest/plan"}],
        "status": "completed",
        "intent": "order",
    }
    statement = {
        "resourceType": "MedicationStatement",
        "id": "statement",
        "extension": [
            {
                "url": NHS + "Extension-CareConnect-GPC-PrescribingAgency-1",
                "valueCodeableConcept": _care_connect("CareConnect-PrescribingAgency-1", "prescribed-at-gp-practice"),
            },
            {
                "url": NHS + "Extension-CareConnect-GPC-MedicationStatementLastIssueDate-1",
                "valueDateTime": "2024-04-03T00:00:00+01:00",
            },
        ],
        "basedOn": [{"reference": "MedicationRequest/plan"}],
        "status": "stopped",
        "medicationReference": {"reference": "Medication/product"},
        "effectivePeriod": {"start": "2024-01-01", "end": "2024-05-01"},
        "dateAsserted": "2024-01-01",
        "subject": SUBJECT,
        "taken": "unk",
        "dosage": [{"text": "One daily"}],
    }
    local = {"system": "https://fhir.hl7.org.uk/Id/emis-drug-codes", "code": "LOCAL1", "display": "Omeprazole 20mg"}
    product = {"resourceType": "Medication", "id": "product", "code": _code("317291008", "Omeprazole 20mg", local)}
    return document(*PEOPLE, product, plan, order, statement)


def blood_pressure() -> Json:
    """Components, a reading with a comment and ranges, a decimal whose precision says something."""
    parts = [("72313002", "Systolic", "132"), ("1091811000000102", "Diastolic", "78")]
    pressure = observation(
        "pressure",
        code=_code("75367002", "Blood pressure", description="125176019"),
        performer=[GP],
        comment="Left arm, sitting",
        component=[
            {"code": _code(code, display), "valueQuantity": {"value": int(value), "unit": "mmHg"}}
            for code, display, value in parts
        ],
    )
    weight = observation(
        "weight",
        valueQuantity={"value": 61.5, "unit": "kg"},
        interpretation={"coding": [{"system": "http://hl7.org/fhir/v2/0078", "code": "L", "display": "Low"}]},
        referenceRange=[{"low": {"value": 62, "unit": "kg"}, "text": "usual"}],
    )
    return document(*PEOPLE, pressure, weight)


def consultation() -> Json:
    """Encounter, consultation, topic with its problem, heading with its entries, and a list without an id."""
    encounter = {
        "resourceType": "Encounter",
        "id": "visit",
        "status": "finished",
        "type": [{"text": "Home visit"}],
        "subject": SUBJECT,
        "participant": [
            {"type": [_care_connect("GPConnect-ParticipantType-1", "REC")], "individual": GP},
            {
                "type": [{"coding": [{"system": "http://hl7.org/fhir/v3/ParticipationType", "code": "PPRF"}]}],
                "individual": GP,
            },
        ],
        "period": {"start": "2024-03-01T09:00:00+00:00"},
        "length": {"value": 10, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min"},
        "serviceProvider": {"reference": "Organization/practice"},
    }
    related = [
        {"url": "type", "valueCode": "parent"},
        {"url": "target", "valueReference": {"reference": "Condition/problem"}},
    ]
    lists = [
        _list("consultation", "325851000000107", "Consultation", ["List/topic"]),
        _list("topic", "25851000000105", "Topic (EHR)", ["List/heading"])
        | {"extension": [{"url": UK + "Extension-CareConnect-RelatedProblemHeader-1", "extension": related}]},
        _list("heading", "24781000000107", "Category (EHR)", ["Observation/obs-1"]),
        _list(None, "717711000000103", "Problems", ["Condition/problem"])
        | {
            "extension": [
                {"url": NHS + "Extension-CareConnect-GPC-ListWarningCode-1", "valueCode": "confidential-items"}
            ]
        },
        _list(None, "886921000000105", "Allergies and adverse reactions", [])
        | {"emptyReason": _care_connect("CareConnect-ListEmptyReasonCode-1", "no-content-recorded")},
    ]
    return document(*PEOPLE, encounter, *lists, observation(context={"reference": "Encounter/visit"}), _problem())


def _list(id: str | None, code: str, title: str, entries: list[str]) -> Json:
    whole: Json = {
        "resourceType": "List",
        "id": id,
        "status": "current",
        "mode": "snapshot",
        "title": title,
        "code": _code(code, title),
        "subject": SUBJECT,
        "date": "2024-03-01T09:00:00+00:00",
        "orderedBy": {"coding": [{"system": "http://hl7.org/fhir/list-order", "code": "system"}]},
        "encounter": {"reference": "Encounter/visit"} if id else None,
        "entry": [{"item": {"reference": entry}} for entry in entries] or None,
    }
    return {name: value for name, value in whole.items() if value is not None}


def _problem(id: str = "problem", **changed: object) -> Json:
    return {
        "resourceType": "Condition",
        "id": id,
        "clinicalStatus": "active",
        "category": [
            {
                "coding": [
                    {
                        "system": "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-ConditionCategory-1",
                        "code": "problem-list-item",
                    }
                ]
            }
        ],
        "code": _code("84114007", "Heart failure"),
        "subject": SUBJECT,
        "onsetDateTime": "2019",
        "assertedDate": "2024-03-01T09:00:00+00:00",
        "asserter": GP,
    } | changed


def problems() -> Json:
    """A problem with significance, the entry behind it and content; one that ended; an active one with an end."""
    links = [
        {"url": UK + "Extension-CareConnect-ActualProblem-1", "valueReference": {"reference": "Observation/obs-1"}},
        {"url": UK + "Extension-CareConnect-ProblemSignificance-1", "valueCode": "major"},
        {
            "url": UK + "Extension-CareConnect-RelatedClinicalContent-1",
            "valueReference": {"reference": "Observation/obs-1"},
        },
        {
            "url": UK + "Extension-CareConnect-RelatedProblemHeader-1",
            "extension": [
                {"url": "type", "valueCode": "child"},
                {"url": "target", "valueReference": {"reference": "Condition/ended"}},
            ],
        },
    ]
    read = {"system": "http://read.info/readv2", "code": "G58..00", "display": "Heart failure"}
    return document(
        *PEOPLE,
        observation(),
        _problem(extension=links, code=_code("84114007", "Heart failure", read), note=[{"text": "Stable"}]),
        _problem("ended", clinicalStatus="inactive", abatementDateTime="2022-02-02"),
        _problem("contradicts", abatementDateTime="2023-03-03"),
    )


def report() -> Json:
    """A report with its specimen, the filed group and a result in it with a range."""
    laboratory = [{"coding": [{"system": "http://hl7.org/fhir/observation-category", "code": "laboratory"}]}]
    specimen = {
        "resourceType": "Specimen",
        "id": "blood",
        "accessionIdentifier": {"value": "A1"},
        "type": {"text": "Blood"},
        "subject": SUBJECT,
        "receivedTime": "2024-03-02T08:00:00+00:00",
        "collection": {"collectedDateTime": "2024-03-01T09:00:00+00:00"},
    }
    group = observation(
        "group",
        category=laboratory,
        specimen={"reference": "Specimen/blood"},
        related=[{"type": "has-member", "target": {"reference": "Observation/result"}}],
    )
    result = observation(
        "result",
        status="unknown",
        category=laboratory,
        valueQuantity={"value": 110, "comparator": "<", "unit": "g/L"},
        referenceRange=[{"low": {"value": 115, "unit": "g/L"}, "high": {"value": 165, "unit": "g/L"}}],
        related=[{"type": "derived-from", "target": {"reference": "Observation/group"}}],
    )
    whole = {
        "resourceType": "DiagnosticReport",
        "id": "report",
        "status": "unknown",
        "category": {"coding": [{"system": "http://hl7.org/fhir/v2/0074", "code": "PAT"}]},
        "code": _code("721981007", "Diagnostic studies report"),
        "subject": SUBJECT,
        "issued": "2024-03-02T10:00:00.000+00:00",
        "performer": [{"actor": GP}],
        "specimen": [{"reference": "Specimen/blood"}],
        "result": [{"reference": "Observation/group"}],
        "conclusion": "Tell the patient",
    }
    return document(*PEOPLE, specimen, group, result, whole)


def allergies() -> Json:
    """An active one, none known, and an ended one that is contained in the list of ended allergies."""
    active = {
        "resourceType": "AllergyIntolerance",
        "id": "penicillin",
        "clinicalStatus": "active",
        "verificationStatus": "unconfirmed",
        "category": ["medication"],
        "code": _code("91936005", "Allergy to penicillin", description="152307010"),
        "patient": SUBJECT,
        "onsetDateTime": "2001-05",
        "assertedDate": "2001-05-06T10:00:00+01:00",
        "recorder": GP,
        "reaction": [{"manifestation": [_code("271807003", "Eruption of skin")], "severity": "moderate"}],
    }
    end = [{"url": "endDate", "valueDateTime": "2010-01-01"}, {"url": "reasonEnded", "valueString": "Tested"}]
    ended = active | {
        "id": "ended",
        "clinicalStatus": "resolved",
        "extension": [{"url": NHS + "Extension-CareConnect-GPC-AllergyIntoleranceEnd-1", "extension": end}],
    }
    none = active | {"id": "none", "code": _code("716186003", "No known allergy")}
    none = {name: value for name, value in none.items() if name != "reaction"}
    holding = _list("ended-list", "1103671000000101", "Ended allergies", ["#ended"]) | {"contained": [ended]}
    del holding["encounter"]
    return document(*PEOPLE, active, none, holding)


def requests_and_documents() -> Json:
    """A referral, a diary entry, a letter, and a questionnaire without linkIds."""
    referral = {
        "resourceType": "ReferralRequest",
        "id": "same",
        "status": "unknown",
        "intent": "order",
        "priority": "urgent",
        "subject": SUBJECT,
        "authoredOn": "2024-03-01",
        "requester": {"agent": GP},
        "recipient": [{"reference": "Organization/practice"}],
        "reasonCode": [_code("161898004", "Falls")],
        "description": "Falls clinic",
        "note": [{"text": "Soon"}],
    }
    diary = {
        "resourceType": "ProcedureRequest",
        "id": "same",
        "status": "active",
        "intent": "plan",
        "code": {"text": "Blood test"},
        "subject": SUBJECT,
        "occurrenceDateTime": "2024-06-01",
        "authoredOn": "2024-03-01",
        "requester": {"agent": GP},
    }
    letter = {
        "resourceType": "DocumentReference",
        "id": "letter",
        "status": "current",
        "type": {"text": "Letter"},
        "subject": SUBJECT,
        "created": "2024-03-01T09:00:00+00:00",
        "indexed": "2024-03-02T09:00:00+00:00",
        "custodian": {"reference": "Organization/practice"},
        "description": "From the clinic",
        "content": [{"attachment": {"contentType": "text/plain", "url": "https://gp.example/1", "size": 10}}],
        "context": {"encounter": {"reference": "Encounter/none"}},
    }
    answered = {
        "resourceType": "QuestionnaireResponse",
        "id": "answered",
        "identifier": {"system": "https://gp.example/id", "value": "q1"},
        "status": "completed",
        "subject": SUBJECT,
        "authored": "2024-03-01T09:00:00+00:00",
        "item": [{"answer": [{"valueReference": {"reference": "Observation/obs-1"}}]}],
    }
    return document(*PEOPLE, referral, diary, letter, answered, observation())


def immunisation() -> Json:
    """One that was given, with its recording and procedure; one that was not."""
    given = {
        "resourceType": "Immunization",
        "id": "given",
        "extension": [
            {"url": UK + "Extension-CareConnect-DateRecorded-1", "valueDateTime": "2024-01-02"},
            {
                "url": UK + "Extension-CareConnect-VaccinationProcedure-1",
                "valueCodeableConcept": _code("822851000000102", "Seasonal influenza vaccination"),
            },
        ],
        "status": "completed",
        "notGiven": False,
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/v3/NullFlavor", "code": "UNK"}]},
        "patient": SUBJECT,
        "date": "2024-01-01",
        "primarySource": True,
        "lotNumber": "L1",
        "practitioner": [{"role": {"coding": [{"system": "http://hl7.org/fhir/v2/0443", "code": "AP"}]}, "actor": GP}],
        "vaccinationProtocol": [
            {
                "doseSequence": 1,
                "seriesDoses": 2,
                "targetDisease": [{"text": "Influenza"}],
                "doseStatus": {"text": "counts"},
            }
        ],
        "explanation": {"reason": [{"text": "Age"}]},
    }
    refused = {
        "resourceType": "Immunization",
        "id": "refused",
        "status": "completed",
        "notGiven": True,
        "vaccineCode": {"text": "Influenza vaccine"},
        "patient": SUBJECT,
        "primarySource": True,
        "explanation": {"reasonNotGiven": [{"text": "Declined"}]},
    }
    return document(*PEOPLE, given, refused)


def frailty() -> Json:
    """The Clinical Frailty Scale in both codings; a resuscitation code that stays a fact; a frailty diagnosis."""
    score = observation(
        "score", code=_code("763264000", "CSHA Clinical Frailty Scale score"), valueQuantity={"value": 6}
    )
    level = observation("level", code=_code("1129391000000100", "CSHA Clinical Frailty Scale level 7"))
    cpr = observation("cpr", code=_code("450475007", "For attempted cardiopulmonary resuscitation"))
    diagnosis = observation("diagnosis", code=_code("925861000000102", "Severe frailty"))
    return document(*PEOPLE, score, level, cpr, diagnosis)


def malformed() -> Json:
    """What breaks STU3: bad dates, an id with an underscore, a missing code, a wrong type, an unknown resource type."""
    return document(
        observation("bad_id", effectiveDateTime="2024-03-01T09:30:00"),
        _problem("bad-date", onsetDateTime="19"),
        observation("no-code", code=None),
        observation("wrong-type", component="text"),
        {"resourceType": "Basic", "id": "unknown", "subject": SUBJECT},
        observation("doubled"),
        observation("doubled"),
        observation("doubled", status="amended"),
        observation("left", invented="element"),
        of=patient(identifier=[{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "1234567890"}]),
    )


SHAPES: tuple[Shape, ...] = (
    medication,
    blood_pressure,
    consultation,
    problems,
    report,
    allergies,
    requests_and_documents,
    immunisation,
    frailty,
    malformed,
)


def shown(result: Mapped) -> bytes:
    """What is kept of a result: every resource, what became of every entry, every finding."""
    reports = [
        {
            "place": report.place,
            "type": report.type,
            "outcome": report.outcome,
            "to": None if report.to is None else "/".join(report.to),
            "issues": [issue.as_json() for issue in report.issues],
        }
        for report in result.reports
    ]
    return pretty(dump({"bundle": result.bundle(), "reports": reports})) + b"\n"


def main() -> None:
    """Write all results anew."""
    FOLDER.mkdir(exist_ok=True)
    for shape in SHAPES:
        (FOLDER / f"{shape.__name__}.json").write_bytes(shown(mapped(dump(shape()))))


if __name__ == "__main__":
    main()

"""Problems, allergies and medicines as the GP system holds them: what `records/` says of them, in STU3."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from fhir_server.demo.facts.residents import Resident
from fhir_server.demo.gp_record.places import ORGANISATION, SYSTEM
from fhir_server.demo.gp_record.stu3 import CARE_CONNECT, care_connect, coded, extension, local, resource, to
from fhir_server.demo.records.terms import Json

_CLINICAL = {"active": "active", "resolved": "inactive"}
_MAJOR = 3
"""So many problems at the head of the list are of major significance."""


def problems(resident: Resident, conditions: Sequence[Json], asserted: str) -> Iterator[Json]:
    """Problem headers, each with the entry that it was made from; those after the first refer to the first."""
    for number, condition in enumerate(conditions):
        id = str(condition["id"])
        code = coded(condition["code"], term=condition["code"].get("text"))
        started = condition["onsetDateTime"]
        extensions = [
            extension(
                "Extension-CareConnect-ActualProblem-1",
                base=CARE_CONNECT,
                valueReference=to("Observation", f"{id}-entry"),
            ),
            extension(
                "Extension-CareConnect-ProblemSignificance-1",
                base=CARE_CONNECT,
                valueCode="major" if number < _MAJOR else "minor",
            ),
        ]
        if 0 < number < _MAJOR:
            parts = [
                {"url": "type", "valueCode": "sibling"},
                {"url": "target", "valueReference": to("Condition", str(conditions[0]["id"]))},
            ]
            extensions.append(
                extension("Extension-CareConnect-RelatedProblemHeader-1", base=CARE_CONNECT, extension=parts)
            )
        yield resource(
            "Condition",
            id,
            "ProblemHeader-Condition",
            SYSTEM,
            extension=extensions,
            clinicalStatus=_CLINICAL[condition["clinicalStatus"]["coding"][0]["code"]],
            category=[
                care_connect("CareConnect-ConditionCategory-1", "problem-list-item", "Problem List Item", uk=True)
            ],
            code=code,
            subject=to("Patient", resident.id),
            onsetDateTime=started,
            abatementDateTime=condition.get("abatementDateTime"),
            assertedDate=asserted,
            asserter=to("Practitioner", resident.gp),
        )
        yield resource(
            "Observation",
            f"{id}-entry",
            "Observation",
            SYSTEM,
            status="final",
            code=code,
            subject=to("Patient", resident.id),
            effectiveDateTime=started,
            issued=asserted,
            performer=[to("Practitioner", resident.gp)],
        )


def allergy(resident: Resident, known: Json, asserted: str) -> Json:
    """The AllergyIntolerance, or that none is known."""
    reactions = [
        {**one, "manifestation": [coded(it) for it in one["manifestation"]]} for one in known.get("reaction", ())
    ]
    return resource(
        "AllergyIntolerance",
        str(known["id"]),
        "AllergyIntolerance",
        SYSTEM,
        clinicalStatus="active",
        verificationStatus="unconfirmed",
        category=known.get("category", ["medication"]),
        code=coded(known["code"], local("DEMO-ALL", "Allergy entry of the practice"), term=known["code"].get("text")),
        patient=to("Patient", resident.id),
        onsetDateTime=known["recordedDate"],
        assertedDate=asserted,
        recorder=to("Practitioner", resident.gp),
        reaction=reactions or None,
    )


def medicines(resident: Resident, requests: Sequence[Json], until: date) -> Iterator[Json]:
    """For each item a Medication, the MedicationStatement, the authorisation (`plan`) and the last issue (`order`)."""
    for request in requests:
        yield from _medicine(resident, request, until)


def _medicine(resident: Resident, request: Json, until: date) -> Iterator[Json]:
    id, started = str(request["id"]), str(request["authoredOn"])
    issued = max(started, (until - timedelta(days=20)).isoformat())
    status = {"active": "active", "stopped": "stopped", "completed": "completed"}[request["status"]]
    medicine, subject = to("Medication", f"{id}-product"), to("Patient", resident.id)
    about = request["medicationCodeableConcept"]
    yield resource(
        "Medication",
        f"{id}-product",
        "Medication",
        code=coded(about, local(f"DEMO-{id[-12:].upper()}", about.get("text") or about["coding"][0]["display"])),
    )
    dose = [{"text": request["dosageInstruction"][0]["text"]}]
    yield resource(
        "MedicationStatement",
        f"{id}-MS",
        "MedicationStatement",
        SYSTEM,
        extension=[
            extension(
                "Extension-CareConnect-GPC-PrescribingAgency-1",
                valueCodeableConcept=care_connect(
                    "CareConnect-PrescribingAgency-1", "prescribed-at-gp-practice", "Prescribed at GP practice"
                ),
            ),
            extension("Extension-CareConnect-GPC-MedicationStatementLastIssueDate-1", valueDateTime=issued),
        ],
        basedOn=[to("MedicationRequest", id)],
        status=status,
        medicationReference=medicine,
        effectivePeriod={"start": started} | ({} if status == "active" else {"end": until.isoformat()}),
        dateAsserted=started,
        subject=subject,
        taken="unk",
        dosage=dose,
    )
    frame = {"medicationReference": medicine, "subject": subject, "dosageInstruction": dose}
    yield _plan(resident, request, status, frame, until)
    yield _order(resident, request, issued, frame)


def _plan(resident: Resident, request: Json, status: str, frame: Json, until: date) -> Json:
    started = str(request["authoredOn"])
    repeat = request["courseOfTherapyType"]["coding"][0]["code"] == "continuous"
    kind = ("repeat", "Repeat") if repeat else ("acute", "Acute")
    extensions = [_prescription_type(*kind)]
    if repeat:
        issued = [{"url": "numberOfRepeatPrescriptionsIssued", "valueUnsignedInt": 12}]
        extensions.append(extension("Extension-CareConnect-GPC-MedicationRepeatInformation-1", extension=issued))
    if status == "stopped":
        reason = {"text": "Ended when the person died"}
        parts = [
            {"url": "statusReason", "valueCodeableConcept": reason},
            {"url": "statusChangeDate", "valueDateTime": until.isoformat()},
        ]
        extensions.append(extension("Extension-CareConnect-GPC-MedicationStatusReason-1", extension=parts))
    return resource(
        "MedicationRequest",
        str(request["id"]),
        "MedicationRequest",
        SYSTEM,
        extension=extensions,
        status=status,
        intent="plan",
        **frame,
        authoredOn=started,
        requester={
            "agent": to("Practitioner", resident.gp),
            "onBehalfOf": to("Organization", ORGANISATION),
        },
        recorder=to("Practitioner", resident.gp),
        dispenseRequest=_supply({"start": started}),
    )


def _order(resident: Resident, request: Json, issued: str, frame: Json) -> Json:
    return resource(
        "MedicationRequest",
        f"{request['id']}-issue",
        "MedicationRequest",
        SYSTEM,
        extension=[_prescription_type("repeat", "Repeat")],
        basedOn=[to("MedicationRequest", str(request["id"]))],
        status="completed",
        intent="order",
        **frame,
        authoredOn=issued,
        requester={"agent": to("Practitioner", resident.gp)},
        recorder=to("Practitioner", resident.gp),
        dispenseRequest=_supply({"start": issued, "end": issued}),
    )


def _supply(validity: Json) -> Json:
    days = {"value": 28, "unit": "day", "system": "http://unitsofmeasure.org", "code": "d"}
    return {"validityPeriod": validity, "quantity": {"value": 28, "unit": "dose"}, "expectedSupplyDuration": days}


def _prescription_type(code: str, display: str) -> Json:
    kind = care_connect("CareConnect-PrescriptionType-1", code, display)
    return extension("Extension-CareConnect-GPC-PrescriptionType-1", valueCodeableConcept=kind)

"""Consultations, with their topics and headings, and what was found in them; blood tests; injections; what is next."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from fhir_server.demo.facts.draws import Draws
from fhir_server.demo.facts.residents import Resident
from fhir_server.demo.gp_record.places import LOCATION, ORGANISATION, SYSTEM
from fhir_server.demo.gp_record.stu3 import CARE_CONNECT, READ_V2, coded, extension, listed, local, resource, to
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.terms import (
    BLOOD_PRESSURE,
    DIASTOLIC,
    SYSTOLIC,
    WEIGHT,
    Json,
    coding,
    concept,
    snomed,
)

_CONSULTATION = snomed("325851000000107", "Consultation")
_TOPIC = snomed("25851000000105", "Topic (EHR)")
_HEADING = snomed("24781000000107", "Category (EHR)")
_PARTICIPANT = "https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-ParticipantType-1"
_LABORATORY = concept(coding("http://hl7.org/fhir/observation-category", "laboratory", "Laboratory"))


@dataclass(frozen=True, slots=True)
class Frame:
    """Whose record, when "today" is, and how the parts refer to the person and their GP."""

    resident: Resident
    moments: Moments

    @property
    def subject(self) -> Json:
        return to("Patient", self.resident.id)

    @property
    def gp(self) -> Json:
        return to("Practitioner", self.resident.gp)

    def id(self, name: str) -> str:
        """An id of this person's record."""
        return f"{self.resident.id}-{name}"

    def observation(self, name: str, code: Json, at: str, **more: object) -> Json:
        """An Observation of the GP's."""
        return resource(
            "Observation",
            self.id(name),
            "Observation",
            SYSTEM,
            status="final",
            code=code,
            subject=self.subject,
            effectiveDateTime=at,
            issued=at,
            performer=[self.gp],
            **more,
        )


def consultations(frame: Frame) -> Iterator[Json]:
    """Two visits of the GP to the home: examination with blood pressure and weight, and a note."""
    draws = Draws(frame.resident.seed, frame.resident.index, "gp")
    for number, back in enumerate((draws.whole(10, 60), draws.whole(90, 160)), 1):
        day = max(frame.resident.until - back, frame.resident.stays[0].first)
        yield from _consultation(frame, f"visit-{number}", frame.moments.time(day, 600 + number * 15), draws)


def _consultation(frame: Frame, name: str, at: str, draws: Draws) -> Iterator[Json]:
    encounter = to("Encounter", frame.id(name))
    yield resource(
        "Encounter",
        frame.id(name),
        "Encounter",
        SYSTEM,
        status="finished",
        type=[{"text": "Visit to a care home"}],
        subject=frame.subject,
        participant=[
            {"type": [concept(coding(_PARTICIPANT, "REC", "recorder"))], "individual": frame.gp},
            {
                "type": [concept(coding("http://hl7.org/fhir/v3/ParticipationType", "PPRF", "primary performer"))],
                "individual": frame.gp,
            },
        ],
        period={"start": at},
        location=[{"location": to("Location", LOCATION)}],
        serviceProvider=to("Organization", ORGANISATION),
    )
    found = [_pressure(frame, name, at, draws), _weight(frame, name, at), _note(frame, name, at)]
    for one in found:
        yield one | {"context": encounter}
    entries = [to("Observation", str(one["id"])) for one in found]
    headings = (("Examination", entries[:2]), ("Comment", entries[2:]))
    lists = [
        listed(frame.id(f"{name}-heading-{number}"), _HEADING, title, frame.subject, at, inside, encounter=encounter)
        for number, (title, inside) in enumerate(headings, 1)
    ]
    inner = [to("List", str(one["id"])) for one in lists]
    topic = listed(
        frame.id(f"{name}-topic"), _TOPIC, "Review in the care home", frame.subject, at, inner, encounter=encounter
    )
    yield listed(
        frame.id(f"{name}-list"),
        _CONSULTATION,
        "Visit to a care home",
        frame.subject,
        at,
        [to("List", str(topic["id"]))],
        encounter=encounter,
    )
    yield topic
    yield from lists


def _pressure(frame: Frame, name: str, at: str, draws: Draws) -> Json:
    systolic = draws.whole(108, 156)
    parts = ((SYSTOLIC, systolic), (DIASTOLIC, systolic // 2 + draws.whole(4, 14)))
    components = [{"code": coded(code), "valueQuantity": {"value": value, "unit": "mmHg"}} for code, value in parts]
    return frame.observation(f"{name}-bp", coded(BLOOD_PRESSURE, description_id="125176019"), at, component=components)


def _weight(frame: Frame, name: str, at: str) -> Json:
    kilograms = Decimal(frame.resident.tenths_of_kilograms).scaleb(-1)
    return frame.observation(f"{name}-weight", coded(WEIGHT), at, valueQuantity={"value": kilograms, "unit": "kg"})


def _note(frame: Frame, name: str, at: str) -> Json:
    code = coded(concept(text="Comment"), local("DEMO-NOTE", "Comment note"))
    return frame.observation(f"{name}-note", code, at, comment="Seen in the room, with a carer. Comfortable.")


@dataclass(frozen=True, slots=True)
class _Test:
    """A blood test: SNOMED CT code (from the public GP Connect records) and Read code, unit and usual range."""

    name: str
    code: str
    display: str
    read: str
    unit: str
    low: Decimal
    high: Decimal


_TESTS = (
    _Test(
        "haemoglobin", "1022431000000105", "Haemoglobin estimation", "423..00", "g/L", Decimal("115"), Decimal("165")
    ),
    _Test(
        "white-cells",
        "1022541000000102",
        "Total white cell count",
        "42H..00",
        "10*9/L",
        Decimal("4.0"),
        Decimal("11.0"),
    ),
    _Test("platelets", "1022651000000100", "Platelet count", "42P..00", "10*9/L", Decimal("150"), Decimal("450")),
)
_BLOOD_COUNT = snomed("1022441000000101", "FBC - full blood count", "Full blood count")


def results(frame: Frame) -> Iterator[Json]:
    """A blood count: the report, its specimen, the group that was filed and the results in it."""
    draws = Draws(frame.resident.seed, frame.resident.index, "blood")
    day = max(frame.resident.until - draws.whole(15, 120), frame.resident.stays[0].first)
    at = frame.moments.time(day, 630)
    specimen = to("Specimen", frame.id("specimen"))
    yield resource(
        "Specimen",
        frame.id("specimen"),
        "Specimen",
        SYSTEM,
        accessionIdentifier={"value": f"DEMO{frame.resident.index:06d}"},
        type={"text": "EDTA blood"},
        subject=frame.subject,
        receivedTime=frame.moments.time(day + 1, 500),
        collection={"collectedDateTime": at},
    )
    tests = [_result(frame, test, at, specimen, draws) for test in _TESTS]
    related = [{"type": "has-member", "target": to("Observation", str(test["id"]))} for test in tests]
    group = frame.observation(
        "blood-count", coded(_BLOOD_COUNT, coding(READ_V2, "424..00", "Full blood count")), at, category=[_LABORATORY]
    )
    yield group | {"specimen": specimen, "related": related}
    yield from tests
    yield resource(
        "DiagnosticReport",
        frame.id("report"),
        "DiagnosticReport",
        SYSTEM,
        status="unknown",
        category=concept(coding("http://hl7.org/fhir/v2/0074", "PAT", "Pathology (gross & histopath, not surgical)")),
        code=snomed("721981007", "Diagnostic studies report"),
        subject=frame.subject,
        issued=frame.moments.time(day + 1, 700),
        performer=[{"actor": frame.gp}],
        specimen=[specimen],
        result=[to("Observation", frame.id("blood-count"))],
        conclusion="No action needed.",
    )


def _result(frame: Frame, test: _Test, at: str, specimen: Json, draws: Draws) -> Json:
    spread = test.high - test.low
    value = (test.low + spread * draws.whole(-5, 100) / 100).quantize(test.low)
    code = coded(snomed(test.code, test.display), coding(READ_V2, test.read, test.display))
    limits = [{"low": {"value": test.low, "unit": test.unit}, "high": {"value": test.high, "unit": test.unit}}]
    outside = concept(coding("http://hl7.org/fhir/v2/0078", "L", "Low")) if value < test.low else None
    found = frame.observation(
        test.name,
        code,
        at,
        category=[_LABORATORY],
        valueQuantity={"value": value, "unit": test.unit},
        interpretation=outside,
        referenceRange=limits,
    )
    parent = [{"type": "derived-from", "target": to("Observation", frame.id("blood-count"))}]
    return found | {"specimen": specimen, "related": parent}


def others(frame: Frame) -> Iterator[Json]:
    """An injection, a diary entry for those who live, a referral, a letter."""
    at = frame.moments.time(max(frame.resident.until - 40, frame.resident.stays[0].first), 660)
    yield _injection(frame, at)
    if not frame.resident.died:
        yield _recall(frame, at)
    yield _referral(frame, at)
    yield _letter(frame, at)


def _injection(frame: Frame, at: str) -> Json:
    given = coded(snomed("822851000000102", "Seasonal influenza vaccination"), description_id="2142081000000112")
    return resource(
        "Immunization",
        frame.id("influenza"),
        "Immunization",
        SYSTEM,
        extension=[
            extension("Extension-CareConnect-DateRecorded-1", base=CARE_CONNECT, valueDateTime=at),
            extension("Extension-CareConnect-VaccinationProcedure-1", base=CARE_CONNECT, valueCodeableConcept=given),
        ],
        status="completed",
        notGiven=False,
        vaccineCode=concept(coding("http://hl7.org/fhir/v3/NullFlavor", "UNK", "unknown")),
        patient=frame.subject,
        date=at,
        primarySource=True,
        lotNumber=f"DEMO-{frame.resident.index % 9:02d}",
        practitioner=[
            {"role": concept(coding("http://hl7.org/fhir/v2/0443", "AP", "Administering Provider")), "actor": frame.gp}
        ],
    )


def _recall(frame: Frame, at: str) -> Json:
    return resource(
        "ProcedureRequest",
        frame.id("recall"),
        "ProcedureRequest",
        SYSTEM,
        status="active",
        intent="plan",
        code=coded(concept(text="Review of medicines"), local("DEMO-RECALL", "Review of medicines")),
        occurrenceDateTime=frame.moments.date(-1),
        subject=frame.subject,
        requester={"agent": frame.gp},
        authoredOn=at,
    )


def _referral(frame: Frame, at: str) -> Json:
    return resource(
        "ReferralRequest",
        frame.id("referral"),
        "ReferralRequest",
        SYSTEM,
        status="unknown",
        intent="order",
        priority="routine",
        reasonCode=[{"text": "Falls assessment"}],
        recipient=[to("Organization", ORGANISATION)],
        description="Assessment by the community team",
        subject=frame.subject,
        requester={"agent": frame.gp},
        authoredOn=at,
    )


def _letter(frame: Frame, at: str) -> Json:
    attachment = {"contentType": "text/plain", "title": "Letter", "url": "https://demo.example/letters/1", "size": 1200}
    return resource(
        "DocumentReference",
        frame.id("letter"),
        "DocumentReference",
        SYSTEM,
        status="current",
        type={"text": "Letter from the hospital"},
        subject=frame.subject,
        created=at,
        indexed=at,
        custodian=to("Organization", ORGANISATION),
        description="Clinic letter",
        content=[{"attachment": attachment}],
    )

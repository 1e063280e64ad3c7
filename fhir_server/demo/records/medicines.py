"""What residents take, and why. Doses are usual adult ones for frail older people; this is no guide to prescribing.

A MedicationRequest for each repeat item of the GP, and for each course of an antibiotic. Medicines are coded where GP
Connect test records or UK Core examples carry the code; the others have their name as text, as a home writes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir_server.demo.facts import problems
from fhir_server.demo.facts.physiology import latest_weight
from fhir_server.demo.facts.problems import Problem
from fhir_server.demo.facts.residents import YEAR, YESTERDAY, Resident
from fhir_server.demo.facts.stories import CHEST_INFECTION, TREATED_FROM
from fhir_server.demo.records.allergies import ASPIRIN, PENICILLIN, PENICILLIN_SEVERE, Allergy
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.places import role_of
from fhir_server.demo.records.terms import Json, concept, hl7, reference, resource, snomed


@dataclass(frozen=True, slots=True)
class Medicine:
    """A medicine with its instruction. `times` in `days` days, `when_needed` instead of at set times; `course` is the
    length in days of something that ends."""

    name: str
    code: str | None
    dose: str
    times: int = 1
    days: int = 1
    when_needed: bool = False
    course: int | None = None


AMLODIPINE = Medicine("Amlodipine 5mg tablets", None, "One tablet in the morning")
RAMIPRIL = Medicine("Ramipril 2.5mg capsules", None, "One capsule in the morning")
BISOPROLOL = Medicine("Bisoprolol 2.5mg tablets", None, "One tablet in the morning")
APIXABAN_LOW = Medicine("Apixaban 2.5mg tablets", None, "One tablet twice a day", 2)
APIXABAN = Medicine("Apixaban 5mg tablets", None, "One tablet twice a day", 2)
FUROSEMIDE = Medicine("Furosemide 40mg tablets", "317972000", "One tablet in the morning")
ASPIRIN_75 = Medicine("Aspirin 75mg dispersible tablets", "319773006", "One tablet in water with breakfast")
CLOPIDOGREL = Medicine("Clopidogrel 75mg tablets", "319799004", "One tablet in the morning")
ATORVASTATIN = Medicine("Atorvastatin 20mg tablets", "320030001", "One tablet at night")
METFORMIN = Medicine("Metformin 500mg tablets", "325278007", "One tablet with breakfast and evening meal", 2)
SALBUTAMOL = Medicine(
    "Salbutamol 100micrograms/dose inhaler CFC free",
    "39113611000001102",
    "Two puffs when needed for breathlessness, up to four times a day",
    4,
    when_needed=True,
)
DONEPEZIL = Medicine("Donepezil 10mg tablets", None, "One tablet at night")
CO_BENELDOPA = Medicine("Co-beneldopa 25mg/100mg capsules", None, "One capsule at 07:30, 12:30 and 17:30, on time", 3)
PARACETAMOL = Medicine("Paracetamol 500mg tablets", "322236009", "Two tablets four times a day", 4)
PARACETAMOL_LOW = Medicine("Paracetamol 500mg tablets", "322236009", "One tablet four times a day (under 50 kg)", 4)
ALENDRONIC = Medicine(
    "Alendronic acid 70mg tablets", None, "One tablet each Sunday on rising, sitting upright for 30 minutes", 1, 7
)
COLECALCIFEROL = Medicine("Colecalciferol 800unit capsules", None, "One capsule in the morning")
LEVOTHYROXINE = Medicine("Levothyroxine sodium 50microgram tablets", None, "One tablet before breakfast")
MIRTAZAPINE = Medicine("Mirtazapine 15mg tablets", None, "One tablet at night")
SENNA = Medicine("Senna 7.5mg tablets", None, "Two tablets at night")
OMEPRAZOLE = Medicine(
    "Omeprazole 20mg gastro-resistant capsules", "317291008", "One capsule in the morning, before food"
)
FERROUS_SULFATE = Medicine("Ferrous sulfate 200mg tablets", "327438003", "One tablet in the morning")
TAMSULOSIN = Medicine(
    "Tamsulosin 400microgram modified-release capsules", "38754011000001109", "One capsule after breakfast"
)
AMOXICILLIN = Medicine(
    "Amoxicillin 500mg capsules", "323510009", "One capsule three times a day for five days", 3, course=5
)
DOXYCYCLINE = Medicine(
    "Doxycycline 100mg capsules", "324059006", "Two capsules on the first day, then one a day, for five days", course=5
)
NITROFURANTOIN = Medicine(
    "Nitrofurantoin 100mg modified-release capsules",
    None,
    "One capsule twice a day with food for three days",
    2,
    course=3,
)
PIVMECILLINAM = Medicine(
    "Pivmecillinam 200mg tablets", None, "Two tablets at once, then one three times a day for three days", 3, course=3
)
FOSFOMYCIN = Medicine("Fosfomycin 3g granules sachets", None, "One sachet in water at bedtime, once", course=1)
JUST_IN_CASE = (
    Medicine(
        "Morphine sulfate 10mg/1ml solution for injection ampoules",
        None,
        "2.5 mg under the skin when needed for pain or breathlessness, at most hourly",
        when_needed=True,
    ),
    Medicine(
        "Midazolam 10mg/2ml solution for injection ampoules",
        None,
        "2.5 mg under the skin when needed for distress, at most hourly",
        when_needed=True,
    ),
    Medicine(
        "Levomepromazine 25mg/1ml solution for injection ampoules",
        None,
        "6.25 mg under the skin when needed for sickness, at most every six hours",
        when_needed=True,
    ),
    Medicine(
        "Hyoscine butylbromide 20mg/1ml solution for injection ampoules",
        None,
        "20 mg under the skin when needed for chest secretions, at most every four hours",
        when_needed=True,
    ),
)

ALWAYS: tuple[tuple[Problem, tuple[Medicine, ...]], ...] = (
    (problems.ALZHEIMER, (DONEPEZIL,)),
    (problems.PARKINSON, (CO_BENELDOPA,)),
    (problems.DIABETES, (METFORMIN,)),
    (problems.HYPERTENSION, (AMLODIPINE,)),
    (problems.HEART_FAILURE, (FUROSEMIDE, RAMIPRIL)),
    (problems.COPD, (SALBUTAMOL,)),
    (problems.OSTEOPOROSIS, (ALENDRONIC, COLECALCIFEROL)),
    (problems.HYPOTHYROIDISM, (LEVOTHYROXINE,)),
    (problems.DEPRESSION, (MIRTAZAPINE,)),
    (problems.CONSTIPATION, (SENNA,)),
    (problems.REFLUX, (OMEPRAZOLE,)),
    (problems.IRON_DEFICIENCY, (FERROUS_SULFATE,)),
    (problems.PROSTATE, (TAMSULOSIN,)),
)
UNSUITED = {
    problems.SWALLOWING: (ALENDRONIC,),
    problems.HEART_FAILURE: (AMLODIPINE,),
}
"""What a problem rules out although another would call for it."""


def medication_requests(resident: Resident, allergy: Allergy | None, moments: Moments) -> Iterator[Json]:
    """Repeat items as they stand now (stopped for who has died), the course of the year, just-in-case medicines."""
    frame = _Frame(resident, moments)
    # What is taken by mouth day by day is given up in the last months, except what keeps somebody comfortable.
    repeats = [_paracetamol(resident)] if resident.story.last_months else list(_repeats(resident, allergy))
    for number, medicine in enumerate(repeats, 1):
        yield frame.request(f"medicine-{number:02d}", medicine, max(resident.stays[0].first, -YEAR))
    if resident.story.last_months:
        for number, medicine in enumerate(JUST_IN_CASE, 1):
            yield frame.request(f"just-in-case-{number}", medicine, resident.frailty[-1][0])
    if resident.onset is not None:
        yield frame.request("antibiotic", _antibiotic(resident, allergy), resident.onset + TREATED_FROM)


def _repeats(resident: Resident, allergy: Allergy | None) -> Iterator[Medicine]:
    unsuited = [medicine for problem, ruled_out in UNSUITED.items() if resident.has(problem) for medicine in ruled_out]
    for problem, medicines in ALWAYS:
        if resident.has(problem):
            yield from (medicine for medicine in medicines if medicine not in unsuited)
    yield from _for_the_vessels(resident, allergy)
    if resident.has(problems.OSTEOARTHRITIS):
        yield _paracetamol(resident)


def _paracetamol(resident: Resident) -> Medicine:
    """Half the dose for who weighs less than 50 kg now."""
    return PARACETAMOL_LOW if latest_weight(resident) < 500 else PARACETAMOL


def _for_the_vessels(resident: Resident, allergy: Allergy | None) -> Iterator[Medicine]:
    """One medicine against clots, not two: the anticoagulant where there is atrial fibrillation."""
    if resident.has(problems.ATRIAL_FIBRILLATION):
        yield BISOPROLOL
        yield APIXABAN_LOW if resident.age >= 80 and latest_weight(resident) <= 600 else APIXABAN
    elif resident.has(problems.STROKE) or (resident.has(problems.HEART_DISEASE) and allergy is ASPIRIN):
        yield CLOPIDOGREL
    elif resident.has(problems.HEART_DISEASE):
        yield ASPIRIN_75
    if resident.has(problems.STROKE, problems.HEART_DISEASE):
        yield ATORVASTATIN


def _antibiotic(resident: Resident, allergy: Allergy | None) -> Medicine:
    allergic = allergy in (PENICILLIN, PENICILLIN_SEVERE)
    if resident.story.illness is CHEST_INFECTION:
        return DOXYCYCLINE if allergic else AMOXICILLIN
    if not resident.has(problems.KIDNEY_DISEASE):
        return NITROFURANTOIN
    return PIVMECILLINAM if not allergic else FOSFOMYCIN


class _Frame:
    """What all requests of one resident share."""

    def __init__(self, resident: Resident, moments: Moments) -> None:
        self._resident, self._moments = resident, moments
        self._subject = reference("Patient", resident.id)
        self._requester = role_of(resident.seed, resident.gp)

    def request(self, name: str, medicine: Medicine, day: int) -> Json:
        """The MedicationRequest of a medicine that was begun on a day."""
        course = medicine.course is not None
        therapy = (
            ("acute", "Short course (acute) therapy") if course else ("continuous", "Continuous long term therapy")
        )
        text = concept(text=medicine.name)
        return resource(
            "MedicationRequest",
            f"{self._resident.id}-{name}",
            status=self._status(medicine, day),
            intent="order",
            category=[hl7("medicationrequest-category", "community", "Community")],
            medicationCodeableConcept=snomed(medicine.code, medicine.name, medicine.name) if medicine.code else text,
            subject=self._subject,
            authoredOn=self._moments.date(day),
            requester=self._requester,
            courseOfTherapyType=hl7("medicationrequest-course-of-therapy", *therapy),
            dosageInstruction=[_dosage(medicine)],
        )

    def _status(self, medicine: Medicine, day: int) -> str:
        if medicine.course is not None and day + medicine.course <= YESTERDAY:
            return "completed"
        return "stopped" if self._resident.died else "active"


def _dosage(medicine: Medicine) -> Json:
    dosage: Json = {"text": medicine.dose}
    if medicine.when_needed:
        return dosage | {"asNeededBoolean": True}
    repeat: dict[str, Any] = {"frequency": medicine.times, "period": medicine.days, "periodUnit": "d"}
    return dosage | {"timing": {"repeat": repeat}}

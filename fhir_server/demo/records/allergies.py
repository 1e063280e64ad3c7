"""Allergies and intolerances: what is known, or that none is known, which is a statement of its own.

Sources of the codes: GP Connect test records and the UK Core examples; anaphylaxis and rash are of the international
edition. Medicines are chosen so that nobody gets what they are allergic to.
"""

from dataclasses import dataclass

from fhir_server.demo.facts.draws import Draws
from fhir_server.demo.facts.residents import Resident
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.places import role_of
from fhir_server.demo.records.terms import Json, hl7, reference, resource, snomed


@dataclass(frozen=True, slots=True)
class Allergy:
    """`kind`, `category`, `criticality` as in AllergyIntolerance; `reaction` is a SNOMED CT code with its names."""

    code: str
    display: str
    kind: str
    category: str
    criticality: str
    reaction: tuple[str, str, str]
    severity: str


RASH = ("271807003", "Eruption of skin", "Rash")
NAUSEA = ("422587007", "Nausea", "Sickness")
ANAPHYLAXIS = ("39579001", "Anaphylaxis", "Anaphylaxis")

PENICILLIN = Allergy("91936005", "Allergy to penicillin", "allergy", "medication", "high", RASH, "moderate")
PENICILLIN_SEVERE = Allergy("91936005", "Allergy to penicillin", "allergy", "medication", "high", ANAPHYLAXIS, "severe")
TRIMETHOPRIM = Allergy(
    "292939004", "Trimethoprim adverse reaction", "intolerance", "medication", "low", RASH, "moderate"
)
ASPIRIN = Allergy("293586001", "Allergy to aspirin", "allergy", "medication", "high", RASH, "moderate")
ERYTHROMYCIN = Allergy("91931000", "Allergy to erythromycin", "intolerance", "medication", "low", NAUSEA, "mild")
LATEX = Allergy("300916003", "Allergy to latex", "allergy", "environment", "low", RASH, "mild")
EGG = Allergy("91930004", "Allergy to edible egg", "allergy", "food", "low", RASH, "mild")
ALL = (PENICILLIN, PENICILLIN, PENICILLIN_SEVERE, TRIMETHOPRIM, ASPIRIN, ERYTHROMYCIN, LATEX, EGG)
SOME_PERCENT = 42


def allergy_of(resident: Resident) -> Allergy | None:
    """The one that is known of this resident; None: none is known."""
    draws = Draws(resident.seed, resident.index, "allergy")
    return draws.pick(ALL) if draws.chance(SOME_PERCENT) else None


def allergy_intolerance(resident: Resident, allergy: Allergy | None, moments: Moments) -> Json:
    """The AllergyIntolerance that says so; where none is known it says that."""
    known = {
        "clinicalStatus": hl7("allergyintolerance-clinical", "active", "Active"),
        "verificationStatus": hl7("allergyintolerance-verification", "confirmed", "Confirmed"),
    }
    about = {
        "patient": reference("Patient", resident.id),
        "recordedDate": moments.date(resident.stays[0].first),
        "recorder": role_of(resident.seed, resident.gp),
    }
    id = f"{resident.id}-allergy"
    if allergy is None:
        none = snomed("716186003", "No known allergy", "No known allergies")
        return resource("AllergyIntolerance", id, **known, code=none, **about)
    return resource(
        "AllergyIntolerance",
        id,
        **known,
        type=allergy.kind,
        category=[allergy.category],
        criticality=allergy.criticality,
        code=snomed(allergy.code, allergy.display, allergy.display),
        **about,
        reaction=[{"manifestation": [snomed(*allergy.reaction)], "severity": allergy.severity}],
    )

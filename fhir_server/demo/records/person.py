"""Who the resident is and where they live: Patient, RelatedPerson, EpisodeOfCare.

A residency is an EpisodeOfCare, not an Encounter: R4 defines it as the time in which an organisation has the care of a
person, during which encounters happen; it has the managing organisation, the period, who is responsible, and a status
history, and it is found by `organization`, `patient`, `date` and `status`. An Encounter is one contact or stay for a
purpose; a home that keeps one open for years would hide the real ones (visits, transfers to hospital) in it.
https://hl7.org/fhir/R4/episodeofcare.html
"""

from collections.abc import Iterator

from fhir_server.demo.facts.residents import Resident, Stay, prefix
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.places import (
    CITY,
    HOME_A,
    HOME_B,
    MANAGERS,
    PRACTICE,
    organisation,
    role_of,
)
from fhir_server.demo.records.terms import (
    LIVES_IN_CARE_HOME,
    NHS_NUMBER,
    TERMINOLOGY,
    UK_CORE,
    Json,
    coding,
    concept,
    reference,
    resource,
)

HOMES = {home.key: home for home in (HOME_A, HOME_B)}
VERIFIED = {
    "url": UK_CORE + "StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
    "valueCodeableConcept": concept(
        coding(UK_CORE + "CodeSystem/UKCore-NHSNumberVerificationStatusEngland", "01", "Number present and verified")
    ),
}


def patient(resident: Resident, moments: Moments) -> Json:
    """The Patient. `managingOrganization` is the home that keeps this record: where the person lives, or lived last."""
    who = resident.person
    value = resource(
        "Patient",
        resident.id,
        identifier=[{"extension": [VERIFIED], "use": "official", "system": NHS_NUMBER, "value": who.nhs_number}],
        active=True,
        name=_names(resident),
        gender=who.gender,
        birthDate=who.birth_date.isoformat(),
    )
    if resident.died:
        value["deceasedDateTime"] = moments.time(resident.until, 285)
    return value | {
        "address": [_address(resident, moments)],
        "generalPractitioner": [organisation(resident.seed, PRACTICE.key), role_of(resident.seed, resident.gp)],
        "managingOrganization": organisation(resident.seed, resident.stays[-1].home),
    }


def related_person(resident: Resident) -> Iterator[Json]:
    """The next of kin, where there is one."""
    kin = resident.person.kin
    if kin is None:
        return
    yield resource(
        "RelatedPerson",
        f"{resident.id}-next-of-kin",
        active=True,
        patient=reference("Patient", resident.id),
        relationship=[
            concept(coding(TERMINOLOGY + "v2-0131", "N", "Next-of-Kin"), text="Next of kin"),
            concept(coding(TERMINOLOGY + "v3-RoleCode", kin.code, kin.display), text=kin.relation),
        ],
        name=[{"use": "official", "family": kin.family, "given": [kin.given]}],
        telecom=[{"system": "phone", "value": kin.telephone, "use": "mobile"}],
    )


def residencies(resident: Resident, moments: Moments) -> Iterator[Json]:
    """One EpisodeOfCare for each home that the resident lived or lives in, oldest first."""
    for number, stay in enumerate(resident.stays, 1):
        manager = MANAGERS[stay.home]
        yield resource(
            "EpisodeOfCare",
            f"{resident.id}-residency-{number}",
            status="active" if stay.last is None else "finished",
            type=[LIVES_IN_CARE_HOME],
            patient=reference("Patient", resident.id),
            managingOrganization=organisation(resident.seed, stay.home),
            period=_period(stay, moments),
            careManager=reference("Practitioner", f"{prefix(resident.seed)}-{manager}"),
        )


def _period(stay: Stay, moments: Moments) -> Json:
    period = {"start": moments.date(stay.first)}
    return period if stay.last is None else period | {"end": moments.date(stay.last)}


def _names(resident: Resident) -> list[Json]:
    who = resident.person
    given = [who.given] if who.middle in (None, who.given) else [who.given, who.middle]
    title = "Mr" if who.gender == "male" else "Mrs" if resident.index % 4 else "Miss"
    names: list[Json] = [{"use": "official", "family": who.family, "given": given, "prefix": [title]}]
    if who.known_as is not None:
        names.append({"use": "usual", "family": who.family, "given": [who.known_as]})
    return names


def _address(resident: Resident, moments: Moments) -> Json:
    stay = resident.stays[-1]
    home = HOMES[stay.home]
    room = f"Room {(resident.index - 1) // 2 + 1}"
    return {
        "use": "home",
        "line": [room, home.name, home.street],
        "city": CITY,
        "postalCode": home.post_code,
        "country": "England",
        "period": _period(stay, moments),
    }

"""The practice, its people, and the resident as the practice has registered them."""

from collections.abc import Iterator

from fhir_server.demo.facts.residents import Resident
from fhir_server.demo.gp_record.stu3 import STRUCTURES, extension, resource, to
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.person import patient as as_the_home_knows
from fhir_server.demo.records.places import CITY, PRACTICE, WORKERS
from fhir_server.demo.records.terms import NHS_NUMBER, ODS_ORGANISATION, Json, coding, concept

ORGANISATION = "CASTLE-GREEN"
LOCATION = "CASTLE-GREEN-MAIN"
SYSTEM = f"https://demo.example/gp-system/{PRACTICE.ods_code}"
"""The identifier system of the practice's GP system."""


def practice() -> Iterator[Json]:
    """Organization, Location, and a Practitioner with a role for each GP."""
    telecom = [{"system": "phone", "value": PRACTICE.telephone, "use": "work", "rank": 1}]
    address = {
        "use": "work",
        "type": "physical",
        "line": [PRACTICE.street],
        "city": CITY,
        "postalCode": PRACTICE.post_code,
    }
    yield resource(
        "Organization",
        ORGANISATION,
        "Organization",
        extension=[extension("Extension-CareConnect-GPC-MainLocation-1", valueReference=to("Location", LOCATION))],
        identifier=[{"system": ODS_ORGANISATION, "value": PRACTICE.ods_code}],
        type=[
            concept(
                coding("https://fhir.nhs.uk/STU3/CodeSystem/GPConnect-OrganisationType-1", "gp-practice", "GP Practice")
            )
        ],
        name=PRACTICE.name,
        telecom=telecom,
        address=[address],
    )
    yield resource(
        "Location",
        LOCATION,
        "Location",
        status="active",
        name=PRACTICE.name,
        type={"text": "GP Practice"},
        telecom=telecom,
        address=address,
        managingOrganization=to("Organization", ORGANISATION),
    )
    for worker in WORKERS:
        if worker.place == PRACTICE.key:
            name = {"use": "official", "family": worker.family, "given": [worker.given], "prefix": [worker.title]}
            yield resource("Practitioner", worker.key, "Practitioner", name=[name], gender=worker.gender)
            role = coding(
                "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-SDSJobRoleName-1", worker.code, worker.display
            )
            yield resource(
                "PractitionerRole",
                f"{worker.key}-role",
                "PractitionerRole",
                practitioner=to("Practitioner", worker.key),
                organization=to("Organization", ORGANISATION),
                code=[concept(role)],
            )


def patient(resident: Resident, moments: Moments) -> Json:
    """The Patient, with the address that the practice has: that of the home."""
    known = as_the_home_knows(resident, moments)
    verified = concept(
        coding(
            "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-NHSNumberVerificationStatus-1",
            "01",
            "Number present and verified",
        )
    )
    status = {
        "url": STRUCTURES + "Extension-CareConnect-GPC-NHSNumberVerificationStatus-1",
        "valueCodeableConcept": verified,
    }
    branch = {"url": "preferredBranchSurgery", "valueReference": to("Location", LOCATION)}
    address = {name: value for name, value in known["address"][0].items() if name not in ("period", "country")}
    return resource(
        "Patient",
        resident.id,
        "Patient",
        extension=[extension("Extension-CareConnect-GPC-RegistrationDetails-1", extension=[branch])],
        identifier=[{"extension": [status], "system": NHS_NUMBER, "value": resident.person.nhs_number}],
        active=True,
        name=[known["name"][0]],
        gender=resident.person.gender,
        birthDate=resident.person.birth_date.isoformat(),
        deceasedDateTime=known.get("deceasedDateTime"),
        address=[address | {"type": "physical"}],
        generalPractitioner=[to("Practitioner", resident.gp)],
        managingOrganization=to("Organization", ORGANISATION),
    )

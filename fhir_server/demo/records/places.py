"""The organisations of the demo, where they are, and who works there: the first Bundle.

All of it is made up. The codes look like those of the Organisation Data Service and begin with DEMO, which no real code
does; the post codes are of a district that does not exist; the telephone numbers are of Ofcom's range for drama.
"""

from dataclasses import dataclass

from fhir_server.demo.facts.residents import prefix
from fhir_server.demo.records.terms import (
    ODS_ORGANISATION,
    ODS_SITE,
    TERMINOLOGY,
    UK_CORE,
    Json,
    coding,
    concept,
    reference,
    resource,
)
from profiles.canonical import CANONICAL

JOB_ROLES = UK_CORE + "CodeSystem/UKCore-SDSJobRoleName"


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation with one site."""

    key: str
    name: str
    kind: str
    ods_code: str
    street: str
    post_code: str
    telephone: str


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who works at a place, in one role. `code` is from the job roles of the Spine Directory Service."""

    key: str
    place: str
    title: str
    given: str
    family: str
    gender: str
    code: str
    display: str
    role: str


HOME_A = Place(
    "home-a",
    "Orchard View Nursing Home",
    "Care home with nursing",
    "DEMO1",
    "14 Cider Mill Lane",
    "HR98 1AA",
    "01632 960101",
)
HOME_B = Place(
    "home-b", "Wye Meadow House", "Residential care home", "DEMO2", "3 Ferry Street", "HR98 2BB", "01632 960102"
)
PRACTICE = Place(
    "practice", "Castle Green Surgery", "GP practice", "DEMO3", "1 Castle Green", "HR98 3CC", "01632 960103"
)
GP_SYSTEM = f"{CANONICAL}/source/gp-connect/{PRACTICE.ods_code}"
"""The source system of the GP records of the demo, as their mapper names it."""
COMMUNITY = Place(
    "community",
    "Marches Community Nursing Team",
    "Community nursing team",
    "DEMO4",
    "8 Bath Street",
    "HR98 4DD",
    "01632 960104",
)
PLACES = (HOME_A, HOME_B, PRACTICE, COMMUNITY)
CITY = "Hereford"

WORKERS = (
    Worker(
        "manager-a",
        "home-a",
        "Mrs",
        "Elaine",
        "Fairclough",
        "female",
        "R9710",
        "Residential Manager",
        "Registered manager",
    ),
    Worker("nurse-a1", "home-a", "Ms", "Grace", "Adeyemi", "female", "R0620", "Staff Nurse", "Registered nurse"),
    Worker("nurse-a2", "home-a", "Mr", "Joseph", "Mathew", "male", "R0620", "Staff Nurse", "Registered nurse"),
    Worker("carer-a1", "home-a", "Ms", "Kerry", "Pugh", "female", "R9725", "Residential Care Staff", "Senior carer"),
    Worker(
        "manager-b", "home-b", "Mr", "Neil", "Ashworth", "male", "R9710", "Residential Manager", "Registered manager"
    ),
    Worker("carer-b1", "home-b", "Ms", "Danuta", "Wojcik", "female", "R9725", "Residential Care Staff", "Senior carer"),
    Worker("carer-b2", "home-b", "Mr", "Callum", "Tranter", "male", "R9725", "Residential Care Staff", "Senior carer"),
    Worker(
        "gp-1",
        "practice",
        "Dr",
        "Anjali",
        "Rao",
        "female",
        "R0260",
        "General Medical Practitioner",
        "General practitioner",
    ),
    Worker(
        "gp-2",
        "practice",
        "Dr",
        "Tom",
        "Beddoes",
        "male",
        "R0260",
        "General Medical Practitioner",
        "General practitioner",
    ),
    Worker("matron", "community", "Ms", "Carys", "Llewellyn", "female", "R0590", "Modern Matron", "Community matron"),
    Worker(
        "community-nurse", "community", "Mr", "David", "Okafor", "male", "R0700", "Community Nurse", "Community nurse"
    ),
)
OBSERVERS = {"home-a": ("nurse-a1", "nurse-a2", "carer-a1"), "home-b": ("carer-b1", "carer-b2")}
"""Who takes the observations in a home."""
MANAGERS = {"home-a": "manager-a", "home-b": "manager-b"}


def role_of(seed: int, worker: str) -> Json:
    """A reference to what somebody does at their place (PractitionerRole)."""
    return reference("PractitionerRole", f"{prefix(seed)}-{worker}")


def organisation(seed: int, place: str) -> Json:
    """A reference to the Organization of a place."""
    return reference("Organization", f"{prefix(seed)}-{place}")


def organisations(seed: int) -> list[Json]:
    """Organization and Location of each place, Practitioner and PractitionerRole of each person who works there."""
    resources = []
    for place in PLACES:
        resources += [_organisation(seed, place), _location(seed, place)]
    for worker in WORKERS:
        resources += [_practitioner(seed, worker), _role(seed, worker)]
    return resources


def address(place: Place) -> Json:
    """Where a place is."""
    return {"line": [place.name, place.street], "city": CITY, "postalCode": place.post_code, "country": "England"}


def _organisation(seed: int, place: Place) -> Json:
    kind = coding(TERMINOLOGY + "organization-type", "prov", "Healthcare Provider")
    return resource(
        "Organization",
        f"{prefix(seed)}-{place.key}",
        identifier=[{"use": "official", "system": ODS_ORGANISATION, "value": place.ods_code}],
        active=True,
        type=[concept(kind, text=place.kind)],
        name=place.name,
        telecom=[{"system": "phone", "value": place.telephone, "use": "work"}],
        address=[address(place)],
    )


def _location(seed: int, place: Place) -> Json:
    return resource(
        "Location",
        f"{prefix(seed)}-{place.key}",
        identifier=[{"system": ODS_SITE, "value": place.ods_code + "S1"}],
        status="active",
        name=place.name,
        mode="instance",
        telecom=[{"system": "phone", "value": place.telephone, "use": "work"}],
        address=address(place),
        managingOrganization=organisation(seed, place.key),
    )


def _practitioner(seed: int, worker: Worker) -> Json:
    return resource(
        "Practitioner",
        f"{prefix(seed)}-{worker.key}",
        active=True,
        name=[{"use": "official", "family": worker.family, "given": [worker.given], "prefix": [worker.title]}],
        gender=worker.gender,
    )


def _role(seed: int, worker: Worker) -> Json:
    return resource(
        "PractitionerRole",
        f"{prefix(seed)}-{worker.key}",
        active=True,
        practitioner=reference("Practitioner", f"{prefix(seed)}-{worker.key}"),
        organization=organisation(seed, worker.place),
        code=[concept(coding(JOB_ROLES, worker.code, worker.display), text=worker.role)],
        location=[reference("Location", f"{prefix(seed)}-{worker.place}")],
    )

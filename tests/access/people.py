"""The people of these tests, what is written about them, and what each filter hides: decided on the JSON, by hand.

`SCRIPT` is written in order, a second apart. The same without what a caller may not see is what `visible` leaves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.store.access import AccessFilter, Rule
from fhir_server.store.criteria import IdIs, InCompartment, TokenIs
from tests.access.serving import World
from tests.running import observation, patient

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
RESTRICTED = {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}
NHS = "https://fhir.nhs.uk/Id/nhs-number"
LOCAL = "https://home.example/residents"
UCUM = "http://unitsofmeasure.org"

Resource = dict[str, Any]
Deletion = tuple[str, str]
Step = Resource | Deletion


def _person(name: str, number: int, nhs: str, **elements: Any) -> Resource:
    verified = {
        "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
        "valueCodeableConcept": {"coding": [{"code": "01"}]},
    }
    return patient(
        name,
        active=True,
        identifier=[
            {"extension": [verified], "system": NHS, "value": nhs},
            {"system": LOCAL, "value": f"{number}"},
        ],
        name=[{"family": f"Family{name}", "given": [f"Given{name}", "Sam"]}],
        telecom=[{"system": "phone", "value": f"0113 496 000{number}"}],
        gender="female" if number % 2 else "male",
        birthDate=f"19{30 + number}-0{number}-1{number}",
        address=[{"line": [f"{number} Secret Street"], "city": "Leeds", "postalCode": f"LS{number} 1AA"}],
        managingOrganization={"reference": "Organization/org"},
        **elements,
    )


def _weight(patient_id: str, resource_id: str, value: float, day: int, **elements: Any) -> Resource:
    return observation(
        f"Patient/{patient_id}",
        resource_id,
        effectiveDateTime=f"2026-01-{day:02}T09:30:00Z",
        valueQuantity={"value": value, "unit": "kg", "system": UCUM, "code": "kg"},
        identifier=[{"system": LOCAL, "value": f"obs-{resource_id}"}],
        performer=[{"reference": "Practitioner/pr"}],
        **elements,
    )


def _condition(patient_id: str, resource_id: str, **elements: Any) -> Resource:
    return {
        "resourceType": "Condition",
        "id": resource_id,
        "code": {"text": f"frailty of {patient_id}"},
        "subject": {"reference": f"Patient/{patient_id}"},
        **elements,
    }


def _encounter(patient_id: str, resource_id: str) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": resource_id,
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def _script() -> Iterator[Step]:
    yield {"resourceType": "Organization", "id": "org", "name": "Home"}
    yield {"resourceType": "Practitioner", "id": "pr", "name": [{"family": "Doctor"}]}
    yield _person("a", 1, "9990000018")
    yield _person("b", 2, "9990000026")
    yield _person("c", 3, "9990000034", meta=RESTRICTED)
    yield _person("gone", 4, "9990000042")
    yield _encounter("a", "ea")
    yield _encounter("b", "eb")
    for number in range(1, 6):
        yield _weight("a", f"oa{number}", 50.0 + number, number, encounter={"reference": "Encounter/ea"})
        yield _weight("b", f"ob{number}", 60.0 + number, number, encounter={"reference": "Encounter/eb"})
    yield _weight("a", "or1", 71.0, 8, meta=RESTRICTED)
    yield _weight("a", "of1", 72.0, 9, focus=[{"reference": "Patient/b"}])
    yield _weight("b", "of2", 73.0, 10, focus=[{"reference": "Patient/a"}])
    yield _condition("a", "ca")
    yield _condition("b", "cb")
    yield _condition("a", "cr", meta=RESTRICTED)
    yield _weight("a", "oa2", 52.5, 2)
    yield _weight("b", "ob2", 62.5, 2)
    yield _weight("a", "or1", 71.5, 8, meta=RESTRICTED)
    yield _weight("a", "da", 80.0, 11)
    yield _weight("b", "db", 81.0, 12)
    yield _weight("a", "dr", 82.0, 13, meta=RESTRICTED)
    yield ("Observation", "da")
    yield ("Observation", "db")
    yield ("Observation", "dr")
    yield ("Patient", "gone")
    yield {"resourceType": "Organization", "id": "org", "name": "Care Home"}


SCRIPT = tuple(_script())
IDS = {
    "Patient": ("a", "b", "c", "gone"),
    "Observation": ("oa1", "oa2", "oa5", "ob1", "ob2", "or1", "of1", "of2", "da", "db", "dr"),
    "Condition": ("ca", "cb", "cr"),
    "Encounter": ("ea", "eb"),
    "Practitioner": ("pr",),
    "Organization": ("org",),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A filter, which resources of the script it hides, and what it leaves out of the others."""

    name: str
    access: AccessFilter
    hides: Callable[[Resource], bool]
    cut: Callable[[Resource], Resource] = lambda resource: resource
    masks: bool = False

    def visible(self, script: Sequence[Step] | None = None) -> list[Step | None]:
        """The script without what is hidden; None where a step is left out, so that every time stays."""
        script = SCRIPT if script is None else script
        hidden = {_key(step) for step in script if isinstance(step, dict) and self.hides(step)}
        return [None if _key(step) in hidden else self.cut(step) if isinstance(step, dict) else step for step in script]

    def hidden_ids(self, resource_type: str) -> frozenset[str]:
        """The ids of a type that are hidden."""
        return frozenset(
            step["id"]
            for step in SCRIPT
            if isinstance(step, dict) and step["resourceType"] == resource_type and self.hides(step)
        )


def _key(step: Step) -> Deletion:
    return (step["resourceType"], step["id"]) if isinstance(step, dict) else step


def _is_of(resource: Resource, name: str) -> bool:
    return (resource["resourceType"], resource["id"]) == ("Patient", name) or resource.get("subject") == {
        "reference": f"Patient/{name}"
    }


def _not_of_a(resource: Resource) -> bool:
    return resource["resourceType"] not in ("Practitioner", "Organization") and not _is_of(resource, "a")


def _restricted(resource: Resource) -> bool:
    return resource.get("meta") == RESTRICTED


def _without_whereabouts(resource: Resource) -> Resource:
    if resource["resourceType"] != "Patient" or resource["id"] == "a":
        return resource
    return {name: value for name, value in resource.items() if name not in ("address", "telecom")}


OF_A = Rule(criteria=(InCompartment("Patient", "a"),))
OPEN_TYPES = Rule(types=frozenset({"Practitioner", "Organization"}))
IS_RESTRICTED = Rule(criteria=(TokenIs("_security", CONFIDENTIALITY, "R"),))
AUDIT = Rule(types=frozenset({"AuditEvent"}))
WHEREABOUTS = frozenset({"Patient.address", "Patient.telecom"})
NOT_PATIENT = frozenset({"Observation", "Condition", "Encounter", "Practitioner", "Organization", "Basic"})

ONE_PATIENT = Scene("one-patient", AccessFilter((OF_A, OPEN_TYPES)), _not_of_a)
NO_LABELLED = Scene("no-labelled", AccessFilter((Rule(),), (IS_RESTRICTED, AUDIT)), _restricted)
MASKED = Scene(
    "masked",
    AccessFilter(
        (
            Rule(types=NOT_PATIENT),
            Rule(types=frozenset({"Patient"}), masked=WHEREABOUTS),
            Rule(types=frozenset({"Patient"}), criteria=(IdIs(("a",)),)),
        )
    ),
    lambda _: False,
    _without_whereabouts,
    masks=True,
)
ONE_PATIENT_NO_LABELLED = Scene(
    "one-patient-no-labelled",
    AccessFilter((OF_A, OPEN_TYPES), (IS_RESTRICTED, AUDIT)),
    lambda resource: _not_of_a(resource) or _restricted(resource),
)
SCENES = (ONE_PATIENT, NO_LABELLED, MASKED, ONE_PATIENT_NO_LABELLED)


async def write(here: World, script: Sequence[Step | None]) -> None:
    """Write a script as the operator, a step a second; None is a second without a step."""
    with here.referring_to("off") as fhir:
        for number, step in enumerate(script):
            here.clock.tick()
            here.ids.restart(number)
            if isinstance(step, dict):
                answer = await fhir.put(step, x_request_id=f"setup-{number}")
                assert answer.status_code in (200, 201), answer.text
            elif step is not None:
                answer = await fhir.send("DELETE", "/".join(step), x_request_id=f"setup-{number}")
                assert answer.status_code == 204, answer.text

"""Resources that refer to one another in every way that a search follows, some hidden in the middle of the way; and who
may see what of them, decided by hand."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from fhir_server.store.access import AccessFilter, Rule
from fhir_server.store.criteria import IdIs, InCompartment
from tests.access.people import AUDIT, IS_RESTRICTED, OF_A, OPEN_TYPES, RESTRICTED, SCRIPT, Resource, Scene, Step
from tests.running import observation, patient

SNOMED = "http://snomed.info/sct"


def _to(*places: str) -> Any:
    found = [{"reference": place} for place in places]
    return found[0] if len(found) == 1 else found


def _resource(place: str, **elements: Any) -> Resource:
    resource_type, _, id = place.partition("/")
    return {"resourceType": resource_type, "id": id, **elements}


def _request(id: str, subject: str, code: str, **elements: Any) -> Resource:
    return _resource(
        f"MedicationRequest/{id}",
        status="active",
        intent="order",
        subject=_to(subject),
        requester=_to("Practitioner/pr2"),
        medicationReference=_to("#m"),
        contained=[{"resourceType": "Medication", "id": "m", "code": {"coding": [{"code": code}]}}],
        **elements,
    )


def _list(id: str, subject: str, *items: str, **elements: Any) -> Resource:
    entries = [{"item": _to(item)} for item in items]
    return _resource(f"List/{id}", status="current", mode="working", subject=_to(subject), entry=entries, **elements)


def _report(id: str, subject: str, *results: str, **elements: Any) -> Resource:
    return _resource(
        f"DiagnosticReport/{id}",
        status="final",
        code={"coding": [{"system": SNOMED, "code": "1"}]},
        subject=_to(subject),
        result=[_to(result) for result in results],
        **elements,
    )


def _provenance(id: str, *targets: str, **elements: Any) -> Resource:
    return _resource(
        f"Provenance/{id}",
        target=[_to(target) for target in targets],
        recorded="2026-01-01T00:00:00Z",
        agent=[{"who": _to("Practitioner/pr")}],
        **elements,
    )


def _finding(id: str, words: str, subject: str, **elements: Any) -> Resource:
    narrative = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{words}</div>'}
    return _resource(f"Condition/{id}", text=narrative, code={"text": words}, subject=_to(subject), **elements)


def _organisations() -> Iterator[Step]:
    yield _resource("Organization/hosp", name="Hospital", partOf=_to("Organization/org"))
    yield _resource("Organization/hidden", name="Unlisted Clinic", partOf=_to("Organization/hosp"), meta=RESTRICTED)
    yield _resource("Organization/ward", name="Ward", partOf=_to("Organization/hidden"))
    yield _resource("Practitioner/pr2", name=[{"family": "Unlisted"}], meta=RESTRICTED)
    yield _resource("Location/l0", name="Site", managingOrganization=_to("Organization/org"), **_at(53.80))
    yield _resource("Location/l1", name="House", partOf=_to("Location/l0"), meta=RESTRICTED, **_at(53.81))
    yield _resource("Location/l2", name="Room", partOf=_to("Location/l1"), **_at(53.82))


def _at(latitude: float) -> Resource:
    return {"position": {"longitude": -1.55, "latitude": latitude}}


def _records() -> Iterator[Step]:
    a, b = "Patient/a", "Patient/b"
    encounter = {"status": "finished", "class": {"code": "AMB"}}
    room = {"location": [{"location": _to("Location/l2")}]}
    yield _resource("Encounter/er", subject=_to(a), meta=RESTRICTED, **room, **encounter)
    yield _resource("Encounter/es", subject=_to(a), partOf=_to("Encounter/er"), **encounter)
    yield _resource("Encounter/et", subject=_to(b), partOf=_to("Encounter/es"), **encounter)
    yield observation(a, "ha", hasMember=[_to("Observation/oa1"), _to("Observation/or1")], note=[{"text": "panel"}])
    yield observation(a, "hr", hasMember=[_to("Observation/oa2")], performer=[_to("Practitioner/pr2")], meta=RESTRICTED)
    yield observation(b, "hb", derivedFrom=[_to("Observation/oa1")], performer=[_to("Practitioner/pr")])
    yield _list("la", a, "Observation/oa1", "Observation/ob1", "Observation/or1", "Patient/a", "Patient/b")
    yield _list("lb", b, "Observation/oa1", "Observation/ob1", "Patient/a")
    yield _list("lr", a, "Observation/oa2", "Patient/a", meta=RESTRICTED)
    yield _report("ra", a, "Observation/oa1", "Observation/ob1", "Observation/or1", encounter=_to("Encounter/er"))
    yield _report("rb", b, "Observation/oa1", "Observation/ob2")
    yield _report("rr", a, "Observation/oa3", meta=RESTRICTED)
    yield _provenance("va", a, "Observation/oa1")
    yield _provenance("vb", b, "Observation/oa1", "Observation/oa4")
    yield _provenance("vr", a, "Observation/oa1", "Observation/oa5", meta=RESTRICTED)
    yield _request("ma", a, "paracetamol")
    yield _request("mb", b, "insulin")
    yield _request("mr", a, "naltrexone", meta=RESTRICTED)
    yield _resource(
        "MedicationDispense/da",
        status="completed",
        subject=_to(a),
        medicationCodeableConcept={"text": "x"},
        authorizingPrescription=_to("MedicationRequest/ma", "MedicationRequest/mr"),
        performer=[{"actor": _to("Practitioner/pr2")}],
    )
    yield _resource("RelatedPerson/pa", patient=_to(a), name=[{"family": "Kin"}])
    yield _resource("RelatedPerson/pb", patient=_to(b), name=[{"family": "Kin"}])
    yield _resource("Group/gb", type="person", actual=True, member=[{"entity": _to(b)}])
    yield _resource("Group/ga", type="person", actual=True, member=[{"entity": _to(a)}])
    yield _finding("wa", "frail falls", a)
    yield _finding("wb", "frail dementia", b)
    yield _finding("wr", "frail haemophilia", a, meta=RESTRICTED)


LINKED: tuple[Step, ...] = (*SCRIPT, *_organisations(), *_records())
OF_B = frozenset({"et", "hb", "lb", "rb", "vb", "mb", "pb", "gb", "wb"})
"""The ids of `LINKED` that are in the compartment of b alone"""
IN_NONE = frozenset({"Location"})
OPEN = frozenset({"Practitioner", "Organization"})


def _not_of_a(resource: Resource) -> bool:
    if resource["resourceType"] in OPEN:
        return False
    subject = resource.get("subject", {}).get("reference")
    others = (
        resource["id"] in OF_B
        or resource["id"].startswith("n")
        or (resource["resourceType"] == "Patient" and resource["id"] != "a")
    )
    return others or resource["resourceType"] in IN_NONE or subject not in (None, "Patient/a")


def _restricted(resource: Resource) -> bool:
    return resource.get("meta") == RESTRICTED


MASKED_OF_PATIENT = ("name", "address", "telecom", "managingOrganization", "identifier")
MASKED_OF_OBSERVATION = ("value", "performer", "derivedFrom", "note")
OTHER_TYPES = frozenset(
    step["resourceType"]
    for step in LINKED
    if isinstance(step, dict) and step["resourceType"] not in ("Patient", "Observation")
)


def _without_masked(resource: Resource) -> Resource:
    of_a = resource["id"] == "a" or resource.get("subject") == _to("Patient/a")
    masked = {"Patient": MASKED_OF_PATIENT, "Observation": MASKED_OF_OBSERVATION}.get(resource["resourceType"], ())
    return (
        resource if of_a else {name: value for name, value in resource.items() if not name.startswith(masked or ("-",))}
    )


def _masking(resource_type: str, names: tuple[str, ...]) -> Rule:
    masked = frozenset(f"{resource_type}.{name}" for name in names)
    return Rule(types=frozenset({resource_type}), masked=masked)


ONE_PATIENT = Scene("one-patient", AccessFilter((OF_A, OPEN_TYPES)), _not_of_a)
NO_LABELLED = Scene("no-labelled", AccessFilter((Rule(),), (IS_RESTRICTED, AUDIT)), _restricted)
MASKED = Scene(
    "masked",
    AccessFilter(
        (
            Rule(types=OTHER_TYPES),
            _masking("Patient", MASKED_OF_PATIENT),
            Rule(types=frozenset({"Patient"}), criteria=(IdIs(("a",)),)),
            _masking("Observation", MASKED_OF_OBSERVATION),
            Rule(types=frozenset({"Observation"}), criteria=(InCompartment("Patient", "a"),)),
        )
    ),
    lambda _: False,
    _without_masked,
    masks=True,
)
ONE_PATIENT_NO_LABELLED = Scene(
    "one-patient-no-labelled",
    AccessFilter((OF_A, OPEN_TYPES), (IS_RESTRICTED, AUDIT)),
    lambda resource: _not_of_a(resource) or _restricted(resource),
)
SCENES = (ONE_PATIENT, NO_LABELLED, MASKED, ONE_PATIENT_NO_LABELLED)


# --- more of what is hidden, at random -----------------------------------------------------------------------------

_VISIBLE = st.sampled_from(["oa1", "oa3", "ha", "of1"]).map("Observation/{}".format)
_MADE = st.sampled_from(["n1", "n2", "n3"])
_DAY = st.integers(1, 28)


def _made_observation(id: str, part: str, day: int) -> Resource:
    return observation(
        "Patient/b",
        id,
        meta=RESTRICTED,
        effectiveDateTime=f"2026-01-{day:02}",
        valueQuantity={"value": day, "unit": "kg"},
        hasMember=[_to(part)],
        performer=[_to("Practitioner/pr")],
        identifier=[{"value": f"obs-{id}"}],
    )


def hidden_steps() -> st.SearchStrategy[list[Step]]:
    """Writes and deletions of resources that both a label and their patient hide, and that refer to what is visible."""
    step: st.SearchStrategy[Step] = st.one_of(
        st.builds(_made_observation, _MADE, _VISIBLE, _DAY),
        st.builds(_made_observation, _MADE, _VISIBLE, _DAY),
        st.builds(lambda id, item: _list(id, "Patient/b", item, "Patient/a", meta=RESTRICTED), _MADE, _VISIBLE),
        st.builds(lambda id, item: _report(id, "Patient/b", item, meta=RESTRICTED), _MADE, _VISIBLE),
        st.builds(lambda id, item: _provenance(id, item, "Patient/b", meta=RESTRICTED), _MADE, _VISIBLE),
        st.builds(lambda id, words: _finding(id, words, "Patient/b", meta=RESTRICTED), _MADE, st.sampled_from(WORDS)),
        st.builds(lambda id, day: _made_person(id, day), _MADE, _DAY),
        st.tuples(st.just("Observation"), _MADE),
        st.tuples(st.just("List"), _MADE),
    )
    return st.lists(step, min_size=3, max_size=12).map(_without_deletions_of_nothing)


WORDS = ("frail", "haemophilia", "frail dementia")


def _made_person(id: str, day: int) -> Resource:
    name = [{"family": "Familyb", "given": [id]}]
    return patient(id, meta=RESTRICTED, name=name, birthDate=f"1932-02-{day:02}", active=True)


def _without_deletions_of_nothing(steps: list[Step]) -> list[Step]:
    """A deletion goes to what is there, so that it is hidden as that was."""
    there: set[tuple[str, str]] = set()
    kept: list[Step] = []
    for step in steps:
        if isinstance(step, dict):
            there.add((step["resourceType"], step["id"]))
            kept.append(step)
        elif step in there:
            there.discard(step)
            kept.append(step)
    return kept

"""The resources of a world, one function for each type. They are valid: the server takes them."""

from collections.abc import Callable
from random import Random

from tests.search.differential import pools
from tests.search.differential.world import NHS_NUMBER, Json
from tests.search.differential.worlds import IDS, VERIFIED, Maker


def patient(make: Maker) -> Json:
    deceased: Json = make.one(
        ({}, {"deceasedBoolean": True}, {"deceasedBoolean": False}, {"deceasedDateTime": "2020-02-29"})
    )
    return {
        **make.kept(
            identifier=make.some(make.identifier),
            name=make.some(make.human_name),
            telecom=make.some(make.telecom),
            address=make.some(make.address),
            active=make.one((True, False)),
            generalPractitioner=make.some(lambda: make.to("Practitioner", "Organization")),
            managingOrganization=make.to("Organization"),
            communication=make.some(lambda: {"language": make.concept()}, 1),
            link=make.some(lambda: {"other": make.patient(logical=False), "type": "seealso"}, 1),
        ),
        **make.primitive("gender", make.one(("male", "female", "other", "unknown"))),
        **make.primitive("birthDate", make.one(pools.DATES)),
        **deceased,
    }


def practitioner(make: Maker) -> Json:
    return {
        **make.kept(
            identifier=make.some(make.identifier),
            name=make.some(make.human_name),
            telecom=make.some(make.telecom),
            address=make.some(make.address),
            active=make.one((True, False)),
            communication=make.some(make.concept),
        ),
        **make.primitive("gender", make.one(("male", "female"))),
    }


def organization(make: Maker) -> Json:
    return {
        "name": make.one(pools.NAMES),
        **make.kept(
            alias=make.some(lambda: make.one(pools.NAMES)),
            identifier=make.some(make.identifier),
            type=make.some(make.concept),
            partOf=make.to("Organization"),
            address=make.some(make.address),
            active=make.one((True, False)),
        ),
    }


def location(make: Maker) -> Json:
    position = {"longitude": make.one((0, -2, 179, -179)), "latitude": make.one((53, 53.5, 0, 89))}
    return make.kept(
        name=make.one(pools.NAMES),
        alias=make.some(lambda: make.one(pools.NAMES)),
        type=make.some(make.concept),
        partOf=make.to("Location"),
        managingOrganization=make.to("Organization"),
        address=make.address(),
        status=make.one(("active", "suspended", "inactive")),
        operationalStatus=make.coding(),
        position=position,
    )


def observation(make: Maker) -> Json:
    effective: Json = make.one(
        (
            {},
            {"effectiveDateTime": make.date_time()},
            {"effectiveDateTime": make.date_time()},
            {"effectivePeriod": make.period()},
            {"effectiveTiming": make.timing()},
            {"effectiveInstant": make.one(pools.TIMES)},
        )
    )
    contained = {"contained": [inner(make)]}
    inside = make.chance(0.25)
    performer = make.some(lambda: make.to("Practitioner", "Organization")) + ([{"reference": "#in"}] if inside else [])
    return {
        "status": make.one(("final", "amended", "preliminary", "unknown")),
        "code": make.concept(),
        **make.kept(
            identifier=make.some(make.identifier),
            category=make.some(make.concept),
            subject=make.patient() if make.chance(0.8) else make.to("Location", "Group"),
            focus=make.some(lambda: make.to("Encounter", "Organization", "Observation")),
            encounter=make.to("Encounter"),
            hasMember=make.some(lambda: make.to("Observation"), 1),
            derivedFrom=make.some(lambda: make.to("Observation", "DocumentReference"), 1),
            basedOn=make.some(lambda: make.to("ServiceRequest", "MedicationRequest"), 1),
            method=make.concept(),
            component=make.some(lambda: component(make), 5),
        ),
        **({"extension": [genetics(make)]} if make.chance(0.2) else {}),
        **effective,
        **value(make, times=True),
        **(contained if inside else {}),
        **({"performer": performer} if performer else {}),
    }


def genetics(make: Maker) -> Json:
    """An extension that a search parameter finds, by the value that it holds."""
    values: list[Json] = [
        {"url": "DnaVariant", "valueString": make.phrase()},
        {"url": "AminoAcidChangeName", "valueString": make.phrase()},
        {"url": "Gene", "valueCodeableConcept": make.concept()},
    ]
    made = make.one(values)
    return {**made, "url": f"http://hl7.org/fhir/StructureDefinition/observation-genetics{made['url']}"}


def inner(make: Maker) -> Json:
    """A resource inside another."""
    name = make.one(("Practitioner", "Practitioner", "Organization"))
    return {"resourceType": name, "id": "in", **KINDS[name][1](make)}


def component(make: Maker) -> Json:
    return {"code": make.concept(), **value(make, times=False)}


def value(make: Maker, *, times: bool) -> Json:
    """A value of an Observation or of a component of one."""
    absent: Json = {"dataAbsentReason": make.concept()} if make.chance(0.3) else {}
    found: list[Json] = [
        absent,
        {"valueQuantity": make.quantity()},
        {"valueQuantity": make.quantity()},
        {"valueQuantity": make.quantity()},
        {"valueCodeableConcept": make.concept()},
        {"valueCodeableConcept": make.concept()},
        {"valueString": make.phrase()},
        {"valueSampledData": make.sampled()},
        {"valueRange": make.range()},
    ]
    if times:
        found += [{"valueDateTime": make.date_time()}, {"valuePeriod": make.period()}, {"_valueString": {**ABSENT}}]
    return make.one(found)


ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


def condition(make: Maker) -> Json:
    age = {"system": "http://unitsofmeasure.org", "code": make.one(("a", "wk", "d")), "value": make.one((1, 52, 5.4))}
    onset: list[Json] = [
        {},
        {"onsetDateTime": make.date_time()},
        {"onsetPeriod": make.period()},
        {"onsetAge": age},
        {"onsetString": make.phrase()},
        {"onsetRange": make.range()},
    ]
    return {
        "subject": make.patient(),
        **make.kept(
            identifier=make.some(make.identifier),
            clinicalStatus=make.known(pools.CLINICAL_STATUS),
            verificationStatus=make.known(pools.VERIFICATION_STATUS),
            category=make.some(make.concept),
            severity=make.concept(),
            code=make.concept(),
            bodySite=make.some(make.concept),
            encounter=make.to("Encounter"),
            asserter=make.to("Practitioner"),
            evidence=make.some(lambda: {"code": [make.concept()], "detail": [make.to("Observation", "Encounter")]}, 1),
        ),
        **make.one(onset),
        **make.primitive("recordedDate", make.date_time()),
    }


def encounter(make: Maker) -> Json:
    length = {"system": "http://unitsofmeasure.org", "code": make.one(("h", "d")), "value": make.one((1, 24, 2))}
    place, individual = make.to("Location"), make.to("Practitioner")
    return {
        "status": make.one(("planned", "finished", "in-progress")),
        "class": dict(zip(("system", "code"), make.one(pools.ENCOUNTER_CLASSES), strict=True)),
        **make.kept(
            identifier=make.some(make.identifier),
            type=make.some(make.concept),
            subject=make.patient(),
            participant=[{"type": [make.concept()], "individual": individual}],
            period=make.period(),
            length=length,
            reasonCode=make.some(make.concept),
            location=[{"location": place, "period": make.ordered_period()}],
            serviceProvider=make.to("Organization"),
            partOf=make.to("Encounter"),
            diagnosis=make.some(lambda: {"condition": make.to("Condition")}, 1),
        ),
    }


def medication_request(make: Maker) -> Json:
    return {
        "status": make.one(("active", "stopped", "completed")),
        "intent": make.one(("order", "plan")),
        "medicationCodeableConcept": make.concept(),
        "subject": make.patient(),
        **make.kept(
            identifier=make.some(make.identifier),
            encounter=make.to("Encounter"),
            authoredOn=make.date_time(),
            requester=make.to("Practitioner", "Organization"),
            priority=make.one(("routine", "urgent")),
            dosageInstruction=make.some(lambda: {"timing": make.timing()}),
        ),
    }


def service_request(make: Maker) -> Json:
    occurrence: list[Json] = [
        {"occurrenceTiming": make.timing()},
        {"occurrencePeriod": make.period()},
        {"occurrenceDateTime": make.date_time()},
    ]
    return {
        "status": make.one(("active", "draft")),
        "intent": make.one(("order", "plan")),
        "subject": make.patient(),
        **make.kept(
            code=make.concept(),
            requisition=make.identifier(),
            instantiatesUri=make.some(lambda: make.one(pools.URLS)),
            instantiatesCanonical=make.some(lambda: canonical(make), 2),
            authoredOn=make.date_time(),
            basedOn=make.some(lambda: make.to("MedicationRequest", "ServiceRequest"), 1),
            performer=make.some(lambda: make.to("Practitioner", "Organization")),
            requester=make.to("Practitioner"),
        ),
        **make.one(occurrence),
    }


def canonical(make: Maker) -> str:
    return make.one(pools.URLS[:7]) + (f"|{make.one(pools.VERSIONS)}" if make.chance(0.6) else "")


def risk_assessment(make: Maker) -> Json:
    def prediction() -> Json:
        probability: list[Json] = [{}, {"probabilityDecimal": make.one(pools.PROBABILITIES)}]
        low, high = sorted((make.one(pools.PROBABILITIES), make.one(pools.PROBABILITIES)))
        ends = make.kept(low={"value": low}, high={"value": high}) or {"low": {"value": low}}
        probability += [{"probabilityRange": ends}, {"probabilityDecimal": make.one(pools.PROBABILITIES)}]
        return {"outcome": make.concept(), **make.kept(qualitativeRisk=make.concept()), **make.one(probability)}

    occurrence: list[Json] = [{}, {"occurrenceDateTime": make.date_time()}, {"occurrencePeriod": make.period()}]
    return {
        "status": make.one(("final", "amended")),
        "subject": make.patient(),
        **make.kept(
            identifier=make.some(make.identifier),
            prediction=make.some(prediction, 3),
            condition=make.to("Condition"),
            performer=make.to("Practitioner"),
            method=make.concept(),
        ),
        **make.one(occurrence),
    }


def listing(make: Maker) -> Json:
    def entry() -> Json:
        return {"item": make.to("Patient", "Observation", "Condition", "Encounter", "Organization", "List")}

    return {
        "status": make.one(("current", "retired")),
        "mode": make.one(("working", "snapshot")),
        **make.kept(
            title=make.one(pools.NAMES),
            code=make.concept(),
            subject=make.patient(),
            date=make.date_time(),
            source=make.to("Practitioner"),
            entry=make.some(entry, 6),
            note=make.some(lambda: {"text": make.phrase()}, 1),
        ),
    }


def value_set(make: Maker) -> Json:
    concepts = [{"code": each} for each in sorted({make.one(pools.CODES), make.one(pools.CODES)})]
    include = {"system": make.one((*pools.URLS, *pools.SYSTEMS)), "concept": concepts}
    return {
        **published(make),
        **make.kept(compose={"include": [include]}, identifier=make.some(make.identifier)),
        **({"expansion": {"timestamp": "2020-01-01", "identifier": make.one(pools.URLS)}} if make.chance(0.5) else {}),
    }


def questionnaire(make: Maker) -> Json:
    item = {"linkId": "1", "type": "display", "code": make.some(make.coding), "definition": make.one(pools.URLS)}
    return {
        **published(make),
        **make.kept(
            identifier=make.some(make.identifier),
            effectivePeriod=make.ordered_period(),
            subjectType=make.one((["Patient"], ["Patient", "Location"])),
            derivedFrom=make.some(lambda: canonical(make), 1),
            item=[{key: each for key, each in item.items() if each}],
        ),
    }


def published(make: Maker) -> Json:
    """What definitions have in common."""

    def context() -> Json:
        values: list[Json] = [
            {"valueCodeableConcept": make.concept()},
            {"valueQuantity": make.quantity()},
            {"valueRange": make.range()},
        ]
        return {"code": make.coding(), **make.one(values)}

    return {
        "status": make.one(("draft", "active")),
        **make.kept(
            url=make.one(pools.URLS),
            version=make.one(pools.VERSIONS),
            name=make.one(("Name", "NAMES", "name_1")),
            title=make.one(pools.NAMES),
            date=make.one(pools.DATES),
            publisher=make.one(pools.NAMES),
            description=make.phrase(),
            useContext=make.some(context),
            jurisdiction=make.some(make.concept, 1),
        ),
    }


def group(make: Maker) -> Json:
    def characteristic() -> Json:
        values: list[Json] = [{"valueCodeableConcept": make.concept()}, {"valueBoolean": make.one((True, False))}]
        return {"code": make.concept(), "exclude": make.one((True, False)), **make.one(values)}

    return {
        "type": make.one(("person", "practitioner")),
        "actual": make.one((True, True, False)),
        **make.kept(
            identifier=make.some(make.identifier),
            code=make.concept(),
            managingEntity=make.to("Organization"),
            characteristic=make.some(characteristic, 3),
            member=make.some(lambda: {"entity": make.patient()}, 3),
        ),
    }


def document_reference(make: Maker) -> Json:
    def related() -> Json:
        return {"code": make.one(("replaces", "appends")), "target": make.to("DocumentReference")}

    inside = make.chance(0.25)
    author = make.some(lambda: make.to("Practitioner", "Organization")) + ([{"reference": "#in"}] if inside else [])
    attachment = {"contentType": make.one(("text/plain", "application/pdf")), "url": make.one(pools.URLS)}
    return {
        "status": make.one(("current", "superseded")),
        "content": [{"attachment": make.kept(**attachment) or attachment}],
        **make.kept(
            identifier=make.some(make.identifier),
            masterIdentifier=make.identifier(),
            type=make.concept(),
            category=make.some(make.concept, 1),
            subject=make.patient(),
            date=make.one(pools.TIMES),
            relatesTo=make.some(related, 3),
            description=make.phrase(),
            securityLabel=make.some(make.concept, 1),
            context=make.kept(period=make.period(), related=make.some(lambda: make.to("Encounter"), 1)),
        ),
        **({"contained": [inner(make)]} if inside else {}),
        **({"author": author} if author else {}),
    }


def invoice(make: Maker) -> Json:
    def money() -> Json:
        return make.kept(value=make.one(pools.NUMBERS), currency=make.one(("GBP", "EUR"))) or {"value": 5}

    return {
        "status": make.one(("issued", "balanced")),
        **make.kept(subject=make.patient(), totalGross=money(), totalNet=money(), type=make.concept()),
    }


KINDS: dict[str, tuple[int, Callable[[Maker], Json]]] = {
    "Patient": (12, patient),
    "Practitioner": (5, practitioner),
    "Organization": (8, organization),
    "Location": (6, location),
    "Observation": (18, observation),
    "Condition": (9, condition),
    "Encounter": (9, encounter),
    "MedicationRequest": (6, medication_request),
    "ServiceRequest": (6, service_request),
    "RiskAssessment": (8, risk_assessment),
    "List": (6, listing),
    "ValueSet": (6, value_set),
    "Questionnaire": (6, questionnaire),
    "Group": (5, group),
    "DocumentReference": (7, document_reference),
    "Invoice": (5, invoice),
}
"""How many resources of each type a world has, and how one is made"""


def resources(random: Random, base: str) -> list[Json]:
    """All resources of a world, Patients first."""
    ids = {name: list(IDS[:count]) for name, (count, _) in KINDS.items()}
    make = Maker(random, base, ids)
    return [resource(make, name, each) for name, (_, _) in KINDS.items() for each in ids[name]]


GONE = ("Practitioner", "Organization", "Location", "Encounter", "Observation", "Condition", "DocumentReference")
"""Types of which a world had a resource with the id `gone`, to which others still refer"""


def earlier(random: Random, base: str) -> list[Json]:
    """Other versions of some resources, that stood in a world before."""
    make = Maker(random, base, {name: list(IDS[:count]) for name, (count, _) in KINDS.items()})
    places = [(name, each) for name in KINDS if name != "Patient" for each in make.ids[name]]
    return [resource(make, name, each) for name, each in places if make.chance(0.3)]


def gone(random: Random, base: str) -> list[Json]:
    """Resources that are deleted since. They do not refer to one another, which would forbid that."""
    make = Maker(random, base, {"Patient": list(IDS[:1])})
    found = []
    for name in GONE:
        made = resource(make, name, "gone")
        while "/gone" in str(made) or NHS_NUMBER in str(made):
            made = resource(make, name, "gone")
        found.append(made)
    return found


def resource(make: Maker, name: str, resource_id: str) -> Json:
    """One resource. The first two Patients have an NHS number that was verified."""
    made: Json = {"resourceType": name, "id": resource_id, **KINDS[name][1](make)}
    if make.chance(0.5):
        made["meta"] = make.meta()
    if make.chance(0.3):
        made["text"] = make.narrative()
    if name == "Patient" and resource_id in IDS[:2]:
        number = pools.NHS_NUMBERS[IDS.index(resource_id)]
        known = {"extension": [VERIFIED], "system": NHS_NUMBER, "value": number}
        made["identifier"] = [*made.get("identifier", []), known]
    return {key: each for key, each in made.items() if each not in ({}, [], None)}

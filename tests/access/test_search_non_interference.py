"""What a caller may not see changes no answer of a search, however the search gets there.

Two stores that differ only in what is hidden answer alike, apart from page tokens: results, totals, estimates, order,
pages, includes in both directions, chains, `_has`, `_filter`, lists, hierarchies, contained resources, compartments,
searches of the whole system, and criteria of writes. Until there is sign-in the access is given to the pipeline.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fhir_server.store.access import EVERYTHING
from fhir_server.store.mongodb.queries import estimate as mongodb_estimate
from fhir_server.store.sqlite.queries import budget, estimate
from tests.access.asking import Asked, ask
from tests.access.linked import LINKED, NO_LABELLED, ONE_PATIENT, SCENES, hidden_steps
from tests.access.people import LOCAL, NHS, Scene, Step, write
from tests.access.serving import World, world
from tests.running import encoded, observation
from tests.stores import fewer, kind

CRITERIA: dict[str, tuple[str, ...]] = {
    "Observation": (
        "code=8867-4",
        "subject:Patient.family=Familyb",
        "subject.name=Familya",
        "patient.organization.name=Care",
        "patient.identifier=2",
        f"subject:identifier={NHS}|9990000026",
        "patient._has:Group:member:_id=gb",
        "patient._has:Group:member:_id=ga",
        "performer.name=Doctor",
        "performer:Practitioner.family=Unlisted",
        "encounter.part-of=er",
        "encounter:Encounter.status=finished",
        "has-member=or1",
        "has-member.identifier=obs-or1",
        "has-member._id=oa1,oa2",
        "derived-from.patient=a",
        "_has:DiagnosticReport:result:status=final",
        "_has:DiagnosticReport:result:_id=rb,rr",
        "_has:DiagnosticReport:result:encounter.status=finished",
        "_has:Observation:has-member:performer.name=Unlisted",
        "_has:Observation:derived-from:subject:Patient.family=Familyb",
        "_has:Provenance:target:_id=vb",
        "_has:Provenance:target:agent.name=Doctor",
        "_has:List:item:subject:Patient._id=b",
        "_list=la",
        "_list=lb",
        "_list=List/lr",
        "_filter=code eq 8867-4 and value-quantity gt 60",
        "_filter=subject.family eq Familyb or value-quantity lt 53",
        "_filter=not (performer.name co unlisted)",
        "_filter=value-quantity pr false",
        "_filter=patient[_id eq b].organization.name co care",
        "value-quantity=gt60",
        "value-quantity:missing=true",
        "code-value-quantity=8867-4$gt60",
        "combo-code-value-quantity=8867-4$lt53",
        "performer:missing=true",
        "focus:Patient.family=Familyb",
        "encounter:below=er",
        "status:not=amended",
    ),
    "Patient": (
        "family=Familyb,Familya",
        "name:contains=amily",
        f"identifier={NHS}|9990000026",
        "organization.name=Care",
        "organization:below=hosp",
        "organization:below=org",
        "organization:above=ward",
        "_has:Observation:patient:value-quantity=gt60",
        "_has:Observation:patient:performer.name=Doctor",
        "_has:Observation:subject:_has:DiagnosticReport:result:_id=rb,rr",
        "_has:MedicationRequest:patient:requester.name=Unlisted",
        "_has:Condition:patient:_id=wb,wr,cr",
        "_has:Encounter:patient:part-of=er",
        "_has:RelatedPerson:patient:name=Kin",
        "_has:Group:member:type=person",
        "_has:Provenance:target:_id=va,vb,vr",
        "_list=la",
        "_list=lb",
        "_list=lr",
        "_filter=family eq Familyb or telecom eq 0113",
        "_filter=organization.name co care and gender ne male",
        "phone:missing=true",
        "active=true",
    ),
    "Encounter": (
        "part-of:below=er",
        "part-of:above=et",
        "part-of.patient=a",
        "location.name=Room",
        "location:below=l0",
        "_has:DiagnosticReport:encounter:_id=ra",
        "status=finished",
    ),
    "Condition": ("patient.family=Familyb", "code:text=haemophilia", "code:text=frail", "subject:missing=false"),
    "DiagnosticReport": (
        "result.value-quantity=gt60",
        "result=or1",
        "result._id=or1,ob1",
        "encounter.status=finished",
        "result.performer.name=Doctor",
        "subject:Patient.organization.name=Care",
    ),
    "MedicationRequest": (
        "requester.name=Unlisted",
        "patient._id=b",
        "_has:MedicationDispense:prescription:status=completed",
        "status=active",
    ),
    "Medication": ("code=paracetamol,naltrexone,insulin&_contained=true", "code=naltrexone&_contained=both"),
    "MedicationDispense": ("prescription.requester.name=Unlisted", "prescription=mr", "performer.name=Unlisted"),
    "Organization": (
        "partof:below=org",
        "partof:above=ward",
        "name=Unlisted",
        "_has:Patient:organization:family=Familyb",
    ),
    "Practitioner": (
        "_has:Observation:performer:patient=b",
        "_has:MedicationRequest:requester:status=active",
        "name=U",
    ),
    "Location": ("partof:below=l0", "partof.name=House", "near=53.81|-1.55|5|km"),
    "List": ("item.status=final", "item=Observation/or1", "subject:Patient.family=Familyb"),
    "Provenance": ("target:Observation.patient=b", "agent.name=Doctor", "target=Observation/oa1"),
    "RelatedPerson": ("patient.family=Familyb", "name=Kin"),
    "Group": ("member:Patient.family=Familyb", "type=person"),
}
WORDS = (
    "_content=haemophilia",
    "_content=frail",
    "_text=dementia",
    "_text=frail falls",
    "_content=panel",
    "_content=unlisted",
)
"""Read everything in a resource, so where any of it is masked they find nothing: not compared there"""
INCLUDES: dict[str, tuple[str, ...]] = {
    "Observation": (
        "_include=Observation:subject",
        "_include=Observation:*",
        "_include=*&_include:iterate=Patient:organization&_include:iterate=Organization:partof",
        "_include=Observation:has-member&_include:iterate=Observation:has-member",
        "_include=Observation:performer:Practitioner",
        "_revinclude=DiagnosticReport:result",
        "_revinclude=Observation:has-member&_revinclude=Observation:derived-from",
        "_revinclude=Provenance:target&_include:iterate=Provenance:agent",
        "_revinclude=List:item&_include:iterate=List:subject",
    ),
    "Patient": (
        "_include=Patient:organization",
        "_revinclude=Observation:patient&_include:iterate=Observation:performer",
        "_revinclude=Observation:subject&_revinclude:iterate=DiagnosticReport:result",
        "_revinclude=Group:member",
        "_revinclude=Condition:patient&_revinclude=RelatedPerson:patient&_revinclude=MedicationRequest:subject",
        "_revinclude=Provenance:target",
    ),
    "Encounter": (
        "_include:iterate=Encounter:part-of",
        "_include=Encounter:part-of",
        "_revinclude:iterate=Encounter:part-of",
    ),
    "DiagnosticReport": ("_include=DiagnosticReport:result", "_include=*", "_include=DiagnosticReport:encounter"),
    "MedicationRequest": ("_include=MedicationRequest:requester", "_revinclude=MedicationDispense:prescription"),
    "MedicationDispense": ("_include=MedicationDispense:prescription&_include:iterate=MedicationRequest:requester",),
    "Organization": ("_include:iterate=Organization:partof", "_revinclude=Patient:organization"),
    "Practitioner": ("_revinclude=Observation:performer",),
    "Location": ("_include:iterate=Location:partof", "_revinclude=Location:partof"),
    "List": ("_include=List:item", "_include=List:item&_include:iterate=Observation:subject"),
    "Provenance": ("_include=Provenance:target", "_include=*"),
}
SORTS: dict[str, tuple[str, ...]] = {
    "Observation": (
        "value-quantity",
        "-value-quantity,_id",
        "subject,-date",
        "-performer",
        "has-member,-_id",
        "status",
    ),
    "Patient": ("family", "-family", "organization,-birthdate", "name", "-phone", "identifier"),
    "Encounter": ("part-of", "-part-of"),
    "Organization": ("name", "-partof"),
}
RESULTS = (
    "_total=accurate",
    "_total=estimate",
    "_count=1",
    "_count=2",
    "_count=3&_total=accurate",
    "_summary=count",
    "_count=0",
)
SYSTEM = (
    "?_type=Observation,Patient,Condition&_sort=_id&_count=5&_total=accurate",
    "?_lastUpdated=ge2026-02-25&_count=7",
    "?_type=Encounter,DiagnosticReport&_lastUpdated=gt2026-02-25T06:13:30Z&_total=estimate",
    "?_type=List,Provenance,Group&_id=la,lb,lr,va,vb,vr,ga,gb",
    "?_security=R&_type=Observation,Condition,Patient",
    "?_type=Observation,Condition,Encounter&_has:DiagnosticReport:result:_id=ra",
    "?_type=Observation,Condition&patient.family=Familyb",
    "?_type=Patient,Observation&_revinclude=Provenance:target&_count=4",
    "?_list=la&_type=Observation,Patient",
    "?_list=lr",
    *(f"Patient/{name}/*?_count=5&_total=accurate" for name in "abc"),
    "Patient/a/*?_type=Observation,Encounter&_sort=-_id&_include=*",
    "Encounter/er/Observation",
    "Encounter/es/*",
    "Practitioner/pr/Observation?_total=accurate",
    "Practitioner/pr2/MedicationRequest",
    "Practitioner/pr2/*",
    *(f"Patient/{name}/Observation?_has:Provenance:target:_id=vb,vr&_revinclude=List:item" for name in "ab"),
    "Observation?_explain=true",
    "Observation?subject:Patient.family=Familyb&_explain=true&_total=estimate",
)


def every(scene: Scene) -> list[Asked]:
    """Each criterion, include, sort and result parameter once by itself."""
    paths = [f"{type}?{each}&_total=accurate" for type, found in CRITERIA.items() for each in found]
    paths += [f"{type}?{each}&_count=3" for type, found in INCLUDES.items() for each in found]
    paths += [f"{type}?_sort={each}&_count=4" for type, found in SORTS.items() for each in found]
    paths += [f"{type}?{each}" for type in SORTS for each in RESULTS]
    paths += [] if scene.masks else [f"{type}?{each}" for type in ("Condition", "Observation") for each in WORDS]
    return [_get(path) for path in (*paths, *SYSTEM)]


def shared_out(requests: list[Asked], scene: Scene) -> list[Asked]:
    """On MongoDB, which takes longer, half of them: each under a filter by patient and under one by label."""
    return requests if kind() == "sqlite" else requests[SCENES.index(scene) // 2 :: 2]


def mixed(seed: int, number: int) -> list[Asked]:
    """Criteria, includes, sorts and result parameters put together at random."""
    choice = random.Random(seed)
    types = [type for type in CRITERIA if type != "Medication"]
    found = []
    for _ in range(number):
        type = choice.choice(["Observation", "Patient", choice.choice(types)])
        parts = choice.sample(CRITERIA[type], k=min(choice.randint(0, 2), len(CRITERIA[type])))
        if not any("_contained" in part for part in parts):
            parts += choice.sample(INCLUDES.get(type, ()), k=min(choice.randint(0, 1), len(INCLUDES.get(type, ()))))
            parts += [f"_sort={choice.choice(SORTS[type])}"] if type in SORTS and choice.random() < 0.5 else []
        parts += [choice.choice(RESULTS)]
        parts = parts if sum("_filter" in part for part in parts) < 2 else parts[1:]
        place = choice.choice([f"{type}?", f"{type}?", f"Patient/{choice.choice('ab')}/{type}?"])
        found.append(_get(place + "&".join(parts)))
    return found


def _get(path: str) -> Asked:
    return Asked("GET", quote(path, safe="/?&=:,$*|"), follows=True)


@asynccontextmanager
async def two(folder: Path, scene: Scene, more: Sequence[Step] = ()) -> AsyncIterator[tuple[World, World]]:
    """A store with everything, and one from which everything was removed that the scene hides."""
    script = (*LINKED, *more)
    async with world(folder / "whole") as whole, world(folder / "cut") as cut:
        await write(whole, script)
        await write(cut, scene.visible(script))
        yield whole, cut


async def differing(whole: World, cut: World, scene: Scene, requests: Sequence[Asked]) -> list[object]:
    """The first requests that the two answer differently, each with its answers."""
    found: list[object] = []
    for number, asked in enumerate(requests):
        answers = []
        for here in (whole, cut):
            here.clock.tick()
            here.ids.restart(1000 + number)
            with here.seen_by(scene.access) as fhir:
                answers.append(await ask(fhir, asked))
        if answers[0] != answers[1]:
            found.append((asked.method, asked.path, *answers))
    return found


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_what_is_hidden_changes_no_search(tmp_path: Path, scene: Scene) -> None:
    async with two(tmp_path, scene) as (whole, cut):
        found = await differing(whole, cut, scene, [*shared_out(every(scene), scene), *mixed(1, fewer(60))])
        assert [each[:2] for each in found] == []  # type: ignore[index]


def test_whatever_is_hidden_changes_no_search() -> None:
    @hypothesis_settings(max_examples=fewer(10))
    @given(hidden=hidden_steps(), seed=st.integers(0, 2**32), one_patient=st.booleans())
    def compared(hidden: list[Step], seed: int, one_patient: bool) -> None:
        scene = ONE_PATIENT if one_patient else NO_LABELLED
        assert asyncio.run(compare(scene, hidden, mixed(seed, 25))) == []

    async def compare(scene: Scene, hidden: list[Step], requests: list[Asked]) -> list[object]:
        with TemporaryDirectory() as folder:
            async with two(Path(folder), scene, hidden) as (whole, cut):
                return await differing(whole, cut, scene, requests)

    compared()


async def test_the_comparison_would_notice(tmp_path: Path) -> None:
    """Under a filter that does not hide what the other store lacks, every way of searching tells the two apart."""
    blind = Scene("everything", EVERYTHING, NO_LABELLED.hides)
    async with two(tmp_path, blind) as (whole, cut):
        requests = [_get(path) for path in TELLING]
        found = await differing(whole, cut, blind, requests)
        assert [each[1] for each in found] == [asked.path for asked in requests]  # type: ignore[index]


TELLING = (
    "Observation?_include=Observation:has-member",
    "Encounter?_id=es&_include=Encounter:part-of",
    "Observation?_id=oa1&_revinclude=Provenance:target",
    "Practitioner?_revinclude=MedicationRequest:requester",
    "Observation?has-member.identifier=obs-or1",
    "Location?partof:below=l0&_id=l2",
    "Observation?_list=lr",
    "Patient?_has:Condition:patient:_id=wr",
    "Medication?_contained=true&code=naltrexone",
    "Observation?_filter=not (performer.name co unlisted)",
    "Observation?_sort=status&_count=2",
    "Observation?_total=estimate&_count=1",
    "Condition?_content=haemophilia",
    "?_type=Condition,Encounter",
    "Patient/a/*?_count=3",
)


# --- estimates from samples ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_an_estimate_is_not_sampled_among_what_is_hidden(
    tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "STEPS_PER_REPORT", 1)
    monkeypatch.setattr(estimate, "COUNT_STEPS", 0)
    monkeypatch.setattr(estimate, "WINDOW_ROWS", 1)
    monkeypatch.setattr(estimate, "ENOUGH", 1)
    monkeypatch.setattr(mongodb_estimate, "FEW", 1)
    monkeypatch.setattr(mongodb_estimate, "SAMPLE", 1)
    async with two(tmp_path, scene) as (whole, cut):
        paths = [f"{type}?_total=estimate&_count=1" for type in ("Observation", "Patient", "Condition")]
        paths += [f"Observation?{each}&_total=estimate&_count=1" for each in CRITERIA["Observation"]]
        paths += [path for path in SYSTEM if "_total=estimate" in path]
        assert await differing(whole, cut, scene, shared_out([_get(path) for path in paths], scene)) == []


# --- criteria of writes --------------------------------------------------------------------------------------------

JSON = {"content_type": "application/fhir+json"}
CONDITIONS = (
    "identifier=obs-ob1",
    f"identifier={LOCAL}|obs-or1",
    "subject:Patient.family=Familyb&status=final",
    "subject:Patient.family=Familya&value-quantity=71.5",
    "performer.name=Unlisted",
    "has-member=or1",
    "_has:DiagnosticReport:result:_id=rr",
    "_has:Provenance:target:_id=vb",
    "_list=lr",
    "_list=lb&date=2026-01-01",
    "_filter=value-quantity gt 70 and subject.family eq Familya",
    "encounter:below=er&date=2026-01-03",
)


def writes() -> list[Asked]:
    """Creates, updates, patches, deletes and references by each of the criteria, alone and in transactions."""
    found = []
    patch = encoded([{"op": "add", "path": "/language", "value": "en"}])
    for number, each in enumerate(CONDITIONS):
        query = quote(each, safe="=&:,$*")
        made = observation("Patient/a", method={"coding": [{"code": f"new-{number}"}]})
        found.append(Asked("POST", "Observation", JSON | {"if_none_exist": query}, encoded(made)))
        found.append(Asked("PUT", f"Observation?{query}", JSON, encoded(made)))
        found.append(Asked("PATCH", f"Observation?{query}", {"content_type": "application/json-patch+json"}, patch))
        found.append(Asked("DELETE", f"Observation?{query}&status=registered"))
        about = observation(
            "Patient/a", method={"coding": [{"code": "new"}]}, focus=[{"reference": f"Observation?{query}"}]
        )
        found += [
            _transaction({"resource": about, "request": {"method": "POST", "url": "Observation"}}),
            _transaction(
                {"resource": made, "request": {"method": "POST", "url": "Observation", "ifNoneExist": query}},
                {"resource": made, "request": {"method": "PUT", "url": f"Observation?{query}&code=x"}},
            ),
        ]
    return found


def _transaction(*entries: object) -> Asked:
    return Asked("POST", "", JSON, encoded({"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_what_is_hidden_meets_no_criteria_of_a_write(tmp_path: Path, scene: Scene) -> None:
    async with two(tmp_path, scene) as (whole, cut):
        # What is seen in part may be found, and is refused: `test_what_is_seen_in_part_cannot_be_written`.
        asked = [each for each in writes() if each.method == "POST" or not scene.masks]
        requests = [*asked, _get("Observation?_total=accurate&_sort=_id"), _get("Observation/_history?_count=5")]
        found = await differing(whole, cut, scene, requests)
        assert [each[:2] for each in found] == []  # type: ignore[index]

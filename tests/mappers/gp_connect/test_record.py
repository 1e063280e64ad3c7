"""A whole record: what every resource gets, and what happens to entries that cannot become R4."""

import json
from base64 import b64decode
from typing import Any

import pytest

from fhir_server.model.json import dump
from mappers.gp_connect.kept import NOT_MAPPED
from mappers.gp_connect.repair import AS_RECEIVED
from mappers.mapper import Json, Mapped, MappedResource, Unmappable, resource_id
from tests.mappers.gp_connect.documents import PRACTICE, SOURCE, document, mapped, observation, patient

LABEL = {
    "system": "https://fhir.shared-care-record.example/CodeSystem/handling",
    "code": "direct-care-only",
    "display": "For direct care only",
}
PERSON = resource_id(SOURCE, "Patient", "person-1")


def _only(found: Mapped, type: str) -> Json:
    (one,) = (one.resource for one in found.resources if one.resource["resourceType"] == type)
    return one


def test_a_resource_has_its_own_id_its_origin_its_label_and_its_original_id() -> None:
    confidential = {"system": "http://hl7.org/fhir/v3/Confidentiality", "code": "R"}
    source = observation(meta={"profile": ["urn:stu3"], "versionId": "7", "security": [confidential]})
    resource = _only(mapped(document(source)), "Observation")
    assert resource == {
        "resourceType": "Observation",
        "id": resource_id(SOURCE, "Observation", "obs-1"),
        "meta": {
            "source": SOURCE,
            "security": [
                LABEL,
                {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"},
            ],
        },
        "identifier": [{"system": SOURCE, "value": "Observation/obs-1"}],
        "status": "final",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "27113001", "display": "Body weight"}]},
        "subject": {"reference": f"Patient/{PERSON}"},
        "effectiveDateTime": "2024-03-01T09:30:00+00:00",
        "issued": "2024-03-01T09:30:00.000+00:00",
    }


def test_the_bundle_puts_each_resource_under_its_id_the_patient_first() -> None:
    found = mapped(document(observation()))
    bundle = found.bundle()
    assert bundle["type"] == "transaction"
    assert [entry["request"] for entry in bundle["entry"]] == [
        {"method": "PUT", "url": f"{one.resource['resourceType']}/{one.resource['id']}"} for one in found.resources
    ]
    assert [one.known for one in found.resources] == [
        ("Patient", "person-1"),
        ("Organization", "practice"),
        ("Observation", "obs-1"),
    ]
    assert [one.shared for one in found.resources] == [False, True, False]


def test_what_is_known_here_under_another_id_is_referred_to_by_it() -> None:
    ids = {("Patient", "person-1"): "here-1", ("Organization", "practice"): "practice-here"}
    found = mapped(document(observation(performer=[{"reference": "Organization/practice"}])), ids)
    assert found.patient_id == "here-1"
    resource = _only(found, "Observation")
    assert resource["subject"] == {"reference": "Patient/here-1"}
    assert resource["performer"] == [{"reference": "Organization/practice-here"}]
    assert _only(found, "Patient")["id"] == "here-1"
    assert "Organization" not in [one.resource["resourceType"] for one in found.resources]
    assert [report.outcome for report in found.reports] == ["mapped", "mapped", "mapped"]


def test_two_sources_never_share_an_id() -> None:
    ids = {mapped(document(), source=source).patient_id for source in ("urn:a", "urn:b")}
    assert len(ids) == 2


def _kept(found: Mapped) -> tuple[MappedResource, Json, Any]:
    (one,) = (one for one in found.resources if one.resource["resourceType"] == "DocumentReference")
    attachment = one.resource["content"][0]["attachment"]
    assert attachment["contentType"] == "application/fhir+json; fhirVersion=3.0"
    return one, one.resource, json.loads(b64decode(attachment["data"]))


def test_a_type_that_is_not_mapped_is_kept_as_received() -> None:
    other = {"resourceType": "Basic", "id": "b", "subject": {"reference": "Patient/person-1"}, "code": {"text": "x"}}
    found = mapped(document(other))
    one, resource, received = _kept(found)
    assert received == other
    assert not one.shared
    assert resource["subject"] == {"reference": f"Patient/{PERSON}"}
    assert resource["identifier"] == [{"system": SOURCE, "value": "Basic/b"}]
    assert found.reports[2].outcome == "kept"
    assert found.reports[2].to == ("DocumentReference", resource["id"])


@pytest.mark.parametrize("entry", [{}, {"resource": "text"}, {"resource": {"id": "x"}}])
def test_an_entry_without_a_resource_is_kept_as_received(entry: Json) -> None:
    whole = document()
    whole["entry"].append(entry)
    found = mapped(whole)
    assert _kept(found)[2] == entry
    assert found.reports[2].outcome == "kept"


def test_an_entry_that_no_map_can_read_is_kept_and_references_to_it_become_logical() -> None:
    broken = observation("obs-2", code="text")
    found = mapped(
        document(observation(related=[{"type": "has-member", "target": {"reference": "Observation/obs-2"}}]), broken)
    )
    assert _kept(found)[2] == broken
    assert _only(found, "Observation")["hasMember"] == [
        {"type": "Observation", "identifier": {"system": SOURCE, "value": "Observation/obs-2"}}
    ]


def test_the_same_entry_twice_is_a_duplicate_and_another_with_its_id_is_kept() -> None:
    rival = observation(status="amended")
    found = mapped(document(observation(), observation(), rival))
    assert [report.outcome for report in found.reports] == ["mapped", "mapped", "mapped", "duplicate", "kept"]
    assert _kept(found)[2] == rival


def test_what_r4_has_no_place_for_is_kept_in_an_extension_and_said() -> None:
    found = mapped(document(observation(invented={"a": [1.50]})))
    (extension,) = _only(found, "Observation")["extension"]
    assert extension == {
        "url": NOT_MAPPED,
        "extension": [{"url": "path", "valueString": "invented"}, {"url": "json", "valueString": '{"a":[1.5]}'}],
    }
    assert "Bundle.entry[2].resource.invented" in [issue.expression[0] for issue in found.reports[2].issues]


def test_a_bad_date_does_not_cost_the_entry() -> None:
    found = mapped(document(observation(effectiveDateTime="19")))
    assert _only(found, "Observation")["_effectiveDateTime"] == {
        "extension": [{"url": AS_RECEIVED, "valueString": "19"}]
    }
    issues = found.reports[2].issues
    assert {issue.severity for issue in issues} == {"warning"}
    assert all("19" not in issue.diagnostics for issue in issues)


def test_a_record_whose_patient_cannot_be_mapped_is_refused_whole() -> None:
    with pytest.raises(Unmappable):
        mapped(document(of=patient(name=7)))


def test_a_missing_subject_is_the_person_of_the_record_and_that_is_said() -> None:
    found = mapped(document(observation(subject=None)))
    assert _only(found, "Observation")["subject"] == {"reference": f"Patient/{PERSON}"}
    assert [issue.expression[0] for issue in found.reports[2].issues] == ["Bundle.entry[2].resource.subject"]


def test_decimals_stay_as_written() -> None:
    whole = document(observation(valueQuantity="VALUE"))
    raw = dump(whole).replace(b'"VALUE"', b'{"value":61.50,"unit":"kg"}')
    assert b'"value":61.50' in dump(mapped(raw).bundle())


def test_a_practice_is_the_same_for_two_people() -> None:
    first = mapped(document())
    second = mapped(document(of=patient(id="person-2")))
    assert _only(first, "Organization") == _only(second, "Organization")
    assert _only(first, "Organization")["name"] == PRACTICE["name"]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (
            {"reference": "Practitioner/none", "display": "Dr"},
            {"display": "Dr", "type": "Practitioner", "identifier": {"system": SOURCE, "value": "Practitioner/none"}},
        ),
        (
            {"reference": "https://gp.example/STU3/Practitioner/none"},
            {"reference": "https://gp.example/STU3/Practitioner/none"},
        ),
        ({"reference": "urn:uuid:none"}, {"identifier": {"system": SOURCE, "value": "urn:uuid:none"}}),
    ],
)
def test_a_reference_that_leads_out_of_the_record_says_so(reference: Json, expected: Json) -> None:
    found = mapped(document(observation(performer=[reference])))
    assert _only(found, "Observation")["performer"] == [expected]
    assert [issue.code for issue in found.reports[2].issues] == ["not-found"]


def test_an_entry_that_refers_to_another_patient_is_kept_as_received() -> None:
    found = mapped(document(observation(performer=[{"reference": "Patient/person-2"}])))
    assert found.reports[2].outcome == "kept"
    assert [one.resource["resourceType"] for one in found.resources] == ["Patient", "Organization", "DocumentReference"]

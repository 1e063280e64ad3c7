"""List: consultations, topics, headings and lists by kind stay as they are structured."""

from mappers.gp_connect.resources.list import LIST
from mappers.mapper import Json, resource_id
from tests.mappers.gp_connect.documents import SOURCE, document, mapped
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

SUBJECT: Json = {"reference": "Patient/person-1"}
MINIMAL: Json = {"status": "current", "mode": "snapshot"}
RICH: Json = MINIMAL | {
    "title": "Consultation",
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "325851000000107", "display": "Consultation"}]},
    "encounter": {"reference": "Encounter/visit"},
    "date": "2024-03-01T09:30:00+00:00",
    "source": {"reference": "Practitioner/gp"},
    "orderedBy": {"coding": [{"system": "http://hl7.org/fhir/list-order", "code": "event-date"}]},
    "note": [{"text": "Items may be missing"}],
    "entry": [
        {"flag": {"text": "New"}, "date": "2024-03-01", "item": {"reference": "List/topic"}},
        {"item": {"display": "Free text"}},
    ],
}


def test_a_minimal_list() -> None:
    assert one_entry(LIST, MINIMAL) == (MINIMAL, [], [])


def test_a_rich_list() -> None:
    resource, issues, left = one_entry(LIST, RICH)
    order = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-order", "code": "event-date"}]}
    assert resource == RICH | {"orderedBy": order}
    assert (issues, left) == ([], [])


def test_why_a_list_is_empty() -> None:
    system = "https://fhir.nhs.uk/STU3/CodeSystem/CareConnect-ListEmptyReasonCode-1"
    empty = {"coding": [{"system": system, "code": "no-content-recorded"}]}
    resource, issues, left = one_entry(LIST, MINIMAL | {"emptyReason": empty})
    uk_core = "https://fhir.hl7.org.uk/CodeSystem/UKCore-ListEmptyReasonCode"
    assert resource == MINIMAL | {"emptyReason": {"coding": [{"system": uk_core, "code": "no-content-recorded"}]}}
    assert (issues, left) == ([], [])


def test_what_r4_requires_is_said_to_be_unknown() -> None:
    resource, issues, _ = one_entry(LIST, {"title": "Topic"})
    unknown = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert resource == {
        "title": "Topic",
        "_status": {"extension": [unknown]},
        "_mode": {"extension": [unknown]},
    }
    assert issues == [("required", "Entry.status"), ("required", "Entry.mode")]


def test_an_entry_that_is_not_in_the_record_stays_as_a_logical_reference() -> None:
    resource, issues, _ = one_entry(LIST, MINIMAL | {"entry": [{"item": {"reference": "Observation/absent"}}]})
    item = {"type": "Observation", "identifier": {"system": SOURCE, "value": "Observation/absent"}}
    assert resource["entry"] == [{"item": item}]
    assert issues == [("not-found", "Entry.entry[0].item.reference")]


def test_a_consultation_keeps_its_topics_and_headings_and_its_warning() -> None:
    names = ("consultation", "topic", "heading")
    warning = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-ListWarningCode-1"
    lists: list[Json] = [
        MINIMAL | {"resourceType": "List", "id": name, "title": name, "subject": SUBJECT} for name in names
    ]
    for above, below in zip(lists, lists[1:], strict=False):
        above["entry"] = [{"item": {"reference": f"List/{below['id']}"}}]
    lists[0]["extension"] = [{"url": warning, "valueCode": "confidential-items"}]
    lists[2]["entry"] = [{"item": {"reference": "Patient/person-1"}}]
    found = mapped(document(*lists))
    resources = [one.resource for one in found.resources[-3:]]
    assert [resource["title"] for resource in resources] == list(names)
    assert [resource["entry"] for resource in resources] == [
        [{"item": {"reference": f"List/{resource_id(SOURCE, 'List', 'topic')}"}}],
        [{"item": {"reference": f"List/{resource_id(SOURCE, 'List', 'heading')}"}}],
        [{"item": {"reference": f"Patient/{found.patient_id}"}}],
    ]
    coding = {"system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-ListWarningCode", "code": "confidential-items"}
    assert resources[0]["extension"] == [
        {
            "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-ListWarningCode",
            "valueCodeableConcept": {"coding": [coding]},
        }
    ]
    assert all(report.issues == () for report in found.reports)


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(LIST, RICH)

"""DocumentReference: dates, category, context."""

import pytest

from mappers.gp_connect.resources.document_reference import DOCUMENT_REFERENCE
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

LETTER: Json = {"contentType": "application/pdf", "url": "https://gp.example/Binary/1", "size": 512}
RICH: Json = {
    "masterIdentifier": {"value": "M1"},
    "status": "current",
    "docStatus": "final",
    "type": {"text": "Referral letter"},
    "class": {"text": "Correspondence"},
    "created": "2024-03-01",
    "indexed": "2024-03-01T10:00:00.5+00:00",
    "author": [{"reference": "Organization/hospital"}],
    "authenticator": {"reference": "Practitioner/consultant"},
    "custodian": {"reference": "Organization/practice"},
    "relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/before"}}],
    "description": "Letter from the memory clinic",
    "securityLabel": [{"text": "Normal"}],
    "content": [{"attachment": LETTER, "format": {"code": "x"}}, {"attachment": {"title": "absent"}}],
    "context": {
        "encounter": {"reference": "Encounter/visit"},
        "event": [{"text": "Memory clinic"}],
        "period": {"start": "2024-02-28"},
        "facilityType": {"text": "Hospital"},
        "practiceSetting": {"text": "Old age psychiatry"},
        "related": [
            {"identifier": {"value": "R1"}, "ref": {"reference": "Observation/score"}},
            {"ref": {"reference": "ReferralRequest/asked"}},
            {"identifier": {"value": "R2"}},
        ],
    },
}


def test_everything_finds_its_place() -> None:
    resource, issues, left = one_entry(DOCUMENT_REFERENCE, RICH)
    assert resource == {
        "masterIdentifier": {"value": "M1"},
        "status": "current",
        "docStatus": "final",
        "type": {"text": "Referral letter"},
        "category": [{"text": "Correspondence"}],
        "date": "2024-03-01T10:00:00.5+00:00",
        "author": [{"reference": "Organization/hospital"}],
        "authenticator": {"reference": "Practitioner/consultant"},
        "custodian": {"reference": "Organization/practice"},
        "relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/before"}}],
        "description": "Letter from the memory clinic",
        "securityLabel": [{"text": "Normal"}],
        "content": [
            {"attachment": LETTER | {"creation": "2024-03-01"}, "format": {"code": "x"}},
            {"attachment": {"title": "absent", "creation": "2024-03-01"}},
        ],
        "context": {
            "encounter": [{"reference": "Encounter/visit"}],
            "event": [{"text": "Memory clinic"}],
            "period": {"start": "2024-02-28"},
            "facilityType": {"text": "Hospital"},
            "practiceSetting": {"text": "Old age psychiatry"},
            "related": [
                {"identifier": {"value": "R1"}, "reference": "Observation/score"},
                {"reference": "ServiceRequest/asked"},
                {"identifier": {"value": "R2"}},
            ],
        },
    }
    assert (issues, left) == ([], [])


def test_the_least() -> None:
    source: Json = {"status": "current", "content": [{"attachment": LETTER}]}
    assert one_entry(DOCUMENT_REFERENCE, source) == (source, [], [])


@pytest.mark.parametrize(
    ("created", "value"),
    [
        ({"created": "2024-03-01"}, {"valueDateTime": "2024-03-01"}),
        (
            {"_created": {"extension": [{"url": "https://own.example", "valueString": "March"}]}},
            {"_valueDateTime": {"extension": [{"url": "https://own.example", "valueString": "March"}]}},
        ),
    ],
)
def test_an_attachment_that_has_its_own_date_keeps_it(created: Json, value: Json) -> None:
    content = [{"attachment": LETTER | {"creation": "2023-12-24"}}]
    resource, _, _ = one_entry(DOCUMENT_REFERENCE, {"status": "current", "content": content} | created)
    assert resource["content"] == content
    url = "http://hl7.org/fhir/3.0/StructureDefinition/extension-DocumentReference.created"
    assert resource["extension"] == [{"url": url} | value]


def test_what_r4_requires_is_said_to_be_unknown() -> None:
    resource, issues, _ = one_entry(DOCUMENT_REFERENCE, {"content": [{"attachment": LETTER}]})
    assert resource["_status"]["extension"][0]["valueCode"] == "unknown"
    assert issues == [("required", "Entry.status")]


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(DOCUMENT_REFERENCE, RICH)

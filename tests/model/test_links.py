"""Links are found and rewritten by the types of elements, and by nothing else."""

from copy import deepcopy
from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.model.links import references, rewrite

URN = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
OTHER = "urn:uuid:0e7c1a9e-0000-4000-8000-000000000002"
HTTP = "https://source.example.org/fhir/Patient/7"
MAPPING = {URN: "Patient/new", OTHER: "Binary/pic", HTTP: "Patient/seven"}


def _div(inner: str) -> dict[str, str]:
    return {"status": "additional", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>'}


def test_every_reference_is_found_with_its_place() -> None:
    data = {
        "resourceType": "Observation",
        "_status": {"extension": [{"url": "https://example.org/e", "valueReference": {"reference": "Group/2"}}]},
        "contained": [
            {"resourceType": "Provenance", "id": "p", "agent": [{"who": {"reference": "Practitioner/1"}}]},
            {"resourceType": "Unknown", "who": {"reference": "Patient/0"}},
        ],
        "identifier": [{"value": "Patient/3", "assigner": {"display": "somebody"}}],
        "subject": {"reference": "Patient/1", "identifier": {"assigner": {"reference": "Organization/9"}}},
        "performer": [{"reference": "Practitioner/1"}, {"identifier": {"value": "7"}}],
        "component": [
            {"code": {"extension": [{"extension": [{"url": "x", "valueReference": {"reference": "Device/1"}}]}]}}
        ],
        "valueString": "Patient/4",
        "unknown": {"reference": "Patient/5"},
    }
    assert list(references(data, r4())) == [
        ("Observation.status.extension[0].value", {"reference": "Group/2"}),
        ("Observation.contained[0].agent[0].who", {"reference": "Practitioner/1"}),
        ("Observation.identifier[0].assigner", {"display": "somebody"}),
        ("Observation.subject", data["subject"]),
        ("Observation.subject.identifier.assigner", {"reference": "Organization/9"}),
        ("Observation.performer[0]", {"reference": "Practitioner/1"}),
        ("Observation.performer[1]", {"identifier": {"value": "7"}}),
        ("Observation.component[0].code.extension[0].extension[0].value", {"reference": "Device/1"}),
    ]


def test_repeated_content_is_followed() -> None:
    item = {"linkId": "1", "answer": [{"valueReference": {"reference": "Patient/2"}}]}
    data = {
        "resourceType": "QuestionnaireResponse",
        "item": [{"linkId": "0", "item": [{"linkId": "a", "item": [item]}]}],
    }
    assert list(references(data, r4())) == [
        ("QuestionnaireResponse.item[0].item[0].item[0].answer[0].value", {"reference": "Patient/2"})
    ]


def test_the_entries_of_a_bundle_are_a_world_of_their_own() -> None:
    inner = {"fullUrl": URN, "resource": {"resourceType": "Observation", "subject": {"reference": URN}}}
    data = {"resourceType": "Bundle", "type": "document", "entry": [inner]}
    before = deepcopy(data)
    assert list(references(data, r4())) == []
    assert rewrite(data, MAPPING, r4()) is False
    assert data == before


REWRITTEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Reference.reference": (
        {"resourceType": "Observation", "subject": {"reference": URN}},
        {"resourceType": "Observation", "subject": {"reference": "Patient/new"}},
    ),
    "an https fullUrl": (
        {"resourceType": "Observation", "subject": {"reference": HTTP}},
        {"resourceType": "Observation", "subject": {"reference": "Patient/seven"}},
    ),
    "a fragment stays": (
        {"resourceType": "Observation", "subject": {"reference": f"{URN}#part"}},
        {"resourceType": "Observation", "subject": {"reference": "Patient/new#part"}},
    ),
    "contained, extension, sibling": (
        {
            "resourceType": "Patient",
            "contained": [{"resourceType": "Basic", "id": "b", "subject": {"reference": URN}}],
            "_birthDate": {"extension": [{"url": "https://e", "valueReference": {"reference": URN}}]},
        },
        {
            "resourceType": "Patient",
            "contained": [{"resourceType": "Basic", "id": "b", "subject": {"reference": "Patient/new"}}],
            "_birthDate": {"extension": [{"url": "https://e", "valueReference": {"reference": "Patient/new"}}]},
        },
    ),
    "uri, url, uuid and lists of them": (
        {
            "resourceType": "CarePlan",
            "instantiatesUri": ["https://a", URN],
            "extension": [{"url": "https://e", "valueUrl": URN}, {"url": "https://e", "valueUuid": URN}],
        },
        {
            "resourceType": "CarePlan",
            "instantiatesUri": ["https://a", "Patient/new"],
            "extension": [
                {"url": "https://e", "valueUrl": "Patient/new"},
                {"url": "https://e", "valueUuid": "Patient/new"},
            ],
        },
    ),
    "the url of an attachment": (
        {"resourceType": "DocumentReference", "content": [{"attachment": {"url": OTHER}}]},
        {"resourceType": "DocumentReference", "content": [{"attachment": {"url": "Binary/pic"}}]},
    ),
    "narrative": (
        {
            "resourceType": "Basic",
            "text": _div(
                f"<a title='href=\"{URN}\"' href=\"{URN}\">x</a><img alt='' src = '{OTHER}#1'/><a name=\"{URN}\">y</a>"
            ),
        },
        {
            "resourceType": "Basic",
            "text": _div(
                f"<a title='href=\"{URN}\"' href=\"Patient/new\">x</a><img alt='' src = 'Binary/pic#1'/>"
                f'<a name="{URN}">y</a>'
            ),
        },
    ),
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_links_are_rewritten(name: str) -> None:
    data, expected = deepcopy(REWRITTEN[name])
    assert rewrite(data, MAPPING, r4()) is True
    assert data == expected


KEPT: dict[str, dict[str, Any]] = {
    "a string": {"resourceType": "Patient", "identifier": [{"system": "urn:ietf:rfc:3986", "value": URN}]},
    "a display": {"resourceType": "Observation", "subject": {"display": URN}},
    "a canonical": {"resourceType": "QuestionnaireResponse", "questionnaire": URN, "meta": {"profile": [URN]}},
    "the name of a system, an extension, a definition": {
        "resourceType": "ValueSet",
        "url": HTTP,
        "extension": [{"url": HTTP, "valueCoding": {"system": HTTP, "code": "1"}}],
    },
    "another reference": {"resourceType": "Observation", "subject": {"reference": f"{URN}0"}},
    "narrative that only shows a link": {
        "resourceType": "Basic",
        "text": _div(f'&lt;a href="{URN}"&gt; <b title="{URN}">{URN}</b> <a href="{URN}0">z</a>'),
    },
    "an element that does not exist": {"resourceType": "Patient", "link2": {"reference": URN}},
    "values of the wrong kind": {
        "resourceType": "Observation",
        "subject": [7, None, "x"],
        "meta": 3,
        "text": {"div": 5},
    },
}


@pytest.mark.parametrize("name", KEPT)
def test_everything_else_is_kept(name: str) -> None:
    data = deepcopy(KEPT[name])
    assert rewrite(data, MAPPING, r4()) is False
    assert data == KEPT[name]


def test_without_a_mapping_nothing_is_looked_at() -> None:
    assert rewrite({"resourceType": "Observation", "subject": {"reference": URN}}, {}, r4()) is False

"""QuestionnaireResponse: items without a linkId, the questionnaire by its canonical URL."""

import pytest

from mappers.gp_connect.resources.questionnaire_response import QUESTIONNAIRE_RESPONSE
from mappers.mapper import Json
from profiles.canonical import CANONICAL
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

STU3_ONLY = "http://hl7.org/fhir/3.0/StructureDefinition/extension-QuestionnaireResponse."
RICH: Json = {
    "basedOn": [{"reference": "ProcedureRequest/asked"}],
    "parent": [{"reference": "Observation/heading"}],
    "questionnaire": {"reference": "https://gp.example/Questionnaire/falls", "display": "Falls"},
    "status": "completed",
    "context": {"reference": "Encounter/visit"},
    "authored": "2024-03-01T09:30:00+00:00",
    "author": {"reference": "Practitioner/nurse"},
    "source": {"reference": "RelatedPerson/daughter"},
    "item": [
        {"linkId": "falls", "text": "Falls", "answer": [{"valueInteger": 2}]},
        {
            "answer": [
                {"valueReference": {"reference": "Observation/one"}, "item": [{"text": "Where"}]},
                {"valueString": "Yes"},
            ]
        },
        {"subject": {"reference": "RelatedPerson/daughter"}, "item": [{"text": "a"}, {"item": [{"text": "b"}]}]},
    ],
}


def test_everything_finds_its_place() -> None:
    resource, issues, left = one_entry(QUESTIONNAIRE_RESPONSE, RICH)
    display = {"url": "http://hl7.org/fhir/StructureDefinition/display", "valueString": "Falls"}
    assert resource == {
        "basedOn": [{"reference": "ServiceRequest/asked"}],
        "partOf": [{"reference": "Observation/heading"}],
        "questionnaire": "https://gp.example/Questionnaire/falls",
        "_questionnaire": {"extension": [display]},
        "status": "completed",
        "encounter": {"reference": "Encounter/visit"},
        "authored": "2024-03-01T09:30:00+00:00",
        "author": {"reference": "Practitioner/nurse"},
        "source": {"reference": "RelatedPerson/daughter"},
        "item": [
            {"linkId": "falls", "text": "Falls", "answer": [{"valueInteger": 2}]},
            {
                "linkId": "2",
                "answer": [
                    {
                        "valueReference": {"reference": "Observation/one"},
                        "item": [{"linkId": "2.1", "text": "Where"}],
                    },
                    {"valueString": "Yes"},
                ],
            },
            {
                "linkId": "3",
                "extension": [
                    {"url": STU3_ONLY + "item.subject", "valueReference": {"reference": "RelatedPerson/daughter"}}
                ],
                "item": [
                    {"linkId": "3.1", "text": "a"},
                    {"linkId": "3.2", "item": [{"linkId": "3.2.1", "text": "b"}]},
                ],
            },
        ],
    }
    assert sorted(issues) == [
        ("required", "Entry.item[1].answer[0].item[0].linkId"),
        ("required", "Entry.item[1].linkId"),
        ("required", "Entry.item[2].item[0].linkId"),
        ("required", "Entry.item[2].item[1].item[0].linkId"),
        ("required", "Entry.item[2].item[1].linkId"),
        ("required", "Entry.item[2].linkId"),
    ]
    assert left == []


def test_the_least() -> None:
    assert one_entry(QUESTIONNAIRE_RESPONSE, {"status": "completed"}) == ({"status": "completed"}, [], [])


@pytest.mark.parametrize(
    ("questionnaire", "kept"),
    [
        ({"reference": "Questionnaire/absent"}, {"type": "Questionnaire"}),
        ({"display": "Falls"}, {"display": "Falls"}),
        ({"reference": f"{CANONICAL}/Questionnaire/respect-plan|1.0.0"}, {}),
    ],
)
def test_a_questionnaire_without_a_canonical_url_or_with_one_of_ours_is_none_here(
    questionnaire: Json, kept: Json
) -> None:
    resource, issues, left = one_entry(
        QUESTIONNAIRE_RESPONSE, {"status": "completed", "questionnaire": questionnaire, "context": {"display": "x"}}
    )
    assert "questionnaire" not in resource
    (extension,) = resource["extension"]
    assert extension["url"] == STU3_ONLY + "questionnaire"
    assert kept.items() <= extension["valueReference"].items()
    assert ("not-supported", "Entry.questionnaire") in issues
    assert left == []


def test_what_r4_requires_is_said_to_be_unknown() -> None:
    resource, issues, _ = one_entry(QUESTIONNAIRE_RESPONSE, {})
    assert resource["_status"]["extension"][0]["valueCode"] == "unknown"
    assert issues == [("required", "Entry.status")]


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(QUESTIONNAIRE_RESPONSE, RICH)

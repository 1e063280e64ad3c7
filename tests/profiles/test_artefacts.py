"""The implementation guide: valid R4, named after its files, and the plans of the demo and the examples answer it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.respect.plan import QUESTIONNAIRE, REVOKED, SUPERSEDED, plan_of
from fhir_server.respect.signing import missing
from fhir_server.validation import Validator
from profiles.artefacts import artefacts
from profiles.canonical import CANONICAL
from tests.demo.written import of_type, records
from tests.running import Client, patient

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "profiles" / "examples").glob("*.json"))]
ARTEFACTS = list(artefacts())


@pytest.mark.parametrize("artefact", ARTEFACTS, ids=lambda one: one["id"])
def test_an_artefact_is_valid_and_bears_its_name(artefact: Json) -> None:
    assert Validator(r4()).validate(artefact) == []
    assert artefact["url"] == f"{CANONICAL}/{artefact['resourceType']}/{artefact['id']}"


def test_every_file_is_an_artefact_or_an_example() -> None:
    files = {path.stem for path in (ROOT / "profiles").rglob("*.json")}
    assert files == {one["id"] for one in ARTEFACTS} | {one["id"] for one in EXAMPLES}


def _questions(item: Json) -> Iterator[Json]:
    for inner in item.get("item", ()):
        yield inner
        yield from _questions(inner)


def _questionnaire() -> Json:
    return next(one for one in ARTEFACTS if one["resourceType"] == "Questionnaire")


def test_the_questionnaire_says_that_it_is_not_the_councils_form() -> None:
    assert _questionnaire()["url"] == QUESTIONNAIRE
    assert "not the form of the Resuscitation Council UK" in _questionnaire()["description"]


def test_link_ids_are_unique_and_options_are_of_a_code_system_that_is_there() -> None:
    questions = list(_questions(_questionnaire()))
    link_ids = [one["linkId"] for one in questions]
    assert len(set(link_ids)) == len(link_ids)
    known = {
        (one["url"], concept["code"])
        for one in ARTEFACTS
        if one["resourceType"] == "CodeSystem"
        for concept in one["concept"]
    }
    for question in questions:
        assert bool(question.get("answerOption")) is (question["type"] == "choice")
        for option in question.get("answerOption", ()):
            coding = option["valueCoding"]
            assert (coding["system"], coding["code"]) in known or coding["system"] == "http://snomed.info/sct"


_ANSWERS = {
    "string": "valueString",
    "text": "valueString",
    "integer": "valueInteger",
    "boolean": "valueBoolean",
    "date": "valueDate",
    "dateTime": "valueDateTime",
    "choice": "valueCoding",
}
DEMO_PLANS = [plan for record in records()[1:] for plan in of_type(record, "QuestionnaireResponse")]


@pytest.mark.parametrize("plan", [*EXAMPLES, *DEMO_PLANS], ids=lambda one: one["id"])
def test_a_plan_answers_the_questionnaire(plan: Json) -> None:
    assert Validator(r4()).validate(plan) == []
    questions = {one["linkId"]: one for one in _questions(_questionnaire())}
    for item in _questions(plan):
        question = questions[item["linkId"]]
        assert len(item.get("answer", ())) <= 1 or question.get("repeats")
        for answer in item.get("answer", ()):
            ((name, value),) = answer.items()
            assert name == _ANSWERS[question["type"]]
            if name == "valueCoding":
                assert value in [option["valueCoding"] for option in question["answerOption"]]


def test_demo_and_example_plans_have_what_a_signed_plan_needs() -> None:
    for resource in [*EXAMPLES, *DEMO_PLANS]:
        plan = plan_of(resource)
        assert plan is not None
        if plan.signed:
            assert missing(plan, datetime.now(UTC), "1938-02-11") == []
    marks = {mark["url"] for one in [*EXAMPLES, *DEMO_PLANS] for mark in one.get("modifierExtension", ())}
    assert marks == {SUPERSEDED, REVOKED}


async def test_all_of_it_can_be_loaded(fhir: Client) -> None:
    await fhir.put(patient("example"))
    for resource in [*ARTEFACTS, *EXAMPLES]:
        assert (await fhir.put(resource)).status_code == 201
    current = await fhir.get("Patient/example/$respect-current")
    assert current.json()["id"] == "respect-plan-in-force"

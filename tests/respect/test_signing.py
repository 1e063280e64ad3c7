"""What a signed plan needs: each lack has its own sentence, and all are said at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.respect.plans import Json, answers, coding, item, plan, signature
from tests.running import Client, patient

AT = "2026-03-01T10:00:00Z"
SOON = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")


async def _refused(fhir: Client, items: list[Json], birth_date: str = "1938-02-11") -> list[str]:
    await fhir.put(patient("p", birthDate=birth_date))
    answer = await fhir.post(plan("p", item=items))
    assert answer.status_code == 422, answer.text
    return [issue["diagnostics"] for issue in answer.json()["issue"]]


def _signed_with(**changed: Any) -> Json:
    """A signature of which items are exchanged (None: left out), by the last part of their linkId."""
    whole = signature(AT)
    kept = []
    for one in whole["item"]:
        name = "i" + one["linkId"].rpartition(".")[2]
        if name not in changed:
            kept.append(one)
        elif changed[name] is not None:
            kept.append(item(one["linkId"], changed[name]))
    return whole | {"item": kept}


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (answers(signature(AT), without=("2.1",)), "summary"),
        (answers(signature(AT), without=("4.1",)), "clinical focus"),
        (answers(signature(AT), without=("4.3",)), "CPR recommendation"),
        (answers(signature(AT), without=("5.1",)), "capacity"),
        (answers(signature(AT), without=("6.1",)), "involved"),
        (answers(signature(AT), cpr="modified-cpr"), "adult"),
        (answers(_signed_with(i1=None)), "name of who signed"),
        (answers(_signed_with(i2=None)), "role of who signed"),
        (answers(_signed_with(i3=None)), "registration"),
        (answers(_signed_with(i4=None)), "registration"),
        (answers(_signed_with(i5=None)), "date and time"),
        (answers(_signed_with(i5={"valueDateTime": "2026-03-01"})), "date and time"),
        (answers(_signed_with(i5={"valueDateTime": SOON})), "future"),
    ],
)
async def test_each_lack_has_its_sentence(fhir: Client, items: list[Json], said: str) -> None:
    (sentence,) = await _refused(fhir, items)
    assert said in sentence


async def test_all_lacks_are_said_at_once_with_their_place(fhir: Client) -> None:
    await fhir.put(patient("p"))
    answer = await fhir.post(plan("p", item=answers(signature(AT), without=("2.1", "4.3", "5.1"))))
    places = [issue["expression"][0] for issue in answer.json()["issue"]]
    assert [place.partition("linkId='")[2][:3] for place in places] == ["2.1", "4.3", "5.1"]


@pytest.mark.parametrize("also", [item("6.1", coding("respect-involvement", "C3")), item("6.2", {"valueString": "No"})])
async def test_a_child_without_those_with_parental_responsibility_needs_a_reason(fhir: Client, also: Json) -> None:
    def with_involvement(*items: Json) -> list[Json]:
        whole = answers(signature(AT), without=("6.1",), cpr="modified-cpr")
        return [*whole, item("6", items=[item("6.1", coding("respect-involvement", "C1")), *items])]

    assert "parental responsibility" in (await _refused(fhir, with_involvement(), "2015-02-11"))[0]
    assert (await fhir.post(plan("p", item=with_involvement(also)))).status_code == 201


async def test_a_reason_stands_in_for_involvement(fhir: Client) -> None:
    await fhir.put(patient("p"))
    items = [*answers(signature(AT), without=("6.1",)), item("6", items=[item("6.2", {"valueString": "Harm"})])]
    assert (await fhir.post(plan("p", item=items))).status_code == 201


async def test_a_draft_may_lack_anything(fhir: Client) -> None:
    await fhir.put(patient("p"))
    assert (await fhir.post(plan("p", None, item=[]) | {"item": [item("1")]})).status_code == 201

"""Stamps: what they say comes back, and what a digest is blind to."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.model.json import dump, parse
from fhir_server.operations.stamp import IMPORTED, Export, Stamp, digest, joined_identifier, stamp_of, stamped

EXPORT = Export(1_700_000_000_123, known=True)
RESOURCE: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "a",
    "meta": {"source": "urn:x", "security": [{"code": "x"}], "extension": [{"url": "urn:y", "valueString": "y"}]},
    "identifier": [{"system": "urn:x", "value": "1"}],
    "extension": [{"url": "urn:z", "valueDecimal": Decimal("1.50")}],
}


@given(st.integers(0, 4_000_000_000_000), st.booleans())
def test_a_stamp_comes_back(at_ms: int, known: bool) -> None:
    export = Export(at_ms, known)
    assert stamp_of(stamped(RESOURCE, export, "abc")) == Stamp(export, "abc")


def test_a_new_stamp_replaces_the_old_and_leaves_the_rest() -> None:
    twice = stamped(stamped(RESOURCE, Export(1, known=False), "old"), EXPORT, "new")
    assert [extension["url"] for extension in twice["meta"]["extension"]] == ["urn:y", IMPORTED]
    assert stamp_of(twice) == Stamp(EXPORT, "new")
    assert RESOURCE["meta"]["extension"] == [{"url": "urn:y", "valueString": "y"}]


def test_the_digest_is_of_the_content_alone() -> None:
    other = stamped(RESOURCE, EXPORT, "abc")
    other["meta"] |= {"versionId": "7", "lastUpdated": "2026-01-01T00:00:00Z", "security": []}
    other["identifier"] = [*RESOURCE["identifier"], joined_identifier("urn:other", "Patient/9", EXPORT)]
    stored = parse(dump(dict(reversed(other.items()))), max_bytes=10_000).data
    assert digest(stored) == digest(RESOURCE)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "b"},
        {"identifier": []},
        {"meta": {"source": "urn:other"}},
        {"extension": [{"url": "urn:z", "valueDecimal": Decimal("1.5")}]},
        {"active": True},
    ],
)
def test_every_other_change_shows(changed: dict[str, Any]) -> None:
    assert digest({**RESOURCE, **changed}) != digest(RESOURCE)


def test_an_identifier_that_is_no_list_is_content() -> None:
    response = {"resourceType": "QuestionnaireResponse", "identifier": {"value": "1"}}
    assert digest(response) != digest({"resourceType": "QuestionnaireResponse"})
    assert digest(response) != digest({**response, "identifier": {"value": "2"}})


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"url": "exported", "valueInstant": "never"}, {"url": "known", "valueBoolean": True}],
        [
            {"url": "exported", "valueInstant": "soon"},
            {"url": "known", "valueBoolean": True},
            {"url": "digest", "valueString": "x"},
        ],
        [
            {"url": "exported", "valueString": "x"},
            {"url": "known", "valueString": "x"},
            {"url": "digest", "valueString": "x"},
        ],
    ],
)
def test_what_no_import_wrote_is_no_stamp(parts: list[dict[str, Any]]) -> None:
    assert stamp_of({"meta": {"extension": [{"url": IMPORTED, "extension": parts}]}}) is None


def test_a_known_time_is_newer_than_any_that_is_not() -> None:
    assert Export(1, known=True).rank > Export(2, known=False).rank
    assert Export(2, known=False).rank == Export(1, known=False).rank

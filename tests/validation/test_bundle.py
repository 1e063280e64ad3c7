"""Bundles: what an entry must have and must not have, by the Bundle's type."""

from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.outcome import Issue
from fhir_server.validation import Validator
from tests.validation import samples

VALIDATOR = Validator(r4())
PATIENT = {"resourceType": "Patient", "id": "1"}
URL = "https://example.org/fhir/Patient/1"
POST = {"method": "POST", "url": "Patient"}
OK = {"status": "200"}
COMPOSITION = {
    "resourceType": "Composition",
    "id": "c",
    "status": "final",
    "type": {"text": "t"},
    "date": "2020-01-01",
    "author": [{"display": "E"}],
    "title": "t",
}
HEADER = {
    "resourceType": "MessageHeader",
    "id": "h",
    "eventUri": "https://example.org/e",
    "source": {"endpoint": "https://example.org/m"},
}


def _bundle(kind: str, *entries: dict[str, Any], **elements: Any) -> dict[str, Any]:
    bundle = {"resourceType": "Bundle", "type": kind, **elements}
    return {**bundle, "entry": list(entries)} if entries else bundle


def _invariant(path: str, sentence: str) -> Issue:
    return Issue("invariant", sentence, (path,))


DOCUMENT = {"identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2"}, "timestamp": "2020-01-01T00:00:00Z"}
SAME = "Two entries have the same fullUrl; that is allowed only for versions of one resource (bdl-7)."
ENDS = Issue(
    "value", "A fullUrl that is an address must end with the id of the resource.", ("Bundle.entry[0].fullUrl",)
)

REFUSED: dict[str, tuple[dict[str, Any], list[Issue]]] = {
    "no type": (
        {"resourceType": "Bundle", "total": 1, "entry": [{}]},
        [
            Issue("structure", "An object must not be empty; leave the element out.", ("Bundle.entry[0]",)),
            Issue("required", "type is missing; a Bundle needs it.", ("Bundle.type",)),
        ],
    ),
    "bdl-1": (
        _bundle("collection", total=0),
        [_invariant("Bundle.total", "Only a searchset or history Bundle has a total (bdl-1).")],
    ),
    "bdl-2": (
        _bundle("collection", {"resource": PATIENT, "search": {"mode": "match"}}),
        [_invariant("Bundle.entry[0].search", "Only entries of a searchset have search (bdl-2).")],
    ),
    "bdl-3, missing": (
        _bundle("transaction", {"resource": PATIENT}, {"resource": PATIENT, "request": POST}),
        [_invariant("Bundle.entry[0].request", "An entry of a transaction Bundle must have request (bdl-3).")],
    ),
    "bdl-3, too much": (
        _bundle("searchset", {"resource": PATIENT, "request": POST}),
        [_invariant("Bundle.entry[0].request", "An entry of a searchset Bundle must not have request (bdl-3).")],
    ),
    "bdl-4, missing": (
        _bundle("transaction-response", {"resource": PATIENT}),
        [
            _invariant(
                "Bundle.entry[0].response", "An entry of a transaction-response Bundle must have response (bdl-4)."
            )
        ],
    ),
    "bdl-4, too much": (
        _bundle("batch", {"resource": PATIENT, "request": POST, "response": OK}),
        [_invariant("Bundle.entry[0].response", "An entry of a batch Bundle must not have response (bdl-4).")],
    ),
    "bdl-3 and bdl-4 in a history": (
        _bundle("history", {"resource": PATIENT}),
        [
            _invariant("Bundle.entry[0].request", "An entry of a history Bundle must have request (bdl-3)."),
            _invariant("Bundle.entry[0].response", "An entry of a history Bundle must have response (bdl-4)."),
        ],
    ),
    "bdl-5": (
        _bundle("collection", {"fullUrl": URL}),
        [_invariant("Bundle.entry[0]", "An entry must have a resource, request or response (bdl-5).")],
    ),
    "bdl-7": (
        _bundle("collection", {"fullUrl": URL, "resource": PATIENT}, {"fullUrl": URL, "resource": PATIENT}),
        [_invariant("Bundle.entry[1].fullUrl", SAME)],
    ),
    "bdl-7, same version": (
        _bundle("collection", *[{"fullUrl": URL, "resource": {**PATIENT, "meta": {"versionId": "1"}}}] * 2),
        [_invariant("Bundle.entry[1].fullUrl", SAME)],
    ),
    "bdl-8": (
        _bundle("collection", {"fullUrl": URL + "/_history/1", "resource": PATIENT}),
        [_invariant("Bundle.entry[0].fullUrl", "A fullUrl must not name a version (bdl-8).")],
    ),
    "bdl-9, bdl-10, bdl-11": (
        _bundle("document", {"resource": PATIENT}, identifier={"value": "1"}),
        [
            _invariant("Bundle.identifier", "A document must have an identifier with system and value (bdl-9)."),
            _invariant("Bundle.timestamp", "A document must have a timestamp (bdl-10)."),
            _invariant("Bundle.entry", "The first resource of this Bundle must be a Composition (bdl-11)."),
        ],
    ),
    "bdl-11, nothing in it": (
        _bundle("document", **DOCUMENT),
        [_invariant("Bundle.entry", "The first resource of this Bundle must be a Composition (bdl-11).")],
    ),
    "bdl-12": (
        _bundle("message", {"resource": PATIENT}, {"resource": HEADER}),
        [_invariant("Bundle.entry", "The first resource of this Bundle must be a MessageHeader (bdl-12).")],
    ),
    "fullUrl that is relative": (
        _bundle("collection", {"fullUrl": "Patient/1", "resource": PATIENT}),
        [Issue("value", "A fullUrl must be absolute (http…, urn:uuid:…).", ("Bundle.entry[0].fullUrl",))],
    ),
    "fullUrl of another id": (_bundle("searchset", {"fullUrl": URL + "2", "resource": PATIENT}), [ENDS]),
    "a create without a resource": (
        _bundle("transaction", {"request": POST}),
        [
            Issue(
                "required",
                "An entry that creates or changes something needs its resource.",
                ("Bundle.entry[0].resource",),
            )
        ],
    ),
    "a resource with faults": (
        _bundle("collection", {"resource": {"resourceType": "Patient", "active": "yes"}}),
        [
            Issue(
                "structure",
                "This must be a boolean (true or false), not a string.",
                ("Bundle.entry[0].resource.active",),
            )
        ],
    ),
    "entries and parts of the wrong kind": (
        _bundle("transaction", 7, {"resource": 7, "request": 7, "fullUrl": 7}),  # type: ignore[arg-type]
        [
            Issue("structure", "This must be an object, not a number.", ("Bundle.entry[0]",)),
            Issue("structure", "This must be an object, not a number.", ("Bundle.entry[1].resource",)),
            Issue("structure", "This must be an object, not a number.", ("Bundle.entry[1].request",)),
            Issue("structure", "This must be a string, not a number.", ("Bundle.entry[1].fullUrl",)),
        ],
    ),
    "a type of the wrong kind": (
        {"resourceType": "Bundle", "type": 7},
        [Issue("structure", "This must be a string, not a number.", ("Bundle.type",))],
    ),
    "entries of the wrong kind": (
        {"resourceType": "Bundle", "type": "document", "entry": {}, **DOCUMENT},
        [
            Issue("structure", "This must be an array (this element repeats), not an object.", ("Bundle.entry",)),
            _invariant("Bundle.entry", "The first resource of this Bundle must be a Composition (bdl-11)."),
        ],
    ),
    "meta and identifier of the wrong kind": (
        _bundle("document", {"fullUrl": URL, "resource": {**COMPOSITION, "id": "1", "meta": 7}},
                identifier=7, timestamp="2020-01-01T00:00:00Z"),
        [
            Issue("structure", "This must be an object, not a number.", ("Bundle.identifier",)),
            Issue("structure", "This must be an object, not a number.", ("Bundle.entry[0].resource.meta",)),
            _invariant("Bundle.identifier", "A document must have an identifier with system and value (bdl-9)."),
        ],
    ),
}  # fmt: skip

ALLOWED: dict[str, dict[str, Any]] = {
    "empty": _bundle("collection"),
    "searchset": _bundle("searchset", {"fullUrl": URL, "resource": PATIENT, "search": {"mode": "match"}}, total=1),
    "history with deletions": _bundle(
        "history",
        {"fullUrl": URL, "request": {"method": "DELETE", "url": "Patient/1"}, "response": {"status": "204"}},
        {"fullUrl": URL, "resource": PATIENT, "request": {"method": "PUT", "url": "Patient/1"}, "response": OK},
        {"fullUrl": URL, "resource": PATIENT, "request": POST, "response": {"status": "201"}},
        total=3,
    ),
    "transaction": _bundle(
        "transaction",
        {"fullUrl": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "resource": PATIENT, "request": POST},
        {"fullUrl": "https://other.example.org/Patient/9", "resource": PATIENT, "request": POST},
        {"request": {"method": "GET", "url": "Patient/1"}},
        {"request": {"method": "DELETE", "url": "Patient/1"}},
    ),
    "two versions": _bundle(
        "collection",
        *({"fullUrl": URL, "resource": {**PATIENT, "meta": {"versionId": version}}} for version in ("1", "2")),
    ),
    "document": _bundle("document", {"fullUrl": "urn:uuid:1", "resource": COMPOSITION}, **DOCUMENT),
    "message": _bundle("message", {"resource": HEADER}, {"resource": PATIENT}),
    "responses": _bundle("batch-response", {"response": OK}, {"resource": PATIENT, "response": OK}),
    "a Bundle in a Bundle": _bundle("collection", {"resource": _bundle("searchset", total=0)}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_bundle_must_not_be_is_refused(name: str) -> None:
    data, expected = REFUSED[name]
    assert VALIDATOR.validate(data) == expected


@pytest.mark.parametrize("name", ALLOWED)
def test_what_a_bundle_may_be_is_allowed(name: str) -> None:
    assert VALIDATOR.validate(ALLOWED[name]) == []


def test_the_bundle_alone_can_be_checked() -> None:
    wrong = {"resourceType": "Patient", "active": "yes"}
    data = _bundle(
        "batch", {"resource": wrong}, {"resource": _bundle("collection", {"resource": wrong}), "request": POST}
    )
    assert VALIDATOR.validate(data, entries=False) == [
        _invariant("Bundle.entry[0].request", "An entry of a batch Bundle must have request (bdl-3).")
    ]
    no_object = _bundle("batch", {"resource": "Patient/1", "request": POST})
    assert VALIDATOR.validate(no_object, entries=False) == [
        Issue("structure", "This must be an object, not a string.", ("Bundle.entry[0].resource",))
    ]


@pytest.mark.parametrize("kind", ["batch", "transaction", "searchset", "collection"])
def test_the_samples_make_a_right_bundle(kind: str) -> None:
    assert VALIDATOR.validate(samples.bundle(kind, [make() for make in samples.ALL])) == []

"""An update cannot take a security label away."""

from fhir_server.model.json import Document, parse
from fhir_server.model.labels import document_with_kept_labels, with_kept_labels

RESTRICTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
    "code": "R",
    "display": "restricted",
}
CURRENT = (
    b'{"resourceType":"Patient","id":"1","meta":{"versionId":"1","security":['
    b'{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R","display":"restricted"},'
    b'{"display":"by hand"}]}}'
)


def _document(text: bytes) -> Document:
    return parse(text, max_bytes=len(text))


def test_labels_left_out_are_added_after_those_given() -> None:
    given = {"resourceType": "Patient", "meta": {"source": "s", "security": [{"system": "x", "code": "R"}]}}
    assert with_kept_labels(given, CURRENT) == {
        "resourceType": "Patient",
        "meta": {"source": "s", "security": [{"system": "x", "code": "R"}, RESTRICTED, {"display": "by hand"}]},
    }
    assert given["meta"] == {"source": "s", "security": [{"system": "x", "code": "R"}]}


def test_labels_given_again_are_not_doubled() -> None:
    system = RESTRICTED["system"]
    given = {"meta": {"security": [{"display": "by hand"}, {"system": system, "code": "R", "display": "another word"}]}}
    assert with_kept_labels(given, CURRENT) is given


def test_without_labels_nothing_changes() -> None:
    given = {"resourceType": "Patient"}
    assert with_kept_labels(given, b'{"resourceType":"Patient","meta":{"tag":[]}}') is given
    assert with_kept_labels(given, b'{"resourceType":"Patient","name":[{"text":"\\"security\\""}]}') is given


def test_a_word_that_looks_like_labels_changes_nothing() -> None:
    given = {"resourceType": "Patient"}
    assert (
        with_kept_labels(given, b'{"resourceType":"Patient","extension":[{"url":"security","security":[1]}]}') is given
    )


def test_the_rest_of_the_document_stays_as_it_was_spelled() -> None:
    document = _document(b'{"resourceType":"Patient","meta":{"source":"a\\/b"},"x":1.0e3}')
    kept = document_with_kept_labels(document, CURRENT)
    assert kept.text == (
        b'{"resourceType":"Patient","meta":{"source":"a\\/b","security":['
        b'{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R","display":"restricted"},'
        b'{"display":"by hand"}]},"x":1.0e3}'
    )
    assert kept == _document(kept.text)


def test_a_document_without_meta_gets_one() -> None:
    kept = document_with_kept_labels(_document(b'{"resourceType":"Patient"}'), CURRENT)
    assert kept == _document(kept.text)
    assert kept.data["meta"] == {"security": [RESTRICTED, {"display": "by hand"}]}


def test_a_document_that_keeps_its_labels_is_the_same_one() -> None:
    document = _document(CURRENT)
    assert document_with_kept_labels(document, CURRENT) is document

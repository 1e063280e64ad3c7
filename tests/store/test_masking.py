"""Masking: what is taken out of a body, what is not, and which criteria would read it."""

import pytest

from fhir_server.store.masking import mask, masked_in_all, reads_masked

PATIENT = (
    b'{"resourceType":"Patient","id":"1","meta":{"versionId":"1"},"text":{"status":"generated","div":"<div/>"},'
    b'"birthDate":"1940","_birthDate":{"extension":[{"url":"u","valueCode":"x"}]},"deceasedBoolean":false,'
    b'"address":[{"use":"home","line":["1 High St"]}],"multipleBirthInteger":2,'
    b'"contact":[{"telecom":[{"value":"0113"}]},{"name":{"text":"B"},"telecom":[{"value":"0114"}]}]}'
)


def test_nothing_masked_leaves_the_bytes() -> None:
    assert mask(PATIENT, frozenset()) == (PATIENT, frozenset())
    assert mask(PATIENT, frozenset(("Observation.value",))) == (PATIENT, frozenset())


def test_an_element_goes_with_its_extensions_and_the_narrative() -> None:
    body, removed = mask(PATIENT, frozenset(("Patient.birthDate",)))
    assert removed == {"Patient.birthDate", "Patient.text"}
    assert b"birthDate" not in body
    assert b'"text":{"status"' not in body
    assert b"1 High St" in body


@pytest.mark.parametrize("path", ["Patient.deceased", "Patient.deceased[x]"])
def test_a_choice_goes_whatever_its_type(path: str) -> None:
    body, removed = mask(PATIENT, frozenset((path,)))
    assert b"deceased" not in body
    assert path in removed


def test_a_name_that_only_begins_alike_stays() -> None:
    source = b'{"resourceType":"Encounter","id":"1","status":"x","statusHistory":[{"status":"y"}],"classHistory":[]}'
    body, removed = mask(source, frozenset(("Encounter.status", "Encounter.class")))
    assert body == b'{"resourceType":"Encounter","id":"1","statusHistory":[{"status":"y"}],"classHistory":[]}'
    assert removed == {"Encounter.status"}


def test_below_an_element_what_becomes_empty_goes_too() -> None:
    body, removed = mask(PATIENT, frozenset(("Patient.contact.telecom", "Patient.address.line")))
    assert b'"contact":[{"name":{"text":"B"}}]' in body
    assert b'"address":[{"use":"home"}]' in body
    assert b"011" not in body
    assert removed == {"Patient.contact.telecom", "Patient.address.line", "Patient.text"}
    alone, _ = mask(
        b'{"resourceType":"Patient","id":"1","contact":[{"telecom":[{"value":"0"}]}]}',
        frozenset(("Patient.contact.telecom",)),
    )
    assert alone == b'{"resourceType":"Patient","id":"1"}'


def test_the_places_of_primitives_in_an_array_are_kept() -> None:
    source = b'{"resourceType":"Patient","id":"1","x":[{"given":["A","B"],"_given":[{"id":"m"},{"extension":[]}]}]}'
    body, _ = mask(source, frozenset(("Patient.x.given.id",)))
    assert body == b'{"resourceType":"Patient","id":"1","x":[{"given":["A","B"],"_given":[null,{"extension":[]}]}]}'


def test_decimals_keep_their_precision() -> None:
    source = b'{"resourceType":"Observation","id":"1","valueQuantity":{"value":1.10},"note":"x","code":0.010}'
    body, _ = mask(source, frozenset(("Observation.note",)))
    assert body == b'{"resourceType":"Observation","id":"1","valueQuantity":{"value":1.10},"code":0.010}'


def test_a_contained_resource_is_masked_by_its_own_type() -> None:
    person = b'{"resourceType":"Patient","id":"p","address":[{"city":"Leeds"}]}'
    source = b'{"resourceType":"Observation","id":"1","contained":[' + person + b"]}"
    body, removed = mask(source, frozenset(("Patient.address",)))
    assert body == b'{"resourceType":"Observation","id":"1","contained":[{"resourceType":"Patient","id":"p"}]}'
    assert removed == {"Patient.address"}


def test_the_type_and_the_id_stay() -> None:
    body, removed = mask(b'{"resourceType":"Patient","id":"1"}', frozenset(("Patient.id", "Patient.resourceType")))
    assert (body, removed) == (b'{"resourceType":"Patient","id":"1"}', frozenset())


@pytest.mark.parametrize(
    ("elements", "masked", "reads"),
    [
        (("Patient.address",), ("Patient.address",), True),
        (("Patient.address.city",), ("Patient.address",), True),
        (("Patient.address",), ("Patient.address.city",), True),
        (("Observation.value",), ("Observation.value[x]",), True),
        (("Patient.addressed",), ("Patient.address",), False),
        (("Patient.name",), ("Patient.address",), False),
        ((), ("Patient.address",), False),
        (("Patient.name",), (), False),
    ],
)
def test_which_criteria_read_what_is_masked(elements: tuple[str, ...], masked: tuple[str, ...], reads: bool) -> None:
    assert reads_masked(elements, masked) is reads


def test_masked_is_what_every_rule_masks() -> None:
    wide, narrow, other = frozenset(("A.x",)), frozenset(("A.x.y", "A.z")), frozenset(("A.z",))
    assert masked_in_all([wide]) == wide
    assert masked_in_all([wide, narrow]) == {"A.x.y"}
    assert masked_in_all([narrow, other]) == {"A.z"}
    assert masked_in_all([wide, other]) == frozenset()
    assert masked_in_all([wide, frozenset()]) == frozenset()
    assert masked_in_all([]) == frozenset()

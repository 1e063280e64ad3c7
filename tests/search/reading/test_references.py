"""The text of references."""

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.search.reading.references import is_id, is_versioned, reference_reader, type_in_reference

read = reference_reader(r4(), "https://here.example/fhir")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Patient/1", ("Patient", "1")),
        ("Patient/1/_history/3", ("Patient", "1")),
        ("https://here.example/fhir/Patient/1", ("Patient", "1")),
        ("https://here.example/fhir/Patient/1/_history/3", ("Patient", "1")),
        ("https://there.example/fhir/Patient/1", ("", "https://there.example/fhir/Patient/1")),
        ("https://there.example/fhir/Patient/1/_history/3", ("", "https://there.example/fhir/Patient/1")),
        ("https://here.example/fhirPatient/1", ("", "https://here.example/fhirPatient/1")),
        ("http://here.example/fhir/Patient/1", ("", "http://here.example/fhir/Patient/1")),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", ("", "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0")),
        ("Patients/1", ("", "Patients/1")),
        ("Patient/" + "a" * 65, ("", "Patient/" + "a" * 65)),
        ("Patient/1 ", ("", "Patient/1 ")),
        ("#contained", None),
        ("#", None),
        ("", None),
    ],
)
def test_what_a_reference_points_at(text: str, found: tuple[str, str] | None) -> None:
    assert read(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Patient/1", "Patient"),
        ("https://there.example/fhir/Group/1/_history/2", "Group"),
        ("Patient?identifier=http://a|1", "Patient"),
        ("Foo/1", None),
        ("urn:uuid:1", None),
        ("Patient", None),
        ("", None),
    ],
)
def test_the_type_in_a_reference(text: str, found: str | None) -> None:
    assert type_in_reference(text, r4()) == found


def test_ids_and_versions() -> None:
    assert [is_id(text) for text in ("a-1.B", "a" * 64, "a" * 65, "a/b", "", "a\n")] == [True, True] + [False] * 4
    assert [is_versioned(text) for text in ("Patient/1/_history/1", "Patient/1", "_history/1")] == [True, False, False]

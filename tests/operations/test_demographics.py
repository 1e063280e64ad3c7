"""Who is the same person: pure, by its rules."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.operations.demographics import (
    Demographics,
    differing,
    is_known_person,
    is_same_person,
    of_patient,
    of_person,
)
from mappers.mapper import Person

PERSON = Person("1", None, "1938-02-11", "female", (("Penhallow", "Morwenna"),), "ZZ999ZZ")
PATIENT = {
    "resourceType": "Patient",
    "birthDate": "1938-02-11",
    "gender": "female",
    "name": [{"family": "PENHALLOW", "given": ["morwenna", "Jane"]}],
    "address": [{"postalCode": "zz99 9zz"}],
}


def _here(**changed: object) -> Demographics:
    return of_patient({**PATIENT, **changed})


def test_case_accents_and_spaces_are_no_difference() -> None:
    here = _here(name=[{"family": " Pénhallow "}, {"given": ["MORWENNA"]}])
    assert differing(of_person(PERSON), here) == ()
    assert is_known_person(of_person(PERSON), here)
    assert is_same_person(of_person(PERSON), here)


@pytest.mark.parametrize(
    ("changed", "fields", "known", "same"),
    [
        ({}, (), True, True),
        ({"name": [{"family": "Tregarthen", "given": ["Morwenna"]}]}, ("name.family",), True, True),
        (
            {"name": [{"family": "Tregarthen", "given": ["Morwenna"]}], "address": [{"postalCode": "YY1 1YY"}]},
            ("name.family", "address.postalCode"),
            True,
            False,
        ),
        ({"name": [{"family": "Penhallow", "given": ["Demelza"]}]}, ("name.given",), True, True),
        ({"birthDate": "1938-11-02"}, ("birthDate",), True, False),
        ({"gender": "male"}, ("gender",), True, False),
        ({"gender": "unknown"}, (), True, True),
        ({"birthDate": None}, (), True, False),
        ({"gender": "male", "name": [{"family": "Penhallow", "given": ["Denzil"]}]}, None, False, False),
        ({"birthDate": "1940-01-01", "name": [{"family": "Penhallow", "given": ["Denzil"]}]}, None, False, False),
        ({"name": [{"family": "Tregarthen", "given": ["Denzil"]}]}, None, False, False),
    ],
)
def test_the_rules(changed: dict[str, object], fields: tuple[str, ...] | None, known: bool, same: bool) -> None:
    here = _here(**changed)
    there = of_person(PERSON)
    if fields is not None:
        assert differing(there, here) == fields
    assert (is_known_person(there, here), is_same_person(there, here)) == (known, same)


def test_one_difference_needs_two_agreements() -> None:
    here = _here(birthDate=None, gender=None, name=[{"family": "Tregarthen", "given": ["Morwenna"]}])
    assert not is_known_person(of_person(PERSON), here)


def test_a_former_name_counts() -> None:
    here = _here(name=[{"family": "Tregarthen", "given": ["Morwenna"]}, {"use": "old", "family": "Penhallow"}])
    assert differing(of_person(PERSON), here) == ()


TEXT = st.sampled_from(["a", "b", "c"])
DEMOGRAPHICS = st.builds(
    Demographics,
    st.none() | TEXT,
    st.none() | TEXT,
    st.frozensets(TEXT),
    st.frozensets(TEXT),
    st.frozensets(TEXT),
)


@given(DEMOGRAPHICS, DEMOGRAPHICS)
def test_it_does_not_matter_who_is_compared_with_whom(one: Demographics, other: Demographics) -> None:
    assert differing(one, other) == differing(other, one)
    assert is_known_person(one, other) == is_known_person(other, one)
    assert is_same_person(one, other) == is_same_person(other, one)


@given(DEMOGRAPHICS)
def test_nobody_differs_from_themselves(one: Demographics) -> None:
    assert differing(one, one) == ()
    assert is_known_person(one, one)


@given(DEMOGRAPHICS, DEMOGRAPHICS)
def test_two_differences_are_always_somebody_else(one: Demographics, other: Demographics) -> None:
    fields = set(differing(one, other)) - {"address.postalCode"}
    if len(fields) > 1:
        assert not is_known_person(one, other)


@given(DEMOGRAPHICS, DEMOGRAPHICS)
def test_nobody_joins_without_the_same_day_of_birth(one: Demographics, other: Demographics) -> None:
    if one.birth_date != other.birth_date or one.birth_date is None:
        assert not is_same_person(one, other)


@given(DEMOGRAPHICS)
def test_silence_is_no_difference(one: Demographics) -> None:
    silent = replace(one, birth_date=None, gender=None, families=frozenset(), givens=frozenset(), postcodes=frozenset())
    assert differing(one, silent) == ()
    assert not is_same_person(one, silent)

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.bench import records
from fhir_server.definitions.definitions import r4
from fhir_server.model.json import parse
from fhir_server.validation import Validator


@given(st.integers(0, 499_999))
def test_nhs_numbers_are_valid_and_of_the_test_range(number: int) -> None:
    made = records.nhs_number(number)
    assert len(made) == 10
    assert made.startswith("999")
    check = 11 - sum(int(digit) * weight for digit, weight in zip(made[:9], range(10, 1, -1), strict=True)) % 11
    assert made[9] == str(check % 11)


def test_nhs_numbers_do_not_repeat() -> None:
    assert len({records.nhs_number(number) for number in range(20_000)}) == 20_000


def test_the_record_is_valid_and_of_a_usual_size() -> None:
    validator = Validator(r4())
    for number in range(40):
        for resource in (records.patient(number), records.blood_pressure(number, "Patient/1")):
            body = records.as_bytes(resource)
            assert validator.validate(parse(body, max_bytes=len(body)).data) == []
    for resource in (records.patient(1), records.blood_pressure(1, "Patient/1")):
        assert 1_800 < len(records.as_bytes(resource)) < 2_300

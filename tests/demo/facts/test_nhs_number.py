"""NHS numbers of the test range: valid, and one for each resident."""

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.demo.facts.nhs_number import check_digit, nhs_number
from fhir_server.model.nhs_number import is_valid


def test_check_digits_of_known_numbers() -> None:
    # Valid ones of public test systems; two samples that are published although their check digit is wrong.
    assert all(is_valid(number) for number in ("9000000009", "9912003888", "9465698490"))
    assert not any(is_valid(number) for number in ("9999999991", "9999999998"))
    assert not any(is_valid(text) for text in ("", "900000000", "90000000090", "900 000 0009", "٩٠٠٠٠٠٠٠٠٩"))


def test_nine_digits_that_leave_ten_have_no_check_digit() -> None:
    without = [nine for nine in range(999_000_000, 999_001_000) if check_digit(str(nine)) is None]
    assert len(without) in range(80, 101)


def test_twenty_thousand_residents_have_twenty_thousand_numbers() -> None:
    numbers = {nhs_number(1, index) for index in range(1, 20_001)}
    assert len(numbers) == 20_000
    assert all(is_valid(number) and number.startswith("999") for number in numbers)


@given(seed=st.integers(0, 2**32), index=st.integers(1, 100_000), other=st.integers(1, 100_000))
def test_two_residents_never_share_a_number(seed: int, index: int, other: int) -> None:
    assert is_valid(nhs_number(seed, index))
    assert "9990000000" <= nhs_number(seed, index) <= "9999999999"
    assert (nhs_number(seed, index) == nhs_number(seed, other)) is (index == other)

"""The official FHIRPath suite for R4: at least 98 % pass, and those that do not are listed with the reason."""

import pytest

from tests.fhirpath.official import Case, cases, fault, resource
from tests.public_data import folder

SUITE = folder("fhir-test-cases/r4/fhirpath/tests-fhir-r4.xml")
INPUTS = folder("fhir-test-cases/r4")
CASES = cases(SUITE)
_WITHOUT_INPUT = "patient-example.xml"

_TRUNCATED = "the suite cuts the digits off; the boundary to one digit is the one that still bounds the value"
_SECONDS = "the suite fills the seconds of an hour without minutes; the hour ends at 59 minutes"
NOT_PASSED = {
    "testDollarOrderNotAllowed": "children() has the order of the definitions here, so skip() has a meaning",
    "testPlusDate19": "the language uses the parts of seconds in a sum; the suite drops them",
    "LowBoundaryDecimal15": _TRUNCATED,
    "HighBoundaryDecimal15": _TRUNCATED,
    "HighBoundaryDecimal16": _TRUNCATED,
    "HighBoundaryDateTimeMillisecond1": _SECONDS,
    "HighBoundaryDateTimeMillisecond3": _SECONDS,
    "Comparable2": "'[s]' is no unit of UCUM, and a literal with such a unit is refused when it is compiled",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    found = fault(case, resource(INPUTS / (case.input or _WITHOUT_INPUT)))
    if case.name in NOT_PASSED:
        assert found is not None, "passes now: take it from the list"
    else:
        assert found is None


def test_nearly_all_pass() -> None:
    assert len(CASES) == 935
    assert NOT_PASSED.keys() <= {case.name for case in CASES}
    assert len(NOT_PASSED) <= 0.02 * len(CASES)

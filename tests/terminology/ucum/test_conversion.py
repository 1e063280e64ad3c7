"""Values in base units and in other units, exactly."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.ucum import canonical, convert
from terminology.ucum.essence import essence
from tests.public_data import folder

NUMBERS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=6)
PLAIN = st.sampled_from(sorted(code for code, unit in essence().units.items() if unit.special is None))


@pytest.mark.parametrize(
    ("value", "code", "base"),
    [
        ("5.4", "mg", (Fraction("0.0054"), "g")),
        ("0.0054", "g", (Fraction("0.0054"), "g")),
        ("37", "Cel", (Fraction("310.15"), "K")),
        ("98.6", "[degF]", (Fraction("310.15"), "K")),
        ("120", "mm[Hg]", (Fraction("15998640"), "g.m-1.s-2")),
        ("70", "{beats}/min", (Fraction(7, 6), "s-1")),
        ("5", "%", (Fraction(1, 20), "1")),
        ("1", "{score}", (Fraction(1), "1")),
        ("2", "[iU]/mL", (Fraction(2_000_000), "[iU].m-3")),
        ("7.4", "[pH]", None),
        ("3", "dB", None),
        ("1", "mmHg", None),
        ("NaN", "g", None),
        ("1e999999", "g", None),
    ],
)
def test_canonical(value: str, code: str, base: tuple[Fraction, str] | None) -> None:
    assert canonical(Decimal(value), code) == base


@pytest.mark.parametrize(
    ("value", "code", "to", "expected"),
    [
        ("6.3", "4.s/m", "s/m", "25.2"),
        ("6.3", "s/4/m", "s/m", "1.575"),
        ("6.3", "s/m.mg", "s.m-1.g", "0.0063"),
        ("6.3", "s.mm-2", "s.m-2", "6300000"),
        ("1", "m[Hg]", "g.s-2.m-1", "133322000"),
        ("1", "[ly]", "cm", "946073047258080000"),
        ("6.3", "g.m.s-2.A-2", "g.m.C-2", "6.3"),
        ("1", "S", "g-1.m-2.C2.s", "0.001"),
        ("1", "[in_i]", "cm", "2.54"),
        ("1", "[lb_av]", "kg", "0.45359237"),
        ("212", "[degF]", "Cel", "100"),
        ("100", "Cel", "[degF]", "212"),
        ("80", "[degRe]", "Cel", "100"),
    ],
)
def test_convert(value: str, code: str, to: str, expected: str) -> None:
    assert convert(Decimal(value), code, to) == Fraction(expected)


@pytest.mark.parametrize(
    ("code", "to"),
    [("kg", "m"), ("mg/dL", "mmol/L"), ("[iU]", "mg"), ("[iU]", "1"), ("[iU]", "[arb'U]"), ("dB", "%"), ("mol", "g")],
)
def test_what_does_not_measure_the_same_is_not_converted(code: str, to: str) -> None:
    assert convert(Decimal(1), code, to) is None


@given(NUMBERS, PLAIN, PLAIN)
def test_there_and_back(value: Decimal, code: str, to: str) -> None:
    there = convert(value, code, to)
    if there is not None:
        one, other = canonical(value, code), canonical(Decimal(1), to)
        assert one is not None
        assert other is not None
        assert there * other[0] == one[0]


@given(NUMBERS, NUMBERS, PLAIN)
def test_order_is_kept(one: Decimal, two: Decimal, code: str) -> None:
    left, right = canonical(one, code), canonical(two, code)
    assert left is not None
    assert right is not None
    assert (left[0] < right[0]) == (one < two)


def test_the_official_cases() -> None:
    """The functional tests of the reference implementation, where their XML is there. Its outcomes are rounded to the
    precision of what goes in; ours are exact, so they are compared at the outcome's own precision."""
    file = folder("ucum/UcumFunctionalTests.xml")
    text = file.read_text(encoding="utf-8")
    if "<ucumTests" not in text:
        pytest.skip("the folder has the Java source of the test under this name, not its cases")
    from xml.etree import ElementTree

    root = ElementTree.fromstring(text)
    wrong = []
    for case in root.iter("case"):
        if "valid" in case.attrib and case.attrib["unit"]:
            known = canonical(Decimal(1), case.attrib["unit"]) is not None or _is_special(case.attrib["unit"])
            if known != (case.attrib["valid"] == "true"):
                wrong.append(case.attrib["id"])
        if "outcome" in case.attrib:
            found = convert(Decimal(case.attrib["value"]), case.attrib["srcUnit"], case.attrib["dstUnit"])
            outcome = Decimal(case.attrib["outcome"])
            size = Fraction(10) ** int(outcome.as_tuple().exponent)
            if found is None or abs(found - Fraction(outcome)) > size:
                wrong.append(case.attrib["id"])
    assert wrong == []


def _is_special(code: str) -> bool:
    from terminology.ucum import UcumError, parse

    try:
        return parse(code).special is not None
    except UcumError:
        return False

"""NEWS2 against the scoring table of the Royal College of Physicians, value by value."""

from dataclasses import replace
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.demo.facts.news2 import Consciousness, Points, Vitals, points

WELL = Vitals(
    respiratory_rate=16,
    saturation=97,
    oxygen=None,
    systolic=128,
    diastolic=74,
    pulse=72,
    consciousness="A",
    temperature=Decimal("36.8"),
)
NOTHING = Points(0, 0, 0, 0, 0, 0, 0)

# The printed table: (from, to, points), both ends included.
RESPIRATORY_RATE = [(1, 8, 3), (9, 11, 1), (12, 20, 0), (21, 24, 2), (25, 60, 3)]
SATURATION_1 = [(50, 91, 3), (92, 93, 2), (94, 95, 1), (96, 100, 0)]
SATURATION_2_AIR = [(50, 83, 3), (84, 85, 2), (86, 87, 1), (88, 100, 0)]
SATURATION_2_OXYGEN = [(50, 83, 3), (84, 85, 2), (86, 87, 1), (88, 92, 0), (93, 94, 1), (95, 96, 2), (97, 100, 3)]
SYSTOLIC = [(40, 90, 3), (91, 100, 2), (101, 110, 1), (111, 219, 0), (220, 280, 3)]
PULSE = [(20, 40, 3), (41, 50, 1), (51, 90, 0), (91, 110, 1), (111, 130, 2), (131, 220, 3)]
TENTHS = [(300, 350, 3), (351, 360, 1), (361, 380, 0), (381, 390, 1), (391, 430, 2)]
Table = list[tuple[int, int, int]]


def rows(table: Table) -> list[tuple[int, int]]:
    """Every value of a table with its points."""
    return [(value, score) for low, high, score in table for value in range(low, high + 1)]


@pytest.mark.parametrize(("value", "score"), rows(RESPIRATORY_RATE))
def test_respiratory_rate(value: int, score: int) -> None:
    assert points(replace(WELL, respiratory_rate=value)) == replace(NOTHING, respiratory_rate=score)


@pytest.mark.parametrize(
    ("scale", "oxygen", "table"),
    [(1, None, SATURATION_1), (1, 2, SATURATION_1), (2, None, SATURATION_2_AIR), (2, 2, SATURATION_2_OXYGEN)],
)
def test_saturation(scale: Literal[1, 2], oxygen: int | None, table: Table) -> None:
    for value, score in rows(table):
        vitals = replace(WELL, saturation=value, oxygen=oxygen, saturation_scale=scale)
        assert points(vitals) == replace(NOTHING, saturation=score, oxygen=0 if oxygen is None else 2), value


@pytest.mark.parametrize(("value", "score"), rows(SYSTOLIC))
def test_systolic(value: int, score: int) -> None:
    assert points(replace(WELL, systolic=value)) == replace(NOTHING, systolic=score)


@pytest.mark.parametrize(("value", "score"), rows(PULSE))
def test_pulse(value: int, score: int) -> None:
    assert points(replace(WELL, pulse=value)) == replace(NOTHING, pulse=score)


@pytest.mark.parametrize(("tenths", "score"), rows(TENTHS))
def test_temperature(tenths: int, score: int) -> None:
    assert points(replace(WELL, temperature=Decimal(tenths).scaleb(-1))) == replace(NOTHING, temperature=score)


def test_temperature_of_37_5_scores_nothing() -> None:
    """A published example gives it a point; the table does not."""
    example = Vitals(21, 93, None, 120, 60, 95, "A", Decimal("37.5"))
    assert points(example) == Points(2, 2, 0, 0, 1, 0, 0)
    assert points(example).total == 5


@pytest.mark.parametrize(("level", "score"), [("A", 0), ("C", 3), ("V", 3), ("P", 3), ("U", 3)])
def test_consciousness(level: Consciousness, score: int) -> None:
    scored = points(replace(WELL, consciousness=level))
    assert scored == replace(NOTHING, consciousness=score)
    assert scored.any_three is (score == 3)


def test_the_worst_set_scores_twenty() -> None:
    worst = points(Vitals(30, 80, 15, 80, 40, 140, "U", Decimal("39.5")))
    assert worst == Points(3, 3, 2, 3, 3, 3, 2)
    assert worst.total == 19
    assert points(replace(WELL, temperature=Decimal("34.0"))).total == 3
    assert points(Vitals(30, 80, 15, 80, 40, 140, "U", Decimal("34.9"))).total == 20


@given(
    st.builds(
        Vitals,
        respiratory_rate=st.integers(1, 60),
        saturation=st.integers(50, 100),
        oxygen=st.none() | st.integers(1, 15),
        systolic=st.integers(40, 280),
        diastolic=st.integers(20, 140),
        pulse=st.integers(20, 220),
        consciousness=st.sampled_from("ACVPU"),
        temperature=st.integers(300, 430).map(lambda tenths: Decimal(tenths).scaleb(-1)),
        saturation_scale=st.sampled_from((1, 2)),
    )
)
def test_any_set_has_a_total_of_its_sub_scores(vitals: Vitals) -> None:
    scored = points(vitals)
    each = [getattr(scored, name) for name in Points.__dataclass_fields__]
    assert all(0 <= one <= 3 for one in each)
    assert scored.total == sum(each)
    assert 0 <= scored.total <= 20
    assert scored.any_three is (3 in each)

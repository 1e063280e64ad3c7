"""The facts of a year: stories that are there, told as a nurse would know them, and nothing absurd."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.demo.facts import stories
from fhir_server.demo.facts.news2 import points
from fhir_server.demo.facts.physiology import latest_weight, looks, usual, weights
from fhir_server.demo.facts.problems import COPD
from fhir_server.demo.facts.residents import Resident, resident
from fhir_server.demo.facts.stories import Story

TODAY = date(2026, 3, 31)
SEEDS = range(8)


def those_with(*wanted: Story) -> list[Resident]:
    """Residents of several seeds whose story is one of these."""
    found = [resident(seed, index, TODAY) for seed in SEEDS for index in range(1, 61)]
    return [one for one in found if one.story in wanted]


def totals(one: Resident) -> list[tuple[int, int, int]]:
    """(day, severity, NEWS2 total) of every full set."""
    return [(look.day, look.severity, points(look.vitals).total) for look in looks(one)]


def test_every_twenty_residents_show_every_story() -> None:
    everyone = {one for one in vars(stories).values() if isinstance(one, Story)}
    assert {resident(1, index, TODAY).story for index in range(1, 21)} == everyone


@given(seed=st.integers(0, 10_000), index=st.integers(1, 20_000))
@settings(max_examples=150, deadline=None)
def test_no_value_is_absurd(seed: int, index: int) -> None:
    one = resident(seed, index, TODAY)
    for look in looks(one):
        vitals = look.vitals
        assert 10 <= vitals.respiratory_rate <= 32
        assert 83 <= vitals.saturation <= 99
        assert 50 <= vitals.pulse <= 125
        assert 84 <= vitals.systolic <= 168
        assert 45 <= vitals.diastolic <= vitals.systolic - 30
        assert Decimal("35.8") <= vitals.temperature <= Decimal("39.2")
        assert vitals.temperature.as_tuple().exponent == -1
        assert vitals.saturation_scale == 1 or one.has(COPD)
        assert look.day <= one.until
        assert 180 <= look.minute < 1440
    for day, tenths in weights(one):
        assert 360 <= tenths <= 905
        assert one.since <= day <= one.until


@given(seed=st.integers(0, 10_000), index=st.integers(1, 20_000))
@settings(max_examples=150, deadline=None)
def test_who_is_well_scores_low(seed: int, index: int) -> None:
    one = resident(seed, index, TODAY)
    well = [look for look in looks(one) if look.severity == 0]
    allowed = 5 if usual(one).oxygen else 3
    assert all(points(look.vitals).total <= allowed for look in well)
    assert not any(points(look.vitals).any_three for look in well)


def test_an_infection_rises_and_falls() -> None:
    for one in those_with(stories.CHEST, stories.URINE):
        ill = [total for _, severity, total in totals(one) if severity > 0]
        peak = ill.index(max(ill))
        assert max(ill) >= 3, one.id
        assert 2 <= peak <= 9, (one.id, ill)
        assert ill[0] <= max(ill) - 2
        assert ill[-1] <= 3 + (2 if usual(one).oxygen else 0)
        assert max(total for _, severity, total in totals(one) if severity == 0) < max(ill)
    for story in (stories.CHEST, stories.URINE):
        peaks = [max(total for _, _, total in totals(one)) for one in those_with(story)]
        assert sum(peak >= 5 for peak in peaks) > len(peaks) * 0.8


def test_confusion_comes_with_the_urine_infection() -> None:
    for one in those_with(stories.URINE):
        assert {look.vitals.consciousness for look in looks(one) if look.severity > 80} == {"C"}
        assert {look.vitals.consciousness for look in looks(one) if look.severity < 40} == {"A"}


def test_somebody_is_unwell_now_and_getting_worse() -> None:
    for one in those_with(stories.CHEST_NOW):
        last = totals(one)[-5:]
        assert [day for day, _, _ in last] == [-2, -2, -1, -1, -1]
        assert last[-1][2] > last[0][2]


def test_weight_is_lost_in_the_second_half_of_the_year() -> None:
    for one in those_with(stories.WEIGHT_LOSS):
        monthly = [tenths for _, tenths in weights(one)]
        assert abs(monthly[5] - monthly[0]) <= 12
        lost = (monthly[0] - monthly[-1]) * 100 / monthly[0]
        assert 5 <= lost <= 15, (one.id, monthly)
        assert latest_weight(one) == monthly[-1]
    for one in those_with(stories.STEADY):
        monthly = [tenths for _, tenths in weights(one)]
        assert max(monthly) - min(monthly) <= 12


def test_frailty_never_falls_and_progresses_where_the_story_says() -> None:
    for one in those_with(*stories.TURN):
        days, levels = zip(*one.frailty, strict=True)
        assert list(levels) == sorted(levels)
        assert list(days) == sorted(days)
        assert levels[0] >= 5
        assert levels[-1] <= (9 if one.story.last_months else 8)
        assert levels[-1] - levels[0] <= one.story.frailty_steps
    assert all(one.frailty[-1][1] > one.frailty[0][1] for one in those_with(stories.FRAILER, stories.FALLS))
    assert all(one.frailty[-1][1] == 9 for one in those_with(stories.LAST_MONTHS, stories.DIED))


def test_who_moved_lived_in_both_homes_one_after_the_other() -> None:
    moved = those_with(stories.MOVED)
    assert len(moved) == 3 * len(SEEDS)
    for one in moved:
        first, second = one.stays
        assert {first.home, second.home} == {"home-a", "home-b"}
        assert first.last == second.first
        assert second.last is None
        assert one.home(second.first - 1) == first.home
        assert one.home(second.first) == one.home(-1) == second.home


@pytest.mark.parametrize("index", [24, 84])
def test_two_people_of_one_name_are_two_people(index: int) -> None:
    one, other = resident(1, index, TODAY).person, resident(1, index + 1, TODAY).person
    assert (one.given, one.family, one.gender) == (other.given, other.family, other.gender)
    assert one.namesake
    assert other.namesake
    assert one.nhs_number != other.nhs_number
    assert not resident(1, index + 2, TODAY).person.namesake

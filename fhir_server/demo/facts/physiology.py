"""Observations as a body makes them: a person's usual values, their daily spread, and what an illness adds.

Kept within what a living, frail person in a care home shows, so that nothing absurd stands in a record.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from fhir_server.demo.facts.draws import Draws
from fhir_server.demo.facts.news2 import Consciousness, Vitals
from fhir_server.demo.facts.problems import ATRIAL_FIBRILLATION, COPD, HYPERTENSION
from fhir_server.demo.facts.residents import COMFORT_ONLY_DAYS, YEAR, Resident
from fhir_server.demo.facts.stories import COURSE, WELL_AGAIN

LOWEST_SYSTOLIC = 84
"""Whoever has less is in hospital, not in the home."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for one person. `scale` 2 where the GP decided that 88 to 92 per cent is the aim (COPD)."""

    respiratory_rate: int
    saturation: int
    oxygen: int | None
    pulse: int
    tenths_of_temperature: int
    systolic: int
    diastolic: int
    scale: Literal[1, 2]


@dataclass(frozen=True, slots=True)
class Look:
    """One time that a resident is looked at: a full set, and how ill the person then is (per cent of the height)."""

    day: int
    minute: int
    vitals: Vitals
    severity: int


def usual(resident: Resident) -> Usual:
    """The usual values of a resident."""
    draws = Draws(resident.seed, resident.index, "usual")
    low_saturation = resident.has(COPD) and draws.chance(60)
    return Usual(
        respiratory_rate=draws.whole(16, 18) if resident.has(COPD) else draws.whole(14, 17),
        saturation=draws.whole(89, 91) if low_saturation else draws.whole(95, 97),
        oxygen=1 if low_saturation and draws.chance(30) else None,
        pulse=draws.whole(72, 84) if resident.has(ATRIAL_FIBRILLATION) else draws.whole(64, 84),
        tenths_of_temperature=draws.whole(363, 368),
        systolic=draws.whole(134, 152) if resident.has(HYPERTENSION) else draws.whole(114, 136),
        diastolic=draws.whole(66, 80),
        scale=2 if low_saturation else 1,
    )


def looks(resident: Resident) -> Iterator[Look]:
    """Every full set of the year, oldest first: one a month while well, two or three a day while ill."""
    draws = Draws(resident.seed, resident.index, "vital signs")
    normal, height = usual(resident), draws.whole(78, 100)
    for day, minute, severity in sorted(_times(resident, draws)):
        yield Look(day, minute, _vitals(resident, normal, severity * height // 100, draws), severity)


def weights(resident: Resident) -> Iterator[tuple[int, int]]:
    """The weight of each month as (day, tenths of a kilogram), oldest first."""
    draws = Draws(resident.seed, resident.index, "weight")
    loss = draws.whole(*resident.story.weight_loss)
    half = resident.until - YEAR // 2
    for day in range(resident.since + draws.whole(1, 6), _last_day(resident) + 1, 30):
        lost = resident.tenths_of_kilograms * loss * max(day - half, 0) // (100 * YEAR // 2)
        if resident.onset is not None and 2 <= day - resident.onset <= 30:
            lost += 12
        yield day, max(resident.tenths_of_kilograms - lost + draws.middling(-5, 5), 360)


def latest_weight(resident: Resident) -> int:
    """What the resident weighs at the end of the record, in tenths of a kilogram."""
    return next((tenths for _, tenths in reversed(list(weights(resident)))), resident.tenths_of_kilograms)


def _last_day(resident: Resident) -> int:
    """The last day on which somebody is weighed or woken for a full set."""
    return resident.until - (COMFORT_ONLY_DAYS if resident.died else 0)


def _times(resident: Resident, draws: Draws) -> Iterator[tuple[int, int, int]]:
    """(day, minute, severity) of each look, in no order."""
    last, onset = _last_day(resident), resident.onset
    if onset is not None:
        for day, minute, severity in COURSE:
            if onset + day <= last:
                yield onset + day, minute, severity
    for day in range(-draws.whole(3, 29), resident.since, -30):
        ill = onset is not None and onset - 1 <= day <= onset + WELL_AGAIN
        if day <= last and not ill:
            yield day, draws.whole(570, 690), 0


def _vitals(resident: Resident, normal: Usual, severity: int, draws: Draws) -> Vitals:
    illness = resident.story.illness

    def value(usual_value: int, spread: int, change: int) -> int:
        return usual_value + draws.middling(-spread, spread) + change * severity // 100

    systolic = max(value(normal.systolic, 8, illness.systolic if illness else 0), LOWEST_SYSTOLIC)
    tenths = value(normal.tenths_of_temperature, 2, illness.tenths_of_temperature if illness else 0)
    consciousness: Consciousness = "C" if illness and severity >= illness.confused_from else "A"
    return Vitals(
        respiratory_rate=value(normal.respiratory_rate, 1, illness.respiratory_rate if illness else 0),
        saturation=min(value(normal.saturation, 1, illness.saturation if illness else 0), 99),
        oxygen=normal.oxygen,
        systolic=systolic,
        diastolic=min(value(normal.diastolic, 5, 0) - severity // 10, systolic - 30),
        pulse=value(normal.pulse, 5, illness.pulse if illness else 0),
        consciousness=consciousness,
        temperature=Decimal(tenths).scaleb(-1),
        saturation_scale=normal.scale,
    )

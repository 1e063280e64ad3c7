"""NEWS2, the National Early Warning Score 2 of the Royal College of Physicians: points for a full set of observations.

The limits are those of the RCP's scoring table (2017). The score is for people of 16 and over, not in pregnancy. Scale
2 for oxygen saturation applies only where a clinician has recorded that decision for the person. There is no total for
an incomplete set: `Vitals` cannot be made without every value.
"""

from bisect import bisect_left
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Consciousness = Literal["A", "C", "V", "P", "U"]


@dataclass(frozen=True, slots=True)
class Vitals:
    """One full set. Rates a minute, saturation in per cent, pressures in mm[Hg], temperature in Cel; `oxygen` is litres
    a minute, None on air."""

    respiratory_rate: int
    saturation: int
    oxygen: int | None
    systolic: int
    diastolic: int
    pulse: int
    consciousness: Consciousness
    temperature: Decimal
    saturation_scale: Literal[1, 2] = 1


@dataclass(frozen=True, slots=True)
class Points:
    """The seven sub-scores, each 0 to 3."""

    respiratory_rate: int
    saturation: int
    oxygen: int
    systolic: int
    pulse: int
    consciousness: int
    temperature: int

    @property
    def total(self) -> int:
        """The aggregate score, 0 to 20."""
        return (
            self.respiratory_rate
            + self.saturation
            + self.oxygen
            + self.systolic
            + self.pulse
            + self.consciousness
            + self.temperature
        )

    @property
    def any_three(self) -> bool:
        """Whether one observation alone has three points, which asks for an urgent review whatever the total."""
        return 3 in (
            self.respiratory_rate,
            self.saturation,
            self.systolic,
            self.pulse,
            self.consciousness,
            self.temperature,
        )


Bands = tuple[tuple[int, ...], tuple[int, ...]]
"""(the highest value of each band but the last, the points of each band)"""

RESPIRATORY_RATE: Bands = (8, 11, 20, 24), (3, 1, 0, 2, 3)
SATURATION_1: Bands = (91, 93, 95), (3, 2, 1, 0)
SATURATION_2_AIR: Bands = (83, 85, 87), (3, 2, 1, 0)
SATURATION_2_OXYGEN: Bands = (83, 85, 87, 92, 94, 96), (3, 2, 1, 0, 1, 2, 3)
SYSTOLIC: Bands = (90, 100, 110, 219), (3, 2, 1, 0, 3)
PULSE: Bands = (40, 50, 90, 110, 130), (3, 1, 0, 1, 2, 3)
TENTHS_OF_TEMPERATURE: Bands = (350, 360, 380, 390), (3, 1, 0, 1, 2)


def points(vitals: Vitals) -> Points:
    """The sub-scores of a set; their sum is the NEWS2 total."""
    if vitals.saturation_scale == 1:
        saturation = SATURATION_1
    else:
        saturation = SATURATION_2_AIR if vitals.oxygen is None else SATURATION_2_OXYGEN
    return Points(
        respiratory_rate=_in(RESPIRATORY_RATE, vitals.respiratory_rate),
        saturation=_in(saturation, vitals.saturation),
        oxygen=0 if vitals.oxygen is None else 2,
        systolic=_in(SYSTOLIC, vitals.systolic),
        pulse=_in(PULSE, vitals.pulse),
        consciousness=0 if vitals.consciousness == "A" else 3,
        temperature=_in(TENTHS_OF_TEMPERATURE, vitals.temperature * 10),
    )


def _in(bands: Bands, value: int | Decimal) -> int:
    highest, scores = bands
    return scores[bisect_left(highest, value)]

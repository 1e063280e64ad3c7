"""What happens to a resident in the year: stories that a nurse knows, dealt out in turn.

In each twenty residents the same stories occur, so that every demo of twenty or more shows them all.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Illness:
    """An acute illness: what it adds to each observation at its height, and what it is.

    Rates a minute, per cent, mm[Hg], tenths of a degree. From `confused_from` per cent of the height on the person is
    newly confused.
    """

    name: str
    code: str
    display: str
    respiratory_rate: int
    saturation: int
    pulse: int
    tenths_of_temperature: int
    systolic: int
    confused_from: int


CHEST_INFECTION = Illness(
    "Chest infection", "50417007", "Lower respiratory tract infection", 10, -5, 26, 19, -14, confused_from=101
)
URINE_INFECTION = Illness(
    "Urine infection", "68566005", "Urinary tract infectious disease", 5, -2, 27, 21, -26, confused_from=55
)

COURSE = (
    (0, 610, 25),
    (0, 1205, 45),
    (1, 490, 70),
    (1, 845, 85),
    (1, 1215, 100),
    (2, 485, 95),
    (2, 840, 90),
    (2, 1210, 80),
    (3, 495, 65),
    (3, 1200, 55),
    (4, 500, 40),
    (4, 1195, 30),
    (5, 605, 20),
    (6, 600, 12),
    (8, 615, 5),
)
"""When a sick resident is looked at: (day of the illness, minute of the day, per cent of its height)."""

TREATED_FROM = 1
"""The day of the illness on which the antibiotic is begun."""

WELL_AGAIN = 9
"""The day of the illness on which it is noted as over."""


@dataclass(frozen=True, slots=True)
class Story:
    """One course of events. `onset` and `ending` are (from, to) in days before today; `weight_loss` is the part of the
    body weight, in per cent, that is lost over the second half of the year; `frailty_steps` the levels by which the
    Clinical Frailty Scale rises in the year."""

    name: str
    illness: Illness | None = None
    onset: tuple[int, int] = (0, 0)
    weight_loss: tuple[int, int] = (0, 0)
    frailty_steps: int = 0
    falls: bool = False
    moved: bool = False
    last_months: bool = False
    ending: tuple[int, int] | None = None


STEADY = Story("steady")
CHEST = Story("chest infection, recovered", CHEST_INFECTION, onset=(30, 80))
CHEST_NOW = Story("chest infection, now", CHEST_INFECTION, onset=(2, 2))
URINE = Story("urine infection with confusion, recovered", URINE_INFECTION, onset=(40, 150))
WEIGHT_LOSS = Story("losing weight", weight_loss=(9, 13), frailty_steps=1)
FRAILER = Story("frailty progressing", weight_loss=(2, 4), frailty_steps=2)
FALLS = Story("falls", frailty_steps=1, falls=True)
MOVED = Story("moved between the homes", moved=True)
LAST_MONTHS = Story("last months of life", weight_loss=(12, 16), frailty_steps=2, last_months=True)
DIED = Story("died", weight_loss=(12, 18), frailty_steps=2, last_months=True, ending=(20, 90))

TURN = (
    FALLS,
    CHEST,
    STEADY,
    FRAILER,
    URINE,
    STEADY,
    WEIGHT_LOSS,
    STEADY,
    CHEST_NOW,
    FALLS,
    STEADY,
    MOVED,
    URINE,
    LAST_MONTHS,
    DIED,
    STEADY,
    FRAILER,
    WEIGHT_LOSS,
    STEADY,
    CHEST,
)


def story_of(index: int) -> Story:
    """The story of the resident with this index."""
    return TURN[index % len(TURN)]

"""The facts of one resident's year, from which the resources are written: who, where, what happens when.

Days are counted from the "today" of the data; nothing happens after yesterday (-1), so that nothing lies in the future.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from fhir_server.demo.facts.draws import Draws
from fhir_server.demo.facts.people import Person, age, person
from fhir_server.demo.facts.problems import Problem, problems_of
from fhir_server.demo.facts.stories import STEADY, Story, story_of

YEAR = 365
YESTERDAY = -1
COMFORT_ONLY_DAYS = 30
"""For so long before a death nobody is weighed or woken for a full set of observations."""


def prefix(seed: int) -> str:
    """What every id of this seed begins with. Two seeds share no id, so one never writes over the other's residents."""
    return f"demo{seed}"


@dataclass(frozen=True, slots=True)
class Stay:
    """Living in one home from a day to a day (None: still there)."""

    home: str
    first: int
    last: int | None


@dataclass(frozen=True, slots=True)
class Resident:
    """Everything about one resident that more than one resource depends on.

    `until` is the last day of the record; `onset` the first day of the story's illness. `frailty` holds (day, level),
    oldest first; `kilograms` the weight a year ago, in tenths.
    """

    seed: int
    index: int
    person: Person
    story: Story
    stays: tuple[Stay, ...]
    until: int
    onset: int | None
    frailty: tuple[tuple[int, int], ...]
    tenths_of_kilograms: int
    age: int
    problems: tuple[Problem, ...]
    gp: str

    @property
    def id(self) -> str:
        """The id of the Patient, with which the ids of all other resources of this person begin."""
        return f"{prefix(self.seed)}-{self.index:04d}"

    @property
    def since(self) -> int:
        """The first day of the record: the admission, or a year ago."""
        return max(self.stays[0].first, -YEAR)

    @property
    def died(self) -> bool:
        """Whether the story ends with the death of the resident."""
        return self.story.ending is not None

    def home(self, day: int) -> str:
        """The home where the resident lives on a day; before the admission the first, after the end the last."""
        return next((stay.home for stay in reversed(self.stays) if stay.first <= day), self.stays[0].home)

    def has(self, *problems: Problem) -> bool:
        """Whether one of these is among the problems."""
        return any(problem in self.problems for problem in problems)


def resident(seed: int, index: int, today: date) -> Resident:
    """The resident with this index: the same for the same seed and today, whoever else there is."""
    who, story = person(seed, index, today), story_of(index)
    draws = Draws(seed, index, "year")
    until = -draws.whole(*story.ending) if story.ending else YESTERDAY
    stays = _stays(draws, index, story, until)
    frailty = _frailty(draws, story, max(stays[0].first, -YEAR), until)
    return Resident(
        seed=seed,
        index=index,
        person=who,
        story=story,
        stays=stays,
        until=until,
        onset=-draws.whole(*story.onset) if story.illness else None,
        frailty=frailty,
        tenths_of_kilograms=draws.middling(480, 760) if who.gender == "female" else draws.middling(580, 900),
        age=age(who.birth_date, today + timedelta(days=until)),
        problems=problems_of(Draws(seed, index, "problems"), who.gender, story, frailty[-1][1]),
        gp=draws.pick(("gp-1", "gp-2")),
    )


def _stays(draws: Draws, index: int, story: Story, until: int) -> tuple[Stay, ...]:
    """Some came within the year, but nobody whose story needs the whole of it."""
    homes = ("home-a", "home-b") if index % 2 else ("home-b", "home-a")
    recent = story is STEADY and draws.chance(35)
    first = -draws.whole(90, 330) if recent else -draws.whole(400, 1900)
    last = until if story.ending else None
    if not story.moved:
        return (Stay(homes[0], first, last),)
    moved = -draws.whole(120, 240)
    return (Stay(homes[0], first, moved), Stay(homes[1], moved, last))


def _frailty(draws: Draws, story: Story, since: int, until: int) -> tuple[tuple[int, int], ...]:
    """Levels of the Clinical Frailty Scale, about every three months, never falling."""
    level = 7 if story.last_months else draws.pick((5, 6, 6, 6, 7))
    days = [since + 4, *range(since + 90 + draws.whole(-5, 5), until, 90)]
    steps = [round(story.frailty_steps * place / max(len(days) - 1, 1)) for place in range(len(days))]
    return tuple((day, min(level + step, 9 if story.last_months else 8)) for day, step in zip(days, steps, strict=True))

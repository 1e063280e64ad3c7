"""Who the residents are: names as they were given in Britain between the wars and after, dates of birth, next of kin.

Every name is put together by chance. Telephone numbers are of the ranges that Ofcom keeps free for drama.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from fhir_server.demo.facts.draws import Draws
from fhir_server.demo.facts.nhs_number import nhs_number

Gender = Literal["female", "male"]
Names = tuple[str, ...]


def _names(text: str) -> Names:
    return tuple(text.split())


@dataclass(frozen=True, slots=True)
class Community:
    """Names that go together. `percent` of the residents bear them."""

    percent: int
    women: Names
    men: Names
    families: Names


ENGLISH_AND_WELSH = Community(
    100,
    _names(
        "Margaret Doreen Joan Sheila Jean Mary Patricia Audrey Beryl Joyce Kathleen Barbara Maureen Brenda June "
        "Dorothy Eileen Irene Pamela Sylvia Jacqueline Edna Winifred Gladys Norah Rita Hazel Marjorie Muriel Vera Gwen "
        "Dilys Olwen Megan Iris Pearl Valerie Daphne Constance Freda Mavis Hilda Phyllis"
    ),
    _names(
        "John William Kenneth Ronald Dennis Raymond Peter Derek Donald Leonard Stanley Norman Gordon Frank Harold "
        "Albert George Arthur Ernest Thomas Walter Cyril Reginald Brian Roy Alan Geoffrey Trevor Clifford Emlyn Idris "
        "Gareth Maurice Bernard Cecil Hubert"
    ),
    _names(
        "Smith Jones Davies Williams Evans Powell Preece Price Watkins Morgan Lloyd Pritchard Probert Gwilliam Bayliss "
        "Baker Cooper Turner Parker Bennett Hodges Griffiths Lewis Phillips Jenkins Perkins Skyrme Yapp Godsall Layton "
        "Weaver Mason Fletcher Barnett Hughes Matthews Webb Harris Clarke Ward Wood Hall Green Hill Moore Taylor "
        "Wilson Thompson Walker Robinson Wright Roberts Edwards Mitchell Carter Collins Bailey Shaw Richards Cox "
        "Marshall Simpson Hyde Pugh Meredith Vaughan Bufton Tudge Whittall"
    ),
)
COMMUNITIES = (
    Community(
        4,
        _names("Halina Irena Janina Krystyna Stanislawa"),
        _names("Kazimierz Zbigniew Tadeusz Jerzy"),
        _names("Kowalski Nowak Mazur Wilk"),
    ),
    Community(
        4,
        _names("Bridget Philomena Nuala Bernadette"),
        _names("Patrick Desmond Brendan Declan"),
        _names("Murphy O'Connor Kelly Byrne Gallagher"),
    ),
    Community(
        3,
        _names("Surinder Harbans Gurmit Kuldip"),
        _names("Gurdial Ranjit Mohinder Harbhajan"),
        _names("Gill Sandhu Dhillon Grewal"),
    ),
    Community(
        3,
        _names("Olive Pearl Icilda Hyacinth"),
        _names("Winston Desmond Neville Carlton"),
        _names("Campbell Brown Gordon Francis"),
    ),
    ENGLISH_AND_WELSH,
)
"""Taken in turn, the last for all who are left."""

SHORT_NAMES = {
    "Margaret": "Peggy",
    "Dorothy": "Dot",
    "Kathleen": "Kath",
    "Patricia": "Pat",
    "Winifred": "Win",
    "Philomena": "Phil",
    "William": "Bill",
    "Kenneth": "Ken",
    "Ronald": "Ron",
    "Leonard": "Len",
    "Thomas": "Tom",
    "Reginald": "Reg",
}
NEAREST_KIN = {
    "female": (
        ("DAU", "natural daughter", "Daughter"),
        ("SON", "natural son", "Son"),
        ("NIECE", "niece", "Niece"),
    ),
    "male": (
        ("DAU", "natural daughter", "Daughter"),
        ("SON", "natural son", "Son"),
        ("WIFE", "wife", "Wife"),
    ),
}
"""Code and name from HL7's v3-RoleCode, and the word that staff use."""
YOUNGER_WOMEN = _names("Susan Linda Karen Julie Alison Helen Gillian Jane Deborah Sarah Nicola Anita")
YOUNGER_MEN = _names("David Stephen Paul Mark Andrew Ian Nigel Martin Philip Simon Huw Robert")

YOUNGEST, OLDEST = 69, 101
"""The difference of the years, so that everybody is at least 68 and at most 101."""

SAME_NAME_EVERY = 60
SAME_NAME = (24, 25)
"""In each sixty the second of these two bears the first one's name: two people to be kept apart."""


@dataclass(frozen=True, slots=True)
class Kin:
    """The next of kin: `code` and `display` are from HL7's v3-RoleCode."""

    code: str
    display: str
    relation: str
    given: str
    family: str
    telephone: str


@dataclass(frozen=True, slots=True)
class Person:
    """One resident as a person. `known_as` is the short name that staff use, if there is one."""

    nhs_number: str
    given: str
    middle: str | None
    family: str
    known_as: str | None
    gender: Gender
    birth_date: date
    kin: Kin | None
    namesake: bool


def person(seed: int, index: int, today: date) -> Person:
    """The resident with this index, of 68 to 101 years; the same day of birth for every `today` of one year."""
    draws = Draws(seed, index, "birth")
    born = date(today.year - draws.middling(YOUNGEST, OLDEST), draws.whole(1, 12), draws.whole(1, 28))
    place = index % SAME_NAME_EVERY
    community, gender, given, family = _name(seed, index - 1 if place == SAME_NAME[1] else index)
    draws = Draws(seed, index, "middle name")
    return Person(
        nhs_number=nhs_number(seed, index),
        given=given,
        middle=draws.pick(community.women if gender == "female" else community.men) if draws.chance(60) else None,
        family=family,
        known_as=SHORT_NAMES.get(given),
        gender=gender,
        birth_date=born,
        kin=_kin(Draws(seed, index, "kin"), community, gender, family),
        namesake=place in SAME_NAME,
    )


def age(born: date, on: date) -> int:
    """Completed years of life on a day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _name(seed: int, index: int) -> tuple[Community, Gender, str, str]:
    draws = Draws(seed, index, "name")
    community = next(community for community in COMMUNITIES if draws.chance(community.percent))
    gender: Gender = "female" if draws.chance(68) else "male"
    given = draws.pick(community.women if gender == "female" else community.men)
    return community, gender, given, draws.pick(community.families)


def _kin(draws: Draws, community: Community, gender: Gender, family: str) -> Kin | None:
    if draws.chance(12):
        return None
    code, display, relation = draws.pick(NEAREST_KIN[gender])
    names = {"WIFE": community.women, "SON": YOUNGER_MEN}.get(code, YOUNGER_WOMEN)
    own = family if code in ("SON", "WIFE") or draws.chance(40) else draws.pick(community.families)
    return Kin(code, display, relation, draws.pick(names), own, f"07700 900{draws.whole(0, 999):03d}")

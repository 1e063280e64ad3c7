"""Whether two sets of demographics are of one person. Pure; what decides who a record is about (decision 0005).

Names are compared without differences of case and accents; a former name counts. What either side does not say is no
difference, and no agreement either.
"""

from dataclasses import dataclass
from typing import Final

from fhir_server.search.reading.folding import fold
from mappers.mapper import Json, Person

BIRTH_DATE: Final = "birthDate"
GENDER: Final = "gender"
FAMILY: Final = "name.family"
GIVEN: Final = "name.given"
POSTCODE: Final = "address.postalCode"


@dataclass(frozen=True, slots=True)
class Demographics:
    """What identity is compared by, each as it is compared."""

    birth_date: str | None
    gender: str | None
    families: frozenset[str]
    givens: frozenset[str]
    postcodes: frozenset[str]


def of_person(person: Person) -> Demographics:
    """The demographics that a source gives."""
    return _demographics(person.birth_date, person.gender, person.names, (person.postcode,))


def of_patient(patient: Json) -> Demographics:
    """The demographics of a Patient here."""
    names = ((name.get("family"), next(iter(name.get("given") or ()), None)) for name in patient.get("name") or ())
    postcodes = (address.get("postalCode") for address in patient.get("address") or ())
    return _demographics(patient.get("birthDate"), patient.get("gender"), tuple(names), tuple(postcodes))


def _demographics(
    birth_date: str | None,
    gender: str | None,
    names: tuple[tuple[str | None, str | None], ...],
    postcodes: tuple[str | None, ...],
) -> Demographics:
    return Demographics(
        birth_date,
        None if gender == "unknown" else gender,
        frozenset(fold(family) for family, _ in names if family and fold(family)),
        frozenset(fold(given) for _, given in names if given and fold(given)),
        frozenset("".join(postcode.split()).upper() for postcode in postcodes if postcode and postcode.strip()),
    )


def differing(one: Demographics, other: Demographics) -> tuple[str, ...]:
    """The names of the fields of which both say something and not the same."""
    return tuple(name for name, said in _compared(one, other).items() if said is False)


def is_known_person(one: Demographics, other: Demographics) -> bool:
    """Whether somebody known by the source's own id is still the same: people marry, and a typo gets corrected.

    At most one of birth date, family name, first given name and gender differs, and two others agree. A source that
    says less than that of somebody is taken at its word as long as it says exactly the same.
    """
    compared = _compared(one, other)
    said = [compared[name] for name in (BIRTH_DATE, FAMILY, GIVEN, GENDER)]
    return one == other or (said.count(False) <= 1 and said.count(True) >= 2)


def is_same_person(one: Demographics, other: Demographics) -> bool:
    """Whether two records with one NHS number are of one person: born on the same day, of no other gender, and with
    the same family name, or the same first given name at the same postcode."""
    compared = _compared(one, other)
    if compared[BIRTH_DATE] is not True or compared[GENDER] is False:
        return False
    return compared[FAMILY] is True or (compared[GIVEN] is True and compared[POSTCODE] is True)


def _compared(one: Demographics, other: Demographics) -> dict[str, bool | None]:
    """For each field whether both say the same; None where one of them says nothing."""
    return {
        BIRTH_DATE: _equal(one.birth_date, other.birth_date),
        FAMILY: _shared(one.families, other.families),
        GIVEN: _shared(one.givens, other.givens),
        GENDER: _equal(one.gender, other.gender),
        POSTCODE: _shared(one.postcodes, other.postcodes),
    }


def _equal(one: str | None, other: str | None) -> bool | None:
    return None if one is None or other is None else one == other


def _shared(one: frozenset[str], other: frozenset[str]) -> bool | None:
    return bool(one & other) if one and other else None

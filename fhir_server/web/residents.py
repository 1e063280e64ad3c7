"""The people of a home or practice as a page lists them, made of what `$residents` answers."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from fhir_server.web.person import Person, day, person_of

Json = dict[str, Any]

FRAILTY = "763264000"
NEWS2 = "1104051000000101"


@dataclass(frozen=True, slots=True)
class Label:
    """A status in words, with the colour of its tag: the words alone say everything."""

    words: str
    colour: str


STATUSES = {
    "in-force": Label("Plan in force", "green"),
    "in-force-not-countersigned": Label("Plan in force, not countersigned", "yellow"),
    "in-force-review-passed": Label("Plan in force, review date passed", "yellow"),
    "draft-only": Label("Draft only: not in force", "red"),
    "ended-only": Label("No plan in force: earlier plan ended", "red"),
    "none-known": Label("No plan known here", "grey"),
    "withheld": Label("Cannot tell: something is withheld", "purple"),
}
UNKNOWN = Label("Could not be checked", "purple")


@dataclass(frozen=True, slots=True)
class Score:
    """A score and when it was taken; `words` say what stands in for a number, or that there is none."""

    words: str
    on: str


NO_SCORE = Score("none recorded", "")


@dataclass(frozen=True, slots=True)
class Resident:
    """One row of the list."""

    person: Person
    status: Label
    frailty: Score
    news2: Score


def residents_of(entries: list[Json], today: date) -> list[Resident]:
    """The rows, by family name. An entry that matches begins a person; what is included after it belongs to them."""
    rows: list[Resident] = []
    for entry in entries:
        resource = entry.get("resource", {})
        if entry.get("search", {}).get("mode") == "match":
            status = STATUSES.get(_status(entry), UNKNOWN)
            rows.append(Resident(person_of(resource, today), status, NO_SCORE, NO_SCORE))
        elif rows and resource.get("resourceType") == "Observation":
            rows[-1] = _with_score(rows[-1], resource)
    return sorted(rows, key=lambda row: (row.person.family.casefold(), row.person.name.casefold()))


def _status(entry: Json) -> str:
    return next((str(one.get("valueCode")) for one in entry.get("extension", ())), "")


def _with_score(row: Resident, observation: Json) -> Resident:
    codes = {coding.get("code") for coding in observation.get("code", {}).get("coding", ())}
    value = observation.get("valueQuantity", {}).get("value")
    words = "recorded without a number" if value is None else f"{value}"
    score = Score(words, day(str(observation.get("effectiveDateTime", ""))))
    if FRAILTY in codes:
        return Resident(row.person, row.status, score, row.news2)
    return Resident(row.person, row.status, row.frailty, score) if NEWS2 in codes else row

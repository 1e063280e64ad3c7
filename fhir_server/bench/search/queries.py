"""What is searched for, in its order. To add a search: a declared `SearchQuery`, and a line in `QUERIES`.

Each query is made with many values, taken from the population, so that no answer comes out of a cache alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal
from urllib.parse import quote

from fhir_server.bench.records import NHS_NUMBER
from fhir_server.bench.search.population import SEED, TODAY, people_of
from fhir_server.demo import some_residents

SAMPLED = 300
"""So many people are asked about."""
SNOMED_CT = "http://snomed.info/sct"
LOINC = "http://loinc.org"
_VITAL = ("86290005", "103228002", "75367002", "364075005", "276885007", "722742002")
_RARE = ("763264000", "27113001")
_WORDS = ("asthma", "stroke", "heart", "kidney", "dementia", "diabetes", "gout", "depression")

Paths = Callable[["Sample"], Sequence[str]]
Kind = Literal["selective", "broad"]


@dataclass(frozen=True, slots=True)
class Subject:
    """One of the people who are asked about."""

    id: str
    nhs_number: str
    family: str
    given: str
    born: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The people who are asked about, spread over those that are loaded."""

    people: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search. `kind`: selective ones find what few resources match, broad ones show the first of very many. `paths`
    are below the FHIR base. `same`: another server must find the same resources, whatever its own rules."""

    code: str
    title: str
    kind: Kind
    paths: Paths
    same: bool = True


def sample(parts: int) -> Sample:
    """People out of this many loaded parts, the same each time."""
    last = people_of(max(parts - 1, 1)).stop - 1
    step = max(last // SAMPLED, 1)
    return Sample(tuple(_subjects(range(1, last + 1, step))))


def _subjects(indices: Sequence[int]) -> Iterator[Subject]:
    for index in indices[:SAMPLED]:
        (bundle,) = some_residents(SEED, index, 1, TODAY)
        patient: Any = bundle["entry"][0]["resource"]
        number = next(each["value"] for each in patient["identifier"] if each["system"] == NHS_NUMBER)
        name = patient["name"][0]
        yield Subject(patient["id"], number, name["family"], name["given"][0], str(patient["birthDate"]))


def _by_person(path: str) -> Paths:
    """The path once for each person; `{nhs}` and the like stand for their values."""

    def paths(sample: Sample) -> list[str]:
        return [
            path.format(
                id=one.id,
                nhs=quote(f"{NHS_NUMBER}|{one.nhs_number}", safe=""),
                family=quote(one.family),
                start=quote(one.family[:4]),
                given=quote(one.given),
                born=one.born,
            )
            for one in sample.people
        ]

    return paths


def _by_code(path: str, codes: Sequence[str] = _VITAL, system: str = SNOMED_CT) -> Paths:
    """The path for each code and a hundred days of the year before."""

    def paths(sample: Sample) -> list[str]:
        days = [f"2025-{month:02d}-{day:02d}" for month in range(4, 13) for day in range(1, 28, 3)]
        chosen = Random(1).sample(days, len(days))
        return [
            path.format(code=quote(f"{system}|{code}", safe=""), day=day, number=number % 60)
            for number, day in enumerate(chosen)
            for code in codes
        ]

    return paths


def _near(sample: Sample) -> list[str]:
    draws = Random(2)
    return [
        f"/Location?near={50.8 + 4 * draws.random():.4f}%7C{-3.5 + 4 * draws.random():.4f}%7C10%7Ckm&_count=20"
        for _ in range(SAMPLED)
    ]


def _text(sample: Sample) -> list[str]:
    return [f"/Condition?_content={word}&_count=20" for word in _WORDS]


QUERIES: tuple[SearchQuery, ...] = (
    SearchQuery("identifier", "Patient by NHS number", "selective", _by_person("/Patient?identifier={nhs}")),
    SearchQuery(
        "newest",
        "reference + token, newest 10 by date",
        "selective",
        _by_person(f"/Observation?patient={{id}}&code={quote(SNOMED_CT + '|75367002', safe='')}&_sort=-date&_count=10"),
    ),
    SearchQuery(
        "reference-token-date",
        "reference + token + date",
        "selective",
        _by_person(
            f"/Observation?patient={{id}}&code={quote(SNOMED_CT + '|86290005', safe='')}"
            "&date=ge2025-09-01&date=lt2026-01-01"
        ),
    ),
    SearchQuery(
        "token-date",
        "token + date (one day)",
        "selective",
        _by_code("/Observation?code={code}&date={day}&_count=20", _RARE),
    ),
    SearchQuery(
        "string", "string, beginning of the name", "selective", _by_person("/Patient?family={start}&given={given}")
    ),
    SearchQuery("born", "string + date", "selective", _by_person("/Patient?family={family}&birthdate={born}")),
    SearchQuery(
        "composite",
        "composite: component code and value of one person",
        "selective",
        _by_person(
            "/Observation?patient={id}&component-code-value-quantity="
            f"{quote(SNOMED_CT + '|271649006', safe='')}$ge150"
        ),
    ),
    SearchQuery(
        "chain",
        "chained: Observations of whoever has this NHS number",
        "selective",
        _by_person("/Observation?patient.identifier={nhs}&_count=20"),
    ),
    SearchQuery(
        "chain-name",
        "chained: care plans of whoever has this name",
        "selective",
        _by_person("/CarePlan?subject:Patient.family={family}&subject:Patient.given={given}"),
    ),
    SearchQuery(
        "has",
        "_has: people of this name with a plan",
        "selective",
        _by_person("/Patient?family={family}&_has:QuestionnaireResponse:patient:status=completed&_count=20"),
    ),
    SearchQuery(
        "include",
        "_include: newest 10 with their patient and performer",
        "selective",
        _by_person(
            "/Observation?patient={id}&_sort=-date&_count=10"
            "&_include=Observation:patient&_include=Observation:performer"
        ),
        same=False,
    ),
    SearchQuery(
        "revinclude",
        "_revinclude: a person with plans, problems and flags",
        "selective",
        _by_person(
            "/Patient?_id={id}&_revinclude=CarePlan:patient&_revinclude=Condition:patient&_revinclude=Flag:patient"
        ),
    ),
    SearchQuery("near", "near: places within 10 km", "selective", _near, same=False),
    SearchQuery("compartment", "compartment: flags of one person", "selective", _by_person("/Patient/{id}/Flag")),
    SearchQuery("token", "token, first page", "broad", _by_code("/Observation?code={code}&_count=20"), same=False),
    SearchQuery(
        "sort",
        "token, newest 20 by date",
        "broad",
        _by_code("/Observation?code={code}&_sort=-date&_count=20"),
        same=False,
    ),
    SearchQuery(
        "sort-all", "everything, newest 20 by date", "broad", _by_code("/Observation?_sort=-date&_count=20"), same=False
    ),
    SearchQuery(
        "month",
        "token + date (from a day on), newest 20",
        "broad",
        _by_code("/Observation?code={code}&date=ge{day}&_sort=-date&_count=20"),
        same=False,
    ),
    SearchQuery(
        "quantity",
        "token + quantity, first page",
        "broad",
        _by_code("/Observation?code={code}&value-quantity=gt{number}&_count=20"),
        same=False,
    ),
    SearchQuery(
        "names", "people by name, first page", "broad", _by_code("/Patient?_sort=family&_count=20"), same=False
    ),
    SearchQuery("content", "full text (_content), first page", "broad", _text, same=False),
    SearchQuery("count", "count of a token", "broad", _by_code("/Observation?code={code}&_summary=count"), same=False),
)

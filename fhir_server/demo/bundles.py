"""The demo data as transaction Bundles: one for the organisations, then one for each resident.

https://hl7.org/fhir/R4/http.html#transaction
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from fhir_server.demo.facts.nhs_number import BLOCKS, nhs_number
from fhir_server.demo.facts.residents import Resident, resident
from fhir_server.demo.gp_record import gp_document
from fhir_server.demo.records.care_plan import care_plan
from fhir_server.demo.records.flags import flags
from fhir_server.demo.records.moments import Moments
from fhir_server.demo.records.observations import observations
from fhir_server.demo.records.person import patient, related_person, residencies
from fhir_server.demo.records.places import organisations
from fhir_server.demo.records.respect_plan import respect_plans
from fhir_server.demo.records.terms import Json
from fhir_server.web.commands import Command, Example, three_commands
from profiles.artefacts import artefacts

DEFAULT_SEED = 1
DEFAULT_RESIDENTS = 60
FIRST = 1
"""The index of the first resident, about whom the commands of the demo are: one who had an infection and is well."""


def residents(seed: int, count: int, today: date) -> Iterator[Json]:
    """Transaction Bundles for `count` residents as they are on `today`, the organisations first.

    The same arguments give the same bytes; more residents add Bundles and change none. Every entry is a PUT of an id of
    our own, so loading twice makes no second copy. Nothing is dated later than the day before `today`. A store takes
    one seed: the ids of two seeds differ, but an NHS number may occur in both, about two people.

    Numbers with a written precision are `Decimal`. Resources share parts: read them or write them out, do not change
    them. Raises `ValueError` for a seed that is negative or a count that is not 1 to 100,000.
    """
    if seed < 0:
        raise ValueError("the seed is 0 or more")
    if not 1 <= count <= BLOCKS:
        raise ValueError(f"the number of residents is 1 to {BLOCKS:,}")
    return _bundles(seed, count, today)


def some_residents(seed: int, first: int, count: int, today: date) -> Iterator[Json]:
    """The Bundles of so many residents alone, from an index on: a part of what `residents` gives."""
    moments = Moments(today)
    for index in range(first, first + count):
        yield _transaction(_record(resident(seed, index, today), moments))


def gp_documents(seed: int, count: int, today: date, first: int = FIRST) -> Iterator[Json]:
    """The GP record of each resident of the same arguments as a GP Connect structured record (STU3), in the same order.

    It is taken in by `$ingest`, after the Bundles of `residents`: it joins the Patient by NHS number and the practice
    by ODS code. `first`: the index to begin with.
    """
    moments = Moments(today)
    for index in range(first, first + count):
        yield gp_document(resident(seed, index, today), moments)


def implementation_guide() -> Json:
    """A transaction Bundle with the artefacts that the plans of the demo refer to (`profiles/`)."""
    return _transaction(iter(artefacts()))


def profile(seed: int, count: int, today: date) -> dict[str, int]:
    """How many resources of each type `residents` gives for these arguments, by name of the type."""
    counts: Counter[str] = Counter()
    for bundle in residents(seed, count, today):
        counts.update(entry["resource"]["resourceType"] for entry in bundle["entry"])
    return dict(sorted(counts.items()))


def demo_commands(base: str, seed: int = DEFAULT_SEED) -> tuple[Command, ...]:
    """The three commands to try, about the first resident of this seed."""
    return three_commands(base, example(seed))


def example(seed: int = DEFAULT_SEED) -> Example:
    """Id and NHS number of the first resident of this seed."""
    return Example(f"demo{seed}-{FIRST:04d}", nhs_number(seed, FIRST))


def _bundles(seed: int, count: int, today: date) -> Iterator[Json]:
    yield _transaction(iter(organisations(seed)))
    yield from some_residents(seed, FIRST, count, today)


def _record(who: Resident, moments: Moments) -> Iterator[Json]:
    """What the home and the community team hold of one resident; what others refer to comes first, for readers."""
    yield patient(who, moments)
    yield from related_person(who)
    yield from residencies(who, moments)
    yield from care_plan(who, moments)
    yield from respect_plans(who, moments)
    yield from flags(who, moments)
    yield from observations(who, moments)


def _transaction(resources: Iterator[Json]) -> Json:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
            for one in resources
        ],
    }

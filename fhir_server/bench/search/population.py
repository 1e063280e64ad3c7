"""What is loaded: residents with a year of observations and plans, and their GP records, the same in every run.

In parts of some people each, as files of transaction Bundles, one a line. Every entry is a PUT of an id of our own, so
a part that is sent twice makes nothing twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from fhir_server.demo import gp_documents, implementation_guide, residents, some_residents
from fhir_server.model.json import dump
from mappers.gp_connect import GP_CONNECT
from mappers.mapper import Mapped, ReadOptions

TODAY = date(2026, 3, 31)
SEED = 1
PEOPLE = 25
"""People in one part."""
PLACES = 2_000
"""Locations with a position, spread over England."""
_PLACES_A_BUNDLE = 100
_PRACTICES = 40
"""So many records are looked through for what GP records share: practices and their people."""
_SOUTH, _WEST = 50.8, -3.5
_MARK = b'{"resource":'

Json = Mapping[str, object]


def part_file(folder: Path, number: int) -> Path:
    """The file of a part; it is written when it is first asked for. Part 0 is what all records share."""
    file = folder / f"part-{number:05d}.ndjson"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        with unfinished.open("wb") as out:
            for bundle in _bundles(number):
                out.write(dump(bundle) + b"\n")
        unfinished.rename(file)
    return file


def bundles_of(file: Path) -> list[tuple[bytes, int]]:
    """The Bundles of a part, each with the number of its resources."""
    return [(line, line.count(_MARK)) for line in file.read_bytes().splitlines()]


def people_of(number: int) -> range:
    """The indices of the people in a part."""
    return range((number - 1) * PEOPLE + 1, number * PEOPLE + 1) if number else range(0)


def _bundles(number: int) -> Iterator[Json]:
    if number == 0:
        yield next(iter(residents(SEED, 1, TODAY)))
        yield implementation_guide()
        yield _transaction([resource for _, resource in sorted(_shared().items())])
        yield from _places()
        return
    people = people_of(number)
    records = gp_documents(SEED, PEOPLE, TODAY, people.start)
    for bundle, document in zip(some_residents(SEED, people.start, PEOPLE, TODAY), records, strict=True):
        yield bundle
        yield _transaction([one.resource for one in _mapped(document).resources if one.known not in _shared()][1:])


def _mapped(document: Json) -> Mapped:
    """A GP record as R4. The Patient, which comes first, is the one that the home's record has under the same id."""
    record = GP_CONNECT.read(dump(document), ReadOptions())
    patient = record.person.key
    return record.mapped({("Patient", patient): patient})


@cache
def _shared() -> Mapping[tuple[str, str], Json]:
    """What many records name: the practices, their staff and places."""
    found: dict[tuple[str, str], Json] = {}
    for document in gp_documents(SEED, _PRACTICES, TODAY):
        for one in _mapped(document).resources:
            if one.shared:
                found.setdefault(one.known, one.resource)
    return found


def _places() -> Iterator[Json]:
    made = [_place(number) for number in range(PLACES)]
    for first in range(0, PLACES, _PLACES_A_BUNDLE):
        yield _transaction(made[first : first + _PLACES_A_BUNDLE])


def _place(number: int) -> Json:
    """A Location; the positions fill a rectangle of four degrees without a pattern (steps of the golden ratio)."""
    along, across = number * 0.618034 % 1, number * 0.414214 % 1
    return {
        "resourceType": "Location",
        "id": f"bench-place-{number:04d}",
        "status": "active",
        "name": f"Care home {number}",
        "mode": "instance",
        "position": {"longitude": round(_WEST + 4 * across, 6), "latitude": round(_SOUTH + 4 * along, 6)},
    }


def _transaction(resources: Sequence[Json]) -> Json:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

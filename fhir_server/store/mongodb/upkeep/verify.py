"""Comparing the index with entries made anew from the bodies."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pymongo.errors import PyMongoError

from fhir_server.outcome import FhirError
from fhir_server.store.mongodb.collections import DELETE, RESOURCE
from fhir_server.store.mongodb.connection import MAJORITY, refusal
from fhir_server.store.mongodb.documents import pack
from fhir_server.store.mongodb.versions import EntriesOf, whole_version

if TYPE_CHECKING:
    from fhir_server.store.mongodb.store import MongoStore

MOST_PLACES = 1_000
BATCH = 100

_NAMES = {
    "k": "keys differ",
    "y": "the parameters that have a value differ",
    "d": "dates differ",
    "n": "numbers differ",
    "q": "quantities differ",
    "p": "positions differ",
    "w": "words differ",
    "g": "groups differ",
}


async def verify_index(store: "MongoStore", entries_of: EntriesOf) -> Sequence[str]:
    """The places where the index differs from the bodies; at most `MOST_PLACES` of them."""
    places: list[str] = []
    resources = store.database.get_collection(RESOURCE, read_concern=MAJORITY)
    try:
        cursor = resources.find({"m": {"$ne": DELETE}}, sort=[("_id", 1)], batch_size=BATCH)
        async with cursor:
            async for document in cursor:
                place = f"{document['t']}/{document['i']}/_history/{document['v']}"
                places += [f"{place}: {fault}" for fault in await _faults(document, entries_of)]
                if len(places) >= MOST_PLACES:
                    break
    except PyMongoError as error:
        raise refusal(error) from error
    return places[:MOST_PLACES]


async def _faults(document: Mapping[str, Any], entries_of: EntriesOf) -> list[str]:
    try:
        version = whole_version(document)
    except FhirError as error:
        return [str(error)]
    packed = pack(version.type, await entries_of(version))
    stored = document["e"]
    faults = [text for part, text in _NAMES.items() if _sorted(stored.get(part)) != _sorted(packed.entries.get(part))]
    if document["z"] != packed.sort:
        faults.append("sort values differ")
    if set(document["p"]) != set(packed.patients):
        faults.append("patients differ")
    return faults


def _sorted(values: Any) -> Any:
    """The values of a part, whatever their order; groups are compared inside too."""
    if isinstance(values, Mapping):
        return sorted((name, repr(_sorted(inner))) for name, inner in values.items())
    if isinstance(values, list):
        return sorted(repr(_sorted(each)) for each in values)
    return int(values) if isinstance(values, int) and not isinstance(values, bool) else values

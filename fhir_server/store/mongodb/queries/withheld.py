"""What a session may know of single things: whether part of a record is kept from it, and who holds unique keys."""

from collections.abc import Sequence
from contextlib import aclosing

from fhir_server.store.access import AccessFilter
from fhir_server.store.mongodb import forms
from fhir_server.store.mongodb.collections import HOLD, RESOURCE
from fhir_server.store.mongodb.forms import resource_id
from fhir_server.store.mongodb.queries.access_match import row_access
from fhir_server.store.mongodb.queries.filters import Filter, all_of, aside, negated
from fhir_server.store.mongodb.queries.reads import row_of, version_of
from fhir_server.store.mongodb.queries.search import ALIVE
from fhir_server.store.mongodb.snapshots import Reader

PAGE = 100


async def withheld(reader: Reader, access: AccessFilter, patient: str) -> bool:
    """Whether a current resource in the patient's compartment is hidden, or has an element that is masked."""
    rows = row_access(access, None)
    if rows.open:
        return False
    mine: Filter = {"e.k": forms.key(forms.COMPARTMENT, "Patient", patient)}
    hidden: list[Filter] = [
        {"$match": all_of([mine, aside(all_of([ALIVE, negated(rows.visible)]))])},
        {"$limit": 1},
        {"$project": {"_id": 1}},
    ]
    if await reader.ask(RESOURCE, hidden, hint="key"):
        return True
    if not rows.masks:
        return False
    stages: list[Filter] = [{"$match": all_of([mine, ALIVE])}]
    async with aclosing(reader.stream(RESOURCE, stages, hint="key", batch=PAGE)) as documents:
        async for document in documents:
            if version_of(document, rows.masked(row_of(document))).masked:
                return True
    return False


async def holders(reader: Reader, access: AccessFilter, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """By key, the (type, id) of its holder; without the keys that nobody holds whom the filter lets through."""
    if not keys:
        return {}
    held = await reader.ask(HOLD, [{"$match": {"_id": {"$in": list(dict.fromkeys(keys))}}}], hint="_id_")
    rows = row_access(access, None)
    seen = None
    if held and not rows.open:
        ids = list(dict.fromkeys(resource_id(row["t"], row["i"]) for row in held))
        stages: list[Filter] = [
            {"$match": all_of([{"_id": {"$in": ids}}, aside(all_of([ALIVE, rows.visible]))])},
            {"$project": {"_id": 1}},
        ]
        seen = {row["_id"] for row in await reader.ask(RESOURCE, stages, hint="_id_")}
    return {row["_id"]: (row["t"], row["i"]) for row in held if seen is None or resource_id(row["t"], row["i"]) in seen}

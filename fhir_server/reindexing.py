"""Index entries made anew from a stored version, for verification and upgrades."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec

from fhir_server.interactions.context import Server
from fhir_server.interactions.references import is_verified
from fhir_server.model.nhs_number import NHS_NUMBER
from fhir_server.store.contract import Store
from fhir_server.store.criteria import IdentifierIs, Query
from fhir_server.store.entries import NO_ENTRIES, Entries
from fhir_server.store.values import Version

_NUMBER_MARK = NHS_NUMBER.encode()


def entries_again(server: Server, store: Store) -> Callable[[Version], Awaitable[Entries]]:
    """A function that gives the entries that a stored version should have.

    A logical reference by NHS number is resolved as at its writing: to the one Patient that has it verified.
    """
    decoder = msgspec.json.Decoder(float_hook=Decimal)
    session = store.unbound_session()

    async def resolved(data: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str]]:
        found: dict[tuple[str, str], tuple[str, str]] = {}
        for link in server.indexer.patient_links(data):
            identifier = link.reference.get("identifier", {})
            pair = (identifier.get("system", ""), identifier.get("value", ""))
            if "reference" in link.reference or pair[0] != NHS_NUMBER:
                continue
            page = await session.search(Query("Patient", (IdentifierIs("identifier", *pair),), count=10))
            matches = [v for v in page.versions if v.body and is_verified(decoder.decode(v.body), pair)]
            if len(matches) == 1:
                found[pair] = (matches[0].type, matches[0].id)
        return found

    async def entries_of(version: Version) -> Entries:
        if version.body is None:
            return NO_ENTRIES
        data = decoder.decode(version.body)
        logical = await resolved(data) if _NUMBER_MARK in version.body else {}
        return server.indexer.entries(data, logical)

    return entries_of

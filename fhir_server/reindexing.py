"""Index entries made anew from a stored version, for verification, upgrades and new search parameters.

Point reads alone, no search: the index may be in the making.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec

from fhir_server.interactions.context import Server
from fhir_server.interactions.references import Identifier, Resource, is_verified
from fhir_server.model.nhs_number import NHS_NUMBER
from fhir_server.store.contract import Session, Store
from fhir_server.store.entries import NO_ENTRIES, Entries
from fhir_server.store.values import Version

_NUMBER_MARK = NHS_NUMBER.encode()
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def entries_again(server: Server, store: Store) -> Callable[[Version], Awaitable[Entries]]:
    """A function that gives the entries that a stored version should have.

    A logical reference by NHS number stays resolved as it was at its writing: to one of the Patients in whose record
    the version lies.
    """
    session = store.unbound_session()

    async def entries_of(version: Version) -> Entries:
        if version.body is None:
            return NO_ENTRIES
        data = _decode(version.body)
        logical = await _resolved(server, session, version, data) if _NUMBER_MARK in version.body else {}
        return server.indexer.entries(data, logical)

    return entries_of


async def _resolved(
    server: Server, session: Session, version: Version, data: dict[str, Any]
) -> dict[Identifier, Resource]:
    """The one Patient of its record who has the number verified; where it has one Patient and one number, that one."""
    numbers = _logical_numbers(server, data)
    verified = {number: await _with_number(session, version.patients, number) for number in numbers}
    if len(numbers) == len(version.patients) == 1:
        verified = {number: found or [version.patients[0]] for number, found in verified.items()}
    return {number: ("Patient", found[0]) for number, found in verified.items() if len(found) == 1}


def _logical_numbers(server: Server, data: dict[str, Any]) -> list[Identifier]:
    numbers: dict[Identifier, None] = {}
    for link in server.indexer.patient_links(data):
        identifier = link.reference.get("identifier", {})
        if "reference" not in link.reference and identifier.get("system") == NHS_NUMBER and "value" in identifier:
            numbers[NHS_NUMBER, identifier["value"]] = None
    return list(numbers)


async def _with_number(session: Session, patients: tuple[str, ...], number: Identifier) -> list[str]:
    found = []
    for id in patients:
        patient = await session.read("Patient", id)
        if patient is not None and patient.body is not None and is_verified(_decode(patient.body), number):
            found.append(id)
    return found

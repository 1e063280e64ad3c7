"""Whose record it is, and which system it comes from: what identity is decided by.

https://www.datadictionary.nhs.uk/attributes/nhs_number.html
"""

import re
from collections.abc import Iterator
from typing import Any

from fhir_server.model.nhs_number import NHS_NUMBER, is_valid
from fhir_server.outcome import Issue
from mappers.gp_connect.document import Entry, StructuredRecord
from mappers.mapper import Json, Person, ReadOptions, Unmappable
from profiles.canonical import CANONICAL

ODS_ORGANISATION = "https://fhir.nhs.uk/Id/ods-organization-code"
_ODS_CODE = re.compile(r"[A-Za-z0-9]{1,12}", re.ASCII)
_VERIFICATION = "NHSNumberVerificationStatus"
_VERIFIED = "01"


def source_of(record: StructuredRecord, options: ReadOptions) -> str:
    """The URI of the source system: what the caller says, else made of the practice's ODS code.

    Raises `Unmappable` where neither is known: ids mean nothing without the system that gave them.
    """
    if options.source is not None:
        return options.source
    reference = record.patient.data.get("managingOrganization")
    named = reference.get("reference") if isinstance(reference, dict) else None
    practice = record.find(named) if isinstance(named, str) else None
    code = None if practice is None else ods_code(practice.data)
    if code is None:
        sentence = "The practice (managingOrganization with an ODS code) is not in the record: say the source system."
        raise Unmappable([Issue("required", sentence, (f"{record.patient.place}.managingOrganization",))])
    return f"{CANONICAL}/source/gp-connect/{code}"


def ods_code(organization: Json) -> str | None:
    """The ODS code of an Organization as received, upper case, if it has one."""
    for identifier in _objects(organization.get("identifier")):
        value = identifier.get("value")
        if identifier.get("system") == ODS_ORGANISATION and isinstance(value, str) and _ODS_CODE.fullmatch(value):
            return value.upper()
    return None


def person_of(patient: Entry) -> Person:
    """Whose record it is. Reads what is readable; the rest is None or left out."""
    data = patient.data
    return Person(
        key=patient.key,
        nhs_number=verified_nhs_number(data),
        birth_date=_string(data.get("birthDate")),
        gender=_string(data.get("gender")),
        names=tuple(_names(data)),
        postcode=next(_postcodes(data), None),
    )


def nhs_numbers(patient: Json) -> Iterator[tuple[str, Json]]:
    """Every NHS number that a Patient as received carries, with its identifier."""
    for identifier in _objects(patient.get("identifier")):
        value = identifier.get("value")
        if identifier.get("system") == NHS_NUMBER and isinstance(value, str):
            yield value.replace(" ", ""), identifier


def verified_nhs_number(patient: Json) -> str | None:
    """The NHS number that is valid and that the source says is verified."""
    return next((value for value, found in nhs_numbers(patient) if is_valid(value) and _is_verified(found)), None)


def _is_verified(identifier: Json) -> bool:
    return any(
        coding.get("code") == _VERIFIED
        for extension in _objects(identifier.get("extension"))
        if _VERIFICATION in str(extension.get("url"))
        for concept in _objects([extension.get("valueCodeableConcept")])
        for coding in _objects(concept.get("coding"))
    )


def _names(patient: Json) -> Iterator[tuple[str, str]]:
    names = sorted(_objects(patient.get("name")), key=lambda name: name.get("use") != "official")
    for name in names:
        given = name.get("given")
        first = given[0] if isinstance(given, list) and given else None
        yield _string(name.get("family")) or "", _string(first) or ""


def _postcodes(patient: Json) -> Iterator[str]:
    for address in _objects(patient.get("address")):
        postcode = address.get("postalCode")
        if isinstance(postcode, str) and postcode.strip():
            yield "".join(postcode.split()).upper()


def _objects(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

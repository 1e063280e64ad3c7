"""What one query parameter becomes, and what a resource is indexed by: what the tests of every type ask."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from msgspec.structs import fields

from fhir_server.outcome import FhirError
from fhir_server.search.parse import parse
from fhir_server.search.reading.decimal_keys import decimal_key
from fhir_server.store.criteria import Criterion, Query
from fhir_server.store.entries import DecimalKey
from tests.search.samples import CONTEXT, INDEXER

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"


async def asked(query: str) -> Criterion:
    """The one criterion of `Type?name:modifier=value`."""
    type, _, parameter = query.partition("?")
    name, _, value = parameter.partition("=")
    found = (await parse(type, [(name, value)], CONTEXT, strict=True)).query
    assert isinstance(found, Query)
    (criterion,) = found.criteria
    return criterion


async def refused(query: str) -> tuple[str, str]:
    """The code of the issue that refuses `Type?name:modifier=value`, and what it says."""
    try:
        found = await asked(query)
    except FhirError as error:
        (issue,) = error.issues
        return issue.code, issue.diagnostics
    raise AssertionError(f"{query} was accepted: {found}")


def indexed(resource: dict[str, Any], *names: str) -> dict[str, list[tuple[Any, ...]]]:
    """The entries of a resource under these parameter codes, by kind, without the codes of `present` and groups."""
    entries = INDEXER.entries(resource)
    found: dict[str, list[tuple[Any, ...]]] = {}
    for kind in (each.name for each in fields(entries) if each.name not in ("present", "targets", "compartments")):
        of_kind = [entry for entry in getattr(entries, kind) if entry[0] in names]
        if of_kind:
            found[kind] = of_kind
    return found


def key(number: str | int | Decimal | Fraction) -> DecimalKey:
    """The key of a number that has one."""
    found = decimal_key(number if isinstance(number, Fraction) else Decimal(number))
    assert found is not None
    return found

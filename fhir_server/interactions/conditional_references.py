"""References by criteria in a transaction (`Patient?identifier=…`), replaced by the one resource that they mean.

https://hl7.org/fhir/R4/http.html#trules. It may be a resource that is there or one that the same transaction writes;
none or several are a failure of the whole.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from fhir_server.interactions.bundle_entries import BundleEntry
from fhir_server.interactions.conditional import Condition, condition_of
from fhir_server.interactions.context import Context
from fhir_server.interactions.placing import at_entry, placed
from fhir_server.interactions.references import Resource
from fhir_server.interactions.transaction_links import Addresses
from fhir_server.model.links import references
from fhir_server.outcome import FhirError, Issue, PreconditionFailed, TooCostly
from fhir_server.store.criteria import AllOf, Query
from fhir_server.store.matching import CannotJudge, Row, matches
from fhir_server.store.values import Required

_CONDITIONAL: Final = re.compile(r"([A-Z][A-Za-z]{1,63})\?(.+)", re.DOTALL)
_MOST: Final = 500
_LOOKED_AT: Final = 10


async def resolve_references(context: Context, entries: Sequence[BundleEntry], addresses: Addresses) -> None:
    """Note in `addresses` what each conditional reference means. Raises `PreconditionFailed` with the place of one that
    means none or several, `Invalid` for criteria that are none, `TooCostly` for too many."""
    for entry in entries:
        if entry.document is None or entry.method == "PATCH" or b"?" not in entry.document.text:
            continue
        for expression, reference in references(entry.document.data, context.server.definitions):
            text = reference.get("reference")
            if isinstance(text, str) and "?" in text and text not in addresses.references:
                await _resolve(context, text, entries, addresses, (entry, expression))
                if len(addresses.references) > _MOST:
                    raise TooCostly(f"A transaction has at most {_MOST} different conditional references.")


async def _resolve(
    context: Context, text: str, entries: Sequence[BundleEntry], addresses: Addresses, place: tuple[BundleEntry, str]
) -> None:
    match = _CONDITIONAL.fullmatch(text)
    if match is None or not context.server.definitions.is_resource_type(match[1]):
        return  # an address elsewhere that has a query
    entry, expression = place
    try:
        condition = await condition_of(context, match[1], parse_qsl(match[2], keep_blank_values=True))
    except FhirError as error:
        issues = [Issue(issue.code, issue.diagnostics, (expression,)) for issue in error.issues]
        raise placed(type(error)(issues), entry.place) from error
    found = await _meant(context, condition, entries, addresses)
    if len(found) != 1:
        said = "no resource" if not found else "more than one resource"
        issue = Issue("not-found" if not found else "multiple-matches", f"The reference means {said}.", (expression,))
        raise PreconditionFailed([at_entry(issue, entry.place)])
    ((address, version),) = found.items()
    addresses.references[text] = "/".join(address)
    if version is not None:
        addresses.unchanged.append(Required(*address, entry.place, 0, version))


async def _meant(
    context: Context, condition: Condition, entries: Sequence[BundleEntry], addresses: Addresses
) -> dict[Resource, int | None]:
    """What matches after the transaction: what is there and is not rewritten, with its version, and what it writes."""
    addresses.depends_on |= condition.keys
    query = Query(condition.type, condition.criteria, count=_LOOKED_AT, snapshot=addresses.state)
    page = await context.session.unseen.search(query)
    written = {addresses.of_entry[each.position] for each in entries if each.position in addresses.of_entry}
    written |= {(version.type, version.id) for deleted in addresses.deleted.values() for version in deleted}
    unchanged = {addresses.of_entry[position] for position in addresses.found}
    there = {(version.type, version.id): version.version for version in page.versions}
    kept = {address: version for address, version in there.items() if address not in written - unchanged}
    return kept | {
        addresses.of_entry[entry.position]: None
        for entry in entries
        if entry.method in ("POST", "PUT")
        and entry.position not in addresses.found
        and _matches(context, condition, entry, addresses.of_entry[entry.position])
    }


def _matches(context: Context, condition: Condition, entry: BundleEntry, address: Resource) -> bool:
    """Whether what an entry writes matches. What leads over other resources is judged on what is there alone."""
    if address[0] != condition.type or entry.document is None:
        return False
    entries = context.server.indexer.entries({**entry.document.data, "id": address[1]})
    try:
        return matches(AllOf(condition.criteria), Row(*address, 0, entries))
    except CannotJudge:
        return False

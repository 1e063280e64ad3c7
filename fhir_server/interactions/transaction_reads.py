"""The reads among the entries of a transaction: one that would fail refuses the whole, before anything is written.

https://hl7.org/fhir/R4/http.html#transaction-response: a server accepts all entries or rejects all. Reads are carried
out after the commit, so that they see it; what would become of them is tried before it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from fhir_server.interactions.bundle_entries import BundleEntry
from fhir_server.interactions.context import Context
from fhir_server.interactions.transaction_links import Addresses
from fhir_server.outcome import STATUS, Deleted, FhirError, Invalid, Issue
from fhir_server.request import FhirResponse
from fhir_server.store.values import Required

READS = ("GET", "HEAD")
_ABSENT = (404, 410)


async def rehearse_reads(
    context: Context, entries: Sequence[BundleEntry], addresses: Addresses
) -> tuple[Required, ...]:
    """Try every read. What the commit must find so that they succeed is given back.

    Raises what a read that cannot succeed is answered with, at its entry. What the transaction itself writes need not
    be there yet; what it deletes cannot be read.
    """
    writing = {entry.position: entry.method for entry in entries if entry.method not in READS}
    deleted = {address for position, address in addresses.of_entry.items() if writing[position] == "DELETE"}
    written = set(addresses.of_entry.values()) - deleted
    required: list[Required] = []
    for entry in entries:
        if entry.method not in READS:
            continue
        target = (entry.path[0], entry.path[1]) if len(entry.path) > 1 else None
        answer = await context.rehearse(entry.request(context.request))
        if answer.status >= 400 and not (answer.status in _ABSENT and target in written):
            raise _refusal(answer, entry)
        if target is None or target in written or len(entry.path) != 2:
            continue
        if target in deleted:
            raise Deleted([Issue("deleted", "The transaction deletes what this entry reads.", (entry.place,))])
        if context.server.definitions.is_resource_type(target[0]) and target[0] != "AuditEvent":
            required.append(Required(*target, entry.place, len(writing)))
    return tuple(required)


def _refusal(answer: FhirResponse, entry: BundleEntry) -> FhirError:
    """The error that a read was answered with, at its entry."""
    kind = next((kind for kind, status in STATUS.items() if status == answer.status), Invalid)
    found: list[dict[str, Any]] = msgspec.json.decode(answer.body).get("issue", []) if answer.body else []
    issues = [
        Issue(str(issue.get("code")), str(issue.get("diagnostics", "refused")), (entry.place,)) for issue in found
    ]
    return kind(issues or [Issue("processing", "This entry cannot be read.", (entry.place,))])

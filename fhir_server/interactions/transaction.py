"""transaction: entries that happen together or not at all. https://hl7.org/fhir/R4/http.html#transaction

Order: deletes, creates, updates, patches, then reads. References to entries by their fullUrl are replaced by the
addresses that the entries get. Everything is one commit of one session; each entry is decided on its own.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fhir_server.audit.trail import WRITTEN_STATUS
from fhir_server.interactions.answers import preferred_return, version_headers
from fhir_server.interactions.batch import response_bundle
from fhir_server.interactions.bundle_entries import METHODS, BundleEntry, ReceivedBundle
from fhir_server.interactions.conditional import Condition
from fhir_server.interactions.conditional_references import resolve_references
from fhir_server.interactions.context import Context
from fhir_server.interactions.deciding import until_settled
from fhir_server.interactions.incoming import Incoming, basis, faults
from fhir_server.interactions.placing import at_entry, placed
from fhir_server.interactions.transaction_entries import Planned, check_request, planned_write
from fhir_server.interactions.transaction_links import Addresses, addresses_of, linked, note_patients
from fhir_server.interactions.transaction_reads import READS, rehearse_reads
from fhir_server.model.json import Document
from fhir_server.model.subset import is_subsetted
from fhir_server.outcome import FhirError, Invalid, Issue, TooCostly
from fhir_server.request import FhirResponse
from fhir_server.store.criteria import AllOf
from fhir_server.store.matching import CannotJudge, Row, matches
from fhir_server.store.values import Required, Snapshot, Write, Written

_MOST_ISSUES = 500
_MOST_COMPARED = 200_000
_BREATH = 64
"""After so many entries the event loop gets a turn, so that a large transaction does not hold up the readers."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What else a transaction rests on than its entries: what was read at `basis` to decide on them, by its keys
    (`depends_on`); and the status that success is answered with, for the audit."""

    basis: Snapshot
    depends_on: frozenset[str] = frozenset()
    status: int = 200


@dataclass(slots=True)
class _Plan:
    """The commit that a transaction becomes, gathered entry by entry; `positions` are the entries of its writes."""

    writes: list[Write] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    incoming: dict[int, Incoming] = field(default_factory=dict)
    required: list[Required] = field(default_factory=list)
    carries: set[str] = field(default_factory=set)
    depends_on: set[str] = field(default_factory=set)
    found: dict[int, Written] = field(default_factory=dict)

    def add(self, position: int, planned: Planned) -> None:
        for write in (planned.write, *planned.others):
            self.writes.append(write)
            self.positions.append(position)
        self.required += planned.required
        self.carries |= planned.carries
        self.depends_on |= planned.depends_on
        if planned.incoming is not None:
            self.incoming[position] = planned.incoming


async def run_transaction(context: Context, bundle: ReceivedBundle) -> FhirResponse:
    """200 with a transaction-response when all of it happened; otherwise one OperationOutcome, and nothing did."""
    for entry in bundle.entries:
        if entry.method not in READS:
            check_request(context, entry)
    return await until_settled(lambda: _attempt(context, bundle, None))


async def attempt_transaction(context: Context, bundle: ReceivedBundle, grounds: Grounds) -> FhirResponse:
    """As `run_transaction`, once and on these grounds. Raises `Contended` where they changed meanwhile."""
    for entry in bundle.entries:
        check_request(context, entry)
    return await _attempt(context, bundle, grounds)


async def _attempt(context: Context, bundle: ReceivedBundle, grounds: Grounds | None) -> FhirResponse:
    grounds = grounds or Grounds(await basis(context))
    state = grounds.basis
    addresses = await addresses_of(context, bundle.entries, state)
    await resolve_references(context, bundle.entries, addresses)
    plan = await _planned(context, bundle, addresses, state)
    plan.depends_on |= grounds.depends_on
    _refuse_rivals(plan, addresses)
    plan.required += await rehearse_reads(context, bundle.entries, addresses)
    answers = await _committed(context, plan, grounds)
    for entry in bundle.entries:
        if entry.method in READS:
            answers[entry.position] = await context.dispatch(entry.request(context.request))
    ordered = [(answers[entry.position], entry.method) for entry in bundle.entries]
    return response_bundle(context, "transaction-response", ordered)


async def _planned(context: Context, bundle: ReceivedBundle, addresses: Addresses, state: Snapshot) -> _Plan:
    plan = _Plan()
    plan.depends_on |= addresses.depends_on
    plan.carries.update(*addresses.keys.values())
    plan.found = dict(addresses.found)
    plan.required += addresses.unchanged
    ordered = [entry for group in METHODS for entry in bundle.entries if entry.method in group]
    writing = [entry for entry in ordered if entry.method not in READS and entry.position not in plan.found]
    documents = await _checked(context, writing, addresses)
    note_patients(addresses, documents)
    for done, entry in enumerate(writing):
        document = documents[entry.position]
        planned = await _at_entry(context, entry, document, addresses, len(plan.writes))
        if planned is None:
            plan.found[entry.position] = Written(*addresses.of_entry[entry.position], 0, 0, "absent")
        else:
            plan.add(entry.position, planned)
        if done % _BREATH == _BREATH - 1:
            await asyncio.sleep(0)
    return plan


async def _checked(
    context: Context, writing: Sequence[BundleEntry], addresses: Addresses
) -> dict[int, Document | None]:
    """The entries' resources with their links replaced; raises `Invalid` with the faults of all of them at once."""
    documents: dict[int, Document | None] = {}
    issues: list[Issue] = []
    for done, entry in enumerate(writing):
        document = documents[entry.position] = linked(context, entry, addresses)
        if document is not None:
            issues += [at_entry(issue, entry.place) for issue in faults(context, document.data)]
            if is_subsetted(document.data):
                issues.append(Issue("business-rule", "A part of a resource (SUBSETTED) is not stored.", (entry.place,)))
        if done % _BREATH == _BREATH - 1:
            await asyncio.sleep(0)
    if issues:
        raise Invalid(issues[:_MOST_ISSUES])
    return documents


async def _at_entry(
    context: Context, entry: BundleEntry, document: Document | None, addresses: Addresses, position: int
) -> Planned | None:
    try:
        return await planned_write(context, entry, document, addresses, position)
    except FhirError as error:
        raise placed(error, entry.place) from error


def _refuse_rivals(plan: _Plan, addresses: Addresses) -> None:
    """Refuse a conditional create whose criteria another entry would meet: it would make the second one of two."""
    carriers: dict[str, list[Incoming]] = {}
    for incoming in plan.incoming.values():
        for key in incoming.carries:
            carriers.setdefault(key, []).append(incoming)
    compared = 0
    for position, condition in addresses.conditional.items():
        own, resource_type = addresses.of_entry[position], condition.type
        for key in condition.keys:
            for rival in carriers.get(key, ()):
                compared += 1
                if (rival.type, rival.id) == own or rival.type != resource_type:
                    continue
                if _may_match(condition, rival):
                    place = f"Bundle.entry[{position}].request.ifNoneExist"
                    raise Invalid([Issue("duplicate", "Another entry writes what these criteria match.", (place,))])
        if compared > _MOST_COMPARED:
            raise TooCostly("Too many conditional creates meet the same identifiers; send them apart.")


def _may_match(condition: Condition, rival: Incoming) -> bool:
    """Whether the rival matches; what cannot be judged on it alone may."""
    try:
        return matches(AllOf(condition.criteria), Row(rival.type, rival.id, 0, rival.entries))
    except CannotJudge:
        return True


async def _committed(context: Context, plan: _Plan, grounds: Grounds) -> dict[int, FhirResponse]:
    try:
        committed = await context.session.commit(
            plan.writes,
            required=plan.required,
            carries=frozenset(plan.carries),
            depends_on=frozenset(plan.depends_on),
            basis=grounds.basis,
            status=grounds.status,
        )
    except FhirError as error:
        if error.position is None or error.position >= len(plan.positions):
            raise
        raise placed(error, f"Bundle.entry[{plan.positions[error.position]}]") from error
    results: Mapping[int, Written] = {
        **plan.found,
        **dict(zip(plan.positions, committed.written, strict=True)),
    }
    return {position: _answer(context, plan, position, written) for position, written in results.items()}


def _answer(context: Context, plan: _Plan, position: int, written: Written) -> FhirResponse:
    """The answer of one entry. The resource comes back only where `Prefer: return=representation` asks for it."""
    if not written.version:
        return FhirResponse(WRITTEN_STATUS[written.outcome], written=(written,))
    headers = version_headers(written.version, written.last_updated_ms)
    if written.outcome != "deleted":
        place = f"{context.server.base_url}/{written.type}/{written.id}/_history/{written.version}"
        headers = (*headers, ("Location", place))
    incoming = plan.incoming.get(position)
    wanted = "prefer" in context.request.headers and preferred_return(context) == "representation"
    body = incoming.body.at(written.version, written.last_updated_ms) if incoming is not None and wanted else b""
    return FhirResponse(WRITTEN_STATUS[written.outcome], body, headers, written=(written,))

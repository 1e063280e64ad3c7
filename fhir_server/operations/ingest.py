"""$ingest: a document of another system into the record, all of it in one commit or nothing. docs/operations.md

The mapper reads it; who the person is here is decided; the mapper makes resources with the ids that follow; each is
compared with what is here; what is left is one transaction. Whatever changed meanwhile makes it look again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from fhir_server.interactions.bundle_entries import BundleEntry, ReceivedBundle
from fhir_server.interactions.context import Context
from fhir_server.interactions.deciding import until_settled
from fhir_server.interactions.incoming import basis
from fhir_server.interactions.transaction import Grounds, attempt_transaction
from fhir_server.model.json import Document, dump
from fhir_server.operations.ingest_identity import Identity, RefusedRecord, identify
from fhir_server.operations.ingest_provenance import Origin, add_provenance, read_origin
from fhir_server.operations.ingest_report import report
from fhir_server.operations.ingest_request import Asked, asked_of
from fhir_server.operations.ingest_review import kept_for_review, task_id
from fhir_server.operations.operation import Operation
from fhir_server.operations.reconcile import Bringing, Digested, Plan, Put, digested, reconcile
from fhir_server.outcome import Conflict, Contended, Invalid, Issue, PreconditionFailed
from fhir_server.request import FhirResponse
from mappers.mapper import Known, Mapped, Record, Unmappable

_REFUSED: Final = "review-refused-record"
_ASIDE: Final = "review-entries-of-others"
_MEDIA_TYPES = ("application/fhir+json", "application/json")


async def _run(context: Context) -> FhirResponse:
    """200 with the report; 400 for parameters or a document that cannot be read; 409 where it is somebody else's."""
    asked = asked_of(context)
    try:
        # In a thread: a large record must not hold up everybody else.
        record = await asyncio.to_thread(asked.mapper.read, context.request.body, asked.options)
    except Unmappable as refusal:
        raise Invalid(refusal.issues) from refusal
    return await until_settled(_Ingest(_inner(context), context.request.body, asked, record).attempt)


def _inner(context: Context) -> Context:
    """The context of the transaction: ids made of their origin are always allowed, and nothing of the request's own
    headers is meant for it."""
    rules = replace(context.server.rules, update_create=True)
    request = replace(context.request, headers={}, body=b"")
    return replace(context, server=replace(context.server, rules=rules), request=request)


@dataclass(slots=True)
class _Ingest:
    """One document on its way in. What the mapper made is kept between attempts."""

    context: Context
    document: bytes
    asked: Asked
    record: Record
    made: dict[frozenset[tuple[Known, str]], Digested] = field(default_factory=dict)

    async def attempt(self) -> FhirResponse:
        """Decide on what is here now, and write. Raises `Contended` where that changed meanwhile."""
        state = await basis(self.context)
        try:
            identity = await identify(self.context, self.record)
            made = await self._mapped(identity.ids)
            origin = await read_origin(self.context, self.record, identity)
            plan = await self._reconciled(made, identity, origin)
        except RefusedRecord as refusal:
            await self._refuse(refusal, Grounds(state, status=409))
            raise
        answer = await self._write(plan.puts, Grounds(state, identity.depends_on))
        written = () if answer is None else answer.written
        body = dump(report(self.asked, made.mapped, plan, identity, origin.id))
        return FhirResponse(200, body, written=written)

    async def _mapped(self, ids: Mapping[Known, str]) -> Digested:
        key = frozenset(ids.items())
        if key not in self.made:
            try:
                self.made[key] = await asyncio.to_thread(lambda: digested(self.record.mapped(ids)))
            except Unmappable as refusal:
                raise Invalid(refusal.issues) from refusal
        return self.made[key]

    async def _reconciled(self, made: Digested, identity: Identity, origin: Origin) -> Plan:
        export = self.asked.export
        outdated = origin.outdates(export)
        plan = await reconcile(self.context, self.record, made, identity, Bringing(export, outdated))
        if outdated:
            sentence = "A newer export of this record came before: nothing of this one was written."
            plan.issues.append(Issue("informational", sentence, ("Bundle",), "information"))
            return plan
        await self._set_aside(made.mapped, plan)
        await add_provenance(self.context, origin, self.record, made.mapped, plan, export)
        return plan

    async def _set_aside(self, mapped: Mapped, plan: Plan) -> None:
        """Keep what is about somebody else for review, outside of everybody's record."""
        if not mapped.aside:
            return
        document = b'{"resourceType":"Bundle","type":"collection","entry":[%s]}' % b",".join(
            b'{"resource":' + one.text + b"}" for one in mapped.aside
        )
        issues = [Issue("conflict", f"{len(mapped.aside)} entries of a record are about somebody else.")]
        for put in await kept_for_review(self.context, _ASIDE, self.record.digest, document, issues, None):
            plan.put(put.resource, put.over)

    async def _refuse(self, refusal: RefusedRecord, grounds: Grounds) -> None:
        """Keep the document for review, then refuse it. Always raises."""
        here = refusal.here
        patient = None if here is None else here.id
        if here is not None:
            self.context.session.changing(here)
        digest = self.record.digest
        puts = await kept_for_review(self.context, _REFUSED, digest, self.document, refusal.issues, patient)
        await self._write(puts, grounds)
        sentence = f"Nothing was written; the record is kept for review: Task/{task_id(_REFUSED, digest)}."
        raise Conflict([*refusal.issues, Issue("informational", sentence, severity="information")]) from refusal

    async def _write(self, puts: Sequence[Put], grounds: Grounds) -> FhirResponse | None:
        """Write it all in one commit. Raises `Contended` where something is not any more as it was read."""
        if not puts:
            return None
        bundle = await asyncio.to_thread(_bundle, puts)
        try:
            return await attempt_transaction(self.context, bundle, grounds)
        except PreconditionFailed as error:
            raise Contended(error.issues) from error


def _bundle(puts: Sequence[Put]) -> ReceivedBundle:
    return ReceivedBundle("transaction", tuple(_entry(position, put) for position, put in enumerate(puts)))


def _entry(position: int, put: Put) -> BundleEntry:
    path = (put.resource["resourceType"], put.resource["id"])
    headers = {"if-none-match": "*"} if put.over is None else {"if-match": f'W/"{put.over}"'}
    return BundleEntry(position, None, "PUT", path, (), headers, Document(put.resource, dump(put.resource)))


INGEST = Operation("ingest", ("system",), _run, changes=True, media_types=_MEDIA_TYPES)

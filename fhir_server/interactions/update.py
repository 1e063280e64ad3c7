"""update: the next version of a resource, or a new one under the client's id.

https://hl7.org/fhir/R4/http.html#update, #upsert, #cond-update, #concurrency
"""

from dataclasses import dataclass, replace

from fhir_server.interactions.answers import if_match, if_none_match_any, written_answer
from fhir_server.interactions.binary import resource_received
from fhir_server.interactions.conditional import Condition, Found, at, condition_of, found_by, still
from fhir_server.interactions.context import WRITTEN_BY_SERVER, Context, Interaction
from fhir_server.interactions.deciding import until_settled
from fhir_server.interactions.incoming import Incoming, basis, labels_key, prepare
from fhir_server.model.json import Document
from fhir_server.model.labels import document_with_kept_labels
from fhir_server.outcome import Conflict, Forbidden, Invalid, MethodNotAllowed, PreconditionFailed
from fhir_server.request import FhirResponse
from fhir_server.store.values import Snapshot, Version, Write

_LABEL_MARK = b'"security"'


@dataclass(frozen=True, slots=True)
class Replacing:
    """The grounds of an update: what is there now, and the state it was read in."""

    current: Version | None
    basis: Snapshot


async def _run(context: Context) -> FhirResponse:
    """200 for a new version or none needed, 201 for a new resource; 400, 405, 409, 412, 422. Without an id in the
    address its criteria say which resource is meant."""
    if context.type in WRITTEN_BY_SERVER:
        raise MethodNotAllowed(f"{context.type} resources are written by the server alone.")
    document = resource_received(context)
    if context.target.id is None:
        condition = await condition_of(context, context.type, context.request.parameters)
        return await until_settled(lambda: _update_found(context, document, condition))
    check_id(document, context.type, context.id)
    return await until_settled(lambda: _update(context, document))


def check_id(document: Document, resource_type: str, resource_id: str) -> None:
    """The id in the body must be there and be the one in the address."""
    found = document.data.get("id")
    if found != resource_id:
        said = "has no id" if found is None else "has another id"
        raise Invalid(
            f"The resource {said}; the address says {resource_type}/{resource_id}.", expression=f"{resource_type}.id"
        )


async def grounds(context: Context, resource_type: str, resource_id: str) -> Replacing:
    """Read what an update replaces. Raises `Forbidden` where the caller sees only a part of it."""
    state = await basis(context)
    current = await context.session.unseen.read(resource_type, resource_id)
    if current is not None:
        context.session.changing(current)
    if current is not None and current.masked:
        raise Forbidden("You see only a part of this resource; writing it would erase the rest.")
    return Replacing(current, state)


def refuse_absent(context: Context, replacing: Replacing) -> None:
    """Refuse an update that needs something to replace where there is nothing, or nothing that the caller may know of:
    the answer must be the same. Raises `PreconditionFailed` and `MethodNotAllowed`."""
    if replacing.current is not None:
        return
    if if_match(context) is not None:
        raise PreconditionFailed(f"There is no {context.type} with the id {context.id}.")
    if not context.server.rules.update_create:
        raise MethodNotAllowed(f"There is no {context.type} with the id {context.id}; create it by POST.")


def keeping_labels(document: Document, replacing: Replacing) -> Document:
    """The document with the security labels of the current version that it leaves out."""
    current = replacing.current
    if current is None or current.body is None or _LABEL_MARK not in current.body:
        return document
    return document_with_kept_labels(document, current.body)


async def _update(context: Context, document: Document) -> FhirResponse:
    replacing = await grounds(context, context.type, context.id)
    refuse_absent(context, replacing)
    kept = keeping_labels(document, replacing)
    incoming = await prepare(context, kept, context.id)
    return await replace_by(context, incoming, replacing)


async def _update_found(context: Context, document: Document, condition: Condition) -> FhirResponse:
    """The one resource that the criteria match is updated, for none one is made; several are 412.

    An id in the body must be that of the match (400); without a match the resource is made under it.
    """
    found = await found_by(context, condition)
    meant = address_found(context, document, found)
    inner = at(context, *meant)
    replacing = replace(await grounds(inner, *meant), basis=found.basis)
    fresh = found.only is None
    if fresh:
        refuse_taken(inner, document, replacing)
    based_on = still(found.only, replacing.current)
    incoming = await prepare(inner, keeping_labels(document, replacing), meant[1])
    fresh = fresh and "id" not in document.data
    return await replace_by(inner, incoming, replacing, based_on=based_on, keys=condition.keys, fresh=fresh)


def refuse_taken(context: Context, document: Document, replacing: Replacing) -> None:
    """Refuse a conditional update that found nothing where its resource has an id that is in use, or that a client may
    not choose. Raises `Conflict` and what `refuse_absent` raises."""
    if replacing.current is not None and replacing.current.body is not None:
        raise Conflict("There is a resource with this id, which the criteria do not match.")
    if "id" in document.data:
        refuse_absent(context, replacing)


def address_found(context: Context, document: Document, found: Found) -> tuple[str, str]:
    """Type and id of what a conditional update writes. Raises `Invalid` for an id that is another's."""
    given, match = document.data.get("id"), found.only
    if match is None:
        return (found.condition.type, given if isinstance(given, str) else context.server.new_id())
    if given is not None and given != match.id:
        raise Invalid(
            "The id of the resource is not that of the one that the criteria match.",
            expression=f"{found.condition.type}.id",
        )
    return (match.type, match.id)


async def replace_by(
    context: Context,
    incoming: Incoming,
    replacing: Replacing,
    *,
    based_on: int | None = None,
    keys: frozenset[str] = frozenset(),
    fresh: bool = False,
) -> FhirResponse:
    """Commit an update that was decided on these grounds, and answer it. `keys`: those of the criteria by which the
    resource was found; `fresh`: none was, and the server chose the id."""
    write = incoming.write("create") if fresh else update_write(context, incoming, based_on)
    committed = await context.session.commit(
        [write],
        required=incoming.required,
        carries=incoming.carries | keys,
        depends_on=incoming.depends_on | {labels_key(incoming.type, incoming.id)} | keys,
        basis=replacing.basis,
    )
    written = committed.written[0]
    return written_answer(context, written, incoming.body.at(written.version, written.last_updated_ms))


def update_write(context: Context, incoming: Incoming, based_on: int | None) -> Write:
    """The write of an update under the conditions of its request; `based_on`: as in `store.values.Write`."""
    return incoming.write(
        "update",
        if_match=if_match(context),
        if_absent=if_none_match_any(context),
        based_on=based_on,
        create_if_absent=context.server.rules.update_create,
    )


UPDATE = Interaction(
    "update", "instance", (("PUT", ("[type]", "[id]")), ("PUT", ("[type]",))), "U", changes=True, run=_run
)

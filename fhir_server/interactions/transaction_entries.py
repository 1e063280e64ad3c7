"""One entry of a transaction made into the write it asks for, by the same steps as the interaction of its own.

https://hl7.org/fhir/R4/http.html#transaction
"""

from dataclasses import dataclass, replace

from fhir_server.interactions.answers import if_match
from fhir_server.interactions.bundle_entries import BundleEntry, refuse
from fhir_server.interactions.conditional import still
from fhir_server.interactions.context import NOT_STORED, WRITTEN_BY_SERVER, Context, Target
from fhir_server.interactions.delete import deletion, is_nothing
from fhir_server.interactions.incoming import Incoming, labels_key, prepare
from fhir_server.interactions.patch import patched_document
from fhir_server.interactions.transaction_links import Addresses
from fhir_server.interactions.update import (
    check_id,
    grounds,
    keeping_labels,
    refuse_absent,
    refuse_taken,
    update_write,
)
from fhir_server.model.json import Document
from fhir_server.store.values import Required, Write

_CODES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Planned:
    """The write of one entry (`others`: those of a conditional delete that found several) and what it asks of the
    commit."""

    write: Write
    others: tuple[Write, ...] = ()
    incoming: Incoming | None = None
    required: tuple[Required, ...] = ()
    carries: frozenset[str] = frozenset()
    depends_on: frozenset[str] = frozenset()


def check_request(context: Context, entry: BundleEntry) -> None:
    """Check what can be checked of a writing entry before anything is read: address, type, the caller's right."""
    _check_address(context, entry)
    context.decide(_CODES[entry.method], entry.path[0])
    if entry.method == "DELETE":
        return
    if entry.document is None:
        raise refuse(entry, "required", f"A {entry.method} entry needs a resource.")
    found = entry.document.data.get("resourceType")
    expected = ("Binary", "Parameters") if entry.method == "PATCH" else (entry.path[0],)
    if found not in expected:
        sentence = f"The resource of this entry must be a {' or '.join(expected)}, not a {found}."
        raise refuse(entry, "invalid", sentence, "resource")


def _check_address(context: Context, entry: BundleEntry) -> None:
    if not entry.path or not context.server.definitions.is_resource_type(entry.path[0]):
        raise refuse(entry, "invalid", "The url of an entry begins with a resource type.", "request.url")
    forms = ("[type]",) if entry.method == "POST" else ("[type]/[id]", "[type]?[criteria]")
    form = "/".join(("[type]", "[id]")[: len(entry.path)]) + ("?[criteria]" if entry.parameters else "")
    if len(entry.path) > 2 or form not in forms:
        raise refuse(
            entry, "not-supported", f"The url of a {entry.method} entry is {' or '.join(forms)}.", "request.url"
        )
    if entry.path[0] in NOT_STORED | WRITTEN_BY_SERVER:
        raise refuse(entry, "not-supported", f"{entry.path[0]} resources cannot be written.", "request.url")


async def planned_write(
    context: Context, entry: BundleEntry, document: Document | None, addresses: Addresses, position: int
) -> Planned | None:
    """The write of an entry, None for a deletion of nothing; `document` is its resource with its links replaced.
    Raises as the interaction does."""
    target = addresses.of_entry[entry.position]
    request = replace(entry, document=document).request(context.request)
    inner = replace(context, request=request, target=Target(*target))
    if entry.position in addresses.deleted:
        writes = [
            replace(deletion(inner, version.type, version.id, None), based_on=version.version)
            for version in addresses.deleted[entry.position]
        ]
        return Planned(writes[0], tuple(writes[1:])) if writes else None
    if entry.method == "DELETE":
        expected = if_match(inner)
        nothing = await is_nothing(inner, *target, expected)
        return None if nothing else Planned(deletion(inner, *target, expected))
    assert document is not None
    if entry.method == "POST":
        return await _create(inner, document, addresses, position)
    return await _update(inner, entry, document, addresses, position)


async def _create(context: Context, document: Document, addresses: Addresses, position: int) -> Planned:
    incoming = await prepare(context, document, context.id, position=position, planned=addresses.patients)
    return Planned(
        incoming.write("create"),
        incoming=incoming,
        required=incoming.required,
        carries=incoming.carries,
        depends_on=incoming.depends_on,
    )


async def _update(
    context: Context, entry: BundleEntry, document: Document, addresses: Addresses, position: int
) -> Planned:
    replacing = await grounds(context, context.type, context.id)
    conditional = entry.position in addresses.matched
    unmatched = conditional and addresses.matched[entry.position] is None
    based_on = still(addresses.matched[entry.position], replacing.current) if conditional else None
    if entry.method == "PATCH":
        document = patched_document(context, replacing)
        based_on = replacing.current.version if replacing.current is not None else 0
    elif unmatched:
        refuse_taken(context, document, replacing)
    elif not conditional:
        refuse_absent(context, replacing)
        check_id(document, context.type, context.id)
    kept = keeping_labels(document, replacing)
    incoming = await prepare(context, kept, context.id, position=position, planned=addresses.patients)
    fresh = unmatched and "id" not in document.data
    write = incoming.write("create") if fresh else update_write(context, incoming, based_on)
    labels = frozenset({labels_key(*addresses.of_entry[entry.position])})
    return Planned(
        write,
        incoming=incoming,
        required=incoming.required,
        carries=incoming.carries,
        depends_on=incoming.depends_on | labels,
    )

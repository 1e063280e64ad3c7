"""A resource on its way in: parsed, validated, indexed and made into what a write needs. Every way in passes here.

https://hl7.org/fhir/R4/http.html#create
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from fhir_server.interactions.context import Context
from fhir_server.interactions.references import Identifier, Resolution, Resource, resolve
from fhir_server.model.json import Document, body_of, parse
from fhir_server.model.subset import is_subsetted
from fhir_server.outcome import Invalid, Issue, TooLarge, Unprocessable
from fhir_server.search.claims import carried_keys
from fhir_server.store.entries import Entries
from fhir_server.store.values import Body, Required, Snapshot, Write

_WARNINGS = frozenset({"warning", "information"})


@dataclass(frozen=True, slots=True)
class Incoming:
    """A resource that may be written: its body and index entries, and what must hold when it is committed."""

    type: str
    id: str
    data: dict[str, Any]
    body: Body
    entries: Entries
    required: tuple[Required, ...]
    carries: frozenset[str]
    depends_on: frozenset[str]

    def write(
        self,
        method: str,
        *,
        if_match: int | None = None,
        if_absent: bool = False,
        based_on: int | None = None,
        create_if_absent: bool = True,
    ) -> Write:
        """The write of this resource."""
        return Write(
            "create" if method == "create" else "update",
            self.type,
            self.id,
            self.body,
            self.entries,
            if_match=if_match,
            if_absent=if_absent,
            based_on=based_on,
            create_if_absent=create_if_absent,
        )


def labels_key(resource_type: str, resource_id: str) -> str:
    """The claim key of a resource's security labels: a write that drops labels must notice those set meanwhile."""
    return f"labels|{resource_type}/{resource_id}"


def received(context: Context) -> Document:
    """The request's body as a resource of the path's type, structurally valid; raises `Invalid` with all faults."""
    document = parse(context.request.body, max_bytes=context.server.rules.max_resource_bytes)
    expected = context.target.type
    found = document.data.get("resourceType")
    if expected is not None and found != expected:
        raise Invalid(
            f"The resource is a {found}, the address is for {expected}.", expression=f"{expected}.resourceType"
        )
    check(context, document.data)
    return document


def check(context: Context, data: dict[str, Any]) -> None:
    """Refuse a resource that breaks the structure of FHIR (400), or that is only a part of one (422)."""
    issues = faults(context, data)
    if issues:
        raise Invalid(issues)
    if is_subsetted(data):
        raise Unprocessable(
            "The resource is marked SUBSETTED: it is a part of a resource, and would erase the rest. Read it whole.",
            expression=f"{data['resourceType']}.meta.tag",
        )


def faults(context: Context, data: dict[str, Any]) -> list[Issue]:
    """All issues of a resource, warnings among them, if at least one is an error; otherwise none."""
    issues = context.server.validator.validate(data)
    return issues if any(issue.severity not in _WARNINGS for issue in issues) else []


async def prepare(
    context: Context,
    document: Document,
    resource_id: str,
    *,
    position: int = 0,
    planned: Mapping[Identifier, Set[Resource]] | None = None,
) -> Incoming:
    """Make a checked resource ready to be written under this id.

    `position` is its place in the commit; `planned` the Patients that the same commit writes, by (identifier system,
    value). Raises `Unprocessable` where a reference that places it in a patient's compartment does not resolve.
    """
    server, data = context.server, document.data
    resolution: Resolution = await resolve(context, data, position, planned or {})
    body = body_of(document.text, resource_id)
    size = len(body.before) + len(body.after)
    if size > server.rules.max_resource_bytes:
        raise TooLarge(f"The resource is over the limit of {server.rules.max_resource_bytes} bytes.")
    stored = data if data.get("id") == resource_id else {**data, "id": resource_id}
    entries = server.indexer.entries(stored, resolution.resolved)
    carries = carried_keys(data["resourceType"], entries)
    if data.get("meta", {}).get("security"):
        carries |= {labels_key(data["resourceType"], resource_id)}
    return Incoming(
        data["resourceType"],
        resource_id,
        data,
        body,
        entries,
        resolution.required,
        carries,
        resolution.depends_on,
    )


async def basis(context: Context) -> Snapshot:
    """The state on which a decision to write rests."""
    return await context.session.unseen.snapshot()

"""Each resource of a record against what is here: what is written, what stays, and why (decision 0005)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fhir_server.interactions.context import Context
from fhir_server.model.json import parse
from fhir_server.operations.ingest_identity import Identity, belongs_to
from fhir_server.operations.stamp import Export, Stamp, digest, is_joined, joined_identifier, stamp_of, stamped
from fhir_server.outcome import Issue
from fhir_server.store.values import Version
from mappers.mapper import Json, Mapped, MappedResource, Record

Outcome = Literal["created", "updated", "unchanged", "retained"]
Reason = Literal["edited", "deleted", "newer", "shared"]
_BREATH = 64
_SUBJECTS = ("subject", "patient")

REASONS: Mapping[Reason, str] = {
    "edited": "It was edited here since it was imported; it stays as it is here.",
    "deleted": "It was deleted here; it stays deleted.",
    "newer": "A newer export brought what is here; it stays.",
    "shared": "What people share differs from what is here; only a known newer export changes it.",
}


@dataclass(frozen=True, slots=True)
class Here:
    """What is here under the id of a mapped resource: its version, its content, and the digests of the two."""

    version: int
    deleted: bool
    data: Json
    digest: str
    stamp: Stamp | None
    patients: tuple[str, ...] = ()

    @property
    def edited(self) -> bool:
        """Whether the content is not what an import wrote."""
        return self.stamp is None or self.stamp.digest != self.digest


def here_of(version: Version) -> Here:
    """A stored version as it is compared."""
    if version.body is None:
        return Here(version.version, True, {}, "", None, version.patients)
    data = parse(version.body, max_bytes=len(version.body)).data
    return Here(version.version, False, data, digest(data), stamp_of(data), version.patients)


def decide(mapped: str, export: Export, here: Here | None, *, shared: bool) -> tuple[Outcome, Reason | None]:
    """What becomes of a mapped resource with this digest, and why where it is not written though it differs."""
    if here is None:
        return "created", None
    if here.deleted:
        return "retained", "deleted"
    if here.digest == mapped:
        return "unchanged", None
    if here.stamp is None or here.edited:
        return "retained", "edited"
    if shared:
        newer = export.known and export.rank > here.stamp.export.rank
        return ("updated", None) if newer else ("retained", "shared")
    if here.stamp.export.at_ms > export.at_ms:
        return "retained", "newer"
    return "updated", None


@dataclass(frozen=True, slots=True)
class Put:
    """A resource to write: over this version, or for None where nothing is."""

    resource: Json
    over: int | None


@dataclass(frozen=True, slots=True)
class Bringing:
    """The export that brings a record. `outdated`: a newer one of this record came before, so nothing is written."""

    export: Export
    outdated: bool


@dataclass(slots=True)
class Plan:
    """What an ingest does: resources to write, and what becomes of each (type, id)."""

    puts: list[Put] = field(default_factory=list)
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    gone: set[tuple[str, str]] = field(default_factory=set)

    def put(self, resource: Json, over: int | None) -> None:
        """Write this resource."""
        self.puts.append(Put(resource, over))
        self.outcomes[resource["resourceType"], resource["id"]] = "created" if over is None else "updated"


@dataclass(frozen=True, slots=True)
class Digested:
    """A mapped record with the digest of each of its resources."""

    mapped: Mapped
    digests: tuple[str, ...]


def digested(mapped: Mapped) -> Digested:
    """The record with its digests."""
    return Digested(mapped, tuple(digest(one.resource) for one in mapped.resources))


async def reconcile(context: Context, record: Record, made: Digested, identity: Identity, bringing: Bringing) -> Plan:
    """Compare the whole record with what is here. Raises `RefusedRecord` where something of it is about another person
    here."""
    plan = Plan()
    for done, (one, mapped) in enumerate(zip(made.mapped.resources, made.digests, strict=True)):
        if one.resource["resourceType"] == "Patient" and identity.joined:
            _join(plan, one, record.source, identity, bringing)
        else:
            here = await _here(context, one)
            owner = None if here is None or one.shared else _other_owner(one, here, identity.patient_id)
            if owner is not None:
                what = f"{one.resource['resourceType']}/{one.resource['id']}"
                raise await belongs_to(context, record, owner, what, one.place)
            _settle(plan, one, mapped, here, bringing)
        if done % _BREATH == _BREATH - 1:
            await asyncio.sleep(0)
    return plan


async def _here(context: Context, one: MappedResource) -> Here | None:
    version = await context.session.unseen.read(one.resource["resourceType"], one.resource["id"])
    return None if version is None else here_of(version)


def _other_owner(one: MappedResource, here: Here, patient_id: str) -> str | None:
    """The id of the other person whom a resource that is here is about: no load moves a record."""
    if here.patients and patient_id not in here.patients:
        return here.patients[0]
    for element in _SUBJECTS:
        now, then = (_reference(data.get(element)) for data in (one.resource, here.data))
        if now is not None and then is not None and now != then and then.startswith("Patient/"):
            return then.removeprefix("Patient/")
    return None


def _reference(value: object) -> str | None:
    reference = value.get("reference") if isinstance(value, dict) else None
    return reference if isinstance(reference, str) else None


def _settle(plan: Plan, one: MappedResource, mapped: str, here: Here | None, bringing: Bringing) -> None:
    outcome, reason = decide(mapped, bringing.export, here, shared=one.shared)
    address = (one.resource["resourceType"], one.resource["id"])
    if here is not None and here.deleted:
        plan.gone.add(address)
    if bringing.outdated and outcome in ("created", "updated"):
        # The record as a whole says why; a line for each entry would hide the rest.
        outcome = "retained"
    if outcome in ("created", "updated"):
        resource = one.resource if here is None else _with_joined(one.resource, here.data)
        plan.put(stamped(resource, bringing.export, mapped), None if here is None else here.version)
    else:
        plan.outcomes[address] = outcome
    if reason is not None:
        plan.issues.append(Issue("informational", REASONS[reason], (one.place,), "information"))


def _join(plan: Plan, one: MappedResource, source: str, identity: Identity, bringing: Bringing) -> None:
    """A Patient of another origin keeps its content; it gains the identifier by which this source knows it."""
    assert identity.here is not None
    here = here_of(identity.here)
    value = f"Patient/{one.key}"
    identifiers = here.data.get("identifier", [])
    carried = any(item.get("system") == source and item.get("value") == value for item in identifiers)
    if carried or bringing.outdated:
        plan.outcomes["Patient", identity.patient_id] = "unchanged"
        return
    joined = joined_identifier(source, value, bringing.export)
    plan.put({**here.data, "identifier": [*identifiers, joined]}, here.version)


def _with_joined(resource: Json, current: Json) -> Json:
    """The resource with the identifiers by which other sources know it now."""
    if resource["resourceType"] != "Patient":
        return resource
    joined = [item for item in current.get("identifier", ()) if is_joined(item)]
    return {**resource, "identifier": [*resource.get("identifier", ()), *joined]} if joined else resource

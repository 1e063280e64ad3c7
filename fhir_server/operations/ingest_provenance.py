"""The Provenance of a person's record from one source: what its newest export was and which resources it knows.

https://hl7.org/fhir/R4/provenance.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fhir_server.interactions.context import Context
from fhir_server.operations.ingest_identity import Identity, RefusedRecord
from fhir_server.operations.reconcile import Here, Plan, here_of
from fhir_server.operations.stamp import Export, digest, stamped
from fhir_server.outcome import Issue
from fhir_server.store.values import instant
from mappers.mapper import Json, Mapped, Record, resource_id
from profiles.canonical import CANONICAL

DOCUMENT_DIGEST = f"{CANONICAL}/NamingSystem/document-sha256"
_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_URI = "urn:ietf:rfc:3986"


@dataclass(frozen=True, slots=True)
class Origin:
    """The Provenance under its id as it is here now, if it is."""

    id: str
    here: Here | None

    @property
    def newest(self) -> Export | None:
        """The newest export that was taken in."""
        if self.here is None or self.here.deleted or self.here.stamp is None:
            return None
        return self.here.stamp.export

    def outdates(self, export: Export) -> bool:
        """Whether a newer export than this came before."""
        return self.newest is not None and self.newest.at_ms > export.at_ms


async def read_origin(context: Context, record: Record, identity: Identity) -> Origin:
    """The Provenance of this person's record from this source. Raises `RefusedRecord` where it is another person's."""
    id = resource_id(record.source, "Provenance", record.person.key)
    version = await context.session.unseen.read("Provenance", id)
    if version is not None and version.patients and identity.patient_id not in version.patients:
        sentence = f"Provenance/{id} here says that this record is of another patient."
        raise RefusedRecord([Issue("conflict", sentence, ("Patient",))], identity.here)
    return Origin(id, None if version is None else here_of(version))


async def add_provenance(
    context: Context, origin: Origin, record: Record, mapped: Mapped, plan: Plan, export: Export
) -> None:
    """Add the Provenance to the plan where something is written, or a newer known export confirms what is here."""
    here, newest = origin.here, origin.newest
    confirms = export.known and (newest is None or export.rank > newest.rank)
    if not plan.puts and not confirms:
        plan.outcomes["Provenance", origin.id] = "unchanged"
        return
    if here is not None and not here.deleted and here.edited:
        plan.outcomes["Provenance", origin.id] = "retained"
        sentence = "The Provenance of this record was edited here; it stays as it is and does not name this export."
        plan.issues.append(Issue("informational", sentence, ("Bundle",), "information"))
        return
    targets = await _targets(context, here, mapped, plan)
    resource = _provenance(origin.id, record, mapped, targets, export, context.server.base_url)
    resource["recorded"] = instant(context.server.clock_ms())
    over = None if here is None or here.deleted else here.version
    plan.put(stamped(resource, export, digest(resource)), over)


async def _targets(context: Context, here: Here | None, mapped: Mapped, plan: Plan) -> list[str]:
    """Every resource of the record that is here, also those that only an earlier export knew."""
    present = [
        (str(one.resource["resourceType"]), str(one.resource["id"]))
        for one in mapped.resources
        if (one.resource["resourceType"], one.resource["id"]) not in plan.gone
    ]
    known = dict.fromkeys(f"{type}/{id}" for type, id in present)
    for reference in _earlier(here):
        type, _, id = reference.partition("/")
        if reference in known or (type, id) in plan.gone:
            continue
        version = await context.session.unseen.read(type, id)
        if version is not None and not version.deleted:
            known[reference] = None
    return list(known)


def _earlier(here: Here | None) -> Iterator[str]:
    for target in here.data.get("target", ()) if here is not None else ():
        reference = target.get("reference")
        if isinstance(reference, str) and reference.count("/") == 1:
            yield reference


def _provenance(id: str, record: Record, mapped: Mapped, targets: list[str], export: Export, server: str) -> Json:
    patient = mapped.resources[0].resource
    practice = patient.get("managingOrganization", {})
    who = {"reference": practice["reference"]} if "reference" in practice else {"identifier": _uri(record.source)}
    meta = {"source": record.source}
    security = patient.get("meta", {}).get("security")
    return {
        "resourceType": "Provenance",
        "id": id,
        "meta": meta if security is None else {**meta, "security": security},
        "target": [{"reference": target} for target in targets],
        "occurredDateTime": instant(export.at_ms),
        "agent": [
            {"type": _participant("author"), "who": who},
            {"type": _participant("assembler"), "who": {"identifier": _uri(server)}},
        ],
        "entity": [{"role": "source", "what": {"identifier": {"system": DOCUMENT_DIGEST, "value": record.digest}}}],
    }


def _participant(code: str) -> Json:
    return {"coding": [{"system": _PARTICIPANT, "code": code}]}


def _uri(value: str) -> Json:
    return {"system": _URI, "value": value}

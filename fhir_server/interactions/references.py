"""References that must resolve: those that place a resource in a patient's compartment, or all (`FHIR_REFERENCES`).

A record under the wrong person is the worst fault there is, so a subject must be a Patient that exists when the write
is committed. A logical reference is resolved by NHS number alone, to the one Patient whose number is verified.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fhir_server.interactions.context import Context
from fhir_server.model.links import references
from fhir_server.model.nhs_number import NHS_NUMBER
from fhir_server.outcome import Issue, Unprocessable
from fhir_server.search.claims import dependent_keys
from fhir_server.search.index import PatientLink
from fhir_server.store.criteria import IdentifierIs, Query
from fhir_server.store.values import Required

_VERIFICATION = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
_VERIFIED = "01"

Identifier = tuple[str, str]
Resource = tuple[str, str]
_Requirements = dict[tuple[Resource, int | None], Required]
"""By the resource, and the version in which it was found by its NHS number"""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the references of a resource ask of its commit: resources that must exist, logical references resolved,
    and the keys on which resolving them rests."""

    required: tuple[Required, ...] = ()
    resolved: Mapping[Identifier, Resource] = field(default_factory=dict)
    depends_on: frozenset[str] = frozenset()


async def resolve(
    context: Context, data: dict[str, Any], position: int, planned: Mapping[Identifier, Set[Resource]]
) -> Resolution:
    """Work out what must exist. Raises `Unprocessable` for a patient that cannot be told.

    `planned`: Patients with a verified NHS number that the same commit writes.
    """
    links = context.server.indexer.patient_links(data)
    checked = context.server.rules.references
    required: _Requirements = {}
    resolved: dict[Identifier, Resource] = {}
    depends_on: frozenset[str] = frozenset()
    for link in links:
        literal = link.reference.get("reference")
        if isinstance(literal, str):
            if checked != "off":
                target = _literal_patient(context, link, literal)
                required[target, None] = Required(*target, link.expression, position)
        elif (identifier := _nhs_number(link, strict=checked != "off")) is not None:
            found, version, keys = await _patient_with(context, identifier, planned)
            depends_on |= keys
            if found is not None:
                resolved[identifier] = found
                required[found, version] = Required(*found, link.expression, position, version)
            elif checked != "off":
                raise _unresolved(link, "No single Patient here has this NHS number, verified.")
    if checked == "all":
        _require_all(context, data, position, required)
    return Resolution(tuple(required.values()), resolved, depends_on)


def _literal_patient(context: Context, link: PatientLink, literal: str) -> Resource:
    if literal.startswith("#"):
        raise _unresolved(link, "A contained Patient cannot be the subject: refer to a Patient of this server.")
    relative = literal.removeprefix(context.server.base_url + "/")
    parts = relative.split("/")
    if parts[0] != "Patient" or not (len(parts) == 2 or (len(parts) == 4 and parts[2] == "_history")):
        raise _unresolved(link, "The patient must be a Patient of this server (Patient/[id]).")
    return ("Patient", parts[1])


def _nhs_number(link: PatientLink, *, strict: bool) -> Identifier | None:
    """The NHS number of a logical reference; None where it names nobody; refused where it names by something else."""
    identifier = link.reference.get("identifier")
    if not isinstance(identifier, dict) or "value" not in identifier:
        return None
    system = identifier.get("system", "")
    if system == NHS_NUMBER:
        return (system, identifier["value"])
    if strict and (link.only_patient or link.reference.get("type") == "Patient"):
        raise _unresolved(link, "A patient is found by NHS number only; use that, or a literal reference.")
    return None


async def _patient_with(
    context: Context, identifier: Identifier, planned: Mapping[Identifier, Set[Resource]]
) -> tuple[Resource | None, int | None, frozenset[str]]:
    """The one Patient with this verified NHS number, its version (None where the same commit writes it), and the keys
    that the answer rests on: whoever comes to have the number carries one, whoever loses it has another version."""
    criterion = IdentifierIs("identifier", *identifier)
    keys = dependent_keys("Patient", (criterion,))
    page = await context.session.unseen.search(Query("Patient", (criterion,), count=10))
    found: dict[Resource, int | None] = {
        (version.type, version.id): version.version
        for version in page.versions
        if version.body is not None and is_verified(msgspec.json.decode(version.body), identifier)
    }
    found |= dict.fromkeys(planned.get(identifier, frozenset()))
    if len(found) != 1 or page.next is not None:
        return None, None, keys
    ((patient, current),) = found.items()
    return patient, current, keys


def is_verified(patient: dict[str, Any], identifier: Identifier) -> bool:
    """Whether this Patient carries the NHS number with the verification status 01, present and verified."""
    return any(
        (item.get("system", ""), item.get("value")) == identifier
        and any(
            coding.get("code") == _VERIFIED
            for extension in item.get("extension", ())
            if extension.get("url") == _VERIFICATION
            for coding in extension.get("valueCodeableConcept", {}).get("coding", ())
        )
        for item in patient.get("identifier", ())
    )


def verified_nhs_numbers(patient: dict[str, Any]) -> tuple[Identifier, ...]:
    """The NHS numbers that this Patient carries verified."""
    carried = ((item.get("system", ""), item.get("value", "")) for item in patient.get("identifier", ()))
    return tuple(pair for pair in carried if pair[0] == NHS_NUMBER and is_verified(patient, pair))


def _require_all(context: Context, data: dict[str, Any], position: int, required: _Requirements) -> None:
    for expression, reference in references(data, context.server.definitions):
        literal = reference.get("reference")
        if not isinstance(literal, str) or literal.startswith("#"):
            continue
        parts = literal.removeprefix(context.server.base_url + "/").split("/")
        if len(parts) in (2, 4) and context.server.definitions.is_resource_type(parts[0]):
            target = (parts[0], parts[1])
            required.setdefault((target, None), Required(*target, expression, position))


def _unresolved(link: PatientLink, sentence: str) -> Unprocessable:
    return Unprocessable([Issue("not-found", sentence, (link.expression,))])

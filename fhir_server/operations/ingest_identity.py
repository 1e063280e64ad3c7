"""Who the person of a record is here, and which organisations of it are here already (decision 0005).

Known by the source's id; else joined by an NHS number that is verified on both sides, where demographics agree; else
new.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir_server.interactions.context import Context
from fhir_server.interactions.references import is_verified, verified_nhs_numbers
from fhir_server.model.json import parse
from fhir_server.model.nhs_number import NHS_NUMBER
from fhir_server.operations.demographics import (
    Demographics,
    differing,
    is_known_person,
    is_same_person,
    of_patient,
    of_person,
)
from fhir_server.outcome import Issue
from fhir_server.search.claims import dependent_keys
from fhir_server.store.criteria import IdentifierIs, Query
from fhir_server.store.values import Version
from mappers.mapper import Json, Known, Record, resource_id

ODS_CODE = "https://fhir.nhs.uk/Id/ods-organization-code"
NUMBER = "identifier (NHS number)"
_MOST = 50


class RefusedRecord(Exception):
    """The record is refused whole and kept for review. `here`: the Patient here that it comes to, if there is one."""

    def __init__(self, issues: Sequence[Issue], here: Version | None = None) -> None:
        super().__init__("the record is refused")
        self.issues = tuple(issues)
        self.here = here


@dataclass(slots=True)
class Identity:
    """Who it is. `ids`: what goes by another id here than the mapper would give; `here`: the Patient now, if any;
    `joined`: that Patient is not this source's own; `depends_on`: the keys that the decision rests on."""

    patient_id: str
    joined: bool = False
    here: Version | None = None
    ids: dict[Known, str] = field(default_factory=dict)
    depends_on: frozenset[str] = frozenset()
    issues: list[Issue] = field(default_factory=list)


async def identify(context: Context, record: Record) -> Identity:
    """Decide who it is. Raises `RefusedRecord` where that cannot be told, or is somebody else."""
    finding = _Finding(context, record)
    identity = await finding.known()
    if identity is None:
        identity = await finding.by_nhs_number()
    if identity.patient_id != finding.own_id:
        identity.joined = True
        identity.ids["Patient", record.person.key] = identity.patient_id
    if identity.here is not None:
        context.session.changing(identity.here)
    identity.ids |= await finding.organizations()
    identity.depends_on = frozenset(finding.depends_on)
    return identity


@dataclass(slots=True)
class _Finding:
    """One look at what is here."""

    context: Context
    record: Record
    depends_on: set[str] = field(default_factory=set)

    @property
    def own_id(self) -> str:
        return resource_id(self.record.source, "Patient", self.record.person.key)

    async def known(self) -> Identity | None:
        """The Patient whom this source's id names: under the id made of it, or by the identifier that keeps it."""
        own = await self.context.session.unseen.read("Patient", self.own_id)
        found = await self._with("Patient", self.record.source, f"Patient/{self.record.person.key}")
        if own is not None and not own.deleted:
            found = [own]
        elif own is not None and not found:
            raise RefusedRecord([_patient_issue("deleted", "The person of this record was deleted here.")], own)
        if len(found) > 1:
            raise RefusedRecord([_patient_issue("multiple-matches", "Several Patients here carry this source's id.")])
        return self._checked(found[0]) if found else None

    def _checked(self, version: Version) -> Identity:
        here, there = of_patient(_data(version)), of_person(self.record.person)
        fields = differing(there, here) + self._another_number(version)
        if not is_known_person(there, here) or NUMBER in fields:
            raise _somebody_else(version, fields)
        identity = Identity(version.id, here=version)
        if fields:
            identity.issues.append(_difference("known by its source's id", version, fields))
        return identity

    def _another_number(self, version: Version) -> tuple[str, ...]:
        """Two numbers, both verified, are two people, or something that a person must look at."""
        verified = [number for _, number in verified_nhs_numbers(_data(version))]
        number = self.record.person.nhs_number
        return (NUMBER,) if number is not None and verified and number not in verified else ()

    async def by_nhs_number(self) -> Identity:
        """The Patient with the same NHS number, verified on both sides; a new one where there is none."""
        number = self.record.person.nhs_number
        if number is None:
            return Identity(self.own_id)
        found = await self._with("Patient", NHS_NUMBER, number)
        here = [version for version in found if is_verified(_data(version), (NHS_NUMBER, number))]
        there = of_person(self.record.person)
        same = [version for version in here if is_same_person(there, of_patient(_data(version)))]
        if len(same) > 1:
            raise RefusedRecord([_patient_issue("multiple-matches", "Several Patients here have this NHS number.")])
        if here and not same:
            raise _somebody_else(here[0], _against(there, here[0]))
        if not same:
            return Identity(self.own_id)
        fields = differing(there, of_patient(_data(same[0])))
        return Identity(same[0].id, here=same[0], issues=[_difference("joined by NHS number", same[0], fields)])

    async def organizations(self) -> dict[Known, str]:
        """Organisations that another source or this server knows already, by ODS code."""
        ids: dict[Known, str] = {}
        for code, key in sorted(self.record.organizations.items()):
            own = await self.context.session.unseen.read(
                "Organization", resource_id(self.record.source, "Organization", key)
            )
            if own is not None and not own.deleted:
                continue
            found = await self._with("Organization", ODS_CODE, code)
            if len(found) == 1:
                ids["Organization", key] = found[0].id
        return ids

    async def _with(self, type: str, system: str, value: str) -> list[Version]:
        criterion = IdentifierIs("identifier", system, value)
        self.depends_on |= dependent_keys(type, (criterion,))
        page = await self.context.session.unseen.search(Query(type, (criterion,), count=_MOST))
        return list(page.versions)


async def belongs_to(context: Context, record: Record, owner: str, what: str, place: str) -> RefusedRecord:
    """The refusal of a record of which something (`what`) is known here as this Patient's."""
    version = await context.session.unseen.read("Patient", owner)
    sentence = f"{what} is known here and belongs to another person, Patient/{owner}."
    if version is None or version.deleted:
        return RefusedRecord([Issue("conflict", sentence, (place,))])
    fields = _against(of_person(record.person), version)
    said = f" These differ: {', '.join(fields)}." if fields else ""
    return RefusedRecord([Issue("conflict", sentence + said, (place,))], version)


def _data(version: Version) -> Json:
    assert version.body is not None
    return parse(version.body, max_bytes=len(version.body)).data


def _against(there: Demographics, version: Version) -> tuple[str, ...]:
    """The fields that differ; where none does, too few are said for the two to be one person."""
    return differing(there, of_patient(_data(version)))


def _somebody_else(version: Version, fields: Sequence[str]) -> RefusedRecord:
    what = f"These differ: {', '.join(fields)}." if fields else "Too little is said of one of them to tell."
    sentence = f"The record is of somebody else than Patient/{version.id} here. {what}"
    places = tuple(f"Patient.{name}" for name in fields) or ("Patient",)
    return RefusedRecord([Issue("conflict", sentence, places)], version)


def _difference(how: str, version: Version, fields: Sequence[str]) -> Issue:
    said = f"; these differ: {', '.join(fields)}" if fields else ""
    return Issue("informational", f"The person is Patient/{version.id} here, {how}{said}.", ("Patient",), "information")


def _patient_issue(code: str, sentence: str) -> Issue:
    return Issue(code, sentence, ("Patient",))

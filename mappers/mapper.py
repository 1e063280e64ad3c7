"""What every mapper takes and gives. Two steps, because ids depend on who the person is here:

`Mapper.read` reads a document and says whose record it is; the caller decides who that is here; `Record.mapped` then
makes the resources. Nothing here knows a store.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import UUID, uuid5

from fhir_server.outcome import Issue

Json = dict[str, Any]
Known = tuple[str, str]
"""R4 resource type and key: how a thing is known within its source system."""

_NAMESPACE = UUID("6f5a1c7e-0f0b-5c52-9a4e-6d1d0a3c7b11")


def resource_id(source: str, type: str, key: str) -> str:
    """The id here of what a source system knows by this key: always the same, and another for every other source."""
    return str(uuid5(_NAMESPACE, f"{source}|{type}|{key}"))


class Unmappable(Exception):
    """The document is refused whole; the issues say where and why, without patient data."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("the document cannot be mapped")
        self.issues = tuple(issues)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a document. `source`: the URI of the source system, where the document does not say it;
    `timezone`: for times without a zone; `max_bytes`: longer documents are refused."""

    source: str | None = None
    timezone: str = "Europe/London"
    max_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Person:
    """Whose record it is, as the source says: what identity is decided by.

    `nhs_number` is set only where it is valid (mod 11) and the source says that it is verified. `names` are
    (family, first given) pairs, the official one first; dates as written; `postcode` without spaces, upper case.
    """

    key: str
    nhs_number: str | None
    birth_date: str | None
    gender: str | None
    names: tuple[tuple[str, str], ...]
    postcode: str | None


EntryOutcome = Literal["mapped", "kept", "duplicate", "aside"]


@dataclass(frozen=True, slots=True)
class EntryReport:
    """What became of one entry of the document. `place`: its FHIRPath there; `type`: the type that it came as;
    `to`: type and id of what it became (a DocumentReference where it was kept as received). `aside`: it is about
    somebody else than the record, so nothing of it comes into this person's record; it is for somebody to look at.
    """

    place: str
    type: str
    outcome: EntryOutcome
    to: tuple[str, str] | None
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class MappedResource:
    """A resource that came out: complete R4 JSON with its id and its references. `shared`: it is about no patient."""

    key: str
    shared: bool
    resource: Json
    place: str

    @property
    def known(self) -> Known:
        """How its source knows it."""
        return self.resource["resourceType"], self.key


@dataclass(frozen=True, slots=True)
class SetAside:
    """An entry about somebody else, as received: kept for review, outside of everybody's record."""

    place: str
    type: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Mapped:
    """A document as R4 resources. `resources` holds each (type, id) once, the Patient first."""

    source: str
    patient_id: str
    resources: tuple[MappedResource, ...]
    reports: tuple[EntryReport, ...]
    aside: tuple[SetAside, ...] = ()

    def bundle(self) -> Json:
        """A transaction Bundle that puts every resource under its id. https://hl7.org/fhir/R4/http.html#transaction"""
        return {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {
                    "resource": one.resource,
                    "request": {"method": "PUT", "url": f"{one.resource['resourceType']}/{one.resource['id']}"},
                }
                for one in self.resources
            ],
        }


class Record(Protocol):
    """A document that was read."""

    @property
    def source(self) -> str:
        """The URI of the source system."""

    @property
    def person(self) -> Person:
        """Whose record it is."""

    @property
    def digest(self) -> str:
        """SHA-256 of the document as received, in hexadecimal."""

    @property
    def organizations(self) -> Mapping[str, str]:
        """ODS code -> key of each Organization that has one: the caller may know that organisation already."""

    def mapped(self, ids: Mapping[Known, str]) -> Mapped:
        """The resources. `ids`: those that go by another id here than `resource_id` gives (a Patient joined by NHS
        number, an Organization joined by ODS code); such a resource is then left out of `resources`, except the
        Patient, whose mapped form is always there."""


Read = Callable[[bytes, ReadOptions], Record]


@dataclass(frozen=True, slots=True)
class Mapper:
    """A source that can be taken in. `read` raises `Unmappable`; `recognises` says quickly (from the parsed or raw
    beginning) whether bytes look like this source's documents."""

    code: str
    title: str
    read: Read
    recognises: Callable[[bytes], bool]
    content_types: tuple[str, ...] = field(default=("application/json", "application/fhir+json"))

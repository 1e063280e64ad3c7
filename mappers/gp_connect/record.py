"""A whole record made R4. https://hl7.org/fhir/R4/http.html#transaction

Every entry ends as one of three: mapped, kept as received, or a duplicate of one before it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from zoneinfo import ZoneInfo

from fhir_server.definitions.definitions import r4
from fhir_server.model.nhs_number import NHS_NUMBER, is_valid
from fhir_server.outcome import Issue
from fhir_server.validation import Validator
from mappers.gp_connect.convert import Conversion, Target
from mappers.gp_connect.document import Entry, StructuredRecord, read_document
from mappers.gp_connect.element import Unfaithful
from mappers.gp_connect.frame import Frame
from mappers.gp_connect.kept import kept_as_received, kept_key
from mappers.gp_connect.mapping import ResourceMap
from mappers.gp_connect.person import nhs_numbers, ods_code, person_of, source_of
from mappers.gp_connect.resources import MAPS
from mappers.gp_connect.stu3 import faults
from mappers.mapper import (
    EntryReport,
    Json,
    Known,
    Mapped,
    MappedResource,
    Person,
    ReadOptions,
    SetAside,
    Unmappable,
    resource_id,
)
from profiles.canonical import CANONICAL

DIRECT_CARE_ONLY: Json = {
    "system": f"{CANONICAL}/CodeSystem/handling",
    "code": "direct-care-only",
    "display": "For direct care only",
}
"""GP Connect data is for direct care only: later exports leave out what carries this label."""

_BY_TYPE: Mapping[str, ResourceMap] = {one.source: one for one in MAPS}


@cache
def _validator() -> Validator:
    return Validator(r4())


@cache
def _resource_types() -> frozenset[str]:
    return frozenset(r4().resource_types)


def read_record(raw: bytes, options: ReadOptions) -> "GpConnectRecord":
    """A structured record. Raises `Unmappable` where it is none, or is not about one person alone."""
    document = read_document(raw, options)
    record = GpConnectRecord(document, source_of(document, options), person_of(document.patient), options.timezone)
    record.about_others()
    return record


@dataclass(frozen=True, slots=True)
class GpConnectRecord:
    """A GP Connect structured record that was read; see `mappers.mapper.Record`."""

    document: StructuredRecord
    source: str
    person: Person
    timezone: str

    @property
    def digest(self) -> str:
        """SHA-256 of the document as received."""
        return self.document.digest

    @property
    def organizations(self) -> Mapping[str, str]:
        """ODS code -> key of the first Organization that has it."""
        found: dict[str, str] = {}
        for entry in self.document.entries:
            code = ods_code(entry.data) if entry.type == "Organization" else None
            if code is not None:
                found.setdefault(code, key_of(entry))
        return found

    def mapped(self, ids: Mapping[Known, str]) -> Mapped:
        """The resources; `ids` as in `mappers.mapper.Record.mapped`. Raises `Unmappable` where the Patient cannot be
        mapped: a record without its person is none."""
        return _Mapping(self, ids).run()

    def about_others(self) -> frozenset[int]:
        """Positions of the entries that are about somebody else than the record.

        Raises `Unmappable` where they are the most of it: then rather the Patient is the one who does not belong here.
        """
        bound = [(entry, element) for entry in self.document.entries for element in _subject_elements(entry)]
        others = [(entry, element) for entry, element in bound if not self._is_own(entry.data.get(element))]
        if len(others) * 2 > len(bound):
            sentence = "Most of the record is about another patient than its own."
            raise Unmappable(
                [Issue("conflict", sentence, (f"{entry.place}.{element}",)) for entry, element in others[:50]]
            )
        return frozenset(entry.position for entry, _ in others)

    def _is_own(self, subject: object) -> bool:
        """Whether a subject is this record's Patient, or says nothing. Any other value is somebody else."""
        if subject is None:
            return True
        if not isinstance(subject, dict):
            return False
        named = subject.get("reference")
        if named is None:
            return not self._names_another_number(subject.get("identifier"))
        found = self.document.find(named) if isinstance(named, str) else None
        return found is not None and found.position == self.document.patient.position

    def _names_another_number(self, identifier: object) -> bool:
        """Whether an identifier is a valid NHS number and the Patient carries another one. Where the Patient carries
        none that is valid (a placeholder, met in the wild) nothing contradicts the record."""
        if not isinstance(identifier, dict) or identifier.get("system") != NHS_NUMBER:
            return False
        number = str(identifier.get("value", "")).replace(" ", "")
        own = [carried for carried, _ in nhs_numbers(self.document.patient.data) if is_valid(carried)]
        return is_valid(number) and bool(own) and number not in own


def key_of(entry: Entry) -> str:
    """How the source knows an entry, unique in the R4 type: two types that become one keep their names."""
    resource_map = _BY_TYPE.get(entry.type)
    own = resource_map is None or resource_map.target == resource_map.source
    return entry.key if own else f"{entry.type}/{entry.key}"


def _subject_elements(entry: Entry) -> Iterator[str]:
    resource_map = _BY_TYPE.get(entry.type)
    if resource_map is None:
        yield from (name for name in ("subject", "patient") if name in entry.data)
    elif resource_map.subject is not None and entry.type != "Patient":
        yield resource_map.subject


@dataclass(slots=True)
class _Mapping:
    """The mapping of one record: a first round over all entries, then again those that refer to what was kept."""

    record: GpConnectRecord
    ids: Mapping[Known, str]
    kept: dict[int, list[Issue]] = field(default_factory=dict)
    done: dict[int, tuple[Json, list[Issue]]] = field(default_factory=dict)
    frame: Frame = field(init=False)
    aside: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        self.aside = self.record.about_others()
        self.frame = Frame(
            self.record.source,
            self._patient(),
            self._meta(),
            _BY_TYPE,
            _validator(),
            ZoneInfo(self.record.timezone),
            self._found,
        )

    def run(self) -> Mapped:
        entries = [entry for entry in self.record.document.entries if entry.position not in self.aside]
        duplicates = self._duplicates()
        waiting = [entry for entry in entries if entry.position not in duplicates]
        while waiting:
            before = set(self.kept)
            for entry in waiting:
                self._map(entry)
            waiting = self._referring(set(self.kept) - before, duplicates)
        if self.record.document.patient.position in self.kept:
            raise Unmappable(self.kept[self.record.document.patient.position])
        reports = tuple(self._report(entry, duplicates) for entry in self.record.document.entries)
        ordered = sorted(
            (entry for entry in entries if entry.position not in duplicates), key=lambda entry: entry.type != "Patient"
        )
        resources = tuple(one for entry in ordered for one in self._resources(entry))
        return Mapped(self.record.source, self._patient_id(), resources, reports, tuple(self._set_aside()))

    def _set_aside(self) -> Iterator[SetAside]:
        for entry in self.record.document.entries:
            if entry.position in self.aside:
                yield SetAside(entry.place, entry.type, entry.text)

    def _patient_id(self) -> str:
        return self._id(self.record.document.patient)

    def _id(self, entry: Entry) -> str:
        type = _target(entry)
        key = key_of(entry)
        return self.ids.get((type, key)) or resource_id(self.record.source, type, key)

    def _duplicates(self) -> set[int]:
        """Entries that were there before, the same byte for byte; rivals for an id are kept as received."""
        seen: set[tuple[str, str]] = set()
        duplicates: set[int] = set()
        for entry in self.record.document.entries:
            if (entry.type, entry.key) in seen:
                duplicates.add(entry.position)
            elif entry.rival:
                sentence = "Another entry has the same id and other content."
                self.kept[entry.position] = [Issue("duplicate", sentence, (entry.place,), "warning")]
            seen.add((entry.type, entry.key))
        return duplicates

    def _map(self, entry: Entry) -> None:
        self.done.pop(entry.position, None)
        resource_map = _BY_TYPE.get(entry.type)
        if entry.position in self.kept:
            return
        if resource_map is None:
            sentence = "The entry holds no resource." if not entry.type else "Resources of this type are not mapped."
            self.kept[entry.position] = [Issue("not-supported", sentence, (entry.place,), "warning")]
            return
        found = faults(entry.data, entry.place)
        conversion = Conversion(self.record.source, self._target_of, _resource_types())
        try:
            resource, issues = self.frame.resource(entry, resource_map, self._id(entry), conversion)
        except Unfaithful as refusal:
            self.kept[entry.position] = [*found, refusal.issue]
        else:
            self.done[entry.position] = (resource, [*found, *issues])

    def _patient(self) -> Json:
        return {"reference": f"Patient/{self._patient_id()}"}

    def _meta(self) -> Json:
        return {"source": self.record.source, "security": [DIRECT_CARE_ONLY]}

    def _found(self, reference: str) -> Json | None:
        entry = self.record.document.find(reference)
        return None if entry is None else entry.data

    def _target_of(self, reference: str) -> Target | None:
        entry = self.record.document.find(reference)
        if entry is None or entry.position in self.kept or entry.position in self.aside or entry.type not in _BY_TYPE:
            return None
        return _target(entry), self._id(entry)

    def _referring(self, newly_kept: set[int], duplicates: set[int]) -> list[Entry]:
        """Entries that refer to what was kept as received just now: their references must become logical ones."""
        entries = self.record.document.entries
        kept = [entries[position] for position in newly_kept if not entries[position].rival]
        addresses = [f'{entry.address}"'.encode() for entry in kept if entry.address]
        if not addresses:
            return []
        return [
            entry
            for entry in entries
            if entry.position in self.done
            and entry.position not in duplicates
            and any(address in entry.text for address in addresses)
        ]

    def _report(self, entry: Entry, duplicates: set[int]) -> EntryReport:
        if entry.position in self.aside:
            sentence = "This is about another patient than the record: it is set aside for review."
            return EntryReport(
                entry.place, entry.type, "aside", None, (Issue("conflict", sentence, (entry.place,), "warning"),)
            )
        if entry.position in duplicates:
            return EntryReport(entry.place, entry.type, "duplicate", None)
        if entry.position in self.kept:
            id = resource_id(self.record.source, "DocumentReference", kept_key(entry))
            return EntryReport(
                entry.place, entry.type, "kept", ("DocumentReference", id), tuple(self.kept[entry.position])
            )
        resource, issues = self.done[entry.position]
        return EntryReport(entry.place, entry.type, "mapped", (resource["resourceType"], resource["id"]), tuple(issues))

    def _resources(self, entry: Entry) -> Iterator[MappedResource]:
        reasons = self.kept.get(entry.position)
        if reasons is not None:
            resource = kept_as_received(entry, self.record.source, self._patient(), self._meta(), reasons)
            yield MappedResource(kept_key(entry), False, resource, entry.place)
            return
        key = key_of(entry)
        if (_target(entry), key) in self.ids and entry.type != "Patient":
            return
        yield MappedResource(key, _BY_TYPE[entry.type].shared, self.done[entry.position][0], entry.place)


def _target(entry: Entry) -> str:
    resource_map = _BY_TYPE.get(entry.type)
    return entry.type if resource_map is None else resource_map.target

"""What a map of one resource type declares, and what it is given."""

from collections.abc import Callable
from dataclasses import dataclass, field

from fhir_server.outcome import Issue, Severity
from mappers.gp_connect.element import Element
from mappers.mapper import Json


@dataclass(slots=True)
class EntryMapping:
    """The mapping of one entry: where findings go, and what a map may ask about the document.

    `patient`: a literal reference to the record's Patient, as it is known here. `find` gives the source resource that
    a reference of the source (`Medication/1`) names within the document, or None.
    """

    place: str
    patient: Json
    find: Callable[[str], Json | None]
    issues: list[Issue] = field(default_factory=list)

    def note(self, code: str, diagnostics: str, place: str, severity: Severity = "information") -> None:
        """Add a finding; `diagnostics` never holds patient data."""
        self.issues.append(Issue(code, diagnostics, (place,), severity))


@dataclass(frozen=True, slots=True)
class ResourceMap:
    """How one STU3 resource type becomes R4.

    `map` gives the R4 elements of the type itself; the frame adds resourceType, id, meta, identifier, language, text,
    contained, extension and modifierExtension, so a map never touches those. It raises `Unfaithful` where there is no
    faithful R4 form. `subject`: the source's element that refers to the patient (None for shared types, which are about
    no patient), which R4 calls the same; the frame makes sure that it is this record's Patient, and sets it where it is
    missing. `bound`: the type is about the patient by another way than a subject (the participants of an Appointment);
    its map then makes sure that it is this Patient.
    """

    source: str
    target: str
    map: Callable[[Element, EntryMapping], Json]
    subject: str | None = None
    bound: bool = False

    @property
    def shared(self) -> bool:
        """Whether resources of this type are about no patient."""
        return self.subject is None and not self.bound

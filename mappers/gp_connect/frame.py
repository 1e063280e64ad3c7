"""One entry made R4: the elements that all types share, the map of its type, and what happens where that fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from fhir_server.outcome import Issue
from fhir_server.validation import Validator
from mappers.gp_connect.convert import Conversion
from mappers.gp_connect.document import Entry
from mappers.gp_connect.element import Element, Unfaithful
from mappers.gp_connect.kept import not_mapped
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.gp_connect.repair import repaired
from mappers.mapper import Json
from profiles.canonical import CANONICAL

_EXTENSIONS = ("extension", "modifierExtension")
ORIGINAL_ID = f"{CANONICAL}/StructureDefinition/original-id"
_ONE_IDENTIFIER = ("QuestionnaireResponse",)
"""R4 types that have one identifier only: further ones stand in an extension of it."""
_REPAIRS = 3
"""A repair may uncover a fault behind it; more rounds than this find nothing new."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What all entries of a record share while they are mapped.

    `meta`: what the meta of every resource says; `patient`: the literal reference to the Patient here; `find` gives the
    source resource behind a reference.
    """

    source: str
    patient: Json
    meta: Json
    maps: Mapping[str, ResourceMap]
    validator: Validator
    zone: ZoneInfo
    find: Callable[[str], Json | None]

    def resource(
        self, entry: Entry, resource_map: ResourceMap, id: str, conversion: Conversion
    ) -> tuple[Json, list[Issue]]:
        """The R4 resource under this id, with its findings. Raises `Unfaithful` where it is to be kept as received."""
        mapping = EntryMapping(entry.place, self.patient, self.find)
        element = Element(entry.data, entry.place, conversion)
        element.take("resourceType", "id", "_id")
        resource: Json = {"resourceType": resource_map.target, "id": id, "meta": self._meta(element)}
        resource |= element.keep("implicitRules", "language", "text")
        resource |= self._contained(element, mapping, conversion)
        resource |= element.keep(*_EXTENSIONS)
        resource |= self._identifiers(entry, element, resource_map.target)
        self._merge(resource, resource_map.map(element, mapping))
        self._about_the_patient(resource, resource_map, mapping)
        self._keep_left(resource, element, mapping, entry.place)
        issues = [*mapping.issues, *conversion.issues]
        return resource, issues + self._validated(resource, entry.place)

    def _about_the_patient(self, resource: Json, resource_map: ResourceMap, mapping: EntryMapping) -> None:
        """A subject is this record's Patient: no other one came this far, and one that is missing is set."""
        name = resource_map.subject
        if name is None or resource_map.target == "Patient":
            return
        given = resource.get(name)
        if not isinstance(given, dict) or "reference" not in given:
            sentence = "The entry does not refer to the Patient; it is taken to be about the person of the record."
            mapping.note("required", sentence, f"{mapping.place}.{name}", "warning")
        resource[name] = {**(given if isinstance(given, dict) else {}), **self.patient}

    def _meta(self, element: Element) -> Json:
        """Labels and tags come over; profiles and versions are of STU3 and of the other server."""
        received = element.element("meta")
        meta: Json = dict(self.meta)
        if received is None:
            return meta
        received.take("profile", "versionId", "lastUpdated", "id")
        labels = received.keep("security", "tag", "extension")
        for name, value in labels.items():
            both = isinstance(value, list) and isinstance(meta.get(name), list)
            meta[name] = [*meta[name], *value] if both else value
        return meta

    def _identifiers(self, entry: Entry, element: Element, target: str) -> Json:
        """The identifiers of the source, in a list in the types that have one, and the original id."""
        kept = element.keep("identifier").get("identifier", [])
        received = kept if isinstance(kept, list) else [kept]
        original = [] if entry.address is None else [{"system": self.source, "value": entry.address}]
        if target not in _ONE_IDENTIFIER:
            return {"identifier": [*received, *original]} if received or original else {}
        if not received or not isinstance(received[0], dict):
            return {"identifier": original[0]} if original else {}
        beside = [{"url": ORIGINAL_ID, "valueIdentifier": item} for item in (*received[1:], *original)]
        extensions = [*received[0].get("extension", ()), *beside]
        return {"identifier": {**received[0], "extension": extensions} if extensions else received[0]}

    def _contained(self, element: Element, mapping: EntryMapping, conversion: Conversion) -> Json:
        contained = [self._inner(inner, mapping, conversion) for inner in element.elements("contained")]
        return {"contained": contained} if contained else {}

    def _inner(self, inner: Element, mapping: EntryMapping, conversion: Conversion) -> Json:
        type = inner.string("resourceType")
        resource_map = self.maps.get(type or "")
        if resource_map is None:
            raise Unfaithful("not-supported", "It contains a resource of a type that is not mapped.", inner.place)
        resource: Json = {"resourceType": resource_map.target, **inner.keep("id", "language", "text")}
        inner.take("meta")
        resource |= inner.keep(*_EXTENSIONS)
        identifier = inner.keep("identifier").get("identifier")
        if identifier is not None:
            resource["identifier"] = identifier if isinstance(identifier, list) else [identifier]
        self._merge(resource, resource_map.map(inner, mapping))
        return resource

    @staticmethod
    def _merge(resource: Json, body: Json) -> None:
        """Add what a map made; extensions that it adds stand beside those that were received."""
        for name, value in body.items():
            if name in ("extension", "modifierExtension", "identifier") and name in resource:
                resource[name] = [*resource[name], *value]
            else:
                resource[name] = value

    @staticmethod
    def _keep_left(resource: Json, element: Element, mapping: EntryMapping, place: str) -> None:
        for left, value in element.left():
            mapping.note("not-supported", "This element has no place in R4 here; it is kept in an extension.", left)
            path = left.removeprefix(place + ".")
            resource["extension"] = [*resource.get("extension", ()), not_mapped(path, value)]

    def _validated(self, resource: Json, place: str) -> list[Issue]:
        """Findings of the repair of what our own validation refuses. Raises `Unfaithful` where it still refuses it."""
        done: list[Issue] = []
        for _ in range(_REPAIRS):
            errors = _errors(self.validator.validate(resource))
            if not errors:
                return done
            repairs = repaired(resource, errors, self.zone)
            if repairs is None:
                break
            done += [_placed(issue, place) for issue in repairs]
        errors = _errors(self.validator.validate(resource))
        if errors:
            raise Unfaithful(errors[0].code, f"R4 does not take it: {errors[0].diagnostics}", _path(errors[0], place))
        return done


def _errors(issues: list[Issue]) -> list[Issue]:
    return [issue for issue in issues if issue.severity not in ("warning", "information")]


def _path(issue: Issue, place: str) -> str:
    """Where in the entry an issue of the R4 resource lies, as far as the names are the same."""
    inside: Any = issue.expression[0].partition(".")[2] if issue.expression else ""
    return f"{place}.{inside}" if inside else place


def _placed(issue: Issue, place: str) -> Issue:
    return Issue(issue.code, issue.diagnostics, (_path(issue, place),), issue.severity)

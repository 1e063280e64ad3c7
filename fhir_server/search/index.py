"""A resource to its index entries, and to the references that say whose record it is.

https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/compartmentdefinition.html
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from itertools import repeat
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from fhir_server.definitions.definitions import Definitions
from fhir_server.fhirpath.env import Env, Item
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.search.draft import Draft, Resolved
from fhir_server.search.extraction_plan import Plan, plan
from fhir_server.search.parameters import parameters_of
from fhir_server.search.patient_links import PatientLink, PatientLinks
from fhir_server.search.reading.dates import date_reader
from fhir_server.search.reading.references import ReferenceReader, reference_reader, type_in_reference
from fhir_server.search.reading.words import CONTENT, TEXT, collect, content_words, narrative_words
from fhir_server.store.entries import Entries, contained_group

__all__ = ["Indexer", "PatientLink"]

_NOTHING: Resolved = MappingProxyType({})
_MALFORMED = (TypeError, AttributeError, ValueError, KeyError, IndexError, ArithmeticError, EvaluationError)
"""What data that is not FHIR makes an extraction raise: it has no entries then"""


class Indexer:
    """Makes the index entries of resources. Compiles what it needs for a type at that type's first resource."""

    def __init__(self, definitions: Definitions, *, base_url: str, timezone: ZoneInfo) -> None:
        self._definitions = definitions
        self._parameters = parameters_of(definitions)
        self._read_date = date_reader(timezone)
        self._read_reference = reference_reader(definitions, base_url)
        self._compartments = frozenset(definitions.compartments)
        self._plans: dict[str, Plan] = {}
        self._memberships: dict[str, Mapping[str, frozenset[str]]] = {}
        self._links = PatientLinks(self._parameters, self._read_reference)

    def entries(self, resource: dict[str, Any], resolved: Resolved = _NOTHING) -> Entries:
        """All index entries of a resource, for every search parameter of its type.

        `resolved`: for a logical reference, by (identifier system, value), the (type, id) that it was resolved to.
        Never raises: what is malformed has no entries.
        """
        resource_type = resource.get("resourceType", "")
        draft = Draft(resolved)
        if self._definitions.is_resource_type(resource_type):
            self.add_parameters(resource_type, resource, draft)
            draft.beside = self._parameters.beside(resource_type)
            self.add_texts(resource_type, resource, draft)
        return draft.entries()

    def patient_links(self, resource: dict[str, Any]) -> list[PatientLink]:
        """The references that place a resource in a Patient compartment, or would if they resolved."""
        resource_type = resource.get("resourceType", "")
        return self._links.of(resource_type, resource) if self._definitions.is_resource_type(resource_type) else []

    def add_parameters(self, resource_type: str, resource: dict[str, Any], draft: Draft) -> None:
        """What the search parameters find in a resource, and in those that it contains; its compartments."""
        self._evaluate(resource_type, resource, draft)
        self._add_compartments(resource_type, resource, draft)
        self._add_contained(resource, draft)

    def add_texts(self, resource_type: str, resource: dict[str, Any], draft: Draft) -> None:
        """What every text and reference brings, whichever element it is in: the words for full-text search, and the
        resources of this server that are referred to. What is in the entries of a Bundle refers inside the Bundle."""
        texts: list[str] = []
        references: list[str] = []
        outside = resource
        if resource_type == "Bundle":
            outside = {key: value for key, value in resource.items() if key != "entry"}
            collect({"entry": resource.get("entry")}, texts, [])
        collect(outside, texts, references)
        own = (resource_type, resource.get("id"))
        draft.targets += [found for found in map(self._read_reference, references) if found is not None and found[0]]
        draft.targets = [target for target in draft.targets if target != own]
        narrative = narrative_words(resource)
        content = content_words(texts, narrative)
        draft.words = [*zip(repeat(TEXT), narrative), *zip(repeat(CONTENT), content)]
        draft.present += [name for name, words in ((TEXT, narrative), (CONTENT, content)) if words]

    def _add_contained(self, resource: dict[str, Any], draft: Draft) -> None:
        """A group for each contained resource, by its type and by the parameters that refer to it; what it contains
        itself FHIR does not allow."""
        contained = resource.get("contained")
        for each in contained if isinstance(contained, list) else ():
            name = each.get("resourceType") if isinstance(each, dict) else None
            if isinstance(name, str) and self._definitions.is_resource_type(name):
                inner = Draft(draft.resolved)
                self._evaluate(name, each, inner)
                entries = inner.contained()
                referring = dict.fromkeys(param for param, id in draft.inside if id == each.get("id"))
                draft.groups += [(contained_group(param, name), entries) for param in ("", *referring)]

    def _evaluate(self, resource_type: str, resource: dict[str, Any], draft: Draft) -> None:
        its_plan = self._plans.get(resource_type)
        if its_plan is None:
            its_plan = self._plan(resource_type)
        focus: list[Item] = [(resource_type, resource, None)]
        env = _Surroundings(focus[0], self._definitions, self._read_reference, draft.resolved)
        steps_of = its_plan.by_key.get
        for key, found in resource.items():
            steps = steps_of(key)
            if steps is None:
                continue
            values = found if type(found) is list else [found]
            for step in steps:
                try:
                    step(values, focus, env, draft)
                except _MALFORMED:
                    continue
        for step in its_plan.always:
            with suppress(*_MALFORMED):
                step([], focus, env, draft)

    def _add_compartments(self, resource_type: str, resource: dict[str, Any], draft: Draft) -> None:
        memberships = self._memberships[resource_type]
        own_id = resource.get("id")
        if own_id and resource_type in self._compartments:
            draft.compartments.append((resource_type, own_id))
        for name, target_type, target_id in draft.references:
            if target_type and target_type in memberships.get(name, ()):
                draft.compartments.append((target_type, target_id))

    def _plan(self, resource_type: str) -> Plan:
        """The plan of a type, made once; with it, by parameter, the compartments that its references place it in."""
        names: dict[str, set[str]] = {}
        for compartment in self._compartments:
            for name in self._definitions.compartment(compartment).parameters.get(resource_type, ()):
                names.setdefault(name, set()).add(compartment)
        self._memberships[resource_type] = {name: frozenset(found) for name, found in names.items()}
        made = plan(self._parameters, resource_type, self._read_date, self._read_reference)
        self._plans[resource_type] = made
        return made


class _Surroundings(Env):
    """What an expression may ask while it is evaluated on a resource for the index: no I/O, only the text."""

    __slots__ = ("_definitions", "_read", "_resolved")

    def __init__(self, resource: Item, definitions: Definitions, read: ReferenceReader, resolved: Resolved) -> None:
        super().__init__(resource)
        # The standard's own expressions walk the resource a few times, however large it is.
        self.steps_left = sys.maxsize
        self._definitions = definitions
        self._read = read
        self._resolved = resolved

    def resolve(self, reference: Any) -> list[Item]:
        """An item of the type that the reference points at, where its text, type or resolution tells."""
        text = reference.get("reference") if isinstance(reference, dict) else reference
        if isinstance(text, str):
            found = self._contained_type(text[1:]) if text.startswith("#") else self._type_of(text)
        else:
            found = self._type_of_logical(reference)
        found = found or _type_given(reference, self._definitions)
        return [(found, {}, None)] if found else []

    def _type_of(self, text: str) -> str | None:
        found = self._read(text)
        return found[0] if found and found[0] else type_in_reference(text, self._definitions)

    def _contained_type(self, fragment: str) -> str | None:
        for contained in self.resource[1].get("contained", ()):
            if contained.get("id") == fragment:
                return str(contained.get("resourceType"))
        return None

    def _type_of_logical(self, reference: Any) -> str | None:
        identifier = reference.get("identifier") or {}
        found = self._resolved.get((identifier.get("system", ""), identifier.get("value", "")))
        return found[0] if found else None


def _type_given(reference: Any, definitions: Definitions) -> str | None:
    """The type that `Reference.type` gives, as a name or as the URL of its definition."""
    given = reference.get("type") if isinstance(reference, dict) else None
    name = given.rpartition("/")[2] if isinstance(given, str) else ""
    return name if definitions.is_resource_type(name) else None

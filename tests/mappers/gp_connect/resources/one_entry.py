"""One entry through the map of its type, as the frame would do it, and the R4 resource that comes out."""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

from fhir_server.definitions.definitions import r4
from fhir_server.outcome import Issue
from fhir_server.validation import Validator
from mappers.gp_connect.convert import Conversion
from mappers.gp_connect.element import Element, Unfaithful
from mappers.gp_connect.mapping import EntryMapping, ResourceMap
from mappers.mapper import Json

SOURCE = "https://fhir.shared-care-record.example/source/gp-connect/Z99999"
VALIDATOR = Validator(r4())
PATIENT: Json = {"reference": "Patient/person"}
_REQUESTS = {"ProcedureRequest": "ServiceRequest", "ReferralRequest": "ServiceRequest"}
_WRONG: tuple[Any, ...] = (7, "x", True, None, [], {}, [5], [[]], {"reference": 3}, [{"x": "y"}])


def one_entry(resource_map: ResourceMap, source: Json) -> tuple[Json, list[tuple[str, str]], list[str]]:
    """The R4 resource (asserted to be valid), code and place of each issue, and the places that nobody took.

    Every reference leads somewhere, under the same id, save those to `…/absent`.
    """
    subject = str(resource_map.subject)
    body, issues, left = _run(resource_map, {subject: PATIENT} | source)
    resource = {"resourceType": resource_map.target, **body}
    assert VALIDATOR.validate(resource) == []
    del resource["resourceType"]
    assert resource.pop(subject) == PATIENT
    return resource, [(issue.code, issue.expression[0]) for issue in issues], left


def survives(resource_map: ResourceMap, source: Json) -> None:
    """Whatever type an element has instead of its own, the map makes something of it or refuses the entry."""
    for changed in _mistyped(source):
        with contextlib.suppress(Unfaithful):
            _run(resource_map, changed)


def _run(resource_map: ResourceMap, source: Json) -> tuple[Json, list[Issue], list[str]]:
    conversion = Conversion(SOURCE, _target, frozenset({"Observation", "Encounter", "EpisodeOfCare", "Questionnaire"}))
    element = Element(source, "Entry", conversion)
    mapping = EntryMapping("Entry", PATIENT, lambda reference: None)
    body = resource_map.map(element, mapping)
    return body, [*mapping.issues, *conversion.issues], [place for place, _ in element.left()]


def _target(reference: str) -> tuple[str, str] | None:
    type, _, id = reference.partition("/")
    return None if id == "absent" or "/" in id else (_REQUESTS.get(type, type), id)


def _mistyped(source: Json) -> Iterator[Json]:
    for path in _paths(source):
        for wrong in _WRONG:
            changed = copy.deepcopy(source)
            owner: Any = changed
            for step in path[:-1]:
                owner = owner[step]
            owner[path[-1]] = wrong
            yield changed


def _paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield (*above, step)
        yield from _paths(item, (*above, step))

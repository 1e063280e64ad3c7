"""STU3 elements that R4 has in another form, in the same way in several types.

What R4 has no place for goes where HL7 says: an extension named after the STU3 element.
https://hl7.org/fhir/R4/versions.html#extensions
"""

from collections.abc import Mapping
from typing import Any

from mappers.gp_connect.element import Element, Unfaithful
from mappers.gp_connect.mapping import EntryMapping
from mappers.mapper import Json

_STU3 = "http://hl7.org/fhir/3.0/StructureDefinition/extension-"
_EPISODE = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
_UNKNOWN: Json = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}


def extension_of(path: str, **content: Any) -> Json:
    """The extension that carries an STU3 element (`Observation.value`) in R4, with its value or what is in it."""
    return {"url": _STU3 + path, **content}


def extended(value: Json, *extensions: Json) -> Json:
    """The value with these extensions beside those that it has."""
    both = [*_list(value), *extensions]
    return value | {"extension": both} if both else value


def with_extensions(body: Json, more: Json) -> Json:
    """Both bodies as one; extensions of both stand beside each other."""
    return extended(body | {name: value for name, value in more.items() if name != "extension"}, *_list(more))


def reference(element: Element, name: str) -> Json:
    """A Reference, {} where there is none. Raises `Unfaithful` where it is something else."""
    value = element.keep(name).get(name, {})
    if not isinstance(value, dict):
        raise Unfaithful("structure", f"{name} should be an object.", element.at(name))
    return value


def in_list(element: Element, old: str, new: str | None = None) -> Json:
    """An element of which STU3 has at most one and R4 a list."""
    kept = element.keep(old)
    return {new or old: list(kept.values())} if kept else {}


def translated(element: Element, name: str, table: Mapping[str, str]) -> Json:
    """A code, by its R4 name where R4 renamed it; one that R4 does not know is left to the validation."""
    kept = element.keep(name)
    code = kept.get(name)
    return kept | {name: table[code]} if isinstance(code, str) and code in table else kept


def encounter(element: Element) -> Json:
    """`context`: an Encounter has an element of its own in R4, an episode of care an extension."""
    kept = element.keep(context="encounter")
    value = kept.get("encounter")
    if not isinstance(value, dict):
        return kept
    named = f"{value.get('type')} {value.get('reference')}"
    return {"extension": [{"url": _EPISODE, "valueReference": value}]} if "EpisodeOfCare" in named else kept


def required_concept(kept: Json, name: str, place: str, mapping: EntryMapping) -> Json:
    """What was kept; where the CodeableConcept is not in it, one that says that it is unknown, with an issue."""
    if name in kept:
        return kept
    _note_absent(name, place, mapping)
    return kept | {name: _UNKNOWN}


def required_code(kept: Json, name: str, place: str, mapping: EntryMapping, unknown: str | None = None) -> Json:
    """What was kept; where the code is not in it, R4's code for `unknown`, or an extension that says so."""
    if name in kept or f"_{name}" in kept:
        return kept
    _note_absent(name, place, mapping)
    return kept | ({f"_{name}": _UNKNOWN} if unknown is None else {name: unknown})


def recoded(value: Any, systems: Mapping[str, str], codes: Mapping[str, str]) -> Any:
    """A CodeableConcept whose codings of these systems (old -> new) have their R4 code (old -> new).

    A coding whose code is not in the table stays what it is, and so does everything else.
    """
    if not isinstance(value, dict) or not isinstance(value.get("coding"), list):
        return value
    return value | {"coding": [_recoded(coding, systems, codes) for coding in value["coding"]]}


def _recoded(coding: Any, systems: Mapping[str, str], codes: Mapping[str, str]) -> Any:
    if not isinstance(coding, dict):
        return coding
    system, code = coding.get("system"), coding.get("code")
    if not isinstance(system, str) or not isinstance(code, str) or system not in systems or code not in codes:
        return coding
    return coding | {"system": systems[system], "code": codes[code]}


def _list(body: Json) -> list[Any]:
    extensions = body.get("extension", [])
    return extensions if isinstance(extensions, list) else [extensions]


def _note_absent(name: str, place: str, mapping: EntryMapping) -> None:
    sentence = f"R4 requires {name}; the source has none, which is said in its place."
    mapping.note("required", sentence, f"{place}.{name}", "warning")

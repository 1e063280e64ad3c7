"""Definitions -> checks: each shape (a type, or the path of an element with elements inside) is compiled once.

A member of a shape is compiled when a value of it is first met, so that the first resource does not pay for all
datatypes. https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/elementdefinition.html
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import Element, TypeRef, ValueSet
from fhir_server.model.elements import BACKBONE, elements_of, is_primitive, json_names
from fhir_server.validation.arrays import array_of_objects, array_of_primitives, repeating_sibling, single_sibling
from fhir_server.validation.bindings import bound_code, bound_coding, bound_concept
from fhir_server.validation.contained import check_contained
from fhir_server.validation.findings import Check, Findings, Key, Place, shown
from fhir_server.validation.primitives import primitive_check
from fhir_server.validation.references import reference_check
from fhir_server.validation.rules import RULES

_EMPTY = "An object must not be empty; leave the element out."
_ONLY_ID = "An element needs a value or elements besides its id (ele-1)."

_Choice = tuple[str, frozenset[str]]


class Compiler:
    """The checks of one set of definitions, made when they are first asked for and kept."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._shapes: dict[str, Check] = {}
        self._bound: dict[str, Check] = {}

    def resource(self, value: Any, place: Place | None, key: Key, findings: Findings) -> None:
        """The check of a resource that stands for itself: a body, an entry of a Bundle, a parameter.

        Links to contained resources are resolved within it.
        """
        check = self._check_of_resource(value, place, key, findings)
        if check is None:
            return
        outer, findings.local = findings.local, []
        check(value, place, key, findings)  # type: ignore[arg-type]
        if findings.local or "contained" in value:
            check_contained(value, (place, key, value, None), findings)
        findings.local = outer

    def _check_of_resource(self, value: Any, place: Place | None, key: Key, findings: Findings) -> Check | None:
        if type(value) is not dict:
            findings.kind(value, "an object", place, key)
            return None
        name = value.get("resourceType")
        if type(name) is str and self._definitions.is_resource_type(name):
            return self.shape(name)
        here: Place = (place, key, value, None)
        if name is None:
            findings.add("required", "A resource needs its resourceType.", here, "resourceType")
        elif type(name) is not str:
            findings.kind(name, "a string", here, "resourceType")
        else:
            findings.add("structure", f"{shown(name)} is not a FHIR R4 resource type.", here, "resourceType")
        return None

    def _contained(self, value: Any, place: Place, key: Key, findings: Findings) -> None:
        check = self._check_of_resource(value, place, key, findings)
        if check is not None:
            check(value, place, key, findings)

    def _entry_resource(self, value: Any, place: Place, key: Key, findings: Findings) -> None:
        """The resource of an entry; not looked into where only the Bundle around it is to be checked."""
        if findings.entries or place[0][0][0] is not None or type(value) is not dict:
            self.resource(value, place, key, findings)

    def shape(self, name: str) -> Check:
        """The check of an object of a type, or of the elements at a path. Raises `KeyError` for an unknown one."""
        check = self._shapes.get(name)
        if check is None:
            check = self._shapes[name] = self._object(name)
        return check

    def _object(self, name: str, *, alone: bool = True) -> Check:
        members: dict[str, Check] = {}
        names: dict[str, str] = {}
        choices: list[_Choice] = []
        elements = [element for element in elements_of(name, self._definitions) if element.max != 0]
        for element in elements:
            options = {option: _spellings(*option, element) for option in json_names(element)}
            every = frozenset().union(*options.values())
            if element.choice and element.min:
                choices.append((element.name, every))
            for (json_name, kind), spellings in options.items():
                others = every.difference(spellings)
                for spelling in spellings:
                    build = (
                        partial(self._sibling, element)
                        if spelling != json_name
                        else partial(self._member, element, kind)
                    )
                    members[spelling] = _later(members, spelling, partial(_one_of, build, element, others))
                    if spelling != element.name:
                        names[spelling] = element.name
        if self._definitions.is_resource_type(name):
            members["resourceType"] = _accept
        required = tuple(element.name for element in elements if element.min and not element.choice)
        return _object_check(name, members, names, required, tuple(choices), alone=alone)

    def _sibling(self, element: Element) -> Check:
        inner = self._shapes.get("_")
        if inner is None:
            inner = self._shapes["_"] = self._object("Element", alone=False)
        return single_sibling(inner) if element.max == 1 else repeating_sibling(inner)

    def _member(self, element: Element, kind: TypeRef | None) -> Check:
        if kind is not None and is_primitive(kind.code):
            check = self._primitive(element, kind)
            return check if element.max == 1 else array_of_primitives(check, element)
        check = self._complex(element, kind)
        return check if element.max == 1 else array_of_objects(check, element)

    def _primitive(self, element: Element, kind: TypeRef) -> Check:
        value_set = self._value_set(element)
        if value_set is None:
            return primitive_check(self._definitions.structure(kind.code))
        if value_set.url not in self._bound:
            self._bound[value_set.url] = bound_code(value_set)
        return self._bound[value_set.url]

    def _complex(self, element: Element, kind: TypeRef | None) -> Check:
        if kind is None:
            assert element.content_reference is not None
            return self.shape(element.content_reference)
        if kind.code == "Resource":
            return self._resource_element(element)
        check = self.shape(element.path if kind.code in BACKBONE else kind.profile or kind.code)
        if kind.code == "Reference":
            return reference_check(check, kind.targets, self._definitions.is_resource_type)
        value_set = self._value_set(element)
        if value_set is not None and kind.code == "CodeableConcept":
            return bound_concept(value_set, check)
        return bound_coding(value_set, check) if value_set is not None and kind.code == "Coding" else check

    def _resource_element(self, element: Element) -> Check:
        if element.name == "contained":
            return self._contained
        return self._entry_resource if element.path == "Bundle.entry.resource" else self.resource

    def _value_set(self, element: Element) -> ValueSet | None:
        """The value set that a value must be of, where all of its codes are known."""
        if element.binding is None or element.binding.strength != "required":
            return None
        value_set = self._definitions.value_set(element.binding.value_set)
        return value_set if value_set is not None and value_set.complete else None


def _spellings(json_name: str, kind: TypeRef | None, element: Element) -> tuple[str, ...]:
    """The JSON names of one option of an element: its own, and for a primitive the one with the extensions.

    What is an attribute in XML (ids, the url of an extension) has no extensions, and neither has narrative.
    """
    plain = kind is None or not is_primitive(kind.code) or kind.code == "xhtml"
    if plain or element.name == "id" or element.path == "Extension.url":
        return (json_name,)
    return (json_name, f"_{json_name}")


def _accept(value: Any, place: Place, key: Key, findings: Findings) -> None:
    """The check of what has been looked at before."""


def _later(members: dict[str, Check], name: str, build: Callable[[], Check]) -> Check:
    """A check that is built when it is first needed, and then takes its own place among the members."""

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        members[name] = build()
        members[name](value, place, key, findings)

    return check


def _one_of(build: Callable[[], Check], element: Element, others: frozenset[str]) -> Check:
    """The check of one option of an element; `others` are the JSON names of the other options of a choice.

    That there are several is told once, by the first of them.
    """
    check = build()
    if not others:
        return check
    every = frozenset(f"{mark}{name}" for name, _ in json_names(element) for mark in ("", "_"))

    def check_choice(value: Any, place: Place, key: Key, findings: Findings) -> None:
        if not others.isdisjoint(place[2]) and next(name for name in place[2] if name in every) == key:
            sentence = f"Only one {element.name}[x] is allowed; there are several of different types."
            findings.add("structure", sentence, place, key)
        check(value, place, key, findings)

    return check_choice


def _object_check(
    shape: str,
    members: dict[str, Check],
    names: Mapping[str, str],
    required: tuple[str, ...],
    choices: tuple[_Choice, ...],
    *,
    alone: bool,
) -> Check:
    """The check of an object. The hot path of all validation: nothing is built while nothing is wrong.

    `alone`: an id needs something beside it.
    """
    member = members.get
    rule = RULES.get(shape)

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        if type(value) is not dict:
            findings.kind(value, "an object", place, key)
            return
        here: Place = (place, key, value, names)
        if len(value) < 2 and (not value or (alone and "id" in value)):
            findings.add("structure", _ONLY_ID if value else _EMPTY, here)
        for name, item in value.items():
            found = member(name)
            if found is not None:
                found(item, here, name, findings)
            else:
                _report_unknown(shape, name, names, here, findings)
        for name in required:
            if name not in value and (f"_{name}" not in value or member(f"_{name}") is None):
                findings.add("required", f"{name} is missing; {_of(shape)} needs it.", here, name)
        for name, group in choices:
            if group.isdisjoint(value):
                findings.add("required", f"{name}[x] is missing; {_of(shape)} needs one.", here, name)
        if rule is not None:
            rule(value, here, findings)

    return check


def _of(shape: str) -> str:
    article = "an" if shape[0] in "AEIOU" else "a"
    return shape if "." in shape else f"{article} {shape}"


def _report_unknown(shape: str, name: str, names: Mapping[str, str], here: Place, findings: Findings) -> None:
    options = sorted(option for option, choice in names.items() if name.startswith(choice) and option[0] != "_")
    hint = f" Perhaps {', '.join(options[:12])}{' …' if len(options) > 12 else ''}?" if options else ""
    findings.add(
        "structure", f"{_of(shape)[0].upper()}{_of(shape)[1:]} has no element {shown(name)}.{hint}", here, name
    )

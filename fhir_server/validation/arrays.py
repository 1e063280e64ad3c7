"""Elements that repeat, and the `_` siblings that carry extensions of primitives. https://hl7.org/fhir/R4/json.html"""

from typing import Any

from fhir_server.definitions.structures import Element
from fhir_server.validation.findings import Check, Findings, Key, Place

_EMPTY = "An array must not be empty; leave the element out."
_ONLY_NULLS = "An array must have more in it than null; leave the element out."
_NOTHING = "The array has a null here, and nothing in its place in the array of extensions beside it."
_NO_VALUE = "An element needs a value or an extension (ele-1)."


def array_of_objects(item: Check, element: Element) -> Check:
    """The check of a repeating complex element."""
    bounds = _bounds(element)

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        if type(value) is not list:
            findings.kind(value, "an array (this element repeats)", place, key)
            return
        if not value:
            findings.add("structure", _EMPTY, place, key)
        here: Place = (place, key, value, None)
        for index, each in enumerate(value):
            item(each, here, index, findings)
        if bounds is not None:
            _check_bounds(value, bounds, place, key, findings)

    return check


def array_of_primitives(item: Check, element: Element) -> Check:
    """The check of a repeating primitive; null stands where only the sibling has something."""
    bounds = _bounds(element)

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        if type(value) is not list:
            findings.kind(value, "an array (this element repeats)", place, key)
            return
        if not value:
            findings.add("structure", _EMPTY, place, key)
        here: Place = (place, key, value, None)
        for index, each in enumerate(value):
            if each is not None:
                item(each, here, index, findings)
            elif not _is_object_at(place[2].get(f"_{key}"), index):
                findings.add("structure", _NOTHING, here, index)
        if bounds is not None:
            _check_bounds(value, bounds, place, key, findings)

    return check


def single_sibling(element_check: Check) -> Check:
    """The check of `_name` where the element does not repeat."""

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        element_check(value, place, key, findings)
        if type(value) is dict and value and "extension" not in value and str(key)[1:] not in place[2]:
            findings.add("invariant", _NO_VALUE, place, key)

    return check


def repeating_sibling(element_check: Check) -> Check:
    """The check of `_name` where the element repeats: null or an object for each value."""

    def check(value: Any, place: Place, key: Key, findings: Findings) -> None:
        if type(value) is not list:
            findings.kind(value, "an array (this element repeats)", place, key)
            return
        if all(each is None for each in value):
            findings.add("structure", _ONLY_NULLS, place, key)
            return
        values = place[2].get(str(key)[1:])
        if type(values) is list and len(values) != len(value):
            sentence = f"{key} must have as many items as {str(key)[1:]}; null stands where there is nothing."
            findings.add("structure", sentence, place, key)
        here: Place = (place, key, value, None)
        for index, each in enumerate(value):
            if each is not None:
                element_check(each, here, index, findings)
            if not _has_value(values, index) and not (type(each) is dict and "extension" in each):
                findings.add("invariant", _NO_VALUE, here, index)

    return check


def _has_value(values: Any, index: int) -> bool:
    return type(values) is list and (index >= len(values) or values[index] is not None)


def _is_object_at(values: Any, index: int) -> bool:
    return isinstance(values, list) and index < len(values) and isinstance(values[index], dict)


def _bounds(element: Element) -> tuple[int, int] | None:
    """The number of items that a repeating element must have, where it is not one or more."""
    if element.max is None and element.min < 2:
        return None
    return element.min, element.max if element.max is not None else 2**31


def _check_bounds(value: list[Any], bounds: tuple[int, int], place: Place, key: Key, findings: Findings) -> None:
    low, high = bounds
    if len(value) < low:
        findings.add("required", f"At least {low} of these are needed.", place, key)
    elif len(value) > high:
        findings.add("structure", f"At most {high} of these are allowed.", place, key)

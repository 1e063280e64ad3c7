"""A right resource with one thing broken in it is refused, at the place where it is broken."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions.definitions import r4
from fhir_server.validation import Validator
from tests.validation import samples
from tests.validation.walking import Holder, Spot, holders, spots

VALIDATOR = Validator(r4())
SEEDS: dict[str, Callable[[], dict[str, Any]]] = {
    **{make.__name__: make for make in samples.ALL},
    "bundle": lambda: samples.bundle("transaction", [make() for make in samples.ALL]),
}
EXTENSIBLE = ("_ext", "birth", "resourcetype", "Status", "id ", "$gt", "a.b", "value", "x" * 200, "é")
BAD_DATES = ("2021-02-30", "2021-00-01", "21-01-01", "2021-1-1", "yesterday", "2021-01-01T25:00:00Z", "2021-01-01 ", "")
NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})

seeds = pytest.mark.parametrize("seed", SEEDS)


def _found(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [(issue.code, issue.expression[0]) for issue in VALIDATOR.validate(data)]


def _one_of(found: list[Any], data: st.DataObject) -> Any:
    return found[data.draw(st.integers(0, len(found) - 1), label="which")]


def _required(holder: Holder) -> list[tuple[str, str]]:
    """(JSON name, path) of the mandatory elements that an object has."""
    return [
        (key, f"{holder.path}.{element.name}")
        for element in holder.elements
        if element.min
        for key in holder.data
        if key == element.name or (element.choice and key.startswith(element.name))
    ]


@seeds
def test_the_seeds_are_right(seed: str) -> None:
    assert _found(SEEDS[seed]()) == []


@seeds
@given(data=st.data())
def test_a_required_element_is_missed(seed: str, data: st.DataObject) -> None:
    resource = SEEDS[seed]()
    candidates = [(holder, *name) for holder in holders(resource, r4()) for name in _required(holder)]
    holder, key, path = _one_of(candidates, data)
    del holder.data[key]
    assert ("required", path) in _found(resource)


def _wrong(spot: Spot, draw: Callable[[list[Any]], Any]) -> Any:
    value = spot.holder[spot.key]
    if isinstance(value, list):
        return draw(["x", 7, {"a": 1}, True, None])
    code = spot.kind.code if spot.kind else ""
    if code == "boolean":
        return draw(["true", 1, [True], {}, None])
    if code in NUMBERS:
        return draw(["7", True, [7], {}, None])
    return draw([7, True, Decimal("1.0"), [value], None, *([{"a": 1}] if spot.primitive else ["text"])])


@seeds
@given(data=st.data())
def test_a_value_of_the_wrong_kind_is_refused(seed: str, data: st.DataObject) -> None:
    resource = SEEDS[seed]()
    spot = _one_of(spots(resource, r4()), data)
    spot.holder[spot.key] = _wrong(spot, lambda options: data.draw(st.sampled_from(options)))
    assert ("structure", spot.path) in _found(resource)


@seeds
@given(data=st.data(), name=st.sampled_from(EXTENSIBLE) | st.from_regex(r"[a-z]{12}", fullmatch=True))
def test_an_element_too_many_is_refused(seed: str, data: st.DataObject, name: str) -> None:
    resource = SEEDS[seed]()
    holder = _one_of(holders(resource, r4()), data)
    holder.data[name] = data.draw(st.sampled_from(["x", 7, None, [], {}, [{"a": "b"}]]))
    shown = name if name.isidentifier() and name.isascii() and len(name) <= 80 else f"`{name[:79]}…`"
    if len(name) <= 80 and shown != name:
        shown = f"`{name}`"
    assert ("structure", f"{holder.path}.{shown}") in _found(resource)


@seeds
@given(data=st.data(), code=st.sampled_from(["robot", "FINAL", "x-1"]))
def test_a_code_out_of_the_value_set_is_refused(seed: str, data: st.DataObject, code: str) -> None:
    resource = SEEDS[seed]()
    bound = [spot for spot in spots(resource, r4()) if spot.primitive and _codes(spot)]
    spot = _one_of(bound, data)
    value = spot.holder[spot.key]
    spot.holder[spot.key] = [code] if isinstance(value, list) else code
    assert ("code-invalid", spot.path + ("[0]" if isinstance(value, list) else "")) in _found(resource)


def _codes(spot: Spot) -> bool:
    binding = spot.element.binding
    value_set = r4().value_set(binding.value_set) if binding and binding.strength == "required" else None
    return value_set is not None and value_set.complete


@seeds
@given(data=st.data(), text=st.sampled_from(BAD_DATES))
def test_a_date_that_is_none_is_refused(seed: str, data: st.DataObject, text: str) -> None:
    resource = SEEDS[seed]()
    dates = [spot for spot in spots(resource, r4()) if spot.kind and spot.kind.code in ("date", "dateTime", "instant")]
    spot = _one_of(dates, data)
    value = spot.holder[spot.key]
    spot.holder[spot.key] = [text] if isinstance(value, list) else text
    assert ("value", spot.path + ("[0]" if isinstance(value, list) else "")) in _found(resource)


@seeds
@given(data=st.data())
def test_two_of_a_choice_are_refused(seed: str, data: st.DataObject) -> None:
    resource = SEEDS[seed]()
    spot = _one_of([spot for spot in spots(resource, r4()) if spot.element.choice], data)
    others = [kind.code for kind in spot.element.types if kind != spot.kind]
    code = data.draw(st.sampled_from(others))
    name = f"{spot.element.name}{code[0].upper()}{code[1:]}"
    sibling = code[0].islower() and data.draw(st.booleans())
    extension = {"extension": [{"url": "https://example.org/e", "valueCode": "x"}]}
    spot.holder[f"_{name}" if sibling else name] = extension if sibling else data.draw(st.sampled_from(["x", 7, {}]))
    assert ("structure", spot.path) in _found(resource)


@seeds
@given(data=st.data())
def test_a_reference_to_another_type_is_refused(seed: str, data: st.DataObject) -> None:
    resource = SEEDS[seed]()
    bound = [
        spot for spot in spots(resource, r4()) if spot.kind and spot.kind.code == "Reference" and spot.kind.targets
    ]
    spot = _one_of(bound, data)
    assert spot.kind is not None
    wrong = next(name for name in ("Slot", "Patient", "Binary") if name not in spot.kind.targets)
    value = spot.holder[spot.key]
    reference = {"reference": f"{wrong}/1"}
    spot.holder[spot.key] = [reference] if isinstance(value, list) else reference
    place = f"{spot.path}{'[0]' if isinstance(value, list) else ''}.reference"
    assert ("value", place) in _found(resource)

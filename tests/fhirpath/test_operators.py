"""Equality and logic with three values, as tables."""

from collections.abc import Callable
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from fhir_server.fhirpath.env import Item
from fhir_server.fhirpath.values.equal import equal
from tests.fhirpath.evaluating import evaluate

THING: dict[str, Any] = {"resourceType": "Basic"}
DECISIONS: dict[str, Callable[[bool, bool], bool]] = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "xor": lambda a, b: a != b,
    "implies": lambda a, b: (not a) or b,
}
VALUES = {"true": True, "false": False, "{}": None}


def logic(operator: str, left: bool | None, right: bool | None) -> bool | None:
    """The tables of the specification, by their meaning: what both possible values of the unknown agree on."""
    decide = DECISIONS[operator]
    lefts = [left] if left is not None else [True, False]
    rights = [right] if right is not None else [True, False]
    outcomes = {decide(a, b) for a, b in product(lefts, rights)}
    return outcomes.pop() if len(outcomes) == 1 else None


@pytest.mark.parametrize(("operator", "left", "right"), list(product(["and", "or", "xor", "implies"], VALUES, VALUES)))
def test_logic(operator: str, left: str, right: str) -> None:
    expected = logic(operator, VALUES[left], VALUES[right])
    found = evaluate(f"{left} {operator} {right}", THING)
    assert found == ([] if expected is None else [("System.Boolean", expected)])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'a' = 'a'", True),
        ("'a' = 'A'", False),
        ("'a' != 'A'", True),
        ("1 = 1.0", True),
        ("1 = '1'", False),
        ("true = 1", False),
        ("true = true", True),
        ("{} = 1", None),
        ("1 = {}", None),
        ("1 != {}", None),
        ("('a' | 'b') = ('a' | 'b')", True),
        ("('a' | 'b') = ('b' | 'a')", False),
        ("('a' | 'b') = 'a'", False),
        ("('a' | 'b') != 'a'", True),
    ],
)
def test_equality(expression: str, expected: bool | None) -> None:
    assert evaluate(expression, THING) == ([] if expected is None else [("System.Boolean", expected)])


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (("code", "a", None), ("System.String", "a", None), True),
        (("decimal", Decimal("1.10"), None), ("integer", 1, None), False),
        (("decimal", Decimal("1.0"), None), ("integer", 1, None), True),
        (("decimal", 0.1, None), ("decimal", Decimal("0.1"), None), True),
        (("boolean", True, None), ("integer", 1, None), False),
        (("Coding", {"code": "a"}, None), ("Coding", {"code": "a"}, None), True),
        (("Coding", {"code": "a"}, None), ("Identifier", {"code": "a"}, None), False),
        (("date", "2026", None), ("date", "2026", {"id": "x"}), True),
    ],
)
def test_equal_items(left: Item, right: Item, same: bool) -> None:
    assert equal(left, right) is same
    assert equal(right, left) is same

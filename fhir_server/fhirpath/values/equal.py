"""When items and collections are equal, and when they are equivalent.

http://hl7.org/fhirpath/N1/#equality, http://hl7.org/fhir/R4/fhirpath.html. Equality has three values: None where the
precision of a date, a missing zone, or units that do not measure the same leave it open.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from fhir_server.fhirpath.env import Env, Item
from fhir_server.fhirpath.values import amounts, moments
from fhir_server.fhirpath.values.kinds import AMOUNT, CLOCK, KIND_OF_TYPE, MOMENT, NUMBER, PLAIN, TEXT, number
from fhir_server.fhirpath.values.moments import read_moment, read_time

_MEASURED = frozenset({NUMBER, AMOUNT})
_FEW = 4


def equal(left: Item, right: Item) -> bool | None:
    """Whether two items with values are equal."""
    kind, other = KIND_OF_TYPE.get(left[0]), KIND_OF_TYPE.get(right[0])
    if kind != other:
        return _equal_amounts(left, right) if {kind, other} == _MEASURED else False
    if kind in PLAIN:
        return bool(number(left[1]) == number(right[1])) if kind == NUMBER else bool(left[1] == right[1])
    if kind == AMOUNT:
        return _equal_amounts(left, right)
    if kind in (MOMENT, CLOCK):
        return _equal_moments(left, right)
    return left[0] == right[0] and bool(left[1] == right[1])


def _equal_amounts(left: Item, right: Item) -> bool | None:
    ours, other = amounts.amount_of(left), amounts.amount_of(right)
    if ours is None or other is None:
        return bool(left[1] == right[1]) if left[0] == right[0] else None
    found = amounts.compare(ours, other)
    return None if found is None else found == 0


def _equal_moments(left: Item, right: Item) -> bool | None:
    ours, other = moment_of(left), moment_of(right)
    if ours is None or other is None:
        return bool(left[1] == right[1])
    found = moments.compare(ours, other)
    return None if found is None else found == 0


def moment_of(item: Item) -> moments.Moment | None:
    """The date, date with time or time of the day that an item is; None where its text is none."""
    kind, text = KIND_OF_TYPE.get(item[0]), item[1]
    if not isinstance(text, str):
        return None
    return read_moment(text) if kind == MOMENT else read_time(text) if kind == CLOCK else None


def same(left: Item, right: Item) -> bool:
    """Whether two items are certainly equal, for sets: a primitive without a value is what stands beside it."""
    if left[1] is None or right[1] is None:
        return left[1] is right[1] and left[2] == right[2]
    return equal(left, right) is True


def weight(item: Item) -> int:
    """How many steps it takes at most to compare an item: the number of values that a structure is made of."""
    return _size(item[1]) if isinstance(item[1], dict) else 1


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


def equal_collections(left: list[Item], right: list[Item], env: Env) -> bool | None:
    """Whether two collections have equal items in the same order; None where either has no value, or it is open."""
    values = [item for item in left if item[1] is not None]
    others = [item for item in right if item[1] is not None]
    if not values or not others:
        return None
    if len(values) != len(others):
        return False
    env.spend(sum(map(weight, values)))
    found = list(map(equal, values, others))
    return False if False in found else None if None in found else True


def equivalent(left: Item, right: Item) -> bool:
    """Whether two items are equivalent: text whatever its case and spaces, numbers to the lesser precision."""
    kind, other = KIND_OF_TYPE.get(left[0]), KIND_OF_TYPE.get(right[0])
    if kind != other and {kind, other} != _MEASURED:
        return False
    if kind == TEXT:
        return isinstance(left[1], str) and isinstance(right[1], str) and _words(left[1]) == _words(right[1])
    if kind == NUMBER and other == NUMBER:
        return _equivalent_numbers(number(left[1]), number(right[1]))
    if kind in _MEASURED:
        return _equivalent_amounts(left, right)
    if kind in (MOMENT, CLOCK):
        return _equal_moments(left, right) is True
    return _equivalent_json(left[1], right[1])


def _words(text: str) -> str:
    return " ".join(text.lower().split())


def _equivalent_numbers(left: int | Decimal, right: int | Decimal) -> bool:
    digits = min(amounts.decimals(left), amounts.decimals(right))
    return amounts.rounded(Fraction(left), digits) == amounts.rounded(Fraction(right), digits)


def _equivalent_amounts(left: Item, right: Item) -> bool:
    ours, other = amounts.amount_of(left), amounts.amount_of(right)
    if ours is None or other is None:
        return bool(left[1] == right[1])
    return amounts.equivalent(ours, other)


def _equivalent_json(left: Any, right: Any) -> bool:
    """Structures are equivalent when their elements are, in any order, ids left out."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys, others = left.keys() - {"id"}, right.keys() - {"id"}
        return keys == others and all(_equivalent_json(left[key], right[key]) for key in keys)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and _matched(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return _words(left) == _words(right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        return _equivalent_numbers(left, right)
    return bool(left == right)


def _matched(left: list[Any], right: list[Any]) -> bool:
    rest = list(right)
    for value in left:
        place = next((place for place, other in enumerate(rest) if _equivalent_json(value, other)), None)
        if place is None:
            return False
        del rest[place]
    return True


def equivalent_collections(left: list[Item], right: list[Item], env: Env) -> bool:
    """Whether two collections have equivalent items, in any order; two empty ones are."""
    values = [item for item in left if item[1] is not None]
    rest = [item for item in right if item[1] is not None]
    if len(values) != len(rest):
        return False
    for item in values:
        env.spend(len(rest) * weight(item))
        place = next((place for place, other in enumerate(rest) if equivalent(item, other)), None)
        if place is None:
            return False
        del rest[place]
    return True


def distinct(items: list[Item], env: Env) -> list[Item]:
    """The items, each once, in the order of their first appearance."""
    if len(items) < 2:
        return items
    found: list[Item] = []
    seen: set[tuple[str | None, Any]] = set()
    for item in items:
        key = _key(item)
        if key is not None:
            if key not in seen:
                seen.add(key)
                found.append(item)
            continue
        if len(found) > _FEW:
            env.spend(len(found) * weight(item))
        if not any(same(item, other) for other in found):
            found.append(item)
    return found


def _key(item: Item) -> tuple[str | None, Any] | None:
    """Texts and truth values are equal exactly when these are; None for what takes a comparison."""
    kind = KIND_OF_TYPE.get(item[0])
    plain = item[1] is not None and (kind == TEXT or kind == "truth")
    return (kind, item[1]) if plain and item[1].__hash__ is not None else None


def contains(items: list[Item], wanted: Item, env: Env) -> bool:
    """Whether a collection has an item that is certainly equal."""
    env.spend(len(items) * weight(wanted))
    return any(same(item, wanted) for item in items)

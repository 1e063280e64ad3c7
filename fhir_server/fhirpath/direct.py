"""Paths of plain steps and filters, on values alone: what an index reads of most resources most often."""

from collections.abc import Callable, Iterable
from typing import Any

from fhir_server.fhirpath.code import Code, Direct, Pick, identity
from fhir_server.fhirpath.syntax import Constant, Expression
from fhir_server.fhirpath.type_model import Property


def direct_step(source: Code, properties: Iterable[Property]) -> Direct | None:
    """The elements of objects of one type; None where they do not stand in one property."""
    only, *others = properties
    if others or only.type == "Resource":
        return None
    if source.run is identity:
        return Direct(only.key)
    return None if source.direct is None else Direct(source.direct.key, _step(source.direct.pick, only.key))


def direct_where(source: Code, criteria: Code) -> Direct | None:
    """The values that criteria hold for; None where more than each value alone decides of it."""
    if source.direct is None or criteria.holds is None:
        return None
    return Direct(source.direct.key, _where(source.direct.pick, criteria.holds))


def is_text(left: Code, right: Expression) -> Callable[[Any], bool] | None:
    """Whether a text in one property of a value is this literal; None where it stands further down."""
    if left.direct is None or left.direct.pick is not None or not isinstance(right, Constant):
        return None
    key, text = left.direct.key, right.text

    def holds(value: Any) -> bool:
        return bool(value.get(key) == text)

    return holds


def _step(source: Pick | None, key: str) -> Pick:
    def pick(values: list[Any]) -> list[Any]:
        out: list[Any] = []
        for holder in values if source is None else source(values):
            if key in holder:
                found = holder[key]
                if type(found) is list:
                    out += found
                else:
                    out.append(found)
        return out

    return pick


def _where(source: Pick | None, holds: Callable[[Any], bool]) -> Pick:
    def pick(values: list[Any]) -> list[Any]:
        return [value for value in (values if source is None else source(values)) if holds(value)]

    return pick

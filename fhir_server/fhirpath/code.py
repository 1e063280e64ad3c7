"""What compiled FHIRPath is made of: the compiled piece itself, and truth values."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fhir_server.definitions.structures import Element
from fhir_server.fhirpath.env import Env, Item
from fhir_server.fhirpath.errors import EvaluationError
from fhir_server.fhirpath.values.kinds import BOOLEAN

Run: TypeAlias = Callable[[list[Item], Env], list[Item]]
"""Evaluation: from the items in focus (`$this`) to a collection, which nobody may change afterwards"""


Pick: TypeAlias = Callable[[list[Any]], list[Any]]
"""From the values of a JSON property to those further down; None among them is a primitive without a value"""


@dataclass(frozen=True, slots=True)
class Direct:
    """The values of the results without a detour over items: what `pick` (None: all of them) makes of the values of one
    JSON property of what is in focus. They may be repeated where the results are not; no work is counted, and what
    stands beside primitives is not looked at."""

    key: str
    pick: Pick | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A compiled expression or part of one, with what is known of its results before it runs.

    `types`: the types that results can have (None: only running it tells). `keys`: JSON properties of the resource
    without all of which the result is empty (None: it may not be empty then). `paths`: the elements that results are;
    `reads`: every element looked at on the way. `elements`: the definitions of those that results are. `targets`: the
    resource types that a result, a reference, can point at, where a filter says so. `opaque`: of the items only the
    type is known. `narrow`: the same code for results of one type only. `branches`: the operands of a union.
    `variables`: what `defineVariable()` has defined on the way, by name. `direct`: the results for one who wants
    nothing but their values. `holds`: whether the value of the one item in focus makes the result true.
    """

    run: Run
    types: frozenset[str] | None
    keys: frozenset[str] | None = None
    paths: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    elements: tuple[Element, ...] = ()
    targets: frozenset[str] | None = None
    opaque: bool = False
    narrow: "Callable[[str], Code] | None" = None
    branches: "tuple[Code, ...]" = ()
    variables: "tuple[tuple[str, Code], ...]" = ()
    direct: Direct | None = None
    holds: Callable[[Any], bool] | None = None

    @property
    def always_empty(self) -> bool:
        """Whether it can have no result, whatever the data."""
        return self.types is not None and not self.types

    def of_each(self) -> "Code":
        """The focus in which an argument is evaluated for each item of this collection (`where(...)`)."""
        return replace(self.filtered(identity), keys=None, reads=frozenset())

    def filtered(self, run: Run) -> "Code":
        """This collection with some items left out by `run`."""
        return replace(self, run=run, narrow=None, branches=(), direct=None, holds=None)


def identity(focus: list[Item], env: Env) -> list[Item]:
    """The items in focus themselves."""
    return focus


def _nothing(focus: list[Item], env: Env) -> list[Item]:
    return []


EMPTY = Code(_nothing, types=frozenset(), keys=frozenset())

TRUE: list[Item] = [(BOOLEAN, True, None)]
FALSE: list[Item] = [(BOOLEAN, False, None)]
BOOLEAN_TYPES = frozenset({BOOLEAN, "boolean"})

__all__ = ["BOOLEAN", "EMPTY", "FALSE", "TRUE", "Code", "Direct", "Env", "Item", "Run", "boolean", "identity", "truth"]


def boolean(value: bool | None) -> list[Item]:
    """The collection of a truth value; None is the empty one."""
    if value is None:
        return []
    return TRUE if value else FALSE


def truth(items: list[Item]) -> bool | None:
    """A collection as a truth value: None for no value, True for a single item that is no boolean. Raises
    `EvaluationError` for several items. http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections"""
    if not items:
        return None
    if len(items) > 1:
        raise EvaluationError("A truth value is asked for, and there are several items")
    type_name, value, _ = items[0]
    if type_name in BOOLEAN_TYPES:
        return value if value is None else value is True
    return True

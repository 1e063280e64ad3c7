"""The surroundings of one evaluation: what an expression may ask beside the items in focus, and how long it may run."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from fhir_server.fhirpath.errors import EvaluationError, TooManySteps

Item: TypeAlias = tuple[str, Any, Any]
"""(type name, JSON value, the `_name` property beside a primitive or None); the value of a primitive may be None.

Values that an expression computes look the same: a Date is text, a Quantity an object with `value` and `unit`."""

MAX_STEPS: Final = 1_000_000
"""Items looked at, made or compared in one evaluation; some seconds at most, a thousandth of it for usual ones"""


class Env:
    """The surroundings of one evaluation; made for it, and not shared with another.

    `resource` is what is evaluated (`%resource`), `root_resource` the one that contains it where another does;
    `context` is where the evaluation starts, where that is a part of the resource. `now` is the time that `now()`,
    `today()` and `timeOfDay()` give throughout. `variables` are the `%` variables that the expression was compiled for.
    A server part that can look things up derives from this class.
    """

    __slots__ = ("context", "index", "now", "resource", "root_resource", "steps_left", "total", "variables")

    def __init__(
        self,
        resource: Item,
        *,
        root_resource: Item | None = None,
        context: list[Item] | None = None,
        now: datetime | None = None,
        variables: Mapping[str, list[Item]] | None = None,
    ) -> None:
        self.resource = resource
        self.root_resource = resource if root_resource is None else root_resource
        self.context = [resource] if context is None else context
        self.now = now
        self.variables: dict[str, list[Item]] = {} if variables is None else dict(variables)
        self.steps_left = MAX_STEPS
        self.index: int | None = None
        self.total: list[Item] = []

    def spend(self, steps: int) -> None:
        """Count work that grows with the data. Raises `TooManySteps` at the limit."""
        self.steps_left -= steps
        if self.steps_left < 0:
            raise TooManySteps(f"The expression takes more than {MAX_STEPS} steps on this resource")

    def time(self) -> datetime:
        """The time of the evaluation, with its zone; the same each time it is asked for."""
        if self.now is None:
            self.now = datetime.now(UTC)
        return self.now

    def resolve(self, reference: Any) -> list[Item]:
        """What a Reference, or a URI as a string, refers to; nothing where it cannot be found. For an expression that
        is compiled for search only the type of an item need be right."""
        return []

    def conforms_to(self, item: Item, profile: str) -> bool:
        """Whether an item conforms to the profile with this URL. Raises `EvaluationError` where it cannot be told."""
        raise EvaluationError(f"Whether something conforms to {profile} cannot be told here")

    def member_of(self, item: Item, value_set: str) -> bool | None:
        """Whether a code, Coding or CodeableConcept is in the value set with this URL; None where it cannot be told."""
        raise EvaluationError("Membership in a value set cannot be told here")

    def subsumes(self, general: Item, special: Item) -> bool | None:
        """Whether one code or Coding is the other or stands above it; None where it cannot be told."""
        raise EvaluationError("Subsumption of codes cannot be told here")

    def in_slice(self, item: Item, profile: str, name: str) -> bool:
        """Whether an element belongs to a slice of a profile. Raises `EvaluationError` where it cannot be told."""
        raise EvaluationError(f"What belongs to the slice {name} of {profile} cannot be told here")

    def trace(self, name: str, items: list[Item]) -> None:
        """Told what an expression wants to have noted; forgotten unless a class that derives from this one keeps it:
        the items are a patient's data."""

"""`_include` and `_revinclude` as values, and how they are read. https://hl7.org/fhir/R4/search.html#revinclude

Whatever could not be followed is refused: a Bundle from which something is missing looks complete.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fhir_server.definitions.definitions import Definitions
from fhir_server.outcome import Invalid, Issue, NotSupported
from fhir_server.search.chaining import check_followed, check_reached
from fhir_server.search.context import SearchContext
from fhir_server.search.offered import followed_parameters, require_indexed, why_not_followed
from fhir_server.search.parameters import Parameter, parameters_of

_ITERATING = frozenset({"iterate", "recurse"})
"""`:recurse` is what STU3 called it"""
_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Include:
    """Resources that go into the Bundle because a reference connects them with one that is in it.

    The reference stands in resources of `source`, under the search parameter `param`, and points at one of `targets`.
    `reverse`: `_revinclude`, so that resources of `source` are added, else those that it points at. `iterate`: also for
    resources that came in by an include. `elements` are those that `param` reads.
    """

    source: str
    param: str
    targets: tuple[str, ...]
    reverse: bool = False
    iterate: bool = False
    elements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Includes:
    """What one parameter asks to include. `*` has become one include for each reference parameter; `notes` name those
    that are not followed. `used`: the parameter as it was understood."""

    includes: tuple[Include, ...]
    used: tuple[str, str]
    notes: tuple[Issue, ...] = ()


def read_include(name: str, value: str, types: tuple[str, ...], context: SearchContext) -> Includes:
    """What `_include` or `_revinclude` asks for in a search of these types.

    Raises `Invalid` for an unknown type, parameter or modifier and for what can never include anything, `NotSupported`
    for references that are not followed.
    """
    plain, colon, modifier = name.partition(":")
    if colon and modifier not in _ITERATING:
        raise Invalid(f"The parameter {plain} has the modifier :iterate and no other.")
    reading = _Reading(plain, bool(colon), types, context)
    notes: list[Issue] = []
    source, param, target = reading.parts(value)
    parameters = reading.all_of(source, notes) if param == "*" else [reading.named(source, param)]
    includes = tuple(reading.include(each, target) for each in parameters)
    found = tuple(each for each in includes if each.targets)
    if not found:
        raise Invalid(f"{plain}: nothing in {' or '.join(types[:3])} can be included by this.")
    return Includes(found, (plain + (":iterate" if colon else ""), value), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Reading:
    name: str
    iterate: bool
    types: tuple[str, ...]
    context: SearchContext

    @property
    def definitions(self) -> Definitions:
        return self.context.definitions

    @property
    def reverse(self) -> bool:
        return self.name == "_revinclude"

    def parts(self, value: str) -> tuple[str | None, str, str | None]:
        """Source type (None: those of the search), parameter or `*`, target type (None: any)."""
        parts = value.split(":")
        if parts == ["*"]:
            if self.reverse or self.iterate:
                raise NotSupported(
                    f"{self.name}: * alone is offered for _include without :iterate; name a type: [type]:*."
                )
            return None, "*", None
        if len(parts) not in (2, 3) or not all(parts):
            raise Invalid(f"{self.name} is written [type]:[parameter] or [type]:[parameter]:[target type].")
        for type in (parts[0], *parts[2:]):
            if not self.definitions.is_resource_type(type):
                raise Invalid(f"{self.name}: there is no resource type {type[:_SHOWN]}.")
            check_reached(type, self.context)
        if not self.reverse and not self.iterate and parts[0] not in self.types:
            raise Invalid(
                f"{self.name}: the search is not for {parts[0]}; with :iterate, what was included counts too."
            )
        return parts[0], parts[1], parts[2] if len(parts) == 3 else None

    def named(self, source: str | None, param: str) -> Parameter:
        assert source is not None
        parameter = parameters_of(self.definitions).of(source).get(param)
        if parameter is None:
            raise Invalid(f"{self.name}: {source} has no search parameter {param[:_SHOWN]}.")
        if parameter.definition.type != "reference":
            raise Invalid(f"{self.name}: the parameter {param} of {source} is no reference.")
        check_followed(parameter)
        return parameter

    def all_of(self, source: str | None, notes: list[Issue]) -> list[Parameter]:
        """Every reference parameter that can be followed, with a note about the others."""
        found: list[Parameter] = []
        for type in self.types if source is None else (source,):
            found += followed_parameters(type, self.definitions)
            notes += self.left_out(type)
        for each in found:
            require_indexed(each)
        return found

    def left_out(self, type: str) -> Iterable[Issue]:
        for name, each in sorted(parameters_of(self.definitions).of(type).items()):
            reason = why_not_followed(each) if each.definition.type == "reference" else None
            if reason is not None:
                text = f"{self.name}: {type}:{name} is not followed, because {reason}."
                yield Issue("not-supported", text, severity="information")

    def include(self, parameter: Parameter, target: str | None) -> Include:
        """The include of one parameter; without targets where it can never add anything."""
        targets = parameter.target_types()
        if target is not None:
            if target not in targets:
                raise Invalid(f"{self.name}: {parameter.resource_type}:{parameter.name} cannot refer to {target}.")
            targets = (target,)
        if self.reverse and not self.iterate:
            targets = tuple(each for each in targets if each in self.types)
        return Include(parameter.resource_type, parameter.name, targets, self.reverse, self.iterate, parameter.elements)

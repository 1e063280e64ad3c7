"""What a type of search parameter declares: how values become index entries, and how a query becomes criteria."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir_server.outcome import NotSupported
from fhir_server.search.context import SearchContext
from fhir_server.search.draft import Draft
from fhir_server.search.parameters import Parameter
from fhir_server.search.reading.dates import DateReader
from fhir_server.search.reading.references import ReferenceReader
from fhir_server.store.criteria import Criterion

Extract = Callable[[Any, Draft], None]
"""Adds the entries of one JSON value to a draft; adds none for a value that it cannot represent"""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What extraction goes by: the parameter, and how dates and references are read."""

    parameter: Parameter
    read_date: DateReader
    read_reference: ReferenceReader

    @property
    def name(self) -> str:
        """The name under which the entries are found."""
        return self.parameter.name


@dataclass(frozen=True, slots=True)
class Asked:
    """One alternative of a query parameter: its value, escapes still in it, and the modifier (for references also a
    resource type) that says how it is meant."""

    parameter: Parameter
    value: str
    context: SearchContext
    modifier: str | None = None

    def refuse(self) -> NotSupported:
        """The error that the modifier is not offered for this parameter, to be raised."""
        return NotSupported(f"The modifier :{self.modifier} of the parameter {self.parameter.name} is not offered.")


@dataclass(frozen=True, slots=True)
class ParameterType:
    """A type of search parameter.

    `modifiers` are those that R4 has for it, and what we add. `extractors` gives, by FHIR type, the function for values
    of that type; values of other types have no entries. `compile` makes the criterion of one value, obeying its
    modifier, and raises `Invalid` with what was expected, `NotSupported` for a modifier that it does not offer; None:
    queries on it are not offered, nor on those that `not_offered` names with the reason. `sortable`: `_sort` may name
    it.
    """

    name: str
    modifiers: frozenset[str]
    extractors: Callable[[Extraction], Mapping[str, Extract]] | None = None
    compile: Callable[[Asked], Awaitable[Criterion]] | None = None
    sortable: bool = False
    not_offered: Mapping[str, str] = field(default_factory=dict)

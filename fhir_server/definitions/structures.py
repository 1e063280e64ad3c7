"""The values that the definitions are made of. Frozen; read by the validator, the FHIRPath compiler and the search.

https://hl7.org/fhir/R4/elementdefinition.html, https://hl7.org/fhir/R4/searchparameter.html
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["primitive-type", "complex-type", "resource"]


@dataclass(frozen=True, slots=True)
class TypeRef:
    """One type that an element may have. `targets` are the resource types a Reference or canonical may point at (empty:
    any). `profile` names the structure that holds instead of that of `code` (a Quantity that is a SimpleQuantity; the
    name in JSON stays that of `code`)."""

    code: str
    targets: tuple[str, ...] = ()
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding: `value_set` is the canonical URL without version."""

    strength: str
    value_set: str


@dataclass(frozen=True, slots=True)
class Constraint:
    """An invariant: key (`obs-6`), severity (`error`, `warning`), its FHIRPath and the sentence for people."""

    key: str
    severity: str
    expression: str
    human: str


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a structure, with the elements inside it where it is a BackboneElement or Element.

    `name` is the JSON name, for a choice without the type (`value` of `value[x]`). `max` None is `*`.
    `content_reference` is the path (`Bundle.link`) whose elements this one repeats.
    """

    name: str
    path: str
    min: int
    max: int | None
    types: tuple[TypeRef, ...] = ()
    choice: bool = False
    elements: "tuple[Element, ...]" = ()
    content_reference: str | None = None
    binding: Binding | None = None
    constraints: tuple[Constraint, ...] = ()
    is_summary: bool = False
    is_modifier: bool = False


@dataclass(frozen=True, slots=True)
class Structure:
    """A resource type or datatype: all of its elements, inherited ones included.

    For a primitive, `pattern` is the regular expression of its value as the definitions give it (None where none) and
    `json` the kind of JSON value that carries it.
    """

    name: str
    kind: Kind
    base: str | None
    abstract: bool
    elements: tuple[Element, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    pattern: str | None = None
    json: Literal["string", "number", "boolean"] | None = None


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter. `expression` is the FHIRPath of all its base types; `targets` the types a reference may have;
    `components` (definition URL, expression) those of a composite.

    `source`: the address (`SearchParameter/1`) of the resource that defines it, where that is one of this server's.
    `indexed`: every resource that there is has been indexed by it, so that a search by it misses none."""

    code: str
    url: str
    type: str
    base: tuple[str, ...]
    expression: str | None
    targets: tuple[str, ...] = ()
    components: tuple[tuple[str, str], ...] = ()
    source: str = ""
    indexed: bool = True


@dataclass(frozen=True, slots=True)
class Compartment:
    """A compartment: for each resource type in it the search parameters whose references place a resource there. The
    compartment's own type is always among them, also with an empty tuple: its resource is in it by being it."""

    name: str
    parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CodeHierarchy:
    """A code system whose codes are kinds of one another: all its codes, and the codes directly below each."""

    url: str
    codes: frozenset[str]
    children: dict[str, tuple[str, ...]]

    def has(self, code: str) -> bool:
        """Whether the system has the code."""
        return code in self.codes

    def below(self, code: str) -> frozenset[str]:
        """The code, and what it subsumes, at any depth."""
        return _reached(code, lambda each: self.children.get(each, ()))

    def above(self, code: str) -> frozenset[str]:
        """The code, and what subsumes it."""
        return _reached(code, lambda each: [parent for parent, below in self.children.items() if each in below])


def _reached(code: str, following: Callable[[str], Iterable[str]]) -> frozenset[str]:
    found = {code}
    pending = [code]
    while pending:
        new = set(following(pending.pop())) - found
        found |= new
        pending.extend(new)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class ValueSet:
    """The codes of a value set that could be expanded completely: system -> codes. `complete` False: it could not
    (it is open-ended, like all MIME types), and membership must not be refused by it."""

    url: str
    codes: dict[str, frozenset[str]]
    complete: bool = True

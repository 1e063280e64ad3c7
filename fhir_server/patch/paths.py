"""The paths of a FHIRPath Patch: which elements they select, at a cost that the size of the resource bounds.

https://hl7.org/fhir/R4/fhirpatch.html. A path is written by a client, so it may not wander: within the arguments of a
function (`where(…)`) paths start at the item, and can neither name the resource anew nor use variables. So a path costs
a few walks over the resource, however it is nested; and all paths of a patch together have a limit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final

from fhir_server.definitions.definitions import Definitions
from fhir_server.fhirpath.code import Item
from fhir_server.fhirpath.compiler import Compiler
from fhir_server.fhirpath.errors import EvaluationError, ExpressionInvalid, ExpressionNotSupported
from fhir_server.fhirpath.parser import parse
from fhir_server.fhirpath.syntax import Call, Expression, Indexer, Member, Variable
from fhir_server.outcome import Invalid, NotSupported, TooCostly, Unprocessable
from fhir_server.patch.tree import Tree

MAX_PATH: Final = 1000
MAX_LOOKED_AT: Final = 10_000_000


@lru_cache(maxsize=4)
def compiler_for(definitions: Definitions) -> Compiler:
    """The compiler of these definitions, made once."""
    return Compiler(definitions)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """Paths of a patch ask nothing of the world around the resource."""

    resource: Item

    def resolve(self, reference: Any) -> list[Item]:
        raise EvaluationError("resolve() is not offered in the path of a patch")


class Paths:
    """Selects elements of a tree. Raises what a path deserves with the place of the path in the patch."""

    def __init__(self, tree: Tree, compiler: Compiler) -> None:
        self._tree = tree
        self._compiler = compiler
        self._type = str(tree.data["resourceType"])
        self._looked_at = 0

    def select(self, path: str, place: str) -> list[Item]:
        """The elements that a path selects; raises `Invalid` for what is none, `NotSupported` for a part of FHIRPath
        that is not offered, `Unprocessable` where it cannot be followed on this resource, `TooCostly` at the limit."""
        self._looked_at += self._tree.size
        if self._looked_at > MAX_LOOKED_AT:
            raise TooCostly("The patch has too many operations for a resource of this size.", expression=place)
        root: Item = (self._type, self._tree.data, None)
        try:
            if _wanders(parse(path), self._type):
                raise NotSupported("Within arguments a path starts at the item, without variables.", expression=place)
            return self._compiler.compile(path, self._type).run([root], _Surroundings(root))
        except ExpressionNotSupported as error:
            raise NotSupported(error.issues[0].diagnostics, expression=place) from error
        except ExpressionInvalid as error:
            raise Invalid(error.issues[0].diagnostics, expression=place) from error
        except EvaluationError as error:
            raise Unprocessable(f"The path cannot be followed here: {error}.", expression=place) from error
        except RecursionError as error:
            raise Invalid("The path is nested too deep.", expression=place) from error


def list_in(path: str) -> tuple[str, str] | None:
    """The path of what holds the list that a path ends in, and the list's name; None where it ends in no name."""
    step = parse(path)
    if not isinstance(step, Member) or step.source is None:
        return None
    return path[: path.rindex(".", 0, step.position + 1)], step.name


def _wanders(step: Expression, type_name: str, *, inside: bool = False) -> bool:
    """Whether an argument starts anew at the resource."""
    if inside and (isinstance(step, Variable) or (isinstance(step, Member) and _is_root(step, type_name))):
        return True
    source = step.source if isinstance(step, Call | Indexer) else None
    return any(_wanders(each, type_name, inside=inside or _is_argument(step, each, source)) for each in _inner(step))


def _is_root(step: Member, type_name: str) -> bool:
    return step.source is None and step.name == type_name


def _is_argument(step: Expression, inner: Expression, source: Expression | None) -> bool:
    return isinstance(step, Call | Indexer) and inner is not source


def _inner(step: Expression) -> Iterator[Expression]:
    """The expressions right inside one."""
    for each in fields(step):
        value = getattr(step, each.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Expression):
                yield item

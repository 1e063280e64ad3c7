"""The paths of a FHIRPath Patch: which elements they select, at a bounded cost.

https://hl7.org/fhir/R4/fhirpatch.html. A path is written by a client and may be any FHIRPath; so all paths of a patch
together have a limit of steps.
"""

from functools import lru_cache
from typing import Any, Final

from fhir_server.definitions.definitions import Definitions
from fhir_server.fhirpath.compiler import Compiler
from fhir_server.fhirpath.env import Env, Item
from fhir_server.fhirpath.errors import EvaluationError, ExpressionInvalid, ExpressionNotSupported, TooManySteps
from fhir_server.fhirpath.parser import parse
from fhir_server.fhirpath.syntax import Member
from fhir_server.outcome import Invalid, NotSupported, TooCostly, Unprocessable
from fhir_server.patch.tree import Tree

MAX_PATH: Final = 1000
MAX_STEPS: Final = 1_000_000
"""Of all paths of a patch; some two seconds at most"""
_LEAST_STEPS: Final = 100


@lru_cache(maxsize=4)
def compiler_for(definitions: Definitions) -> Compiler:
    """The compiler of these definitions, made once."""
    return Compiler(definitions)


class _Surroundings(Env):
    """Paths of a patch ask nothing of the world around the resource."""

    __slots__ = ()

    def resolve(self, reference: Any) -> list[Item]:
        raise EvaluationError("resolve() is not offered in the path of a patch")


class Paths:
    """Selects elements of a tree. Raises what a path deserves with the place of the path in the patch."""

    def __init__(self, tree: Tree, compiler: Compiler) -> None:
        self._tree = tree
        self._compiler = compiler
        self._type = str(tree.data["resourceType"])
        self._steps_left = MAX_STEPS

    def select(self, path: str, place: str) -> list[Item]:
        """The elements that a path selects; raises `Invalid` for what is none, `NotSupported` for a part of FHIRPath
        that is not offered, `Unprocessable` where it cannot be followed on this resource, `TooCostly` at the limit."""
        root: Item = (self._type, self._tree.data, None)
        surroundings = _Surroundings(root)
        surroundings.steps_left = self._steps_left
        try:
            found = self._compiler.compile(path, self._type).run([root], surroundings)
        except ExpressionNotSupported as error:
            raise NotSupported(error.issues[0].diagnostics, expression=place) from error
        except ExpressionInvalid as error:
            raise Invalid(error.issues[0].diagnostics, expression=place) from error
        except TooManySteps as error:
            raise TooCostly("The paths of the patch take too many steps on this resource.", expression=place) from error
        except EvaluationError as error:
            raise Unprocessable(f"The path cannot be followed here: {error}.", expression=place) from error
        except RecursionError as error:
            raise Invalid("The path is nested too deep.", expression=place) from error
        # Each path starts with a walk of its own, however little it looks at.
        self._steps_left = surroundings.steps_left - _LEAST_STEPS
        return found


def list_in(path: str) -> tuple[str, str] | None:
    """The path of what holds the list that a path ends in, and the list's name; None where it ends in no name."""
    step = parse(path)
    if not isinstance(step, Member) or step.source is None:
        return None
    return path[: path.rindex(".", 0, step.position + 1)], step.name

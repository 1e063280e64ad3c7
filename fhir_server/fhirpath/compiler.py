"""From syntax tree to closures, typed by the definitions.

http://hl7.org/fhirpath/N1, http://hl7.org/fhir/R4/fhirpath.html. What is known of the types decides as much as possible
before anything runs: an element that a type does not have is an error here, a union's operand for another resource type
falls away, `as` on a choice reads the one property.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from fhir_server.definitions.definitions import Definitions
from fhir_server.fhirpath.code import EMPTY, Code, Direct, Env, Item, identity
from fhir_server.fhirpath.compiling import Compiling, Invocation
from fhir_server.fhirpath.direct import direct_step
from fhir_server.fhirpath.errors import EvaluationError, ExpressionInvalid, ExpressionNotSupported
from fhir_server.fhirpath.functions import FUNCTIONS
from fhir_server.fhirpath.literals import literal
from fhir_server.fhirpath.operators import OPERATORS
from fhir_server.fhirpath.parser import parse
from fhir_server.fhirpath.readers import keys_of, reader
from fhir_server.fhirpath.steps import readers_by_name, step, step_beside, step_by_type
from fhir_server.fhirpath.syntax import (
    Binary,
    Call,
    Constant,
    Expression,
    Indexer,
    Member,
    Polarity,
    Special,
    TypeTest,
    Variable,
)
from fhir_server.fhirpath.type_model import Member as MemberOfType
from fhir_server.fhirpath.type_model import TypeModel
from fhir_server.fhirpath.types_of import cast, restricted, tested
from fhir_server.fhirpath.values.amounts import amount_of
from fhir_server.fhirpath.values.kinds import INTEGER, KIND_OF_TYPE, NUMBER, number, single
from fhir_server.fhirpath.variables import variable

_CACHED = 8192
_NOT_FOR_SEARCH = frozenset(
    {"now", "today", "timeOfDay", "memberOf", "subsumes", "subsumedBy", "conformsTo", "slice", "trace"}
)
"""What changes with time, or with what is known elsewhere: an index would go stale unnoticed"""
_WITH_SOURCE = (Member, Call)
"""What follows on a source, and sees what that has defined"""


class Compiler:
    """Compiles expressions against one set of definitions; each pair of expression and type once.

    `for_search`: for the index, where one expression is written for many types (a path for another type is empty, not
    wrong) and `resolve()` gives no more than a type.
    """

    def __init__(self, definitions: Definitions, *, for_search: bool = False) -> None:
        self.model = TypeModel(definitions)
        self.for_search = for_search
        self._compile = lru_cache(_CACHED)(self._compile_now)

    def compile(self, expression: str, type_name: str, variables: frozenset[str] = frozenset()) -> Code:
        """The code of an expression for a resource (or element) of this type. `variables`: the names of the `%`
        variables that the surroundings of an evaluation will give.

        Raises `ExpressionInvalid` where it is not FHIRPath or names an element, type, function or variable that is not
        there, `ExpressionNotSupported` for what cannot be used in this place; both name the place.
        """
        return self._compile(expression, type_name, variables)

    def _compile_now(self, expression: str, type_name: str, variables: frozenset[str]) -> Code:
        root = Code(identity, types=frozenset({type_name}), paths=frozenset({type_name}))
        one = _OneExpression(expression, self.model, root, variables, for_search=self.for_search)
        return one.code(parse(expression), root)


class _OneExpression:
    """One expression on its way from tree to closures: the `Compiling` that the tables are given."""

    def __init__(
        self, expression: str, model: TypeModel, root: Code, variables: frozenset[str], *, for_search: bool
    ) -> None:
        self.expression = expression
        self.model = model
        self.root = root
        self.variables = variables
        self.for_search = for_search

    def code(self, node: Expression, focus: Code) -> Code:
        """The code of a part of the tree, for these items in focus."""
        made = _RULES[type(node)](self, node, focus)
        if isinstance(node, _WITH_SOURCE) or made.variables == focus.variables:
            return made
        # What an operand or argument defines is not known outside of it.
        return replace(made, variables=focus.variables)

    def type_named(self, name: str, node: Expression) -> str:
        """The type that a type specifier means; raises `ExpressionInvalid` for an unknown one."""
        found = self.model.named(name)
        if found is None:
            raise self.invalid(f"There is no type {name}", node)
        return found

    def invalid(self, reason: str, node: Expression) -> ExpressionInvalid:
        """The error that this part of the expression is wrong."""
        return ExpressionInvalid(reason, self.expression, node.position)

    def not_supported(self, reason: str, node: Expression) -> ExpressionNotSupported:
        """The error that this part of the expression is not offered here."""
        return ExpressionNotSupported(reason, self.expression, node.position)


def _member(one: _OneExpression, node: Member, focus: Code) -> Code:
    source = focus if node.source is None else one.code(node.source, focus)
    return _keeping(source, _element(one, node, source))


def _keeping(source: Code, made: Code) -> Code:
    """The code with the variables that its source has defined."""
    return replace(made, variables=source.variables) if source.variables and not made.variables else made


def _element(one: _OneExpression, node: Member, source: Code) -> Code:
    if source.always_empty:
        return EMPTY
    if source.opaque:
        raise one.not_supported("Of what resolve() gives only the type may be asked", node)
    if source.types is None:
        return _dynamic_step(one, node, source)
    members = {name: one.model.members(name).get(node.name) for name in source.types}
    found = {name: member for name, member in members.items() if member is not None}
    if not found:
        return _root_type(one, node, source)
    return _static_step(one, node.name, source, found)


def _root_type(one: _OneExpression, node: Member, source: Code) -> Code:
    """A type name at the start of a path: the focus itself, or nothing where that is of another type."""
    starts_path = node.source is None and node.name[:1].isupper()
    named = one.model.named(node.name) if starts_path else None
    other = one.for_search or not source.types or any(one.model.is_a(name, named or "") for name in source.types)
    if named is None or not other:
        types = " or ".join(sorted(source.types or ()))
        raise one.invalid(f"{types} has no element {node.name}", node)
    if all(one.model.is_a(name, named) for name in source.types or ()):
        return source
    return restricted(one.model, source, named)


def _static_step(one: _OneExpression, name: str, source: Code, found: Mapping[str, MemberOfType]) -> Code:
    properties = {each.type for member in found.values() for each in member.properties}
    paths = frozenset(f"{path}.{name}" for path in source.paths)
    own_keys = frozenset[str]().union(*(keys_of(member) for member in found.values()))
    choice = len(found) == 1 and len(properties) > 1

    def narrow(type_name: str) -> Code:
        kept = {
            holder: replace(member, properties=tuple(each for each in member.properties if each.type == type_name))
            for holder, member in found.items()
        }
        return _static_step(one, name, source, kept)

    return Code(
        _static_run(one, source, found),
        types=None if "Resource" in properties else frozenset(properties),
        keys=own_keys if source.run is identity else source.keys,
        paths=paths,
        reads=source.reads | paths,
        elements=tuple(member.element for member in found.values()),
        narrow=narrow if choice else None,
        direct=_static_direct(one, source, found),
    )


def _static_run(
    one: _OneExpression, source: Code, found: Mapping[str, MemberOfType]
) -> Callable[[list[Item], Env], list[Item]]:
    if len(found) == 1 and source.types == frozenset(found):
        name, member = next(iter(found.items()))
        make = step_beside if one.model.is_primitive(name) else step
        return make(source.run, member.properties)
    readers = {name: (reader(each.properties), one.model.is_primitive(name)) for name, each in found.items()}
    return step_by_type(source.run, readers.get)


def _static_direct(one: _OneExpression, source: Code, found: Mapping[str, MemberOfType]) -> Direct | None:
    name, member = next(iter(found.items()))
    if source.types != frozenset(found) or len(found) > 1 or one.model.is_primitive(name):
        return None
    return direct_step(source, member.properties)


def _dynamic_step(one: _OneExpression, node: Member, source: Code) -> Code:
    paths = frozenset(f"{path}.{node.name}" for path in source.paths)
    return Code(
        step_by_type(source.run, readers_by_name(one.model, node.name)),
        types=None,
        keys=source.keys,
        paths=paths,
        reads=source.reads | paths,
    )


def _call(one: _OneExpression, node: Call, focus: Code) -> Code:
    function = FUNCTIONS.get(node.name)
    if function is None:
        raise one.invalid(f"There is no function {node.name}()", node)
    if one.for_search and node.name in _NOT_FOR_SEARCH:
        raise one.not_supported(f"The function {node.name}() is not offered in the expression of an index", node)
    if not function.minimum <= len(node.arguments) <= function.maximum:
        raise one.invalid(f"The function {node.name}() does not take {len(node.arguments)} arguments", node)
    source = focus if node.source is None else one.code(node.source, focus)
    made = function.compile(Invocation(one, node, source, focus))
    # Only defineVariable() itself adds to what is defined: what its arguments define stays in them.
    defined = made.variables if node.name == "defineVariable" else source.variables
    return made if made.variables == defined else replace(made, variables=defined)


def _binary(one: _OneExpression, node: Binary, focus: Code) -> Code:
    return OPERATORS[node.operator](one, node, focus)


def _type_test(one: _OneExpression, node: TypeTest, focus: Code) -> Code:
    source = one.code(node.operand, focus)
    type_name = one.type_named(node.type, node)
    make = tested if node.operator == "is" else restricted if one.for_search else cast
    return make(one.model, source, type_name)


def _indexer(one: _OneExpression, node: Indexer, focus: Code) -> Code:
    source = one.code(node.source, focus)
    if source.always_empty:
        return EMPTY
    run_source, run_index = source.run, one.code(node.index, focus).run

    def run(items: list[Item], env: Env) -> list[Item]:
        found = run_index(items, env)
        if not found:
            return []
        if len(found) > 1 or type(found[0][1]) is not int:
            raise EvaluationError("An index is one integer")
        place: int = found[0][1]
        return run_source(items, env)[place : place + 1] if place >= 0 else []

    return source.filtered(run)


def _special(one: _OneExpression, node: Special, focus: Code) -> Code:
    if node.name == "index":
        return Code(_index, types=frozenset({INTEGER}))
    return focus if node.name == "this" else Code(_total, types=None)


def _index(focus: list[Item], env: Env) -> list[Item]:
    if env.index is None:
        raise EvaluationError("$index has a value only within the argument of a function")
    return [(INTEGER, env.index, None)]


def _total(focus: list[Item], env: Env) -> list[Item]:
    return env.total


def _polarity(one: _OneExpression, node: Polarity, focus: Code) -> Code:
    operand = one.code(node.operand, focus)
    run_operand, negative = operand.run, node.sign == "-"

    def run(items: list[Item], env: Env) -> list[Item]:
        item = single(run_operand(items, env), "A number")
        if item is None:
            return []
        amount = amount_of(item)
        if amount is None:
            raise EvaluationError(f"{item[0]} has no sign")
        if not negative:
            return [item]
        if KIND_OF_TYPE.get(item[0]) == NUMBER:
            return [(item[0], -number(item[1]), None)]
        return [replace(amount, value=-amount.value).item()]

    return Code(run, types=operand.types, reads=operand.reads)


def _literal(one: _OneExpression, node: Constant, focus: Code) -> Code:
    return literal(one, node)


def _variable(one: _OneExpression, node: Variable, focus: Code) -> Code:
    return variable(one, node, focus, one.root)


_RULES: Mapping[type, Callable[[Any, Any, Code], Code]] = {
    Constant: _literal,
    Variable: _variable,
    Special: _special,
    Member: _member,
    Call: _call,
    Indexer: _indexer,
    Polarity: _polarity,
    Binary: _binary,
    TypeTest: _type_test,
}

_: type[Compiling] = _OneExpression

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
from fhir_server.fhirpath.code import EMPTY, Code, Env, Item, identity
from fhir_server.fhirpath.compiling import Compiling, Invocation
from fhir_server.fhirpath.errors import EvaluationError, ExpressionInvalid, ExpressionNotSupported
from fhir_server.fhirpath.functions import FUNCTIONS, NOT_OFFERED
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
from fhir_server.fhirpath.types_of import restricted, tested
from fhir_server.fhirpath.variables import variable

_CACHED = 8192


class Compiler:
    """Compiles expressions against one set of definitions; each pair of expression and type once."""

    def __init__(self, definitions: Definitions) -> None:
        self.model = TypeModel(definitions)
        self._compile = lru_cache(_CACHED)(self._compile_now)

    def compile(self, expression: str, type_name: str) -> Code:
        """The code of an expression for a resource (or element) of this type.

        Raises `ExpressionInvalid` where it is not FHIRPath or names an element, type or function that is not there,
        `ExpressionNotSupported` for a part of the language that is not offered; both name the place.
        """
        return self._compile(expression, type_name)

    def _compile_now(self, expression: str, type_name: str) -> Code:
        root = Code(identity, types=frozenset({type_name}), paths=frozenset({type_name}))
        return _OneExpression(expression, self.model, root).code(parse(expression), root)


class _OneExpression:
    """One expression on its way from tree to closures: the `Compiling` that the tables are given."""

    def __init__(self, expression: str, model: TypeModel, root: Code) -> None:
        self.expression = expression
        self.model = model
        self.root = root

    def code(self, node: Expression, focus: Code) -> Code:
        """The code of a part of the tree, for these items in focus."""
        return _RULES[type(node)](self, node, focus)

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
    if named is None:
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
        if node.name in NOT_OFFERED:
            raise one.not_supported(f"The function {node.name}() is not offered here", node)
        raise one.invalid(f"There is no function {node.name}()", node)
    if not function.minimum <= len(node.arguments) <= function.maximum:
        raise one.invalid(f"The function {node.name}() does not take {len(node.arguments)} arguments", node)
    source = focus if node.source is None else one.code(node.source, focus)
    return function.compile(Invocation(one, node, source, focus))


def _binary(one: _OneExpression, node: Binary, focus: Code) -> Code:
    operator = OPERATORS.get(node.operator)
    if operator is None:
        raise one.not_supported(f"The operator {node.operator} is not offered here", node)
    return operator(one, node, focus)


def _type_test(one: _OneExpression, node: TypeTest, focus: Code) -> Code:
    source = one.code(node.operand, focus)
    type_name = one.type_named(node.type, node)
    make = restricted if node.operator == "as" else tested
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
    if node.name != "this":
        raise one.not_supported(f"${node.name} is not offered here", node)
    return focus


def _polarity(one: _OneExpression, node: Polarity, focus: Code) -> Code:
    raise one.not_supported(f"The sign {node.sign} is not offered here", node)


def _literal(one: _OneExpression, node: Constant, focus: Code) -> Code:
    return literal(one, node)


def _variable(one: _OneExpression, node: Variable, focus: Code) -> Code:
    return variable(one, node, one.root)


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

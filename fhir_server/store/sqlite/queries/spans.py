"""Criteria as SQL conditions on JSON: on the column `spans` of a row, or on a group in it."""

from dataclasses import dataclass

from fhir_server.store.criteria import (
    Criterion,
    DateIs,
    ExactIs,
    HasWord,
    IdentifierIs,
    InCompartment,
    IsNear,
    IsPresent,
    NumberIs,
    QuantityIs,
    ReferenceTo,
    StringIs,
    TermIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.entries import CANONICAL
from fhir_server.store.matching import CannotJudge
from fhir_server.store.sqlite.forms import short_system
from fhir_server.store.sqlite.queries.ranges import date_condition, near_condition, number_condition, text_condition
from fhir_server.store.sqlite.queries.sql import TRUE, Sql, all_of, any_of


@dataclass(frozen=True, slots=True)
class Document:
    """JSON with entries: an SQL expression, and where in it they begin. `depth`: how many groups it lies in."""

    text: str
    root: str = "$"
    depth: int = 0


_FIRST, _SECOND = "(e.value->>0)", "(e.value->>1)"


def span_leaf(criterion: object, document: Document) -> Sql | None:
    """The condition that an entry that is compared matches; None for a criterion on another kind of entry."""
    match criterion:
        case DateIs(param, prefix, low, high):
            return some(document, f"d.{param}", date_condition(prefix, _FIRST, _SECOND, low, high))
        case StringIs(param, text, how):
            return some(document, f"s.{param}", text_condition(_FIRST, text, how))
        case NumberIs(param, prefix, first, last):
            return some(document, f"n.{param}", number_condition(prefix, _FIRST, _SECOND, first, last))
        case QuantityIs():
            return _quantity(criterion, document)
        case IsNear(param):
            return some(document, f"p.{param}", near_condition(_FIRST, _SECOND, criterion))
        case _:
            return None


def _quantity(asked: QuantityIs, document: Document) -> Sql:
    parts = [number_condition(asked.prefix, _SECOND, "(e.value->>2)", asked.low, asked.high)]
    if asked.unit is not None:
        parts.append(Sql("e.value->>0=?", (asked.unit,)))
    if asked.system is not None and asked.system != CANONICAL:
        parts.append(Sql("e.value->>3=?", (short_system(asked.system),)))
    return some(document, f"{'c' if asked.system == CANONICAL else 'q'}.{asked.param}", all_of(parts))


def group_leaf(criterion: Criterion, document: Document) -> Sql:
    """The condition that an entry of a group matches, whatever its kind. Raises `CannotJudge` for linked criteria."""
    compared = span_leaf(criterion, document)
    if compared is not None:
        return compared
    if isinstance(criterion, TermIs):
        return some(document, f"w.{criterion.param}", text_condition(_FIRST, criterion.text, criterion.how))
    if isinstance(criterion, IsPresent) or (
        isinstance(criterion, TokenIs) and criterion.system is criterion.code is None
    ):
        coded = [_has(document, f"{kind}.{criterion.param}") for kind in "ti"]
        return any_of([some(document, "present", Sql("e.value=?", (criterion.param,))), *coded])
    return _pair(document, *_parts(criterion))


def _parts(criterion: Criterion) -> tuple[str, str | None, str | None]:
    """The name of the entries, and the parts that they must have; None for any."""
    match criterion:
        case TokenIs(param, system, code):
            return f"t.{param}", _short(system), code
        case IdentifierIs(param, system, value):
            return f"i.{param}", _short(system), value
        case ReferenceTo(param, type, id):
            return f"r.{param}", type, id
        case InCompartment(name, id):
            return "compartments", name, id
        case UriIs(param, text):
            return f"u.{param}", text, None
        case ExactIs(param, text):
            return f"x.{param}", text, None
        case HasWord(param, text):
            return f"v.{param}", text, None
    raise CannotJudge(f"{criterion.__class__.__name__} cannot be judged inside a group")


def _short(system: str | None) -> str | None:
    return None if system is None else short_system(system)


def _pair(document: Document, name: str, first: str | None, second: str | None) -> Sql:
    asked = [Sql(f"e.value->>{at}=?", (part,)) for at, part in enumerate((first, second)) if part is not None]
    return some(document, name, all_of(asked) if asked else TRUE)


def _has(document: Document, name: str) -> Sql:
    return Sql(f"json_type({document.text}, ?) IS NOT NULL", (json_path(name, document.root),))


def some(document: Document, name: str, test: Sql) -> Sql:
    """The condition that one of the values `e` of this name passes the test."""
    text = f"EXISTS (SELECT 1 FROM json_each({document.text}, ?) e WHERE {test.text})"
    return Sql(text, (json_path(name, document.root), *test.values))


def json_path(name: str, root: str = "$") -> str:
    """The JSON path of the values of this name."""
    if '"' in name:
        raise ValueError(f"{name!r} is no search parameter")
    return f'{root}."{name}"'

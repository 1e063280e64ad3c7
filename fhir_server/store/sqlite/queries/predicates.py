"""Criteria as SQL conditions on one row of `version`, read from its packed columns alone.

A condition is true, false, or NULL where the criterion reads an element that is masked in the row. NULL goes through
AND, OR and NOT as "unknown", and no row matches by it: also `Not` does not match where it reads what is masked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fhir_server.outcome import TooCostly
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    DateIs,
    Elements,
    IdentifierIs,
    IdIs,
    InCompartment,
    LastUpdatedIs,
    Not,
    Prefix,
    ReferenceTo,
    StringIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.sqlite import packing

MOST_TERMS = 4_000
FEW_PATIENTS = 4

Value = str | int | float | bytes


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and the values of its question marks, in their order."""

    text: str
    values: tuple[Value, ...] = ()


TRUE = Sql("1")
FALSE = Sql("0")

Guard = Callable[[Elements], Sql | None]
"""The condition under which these elements are not masked in the row; None: they never are."""


def unguarded(elements: Elements) -> Sql | None:
    """The guard of a filter without masks, and of access rules, which read everything."""
    return None


def all_of(parts: Sequence[Sql]) -> Sql:
    """All of the conditions; of none: true."""
    kept = [part for part in parts if part is not TRUE]
    return _joined(kept, " AND ") if kept else TRUE


def any_of(parts: Sequence[Sql]) -> Sql:
    """At least one of the conditions; of none: false."""
    return _joined(list(parts), " OR ") if parts else FALSE


def negated(part: Sql) -> Sql:
    return Sql(f"NOT ({part.text})", part.values)


def _joined(parts: list[Sql], word: str) -> Sql:
    """Joined as a balanced tree: SQLite bounds the depth of expressions, not their number."""
    if len(parts) > MOST_TERMS:
        raise TooCostly(f"more than {MOST_TERMS} alternatives in one search")
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _joined(parts[:middle], word), _joined(parts[middle:], word)
    return Sql(f"({left.text}{word}{right.text})", left.values + right.values)


def condition(criterion: Criterion, row: str, guard: Guard = unguarded) -> Sql:
    """The condition that the row with the alias `row` matches the criterion."""
    if isinstance(criterion, AllOf):
        return all_of([condition(part, row, guard) for part in criterion.criteria])
    if isinstance(criterion, AnyOf):
        return any_condition(criterion.criteria, row, guard)
    if isinstance(criterion, Not):
        return negated(condition(criterion.criterion, row, guard))
    plain = _leaf(criterion, row)
    unmasked = guard(criterion.elements)
    if unmasked is None:
        return plain
    return Sql(f"CASE WHEN {unmasked.text} THEN {plain.text} END", unmasked.values + plain.values)


def any_condition(criteria: Sequence[Criterion], row: str, guard: Guard = unguarded) -> Sql:
    """The condition that the row matches at least one of the criteria."""
    patients: list[InCompartment] = []
    others: list[Criterion] = []
    for part in criteria:
        if isinstance(part, InCompartment) and part.name == "Patient" and guard(part.elements) is None:
            patients.append(part)
        else:
            others.append(part)
    if len(patients) < FEW_PATIENTS:
        return any_of([condition(part, row, guard) for part in criteria])
    return any_of([*(condition(part, row, guard) for part in others), _in_some_record(patients, row)])


def _in_some_record(patients: Sequence[InCompartment], row: str) -> Sql:
    """One look-up for all residents of a home, instead of one probe for each. Rows in several records are rare."""
    ids = tuple(dict.fromkeys(part.id for part in patients))
    each = any_of([_leaf(part, row) for part in patients])
    marks = ",".join("?" * len(ids))
    text = f"(ifnull({row}.patients,'') IN ({marks}) OR (instr(ifnull({row}.patients,''), char(10)) AND {each.text}))"
    return Sql(text, (*ids, *each.values))


def _leaf(criterion: Criterion, row: str) -> Sql:
    match criterion:
        case TokenIs(param, system, code):
            token = packing.DELIMITER + packing.digest(packing.token_text(param, system, code))
            return Sql(f"instr({row}.tokens, ?)", (token,))
        case DateIs(param, prefix, low, high):
            test = range_condition(prefix, "(e.value->>0)", "(e.value->>1)", low, high)
            return _some_span(row, f"d.{param}", test)
        case StringIs(param, text, how):
            return _some_span(row, f"s.{param}", text_condition("(e.value->>0)", text, how))
        case IdIs(ids):
            return any_of([Sql(f"{row}.id=?", (id,)) for id in ids])
        case LastUpdatedIs(prefix, low, high):
            start = f"{row}.last_updated*1000"
            return range_condition(prefix, f"({start})", f"({start}+1000)", low, high)
        case _:
            return Sql(f"instr({row}.keys, ?)", (exact_probe(criterion),))


def exact_probe(criterion: Criterion) -> bytes:
    """What `instr` looks for in `keys` where the criterion is one that is matched exactly."""
    match criterion:
        case IdentifierIs(param, system, value):
            return _identifier_probe(param, system, value)
        case ReferenceTo(param, type, id):
            return packing.exact_key(packing.reference_key(param, type, id))
        case InCompartment(name, id):
            return packing.exact_key(packing.compartment_key(name, id))
        case UriIs(param, uri):
            return packing.exact_key(packing.uri_key(param, uri))
        case _:
            raise TypeError(f"{criterion!r} is no criterion")


def _identifier_probe(param: str, system: str | None, value: str | None) -> bytes:
    if value is None:
        key = f"i{param}\x1f" if system is None else packing.identifier_system_key(param, system)
        probe = packing.exact_key(key)
        return probe[:-1] if system is None else probe
    probe = packing.exact_key(packing.identifier_key(param, system or "", value))
    return probe[:-1] if system is None else probe


def range_condition(prefix: Prefix, low: str, high: str, asked_low: int, asked_high: int) -> Sql:
    """The comparison of the range in the SQL expressions `low` and `high` with the one asked for."""
    text, order = RANGE_CONDITIONS[prefix]
    asked = {"L": asked_low, "H": asked_high}
    return Sql(text.format(low=low, high=high), tuple(asked[name] for name in order))


RANGE_CONDITIONS: dict[Prefix, tuple[str, str]] = {
    "eq": ("({low}>=? AND {high}<=?)", "LH"),
    "ne": ("({low}<? OR {high}>?)", "LH"),
    "gt": ("{high}>?", "H"),
    "lt": ("{low}<?", "L"),
    "ge": ("({high}>? OR {low}>=?)", "HL"),
    "le": ("({low}<? OR {high}<=?)", "LH"),
    "sa": ("{low}>=?", "H"),
    "eb": ("{high}<=?", "L"),
    "ap": ("({low}<? AND {high}>?)", "HL"),
}


def text_condition(column: str, text: str, how: str) -> Sql:
    """The comparison of a folded text with the one asked for."""
    if how == "equals":
        return Sql(f"{column}=?", (text,))
    if how == "starts":
        return Sql(f"substr({column}, 1, ?)=?", (len(text), text))
    return Sql(f"instr({column}, ?)", (text,))


def _some_span(row: str, name: str, test: Sql) -> Sql:
    text = f"EXISTS (SELECT 1 FROM json_each({row}.spans, ?) e WHERE {test.text})"
    return Sql(text, (span_path(name), *test.values))


def span_path(name: str) -> str:
    """The JSON path of one parameter's values in `spans`."""
    if '"' in name:
        raise ValueError(f"{name!r} is no search parameter")
    return f'$."{name}"'

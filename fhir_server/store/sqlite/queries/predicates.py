"""Criteria as SQL conditions on one row of `version`, read from its packed columns alone.

A condition is true, false, or NULL where the criterion reads an element that is masked in the row. NULL goes through
AND, OR and NOT as "unknown", and no row matches by it: also `Not` does not match where it reads what is masked.
"""

from collections.abc import Callable, Sequence

import apsw
import msgspec

from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    Elements,
    HasWord,
    IdentifierIs,
    IdIs,
    InCompartment,
    InGroup,
    LastUpdatedIs,
    Not,
    ReferenceTo,
    UriIs,
)
from fhir_server.store.matching import CannotJudge
from fhir_server.store.sqlite import forms
from fhir_server.store.sqlite.functions import targets
from fhir_server.store.sqlite.queries.postings import hashed_text
from fhir_server.store.sqlite.queries.ranges import date_condition
from fhir_server.store.sqlite.queries.resolved import Resolved
from fhir_server.store.sqlite.queries.spans import Document, group_leaf, json_path, span_leaf
from fhir_server.store.sqlite.queries.sql import FALSE, Sql, all_of, any_of, negated

FEW_PATIENTS = 4
FEW_REFERENCES = 4
FEW_IDS = 8

Guard = Callable[[Elements], Sql | None]
"""The condition under which these elements are not masked in the row; None: they never are."""


def unguarded(elements: Elements) -> Sql | None:
    """The guard of a filter without masks, and of access rules, which read everything."""
    return None


def condition(
    criterion: Criterion | Resolved, row: str, guard: Guard = unguarded, within: Document | None = None
) -> Sql:
    """The condition that the row with the alias `row` matches the criterion; `within`: that a group in it does.

    Raises `CannotJudge` for a criterion that `resolve.py` should have looked up first.
    """
    if isinstance(criterion, AllOf):
        return all_of([condition(part, row, guard, within) for part in criterion.criteria])
    if isinstance(criterion, AnyOf):
        return any_condition(criterion.criteria, row, guard, within)
    if isinstance(criterion, Not):
        return negated(condition(criterion.criterion, row, guard, within))
    if isinstance(criterion, InCompartment) and criterion.by and within is None:
        return _in_compartment(criterion, row, guard)
    if isinstance(criterion, InGroup):
        return _guarded(_in_group(criterion, row, within), all_elements(criterion), guard)
    if within is not None and not isinstance(criterion, IdIs | LastUpdatedIs | Resolved):
        plain = group_leaf(criterion, within)
    else:
        plain = _leaf(criterion, row)
    return _guarded(plain, criterion.elements, guard)


def _in_compartment(criterion: InCompartment, row: str, guard: Guard) -> Sql:
    """By its own key; where a way into the compartment is masked, by the ways that are left."""
    plain = _leaf(criterion, row)
    if guard(criterion.elements) is None:
        return plain
    return any_of([_guarded(plain, criterion.elements, guard), any_condition(criterion.by, row, guard)])


def _guarded(plain: Sql, elements: Elements, guard: Guard) -> Sql:
    unmasked = guard(elements) if elements else None
    if unmasked is None:
        return plain
    return Sql(f"CASE WHEN {unmasked.text} THEN {plain.text} END", unmasked.values + plain.values)


def any_condition(
    criteria: Sequence[Criterion], row: str, guard: Guard = unguarded, within: Document | None = None
) -> Sql:
    """The condition that the row matches at least one of the criteria."""
    patients = [part for part in criteria if isinstance(part, InCompartment) and _is_open_record(part, guard)]
    references = [part for part in criteria if isinstance(part, ReferenceTo)]
    together: list[Sql] = []
    if within is None and len(patients) >= FEW_PATIENTS:
        together.append(_in_some_record(patients, row))
        criteria = [part for part in criteria if not isinstance(part, InCompartment) or part not in patients]
    if within is None and len(references) >= FEW_REFERENCES:
        together += _to_some(references, row, guard)
        criteria = [part for part in criteria if not isinstance(part, ReferenceTo)]
    return any_of([*together, *(condition(part, row, guard, within) for part in criteria)])


def _is_open_record(part: InCompartment, guard: Guard) -> bool:
    return part.name == "Patient" and (not part.elements or guard(part.elements) is None)


def _in_some_record(patients: Sequence[InCompartment], row: str) -> Sql:
    """One look-up for all residents of a home, instead of one probe for each. Rows in several records are rare."""
    ids = tuple(dict.fromkeys(part.id for part in patients))
    each = any_of([_leaf(part, row) for part in patients])
    marks = ",".join("?" * len(ids))
    text = f"(ifnull({row}.patients,'') IN ({marks}) OR (instr(ifnull({row}.patients,''), char(10)) AND {each.text}))"
    return Sql(text, (*ids, *each.values))


def _to_some(references: Sequence[ReferenceTo], row: str, guard: Guard) -> list[Sql]:
    """One look into the row for all references by the same parameter."""
    together: dict[tuple[str, Elements], list[tuple[str, str]]] = {}
    for part in references:
        together.setdefault((part.param, part.elements), []).append((part.type, part.id))
    return [_guarded(refers_to(row, param, known), elements, guard) for (param, elements), known in together.items()]


def refers_to(row: str, param: str, references: Sequence[tuple[str, str]]) -> Sql:
    """The condition that the row refers, by the parameter, to one of these (type, id)."""
    return Sql(f"refers(?, {row}.keys)", (apsw.pyobject(targets(param, references)),))


def all_elements(criterion: Criterion) -> Elements:
    """The elements that a criterion and those in it read: a group is not known where one of them is masked."""
    match criterion:
        case AllOf(criteria) | AnyOf(criteria):
            own: Elements = ()
        case Not(inner):
            own, criteria = (), (inner,)
        case InGroup(_, criteria, elements):
            own = elements
        case _:
            return criterion.elements
    return own + tuple(element for part in criteria for element in all_elements(part))


def _in_group(asked: InGroup, row: str, within: Document | None) -> Sql:
    document = Document(f"{row}.spans") if within is None else within
    group = f"g{document.depth}"
    inner = Document(f"{group}.value", "$[1]", document.depth + 1)
    matching = all_of([condition(part, row, unguarded, inner) for part in asked.criteria])
    text = f"EXISTS (SELECT 1 FROM json_each({document.text}, ?) {group} WHERE instr({group}.value->>0, ?)"
    return Sql(f"{text} AND {matching.text})", (json_path("g", document.root), f"|{asked.group}|", *matching.values))


def _leaf(criterion: Criterion | Resolved, row: str) -> Sql:
    hashed = None if isinstance(criterion, Resolved | HasWord) else hashed_text(criterion)
    if hashed is not None:
        return Sql(f"instr({row}.tokens, ?)", (forms.packed_hash(hashed),))
    match criterion:
        case Resolved():
            return criterion.condition(row)
        case IdIs(ids):
            return id_in(row, ids)
        case LastUpdatedIs(prefix, low, high):
            start = f"{row}.last_updated*1000"
            return date_condition(prefix, f"({start})", f"({start}+1000)", low, high)
        case IdentifierIs() | ReferenceTo() | InCompartment() | UriIs():
            return Sql(f"instr({row}.keys, ?)", (exact_probe(criterion),))
    compared = span_leaf(criterion, Document(f"{row}.spans"))
    if compared is None:
        raise CannotJudge(f"{type(criterion).__name__} cannot be judged on one row")
    return compared


def id_in(row: str, ids: Sequence[str]) -> Sql:
    """The condition that the row has one of these ids."""
    if not ids:
        return FALSE
    if len(ids) <= FEW_IDS:
        return any_of([Sql(f"{row}.id=?", (id,)) for id in ids])
    return Sql(f"{row}.id IN (SELECT value FROM json_each(?))", (json_list(ids),))


def json_list(items: Sequence[str]) -> str:
    """Texts as one value, which `json_each` takes apart."""
    return msgspec.json.encode(items).decode()


def exact_probe(criterion: Criterion) -> bytes:
    """What `instr` looks for in `keys` where the criterion is one that is matched exactly."""
    match criterion:
        case IdentifierIs(param, system, value):
            return _identifier_probe(param, system, value)
        case ReferenceTo(param, type, id):
            return forms.exact_key(forms.reference_key(param, type, id))
        case InCompartment(name, id):
            return forms.exact_key(forms.compartment_key(name, id))
        case UriIs(param, uri):
            return forms.exact_key(forms.uri_key(param, uri))
        case _:
            raise TypeError(f"{criterion!r} is no criterion")


def _identifier_probe(param: str, system: str | None, value: str | None) -> bytes:
    if value is None:
        key = f"i{param}\x1f" if system is None else forms.identifier_system_key(param, system)
        probe = forms.exact_key(key)
        return probe[:-1] if system is None else probe
    probe = forms.exact_key(forms.identifier_key(param, system or "", value))
    return probe[:-1] if system is None else probe

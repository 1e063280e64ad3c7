"""Criteria as an expression of the full-text index, which finds the rows that may match.

What it finds is a superset: rows found by an exact key are compared with the key itself afterwards, and whatever the
expression could not say is judged on the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    IdentifierIs,
    InCompartment,
    ReferenceTo,
    TokenIs,
    UriIs,
)
from fhir_server.store.sqlite import packing

MOST_WORDS = 512


@dataclass(frozen=True, slots=True)
class Words:
    """An expression; `complete` where a row that it finds needs no further look at this criterion."""

    text: str
    complete: bool
    count: int = 1


def words_for(type: str, criterion: Criterion) -> Words | None:
    """The expression for rows of this type; None where the full-text index cannot narrow the search."""
    match criterion:
        case TokenIs(param, system, code):
            return Words(packing.posting_word(type, packing.token_text(param, system, code)), True)
        case IdentifierIs(param, system, value):
            return Words(packing.posting_word(type, packing.token_text(param, system, value)), False)
        case ReferenceTo(param, target_type, id):
            return Words(packing.reference_word(type, param, target_type, id), False)
        case InCompartment(name, id):
            return Words(packing.compartment_word(type, name, id), False)
        case UriIs(param, uri):
            return Words(packing.posting_word(type, packing.uri_key(param, uri)), False)
        case AnyOf(criteria):
            return _any([words_for(type, part) for part in criteria])
        case AllOf(criteria):
            return all_words([words_for(type, part) for part in criteria])
        case _:
            return None


def all_words(parts: Sequence[Words | None]) -> Words | None:
    """The expression for all of the parts that have one."""
    known = [part for part in parts if part is not None]
    return _joined(known, " AND ", len(known) == len(parts)) if known else None


def _any(parts: Sequence[Words | None]) -> Words | None:
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    return _joined(known, " OR ", True)


def _joined(parts: Sequence[Words], word: str, complete: bool) -> Words | None:
    count = sum(part.count for part in parts)
    if count > MOST_WORDS:
        return None
    text = parts[0].text if len(parts) == 1 else f"({word.join(part.text for part in parts)})"
    return Words(text, complete and all(part.complete for part in parts), count)


def access_words(type: str, access: AccessFilter) -> Words | None:
    """The expression for rows that the filter's allow rules may let through; None where it cannot be said."""
    rules = [rule for rule in access.allow if rule.types is None or type in rule.types]
    return _any([all_words([words_for(type, criterion) for criterion in rule.criteria]) for rule in rules])

"""Criteria as an expression of the full-text index, which finds the rows that may match.

What it finds is a superset: rows found by an exact key are compared with the key itself afterwards, and whatever the
expression could not say is judged on the row.
"""

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.store.access import AccessFilter
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    ExactIs,
    HasWord,
    IdentifierIs,
    InCompartment,
    InGroup,
    IsPresent,
    Not,
    ReferenceTo,
    TermIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.entries import leads_inside
from fhir_server.store.sqlite import forms
from fhir_server.store.sqlite.queries.resolved import Resolved, Words

MOST_WORDS = 2_048


def words_for(type: str, criterion: Criterion | Resolved, group: str = "") -> Words | None:
    """The expression for rows of this type, with a group in which the criterion holds where one is named; None where
    the full-text index cannot narrow the search."""
    match criterion:
        case Resolved():
            return criterion.words
        case AnyOf(criteria):
            return any_words([words_for(type, part, group) for part in criteria])
        case Not(inner):
            return None if group else negated_words(type, words_for(type, inner))
        case AllOf(criteria):
            return all_words([words_for(type, part, group) for part in criteria])
        case InGroup(name, criteria):
            return None if group else _in_group_words(type, name, criteria)
    if group:
        return _group_word(type, criterion, group)
    if isinstance(criterion, InCompartment):
        return Words(forms.compartment_word(type, criterion.name, criterion.id), False)
    hashed = hashed_text(criterion)
    return _exact_word(type, criterion, "") if hashed is None else Words(forms.word(type, hashed), True)


def hashed_text(criterion: Criterion) -> str | None:
    """What is hashed of a criterion that a hash alone decides; None for the others."""
    match criterion:
        case TokenIs(param, system, code):
            return forms.token_text(param, system, code)
        case ExactIs(param, text):
            return forms.exact_text(param, text)
        case TermIs(param, text, "equals"):
            return forms.term_text(param, text)
        case HasWord(param, word):
            return forms.word_text(param, word)
        case IsPresent(param):
            return forms.token_text(param, None, None)
        case _:
            return None


def _group_word(type: str, criterion: Criterion, group: str) -> Words | None:
    """Groups have words for tokens and for what is matched exactly; a row that has the word may have it in another
    group of that name than the rest."""
    if isinstance(criterion, TokenIs):
        param = forms.group_param(group, criterion.param)
        return Words(forms.posting_word(type, forms.token_text(param, criterion.system, criterion.code)), False)
    return _exact_word(type, criterion, group)


def _exact_word(type: str, criterion: Criterion, group: str) -> Words | None:
    def named(param: str) -> str:
        return forms.group_param(group, param) if group else param

    match criterion:
        case IdentifierIs(param, system, value):
            return Words(forms.posting_word(type, forms.token_text(named(param), system, value)), False)
        case ReferenceTo(param, target_type, id):
            return Words(forms.reference_word(type, named(param), target_type, id), False)
        case UriIs(param, uri):
            return Words(forms.posting_word(type, forms.uri_key(named(param), uri)), False)
        case _:
            return None


def _in_group_words(type: str, name: str, criteria: Sequence[Criterion]) -> Words | None:
    inside = [Words(forms.inside_word(type, name), True)] if leads_inside(name) else []
    return _never_complete([*inside, *(words_for(type, part, name) for part in criteria)])


def _never_complete(parts: Sequence[Words | None]) -> Words | None:
    words = all_words(parts)
    return None if words is None else replace(words, complete=False)


def all_words(parts: Sequence[Words | None]) -> Words | None:
    """The expression for all of the parts that have one."""
    known = [part for part in parts if part is not None]
    return _joined(known, " AND ", len(known) == len(parts)) if known else None


def negated_words(type: str, inner: Words | None) -> Words | None:
    """The expression for all rows of a type but those that it finds, which must be no superset."""
    if inner is None or not inner.complete:
        return None
    return Words(f"({forms.word(type, '')} NOT {inner.text})", True, count=inner.count + 1)


def any_words(parts: Sequence[Words | None]) -> Words | None:
    """The expression for at least one of the parts; None where one of them has none."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    return _joined(known, " OR ", True)


def _joined(parts: Sequence[Words], word: str, complete: bool) -> Words | None:
    count = sum(part.count for part in parts)
    if count > MOST_WORDS:
        return None
    if len(parts) == 1:
        return replace(parts[0], complete=complete and parts[0].complete)
    text = f"({word.join(part.text for part in parts)})"
    simple = word == " OR " and all(part.count == 1 or part.alternatives for part in parts)
    alternatives = tuple(text for part in parts for text in (part.alternatives or (part.text,))) if simple else ()
    return Words(text, complete and all(part.complete for part in parts), alternatives, count)


def access_words(type: str, access: AccessFilter) -> Words | None:
    """The expression for rows that the filter's allow rules may let through; None where it cannot be said."""
    rules = [rule for rule in access.allow if rule.types is None or type in rule.types]
    return any_words([all_words([words_for(type, criterion) for criterion in rule.criteria]) for rule in rules])

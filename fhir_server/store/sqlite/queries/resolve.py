"""Criteria that one row does not decide: looked up in the store first, or turned into a probe of each candidate.

A chain is resolved to the set of resources that it leads over, if there are not too many; the set then drives the
search and judges its rows. Otherwise each candidate is asked for where it leads. What a chain leads over is in force at
the snapshot and passes the filter, then and now; a masked element matches nothing there.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import apsw

from fhir_server.outcome import TooCostly
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Chained,
    Criterion,
    Elements,
    HasWord,
    IdIs,
    InGroup,
    InHierarchy,
    Not,
    ReferenceTo,
    ReverseChained,
    TermIs,
)
from fhir_server.store.entries import leads_inside
from fhir_server.store.sqlite import forms
from fhir_server.store.sqlite.functions import reference_ids
from fhir_server.store.sqlite.queries.postings import MOST_WORDS, any_words, words_for
from fhir_server.store.sqlite.queries.predicates import id_in, refers_to
from fhir_server.store.sqlite.queries.ranges import text_bounds, text_condition
from fhir_server.store.sqlite.queries.resolved import Resolved, Words
from fhir_server.store.sqlite.queries.sql import FALSE, Sql, all_of, any_of
from fhir_server.store.values import PlanStep

if TYPE_CHECKING:
    from fhir_server.store.sqlite.queries.plan import Asked
    from fhir_server.store.sqlite.queries.search import Search

SOME, MANY = 10_000, 100_000
"""Up to how many resources a chain may lead over at the first attempt, and at all"""

MOST_TEXTS = 400
MOST_IN_HIERARCHY = 5_000


class Inner(Protocol):
    """Makes the search for what a chain leads over; `most` is how many rows it may give."""

    def __call__(self, type: str, criteria: tuple[Criterion, ...], most: int | None = None) -> "Search": ...


class Resolver:
    """Resolves the criteria of one search for rows of `type`. `row` is the alias that a probe gives to the rows that it
    looks at. `candidates`: the ids of what the search may find at all, where these are few. `probes`: whether there are
    any, afterwards."""

    def __init__(
        self,
        connection: apsw.Connection,
        type: str,
        inner: Inner,
        row: str,
        steps: list[PlanStep],
        candidates: tuple[str, ...] | None = None,
    ) -> None:
        self._connection = connection
        self._type = type
        self._inner = inner
        self._row = row
        self._steps = steps
        self._candidates = candidates
        self.probes = False

    def resolved(self, criterion: Criterion) -> "Asked":
        """The same criterion, with what is in it resolved."""
        match criterion:
            case AllOf(criteria):
                return AllOf(tuple(map(self.resolved, criteria)))  # type: ignore[arg-type]
            case AnyOf(criteria):
                return self._any_of(criteria)
            case Not(inner):
                return Not(self.resolved(inner))  # type: ignore[arg-type]
            case _:
                return self._looked_up(criterion) or criterion

    def _any_of(self, criteria: tuple[Criterion, ...]) -> "Asked":
        """Without the alternatives that nothing matches: most chains lead into nothing that is contained."""
        found = [part for part in map(self.resolved, criteria) if not (isinstance(part, Resolved) and part.ids == ())]
        if len(found) == 1:
            return found[0]
        return _one_of_these(found) or AnyOf(tuple(found))  # type: ignore[arg-type]

    def _looked_up(self, criterion: Criterion) -> Resolved | None:
        match criterion:
            case TermIs(_, _, "starts" | "contains"):
                return self._term(criterion)
            case HasWord():
                return self._word(criterion)
            case Chained():
                return self._chained(criterion)
            case ReverseChained():
                return self._reverse_chained(criterion)
            case InHierarchy():
                return self._in_hierarchy(criterion)
            case InGroup(name) if leads_inside(name):
                return self._inside(criterion)
            case _:
                return None

    def _inside(self, asked: InGroup) -> Resolved | None:
        """Nothing, where nothing in the store refers to such a contained resource by this parameter."""
        word = forms.inside_word(self._type, asked.group)
        if self._connection.execute("SELECT 1 FROM posting(?) LIMIT 1", (word,)).get is not None:
            return None
        return Resolved(lambda row: FALSE, ids=(), elements=asked.elements, what=asked.group)

    def _term(self, asked: TermIs) -> Resolved:
        """The texts of the vocabulary that match."""
        bound = (
            text_bounds("text", asked.text) if asked.how == "starts" else text_condition("text", asked.text, asked.how)
        )
        text = f"SELECT text FROM vocabulary WHERE field=? AND {bound.text} LIMIT ?"
        values = (forms.field_number(self._type, asked.param), *bound.values, MOST_TEXTS + 1)
        found = [forms.term_text(asked.param, known) for (known,) in self._connection.execute(text, values)]
        if len(found) > MOST_TEXTS:
            raise TooCostly(f"more than {MOST_TEXTS} different texts of `{asked.param}` match: give more of the text")
        self._steps.append(PlanStep("resolve", asked.param, actual=len(found)))
        if not found:
            return Resolved(lambda row: FALSE, ids=(), elements=asked.elements, what=asked.param)
        hashes = [forms.packed_hash(known) for known in found]
        words = any_words([Words(forms.word(self._type, known), True) for known in found])
        return Resolved(
            lambda row: any_of([Sql(f"instr({row}.tokens, ?)", (known,)) for known in hashes]),
            words,
            elements=asked.elements,
            what=asked.param,
        )

    def _word(self, asked: HasWord) -> Resolved:
        """Rows do not have their words, so a row is looked for among all that have the word."""
        words = words_for(self._type, asked)
        text = "" if words is None else words.text
        return Resolved(
            lambda row: Sql(f"{row}.vid IN (SELECT rowid FROM posting(?))", (text,)),
            words,
            elements=asked.elements,
            what=asked.param,
        )

    def _chained(self, asked: Chained) -> Resolved:
        inner = self._inner(asked.type, asked.criteria)
        rows = inner.select("v.id")
        what = f"{asked.param}:{asked.type}"
        if rows is None:
            return self._probe(what, lambda row: self._leads_to(row, asked, inner), asked.elements)
        return self._referring(what, asked.param, [(asked.type, id) for (id,) in rows], asked.elements)

    def _leads_to(self, row: str, asked: Chained, inner: "Search") -> Sql:
        target = self._row
        matching = inner.matching(row=target)
        text = (
            f"EXISTS (SELECT 1 FROM json_each(reference_ids({row}.keys, ?, ?)) r CROSS JOIN version {target}"
            f" INDEXED BY version_key ON {target}.type=? AND {target}.id=r.value WHERE {matching.text})"
        )
        return Sql(text, (asked.param, asked.type, asked.type, *matching.values))

    def _referring(self, what: str, param: str, targets: Sequence[tuple[str, str]], elements: Elements) -> Resolved:
        """Rows that refer to one of these."""
        self._steps.append(PlanStep("resolve", what, actual=len(targets)))
        if not targets:
            return Resolved(lambda row: FALSE, ids=(), elements=elements, what=what)
        words = None
        if len(targets) <= MOST_WORDS:
            known = [words_for(self._type, ReferenceTo(param, type, id)) for type, id in targets]
            words = any_words(known)
        return Resolved(lambda row: refers_to(row, param, targets), words, elements=elements, what=what)

    def _reverse_chained(self, asked: ReverseChained) -> Resolved:
        inner = self._referrers(asked)
        rows = inner.select("v.keys", inner.reads("v", asked.elements))
        what = f"_has:{asked.type}:{asked.param or '*'}"
        if rows is None:
            return self._probe(what, lambda row: self._led_to(row, asked, inner), ())
        ids = _once(id for (keys,) in rows for id in reference_ids(keys, asked.param, self._type))
        self._steps.append(PlanStep("resolve", what, actual=len(ids)))
        return Resolved(lambda row: id_in(row, ids), ids=ids, what=what)

    def _referrers(self, asked: ReverseChained) -> "Search":
        """The search for what refers by the parameter; where there are few candidates, to one of them."""
        if self._candidates is None or asked.param is None:
            return self._inner(asked.type, asked.criteria)
        links = tuple(ReferenceTo(asked.param, self._type, id, asked.elements) for id in self._candidates)
        return self._inner(asked.type, (*asked.criteria, AnyOf(links)), SOME)

    def _led_to(self, row: str, asked: ReverseChained, inner: "Search") -> Sql:
        source = self._row
        matching = all_of([inner.matching(row=source), inner.reads(source, asked.elements)])
        refers = f"EXISTS (SELECT 1 FROM json_each(reference_ids({source}.keys, ?, ?)) r WHERE r.value={row}.id)"
        words = inner.few_words
        found = f"source_word(?, ?, ?, {row}.id)" + ("" if words is None else "||?")
        text = (
            f"EXISTS (SELECT 1 FROM posting({found}) p CROSS JOIN version {source} ON {source}.vid=p.rowid"
            f" WHERE {matching.text} AND {refers})"
        )
        more = () if words is None else (f" AND {words.text}",)
        values = (asked.type, asked.param, self._type, *more, *matching.values, asked.param, self._type)
        return Sql(text, values)

    def _in_hierarchy(self, asked: InHierarchy) -> Resolved:
        """All of the hierarchy that the resource lies in, level by level."""
        known: dict[str, None] = {asked.id: None}
        level: tuple[str, ...] = (asked.id,)
        while level:
            level = tuple(id for id in self._next_level(asked, level) if id not in known)
            known.update(dict.fromkeys(level))
            if len(known) > MOST_IN_HIERARCHY:
                raise TooCostly(f"more than {MOST_IN_HIERARCHY} resources lie in this hierarchy: ask for a part of it")
        what = f"{asked.param}:{'above' if asked.above else 'below'}"
        return self._referring(what, asked.param, [(asked.type, id) for id in known], asked.elements)

    def _next_level(self, asked: InHierarchy, level: tuple[str, ...]) -> tuple[str, ...]:
        if asked.above:
            inner = self._inner(asked.type, (IdIs(level),), MANY)
            rows = inner.select("v.keys", inner.reads("v", asked.via_elements))
            found = [id for (keys,) in rows or () for id in reference_ids(keys, asked.via, asked.type)]
        else:
            links = tuple(ReferenceTo(asked.via, asked.type, id, asked.via_elements) for id in level)
            inner = self._inner(asked.type, (AnyOf(links),), MANY)
            rows = inner.select("v.id")
            found = [id for (id,) in rows or ()]
        if rows is None:
            raise TooCostly("too many resources lie in this hierarchy: ask for a part of it")
        return _once(found)

    def _probe(self, what: str, condition: Callable[[str], Sql], elements: Elements) -> Resolved:
        self.probes = True
        self._steps.append(PlanStep("probe", what))
        return Resolved(condition, elements=elements, what=what)


def _one_of_these(found: "Sequence[Asked]") -> Resolved | None:
    """Alternatives that all came to ids as one, by which rows are found; None where some did not."""
    known = [part for part in found if isinstance(part, Resolved) and part.ids is not None and not part.elements]
    if not known or len(known) < len(found):
        return None
    ids = _once(id for part in known for id in part.ids or ())
    return Resolved(lambda row: id_in(row, ids), ids=ids, what=", ".join(_once(part.what for part in known)))


def _once(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))

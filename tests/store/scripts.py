"""Random resources, commits, questions and filters from small pools, so that they meet each other often."""

from dataclasses import replace
from random import Random
from typing import Literal

from fhir_server.store.access import EVERYTHING, NOTHING, AccessFilter, Rule
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Chained,
    Criterion,
    DateIs,
    Elements,
    ExactIs,
    HasWord,
    HistoryQuery,
    IdentifierIs,
    IdIs,
    InCompartment,
    InGroup,
    InHierarchy,
    IsNear,
    IsPresent,
    LastUpdatedIs,
    Not,
    NumberIs,
    Prefix,
    QuantityIs,
    Query,
    ReferenceTo,
    ReverseChained,
    SortKey,
    SortType,
    StringIs,
    SystemQuery,
    TermIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.entries import CANONICAL, HIGHEST, LATEST, LOWEST, Entries, Group
from fhir_server.store.values import Commit, Write
from tests.store.samples import audit_of, body

TYPES = ("Patient", "Observation", "Flag")
HOURS = 3_600_000_000
"""of an hour, microseconds"""
IDS = tuple("abcdefgh")
PATIENTS = ("p1", "p2", "p3")
SYSTEMS = ("", "urn:a", "urn:b\x1f")
CODES = ("x", "y", "z")
TEXTS = ("anna", "annabel", "bert", "öz", "\U0010ffff")
PARTS = ("ann", "anna", "e", "\U0010ffff", "ö")
PLACES = ((0.0, 0.0), (51.5, -0.12), (-51.5, 179.88), (89.9, 10.0), (-90.0, 0.0))
TERMS = ("body temperature", "body weight", "bone", "öl")
WORDS = ("fall", "oil", "öl")
NUMBERS = ("n1", "n2", "n25", "n4", LOWEST)
HOW: tuple[Literal["starts", "equals", "contains"], ...] = ("starts", "equals", "contains")
PREFIXES: tuple[Prefix, ...] = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
START_MS = 1_700_000_000_000

ELEMENTS: dict[str, tuple[Elements, ...]] = {
    "Patient": (("Patient.address",), ("Patient.name.given", "Patient.address.city")),
    "Observation": (("Observation.value",), ("Observation.value", "Observation.code")),
    "Flag": (),
}
ADDRESS = frozenset(("Patient.address",))
SORTED: tuple[tuple[str, SortType], ...] = (
    ("name", "string"),
    ("length", "number"),
    ("value", "quantity"),
    ("url", "uri"),
    ("code", "token"),
    ("identifier", "token"),
    ("subject", "reference"),
)
FILTERS: tuple[AccessFilter, ...] = (
    AccessFilter(
        (
            Rule(None, (AnyOf((InCompartment("Patient", "p1"), InCompartment("Patient", "p2"), IdIs(("a", "h")))),)),
            Rule(None, (InCompartment("Patient", "p3"),), frozenset(("Patient.address",))),
            Rule(frozenset(("Flag",)), (InCompartment("Encounter", "p1"),)),
        ),
        (Rule(None, (AnyOf((InCompartment("Patient", "p1"), InCompartment("Encounter", "p3"))), IdIs(("a",)))),),
    ),
    EVERYTHING,
    NOTHING,
    AccessFilter((Rule(None, (InCompartment("Patient", "p1"),)),)),
    AccessFilter((Rule(frozenset(("Patient", "Flag"))),)),
    AccessFilter((Rule(),), (Rule(None, (TokenIs("_security", None, "R"),)),)),
    AccessFilter((Rule(None, (InCompartment("Patient", "p1"),)), Rule(None, (), ADDRESS))),
    AccessFilter(
        (
            Rule(frozenset(("Patient",)), (TokenIs("code", None, "x"),), ADDRESS | {"Patient.name"}),
            Rule(None, (InCompartment("Patient", "p2"),), frozenset(("Patient.name", "Observation.value"))),
        ),
        (Rule(frozenset(("Flag",)), (Not(DateIs("date", "gt", 50 * HOURS, 60 * HOURS)),)),),
    ),
    AccessFilter(
        (
            Rule(None, (AnyOf((StringIs("name", "ann"), IdentifierIs("identifier", None, "1"))),)),
            Rule(frozenset(("Observation",)), (ReferenceTo("subject", "Patient", "p3"), IdIs(("a", "b", "c")))),
        )
    ),
)


class Script:
    """Random values from one seed."""

    def __init__(self, seed: int, *, exact_only: bool = False) -> None:
        self.random = Random(seed)
        self._exact_only = exact_only
        self._type = "Patient"
        self.filters = [access for access in FILTERS if not (exact_only and "TokenIs" in repr(access))]

    def entries(self) -> Entries:
        pick, some = self.random.choice, self._some
        return Entries(
            tokens=some(lambda: (pick(("code", "status")), pick(SYSTEMS), pick(CODES)))
            + some(lambda: ("_security", "urn:s", pick("NRV")), 1),
            identifiers=some(lambda: ("identifier", pick(SYSTEMS), pick(("1", "2", "\x1e3")))),
            references=some(lambda: (pick(("subject", "author")), "Patient", pick((*PATIENTS, *IDS))))
            + some(lambda: ("subject", "", "http://elsewhere.example/Patient/1"), 1)
            + some(lambda: (pick(("author", "partof")), pick(TYPES), pick(IDS)), 3),
            dates=some(self._date, 3),
            strings=some(lambda: ("name", pick(TEXTS))),
            uris=some(lambda: ("url", pick(("urn:u:1", "urn:u:2"))), 1),
            numbers=some(self._number),
            quantities=some(self._quantity),
            positions=some(lambda: ("near", *pick(PLACES))),
            terms=some(lambda: ("code:text", pick(TERMS))),
            exacts=some(lambda: ("name", pick(TEXTS)), 1),
            words=some(lambda: (pick(("_text", "_content")), pick(WORDS))),
            present=some(lambda: pick(("code", "name", "other"))),
            groups=some(self._group),
            targets=some(lambda: ("Patient", pick(IDS))),
            compartments=some(lambda: (pick(("Patient", "Encounter")), pick(PATIENTS))),
            beside=(("code", "value"), ("code", "date")),
        )

    def _some(self, make, most: int = 2):  # type: ignore[no-untyped-def]
        return tuple(make() for _ in range(self.random.randint(0, most)))

    def _date(self) -> tuple[str, int, int]:
        low = self.random.randrange(-50, 50, 10) * HOURS
        return "date", low, self.random.choice((low + 1, low + 10 * HOURS, low + 50 * HOURS, LATEST))

    def _group(self) -> Group:
        """A composite's group, or a contained resource."""
        pick, some = self.random.choice, self._some
        if self.random.random() < 0.7:
            quantities = some(lambda: ("2", *self._quantity()[1:]), 1)
            dates = some(lambda: ("2", *self._date()[1:]), 1)
            tokens = (("1", pick(SYSTEMS), pick(CODES)),)
            return pick(("pair", "twin")), Entries(tokens=tokens, quantities=quantities, dates=dates)
        return "#Patient", Entries(
            tokens=some(lambda: ("code", pick(SYSTEMS), pick(CODES))),
            identifiers=some(lambda: ("identifier", pick(SYSTEMS), pick(("1", "2")))),
            references=some(lambda: ("subject", "Patient", pick(PATIENTS))),
            strings=some(lambda: ("name", pick(TEXTS))),
            uris=some(lambda: ("url", pick(("urn:u:1", "urn:u:2"))), 1),
            numbers=some(self._number, 1),
            positions=some(lambda: ("near", *pick(PLACES)), 1),
            terms=some(lambda: ("code:text", pick(TERMS)), 1),
            exacts=some(lambda: ("name", pick(TEXTS)), 1),
            words=some(lambda: ("_text", pick(WORDS)), 1),
            present=some(lambda: pick(("code", "name", "other")), 1),
            compartments=some(lambda: ("Patient", pick(PATIENTS)), 1),
            groups=(("pair", Entries(tokens=(("1", "", pick(CODES)),))),),
        )

    def _number(self) -> tuple[str, str, str]:
        low = self.random.choice(NUMBERS)
        return "length", low, self.random.choice((low, low, HIGHEST, max(low, "n5")))

    def _quantity(self) -> tuple[str, str, str, str, str]:
        low = self.random.choice(NUMBERS)
        system = self.random.choice((*SYSTEMS, CANONICAL))
        return "value", system, self.random.choice(("kg", "g")), low, self.random.choice((low, low, max(low, "n5")))

    def write(self, type: str, id: str) -> Write:
        """An update or deletion that is always allowed."""
        if self.random.random() < 0.2:
            return Write("delete", type, id)
        content = f'"address":[{{"line":["{self.random.choice(TEXTS)}"]}}],"name":"n","valueString":"v"'
        return Write("update", type, id, body(type, id, content), self.entries())

    def commit(self) -> Commit:
        """A commit of one to four resources."""
        pairs = [(type, id) for type in TYPES for id in IDS]
        chosen = self.random.sample(pairs, self.random.choice((1, 1, 1, 2, 4)))
        return Commit(tuple(self.write(type, id) for type, id in chosen), audit_of)

    def criterion(self, depth: int = 2, *, linked: bool = True) -> Criterion:
        """Any criterion; without `linked` one that a row alone decides."""
        kind = self.random.randrange(25 if depth else 20)
        if kind >= 23:
            return self._linked(depth - 1) if linked else self._in_group(depth - 1)
        if kind >= 20:
            parts = tuple(self.criterion(depth - 1, linked=linked) for _ in range(self.random.randint(0, 2)))
            return (AllOf(parts), AnyOf(parts), Not(self.criterion(depth - 1, linked=linked)))[kind - 20]
        return self._leaf(kind)

    def _linked(self, depth: int) -> Criterion:
        pick, outer = self.random.choice, self._type
        elements, above = self._elements(), self.random.random() < 0.5
        self._type = pick(TYPES)
        via = self._elements()
        criteria = tuple(self.criterion(depth) for _ in range(self.random.randint(0, 2)))
        criteria = pick((criteria, criteria, (IdIs(tuple(self.random.sample(IDS, 3))),)))
        param: str | None = pick(("subject", "author", "partof"))
        found: Criterion = pick(
            (
                Chained(str(param), self._type, criteria, elements),
                Chained("subject", "Patient", tuple(part for part in criteria if self._type == "Patient"), elements),
                ReverseChained(self._type, pick((None, param, param)), criteria, via),
                InHierarchy(str(param), self._type, pick(IDS), "partof", above, elements, via),
            )
        )
        self._type = outer
        return found

    def _in_group(self, depth: int) -> Criterion:
        pick = self.random.choice
        quantity = QuantityIs("2", pick(PREFIXES), "n2", "n4", pick((None, CANONICAL)), None, self._elements())
        parts: tuple[Criterion, ...] = (
            TokenIs("1", pick((None, *SYSTEMS)), pick((None, *CODES)), self._elements()),
            pick(
                (
                    quantity,
                    DateIs("2", pick(PREFIXES), 20 * HOURS, 60 * HOURS),
                    Not(quantity),
                    AnyOf((quantity, IsPresent("1"))),
                )
            ),
        )
        contained = tuple(self.criterion(0, linked=False) for _ in range(self.random.randint(0, 2)))
        inner = InGroup("pair", (TokenIs("1", None, pick(CODES)),))
        return pick(
            (
                InGroup("pair", parts[: self.random.randint(0, 2)], self._elements()),
                InGroup("twin", parts, self._elements()),
                InGroup("#Patient", contained, self._elements()),
                InGroup("#Patient", (*contained[:1], inner)),
            )
        )

    def _leaf(self, kind: int) -> Criterion:
        pick = self.random.choice
        elements = self._elements()
        low = self.random.randrange(-50, 50, 10) * HOURS
        high = low + pick((1, 10 * HOURS, 50 * HOURS))
        now = START_MS * 1000 + self.random.randrange(0, 400) * 1000
        first = pick(NUMBERS)
        metres = pick((0.0, 1_000.0, 2e7, 1.6e7))
        last, unit, base = max(first, "n3"), pick((None, "kg")), pick(("g", "kg", None))
        quantity = QuantityIs("value", pick(PREFIXES), first, last, None, unit, elements, ("code",))
        canonical = QuantityIs("value", pick(PREFIXES), first, last, CANONICAL, base, elements, ("code",))
        date = DateIs("date", pick(PREFIXES), low, high, elements, ("code",))
        coded = not self._exact_only and pick((True, False))
        leaves: tuple[Criterion, ...] = (
            TokenIs(pick(("code", "status")), pick((None, *SYSTEMS)), pick((None, *CODES)), elements),
            TokenIs("_security", None, pick("NR"), elements),
            IdentifierIs("identifier", pick((None, *SYSTEMS)), pick((None, "1", "2", "\x1e3")), elements),
            ReferenceTo("subject", "Patient", pick(PATIENTS), elements),
            ReferenceTo("subject", "", "http://elsewhere.example/Patient/1", elements),
            AllOf((TokenIs("code", None, pick(CODES)), date)) if coded else date,
            StringIs("name", pick(PARTS), pick(("starts", "equals", "contains")), elements),
            pick((UriIs("url", "urn:u:1", elements), InCompartment("Patient", pick(PATIENTS), elements))),
            IdIs(tuple(self.random.sample(IDS, 3)), elements),
            LastUpdatedIs(pick(PREFIXES), now, now + pick((1000, 50_000)), elements),
            NumberIs("length", pick(PREFIXES), first, pick((first, max(first, "n3"))), elements),
            AllOf((TokenIs("code", None, pick(CODES)), quantity)) if coded else quantity,
            QuantityIs("value", pick(PREFIXES), first, first, pick(SYSTEMS), pick((None, "kg", "g")), elements),
            AllOf((canonical, TokenIs("code", pick(SYSTEMS), pick(CODES)))) if coded else canonical,
            IsNear("near", *pick(PLACES), metres, elements),
            AnyOf(tuple(ReferenceTo(pick(("subject", "author")), "Patient", id, elements) for id in IDS[:5])),
            IsPresent(pick(("code", "name", "other", "identifier")), elements),
            ExactIs("name", pick(TEXTS), elements),
            TermIs("code:text", pick(("bo", "body weight", "ö", "t", "x")), pick(HOW), elements),
            HasWord(pick(("_text", "_content")), pick(WORDS), elements),
        )
        if self._exact_only and not 2 <= kind < 16:
            return self._leaf(self.random.randrange(2, 16))
        return leaves[kind]

    def query(self) -> Query:
        """A search with small pages."""
        pick = self.random.choice
        self._type = pick(TYPES)
        criteria = tuple(self.criterion() for _ in range(self.random.choice((0, 1, 1, 2, 3))))
        sort = tuple(replace(key, elements=self._elements()) for key in pick(pick((SORTS, VALUE_SORTS))))
        return Query(self._type, criteria, sort, pick((1, 2, 3, 50)))

    def system_query(self) -> SystemQuery:
        """A search over some types."""
        parts = []
        for type in self.random.sample(TYPES, self.random.randint(1, 3)):
            self._type = type
            parts.append(Query(type, tuple(self.criterion() for _ in range(self.random.randint(0, 2)))))
        sort = self.random.choice([sort for sort in SORTS if all(key.type == "row" for key in sort)])
        return SystemQuery(tuple(parts), sort, self.random.choice((1, 3, 50)))

    def _elements(self) -> Elements:
        """What a criterion or sort key reads; half of the time something that a filter may mask."""
        return self.random.choice(((), (), *ELEMENTS[self._type]))

    def history(self) -> HistoryQuery:
        pick = self.random.choice
        type = pick((None, *TYPES))
        id = pick((None, *IDS)) if type else None
        low = START_MS + self.random.randrange(0, 400)
        at = pick((None, None, (low, low + pick((1, 20)))))
        return HistoryQuery(type, id, pick((None, None, low)), at, pick((1, 3, 50)))


VALUE_SORTS: tuple[tuple[SortKey, ...], ...] = (
    *((SortKey(param, descending, type=type),) for param, type in SORTED for descending in (False, True)),
    (SortKey("value", True, type="quantity"), SortKey("name", type="string"), SortKey("_id", True)),
    (SortKey("code", type="token"), SortKey("length", True, type="number")),
)
SORTS: tuple[tuple[SortKey, ...], ...] = (
    (),
    (),
    (SortKey("date", type="date"),),
    (SortKey("date", descending=True, type="date"),),
    (SortKey("_id"),),
    (SortKey("_id", descending=True),),
    (SortKey("_lastUpdated"),),
    (SortKey("_lastUpdated", descending=True),),
    (SortKey("_lastUpdated", descending=True), SortKey("_id")),
    (SortKey("date", type="date"), SortKey("_id", descending=True)),
    (SortKey("date", descending=True, type="date"), SortKey("_lastUpdated"), SortKey("_id")),
)

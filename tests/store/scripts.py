"""Random resources, commits, questions and filters from small pools, so that they meet each other often."""

from dataclasses import replace
from random import Random

from fhir_server.store.access import EVERYTHING, NOTHING, AccessFilter, Rule
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Criterion,
    DateIs,
    Elements,
    HistoryQuery,
    IdentifierIs,
    IdIs,
    InCompartment,
    LastUpdatedIs,
    Not,
    Prefix,
    Query,
    ReferenceTo,
    SortKey,
    StringIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.entries import CANONICAL, HIGHEST, LOWEST, Entries
from fhir_server.store.values import Commit, Write
from tests.store.samples import audit_of, body

TYPES = ("Patient", "Observation", "Flag")
IDS = tuple("abcdefgh")
PATIENTS = ("p1", "p2", "p3")
SYSTEMS = ("", "urn:a", "urn:b\x1f")
CODES = ("x", "y", "z")
TEXTS = ("anna", "annabel", "bert", "öz", "\U0010ffff")
PARTS = ("ann", "anna", "e", "\U0010ffff", "ö")
NUMBERS = ("n1", "n2", "n25", "n4", LOWEST)
PREFIXES: tuple[Prefix, ...] = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
START_MS = 1_700_000_000_000

ELEMENTS: dict[str, tuple[Elements, ...]] = {
    "Patient": (("Patient.address",), ("Patient.name.given", "Patient.address.city")),
    "Observation": (("Observation.value",), ("Observation.value", "Observation.code")),
    "Flag": (),
}
ADDRESS = frozenset(("Patient.address",))
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
        (Rule(frozenset(("Flag",)), (Not(DateIs("date", "gt", 50, 60)),)),),
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
            references=some(lambda: (pick(("subject", "author")), "Patient", pick(PATIENTS)))
            + some(lambda: ("subject", "", "http://elsewhere.example/Patient/1"), 1),
            dates=some(self._date, 3),
            strings=some(lambda: ("name", pick(TEXTS))),
            uris=some(lambda: ("url", pick(("urn:u:1", "urn:u:2"))), 1),
            numbers=some(self._number),
            quantities=some(self._quantity),
            targets=some(lambda: ("Patient", pick(IDS))),
            compartments=some(lambda: (pick(("Patient", "Encounter")), pick(PATIENTS))),
        )

    def _some(self, make, most: int = 2):  # type: ignore[no-untyped-def]
        return tuple(make() for _ in range(self.random.randint(0, most)))

    def _date(self) -> tuple[str, int, int]:
        low = self.random.randrange(0, 100, 10)
        return "date", low, self.random.choice((low + 10, low + 50, 2**62))

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

    def criterion(self, depth: int = 2) -> Criterion:
        kind = self.random.randrange(13 if depth else 10)
        if kind >= 10:
            parts = tuple(self.criterion(depth - 1) for _ in range(self.random.randint(0, 2)))
            return (AllOf(parts), AnyOf(parts), Not(self.criterion(depth - 1)))[kind - 10]
        return self._leaf(kind)

    def _leaf(self, kind: int) -> Criterion:
        pick = self.random.choice
        elements = self._elements()
        low = self.random.randrange(0, 100, 10)
        high = low + pick((10, 50))
        now = START_MS * 1000 + self.random.randrange(0, 400) * 1000
        leaves: tuple[Criterion, ...] = (
            TokenIs(pick(("code", "status")), pick((None, *SYSTEMS)), pick((None, *CODES)), elements),
            TokenIs("_security", None, pick("NR"), elements),
            IdentifierIs("identifier", pick((None, *SYSTEMS)), pick((None, "1", "2", "\x1e3")), elements),
            ReferenceTo("subject", "Patient", pick(PATIENTS), elements),
            ReferenceTo("subject", "", "http://elsewhere.example/Patient/1", elements),
            DateIs("date", pick(PREFIXES), low, high, elements),
            StringIs("name", pick(PARTS), pick(("starts", "equals", "contains")), elements),
            pick((UriIs("url", "urn:u:1", elements), InCompartment("Patient", pick(PATIENTS), elements))),
            IdIs(tuple(self.random.sample(IDS, 3)), elements),
            LastUpdatedIs(pick(PREFIXES), now, now + pick((1000, 50_000)), elements),
        )
        if self._exact_only and kind < 2:
            return self._leaf(self.random.randrange(2, 10))
        return leaves[kind]

    def query(self) -> Query:
        """A search with small pages."""
        pick = self.random.choice
        self._type = pick(TYPES)
        criteria = tuple(self.criterion() for _ in range(self.random.choice((0, 1, 1, 2, 3))))
        sort = tuple(replace(key, elements=self._elements()) for key in pick(SORTS))
        return Query(self._type, criteria, sort, pick((1, 2, 3, 50)))

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

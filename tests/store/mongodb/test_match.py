"""Filters say what `matching.py` says, on random entries and on texts that mean something to MongoDB."""

from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection

from fhir_server.outcome import TooCostly
from fhir_server.store.criteria import (
    AllOf,
    AnyOf,
    Chained,
    Criterion,
    ExactIs,
    HasWord,
    IdentifierIs,
    IdIs,
    InCompartment,
    InGroup,
    IsNear,
    IsPresent,
    LastUpdatedIs,
    Not,
    Prefix,
    ReferenceTo,
    StringIs,
    TermIs,
    TokenIs,
    UriIs,
)
from fhir_server.store.entries import Entries
from fhir_server.store.matching import CannotJudge, Row, matches
from fhir_server.store.mongodb.documents import pack, unpack
from fhir_server.store.mongodb.queries.filters import ALWAYS, NEVER, all_of, any_of, beginning_with, negated
from fhir_server.store.mongodb.queries.leaves import LONGEST_PART
from fhir_server.store.mongodb.queries.match import Rows, surely, surely_not
from tests.mongod import drop_database, new_database
from tests.store.scripts import IDS, PREFIXES, START_MS, Script

HOSTILE = (
    "",
    "\0",
    "a\0b",
    "$where",
    "$",
    "a.b",
    ".*",
    "^a$",
    "(?s)",
    "[",
    "\\",
    "\\E",
    "\\Q.\\E",
    "a\x1fb",
    "\x1f",
    "\x1b4",
    "\x1b",
    "4",
    "\n",
    "a\nb",
    "#",
    " ",
    "ß",
    "\ud7ff",
    "\ue000",
    "\U0010ffff",
    "\U0010ffff\U0010ffff",
    "İ",
    "a",
    "A",
)
SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60)


@pytest.fixture(scope="module")
def rows() -> Iterator[Collection[dict[str, Any]]]:
    """A collection for the documents of one example at a time."""
    url = new_database()
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(url)
    with client:
        yield client.get_default_database()["resource"]
    drop_database(url)


def put(rows: Collection[dict[str, Any]], known: list[Row]) -> None:
    """Only these rows."""
    rows.delete_many({})
    for number, row in enumerate(known):
        packed = pack(row.type, row.entries).entries
        rows.insert_one({"_id": number, "t": row.type, "i": row.id, "u": row.last_updated_ms, "e": packed})


def found(rows: Collection[dict[str, Any]], criterion: Criterion, type: str | None) -> tuple[set[int], set[int]]:
    """The rows that surely match, and those that surely do not."""
    compiled = Rows(type)
    yes, no = (compile(criterion, compiled) for compile in (surely, surely_not))
    return {each["_id"] for each in rows.find(yes)}, {each["_id"] for each in rows.find(no)}


def agree(rows: Collection[dict[str, Any]], criterion: Criterion, known: list[Row], type: str | None = "Flag") -> None:
    """The filter lets through what Python does."""
    expected = {number for number, row in enumerate(known) if matches(criterion, row)}
    assert found(rows, criterion, type) == (expected, set(range(len(known))) - expected), criterion


@SETTINGS
@given(seed=st.integers(0, 2**32))
def test_filters_say_what_matching_says(rows: Collection[dict[str, Any]], seed: int) -> None:
    script = Script(seed)
    pick = script.random.choice
    known = [Row("Flag", pick(IDS), START_MS + pick((0, 1, 200)), script.entries()) for _ in range(12)]
    put(rows, known)
    for _ in range(25):
        criterion = script.criterion(linked=False)
        agree(rows, criterion, known)
        agree(rows, criterion, known, None)


@SETTINGS
@given(seed=st.integers(0, 2**32))
def test_what_asks_about_the_row_inside_a_group(rows: Collection[dict[str, Any]], seed: int) -> None:
    script = Script(seed)
    pick = script.random.choice
    known = [Row("Flag", pick(IDS), START_MS + pick((0, 1, 200)), script.entries()) for _ in range(12)]
    put(rows, known)
    about: tuple[Criterion, ...] = (
        IdIs(tuple(script.random.sample(IDS, 3))),
        LastUpdatedIs(pick(PREFIXES), START_MS * 1000, START_MS * 1000 + 1_500),
    )
    token = TokenIs("1", None, pick("xyz"))
    for inner in (
        (about[0], token),
        (AnyOf((about[0], token)),),
        (Not(AllOf((*about, token))),),
        (InGroup("pair", (Not(about[1]), token)), about[0]),
    ):
        agree(rows, InGroup(pick(("pair", "#Patient")), inner), known)


def test_no_more_questions_about_a_row_than_can_be_spelt_out() -> None:
    many = tuple(IdIs((str(number),)) for number in range(9))
    with pytest.raises(TooCostly):
        surely(InGroup("pair", many), Rows("Flag"))


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_mean_themselves(rows: Collection[dict[str, Any]], text: str) -> None:
    """In every place where a text may stand, and beside every other text."""
    known = [Row("Flag", str(number), 1, everywhere(each)) for number, each in enumerate((*HOSTILE, "x" + text + "y"))]
    put(rows, known)
    param = f"p{text}"
    for criterion in (
        TokenIs("code", None, text),
        TokenIs("code", text, text),
        TokenIs("code", text, None),
        IdentifierIs("identifier", None, text),
        IdentifierIs("identifier", text, text),
        IdentifierIs("identifier", text, None),
        IdentifierIs("identifier", None, None),
        ReferenceTo("subject", text, text),
        ReferenceTo("subject", "", text),
        UriIs("url", text),
        ExactIs("name", text),
        StringIs("name", text, "starts"),
        StringIs("name", text, "equals"),
        StringIs("name", text, "contains"),
        TermIs("code:text", text, "starts"),
        TermIs("code:text", text, "contains"),
        HasWord("_text", text),
        InCompartment("Patient", text),
        InGroup(text, (TokenIs("1", None, text),)),
        InGroup("pair", (StringIs("name", text, "contains"), TokenIs("1", text, None))),
        IsPresent(text),
        IsPresent(param),
        IdIs((text,)),
    ):
        agree(rows, criterion, known)


def everywhere(text: str) -> Entries:
    """Entries with a text in every place."""
    group = Entries(tokens=(("1", text, text),), strings=(("name", text),))
    return Entries(
        tokens=(("code", text, text),),
        identifiers=(("identifier", text, text),),
        references=(("subject", text, text), ("subject", "", text)),
        strings=(("name", text),),
        uris=(("url", text),),
        terms=(("code:text", text),),
        exacts=(("name", text),),
        words=(("_text", text),),
        present=(text, f"p{text}"),
        groups=((text, group), ("pair", group)),
        compartments=(("Patient", text),),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_documents_give_the_entries_back(text: str) -> None:
    entries = everywhere(text)
    back = unpack(pack("Flag", entries).entries)
    row, again = (Row("Flag", "a", 1, each) for each in (entries, back))
    for criterion in (TokenIs("code", text, text), StringIs("name", text, "equals"), InCompartment("Patient", text)):
        assert matches(criterion, row)
        assert matches(criterion, again)


@SETTINGS
@given(
    places=st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=8),
    centre=st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    metres=st.one_of(st.floats(0, 2.1e7), st.sampled_from((0.0, 1.0, 2e7, 2.1e7, 1e9))),
)
def test_near(
    rows: Collection[dict[str, Any]],
    places: list[tuple[float, float]],
    centre: tuple[float, float],
    metres: float,
) -> None:
    """Also in a group; what lies on the border may fall on either side of it."""
    known = []
    for place in (*places, centre):
        positions = (("near", *place),)
        known.append(
            Row("Flag", "a", 1, Entries(positions=positions, groups=(("pair", Entries(positions=positions)),)))
        )
    put(rows, known)
    for wrap in (lambda near: near, lambda near: InGroup("pair", (near,))):
        sure, maybe = (
            {number for number, row in enumerate(known) if matches(wrap(IsNear("near", *centre, each)), row)}
            for each in (max(metres - 1e-3, 0.0), metres + 0.5)
        )
        yes, _ = found(rows, wrap(IsNear("near", *centre, metres)), "Flag")
        if metres:
            assert sure <= yes <= maybe
        else:
            assert len(known) - 1 in yes


def test_texts_that_begin_alike_lie_between_two() -> None:
    for start in HOSTILE:
        for rest in HOSTILE:
            text = "k" + start
            bounds = beginning_with(text)
            begins = text.encode() <= ("k" + rest).encode() < bounds["$lt"].encode()
            assert begins == rest.startswith(start), (start, rest)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_last_updated(rows: Collection[dict[str, Any]], prefix: Prefix) -> None:
    known = [Row("Flag", "a", time, Entries()) for time in range(3, 9)]
    put(rows, known)
    for low in range(3_500, 8_500, 250):
        for high in (low + 1, low + 250, low + 1_000, low + 2_000):
            agree(rows, LastUpdatedIs(prefix, low, high), known)


def test_what_other_resources_decide_is_no_filter() -> None:
    with pytest.raises(CannotJudge):
        surely(Chained("subject", "Patient", ()), Rows("Flag"))


def test_a_part_of_a_text_has_a_length() -> None:
    with pytest.raises(TooCostly):
        surely(StringIs("name", "a" * (LONGEST_PART + 1), "contains"), Rows("Flag"))


def test_filters_that_let_all_or_nothing_through() -> None:
    one, two = {"e.k": "a"}, {"e.k": "b"}
    assert all_of([]) == ALWAYS
    assert all_of([ALWAYS, one]) == one
    assert all_of([one, NEVER]) == NEVER
    assert any_of([]) == NEVER
    assert any_of([one, ALWAYS]) == ALWAYS
    assert any_of([NEVER, one]) == one
    assert any_of([one, two, one]) == {"e.k": {"$in": ["a", "b"]}}
    assert negated(ALWAYS) == NEVER
    assert negated(NEVER) == ALWAYS

"""Filters: what a text means, where it is wrong, and that writing and reading are inverse."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.outcome import FhirError, Invalid, TooCostly
from fhir_server.search.filter.parser import read_filter
from fhir_server.search.filter.syntax import OPERATORS, And, Comparison, Filter, Has, Negation, Or, Step, text

DEPTH = 6


def read(filter: str) -> Filter:
    return read_filter(filter, depth=DEPTH)


def c(name: str, operator: str, value: str) -> Comparison:
    return Comparison((Step(name),), operator, value)


A, B, C, D = (c(name, "eq", "1") for name in "abcd")


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        # The examples of the specification.
        ('name co "pet"', c("name", "co", "pet")),
        (
            'given eq "peter" and birthdate ge 2014-10-10',
            And((c("given", "eq", "peter"), c("birthdate", "ge", "2014-10-10"))),
        ),
        ("code eq http://loinc.org|1234-5", c("code", "eq", "http://loinc.org|1234-5")),
        ('subject.name co "pet"', Comparison((Step("subject"), Step("name")), "co", "pet")),
        (
            'related[type eq "has-component"].target pr true',
            Comparison((Step("related", where=c("type", "eq", "has-component")), Step("target")), "pr", "true"),
        ),
        (
            "related[type eq has-component].target re Observation/4",
            Comparison(
                (Step("related", where=c("type", "eq", "has-component")), Step("target")), "re", "Observation/4"
            ),
        ),
        # Joining: from left to right, without precedence.
        ("a eq 1 and b eq 1 and c eq 1", And((A, B, C))),
        ("a eq 1 or b eq 1 and c eq 1", And((Or((A, B)), C))),
        ("a eq 1 and b eq 1 or c eq 1 or d eq 1", Or((And((A, B)), C, D))),
        ("a eq 1 or (b eq 1 and c eq 1)", Or((A, And((B, C))))),
        ("(a eq 1 and b eq 1) and c eq 1", And((And((A, B)), C))),
        ("not (a eq 1)", Negation(A)),
        ("not(a eq 1 or b eq 1)and(c eq 1)", And((Negation(Or((A, B))), C))),
        ("  ((a  eq\t1))  ", A),
        # Values.
        ('a eq "x) or b eq 1"', c("a", "eq", "x) or b eq 1")),
        (r'a eq "\"\u00e9\\\n"', c("a", "eq", '"é\\\n')),
        ("a eq f(x", c("a", "eq", "f(x")),
        ("a eq 5.4|http://unitsofmeasure.org|mg", c("a", "eq", "5.4|http://unitsofmeasure.org|mg")),
        # Names that are also words of the grammar.
        ("not eq 1", c("not", "eq", "1")),
        ("and eq or or or eq and", Or((c("and", "eq", "or"), c("or", "eq", "and")))),
        ("eq eq eq", c("eq", "eq", "eq")),
        # What R5 adds, and types.
        ("_id eq 1", c("_id", "eq", "1")),
        (
            "_has:Observation:patient:code eq 1",
            Comparison((Has("Observation", "patient"), Step("code")), "eq", "1"),
        ),
        (
            "subject:Patient._has:Group:member:_has:List:item:code eq 1",
            Comparison(
                (Step("subject", "Patient"), Has("Group", "member"), Has("List", "item"), Step("code")), "eq", "1"
            ),
        ),
    ],
)
def test_what_a_filter_means(filter: str, found: Filter) -> None:
    assert read(filter) == found


OPERATOR = f"an operator ({', '.join(OPERATORS)})"


@pytest.mark.parametrize(
    ("filter", "place", "expected"),
    [
        ("", 1, "the name of a search parameter"),
        ("  ", 3, "the name of a search parameter"),
        ("name", 5, "a dot, or a space and an operator"),
        ("name ", 6, OPERATOR),
        ("name is x", 6, f"{OPERATOR} and a space"),
        ("name eq", 6, f"{OPERATOR} and a space"),
        ("name eqx", 6, f"{OPERATOR} and a space"),
        ("name eq ", 9, "a value"),
        ("name eq )", 9, "a value"),
        ('name eq "x', 9, "a whole string as JSON has it"),
        ('name eq "\t"', 9, "a whole string as JSON has it"),
        ("name eq x and", 11, "and, or, or the end"),
        ("name eq x and ", 15, "the name of a search parameter"),
        ("name eq x y", 11, "and, or, or the end"),
        ("name eq x)", 10, "and, or, or the end"),
        ("(name eq x", 11, "and, or, or )"),
        ("subject[name eq x", 18, "and, or, or ]"),
        ("subject[name eq x).y eq z", 18, "and, or, or ]"),
        ("subject. eq x", 9, "the name of a search parameter"),
        ("subject: eq x", 9, "a resource type"),
        ("9name eq x", 1, "the name of a search parameter"),
        ("not name eq x", 5, f"{OPERATOR} and a space"),
        ("name eq x, y", 12, "and, or, or the end"),
    ],
)
def test_where_a_filter_is_wrong(filter: str, place: int, expected: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(filter)
    assert str(caught.value) == f"The parameter _filter is wrong at character {place}: expected {expected}."


@pytest.mark.parametrize(
    "filter",
    [
        "(" * 7 + "a eq 1" + ")" * 7,
        "not (" * 7 + "a eq 1" + ")" * 7,
        "a[" * 7 + "a eq 1" + "].b eq 1" * 7,
        "a eq 1" + " and a eq 1 or a eq 1" * 4,
        "(" * 100_000,
        "a[" * 100_000,
        "not (" * 100_000,
    ],
)
def test_how_deep_a_filter_nests(filter: str) -> None:
    with pytest.raises(TooCostly) as caught:
        read(filter)
    assert str(caught.value).startswith(
        "The parameter _filter nests deeper than 6, each change between and and or counted"
    )


def test_the_deepest_filter() -> None:
    assert read("(" * 6 + "a eq 1" + ")" * 6) == A
    assert read("a eq 1" + " and a eq 1 or a eq 1" * 3) != A
    assert read(" and ".join(["a eq 1"] * 5000)) == And((A,) * 5000)


NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_\-]{0,8}\Z").filter(lambda name: not name.startswith("_has"))
TYPES = st.sampled_from(["Patient", "Observation"])


def comparisons(filters: st.SearchStrategy[Filter] | None) -> st.SearchStrategy[Filter]:
    where = st.none() if filters is None else st.none() | filters
    step = st.builds(Step, NAMES, st.none() | TYPES, where)
    has = st.builds(Has, TYPES, NAMES)
    path = st.lists(step | has, max_size=2).flatmap(lambda head: step.map(lambda last: (*head, last)))
    return st.builds(Comparison, path, st.sampled_from(OPERATORS), st.text(max_size=8))


def joined(filters: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(filters, min_size=2, max_size=3).map(tuple)
    return comparisons(filters) | st.builds(And, parts) | st.builds(Or, parts) | st.builds(Negation, filters)


FILTERS = st.recursive(comparisons(None), joined, max_leaves=6)


@given(FILTERS)
def test_a_filter_that_is_written_is_read_as_the_same(filter: Filter) -> None:
    assert read_filter(text(filter), depth=100) == filter


PIECES = st.sampled_from(
    [
        "name",
        "subject",
        ".",
        "[",
        "]",
        "(",
        ")",
        "not",
        " ",
        " and ",
        " or ",
        " eq ",
        " co ",
        '"',
        "\\",
        "1",
        "é",
        "_has:A:b:",
    ]
)


@given(st.text(max_size=30) | st.lists(PIECES, max_size=20).map("".join))
def test_any_text_is_a_filter_or_an_error_for_the_caller(filter: str) -> None:
    try:
        found = read(filter)
    except FhirError as error:
        assert error.issues  # noqa: PT017 (either outcome is right)
        return
    assert read_filter(text(found), depth=100) == found


@pytest.mark.parametrize("piece", ["(", "not (", "a[", "a.", "_has:A:b:", "a eq 1 and ", "a", " ", '"', 'a eq "x\\'])
def test_long_texts_take_no_long_time(piece: str) -> None:
    filter = (piece * 20_000)[:20_000]
    start = time.process_time()
    with pytest.raises(FhirError):
        read(filter)
    assert time.process_time() - start < 1

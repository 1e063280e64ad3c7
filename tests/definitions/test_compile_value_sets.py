import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions.compile_value_sets import Expansion, ValueSetCompiler
from fhir_server.definitions.layout import ValueSetEntry
from fhir_server.definitions.source import (
    CodeSource,
    CodeSystemSource,
    ComposeSource,
    ConceptSource,
    FilterSource,
    IncludeSource,
    ValueSetSource,
)

COLOURS, SHAPES, OPEN = "http://example.org/colours", "http://example.org/shapes", "http://example.org/open"


def system(url: str, *codes: str, content: str = "complete") -> CodeSystemSource:
    return CodeSystemSource(url, content, version="1", concept=[ConceptSource(code) for code in codes])


def listed(url: str, *codes: str) -> IncludeSource:
    return IncludeSource(system=url, concept=[CodeSource(code) for code in codes])


def compiler(**value_sets: list[IncludeSource] | ComposeSource) -> ValueSetCompiler:
    sources = {
        name: ValueSetSource(name, "1", compose if isinstance(compose, ComposeSource) else ComposeSource(compose))
        for name, compose in value_sets.items()
    }
    systems = [
        system(COLOURS, "red", "green", "blue"),
        system(SHAPES, "round", "square"),
        system(OPEN, "first", content="fragment"),
    ]
    return ValueSetCompiler(sources, {each.url: each for each in systems})


ALL_COLOURS = frozenset({(COLOURS, "red"), (COLOURS, "green"), (COLOURS, "blue")})
RED = frozenset({(COLOURS, "red")})
EMPTY: frozenset[tuple[str, str]] = frozenset()


@pytest.mark.parametrize(
    ("include", "exclude", "codes", "complete"),
    [
        ([IncludeSource(system=COLOURS)], [], ALL_COLOURS, True),
        ([IncludeSource(system=COLOURS, version="1")], [], ALL_COLOURS, True),
        ([IncludeSource(system=COLOURS, version="2")], [], EMPTY, False),
        ([listed(COLOURS, "red")], [], RED, True),
        ([listed("http://example.org/elsewhere", "x")], [], {("http://example.org/elsewhere", "x")}, True),
        ([IncludeSource(system=COLOURS)], [listed(COLOURS, "green", "blue")], RED, True),
        ([listed(COLOURS, "red"), listed(SHAPES, "round")], [], RED | {(SHAPES, "round")}, True),
        ([IncludeSource(system=COLOURS, filter=[FilterSource("code", "=", "red")])], [], RED, True),
        ([IncludeSource(system=COLOURS, filter=[FilterSource("code", "regex", "r.*")])], [], EMPTY, False),
        ([IncludeSource(system=OPEN)], [], EMPTY, False),
        ([IncludeSource(system="http://example.org/elsewhere")], [], EMPTY, False),
        ([IncludeSource()], [], EMPTY, False),
        ([listed(COLOURS, "red"), IncludeSource(system=OPEN)], [], RED, False),
        ([listed(COLOURS, "red"), IncludeSource(system=OPEN)], [listed(COLOURS, "red")], EMPTY, False),
        ([IncludeSource(system=COLOURS)], [IncludeSource(system=OPEN)], EMPTY, False),
    ],
)
def test_a_composition(
    include: list[IncludeSource], exclude: list[IncludeSource], codes: frozenset[tuple[str, str]], complete: bool
) -> None:
    found = compiler(subject=ComposeSource(include, exclude)).expansion("subject")
    assert found == Expansion(frozenset(codes), complete)


def test_a_list_of_codes_with_a_filter_is_not_guessed_at() -> None:
    both = IncludeSource(COLOURS, concept=[CodeSource("red")], filter=[FilterSource("code", "=", "red")])
    assert compiler(subject=[both]).expansion("subject") == Expansion(EMPTY, complete=False)


def test_an_include_of_several_value_sets_takes_what_is_in_all_of_them() -> None:
    found = compiler(
        warm=[listed(COLOURS, "red", "green")],
        bright=[listed(COLOURS, "red", "blue"), listed(SHAPES, "round")],
        both=[IncludeSource(value_set=["warm", "bright|1"])],
        round=[IncludeSource(system=SHAPES, value_set=["bright"])],
        either=[IncludeSource(value_set=["warm"]), IncludeSource(value_set=["bright"])],
    )
    assert found.expansion("both") == Expansion(RED)
    assert found.expansion("round") == Expansion(frozenset({(SHAPES, "round")}))
    assert found.expansion("either") == Expansion(ALL_COLOURS | {(SHAPES, "round")})


def test_what_includes_an_incomplete_set_is_incomplete() -> None:
    found = compiler(
        open=[listed(COLOURS, "red"), IncludeSource(system=OPEN)],
        within=[IncludeSource(system=COLOURS, value_set=["open"])],
        absent=[IncludeSource(value_set=["nowhere"])],
    )
    assert found.expansion("within") == Expansion(RED, complete=False)
    assert found.expansion("absent") == Expansion(EMPTY, complete=False)


def test_sets_that_include_each_other_are_incomplete() -> None:
    found = compiler(
        first=[listed(COLOURS, "red"), IncludeSource(value_set=["second"])],
        second=[IncludeSource(value_set=["first"])],
    )
    assert found.expansion("first") == Expansion(RED, complete=False)
    assert found.expansion("second").complete is False


def test_the_entries_are_sorted_and_unknown_sets_and_versions_are_incomplete() -> None:
    found = compiler(b=[IncludeSource(system=COLOURS)], a=[listed(SHAPES, "square")], c=[listed(SHAPES, "round")])
    assert found.entries(["b|1", "nowhere|4", "a", "c", "c|2"]) == [
        ValueSetEntry("a", {SHAPES: ("square",)}),
        ValueSetEntry("b", {COLOURS: ("blue", "green", "red")}),
        ValueSetEntry("c", {}, complete=False),
        ValueSetEntry("nowhere", {}, complete=False),
    ]


def test_a_value_set_without_composition_is_incomplete() -> None:
    found = ValueSetCompiler({"bare": ValueSetSource("bare")}, {}).expansion("bare")
    assert found == Expansion(EMPTY, complete=False)


PARTS = st.one_of(
    st.builds(listed, st.sampled_from([COLOURS, OPEN]), st.sampled_from(["red", "green", "first"])),
    st.sampled_from([IncludeSource(system=COLOURS), IncludeSource(system=OPEN)]),
    st.builds(lambda name: IncludeSource(value_set=[name]), st.sampled_from(["inner", "other"])),
    st.builds(lambda name: IncludeSource(system=OPEN, value_set=[name]), st.sampled_from(["inner", "other"])),
)
SETS = st.builds(ComposeSource, st.lists(PARTS, min_size=1, max_size=3), st.lists(PARTS, max_size=2))


@given(outer=SETS, inner=SETS, truth=st.sets(st.sampled_from(["red", "green", "first", "second"])))
def test_what_is_not_known_never_makes_an_expansion_wrong(
    outer: ComposeSource, inner: ComposeSource, truth: set[str]
) -> None:
    """Whatever the codes of an open system turn out to be, those found are members, and all of them if that is said."""
    partial = compiler(outer=outer, inner=inner, other=[listed(OPEN, "red")])
    whole = compiler(outer=outer, inner=inner, other=[listed(OPEN, "red")])
    whole.code_systems = {**whole.code_systems, OPEN: system(OPEN, *truth)}
    found, actual = partial.expansion("outer"), whole.expansion("outer")
    if actual.complete:
        assert found.codes <= actual.codes
        assert not found.complete or found.codes == actual.codes
    else:
        assert not found.complete

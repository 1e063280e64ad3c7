import pytest

from fhir_server.definitions.compile_filters import CHILD, PARENT, ConceptTree, filtered
from fhir_server.definitions.source import (
    CodeSystemSource,
    ConceptSource,
    FilterSource,
    PropertyDefinitionSource,
    PropertySource,
)


def concept(code: str, *inside: ConceptSource, **properties: str) -> ConceptSource:
    return ConceptSource(code, [PropertySource(name, value) for name, value in properties.items()], list(inside))


ANIMALS = [concept("animal", concept("dog", concept("poodle")), concept("cat")), concept("stone")]
NESTED = CodeSystemSource("http://example.org/animals", "complete", hierarchy_meaning="is-a", concept=ANIMALS)
FLAT = CodeSystemSource("http://example.org/flat", "complete", concept=[concept("a"), concept("b"), concept("c")])
LINKED = CodeSystemSource(
    "http://example.org/linked",
    "complete",
    hierarchy_meaning="is-a",
    property=[
        PropertyDefinitionSource("child", CHILD),
        PropertyDefinitionSource("up", PARENT),
        PropertyDefinitionSource("friend", None),
    ],
    concept=[concept("a", child="b"), concept("b"), concept("c", up="b"), concept("d", friend="a")],
)


@pytest.mark.parametrize(
    ("source", "filters", "codes"),
    [
        (NESTED, [], {"animal", "dog", "poodle", "cat", "stone"}),
        (NESTED, [("concept", "is-a", "dog")], {"dog", "poodle"}),
        (NESTED, [("code", "is-a", "animal")], {"animal", "dog", "poodle", "cat"}),
        (NESTED, [("concept", "descendent-of", "animal")], {"dog", "poodle", "cat"}),
        (NESTED, [("concept", "descendent-of", "stone")], set()),
        (NESTED, [("concept", "is-not-a", "dog")], {"animal", "cat", "stone"}),
        (NESTED, [("concept", "is-a", "animal"), ("concept", "is-not-a", "dog")], {"animal", "cat"}),
        (NESTED, [("code", "=", "cat")], {"cat"}),
        (NESTED, [("code", "in", "cat, stone,unknown")], {"cat", "stone"}),
        (NESTED, [("code", "not-in", "cat,stone")], {"animal", "dog", "poodle"}),
        (FLAT, [("concept", "is-a", "a")], {"a"}),
        (FLAT, [("concept", "is-not-a", "a")], {"b", "c"}),
        (LINKED, [("concept", "is-a", "a")], {"a", "b", "c"}),
        (LINKED, [("concept", "descendent-of", "b")], {"c"}),
    ],
)
def test_the_codes_that_pass(source: CodeSystemSource, filters: list[tuple[str, str, str]], codes: set[str]) -> None:
    assert filtered(ConceptTree.of(source), [FilterSource(*each) for each in filters]) == frozenset(codes)


@pytest.mark.parametrize(
    "unknown",
    [
        ("concept", "is-a", "unknown"),
        ("concept", "generalizes", "dog"),
        ("concept", "regex", "d.*"),
        ("concept", "exists", "true"),
        ("colour", "=", "brown"),
        ("status", "is-a", "dog"),
    ],
)
def test_a_filter_that_cannot_be_carried_out_exactly_gives_none(unknown: tuple[str, str, str]) -> None:
    tree = ConceptTree.of(NESTED)
    assert filtered(tree, [FilterSource("code", "=", "cat"), FilterSource(*unknown)]) is None


@pytest.mark.parametrize("meaning", [None, "part-of", "grouped-by", "classified-with"])
def test_being_below_a_code_is_being_a_kind_of_it_only_where_the_system_says_so(meaning: str | None) -> None:
    source = CodeSystemSource("http://example.org/parts", "complete", hierarchy_meaning=meaning, concept=ANIMALS)
    assert filtered(ConceptTree.of(source), [FilterSource("concept", "is-a", "dog")]) is None
    assert filtered(ConceptTree.of(source), [FilterSource("code", "=", "dog")]) == frozenset({"dog"})


def test_a_circle_of_codes_ends() -> None:
    source = CodeSystemSource(
        "http://example.org/circle",
        "complete",
        hierarchy_meaning="is-a",
        property=[PropertyDefinitionSource("child", CHILD)],
        concept=[concept("a", child="b"), concept("b", child="a")],
    )
    assert filtered(ConceptTree.of(source), [FilterSource("concept", "descendent-of", "a")]) == frozenset({"b"})

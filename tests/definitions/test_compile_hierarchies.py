"""Code systems whose codes are kinds of one another: which are kept, and what lies above and below a code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions.compile_hierarchies import compile_hierarchies
from fhir_server.definitions.definitions import r4
from fhir_server.definitions.layout import HierarchyEntry
from fhir_server.definitions.source import CodeSystemSource, ConceptSource, PropertyDefinitionSource, PropertySource
from fhir_server.definitions.structures import CodeHierarchy

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def nested(url: str, *, content: str = "complete", meaning: str | None = "is-a") -> CodeSystemSource:
    """A code system with one code below another."""
    concepts = [ConceptSource("warm", concept=[ConceptSource("red")]), ConceptSource("blue")]
    return CodeSystemSource(url, content, hierarchy_meaning=meaning, concept=concepts)


def test_hierarchies_are_sorted_and_name_all_codes() -> None:
    assert compile_hierarchies([nested("urn:b"), nested("urn:a")]) == [
        HierarchyEntry("urn:a", ("blue", "red", "warm"), {"warm": ("red",)}),
        HierarchyEntry("urn:b", ("blue", "red", "warm"), {"warm": ("red",)}),
    ]


@pytest.mark.parametrize(
    "source",
    [
        nested("urn:a", content="fragment"),
        nested("urn:a", content="not-present"),
        nested("urn:a", meaning="grouped-by"),
        nested("urn:a", meaning="part-of"),
        nested("urn:a", meaning=None),
        CodeSystemSource("urn:a", "complete", hierarchy_meaning="is-a", concept=[ConceptSource("red")]),
        CodeSystemSource("urn:a", "complete", hierarchy_meaning="is-a"),
    ],
)
def test_a_system_without_a_known_hierarchy_is_left_out(source: CodeSystemSource) -> None:
    assert compile_hierarchies([source]) == []


def test_parents_may_be_several() -> None:
    concepts = [
        ConceptSource("a"),
        ConceptSource("b"),
        ConceptSource("c", property=[PropertySource("up", value_code="a"), PropertySource("up", value_code="b")]),
    ]
    links = [PropertyDefinitionSource("up", "http://hl7.org/fhir/concept-properties#parent")]
    source = CodeSystemSource("urn:a", "complete", hierarchy_meaning="is-a", property=links, concept=concepts)
    assert compile_hierarchies([source]) == [HierarchyEntry("urn:a", ("a", "b", "c"), {"a": ("c",), "b": ("c",)})]


def test_above_and_below_a_code() -> None:
    hierarchy = CodeHierarchy("urn:a", frozenset("abcdx"), {"a": ("b", "c"), "b": ("d",), "c": ("d",)})
    assert hierarchy.below("a") == frozenset("abcd")
    assert hierarchy.below("b") == frozenset("bd")
    assert hierarchy.below("d") == frozenset("d")
    assert hierarchy.above("d") == frozenset("abcd")
    assert hierarchy.above("c") == frozenset("ac")
    assert hierarchy.above("a") == frozenset("a")
    assert hierarchy.below("x") == hierarchy.above("x") == frozenset("x")
    assert (hierarchy.has("x"), hierarchy.has("y")) == (True, False)


def test_a_circle_ends() -> None:
    hierarchy = CodeHierarchy("urn:a", frozenset("abc"), {"a": ("b",), "b": ("c",), "c": ("a",)})
    assert hierarchy.below("b") == hierarchy.above("b") == frozenset("abc")


GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), unique=True).map(tuple))


@given(GRAPHS, st.sampled_from("abcdef"), st.sampled_from("abcdef"))
def test_one_is_below_the_other_as_the_other_is_above_it(
    children: dict[str, tuple[str, ...]], first: str, second: str
) -> None:
    hierarchy = CodeHierarchy("urn:a", frozenset("abcdef"), children)
    assert (first in hierarchy.below(second)) is (second in hierarchy.above(first))
    assert hierarchy.below(second) >= {second}.union(*(hierarchy.below(each) for each in children.get(second, ())))


def test_a_hierarchy_of_r4() -> None:
    found = r4().code_hierarchy(ACT_CODE)
    assert found is not None
    assert found.below("_ActEncounterCode") == {
        "_ActEncounterCode",
        *("AMB", "EMER", "FLD", "HH", "IMP", "ACUTE", "NONAC", "OBSENC", "PRENC", "SS", "VR"),
    }
    assert found.above("ACUTE") == {"ACUTE", "IMP", "_ActEncounterCode", "_ActCareProvisionCode"}
    assert found.below("AMB") == {"AMB"}
    assert not found.has("XYZ")
    assert r4().code_hierarchy(f"{ACT_CODE}|4.0.1") is None
    assert r4().code_hierarchy("http://loinc.org") is None

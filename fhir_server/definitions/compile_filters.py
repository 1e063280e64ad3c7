"""The filters of a value set, carried out on a code system that the package holds in full.

https://hl7.org/fhir/R4/valueset.html#compositions, https://hl7.org/fhir/R4/codesystem.html#filters
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fhir_server.definitions.source import CodeSystemSource, ConceptSource, FilterSource

CHILD = "http://hl7.org/fhir/concept-properties#child"
PARENT = "http://hl7.org/fhir/concept-properties#parent"
CODE_PROPERTIES = frozenset({"code", "concept"})


@dataclass(frozen=True, slots=True)
class ConceptTree:
    """The concepts of a code system: all codes, and the codes directly below each.

    `is_a` is False where being below a code does not mean being a kind of it, or the system does not say.
    """

    codes: frozenset[str]
    children: dict[str, set[str]]
    is_a: bool

    @classmethod
    def of(cls, source: CodeSystemSource) -> "ConceptTree":
        """The tree that nested concepts and the properties `child` and `parent` of the standard make."""
        children: dict[str, set[str]] = {}
        links = {each.code: each.uri for each in source.property if each.uri in (CHILD, PARENT)}
        codes = set()
        for concept in _walk(source.concept):
            codes.add(concept.code)
            children.setdefault(concept.code, set()).update(each.code for each in concept.concept)
            for each in concept.property:
                if links.get(each.code) == CHILD and each.value_code:
                    children.setdefault(concept.code, set()).add(each.value_code)
                elif links.get(each.code) == PARENT and each.value_code:
                    children.setdefault(each.value_code, set()).add(concept.code)
        flat = not any(children.values())
        is_a = source.hierarchy_meaning == "is-a" or (source.hierarchy_meaning is None and flat)
        return cls(frozenset(codes), children, is_a)

    def descendants(self, code: str) -> frozenset[str]:
        """The codes below `code`, at any depth; never `code` itself."""
        found: set[str] = set()
        pending = list(self.children.get(code, ()))
        while pending:
            each = pending.pop()
            if each not in found and each != code:
                found.add(each)
                pending.extend(self.children.get(each, ()))
        return frozenset(found) & self.codes


def filtered(tree: ConceptTree, filters: Iterable[FilterSource]) -> frozenset[str] | None:
    """The codes that pass every filter; None where one of them cannot be carried out exactly."""
    codes = tree.codes
    for each in filters:
        passed = _passed(tree, each)
        if passed is None:
            return None
        codes &= passed
    return codes


def _passed(tree: ConceptTree, each: FilterSource) -> frozenset[str] | None:
    """Filters on the code itself are carried out. Those on other properties are not: what holds for a concept that does
    not state one is a matter of each property."""
    if each.property not in CODE_PROPERTIES:
        return None
    if each.op in _HIERARCHY:
        if not tree.is_a or each.value not in tree.codes:
            return None
        return _HIERARCHY[each.op](tree, each.value)
    values = {each.value} if each.op == "=" else {value.strip() for value in each.value.split(",")}
    if each.op in ("=", "in"):
        return tree.codes & values
    return tree.codes - values if each.op == "not-in" else None


_HIERARCHY: dict[str, Callable[[ConceptTree, str], frozenset[str]]] = {
    "is-a": lambda tree, code: tree.descendants(code) | {code},
    "descendent-of": lambda tree, code: tree.descendants(code),
    "is-not-a": lambda tree, code: tree.codes - tree.descendants(code) - {code},
}


def _walk(concepts: Iterable[ConceptSource]) -> Iterable[ConceptSource]:
    pending = list(concepts)
    while pending:
        concept = pending.pop()
        yield concept
        pending.extend(concept.concept)

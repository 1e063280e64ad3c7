"""CodeSystems -> the hierarchies of those whose codes are kinds of one another.

https://hl7.org/fhir/R4/codesystem.html#hierarchy. A system without a hierarchy has nothing above or below a code; one
that the package does not have in full might have more.
"""

from collections.abc import Iterable

from fhir_server.definitions.compile_filters import ConceptTree
from fhir_server.definitions.layout import HierarchyEntry
from fhir_server.definitions.source import CodeSystemSource


def compile_hierarchies(sources: Iterable[CodeSystemSource]) -> list[HierarchyEntry]:
    """The hierarchies, sorted by URL."""
    found = (_hierarchy(source) for source in sources if source.content == "complete")
    return sorted((each for each in found if each is not None), key=lambda entry: entry.url)


def _hierarchy(source: CodeSystemSource) -> HierarchyEntry | None:
    tree = ConceptTree.of(source)
    children = {code: tuple(sorted(below)) for code, below in sorted(tree.children.items()) if below}
    return HierarchyEntry(source.url, tuple(sorted(tree.codes)), children) if tree.is_a and children else None

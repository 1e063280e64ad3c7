"""ValueSets -> the codes in them, where the package has all that it takes to know them.

A set is complete only if every step of its composition was carried out exactly. What could not be carried out makes it
incomplete; a code that is listed is then still a member for certain.

https://hl7.org/fhir/R4/valueset.html#compositions, https://hl7.org/fhir/R4/codesystem.html#hierarchy
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fhir_server.definitions.compile_filters import ConceptTree, filtered
from fhir_server.definitions.layout import ValueSetEntry
from fhir_server.definitions.source import CodeSystemSource, IncludeSource, ValueSetSource

Codes = frozenset[tuple[str, str]]
NOTHING: Codes = frozenset()


@dataclass(frozen=True, slots=True)
class Expansion:
    """Pairs of system and code that are members for certain, and whether these are all."""

    codes: Codes = NOTHING
    complete: bool = True


UNKNOWN = Expansion(NOTHING, complete=False)


@dataclass(slots=True)
class ValueSetCompiler:
    """Expands the value sets of a package; keeps each expansion, since sets include one another."""

    value_sets: Mapping[str, ValueSetSource]
    code_systems: Mapping[str, CodeSystemSource]
    _expansions: dict[str, Expansion] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)

    def entries(self, canonicals: Iterable[str]) -> list[ValueSetEntry]:
        """The sets that these canonicals (with or without version) name, sorted by URL; one that the package does not
        have, or has in another version, is incomplete."""
        by_url: dict[str, Expansion] = {}
        for canonical in sorted(canonicals):
            url = canonical.partition("|")[0]
            found = self.expansion(canonical)
            if url not in by_url or not found.complete:
                by_url[url] = found
        return [_entry(url, expansion) for url, expansion in sorted(by_url.items())]

    def expansion(self, canonical: str) -> Expansion:
        """The codes of one value set. A set that includes itself is incomplete."""
        url, _, version = canonical.partition("|")
        source = self.value_sets.get(url)
        if source is None or source.compose is None or url in self._open or (version and version != source.version):
            return UNKNOWN
        if url not in self._expansions:
            self._open.add(url)
            self._expansions[url] = self._composed(source.compose.include, source.compose.exclude)
            self._open.discard(url)
        return self._expansions[url]

    def _composed(self, include: list[IncludeSource], exclude: list[IncludeSource]) -> Expansion:
        included = [self._included(each) for each in include]
        excluded = [self._included(each) for each in exclude]
        complete = all(each.complete for each in included)
        if not all(each.complete for each in excluded):
            return UNKNOWN  # any code might be among those excluded
        codes = NOTHING.union(*(each.codes for each in included)) - NOTHING.union(*(each.codes for each in excluded))
        return Expansion(codes, complete)

    def _included(self, include: IncludeSource) -> Expansion:
        """What one include selects: the codes of its system that are in all of its value sets as well."""
        parts = [self.expansion(canonical) for canonical in include.value_set]
        if include.system is not None:
            parts.append(self._of_system(include, include.system))
        if not parts:
            return UNKNOWN
        codes = frozenset.intersection(*(each.codes for each in parts))
        return Expansion(codes, all(each.complete for each in parts))

    def _of_system(self, include: IncludeSource, system: str) -> Expansion:
        if include.concept:
            if include.filter:
                return UNKNOWN
            return Expansion(frozenset((system, each.code) for each in include.concept))
        source = self.code_systems.get(system)
        if source is None or source.content != "complete":
            return UNKNOWN
        if include.version is not None and include.version != source.version:
            return UNKNOWN
        codes = filtered(ConceptTree.of(source), include.filter)
        return UNKNOWN if codes is None else Expansion(frozenset((system, code) for code in codes))


def _entry(url: str, expansion: Expansion) -> ValueSetEntry:
    by_system: dict[str, list[str]] = {}
    for system, code in sorted(expansion.codes):
        by_system.setdefault(system, []).append(code)
    return ValueSetEntry(url, {system: tuple(codes) for system, codes in by_system.items()}, expansion.complete)

"""SearchParameters and CompartmentDefinitions -> the compact form.

https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from collections.abc import Iterable

from fhir_server.definitions.layout import SearchEntry
from fhir_server.definitions.package import PackageError
from fhir_server.definitions.source import CompartmentSource, SearchSource

SELF = "{def}"


def compile_search_parameters(sources: Iterable[SearchSource], known: frozenset[str]) -> list[SearchEntry]:
    """All search parameters, sorted by code and URL. Raises `PackageError` where one has a base that is not a known
    type, or two that are not experimental share a code and a base: which one a query means must never be chance."""
    entries = [_search_parameter(source, known) for source in sources]
    entries.sort(key=lambda entry: (entry.code, entry.url))
    taken: dict[tuple[str, str], str] = {}
    for entry in entries:
        for base in () if entry.experimental else entry.base:
            other = taken.setdefault((base, entry.code), entry.url)
            if other != entry.url:
                raise PackageError(f"Two search parameters of {base} are called {entry.code}: {other}, {entry.url}.")
    return entries


def _search_parameter(source: SearchSource, known: frozenset[str]) -> SearchEntry:
    for name in (*source.base, *source.target):
        if name not in known:
            raise PackageError(f"The search parameter {source.url} names the type {name}, which the package lacks.")
    return SearchEntry(
        code=source.code,
        url=source.url,
        type=source.type,
        base=tuple(sorted(set(source.base))),
        expression=source.expression,
        targets=tuple(sorted(set(source.target))),
        components=tuple((each.definition, each.expression) for each in source.component),
        experimental=source.experimental,
    )


def compile_compartments(
    sources: Iterable[CompartmentSource], parameters: Iterable[SearchEntry]
) -> tuple[dict[str, dict[str, tuple[str, ...]]], dict[str, list[str]]]:
    """Compartment -> resource type -> search parameters, and the definitions left out, by reason.

    The compartment's own type is always in it: the definitions mark that by `{def}` for some, and say it in words for
    Patient and Device. Raises `PackageError` where a parameter is not one of that type, or two definitions are of one
    compartment and neither is called `example`: who may see what must never be chance.
    """
    known = {(base, entry.code) for entry in parameters for base in entry.base}
    compartments: dict[str, dict[str, tuple[str, ...]]] = {}
    left_out: dict[str, list[str]] = {}
    for source in sorted(sources, key=lambda source: (_is_example(source), source.url)):
        if source.code not in compartments:
            compartments[source.code] = _compartment(source, known)
        elif _is_example(source):
            left_out.setdefault("example of a compartment that is defined elsewhere", []).append(source.url)
        else:
            raise PackageError(f"The package defines the compartment {source.code} twice.")
    return dict(sorted(compartments.items())), left_out


def _is_example(source: CompartmentSource) -> bool:
    return source.url.endswith("/example")


def _compartment(source: CompartmentSource, known: set[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    members: dict[str, tuple[str, ...]] = {source.code: ()}
    for member in source.resource:
        codes = tuple(code for code in member.param if code != SELF)
        for code in codes:
            if (member.code, code) not in known:
                raise PackageError(
                    f"The compartment {source.code} names {code} of {member.code}, which does not exist."
                )
        if codes:
            members[member.code] = codes
    return dict(sorted(members.items()))

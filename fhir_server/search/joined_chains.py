"""Chains along the same reference, where a resource has only one of it: what they ask is asked of one resource.

`subject:Patient.family=Bell&subject:Patient.given=Ada` looks for one Patient then, not for all Bells and all Adas.
"""

from collections.abc import Mapping, Sequence

from fhir_server.search.chaining import reaching
from fhir_server.search.parameters import Parameter
from fhir_server.store.criteria import AnyOf, Chained, Criterion, InGroup

Link = tuple[str, str]
"""The reference parameter and the type that a chain leads to"""


def joined(criteria: Sequence[Criterion], parameters: Mapping[str, Parameter]) -> tuple[Criterion, ...]:
    """The same conditions on a resource whose type has these parameters, chains along one reference put together."""
    links: dict[Link, list[Chained]] = {}
    for criterion in criteria:
        chain = _chain(criterion)
        if chain is not None and _is_single(parameters[chain.param]):
            links.setdefault((chain.param, chain.type), []).append(chain)
    repeated = {link: chains for link, chains in links.items() if len(chains) > 1}
    found: list[Criterion] = []
    for criterion in criteria:
        chain = _chain(criterion)
        link = None if chain is None else (chain.param, chain.type)
        if link is None or link not in repeated:
            found.append(criterion)
        elif chain is repeated[link][0]:
            asked = tuple(part for each in repeated[link] for part in each.criteria)
            found.append(reaching(parameters[link[0]], link[1], asked))
    return tuple(found)


def _chain(criterion: Criterion) -> Chained | None:
    """The chain that a criterion is, with or without what is contained."""
    if isinstance(criterion, Chained):
        return criterion
    if isinstance(criterion, AnyOf) and len(criterion.criteria) == 2:
        first, second = criterion.criteria
        if isinstance(first, Chained) and isinstance(second, InGroup) and first.criteria == second.criteria:
            return first
    return None


def _is_single(parameter: Parameter) -> bool:
    """Whether a resource has one value at most: an element of its own that does not repeat."""
    elements = parameter.code.elements
    return len(elements) == 1 and elements[0].max == 1 and elements[0].path.count(".") == 1

"""One query parameter to one criterion: its chain, and what stands at its end.

https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has, https://hl7.org/fhir/R4/search.html#list
"""

from fhir_server.outcome import Invalid, NotSupported
from fhir_server.search.alternatives import alternatives, compile_alternatives
from fhir_server.search.chaining import follow
from fhir_server.search.compilation import Compilation
from fhir_server.search.filter.compile_filter import compile_filter
from fhir_server.search.offered import FILTER
from fhir_server.search.parameter_path import ParameterPath, read_path
from fhir_server.search.reading.escapes import unescape
from fhir_server.search.reading.references import is_id
from fhir_server.store.criteria import Criterion, IdIs, ReverseChained

LIST = "_list"


async def compile_criterion(compilation: Compilation, resource_type: str, name: str, value: str) -> Criterion | None:
    """The criterion of one query parameter; None where the type has no parameter of this name.

    Raises `Invalid` for a wrong chain, modifier or value, `NotSupported` for what is not offered, `TooCostly` beyond a
    limit.
    """
    path = read_path(name, compilation.context.limits)
    if path.name == FILTER:
        _check_bare(path)
        return await compile_filter(compilation, resource_type, value)
    return await _along(compilation, resource_type, path, value, 0)


async def _along(
    compilation: Compilation, resource_type: str, path: ParameterPath, value: str, hop: int
) -> Criterion | None:
    if hop == len(path.hops):
        return await _at_end(compilation, resource_type, path, value)

    async def rest(target: str) -> tuple[Criterion, ...] | None:
        found = await _along(compilation, target, path, value, hop + 1)
        return None if found is None else (found,)

    return await follow(compilation, resource_type, path.hops[hop], rest)


async def _at_end(compilation: Compilation, resource_type: str, path: ParameterPath, value: str) -> Criterion | None:
    if path.name == LIST:
        return _in_list(compilation, path, value)
    parameter = compilation.parameters(resource_type).get(path.name)
    if parameter is None:
        return None
    return await compile_alternatives(compilation, parameter, path.modifier, value)


def _in_list(compilation: Compilation, path: ParameterPath, value: str) -> Criterion:
    """What a List with one of these ids has among its items."""
    if path.modifier is not None:
        raise Invalid(f"The parameter {LIST} has no modifiers.")
    ids = []
    for each in alternatives(LIST, value, compilation.context.limits.alternatives):
        id = unescape(each).removeprefix("List/")
        if id.startswith("$"):
            raise NotSupported(
                f"The parameter {LIST} finds what stands in a stored List: functional lists ($…) are not."
            )
        if not is_id(id):
            raise Invalid(f"The parameter {LIST} is the id of a List, such as 42 or List/42.")
        ids.append(id)
    compilation.spend(len(ids))
    parameters = compilation.parameters("List")
    is_list = IdIs(tuple(dict.fromkeys(ids)), parameters["_id"].elements)
    return ReverseChained("List", "item", (is_list,), parameters["item"].elements)


def _check_bare(path: ParameterPath) -> None:
    if path.hops:
        raise NotSupported(f"The parameter {FILTER} cannot be chained: chain inside the filter (subject.name eq …).")
    if path.modifier is not None:
        raise Invalid(f"The parameter {FILTER} has no modifiers.")

"""Searches of several types: which ones, and in which order. https://hl7.org/fhir/R4/search.html#all"""

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.definitions.definitions import Definitions
from fhir_server.outcome import Invalid
from fhir_server.search.parameters import parameters_of
from fhir_server.search.result_parameters import TYPE
from fhir_server.store.criteria import SortKey

_SHOWN = 64


def searched_types(values: Sequence[str], types: Sequence[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The types that `_type` names, or all of these where it is not given; and the parameter as it is used.

    Raises `Invalid` for a type that is not among them. Given twice, only what both name counts.
    """
    asked = tuple(types)
    for value in values:
        names = [name.strip() for name in value.split(",")]
        for name in names:
            if name not in types:
                raise Invalid(
                    f"The parameter {TYPE} names resource types that can be searched here, not {name[:_SHOWN]!r}."
                )
        asked = tuple(dict.fromkeys(name for name in names if name in asked))
    if not asked:
        raise Invalid(f"The parameter {TYPE} was given several times, and no type stands in all of them.")
    return asked, tuple((TYPE, value) for value in values)


def sorted_by_row(keys: Sequence[SortKey], types: Sequence[str], definitions: Definitions) -> tuple[SortKey, ...]:
    """Keys of `_id` and `_lastUpdated` with the elements that they read in resources of these types."""
    parameters = parameters_of(definitions)
    return tuple(
        replace(key, elements=tuple(each for type in types for each in parameters.of(type)[key.param].elements))
        for key in keys
    )

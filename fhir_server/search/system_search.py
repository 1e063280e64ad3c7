"""Searches of several types: which ones. https://hl7.org/fhir/R4/search.html#all"""

from collections.abc import Sequence

from fhir_server.outcome import Invalid
from fhir_server.search.result_parameters import TYPE

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

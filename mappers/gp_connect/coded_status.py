"""Statuses that are codes in STU3 and CodeableConcepts in R4."""

from collections.abc import Collection

from mappers.gp_connect.element import Element, Unfaithful
from mappers.mapper import Json


def coded(source: Element, name: str, system: str, codes: Collection[str]) -> Json:
    """A status as a CodeableConcept of its R4 code system; {} where there is none.

    Raises `Unfaithful` for a code that R4 does not have: a status must not be guessed.
    """
    code = source.string(name)
    if code is None:
        return {}
    if code not in codes:
        raise Unfaithful("code-invalid", f"{name} has a code without an R4 counterpart.", source.at(name))
    return {name: {"coding": [{"system": system, "code": code}]}}

"""What each operator of a filter means for each type of search parameter. https://hl7.org/fhir/R4/search_filter.html#ops

An operator that R4 does not have for a type is an error; one that it has and that no criterion can say is not offered.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from fhir_server.outcome import Invalid, NotSupported
from fhir_server.search.alternatives import check_offered, compile_value, presence
from fhir_server.search.parameter_type import Asked
from fhir_server.search.reading.escapes import unescape
from fhir_server.search.reading.folding import fold
from fhir_server.store.criteria import AllOf, Criterion, DateIs, LastUpdatedIs, Not, StringIs

Compile = Callable[[Asked], Awaitable[Criterion]]

SYSTEMS = {
    "loinc": "http://loinc.org",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "snomed": "http://snomed.info/sct",
    "ucum": "http://unitsofmeasure.org",
}
"""Short names of code systems that a filter may use: https://hl7.org/fhir/R4/search_filter.html"""


async def compare(asked: Asked, operator: str) -> Criterion:
    """The criterion of one comparison. Raises `Invalid` for an operator that does not apply or a bad value, and
    `NotSupported` for what is not offered."""
    parameter = asked.parameter
    check_offered(parameter)
    type_name = parameter.definition.type
    if operator == "pr":
        return _present(asked)
    if (type_name, operator) in _NOT_OFFERED:
        raise NotSupported(
            f"_filter: the operator {operator} on {parameter.name}, a {type_name} parameter, is not offered."
        )
    compile = _BY_NAME.get(parameter.name, _BY_TYPE[type_name]).get(operator)
    if compile is None:
        raise Invalid(f"_filter: the operator {operator} does not apply to {parameter.name}, a {type_name} parameter.")
    return await compile(asked)


def _present(asked: Asked) -> Criterion:
    if asked.value not in ("true", "false"):
        raise Invalid(f"_filter: {asked.parameter.name} pr is true or false.")
    return presence(asked.parameter, asked.value == "true")


def _unequal(equal: Compile) -> Compile:
    """Has a value, and none that is equal."""

    async def unequal(asked: Asked) -> Criterion:
        return AllOf((presence(asked.parameter, True), Not(await equal(asked))))

    return unequal


def _with_prefix(prefix: str) -> Compile:
    async def prefixed(asked: Asked) -> Criterion:
        if asked.value[:2].isalpha():
            raise Invalid(f"_filter: {asked.parameter.name} takes a value without a prefix: the operator says it.")
        return await compile_value(replace(asked, value=prefix + asked.value))

    return prefixed


def _with_modifier(modifier: str) -> Compile:
    async def modified(asked: Asked) -> Criterion:
        return await compile_value(replace(asked, modifier=modifier))

    return modified


async def _not_in(asked: Asked) -> Criterion:
    return Not(await _with_modifier("in")(asked))


async def _overlaps(asked: Asked) -> Criterion:
    found = await _with_prefix("eq")(asked)
    assert isinstance(found, DateIs | LastUpdatedIs)
    return replace(found, prefix="ap")


async def _same_text(asked: Asked) -> Criterion:
    folded = fold(unescape(asked.value))
    if not folded:
        raise Invalid(f"The parameter {asked.parameter.name} needs a text of at least one letter or digit.")
    return StringIs(asked.parameter.name, folded, "equals", asked.parameter.elements)


async def _same_code(asked: Asked) -> Criterion:
    return await compile_value(_with_system(asked, 0))


def _with_system(asked: Asked, place: int) -> Asked:
    """The value with the URL of a code system where its short name stands."""
    parts = asked.value.split("|")
    if place + 1 < len(parts) and parts[place] in SYSTEMS:
        parts[place] = SYSTEMS[parts[place]]
    return replace(asked, value="|".join(parts))


def _with_unit(compile: Compile) -> Compile:
    async def with_unit(asked: Asked) -> Criterion:
        return await compile(_with_system(asked, 1))

    return with_unit


_PREFIXED: Mapping[str, Compile] = {
    prefix: _with_prefix(prefix) for prefix in ("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb")
}
_EQUAL: Mapping[str, Compile] = {"eq": compile_value}
_EQUAL_OR_NOT: Mapping[str, Compile] = {"eq": compile_value, "ne": _unequal(compile_value)}

_BY_TYPE: Mapping[str, Mapping[str, Compile]] = {
    "composite": _EQUAL,
    "date": {**_PREFIXED, "po": _overlaps},
    "number": _PREFIXED,
    "quantity": {operator: _with_unit(compile) for operator, compile in _PREFIXED.items()},
    "reference": {**_EQUAL_OR_NOT, "re": compile_value},
    "special": _EQUAL,
    "string": {
        "eq": _same_text,
        "ne": _unequal(_same_text),
        "co": _with_modifier("contains"),
        "sw": compile_value,
    },
    "token": {
        "eq": _same_code,
        "ne": _unequal(_same_code),
        "in": _with_modifier("in"),
        "ni": _not_in,
        "ss": _with_modifier("below"),
        "sb": _with_modifier("above"),
    },
    "uri": _EQUAL_OR_NOT,
}
_BY_NAME: Mapping[str, Mapping[str, Compile]] = {"_text": _EQUAL, "_content": _EQUAL}
"""Full text: what is asked for are words"""

_NOT_OFFERED = frozenset(
    {
        *(("string", operator) for operator in ("ew", "gt", "lt", "ge", "le")),
        *((type_name, "co") for type_name in ("number", "date")),
    }
)
"""What R4 has, and no index answers"""

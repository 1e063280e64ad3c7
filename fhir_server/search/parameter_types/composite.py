"""composite: several values that hold together in one element. https://hl7.org/fhir/R4/search.html#composite

The values of its components, between `$`, are each asked as their own type asks, of one group of index entries: that of
one component of an Observation, of one context of a Questionnaire.
"""

from fhir_server.outcome import Invalid, NotSupported
from fhir_server.search.parameter_type import Asked, ParameterType
from fhir_server.search.parameter_types.date import DATE
from fhir_server.search.parameter_types.number import NUMBER
from fhir_server.search.parameter_types.quantity import QUANTITY
from fhir_server.search.parameter_types.reference import REFERENCE
from fhir_server.search.parameter_types.string import STRING
from fhir_server.search.parameter_types.token import TOKEN
from fhir_server.search.parameter_types.uri import URI
from fhir_server.search.reading.escapes import split
from fhir_server.store.criteria import Criterion, InGroup

COMPONENT_TYPES = {each.name: each for each in (DATE, NUMBER, QUANTITY, REFERENCE, STRING, TOKEN, URI)}


async def _compile(asked: Asked) -> Criterion:
    if asked.modifier is not None:
        raise asked.refuse()
    components = asked.parameter.components
    parts = split(asked.value, "$")
    if len(parts) != len(components) or not all(part.strip() for part in parts):
        named = "$".join(each.parameter.definition.type for each in components)
        raise Invalid(
            f"The parameter {asked.parameter.name} has {len(components)} values with $ between them: {named}."
        )
    criteria = [
        await _component(Asked(component.parameter, part, asked.context), asked)
        for component, part in zip(components, parts, strict=True)
    ]
    return InGroup(asked.parameter.name, tuple(criteria), asked.parameter.elements)


async def _component(part: Asked, whole: Asked) -> Criterion:
    declared = COMPONENT_TYPES[part.parameter.definition.type]
    assert declared.compile is not None
    try:
        return await declared.compile(part)
    except (Invalid, NotSupported) as error:
        # Its own name is a number; the composite's is the one that was asked for.
        said = error.issues[0].diagnostics.replace(
            f"The parameter {part.parameter.name} ",
            f"Value {part.parameter.name} of the parameter {whole.parameter.name} ",
        )
        raise type(error)(said) from None


COMPOSITE = ParameterType("composite", frozenset({"missing"}), compile=_compile)

"""The types of search parameters, one file each: extraction and compilation side by side.

Imports: as `search`. To add one: a file that declares a `ParameterType`, and a line in the tuple.
https://hl7.org/fhir/R4/search.html#ptypes
"""

from fhir_server.search.parameter_type import ParameterType
from fhir_server.search.parameter_types.composite import COMPOSITE
from fhir_server.search.parameter_types.date import DATE
from fhir_server.search.parameter_types.number import NUMBER
from fhir_server.search.parameter_types.quantity import QUANTITY
from fhir_server.search.parameter_types.reference import REFERENCE
from fhir_server.search.parameter_types.special import SPECIAL
from fhir_server.search.parameter_types.string import STRING
from fhir_server.search.parameter_types.token import TOKEN
from fhir_server.search.parameter_types.uri import URI

PARAMETER_TYPES: tuple[ParameterType, ...] = (
    COMPOSITE,
    DATE,
    NUMBER,
    QUANTITY,
    REFERENCE,
    SPECIAL,
    STRING,
    TOKEN,
    URI,
)
TYPE_BY_NAME = {each.name: each for each in PARAMETER_TYPES}

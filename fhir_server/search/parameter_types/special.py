"""special: parameters with rules of their own (`near`, `_filter`). Known, and not offered.

https://hl7.org/fhir/R4/search.html#special
"""

from fhir_server.search.parameter_type import ParameterType

SPECIAL = ParameterType("special", frozenset({"missing"}))

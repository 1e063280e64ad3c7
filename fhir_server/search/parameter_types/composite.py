"""composite: several values that hold together (`code-value-quantity`). Known, and not offered.

https://hl7.org/fhir/R4/search.html#composite
"""

from fhir_server.search.parameter_type import ParameterType

COMPOSITE = ParameterType("composite", frozenset())

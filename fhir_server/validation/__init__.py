"""Structural validation: the definitions of R4, compiled once into functions that find all faults of a resource.

`Validator` is the way in. A check is a function of (value, place of the parent, key, findings) that says nothing where
all is well; `compiler.py` puts them together from the definitions. Imports: `outcome`, `definitions`, `model`, re2. To
add a rule of a datatype or resource: a function of the kind `compiler.Rule` and a line in `compiler.RULES`; for the
format of a primitive a line in `primitives.CHECKS`.
"""

from fhir_server.validation.validator import Validator

__all__ = ["Validator"]

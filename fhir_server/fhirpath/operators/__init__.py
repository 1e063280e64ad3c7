"""The binary operators of FHIRPath, one module per family, each with one table.

Imports: as `fhirpath`. To add an operator: an entry in its family's table; a family: a module with a table, and a line
in `OPERATORS`. `is` and `as` take a type, not an expression, and are in the compiler.
"""

from fhir_server.fhirpath.compiling import Operators
from fhir_server.fhirpath.operators.arithmetic import ARITHMETIC
from fhir_server.fhirpath.operators.collections import COLLECTIONS
from fhir_server.fhirpath.operators.comparison import COMPARISON
from fhir_server.fhirpath.operators.equality import EQUALITY
from fhir_server.fhirpath.operators.logic import LOGIC

OPERATORS: Operators = {**ARITHMETIC, **COLLECTIONS, **COMPARISON, **EQUALITY, **LOGIC}

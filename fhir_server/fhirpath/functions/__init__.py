"""The functions of FHIRPath, one module per family, each with one table.

Imports: as `fhirpath`. To add a function: an entry in its family's table. To add a family: a module with a table, and a
line in `FUNCTIONS`.
"""

from fhir_server.fhirpath.compiling import Functions
from fhir_server.fhirpath.functions.combining import COMBINING
from fhir_server.fhirpath.functions.conformance import CONFORMANCE
from fhir_server.fhirpath.functions.conversion import CONVERSION
from fhir_server.fhirpath.functions.existence import EXISTENCE
from fhir_server.fhirpath.functions.extensions import EXTENSIONS
from fhir_server.fhirpath.functions.filtering import FILTERING
from fhir_server.fhirpath.functions.mathematics import MATHEMATICS
from fhir_server.fhirpath.functions.order import ORDER
from fhir_server.fhirpath.functions.references import REFERENCES
from fhir_server.fhirpath.functions.strings import STRINGS
from fhir_server.fhirpath.functions.subsetting import SUBSETTING
from fhir_server.fhirpath.functions.tree import TREE
from fhir_server.fhirpath.functions.type_functions import TYPE_FUNCTIONS
from fhir_server.fhirpath.functions.utility import UTILITY

FUNCTIONS: Functions = {
    **COMBINING,
    **CONFORMANCE,
    **CONVERSION,
    **EXISTENCE,
    **EXTENSIONS,
    **FILTERING,
    **MATHEMATICS,
    **ORDER,
    **REFERENCES,
    **STRINGS,
    **SUBSETTING,
    **TREE,
    **TYPE_FUNCTIONS,
    **UTILITY,
}

__all__ = ["FUNCTIONS"]

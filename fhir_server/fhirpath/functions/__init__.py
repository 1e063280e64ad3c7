"""The functions of FHIRPath, one module per family, each with one table.

Imports: as `fhirpath`. To add a function: an entry in its family's table, and out of `NOT_OFFERED`. To add a family: a
module with a table, and a line in `FUNCTIONS`.
"""

from fhir_server.fhirpath.compiling import Functions
from fhir_server.fhirpath.functions.existence import EXISTENCE
from fhir_server.fhirpath.functions.extensions import EXTENSIONS
from fhir_server.fhirpath.functions.filtering import FILTERING
from fhir_server.fhirpath.functions.not_offered import NOT_OFFERED
from fhir_server.fhirpath.functions.references import REFERENCES
from fhir_server.fhirpath.functions.subsetting import SUBSETTING
from fhir_server.fhirpath.functions.type_functions import TYPE_FUNCTIONS

FUNCTIONS: Functions = {**EXISTENCE, **EXTENSIONS, **FILTERING, **REFERENCES, **SUBSETTING, **TYPE_FUNCTIONS}

__all__ = ["FUNCTIONS", "NOT_OFFERED"]

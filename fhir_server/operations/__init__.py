"""The operations of this server, one file each. https://hl7.org/fhir/R4/operations.html

An operation exports one declared `Operation` (see `operation.py`), a kind of interaction: routes, CapabilityStatement,
access, audit and the docs index come from the tuple below, as for interactions. To add one: its file, a line here, a
test file, a heading in docs/operations.md.
"""

from fhir_server.operations.ingest import INGEST
from fhir_server.operations.operation import Operation
from fhir_server.operations.organization_residents import RESIDENTS
from fhir_server.operations.patient_respect_current import RESPECT_CURRENT
from fhir_server.operations.search_parameter_index_status import INDEX_STATUS

OPERATIONS: tuple[Operation, ...] = (
    INGEST,
    RESPECT_CURRENT,
    RESIDENTS,
    INDEX_STATUS,
)

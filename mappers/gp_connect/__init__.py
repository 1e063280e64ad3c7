"""GP Connect "Access Record: Structured" (FHIR STU3, CareConnect-GPC profiles) to R4 in UK Core's shapes.

https://simplifier.net/guide/gpconnect-data-model. `document.py` reads, `record.py` maps a whole record, `frame.py` one
entry, `resources/` holds one map for each type, `convert.py` what is the same in all of them. To add a type: its file
in `resources/`, a line in its `__init__.py`, a test.
"""

from mappers.gp_connect.document import recognises
from mappers.gp_connect.record import read_record
from mappers.mapper import Mapper

GP_CONNECT = Mapper("gp-connect", "GP Connect structured record (STU3)", read_record, recognises)

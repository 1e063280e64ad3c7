"""The RESTful interactions of FHIR, one file each. https://hl7.org/fhir/R4/http.html

An interaction exports one declared `Interaction` (see `context.py`); the tuple below is the registry from which routes,
CapabilityStatement, audit codes and the docs index come. An interaction gets a session that is bound to what the caller
may do and writes its own audit trail; it imports search, validation, model and the store's values, never `api`, `auth`
or a store. To add one: its file, a line here, a test file, a heading in docs/interactions.md.
"""

from fhir_server.interactions.audit_event import READ_AUDIT_EVENT, SEARCH_AUDIT_EVENT
from fhir_server.interactions.bundle import BATCH, TRANSACTION
from fhir_server.interactions.capabilities import CAPABILITIES
from fhir_server.interactions.context import Interaction
from fhir_server.interactions.create import CREATE
from fhir_server.interactions.delete import DELETE
from fhir_server.interactions.history import HISTORY_INSTANCE, HISTORY_SYSTEM, HISTORY_TYPE
from fhir_server.interactions.patch import PATCH
from fhir_server.interactions.read import READ
from fhir_server.interactions.search_system import SEARCH_SYSTEM
from fhir_server.interactions.search_type import SEARCH_COMPARTMENT, SEARCH_TYPE, SEARCH_WHOLE_COMPARTMENT
from fhir_server.interactions.update import UPDATE
from fhir_server.interactions.vread import VREAD

INTERACTIONS: tuple[Interaction, ...] = (
    READ,
    VREAD,
    UPDATE,
    PATCH,
    DELETE,
    CREATE,
    SEARCH_TYPE,
    SEARCH_COMPARTMENT,
    SEARCH_WHOLE_COMPARTMENT,
    SEARCH_SYSTEM,
    HISTORY_INSTANCE,
    HISTORY_TYPE,
    HISTORY_SYSTEM,
    BATCH,
    TRANSACTION,
    CAPABILITIES,
    READ_AUDIT_EVENT,
    SEARCH_AUDIT_EVENT,
)

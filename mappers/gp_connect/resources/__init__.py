"""One map for each resource type of the source; the tuple is the registry."""

from mappers.gp_connect.mapping import ResourceMap
from mappers.gp_connect.resources.allergy_intolerance import ALLERGY_INTOLERANCE
from mappers.gp_connect.resources.appointment import APPOINTMENT
from mappers.gp_connect.resources.condition import CONDITION
from mappers.gp_connect.resources.diagnostic_report import DIAGNOSTIC_REPORT
from mappers.gp_connect.resources.document_reference import DOCUMENT_REFERENCE
from mappers.gp_connect.resources.encounter import ENCOUNTER
from mappers.gp_connect.resources.family_member_history import FAMILY_MEMBER_HISTORY
from mappers.gp_connect.resources.healthcare_service import HEALTHCARE_SERVICE
from mappers.gp_connect.resources.immunization import IMMUNIZATION
from mappers.gp_connect.resources.list import LIST
from mappers.gp_connect.resources.location import LOCATION
from mappers.gp_connect.resources.medication import MEDICATION
from mappers.gp_connect.resources.medication_request import MEDICATION_REQUEST
from mappers.gp_connect.resources.medication_statement import MEDICATION_STATEMENT
from mappers.gp_connect.resources.observation import OBSERVATION
from mappers.gp_connect.resources.organization import ORGANIZATION
from mappers.gp_connect.resources.patient import PATIENT
from mappers.gp_connect.resources.practitioner import PRACTITIONER
from mappers.gp_connect.resources.practitioner_role import PRACTITIONER_ROLE
from mappers.gp_connect.resources.procedure import PROCEDURE
from mappers.gp_connect.resources.procedure_request import PROCEDURE_REQUEST
from mappers.gp_connect.resources.questionnaire_response import QUESTIONNAIRE_RESPONSE
from mappers.gp_connect.resources.referral_request import REFERRAL_REQUEST
from mappers.gp_connect.resources.specimen import SPECIMEN

MAPS: tuple[ResourceMap, ...] = (
    ALLERGY_INTOLERANCE,
    APPOINTMENT,
    CONDITION,
    DIAGNOSTIC_REPORT,
    DOCUMENT_REFERENCE,
    ENCOUNTER,
    FAMILY_MEMBER_HISTORY,
    HEALTHCARE_SERVICE,
    IMMUNIZATION,
    LIST,
    LOCATION,
    MEDICATION,
    MEDICATION_REQUEST,
    MEDICATION_STATEMENT,
    OBSERVATION,
    ORGANIZATION,
    PATIENT,
    PRACTITIONER,
    PRACTITIONER_ROLE,
    PROCEDURE,
    PROCEDURE_REQUEST,
    QUESTIONNAIRE_RESPONSE,
    REFERRAL_REQUEST,
    SPECIMEN,
)

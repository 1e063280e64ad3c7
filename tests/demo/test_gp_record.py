"""The GP record of each resident: STU3 as GP systems send it, mapped without a remark, about the one person."""

from collections import Counter
from datetime import date

import pytest

from fhir_server.demo import gp_documents
from fhir_server.demo.records.places import GP_SYSTEM
from fhir_server.model.json import dump
from mappers.gp_connect.stu3 import faults
from tests.demo.verhoeff import verhoeff_is_valid
from tests.demo.written import TODAY, everything
from tests.mappers.gp_connect.documents import read

DOCUMENTS = list(gp_documents(1, 25, TODAY))
# What the practice's system cannot say, and what is said of it. Anything else would be a fault of the generator.
EXPECTED = {"The class of the encounter is not known."}


def test_every_entry_is_stu3() -> None:
    for document in DOCUMENTS:
        for number, entry in enumerate(document["entry"]):
            assert faults(entry["resource"], f"Bundle.entry[{number}]") == []


def test_every_entry_is_mapped_without_a_remark() -> None:
    for document in DOCUMENTS:
        mapped = read(dump(document)).mapped({})
        assert Counter(report.outcome for report in mapped.reports) == {"mapped": len(document["entry"])}
        assert {issue.diagnostics for report in mapped.reports for issue in report.issues} == EXPECTED
        assert mapped.source == GP_SYSTEM


def test_records_have_every_shape() -> None:
    kinds = Counter(entry["resource"]["resourceType"] for document in DOCUMENTS for entry in document["entry"])
    assert set(kinds) == {
        "AllergyIntolerance",
        "Condition",
        "DiagnosticReport",
        "DocumentReference",
        "Encounter",
        "Immunization",
        "List",
        "Location",
        "Medication",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "Organization",
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "ProcedureRequest",
        "ReferralRequest",
        "Specimen",
    }
    assert 50 < sum(kinds.values()) / len(DOCUMENTS) < 130
    warned = [
        part for document in DOCUMENTS for part in everything(document) if part.get("valueCode") == "confidential-items"
    ]
    assert len(warned) == 3


def test_the_person_is_known_by_a_verified_number() -> None:
    for document in DOCUMENTS:
        person = read(dump(document)).person
        assert person.nhs_number is not None
        assert person.nhs_number.startswith("999")


def test_snomed_codes_have_their_check_digit() -> None:
    codes = {
        str(part["code"])
        for document in DOCUMENTS
        for part in everything(document)
        if part.get("system") == "http://snomed.info/sct"
    }
    assert {code for code in codes if not verhoeff_is_valid(code)} == set()


def test_the_same_arguments_give_the_same_document() -> None:
    assert [dump(one) for one in gp_documents(1, 3, TODAY)] == [dump(one) for one in DOCUMENTS[:3]]


@pytest.mark.parametrize("today", [date(2024, 2, 29), date(2030, 12, 31)])
def test_nothing_was_recorded_in_the_future(today: date) -> None:
    for document in gp_documents(3, 12, today):
        for part in everything(document):
            for name in ("issued", "assertedDate", "authoredOn", "effectiveDateTime", "date", "indexed"):
                if isinstance(part.get(name), str):
                    assert part[name][:10] < today.isoformat()

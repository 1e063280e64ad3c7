"""DiagnosticReport: who took part, conclusions, images."""

from mappers.gp_connect.resources.diagnostic_report import DIAGNOSTIC_REPORT
from mappers.mapper import Json
from tests.mappers.gp_connect.resources.one_entry import one_entry, survives

CODE: Json = {"coding": [{"system": "http://snomed.info/sct", "code": "721981007"}]}
ROLE: Json = {"coding": [{"system": "http://snomed.info/sct", "code": "310512001"}]}
RICH: Json = {
    "basedOn": [{"reference": "ProcedureRequest/asked"}],
    "status": "appended",
    "category": {"coding": [{"system": "http://hl7.org/fhir/v2/0074", "code": "HM", "display": "Hematology"}]},
    "code": CODE,
    "context": {"reference": "Encounter/visit"},
    "effectivePeriod": {"start": "2024-03-01"},
    "issued": "2024-03-02T08:00:00+00:00",
    "performer": [
        {"actor": {"reference": "Organization/lab", "display": "Invented Laboratory"}},
        {"role": ROLE, "actor": {"reference": "Practitioner/pathologist"}},
    ],
    "specimen": [{"reference": "Specimen/tube"}],
    "result": [{"reference": "Observation/group"}, {"reference": "Observation/absent"}],
    "image": [{"comment": "stained", "link": {"reference": "Media/slide"}}],
    "conclusion": "Iron deficiency",
    "codedDiagnosis": [{"text": "Iron deficiency anaemia"}],
    "presentedForm": [{"title": "report.txt"}],
}


def test_everything_finds_its_place() -> None:
    resource, issues, left = one_entry(DIAGNOSTIC_REPORT, RICH)
    assert resource == {
        "basedOn": [{"reference": "ServiceRequest/asked"}],
        "status": "appended",
        "category": [
            {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "HM", "display": "Hematology"}
                ]
            }
        ],
        "code": CODE,
        "encounter": {"reference": "Encounter/visit"},
        "effectivePeriod": {"start": "2024-03-01"},
        "issued": "2024-03-02T08:00:00+00:00",
        "performer": [
            {"reference": "Organization/lab", "display": "Invented Laboratory"},
            {
                "reference": "Practitioner/pathologist",
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/3.0/StructureDefinition/extension-DiagnosticReport.performer.role",
                        "valueCodeableConcept": ROLE,
                    }
                ],
            },
        ],
        "specimen": [{"reference": "Specimen/tube"}],
        "result": [
            {"reference": "Observation/group"},
            {
                "type": "Observation",
                "identifier": {
                    "system": "https://fhir.shared-care-record.example/source/gp-connect/Z99999",
                    "value": "Observation/absent",
                },
            },
        ],
        "media": [{"comment": "stained", "link": {"reference": "Media/slide"}}],
        "conclusion": "Iron deficiency",
        "conclusionCode": [{"text": "Iron deficiency anaemia"}],
        "presentedForm": [{"title": "report.txt"}],
    }
    assert issues == [("not-found", "Entry.result[1].reference")]
    assert left == []


def test_the_least() -> None:
    resource, issues, left = one_entry(DIAGNOSTIC_REPORT, {"status": "unknown", "code": CODE})
    assert (resource, issues, left) == ({"status": "unknown", "code": CODE}, [], [])


def test_what_r4_requires_is_said_to_be_unknown() -> None:
    resource, issues, _ = one_entry(DIAGNOSTIC_REPORT, {})
    assert resource["status"] == "unknown"
    assert resource["code"]["extension"][0]["valueCode"] == "unknown"
    assert issues == [("required", "Entry.status"), ("required", "Entry.code")]


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(DIAGNOSTIC_REPORT, RICH)

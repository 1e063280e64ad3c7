"""What the structure of FHIR refuses, and what it allows: one case for each thing that validators get wrong.

The cases follow what generated models and JSON schemas were found to accept or refuse wrongly.
"""

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.definitions.definitions import r4
from fhir_server.validation import Validator

VALIDATOR = Validator(r4())

Faults = list[tuple[str, str]]


def _faults(data: dict[str, Any]) -> Faults:
    return [(issue.code, *issue.expression) for issue in VALIDATOR.validate(data)]  # type: ignore[misc]


def _patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


def _observation(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "c"}, **elements}


def _extension(**elements: Any) -> dict[str, Any]:
    return _patient(extension=[{"url": "https://example.org/e", **elements}])


def _without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != name}


URL = "https://example.org/e"
ABSENT = {"extension": [{"url": "https://example.org/absent", "valueCode": "unknown"}]}

REFUSED: dict[str, tuple[dict[str, Any], Faults]] = {
    # names
    "unknown element": (_patient(nickname="E"), [("structure", "Patient.nickname")]),
    "unknown element inside": (
        _patient(name=[{"given": ["E"], "first": "E"}]),
        [("structure", "Patient.name[0].first")],
    ),
    "unknown element with an odd name": (
        _patient(**{"businessStatus ": 1}),
        [("structure", "Patient.`businessStatus `")],
    ),
    "FHIR names in another case": (_patient(birthdate="2000-01-01"), [("structure", "Patient.birthdate")]),
    "DSTU2 comments": (_patient(fhir_comments=["x"]), [("structure", "Patient.fhir_comments")]),
    "Python names": (
        {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "class_fhir": {"code": "AMB"}},
        [("structure", "Encounter.class_fhir")],
    ),
    "resource_type": (_patient(resource_type="Patient"), [("structure", "Patient.resource_type")]),
    "resourceType in a datatype": (
        _patient(name=[{"resourceType": "HumanName", "text": "E"}]),
        [("structure", "Patient.name[0].resourceType")],
    ),
    "an element of R4B": (
        {"resourceType": "ActivityDefinition", "status": "draft", "subjectCanonical": "https://example.org/x"},
        [("structure", "ActivityDefinition.subjectCanonical")],
    ),
    "a type of R4B": ({"resourceType": "Citation", "status": "draft"}, [("structure", "Resource.resourceType")]),
    "a type of R5": (
        {"resourceType": "SubscriptionTopic", "status": "draft"},
        [("structure", "Resource.resourceType")],
    ),
    "an abstract type": ({"resourceType": "DomainResource"}, [("structure", "Resource.resourceType")]),
    "a datatype": ({"resourceType": "HumanName", "text": "E"}, [("structure", "Resource.resourceType")]),
    "a sibling of a complex element": (_patient(_name=[ABSENT]), [("structure", "Patient._name")]),
    "a sibling of the id": (_patient(id="1", _id=ABSENT), [("structure", "Patient._id")]),
    "a sibling of the url of an extension": (
        _patient(extension=[{"_url": ABSENT, "valueCode": "x"}]),
        [("structure", "Patient.extension[0]._url"), ("required", "Patient.extension[0].url")],
    ),
    "choice without type": (_observation(value=7), [("structure", "Observation.value")]),
    "choice with another type": (_observation(valueDecimal=7), [("structure", "Observation.valueDecimal")]),
    "choice in another case": (_observation(valuequantity={}), [("structure", "Observation.valuequantity")]),
    # cardinality
    "required primitive missing": (_without(_observation(), "status"), [("required", "Observation.status")]),
    "required complex element missing": (_without(_observation(), "code"), [("required", "Observation.code")]),
    "required element missing inside": (_patient(link=[{"type": "seealso"}]), [("required", "Patient.link[0].other")]),
    "required choice missing": (
        {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"display": "E"}},
        [("required", "MedicationRequest.medication")],
    ),
    "required array empty": (
        {"resourceType": "Linkage", "item": []},
        [("structure", "Linkage.item")],
    ),
    "several faults at once": (
        {"resourceType": "Observation", "status": "ended", "foo": 1, "issued": "2020"},
        [
            ("code-invalid", "Observation.status"),
            ("structure", "Observation.foo"),
            ("value", "Observation.issued"),
            ("required", "Observation.code"),
        ],
    ),
    "array for a single element": (_patient(birthDate=["2000-01-01"]), [("structure", "Patient.birthDate")]),
    "array for a single complex element": (
        _patient(maritalStatus=[{"text": "w"}]),
        [("structure", "Patient.maritalStatus")],
    ),
    "single value for an array": (_patient(name={"text": "E"}), [("structure", "Patient.name")]),
    "single primitive for an array": (_patient(name=[{"given": "E"}]), [("structure", "Patient.name[0].given")]),
    "empty array": (_patient(name=[]), [("structure", "Patient.name")]),
    "empty array of primitives": (_patient(name=[{"given": []}]), [("structure", "Patient.name[0].given")]),
    "empty object": (_patient(maritalStatus={}), [("structure", "Patient.maritalStatus")]),
    "empty object in an array": (_patient(name=[{}]), [("structure", "Patient.name[0]")]),
    "an element with only an id": (_patient(maritalStatus={"id": "m"}), [("structure", "Patient.maritalStatus")]),
    "null": (_patient(active=None), [("structure", "Patient.active")]),
    "null for a complex element": (_patient(maritalStatus=None), [("structure", "Patient.maritalStatus")]),
    "null in an array of objects": (_patient(name=[None]), [("structure", "Patient.name[0]")]),
    "null in an array of primitives": (
        _patient(name=[{"given": ["E", None]}]),
        [("structure", "Patient.name[0].given[1]")],
    ),
    "null where the sibling has nothing": (
        _patient(name=[{"given": ["E", None], "_given": [ABSENT, None]}]),
        [("structure", "Patient.name[0].given[1]"), ("invariant", "Patient.name[0].given[1]")],
    ),
    "sibling of another length": (
        _patient(name=[{"given": ["E", "M"], "_given": [ABSENT]}]),
        [("structure", "Patient.name[0].given")],
    ),
    "sibling of only null": (
        _patient(name=[{"given": ["E"], "_given": [None]}]),
        [("structure", "Patient.name[0].given")],
    ),
    "sibling without any value": (
        _patient(name=[{"_given": [ABSENT, None]}]),
        [("invariant", "Patient.name[0].given[1]")],
    ),
    "sibling that is no array": (
        _patient(name=[{"given": ["E"], "_given": ABSENT}]),
        [("structure", "Patient.name[0].given")],
    ),
    "sibling that is an array": (_patient(_birthDate=[ABSENT]), [("structure", "Patient.birthDate")]),
    "sibling that is a string": (_patient(_birthDate="x"), [("structure", "Patient.birthDate")]),
    "sibling with only an id and no value": (_patient(_birthDate={"id": "b"}), [("invariant", "Patient.birthDate")]),
    "sibling empty": (_patient(birthDate="2000", _birthDate={}), [("structure", "Patient.birthDate")]),
    "sibling with a value": (
        _patient(_birthDate={"value": "2000"}),
        [
            ("structure", "Patient.birthDate.value"),
            ("invariant", "Patient.birthDate"),
        ],
    ),
    # types
    "string where an object is expected": (_observation(subject="Patient/1"), [("structure", "Observation.subject")]),
    "number where an object is expected": (_observation(code=7), [("structure", "Observation.code")]),
    "string in an array of objects": (_patient(name=["Edith"]), [("structure", "Patient.name[0]")]),
    "object where a string is expected": (_patient(gender={"text": "f"}), [("structure", "Patient.gender")]),
    "number for a date": (_patient(birthDate=2000), [("structure", "Patient.birthDate")]),
    "string for a boolean": (_patient(active="true"), [("structure", "Patient.active")]),
    "number for a boolean": (_patient(active=1), [("structure", "Patient.active")]),
    "boolean for a string": (_patient(language=True), [("structure", "Patient.language")]),
    "string for a decimal": (
        _observation(valueQuantity={"value": "7"}),
        [("structure", "Observation.value.value")],
    ),
    "boolean for a decimal": (
        _observation(valueQuantity={"value": True}),
        [("structure", "Observation.value.value")],
    ),
    "a float, which is not exact": (
        _observation(valueQuantity={"value": 7.5}),
        [("structure", "Observation.value.value")],
    ),
    "string for an integer": (_observation(valueInteger="7"), [("structure", "Observation.value")]),
    "boolean for an integer": (_observation(valueInteger=True), [("structure", "Observation.value")]),
    "fraction for an integer": (_observation(valueInteger=Decimal("1.5")), [("value", "Observation.value")]),
    "1.0 for an integer": (_observation(valueInteger=Decimal("1.0")), [("value", "Observation.value")]),
    "integer beyond 32 bits": (_observation(valueInteger=2**31), [("value", "Observation.value")]),
    "integer beyond 32 bits, negative": (_observation(valueInteger=-(2**31) - 1), [("value", "Observation.value")]),
    "zero for a positiveInt": (
        _patient(telecom=[{"value": "1", "rank": 0}]),
        [("value", "Patient.telecom[0].rank")],
    ),
    "negative unsignedInt": (
        {"resourceType": "Bundle", "type": "searchset", "total": -1},
        [("value", "Bundle.total")],
    ),
    # choices
    "two of a choice": (_observation(valueString="x", valueInteger=7), [("structure", "Observation.value")]),
    "three of a choice": (
        _observation(valueString="x", valueInteger=7, valueBoolean=True),
        [("structure", "Observation.value")],
    ),
    "a choice and the sibling of another": (
        _observation(valueString="x", _valueInteger=ABSENT),
        [("structure", "Observation.value")],
    ),
    "two of a choice inside": (
        _observation(component=[{"code": {"text": "c"}, "valueTime": "10:00:00", "valueBoolean": True}]),
        [("structure", "Observation.component[0].value")],
    ),
    # primitive formats
    "id of 65 characters": (_patient(id="a" * 65), [("value", "Patient.id")]),
    "id with a slash": (_patient(id="a/b"), [("value", "Patient.id")]),
    "id in another script": (_patient(id="а1"), [("value", "Patient.id")]),
    "empty string": (_patient(name=[{"family": ""}]), [("value", "Patient.name[0].family")]),
    "string of white space": (_patient(name=[{"family": " \t\n"}]), [("value", "Patient.name[0].family")]),
    "string with a control character": (
        _patient(name=[{"family": "a\x07"}]),
        [("value", "Patient.name[0].family")],
    ),
    "string over 1 MB": (
        _patient(name=[{"family": "a" * (1024 * 1024 + 1)}]),
        [("too-long", "Patient.name[0].family")],
    ),
    "code with two spaces": (_patient(language="en  GB"), [("value", "Patient.language")]),
    "code with a space at the end": (_patient(language="en "), [("value", "Patient.language")]),
    "uri with a space": (_patient(implicitRules="https://example.org/a b"), [("value", "Patient.implicitRules")]),
    "empty uri": (_patient(implicitRules=""), [("value", "Patient.implicitRules")]),
    "date that does not exist": (_patient(birthDate="2021-02-29"), [("value", "Patient.birthDate")]),
    "month 13": (_patient(birthDate="2021-13"), [("value", "Patient.birthDate")]),
    "year 0": (_patient(birthDate="0000-01-01"), [("value", "Patient.birthDate")]),
    "date with a time": (_patient(birthDate="2021-01-01T00:00:00Z"), [("value", "Patient.birthDate")]),
    "date in other digits": (_patient(birthDate="٢٠٢١"), [("value", "Patient.birthDate")]),
    "date in basic form": (_patient(birthDate="20210101"), [("value", "Patient.birthDate")]),
    "dateTime without zone": (
        _observation(effectiveDateTime="2021-01-01T10:00:00"),
        [("value", "Observation.effective")],
    ),
    "dateTime without seconds": (
        _observation(effectiveDateTime="2021-01-01T10:00Z"),
        [("value", "Observation.effective")],
    ),
    "dateTime at 24:00": (_observation(effectiveDateTime="2021-01-01T24:00:00Z"), [("value", "Observation.effective")]),
    "dateTime of a day that does not exist": (
        _observation(effectiveDateTime="2100-02-29T10:00:00Z"),
        [("value", "Observation.effective")],
    ),
    "zone beyond 14 hours": (
        _observation(effectiveDateTime="2021-01-01T10:00:00+14:30"),
        [("value", "Observation.effective")],
    ),
    "instant with only a date": (_observation(issued="2021-01-01"), [("value", "Observation.issued")]),
    "time with a zone": (_observation(valueTime="10:00:00Z"), [("value", "Observation.value")]),
    "base64 without padding": (_patient(photo=[{"data": "aGVsbG8"}]), [("value", "Patient.photo[0].data")]),
    "base64 with other characters": (_patient(photo=[{"data": "aGVs*G8="}]), [("value", "Patient.photo[0].data")]),
    "base64 with padding inside": (_patient(photo=[{"data": "aG=sbG8="}]), [("value", "Patient.photo[0].data")]),
    "empty base64": (_patient(photo=[{"data": ""}]), [("value", "Patient.photo[0].data")]),
    "oid with a leading zero": (_extension(valueOid="urn:oid:1.02.3"), [("value", "Patient.extension[0].value")]),
    "oid without its prefix": (_extension(valueOid="1.2.3"), [("value", "Patient.extension[0].value")]),
    "uuid in capitals": (
        _extension(valueUuid="urn:uuid:C757873D-EC9A-4326-A141-556F43239520"),
        [("value", "Patient.extension[0].value")],
    ),
    # required bindings
    "bad gender": (_patient(gender="robot"), [("code-invalid", "Patient.gender")]),
    "code in another case": (_observation(status="Final"), [("code-invalid", "Observation.status")]),
    "bad code in a datatype": (_patient(name=[{"use": "formal"}]), [("code-invalid", "Patient.name[0].use")]),
    "bad code in a backbone element": (
        _patient(link=[{"other": {"display": "x"}, "type": "same"}]),
        [("code-invalid", "Patient.link[0].type")],
    ),
    "concept with none of the codes": (
        {"resourceType": "Condition", "subject": {"display": "E"}, "clinicalStatus": {"coding": [{"code": "active"}]}},
        [("code-invalid", "Condition.clinicalStatus")],
    ),
    "concept with the code of another system": (
        {
            "resourceType": "Condition",
            "subject": {"display": "E"},
            "clinicalStatus": {"coding": [{"system": "http://snomed.info/sct", "code": "active"}]},
        },
        [("code-invalid", "Condition.clinicalStatus")],
    ),
    "concept with text only": (
        {"resourceType": "Condition", "subject": {"display": "E"}, "clinicalStatus": {"text": "active"}},
        [("code-invalid", "Condition.clinicalStatus")],
    ),
    # extensions
    "extension without url": (
        _patient(extension=[{"valueCode": "x"}]),
        [("required", "Patient.extension[0].url")],
    ),
    "extension with a relative url": (
        _patient(extension=[{"url": "ethnicity", "valueCode": "x"}]),
        [("extension", "Patient.extension[0].url")],
    ),
    "extension with value and extensions": (
        _extension(valueCode="x", extension=[{"url": "a", "valueCode": "x"}]),
        [("invariant", "Patient.extension[0]")],
    ),
    "extension with neither": (_extension(id="e"), [("invariant", "Patient.extension[0]")]),
    "extension with two values": (
        _extension(valueCode="x", valueString="x"),
        [("structure", "Patient.extension[0].value")],
    ),
    "extension with a bad value": (_extension(valueDate="soon"), [("value", "Patient.extension[0].value")]),
    "extension on a value, bad": (
        _extension(valueString="x", _valueString={"extension": [{"url": URL}]}),
        [("invariant", "Patient.extension[0].value.extension[0]")],
    ),
    "extension within an extension, bad": (
        _extension(extension=[{"url": "a", "valueInteger": "x"}]),
        [("structure", "Patient.extension[0].extension[0].value")],
    ),
    # places
    "resource without resourceType": ({"id": "1"}, [("required", "Resource.resourceType")]),
    "resourceType a number": ({"resourceType": 7}, [("structure", "Resource.resourceType")]),
    "parameter with a resource without type": (
        {"resourceType": "Parameters", "parameter": [{"name": "p", "resource": {"id": "1"}}]},
        [("required", "Parameters.parameter[0].resource.resourceType")],
    ),
    "repeated content deep inside": (
        {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "item": [{"linkId": "1", "item": [{"linkId": "2", "answer": [{"item": [{"text": "no link"}]}]}]}],
        },
        [("required", "QuestionnaireResponse.item[0].item[0].answer[0].item[0].linkId")],
    ),
    "comparator in a SimpleQuantity": (
        _observation(referenceRange=[{"low": {"value": 1, "comparator": "<"}}]),
        [("structure", "Observation.referenceRange[0].low.comparator")],
    ),
}

ALLOWED: dict[str, dict[str, Any]] = {
    "a resource with nothing in it": _patient(),
    "partial dates": _patient(birthDate="1938", name=[{"text": "E", "period": {"start": "1950-02"}}]),
    "a leap day": _patient(birthDate="2000-02-29"),
    "a leap second": _observation(effectiveDateTime="2016-12-31T23:59:60Z"),
    "nanoseconds and a zone": _observation(effectiveDateTime="2021-01-01T10:00:00.123456789-00:00"),
    "the last year": _observation(effectiveDateTime="9999-12-31T23:59:59+14:00"),
    "decimals in every spelling": _observation(
        component=[
            {"code": {"text": "c"}, "valueQuantity": {"value": value}}
            for value in (0, -7, Decimal("1.10"), Decimal("1E+3"), Decimal("-0.0"), 10**18)
        ]
    ),
    "integers at the limits": _observation(
        component=[{"code": {"text": "c"}, "valueInteger": value} for value in (-(2**31), 0, 2**31 - 1)]
    ),
    "id of 64 characters": _patient(id="A-z.0" * 12 + "1234"),
    "sibling instead of a required value": {**_without(_observation(), "status"), "_status": ABSENT},
    "sibling instead of a required choice": {
        "resourceType": "ConceptMap",
        "status": "draft",
        "_sourceUri": ABSENT,
    },
    "sibling with only an id beside a value": _patient(birthDate="2000", _birthDate={"id": "b"}),
    "null padding in both arrays": _patient(
        name=[{"given": ["E", None, "M"], "_given": [None, ABSENT, {"id": "m"}]}, {"_given": [ABSENT]}]
    ),
    "a sibling of the chosen type": _observation(valueString="x", _valueString=ABSENT),
    "only the sibling of a choice": _observation(_valueString=ABSENT),
    "an extension whose value is only a sibling": _extension(_valueString=ABSENT),
    "extensions within an extension, with relative urls": _extension(
        extension=[{"url": "a", "valueCode": "x"}, {"url": "b", "extension": [{"url": "c", "valueBoolean": False}]}]
    ),
    "text with a no-break space, line breaks and tabs": _patient(name=[{"text": "a\u00a0b\r\n\tc\u200d😀"}]),
    "string of exactly 1 MB": _patient(name=[{"family": "a" * (1024 * 1024)}]),
    "code with single spaces": _patient(language="a b c"),
    "uri with other letters": _patient(implicitRules="https://example.org/é?q=%20#x"),
    "base64 with white space": _patient(photo=[{"data": " aGVs\r\nbG8= "}]),
    "base64 that is slow for backtracking patterns": _patient(photo=[{"data": "A" * 40_000}]),
    "media type, whose value set is open": _patient(photo=[{"contentType": "application/x.new; a=b"}]),
    "language of no list": _patient(language="x-klingon"),
    "a code of an extensible binding": _patient(maritalStatus={"coding": [{"system": URL, "code": "other"}]}),
    "a concept with one of the codes and another": {
        "resourceType": "Condition",
        "subject": {"display": "E"},
        "clinicalStatus": {
            "coding": [
                {"system": "http://snomed.info/sct", "code": "55561003"},
                {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"},
            ]
        },
    },
    "types that R4 has and R4B dropped": {"resourceType": "EffectEvidenceSynthesis", "status": "draft", **{
        name: {"display": "x"} for name in ("population", "exposure", "exposureAlternative", "outcome")
    }},
    "Evidence as R4 has it": {
        "resourceType": "Evidence",
        "status": "draft",
        "exposureBackground": {"display": "x"},
    },
    "parameters": {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "a", "valueDosage": {"text": "one"}},
            {"name": "b", "part": [{"name": "c", "resource": _patient()}]},
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_the_structure_is_refused_at_its_place(name: str) -> None:
    data, expected = REFUSED[name]
    assert _faults(data) == expected


@pytest.mark.parametrize("name", ALLOWED)
def test_what_fhir_allows_is_allowed(name: str) -> None:
    assert VALIDATOR.validate(ALLOWED[name]) == []

"""Resources and all of their index entries; what is malformed; what is resolved."""

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fhir_server.definitions.definitions import r4
from fhir_server.search.patient_links import PatientLink
from fhir_server.search.reading.decimal_keys import decimal_key, just_above
from fhir_server.store.entries import CANONICAL, EARLIEST, HIGHEST, LATEST, LOWEST, NO_ENTRIES, DecimalKey, Entries
from tests.public_data import folder
from tests.search.reading.test_dates import us
from tests.search.samples import BASE, INDEXER, NHS_NUMBER, OBSERVATION, PATIENT, from_json

UCUM = "http://unitsofmeasure.org"


def key(number: str) -> DecimalKey:
    found = decimal_key(Decimal(number))
    assert found is not None
    return found


def without_words(found: Entries, content: str) -> Entries:
    """The entries but the words, which have no order; those of the content must be these."""
    assert sorted(found.words) == [("_content", word) for word in sorted(content.split())]
    return replace(found, words=())


def test_a_patient() -> None:
    found = without_words(
        INDEXER.entries(PATIENT),
        "urn gp source demo r not indexed another url than the parameter s 9449305552 hn 7 official mrs zoe o "
        "neill ann 020 7946 0000 example org bell female 1941 07 05 2026 01 31t22 15 00 home 1 high st ely cb7 4aa gb "
        "en seealso",
    )
    assert found == Entries(
        tokens=(
            ("_security", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R"),
            ("_tag", "urn:t", "demo"),
            ("active", "", "true"),
            ("email", "", "zoe@example.org"),
            ("phone", "", "020 7946 0000"),
            ("telecom", "", "020 7946 0000"),
            ("telecom", "", "zoe@example.org"),
            ("telecom", "", "bell"),
            ("gender", "", "female"),
            ("address-use", "", "home"),
            ("language", "urn:ietf:bcp:47", "en"),
            ("deceased", "", "true"),
        ),
        identifiers=(("identifier", NHS_NUMBER, "9449305552"), ("identifier", "", "HN-7")),
        references=(
            ("general-practitioner", "Practitioner", "gp1"),
            ("general-practitioner", "Organization", "surgery"),
            ("organization:versioned", "Organization", "home/_history/4"),
            ("organization", "Organization", "home"),
            ("link", "Patient", "p0"),
        ),
        dates=(
            ("birthdate", us("1941-07-04T22:00:00Z"), us("1941-07-05T22:00:00Z")),  # double summer time
            ("death-date", us("2026-01-31T22:15:00Z"), us("2026-01-31T22:15:01Z")),
        ),
        strings=(
            ("family", "o'neill"),
            ("given", "zoe"),
            ("given", "ann"),
            ("name", "mrs zoe o'neill"),
            ("name", "o'neill"),
            ("name", "zoe"),
            ("name", "ann"),
            ("address", "1 high st"),
            ("address", "ely"),
            ("address", "cb7 4aa"),
            ("address", "gb"),
            ("address-city", "ely"),
            ("address-country", "gb"),
            ("address-postalcode", "cb7 4aa"),
        ),
        uris=(
            ("_profile", "https://example.org/StructureDefinition/resident"),
            ("_profile", "https://example.org/StructureDefinition/resident|1.0"),
            ("_source", "urn:source:gp"),
        ),
        terms=(
            ("_profile:below", "https://example.org/StructureDefinition/resident"),
            ("_security:code-text", "r"),
            ("_tag:code-text", "demo"),
            ("gender:code-text", "female"),
            ("address-use:code-text", "home"),
            ("language:code-text", "en"),
        ),
        exacts=(
            ("family", "O'Neill"),
            ("given", "Zoë"),
            ("given", "Ann"),
            ("name", "Mrs Zoë O'Neill"),
            ("name", "O'Neill"),
            ("name", "Zoë"),
            ("name", "Ann"),
            ("address", "1 High St"),
            ("address", "Ely"),
            ("address", "CB7 4AA"),
            ("address", "GB"),
            ("address-city", "Ely"),
            ("address-country", "GB"),
            ("address-postalcode", "CB7 4AA"),
        ),
        present=(
            "_profile",
            "_security",
            "_source",
            "_tag",
            "identifier",
            "active",
            "family",
            "given",
            "name",
            "email",
            "phone",
            "telecom",
            "gender",
            "birthdate",
            "death-date",
            "address",
            "address-city",
            "address-country",
            "address-postalcode",
            "address-use",
            "language",
            "general-practitioner",
            "organization",
            "link",
            "deceased",
            "_content",
        ),
        targets=(
            ("Practitioner", "gp1"),
            ("Organization", "surgery"),
            ("Organization", "home"),
            ("Patient", "p0"),
        ),
        compartments=(("Patient", "p1"), ("Practitioner", "gp1"), ("Patient", "p0")),
    )


def test_an_observation() -> None:
    exactly = (key("107.1"), key("107.1"))
    pressure = (
        (UCUM, "mm[Hg]", *exactly),
        ("", "mmHg", *exactly),
        (CANONICAL, "g.m-1.s-2", key("14278786.2"), key("14278786.2")),
    )
    systolic = Entries(
        tokens=(("1", "http://loinc.org", "8480-6"),), quantities=tuple(("2", *each) for each in pressure)
    )
    role = Entries(references=(("organization", "Organization", "home"),), present=("organization",))
    found = without_words(
        INDEXER.entries(OBSERVATION),
        "a 1 final vital signs 85354 9 blood pressure 9449305552 2026 07 01t09 30 00 01 "
        "8480 6 mmhg mm hg 8462 4 unknown",
    )
    assert found == Entries(
        tokens=(
            ("status", "", "final"),
            ("category", "http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs"),
            ("code", "http://loinc.org", "85354-9"),
            ("combo-code", "http://loinc.org", "85354-9"),
            ("combo-code", "http://loinc.org", "8480-6"),
            ("combo-code", "http://loinc.org", "8462-4"),
            ("combo-data-absent-reason", "", "unknown"),
            ("component-code", "http://loinc.org", "8480-6"),
            ("component-code", "http://loinc.org", "8462-4"),
            ("component-data-absent-reason", "", "unknown"),
        ),
        identifiers=(
            ("identifier", "urn:gp", "A-1"),
            ("patient:identifier", NHS_NUMBER, "9449305552"),
            ("subject:identifier", NHS_NUMBER, "9449305552"),
        ),
        references=(
            ("patient", "Patient", "p1"),
            ("subject", "Patient", "p1"),
            ("encounter", "", "https://there.example/fhir/Encounter/7"),
            ("performer", "Practitioner", "n1"),
        ),
        dates=(("date", us("2026-07-01T08:30:00Z"), us("2026-07-01T08:30:01Z")),),
        quantities=tuple(
            (name, *each) for name in ("combo-value-quantity", "component-value-quantity") for each in pressure
        ),
        terms=(
            ("status:code-text", "final"),
            ("category:code-text", "vital-signs"),
            ("code:code-text", "85354-9"),
            ("code:text", "blood pressure"),
            ("combo-code:code-text", "85354-9"),
            ("combo-code:text", "blood pressure"),
            ("combo-code:code-text", "8480-6"),
            ("combo-code:code-text", "8462-4"),
            ("combo-data-absent-reason:code-text", "unknown"),
            ("component-code:code-text", "8480-6"),
            ("component-code:code-text", "8462-4"),
            ("component-data-absent-reason:code-text", "unknown"),
        ),
        present=(
            "identifier",
            "status",
            "category",
            "code",
            "combo-code",
            "patient",
            "subject",
            "encounter",
            "performer",
            "date",
            "combo-code-value-quantity",
            "combo-data-absent-reason",
            "combo-value-quantity",
            "component-code",
            "component-code-value-quantity",
            "component-data-absent-reason",
            "component-value-quantity",
            "_content",
        ),
        groups=(
            ("combo-code-value-quantity", systolic),
            ("component-code-value-quantity", systolic),
            ("#PractitionerRole", role),
            ("performer#PractitionerRole", role),
        ),
        targets=(("Patient", "p1"), ("Practitioner", "n1"), ("Organization", "home")),
        compartments=(("Patient", "p1"), ("Practitioner", "n1")),
        beside=(("code", "value-date"), ("code", "value-quantity"), ("code", "date")),
    )


def test_a_care_plan() -> None:
    care_plan = {
        "resourceType": "CarePlan",
        "id": "c1",
        "instantiatesCanonical": [f"{BASE}/PlanDefinition/respect|2", "http://example.org/PlanDefinition/x"],
        "instantiatesUri": ["http://example.org/protocol"],
        "replaces": [{"reference": "CarePlan/c0"}],
        "status": "active",
        "intent": "plan",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "736373009"}]}],
        "subject": {"reference": "Patient/p1"},
        "period": {"start": "2026-04-01"},
        "author": {"reference": "Practitioner/gp1"},
        "careTeam": [{"identifier": {"system": "urn:team", "value": "7"}, "type": "CareTeam"}],
        "addresses": [{"reference": "Condition/frailty"}],
        "activity": [
            {
                "detail": {
                    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]},
                    "scheduledTiming": {"event": ["2026-05-02", "2026-05-01T10:00:00Z"]},
                    "status": "scheduled",
                    "performer": [{"reference": "Organization/home"}],
                }
            }
        ],
    }
    found = without_words(
        INDEXER.entries(care_plan),
        "https here example fhir plandefinition respect 2 http org x protocol active plan 736373009 2026 04 01 7 "
        "careteam 1 05 02 01t10 00 00z scheduled",
    )
    assert found == Entries(
        tokens=(
            ("status", "", "active"),
            ("intent", "", "plan"),
            ("category", "http://snomed.info/sct", "736373009"),
            ("activity-code", "http://snomed.info/sct", "1"),
        ),
        identifiers=(("care-team:identifier", "urn:team", "7"),),
        references=(
            ("instantiates-canonical", "", f"{BASE}/PlanDefinition/respect|2"),
            ("instantiates-canonical", "", f"{BASE}/PlanDefinition/respect"),
            ("instantiates-canonical", "PlanDefinition", "respect"),
            ("instantiates-canonical", "", "http://example.org/PlanDefinition/x"),
            ("replaces", "CarePlan", "c0"),
            ("patient", "Patient", "p1"),
            ("subject", "Patient", "p1"),
            ("condition", "Condition", "frailty"),
            ("performer", "Organization", "home"),
        ),
        dates=(
            ("date", us("2026-03-31T23:00:00Z"), LATEST),
            ("activity-date", us("2026-05-01T10:00:00Z"), us("2026-05-02T23:00:00Z")),
        ),
        uris=(
            ("instantiates-canonical", f"{BASE}/PlanDefinition/respect|2"),
            ("instantiates-canonical", "http://example.org/PlanDefinition/x"),
            ("instantiates-uri", "http://example.org/protocol"),
        ),
        terms=(
            ("instantiates-canonical:below", f"{BASE}/PlanDefinition/respect|2"),
            ("instantiates-canonical:below", "http://example.org/PlanDefinition/x"),
            ("instantiates-uri:below", "http://example.org/protocol"),
            ("status:code-text", "active"),
            ("intent:code-text", "plan"),
            ("category:code-text", "736373009"),
            ("activity-code:code-text", "1"),
        ),
        present=(
            "instantiates-canonical",
            "instantiates-uri",
            "replaces",
            "status",
            "intent",
            "category",
            "patient",
            "subject",
            "date",
            "care-team",
            "condition",
            "activity-code",
            "activity-date",
            "performer",
            "_content",
        ),
        targets=(
            ("CarePlan", "c0"),
            ("Patient", "p1"),
            ("Practitioner", "gp1"),
            ("Condition", "frailty"),
            ("Organization", "home"),
        ),
        compartments=(("Patient", "p1"),),
    )


def test_an_encounter() -> None:
    encounter = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"identifier": {"system": NHS_NUMBER, "value": "9449305552"}},
        "participant": [{"individual": {"reference": "Practitioner/gp1"}}],
        "period": {"end": "2026-07-01T10:00:00Z"},
        "length": {"value": 90, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min"},
        "location": [{"location": {"reference": "Location/room"}, "period": {"start": "2026-07-01"}}],
    }
    found = without_words(
        INDEXER.entries(encounter, {(NHS_NUMBER, "9449305552"): ("Patient", "p1")}),
        "in progress amb 9449305552 2026 07 01 01t10 00 00z min",
    )
    assert found == Entries(
        tokens=(
            ("status", "", "in-progress"),
            ("class", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB"),
        ),
        identifiers=(
            ("patient:identifier", NHS_NUMBER, "9449305552"),
            ("subject:identifier", NHS_NUMBER, "9449305552"),
        ),
        references=(
            ("patient", "Patient", "p1"),
            ("subject", "Patient", "p1"),
            ("participant", "Practitioner", "gp1"),
            ("practitioner", "Practitioner", "gp1"),
            ("location", "Location", "room"),
        ),
        dates=(
            ("date", EARLIEST, us("2026-07-01T10:00:01Z")),
            ("location-period", us("2026-06-30T23:00:00Z"), LATEST),
        ),
        quantities=(
            ("length", UCUM, "min", key("90"), key("90")),
            ("length", CANONICAL, "s", key("5400"), key("5400")),
        ),
        terms=(("status:code-text", "in-progress"), ("class:code-text", "amb")),
        present=(
            "status",
            "class",
            "patient",
            "subject",
            "participant",
            "practitioner",
            "date",
            "length",
            "location",
            "location-period",
            "_content",
        ),
        targets=(("Patient", "p1"), ("Practitioner", "gp1"), ("Location", "room")),
        compartments=(("Encounter", "e1"), ("Patient", "p1"), ("Practitioner", "gp1")),
    )


def test_an_unresolved_logical_reference_is_found_by_its_identifier_only() -> None:
    encounter = {
        "resourceType": "Encounter",
        "id": "e1",
        "subject": {"identifier": {"system": NHS_NUMBER, "value": "9449305552"}, "type": "Patient"},
    }
    found = INDEXER.entries(encounter)
    assert (found.references, found.targets, found.compartments) == ((), (), (("Encounter", "e1"),))
    assert found.identifiers == (
        ("patient:identifier", NHS_NUMBER, "9449305552"),
        ("subject:identifier", NHS_NUMBER, "9449305552"),
    )


def test_a_literal_reference_wins_over_what_its_identifier_resolves_to() -> None:
    found = INDEXER.entries(OBSERVATION, {(NHS_NUMBER, "9449305552"): ("Patient", "other")})
    assert "other" not in repr(found)


def test_a_bundle_has_its_first_composition_and_no_targets_in_its_entries() -> None:
    bundle = {
        "resourceType": "Bundle",
        "id": "b1",
        "type": "document",
        "timestamp": "2026-07-01T10:00:00.5Z",
        "entry": [
            {"resource": {"resourceType": "Composition", "id": "c1", "subject": {"reference": "Patient/inside"}}},
            {"resource": {"resourceType": "Patient", "id": "inside"}},
        ],
    }
    assert without_words(INDEXER.entries(bundle), "document 2026 07 01t10 00 5z") == Entries(
        tokens=(("type", "", "document"),),
        references=(("composition", "Composition", "c1"),),
        dates=(("timestamp", us("2026-07-01T10:00:00.500Z"), us("2026-07-01T10:00:00.600Z")),),
        terms=(("type:code-text", "document"),),
        present=("type", "timestamp", "composition", "_content"),
    )


@pytest.mark.parametrize(
    ("resource", "kind", "found"),
    [
        (
            {"resourceType": "RiskAssessment", "prediction": [{"probabilityDecimal": Decimal("0.5")}]},
            "numbers",
            (("probability", key("0.5"), key("0.5")),),
        ),
        (
            {"resourceType": "RiskAssessment", "prediction": [{"probabilityRange": {"low": {"value": 1}}}]},
            "numbers",
            (("probability", key("1"), HIGHEST),),
        ),
        (
            {"resourceType": "Condition", "onsetRange": {"high": {"value": 80, "code": "a", "system": "http://u"}}},
            "quantities",
            (("onset-age", "http://u", "a", LOWEST, key("80")),),
        ),
        (
            {"resourceType": "Condition", "onsetAge": {"value": 80, "comparator": ">", "unit": "years"}},
            "quantities",
            (("onset-age", "", "years", just_above(key("80")), HIGHEST),),
        ),
        (
            {"resourceType": "Invoice", "totalGross": {"value": Decimal("9.5"), "currency": "GBP"}},
            "quantities",
            (("totalgross", "urn:iso:std:iso:4217", "GBP", key("9.5"), key("9.5")),),
        ),
        (
            {
                "resourceType": "Observation",
                "valueSampledData": {
                    "origin": {"value": 1, "unit": "mV"},
                    "factor": Decimal("0.5"),
                    "data": "2 E 4 -2 U",
                },
            },
            "quantities",
            (
                ("combo-value-quantity", "", "mV", key("0"), key("3")),
                ("value-quantity", "", "mV", key("0"), key("3")),
            ),
        ),
        (
            {
                "resourceType": "Observation",
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/StructureDefinition/observation-geneticsGene",
                        "valueCodeableConcept": {"coding": [{"system": "http://h", "code": "BRCA"}]},
                    }
                ],
            },
            "tokens",
            (("gene-identifier", "http://h", "BRCA"),),
        ),
        (
            {"resourceType": "ServiceRequest", "occurrenceTiming": {"repeat": {"boundsPeriod": {"end": "2026"}}}},
            "dates",
            (("occurrence", EARLIEST, us("2027-01-01T00:00:00Z")),),
        ),
        ({"resourceType": "ServiceRequest", "occurrenceTiming": {"repeat": {"frequency": 2}}}, "dates", ()),
        (
            {"resourceType": "Encounter", "period": {"start": "2026-02-01", "end": "2026-01-01"}},
            "dates",
            (("date", us("2026-01-01T00:00:00Z"), us("2026-02-02T00:00:00Z")),),
        ),
        ({"resourceType": "Encounter", "period": {"extension": [{"url": "x"}]}}, "dates", ()),
        (
            {"resourceType": "Patient", "telecom": [{"system": "phone", "_value": {"extension": []}}]},
            "tokens",
            (("deceased", "", "false"),),
        ),
        (
            {"resourceType": "Patient", "name": [{"given": ["A", None], "_given": [None, {"id": "x"}]}]},
            "strings",
            (("given", "a"), ("name", "a")),
        ),
        (
            {"resourceType": "QuestionnaireResponse", "questionnaire": "http://a/Questionnaire/respect|3"},
            "references",
            (
                ("questionnaire", "", "http://a/Questionnaire/respect|3"),
                ("questionnaire", "", "http://a/Questionnaire/respect"),
            ),
        ),
        (
            {"resourceType": "Observation", "subject": {"reference": "https://there.example/Patient/9"}},
            "references",
            (
                ("patient", "", "https://there.example/Patient/9"),
                ("subject", "", "https://there.example/Patient/9"),
            ),
        ),
        (
            {
                "resourceType": "Observation",
                "subject": {"reference": "#p"},
                "contained": [{"resourceType": "Patient", "id": "p", "identifier": [{"value": "1"}]}],
            },
            "references",
            (),
        ),
    ],
)
def test_entries_of_one_kind(resource: dict[str, Any], kind: str, found: tuple[Any, ...]) -> None:
    assert getattr(INDEXER.entries(resource), kind) == found


@pytest.mark.parametrize(
    "resource", [{}, {"resourceType": "Nothing", "id": "1"}, {"resourceType": "Parameters"}, {"resourceType": "Basic"}]
)
def test_what_has_no_entries(resource: dict[str, Any]) -> None:
    assert INDEXER.entries(resource) == NO_ENTRIES


def test_what_is_malformed_is_left_out_and_the_rest_is_kept() -> None:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "name": "not an object",
        "birthDate": "1941-02-30",
        "gender": ["female"],
        "address": [{"city": "Ely"}],
        "identifier": [{"system": [], "value": "1"}, {"system": "urn:x", "value": "2"}],
    }
    found = INDEXER.entries(patient)
    assert found.identifiers == (("identifier", "urn:x", "2"),)
    assert found.strings == (("address", "ely"), ("address-city", "ely"))
    assert (found.dates, found.compartments) == ((), (("Patient", "p1"),))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (holder, key or index) in a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[tuple[Any, Any]] = []
    for key, item in pairs:
        found.append((value, key))
        found.extend(places(item))
    return found


@settings(max_examples=300)
@given(st.data(), st.sampled_from([PATIENT, OBSERVATION]), JSON)
def test_nothing_makes_it_raise(data: st.DataObject, sample: dict[str, Any], garbage: Any) -> None:
    resource = copy.deepcopy(sample)
    holder, key = data.draw(st.sampled_from(places(resource)))
    holder[key] = garbage
    if isinstance(resource.get("resourceType"), str):
        found = INDEXER.entries(resource)
        assert all(isinstance(getattr(found, kind), tuple) for kind in Entries.__struct_fields__)
        assert all(isinstance(link, PatientLink) for link in INDEXER.patient_links(resource))


def test_the_examples_of_the_specification() -> None:
    with_entries = set()
    for file in sorted(folder("fhir-test-cases/r4/examples").glob("*.json")):
        resource = from_json(file.read_text(encoding="utf-8"))
        found = INDEXER.entries(resource)
        if found != NO_ENTRIES:
            with_entries.add(resource["resourceType"])
        for kind in Entries.__struct_fields__:
            entries = getattr(found, kind)
            assert len(set(entries)) == len(entries)
        assert all(low < high for _, low, high in found.dates)
        assert all(r4().is_resource_type(name) for name, _ in (*found.targets, *found.compartments))
    assert len(with_entries) > 60

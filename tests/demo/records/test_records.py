"""The rest of a record: identity, residency, allergies and medicines that fit each other, care plan, alerts."""

from tests.demo.written import Json, everything, of_type, records, whole

PEOPLE = whole() + whole(2)


def names(medicines: list[Json]) -> set[str]:
    return {str(one["medicationCodeableConcept"]["text"]).split(" ")[0] for one in medicines}


def problems(record: list[Json]) -> set[str]:
    return {str(one["code"]["text"]) for one in of_type(record, "Condition")}


def allergy(record: list[Json]) -> str:
    (one,) = of_type(record, "AllergyIntolerance")
    return str(one["code"]["text"])


def test_the_patient_is_whole() -> None:
    (patient,) = of_type(records()[1], "Patient")
    assert {name: value for name, value in patient.items() if name != "meta"} == {
        "resourceType": "Patient",
        "id": "demo1-0001",
        "identifier": [
            {
                "extension": [
                    {
                        "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
                        "valueCodeableConcept": {
                            "coding": [
                                {
                                    "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland",
                                    "code": "01",
                                    "display": "Number present and verified",
                                }
                            ]
                        },
                    }
                ],
                "use": "official",
                "system": "https://fhir.nhs.uk/Id/nhs-number",
                "value": "9998418356",
            }
        ],
        "active": True,
        "name": [{"use": "official", "family": "Jenkins", "given": ["Harold", "Cecil"], "prefix": ["Mr"]}],
        "gender": "male",
        "birthDate": "1931-08-07",
        "address": [
            {
                "use": "home",
                "line": ["Room 1", "Orchard View Nursing Home", "14 Cider Mill Lane"],
                "city": "Hereford",
                "postalCode": "HR98 1AA",
                "country": "England",
                "period": {"start": patient["address"][0]["period"]["start"]},
            }
        ],
        "generalPractitioner": [
            {"reference": "Organization/demo1-practice"},
            {"reference": "PractitionerRole/demo1-gp-1"},
        ],
        "managingOrganization": {"reference": "Organization/demo1-home-a"},
    }


def test_residency_says_where_somebody_lives() -> None:
    for record in PEOPLE:
        (patient,) = of_type(record, "Patient")
        stays = of_type(record, "EpisodeOfCare")
        assert stays[-1]["managingOrganization"] == patient["managingOrganization"]
        assert [stay["status"] for stay in stays[:-1]] == ["finished"] * (len(stays) - 1)
        assert ("deceasedDateTime" in patient) is (stays[-1]["status"] == "finished")
        for stay in stays:
            assert ("end" in stay["period"]) is (stay["status"] == "finished")
        assert patient["address"][0]["period"] == stays[-1]["period"]
    assert sum(len(of_type(record, "EpisodeOfCare")) == 2 for record in PEOPLE) == 6


def test_that_no_allergy_is_known_is_said() -> None:
    """An empty list would only say that nobody wrote anything down."""
    codes = [of_type(record, "AllergyIntolerance")[0]["code"]["coding"][0]["code"] for record in PEOPLE]
    assert 0 < codes.count("716186003") < len(codes) == len(PEOPLE) == 120
    assert all(len(of_type(record, "AllergyIntolerance")) == 1 for record in PEOPLE)


def test_nobody_gets_what_they_are_allergic_to() -> None:
    penicillins, seen = {"Amoxicillin", "Pivmecillinam"}, set()
    for record in [record for seed in range(1, 9) for record in whole(seed)]:
        taken = names(of_type(record, "MedicationRequest"))
        seen |= taken
        if allergy(record) == "Allergy to penicillin":
            assert not taken & penicillins
        if allergy(record) == "Allergy to aspirin":
            assert "Aspirin" not in taken
    assert penicillins | {"Doxycycline", "Nitrofurantoin", "Fosfomycin", "Aspirin"} <= seen


def test_medicines_do_not_work_against_each_other() -> None:
    for record in [record for seed in range(1, 5) for record in records(seed)[1:]]:
        taken = names(of_type(record, "MedicationRequest"))
        assert len(taken & {"Apixaban", "Clopidogrel", "Aspirin"}) <= 1
        if "Nitrofurantoin" in taken:
            assert "Chronic kidney disease stage 3" not in problems(record)
        if "Alendronic" in taken:
            assert "Swallowing difficulty" not in problems(record)


def test_a_course_is_completed_when_it_is_over() -> None:
    for record in PEOPLE:
        courses = [one for one in of_type(record, "MedicationRequest") if one["id"].endswith("-antibiotic")]
        acute = [one for one in of_type(record, "Condition") if one["id"].endswith("-acute")]
        assert len(courses) == len(acute)
        for course, illness in zip(courses, acute, strict=True):
            over = "abatementDateTime" in illness
            assert course["status"] == ("completed" if over else "active")
            assert illness["clinicalStatus"]["coding"][0]["code"] == ("resolved" if over else "active")
            assert illness["onsetDateTime"] < course["authoredOn"]


def test_who_weighs_little_gets_half_the_paracetamol() -> None:
    doses = set()
    for record in PEOPLE:
        weights = [one for one in of_type(record, "Observation") if "-weight-" in one["id"]]
        for medicine in of_type(record, "MedicationRequest"):
            if medicine["medicationCodeableConcept"]["text"].startswith("Paracetamol"):
                dose = medicine["dosageInstruction"][0]["text"]
                assert dose.startswith("One" if weights[-1]["valueQuantity"]["value"] < 50 else "Two")
                doses.add(dose)
    assert len(doses) == 2


def test_care_plans_have_goals_and_what_is_done_for_them() -> None:
    for record in PEOPLE:
        (plan,) = of_type(record, "CarePlan")
        goals = [{"reference": f"Goal/{goal['id']}"} for goal in of_type(record, "Goal")]
        assert 1 <= len(goals) <= 5
        assert plan["goal"] == goals
        assert [activity["detail"]["goal"] for activity in plan["activity"]] == [[goal] for goal in goals]
        assert plan["created"] == plan["period"]["start"]


def test_alerts_are_raised_for_what_staff_must_not_miss() -> None:
    texts = [flag["code"]["text"] for record in PEOPLE for flag in of_type(record, "Flag")]
    assert sum("same name" in text for text in texts) == 4
    for record in PEOPLE:
        flags = {flag["code"]["text"] for flag in of_type(record, "Flag")}
        scale_2 = any(part.get("code") == "1104321000000108" for part in everything(of_type(record, "Observation")))
        assert any("scale 2" in text for text in flags) is scale_2
        assert any("Swallowing" in text for text in flags) is ("Swallowing difficulty" in problems(record))

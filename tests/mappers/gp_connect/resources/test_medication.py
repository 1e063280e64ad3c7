"""Medication: a product that prescriptions share."""

from mappers.gp_connect.kept import not_mapped
from mappers.gp_connect.resources.medication import MEDICATION
from mappers.mapper import Json
from tests.mappers.gp_connect.documents import SOURCE, document, mapped
from tests.mappers.gp_connect.resources.one_entry import survives

CODE: Json = {
    "coding": [
        {"system": "http://snomed.info/sct", "code": "322236009", "display": "Paracetamol 500mg tablets"},
        {"system": "https://fhir.hl7.org.uk/Id/emis-drug-codes", "code": "PATA1", "display": "Paracetamol tablets"},
    ],
    "text": "Paracetamol",
}
STRENGTH: Json = {"numerator": {"value": 500, "unit": "mg"}, "denominator": {"value": 1, "unit": "tablet"}}


def _mapped(**elements: Json | list[Json] | str | bool) -> tuple[Json, bool, list[str]]:
    """The elements of the map's own, whether it is shared, and where the findings are."""
    found = mapped(document({"resourceType": "Medication", "id": "product", **elements}))
    one, report = found.resources[-1], found.reports[-1]
    resource = {name: value for name, value in one.resource.items() if name not in ("id", "meta", "identifier")}
    assert one.resource["identifier"] == [{"system": SOURCE, "value": "Medication/product"}]
    return resource, one.shared, [issue.expression[0] for issue in report.issues]


def test_a_minimal_product_is_shared_by_everybody() -> None:
    assert _mapped(code=CODE) == ({"resourceType": "Medication", "code": CODE}, True, [])


def test_a_rich_product() -> None:
    resource, _, places = _mapped(
        code=CODE,
        status="active",
        manufacturer={"reference": "Organization/practice"},
        form={"text": "Tablet"},
        isBrand=False,
        ingredient=[{"itemCodeableConcept": {"text": "Paracetamol"}, "isActive": True, "amount": STRENGTH}],
    )
    manufacturer = resource.pop("manufacturer")
    assert manufacturer["reference"].startswith("Organization/")
    assert resource == {
        "resourceType": "Medication",
        "code": CODE,
        "status": "active",
        "form": {"text": "Tablet"},
        "ingredient": [{"itemCodeableConcept": {"text": "Paracetamol"}, "isActive": True, "strength": STRENGTH}],
        "extension": [not_mapped("isBrand", False)],
    }
    assert places == ["Bundle.entry[2].resource.isBrand"]


def test_a_wrong_type_never_stops_the_record() -> None:
    survives(MEDICATION, {"code": CODE, "ingredient": [{"itemCodeableConcept": {"text": "x"}, "amount": STRENGTH}]})

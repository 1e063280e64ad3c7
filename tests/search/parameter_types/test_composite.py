"""composite: the values of its components, asked of one element together.

https://hl7.org/fhir/R4/search.html#composite
"""

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.search.parse import parse
from fhir_server.store.criteria import (
    AnyOf,
    Criterion,
    DateIs,
    InGroup,
    IsPresent,
    Not,
    NumberIs,
    QuantityIs,
    Query,
    ReferenceTo,
    TokenIs,
)
from fhir_server.store.entries import CANONICAL, Entries
from fhir_server.store.matching import Row, matches
from tests.search.parameter_types.asking import LOINC, UCUM, asked, indexed, key, refused
from tests.search.reading.test_dates import us
from tests.search.samples import CONTEXT, INDEXER

OF_OBSERVATION = ("Observation.code", "Observation.value")
OF_COMPONENT = ("Observation.component", "Observation.component.code", "Observation.component.value")
RELATES = (
    "DocumentReference.relatesTo",
    "DocumentReference.relatesTo.code",
    "DocumentReference.relatesTo.target",
)


@pytest.mark.parametrize(
    ("query", "criterion"),
    [
        (
            "Observation?code-value-quantity=http://loinc.org|2823-3$gt5.4||mmol/L",
            InGroup(
                "code-value-quantity",
                (
                    TokenIs("1", LOINC, "2823-3"),
                    QuantityIs("2", "gt", key("5.4"), key("5.4"), None, "mmol/L"),
                ),
                OF_OBSERVATION,
            ),
        ),
        (
            f"Observation?component-code-value-quantity=8480-6$5.4|{UCUM}|mg",
            InGroup(
                "component-code-value-quantity",
                (
                    TokenIs("1", None, "8480-6"),
                    QuantityIs("2", "eq", key("0.00535"), key("0.00545"), CANONICAL, "g"),
                ),
                OF_COMPONENT,
            ),
        ),
        (
            r"Observation?code-value-concept=a\$b$|c",
            InGroup("code-value-concept", (TokenIs("1", None, "a$b"), TokenIs("2", "", "c")), OF_OBSERVATION),
        ),
        (  # of R4's own expression, which names a type that FHIR does not have
            "Observation?code-value-date=a$ge2026",
            InGroup(
                "code-value-date",
                (
                    TokenIs("1", None, "a"),
                    DateIs("2", "ge", us("2026-01-01T00:00:00Z"), us("2027-01-01T00:00:00Z")),
                ),
                OF_OBSERVATION,
            ),
        ),
        (  # and of its two components named the wrong way round
            "DocumentReference?relationship=replaces$DocumentReference/d",
            InGroup(
                "relationship", (TokenIs("1", None, "replaces"), ReferenceTo("2", "DocumentReference", "d")), RELATES
            ),
        ),
        (
            "MolecularSequence?chromosome-variant-coordinate=1$ge2$lt3",
            InGroup(
                "chromosome-variant-coordinate",
                (
                    TokenIs("1", None, "1"),
                    NumberIs("2", "ge", key(2), key(2)),
                    NumberIs("3", "lt", key(3), key(3)),
                ),
                (
                    "MolecularSequence.referenceSeq",
                    "MolecularSequence.referenceSeq.chromosome",
                    "MolecularSequence.variant",
                    "MolecularSequence.variant.end",
                    "MolecularSequence.variant.start",
                ),
            ),
        ),
        (
            "Observation?code-value-concept=a$b,c$d",
            AnyOf(
                tuple(
                    InGroup(
                        "code-value-concept",
                        (TokenIs("1", None, first), TokenIs("2", None, second)),
                        OF_OBSERVATION,
                    )
                    for first, second in ("ab", "cd")
                )
            ),
        ),
        (
            "Observation?code-value-concept:missing=true",
            Not(IsPresent("code-value-concept", OF_OBSERVATION)),
        ),
    ],
)
async def test_what_is_asked(query: str, criterion: Criterion) -> None:
    assert await asked(query) == criterion


TWO = "The parameter code-value-quantity has 2 values with $ between them: token$quantity."


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("code-value-quantity=a", TWO),
        ("code-value-quantity=a$", TWO),
        ("code-value-quantity=$5", TWO),
        ("code-value-quantity=a$5$6", TWO),
        (r"code-value-quantity=a\$5", TWO),
        (
            "code-value-quantity=a$x",
            "Value 2 of the parameter code-value-quantity is a number, number|system|code or number||unit, such as "
            "5.4 or ge5.4|http://unitsofmeasure.org|mg; prefixes are eq, ne, gt, lt, ge, le, sa, eb, ap.",
        ),
        (
            "code-value-quantity=a|b|c$5",
            "Value 1 of the parameter code-value-quantity is a code, system|code, |code or system|.",
        ),
        (
            "code-value-date=a$b",
            "Value 2 of the parameter code-value-date needs a date or time such as 2026-01-31, ge2026-01 or "
            "lt2026-01-31T09:30:00Z; prefixes are eq, ne, gt, lt, ge, le, sa, eb, ap.",
        ),
        (
            "code-value-quantity:exact=a$5",
            "The modifier :exact does not apply to code-value-quantity, a composite parameter.",
        ),
    ],
)
async def test_what_is_refused(query: str, message: str) -> None:
    assert await refused(f"Observation?{query}") == ("invalid", message)


def concept(code: str) -> dict[str, Any]:
    return {"coding": [{"system": LOINC, "code": code}]}


def pressure(systolic: int, diastolic: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "code": concept("85354-9"),
        "component": [
            {"code": concept("8480-6"), "valueQuantity": {"value": systolic, "unit": "mmHg"}},
            {"code": concept("8462-4"), "valueQuantity": {"value": Decimal(diastolic), "unit": "mmHg"}},
            {"code": concept("none")},
        ],
    }


def group(code: str, value: int) -> Entries:
    return Entries(tokens=(("1", LOINC, code),), quantities=(("2", "", "mmHg", key(value), key(value)),))


@pytest.mark.parametrize(
    ("resource", "name", "groups"),
    [
        (pressure(120, 80), "component-code-value-quantity", [group("8480-6", 120), group("8462-4", 80)]),
        (pressure(120, 80), "combo-code-value-quantity", [group("8480-6", 120), group("8462-4", 80)]),
        (pressure(120, 80), "code-value-quantity", []),
        (
            {"resourceType": "Observation", "code": concept("a"), "valueQuantity": {"value": 1, "unit": "mmHg"}},
            "code-value-quantity",
            [group("a", 1)],
        ),
        (
            {"resourceType": "Observation", "code": concept("a"), "valueDateTime": "2026"},
            "code-value-date",
            [
                Entries(
                    tokens=(("1", LOINC, "a"),),
                    dates=(("2", us("2026-01-01T00:00:00Z"), us("2027-01-01T00:00:00Z")),),
                )
            ],
        ),
        (
            {
                "resourceType": "DocumentReference",
                "relatesTo": [
                    {"code": "replaces", "target": {"reference": "DocumentReference/d"}},
                    {"code": "appends"},
                ],
            },
            "relationship",
            [Entries(tokens=(("1", "", "replaces"),), references=(("2", "DocumentReference", "d"),))],
        ),
        (
            {
                "resourceType": "Questionnaire",
                "useContext": [
                    {"code": {"code": "age"}, "valueQuantity": {"value": 3}},
                    {"code": {"code": "focus"}, "valueCodeableConcept": concept("x")},
                ],
            },
            "context-type-quantity",
            [Entries(tokens=(("1", "", "age"),), quantities=(("2", "", "", key(3), key(3)),))],
        ),
        (
            {
                "resourceType": "MolecularSequence",
                "referenceSeq": {"chromosome": concept("1")},
                "variant": [{"start": 2, "end": 3}, {"start": 4}],
            },
            "chromosome-variant-coordinate",
            [
                Entries(
                    tokens=(("1", LOINC, "1"),),
                    numbers=(("3", key(3), key(3)), ("2", key(2), key(2))),
                )
            ],
        ),
    ],
)
def test_what_is_indexed(resource: dict[str, Any], name: str, groups: list[Entries]) -> None:
    expected = {"groups": [(name, each) for each in groups]} if groups else {}
    assert indexed(resource, name) == expected
    assert (name in INDEXER.entries(resource).present) is bool(groups)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("8480-6$gt100", True),
        ("8462-4$lt100", True),
        ("8462-4$gt100", False),
        ("8480-6$lt100", False),
        ("85354-9$gt100", False),
        ("8480-6$120||mmHg", True),
        ("8480-6$120||kPa", False),
    ],
)
async def test_values_hold_together_in_one_element(value: str, found: bool) -> None:
    search = await parse("Observation", [("component-code-value-quantity", value)], CONTEXT, strict=True)
    assert isinstance(search.query, Query)
    row = Row("Observation", "1", 0, INDEXER.entries(pressure(120, 80)))
    assert matches(search.query.criteria[0], row) is found

"""Every search expression of R4 compiles for every type that it is for, and runs on every example."""

import json
from decimal import Decimal

from fhir_server.definitions.definitions import r4
from fhir_server.fhirpath.env import Item
from tests.fhirpath.evaluating import FOR_SEARCH, Surroundings
from tests.public_data import folder

TYPES_OF_VALUES = {
    "token": {"id", "Coding", "Identifier", "code", "CodeableConcept", "string", "Extension", "boolean", "uri"}
    | {"ContactPoint", "System.Boolean"},
    "date": {"instant", "Period", "dateTime", "date", "string", "Timing", "Age", "Range"},
    "uri": {"canonical", "uri", "url"},
    "string": {"string", "markdown", "Address", "Extension", "HumanName"},
    "reference": {"Reference", "canonical", "uri", "Attachment", "Extension"},
    "quantity": {"Quantity", "Range", "Money", "Age", "Duration", "SampledData"},
    "number": {"decimal", "integer", "Range"},
    "special": {"Location.position"},
}


def test_every_expression_compiles_for_every_type_it_is_for() -> None:
    definitions = r4()
    compiled: set[str] = set()
    types: dict[str, set[str]] = {}
    unknown = []
    for resource_type in definitions.resource_types:
        for parameter in definitions.search_parameters(resource_type).values():
            if parameter.expression is None:
                continue
            code = FOR_SEARCH.compile(parameter.expression, resource_type)
            compiled.add(parameter.url)
            types.setdefault(parameter.type, set()).update(code.types or ())
            if code.types is None:
                unknown.append((resource_type, parameter.code))
    assert len(compiled) > 1300
    assert unknown == [("Bundle", "composition"), ("Bundle", "message")]
    del types["composite"]
    assert types == TYPES_OF_VALUES


def test_every_expression_runs_on_every_example() -> None:
    definitions = r4()
    ran = found = 0
    for file in sorted(folder("fhir-test-cases/r4/examples").glob("*.json")):
        resource = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        root: Item = (resource["resourceType"], resource, None)
        env = Surroundings(root)
        for parameter in definitions.search_parameters(root[0]).values():
            if parameter.expression is not None:
                code = FOR_SEARCH.compile(parameter.expression, root[0])
                items = code.run([root], env)
                assert code.types is None or {item[0] for item in items} <= code.types
                if items and code.keys is not None:
                    assert not code.keys.isdisjoint(resource), "a result without the properties it needs"
                ran, found = ran + 1, found + bool(items)
    assert ran > 1400
    assert found > 500

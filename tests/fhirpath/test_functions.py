"""The functions, family by family, as tables: those that the official suite does not try, and their edges."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.fhirpath.env import Env, Item
from fhir_server.fhirpath.errors import EvaluationError
from tests.fhirpath.evaluating import COMPILER, evaluate_any
from tests.fhirpath.test_compiler import PATIENT

NOW = datetime(2026, 11, 26, 3, 5, 7, 89_000, tzinfo=UTC)

TABLE: dict[str, list[tuple[str, Any]]] = {
    "existence": [
        ("{}.all($this = 1)", [True]),
        ("name.all(use.exists())", [True]),
        ("(true | false).allTrue()", [False]),
        ("(true | false).anyTrue()", [True]),
        ("(true | false).allFalse()", [False]),
        ("{}.allFalse()", [True]),
        ("(true | false).anyFalse()", [True]),
        ("name.given.count()", [4]),
        ("(1 | 2).subsetOf(1 | 2 | 3)", [True]),
        ("(1 | 2).supersetOf(1 | 2 | 3)", [False]),
        ("{}.subsetOf(1)", [True]),
        ("(1).combine(1).isDistinct()", [False]),
        ("(1).combine(1).combine(1.0).distinct().count()", [1]),
    ],
    "filtering": [
        ("name.select(use)", ["official", "usual"]),
        ("name.select(given.count())", [2, 2]),
        ("name.where($index = 1).use", ["usual"]),
        ("name.select($index)", [0, 1]),
        ("name.select(given.select($index))", [0, 1, 0, 1]),
        ("telecom.select(value & iif(system.exists(), '!', '?'))", ["1!", "2!", "3?"]),
        ("Patient.repeat(extension).url", ["http://a", "http://b", "c"]),
        ("name.exists($index = 5)", [False]),
        ("name.all($index < 2)", [True]),
    ],
    "subsetting": [
        ("(1 | 2 | 3).tail()", [2, 3]),
        ("(1 | 2 | 3).skip(-1)", [1, 2, 3]),
        ("(1 | 2 | 3).take(-1)", []),
        ("(1 | 2 | 3).take(9)", [1, 2, 3]),
        ("(1 | 2).intersect(2 | 3)", [2]),
        ("(1).combine(1).combine(2).exclude(2)", [1, 1]),
        ("(1).single()", [1]),
    ],
    "combining": [
        ("(1 | 2).union(2 | 3)", [1, 2, 3]),
        ("(1 | 2).combine(2 | 3)", [1, 2, 2, 3]),
    ],
    "conversion": [
        ("'yes'.toBoolean()", [True]),
        ("'maybe'.toBoolean()", []),
        ("2.toBoolean()", []),
        ("1.0.toBoolean()", [True]),
        ("true.toInteger()", [1]),
        ("'2147483648'.toInteger()", []),
        ("'2147483648'.toLong()", [2147483648]),
        ("'+12'.toInteger()", [12]),
        ("'1.50'.toDecimal()", [Decimal("1.50")]),
        ("'1e5'.toDecimal()", []),
        ("birthDate.toDateTime()", ["1974-12-25"]),
        ("@2015-02-04T14:34.toDate()", ["2015-02-04"]),
        ("'2015-02-30'.toDate()", []),
        ("'14:30'.toTime()", ["14:30"]),
        ("'25'.toTime()", []),
        ("1.50.toString()", ["1.50"]),
        ("3 days.toString()", ["3 days"]),
        ("name.toString()", EvaluationError),
        ("name.first().toString()", []),
        ("'4 days'.toQuantity('hours').value", [Decimal(96)]),
        ("'4 g'.toQuantity()", []),
        ("'4 \\'g\\''.convertsToQuantity('mg')", [True]),
        ("'4 \\'g\\''.convertsToQuantity('m')", [False]),
        ("(4 'g').value", [Decimal(4)]),
        ("(4 'g').unit", ["g"]),
        ("1.comparable(2)", [True]),
    ],
    "strings": [
        ("'abcdefg'.substring(2, 2)", ["cd"]),
        ("'abc'.substring(3)", []),
        ("'abc'.substring(-1)", []),
        ("'abc'.lastIndexOf('c')", [2]),
        ("'abc'.indexOf('')", [0]),
        ("'abc'.replace('', 'x')", ["xaxbxcx"]),
        ("'a.b'.replace('.', '')", ["ab"]),
        ("'x' & {}", ["x"]),
        ("'x' + {}", []),
        ("'a\\nb'.matches('a.b')", [True]),
        ("'abc'.matchesFull('b')", [False]),
        ("'11/30/1972'.replaceMatches('(\\\\d+)/(\\\\d+)/', '$2-$1-')", ["30-11-1972"]),
        ("'abc'.replaceMatches('(?P<x>b)', '<${x}$$>')", ["a<b$>c"]),
        ("'abc'.toChars()", ["a", "b", "c"]),
        ("'a,b'.split(',')", ["a", "b"]),
        ("name.given.join(',')", ["Peter,James,Jim"]),
        ("{}.join(',')", []),
        ("'ß?'.encode('hex')", ["c39f3f"]),
        ("'c39f3f'.decode('hex')", ["ß?"]),
        ("'>>>'.encode('urlbase64').decode('urlbase64')", [">>>"]),
        ("'a'.encode('rot13')", []),
        ("'<b>'.escape('html').unescape('html')", ["<b>"]),
        ("'\"\\\\'.escape('json').unescape('json')", ['"\\']),
        ("' x '.trim().length()", [1]),
        ("name.use.first().upper()", ["OFFICIAL"]),
    ],
    "mathematics": [
        ("(-5).abs()", [5]),
        ("(-5.5 'mg').abs().value", [Decimal("5.5")]),
        ("(-1.1).ceiling()", [-1]),
        ("(-1.1).floor()", [-2]),
        ("(-1.9).truncate()", [-1]),
        ("3.14159.round(3)", [Decimal("3.142")]),
        ("2.5.round()", [Decimal(3)]),
        ("2.power(10)", [1024]),
        ("2.power(63)", []),
        ("2.power(-1)", [Decimal("0.5")]),
        ("10.power(1000000000)", []),
        ("(-1).power(0.5)", []),
        ("81.sqrt()", [Decimal(9)]),
        ("(-1).sqrt()", []),
        ("0.ln()", []),
        ("16.log(2)", [Decimal(4)]),
        ("1.exp().round(5)", [Decimal("2.71828")]),
        ("7 div 2", [3]),
        ("-7 div 2", [-3]),
        ("7 mod -2", [1]),
        ("5.5 mod 2", [Decimal("1.5")]),
        ("1 / 0", []),
        ("1 div 0", []),
        ("1 mod 0", []),
        ("0.1 + 0.2", [Decimal("0.3")]),
        ("2147483647 + 1", []),
        ("(1 'g' + 500 'mg').toString()", ["1.5 'g'"]),
        ("1 'g' + 1 'm'", []),
        ("(6 'g' / 2 'g').toString()", ["3 '1'"]),
        ("-(4 days) = -4 days", [True]),
    ],
    "boundaries": [
        ("birthDate.lowBoundary()", ["1974-12-25"]),
        ("@2014.highBoundary(8)", ["2014-12-31"]),
        ("@2016-02.highBoundary(8)", ["2016-02-29"]),
        ("@2014.lowBoundary(5)", []),
        ("@T10.highBoundary()", ["10:59:59.999"]),
        ("@2014-01-05T10:30:00.000.precision()", [17]),
        ("@T10:30.precision()", [4]),
        ("5.precision()", [0]),
    ],
    "tree": [
        ("extension.children().count()", [4]),
        ("descendants().ofType(uri).count()", [5]),
        ("birthDate.children().url", ["http://t"]),
        ("contained.children()", ["o", "Home"]),
    ],
    "order": [
        ("(3 | 1 | 2).sort()", [1, 2, 3]),
        ("(3 | 1 | 2).sort(-$this)", [3, 2, 1]),
        ("telecom.sort(-value).value", ["3", "2", "1"]),
        ("telecom.sort(system, value).value", ["3", "2", "1"]),
        ("{}.sort()", []),
        ("(1 | 2 | 3).aggregate($this + $total, 0)", [6]),
        ("(1 | 2).aggregate((1 | 2).aggregate($total + $this, $total) + 1, 0)", [8]),
        ("{}.aggregate($total, 7)", [7]),
    ],
    "utility": [
        ("now()", ["2026-11-26T03:05:07.089+00:00"]),
        ("today()", ["2026-11-26"]),
        ("timeOfDay()", ["03:05:07.089"]),
        ("now() = now()", [True]),
        ("name.trace('n', use).count()", [2]),
        ("defineVariable('u', name.use).telecom.where(%u.exists()).count()", [3]),
        ("name.defineVariable('n').select(%n.count())", [2, 2]),
        ("name.select(defineVariable('g', given.first()).select(%g & '!'))", ["Peter!", "Jim!"]),
        ("select(defineVariable('a', 1).select(%a)) | select(defineVariable('a', 2).select(%a))", [1, 2]),
        ("defineVariable('a', 1).defineVariable('b', %a + 1).select(%b)", [2]),
        ("%`vs-administrative-gender`", ["http://hl7.org/fhir/ValueSet/administrative-gender"]),
        ("%ucum", ["http://unitsofmeasure.org"]),
        ("%sct", ["http://snomed.info/sct"]),
        ("%context.id | %rootResource.id", ["p1"]),
        ("iif(active, 'a', 'b')", ["a"]),
    ],
    "types": [
        ("name.type().name", ["HumanName", "HumanName"]),
        ("1.type().namespace", ["System"]),
        ("active.hasValue()", [True]),
        ("name.hasValue()", [False]),
        ("birthDate.getValue().type().name", ["Date"]),
        ("name.use.first().getValue().type().name", ["String"]),
        ("name.first().getValue()", []),
        ("(1 is Integer) and (1.0 is Decimal) and ('a' is String)", [True]),
        ("birthDate is date", [True]),
        ("contained.as(Organization).name", ["Home"]),
        ("active.elementDefinition().path", ["Patient.active"]),
        ("name.elementDefinition().max", ["*", "*"]),
        ("checkModifiers('http://m').id", ["p1"]),
        ("'<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>'.htmlChecks()", [True]),
        ("'<div xmlns=\"http://www.w3.org/1999/xhtml\"><script/></div>'.htmlChecks()", [False]),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/DomainResource')", [True]),
        ("name.first().conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", [False]),
    ],
    "membership": [
        ("'usual' in name.use", [True]),
        ("name.use contains 'old'", [False]),
        ("{} in name.use", []),
        ("1 ~ 1.04", [True]),
        ("'Home  Care' ~ 'home care'", [True]),
        ("name.use ~ ('usual' | 'official')", [True]),
        ("name.first() ~ name.last()", [False]),
        ("{} ~ {}", [True]),
        ("1 !~ 2", [True]),
        ("'a' < 'b'", [True]),
        ("{} < 1", []),
        ("@2012 < @2012-04", []),
        ("1 = 1 '1'", [True]),
    ],
}
ROWS = [(family, expression, result) for family, rows in TABLE.items() for expression, result in rows]


@pytest.mark.parametrize(
    ("family", "expression", "result"), ROWS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_what_a_function_gives(family: str, expression: str, result: Any) -> None:
    root: Item = ("Patient", PATIENT, None)
    code = COMPILER.compile(expression, "Patient")
    if result is EvaluationError:
        with pytest.raises(EvaluationError):
            code.run([root], Env(root, now=NOW))
        return
    found = code.run([root], Env(root, now=NOW))
    assert [value for _, value, _ in found] == result
    assert code.types is None or {type_name for type_name, _, _ in found} <= code.types


@pytest.mark.parametrize(
    "expression",
    [
        "1 + 'a'",
        "true < false",
        "'a' < 1",
        "name < name",
        "(1 | 2).single()",
        "(1 | 2) + 1",
        "name.given in 'a'",
        "name.skip({})",
        "name.skip('1')",
        "name.skip(1.5)",
        "1.round(-1)",
        "-'a'",
        "active.substring(1)",
        "name.given.upper()",
        "(1 | true).allTrue()",
        "iif('a', 1, 2)",
        "iif(1 | 2, 1, 2)",
        "(1 | 2).iif(true, 1)",
        "$index",
        "'a'.matches('(')",
        "'a'.matches('(?=b)')",
        "'zz'.decode('hex')",
        "name.trace({})",
        "@2014 - 1 'cm'",
        "(name | telecom).sort()",
        "conformsTo('http://unknown')",
        "gender.memberOf('http://unknown')",
        "'a'.subsumes('b')",
        "'a'.subsumedBy('b')",
        "name.slice('http://unknown', 'x')",
        "(4 'g').sqrt()",
    ],
)
def test_what_does_not_fit_is_an_error(expression: str) -> None:
    resource = {**PATIENT, "gender": "male"}
    with pytest.raises(EvaluationError):
        evaluate_any(expression, resource)


def test_an_unknown_modifier_extension_is_an_error() -> None:
    resource = {"resourceType": "Patient", "modifierExtension": [{"url": "http://m", "valueBoolean": True}]}
    assert [kind for kind, _ in evaluate_any("checkModifiers('http://m')", resource)] == ["Patient"]
    with pytest.raises(EvaluationError):
        evaluate_any("checkModifiers('http://other')", resource)


class Told(Env):
    """Keeps what it is told, and answers what it is asked."""

    def __init__(self, resource: Item) -> None:
        super().__init__(resource, variables={"own": [("System.Integer", 5, None)]})
        self.told: list[tuple[str, int]] = []

    def trace(self, name: str, items: list[Item]) -> None:
        self.told.append((name, len(items)))

    def member_of(self, item: Item, value_set: str) -> bool | None:
        return item[1] == "male" if value_set == "http://men" else None

    def subsumes(self, general: Item, special: Item) -> bool | None:
        return bool(special[1].startswith(general[1]))

    def in_slice(self, item: Item, profile: str, name: str) -> bool:
        return bool(item[1]["use"] == name)

    def resolve(self, reference: Any) -> list[Item]:
        return [("Organization", {"resourceType": "Organization", "name": "Home"}, None)]


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("gender.memberOf('http://men')", [True]),
        ("gender.memberOf('http://unknown')", []),
        ("'ab'.subsumes('abc')", [True]),
        ("'ab'.subsumedBy('abc')", [False]),
        ("name.slice('http://p', 'usual').given.first()", ["Jim"]),
        ("managingOrganization.resolve().name", ["Home"]),
        ("%own + 1", [6]),
    ],
)
def test_what_the_surroundings_answer(expression: str, result: list[Any]) -> None:
    root: Item = ("Patient", {**PATIENT, "gender": "male", "managingOrganization": {"reference": "x"}}, None)
    code = COMPILER.compile(expression, "Patient", frozenset({"own"}))
    assert [value for _, value, _ in code.run([root], Told(root))] == result


def test_trace_tells_the_surroundings() -> None:
    root: Item = ("Patient", PATIENT, None)
    surroundings = Told(root)
    COMPILER.compile("name.trace('names').trace('given', given)", "Patient").run([root], surroundings)
    assert surroundings.told == [("names", 2), ("given", 4)]


HOSTILE = {
    "doubling a string": "'ab'" + ".select($this + $this)" * 60,
    "doubling a collection": "name"
    + ".combine($this)" * 2
    + ".select($this | $this)"
    + ".combine(%context.name)" * 20
    + ".select(%context.descendants())" * 4,
    "nested walks": "descendants().where(%context.descendants().where(%context.descendants().exists()).exists())",
    "repeat without end": "'a'.repeat($this & 'a')",
    "counting without end": "(1).repeat($this + 1)",
    "replacing": "('a' & 'a')" + ".select(replace('a', 'aaaaaaaaaa'))" * 20,
    "joined": "descendants().select('x').join('y')" + ".select($this & $this)" * 30,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(20)
def test_no_expression_runs_without_end(name: str) -> None:
    resource = {**PATIENT, "name": [{"given": [f"{number}"] * 10} for number in range(200)]}
    with pytest.raises(EvaluationError):
        evaluate_any(HOSTILE[name], resource)


def test_numbers_stay_within_bounds() -> None:
    assert evaluate_any("1.1" + ".select($this * $this)" * 60, PATIENT) == []
    assert evaluate_any("2" + ".select($this * $this)" * 60, PATIENT) == []
    large = {"resourceType": "Patient", "extension": [{"url": "u", "valueDecimal": Decimal("1e1000000")}]}
    with pytest.raises(EvaluationError):
        evaluate_any("extension.value + 1", large)

"""Trees, precedence and faults; the official test suite of the language, as far as reading goes."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhirpath.errors import ExpressionInvalid
from fhir_server.fhirpath.parser import MAX_DEPTH, parse
from fhir_server.fhirpath.syntax import (
    Binary,
    Call,
    Constant,
    Expression,
    Indexer,
    Member,
    Polarity,
    Special,
    TypeTest,
    Variable,
)
from tests.public_data import folder


def shape(node: Expression | None) -> str:  # noqa: PLR0911 (one line for each form)
    """A tree with brackets around everything, to see what binds to what."""
    match node:
        case None:
            return ""
        case Constant(_, kind, text, unit):
            return f"{kind}:{text}{unit and ' ' + unit}"
        case Variable(_, name):
            return f"%{name}"
        case Special(_, name):
            return f"${name}"
        case Member(_, name, source):
            return name if source is None else f"{shape(source)}.{name}"
        case Call(_, name, arguments, source):
            call = f"{name}({', '.join(map(shape, arguments))})"
            return call if source is None else f"{shape(source)}.{call}"
        case Indexer(_, source, index):
            return f"{shape(source)}[{shape(index)}]"
        case Polarity(_, sign, operand):
            return f"({sign}{shape(operand)})"
        case Binary(_, operator, left, right):
            return f"({shape(left)} {operator} {shape(right)})"
        case TypeTest(_, operator, operand, type_name):
            return f"({shape(operand)} {operator} {type_name})"


@pytest.mark.parametrize(
    ("expression", "tree"),
    [
        ("Patient.name.given", "Patient.name.given"),
        ("a.b[0].c(1, 'x')", "a.b[integer:0].c(integer:1, string:x)"),
        ("-a.b + +c[1]", "((-a.b) + (+c[integer:1]))"),
        ("a + b * c - d", "((a + (b * c)) - d)"),
        ("a & b | c as Quantity", "((a & b) | (c as Quantity))"),
        ("a | b = c | d", "((a | b) = (c | d))"),
        ("a + b is FHIR.Patient and c", "(((a + b) is FHIR.Patient) and c)"),
        ("a < b = c > d", "((a < b) = (c > d))"),
        ("a in b and c contains d", "((a in b) and (c contains d))"),
        ("a implies b or c xor d and e = f", "(a implies ((b or c) xor (d and (e = f))))"),
        ("a div b mod c", "((a div b) mod c)"),
        ("(a or b) and c", "((a or b) and c)"),
        ("a.where($this = %resource.id)", "a.where(($this = %resource.id))"),
        ("{} = 4 days", "(null: = quantity:4 days)"),
        ("4.5 'mg' ~ 1 year", "(quantity:4.5 mg ~ quantity:1 year)"),
        ("@2015-01 >= @T10:00", "(date:2015-01 >= time:10:00)"),
        ("%'a b' = %`c`", "(%a b = %c)"),
        ("a.is.as.contains.in", "a.is.as.contains.in"),
        ("is(Patient)", "is(Patient)"),
        ("days + a.day", "(days + a.day)"),
        ("a as `x y`.z", "(a as x y.z)"),
        ("true != false", "(boolean:true != boolean:false)"),
    ],
)
def test_what_binds_to_what(expression: str, tree: str) -> None:
    assert shape(parse(expression)) == tree


def test_nodes_carry_their_place() -> None:
    assert parse("Patient.name.where(use = 'usual')") == Call(
        13,
        "where",
        (Binary(23, "=", Member(19, "use"), Constant(25, "string", "usual")),),
        Member(8, "name", Member(0, "Patient")),
    )


@pytest.mark.parametrize(
    ("expression", "reason", "offset"),
    [
        ("", "The expression ends too early, a name is needed", 0),
        ("2 + 2 /", "The expression ends too early, a name is needed", 7),
        ("a.", "The expression ends too early, a name is needed", 2),
        ("a b", "'b' cannot stand here", 2),
        ("a.where(b", "The expression ends too early, ',' is needed", 9),
        ("a[1", "The expression ends too early, ']' is needed", 3),
        ("(a", "The expression ends too early, ')' is needed", 2),
        ("{a}", "'a' cannot stand here, '}' is needed", 1),
        ("a.$this", "'$this' cannot stand here", 2),
        ("a.and", "'and' cannot stand here, a name is needed", 2),
        ("a is 5", "'5' cannot stand here, a name is needed", 5),
        ("a..b", "'.' cannot stand here, a name is needed", 2),
        ("a.b(,c)", "',' cannot stand here, a name is needed", 4),
        ("@T14:34:28Z", "'Z' cannot stand here", 10),
    ],
)
def test_faults_are_named_with_their_place(expression: str, reason: str, offset: int) -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        parse(expression)
    assert (caught.value.reason, caught.value.offset) == (reason, offset)


@pytest.mark.parametrize(
    "expression", ["(" * 5000 + "a", "a" + ".b" * 5000, "-" * 5000 + "a", "a" + "[0]" * 5000, "a" + " | a" * 4000]
)
def test_what_is_too_deep_is_refused_and_does_not_overflow(expression: str) -> None:
    with pytest.raises(ExpressionInvalid, match=f"Deeper than {MAX_DEPTH} levels"):
        parse(expression)


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(ExpressionInvalid, match="at most 20000 characters"):
        parse("a" * 20_001)


def test_the_official_suite_is_read() -> None:
    suite = ElementTree.parse(folder("fhir-test-cases/r4/fhirpath/tests-fhir-r4.xml"))
    cases = [(node.text or "", node.get("invalid")) for node in suite.iter("expression")]
    refused = []
    for expression, _ in cases:
        try:
            parse(expression)
        except ExpressionInvalid:
            refused.append(expression)
    # A time has no zone; the suite counts these two as faults of the run, the grammar does not have them at all.
    zoned_times = ["@T14:34:28Z.is(Time)", "@T14:34:28+10:00.is(Time)"]
    assert refused == [expression for expression, invalid in cases if invalid == "syntax"] + zoned_times
    assert len(cases) > 900


WORDS = ["a", "Patient", "is", "as", "and", "div", "where", "$this", "%x", "1", "2.5", "'s'", "@2015", "days"]
MARKS = [".", "(", ")", "[", "]", "+", "-", "|", "=", "~", ",", "{", "}", " "]


@given(st.lists(st.sampled_from(WORDS + MARKS), max_size=25).map("".join))
def test_any_sequence_of_tokens_gives_a_tree_or_the_one_error(expression: str) -> None:
    try:
        tree = parse(expression)
    except ExpressionInvalid as error:
        assert 0 <= error.offset <= len(expression)  # noqa: PT017 (most sequences are faulty)
        return
    assert re.sub(r"\W", "", shape(tree)) != ""

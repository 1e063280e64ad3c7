"""Any expression is evaluated, or refused in one of the ways that are meant: nothing else comes out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.fhirpath.env import Env, Item
from fhir_server.fhirpath.errors import EvaluationError, ExpressionInvalid, ExpressionNotSupported
from fhir_server.fhirpath.functions import FUNCTIONS
from fhir_server.fhirpath.operators import OPERATORS
from tests.fhirpath.evaluating import COMPILER, FOR_SEARCH
from tests.fhirpath.test_compiler import OBSERVATION, PATIENT
from tests.fhirpath.test_functions import NOW

LITERALS = st.sampled_from(
    ["{}", "true", "false", "1", "0", "2147483647", "1.50", "0.0", "'a'", "''", "'http://a'", "'2015-02-04'", "'4 d'"]
    + ["'('", "$this", "$index", "$total", "%resource", "%context", "%ucum", "4 'mg'", "1 'wk'", "4 days", "1 year"]
    + ["5L", "@2015", "@2015-02-04T14:34:28.123+10:00", "@T10:30"]
)
NAMES = st.sampled_from(["name", "given", "birthDate", "extension", "value", "component", "code", "telecom", "id", "x"])
TYPES = st.sampled_from(["Patient", "string", "System.String", "Quantity", "Date", "HumanName", "Foo"])
OPERATOR = st.sampled_from(sorted(OPERATORS))
FUNCTION = st.sampled_from(sorted(FUNCTIONS))


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arguments = st.lists(inner, max_size=2).map(", ".join)
    return st.one_of(
        st.builds("({} {} {})".format, inner, OPERATOR, inner),
        st.builds("{}.{}({})".format, inner, FUNCTION, arguments),
        st.builds("{}.{}".format, inner, NAMES),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("({} is {})".format, inner, TYPES),
        st.builds("{}.ofType({})".format, inner, TYPES),
        st.builds("-{}".format, inner),
    )


EXPRESSIONS = st.recursive(LITERALS | NAMES, _larger, max_leaves=8)


@given(EXPRESSIONS, st.sampled_from([PATIENT, OBSERVATION]), st.sampled_from([COMPILER, FOR_SEARCH]))
@settings(max_examples=400)
def test_any_expression_is_evaluated_or_refused(expression: str, resource, compiler) -> None:  # type: ignore[no-untyped-def]
    root: Item = (resource["resourceType"], resource, None)
    try:
        code = compiler.compile(expression, root[0])
        found = code.run([root], Env(root, now=NOW))
    except (ExpressionInvalid, ExpressionNotSupported, EvaluationError):
        return
    assert all(len(item) == 3 and isinstance(item[0], str) for item in found)
    if code.types is not None:
        assert {item[0] for item in found} <= code.types
    assert code.keys is None or not found or not code.keys.isdisjoint(resource)

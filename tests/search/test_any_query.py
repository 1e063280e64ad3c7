"""Whatever a query string holds: it is a search or an error for the caller, nothing is dropped, and it is soon read."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.definitions.definitions import r4
from fhir_server.outcome import FhirError
from fhir_server.search.parameter_path import read_path
from fhir_server.search.parse import Search, parse, parse_system
from fhir_server.search.result_parameters import NO_CRITERIA
from fhir_server.store.criteria import Query
from tests.search.samples import CONTEXT

RESULTS = ("_count", "_sort", "_total", "_summary", "_elements", "_include", "_revinclude", "_format", "_explain")
NAMES = st.sampled_from(
    [
        *r4().search_parameters("Observation"),
        *RESULTS,
        "_contained",
        "_containedType",
        "_list",
        "_filter",
        "nothing",
        "",
    ]
)
BEFORE = st.sampled_from(
    ["", "", "", "subject.", "patient.", "subject:Patient.", "_has:Observation:focus:", "_has:", "_has:List:item:"]
)
AFTER = st.sampled_from(
    ["", "", "", ":exact", ":missing", ":not", ":iterate", ":Patient", ".name", ".code", ":Patient.name", ":", "."]
)
VALUES = (
    st.text(max_size=12)
    | st.text(alphabet="ge2016-0T:Z|,\\$/ #aP.", max_size=20)
    | st.sampled_from(
        [
            *("true", "false", "both", "contained", "count", "text", "Patient/1", "code", "-date", "_id,-_lastUpdated"),
            *("*", "Observation:*", "Observation:subject", "Observation:subject:Patient", "Provenance:target"),
            *("code eq a", "not (status pr false) and subject.name co b", "subject[name eq a].identifier eq 1"),
        ]
    )
)
PARAMETER = st.tuples(st.tuples(BEFORE, NAMES, AFTER).map("".join) | st.text(max_size=8), VALUES)


@settings(max_examples=1000)
@given(st.lists(PARAMETER, max_size=4))
def test_any_query_is_a_search_or_an_error_for_the_caller(parameters: list[tuple[str, str]]) -> None:
    try:
        found = asyncio.run(parse("Observation", parameters, CONTEXT, strict=False))
    except FhirError as error:
        assert error.issues  # noqa: PT017 (either outcome is right)
        return
    unused = [issue for issue in found.issues if "it was not used" in (issue.diagnostics or "")]
    asked = [name for name, _ in parameters if name.partition(":")[0] not in NO_CRITERIA]
    if isinstance(found.query, Query):
        assert one_each(parameters) + len(unused) == len(asked), "a parameter was dropped silently"
    assert not any(known(name) and f"parameter {name}:" in str(each) for name in asked for each in unused)
    assert_again(found, parse("Observation", found.used, CONTEXT, strict=True))


def one_each(parameters: list[tuple[str, str]]) -> int:
    """How many criteria there are before chains along one reference are put together."""
    with patch("fhir_server.search.parse.joined", lambda criteria, parameters: tuple(criteria)):
        query = asyncio.run(parse("Observation", parameters, CONTEXT, strict=False)).query
    assert isinstance(query, Query)
    return len(query.criteria)


def known(name: str) -> bool:
    """Whether the parameter that the name begins with is one of Observation's."""
    path = read_path(name, CONTEXT.limits)
    return not path.hops and path.name in r4().search_parameters("Observation")


def assert_again(found: Search, search: Coroutine[None, None, Search]) -> None:
    """What was used gives the same search again."""
    again = asyncio.run(search)
    assert replace(again, issues=()) == replace(found, issues=())


@settings(max_examples=200)
@given(st.lists(st.just(("_type", "Observation,Patient")) | PARAMETER, max_size=4))
def test_any_query_of_several_types(parameters: list[tuple[str, str]]) -> None:
    types = ("Observation", "Patient", "List")
    try:
        found = asyncio.run(parse_system(parameters, CONTEXT, strict=False, types=types))
    except FhirError as error:
        assert error.issues  # noqa: PT017 (either outcome is right)
        return
    assert_again(found, parse_system(found.used, CONTEXT, strict=True, types=types))


LONG: Sequence[tuple[str, list[tuple[str, str]]]] = (
    ("many values", [("code", ",".join("a" * 500))] * 10),
    ("many values in many chains", [("subject.identifier", ",".join("a" * 500))] * 100),
    ("references of every type", [("focus", ",".join("a" * 35))]),
    ("chains that fan out", [("focus.target.target.target.target._id", "a")]),
    ("chains that fan out and end nowhere", [("focus.target.target.target.target.nothing", "a")]),
    ("a long filter", [("_filter", " or ".join(["code eq a"] * 1400))] * 3),
    ("a filter of chains that fan out", [("_filter", " or ".join(["focus.target.target.x eq a"] * 600))]),
    ("nested filters", [("_filter", "subject[" * 12 + "a eq a" + "].a eq a" * 12)]),
    ("every include", [("_revinclude", f"{type}:*") for type in r4().resource_types[:100]]),
    ("escapes", [("code", "\\" * 20_000), ("code", "\\," * 10_000), ("code", "|" * 20_000)]),
)


@pytest.mark.parametrize(("name", "parameters"), LONG, ids=[name for name, _ in LONG])
def test_no_query_takes_long(name: str, parameters: list[tuple[str, str]]) -> None:
    for type in r4().resource_types:
        r4().search_parameters(type)
    read(parameters)  # what is compiled once
    start = time.process_time()
    read(parameters)
    assert time.process_time() - start < 0.5, name


def read(parameters: list[tuple[str, str]]) -> None:
    try:
        asyncio.run(parse("Observation", parameters, CONTEXT, strict=False))
    except FhirError as error:
        assert error.issues  # noqa: PT017 (either outcome is right)

"""The table of the stores at the end of a run: what ran on both, and what came out otherwise on one."""

from pathlib import Path

import pytest

from tests.differences import case_of, suite_of

pytest_plugins = "pytester"

CONFTEST = """
import pytest
from tests.differences import *

@pytest.fixture(params=["sqlite", "mongodb"])
def on_both_stores(request):
    return request.param

@pytest.fixture(scope="module", params=["sqlite", "mongodb"])
def module_on_both_stores(request):
    return request.param

@pytest.fixture
def breaks_afterwards(on_both_stores):
    yield
    assert on_both_stores == "sqlite"
"""
ALIKE = """
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_alike(on_both_stores, number):
    pass

def test_shared(module_on_both_stores):
    pass

@pytest.mark.skip
def test_skipped(on_both_stores):
    pass

def test_of_no_store():
    pass
"""
UNLIKE = """
import pytest

def test_fails_on_one(on_both_stores):
    assert on_both_stores == "sqlite"

@pytest.mark.parametrize("number", [1])
def test_skipped_on_one(number, module_on_both_stores):
    if module_on_both_stores == "mongodb":
        pytest.skip("none here")

def test_cannot_be_cleaned_up(breaks_afterwards):
    pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of its own with the table and no tests yet."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeconftest(CONFTEST)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:randomly", *options)


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one process", "two processes"])
def test_where_nothing_differs_the_table_says_so(project: pytest.Pytester, processes: tuple[str, ...]) -> None:
    project.makepyfile(**{"tests/access/test_alike": ALIKE})
    ran = run(project, "--stores-must-agree", *processes)
    assert ran.ret == pytest.ExitCode.OK
    ran.stdout.re_match_lines_random(
        [r"suite +sqlite +mongodb +unlike$", r"access +3 +3 +0$", "Differences between the stores: none$"]
    )


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one process", "two processes"])
def test_whatever_differs_is_named(project: pytest.Pytester, processes: tuple[str, ...]) -> None:
    project.makepyfile(**{"tests/access/test_alike": ALIKE, "tests/search/test_unlike": UNLIKE})
    ran = run(project, *processes)
    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    place = "  tests/search/test_unlike.py::"
    ran.stdout.fnmatch_lines(
        [
            "search * 3 * 2 * 3",
            "Differences between the stores: 3",
            f"{place}test_cannot_be_cleaned_up[[]]: passed on sqlite, error on mongodb",
            f"{place}test_fails_on_one[[]]: passed on sqlite, failed on mongodb",
            f"{place}test_skipped_on_one[[]1]: passed on sqlite, skipped on mongodb",
        ]
    )
    ran.stdout.re_match_lines([r"access +3 +3 +0$"])


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--stores-must-agree",), 1)])
def test_a_difference_fails_the_run_where_the_stores_must_agree(
    project: pytest.Pytester, options: tuple[str, ...], code: int
) -> None:
    project.makepyfile(**{"tests/search/test_unlike": UNLIKE})
    ran = run(project, "-k", "skipped_on_one", *options)
    assert ran.ret == code
    ran.stdout.fnmatch_lines(["Differences between the stores: 1"])


def test_what_did_not_run_on_one_store_is_a_difference(project: pytest.Pytester) -> None:
    project.makepyfile(**{"tests/access/test_alike": ALIKE})
    ran = run(project, "-k", "test_shared and sqlite", "--stores-must-agree")
    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    ran.stdout.fnmatch_lines(["  tests/access/test_alike.py::test_shared[[]]: passed on sqlite, not run on mongodb"])


def test_without_tests_on_both_stores_there_is_no_table(project: pytest.Pytester) -> None:
    project.makepyfile(**{"tests/access/test_alike": ALIKE})
    run(project, "-k", "no_store").stdout.no_fnmatch_line("*Differences between the stores*")


@pytest.mark.parametrize(
    ("test", "case"),
    [
        ("tests/a.py::test[mongodb]", "tests/a.py::test[]"),
        ("tests/a.py::test[mongodb-1-x]", "tests/a.py::test[1-x]"),
        ("tests/a.py::test[1-mongodb]", "tests/a.py::test[1-]"),
        ("tests/a.py::T::test[1-mongodb-x]", "tests/a.py::T::test[1-x]"),
        ("tests/a.py::test[my-mongodb2-mongodb]", "tests/a.py::test[my-mongodb2-]"),
        ("tests/a.py::test[mongodb]@group", "tests/a.py::test[]@group"),
    ],
)
def test_a_case_is_a_test_without_its_store(test: str, case: str) -> None:
    assert case_of(test, "mongodb") == case


@pytest.mark.parametrize(
    ("case", "suite"),
    [
        ("tests/store/test_conformance.py::TestStore::test_x[]", "conformance"),
        ("tests/search/differential/test_differential_search.py::test_x[]", "differential"),
        ("tests/search/test_pages_http.py::test_x[]", "search"),
        ("tests/crash/test_kill.py::test_x[1-]", "crash"),
        ("tests/respect/test_in_force.py::test_x[]", "respect"),
    ],
)
def test_a_case_belongs_to_a_suite(case: str, suite: str) -> None:
    assert suite_of(case) == suite

"""What ran on which kind of store: a table at the end of a run, and every case in which the two did not come out alike.

A case is a test with its parameters but for the kind of store. `--stores-must-agree` fails the run where the table is
not empty: a case that is skipped on one store would else go unnoticed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from tests.stores import KINDS

FIXTURES = ("on_both_stores", "module_on_both_stores")
PROPERTY = "store"
MUST_AGREE = "--stores-must-agree"
SUITES = {
    "tests/store/": "conformance",
    "tests/search/differential/": "differential",
    "tests/search/": "search",
}
"""By the beginning of a test's place, the first that fits; all others are named after their folder"""
OUTCOMES = ("passed", "xfailed", "skipped", "xpassed", "failed", "error")
"""The worst last: a test that passes and cannot be cleaned up after is an error"""
SHOWN = 30

Cases = Mapping[str, Mapping[str, str]]
"""By the case and the kind of store: how it came out"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option."""
    parser.addoption(MUST_AGREE, action="store_true", help="fail where a test does not come out alike on both stores")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note the kind of store with the test, so that its reports tell, those of other processes too."""
    callspec = getattr(item, "callspec", None)
    for name in FIXTURES:
        if callspec is not None and name in callspec.params:
            item.user_properties.append((PROPERTY, callspec.params[name]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where the stores must agree and do not."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not session.config.getoption(MUST_AGREE) or session.exitstatus != pytest.ExitCode.OK:
        return
    if list(differences(cases(reporter.stats))):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, where anything ran on both stores."""
    found = cases(terminalreporter.stats)
    if found:
        terminalreporter.section("stores")
        for line in (*table(found), *said(list(differences(found)))):
            terminalreporter.write_line(line)


def cases(stats: Mapping[str, Iterable[Any]]) -> Cases:
    """How each case came out, from the reports of the run."""
    found: dict[str, dict[str, str]] = {}
    for outcome in OUTCOMES:
        for report in stats.get(outcome, ()):
            store = dict(getattr(report, "user_properties", ())).get(PROPERTY)
            if store is not None:
                found.setdefault(case_of(report.nodeid, store), {})[store] = outcome
    return found


def case_of(test: str, store: str) -> str:
    """The id of a test without the kind of store."""
    place, bracket, parameters = test.partition("[")
    return place + bracket + re.sub(rf"(^|-){store}(-|(?=\]))", r"\1", parameters, count=1)


def suite_of(case: str) -> str:
    """The suite that a case belongs to."""
    named = next((name for place, name in SUITES.items() if case.startswith(place)), None)
    return named or case.removeprefix("tests/").partition("/")[0]


def table(found: Cases) -> list[str]:
    """How many cases of each suite ran on each store."""
    ran: dict[str, Counter[str]] = {}
    for case, outcomes in found.items():
        ran.setdefault(suite_of(case), Counter()).update(store for store in outcomes if outcomes[store] != "skipped")
    unlike = Counter(suite_of(case) for case, _ in differences(found))
    lines = [f"{'suite':16}" + "".join(f"{store:>10}" for store in KINDS) + f"{'unlike':>10}"]
    for suite, count in sorted(ran.items()):
        lines.append(f"{suite:16}" + "".join(f"{count[store]:>10}" for store in KINDS) + f"{unlike[suite]:>10}")
    return lines


def differences(found: Cases) -> Iterator[tuple[str, str]]:
    """The cases that did not come out alike on every store, and how they did."""
    for case, outcomes in sorted(found.items()):
        if len({outcomes.get(store) for store in KINDS}) > 1:
            yield case, ", ".join(f"{outcomes.get(store, 'not run')} on {store}" for store in KINDS)


def said(unlike: list[tuple[str, str]]) -> list[str]:
    """The differences as lines."""
    if not unlike:
        return ["Differences between the stores: none"]
    more = [f"  and {len(unlike) - SHOWN} more"] if len(unlike) > SHOWN else []
    return [
        f"Differences between the stores: {len(unlike)}",
        *(f"  {case}: {how}" for case, how in unlike[:SHOWN]),
        *more,
    ]

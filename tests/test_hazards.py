"""The clinical hazard log is whole, and every test that it names as the proof of a control exists."""

import ast
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / "docs" / "safety" / "hazards.yaml"

SEVERITIES = ("minor", "significant", "considerable", "major", "catastrophic")
MATRIX = {
    "very high": (3, 4, 4, 5, 5),
    "high": (2, 3, 3, 4, 5),
    "medium": (2, 2, 3, 3, 4),
    "low": (1, 2, 2, 3, 4),
    "very low": (1, 1, 2, 2, 3),
}
STATUSES = {"controlled", "open"}
FIELDS = {"id", "title", "cause", "effect", "initial", "residual", "status", "controls"}


def hazards() -> list[dict[str, Any]]:
    """The log as data."""
    found: list[dict[str, Any]] = yaml.safe_load(LOG.read_text("utf-8"))["hazards"]
    return found


def _id(hazard: dict[str, Any]) -> str:
    return str(hazard.get("id"))


def test_the_log_has_its_hazards_in_order() -> None:
    ids = [hazard["id"] for hazard in hazards()]
    assert len(ids) >= 14
    assert ids == [f"H{number:02d}" for number in range(1, len(ids) + 1)]
    titles = [hazard["title"] for hazard in hazards()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("hazard", hazards(), ids=_id)
def test_a_hazard_is_whole(hazard: dict[str, Any]) -> None:
    assert set(hazard) == FIELDS
    assert hazard["status"] in STATUSES
    for name in ("title", "cause", "effect"):
        assert isinstance(hazard[name], str)
        assert len(hazard[name].split()) >= 2
    for name in ("initial", "residual"):
        rating = hazard[name]
        assert set(rating) == {"likelihood", "severity", "risk"}
        assert rating["risk"] == MATRIX[rating["likelihood"]][SEVERITIES.index(rating["severity"])], name
    assert hazard["residual"]["risk"] <= hazard["initial"]["risk"]
    assert hazard["controls"]


@pytest.mark.parametrize("hazard", hazards(), ids=_id)
def test_a_control_is_shown_by_tests_or_said_to_be_missing(hazard: dict[str, Any]) -> None:
    for control in hazard["controls"]:
        assert set(control) <= {"control", "tests", "later"}, control
        assert control["control"].strip()
        assert ("tests" in control) is not ("later" in control), control
        assert control.get("tests", control.get("later"))
    later = [control for control in hazard["controls"] if "later" in control]
    assert (hazard["status"] == "open") is bool(later), "open means that a control is still missing"


@pytest.mark.parametrize("hazard", hazards(), ids=_id)
def test_every_test_that_is_named_exists(hazard: dict[str, Any]) -> None:
    named = [test for control in hazard["controls"] for test in control.get("tests", ())]
    assert [test for test in named if not exists(test)] == []
    assert len(set(named)) == len(named), "named twice"


def test_a_residual_risk_that_is_not_small_is_open() -> None:
    """A risk of 3 or more (undesirable, or worse) is never called controlled."""
    assert [hazard["id"] for hazard in hazards() if hazard["residual"]["risk"] >= 4] == []
    assert {hazard["status"] for hazard in hazards() if hazard["residual"]["risk"] == 3} <= {"open"}


def exists(node: str) -> bool:
    """Whether a pytest node id (`file::test`, `file::Class::test`, with or without `[parameters]`) names a test."""
    path, _, name = node.partition("::")
    name, bracket, _ = name.partition("[")
    if not name or not path.startswith("tests/") or not (ROOT / path).is_file():
        return False
    tests = declared_in(path)
    return name in tests and (not bracket or tests[name])


@cache
def declared_in(path: str) -> dict[str, bool]:
    """Every test that pytest collects from a file: name, with its class -> whether it has parameters."""
    functions, classes = names_in(path)
    inside = {
        f"{name}::{test}": kind
        for name, tests in classes.items()
        if name.startswith("Test")
        for test, kind in tests.items()
    }
    return functions | inside


Tests = dict[str, bool]


@cache
def names_in(path: str) -> tuple[Tests, dict[str, Tests]]:
    """Test functions, and classes with their tests, that a file has: its own, imported or inherited ones."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    everywhere = _has_parameters(tree)
    functions: Tests = {}
    classes: dict[str, Tests] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            found = _imported(node)
            functions |= found[0]
            classes |= found[1]
        elif isinstance(node, ast.ClassDef):
            inherited = [classes.get(base.id, {}) for base in node.bases if isinstance(base, ast.Name)]
            own = [_test(inner, everywhere or _is_parametrised(node)) for inner in node.body]
            classes[node.name] = {name: kind for tests in [*reversed(inherited), *own] for name, kind in tests.items()}
        else:
            functions |= _test(node, everywhere)
    return functions, classes


def _imported(node: ast.ImportFrom) -> tuple[Tests, dict[str, Tests]]:
    """What an import from another test module brings, under the names it gets here."""
    stem = (node.module or "").replace(".", "/")
    path = next((name for name in (f"{stem}.py", f"{stem}/__init__.py") if (ROOT / name).is_file()), None)
    if path is None or not path.startswith("tests/"):
        return {}, {}
    functions, classes = names_in(path)
    names = {alias.name: alias.asname or alias.name for alias in node.names}
    return (
        {names[name]: kind for name, kind in functions.items() if name in names},
        {names[name]: tests for name, tests in classes.items() if name in names},
    )


def _test(node: ast.stmt, parametrised: bool) -> Tests:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
        return {node.name: parametrised or _is_parametrised(node)}
    return {}


def _is_parametrised(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any("parametrize" in ast.unparse(decorator) for decorator in node.decorator_list)


def _has_parameters(tree: ast.Module) -> bool:
    """Whether a fixture with parameters, or a mark of the module, may give every test of the file brackets."""
    for node in ast.walk(tree):
        decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
        if any("fixture(" in text and "params=" in text for text in map(ast.unparse, decorators)):
            return True
        if isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node) and "parametrize" in ast.unparse(node):
            return True
    return False


@pytest.mark.parametrize(
    "node",
    [
        "tests/test_hazards.py::test_that_is_not_there",
        "tests/test_hazards.py::exists",
        "tests/test_hazards.py",
        "tests/test_hazards.py::test_the_log_has_its_hazards_in_order[H01]",
        "tests/no_such_file.py::test_anything",
        "fhir_server/app.py::test_anything",
        "tests/test_hazards.py::TestNothing::test_anything",
    ],
)
def test_an_invented_test_is_found_out(node: str) -> None:
    assert not exists(node)


class _Rules:
    def test_inherited(self) -> None:
        assert exists("tests/test_hazards.py::TestInherited::test_inherited")


class TestInherited(_Rules):
    """Stands for a suite that several implementations inherit."""

    @pytest.mark.parametrize("number", [1])
    def test_own(self, number: int) -> None:
        assert exists(f"tests/test_hazards.py::TestInherited::test_own[{number}]")


def test_real_tests_are_found() -> None:
    assert exists("tests/test_hazards.py::test_real_tests_are_found")
    assert exists("tests/test_hazards.py::TestInherited::test_inherited")
    assert not exists("tests/test_hazards.py::_Rules::test_inherited")
    assert exists("tests/store/test_conformance.py::TestStore::test_answers_like_the_oracle")
    assert exists("tests/test_hazards.py::test_a_hazard_is_whole")
    assert exists("tests/test_hazards.py::test_a_hazard_is_whole[H01]")

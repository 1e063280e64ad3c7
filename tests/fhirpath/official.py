"""The official FHIRPath suite for R4: its cases, and what our engine makes of one.

https://github.com/FHIR/fhir-test-cases (r4/fhirpath)
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from fhir_server.definitions.definitions import r4
from fhir_server.fhirpath.code import truth
from fhir_server.fhirpath.compiler import Compiler
from fhir_server.fhirpath.env import Env, Item
from fhir_server.fhirpath.errors import EvaluationError, ExpressionInvalid, ExpressionNotSupported
from fhir_server.fhirpath.values.conversion import to_string
from fhir_server.model.json import parse as parse_json
from fhir_server.model.xml.reader import parse as parse_xml

NOW = datetime(2026, 11, 26, 12, 30, 15, 250_000, tzinfo=UTC)
COMPILER = Compiler(r4())
_MOST = 10_000_000


@dataclass(frozen=True)
class Case:
    """A case: `wrong` says how the expression is wrong, or is empty; `outputs` are (type, text) pairs."""

    name: str
    expression: str
    input: str
    wrong: str
    predicate: bool
    outputs: tuple[tuple[str, str], ...]


def cases(suite: Path) -> list[Case]:
    """The cases of the suite, in order; a name that comes again is numbered."""
    root = ElementTree.fromstring(suite.read_bytes())
    found: list[Case] = []
    names: dict[str, int] = {}
    for test in root.iterfind("group/test"):
        name = test.get("name", "")
        names[name] = names.get(name, 0) + 1
        found.append(_case(test, name if names[name] == 1 else f"{name} ({names[name]})"))
    return found


def _case(test: ElementTree.Element, name: str) -> Case:
    expression = test.find("expression")
    assert expression is not None
    outputs = tuple((each.get("type", ""), each.text or "") for each in test.iterfind("output"))
    return Case(
        name,
        expression.text or "",
        test.get("inputfile", ""),
        expression.get("invalid", ""),
        test.get("predicate") == "true",
        outputs,
    )


@cache
def resource(path: Path) -> dict[str, Any]:
    """An input file as JSON."""
    raw = path.read_bytes()
    if path.suffix == ".json":
        return dict(parse_json(raw, max_bytes=_MOST).data)
    if path.name == "observation-example.xml":
        raw = _in_order(raw)
    return dict(parse_xml(raw, r4(), max_bytes=_MOST).data)


def _in_order(raw: bytes) -> bytes:
    """The one input whose extension stands behind the status, where R4's schema does not allow it."""
    found = re.search(rb"<extension.*</extension>", raw, re.DOTALL)
    assert found is not None
    return raw.replace(found[0], b"").replace(b'<status value="final"', found[0] + b'<status value="final"', 1)


def fault(case: Case, data: dict[str, Any]) -> str | None:
    """What is wrong with our answer to a case on this resource; None where it passes."""
    root: Item = (data["resourceType"], data, None)
    try:
        code = COMPILER.compile(case.expression, root[0])
        found = code.run([root], Env(root, now=NOW))
    except (ExpressionInvalid, ExpressionNotSupported, EvaluationError) as error:
        return None if case.wrong else f"refused: {error}"
    if case.wrong:
        return f"not refused, gives {_shown(found)}"
    given = [("boolean", "true" if truth(found) else "false")] if case.predicate else _shown(found)
    wanted = [(kind, _plain(text)) for kind, text in case.outputs]
    if len(given) != len(wanted) or not all(map(_same, given, wanted)):
        return f"gives {given}, not {wanted}"
    return None


def _plain(text: str) -> str:
    return text.removeprefix("@").removeprefix("T") if text.startswith("@") else text


def _shown(items: list[Item]) -> list[tuple[str, str]]:
    return [(item[0].removeprefix("System."), _text(item)) for item in items]


def _text(item: Item) -> str:
    found = to_string(item)
    return found[1] if found is not None else json.dumps(item[1], default=str)


def _same(given: tuple[str, str], wanted: tuple[str, str]) -> bool:
    """The suite names the types of FHIRPath as those of FHIR."""
    kind, text = wanted
    return (not kind or given[0].lower() == kind.lower()) and given[1] == text


__all__ = ["NOW", "Case", "cases", "fault", "resource"]

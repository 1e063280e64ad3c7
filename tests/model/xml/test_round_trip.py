"""From JSON to XML and back, and from XML: nothing is lost, numbers and narrative are the same to the letter."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions.definitions import r4
from fhir_server.model.json import dump
from fhir_server.model.json import parse as parse_json
from fhir_server.model.xml.reader import parse
from fhir_server.model.xml.writer import write
from fhir_server.outcome import Invalid
from tests.model.xml.generated import TEXT, Generator
from tests.public_data import folder
from tests.validation.samples import ALL

PLENTY = 1 << 26
R4 = r4()
CASES = folder("fhir-test-cases/r4")
PACKAGE = folder("packages/hl7.fhir.r4.core.tgz")

# Files of the test cases that are no resource of R4, with what they break.
NOT_R4 = {
    "r4/myconsent-ext.xml": "StructureDefinition.context is that of STU3 (contextType)",
    "r4/observation-example.xml": "an extension stands before meta and text",
}
XML_CASES = [path for path in sorted(CASES.rglob("*.xml")) if path.parent.name in ("r4", "examples")]


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _spelled(raw: bytes) -> Any:
    """A tree with the numbers as they are spelled."""
    return msgspec.json.Decoder(float_hook=str).decode(raw)


def _back(text: bytes, *, pretty: bool = False) -> bytes:
    return parse(write(text, R4, pretty=pretty), R4, max_bytes=PLENTY).text


def test_there_are_cases() -> None:
    assert len(XML_CASES) > 20


@pytest.mark.parametrize("path", XML_CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_xml_example_comes_back_as_it_was(path: Path) -> None:
    if _name(path) in NOT_R4:
        with pytest.raises(Invalid):
            parse(path.read_bytes(), R4, max_bytes=PLENTY)
        return
    text = parse(path.read_bytes(), R4, max_bytes=PLENTY).text
    assert _back(text) == text
    assert _back(text, pretty=True) == text


@pytest.mark.parametrize("path", sorted((CASES / "examples").glob("*.json")), ids=lambda path: path.stem)
def test_a_json_example_comes_back_as_it_was(path: Path) -> None:
    text = parse_json(path.read_bytes(), max_bytes=PLENTY).text
    assert _spelled(_back(text)) == _spelled(text)
    assert _spelled(_back(text, pretty=True)) == _spelled(text)


# Twins that say different things, with where.
DIFFERENT: dict[str, set[str]] = {
    "r4/codesystem-example.xml": {"text", "description"},  # no narrative; white space in the description
    "examples/observation-example.xml": {"text", "extension"},  # &#39; for '; an extension that the JSON lacks
}
TWINS = [
    path for path in XML_CASES if _name(path) not in NOT_R4 and (CASES / "examples" / f"{path.stem}.json").exists()
]


def test_there_are_twins() -> None:
    assert len(TWINS) == 9


@pytest.mark.parametrize("path", TWINS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_example_in_xml_is_its_twin_in_json(path: Path) -> None:
    found = parse(path.read_bytes(), R4, max_bytes=PLENTY).data
    twin = parse_json((CASES / "examples" / f"{path.stem}.json").read_bytes(), max_bytes=PLENTY).data
    assert {key for key in found.keys() | twin.keys() if found.get(key) != twin.get(key)} == DIFFERENT.get(
        _name(path), set()
    )


def _of_package(every: int) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(PACKAGE) as package:
        for number, member in enumerate(package):
            content = package.extractfile(member)
            if number % every == 0 and member.name.endswith(".json") and content is not None:
                yield member.name, content.read()


def test_the_official_definitions_come_back_as_they_were() -> None:
    """One in fifty of the package of R4: profiles, value sets, code systems, search parameters."""
    count = 0
    for name, raw in _of_package(every=50):
        resource_type = _spelled(raw).get("resourceType")
        if resource_type is None or not R4.is_resource_type(resource_type):
            continue
        text = parse_json(raw, max_bytes=PLENTY).text
        assert _spelled(_back(text)) == _spelled(text), name
        count += 1
    assert count > 80


@pytest.mark.parametrize("sample", ALL, ids=lambda sample: sample.__name__)
def test_samples_come_back_as_they_were(sample: Any) -> None:
    data = sample()
    assert parse(write(dump(data), R4), R4, max_bytes=PLENTY).data == data


@given(st.integers(0, 2**32), st.lists(TEXT, min_size=1, max_size=6), st.booleans())
def test_any_resource_comes_back_letter_by_letter(seed: int, texts: list[str], pretty: bool) -> None:
    text = Generator(R4, Random(seed), texts).resource().encode()
    expected = parse_json(text, max_bytes=PLENTY).text
    once = _back(expected, pretty=pretty)
    assert _spelled(once) == _spelled(expected)
    assert _back(once, pretty=pretty) == once

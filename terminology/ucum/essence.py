"""The prefixes and units of UCUM, as its own file `ucum-essence.xml` defines them.

The file comes unchanged with the library `ucumvert`, of which nothing else is used. https://ucum.org/license
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

_SPACE = "{http://unitsofmeasure.org/ucum-essence}"


@dataclass(frozen=True, slots=True)
class UnitDefinition:
    """A unit that is no base unit: `value` times another `unit` expression. `metric`: it takes prefixes. `arbitrary`:
    it measures by a convention of its own. `special`: the name of the function by which it is made."""

    code: str
    metric: bool
    value: Fraction
    unit: str
    arbitrary: bool = False
    special: str | None = None


@dataclass(frozen=True, slots=True)
class Essence:
    """Prefixes with their factors, base units (all of them metric), and defined units, by case-sensitive codes."""

    version: str
    prefixes: Mapping[str, Fraction]
    bases: frozenset[str]
    units: Mapping[str, UnitDefinition]


@cache
def essence() -> Essence:
    """The units, read once. Raises `OSError` where the library is not installed whole."""
    root = ElementTree.fromstring(_file().read_bytes())
    return Essence(
        root.get("version", ""),
        {each.attrib["Code"]: _number(each.find(f"{_SPACE}value")) for each in root.iter(f"{_SPACE}prefix")},
        frozenset(each.attrib["Code"] for each in root.iter(f"{_SPACE}base-unit")),
        {each.attrib["Code"]: _unit(each) for each in root.iter(f"{_SPACE}unit")},
    )


def _file() -> Path:
    found = find_spec("ucumvert")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("the library ucumvert, which brings the units of UCUM, is not installed")
    return Path(found.submodule_search_locations[0]) / "vendor" / "ucum-essence.xml"


def _number(value: ElementTree.Element | None) -> Fraction:
    return Fraction("1" if value is None else value.attrib["value"])


def _unit(element: ElementTree.Element) -> UnitDefinition:
    code, metric = element.attrib["Code"], element.get("isMetric") == "yes"
    value = element.find(f"{_SPACE}value")
    function = None if value is None else value.find(f"{_SPACE}function")
    if function is not None:
        return UnitDefinition(code, metric, _number(function), function.attrib["Unit"], special=function.attrib["name"])
    unit = "1" if value is None else value.attrib["Unit"]
    return UnitDefinition(code, metric, _number(value), unit, arbitrary=element.get("isArbitrary") == "yes")

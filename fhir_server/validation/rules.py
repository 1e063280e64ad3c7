"""Rules of single datatypes and resources that no cardinality or type can say. The registry is `RULES`."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from fhir_server.validation.bundle import check_bundle
from fhir_server.validation.findings import Findings, Place

Rule: TypeAlias = Callable[[dict[str, Any], Place, Findings], None]

_NO_VALUE = frozenset({"id", "extension", "url"})
_NESTING = frozenset({"extension", "modifierExtension"})
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:", re.ASCII)


def check_extension(value: dict[str, Any], here: Place, findings: Findings) -> None:
    """ext-1, and the form of the url. https://hl7.org/fhir/R4/extensibility.html#Extension"""
    has_value = not value.keys() <= _NO_VALUE
    if has_value == ("extension" in value):
        what = "both" if has_value else "neither"
        sentence = f"An extension has either value[x] or extensions inside it, here it has {what} (ext-1)."
        findings.add("invariant", sentence, here)
    url = value.get("url")
    if type(url) is str and not _ABSOLUTE.match(url) and not _is_nested(here):
        findings.add("extension", "The url of an extension must be absolute (inside another it need not).", here, "url")


def _is_nested(here: Place) -> bool:
    around = here[0][0]
    return around is not None and around[0] is not None and around[0][1] in _NESTING


RULES: dict[str, Rule] = {
    "Bundle": check_bundle,
    "Extension": check_extension,
}

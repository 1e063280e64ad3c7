"""FHIR XML from the JSON text of a resource. https://hl7.org/fhir/R4/xml.html

The elements come in the order of their definitions; numbers keep the spelling that they have in JSON, and narrative
stands as it is. Two characters that JSON knows and XML does not (U+FFFE, U+FFFF) become U+FFFD.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec

from fhir_server.definitions.definitions import Definitions
from fhir_server.model.xml.elements import FHIR, Elements, Kind, Step, elements_for

_decode = msgspec.json.Decoder(float_hook=str).decode
_SPECIAL = re.compile('[&<>"\x00-\x1f\ufffe\uffff]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_INDENT = "  "


def write(text: bytes, definitions: Definitions, *, pretty: bool = False) -> bytes:
    """The XML of a resource that is valid by these definitions, given as JSON; `pretty` lays it out for people.

    Raises `KeyError` where the text has an element that the definitions do not know: such a resource is never stored.
    """
    writer = _writer(definitions, pretty)
    out = [_DECLARATION]
    writer.resource(_decode(text), out, f' xmlns="{FHIR}"', 0)
    if pretty:
        out.append("\n")
    return "".join(out).encode()


@lru_cache(maxsize=8)
def _writer(definitions: Definitions, pretty: bool) -> "_Writer":
    return _Writer(elements_for(definitions), pretty)


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], "\N{REPLACEMENT CHARACTER}")


def _attribute(value: Any) -> str:
    """A JSON value as the content of an attribute; numbers with a point come as text."""
    if type(value) is str:
        return _SPECIAL.sub(_escaped, value) if _SPECIAL.search(value) else value
    if value is True:
        return "true"
    return "false" if value is False else str(value)


class _Writer:
    """Appends elements to a list of texts. `new_line(depth)` goes before each tag."""

    def __init__(self, elements: Elements, pretty: bool) -> None:
        self._elements = elements
        self._pretty = pretty
        self._orders: dict[str, dict[str, int]] = {}

    def resource(self, data: dict[str, Any], out: list[str], namespace: str, depth: int) -> None:
        """A resource as an element that is named after its type."""
        name = data["resourceType"]
        out.append(f"{self._new_line(depth)}<{name}{namespace}>")
        self._children(data, name, out, depth + 1)
        out.append(f"{self._new_line(depth)}</{name}>")

    def _new_line(self, depth: int) -> str:
        return "\n" + _INDENT * depth if self._pretty else ""

    def _children(self, data: dict[str, Any], shape: str, out: list[str], depth: int) -> None:
        steps = self._elements.steps(shape)
        order = self._orders.get(shape) or self._order(shape, steps)
        for key in sorted(data, key=order.__getitem__):
            if order[key] < 0:
                continue
            name = key
            if key[0] == "_":
                name = key[1:]
                if name in data:
                    continue
            step = steps[name]
            if step.primitive:
                self._primitives(step, data.get(name), data.get("_" + name), out, depth)
            elif step.repeats:
                for item in data[name]:
                    self._element(step, item, out, depth)
            else:
                self._element(step, data[name], out, depth)

    def _order(self, shape: str, steps: dict[str, Step]) -> dict[str, int]:
        """The order of JSON names; what is no child element has a negative one."""
        order = {"resourceType": -1, "id": -1, "url": -1}
        for name, step in steps.items():
            order[name] = order["_" + name] = step.order
        self._orders[shape] = order
        return order

    def _primitives(self, step: Step, value: Any, sibling: Any, out: list[str], depth: int) -> None:
        if not step.repeats:
            self._primitive(step, value, sibling, out, depth)
            return
        values, siblings = value or [], sibling or []
        for index in range(max(len(values), len(siblings))):
            self._primitive(
                step,
                values[index] if index < len(values) else None,
                siblings[index] if index < len(siblings) else None,
                out,
                depth,
            )

    def _primitive(self, step: Step, value: Any, sibling: dict[str, Any] | None, out: list[str], depth: int) -> None:
        shown = "" if value is None else f' value="{_attribute(value)}"'
        if not sibling:
            out.append(f"{self._new_line(depth)}<{step.name}{shown}/>")
            return
        named = f' id="{_attribute(sibling["id"])}"' if "id" in sibling else ""
        self._with_content(step, sibling, f"{named}{shown}", out, depth)

    def _element(self, step: Step, value: Any, out: list[str], depth: int) -> None:
        if step.kind is Kind.NARRATIVE:
            out.append(self._new_line(depth))
            out.append(value)
        elif step.kind is Kind.HOLDER:
            out.append(f"{self._new_line(depth)}<{step.name}>")
            self.resource(value, out, "", depth + 1)
            out.append(f"{self._new_line(depth)}</{step.name}>")
        else:
            attributes = f' id="{_attribute(value["id"])}"' if "id" in value else ""
            if step.shape == "Extension" and "url" in value:
                attributes += f' url="{_attribute(value["url"])}"'
            self._with_content(step, value, attributes, out, depth)

    def _with_content(self, step: Step, data: dict[str, Any], attributes: str, out: list[str], depth: int) -> None:
        start = len(out)
        out.append(f"{self._new_line(depth)}<{step.name}{attributes}>")
        self._children(data, step.shape, out, depth + 1)
        if len(out) == start + 1:
            out[start] = f"{self._new_line(depth)}<{step.name}{attributes}/>"
        else:
            out.append(f"{self._new_line(depth)}</{step.name}>")

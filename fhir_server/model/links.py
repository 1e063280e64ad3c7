"""Links in a resource, found by the types of its elements: listed, and rewritten where a transaction gives new ids.

https://hl7.org/fhir/R4/references.html, https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from functools import lru_cache
from typing import Any, NamedTuple
from xml.sax.saxutils import escape, unescape

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import Element
from fhir_server.model.elements import elements_of, is_primitive, json_names, shape_of
from fhir_server.model.place import expression

_TAG = re.compile(r"""(<(?:a|img))((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))+)""", re.ASCII)
_ATTRIBUTE = re.compile(r"""(\s+([\w:.-]+)\s*=\s*)("[^"<]*"|'[^'<]*')""", re.ASCII)
_LINKING = frozenset({"href", "src"})
_QUOTES = {'"': "&quot;", "'": "&apos;"}
_UNQUOTES = {"&quot;": '"', "&apos;": "'"}


class _Kind(Enum):
    OBJECT = auto()
    REFERENCE = auto()
    RESOURCE = auto()
    LINK = auto()
    NAME = auto()
    NARRATIVE = auto()


_PRIMITIVES = {
    "uri": _Kind.NAME,
    "url": _Kind.LINK,
    "oid": _Kind.LINK,
    "uuid": _Kind.LINK,
    "xhtml": _Kind.NARRATIVE,
}


class _Step(NamedTuple):
    """What a member holds: elements inside (of this shape) or text that can be a link; `name` is its FHIR name."""

    inner: bool
    kind: _Kind
    name: str
    inside: str = ""


_Steps = dict[str, _Step]
_Place = tuple[Any, ...]


def references(data: dict[str, Any], definitions: Definitions) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Reference in a resource with its FHIRPath, those in contained resources and extensions included.

    The entries of a Bundle are left out, here and in `rewrite`: their references resolve within that Bundle.
    """
    found: list[tuple[_Place, dict[str, Any]]] = []
    _links(definitions).collect(data, (None, data["resourceType"]), found)
    for place, reference in found:
        yield expression(place), reference


def rewrite(data: dict[str, Any], mapping: Mapping[str, str], definitions: Definitions) -> bool:
    """Replace, in place, each link that is a key of the mapping (a `#fragment` stays); whether there was one.

    Links are: Reference.reference, elements of type uri, url, oid and uuid, `<a href>` and `<img src>` in narrative.
    Elements of type canonical are none, says the specification. In a uri only `urn:` keys are replaced: an `https:` one
    there is the name of something (a code system, an extension, the resource's own url), which a new address leaves.
    """
    return bool(mapping) and _links(definitions).rewrite(data, data["resourceType"], mapping)


@lru_cache(maxsize=4)
def _links(definitions: Definitions) -> "_Links":
    return _Links(definitions)


class _Links:
    """The members that can hold a link, by shape; worked out when a shape is first met."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._shapes: dict[str, _Steps] = {}

    def collect(self, data: dict[str, Any], place: _Place, found: list[tuple[_Place, dict[str, Any]]]) -> None:
        self._collect(data, self._steps(data["resourceType"]), place, found)

    def rewrite(self, data: dict[str, Any], shape: str, mapping: Mapping[str, str]) -> bool:
        changed = False
        steps = self._steps(shape)
        for key, value in data.items():
            step = steps.get(key)
            if step is None:
                continue
            if step.inner:
                changed |= self._rewrite_inside(value, step, mapping)
                continue
            new = _rewritten(value, step.kind, mapping)
            if new is not value:
                data[key] = new
                changed = True
        return changed

    def _rewrite_inside(self, value: Any, step: _Step, mapping: Mapping[str, str]) -> bool:
        if isinstance(value, list):
            return any([self._rewrite_inside(item, step, mapping) for item in value])
        if not isinstance(value, dict):
            return False
        return self.rewrite(value, _shape_inside(value, step), mapping)

    def _collect(
        self, data: dict[str, Any], steps: _Steps, place: _Place, found: list[tuple[_Place, dict[str, Any]]]
    ) -> None:
        for key, value in data.items():
            step = steps.get(key)
            if step is None or not step.inner:
                continue
            for at, item in _objects(value, (place, step.name)):
                if step.kind is _Kind.REFERENCE:
                    found.append((at, item))
                self._collect(item, self._steps(_shape_inside(item, step)), at, found)

    def _steps(self, shape: str) -> _Steps:
        steps = self._shapes.get(shape)
        if steps is not None:
            return steps
        try:
            elements = elements_of(shape, self._definitions)
        except KeyError:  # no type of FHIR; not kept, for anything may be written there
            return {}
        return self._shapes.setdefault(shape, self._compile(shape, elements))

    @staticmethod
    def _compile(shape: str, elements: tuple[Element, ...]) -> _Steps:
        steps: _Steps = {}
        for element in elements:
            if element.path in _CLOSED:
                continue
            for name, kind in json_names(element):
                if kind is None or not is_primitive(kind.code):
                    inside = shape_of(element, kind)
                    steps[name] = _Step(True, _COMPLEX.get(inside, _Kind.OBJECT), element.name, inside)
                    continue
                steps["_" + name] = _Step(True, _Kind.OBJECT, element.name, "Element")
                if kind.code in _PRIMITIVES:
                    steps[name] = _Step(False, _PRIMITIVES[kind.code], element.name)
        if shape == "Reference":
            steps["reference"] = _Step(False, _Kind.LINK, "reference")
        return steps


_CLOSED = frozenset({"Bundle.entry.fullUrl", "Bundle.entry.resource"})
_COMPLEX = {"Reference": _Kind.REFERENCE, "Resource": _Kind.RESOURCE}


def _objects(value: Any, place: _Place) -> list[tuple[_Place, dict[str, Any]]]:
    if type(value) is list:
        return [((place, index), item) for index, item in enumerate(value) if type(item) is dict]
    return [(place, value)] if type(value) is dict else []


def _shape_inside(value: dict[str, Any], step: _Step) -> str:
    """What names the elements of an object; a resource says it itself."""
    name = value.get("resourceType") if step.kind is _Kind.RESOURCE else step.inside
    return name if isinstance(name, str) else ""


def _rewritten(value: Any, kind: _Kind, mapping: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        new = [_rewritten(item, kind, mapping) for item in value]
        return new if new != value else value
    if not isinstance(value, str):
        return value
    if kind is _Kind.NARRATIVE:
        return _rewrite_narrative(value, mapping)
    return _target(value, mapping) if kind is _Kind.LINK or value.startswith("urn:") else value


def _target(link: str, mapping: Mapping[str, str]) -> str:
    whole = mapping.get(link)
    if whole is not None:
        return whole
    address, mark, fragment = link.partition("#")
    new = mapping.get(address) if mark else None
    return link if new is None else f"{new}#{fragment}"


def _rewrite_narrative(div: str, mapping: Mapping[str, str]) -> str:
    def attribute(match: re.Match[str]) -> str:
        start, name, quoted = match.groups()
        quote, link = quoted[0], quoted[1:-1]
        new = _target(unescape(link, _UNQUOTES), mapping) if name in _LINKING else link
        return match[0] if new == unescape(link, _UNQUOTES) else f"{start}{quote}{escape(new, _QUOTES)}{quote}"

    new = _TAG.sub(lambda tag: tag[1] + _ATTRIBUTE.sub(attribute, tag[2]), div)
    return div if new == div else new

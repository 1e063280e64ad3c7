"""Selectors of XML Patch: the part of XPath that RFC 5261 allows, found in one walk over the document.

https://www.rfc-editor.org/rfc/rfc5261#section-4.1. Beyond the RFC a predicate may compare an attribute of a descendant
(`f:telecom[f:system/@value='phone']`), for that is where FHIR keeps its values. There is no full XPath on purpose: an
expression that a client writes must not be able to run for hours.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from lxml import etree

from fhir_server.outcome import Invalid, TooCostly

Element: TypeAlias = Any
"""An element, comment or processing instruction of lxml"""

_NAME = r"(?:[A-Za-z_][\w.\-]*:)?[A-Za-z_][\w.\-]*"
_LITERAL = r"\"[^\"]*\"|'[^']*'"
_STEP = re.compile(rf"(text\(\)|comment\(\)|{_NAME}|\*|@{_NAME})")
_PREDICATE = re.compile(
    rf"\[\s*(?:([0-9]{{1,9}})|(\.|@{_NAME}|{_NAME}(?:/{_NAME})*(?:/@{_NAME})?)\s*=\s*({_LITERAL}))\s*\]"
)
_MOST_STEPS = 100
MAX_LOOKED_AT = 2_000_000


class Attribute(NamedTuple):
    """An attribute of an element, by its qualified name."""

    element: Element
    name: str


class Text(NamedTuple):
    """The text of an element, or with `tail` the text that follows it."""

    element: Element
    tail: bool

    @property
    def content(self) -> str:
        """The text itself."""
        return (self.element.tail if self.tail else self.element.text) or ""


Node: TypeAlias = Element | Attribute | Text


@dataclass(slots=True)
class Budget:
    """How many nodes may still be looked at; a patch has one for all its selectors."""

    left: int = MAX_LOOKED_AT

    def spend(self) -> None:
        """Count one node; raises `TooCostly` when there were too many."""
        self.left -= 1
        if self.left < 0:
            raise TooCostly("The selectors of the patch look at too many nodes of this resource.")


def select(root: Element, selector: str, namespaces: Mapping[str | None, str], budget: Budget) -> list[Node]:
    """The nodes that a selector names, starting at the document. A name without a prefix is in the namespace under
    None. Raises `Invalid` for what is no selector, or uses a prefix that is not declared."""
    return _Selector(namespaces, budget).nodes(root, selector.strip())


class _Selector:
    def __init__(self, namespaces: Mapping[str | None, str], budget: Budget) -> None:
        self._namespaces = namespaces
        self._budget = budget

    def nodes(self, root: Element, selector: str) -> list[Node]:
        at = 1 if selector.startswith("/") else 0
        found: list[Node] = []
        for number in range(_MOST_STEPS):
            step = _STEP.match(selector, at)
            if step is None:
                raise _not_a_selector()
            found = [node for holder in (found if number else [None]) for node in self._step(root, holder, step[1])]
            at = step.end()
            while (predicate := _PREDICATE.match(selector, at)) is not None:
                found = self._filtered(found, predicate)
                at = predicate.end()
            if at == len(selector):
                return found
            if selector[at] != "/":
                raise _not_a_selector()
            at += 1
        raise Invalid(f"A selector has at most {_MOST_STEPS} steps here.")

    def _step(self, root: Element, holder: Node | None, step: str) -> Iterator[Node]:
        """The nodes of one step below a holder; below None, the document, stands the root."""
        if isinstance(holder, Attribute | Text) or (holder is not None and not _is_element(holder)):
            return
        if step.startswith("@"):
            name = self._qualified(step[1:], attribute=True)
            if holder is not None and name in holder.attrib:
                yield Attribute(holder, name)
        elif step == "text()":
            yield from _texts(holder) if holder is not None else ()
        else:
            yield from self._children(root, holder, step)

    def _children(self, root: Element, holder: Element | None, step: str) -> Iterator[Node]:
        name = None if step in ("*", "comment()") else self._qualified(step)
        for child in [root] if holder is None else holder:
            self._budget.spend()
            if step == "comment()":
                if child.tag is etree.Comment:
                    yield child
            elif _is_element(child) and (name is None or child.tag == name):
                yield child

    def _filtered(self, found: list[Node], predicate: re.Match[str]) -> list[Node]:
        position, path, literal = predicate.groups()
        if position is None:
            return [node for node in found if self._has(node, path, literal[1:-1])]
        # Positions count among the siblings of one holder.
        counts: dict[Element, int] = {}
        kept = []
        for node in found:
            holder = _holder(node)
            counts[holder] = counts.get(holder, 0) + 1
            if counts[holder] == int(position):
                kept.append(node)
        return kept

    def _has(self, node: Node, path: str, value: str) -> bool:
        """Whether a path below a node leads to something with this text."""
        if path == ".":
            return _string(node, self._budget) == value
        found: list[Node] = [node]
        for step in path.split("/"):
            found = [inner for each in found for inner in self._step(None, each, step)]
        return any(_string(each, self._budget) == value for each in found)

    def _qualified(self, name: str, *, attribute: bool = False) -> str:
        prefix, _, local = name.rpartition(":")
        if not prefix and attribute:
            return local
        namespace = self._namespaces.get(prefix or None)
        if prefix and namespace is None:
            raise Invalid(f"The prefix {prefix[:40]} is not declared.")
        return f"{{{namespace}}}{local}" if namespace else local


def _is_element(node: Any) -> bool:
    return not isinstance(node, Text | Attribute) and isinstance(node.tag, str)


def _holder(node: Node) -> Element:
    """The element that a node stands in; None for the root."""
    if isinstance(node, Attribute) or (isinstance(node, Text) and not node.tail):
        return node.element
    return (node.element if isinstance(node, Text) else node).getparent()


def _texts(element: Element) -> Iterator[Text]:
    """The text nodes of an element."""
    nodes = [Text(element, tail=False), *(Text(child, tail=True) for child in element)]
    return (node for node in nodes if node.content)


def _string(node: Node, budget: Budget) -> str:
    """The string value of a node."""
    if isinstance(node, Attribute):
        return str(node.element.attrib[node.name])
    if isinstance(node, Text):
        return node.content
    parts = []
    for text in node.itertext(with_tail=False):
        budget.spend()
        parts.append(str(text))
    return "".join(parts)


def _not_a_selector() -> Invalid:
    return Invalid("The selector is not one that RFC 5261 allows: steps of names, *, text(), comment() and @name.")

"""XML Patch on the XML of a resource. RFC 5261, https://hl7.org/fhir/R4/http.html#patch

Offered are elements, attributes, texts and comments. Namespace declarations and processing instructions are not: FHIR
has neither. The prefixes `f` and `h` mean the namespaces of FHIR and of XHTML where a patch does not declare them.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final
from xml.parsers import expat

from lxml import etree

from fhir_server.model.xml.elements import FHIR, XHTML
from fhir_server.model.xml.prolog import in_utf8, not_well_formed, strict_parser
from fhir_server.outcome import FhirError, Invalid, NotSupported, Unprocessable
from fhir_server.patch import MAX_OPERATIONS
from fhir_server.patch.xml_selector import Attribute, Budget, Element, Node, Text, select

_PREFIXES: Final[dict[str | None, str]] = {
    "f": FHIR,
    "h": XHTML,
    "xml": "http://www.w3.org/XML/1998/namespace",
}
_PLACES: Final = (None, "before", "after", "prepend")
_Pieces = list[Any]
"""What stands in an operation: texts and elements, in their order"""


def apply(document: bytes, patch: bytes) -> bytes:
    """What a patch makes of an XML document.

    Raises `Invalid` for a patch that is none, `NotSupported` for what is not offered, `Unprocessable` for an operation
    that does not apply; all name the operation.
    """
    operations = [each for each in _read(patch, "patch") if isinstance(each.tag, str)]
    if not operations:
        raise Invalid("The XML Patch has no operations.")
    if len(operations) > MAX_OPERATIONS:
        raise Invalid(f"An XML Patch here has at most {MAX_OPERATIONS} operations.")
    patching = _Patching(_read(document, "resource"))
    for index, operation in enumerate(operations):
        try:
            patching.apply(operation)
        except FhirError as error:
            sentence = f"Operation {index} of the patch, counted from 0: {error.issues[0].diagnostics}"
            raise type(error)(sentence) from error
    return bytes(etree.tostring(patching.root, encoding="UTF-8", xml_declaration=True))


def _read(raw: bytes, name: str) -> Element:
    """The root of an XML document without a document type."""
    raw = in_utf8(raw)
    try:
        strict_parser().Parse(raw, True)
    except expat.ExpatError as error:
        raise Invalid(not_well_formed(error)) from error
    parser = etree.XMLParser(
        encoding="UTF-8", resolve_entities=False, no_network=True, load_dtd=False, strip_cdata=False, huge_tree=False
    )
    try:
        return etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unprocessable(f"The {name} is too deep, or a value in it too long, for an XML Patch.") from error


class _Patching:
    """A document on its way through the operations."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self._budget = Budget()

    def apply(self, operation: Element) -> None:
        """Carry out one operation: `<add>`, `<replace>` or `<remove>`."""
        act = _ACTS.get(etree.QName(operation).localname)
        if act is None:
            raise Invalid("An operation is add, replace or remove.")
        act(self, operation, self._selected(operation))

    def add(self, operation: Element, node: Node) -> None:
        """Put content into an element, or beside one; with `type="@name"` give it an attribute."""
        kind, place = operation.get("type"), operation.get("pos")
        if isinstance(node, Attribute | Text) or place not in _PLACES:
            raise Invalid("Content is added to an element (pos: prepend, before, after or nothing).")
        if kind is not None:
            self._add_attribute(operation, node, kind)
            return
        pieces = _pieces(operation)
        parent = node if place in (None, "prepend") else node.getparent()
        if parent is None or not isinstance(parent.tag, str):
            raise Unprocessable("There is no place for content here.")
        index, following = _gap(parent, node, place)
        _put(parent, index, pieces, following)

    def replace(self, operation: Element, node: Node) -> None:
        """Put an element in the place of one, a comment in the place of one, text in that of a text or an attribute."""
        pieces = _pieces(operation)
        if isinstance(node, Attribute):
            node.element.set(node.name, _only_text(pieces))
        elif isinstance(node, Text):
            _set_text(node, _only_text(pieces))
        else:
            self._replace_node(node, [piece for piece in pieces if not _is_blank(piece)])

    def remove(self, operation: Element, node: Node) -> None:
        """Take a node out, and with `ws` the white space before or after it."""
        white_space = operation.get("ws")
        if white_space not in (None, "before", "after", "both"):
            raise Invalid("ws is before, after or both.")
        if isinstance(node, Attribute):
            del node.element.attrib[node.name]
        elif isinstance(node, Text):
            _set_text(node, None)
        elif node.getparent() is None:
            raise Unprocessable("The root of a resource cannot be removed.")
        else:
            _remove_node(node, white_space)

    def _selected(self, operation: Element) -> Node:
        selector = operation.get("sel")
        if selector is None:
            raise Invalid("An operation needs its selector, sel.")
        if "namespace::" in selector or "processing-instruction" in selector or selector.lstrip().startswith("id("):
            raise NotSupported("Namespaces, processing instructions and id() are not offered in selectors.")
        found = select(self.root, selector, {**_PREFIXES, **operation.nsmap}, self._budget)
        if len(found) != 1:
            said = f"{len(found)} nodes" if found else "nothing"
            raise Unprocessable(f"The selector finds {said}; it must find one.")
        return found[0]

    def _add_attribute(self, operation: Element, node: Element, kind: str) -> None:
        if not kind.startswith("@"):
            raise NotSupported("What is added is content or an attribute (type: @name).")
        prefix, _, local = kind[1:].rpartition(":")
        namespace = {**_PREFIXES, **operation.nsmap}.get(prefix) if prefix else None
        name = f"{{{namespace}}}{local}" if namespace else local
        if name in node.attrib:
            raise Unprocessable("There is such an attribute already; replace it.")
        try:
            node.set(name, _only_text(_pieces(operation)))
        except ValueError as error:
            raise Invalid("This is no name of an attribute.") from error

    def _replace_node(self, node: Element, pieces: _Pieces) -> None:
        if (
            len(pieces) != 1
            or isinstance(pieces[0], str)
            or isinstance(pieces[0].tag, str) != isinstance(node.tag, str)
        ):
            raise Invalid("A node is replaced by one node of its kind.")
        new = deepcopy(pieces[0])
        new.tail = node.tail
        parent = node.getparent()
        if parent is None:
            self.root = new
        else:
            parent.replace(node, new)


_ACTS: Final[dict[str, Callable[[_Patching, Element, Node], None]]] = {
    "add": _Patching.add,
    "replace": _Patching.replace,
    "remove": _Patching.remove,
}


def _pieces(operation: Element) -> _Pieces:
    """The content of an operation."""
    pieces: _Pieces = [operation.text] if operation.text else []
    for child in operation:
        if child.tag is etree.ProcessingInstruction:
            raise NotSupported("Processing instructions are not offered; FHIR has none.")
        pieces.append(child)
        if child.tail:
            pieces.append(child.tail)
    return pieces


def _is_blank(piece: Any) -> bool:
    return isinstance(piece, str) and not piece.strip()


def _only_text(pieces: _Pieces) -> str:
    if not all(isinstance(piece, str) for piece in pieces):
        raise Invalid("The value of an attribute or text is text.")
    return "".join(pieces)


def _set_text(node: Text, content: str | None) -> None:
    if node.tail:
        node.element.tail = content
    else:
        node.element.text = content


def _gap(parent: Element, node: Element, place: str | None) -> tuple[int, str | None]:
    """Where content goes: the index among the child nodes, and the text that is to follow it, cut off here."""
    if place is None:
        return len(parent), None
    if place == "before":
        return parent.index(node), None
    if place == "prepend":
        following, parent.text = parent.text, None
        return 0, following
    following, node.tail = node.tail, None
    return parent.index(node) + 1, following


def _put(parent: Element, index: int, pieces: _Pieces, following: str | None) -> None:
    for piece in [*pieces, following or ""]:
        if isinstance(piece, str):
            _append_text(parent, index, piece)
        else:
            new = deepcopy(piece)
            new.tail = None
            last = parent[index - 1] if index else None
            tail = last.tail if last is not None else None
            parent.insert(index, new)
            if last is not None:
                last.tail = tail
            index += 1


def _append_text(parent: Element, index: int, text: str) -> None:
    """Put text before the child node at an index."""
    if not text:
        return
    if index:
        parent[index - 1].tail = (parent[index - 1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _remove_node(node: Element, white_space: str | None) -> None:
    parent = node.getparent()
    index, following = parent.index(node), node.tail or ""
    if white_space in ("before", "both"):
        before = Text(parent[index - 1], tail=True) if index else Text(parent, tail=False)
        if before.content and not before.content.strip():
            _set_text(before, None)
    if white_space in ("after", "both") and not following.strip():
        following = ""
    parent.remove(node)
    _append_text(parent, index, following)

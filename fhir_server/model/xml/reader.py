"""FHIR XML read into what JSON is read into, and refused with the place of the fault. https://hl7.org/fhir/R4/xml.html

The parser is expat, which reads nothing but the bytes it is given. A document type is refused where it begins, so there
are no entities but those of XML itself. Each element is looked up in the definitions; what they do not know, what
stands out of order and what text stands between elements is a fault. The result is written as JSON and read by
`model.json`, so that everything which holds for a body in JSON holds here too: depth, sizes, numbers.

Comments are dropped. Narrative stays as it is written, in the form that JSON has for it.
"""

import re
from functools import lru_cache
from typing import Any
from xml.parsers import expat

import msgspec

from fhir_server.definitions.definitions import Definitions
from fhir_server.model.json import Document, dump
from fhir_server.model.json import parse as parse_json
from fhir_server.model.limits import MAX_DEPTH, TOO_DEEP
from fhir_server.model.place import cut
from fhir_server.model.xml.elements import FHIR, XHTML, Elements, Kind, Step, elements_for
from fhir_server.model.xml.narrative import NarrativeReader
from fhir_server.model.xml.prolog import in_utf8, not_well_formed, strict_parser
from fhir_server.outcome import Invalid, Issue, TooLarge

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_SCHEMA_HINTS = frozenset(
    f"http://www.w3.org/2001/XMLSchema-instance {name}" for name in ("schemaLocation", "noNamespaceSchemaLocation")
)
_DIV = f"{XHTML} div"
_MOST_ISSUES = 200

_Steps = dict[str, Step]


def parse(raw: bytes, definitions: Definitions, *, max_bytes: int) -> Document:
    """Read a resource. Raises `Invalid` with the faults and their places, `TooLarge` over the limit.

    Whether values and cardinalities are right is left to validation, as with JSON.
    """
    text = to_json(raw, definitions, max_bytes=max_bytes)
    return parse_json(text, max_bytes=max(len(text), max_bytes))


def to_json(raw: bytes, definitions: Definitions, *, max_bytes: int) -> bytes:
    """As `parse`, the resource as JSON that is still to be parsed (numbers may be out of range)."""
    if len(raw) > max_bytes:
        raise TooLarge(f"The body has {len(raw)} bytes, more than the limit of {max_bytes}.")
    return dump(_Reader(_tables(definitions)).read(in_utf8(raw)))


@lru_cache(maxsize=4)
def _tables(definitions: Definitions) -> "_Tables":
    return _Tables(elements_for(definitions))


class _Tables:
    """The steps of each shape by the names that the parser gives: namespace, space, name."""

    def __init__(self, elements: Elements) -> None:
        self._elements = elements
        self._shapes: dict[str, _Steps] = {}
        self.resources = {f"{FHIR} {name}": step for name, step in elements.resources.items()}

    def of(self, step: Step) -> _Steps:
        """The steps of what may stand inside an element."""
        if step.kind is Kind.HOLDER:
            return self.resources
        steps = self._shapes.get(step.shape)
        if steps is None:
            found = self._elements.steps(step.shape).items()
            steps = self._shapes[step.shape] = {
                (_DIV if each.kind is Kind.NARRATIVE else f"{FHIR} {name}"): each for name, each in found
            }
        return steps


class _Frame:
    """An open element. `data` is the object that its child elements go into: of a primitive, the one beside its value,
    made when there is something to put in; of a holder, the object around it. `depth` is how deep in JSON that object
    lies. `bare`: nothing is inside yet, and something must be. `siblings` are the names of repeating primitives that
    have such objects."""

    __slots__ = ("bare", "data", "depth", "index", "last", "siblings", "step", "steps")

    def __init__(self, step: Step, steps: _Steps, data: Any, index: int | None, depth: int, *, bare: bool) -> None:
        self.step = step
        self.steps = steps
        self.data = data
        self.index = index
        self.depth = depth
        self.bare = bare
        self.last: Step | None = None
        self.siblings: list[str] | None = None


_ROOT = Step(0, "", "", False, Kind.HOLDER, "Resource")


class _Reader:
    """Reads one body. The parser calls the methods for each tag; faults are gathered, and what is at fault skipped."""

    def __init__(self, tables: _Tables) -> None:
        self._tables = tables
        self._issues: list[Issue] = []
        self._skipping = 0
        self._root: dict[str, Any] = {}
        self._stack = [_Frame(_ROOT, tables.resources, self._root, None, 0, bare=True)]
        self._raw = b""
        self._parser: Any = None

    def read(self, raw: bytes) -> dict[str, Any]:
        """The resource as a tree whose numbers are JSON texts."""
        self._raw = raw
        self._parser = parser = strict_parser()
        parser.buffer_text = True
        parser.ProcessingInstructionHandler = self._instruction
        self._handle_elements()
        try:
            parser.Parse(raw, True)
        except expat.ExpatError as error:
            raise Invalid([*self._issues, Issue("invalid", not_well_formed(error))][:_MOST_ISSUES]) from error
        finally:
            self._parser = None  # the parser holds this reader: no cycle is left for the collector
        if self._issues:
            raise Invalid(self._issues)
        return self._root[""]  # type: ignore[no-any-return]

    def _handle_elements(self) -> None:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    # What may not be there at all.

    def _instruction(self, *_: Any) -> None:
        if len(self._stack) > 1 and not self._skipping:
            self._fault("Processing instructions must not stand inside a resource.")

    def _text(self, text: str) -> None:
        if not self._skipping and not text.isspace():
            self._stack[-1].bare = False
            self._fault("Text must not stand between elements; a value goes into the attribute `value`.")

    # Elements.

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipping:
            self._skipping += 1
            return
        frame = self._stack[-1]
        step = frame.steps.get(name)
        if step is None:
            self._unknown(name, frame)
        elif frame.last is not None and step.order <= frame.last.order and not self._may_follow(step, frame):
            self._skipping = 1
        else:
            frame.last = step
            self._open(step, frame, attributes)

    def _open(self, step: Step, frame: _Frame, attributes: dict[str, str]) -> None:
        if frame.data is None:
            frame.data = self._beside(frame, self._stack[-2])
        data = frame.data
        if step.kind is Kind.NARRATIVE:
            self._narrative(step, data, attributes)
            return
        depth = self._depth(step, frame)
        if step.primitive:
            value = self._value(step, attributes) if "value" in attributes else None
            index = _put(data, step, value)
            self._stack.append(_Frame(step, self._tables.of(step), None, index, depth + 1, bare=value is None))
            if len(attributes) > 1 or (attributes and value is None):
                self._primitive_attributes(attributes)
        elif step.kind is Kind.COMPLEX:
            inside: dict[str, Any] = {}
            index = _put(data, step, inside)
            self._stack.append(_Frame(step, self._tables.of(step), inside, index, depth, bare=False))
            if attributes:
                self._complex_attributes(step, inside, attributes)
        else:
            self._open_resource(step, frame, attributes, depth)

    def _open_resource(self, step: Step, frame: _Frame, attributes: dict[str, str], depth: int) -> None:
        """A holder gets the object around it; the resource in it is what goes into that object."""
        for name in attributes:
            if not (name in _SCHEMA_HINTS and len(self._stack) == 1):
                self._unknown_attribute(name)
        if step.kind is Kind.HOLDER:
            index = len(frame.data.get(step.name, ())) if step.repeats else None
            self._stack.append(_Frame(step, self._tables.of(step), frame.data, index, depth, bare=True))
            return
        resource: dict[str, Any] = {"resourceType": step.name}
        _put(frame.data, frame.step, resource)
        frame.bare = False
        self._stack.append(_Frame(step, self._tables.of(step), resource, None, depth, bare=False))

    def _depth(self, step: Step, frame: _Frame) -> int:
        """How deep in JSON a value of this element lies: in an array where it repeats, and an object of its own."""
        depth = frame.depth + step.repeats + (step.kind is Kind.COMPLEX or step.kind is Kind.RESOURCE)
        if depth > MAX_DEPTH:
            raise self._too_deep()
        return depth

    def _too_deep(self) -> Invalid:
        return Invalid(f"{TOO_DEEP} This happens{self._at()}.")

    def _end(self, _name: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        frame = self._stack[-1]
        if frame.bare:
            inside = "a value or an extension (ele-1)" if frame.step.primitive else "a resource inside"
            self._fault(f"The element needs {inside}.")
        if frame.siblings is not None:
            _even_out(frame.data, frame.siblings)
        self._stack.pop()

    def _narrative(self, step: Step, data: dict[str, Any], attributes: dict[str, str]) -> None:
        def done(div: str) -> None:
            data[step.name] = div
            self._handle_elements()

        NarrativeReader(self._parser, self._raw, done).start(attributes)

    # Values and attributes.

    def _value(self, step: Step, attributes: dict[str, str]) -> Any:
        """The JSON value of a primitive's `value`; a number as the text that it is."""
        text = attributes["value"]
        if step.kind is Kind.STRING:
            return text
        if step.kind is Kind.NUMBER and _NUMBER.fullmatch(text):
            return msgspec.Raw(text.encode())
        if step.kind is Kind.BOOLEAN and text in _BOOLEANS:
            return _BOOLEANS[text]
        expected = "a number" if step.kind is Kind.NUMBER else "true or false"
        self._fault(f"The value must be {expected}.", step)
        return text

    def _primitive_attributes(self, attributes: dict[str, str]) -> None:
        frame = self._stack[-1]
        for name, text in attributes.items():
            if name == "id":
                if frame.data is None:
                    frame.data = self._beside(frame, self._stack[-2])
                frame.data["id"] = text
            elif name != "value":
                self._unknown_attribute(name)

    def _complex_attributes(self, step: Step, data: dict[str, Any], attributes: dict[str, str]) -> None:
        for name, text in attributes.items():
            if name == "id" or (name == "url" and step.shape == "Extension"):
                data[name] = text
            else:
                self._unknown_attribute(name)

    def _beside(self, frame: _Frame, outer: _Frame) -> dict[str, Any]:
        """The object beside a primitive's value, for its id and extensions."""
        if frame.depth > MAX_DEPTH:
            raise self._too_deep()
        frame.bare = False
        beside: dict[str, Any] = {}
        name = frame.step.name
        if frame.index is None:
            outer.data[f"_{name}"] = beside
            return beside
        if outer.siblings is None:
            outer.siblings = []
        if name not in outer.siblings:
            outer.siblings.append(name)
        row = outer.data.setdefault(f"_{name}", [])
        row += [None] * (frame.index - len(row))
        row.append(beside)
        return beside

    # Faults.

    def _may_follow(self, step: Step, frame: _Frame) -> bool:
        assert frame.last is not None
        if frame.step.kind is Kind.HOLDER:
            self._fault("Only one resource may stand here.")
        elif step.order == frame.last.order:
            if step.repeats or step is not frame.last:
                return True  # a second type of a choice is told by validation
            self._fault(f"The element {step.name} must not repeat.")
        else:
            self._fault(f"The element {step.name} is out of order: the order of the definitions holds in XML.")
        return False

    def _unknown(self, name: str, frame: _Frame) -> None:
        self._skipping = 1
        namespace, _, local = name.rpartition(" ")
        expected = XHTML if local == "div" and _DIV in frame.steps else FHIR
        if namespace != expected:
            self._fault(f"The element `{cut(local)}` is not in the namespace {expected}.")
        elif frame.step.kind is Kind.HOLDER:
            self._fault(f"`{cut(local)}` is not a FHIR R4 resource type.")
        else:
            self._fault(f"There is no element `{cut(local)}` here.")

    def _unknown_attribute(self, name: str) -> None:
        self._fault(f"There is no attribute `{cut(name.rpartition(' ')[2])}` here.")

    def _fault(self, sentence: str, inside: Step | None = None) -> None:
        """Note a fault of the innermost element that is open, or of one inside that is about to be."""
        path = self._path() + (f".{inside.fhir_name}" if inside is not None else "")
        where = self._at()
        self._issues.append(Issue("structure", f"{sentence[:-1]}{where}.", (path,) if path else ()))
        if len(self._issues) >= _MOST_ISSUES:
            raise Invalid(self._issues)

    def _at(self) -> str:
        return f" at line {self._parser.CurrentLineNumber}, column {self._parser.CurrentColumnNumber + 1}"

    def _path(self) -> str:
        """The FHIRPath of the innermost element that is open."""
        steps = [frame for frame in self._stack[1:] if frame.step.kind is not Kind.RESOURCE]
        root = self._stack[1].step.name if len(self._stack) > 1 else ""
        return root + "".join(
            f".{frame.step.fhir_name}" + (f"[{frame.index}]" if frame.index is not None else "") for frame in steps
        )


def _put(data: dict[str, Any], step: Step, value: Any) -> int | None:
    """Put a value where its element belongs; its index where the element repeats."""
    if not step.repeats:
        if value is not None:
            data[step.name] = value
        return None
    values = data.get(step.name)
    if values is None:
        data[step.name] = [value]
        return 0
    values.append(value)
    return len(values) - 1


def _even_out(data: dict[str, Any], names: list[str]) -> None:
    """Give both arrays of a repeating primitive the same length; one of nothing but null is left out."""
    for name in names:
        values, row = data[name], data[f"_{name}"]
        row += [None] * (len(values) - len(row))
        if all(value is None for value in values):
            del data[name]

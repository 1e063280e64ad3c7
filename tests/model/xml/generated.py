"""Resources of any shape that the definitions allow, as JSON texts in the order of the definitions."""

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

from fhir_server.definitions.definitions import Definitions
from fhir_server.definitions.structures import Element, TypeRef
from fhir_server.model.elements import elements_of, is_primitive, json_names, shape_of

_NUMBERS = ("0", "-0.0", "1.10", "0.010", "1.0e3", "1E-2", "-7", "12e+5", "185.5000", "2147483647")
_URL = "Extension.url"
_DIVS = (
    '<div xmlns="http://www.w3.org/1999/xhtml"><p>Sitting &amp; standing</p></div>',
    "<div xmlns='http://www.w3.org/1999/xhtml' title=\"a>b\">1<br/>2<br></br><!-- kept --> \N{HOT BEVERAGE}</div>",
    '<div  xmlns="http://www.w3.org/1999/xhtml" >\n\t<b>x</b><![CDATA[<&]]></div >',
)
TEXT = st.text(
    st.characters(exclude_characters="\ufffe\uffff", exclude_categories=["Cs"], min_codepoint=32)
    | st.sampled_from("\t\n\r\"'<>&"),
    min_size=1,
    max_size=8,
)


class Generator:
    """Makes JSON texts: few elements of each shape, deeper down fewer."""

    def __init__(self, definitions: Definitions, random: Random, texts: list[str]) -> None:
        self._definitions = definitions
        self._random = random
        self._texts = texts

    def resource(self, depth: int = 0) -> str:
        """A resource of some type."""
        name = self._random.choice(self._definitions.resource_types)
        return self._object([f'"resourceType":"{name}"'], name, depth)

    def _object(self, members: list[str], shape: str, depth: int) -> str:
        elements = [each for each in elements_of(shape, self._definitions) if each.max != 0 and each.path != _URL]
        complete = {id(each) for each in self._random.sample(elements, min(len(elements), max(1, 6 - 2 * depth)))}
        for element in elements:
            if id(element) in complete:
                members += self._element(element, depth)
        if not members:
            members.append('"id":"only"')
        return "{" + ",".join(members) + "}"

    def _element(self, element: Element, depth: int) -> list[str]:
        name, kind = self._random.choice(list(json_names(element)))
        if kind is not None and kind.code == "xhtml":
            return [f'"{name}":{json.dumps(self._random.choice(_DIVS))}']
        if kind is None or not is_primitive(kind.code):
            return self._complex(element, name, kind, depth)
        if element.max == 1:
            plain, beside = f'"{name}":{self._primitive(kind)}', f'"_{name}":{self._beside(depth)}'
            return [plain] if element.name == "id" else self._random.choice([[plain], [plain, beside], [beside]])
        return self._repeating(name, kind, depth)

    def _repeating(self, name: str, kind: TypeRef, depth: int) -> list[str]:
        count = self._random.randint(1, 3)
        values = [self._primitive(kind) if self._random.random() < 0.7 else "null" for _ in range(count)]
        beside = [self._beside(depth) if value == "null" or self._random.random() < 0.2 else "null" for value in values]
        members = [f'"{name}":[{",".join(values)}]'] if set(values) != {"null"} else []
        return members + ([f'"_{name}":[{",".join(beside)}]'] if set(beside) != {"null"} else [])

    def _complex(self, element: Element, name: str, kind: TypeRef | None, depth: int) -> list[str]:
        if depth > 3:
            return []
        shape = shape_of(element, kind)
        inside = [
            self.resource(depth + 2) if shape == "Resource" else self._object(_start(shape), shape, depth + 1)
            for _ in range(1 if element.max == 1 else self._random.randint(1, 2))
        ]
        return [f'"{name}":{inside[0]}'] if element.max == 1 else [f'"{name}":[{",".join(inside)}]']

    def _beside(self, depth: int) -> str:
        extension = self._object(_start("Extension"), "Extension", depth + 3)
        return self._random.choice(['{"id":"here"}', f'{{"id":"a","extension":[{extension}]}}'])

    def _primitive(self, kind: TypeRef) -> str:
        json_kind: Any = self._definitions.structure(kind.code).json
        if json_kind == "boolean":
            return self._random.choice(["true", "false"])
        if json_kind == "number":
            return self._random.choice(_NUMBERS)
        return json.dumps(self._random.choice(self._texts), ensure_ascii=False)


def _start(shape: str) -> list[str]:
    """What an object of this shape begins with: an extension always has its url."""
    return ['"url":"http://example.org/y"'] if shape == "Extension" else []

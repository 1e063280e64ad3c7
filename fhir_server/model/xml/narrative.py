"""The narrative of an XML body, as JSON has it: the text of a `<div>` that names its namespace.

https://hl7.org/fhir/R4/narrative.html, https://hl7.org/fhir/R4/json.html#xhtml
"""

import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from fhir_server.model.xml.elements import XHTML

_PLAIN = re.compile(rb"""<div(?=[^>]*?\sxmlns\s*=\s*["']http://www\.w3\.org/1999/xhtml["'])[^<>]*[^<>/]>""")
_QUOTES = {'"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_XML = "http://www.w3.org/XML/1998/namespace "


class NarrativeReader:
    """Takes the parser over from the start tag of a `<div>` to its end tag, and hands `done` what stands between.

    A `<div>` that names the namespace of XHTML by itself is taken over letter by letter. One that relies on a prefix or
    on what is declared further out is written anew: without the prefix, without comments, with the same content.
    """

    def __init__(self, parser: Any, raw: bytes, done: Callable[[str], None]) -> None:
        self._parser = parser
        self._raw = raw
        self._done = done
        self._depth = 0
        self._from = parser.CurrentByteIndex
        self._written: list[str] = []

    def start(self, attributes: dict[str, str]) -> None:
        """Begin, at the event of the start tag."""
        if _PLAIN.match(self._raw, self._from):
            self._parser.StartElementHandler = self._deeper
            self._parser.EndElementHandler = self._copied
            self._parser.CharacterDataHandler = None
            return
        self._parser.StartElementHandler = self._open
        self._parser.EndElementHandler = self._close
        self._parser.CharacterDataHandler = self._text
        self._written.append(f'<div xmlns="{XHTML}"{_attributes(attributes)}>')

    def _deeper(self, _name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1

    def _copied(self, _name: str) -> None:
        if self._depth:
            self._depth -= 1
            return
        end = self._raw.index(b">", self._parser.CurrentByteIndex) + 1
        self._done(self._raw[self._from : end].decode().replace("\r\n", "\n").replace("\r", "\n"))

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._written.append(f"<{_local(name)}{_attributes(attributes)}>")

    def _close(self, name: str) -> None:
        self._written.append(f"</{_local(name)}>")
        if self._depth:
            self._depth -= 1
            return
        self._done("".join(self._written))

    def _text(self, text: str) -> None:
        self._written.append(escape(text, {"\r": "&#13;"}))


def _local(name: str) -> str:
    """The name of an XHTML element; one of another namespace keeps a mark that no narrative may have."""
    namespace, _, local = name.rpartition(" ")
    return local if namespace == XHTML else f"other:{local}"


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(f' {_attribute_name(name)}="{escape(value, _QUOTES)}"' for name, value in attributes.items())


def _attribute_name(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    if not namespace:
        return local
    return f"xml:{local}" if f"{namespace} " == _XML else f"other:{local}"

"""Narrative: only the XHTML that R4 allows. https://hl7.org/fhir/R4/narrative.html (txt-1, txt-2)

Formatting elements and attributes only; no scripts, forms, event attributes, style sheets, document types, entities or
processing instructions, and no link whose scheme could run something. Pictures from elsewhere are allowed, as R4 has
it: what shows a narrative to people leaves them out.
"""

import re
from typing import Any
from xml.parsers import expat

from fhir_server.model.place import cut

_XHTML = "http://www.w3.org/1999/xhtml"
_FORMATTING = """
a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p
pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var
"""
_DESCRIBING = """
abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite
class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan
rules scope shape span src start style summary tabindex title type valign value vspace width xml:lang
"""
_ELEMENTS = frozenset(_FORMATTING.split())
_ATTRIBUTES = frozenset(_DESCRIBING.split())
_LINKS = frozenset({"href", "src", "cite", "longdesc"})
_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]*):", re.ASCII)
_SCHEMES = frozenset({"http", "https", "ftp", "mailto", "tel", "urn"})
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0]+")
_STYLE = re.compile(
    r"url\(['\"]?(?!data:image/)(?:[a-z][a-z0-9+.\-]*:|//)|expression\(|@import|behavior:|-moz-binding|\\"
)
_WHITE_SPACE = " \t\r\n"
_MAX_FAULTS = 10


def narrative_faults(div: str) -> list[tuple[str, str]]:
    """(issue code, sentence) of each fault of a narrative, the text of its `<div>`; the same fault is told once."""
    return _Reader().faults(div)


class _Refused(Exception):
    """Something that is not read further."""


class _Reader:
    """Reads one narrative. It starts with an element, so there is no place left for a document type with entities."""

    __slots__ = ("_found", "_root", "_seen")

    def __init__(self) -> None:
        self._found: dict[str, str] = {}
        self._seen = False
        self._root = True

    def faults(self, div: str) -> list[tuple[str, str]]:
        """(issue code, sentence) of each fault; the same fault is told once."""
        if not div.lstrip(_WHITE_SPACE).startswith("<div"):
            return [("value", "A narrative must start with its <div>, without anything before it.")]
        parser = expat.ParserCreate()  # held by nothing here: no cycle that the collector has to find
        parser.StartElementHandler = self._element
        parser.CharacterDataHandler = self._text
        parser.ProcessingInstructionHandler = self._instruction
        try:
            parser.Parse(div, True)
        except _Refused:
            pass
        except (expat.ExpatError, UnicodeEncodeError) as error:
            at = f" (line {error.lineno}, column {error.offset + 1})" if isinstance(error, expat.ExpatError) else ""
            self._found[f"The narrative is not well-formed XML{at}; only the entities of XML itself are known."] = (
                "value"
            )
        else:
            if not self._seen:
                self._found["The narrative has no content but white space (txt-2)."] = "invariant"
        return [(code, sentence) for sentence, code in self._found.items()][:_MAX_FAULTS]

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        if self._root:
            self._root = False
            if name != "div" or attributes.pop("xmlns", None) != _XHTML:
                self._add(f'The narrative must be a <div xmlns="{_XHTML}">.')
        if name not in _ELEMENTS:
            self._add(f"The element `{cut(name)}` is not allowed in a narrative (txt-1).")
        if attributes:
            self._check(name, attributes)

    def _check(self, element: str, attributes: dict[str, str]) -> None:
        for name, value in attributes.items():
            if name not in _ATTRIBUTES and not (name == "xmlns" and value == _XHTML):
                self._add(f"The attribute `{cut(name)}` is not allowed in a narrative (txt-1).")
            elif name in _LINKS and not _is_harmless_link(value, element):
                self._add(f"The attribute `{cut(name)}` has a link with a scheme that is not allowed in a narrative.")
            elif name == "style" and _STYLE.search(_UNSEEN.sub("", value).lower()):
                self._add("A style must not load or run anything from elsewhere (txt-1).")
        if element == "img" and "src" in attributes:
            self._seen = True

    def _add(self, sentence: str) -> None:
        self._found[sentence] = "invariant"
        if len(self._found) > _MAX_FAULTS:
            raise _Refused

    def _text(self, text: str) -> None:
        if not (self._seen or text.isspace()):
            self._seen = True

    def _instruction(self, *_: Any) -> None:
        self._add("A narrative must not have processing instructions (txt-1).")


def _is_harmless_link(link: str, element: str) -> bool:
    """Browsers skip white space and control characters in a scheme, and so does this."""
    seen = _UNSEEN.sub("", link).lower()
    scheme = _SCHEME.match(seen)
    if scheme is None or scheme[1] in _SCHEMES:
        return True
    return element == "img" and seen.startswith("data:image/")

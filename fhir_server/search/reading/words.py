"""Texts as words for `_text` and `_content`: folded, without markup. https://hl7.org/fhir/R4/search.html#text"""

import re
from functools import lru_cache
from html import unescape
from typing import Any, Final

from fhir_server.search.reading.folding import fold

TEXT: Final = "_text"
CONTENT: Final = "_content"
_MARKUP: Final = re.compile(r"<[^>]*>")
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_WORD: Final = re.compile(r"[^\W_]+")
_ASCII_WORDS: Final = bytes(ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(128)) + bytes(128)
"""What `bytes.translate` makes of ASCII: lower case, and a space for what is in no word"""
_LONGEST: Final = 64
_FREQUENT: Final = 60
"""Shorter texts repeat from resource to resource, so their words are remembered"""
_NOT_TEXT: Final = frozenset(
    {
        *("resourceType", "id", "versionId", "lastUpdated"),
        *("reference", "system", "url", "profile"),
        *("div", "data", "contentType"),
    }
)
"""JSON properties whose strings nobody looks for as text: what the server sets, addresses, attachments, markup"""


def words_of(text: str) -> frozenset[str]:
    """The words of a text, each once; a longer one is cut."""
    return _words_of_frequent(text) if len(text) <= _FREQUENT else _words(text)


def _words(text: str) -> frozenset[str]:
    return frozenset(word[:_LONGEST] for word in _WORD.findall(fold(text)))


_words_of_frequent = lru_cache(16_384)(_words)


def narrative_words(resource: dict[str, Any]) -> frozenset[str]:
    """The words that a reader sees in the narrative (`Resource.text`)."""
    narrative = resource.get("text")
    div = narrative.get("div") if isinstance(narrative, dict) else None
    return words_of_all([_without_markup(div)]) if isinstance(div, str) else frozenset()


def content_words(texts: list[str], narrative: frozenset[str]) -> frozenset[str]:
    """The words of every text of a resource, with those of its narrative."""
    return narrative | words_of_all(texts)


def words_of_all(texts: list[str]) -> frozenset[str]:
    """The words of several texts, each once. Most are ASCII, which needs no folding but that of case."""
    text = "\n".join(texts)
    if text.isascii():
        return _ascii_words(text)
    parts = text.split()
    others = [words_of(part) for part in parts if not part.isascii()]
    return _ascii_words(" ".join(filter(str.isascii, parts))).union(*others)


def _ascii_words(text: str) -> frozenset[str]:
    found = frozenset(text.encode().translate(_ASCII_WORDS).decode().split())
    return found if not found or max(map(len, found)) <= _LONGEST else frozenset([word[:_LONGEST] for word in found])


def collect(value: dict[str, Any], texts: list[str], references: list[str]) -> None:
    """Add every text of a JSON object that somebody may look for, and the text of every literal reference, at any
    depth."""
    for key, item in value.items():
        kind = type(item)
        if kind is str:
            if key not in _NOT_TEXT:
                texts.append(item)
            elif key == "reference":
                references.append(item)
        elif kind is dict:
            collect(item, texts, references)
        elif kind is list:
            for each in item:
                if type(each) is dict:
                    collect(each, texts, references)
                elif type(each) is str and key not in _NOT_TEXT:
                    texts.append(each)


def _without_markup(div: str) -> str:
    return _ENTITY.sub(_character, _MARKUP.sub(" ", div))


def _character(entity: re.Match[str]) -> str:
    return unescape(entity[0])

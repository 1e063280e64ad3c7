"""Texts, words, tokens, URIs as the reference compares them. https://hl7.org/fhir/R4/search.html#string"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from unicodedata import combining, normalize

HUMAN_NAME = ("text", "family", "given", "prefix", "suffix")
ADDRESS = ("text", "line", "city", "district", "state", "postalCode", "country")
NOT_CONTENT = frozenset(
    {
        "resourceType",
        "id",
        "versionId",
        "lastUpdated",
        "reference",
        "system",
        "url",
        "profile",
        "div",
        "data",
        "contentType",
    }
)
"""What `_content` leaves out: addresses, ids, what the server sets, attached data"""


def folded(text: str) -> str:
    """Without case, accents and differences of white space; `ı` has the same capital letter as `i`."""
    decomposed = normalize("NFKD", normalize("NFKD", text.casefold()).casefold())
    return " ".join("".join(each for each in decomposed if not combining(each)).replace("ı", "i").split())


def texts(kind: str, value: Any) -> list[str]:
    """The texts that a string search looks at."""
    if kind == "HumanName":
        return [text for key in HUMAN_NAME for text in listed(value.get(key))]
    if kind == "Address":
        return [text for key in ADDRESS for text in listed(value.get(key))]
    return [value] if isinstance(value, str) else []


def listed(value: Any) -> list[Any]:
    """The values of an element, which may be one, several, or missing; null where only an extension stands."""
    return [each for each in (value if isinstance(value, list) else [value]) if each is not None]


def string_matches(found: list[str], modifier: str | None, text: str) -> bool:
    """Whether some of a parameter's texts are what a query asks for."""
    if modifier == "exact":
        return text in found
    if modifier == "contains":
        return any(folded(text) in folded(each) for each in found)
    if modifier == "text":
        return words_begin(found, text)
    return any(folded(each).startswith(folded(text)) for each in found)


def words_begin(found: list[str], text: str) -> bool:
    """Each word that is asked for is the beginning of one."""
    words = [word for each in found for word in folded(each).split(" ")]
    return all(any(word.startswith(asked) for word in words) for asked in folded(text).split(" "))


def uri_matches(kind: str, value: str, modifier: str | None, text: str) -> bool:
    """A canonical with a version is found also without it."""
    forms = {value, value.partition("|")[0]} if kind == "canonical" else {value}
    if modifier == "below":
        base = text.rstrip("/")
        return any(form == base or form.startswith(base + "/") for form in forms)
    if modifier == "above":
        return any("://" in form and (text.rstrip("/") + "/").startswith(form.rstrip("/") + "/") for form in forms)
    return text in forms


def words(text: str) -> set[str]:
    """The words of a text: letters and digits that stand together."""
    return {word[:64] for word in re.findall(r"[^\W_]+", folded(text))}


def narrative(resource: Any) -> set[str]:
    """The words that a reader of the narrative sees."""
    return words(unescape(re.sub("<[^>]*>", " ", resource.get("text", {}).get("div", ""))))


def content(resource: Any) -> set[str]:
    """The words of every text of the resource."""
    return narrative(resource).union(*(words(text) for text in _strings(resource)))


def _strings(value: dict[str, Any]) -> Iterator[str]:
    for key, item in value.items():
        for each in listed(item):
            if isinstance(each, dict):
                yield from _strings(each)
            elif isinstance(each, str) and key not in NOT_CONTENT:
                yield each

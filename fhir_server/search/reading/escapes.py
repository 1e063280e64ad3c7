"""Escapes in search values: `\\,` `\\$` `\\|` `\\\\` stand for the character itself.

https://hl7.org/fhir/R4/search.html#escaping
"""

import re

_ESCAPE = re.compile(r"\\([,$|\\])", re.ASCII)


def split(value: str, separator: str) -> list[str]:
    """The parts of a value between separators that are not escaped; escapes are kept."""
    if separator not in value:
        return [value]
    if "\\" not in value:
        return value.split(separator)
    parts, start, place = [], 0, 0
    while place < len(value):
        if value[place] == "\\":
            place += 1
        elif value[place] == separator:
            parts.append(value[start:place])
            start = place + 1
        place += 1
    parts.append(value[start:])
    return parts


def unescape(value: str) -> str:
    """The value that is meant; a backslash before any other character stands for itself."""
    return _ESCAPE.sub(r"\1", value) if "\\" in value else value
